"""Several communicators at once, and ranks that are late: they contend for real links while they overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ...fabric.errors import Fault, SpecError, UnknownNameError
from ...fabric.graph import Fabric, NodeKind
from ..network import Network, network_for
from ..results import Bottleneck, CollectiveResult, GroupRow, LinkLoad
from .algorithms import IN_SWITCHES, OPS
from .bound import bounds_s_per_byte
from .communicator import Communicator, checked_ranks
from .demand import Call
from .granted import granted
from .groups import Group, given, groups_of
from .offers import Offer, chosen, offers
from .overlap import Overlap, Part, overlapped
from .simulate import assumptions, carrier_of, refuse_idle_knobs, row_of, unproven
from .sizes import rounded, sizes

SENTENCES = (
    "Groups that overlap in time contend for links; each chooses its algorithm as if it were alone.",
    "A transfer waits for its two ranks, and in a pipeline for those upstream.",
)
_MET = 1e-6
"""By so much groups that meet must be slower; less is rounding."""


@dataclass(frozen=True)
class _Playing:
    """A group with what it runs at one size."""

    group: Group
    comm: Communicator
    offer: Offer
    size_bytes: int

    @property
    def start_s(self) -> float:
        return float(self.group.start_s.min())

    def part(self, late: bool) -> Part:
        """To be run with late ranks late, or with all ranks there when the first is."""
        start_s = self.group.start_s if late else np.full_like(self.group.start_s, self.start_s)
        return Part(replace(self.group, start_s=start_s), self.offer.phases, self.size_bytes)


def collectives_at_once(
    fabric: Fabric,
    groups: str | Mapping[str, npt.ArrayLike] = "all",
    op: str = "all-reduce",
    size: str | int = "1GiB",
    algorithm: str = "auto",
    transport: str = "auto",
    routing: str = "auto",
    fidelity: str = "transport",
    seed: int = 0,
    ranks: npt.ArrayLike | None = None,
    certify: bool = True,
    parameters: Mapping[str, Any] | None = None,
    skew: float | None = None,
    stagger_s: float = 0.0,
    late_s: npt.ArrayLike | None = None,
    experts: str | None = None,
) -> CollectiveResult:
    """Time, bandwidth and bottleneck of `op` in several groups of `ranks`, one row per group and size.

    Args:
        groups: how to group ranks, see `groups.groups_of`, or ranks by the name of their group.
        stagger_s: each group starts so much after the one before.
        late_s: by how much each rank of the fabric is late; see `stragglers.late_s`.
        others: as of `collective`, whose times these are where groups do not meet and all ranks are in time.

    Raises:
        InputError: names, groups, ranks, sizes or parameters that cannot be used, every fault at once.
    """
    if fidelity == "bound":
        raise SpecError(Fault("of groups there is none", "use fidelity fluid or transport", field="fidelity"))
    network = network_for(fabric, fidelity, transport, routing, seed, parameters or {})
    if op not in OPS:
        raise UnknownNameError.of("operation", op, OPS)
    call = Call.checked(op, skew, seed, experts)
    seats = checked_ranks(np.arange(fabric.ranks) if ranks is None else np.asarray(ranks), fabric.ranks)
    found = groups_of(network, seats.astype(np.int64), groups) if isinstance(groups, str) else given(groups)
    comms = Communicator.side_by_side(network, [group.ranks for group in found])
    started = _started(fabric, found, stagger_s, late_s)
    for comm in comms:
        refuse_idle_knobs(network, comm)
    offered = [offers(network, (comm,), call, algorithm, certify) for comm in comms]
    choices, without = granted(network, found, comms, offered)
    bounds = [bounds_s_per_byte(network, comm, call) for comm in comms]
    rows, loads, notes = [], [], dict[str, None]()
    for listed in sizes(size):
        playing = [
            _Playing(group, comm, chosen(choice, one, algorithm), one)
            for group, comm, choice in zip(started, comms, choices, strict=True)
            for one in (rounded(op, listed, comm.size),)
        ]
        in_time, late = _played(network, playing, certify)
        waiting_s = late.spans_s - in_time.spans_s
        each = zip(playing, in_time.spans_s.tolist(), waiting_s.tolist(), bounds, strict=True)
        of_size = [_row(network, op, fidelity, in_time.bottleneck, *one) for one in each]
        rows += of_size
        loads.append(_load(playing, of_size))
        notes |= dict.fromkeys((*in_time.notes, *late.notes, *unproven(one.offer for one in playing)))
    gpus = len(fabric.of_kind(NodeKind.ACCELERATOR))
    said = dict.fromkeys(
        sentence for comm in comms for sentence in assumptions(network, comm, op, fidelity, in_time=False)
    )
    return CollectiveResult(fabric.name, gpus, tuple(rows), (*said, *SENTENCES, *without, *notes), tuple(loads))


def _started(
    fabric: Fabric, groups: Sequence[Group], stagger_s: float, late_s: npt.ArrayLike | None
) -> tuple[Group, ...]:
    late = np.zeros(fabric.ranks) if late_s is None else np.asarray(late_s, dtype=np.float64)
    if late.shape != (fabric.ranks,) or not (np.isfinite(late).all() and (late >= 0).all() and stagger_s >= 0):
        cure = "give a time of 0 s or more for every rank of the fabric"
        raise SpecError(Fault("are no times from 0", cure, field="starts"))
    return tuple(
        replace(group, start_s=group.start_s + number * stagger_s + late[group.ranks])
        for number, group in enumerate(groups)
    )


def _played(network: Network, playing: Sequence[_Playing], certify: bool) -> tuple[Overlap, Overlap]:
    """All groups at once with all their ranks in time, and as they are."""
    if len(playing) == 1:
        spans_s = np.array([_alone_s(one) for one in playing])
        in_time = Overlap(spans_s, playing[0].offer.bottleneck, ())
    else:
        in_time = overlapped(network, [one.part(late=False) for one in playing], certify)
    if all(np.ptp(one.group.start_s) == 0 for one in playing):
        return in_time, in_time
    return in_time, overlapped(network, [one.part(late=True) for one in playing], certify)


def _alone_s(one: _Playing) -> float:
    """In which the group's bytes move when no other group's do."""
    return one.size_bytes * one.offer.busy_s_per_byte / one.offer.cost.wire


def _row(
    network: Network,
    op: str,
    fidelity: str,
    met: Bottleneck,
    one: _Playing,
    moving_s: float,
    waiting_s: float,
    bounds: tuple[float, float],
) -> GroupRow:
    """`moving_s` with all ranks in time, in which links are shared; `met` is what then limits the last group."""
    offer = one.offer
    if moving_s > _alone_s(one) * (1 + _MET):
        offer = replace(offer, busy_s_per_byte=offer.cost.wire * moving_s / one.size_bytes, bottleneck=met)
    time_s = offer.time_s(one.size_bytes) + waiting_s
    least_s = one.size_bytes * bounds[offer.algorithm in IN_SWITCHES]
    carrier = carrier_of(network, one.comm)
    row = row_of(op, one.size_bytes, one.comm.size, offer, least_s, carrier, fidelity, waiting_s)
    if waiting_s > time_s / 2:
        latest = int(one.group.ranks[one.group.start_s.argmax()])
        name = network.fabric.label(int(network.fabric.endpoints[latest]))
        row = replace(row, bottleneck=Bottleneck("straggler", name, waiting_s / time_s))
    alone_us = one.offer.time_s(one.size_bytes) * 1e6
    return GroupRow(
        **row.__dict__,
        group=one.group.name,
        start_us=one.start_s * 1e6,
        straggler_us=waiting_s * 1e6,
        alone_us=alone_us,
    )


def _load(playing: Sequence[_Playing], rows: Sequence[GroupRow]) -> LinkLoad:
    """What all groups together put on links."""
    ends_us = [row.start_us + row.time_us for row in rows]
    parts = tuple((one.offer.link_share, one.size_bytes) for one in playing)
    return LinkLoad(parts, (max(ends_us) - min(row.start_us for row in rows)) * 1e-6)
