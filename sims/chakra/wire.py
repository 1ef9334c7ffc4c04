"""Protocol buffers on the wire (protobuf.dev/programming-guides/encoding): fields, scalars and delimited messages.

Strict: what a well-formed writer would not have written is refused with the byte at which it stands.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from ...fabric.errors import ParseError

Raw = int | bytes
"""A field's value before its type is known: a varint's number, or the bytes of anything else."""

_LONGEST_VARINT = 10


class WireType(IntEnum):
    VARINT = 0
    FIXED64 = 1
    DELIMITED = 2
    FIXED32 = 5


_FIXED_BYTES = {WireType.FIXED64: 8, WireType.FIXED32: 4}


@dataclass(frozen=True)
class Scalar:
    """How one of protobuf's scalar types stands on the wire. `decode` raises ParseError, `encode` what struct or
    int.to_bytes raise for a value out of range."""

    wire: WireType
    decode: Callable[[Any], Any]
    encode: Callable[[Any], bytes]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for turn, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * turn
        if byte < 0x80:
            if value >= 1 << 64:
                raise ParseError(f"the number at byte {at} has more than 64 bits")
            return value, at + turn + 1
    cut = len(data) - at < _LONGEST_VARINT
    raise ParseError(f"ends within the number at byte {at}" if cut else f"the number at byte {at} does not end")


def _piece(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if at + length > len(data):
        raise ParseError(f"ends {at + length - len(data)} bytes before what starts at byte {at} does")
    return data[at : at + length], at + length


def _value(data: bytes, at: int, wire: WireType) -> tuple[Raw, int]:
    if wire == WireType.VARINT:
        return _varint(data, at)
    if wire == WireType.DELIMITED:
        length, at = _varint(data, at)
        return _piece(data, at, length)
    return _piece(data, at, _FIXED_BYTES[wire])


def fields(data: bytes) -> Iterator[tuple[int, WireType, Raw]]:
    """A message's fields in order: number, wire type, value. Raises ParseError."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _varint(data, at)
        if tag >> 3 == 0 or tag & 7 not in WireType.__members__.values():
            raise ParseError(f"byte {start} starts no field")
        wire = WireType(tag & 7)
        value, at = _value(data, at, wire)
        yield tag >> 3, wire, value


def messages(data: bytes) -> Iterator[bytes]:
    """The messages of a file, each after its length. Raises ParseError."""
    at = 0
    while at < len(data):
        message, at = _value(data, at, WireType.DELIMITED)
        assert isinstance(message, bytes)
        yield message


def repeated(scalar: Scalar, wire: WireType, value: Raw) -> list[Any]:
    """The values that one occurrence of a repeated field holds: packed, or a single one. Raises ParseError."""
    if wire == scalar.wire:
        return [scalar.decode(value)]
    if wire != WireType.DELIMITED or not isinstance(value, bytes):
        raise ParseError(f"a list has wire type {wire}")
    values, at = [], 0
    while at < len(value):
        one, at = _value(value, at, scalar.wire)
        values.append(scalar.decode(one))
    return values


def varint(value: int) -> bytes:
    """A number of 0..2^64-1 in groups of 7 bits, the lowest first."""
    if not 0 <= value < 1 << 64:
        raise OverflowError(f"{value} has more than 64 bits")
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def delimited(data: bytes) -> bytes:
    """Bytes after their length."""
    return varint(len(data)) + data


def written(number: int, scalar: Scalar, value: Any) -> bytes:
    """A field with its tag."""
    encoded = scalar.encode(value)
    return varint(number << 3 | scalar.wire) + (delimited(encoded) if scalar.wire == WireType.DELIMITED else encoded)


def written_list(number: int, scalar: Scalar, values: tuple[Any, ...]) -> bytes:
    """A repeated field: numbers packed, texts one by one; nothing when empty."""
    if scalar.wire == WireType.DELIMITED:
        return b"".join(written(number, scalar, value) for value in values)
    packed = b"".join(scalar.encode(value) for value in values)
    return written(number, SCALARS["bytes"], packed) if packed else b""


def _bounded(value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise ParseError(f"{value} is outside {least}..{most}")
    return value


def _fitting(value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise OverflowError(f"{value} is outside {least}..{most}")
    return value


def _unsigned(bits: int) -> Scalar:
    most = (1 << bits) - 1
    return Scalar(WireType.VARINT, lambda raw: _bounded(raw, 0, most), lambda value: varint(_fitting(value, 0, most)))


def _signed(bits: int) -> Scalar:
    """Negative numbers take all 64 bits, whatever the type."""
    least, most = -(1 << bits - 1), (1 << bits - 1) - 1
    return Scalar(
        WireType.VARINT,
        lambda raw: _bounded(raw - (1 << 64) if raw >> 63 else raw, least, most),
        lambda value: varint(_fitting(value, least, most) % (1 << 64)),
    )


def _zigzag(bits: int) -> Scalar:
    least, most = -(1 << bits - 1), (1 << bits - 1) - 1
    return Scalar(
        WireType.VARINT,
        lambda raw: _bounded(raw >> 1 ^ -(raw & 1), least, most),
        lambda value: varint(2 * _fitting(value, least, most) ^ -(value < 0)),
    )


def _fixed(layout: str) -> Scalar:
    wire = WireType.FIXED64 if struct.calcsize(layout) == 8 else WireType.FIXED32
    return Scalar(wire, lambda raw: struct.unpack(layout, raw)[0], lambda value: struct.pack(layout, value))


def _text(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError(f"a text is not UTF-8 from its byte {error.start} on") from None


SCALARS = {
    "double": _fixed("<d"),
    "float": _fixed("<f"),
    "int32": _signed(32),
    "int64": _signed(64),
    "uint32": _unsigned(32),
    "uint64": _unsigned(64),
    "sint32": _zigzag(32),
    "sint64": _zigzag(64),
    "fixed32": _fixed("<I"),
    "fixed64": _fixed("<Q"),
    "sfixed32": _fixed("<i"),
    "sfixed64": _fixed("<q"),
    "bool": Scalar(WireType.VARINT, lambda raw: bool(_bounded(raw, 0, 1)), lambda value: varint(bool(value))),
    "string": Scalar(WireType.DELIMITED, _text, lambda value: value.encode("utf-8")),
    "bytes": Scalar(WireType.DELIMITED, lambda raw: raw, bytes),
}
"""Protobuf's scalar types by name, in the order in which Chakra numbers them."""
