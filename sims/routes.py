"""Routes as a user gives them: directed link ids, or each flow's nodes from end to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ..fabric.errors import Fault, ParseError, RoutingError, UnknownNameError
from ..fabric.graph import Fabric
from ..fabric.routing import Paths
from .csv_table import read_csv, whole_number
from .flows import Flows

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class _Origin:
    """The file that routes are from, if any, and the line of each hop of each flow, if it has lines."""

    file: str = ""
    lines: Sequence[Sequence[int]] = ()

    def fault(self, message: str, cure: str, flows: Flows, flow: Any, hop: int = 0) -> Fault:
        """A fault of a flow (by its place in the input) at one of its hops."""
        lines = self.lines[flow] if self.lines else ()
        return Fault(message, cure, self.file, lines[hop] if lines else None, f"flow {flows.flow[flow]}")


def read_routes(fabric: Fabric, flows: Flows, routes: Any) -> Paths:
    """One path per flow, from `(indptr, links)` of directed link ids, from each flow's sequence of node names, or
    from a file: npz with `indptr, links`, or CSV `flow,hop,node`. Between two nodes with parallel cables, node names
    mean the one on the lowest port.

    Raises RoutingError (ParseError for a file that is neither) listing every flow whose links do not join or whose
    path does not begin and end with its endpoints.
    """
    if isinstance(routes, (str, Path)):
        if str(routes).endswith(".npz"):
            return _joined(fabric, flows, *_npz(routes), _Origin(str(routes)))
        return _along_nodes(fabric, flows, *_csv(flows, routes))
    if isinstance(routes, tuple) and len(routes) == 2:
        return _joined(fabric, flows, *routes, _Origin())
    return _along_nodes(fabric, flows, list(routes), _Origin())


def way_back(paths: Paths) -> Paths:
    """The same cables from each end to each beginning."""
    owner = np.repeat(np.arange(len(paths.indptr) - 1), np.diff(paths.indptr))
    backward = np.lexsort((-np.arange(len(owner)), owner))
    return Paths(paths.indptr, paths.links[backward] ^ 1)


def _npz(path: str | Path) -> tuple[Any, Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["indptr"], arrays["links"]
    except (BadZipFile, KeyError, ValueError, EOFError):
        raise ParseError(Fault("is no npz with indptr and links", "write it by numpy.savez", str(path))) from None
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", str(path))) from None


def _csv(flows: Flows, path: str | Path) -> tuple[list[list[str]], _Origin]:
    table = read_csv(path, ("flow", "hop", "node"))
    numbers = {str(name): i for i, name in enumerate(flows.flow.tolist())}
    hops: list[dict[int, tuple[str, int]]] = [{} for _ in range(len(flows))]
    faults = []
    for flow, hop, node, line in zip(*(table.columns[c] for c in ("flow", "hop", "node")), table.lines, strict=True):
        if flow not in numbers:
            faults.append(Fault(f"unknown flow {flow!r}", "name flows as the flows file does", table.file, line))
        elif (step := whole_number(hop)) is None:
            faults.append(Fault(f"hop {hop!r} is no whole number", "count hops from 0", table.file, line))
        elif hops[numbers[flow]].setdefault(step, (node, line))[0] != node:
            faults.append(Fault(f"hop {hop} of flow {flow} stands twice", "give it once", table.file, line))
    if faults:
        raise RoutingError(faults)
    ordered = [[path[step] for step in sorted(path)] for path in hops]
    lines = [[line for _, line in path] for path in ordered]
    return [[node for node, _ in path] for path in ordered], _Origin(table.file, lines)


def _along_nodes(fabric: Fabric, flows: Flows, paths: Sequence[Sequence[str]], origin: _Origin) -> Paths:
    if len(paths) != len(flows):
        raise RoutingError(f"{len(paths)} routes for {len(flows)} flows", "give one per flow")
    cable_between = _links_by_ends(fabric)
    faults, links, counts = [], [], []
    for i, path in enumerate(paths):
        nodes = []
        for hop, name in enumerate(path):
            try:
                nodes.append(fabric.node_id(str(name)))
            except UnknownNameError as error:
                faults += [origin.fault(fault.message, fault.cure, flows, i, hop) for fault in error.faults]
        for hop, ends in enumerate(pairwise(nodes), 1):
            if ends not in cable_between and len(nodes) == len(path):
                message = f"no cable from {fabric.label(ends[0])} to {fabric.label(ends[1])}"
                faults.append(origin.fault(message, "name neighbours", flows, i, hop))
            links.append(cable_between.get(ends, 0))
        counts.append(max(0, len(nodes) - 1))
    if faults:
        raise RoutingError(faults)
    indptr = np.concatenate(([0], np.cumsum(counts)))
    return _joined(fabric, flows, indptr, np.array(links, dtype=np.int32), origin)


def _links_by_ends(fabric: Fabric) -> Mapping[tuple[int, int], int]:
    order = np.lexsort((-fabric.port.astype(np.int32),))
    ends = zip(fabric.link_source[order].tolist(), fabric.link_target[order].tolist(), strict=True)
    return dict(zip(ends, order.tolist(), strict=True))


def _joined(fabric: Fabric, flows: Flows, indptr: Any, links: Any, origin: _Origin) -> Paths:
    indptr, links = np.asarray(indptr), np.asarray(links)
    wrong = _csr_faults(fabric, flows, indptr, links)
    if wrong:
        raise RoutingError(Fault(message, "give CSR arrays over all flows", origin.file) for message in wrong)
    indptr, links = indptr.astype(np.int64), links.astype(np.int32)
    empty = np.diff(indptr) == 0
    cure = "give its nodes from end to end"
    faults = [origin.fault("has no route", cure, flows, i) for i in np.flatnonzero(empty)]
    full = np.flatnonzero(~empty)
    begins, ends = fabric.link_source[links[indptr[full]]], fabric.link_target[links[indptr[full + 1] - 1]]
    borders = ("begins", 0, begins, flows.src[full]), ("ends", -1, ends, flows.dst[full])
    for word, hop, found, due in borders:
        for i in np.flatnonzero(found != fabric.endpoints[due]):
            names = fabric.label(int(found[i])), fabric.label(int(fabric.endpoints[due[i]]))
            faults.append(origin.fault(f"route {word} at {names[0]}, not at {names[1]}", "", flows, full[i], hop))
    owner = np.repeat(np.arange(len(flows)), np.diff(indptr))
    torn = (owner[1:] == owner[:-1]) & (fabric.link_target[links[:-1]] != fabric.link_source[links[1:]])
    for i in np.flatnonzero(torn):
        message = f"{fabric.link_label(int(links[i]))} does not lead to {fabric.link_label(int(links[i + 1]))}"
        faults.append(origin.fault(message, "each link begins where the last one ends", flows, owner[i]))
    if faults:
        raise RoutingError(faults)
    return Paths(indptr, links)


def _csr_faults(fabric: Fabric, flows: Flows, indptr: npt.NDArray[Any], links: npt.NDArray[Any]) -> list[str]:
    whole = all(array.ndim == 1 and (array.dtype.kind in "iu" or not len(array)) for array in (indptr, links))
    if not whole:
        return ["indptr and links are not lists of whole numbers"]
    if len(indptr) != len(flows) + 1:
        return [f"indptr has {len(indptr)} entries for {len(flows)} flows, not {len(flows) + 1}"]
    if indptr[0] != 0 or indptr[-1] != len(links) or (np.diff(indptr.astype(np.int64)) < 0).any():
        return [f"indptr does not rise from 0 to {len(links)}"]
    if len(links) and not (links.min() >= 0 and links.max() < fabric.links):
        return [f"a link id is outside 0..{fabric.links - 1}"]
    return []
