"""Every algorithm by name: which operations it runs, how it lays them out, and what it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..network import Network
from . import (
    all_pairs,
    binomial,
    bruck,
    chain,
    direct,
    forest,
    forwarded,
    halving_doubling,
    hierarchical,
    multicast,
    nvls,
    nvls_tree,
    pairwise,
    pat,
    rail_aligned,
    recursive_doubling,
    ring,
    scatter_all_gather,
    send_recv,
    sharp,
    shift,
    torus_bucket,
    tree,
    two_level,
)
from .communicator import Communicator
from .demand import Call
from .schedule import Schedule

OPS = (
    "all-reduce",
    "reduce-scatter",
    "all-gather",
    "broadcast",
    "reduce",
    "all-to-all",
    "all-to-all-v",
    "gather",
    "scatter",
    "send-recv",
    "barrier",
    "moe-dispatch",
    "moe-combine",
)


def _always_fits(network: Network, comm: Communicator | Sequence[Communicator]) -> str:
    return ""


@dataclass(frozen=True)
class Algorithm:
    """`schedules` lays a call out, in one way or several of which the fastest counts; `unfit` says why a communicator
    cannot run it; `automatic` are the operations for which `auto` considers it, as NCCL would. `unfit_together` says
    why what the network has few of does not serve all groups at once, and `operations` into how many that wait for
    one another the network takes a message of a size."""

    ops: tuple[str, ...]
    schedules: Callable[[Network, Communicator, Call], tuple[Schedule, ...]]
    unfit: Callable[[Network, Communicator], str] = _always_fits
    automatic: tuple[str, ...] = ()
    unfit_together: Callable[[Network, Sequence[Communicator]], str] = _always_fits
    operations: Callable[[Communicator, float], int] | None = None


def _plain(schedule: Callable[[Communicator, str], Schedule]) -> Callable[..., tuple[Schedule, ...]]:
    """Of one layout, by ranks and operation alone."""
    return lambda _, comm, call: (schedule(comm, call.op),)


def _ranks_only(unfit: Callable[[Communicator], str]) -> Callable[[Network, Communicator], str]:
    return lambda _, comm: unfit(comm)


def _with_demand(schedule: Callable[[Communicator, Call], Schedule]) -> Callable[..., tuple[Schedule, ...]]:
    return lambda _, comm, call: (schedule(comm, call),)


ALGORITHMS: Mapping[str, Algorithm] = {
    "ring": Algorithm(ring.OPS, _plain(ring.ring), automatic=ring.OPS),
    "tree": Algorithm(tree.OPS, _plain(tree.tree), automatic=tree.OPS),
    "nvls": Algorithm(nvls.OPS, _plain(nvls.nvls), _ranks_only(nvls.unfit), automatic=nvls.OPS),
    "nvls-tree": Algorithm(
        nvls_tree.OPS, _plain(nvls_tree.nvls_tree), _ranks_only(nvls_tree.unfit), automatic=nvls_tree.OPS
    ),
    "all-pairs": Algorithm(all_pairs.OPS, _plain(all_pairs.all_pairs)),
    "hierarchical": Algorithm(hierarchical.OPS, _plain(hierarchical.hierarchical), _ranks_only(hierarchical.unfit)),
    "recursive-doubling": Algorithm(recursive_doubling.OPS, _plain(recursive_doubling.recursive_doubling)),
    "halving-doubling": Algorithm(halving_doubling.OPS, _plain(halving_doubling.halving_doubling)),
    "bruck": Algorithm(bruck.OPS, _plain(bruck.bruck), automatic=("barrier",)),
    "pat": Algorithm(pat.OPS, _plain(pat.pat), automatic=pat.OPS),
    "binomial": Algorithm(binomial.OPS, _plain(binomial.binomial)),
    "chain": Algorithm(chain.OPS, lambda _, comm, call: chain.chain(comm, call.op)),
    "scatter-all-gather": Algorithm(scatter_all_gather.OPS, _plain(scatter_all_gather.scatter_all_gather)),
    "send-recv": Algorithm(send_recv.OPS, _plain(send_recv.send_recv), automatic=send_recv.OPS),
    "direct": Algorithm(direct.OPS, _with_demand(direct.direct), automatic=direct.OPS),
    "forwarded": Algorithm(
        forwarded.OPS,
        _with_demand(forwarded.forwarded),
        _ranks_only(hierarchical.unfit),
        automatic=forwarded.OPS,
    ),
    "pairwise": Algorithm(pairwise.OPS, _with_demand(pairwise.pairwise)),
    "shift": Algorithm(shift.OPS, _plain(shift.shift)),
    "two-level": Algorithm(two_level.OPS, _plain(two_level.two_level), _ranks_only(hierarchical.unfit)),
    "torus-bucket": Algorithm(torus_bucket.OPS, torus_bucket.torus_bucket, torus_bucket.unfit),
    "forest": Algorithm(forest.OPS, forest.forest, forest.unfit),
    "sharp": Algorithm(
        sharp.OPS,
        sharp.sharp,
        sharp.unfit,
        unfit_together=sharp.unfit_together,
        operations=sharp.operations,
    ),
    "multicast": Algorithm(
        multicast.OPS, multicast.multicast, multicast.unfit, unfit_together=multicast.unfit_together
    ),
    "rail-aligned": Algorithm(
        rail_aligned.OPS,
        rail_aligned.rail_aligned,
        _ranks_only(hierarchical.unfit),
        automatic=rail_aligned.OPS,
    ),
}

IN_SWITCHES = ("sharp", "multicast")
"""Those in which switches of the network do more than forward."""
