"""Jobs: defaults, rank order, and every fault at once."""

from __future__ import annotations

import pytest
from fabricsim.fabric.errors import SpecError, WorkloadError
from fabricsim.sims.workloads import job as jobs
from fabricsim.sims.workloads.efficiency import eager_set
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions

LLAMA = load_model("llama3-70b")


def plan_job(model, gpus, parallel="", **options):
    return jobs.plan_job(model, gpus, JobOptions.of(parallel, options))


def faults_of(*args, **kwargs):
    with pytest.raises(WorkloadError) as caught:
        plan_job(LLAMA, *args, **kwargs)
    return [str(fault) for fault in caught.value.faults]


def test_dp_is_what_remains():
    assert plan_job(LLAMA, 128, "tp=8,pp=4").dp == 4


def test_no_degrees_mean_data_parallelism_alone():
    job = plan_job(LLAMA, 16)
    assert (job.tp, job.pp, job.dp, job.order) == (1, 1, 16, "1f1b")


def test_ranks_run_tp_fastest_then_cp_then_dp_then_pp():
    ranks = plan_job(LLAMA, 16, "tp=4,pp=2,dp=2").ranks
    assert ranks[0, 0, 0].tolist() == [0, 1, 2, 3]
    assert ranks[:, 1, 0, 0].tolist() == [4, 12]
    assert sorted(ranks.ravel()) == list(range(16))
    assert plan_job(LLAMA, 16, "tp=2,cp=2,dp=2,pp=2").ranks[1, 1].tolist() == [[12, 13], [14, 15]]


def test_the_default_batch_gives_each_stage_four_micro_batches():
    job = plan_job(LLAMA, 64, "tp=8,pp=4", micro_batch=2)
    assert (job.micro_batches, job.global_batch) == (16, 16 * 2 * 2)


def test_interleaving_takes_the_most_chunks_by_default():
    job = plan_job(load_model("llama3-405b"), 128, "tp=8,pp=16")
    assert (job.order, job.vp) == ("interleaved", 8)


def test_micro_batches_that_fill_no_whole_rounds_are_not_interleaved_by_default():
    job = plan_job(LLAMA, 32, "tp=8,pp=4", global_batch=6)
    assert (job.order, job.vp) == ("1f1b", 1)
    assert plan_job(LLAMA, 32, "tp=8,pp=4,vp=2", global_batch=6).order == "interleaved"


def test_every_unreadable_degree_is_listed():
    faults = faults_of(128, "tp=0,pq=3,dp=4,dp=4,pp=two,vp")
    assert len(faults) == 5
    assert all("parallel" in fault for fault in faults)


def test_degrees_that_do_not_multiply_are_refused_with_the_arithmetic():
    (fault,) = faults_of(128, "tp=8,pp=3")
    assert "tp=8 x pp=3 does not fill the fabric's 128 GPUs" in fault


def test_all_misfits_of_a_job_are_listed():
    faults = faults_of(120, "tp=3,pp=5,dp=7,cp=2,ep=4,vp=17", seq_len=100, global_batch=20, schedule="gpipe")
    for part in (
        "ep=4, but llama3-70b has no experts",
        "ep=4 does not divide cp x dp = 14",
        "does not fill the fabric's 120 GPUs",
        "heads=64",
        "kv_heads=8",
        "ffn_hidden=28672",
        "seq_len=100",
        "cp x tp=6",
        "vp=17",
        "gpipe runs one chunk",
        "no multiple of dp=7",
    ):
        assert any(part in fault for fault in faults), part


def test_fewer_layers_than_stages_are_refused():
    assert any("pp=81 stages, but 80 layers" in fault for fault in faults_of(81, "pp=81"))


@pytest.mark.parametrize("field", ["seq_len", "global_batch", "micro_batch"])
@pytest.mark.parametrize("value", [0, -8])
def test_sizes_not_above_zero_are_refused(field, value):
    assert any(field in fault for fault in faults_of(8, "tp=8", **{field: value}))


