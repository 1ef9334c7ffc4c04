"""What a run of flows answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .engine import LinkRecord
from .explain import FlowExplanation, TrafficReport
from .results import Bottleneck, Floats, Tabular
from .tables import write_table


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
