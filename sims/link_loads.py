"""What a step puts on some links over time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..fabric.graph import Fabric
from .collectives.schedule import Traffic
from .network import Network
from .timeline import AHEAD, BEHIND, Slice
from .transports import SWITCH, Subflows
from .wires import NetworkWires
from .workloads.durations import hop_bytes
from .workloads.groups import Groups
from .workloads.job import Job
from .workloads.work import Message

Floats = npt.NDArray[np.float64]
Links = npt.NDArray[np.int64]
HOPS = {AHEAD: 1, BEHIND: -1}


@dataclass(frozen=True)
class LinkOverTime:
    """The share of its payload rate at which a link is loaded from each of `at_s` on, until the next."""

    name: str
    at_s: Floats
    load: Floats


def link_ids(fabric: Fabric, labels: Iterable[str]) -> Links:
    """The links of these labels (`Fabric.link_label`)."""
    found = []
    for label in labels:
        source, _, port = label.partition(" -> ")[0].rpartition(":")
        links = fabric.out_links(fabric.node_id(source))
        found.append(int(links[fabric.port[links] == int(port)][0]))
    return np.array(found, dtype=np.int64)


def link_loads(job: Job, wires: NetworkWires, links: Links, slices: Iterable[Slice]) -> tuple[LinkOverTime, ...]:
    """Loads by what the slices carry: the bytes that all replicas of their stage put on a link meanwhile, evenly."""
    network = wires.network
    moving = [each for each in slices if (each.carries or each.what in HOPS) and each.end_s > each.begin_s]
    tables = _tables(job, wires, links, moving)
    carried = np.array([_carried(each, tables) for each in moving]).reshape(len(moving), len(links))
    begin_s, end_s = (np.array([getattr(each, name) for each in moving]) for name in ("begin_s", "end_s"))
    rates = carried / (end_s - begin_s)[:, None] if moving else carried
    return tuple(
        LinkOverTime(network.fabric.link_label(int(link)), *_sum(begin_s, end_s, 8 * rate / network.payload_bps[link]))
        for link, rate in zip(links, rates.T, strict=True)
    )


Tables = Mapping[Message | str, Floats]
"""Bytes that one message, or one send of a stage's GPUs, puts on each link, float64[stages, links]."""


def _tables(job: Job, wires: NetworkWires, links: Links, moving: Sequence[Slice]) -> Tables:
    tables: dict[Message | str, Floats] = {}
    groups = Groups(job)
    for message in sorted({message for each in moving for message in each.carries}):
        phases = wires.collective_traffic(message.op, groups.of(message.groups), message.size_bytes)
        tables[message] = sum(
            (_by_stage(job, wires.network, phase, size_bytes, links) for phase, size_bytes in phases),
            start=np.zeros((job.pp, len(links))),
        )
    for what in sorted({each.what for each in moving} & HOPS.keys()):
        source, target = (end.ravel().astype(np.int32) for end in groups.hops(HOPS[what]))
        sent = Traffic(source, target, np.ones(len(source)), repeats=1, steps=1)
        tables[what] = _by_stage(job, wires.network, sent, hop_bytes(job), links)
    return tables


def _by_stage(job: Job, network: Network, phase: Traffic, size_bytes: float, links: Links) -> Floats:
    """Bytes of a phase on each link, by the stage that sends them."""
    flows = Subflows.along(phase.routes) if phase.routes is not None else network.subflows(phase.src, phase.dst)
    column = np.full(network.fabric.links, -1)
    column[links] = np.arange(len(links))
    on = column[flows.links] >= 0
    owner = flows.owner[on]
    transfer = flows.transfer[owner]
    rank = np.where(phase.src == SWITCH, phase.dst, phase.src)[transfer]
    carried = flows.shares[on] * flows.part[owner] * phase.fraction[transfer] * phase.repeats * size_bytes
    place = rank // (job.gpus // job.pp) * len(links) + column[flows.links[on]]
    loads = np.bincount(place, carried, minlength=job.pp * len(links)).reshape(job.pp, len(links))
    return np.asarray(loads, dtype=np.float64)


def _carried(each: Slice, tables: Tables) -> Floats:
    keys = (each.what,) if each.what in HOPS else each.carries
    return np.sum([tables[key][each.stage] for key in keys], axis=0)


def _sum(begin_s: Floats, end_s: Floats, load: Floats) -> tuple[Floats, Floats]:
    """Steps of the sum of loads that each hold for a while."""
    used = load > 0
    at_s = np.concatenate((begin_s[used], end_s[used]))
    change = np.concatenate((load[used], -load[used]))
    instants, number = np.unique(at_s, return_inverse=True)
    return instants, np.maximum(np.cumsum(np.bincount(number, change, minlength=len(instants))), 0.0)
