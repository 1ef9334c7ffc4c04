"""What a training step answers, and its keys in the JSON contract."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .exposed_links import LinkClassRow, LinkRow, RailRow
from .exposure import DimensionRow, ExposedRow
from .ledger import LedgerRow
from .per_gpu import PerGpu
from .reasons import Reason
from .results import Tabular
from .step_cost import CostRow
from .timeline import Slice
from .workloads.calls import CallRow
from .workloads.memory import MemoryRow

_TABLES = (
    *("ledger", "reasons", "by_dimension", "by_collective", "by_link_class", "by_rail"),
    *("collectives", "top_links"),
)


@dataclass(frozen=True)
class TrainResult(Tabular):
    """One training step of `model`, laid out by `parallel`, on `fabric` under a transport and a routing rule; its table
    is the ledger, one line per cause. `mfu` counts full attention over the BF16 peak, `mfu_causal` causal attention.
    `timeline` is what the streams of each pipeline stage do in time."""

    fabric: str
    model: str
    parallel: str
    transport: str
    routing: str
    gpus: int
    step_time_s: float
    tokens_per_s: float
    model_tflops_per_gpu: float
    mfu: float
    mfu_causal: float
    ledger: tuple[LedgerRow, ...]
    by_dimension: tuple[DimensionRow, ...]
    by_collective: tuple[ExposedRow, ...]
    by_link_class: tuple[LinkClassRow, ...]
    by_rail: tuple[RailRow, ...]
    reasons: tuple[Reason, ...]
    per_gpu: PerGpu
    collectives: tuple[CallRow, ...]
    top_links: tuple[LinkRow, ...]
    memory: MemoryRow
    assumptions: tuple[str, ...]
    cost: CostRow | None = None
    timeline: tuple[Slice, ...] = ()

    @property
    def starved_fraction(self) -> float:
        """Share of the GPU-seconds in which nothing is computed."""
        return 1.0 - self.ledger[0].fraction

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            **{name: getattr(self, name) for name in ("fabric", "model", "parallel", "transport", "routing")},
            "gpus": self.gpus,
            "step_time_s": self.step_time_s,
            "tokens_per_s": self.tokens_per_s,
            "tokens_per_s_per_gpu": self.tokens_per_s / self.gpus,
            "model_tflops_per_gpu": self.model_tflops_per_gpu,
            "mfu": self.mfu,
            "mfu_causal": self.mfu_causal,
            "starved_fraction": self.starved_fraction,
            **{table: [asdict(row) for row in getattr(self, table)] for table in _TABLES},
            "per_gpu": asdict(self.per_gpu),
            "memory": asdict(self.memory),
            **({"cost": asdict(self.cost)} if self.cost else {}),
            "assumptions": list(self.assumptions),
        }

    def _table(self) -> list[dict[str, Any]]:
        return [asdict(row) for row in self.ledger]
