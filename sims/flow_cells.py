"""Cells of a list of flows, as numbers: a column at once where nothing is wrong with it, else one by one, so that
every fault is named."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..fabric.errors import Fault, InputError, UnknownNameError, WorkloadError
from ..fabric.graph import Fabric
from ..fabric.names import ranks_by_name, some_name_is_a_number
from .csv_table import whole_number

_MOST_COMPARED = 10_000
"""Names among which a near one is looked for, as that takes time for each."""

_LATEST_S = 1e6
"""Up to here float64 seconds tell tenths of nanoseconds apart, and a flow's duration keeps its digits."""

MOST_LEVEL = 15
"""Of service levels, which four bits tell (InfiniBand Architecture Specification, volume 1, section 7.6.5)."""

_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_LONGEST = 18
"""Digits that an int64 holds whatever they are."""

Column = list[Any] | npt.NDArray[Any]
Where = Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class Numbers:
    """Per flow: ranks, payload bytes, seconds, and service level where any is named."""

    src: npt.NDArray[np.int32]
    dst: npt.NDArray[np.int32]
    size_bytes: npt.NDArray[np.int64]
    start_s: npt.NDArray[np.float64]
    level: npt.NDArray[np.int8] | None


def read_numbers(fabric: Fabric, columns: Mapping[str, Column], where: Where) -> Numbers:
    """The columns `src, dst, bytes[, start_s, sl]` of one length. Raises WorkloadError with every fault and `where` it
    is."""
    start = columns.get("start_s", np.zeros(len(columns["src"])))
    return _at_once(fabric, columns, start) or _one_by_one(fabric, columns, start, where)


def _at_once(fabric: Fabric, columns: Mapping[str, Column], start: Column) -> Numbers | None:
    """None where some cell has to be looked at by itself."""
    src, dst = (_ranks(fabric, columns[name]) for name in ("src", "dst"))
    size, start_s = _numbers(columns["bytes"]), _numbers(start)
    if src is None or dst is None or size is None or start_s is None or (src == dst).any():
        return None
    whole = ((size > 0) & (size < 2.0**63) & (size == np.trunc(size))).all()
    if not whole or not ((start_s >= 0) & (start_s <= _LATEST_S)).all():
        return None
    level = _levels(columns["sl"]) if "sl" in columns else None
    if "sl" in columns and level is None:
        return None
    ends = src.astype(np.int32), dst.astype(np.int32)
    return Numbers(*ends, size.astype(np.int64), start_s.astype(np.float64), level)


def _levels(cells: Column) -> npt.NDArray[np.int8] | None:
    numbers = _numbers(cells)
    if numbers is None or numbers.dtype.kind not in "iu" or not ((numbers >= 0) & (numbers <= MOST_LEVEL)).all():
        return None
    return numbers.astype(np.int8)


def _ranks(fabric: Fabric, cells: Column) -> npt.NDArray[Any] | None:
    numbers = _numbers(cells)
    if numbers is None:
        return _named(fabric, cells)
    inside = numbers.dtype.kind in "iu" and ((numbers >= 0) & (numbers < fabric.ranks)).all()
    return numbers if inside and not some_name_is_a_number(fabric) else None


def _named(fabric: Fabric, cells: Column) -> npt.NDArray[Any] | None:
    if {*map(type, cells)} != {str} or some_name_is_a_number(fabric):
        return None
    known = ranks_by_name(fabric)
    ranks = [known.get(cell, -1) for cell in cells]
    return None if min(ranks) < 0 else np.array(ranks)


def _numbers(cells: Column) -> npt.NDArray[Any] | None:
    """The column as integers or floats, where every cell is one of the same kind."""
    if isinstance(cells, np.ndarray):
        return cells
    kinds = {*map(type, cells)}
    if (kinds == {int} and all(abs(cell) < 2**63 for cell in cells)) or kinds == {float}:
        return np.array(cells)
    if kinds != {str}:
        return None
    if all(cell.isascii() and cell.isdecimal() and len(cell) <= _LONGEST for cell in cells):
        return np.array([int(cell) for cell in cells])
    return np.array([float(cell) for cell in cells]) if all(map(_is_fraction, cells)) else None


