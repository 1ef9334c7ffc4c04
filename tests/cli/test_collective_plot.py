"""All algorithms beside one another, and bandwidth as a picture."""

from __future__ import annotations

import pytest
from fabricsim.cli.plot_bandwidth import published_points
from fabricsim.fabric.errors import InputError

ONE = ("collective", "hgx-h100", "--set", "nodes=1")


def test_every_algorithm_that_fits_is_compared_and_the_best_is_the_first(answer):
    rows = answer(*ONE, "--size", "64MiB", "--compare")["rows"]
    times = [row["time_us"] for row in rows]
    assert times == sorted(times)
    assert {"ring", "tree", "nvls", "halving-doubling"} <= {row["algorithm"] for row in rows}
    assert len({row["algorithm"] for row in rows}) == len(rows)
    best = answer(*ONE, "--size", "64MiB", "--algorithm", "best")["rows"][0]
    assert best["time_us"] == times[0]


def test_other_fabrics_stand_beside_in_every_form(run, answer):
    how = (*ONE, "--size", "64MiB", "--compare", "--beside", "hgx-b200")
    document = answer(*how)
    (beside,) = document["beside"]
    assert (document["gpus"], beside["gpus"]) == (8, 32)
    assert beside["rows"] == answer("collective", "hgx-b200", "--size", "64MiB", "--compare")["rows"]
    lines = run(*how, "--format", "csv").output.splitlines()
    assert lines[0].startswith("fabric,op,")
    assert len(lines) == 1 + len(document["rows"]) + len(beside["rows"])
    assert {line.split(",")[0] for line in lines[1:]} == {document["fabric"], beside["fabric"]}
    printed = run(*how).output
    assert "8 ranks of hgx-h100 x1, nvlink" in printed
    assert "32 ranks of hgx-b200 x4, infiniband" in printed


@pytest.mark.parametrize("kind", ["png", "svg", "html"])
def test_pictures_are_drawn_the_same_every_time(run, tmp_path, kind):
    measured = tmp_path / "measured.csv"
    measured.write_text("# of this machine\nsize_bytes,busbw_GBps\n1048576,60\n2097152,80\n", encoding="utf-8")
    drawn = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.{kind}"
        done = run(
            *ONE, "--size", "1MiB:4MiB", "--beside", "hgx-b200", "--published", str(measured), "--plot", str(path)
        )
        assert done.exit_code == 0, done.output
        drawn.append(path.read_bytes())
    assert drawn[0] == drawn[1]
    assert drawn[0].startswith({"png": b"\x89PNG", "svg": b"<?xml", "html": b"<!doctype html>"}[kind])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("size_bytes,time\n1,2\n", "has no sizes and bandwidths"),
        ("", "has no sizes and bandwidths"),
        ("size_bytes,busbw_GBps\n1,fast\n", r":2: is no size and bandwidth"),
        ("size_bytes,busbw_GBps\nnan,1\n8,inf\n0,1\n8,-1\n", r"(?s):2: .*:3: .*:4: .*:5: is no size and bandwidth"),
        ("size_bytes,busbw_GBps\n", "has no points"),
        ("# head\nsize_bytes,busbw_GBps\n1,2\n3\n", r":4: is no size and bandwidth"),
    ],
)
def test_points_that_are_none_are_refused_with_their_line(tmp_path, text, complaint):
    path = tmp_path / "points.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=complaint):
        published_points(str(path))


def test_a_picture_is_drawn_of_the_sizes_that_move_bytes(run, tmp_path):
    """Of an all-gather over 8 ranks nccl-tests runs whole 16 bytes per rank: 0 at 64 bytes, 128 at 128."""
    path = tmp_path / "out.svg"
    assert run(*ONE, "--op", "all-gather", "--size", "64B:128B", "--plot", path).exit_code == 0
    assert path.exists()
    nothing = run(*ONE, "--op", "all-gather", "--size", "64B", "--plot", tmp_path / "no.svg")
    assert nothing.exit_code == 2
    assert "no size is left to draw" in nothing.stderr
    assert not (tmp_path / "no.svg").exists()


def test_the_fabric_beside_has_fields_of_its_own(run, tmp_path):
    path = tmp_path / "out.svg"
    assert run(*ONE, "--size", "1MiB", "--beside", "hgx-b200,nodes=2", "--plot", path).exit_code == 0
    assert "<!-- hgx-b200 x2, infiniband -->" in path.read_text(encoding="utf-8")


def test_points_are_read_from_the_tables_of_nccl_tests(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("# source\nsize_bytes,oop_time_us,oop_busbw_GBps\n8,13.0,0.5\n16,14.0,1.0\n", encoding="utf-8")
    assert published_points(str(path)) == [(8.0, 0.5), (16.0, 1.0)]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--published", "x.csv"), "--published is for a plot"),
        (("--plot", "x.gif"), "no kind of picture"),
        (("--plot", "x.png", "--published", "missing.csv"), "missing.csv: cannot be read"),
        (("--compare", "--algorithm", "ring"), "compares all algorithms"),
        (("--compare", "--fidelity", "bound"), "does nothing at fidelity bound"),
    ],
)
def test_options_that_do_not_fit_are_refused(run, options, complaint):
    done = run(*ONE, "--size", "1MiB", *options)
    assert done.exit_code == 2
    assert complaint in done.output
