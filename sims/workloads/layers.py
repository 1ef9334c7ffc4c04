"""A transformer layer on one GPU: attention and an MLP, dense or of experts. Parameters and traffic are those of one
tensor-parallel rank; in byte counts each term is the number of times a tensor crosses the memory bus."""

from __future__ import annotations

from dataclasses import dataclass

from .attention import core_backward, core_forward, kept_score_bytes, score_bytes, score_flops
from .experts import experts_block
from .job import Job
from .tensor import column_backward, combine, gather, row_backward
from .work import ACTIVATION_BYTES, Product, Stretch, Stretches, Unit, Work

NORM, NORM_BACKWARD = 2, 3
"""A norm reads and writes, backward it reads its input too."""


def residual(job: Job) -> float:
    """A residual sum reads two and writes one; dropout, fused with it, adds its mask of one byte."""
    return 3.5 if job.dropout else 3


@dataclass(frozen=True)
class Block:
    """Half a layer: its passes with their norm and residual, parameters, saved bytes, and what of them selective
    recomputation does not save and computes again. The last `tail` stretches of forward save nothing."""

    forward: Stretches
    backward: Stretches
    parameters: int
    saved_bytes: float
    cheap_bytes: float
    cheap: Work
    tail: int
    expert_parameters: int = 0


def dense_layer(job: Job) -> Unit:
    return _layer(job, attention_block(job), mlp_block(job, job.model.ffn_hidden))


def moe_layer(job: Job) -> Unit:
    return _layer(job, attention_block(job), _mixture(job))


def _layer(job: Job, attention: Block, mlp: Block) -> Unit:
    """The two halves one after the other, and what recomputation adds to backward and saves.

    Selective recomputation drops what costs little to compute again: norms, activation functions, unfused scores
    (Korthikanti et al. 2022, section 5, for the scores). Full recomputation saves a layer's input alone; eager kernels
    compute again only what saves something, so not the last product (set_checkpoint_early_stop of PyTorch 2.1).
    """
    forward = attention.forward + mlp.forward
    backward = mlp.backward + attention.backward
    saved = attention.saved_bytes + mlp.saved_bytes
    if job.recompute == "selective":
        backward = (Stretch(mlp.cheap), *mlp.backward, Stretch(attention.cheap), *attention.backward)
        saved -= attention.cheap_bytes + mlp.cheap_bytes
    if job.recompute == "full":
        again = forward[: -mlp.tail] if job.eager else forward
        backward, saved = again + backward, hidden_bytes(job)
    parameters = attention.parameters + mlp.parameters
    return Unit(parameters, mlp.expert_parameters, forward, backward, saved)


def hidden_bytes(job: Job) -> float:
    """One copy of the activations between layers on this rank."""
    return ACTIVATION_BYTES * job.rows * job.model.hidden


def kept_hidden(job: Job) -> float:
    """What half a layer saves around its matrices: the norm's input and output, and dropout's mask."""
    return (2.5 if job.dropout else 2) * hidden_bytes(job)


def around(job: Job, before: float, after: float) -> tuple[Work, Work]:
    """Memory work of `before` and `after` crossings of a layer's input or output."""
    return tuple(Work(memory_bytes=crossings * hidden_bytes(job)) for crossings in (before, after))  # type: ignore[return-value]


