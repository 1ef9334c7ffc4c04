"""`fabricsim train` and `fabricsim demo`: the ledger adds up, and a thinner spine starves GPUs under its own name."""

from __future__ import annotations

import json
import math

import pytest
from click.testing import CliRunner
from fabricsim.cli.main import fabricsim

STEP = ("--model", "llama3-8b", "--parallel", "tp=8,pp=2", "--global-batch", "64", "--seq-len", "2048")
KEYS = {
    *("gpus", "step_time_s", "tokens_per_s", "tokens_per_s_per_gpu", "model_tflops_per_gpu", "mfu", "mfu_causal"),
    *("starved_fraction", "ledger", "by_dimension", "collectives", "top_links"),
}


@pytest.fixture(scope="module")
def demonstration():
    """The demo's JSON."""
    result = CliRunner().invoke(fabricsim, ["demo", "--format", "json", "-q"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_ledger_of_a_step_sums_to_all_gpu_seconds(answer):
    step = answer("train", "hgx-h100", "--set", "nodes=4", *STEP)
    assert step.keys() >= KEYS
    assert math.fsum(row["gpu_seconds"] for row in step["ledger"]) == pytest.approx(32 * step["step_time_s"], rel=1e-9)
    assert math.fsum(row["fraction"] for row in step["ledger"]) == pytest.approx(1, abs=1e-9)
    assert step["tokens_per_s"] == pytest.approx(64 * 2048 / step["step_time_s"])


def test_settings_of_the_network_reach_the_step(answer, run):
    slow = answer("train", "hgx-h100", "--set", "nodes=4", "--set", "nic=50Gbps", *STEP)
    fast = answer("train", "hgx-h100", "--set", "nodes=4", *STEP)
    assert slow["step_time_s"] > fast["step_time_s"]
    assert run("train", "hgx-h100", "--set", "transport.colour=red", *STEP).exit_code == 2


def test_a_detail_that_helps_is_shown_as_a_negative_row(answer, run):
    # one server per switch, three groups of two, one cable between groups: UGAL goes round the cable that all minimal
    # paths share, and so does better than the even split over them
    fabric = ("dragonfly", *(f"--set={field}" for field in ("server=hgx-h100", "p=8", "a=2", "h=1", "g=3")))
    arguments = ("train", *fabric, "--routing", "ugal", "--model", "llama3-8b", "--parallel", "tp=8,pp=2")
    rows = {row["cause"]: row["fraction"] for row in answer(*arguments)["ledger"]}
    assert rows["collision"] < -0.05
    assert math.fsum(rows.values()) == pytest.approx(1, abs=1e-9)
    (line,) = (line for line in run(*arguments).stdout.splitlines() if "collision" in line and "%" in line)
    assert f"{rows['collision']:.2%}" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "llama3-70", "--parallel", "tp=8"), ["did you mean llama3-70b"]),
        (("--model", "llama3-70b", "--parallel", "tp=8,pp=16"), ["tp=8 x pp=16", "32"]),
        (("--model", "llama3-70b", "--parallel", "tp=eight"), ["tp=eight"]),
        (("--model", "llama3-70b", "--global-batch", "0"), ["global_batch", "0"]),
        (("--model", "missing.yaml"), ["missing.yaml"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_job_that_does_not_fit_is_refused(run, arguments, said):
    result = run("train", "hgx-h100", "--set", "nodes=4", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    for words in said:
        assert words in result.stderr


def test_the_demo_repeats_published_measurements_within_a_tenth(demonstration):
    assert len(demonstration["published"]) == 5
    for row in demonstration["published"]:
        assert row["simulated_busbw_GBps"] == pytest.approx(row["measured_busbw_GBps"], rel=0.1)


def test_the_demo_starves_more_at_four_to_one_because_of_oversubscription(demonstration):
    full, thin = demonstration["train"]["1:1"], demonstration["train"]["4:1"]
    assert full["gpus"] == thin["gpus"] == 128
    assert thin["starved_fraction"] > full["starved_fraction"]
    added = {
        one["cause"]: two["gpu_seconds"] - one["gpu_seconds"]
        for one, two in zip(full["ledger"], thin["ledger"], strict=True)
    }
    assert max(added, key=added.get) == "oversubscription"
    for step in (full, thin):
        total = math.fsum(row["gpu_seconds"] for row in step["ledger"])
        assert total == pytest.approx(128 * step["step_time_s"], rel=1e-9)


def test_the_demo_runs_on_both_networks(demonstration):
    assert [result["rows"][0]["transport"] for result in demonstration["collectives"]] == ["infiniband", "roce"]


def test_versus_prints_the_difference_by_cause(answer, run):
    other = ("--versus", "nic=100Gbps micro_batch=2 transport=roce")
    found = answer("train", "hgx-h100", "--set", "nodes=4", *STEP, *other)
    change = found["second"]["step_time_s"] - found["first"]["step_time_s"]
    assert math.fsum(row["difference_s"] for row in found["differences"]) == pytest.approx(change, rel=1e-9)
    assert any("in the second (roce, ecmp)" in sentence for sentence in found["reasons"])
    shown = run("train", "hgx-h100", "--set", "nodes=4", *STEP, "--gpu-hour-usd", "2", *other)
    assert "USD per step" in shown.stdout
    assert "Why:" in shown.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("colour=red", "colour"),
        ("", "says nothing"),
        ("nodes=2 nodes=4", "given twice"),
        ("seed=x", "seed"),
        ("hgx-b200 hgx-h200", "names 2 fabrics"),
        ("nowhere", "nowhere"),
        ("hgx-b200 link=1", "link"),
    ],
)
def test_what_versus_cannot_change_is_refused_and_no_trace_left(run, tmp_path, words, said):
    trace = tmp_path / "step.json"
    refused = run("train", "hgx-h100", "--set", "nodes=4", *STEP, "--trace", trace, "--versus", words)
    assert refused.exit_code == 2
    assert said in refused.stderr
    assert not trace.exists()


def test_versus_changes_a_parameter_of_the_transport(answer):
    job = ("train", "hgx-h100", "--set", "nodes=4", "--set", "network=roce", *STEP)
    found = answer(*job, "--versus", "transport.mtu=256B transport.header=128B")
    assert found["second"] == answer(*job, "--set", "transport.mtu=256B", "--set", "transport.header=128B")
    assert found["second"]["step_time_s"] > found["first"]["step_time_s"]


def test_versus_another_transport_leaves_the_parameters_of_the_first(answer):
    job = ("train", "hgx-h100", "--set", "nodes=4", *STEP)
    roce = ("--transport", "roce", "--set", "transport.cc=none")
    found = answer(*job, *roce, "--versus", "transport=infiniband")
    assert found["second"] == answer(*job, "--transport", "infiniband")


def test_versus_another_fabric_runs_the_same_job_there(answer):
    """Fields of the first fabric's spec stay behind."""
    job = ("--model", "llama3-8b", "--parallel", "tp=8", "--global-batch", "32")
    found = answer(
        "train", "hgx-h100", "--set", "nodes=4", "--set", "nic=100Gbps", *job, "--versus", "hgx-b200 nodes=4"
    )
    assert found["second"] == answer("train", "hgx-b200", "--set", "nodes=4", *job)
    assert found["first"] == answer("train", "hgx-h100", "--set", "nodes=4", "--set", "nic=100Gbps", *job)


def test_prices_add_the_cost(answer, run):
    step = answer("train", "hgx-h100", "--set", "nodes=4", *STEP, "--gpu-hour-usd", "2")
    assert step["cost"]["usd"] == pytest.approx(2 * 32 * step["step_time_s"] / 3600)
    shown = run("train", "hgx-h100", "--set", "nodes=4", *STEP, "--gpu-hour-usd", "2").stdout
    ledger = shown[shown.index("cause") : shown.index("USD", shown.index("total"))]
    dollars = {
        cells[0]: float(cells[3]) for cells in map(str.split, ledger.splitlines()) if len(cells) > 3 and "%" in cells[2]
    }
    assert dollars.pop("total") == pytest.approx(step["cost"]["usd"], abs=1e-4)
    assert math.fsum(dollars.values()) == pytest.approx(step["cost"]["usd"], abs=1e-3)
    assert run("train", "hgx-h100", "--set", "nodes=4", *STEP, "--pue", "1.5").exit_code == 2
    assert run("train", "hgx-h100", "--set", "nodes=4", *STEP, "--gpu-hour-usd", "-1").exit_code == 2


@pytest.mark.parametrize(("name", "magic"), [("step.png", b"\x89PNG"), ("step.svg", b"<?xml")])
def test_the_step_is_drawn_under_a_title_that_says_what_runs_where(run, tmp_path, name, magic):
    pytest.importorskip("matplotlib")
    pictures = [tmp_path / number / name for number in "12"]
    for path in pictures:
        path.parent.mkdir()
        result = run("train", "hgx-h100", "--set", "nodes=4", *STEP, "--gpu-hour-usd", "2", "--plot", str(path))
        assert result.exit_code == 0, result.output
    once, again = (path.read_bytes() for path in pictures)
    assert once.startswith(magic)
    assert once == again
    if name.endswith(".svg"):
        # text is drawn as shapes, beside which it stands as a comment
        assert b"llama3-8b on hgx-h100 x4: 32 GPUs, tp=8 pp=2 dp=2, infiniband (d-mod-k)" in once
        for words in (
            b"compute",
            b"pipeline bubble",
            b"serialisation",
            b"pipeline stage",
            b"backward",
            b"USD per step",
        ):
            assert words in once


def test_a_picture_of_an_unknown_kind_is_refused(run, tmp_path):
    result = run("train", "hgx-h100", "--set", "nodes=4", *STEP, "--plot", str(tmp_path / "ledger.gif"))
    assert result.exit_code == 2
    assert "is no kind of picture" in result.stderr


def test_a_search_prints_the_best_layout_and_what_it_did_not_try(answer, run):
    found = answer("train", "hgx-h100", "--set", "nodes=1", "--model", "llama3-8b", "--search", "--global-batch", "16")
    times = [layout["step_s"] for layout in found["layouts"] if layout["step_s"] is not None]
    assert times == sorted(times)
    assert any("Not tried" in sentence for sentence in found["assumptions"])
    refused = run("train", "hgx-h100", "--model", "llama3-8b", "--search", "--trace", "step.json")
    assert refused.exit_code == 2
    assert "trace: does nothing in a search" in refused.stderr