@pytest.mark.parametrize("schedule", ["dualpipe", "zigzag"])
def test_schedules_that_are_not_there_are_refused(schedule):
    assert any(schedule in fault for fault in faults_of(8, "tp=8", schedule=schedule))


def test_an_unknown_precision_is_refused():
    assert any("fp4" in fault for fault in faults_of(8, "tp=8", precision="fp4"))


def test_the_nearest_batch_that_divides_is_offered():
    (fault,) = faults_of(64, "tp=8", global_batch=21, micro_batch=2)
    assert "the nearest multiple is 16" in fault
    assert plan_job(LLAMA, 64, "tp=8", global_batch=16, micro_batch=2).micro_batches == 1


@pytest.mark.parametrize("field", ["jitter", "stalls", "slowdown"])
@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_outside_its_range_is_refused(field, share):
    assert any(field in fault for fault in faults_of(8, "tp=8", **{field: share}))


def test_eager_kernels_have_their_fitted_stalls_and_slowdown_unless_told_otherwise():
    fused, eager = plan_job(LLAMA, 8, "tp=8"), plan_job(LLAMA, 8, "tp=8", kernels="eager")
    assert fused.stalls == fused.slowdown == 0
    assert (eager.stalls, eager.slowdown) == (eager_set().stalls, eager_set().slowdown)
    told = plan_job(LLAMA, 8, "tp=8", kernels="eager", stalls=0.0, slowdown=0.1)
    assert (told.stalls, told.slowdown) == (0, 0.1)


def test_a_schedule_too_long_to_hold_is_refused():
    assert any("forward tasks" in fault for fault in faults_of(8, "tp=8", global_batch=2**25))


@pytest.mark.parametrize(
    ("parallel", "options", "words"),
    [
        ("tp=1", {"sp": True}, "sequence parallelism does nothing"),
        ("tp=8", {"context": "ulysses"}, "ulysses does nothing without context parallelism"),
        ("cp=8", {"attention": "unfused"}, "context parallelism needs fused attention"),
        ("tp=8,cp=8", {"context": "ulysses"}, "tp x cp=64 does not divide kv_heads=8"),
        ("tp=8", {"shard": 2, "zero": 0}, "nothing is sharded at zero=0"),
        ("tp=8", {"shard": 3}, "3 does not divide the 8 data-parallel ranks"),
        ("tp=8", {"imbalance": 1.5}, "does nothing for a model without experts"),
        ("tp=8", {"zero": 4}, "unknown zero 4"),
        ("tp=8", {"recompute": "some"}, "unknown recompute"),
        ("pp=8,vp=2", {"schedule": "zero-bubble"}, "zero-bubble runs one chunk per stage"),
    ],
)
def test_what_would_do_nothing_or_cannot_be_is_refused(parallel, options, words):
    assert any(words in fault for fault in faults_of(64, parallel, **options))


@pytest.mark.parametrize(
    ("parallel", "options", "words"),
    [
        ("ep=3,dp=9", {}, "ep=3 does not divide 8 experts"),
        ("ep=8,dp=9", {}, "ep=8 does not divide cp x dp = 9"),
        ("tp=2,dp=4", {"sp": False}, "experts beside tensor parallelism need sequence parallelism"),
        ("ep=2,dp=8", {"shard": 4}, "expert parallelism shards over all replicas"),
        ("ep=2,dp=8", {"capacity": 1.5}, "it caps an imbalance that is not above it"),
    ],
)
def test_jobs_with_experts_have_rules_of_their_own(parallel, options, words):
    with pytest.raises(WorkloadError) as caught:
        plan_job(load_model("mixtral-8x7b"), 9 if "9" in parallel else 8, parallel, **options)
    assert any(words in str(fault) for fault in caught.value.faults)


def test_the_capacity_caps_the_imbalance():
    mixtral = load_model("mixtral-8x7b")
    assert plan_job(mixtral, 8, "ep=8", imbalance=2.0, capacity=1.25).imbalance == 1.25
    assert plan_job(mixtral, 8, "ep=8", imbalance=1.5).imbalance == 1.5


def test_an_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(SpecError, match="did you mean recompute"):
        JobOptions.of("", {"recompute_": "full"})
