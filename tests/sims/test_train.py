"""Training on fabrics: oversubscription starves under its own name, results keep the contract, bad jobs are refused."""

from __future__ import annotations

import json
import math

import pytest
from fabricsim.fabric.errors import InputError, SpecError, UnknownNameError, WorkloadError
from fabricsim.sims.train import train
from fabricsim.topologies import load

KEYS = [
    "fabric",
    "model",
    "parallel",
    "transport",
    "routing",
    "gpus",
    "step_time_s",
    "tokens_per_s",
    "tokens_per_s_per_gpu",
    "model_tflops_per_gpu",
    "mfu",
    "mfu_causal",
    "starved_fraction",
    "ledger",
    "reasons",
    "by_dimension",
    "by_collective",
    "by_link_class",
    "by_rail",
    "collectives",
    "top_links",
    "per_gpu",
    "memory",
    "assumptions",
]


def step(oversubscription):
    fabric = load("hgx-h100", nodes=16, oversubscription=oversubscription)
    return train(fabric, "llama3-70b", "tp=8,pp=4")


@pytest.fixture(scope="module")
def full():
    return step(1)


@pytest.fixture(scope="module")
def thin():
    return step(4)


@pytest.fixture(scope="module")
def small():
    return load("hgx-h100", nodes=2)


def row(result, cause):
    return next(row for row in result.ledger if row.cause == cause)


def test_the_ledger_sums_to_the_step(full, thin):
    for result in (full, thin):
        total = math.fsum(row.gpu_seconds for row in result.ledger)
        assert total == pytest.approx(result.step_time_s * 128, rel=1e-9)
        assert math.fsum(row.fraction for row in result.ledger) == pytest.approx(1, abs=1e-9)
        assert result.starved_fraction == pytest.approx(1 - row(result, "compute").fraction)


def test_oversubscription_starves_more_and_under_its_own_name(full, thin):
    assert thin.starved_fraction > full.starved_fraction
    added = {
        mine.cause: mine.gpu_seconds - theirs.gpu_seconds for mine, theirs in zip(thin.ledger, full.ledger, strict=True)
    }
    assert added["oversubscription"] > 0.9 * sum(added.values()) > 0
    assert row(full, "oversubscription").gpu_seconds == pytest.approx(0, abs=1e-6 * full.step_time_s * 128)


def test_figures_follow_from_the_step_time(full):
    tokens = 64 * 8192
    assert full.tokens_per_s == pytest.approx(tokens / full.step_time_s)
    # 3 x 2 x (80 layers x 855,638,016 weights + logits) + 3 x 4 s x 8192 x 80 for attention, per token
    flops = 6 * (80 * 855_638_016 + 128256 * 8192) + 12 * 8192 * 8192 * 80
    assert full.mfu == pytest.approx(tokens * flops / full.step_time_s / 128 / 989e12, rel=1e-12)
    assert full.model_tflops_per_gpu == pytest.approx(full.mfu * 989, rel=1e-12)
    assert 0 < full.mfu_causal < full.mfu < 1


def test_results_have_exactly_the_keys_of_the_contract(full):
    document = json.loads(json.dumps(full.to_dict()))
    assert list(document) == KEYS
    assert list(document["ledger"][0]) == ["cause", "gpu_seconds", "fraction"]
    assert list(document["top_links"][0]) == ["name", "utilisation", "gpu_seconds"]
    assert list(document["by_link_class"][0]) == ["link_class", "gpu_seconds", "fraction"]
    assert list(document["per_gpu"]["spread"][0])[-5:] == ["min_s", "p10_s", "median_s", "p90_s", "max_s"]
    assert [line["dimension"] for line in document["by_dimension"]] == ["tp", "pp", "dp", "ep", "cp"]
    assert any("llama3-70b with tp=8 pp=4 dp=4" in sentence for sentence in document["assumptions"])


def test_top_links_share_what_the_dimensions_expose(thin):
    exposed = math.fsum(row.gpu_seconds for row in thin.by_dimension)
    named = math.fsum(row.gpu_seconds for row in thin.top_links)
    assert 0 < named <= exposed * (1 + 1e-9)
    # the pipeline crosses the thin layer between leaves and spines, the tensor groups never leave their server
    assert any("spine" in row.name for row in thin.top_links)
    assert any("nvswitch" in row.name for row in thin.top_links)


def test_the_same_seed_gives_the_same_bytes(small):
    once, again = (
        json.dumps(train(small, "llama3-8b", "tp=4,pp=2", jitter=0.1, seed=5, transport="roce").to_dict())
        for _ in range(2)
    )
    assert once == again


def test_fluid_stops_below_collision_and_congestion(small):
    result = train(small, "llama3-8b", "tp=4", fidelity="fluid")
    assert row(result, "collision").gpu_seconds == row(result, "congestion").gpu_seconds == 0
    assert row(result, "serialisation").gpu_seconds > 0


def test_a_job_inside_one_server_needs_no_network():
    result = train(load("hgx-h100", nodes=1), "llama3-8b", "tp=8")
    assert row(result, "oversubscription").gpu_seconds == pytest.approx(0, abs=1e-9)
    assert [line.dimension for line in result.collectives if line.count] == ["tp"] * 3


def test_a_slower_adapter_costs_serialisation():
    def lost(nic):
        return row(train(load("hgx-h100", nodes=2, nic=nic), "llama3-8b", "dp=16"), "serialisation").gpu_seconds

    assert lost("100Gbps") > 2 * lost("400Gbps")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"model": "llama4"}, UnknownNameError, "llama"),
        ({"parallel": "tp=3"}, WorkloadError, "16 GPUs"),
        ({"jitter": 2.0}, WorkloadError, "jitter"),
        ({"fidelity": "bound"}, SpecError, "fidelity"),
        ({"fidelity": "dynamic"}, InputError, "dynamic"),
        ({"transport": "pigeon"}, InputError, "pigeon"),
        ({"parameters": {"colour": "red"}}, InputError, "colour"),
    ],
)
def test_bad_input_is_refused_with_its_reason(small, arguments, error, words):
    with pytest.raises(error, match=words):
        train(small, **({"model": "llama3-8b", "parallel": "tp=8"} | arguments))


def test_plain_hosts_have_nothing_to_train_on():
    with pytest.raises(WorkloadError, match="not all accelerators"):
        train(load("fat_tree", k=4), "llama3-8b", "tp=2")
