"""GraphML, both ways and without loss: nodes, directed links and every column as typed attributes.

`meta` and the endpoints are JSON text. Format: http://graphml.graphdrawing.org/specification.html.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from ..errors import FabricError, Fault, ParseError
from ..files import replacing
from ..graph import NODE_COLUMNS, Fabric
from .node_link import GUIDS, fabric_of, file_rows
from .nx import EDGE_DEFAULTS, Edge, graph_attributes, link_rows

_NAMESPACE = "http://graphml.graphdrawing.org/xmlns"
_AS_JSON = ("meta", "endpoints")
_LINE_ENDS = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
_INSIDE = {
    "": {"graphml"},
    "graphml": {"desc", "key", "data", "graph"},
    "key": {"desc", "default"},
    "graph": {"desc", "data", "node", "edge", "hyperedge", "locator"},
    "node": {"desc", "data", "port", "graph", "locator"},
    "edge": {"desc", "data", "graph"},
}
"""What an element may hold; `data` may hold anything, to a depth that no program needs."""
_DEEPEST = 64
_TYPES = {"int": int, "long": int, "float": float, "double": float, "string": str}


def write_graphml(fabric: Fabric, path: str | Path) -> None:
    """Write the fabric, whole or not at all. Raises FabricError for a text that XML cannot hold."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_pieces(fabric))


def _pieces(fabric: Fabric) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="{_NAMESPACE}">\n'
    for scope, types in _attribute_types(fabric).items():
        for name, kind in types.items():
            yield f'<key id="{scope}.{name}" for="{scope}" attr.name="{name}" attr.type="{kind}"/>\n'
    yield '<graph edgedefault="directed">\n'
    graph = graph_attributes(fabric)
    yield _data("graph", graph | {name: json.dumps(graph[name], sort_keys=True) for name in _AS_JSON}) + "\n"
    for name, attributes in file_rows(fabric):
        yield f"<node id={_quoted(name)}>{_data('node', attributes)}</node>\n"
    for source, target, attributes in link_rows(fabric):
        ends = f"source={_quoted(source)} target={_quoted(target)}"
        yield f"<edge {ends}>{_data('edge', attributes)}</edge>\n"
    yield "</graph>\n</graphml>\n"


def _attribute_types(fabric: Fabric) -> dict[str, dict[str, str]]:
    texts = {*GUIDS, *(name for name, column in NODE_COLUMNS.items() if column.dtype == "S")}
    return {
        "graph": dict.fromkeys(("name", *_AS_JSON), "string"),
        "node": {"kind": "string"} | {name: "string" if name in texts else "long" for name in fabric.columns},
        "edge": {"link": "long", "kind": "string", "capacity_bps": "double", "latency_ns": "long"}
        | dict.fromkeys(EDGE_DEFAULTS, "long"),
    }


def _data(scope: str, attributes: dict[str, Any]) -> str:
    return "".join(f'<data key="{scope}.{name}">{_written(value)}</data>' for name, value in attributes.items())


def _written(value: object) -> str:
    return escape(_checked(value), _LINE_ENDS) if isinstance(value, str) else repr(value)


def _quoted(name: str) -> str:
    return quoteattr(_checked(name), _LINE_ENDS)


def _checked(text: str) -> str:
    if any((letter < " " and letter not in _LINE_ENDS) or letter in "\ufffe\uffff" for letter in text):
        raise FabricError(Fault(f"XML cannot hold the text {text!r}", "rename it"))
    return text


