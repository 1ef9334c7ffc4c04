"""One rank's execution trace as a file: GlobalMetadata, then nodes, each message after its length.

Source of names and field numbers: mlcommons/chakra, schema/protobuf/et_def.proto (proto3, package ChakraProtoMsg).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from ...fabric.errors import Fault, InputError, ParseError
from ...fabric.files import replacing
from .wire import SCALARS, Raw, Scalar, WireType, delimited, fields, messages, repeated, written, written_list

_UINT64, _STRING, _MESSAGE = SCALARS["uint64"], SCALARS["string"], SCALARS["bytes"]
_FIRST_VALUE = 3
_KINDS = tuple(f"{scalar}_{form}" for scalar in SCALARS for form in ("val", "list"))
"""What an attribute can hold, by field number from _FIRST_VALUE on."""


class NodeType(IntEnum):
    METADATA = 1
    MEM_LOAD = 2
    MEM_STORE = 3
    COMP = 4
    COMM_SEND = 5
    COMM_RECV = 6
    COMM_COLL = 7


@dataclass(frozen=True)
class Attribute:
    """A named value. `kind` is protobuf's type with `_val` or `_list`, like `int64_val`; lists are tuples."""

    name: str
    kind: str
    value: Any
    doc: str = ""


@dataclass(frozen=True)
class Tensors:
    """A node's inputs or outputs, as the tracer wrote them."""

    values: str = ""
    shapes: str = ""
    types: str = ""


@dataclass(frozen=True)
class Node:
    """One operation of a rank; `ctrl_deps` and `data_deps` are ids of nodes that end before it starts."""

    id: int
    name: str
    type: NodeType
    ctrl_deps: tuple[int, ...] = ()
    data_deps: tuple[int, ...] = ()
    start_time_us: int = 0
    duration_us: int = 0
    inputs: Tensors | None = None
    outputs: Tensors | None = None
    attributes: tuple[Attribute, ...] = ()

    def get(self, name: str, default: Any = None) -> Any:
        """The value of an attribute."""
        return next((one.value for one in self.attributes if one.name == name), default)


@dataclass(frozen=True)
class Trace:
    """What one file holds."""

    nodes: tuple[Node, ...]
    version: str = ""
    attributes: tuple[Attribute, ...] = ()


def read_trace(path: str | Path) -> Trace:
    """Raises ParseError listing every message that cannot be read, by number and place."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ParseError(Fault(f"cannot be read: {error.strerror}", "give a file of one rank", str(path))) from None
    if data.startswith(b"\x1f\x8b"):
        raise ParseError(Fault("is compressed", "unpack it with gunzip", str(path)))
    parts: list[Any] = []
    faults: list[Fault] = []
    try:
        for number, message in enumerate(messages(data)):
            try:
                parts.append(_node(message) if number else _metadata(message))
            except ParseError as error:
                place = f"node {number}" if number else "metadata"
                faults += [Fault(fault.message, fault.cure, str(path), field=place) for fault in error.faults]
    except ParseError as error:
        faults += [Fault(f"is cut or no trace: {fault.message}", "copy it anew", str(path)) for fault in error.faults]
    if not data:
        faults.append(Fault("is empty", "a trace starts with its metadata", str(path)))
    if faults:
        raise ParseError(faults)
    (version, attributes), *nodes = parts
    return Trace(tuple(nodes), version, attributes)


def write_trace(path: str | Path, trace: Trace) -> None:
    """Write a file that `read_trace` reads as the same trace. Raises InputError for a value out of its type's range."""
    head = _text(1, trace.version) + _attributes(2, trace.attributes)
    whole = delimited(head) + b"".join(delimited(_written_node(node)) for node in trace.nodes)
    with replacing(path) as temporary:
        temporary.write_bytes(whole)


@dataclass
class _Message:
    """A message's fields by number. A field that may stand once is refused when it stands twice."""

    what: str
    found: dict[int, list[tuple[WireType, Raw]]]

    @classmethod
    def of(cls, what: str, data: bytes, known: int) -> _Message:
        found: dict[int, list[tuple[WireType, Raw]]] = {}
        for number, wire, value in fields(data):
            if not 1 <= number <= known:
                raise ParseError(f"{what} has the unknown field {number}")
            found.setdefault(number, []).append((wire, value))
        return cls(what, found)

    def many(self, number: int, scalar: Scalar) -> tuple[Any, ...]:
        each = (repeated(scalar, wire, value) for wire, value in self.found.get(number, ()))
        return tuple(one for values in each for one in values)

    def one(self, number: int, scalar: Scalar, default: Any) -> Any:
        occurrences = self.found.get(number, [])
        if len(occurrences) > 1:
            raise ParseError(f"{self.what} has field {number} more than once")
        for wire, value in occurrences:
            if wire != scalar.wire:
                raise ParseError(f"{self.what} has field {number} in wire type {wire}, not {scalar.wire}")
            return scalar.decode(value)
        return default