def attention_block(job: Job) -> Block:
    model, tp, tokens = job.model, job.tp, job.tokens
    cut = tuple(Product(tokens, inputs, outputs // tp) for inputs, outputs, is_cut in model.projections if is_cut)
    whole = tuple(Product(job.rows, inputs, outputs) for inputs, outputs, is_cut in model.projections if not is_cut)
    gathered = sum(inputs for inputs, _, is_cut in model.projections if is_cut) if whole else model.hidden
    out = Product(tokens, model.query_width // tp, model.hidden)
    norm, summed = around(job, NORM, residual(job))
    norm_back, summed_back = around(job, NORM_BACKWARD, residual(job))
    forward = (
        Stretch(Work(whole) + norm),
        Stretch(Work(cut), before=gather(job, gathered)),
        *core_forward(job),
        Stretch(Work((out,))),
        Stretch(summed, before=combine(job, model.hidden)),
    )
    backward = (
        Stretch(summed_back),
        *row_backward(job, out, model.hidden),
        *core_backward(job),
        *column_backward(job, cut, gathered),
        Stretch(Work(whole + whole) + norm_back),
    )
    # Latent vectors, queries, keys, values and the core's output; under cp the keys and values that were sent are
    # fetched again.
    widths = (model.score_width + model.kv_width + model.query_width) // tp
    latent = sum(product.columns for product in whole)
    kept = ACTIVATION_BYTES * (tokens * widths + job.rows * latent) + kept_hidden(job) + kept_score_bytes(job)
    projected = sum(inputs * (outputs // tp if is_cut else outputs) for inputs, outputs, is_cut in model.projections)
    parameters = projected + model.query_width // tp * model.hidden
    again = Work(attention_flops=0 if job.flash else score_flops(job), memory_bytes=2 * score_bytes(job))
    return Block(
        *(forward, backward, parameters + model.hidden, kept),
        cheap_bytes=hidden_bytes(job) + kept_score_bytes(job),
        cheap=norm + again,
        tail=2,
    )


def mlp_block(job: Job, width: int) -> Block:
    """An MLP of `width` neurons that every token meets."""
    model, tp, tokens = job.model, job.tp, job.tokens
    neurons = ACTIVATION_BYTES * tokens * width / tp
    up = (Product(tokens, model.hidden, model.mlp_inputs * width // tp),)
    down = Product(tokens, width // tp, model.hidden)
    act, act_back = (model.mlp_inputs + 1) * neurons, (2 * model.mlp_inputs + 1) * neurons
    norm, summed = around(job, NORM, residual(job))
    norm_back, summed_back = around(job, NORM_BACKWARD, residual(job))
    forward = (
        Stretch(norm),
        Stretch(Work(up, memory_bytes=act), before=gather(job, model.hidden)),
        Stretch(Work((down,))),
        Stretch(summed, before=combine(job, model.hidden)),
    )
    backward = (
        Stretch(summed_back),
        *row_backward(job, down, model.hidden),
        Stretch(Work(memory_bytes=act_back)),
        *column_backward(job, up, model.hidden),
        Stretch(norm_back),
    )
    return Block(
        *(forward, backward, model.mlp_parameters(width) // tp + model.hidden),
        saved_bytes=kept_hidden(job) + (model.mlp_inputs + 1) * neurons,
        cheap_bytes=hidden_bytes(job) + neurons,
        cheap=norm + Work(memory_bytes=act),
        tail=2,
    )


def _mixture(job: Job) -> Block:
    """Experts, and beside them the MLP of the shared ones, which has no norm and residual of its own."""
    routed = experts_block(job)
    norm, summed = around(job, NORM, residual(job))
    norm_back, summed_back = around(job, NORM_BACKWARD, residual(job))
    forward, backward = routed.forward, routed.backward
    parameters, saved, cheap_bytes, cheap = job.model.hidden, routed.saved_bytes, routed.cheap_bytes, routed.cheap
    if job.model.shared_experts:
        shared = mlp_block(job, job.model.shared_experts * job.model.moe_ffn_hidden)
        forward, backward = shared.forward[1:] + forward, backward + shared.backward[1:-1]
        parameters = shared.parameters
        saved += shared.saved_bytes - kept_hidden(job)
        cheap_bytes += shared.cheap_bytes - hidden_bytes(job)
        cheap += Work(memory_bytes=shared.cheap.memory_bytes - norm.memory_bytes)
    return Block(
        (Stretch(norm), *forward, Stretch(summed)),
        (Stretch(summed_back), *backward, Stretch(norm_back)),
        parameters + routed.parameters,
        saved + kept_hidden(job),
        cheap_bytes + hidden_bytes(job),
        cheap + norm,
        tail=1,
        expert_parameters=routed.expert_parameters,
    )
