"""The pieces a model is cut into, embedding, layer and head, with what each costs one GPU per micro-batch.

Work is FLOPs and bytes, never seconds; parameters and traffic are those of one tensor-parallel rank. In byte counts
each term is the number of times a tensor crosses the memory bus. Papers are cited from general knowledge.
"""

from __future__ import annotations

from dataclasses import dataclass

from .job import Job
from .roofline import Work

ACTIVATION_BYTES = 2
PARAMETER_BYTES = 2
GRADIENT_BYTES = 4
"""Gradients are summed in FP32 (Megatron-LM, accumulate_allreduce_grads_in_fp32, its default with BF16)."""

ATTENTION_BACKWARD = 2.5
"""Backward FLOPs of FlashAttention over forward: five products for two (Dao 2023, section 4.1)."""

OPTIMIZER_BYTES = 4 + 4 * 4 + 3 * 4 + 2
"""Adam per parameter of the local shard: gradient read for its norm; gradient, master copy and two moments read; the
latter three and the BF16 parameter written (Rajbhandari et al. 2020, section 3.1, lists these states).
"""


@dataclass(frozen=True)
class TensorCalls:
    """Collectives of sequence-parallel tensor parallelism around one unit (Korthikanti et al. 2022, section 4.2.2).

    Forward and backward run `gathers` and `scatters` between kernels. In backward every column-parallel matrix also
    gathers its saved input again while it computes the input gradient, and scatters that gradient while it computes
    the weight gradient: `windows` holds the work of one of these two equal products per matrix. `reduces` are the
    loss's all-reduces of one FP32 per token.
    """

    forward_gathers: int = 0
    forward_scatters: int = 0
    backward_gathers: int = 0
    windows: tuple[Work, ...] = ()
    reduces: int = 0

    @property
    def gathers(self) -> int:
        return self.forward_gathers + self.backward_gathers + len(self.windows)

    @property
    def scatters(self) -> int:
        return self.forward_scatters + len(self.windows)


@dataclass(frozen=True)
class Unit:
    """One piece of the model on one GPU: parameters, work per micro-batch, collectives."""

    parameters: int
    forward: Work
    backward: Work
    calls: TensorCalls


@dataclass(frozen=True)
class Units:
    embedding: Unit
    layer: Unit
    head: Unit


def model_units(job: Job) -> Units:
    """The job's model cut into units, each cut `tp` ways."""
    return Units(_embedding(job), _layer(job), _head(job))


def _layer(job: Job) -> Unit:
    model, tp, tokens = job.model, job.tp, job.micro_batch_tokens
    qkv = model.hidden * (model.query_width + model.kv_width) // tp
    mlp_in = model.hidden * model.mlp_in_width // tp
    products = 2 * tokens * (model.layer_matrix_parameters // tp)
    scores = 2 * tokens * job.seq_len * model.query_width // tp
    # Two norms read and write, two residual sums read two and write one; the activation reads its inputs and writes
    # one. Backward a norm reads its input too, the activation reads its inputs and the gradient and writes the
    # inputs' gradients.
    rows = tokens * model.hidden / tp
    mlp_inputs = model.mlp_in_width // model.ffn_hidden
    neurons = tokens * model.ffn_hidden / tp
    forward_bytes = ACTIVATION_BYTES * ((2 * 2 + 2 * 3) * rows + (mlp_inputs + 1) * neurons)
    backward_bytes = ACTIVATION_BYTES * ((2 * 3 + 2 * 3) * rows + (2 * mlp_inputs + 1) * neurons)
    return Unit(
        parameters=model.layer_matrix_parameters // tp + 2 * model.hidden,
        forward=Work(products, scores, forward_bytes),
        backward=Work(2 * products, ATTENTION_BACKWARD * scores, backward_bytes),
        calls=TensorCalls(2, 2, 2, windows=(Work(2 * tokens * qkv), Work(2 * tokens * mlp_in))),
    )


def _embedding(job: Job) -> Unit:
    rows = job.micro_batch_tokens * job.model.hidden
    return Unit(
        parameters=_vocab_rows(job) * job.model.hidden,
        forward=Work(memory_bytes=2 * ACTIVATION_BYTES * rows),
        backward=Work(memory_bytes=(ACTIVATION_BYTES + 2 * GRADIENT_BYTES) * rows),
        calls=TensorCalls(forward_scatters=1, backward_gathers=1),
    )


def _head(job: Job) -> Unit:
    tokens, hidden = job.micro_batch_tokens, job.model.hidden
    table = 0 if job.model.tied_embeddings and job.pp == 1 else _vocab_rows(job) * hidden
    logits = tokens * _vocab_rows(job)
    product = 2 * logits * hidden
    # The final norm, and a fused cross entropy: logits read in BF16, probabilities kept in FP32, their gradient in
    # BF16.
    norm = ACTIVATION_BYTES * tokens * hidden / job.tp
    return Unit(
        parameters=table + hidden,
        forward=Work(product, 0, 2 * norm + (ACTIVATION_BYTES + 4) * logits),
        backward=Work(2 * product, 0, 3 * norm + (4 + ACTIVATION_BYTES) * logits),
        calls=TensorCalls(forward_gathers=1, windows=(Work(product),), reduces=3),
    )


def _vocab_rows(job: Job) -> int:
    """Rows of the embedding table on one GPU; the last share is padded."""
    return -(-job.model.vocab // job.tp)
