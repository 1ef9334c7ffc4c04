"""Flows as a user gives them: a mapping or frame of columns, or a CSV file `flow,src,dst,bytes,start_s`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..fabric.errors import Fault, InputError, UnknownNameError, WorkloadError
from ..fabric.graph import Fabric
from .connection_matrix import SUFFIX, read_matrix
from .csv_table import read_csv, whole_number

REQUIRED = ("src", "dst", "bytes")
OPTIONAL = ("flow", "start_s")

_MOST_COMPARED = 10_000
"""Names among which a near one is looked for, as that takes time for each."""

_LATEST_S = 1e6
"""Up to here float64 seconds tell tenths of nanoseconds apart, and a flow's duration keeps its digits."""

_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")

Where = Callable[[int], dict[str, Any]]


@dataclass(frozen=True)
class Flows:
    """Per flow: its name `flow`, ranks `src` and `dst` and how the user named them, payload `size_bytes`,
    `start_s`."""

    flow: npt.NDArray[Any]
    src: npt.NDArray[np.int32]
    dst: npt.NDArray[np.int32]
    src_given: npt.NDArray[Any]
    dst_given: npt.NDArray[Any]
    size_bytes: npt.NDArray[np.int64]
    start_s: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.src)

    def reversed(self) -> Flows:
        """The same flows the other way round, as their acknowledgements go."""
        return replace(self, src=self.dst, dst=self.src, src_given=self.dst_given, dst_given=self.src_given)


def read_flows(fabric: Fabric, flows: Any) -> Flows:
    """Flows from a mapping or frame with `src, dst, bytes[, flow, start_s]`, or from a file: CSV, or htsim's `*.cm`.

    Endpoints are given by rank or by node name. Raises WorkloadError (ParseError for a file that is no such table)
    listing every flow with an unknown endpoint, one that sends to itself, bytes that are no positive whole number, a
    bad start.
    """
    if isinstance(flows, (str, Path)):
        matrix = str(flows).endswith(SUFFIX)
        table = read_matrix(flows, fabric.ranks) if matrix else read_csv(flows, REQUIRED, OPTIONAL)
        return _checked(fabric, table.columns, lambda i: {"file": table.file, "line": table.lines[i]})
    return _checked(fabric, _columns(flows), lambda i: {"field": f"flow {i}"})


def _columns(flows: Any) -> dict[str, list[Any]]:
    names = list(flows.keys() if isinstance(flows, Mapping) else getattr(flows, "columns", ()))
    known = (*REQUIRED, *OPTIONAL)
    faults = [Fault(f"column {name!r} is missing", "give src, dst, bytes") for name in REQUIRED if name not in names]
    faults += [Fault(f"unknown column {name!r}", f"known: {', '.join(known)}") for name in names if name not in known]
    if faults:
        raise WorkloadError(faults)
    columns = {name: _cells(flows[name]) for name in names}
    if any(not isinstance(cells, list) for cells in columns.values()) or len({*map(len, columns.values())}) > 1:
        raise WorkloadError("the columns of the flows differ in length", "give one value per flow in each")
    return columns


def _cells(column: Any) -> Any:
    """A list of plain values from any array, series or sequence; what is none of them comes back as it is."""
    if hasattr(column, "tolist"):
        return column.tolist()
    return list(column) if isinstance(column, Iterable) else column


def _checked(fabric: Fabric, columns: Mapping[str, list[Any]], where: Where) -> Flows:
    count = len(columns["src"])
    if not count:
        raise WorkloadError("there are no flows", "give at least one")
    ranks = {fabric.label(int(node)): rank for rank, node in enumerate(fabric.endpoints)}
    faults: list[tuple[int, Fault]] = []

    def read(name: str, parse: Callable[[Any], Any]) -> list[Any]:
        values = []
        for i, cell in enumerate(columns[name]):
            try:
                values.append(parse(cell))
            except InputError as error:
                values.append(-1 - len(faults))
                faults.extend((i, Fault(f"{name}: {fault.message}", fault.cure, **where(i))) for fault in error.faults)
        return values

    src, dst = (read(name, lambda cell: _rank(cell, ranks)) for name in ("src", "dst"))
    size = read("bytes", _whole_bytes)
    start = read("start_s", _seconds) if "start_s" in columns else [0.0] * count
    faults += [(i, Fault("sends to itself", "give another dst", **where(i))) for i in range(count) if src[i] == dst[i]]
    if faults:
        raise WorkloadError(fault for _, fault in sorted(faults, key=lambda entry: entry[0]))
    return Flows(
        np.array(columns.get("flow", range(count))),
        np.array(src, dtype=np.int32),
        np.array(dst, dtype=np.int32),
        np.array(columns["src"]),
        np.array(columns["dst"]),
        np.array(size, dtype=np.int64),
        np.array(start, dtype=np.float64),
    )


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


def _number(cell: Any) -> float:
    """NaN for what is no number."""
    if isinstance(cell, str):
        return float(cell) if _DECIMAL.fullmatch(cell) else math.nan
    if isinstance(cell, bool) or not isinstance(cell, (int, float)):
        return math.nan
    return float(cell) if abs(cell) < 2**63 else math.inf
