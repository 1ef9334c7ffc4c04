"""The pieces a model is cut into: embedding, dense layer, layer of experts, head, with what each costs one GPU per
micro-batch. Papers are cited from general knowledge."""

from __future__ import annotations

from dataclasses import dataclass

from .job import Job
from .layers import dense_layer, hidden_bytes, moe_layer
from .tensor import column_backward, combine, gather
from .work import ACTIVATION_BYTES, TP, Message, Product, Stretch, Unit, Work

LOSS_BYTES = 4
LOSS_REDUCES = 3
"""All-reduces of the vocabulary-parallel loss: maximum, sum, and the target's logit of every token (Shoeybi et al.
2019, section 3), in FP32."""

KINDS = ("embedding", "dense", "moe", "head")


@dataclass(frozen=True)
class Units:
    embedding: Unit
    dense: Unit
    moe: Unit
    head: Unit

    @property
    def kinds(self) -> tuple[Unit, ...]:
        """In the order of KINDS."""
        return (self.embedding, self.dense, self.moe, self.head)


def model_units(job: Job) -> Units:
    """The job's model cut into units; a kind that the model does not have is empty."""
    nothing = Unit(0, 0, (), (), 0.0)
    moe = moe_layer(job) if job.model.moe_layers else nothing
    dense = dense_layer(job) if job.model.moe_layers < job.model.layers else nothing
    return Units(_embedding(job), dense, moe, _head(job))


def _embedding(job: Job) -> Unit:
    width = job.model.hidden
    rows = job.tokens * width
    return Unit(
        parameters=vocab_rows(job) * width,
        expert_parameters=0,
        forward=(Stretch(Work(memory_bytes=2 * ACTIVATION_BYTES * rows)), Stretch(before=combine(job, width))),
        backward=(
            Stretch(Work(memory_bytes=(ACTIVATION_BYTES + 2 * job.gradient_bytes) * rows), before=gather(job, width)),
        ),
        saved_bytes=0.0,
    )


def _head(job: Job) -> Unit:
    width = job.model.hidden
    table = 0 if job.model.tied_embeddings and job.pp == 1 else vocab_rows(job) * width
    logits = job.tokens * vocab_rows(job)
    product = Product(job.tokens, width, vocab_rows(job), exact=True)
    # The final norm, and a fused cross entropy: logits read in BF16, probabilities kept in FP32, their gradient in
    # BF16.
    norm = hidden_bytes(job)
    loss = Message("all-reduce", TP, job.tokens * LOSS_BYTES)
    return Unit(
        parameters=table + width,
        expert_parameters=0,
        forward=(
            Stretch(Work(memory_bytes=2 * norm)),
            Stretch(Work((product,), memory_bytes=(ACTIVATION_BYTES + 4) * logits), before=gather(job, width)),
            Stretch(before=(loss,) * LOSS_REDUCES if job.tp > 1 else ()),
        ),
        backward=(
            Stretch(Work(memory_bytes=(4 + ACTIVATION_BYTES) * logits)),
            *column_backward(job, (product,), width),
            Stretch(Work(memory_bytes=3 * norm)),
        ),
        saved_bytes=2 * norm + 4 * logits,
    )


def vocab_rows(job: Job) -> int:
    """Rows of the embedding table on one GPU; the last share is padded."""
    return -(-job.model.vocab // job.tp)
