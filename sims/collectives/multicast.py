"""Broadcast and all-gather by InfiniBand's multicast: a packet goes once over every link of a tree that spans the
ranks' adapters, and switches copy it (Architecture Specification, volume 1, section 18.2.4.3.3; openucx/ucc, tl_mlx5,
runs both so).

    T = alpha + h t + S / B,   broadcast,                   T = alpha + h t + (n - 1)/n S / B,   all-gather

Lower bound where switches multicast: every rank receives S, or (n - 1)/n S. Packets are unreliable datagrams, with 40
bytes of global route and 8 of datagram header more than others; all go at the rate of the slowest link of the tree.
None is lost where credits hold senders back. A switch has room for 1024 groups in its forwarding table (most chips:
QLogic, Fabric Manager Users Guide 6.1, "Fabric Multicast Routing").
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...fabric.graph import Fabric
from ...fabric.routing import Paths
from ..network import Network
from ..transports import SWITCH
from .aggregation_tree import AggregationTree, aggregation_tree, both_ways, unreached
from .communicator import Communicator
from .demand import Call
from .schedule import Indices, Moves, Phase, Schedule

OPS = ("broadcast", "all-gather")
MOST_GROUPS = 1024
DATAGRAM_BYTES = 40 + 8


def unfit(network: Network, comm: Communicator) -> str:
    """Why it cannot run, or nothing."""
    return unreached(network, comm, "multicast")


def unfit_together(network: Network, comms: Sequence[Communicator]) -> str:
    """Why so many groups at once cannot run it, or nothing."""
    return f"switches forward {MOST_GROUPS} multicast groups, not {len(comms)}" if len(comms) > MOST_GROUPS else ""


def multicast(network: Network, comm: Communicator, call: Call) -> tuple[Schedule, ...]:
    """From the root, or from every rank, to all others at once."""
    tree = aggregation_tree(network, comm.ranks, comm.turn)
    senders = np.arange(1 if call.op == "broadcast" else comm.size)
    return ((_spread(comm, tree, _above(network.fabric, tree), senders, _drawn_out(network)),),)


def _above(fabric: Fabric, tree: AggregationTree) -> npt.NDArray[np.bool_]:
    """[edge, rank] -> whether the edge is on the rank's way up."""
    begins = np.array([fabric.link_source[links[0]] for links in tree.links])
    ends = np.array([fabric.link_target[links[-1]] for links in tree.links])
    edge_of = {int(node): edge for edge, node in enumerate(begins)}
    ranks = np.flatnonzero(tree.leaf >= 0)
    on = np.zeros((len(begins), len(ranks)), dtype=bool)
    for rank, edge in enumerate(ranks.tolist()):
        at: int | None = edge
        while at is not None:
            on[at, rank] = True
            at = edge_of.get(int(ends[at]))
    return on


def _drawn_out(network: Network) -> float:
    """Bytes on the wire of a datagram over those of a packet of other traffic, with the same payload."""
    packets = network.carrier.packets
    assert packets is not None  # InfiniBand has packets
    return (packets.mtu_bytes + DATAGRAM_BYTES) / packets.mtu_bytes


def _spread(
    comm: Communicator, tree: AggregationTree, above: npt.NDArray[np.bool_], senders: Indices, wire: float
) -> Phase:
    """Each sender's data up its way to the root, and down every edge that is not on it."""
    count, share = len(tree.height), 1 / len(senders)
    up_edge, up_sender = np.nonzero(above[:, senders])
    down_edge, down_sender = np.nonzero(~above[:, senders])
    tallest = int(tree.height.max()) + 1
    moves = Moves.joined(
        (
            Moves.of(up_edge, up_sender, share, stage=tree.height[up_edge]),
            Moves.of(count + down_edge, down_sender, share, stage=2 * tallest - 1 - tree.height[down_edge]),
        )
    )
    carried = np.bincount(moves.transfer, moves.share, 2 * count).astype(np.float64)
    used = np.flatnonzero(carried > 0)
    routes = both_ways(tree.links)
    number = np.cumsum(carried > 0) - 1
    rank = np.where(tree.leaf >= 0, comm.ranks[tree.leaf], SWITCH)
    switch = np.full(count, SWITCH)
    src, dst = np.concatenate((rank, switch))[used], np.concatenate((switch, rank))[used]
    placed = Moves.of(number[moves.transfer], moves.block, moves.share, stage=moves.stage)
    return Phase(
        src.astype(np.int32),
        dst.astype(np.int32),
        wire * carried[used],
        repeats=1,
        steps=1,
        routes=_some(routes, used),
        hops=2 * tallest,
        moves=lambda _: placed,
    )


def _some(routes: Paths, rows: Indices) -> Paths:
    hops = [routes.links[routes.indptr[row] : routes.indptr[row + 1]] for row in rows]
    return Paths(np.concatenate(([0], np.cumsum([len(links) for links in hops]))), np.concatenate(hops))
