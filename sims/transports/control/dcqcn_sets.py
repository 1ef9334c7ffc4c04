"""Published parameter sets of DCQCN, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .red import Marking

KB, MB = 1e3, 1e6
NO_COUNTER_BYTES = 1e15
"""A byte counter that never fires: simulators that have none."""


@dataclass(frozen=True)
class DcqcnSet:
    """Of the sender: `gain` g, least time between cuts, timer of alpha, timer and byte counter of increases, rounds of
    fast recovery, additive increase. Of the switch: marking. With `scaled_from_bps` the increase and the thresholds
    grow with the port's rate, and stand here for that rate."""

    gain: float
    cut_interval_s: float
    alpha_timer_s: float
    increase_timer_s: float
    byte_counter_bytes: float
    fast_recovery: int
    increase_bps: float
    marking: Marking
    source: str
    scaled_from_bps: float | None = None


_FLUID = "Zhu et al., SIGCOMM 2015, and the fluid model of Zhu et al., CoNEXT 2016 (40 Gbit/s adapters)"
_SIMULATOR = "alibaba-edu/High-Precision-Congestion-Control simulation/run.py"
_ADAPTER = "NVIDIA DOCA 'DCQCN CC Parameters' and mlxconfig defaults; marking: SONiC WRED profile AZURE_LOSSLESS"

DCQCN_SETS: Mapping[str, DcqcnSet] = {
    "paper": DcqcnSet(1 / 256, 50e-6, 55e-6, 55e-6, 10 * MB, 5, 40e6, Marking(5 * KB, 200 * KB, 0.01), source=_FLUID),
    "validation": DcqcnSet(
        1 / 256, 50e-6, 50e-6, 50e-6, 10 * MB, 5, 40e6, Marking(10 * KB, 100 * KB, 0.01), source="DCQCN-validation"
    ),
    "adapter": DcqcnSet(
        1 - 1019 / 1024, 4e-6, 1e-6, 300e-6, 32767, 1, 5e6, Marking(2**20, 2**21, 0.05), source=_ADAPTER
    ),
    "simulator": DcqcnSet(
        1 / 256,
        4e-6,
        1e-6,
        300e-6,
        NO_COUNTER_BYTES,
        1,
        5e6,
        Marking(100 * KB, 400 * KB, 0.2),
        source=_SIMULATOR + " (dcqcn)",
        scaled_from_bps=25e9,
    ),
    "simulator-paper": DcqcnSet(
        1 / 256,
        50e-6,
        50e-6,
        55e-6,
        NO_COUNTER_BYTES,
        1,
        5e6,
        Marking(100 * KB, 400 * KB, 0.2),
        source=_SIMULATOR + " (dcqcn_paper)",
        scaled_from_bps=25e9,
    ),
}
