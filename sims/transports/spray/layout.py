"""Spread subflows as the arrays of a network of link classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ....fabric.graph import Fabric, LinkKind, NodeKind
from ..delays import delays
from ..packets import Packets
from ..subflows import Batch, Floats, Indices, Lines
from ._class_kernels import asked_of, by_class, weighed
from ._state_kernels import Classes, Laws, Sharing, Sprayed

MARKING = 0.2
"""Of the longest round trip: the queue from which on packets are marked (uet-htsim's default)."""

TURN = 0.25
"""Of the longest round trip: how often rates are set anew."""

_SLACK = 1e-9

_Crossed = tuple[Indices, npt.NDArray[np.int32], Floats, Floats]
"""See `by_class`."""


@dataclass(frozen=True)
class Spraying:
    """How packets are sent: values by which paths are chosen; the share of their line rate that receivers let in; the
    bandwidth-delay products in flight, where no window is given; the credits sent per packet, a header each."""

    entropies: int
    pace: float
    window_rtts: float
    credits: float


@dataclass(frozen=True)
class Network:
    """`sprayed` flows over `classes`, `narrow` where links inside may limit them; `latency_s` is an empty network's."""

    sprayed: Sprayed
    classes: Classes
    laws: Laws
    latency_s: Floats
    narrow: bool


def lay_out(
    spraying: Spraying, packets: Packets, lines: Lines, batch: Batch, left: Floats | None, wait_s: Floats | None
) -> Network:
    """The network of a batch in which every flow has ways and bytes. `left`: per directed link, the share of its rate
    that it may take; `wait_s`: of each flow on top of its way."""
    fabric, flows = lines.fabric, batch.flows
    found = _classes(fabric, batch)
    rate, leaving, entering = found.rate, found.leaving, found.entering
    forth, back = (by_class(flows.indptr, found.of, flows.links, flows.shares, turned, len(rate)) for turned in (0, 1))
    control = packets.ack_share * (1.0 + spraying.credits)
    room = rate * np.where(entering & found.switched, spraying.pace, 1.0)
    if left is not None:
        np.minimum.at(room, found.of[flows.links], fabric.capacity_bps[flows.links] / 8 * left[flows.links])
    late, line = delays(packets, lines, batch), _line(forth, rate)
    more_s = np.zeros(len(line)) if wait_s is None else wait_s
    round_s = late.round_s + more_s
    bounds, narrow = _bounds(forth, rate, leaving, entering)
    sprayed = Sprayed(
        forth[0], forth[1], forth[2], forth[3],
        back[0], back[1], back[2], back[3],
        bounds[0], bounds[1], bounds[2],
        wire=packets.wire_bytes(batch.size_bytes),
        start_s=batch.start_s,
        by_start=np.argsort(batch.start_s, kind="stable"),
        forward_s=late.forward_s + more_s,
        back_s=late.back_s,
        round_s=round_s,
        line=line,
        window=_window(spraying, packets, line * late.round_s),
    )  # fmt: skip
    classes = Classes(rate, room, packets.mtu_bytes / np.maximum(rate, 1.0), found.switched & ~leaving)
    laws = Laws(
        packet=float(packets.mtu_bytes),
        control=control,
        entropies=float(spraying.entropies),
        marking_s=MARKING * float(late.round_s.max()),
        turn_s=TURN * float(late.round_s.max()),
        acked=packets.acked,
    )
    return Network(sprayed, classes, laws, late.forward_s + (late.back_s if packets.acked else 0.0), narrow)


class _Found(NamedTuple):
    """The class `of` every link in use, int32, -1 for others; and per class its links' rate in bytes/s, whether they
    leave or enter an end, and whether they carry data on the switched network."""

    of: npt.NDArray[np.int32]
    rate: Floats
    leaving: npt.NDArray[np.bool_]
    entering: npt.NDArray[np.bool_]
    switched: npt.NDArray[np.bool_]


def _classes(fabric: Fabric, batch: Batch) -> _Found:
    """Links of a class are of one kind and rate and carry the same shares of the same flows, which a sum
    with random weights per flow tells."""
    flows, rng = batch.flows, np.random.default_rng(0)
    sums = weighed(flows.indptr, flows.links, flows.shares, rng.uniform(1.0, 2.0, len(flows)), fabric.links)
    used = np.flatnonzero(sums.any(axis=1))
    bits = np.column_stack((sums[used], fabric.capacity_bps[used], fabric.link_kind[used])).view(np.uint64)
    odd = rng.integers(2**63, size=bits.shape[1], dtype=np.uint64) * 2 + 1
    first, inverse = np.unique((bits * odd).sum(axis=1), return_index=True, return_inverse=True)[1:]
    of = np.full(fabric.links, -1, dtype=np.int32)
    of[used] = inverse
    ends = np.isin(fabric.node_kind, (NodeKind.NIC, NodeKind.HOST, NodeKind.ACCELERATOR))
    leaving, entering = (np.zeros(len(first), dtype=bool) for _ in range(2))
    leaving[inverse[ends[fabric.link_source[used]]]] = True
    entering[inverse[ends[fabric.link_target[used]]]] = True
    one = used[first]
    switched = (fabric.link_kind[one] == LinkKind.NETWORK) & (sums[one, 0] > 0)
    return _Found(of, fabric.capacity_bps[one] / 8, leaving, entering, switched)


def _line(forth: _Crossed, rate: Floats) -> Floats:
    """The rate at which a flow alone can send."""
    return np.minimum.reduceat(rate[forth[1]] / forth[2], forth[0][:-1])


def _window(spraying: Spraying, packets: Packets, product: Floats) -> Floats:
    """Bytes that each flow may have in flight, `product` its rate times its round trip: a packet at the least."""
    if np.isfinite(packets.window_bytes):
        return np.full(len(product), packets.window_bytes)
    if not np.isfinite(spraying.window_rtts):
        return np.full(len(product), np.inf)
    return np.maximum(spraying.window_rtts * product, packets.mtu_bytes)


def _bounds(
    forth: _Crossed, rate: Floats, leaving: npt.NDArray[np.bool_], entering: npt.NDArray[np.bool_]
) -> tuple[tuple[Indices, npt.NDArray[np.int32], Floats], bool]:
    """The classes that may limit flows, those not as wide as all that comes to them or all that they lead to, with what
    a byte takes of a link there. And whether there are such inside."""
    count = len(forth[0]) - 1
    owner = np.repeat(np.arange(count), np.diff(forth[0]))
    narrow = _narrow(forth, rate, leaving) & _narrow(forth, rate, entering) & ~leaving & ~entering
    tight = (leaving | entering | narrow)[forth[1]]
    indptr = np.concatenate(([0], np.cumsum(np.bincount(owner[tight], minlength=count)))).astype(np.int64)
    return (indptr, forth[1][tight], forth[2][tight]), bool(narrow.any())


def _narrow(forth: _Crossed, rate: Floats, ends: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which classes could not carry what the `ends` classes of their flows do, each at its full rate."""
    indptr, classes, each, _ = forth
    owner = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    at_end = ends[classes]
    end_of = np.full(len(indptr) - 1, -1)
    end_of[owner[at_end]] = classes[at_end]
    asked: Floats = asked_of(indptr, classes, each, end_of, rate)
    return asked > rate * (1 + _SLACK)


def at_rest(network: Network) -> Sharing:
    """Nothing sent yet."""
    flows, classes = len(network.sprayed.wire), len(network.classes.rate)
    return Sharing(
        left=network.sprayed.wire.copy(),
        rate=np.zeros(flows),
        most=network.sprayed.line.copy(),
        data=np.zeros(classes),
        control=np.zeros(classes),
        uneven=np.zeros(classes),
        flows=np.zeros(classes, dtype=np.int64),
        wait_s=np.zeros(classes),
        back_wait_s=np.zeros(classes),
        level=np.zeros(classes),
        limits=np.zeros(classes, dtype=np.bool_),
        taken=np.zeros(classes),
        asked=np.zeros(classes),
        active=np.zeros(flows, dtype=np.int64),
        done_s=np.zeros(flows),
        size=np.zeros(2, dtype=np.int64),
    )
