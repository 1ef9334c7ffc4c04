"""The layouts of a model on a number of GPUs: degrees of parallelism, micro-batch, chunks per stage, sharding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from .workloads.model import ModelSpec
from .workloads.options import JobOptions

MICRO_BATCHES = (1, 2, 4, 8)
MOST_CONTEXT = 16
NOT_TRIED = (
    f"Not tried: micro-batches other than {', '.join(map(str, MICRO_BATCHES))}, cp above {MOST_CONTEXT}, chunks that "
    "do not divide the layers of a stage, shards of a part of the replicas, rank orders other than tp, cp, dp, pp."
)


def candidates(model: ModelSpec, gpus: int, options: JobOptions) -> Iterator[JobOptions]:
    """Every layout whose degrees multiply to the GPUs, legal or not, with the sharding that `options` name."""
    for tp, pp in product(_divisors(gpus, model.heads), _divisors(gpus, model.layers)):
        for cp in _divisors(gpus // (tp * pp), MOST_CONTEXT) if gpus % (tp * pp) == 0 else ():
            replicas = gpus // (tp * pp)
            for ep in _divisors(model.experts, replicas) if model.experts else (1,):
                for vp, micro_batch in product(_chunks(model.layers, pp), MICRO_BATCHES):
                    more = "".join(f",{name}={degree}" for name, degree in (("cp", cp), ("ep", ep)) if degree > 1)
                    parallel = f"tp={tp},pp={pp}{more}" + (f",vp={vp}" if pp > 1 else "")
                    yield replace(options, parallel=parallel, micro_batch=micro_batch)


def shardings(options: JobOptions) -> Iterator[JobOptions]:
    """The layout under every stage of ZeRO from the one named on."""
    return (replace(options, zero=zero) for zero in range(options.zero, 4))


def _chunks(layers: int, pp: int) -> list[int]:
    return _divisors(-(-layers // pp), layers) if pp > 1 else [1]


def _divisors(number: int, most: int) -> list[int]:
    return [each for each in range(1, min(number, most) + 1) if number % each == 0]
