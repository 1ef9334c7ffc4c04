"""What the graph files share: the nodes and links of a Fabric as rows, and a Fabric from rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import networkx as nx

from ..errors import FabricError, Fault, ParseError
from ..graph import NODE_COLUMNS, Fabric
from .nx import Edge, from_networkx, node_rows

GUIDS = tuple(name for name, column in NODE_COLUMNS.items() if column.dtype == "u8")


def file_rows(fabric: Fabric) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and attributes of each node, GUIDs as text: other programs read no whole numbers above 2^53 or 2^63."""
    for name, attributes in node_rows(fabric):
        yield name, attributes | {guid: f"0x{attributes[guid]:016x}" for guid in GUIDS if guid in attributes}


def fabric_of(
    directed: bool, graph: Mapping[str, Any], nodes: Iterable[tuple[str, Any]], edges: Iterable[Edge], path: Path
) -> Fabric:
    """The Fabric of a file's rows. Raises ParseError with every fault."""
    drawn = nx.MultiDiGraph() if directed else nx.MultiGraph()
    drawn.graph.update(graph)
    nodes = list(nodes)
    drawn.add_nodes_from(nodes)
    faults = [
        Fault(f"{count} nodes are named {name!r}", "name each once", str(path)) for name, count in _repeats(nodes)
    ]
    edges = list(edges)
    unknown = {end for source, target, _ in edges for end in (source, target)} - set(drawn.nodes)
    faults += [
        Fault(f"an edge ends at {name!r}, which is no node", "add the node", str(path)) for name in sorted(unknown)
    ]
    if faults:
        raise ParseError(faults)
    drawn.add_edges_from(edges)
    try:
        return from_networkx(drawn)
    except FabricError as error:
        raise ParseError([Fault(fault.message, fault.cure, str(path)) for fault in error.faults]) from None


def _repeats(nodes: list[tuple[str, Any]]) -> Iterator[tuple[str, int]]:
    counts: dict[str, int] = {}
    for name, _ in nodes:
        counts[name] = counts.get(name, 0) + 1
    return ((name, count) for name, count in counts.items() if count > 1)
