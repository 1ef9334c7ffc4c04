"""Node-link JSON, both ways and without loss, as `networkx.node_link_graph` reads it. One node or edge per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import Fault, ParseError
from ..files import replacing
from ..graph import Fabric
from .node_link import fabric_of, file_rows
from .nx import Edge, graph_attributes, link_rows


def write_json(fabric: Fabric, path: str | Path) -> None:
    """Write the fabric, whole or not at all."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(_pieces(fabric))


def _pieces(fabric: Fabric) -> Iterator[str]:
    yield f'{{"directed": true, "multigraph": true,\n"graph": {json.dumps(graph_attributes(fabric), sort_keys=True)},\n'
    yield '"nodes": [\n'
    yield from _lines({"id": name, **attributes} for name, attributes in file_rows(fabric))
    yield '],\n"edges": [\n'
    edges = ({"source": source, "target": target, **row} for source, target, row in link_rows(fabric))
    yield from _lines({**edge, "key": edge["link"]} for edge in edges)
    yield "]}\n"


def _lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    for count, row in enumerate(rows):
        yield (",\n" if count else "") + json.dumps(row)
    yield "\n"


def read_json(path: str | Path) -> Fabric:
    """The Fabric of a node-link file, ours or another program's with the attributes `from_networkx` asks for.

    The edges may be called `edges` or `links`. Raises ParseError.
    """
    path = Path(path)
    tree = _tree(path)
    edges = tree.get("edges", tree.get("links"))
    nodes, graph = tree.get("nodes"), tree.get("graph", {})
    if not (isinstance(nodes, list) and isinstance(edges, list) and isinstance(graph, dict)):
        raise ParseError(Fault("is no node-link graph", "give lists `nodes` and `edges`", str(path)))
    faults = [
        *(f"node {n} has no id" for n, node in enumerate(nodes) if not _named(node, "id")),
        *(f"edge {n} lacks source or target" for n, edge in enumerate(edges) if not _named(edge, "source", "target")),
    ]
    if faults:
        raise ParseError([Fault(message, "give names", str(path)) for message in faults])
    rows: Iterator[Edge] = ((str(edge["source"]), str(edge["target"]), edge) for edge in edges)
    return fabric_of(tree.get("directed") is True, graph, [(str(node["id"]), node) for node in nodes], rows, path)


def _tree(path: Path) -> dict[str, Any]:
    try:
        tree = json.loads(path.read_bytes(), parse_constant=_refuse)
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", str(path))) from None
    except json.JSONDecodeError as error:
        raise ParseError(Fault(f"no JSON: {error.msg}", "mend the syntax", str(path), error.lineno)) from None
    except (ValueError, RecursionError) as error:
        raise ParseError(Fault(f"no JSON: {error}", "mend the file", str(path))) from None
    if not isinstance(tree, dict):
        raise ParseError(Fault("is no node-link graph", "give an object with `nodes` and `edges`", str(path)))
    return tree


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _named(row: object, *ends: str) -> bool:
    return isinstance(row, dict) and all(
        isinstance(row.get(end), (str, int)) and not isinstance(row.get(end), bool) for end in ends
    )
