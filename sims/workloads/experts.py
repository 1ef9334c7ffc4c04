"""The experts of a layer on one GPU: router, dispatch, their MLPs, combine (Lepikhin et al. 2020; Shazeer et al. 2017).

Each token goes to `experts_per_token` of the experts, which lie spread over the ep ranks, each expert cut by tp: a
rank dispatches its own tokens, the tensor-parallel ranks gather what arrived. The busiest rank has `imbalance` times
the mean load and governs.
"""

from __future__ import annotations

from dataclasses import dataclass

from .job import Job
from .tensor import gather, scatter, weight_gradient
from .work import ACTIVATION_BYTES, EP, Message, Product, Stretch, Stretches, Work


@dataclass(frozen=True)
class ExpertsBlock:
    """As Block in `layers`, without norm and residual; `parameters` are the router's."""

    forward: Stretches
    backward: Stretches
    parameters: int
    expert_parameters: int
    saved_bytes: float
    cheap_bytes: float
    cheap: Work


def experts_block(job: Job) -> ExpertsBlock:
    model, tp = job.model, job.tp
    held = model.experts // job.ep
    copies = model.experts_per_token * job.imbalance
    rows = job.tokens * copies
    router = Product(job.rows, model.hidden, model.experts, exact=True)
    up = Product(rows / held, model.hidden, model.mlp_inputs * model.moe_ffn_hidden // tp, held)
    down = Product(rows / held, model.moe_ffn_hidden // tp, model.hidden, held)
    neurons = ACTIVATION_BYTES * rows * model.moe_ffn_hidden / tp
    act, act_back = (model.mlp_inputs + 1) * neurons, (2 * model.mlp_inputs + 1) * neurons
    # Tokens are copied into the order of experts before dispatch and summed after combine.
    sorted_bytes = ACTIVATION_BYTES * job.rows * copies * model.hidden
    moved = Work(memory_bytes=2 * sorted_bytes)
    there = (*dispatch(job), *gather(job, model.hidden, copies))
    back = (*scatter(job, model.hidden, copies), *dispatch(job))
    forward = (
        Stretch(Work((router,)) + moved),
        Stretch(Work((up, down), memory_bytes=act), before=there),
        Stretch(moved, before=back),
    )
    weights = tuple(weight_gradient(product) for product in (up, down))
    backward = (
        Stretch(moved),
        Stretch(Work((down, up), memory_bytes=act_back), before=there),
        Stretch(Work(weights), weights=True),
        Stretch(Work((router, weight_gradient(router))) + moved, before=back),
    )
    return ExpertsBlock(
        *(forward, backward, model.hidden * model.experts, held * (model.mlp_parameters(model.moe_ffn_hidden) // tp)),
        saved_bytes=ACTIVATION_BYTES * rows * model.hidden + (model.mlp_inputs + 1) * neurons,
        cheap_bytes=neurons,
        cheap=Work(memory_bytes=act),
    )


def dispatch(job: Job) -> tuple[Message, ...]:
    """A rank's own tokens to the ranks of their experts, or back; in BF16 both ways."""
    copies = job.model.experts_per_token * job.imbalance
    size = int(job.rows * copies * job.model.hidden * ACTIVATION_BYTES)
    return (Message("all-to-all", EP, size),) if job.ep > 1 else ()
