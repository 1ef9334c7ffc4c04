"""Putting a finished fabric into a larger one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..fabric.builder import FabricBuilder
from ..fabric.graph import Fabric, Ids
from .servers import Devices

_OF_ONE_TREE = ("level", "first", "span")


def merge(
    builder: FabricBuilder,
    fabric: Fabric,
    prefix: str,
    devices: Devices,
    first_server: int = 0,
    pod: int = -1,
) -> Ids:
    """Add all nodes and cables of `fabric`, names behind `prefix`, servers counted from `first_server`. Its tree
    columns are left out: they hold inside it only. Returns the new ids in the order of the old."""
    columns = {name: values for name, values in fabric.columns.items() if name not in _OF_ONE_TREE}
    server = fabric.column("server")
    columns["server"] = np.where(server >= 0, server + first_server, -1)
    columns["device"] = _device(fabric, devices)
    columns["pod"] = np.full(fabric.nodes, pod)
    names = np.strings.add(np.bytes_(prefix), fabric.node_name)
    ids = builder.add_nodes(fabric.node_kind, names, **columns)
    copy_cables(builder, fabric, int(ids[0]))
    return ids


def copy_cables(builder: FabricBuilder, fabric: Fabric, first_node: int) -> None:
    """Add the cables of `fabric`, whose nodes stand in the builder from `first_node` on."""
    forth, back = slice(None, None, 2), slice(1, None, 2)
    builder.add_cables(
        first_node + fabric.link_source[forth],
        first_node + fabric.link_target[forth],
        fabric.capacity_bps[forth],
        fabric.latency_ns[forth],
        fabric.link_kind[forth],
        source_port=fabric.port[forth],
        target_port=fabric.port[back],
        rail=fabric.rail[forth],
        plane=fabric.plane[forth],
        width=fabric.width[forth],
        back_capacity_bps=fabric.capacity_bps[back],
        back_latency_ns=fabric.latency_ns[back],
    )


def _device(fabric: Fabric, devices: Devices) -> npt.NDArray[np.int64]:
    """Each node's device as `devices` numbers it."""
    known = np.array([devices.index(name) for name in fabric.meta.get("devices", [])] + [-1])
    return known[fabric.column("device")]