@dataclass
class _Reader:
    """Attributes of the elements of one file, by the keys it declares; collects what is wrong."""

    keys: dict[str, tuple[str, str, str]]
    defaults: dict[str, dict[str, Any]]
    faults: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, root: Element) -> _Reader:
        reader = cls({}, {"graph": {}, "node": {}, "edge": {}})
        for key in _children(root, "key"):
            scope, name, kind = key.get("for", "all"), key.get("attr.name", ""), key.get("attr.type", "string")
            reader.keys[key.get("id", "")] = scope, name, kind
            for default in _children(key, "default"):
                value = reader.value(f"the default of {name}", kind, default.text or "")
                for each in reader.defaults if scope == "all" else reader.defaults.keys() & {scope}:
                    reader.defaults[each][name] = value
        return reader

    def attributes(self, element: Element, scope: str, label: str) -> dict[str, Any]:
        found = dict(self.defaults[scope])
        for data in _children(element, "data"):
            key = data.get("key", "")
            if key not in self.keys:
                self.faults.append(f"{label} uses the undeclared key {key!r}")
                continue
            _, name, kind = self.keys[key]
            found[name] = self.value(f"{name} of {label}", kind, data.text or "")
        return found

    def value(self, label: str, kind: str, text: str) -> Any:
        try:
            return _TYPES.get(kind, str)(text)
        except ValueError:
            self.faults.append(f"{label} is no {kind}: {text[:40]!r}")
            return None

    def end(self, element: Element, name: str, label: str) -> str:
        if element.get(name) is None:
            self.faults.append(f"{label} has no {name}")
        return element.get(name, "")


def read_graphml(path: str | Path) -> Fabric:
    """The Fabric of a GraphML file, ours or another program's with the attributes `from_networkx` asks for.

    Raises ParseError.
    """
    path = Path(path)
    root = _root(path)
    graphs = list(_children(root, "graph"))
    if len(graphs) != 1:
        raise ParseError(Fault(f"holds {len(graphs)} graphs", "one graph per file", str(path)))
    reader = _Reader.of(root)
    graph = _graph(reader, graphs[0])
    nodes = list(_nodes(reader, graphs[0]))
    edges = list(_edges(reader, graphs[0]))
    if reader.faults:
        raise ParseError([Fault(message, "mend the file", str(path)) for message in reader.faults])
    return fabric_of(graphs[0].get("edgedefault") == "directed", graph, nodes, edges, path)


def _root(path: Path) -> Element:
    try:
        with path.open("rb") as file:
            return _parsed(file, path)
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", str(path))) from None
    except ElementTree.ParseError as error:
        raise ParseError(Fault(f"no XML: {error}", "mend the syntax", str(path), error.position[0])) from None
    except (ValueError, LookupError) as error:
        raise ParseError(Fault(f"no XML: {error}", "mend the file", str(path))) from None


def _parsed(file: BinaryIO, path: Path) -> Element:
    """The root of the tree; other XML is refused at its first strange element, before the tree fills the memory."""
    open_tags: list[str] = []
    root: Element | None = None
    for event, element in ElementTree.iterparse(file, ("start", "end")):
        if event == "end":
            open_tags.pop()
            continue
        tag = element.tag.removeprefix(f"{{{_NAMESPACE}}}")
        inside = open_tags[-1] if open_tags else ""
        if tag not in _INSIDE.get(inside, {tag}) or len(open_tags) > _DEEPEST:
            where = f"<{inside}> holds" if inside else "it begins with"
            cure = "give a file that begins with <graphml>"
            raise ParseError(Fault(f"is no GraphML: {where} <{tag[:40]}>", cure, str(path)))
        open_tags.append(tag)
        root = element if root is None else root
    assert root is not None  # a document without an element is no XML
    return root


def _children(element: Element, tag: str) -> Iterator[Element]:
    return (child for child in element if child.tag in (tag, f"{{{_NAMESPACE}}}{tag}"))


def _graph(reader: _Reader, element: Element) -> dict[str, Any]:
    graph = reader.attributes(element, "graph", "the graph")
    for name in _AS_JSON:
        if name in graph:
            try:
                graph[name] = json.loads(str(graph[name]))
            except (ValueError, RecursionError):
                reader.faults.append(f"{name} of the graph is no JSON")
    return graph


def _nodes(reader: _Reader, element: Element) -> Iterator[tuple[str, dict[str, Any]]]:
    for count, node in enumerate(_children(element, "node")):
        name = reader.end(node, "id", f"node {count}")
        yield name, reader.attributes(node, "node", f"node {name!r}")


def _edges(reader: _Reader, element: Element) -> Iterator[Edge]:
    for count, edge in enumerate(_children(element, "edge")):
        ends = reader.end(edge, "source", f"edge {count}"), reader.end(edge, "target", f"edge {count}")
        yield (*ends, reader.attributes(edge, "edge", f"edge {count}"))
