"""`fabricsim train --chakra`: traces in place of a model."""

from __future__ import annotations

from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[1] / "data" / "chakra" / "all_reduce.0.et"


@pytest.fixture
def traces(tmp_path):
    for rank in range(8):
        (tmp_path / f"all_reduce.{rank}.et").write_bytes(SAMPLE.read_bytes())
    return tmp_path


def test_a_sample_takes_as_long_as_the_collective_it_calls(answer, traces):
    fabric = ("hgx-h100", "--set", "nodes=1")
    told = answer("train", *fabric, "--chakra", traces)
    one = answer("collective", *fabric, "--op", "all-reduce", "--size", "1MiB")["rows"][0]
    assert told["gpus"] == 8
    assert told["starved_fraction"] == 1
    assert told["step_time_s"] * 1e6 == pytest.approx(one["time_us"], rel=1e-5)


def test_traces_are_shown_as_tables(run, traces):
    result = run("train", "hgx-h100", "--set", "nodes=1", "--chakra", traces / "all_reduce", "-q")
    assert result.exit_code == 0, result.stderr
    assert "all-reduce" in result.stdout


def test_options_of_a_model_are_refused_beside_a_trace(run, traces):
    result = run("train", "hgx-h100", "--chakra", traces, "--model", "llama3-70b", "--search", "--seq-len", "8")
    assert result.exit_code == 2
    assert all(f"{name}: does nothing with a trace" in result.stderr for name in ("model", "search", "seq_len"))


def test_without_model_and_trace_the_model_is_missing(run):
    result = run("train", "hgx-h100")
    assert result.exit_code == 2
    assert "Missing option '--model'" in result.stderr


def test_a_cut_trace_is_refused_with_its_file(run, traces):
    (traces / "all_reduce.3.et").write_bytes(SAMPLE.read_bytes()[:-2])
    result = run("train", "hgx-h100", "--chakra", traces)
    assert result.exit_code == 2
    assert "all_reduce.3.et: is cut" in result.stderr
