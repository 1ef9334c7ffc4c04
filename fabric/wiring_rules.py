"""What the arrays of a Fabric must satisfy to describe a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import FabricError, Fault
from .graph import Fabric, LinkKind, NodeKind


def check_wiring(fabric: Fabric) -> None:
    """Raise FabricError unless the arrays describe a network; every rule broken is named once."""
    faults = list(_wiring_faults(fabric))
    if faults:
        raise FabricError(faults)


def _wiring_faults(fabric: Fabric) -> list[Fault]:
    ends = np.concatenate((fabric.link_source, fabric.link_target))
    if len(ends) and (ends.min() < 0 or ends.max() >= fabric.nodes):
        return [Fault(f"a link names a node outside 0..{fabric.nodes - 1}", "add the node first")]
    if len(fabric.endpoints) and (fabric.endpoints.min() < 0 or fabric.endpoints.max() >= fabric.nodes):
        return [Fault(f"an endpoint is outside 0..{fabric.nodes - 1}", "list node ids")]
    faults = []
    if (fabric.node_kind > max(NodeKind)).any() or (fabric.link_kind > max(LinkKind)).any():
        faults.append(Fault("a node or link is of no known kind", "use NodeKind and LinkKind"))
    repeated = _first_repeat(fabric.node_name)
    if repeated is not None:
        faults.append(Fault(f"the name {fabric.label(repeated)!r} stands on several nodes", "give each node its own"))
    if len(fabric.node_name) and not fabric.node_name.all():
        faults.append(Fault("a node has no name", "give each node a name"))
    loops = np.flatnonzero(fabric.link_source == fabric.link_target)
    if len(loops):
        faults.append(
            Fault(f"{fabric.label(int(fabric.link_source[loops[0]]))} is cabled to itself", "remove the cable")
        )
    dead = np.flatnonzero(~(np.isfinite(fabric.capacity_bps) & (fabric.capacity_bps > 0)))
    if len(dead):
        faults.append(Fault(f"{fabric.link_label(int(dead[0]))} has no positive capacity", "give it bit/s above 0"))
    if (fabric.latency_ns < 0).any():
        faults.append(Fault("a link has a negative latency", "give nanoseconds from 0"))
    clash = _first_repeat(fabric.link_source.astype(np.int64) * 2**16 + fabric.port)
    if clash is not None:
        node, port = fabric.label(int(fabric.link_source[clash])), int(fabric.port[clash])
        faults.append(Fault(f"port {port} of {node} holds two cables", "one cable per port"))
    if _first_repeat(fabric.endpoints) is not None:
        faults.append(Fault("a node is listed twice as endpoint", "list each once"))
    return faults


def _first_repeat(values: npt.NDArray[Any]) -> int | None:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    twins = np.flatnonzero(ordered[1:] == ordered[:-1])
    return int(order[twins[0] + 1]) if len(twins) else None
