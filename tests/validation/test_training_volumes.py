"""What each GPU sends in a step of the published jobs, and of jobs of every kind, against closed forms.

Narayanan et al. 2021, section 3; Korthikanti et al. 2022, section 4.2.2; Rajbhandari et al. 2020, section 7; Zhao et
al. 2023, section 3.2; Liu et al. 2023; Jacobs et al. 2023. A ring of n moves (n - 1) / n of what is scattered or
gathered, twice that of what is summed for all.
"""

from __future__ import annotations

import math

import pytest
from fabricsim.sims.workloads.calls import call_rows
from fabricsim.sims.workloads.durations import silent, step_messages
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.sims.workloads.stages import gradient_buckets, stage_units
from fabricsim.sims.workloads.units import model_units
from training_steps import STEPS, planned, published

pytestmark = pytest.mark.validation

OTHERS = (
    ("llama3-8b", 64, "cp=4", {"context": "ring"}),
    ("llama3-8b", 64, "cp=4,tp=2", {"context": "all-gather", "zero": 2}),
    ("llama3-8b", 64, "cp=4,pp=2", {"context": "ulysses", "recompute": "full"}),
    ("llama3-70b", 64, "tp=8,pp=4,vp=4", {"global_batch": 24, "zero": 2}),
    ("mixtral-8x7b", 64, "ep=8,pp=2", {}),
    ("mixtral-8x7b", 64, "ep=8,tp=4,pp=2", {"recompute": "full"}),
    ("deepseek-v3", 128, "ep=16,pp=8", {"global_batch": 128}),
)
"""Context and expert parallelism and their mixtures, which published dense jobs lack."""


def activations(job):
    """b (s / c) h values of two bytes."""
    return 2 * job.micro_batch * job.seq_len / job.cp * job.model.hidden


def passes(job):
    """Forward passes of a step: backward may need one more."""
    return 2 if job.recompute == "full" else 1


def kept(ranks):
    return (ranks - 1) / ranks


def tensor_bytes(job):
    """Each half of a layer gathers and scatters once each way, and gathers its saved input again; eager kernels do not
    compute a layer's last sum again. Embedding and head beside them, and three sums of 4 bytes per token."""
    again = passes(job) - 1
    layers, last = job.model.layers, again if job.eager else 0
    scattered, summed = (10 + 4 * again - last) * layers + 5, (4 + 2 * again - last) * layers + 2
    calls = scattered if job.sp else 2 * summed
    loss = 3 * 2 * 4 * job.micro_batch * job.seq_len / job.cp
    return kept(job.tp) * (calls * activations(job) + loss) * job.micro_batches / job.pp


def pipeline_bytes(job):
    """Both ways over each boundary between chunks, cut by t."""
    boundaries = job.pp * job.vp - 1
    return 2 * boundaries * activations(job) / job.tp * job.micro_batches / job.pp


def dense_parameters(job):
    """Those of one GPU, mean over the stages; norms are whole on every tensor-parallel rank."""
    model = job.model
    attention = 2 * model.hidden * model.head_dim * (model.heads + model.kv_heads)
    layer = attention + (3 if model.gated_mlp else 2) * model.hidden * model.ffn_hidden
    tables = 1 if model.tied_embeddings and job.pp == 1 else 2
    norms = (2 * model.layers + 1) * model.hidden
    vocabulary = math.ceil(model.vocab / job.tp) * model.hidden
    return (model.layers * layer / job.tp + tables * vocabulary + norms) / job.pp


def data_bytes(job):
    """Gradients are scattered and parameters gathered, at ZeRO-3 twice and for every micro-batch; between the copies of
    HSDP gradients are summed."""
    parameters, gradients = dense_parameters(job), job.gradient_bytes
    if job.zero == 0:
        return 2 * kept(job.data_ranks) * parameters * gradients
    copies = job.data_ranks // job.shard
    gathers, times = (2, job.micro_batches) if job.zero == 3 else (1, 1)
    within = kept(job.shard) * parameters * (gradients + 2 * gathers)
    return times * (within + 2 * kept(copies) * parameters / job.shard * gradients)


def context_bytes(job):
    """Keys and values travel to all ranks, in backward once more and their gradients back; Ulysses turns queries, keys,
    values and outputs, forward and backward."""
    model, tokens = job.model, job.micro_batch * job.seq_len / job.cp
    keys_and_values = 2 * tokens * 2 * model.kv_heads * model.head_dim / job.tp
    if job.context == "ulysses":
        turned = keys_and_values + 2 * 2 * tokens * model.heads * model.head_dim / job.tp
        layer = kept(job.cp) * turned * (passes(job) + 1)
    else:
        layer = (job.cp - 1) * keys_and_values * (passes(job) + 2)
    return layer * model.layers * job.micro_batches / job.pp


def expert_bytes(job):
    """Dispatch and combine of every token's copies, forward and backward."""
    sent = activations(job) / (job.tp if job.sp else 1) * job.model.experts_per_token * kept(job.ep)
    return 2 * sent * (passes(job) + 1) * job.model.moe_layers * job.micro_batches / job.pp


def sent_bytes(job):
    """What the mean GPU sends in a step, by dimension; gradients of tied embeddings between the ends apart."""
    units = model_units(job)
    messages = step_messages(job, units, stage_units(job), gradient_buckets(job, units))
    rows = call_rows(job, messages, silent(job, messages))
    sent = dict.fromkeys(FORMS, 0.0)
    for row in rows:
        if row.dimension != "pp" or row.op == "send-recv":
            sent[row.dimension] += row.wire_bytes_per_gpu
    return sent


FORMS = {"tp": tensor_bytes, "pp": pipeline_bytes, "dp": data_bytes, "cp": context_bytes, "ep": expert_bytes}
DENSE = {"tp", "pp", "dp", "cp"}
EXPERTS = {"pp", "ep"}
"""Dimensions whose forms hold for dense models and for those with experts."""


def test_bytes_per_gpu_and_step_equal_the_closed_forms(compare):
    jobs = [planned(row)[0] for row, _ in published(STEPS)]
    jobs += [plan_job(load_model(model), gpus, JobOptions.of(layout, said)) for model, gpus, layout, said in OTHERS]
    worst, count = dict.fromkeys(FORMS, 0.0), dict.fromkeys(FORMS, 0)
    for job in jobs:
        sent = sent_bytes(job)
        for dimension in EXPERTS if job.model.experts else DENSE:
            expected = FORMS[dimension](job)
            assert (sent[dimension] == 0) == (expected == 0), (job, dimension)
            if expected:
                worst[dimension] = max(worst[dimension], abs(sent[dimension] / expected - 1))
                count[dimension] += 1
    for dimension, error in worst.items():
        case = f"bytes per GPU and step, {dimension}, worst"
        compare(case, f"{count[dimension]} jobs", "closed form", error, 1e-9)
