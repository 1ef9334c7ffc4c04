"""The parts of a fabric, counted: devices, machines without them, switches, cables and transceivers, racks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..fabric.catalogue import PriceRange, Value, catalogue
from ..fabric.graph import Fabric, NodeKind
from ..fabric.metrics.price import on_chip
from .cables import Cables
from .cabling import FIBRE
from .machines import Machines, Model
from .quotes import Quotes, power_of, price_of
from .racks import Placement

KINDS = ("accelerator", "cpu", "host", "nic", "switch", "nvswitch", "cable", "transceiver", "rack", "storage")
NETWORK_KINDS = ("switch", "cable", "transceiver")


@dataclass(frozen=True)
class Part:
    """`count` pieces of one kind: the price and the power of one, None where unknown."""

    kind: str
    name: str
    count: int
    price: PriceRange | None
    unit_w: float | None

    @property
    def power_w(self) -> float | None:
        return None if self.unit_w is None else self.count * self.unit_w

    def cost_usd(self) -> dict[str, float] | None:
        """Of all pieces, low, typical and high."""
        if self.price is None:
            return None
        price = self.price
        return {
            "low": self.count * price.low,
            "typical": self.count * price.typical,
            "high": self.count * price.high,
        }

    def to_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "count": self.count,
            "cost_usd": self.cost_usd(),
            "power_w": self.power_w,
            "price_sources": list(self.price.sources) if self.price else [],
        }


def parts(fabric: Fabric, placement: Placement, laid: Cables, quotes: Quotes) -> tuple[Part, ...]:
    """Every part, by kind in the order of KINDS, then by name."""
    machines = placement.machines
    found = [
        *_devices(fabric, quotes),
        *_machines(fabric, machines, quotes),
        *_cables(laid, quotes),
        *_transceivers(fabric, laid, quotes),
        _part("rack", "rack", placement.racks, 0.0, quotes),
    ]
    return tuple(sorted((part for part in found if part.count), key=lambda part: KINDS.index(part.kind)))


def _part(kind: str, name: str, count: int, unit_w: float | None, quotes: Quotes) -> Part:
    return Part(kind, name, count, price_of(name, quotes), power_of(name, quotes, unit_w))


def _number(fact: Value[float] | None) -> float | None:
    return None if fact is None else fact.value


# ----------------------------------------------------------------------------------------------- devices and machines


def _devices(fabric: Fabric, quotes: Quotes) -> Iterator[Part]:
    """Accelerators and adapters by name; what joins an accelerator to the router on its chip is no adapter."""
    device, names, known = fabric.column("device"), fabric.meta.get("devices", []), catalogue()
    bought = ~on_chip(fabric)
    for kind, node_kind in (("accelerator", NodeKind.ACCELERATOR), ("nic", NodeKind.NIC)):
        own = device[(fabric.node_kind == node_kind) & bought]
        for number, count in zip(*np.unique(own, return_counts=True), strict=True):
            name = names[number] if number >= 0 else f"{kind} of no known make"
            if kind == "accelerator":
                power = _number(known.accelerators[name].tdp_w) if name in known.accelerators else None
            else:
                power = _number(known.nics[name].power_w) if name in known.nics else None
            yield _part(kind, name, int(count), power, quotes)


def _machines(fabric: Fabric, machines: Machines, quotes: Quotes) -> Iterator[Part]:
    nvswitches = np.bincount(
        machines.model[machines.of_node[fabric.of_kind(NodeKind.NVSWITCH)]], minlength=len(machines.models)
    )
    counts = np.bincount(machines.model, minlength=len(machines.models))
    for model, count, chips in zip(machines.models, counts.tolist(), nvswitches.tolist(), strict=True):
        if model.server is not None:
            yield from _server_parts(model.server, count, chips, quotes)
        elif model.switch:
            yield _part("switch", model.name, count, _switch_w(model), quotes)
        else:
            kind = "storage" if model.name == "storage" else "host"
            yield _part(kind, model.name, count, model.power_w, quotes)


def _server_parts(server: str, count: int, nvswitches: int, quotes: Quotes) -> Iterator[Part]:
    """A server less its accelerators and adapters: processors, NVSwitches, and the host with all the rest."""
    known = catalogue()
    names = known.servers[server].parts
    machine = known.nodes[names.node]
    if machine.cpu is not None and machine.cpus is not None:
        cpu = known.cpus[machine.cpu]
        yield _part("cpu", machine.cpu, count * machine.cpus.value, cpu.tdp_w.value, quotes)
    yield _part("nvswitch", names.nvswitch or "NVSwitch", nvswitches, 0.0, quotes)
    yield _part("host", names.node, count, _host_w(server), quotes)


def _host_w(server: str) -> float | None:
    """What a machine draws beside its accelerators, processors and adapters; its NVSwitches are in it."""
    known = catalogue()
    record = known.servers[server]
    machine, nic = known.nodes[record.parts.node], known.nics[record.parts.nic]
    if machine.power_kw is None:
        return None
    cpus_w = known.cpus[machine.cpu].tdp_w.value * machine.cpus.value if machine.cpu and machine.cpus else 0.0
    nics_w = (_number(nic.power_w) or 0.0) * record.nics.value
    accelerators_w = known.accelerators[record.parts.accelerator].tdp_w.value * record.gpus.value
    return max(0.0, machine.power_kw.value * 1e3 - accelerators_w - cpus_w - nics_w)


def _switch_w(model: Model) -> float | None:
    """With nothing in its cages, since transceivers are counted for themselves."""
    known = catalogue().switches.get(model.name)
    return None if known is None else _number(known.power_typ_w or known.power_max_w)


# ------------------------------------------------------------------------------------------- cables and transceivers


def _cables(laid: Cables, quotes: Quotes) -> Iterator[Part]:
    """Direct-attach cables and fibres by length."""
    made = np.flatnonzero(laid.make >= 0)
    table = np.column_stack((laid.make[made], laid.length_m[made]))
    pieces: dict[tuple[str, str, float], int] = {}
    for (number, length), count in zip(*_unique_rows(table), strict=True):
        make = laid.makes[int(number)]
        piece = make.cable, make.medium, float(length)
        pieces[piece] = pieces.get(piece, 0) + count
    for (cable, medium, length), count in sorted(pieces.items()):
        yield _cable(cable, medium, length, count, quotes)


def _unique_rows(table: np.ndarray[Any, Any]) -> tuple[list[Any], list[int]]:
    rows, counts = np.unique(table, axis=0, return_counts=True)
    return rows.tolist(), counts.tolist()


def _cable(cable: str, medium: str, length: float, count: int, quotes: Quotes) -> Part:
    price = price_of(cable, quotes)
    if cable == FIBRE:
        if price is not None:
            low, typical, high = (usd * length for usd in (price.low, price.typical, price.high))
            price = PriceRange(low, typical, high, price.sources)
        return Part("cable", f"fibre {medium} {length:g} m", count, price, 0.0)
    both_ends = _number(catalogue().cables[cable].power_w_per_end)
    power = power_of(cable, quotes, None if both_ends is None else 2 * both_ends)
    return Part("cable", f"{cable} {length:g} m", count, price, power)


def _transceivers(fabric: Fabric, laid: Cables, quotes: Quotes) -> Iterator[Part]:
    """Of each machine's port group as many as its cables fill, `Ends.shared` cables to one."""
    counts: dict[str, int] = {}
    for number, make in enumerate(laid.makes):
        if make.transceivers is None:
            continue
        for kind, ends in enumerate(laid.kinds_of_ends):
            links = laid.link[(laid.make == number) & (laid.ends == kind)]
            for name, shared, nodes in zip(
                make.transceivers, ends.shared, (fabric.link_source[links], fabric.link_target[links]), strict=True
            ):
                cables = np.bincount(nodes)
                counts[name] = counts.get(name, 0) + int((-(-cables // shared)).sum())
    for name in sorted(counts):
        yield _part("transceiver", name, counts[name], _number(catalogue().cables[name].power_w_per_end), quotes)
