"""Flows as a user gives them: a mapping or frame of columns, or a CSV file `flow,src,dst,bytes,start_s,sl`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..fabric.errors import Fault, WorkloadError
from ..fabric.graph import Fabric
from .connection_matrix import SUFFIX, read_matrix
from .csv_table import read_csv
from .flow_cells import Column, Where, read_numbers

REQUIRED = ("src", "dst", "bytes")
OPTIONAL = ("flow", "start_s", "sl")


@dataclass(frozen=True)
class Flows:
    """Per flow: its name `flow`, ranks `src` and `dst` and how the user named them, payload `size_bytes`,
    `start_s`, and service level `sl` if any flow names one."""

    flow: npt.NDArray[Any]
    src: npt.NDArray[np.int32]
    dst: npt.NDArray[np.int32]
    src_given: npt.NDArray[Any]
    dst_given: npt.NDArray[Any]
    size_bytes: npt.NDArray[np.int64]
    start_s: npt.NDArray[np.float64]
    sl: npt.NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.src)

    def reversed(self) -> Flows:
        """The same flows the other way round, as their acknowledgements go."""
        return replace(self, src=self.dst, dst=self.src, src_given=self.dst_given, dst_given=self.src_given)


def read_flows(fabric: Fabric, flows: Any) -> Flows:
    """Flows from a mapping or frame with `src, dst, bytes[, flow, start_s, sl]`, or from a file: CSV, or a `*.cm` of
    htsim.

    Endpoints are given by rank or by node name. Raises WorkloadError (ParseError for a file that is no such table)
    listing every flow with an unknown endpoint, one that sends to itself, bytes that are no positive whole number, a
    bad start, a service level outside 0..15.
    """
    if isinstance(flows, (str, Path)):
        matrix = str(flows).endswith(SUFFIX)
        table = read_matrix(flows, fabric.ranks) if matrix else read_csv(flows, REQUIRED, OPTIONAL)
        return _read(fabric, table.columns, lambda i: {"file": table.file, "line": table.lines[i]})
    return _read(fabric, _columns(flows), lambda i: {"field": f"flow {i}"})


def _columns(flows: Any) -> dict[str, Column]:
    names = list(flows.keys() if isinstance(flows, Mapping) else getattr(flows, "columns", ()))
    known = (*REQUIRED, *OPTIONAL)
    faults = [Fault(f"column {name!r} is missing", "give src, dst, bytes") for name in REQUIRED if name not in names]
    faults += [Fault(f"unknown column {name!r}", f"known: {', '.join(known)}") for name in names if name not in known]
    if faults:
        raise WorkloadError(faults)
    columns = {name: _cells(flows[name]) for name in names}
    odd = any(not isinstance(cells, (list, np.ndarray)) for cells in columns.values())
    if odd or len({*map(len, columns.values())}) > 1:
        raise WorkloadError("the columns of the flows differ in length", "give one value per flow in each")
    return columns


def _cells(column: Any) -> Any:
    """Numbers of an array as they are, of any other array, series or sequence a list of plain values; what is none of
    them comes back."""
    if isinstance(column, np.ndarray) and column.ndim == 1 and column.dtype.kind in "iuf":
        return column
    if hasattr(column, "tolist"):
        return column.tolist()
    return list(column) if isinstance(column, Iterable) else column


def _read(fabric: Fabric, columns: Mapping[str, Column], where: Where) -> Flows:
    count = len(columns["src"])
    if not count:
        raise WorkloadError("there are no flows", "give at least one")
    numbers = read_numbers(fabric, columns, where)
    return Flows(
        np.array(columns.get("flow", np.arange(count))),
        numbers.src,
        numbers.dst,
        np.array(columns["src"]),
        np.array(columns["dst"]),
        numbers.size_bytes,
        numbers.start_s,
        numbers.level,
    )
