"""What one accelerator does with FLOPs and bytes: matrix products at their measured rate, the rest at memory rate."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ...fabric.catalogue import catalogue
from ...fabric.errors import Fault, WorkloadError
from .efficiency import eager_set, generation_of, multiprocessors
from .job import Precision
from .work import ACTIVATION_BYTES, Product, Work

TILES = ((256, 128), (128, 256), (128, 128))
"""Output tiles that a library chooses between (cuBLAS and CUTLASS kernels' usual shapes, from general knowledge)."""
SPLITS = (1, 2, 4, 8)
LEAST_INNER = 1024
"""The inner dimension may be split while a part keeps this length, so that few tiles still fill the accelerator."""


@dataclass(frozen=True)
class Roofline:
    """Rates of one accelerator. `peak_flops_per_s` is the dense BF16 peak that MFU divides by, `exact_flops_per_s`
    the rate of BF16 products in an FP8 job; `multiprocessors` 0: products run at their rate whatever their shape.
    `traffic` multiplies the bytes of elementwise operations; `capacity_bytes` is its memory.
    """

    accelerator: str
    peak_flops_per_s: float
    matrix_flops_per_s: float
    exact_flops_per_s: float
    attention_flops_per_s: float
    memory_bytes_per_s: float
    capacity_bytes: float
    multiprocessors: int = 0
    traffic: float = 1.0
    assumptions: tuple[str, ...] = ()

    def seconds(self, work: Work) -> float:
        """Time of `work`, one kernel after another."""
        return (
            sum(self.product_s(product) for product in work.products)
            + work.attention_flops / self.attention_flops_per_s
            + self.traffic * work.memory_bytes / self.memory_bytes_per_s
        )

    def product_s(self, product: Product) -> float:
        """Time of a product: what its tiles take in whole waves over the multiprocessors, or what its operands take
        from memory."""
        rate = self.exact_flops_per_s if product.exact else self.matrix_flops_per_s
        flops = min(self._flops_in_waves(product)) if self.multiprocessors else product.flops
        values = product.inner * (product.rows + product.columns) + product.rows * product.columns
        return max(flops / rate, ACTIVATION_BYTES * product.count * values / self.memory_bytes_per_s)

    def _flops_in_waves(self, product: Product) -> Iterator[float]:
        """FLOPs with those that idle tiles and waves would have done, per tile shape and split."""
        for high, wide in TILES:
            tiles = math.ceil(product.rows / high) * math.ceil(product.columns / wide) * product.count
            for split in SPLITS:
                if split == 1 or product.inner / split >= LEAST_INNER:
                    waves = math.ceil(tiles * split / self.multiprocessors)
                    yield 2 * waves * self.multiprocessors * high * wide * product.inner / split


def roofline(accelerator: str, precision: Precision, eager: bool = False) -> Roofline:
    """The roofline of a catalogue accelerator.

    Matrix products run at a share of the catalogue's `achieved_*_tflops`, the best rate measured over matrix shapes
    (maximum achievable matmul FLOPS, stas00/ml-engineering), or of the peak where no measurement is known.
    Attention's core runs in BF16 whatever the precision. With `eager` kernels, elementwise operations and attention
    are slower by the fitted set. Raises WorkloadError for a precision without a rate.
    """
    device = catalogue().accelerators[accelerator]
    generation = generation_of(device)
    peaks = {"bf16": device.peak_bf16_dense_tflops, "fp8": device.peak_fp8_dense_tflops}
    achieved = {"bf16": device.achieved_bf16_tflops, "fp8": device.achieved_fp8_tflops}
    rates, assumptions = {}, []
    for kind in sorted({precision, "bf16"}):
        rate = achieved[kind] or peaks[kind]
        if rate is None:
            problem = f"the catalogue knows no {kind} rate of {accelerator}"
            raise WorkloadError(Fault(problem, "use bf16", field="precision"))
        share = generation.matrix.get(kind, 1.0)
        reached = "the peak: no measured rate is known" if achieved[kind] is None else "the best rate measured"
        fitted = (
            f"{share:g} of it in a job on {generation.name}, {generation.basis}"
            if kind in generation.matrix
            else "all of it in a job"
        )
        assumptions.append(
            f"Matrix products in {kind}: {rate.value:g} TFLOP/s on {accelerator}, {reached} (catalogue); {fitted}."
        )
        rates[kind] = rate.value * 1e12 * share
    peak = device.peak_bf16_dense_tflops.value * 1e12
    attention = rates["bf16"] if generation.attention is None else generation.attention * peak
    if eager:
        attention = eager_set().attention * rates["bf16"]
        assumptions.append("Kernels are eager: elementwise traffic and attention as fitted for eager FSDP.")
    return Roofline(
        accelerator=accelerator,
        peak_flops_per_s=peak,
        matrix_flops_per_s=rates[precision],
        exact_flops_per_s=rates["bf16"],
        attention_flops_per_s=attention,
        memory_bytes_per_s=device.hbm_tbps.value * 1e12,
        capacity_bytes=device.hbm_gb.value * 1e9,
        multiprocessors=multiprocessors(accelerator),
        traffic=eager_set().traffic if eager else 1.0,
        assumptions=tuple(assumptions),
    )