def _metadata(data: bytes) -> tuple[str, tuple[Attribute, ...]]:
    message = _Message.of("the metadata", data, 2)
    return message.one(1, _STRING, ""), tuple(_attribute(one) for one in message.many(2, _MESSAGE))


def _node(data: bytes) -> Node:
    message = _Message.of("the node", data, 10)
    kind = message.one(3, SCALARS["int32"], 0)
    if kind not in NodeType.__members__.values():
        raise ParseError(f"has the unknown type {kind}", f"one of {', '.join(f'{t.value} {t.name}' for t in NodeType)}")
    return Node(
        message.one(1, _UINT64, 0),
        message.one(2, _STRING, ""),
        NodeType(kind),
        message.many(4, _UINT64),
        message.many(5, _UINT64),
        message.one(6, _UINT64, 0),
        message.one(7, _UINT64, 0),
        _tensors(message.one(8, _MESSAGE, None)),
        _tensors(message.one(9, _MESSAGE, None)),
        tuple(_attribute(one) for one in message.many(10, _MESSAGE)),
    )


def _tensors(data: bytes | None) -> Tensors | None:
    if data is None:
        return None
    message = _Message.of("inputs or outputs", data, 3)
    return Tensors(*(message.one(number, _STRING, "") for number in (1, 2, 3)))


def _attribute(data: bytes) -> Attribute:
    message = _Message.of("an attribute", data, _FIRST_VALUE + len(_KINDS) - 1)
    name, doc = message.one(1, _STRING, ""), message.one(2, _STRING, "")
    held = [number for number in message.found if number >= _FIRST_VALUE]
    if len(held) != 1:
        raise ParseError(f"attribute {name!r} holds {len(held)} values, not one")
    kind = _KINDS[held[0] - _FIRST_VALUE]
    scalar = SCALARS[kind.rpartition("_")[0]]
    if kind.endswith("_val"):
        return Attribute(name, kind, message.one(held[0], scalar, None), doc)
    values = _Message.of(f"the list {name!r}", message.one(held[0], _MESSAGE, b""), 1)
    return Attribute(name, kind, values.many(1, scalar), doc)


def _written_node(node: Node) -> bytes:
    try:
        return (
            _number(1, node.id)
            + _text(2, node.name)
            + _number(3, node.type)
            + written_list(4, _UINT64, node.ctrl_deps)
            + written_list(5, _UINT64, node.data_deps)
            + _number(6, node.start_time_us)
            + _number(7, node.duration_us)
            + _written_tensors(8, node.inputs)
            + _written_tensors(9, node.outputs)
            + _attributes(10, node.attributes)
        )
    except (OverflowError, struct.error) as error:
        raise InputError(Fault(f"cannot be written: {error}", "keep to its type", field=f"node {node.id}")) from None


def _number(number: int, value: int) -> bytes:
    """Zero and the empty text are what an absent field means."""
    return written(number, _UINT64, value) if value else b""


def _text(number: int, value: str) -> bytes:
    return written(number, _STRING, value) if value else b""


def _written_tensors(number: int, tensors: Tensors | None) -> bytes:
    if tensors is None:
        return b""
    inner = _text(1, tensors.values) + _text(2, tensors.shapes) + _text(3, tensors.types)
    return written(number, _MESSAGE, inner)


def _attributes(number: int, attributes: tuple[Attribute, ...]) -> bytes:
    return b"".join(written(number, _MESSAGE, _written_attribute(one)) for one in attributes)


def _written_attribute(attribute: Attribute) -> bytes:
    number = _FIRST_VALUE + _KINDS.index(attribute.kind)
    scalar = SCALARS[attribute.kind.rpartition("_")[0]]
    if attribute.kind.endswith("_val"):
        value = written(number, scalar, attribute.value)
    else:
        value = written(number, _MESSAGE, written_list(1, scalar, attribute.value))
    return _text(1, attribute.name) + _text(2, attribute.doc) + value
