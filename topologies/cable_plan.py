"""The cable plan that installers follow and NetBox imports, one row per cable in the order in which they are laid.

Columns: those of NetBox's cable import (netbox/dcim/forms/bulk_import.py, CableImportForm). Devices are switches, hosts
and servers; an adapter is an interface of its server. The label names both ends as messages do, `leaf-0-3:33`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..fabric.files import replacing
from ..fabric.graph import Fabric, NodeKind
from .cables import Cables
from .racks import Placement

COLUMNS = (
    *("side_a_device", "side_a_type", "side_a_name", "side_b_device", "side_b_type", "side_b_name"),
    *("type", "status", "label", "color", "length", "length_unit", "description", "comments"),
)
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Lot:
    """Cables that are alike: what a buyer orders and a store keeps together."""

    medium: str
    cable: str
    transceivers: tuple[str, str] | None
    length_m: float
    count: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "medium": self.medium,
            "cable": self.cable,
            "transceivers": list(self.transceivers or ()),
            "length_m": self.length_m,
            "count": self.count,
        }


def lots(laid: Cables) -> tuple[Lot, ...]:
    """By medium in the order in which they reach farther, then by length."""
    made = np.flatnonzero(laid.make >= 0)
    table, counts = np.unique(np.column_stack((laid.make[made], laid.length_m[made])), axis=0, return_counts=True)
    found = []
    for (number, length), count in zip(table.tolist(), counts.tolist(), strict=True):
        make = laid.makes[int(number)]
        found.append(Lot(make.medium, make.cable, make.transceivers, length, count))
    return tuple(found)


def bundles(fabric: Fabric, placement: Placement, laid: Cables) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The bundle of each cable - all between two racks - and the cables of each bundle."""
    racks = placement.rack[fabric.link_source[laid.link]], placement.rack[fabric.link_target[laid.link]]
    pair = np.minimum(*racks) * placement.racks + np.maximum(*racks)
    _, bundle, size = np.unique(pair, return_inverse=True, return_counts=True)
    return bundle.ravel(), size


def write_plan(fabric: Fabric, placement: Placement, laid: Cables, path: str | Path) -> None:
    """Write the plan to a CSV file, row by row, whole or not at all."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        bundle, size = bundles(fabric, placement, laid)
        for start in range(0, len(laid), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            writer.writerows(_rows(fabric, placement, laid, chunk, size[bundle[chunk]]))


def _rows(
    fabric: Fabric, placement: Placement, laid: Cables, chunk: slice, together: npt.NDArray[np.int64]
) -> Iterator[tuple[str, ...]]:
    link, length = laid.link[chunk], laid.length_m[chunk].tolist()
    lower, upper = _ends(fabric, placement, link), _ends(fabric, placement, link ^ 1)
    made = {number: (make.medium, _made_of(make.cable, make.transceivers)) for number, make in enumerate(laid.makes)}
    made[-1] = "", "nothing reaches"
    media, parts = zip(*(made[number] for number in laid.make[chunk].tolist()), strict=True)
    return zip(
        *(lower.device, repeat("dcim.interface"), lower.interface),
        *(upper.device, repeat("dcim.interface"), upper.interface),
        *(media, repeat("planned")),
        [f"{one} {other}" for one, other in zip(lower.label, upper.label, strict=True)],
        *(repeat(""), map("{:g}".format, length), repeat("m")),
        [f"{one} to {other}" for one, other in zip(lower.rack, upper.rack, strict=True)],
        [f"{part}; bundle of {size}" for part, size in zip(parts, together.tolist(), strict=True)],
        strict=False,
    )


def _made_of(cable: str, transceivers: tuple[str, str] | None) -> str:
    return f"{cable}, {transceivers[0]} to {transceivers[1]}" if transceivers else cable


@dataclass(frozen=True)
class _Ends:
    """Of one end of many cables, lists in their order."""

    device: list[str]
    interface: list[str]
    label: list[str]
    rack: list[str]


def _ends(fabric: Fabric, placement: Placement, link: npt.NDArray[np.int64]) -> _Ends:
    """Where each of these links begins."""
    node = fabric.link_source[link]
    server = np.where(fabric.node_kind[node] == NodeKind.NIC, fabric.column("server")[node], -1).tolist()
    names = [raw.decode() for raw in fabric.node_name[node].tolist()]
    ports, racks = fabric.port[link].tolist(), placement.rack[node].tolist()
    rack_name = {rack: placement.name(rack) for rack in set(racks)}
    return _Ends(
        device=[name if own < 0 else f"server-{own}" for name, own in zip(names, server, strict=True)],
        interface=[
            f"P{port}" if own < 0 else f"{name}/P{port}" for name, own, port in zip(names, server, ports, strict=True)
        ],
        label=[f"{name}:{port}" for name, port in zip(names, ports, strict=True)],
        rack=[rack_name[rack] for rack in racks],
    )
