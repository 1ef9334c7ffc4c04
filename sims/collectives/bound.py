"""A lower bound on the time of a collective that no algorithm can beat on this fabric.

Divide the ranks into m groups (each rank alone; each scale-up domain; what is below each switch of a tier) that can
send B_g and receive B_g bytes/s at their border, at line rate. `traffic` says what every group must send and receive
at least, and how many messages in all must leave one group and enter another, so that

    T >= max_g out_g / B_g,   T >= max_g in_g / B_g,   T >= messages / sum B_g

Where the switches between the groups reduce and multicast, one message can serve several groups and only the first
two hold. An all-to-all on a small network has the exact bound of `concurrent_flow` besides.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...fabric.errors import Fault, RoutingError
from ..network import Network
from .borders import border_bps, tier_borders
from .communicator import Communicator
from .concurrent_flow import exchange_s_per_byte
from .demand import EXCHANGES, EXPERT_OPS, Call, destination_shares
from .gating import chosen_ranks, hits, hits_elsewhere
from .nvls import multicast_unfit
from .schedule import Floats, Indices


def bounds_s_per_byte(network: Network, comm: Communicator, op: str | Call) -> tuple[float, float]:
    """Seconds per byte of size, latencies left out, where switches of the network forward only, and where they reduce
    too. Raises RoutingError for a group that is cut off."""
    call = op if isinstance(op, Call) else Call(op)
    single_domain = multicast_unfit(comm) == "" and comm.domains == 1
    forwarding = reducing = 0.0
    for group, borders in _partitions(network, comm):
        _refuse_cut_off(network, comm, group, borders)
        forwarding = max(forwarding, _least_s_per_byte(call, group, borders, single_domain))
        reducing = max(reducing, _least_s_per_byte(call, group, borders, True))
    exchange = exchange_s_per_byte(network, comm, call) if call.op in EXCHANGES else 0.0
    return max(forwarding, exchange), max(reducing, exchange)


def _partitions(network: Network, comm: Communicator) -> Iterator[tuple[Indices, tuple[Floats, Floats]]]:
    """(group of each rank, (rate out of each group, rate into it)) for every way to divide the ranks."""
    single, domain = np.arange(comm.size), np.repeat(np.arange(comm.domains), comm.domain_sizes)
    for group in (single, domain)[: 2 if 1 < comm.domains < comm.size else 1]:
        yield group, (border_bps(network, comm, group, 0), border_bps(network, comm, group, 1))
    yield from tier_borders(network, comm)


def _refuse_cut_off(network: Network, comm: Communicator, group: Indices, borders: tuple[Floats, Floats]) -> None:
    cut_off = np.flatnonzero((borders[0] <= 0) | (borders[1] <= 0))
    if len(cut_off):
        names = [network.fabric.label(int(network.fabric.endpoints[comm.ranks[group == g][0]])) for g in cut_off]
        raise RoutingError(Fault(f"no path from {name} to the other ranks", "cable it to them") for name in names)


def _least_s_per_byte(call: Call, group: Indices, borders: tuple[Floats, Floats], reducing: bool) -> float:
    sent, received, messages = traffic(call, group)
    out_bps, in_bps = borders
    together = 0.0 if reducing else messages / min(out_bps.sum(), in_bps.sum())
    return float(8 * max((sent / out_bps).max(), (received / in_bps).max(), together))


def traffic(call: Call, group: Indices) -> tuple[Floats, Floats, float]:
    """(out of each group, into each group, all messages) that `call` cannot do without, as fractions of the size.

    Of a reduction a group sends one message for all its ranks, of a broadcast it receives one (Chan, Heimlich,
    Purkayastha and van de Geijn, Concurr. Comput. 19, 2007, section 3, with groups for ranks). Before any group holds
    the sum, each of the others must have sent something of its own; after, each must receive it.
    """
    members = np.bincount(group).astype(np.float64)
    inside, m = members / len(group), len(members)
    root = np.arange(m) == group[0]
    one, none = np.ones(m), np.zeros(m)
    if m == 1:
        return none, none, 0.0
    if call.op in EXCHANGES:
        to = destination_shares(call, len(group))
        into = np.bincount(group, weights=to)
        return members * (to.sum() - into), (len(group) - members) * into, 0.0
    if call.op in EXPERT_OPS:
        return _of_tokens(call, group)
    if call.op == "send-recv":
        follower = np.roll(group, -1)
        crossing = group != follower
        sent, received = (np.bincount(end, crossing, m).astype(np.float64) for end in (group, follower))
        return sent, received, 0.0
    if call.op == "barrier":
        return none, none, 0.0
    return {
        "all-reduce": (one, one, 2.0 * (m - 1)),
        "reduce-scatter": (1 - inside, inside, m - 1.0),
        "all-gather": (inside, 1 - inside, m - 1.0),
        "broadcast": (one * root, one * ~root, m - 1.0),
        "reduce": (one * ~root, one * root, m - 1.0),
        "gather": (inside * ~root, (1 - inside) * root, 0.0),
        "scatter": ((1 - inside) * root, inside * ~root, 0.0),
    }[call.op]


def _of_tokens(call: Call, group: Indices) -> tuple[Floats, Floats, float]:
    """A token leaves its group at least once if any other wants it, and enters each that does; results come back
    likewise."""
    chosen, m = chosen_ranks(call.gating, len(group), call.skew, call.seed), int(group.max()) + 1
    out = np.bincount(group, hits_elsewhere(chosen, group), m).astype(np.float64)
    entering = hits(chosen, group, m) * (np.arange(m) != group[:, None])
    into, messages = entering.sum(axis=0), float(entering.sum())
    return (into, out, messages) if call.op == "moe-combine" else (out, into, messages)
