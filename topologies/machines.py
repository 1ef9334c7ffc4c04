"""What of a fabric is bolted into racks: whole servers, hosts, storage machines, switches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..fabric.catalogue import catalogue, server_with
from ..fabric.graph import SWITCH_KINDS, Fabric, NodeKind

_SWITCHES = (*SWITCH_KINDS, NodeKind.NVSWITCH)
_ALONE = (NodeKind.HOST, NodeKind.STORAGE, NodeKind.NIC, *_SWITCHES)
"""Kinds of nodes that are machines of their own where they belong to no server."""
_HOST_UNITS, _SWITCH_UNITS = 1, 1  # of machines that the catalogue does not know; general knowledge

Integers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Model:
    """A kind of machine. `power_w`: the most it draws, None where that is unknown. `server`: its name among the
    catalogue's server kinds, None for anything else."""

    name: str
    units: int
    power_w: float | None
    switch: bool = False
    liquid: bool = False
    server: str | None = None


@dataclass(frozen=True, eq=False)
class Machines:
    """Machines by number: servers in their order, then the others in the order of their nodes.

    `of_node` int32[nodes]: the machine a node is part of, -1 for what sits inside another (a reduction unit). `model`
    int32[machines]: index into `models`. `node` int32[machines]: its first node.
    """

    models: tuple[Model, ...]
    model: Integers
    of_node: Integers
    node: Integers

    def __len__(self) -> int:
        return len(self.model)

    def is_switch(self) -> npt.NDArray[np.bool_]:
        return np.array([model.switch for model in self.models], dtype=bool)[self.model]

    def units(self) -> npt.NDArray[np.int64]:
        return np.array([model.units for model in self.models], dtype=np.int64)[self.model]

    def power_w(self) -> npt.NDArray[np.float64]:
        """What each draws at most; 0 where unknown."""
        return np.array([model.power_w or 0.0 for model in self.models])[self.model]


def machines(fabric: Fabric) -> Machines:
    """The machines of a fabric."""
    server, device = fabric.column("server"), fabric.column("device")
    of_node = np.full(fabric.nodes, -1, dtype=np.int32)
    inside = np.flatnonzero(server >= 0)
    servers, number = np.unique(server[inside], return_inverse=True)
    of_node[inside] = number
    alone = np.flatnonzero((server < 0) & np.isin(fabric.node_kind, (*_ALONE, NodeKind.ACCELERATOR)))
    of_node[alone] = len(servers) + np.arange(len(alone))
    node = np.zeros(len(servers) + len(alone), dtype=np.int32)
    node[of_node[inside[::-1]]] = inside[::-1]
    node[len(servers) :] = alone
    made_of = np.full(len(node), -1, dtype=np.int64)
    accelerators = fabric.of_kind(NodeKind.ACCELERATOR)
    made_of[of_node[accelerators]] = device[accelerators]
    made_of[len(servers) :] = device[alone]
    kind = np.where(np.isin(fabric.node_kind, _SWITCHES), NodeKind.SWITCH, fabric.node_kind)[node]
    kind[: len(servers)] = NodeKind.ACCELERATOR
    looks = np.column_stack((kind, made_of, np.where(kind == NodeKind.SWITCH, fabric.column("radix")[node], -1)))
    kinds, model = np.unique(looks, axis=0, return_inverse=True)
    names, looked = fabric.meta.get("devices", []), kinds.tolist()
    models = tuple(
        _model(fabric, NodeKind(look), names[made] if made >= 0 else None, radix) for look, made, radix in looked
    )
    return Machines(models, model.astype(np.int32).ravel(), of_node, node)


def _model(fabric: Fabric, kind: NodeKind, device: str | None, radix: int) -> Model:
    if kind in SWITCH_KINDS:
        return _switch(device, radix)
    if kind == NodeKind.ACCELERATOR:
        return _server(fabric, device)
    return Model("storage" if kind == NodeKind.STORAGE else "host", _HOST_UNITS, None)


def _switch(device: str | None, radix: int) -> Model:
    known = catalogue().switches.get(device or "")
    if known is None:
        return Model(f"switch of {radix} ports" if radix > 0 else "switch", _SWITCH_UNITS, None, switch=True)
    most = known.power_max_w or known.power_typ_w
    units = known.rack_units.value if known.rack_units else _SWITCH_UNITS
    return Model(str(device), units, most.value if most else None, switch=True)


def _server(fabric: Fabric, accelerator: str | None) -> Model:
    name = server_with(accelerator, str(fabric.meta.get("server", "")))
    if name is None:
        return Model("server", _HOST_UNITS, None)
    machine = catalogue().nodes[catalogue().servers[name].parts.node]
    units = machine.rack_units.value if machine.rack_units else _HOST_UNITS
    power_w = machine.power_kw.value * 1e3 if machine.power_kw else None
    return Model(name, units, power_w, liquid=machine.cooling == "liquid", server=name)