def _is_fraction(cell: str) -> bool:
    """Whether a float holds a cell with all its digits."""
    return len(cell) < _LONGEST and _DECIMAL.fullmatch(cell) is not None and abs(float(cell)) < 2**53


def _one_by_one(fabric: Fabric, columns: Mapping[str, Column], start: Column, where: Where) -> Numbers:
    names, count = ranks_by_name(fabric), len(columns["src"])
    faults: list[tuple[int, Fault]] = []

    def read(name: str, cells: Column, parse: Callable[[Any], Any]) -> list[Any]:
        values = []
        for i, cell in enumerate(cells.tolist() if isinstance(cells, np.ndarray) else cells):
            try:
                values.append(parse(cell))
            except InputError as error:
                values.append(-1 - len(faults))
                faults.extend((i, Fault(f"{name}: {fault.message}", fault.cure, **where(i))) for fault in error.faults)
        return values

    src, dst = (read(name, columns[name], lambda cell: _rank(cell, names)) for name in ("src", "dst"))
    size = read("bytes", columns["bytes"], _whole_bytes)
    start_s = read("start_s", start, _seconds)
    level = read("sl", columns["sl"], service_level) if "sl" in columns else None
    faults += [(i, Fault("sends to itself", "give another dst", **where(i))) for i in range(count) if src[i] == dst[i]]
    if faults:
        raise WorkloadError(fault for _, fault in sorted(faults, key=lambda entry: entry[0]))
    ends = np.array(src, dtype=np.int32), np.array(dst, dtype=np.int32)
    levels = None if level is None else np.array(level, dtype=np.int8)
    return Numbers(*ends, np.array(size, dtype=np.int64), np.array(start_s, dtype=np.float64), levels)


def _rank(cell: Any, ranks: Mapping[str, int]) -> int:
    number = whole_number(cell)
    if number is not None:
        if ranks.get(str(number), number) != number:
            raise WorkloadError(
                f"{number} is a rank, and the name of rank {ranks[str(number)]}", "give endpoints names with a letter"
            )
        if number < len(ranks):
            return number
        raise WorkloadError(f"rank {number} is outside 0..{len(ranks) - 1}", "count endpoints from 0")
    if isinstance(cell, str) and cell in ranks:
        return ranks[cell]
    if isinstance(cell, str) and len(ranks) <= _MOST_COMPARED:
        raise UnknownNameError.of("endpoint", cell, ranks)
    raise WorkloadError(f"unknown endpoint {cell!r}", "give a rank or the name of an endpoint")


def _whole_bytes(cell: Any) -> int:
    number = whole_number(cell)
    value = _number(cell) if number is None else number
    if not (0 < value < 2**63 and value == int(value)):
        raise WorkloadError(f"{cell!r} is no whole number of bytes above 0", "give bytes without a unit, like 1000000")
    return int(value)


def _seconds(cell: Any) -> float:
    value = _number(cell)
    if not 0 <= value < math.inf:
        raise WorkloadError(f"{cell!r} is no time from 0", "give seconds, like 0.001")
    if value > _LATEST_S:
        raise WorkloadError(f"{cell!r} is after {_LATEST_S:,.0f} s", "count from the first flow's start")
    return float(value)


def service_level(cell: Any) -> int:
    """Raises WorkloadError for what is none."""
    number = whole_number(cell)
    if number is None or number > MOST_LEVEL:
        raise WorkloadError(f"{cell!r} is no service level", f"give a whole number from 0 to {MOST_LEVEL}")
    return number


def _number(cell: Any) -> float:
    """NaN for what is no number."""
    if isinstance(cell, str):
        return float(cell) if _DECIMAL.fullmatch(cell) else math.nan
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return math.nan
    return float(cell) if abs(cell) < 2**63 else math.inf
