"""What one accelerator does with FLOPs and bytes: matrix products at their measured rate, the rest at memory rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...fabric.catalogue import catalogue
from ...fabric.errors import Fault, WorkloadError
from ...fabric.graph import Fabric
from .job import Precision


@dataclass(frozen=True)
class Work:
    """What one GPU has to do: FLOPs of weight matrices and of attention's core, bytes of memory traffic around them."""

    matrix_flops: float = 0.0
    attention_flops: float = 0.0
    memory_bytes: float = 0.0


@dataclass(frozen=True)
class Roofline:
    """Rates of one accelerator. `peak_flops_per_s` is the dense BF16 peak that MFU divides by."""

    accelerator: str
    peak_flops_per_s: float
    matrix_flops_per_s: float
    attention_flops_per_s: float
    memory_bytes_per_s: float
    assumptions: tuple[str, ...] = ()

    def seconds(self, work: Work) -> float:
        """Time of `work`, one kernel after another."""
        return (
            work.matrix_flops / self.matrix_flops_per_s
            + work.attention_flops / self.attention_flops_per_s
            + work.memory_bytes / self.memory_bytes_per_s
        )


def fabric_roofline(fabric: Fabric, precision: Precision) -> Roofline:
    """The roofline of the accelerators that are the fabric's ranks. Raises WorkloadError when there are none, or
    several kinds.
    """
    devices = fabric.column("device")[fabric.endpoints]
    names = [fabric.meta["devices"][device] for device in np.unique(devices[devices >= 0])]
    kinds = [name for name in names if name in catalogue().accelerators]
    if not kinds or (devices < 0).any() or len(kinds) < len(names):
        raise WorkloadError(
            Fault(
                "the fabric's endpoints are not all accelerators", "give it servers, for example --set server=hgx-h100"
            )
        )
    if len(kinds) > 1:
        raise WorkloadError(Fault(f"the fabric mixes {' and '.join(kinds)}", "train on accelerators of one kind"))
    return roofline(kinds[0], precision)


def roofline(accelerator: str, precision: Precision) -> Roofline:
    """The roofline of a catalogue accelerator.

    Matrix products run at the catalogue's `achieved_*_tflops`, the best rate measured over matrix shapes (maximum
    achievable matmul FLOPS, stas00/ml-engineering), at the peak where no measurement is known. Attention's core runs
    in BF16 whatever the precision.
    """
    device = catalogue().accelerators[accelerator]
    peaks = {"bf16": device.peak_bf16_dense_tflops, "fp8": device.peak_fp8_dense_tflops}
    achieved = {"bf16": device.achieved_bf16_tflops, "fp8": device.achieved_fp8_tflops}
    rates, assumptions = {}, []
    for kind in sorted({precision, "bf16"}):
        rate = achieved[kind] or peaks[kind]
        if rate is None:
            raise WorkloadError(
                Fault(f"the catalogue knows no {kind} rate of {accelerator}", "use bf16", field="precision")
            )
        reached = "the peak: no measured rate is known" if achieved[kind] is None else "the best rate measured"
        assumptions.append(
            f"Matrix products in {kind} run at {rate.value:g} TFLOP/s on {accelerator}, {reached} (catalogue)."
        )
        rates[kind] = rate.value * 1e12
    return Roofline(
        accelerator=accelerator,
        peak_flops_per_s=device.peak_bf16_dense_tflops.value * 1e12,
        matrix_flops_per_s=rates[precision],
        attention_flops_per_s=rates["bf16"],
        memory_bytes_per_s=device.hbm_tbps.value * 1e12,
        assumptions=tuple(assumptions),
    )
