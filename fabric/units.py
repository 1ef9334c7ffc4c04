"""Quantities as text with a unit in, plain numbers in base units out: bit/s, bytes, ns, s, m, W.

The table is strict: `400Gbps` is read, `400` is refused, and a letter's case counts where it changes the meaning
(`Gbps` is gigabit/s, `GBps` gigabyte/s). Prefixes k M G T P are powers of 1000; Ki Mi Gi Ti Pi powers of 1024.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from .errors import UnitError

_DECIMAL = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}

_BITS_PER_S = {prefix + suffix: factor for prefix, factor in _DECIMAL.items() for suffix in ("bps", "bit/s", "b/s")}
_BYTES_PER_S = {
    prefix + suffix: 8 * factor for prefix, factor in (_DECIMAL | _BINARY).items() for suffix in ("Bps", "B/s")
}

BANDWIDTH: dict[str, Fraction] = {unit: Fraction(f) for unit, f in (_BITS_PER_S | _BYTES_PER_S).items()}
SIZE: dict[str, Fraction] = {prefix + "B": Fraction(f) for prefix, f in (_DECIMAL | _BINARY).items()}
TIME: dict[str, Fraction] = {
    "ps": Fraction(1, 1000),
    "ns": Fraction(1),
    "us": Fraction(10**3),
    "µs": Fraction(10**3),
    "ms": Fraction(10**6),
    "s": Fraction(10**9),
}
LENGTH: dict[str, Fraction] = {
    "mm": Fraction(1, 1000),
    "cm": Fraction(1, 100),
    "m": Fraction(1),
    "km": Fraction(1000),
}
POWER: dict[str, Fraction] = {"W": Fraction(1), "kW": Fraction(10**3), "MW": Fraction(10**6), "GW": Fraction(10**9)}

_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2}))?\s*([A-Za-zµ/]+)\s*")


def parse(text: object, table: dict[str, Fraction], example: str) -> Fraction:
    """The quantity `text` in the base unit of `table`, exactly.

    Raises UnitError when `text` is a bare number, has an unknown unit, or is no quantity at all.
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        raise UnitError(f"{text!r} has no unit", f"write it as text with its unit, like {example}")
    match = _QUANTITY.fullmatch(text) if isinstance(text, str) and len(text) < 64 else None
    if match is None:
        bare = isinstance(text, str) and re.fullmatch(r"\s*[0-9.eE+]+\s*", text)
        raise UnitError(f"{text!r} {'has no unit' if bare else 'is no quantity'}", f"write it like {example}")
    mantissa, exponent, unit = match.groups()
    if unit not in table:
        raise UnitError(f"{text!r} has the unknown unit {unit!r}", f"one of {', '.join(table)}; for example {example}")
    return Fraction(mantissa) * Fraction(10) ** int(exponent or 0) * table[unit]


def bandwidth_bps(text: object) -> float:
    """`"400Gbps"` -> 4e11 bit/s."""
    return float(parse(text, BANDWIDTH, "400Gbps"))


def size_bytes(text: object) -> int:
    """`"1GiB"` -> 1073741824 bytes; a fraction of a byte is refused."""
    value = parse(text, SIZE, "1GiB")
    if value.denominator != 1:
        raise UnitError(f"{text!r} is not a whole number of bytes", "use a smaller unit")
    if value >= 2**63:
        raise UnitError(f"{text!r} does not fit in 63 bits", "use at most 8388607TiB")
    return int(value)


def time_ns(text: object) -> int:
    """`"1.5us"` -> 1500 ns, rounded to the nearest nanosecond."""
    value = parse(text, TIME, "1us")
    if value >= 2**63:
        raise UnitError(f"{text!r} does not fit in 63 bits of nanoseconds", "use at most 9e9s")
    return round(value)


def duration_s(text: object) -> float:
    """`"16us"` -> 1.6e-5 s."""
    return float(parse(text, TIME, "16us") / 10**9)


def length_m(text: object) -> float:
    """`"2.5m"` -> 2.5 m."""
    return float(parse(text, LENGTH, "2.5m"))


def power_w(text: object) -> float:
    """`"10.2kW"` -> 10200.0 W."""
    return float(parse(text, POWER, "700W"))


def _positive(value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise UnitError(f"{value:g} is not above zero", "give a positive quantity")
    return value


def format_si(value: float, unit: str, digits: int = 4) -> str:
    """`format_si(4e11, "bit/s")` -> `"400 Gbit/s"`; for people, not for files."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}"
    prefixes = [
        ("P", 1e15),
        ("T", 1e12),
        ("G", 1e9),
        ("M", 1e6),
        ("k", 1e3),
        ("", 1),
        ("m", 1e-3),
        ("µ", 1e-6),
        ("n", 1e-9),
    ]
    for prefix, factor in prefixes:
        if abs(value) >= factor * (1 - 1e-12):
            return f"{value / factor:.{digits}g} {prefix}{unit}"
    return f"{value:.{digits}g} {unit}"


def format_bandwidth(bps: float) -> str:
    """The inverse of `bandwidth_bps`, shortest exact text: 4e11 -> `"400Gbps"`."""
    for prefix in ("P", "T", "G", "M", "k"):
        scaled = float(bps) / _DECIMAL[prefix]
        if scaled >= 1:
            return f"{scaled!r}{prefix}bps".replace(".0" + prefix, prefix)
    return f"{float(bps)!r}bps"


def format_size(count: int) -> str:
    """Whole binary units where they fit (`1GiB`), bytes elsewhere (`1000000B`)."""
    for prefix in ("Pi", "Ti", "Gi", "Mi", "Ki"):
        if count and count % _BINARY[prefix] == 0:
            return f"{count // _BINARY[prefix]}{prefix}B"
    return f"{count}B"


def _schema(example: str, what: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": f"{what} with its unit", "examples": [example]})


def _reader(read: Any, positive: bool) -> BeforeValidator:
    return BeforeValidator(lambda text: _positive(read(text)) if positive else read(text))


def _ns_text(value: int) -> str:
    return f"{value}ns"


Bandwidth = Annotated[
    float, _reader(bandwidth_bps, True), PlainSerializer(format_bandwidth), _schema("400Gbps", "a bandwidth")
]
Length = Annotated[float, _reader(length_m, True), PlainSerializer(lambda m: f"{m!r}m"), _schema("80km", "a length")]
Size = Annotated[int, _reader(size_bytes, True), PlainSerializer(format_size), _schema("1GiB", "a size")]
Latency = Annotated[int, _reader(time_ns, False), PlainSerializer(_ns_text), _schema("500ns", "a time"), Field(ge=0)]
Duration = Annotated[
    float, _reader(duration_s, False), PlainSerializer(lambda s: f"{s!r}s"), _schema("16us", "a time"), Field(ge=0)
]
