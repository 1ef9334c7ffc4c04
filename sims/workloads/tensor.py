"""What tensor parallelism sends around matrices that are cut by columns or rows.

With sequence parallelism (Korthikanti et al. 2022, section 4.2.2) a column-parallel matrix gathers its input, a
row-parallel one scatters its sum; backward the other way round, and the column-parallel matrix gathers its saved input
again beside its input gradient, which is scattered beside the weight gradient. Without it (Shoeybi et al. 2019) the
row-parallel matrix's sum is reduced for all, and backward the column-parallel one's input gradient, beside the weight
gradient.
"""

from __future__ import annotations

from .job import Job
from .work import ACTIVATION_BYTES, TP, Message, Product, Stretch, Stretches, Work

Messages = tuple[Message, ...]


def gather(job: Job, width: int, sent: float = 1.0) -> Messages:
    """Collects `sent` copies of every token's `width` values from the ranks that share the sequence."""
    return _call(job, "all-gather", width, sent) if job.sp else ()


def scatter(job: Job, width: int, sent: float = 1.0) -> Messages:
    """Sums over the ranks and leaves each its share of the sequence."""
    return _call(job, "reduce-scatter", width, sent) if job.sp else ()


def combine(job: Job, width: int) -> Messages:
    """What a row-parallel product's output needs."""
    return scatter(job, width) if job.sp else _call(job, "all-reduce", width)


def activation_bytes(job: Job, width: int) -> int:
    """A micro-batch's activations of `width` values per token."""
    return job.tokens * width * ACTIVATION_BYTES


def _call(job: Job, op: str, width: int, sent: float = 1.0) -> Messages:
    return (Message(op, TP, int(sent * activation_bytes(job, width))),) if job.tp > 1 else ()


def row_backward(job: Job, product: Product, width: int) -> Stretches:
    """Backward of a row-parallel product whose output is `width` wide."""
    return (
        Stretch(Work((product,)), before=gather(job, width)),
        Stretch(Work((weight_gradient(product),)), weights=True),
    )


def column_backward(job: Job, products: tuple[Product, ...], width: int) -> Stretches:
    """Backward of column-parallel products of one input, `width` wide. Where weight gradients wait (zero-bubble),
    nothing is left to hide the input gradient's sum."""
    summed = combine(job, width)
    weights = tuple(weight_gradient(product) for product in products)
    if job.order == "zero-bubble":
        return (
            Stretch(Work(products), beside=gather(job, width)),
            Stretch(before=summed),
            Stretch(Work(weights), weights=True),
        )
    return (
        Stretch(Work(products), beside=gather(job, width)),
        Stretch(Work(weights), beside=summed, weights=True),
    )


def weight_gradient(product: Product) -> Product:
    """The product of input and output gradient: as many FLOPs, inner and rows exchanged."""
    return Product(product.inner, product.rows, product.columns, product.count, product.exact)
