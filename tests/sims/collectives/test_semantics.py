"""Every schedule proven on symbolic data, for every number of ranks, and the prover shown to catch what is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from fabricsim.fabric.errors import InternalError
from fabricsim.sims.collectives.algorithms import ALGORITHMS, OPS
from fabricsim.sims.collectives.communicator import Communicator
from fabricsim.sims.collectives.demand import Call
from fabricsim.sims.collectives.gating import Gating
from fabricsim.sims.collectives.schedule import Moves
from fabricsim.sims.collectives.semantics import prove
from fabricsim.sims.network import Network
from fabricsim.topologies import load

PAIRS = [(name, op) for name, algorithm in ALGORITHMS.items() for op in algorithm.ops]


def proven(network, ranks, name, op):
    """Whether the algorithm runs there; if so, its schedules have been proven. Chains are proven in few and in many
    chunks."""
    comm = Communicator.of(network, ranks)
    if ALGORITHMS[name].unfit(network, comm):
        return False
    call = Call(op, gating=Gating(64, 4, 8, 3, tokens=4))
    schedules = ALGORITHMS[name].schedules(network, comm, call)
    for number in sorted({0, len(schedules) // 3}):
        prove(comm, call, schedules[number], network.fabric)
    return True


@pytest.mark.parametrize(("name", "op"), PAIRS)
def test_every_rank_ends_with_exactly_its_data_at_every_number_of_hosts(star, name, op):
    network = Network(star(64), transport="ideal")
    ran = [proven(network, np.arange(n), name, op) for n in range(2, 65)]
    assert all(ran) or name in ("nvls", "nvls-tree", "torus-bucket", "sharp", "multicast", "forest")


SERVERS = {"hgx-h100": {"nodes": 5}, "gb200-nvl72": {"nodes": 2, "gpus_per_rack": 4}, "mi300x": {"nodes": 3}}
RANKS = {
    "all": np.arange,
    "some of each server": lambda n: np.arange(n)[np.arange(n) % 8 < 3],
    "in an odd order": lambda n: np.random.default_rng(7).permutation(n),
    "unlike domains": lambda n: np.arange(n - 3),
}


@pytest.fixture(scope="module")
def networks():
    return {name: Network(load(name, **fields)) for name, fields in SERVERS.items()}


@pytest.mark.parametrize("which", RANKS)
@pytest.mark.parametrize("server", SERVERS)
def test_every_rank_of_servers_ends_with_exactly_its_data(networks, server, which):
    network = networks[server]
    ran = {pair for pair in PAIRS if proven(network, RANKS[which](network.fabric.ranks), *pair)}
    assert {op for _, op in ran} == set(OPS)


@pytest.mark.parametrize("dims", ["5", "3x4", "4x2", "3x3x3", "2x3x5", "2x2x2x3"])
@pytest.mark.parametrize("op", ["all-reduce", "reduce-scatter", "all-gather"])
def test_buckets_go_round_every_torus(dims, op):
    network = Network(load("torus", dims=dims))
    assert proven(network, np.arange(network.fabric.ranks), "torus-bucket", op)


@pytest.mark.parametrize("name", ["fat_tree", "hgx-h100", "slim_fly"])
@pytest.mark.parametrize(
    ("does", "op"), [("sharp", "all-reduce"), ("multicast", "broadcast"), ("multicast", "all-gather")]
)
def test_switches_of_infiniband_reduce_and_multicast(name, does, op):
    fields = {"fat_tree": {"k": 4}, "hgx-h100": {"nodes": 5}, "slim_fly": {"q": 3}}[name]
    network = Network(load(name, **fields, network="infiniband"))
    assert proven(network, np.arange(min(network.fabric.ranks, 40)), does, op)


def test_one_domain_with_switches_runs_nvls(networks):
    assert proven(networks["hgx-h100"], np.arange(8), "nvls", "all-reduce")
    assert proven(networks["hgx-h100"], np.arange(24), "nvls-tree", "all-reduce")


def ring_of_four(star):
    network = Network(star(4), transport="ideal")
    comm = Communicator.of(network, np.arange(4))
    (schedule,) = ALGORITHMS["ring"].schedules(network, comm, Call("all-reduce"))
    return comm, schedule[0]


def altered(phase, **columns):
    """The phase with columns of its moves changed by functions of the moves."""

    def moves(round_number):
        these = phase.moves(round_number)
        return replace(these, **{name: change(these) for name, change in columns.items()})

    return replace(phase, moves=moves)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda phase: replace(phase, repeats=5, steps=5), "lacks data"),
        (lambda phase: altered(phase, adds=lambda m: np.ones_like(m.adds)), "more than once"),
        (lambda phase: altered(phase, adds=lambda m: np.zeros_like(m.adds)), "lacks data"),
        (lambda phase: altered(phase, part=lambda m: m.part[::-1]), "lacks data"),
        (lambda phase: replace(phase, dst=phase.dst[::-1].copy()), "lacks data"),
        (lambda phase: altered(phase, share=lambda m: m.share / 2), "do not make up"),
        (lambda phase: replace(phase, fraction=phase.fraction / 2), "more than it is timed for"),
        (lambda phase: replace(phase, fraction=phase.fraction * 2), "more than it carries"),
        (lambda phase: replace(phase, steps=5), "6 messages wait"),
    ],
)
def test_a_spoilt_schedule_is_caught(star, spoil, complaint):
    comm, phase = ring_of_four(star)
    prove(comm, "all-reduce", (phase,))
    with pytest.raises(InternalError, match=complaint):
        prove(comm, "all-reduce", (spoil(phase),))


@pytest.mark.parametrize(
    ("moves", "complaint"),
    [
        (Moves.of([0, 1], [0, 0], 1.0), "two copies"),
        (Moves.of([0], [0], 1.0), "lacks data"),
        (Moves.of([2], [0], 1.0), "does not hold"),
        (Moves.of([0], [1], 1.0), "unmoved"),
    ],
)
def test_a_broadcast_that_is_none_is_caught(star, moves, complaint):
    """Transfers 0 -> 1, 0 -> 1, 1 -> 2 among three hosts."""
    comm = Communicator.of(Network(star(3)), np.arange(3))
    (phase,) = ALGORITHMS["ring"].schedules(None, comm, Call("broadcast"))[0]
    src, dst = np.array([0, 0, 1], dtype=np.int32), np.array([1, 1, 2], dtype=np.int32)
    carried = np.bincount(moves.transfer, moves.share, 3)
    broken = replace(phase, src=src, dst=dst, fraction=carried, steps=1, moves=lambda _: moves)
    with pytest.raises(InternalError, match=complaint):
        prove(comm, "broadcast", (broken,))
