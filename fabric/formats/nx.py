"""networkx, both ways: the door for other tools and small analyses, never the hot path."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

import networkx as nx
import numpy as np

from ..builder import FabricBuilder
from ..errors import FabricError, Fault
from ..graph import NODE_COLUMNS, Fabric, LinkKind, NodeKind

NODE_KINDS = {kind.name.lower(): kind for kind in NodeKind}
LINK_KINDS = {kind.name.lower(): kind for kind in LinkKind}
EDGE_DEFAULTS: dict[str, int] = {"port": -1, "rail": -1, "plane": -1, "width": 1}
_LARGEST_BPS = 1e300  # whole numbers have no bound; past this they are no float
_OF_A_CABLE = ("rail", "plane", "width")  # alike in both directions

Edge = tuple[str, str, dict[str, Any]]


def to_networkx(fabric: Fabric) -> nx.MultiDiGraph:
    """Nodes keyed by name with `kind` and every column; one edge per directed link, keyed by link id.

    The graph's own attributes are `name`, `meta` and `endpoints` (node names in rank order).
    """
    graph = nx.MultiDiGraph(**graph_attributes(fabric))
    graph.add_nodes_from(node_rows(fabric))
    graph.add_edges_from((source, target, data["link"], data) for source, target, data in link_rows(fabric))
    return graph


def graph_attributes(fabric: Fabric) -> dict[str, Any]:
    """`name`, `meta` and `endpoints` of a fabric as plain JSON."""
    names = fabric.node_name[fabric.endpoints].tolist()
    return {"name": fabric.name, "meta": dict(fabric.meta), "endpoints": [name.decode() for name in names]}


def node_rows(fabric: Fabric) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and attributes of each node."""
    columns = {"kind": [NodeKind(kind).name.lower() for kind in fabric.node_kind.tolist()]}
    columns |= {name: _python(values) for name, values in fabric.columns.items()}
    for name, *values in zip(_python(fabric.node_name), *columns.values(), strict=True):
        yield name, dict(zip(columns, values, strict=True))


def link_rows(fabric: Fabric) -> Iterator[Edge]:
    """Source, target and attributes of each directed link."""
    names = _python(fabric.node_name)
    columns: dict[str, Any] = {"link": range(fabric.links)}
    columns["kind"] = [LinkKind(kind).name.lower() for kind in fabric.link_kind.tolist()]
    columns |= {name: getattr(fabric, name).tolist() for name in ("capacity_bps", "latency_ns", *EDGE_DEFAULTS)}
    ends = zip(fabric.link_source.tolist(), fabric.link_target.tolist(), strict=True)
    for (source, target), *values in zip(ends, *columns.values(), strict=True):
        yield names[source], names[target], dict(zip(columns, values, strict=True))


def _python(values: np.ndarray[Any, Any]) -> list[Any]:
    return [v.decode() for v in values.tolist()] if values.dtype.kind == "S" else values.tolist()


def from_networkx(graph: nx.Graph) -> Fabric:
    """A Fabric from any networkx graph. An undirected edge becomes both directions of one cable; directed edges are
    paired by link id where given, else each (u, v) with a (v, u). GUIDs are numbers or text like `"0x2c9"`.
    Raises FabricError listing every fault."""
    faults: list[Fault] = []
    builder = FabricBuilder(str(graph.graph.get("name") or "graph"), _meta(graph, faults))
    ids = _add_nodes(builder, graph, faults)
    edges = [(str(source), str(target), data) for source, target, data in graph.edges(data=True)]
    pairs = _paired(edges, faults) if graph.is_directed() else [((u, v, data), (v, u, data)) for u, v, data in edges]
    rows = [_cable(pair, ids, faults) for pair in pairs] if not faults else []
    endpoints = _endpoints(graph, ids, faults)
    if faults:
        raise FabricError(faults)
    if rows:
        builder.add_cables(**{key: np.array([row[key] for row in rows]) for key in rows[0]})
    return builder.build(endpoints)


