"""What the commands answer: frozen, NumPy inside, and the keys of the JSON contract on the way out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..fabric.errors import InputError
from .tables import polars_module, write_table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    from .engine import LinkRecord
    from .explain import FlowExplanation, TrafficReport

Floats = npt.NDArray[np.float64]


_MOST_SHOWN = 60
"""Rows of a table in a notebook; of a longer one its beginning and end."""


class Tabular:
    """A result with a main table: as rows, or as columns by name."""

    def _table(self) -> list[dict[str, Any]] | dict[str, npt.NDArray[Any]]:
        raise NotImplementedError

    def to_pandas(self) -> pd.DataFrame:
        """The main table. Raises InputError where pandas is not installed."""
        return pandas_module().DataFrame(self._table())

    def to_polars(self) -> pl.DataFrame:
        """The main table. Raises InputError where polars is not installed."""
        return polars_module().DataFrame(self._table(), infer_schema_length=None)

    def _repr_html_(self) -> str | None:
        """The main table in a notebook; None, so that it shows text, where pandas is not installed."""
        try:
            return str(self.to_pandas().to_html(max_rows=_MOST_SHOWN))
        except InputError:
            return None


@dataclass(frozen=True)
class Bottleneck:
    """What limits a result: its kind (`network`, `nvlink`, `pcie`, `latency`, `none`), name, and the fraction of the
    time that it is busy."""

    kind: str
    name: str
    utilisation: float


NOTHING = Bottleneck("none", "nothing", 0.0)


@dataclass(frozen=True)
class CollectiveRow:
    """One line of nccl-tests: `size_bytes`, `algbw_GBps` and `busbw_GBps` as it defines them, out of place."""

    op: str
    size_bytes: int
    ranks: int
    algorithm: str
    protocol: str | None
    transport: str
    fidelity: str
    time_us: float
    algbw_GBps: float
    busbw_GBps: float
    bound_time_us: float
    bound_fraction: float
    bottleneck: Bottleneck


@dataclass(frozen=True)
class GroupRow(CollectiveRow):
    """The line of one of several groups: it starts at `start_us`, when its first rank does; of its time,
    `straggler_us` are due to ranks that start later, below 0 where those of other groups leave room. Alone and with all
    ranks in time it would take `alone_us`."""

    group: str
    start_us: float
    straggler_us: float
    alone_us: float


@dataclass(frozen=True)
class LinkLoad:
    """What a run puts on links: of each of its `parts`, a share of so many bytes on each directed link, as payload."""

    parts: tuple[tuple[Floats, int], ...]
    makespan_s: float

    @property
    def link_bytes(self) -> Floats:
        """Per directed link of the fabric."""
        return np.asarray(sum(share * size_bytes for share, size_bytes in self.parts))


@dataclass(frozen=True)
class CollectiveResult(Tabular):
    """A collective over a range of sizes; its table has one line per size. `loads` are what each line, or all lines of
    a size together, put on links."""

    fabric: str
    gpus: int
    rows: tuple[CollectiveRow, ...]
    assumptions: tuple[str, ...]
    loads: tuple[LinkLoad, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without the links."""
        rows = [asdict(row) for row in self.rows]
        return {"fabric": self.fabric, "gpus": self.gpus, "rows": rows, "assumptions": list(self.assumptions)}

    def _table(self) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.rows]


@dataclass(frozen=True)
class TrafficResult(Tabular):
    """Flows in input order. `flow`, `src`, `dst` are as they were given; times are absolute. Where flows that fare
    alike are kept as one row, `stands_for` says how many each row is. `record`: loads of links over time, if asked
    for, as bytes leave their senders."""

    flow: npt.NDArray[Any]
    src: npt.NDArray[Any]
    dst: npt.NDArray[Any]
    size_bytes: npt.NDArray[np.int64]
    start_s: Floats
    finish_s: Floats
    rate_bps: Floats
    latency_s: Floats
    link_bytes: Floats
    bottleneck: Bottleneck
    assumptions: tuple[str, ...]
    explanation: FlowExplanation | None = None
    stands_for: npt.NDArray[np.int64] | None = None
    report: TrafficReport | None = None
    record: LinkRecord | None = None

    @property
    def makespan_s(self) -> float:
        """From the first start to the last finish."""
        return float(self.finish_s.max() - self.start_s.min())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: how many flows, and how their rates and completion times spread."""
        return {
            "flows": len(self.flow) if self.stands_for is None else int(self.stands_for.sum()),
            "makespan_s": self.makespan_s,
            "rate_bps": _spread(self.rate_bps, self.stands_for),
            "fct_s": _spread(self.finish_s - self.start_s, self.stands_for),
            "bottleneck": asdict(self.bottleneck),
            "assumptions": list(self.assumptions),
            **({} if self.explanation is None else {"explanation": self.explanation.to_dict()}),
            **({} if self.report is None else {"report": self.report.to_dict()}),
        }

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The per-flow table by column name."""
        return {
            "flow": self.flow,
            "src": self.src,
            "dst": self.dst,
            "bytes": self.size_bytes,
            "start_s": self.start_s,
            "finish_s": self.finish_s,
            "rate_bps": self.rate_bps,
            **({} if self.stands_for is None else {"flows": self.stands_for}),
        }

    def save_flows(self, path: str | Path) -> None:
        """Write the per-flow table as `.csv` or `.parquet`; see `tables.write_table`."""
        write_table(path, self.columns())

    def _table(self) -> dict[str, npt.NDArray[Any]]:
        return self.columns()


def _spread(values: Floats, counts: npt.NDArray[np.int64] | None) -> dict[str, float]:
    """Of `values`, each `counts` times, once if None."""
    if counts is None:
        counts = np.ones(len(values), dtype=np.int64)
    order = np.argsort(values)
    ends = np.cumsum(counts[order])

    def percentile(share: float) -> float:
        place = share * (ends[-1] - 1)
        low, high = (values[order[np.searchsorted(ends, at, side="right")]] for at in (np.floor(place), np.ceil(place)))
        return float(low + (high - low) * (place % 1))

    return {
        "mean": float(np.average(values, weights=counts)),
        "min": float(values.min()),
        "p50": percentile(0.5),
        "p99": percentile(0.99),
    }


def pandas_module() -> Any:
    """pandas, or an InputError that says how to get it."""
    try:
        import pandas
    except ImportError:
        raise InputError("a frame needs pandas", "pip install 'fabricsim[data]'") from None
    return pandas
