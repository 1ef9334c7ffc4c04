"""What a step costs in money and energy, and how much of it is starvation."""

from __future__ import annotations

from dataclasses import dataclass

from ..fabric.catalogue import catalogue
from ..fabric.errors import Fault, SpecError
from .workloads.machines import Machines

SECONDS_PER_HOUR = 3600
JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True)
class Prices:
    """Rent of one GPU, and power drawn at the meter over that of the GPUs (power usage effectiveness)."""

    gpu_hour_usd: float
    pue: float = 1.0

    def __post_init__(self) -> None:
        faults = []
        if not 0 <= self.gpu_hour_usd < float("inf"):
            faults.append(Fault(f"{self.gpu_hour_usd} is no price", "give dollars per hour", field="gpu_hour_usd"))
        if not 1 <= self.pue < float("inf"):
            faults.append(Fault(f"{self.pue} is below 1", "give a factor like 1.3", field="pue"))
        if faults:
            raise SpecError(faults)


@dataclass(frozen=True)
class CostRow:
    """One step: rent, the share of it that starves, energy of the GPUs at their rated power, tokens per joule."""

    usd: float
    starved_usd: float
    kwh: float
    tokens_per_joule: float


def step_cost(
    prices: Prices, machines: Machines, step_time_s: float, starved_fraction: float, tokens_per_s: float
) -> CostRow:
    """Cost of a step on all GPUs; GPUs draw their rated power throughout (catalogue, tdp_w)."""
    gpu_w = [catalogue().accelerators[kind.accelerator].tdp_w.value for kind in machines.kinds]
    power_w = prices.pue * sum(gpu_w[kind] for kind in machines.of_rank.tolist())
    usd = prices.gpu_hour_usd * len(machines.of_rank) * step_time_s / SECONDS_PER_HOUR
    return CostRow(usd, usd * starved_fraction, power_w * step_time_s / JOULES_PER_KWH, tokens_per_s / power_w)