def _meta(graph: nx.Graph, faults: list[Fault]) -> dict[str, Any]:
    meta = graph.graph.get("meta", {})
    try:
        if isinstance(meta, dict):
            return json.loads(json.dumps(meta, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        pass
    faults.append(Fault("the graph attribute 'meta' is no plain JSON object", "give text, numbers, lists and objects"))
    return {}


def _endpoints(graph: nx.Graph, ids: dict[str, int], faults: list[Fault]) -> list[int] | None:
    names = graph.graph.get("endpoints")
    if names is None or faults:
        return None
    if not isinstance(names, (list, tuple)):
        faults.append(Fault("the graph attribute 'endpoints' is no list", "list node names"))
        return None
    unknown = [name for name in names if str(name) not in ids]
    faults += [Fault(f"the endpoint {name!r} is no node of the graph", "list node names") for name in unknown]
    return None if unknown else [ids[str(name)] for name in names]


def _add_nodes(builder: FabricBuilder, graph: nx.Graph, faults: list[Fault]) -> dict[str, int]:
    before = len(faults)
    names = [str(name) for name in graph.nodes]
    for name in names:
        if "\0" in name or not _encodes(name):
            faults.append(Fault(f"the name {name!r} is no text", "rename the node"))
    data = list(graph.nodes.values())
    for name, attributes in zip(names, data, strict=True):
        kind = attributes.get("kind")
        if not isinstance(kind, str) or kind not in NODE_KINDS:
            faults.append(Fault(f"node {name!r} has kind {kind!r}", f"one of {', '.join(NODE_KINDS)}"))
    columns = {
        column: _column(column, names, data, faults)
        for column in NODE_COLUMNS
        if any(column in attributes for attributes in data)
    }
    if len(faults) > before or not names:
        return {}
    kinds = np.array([NODE_KINDS[attributes["kind"]] for attributes in data])
    builder.add_nodes(kinds, np.array([name.encode() for name in names]), **columns)
    return {name: node for node, name in enumerate(names)}


def _column(column: str, names: list[str], data: Iterable[dict[str, Any]], faults: list[Fault]) -> np.ndarray[Any, Any]:
    spec = NODE_COLUMNS[column]
    values = []
    for name, attributes in zip(names, data, strict=True):
        value = attributes.get(column, spec.missing)
        fitting = _text(value) if spec.dtype == "S" else _whole(value, spec.dtype)
        if fitting is None:
            faults.append(
                Fault(f"node {name!r} has {column} {value!r}", f"give {'text' if spec.dtype == 'S' else 'a number'}")
            )
        values.append(spec.missing if fitting is None else fitting)
    return np.array(values, dtype=None if spec.dtype == "S" else spec.dtype)


def _text(value: object) -> bytes | None:
    if isinstance(value, str) and _encodes(value):
        value = value.encode()
    return value if isinstance(value, bytes) and not value.endswith(b"\0") else None


def _encodes(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _whole(value: object, dtype: str) -> int | None:
    """`value` as a whole number that fits `dtype`; text like `"0x2c9"` for unsigned ones, which are GUIDs."""
    limits = np.iinfo(dtype)
    if dtype.startswith("u") and isinstance(value, str):
        try:
            value = int(value, 16)
        except ValueError:
            return None
    if isinstance(value, (float, np.floating)) and math.isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not limits.min <= value <= limits.max:
        return None
    return int(value)


def _paired(edges: list[Edge], faults: list[Fault]) -> list[tuple[Edge, Edge]]:
    """The two directions of each cable."""
    if edges and all(_whole(data.get("link"), "i8") is not None for _, _, data in edges):
        return _paired_by_id(edges, faults)
    pairs: list[tuple[Edge, Edge]] = []
    waiting: dict[tuple[str, str], list[Edge]] = {}
    for edge in edges:
        mates = waiting.get((edge[1], edge[0]))
        if mates:
            pairs.append((mates.pop(0), edge))
        else:
            waiting.setdefault((edge[0], edge[1]), []).append(edge)
    for source, target in (ends for ends, left in waiting.items() if left):
        faults.append(Fault(f"{source} -> {target} has no way back", "add the edge in the other direction"))
    return pairs


def _paired_by_id(edges: list[Edge], faults: list[Fault]) -> list[tuple[Edge, Edge]]:
    ordered = sorted(edges, key=lambda edge: int(edge[2]["link"]))
    pairs = list(zip(ordered[::2], ordered[1::2], strict=False))
    for forth, back in pairs:
        if forth[:2] != back[1::-1]:
            faults.append(Fault(f"links {forth[0]} -> {forth[1]} and {back[0]} -> {back[1]} are no cable", "pair them"))
    if len(edges) % 2:
        faults.append(Fault("an odd number of links", "every cable is two links"))
    return pairs


def _cable(pair: tuple[Edge, Edge], ids: dict[str, int], faults: list[Fault]) -> dict[str, Any]:
    """The arguments of `FabricBuilder.add_cables` for one cable."""
    (source, target, forth), (_, _, back) = pair

    def whole(data: dict[str, Any], column: str, default: int, dtype: str) -> int:
        value = _whole(data.get(column, default), dtype)
        if value is None:
            faults.append(Fault(f"edge {source} - {target} has {column} {data[column]!r}", "give a whole number"))
        return default if value is None else value

    def capacity(data: dict[str, Any]) -> float:
        value: Any = data.get("capacity_bps")
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not number or not abs(value) < _LARGEST_BPS:
            faults.append(Fault(f"edge {source} - {target} has capacity_bps {value!r}", "give a number of bit/s"))
            return 1.0
        return float(value)

    kind = forth.get("kind", "network")
    if not isinstance(kind, str) or kind not in LINK_KINDS:
        faults.append(Fault(f"edge {source} - {target} has kind {kind!r}", f"one of {', '.join(LINK_KINDS)}"))
        kind = "network"
    own, far = ("port", "port") if forth is not back else ("source_port", "target_port")
    return {
        "source": ids[source],
        "target": ids[target],
        "kind": LINK_KINDS[kind],
        "capacity_bps": capacity(forth),
        "latency_ns": whole(forth, "latency_ns", 0, "i8"),
        "back_capacity_bps": capacity(back),
        "back_latency_ns": whole(back, "latency_ns", 0, "i8"),
        "source_port": whole(forth, own, -1, "i2"),
        "target_port": whole(back, far, -1, "i2"),
        **{column: whole(forth, column, EDGE_DEFAULTS[column], "i2") for column in _OF_A_CABLE},
    }
