"""networkx, both ways: the door for other tools and small analyses, never the hot path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np

from ..errors import FabricError, Fault
from ..graph import NODE_COLUMNS, Fabric, FabricBuilder, LinkKind, NodeKind

_EDGE_DEFAULTS: dict[str, Any] = {"port": -1, "rail": -1, "plane": -1, "width": 1}


def to_networkx(fabric: Fabric) -> nx.MultiDiGraph:
    """Nodes keyed by name with `kind` and every column; one edge per directed link, keyed by link id.

    The graph's own attributes are `name`, `meta` and `endpoints` (node names in rank order).
    """
    names = [name.decode() for name in fabric.node_name.tolist()]
    graph = nx.MultiDiGraph(name=fabric.name, meta=dict(fabric.meta))
    graph.graph["endpoints"] = [names[node] for node in fabric.endpoints]
    columns = {name: _python(values) for name, values in fabric.columns.items()}
    for node, name in enumerate(names):
        attributes = {column: values[node] for column, values in columns.items()}
        graph.add_node(name, kind=NodeKind(fabric.node_kind[node]).name.lower(), **attributes)
    plain = {name: getattr(fabric, name).tolist() for name in ("capacity_bps", "latency_ns", *_EDGE_DEFAULTS)}
    for link, (source, target) in enumerate(zip(fabric.link_source.tolist(), fabric.link_target.tolist(), strict=True)):
        attributes = {column: values[link] for column, values in plain.items()}
        kind = LinkKind(fabric.link_kind[link]).name.lower()
        graph.add_edge(names[source], names[target], key=link, kind=kind, link=link, **attributes)
    return graph


def _python(values: np.ndarray[Any, Any]) -> list[Any]:
    return [v.decode() for v in values.tolist()] if values.dtype.kind == "S" else values.tolist()


def from_networkx(graph: nx.Graph) -> Fabric:
    """A Fabric from any networkx graph. An undirected edge becomes both directions of one cable; directed edges are
    paired by link id where given, else each (u, v) with a (v, u). Raises FabricError listing every fault."""
    faults: list[Fault] = []
    builder = FabricBuilder(str(graph.graph.get("name") or "graph"), dict(graph.graph.get("meta", {})))
    ids = _add_nodes(builder, graph, faults)
    pairs = list(_cables(graph, faults)) if not faults else []
    rows = [_cable(pair, ids, faults) for pair in pairs]
    endpoints = [ids.get(str(name)) for name in graph.graph.get("endpoints", [])]
    if None in endpoints:
        faults.append(Fault("an endpoint is no node of the graph", "list node names"))
    if faults:
        raise FabricError(faults)
    if rows:
        builder.add_cables(**{key: np.array([row[key] for row in rows]) for key in rows[0]})
    return builder.build(endpoints or None)


def _add_nodes(builder: FabricBuilder, graph: nx.Graph, faults: list[Fault]) -> dict[str, int]:
    kinds, names = [], []
    known = {kind.name.lower(): kind for kind in NodeKind}
    for name, data in graph.nodes(data=True):
        if data.get("kind") not in known:
            faults.append(Fault(f"node {name!r} has kind {data.get('kind')!r}", f"one of {', '.join(known)}"))
            continue
        kinds.append(known[data["kind"]])
        names.append(str(name))
    if faults or not names:
        return {}
    columns: dict[str, Any] = {}
    for column, spec in NODE_COLUMNS.items():
        values = [data.get(column, spec.missing) for _, data in graph.nodes(data=True)]
        if any(column in data for _, data in graph.nodes(data=True)):
            try:
                columns[column] = _column(values, spec.dtype)
            except (TypeError, ValueError, OverflowError):
                faults.append(Fault(f"the node attribute {column!r} does not fit {spec.dtype}", "mend the values"))
    if faults:
        return {}
    builder.add_nodes(np.array(kinds), np.array([name.encode() for name in names]), **columns)
    return {name: node for node, name in enumerate(names)}


def _column(values: list[Any], dtype: str) -> np.ndarray[Any, Any]:
    if dtype == "S":
        return np.array([value.encode() if isinstance(value, str) else value for value in values])
    return np.array(values, dtype=dtype)


Edge = tuple[str, str, dict[str, Any]]


def _cables(graph: nx.Graph, faults: list[Fault]) -> Iterator[tuple[Edge, Edge]]:
    edges: list[Edge] = [(str(u), str(v), data) for u, v, data in graph.edges(data=True)]
    if not graph.is_directed():
        yield from (((u, v, data), (v, u, data)) for u, v, data in edges)
        return
    if edges and all("link" in data for _, _, data in edges):
        edges.sort(key=lambda edge: edge[2]["link"])
        for forth, back in zip(edges[::2], edges[1::2], strict=False):
            if forth[:2] != back[1::-1]:
                faults.append(
                    Fault(f"links {forth[0]} -> {forth[1]} and {back[0]} -> {back[1]} are no cable", "pair them")
                )
            yield forth, back
        if len(edges) % 2:
            faults.append(Fault("an odd number of links", "every cable is two links"))
        return
    waiting: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        mates = waiting.get((edge[1], edge[0]))
        if mates:
            yield mates.pop(0), edge
        else:
            waiting.setdefault((edge[0], edge[1]), []).append(edge)
    for source, target in (key for key, left in waiting.items() if left):
        faults.append(Fault(f"{source} -> {target} has no way back", "add the edge in the other direction"))


def _cable(pair: tuple[Edge, Edge], ids: dict[str, int], faults: list[Fault]) -> dict[str, Any]:
    (source, target, forth), (_, _, back) = pair
    row: dict[str, Any] = {"source": ids[source], "target": ids[target]}
    for prefix, data in (("", forth), ("back_", back)):
        for column, default in (("capacity_bps", None), ("latency_ns", 0)):
            value = data.get(column, default)
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
                faults.append(Fault(f"edge {source} - {target} has {column} {value!r}", f"give a number {column}"))
                value = 1
            row[prefix + column] = value
    kinds = {kind.name.lower(): kind for kind in LinkKind}
    if forth.get("kind", "network") not in kinds:
        faults.append(Fault(f"edge {source} - {target} has kind {forth['kind']!r}", f"one of {', '.join(kinds)}"))
    row["kind"] = kinds.get(forth.get("kind", "network"), LinkKind.NETWORK)
    directed = forth is not back
    row["source_port"] = forth.get("port", -1) if directed else forth.get("source_port", -1)
    row["target_port"] = back.get("port", -1) if directed else forth.get("target_port", -1)
    return row | {name: forth.get(name, default) for name, default in _EDGE_DEFAULTS.items() if name != "port"}
