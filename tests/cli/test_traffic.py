"""`fabricsim traffic`: completion times that can be worked out by hand."""

from __future__ import annotations

import csv
import json

import pytest

CABLE = ("--set", "link=100Gbps", "--set", "hop_latency=0s")


def test_an_incast_shares_the_last_link_equally(answer):
    """k=4: 15 hosts send 1 MB each to one over its 100 Gbit/s port; `ideal` has no headers."""
    shown = answer(
        "traffic", "fat_tree", "--set", "k=4", *CABLE, "--pattern", "incast", "--size", "1MB", "--transport", "ideal"
    )
    assert shown["flows"] == 15
    assert shown["makespan_s"] == pytest.approx(15 * 8e6 / 100e9, rel=1e-9)
    assert shown["rate_bps"]["mean"] == pytest.approx(100e9 / 15, rel=1e-9)
    assert shown["bottleneck"]["utilisation"] == pytest.approx(1, rel=1e-9)


def test_flows_out_repeats_the_input_in_order_with_exact_times(run, tmp_path):
    flows, out = tmp_path / "flows.csv", tmp_path / "out.csv"
    flows.write_text("flow,src,dst,bytes,start_s\nb,3,0,12500000,0.5\na,host-1,host-0,12500000,0.0\n")
    result = run(
        "traffic", "fat_tree", "--set", "k=2", *CABLE, "--flows", flows, "--transport", "ideal", "--flows-out", out
    )
    assert result.exit_code == 2  # k=2 has two hosts only: rank 3 does not exist
    assert not out.exists()
    flows.write_text("flow,src,dst,bytes,start_s\nb,1,0,12500000,0.5\na,host-1,host-0,12500000,0.0\n")
    result = run(
        "traffic", "fat_tree", "--set", "k=2", *CABLE, "--flows", flows, "--transport", "ideal", "--flows-out", out
    )
    assert result.exit_code == 0, result.stderr
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [row["flow"] for row in rows] == ["b", "a"]
    assert [(row["src"], row["dst"]) for row in rows] == [("1", "0"), ("host-1", "host-0")]
    assert [float(row["finish_s"]) for row in rows] == pytest.approx([0.501, 0.001], rel=1e-12)
    assert list(rows[0]) == ["flow", "src", "dst", "bytes", "start_s", "finish_s", "rate_bps"]


def test_a_route_is_followed(run, tmp_path):
    """Two flows in opposite pods of k=4 share nothing unless their routes say so: here both cross core-0-0."""
    flows, routes = tmp_path / "flows.csv", tmp_path / "routes.csv"
    flows.write_text("flow,src,dst,bytes\n0,0,8,12500000\n1,1,9,12500000\n")
    through = ("leaf-0-0", "agg-0-0", "core-0-0", "agg-2-0", "leaf-2-0")
    lines = [
        f"{flow},{hop},{node}"
        for flow in (0, 1)
        for hop, node in enumerate((f"host-{flow}", *through, f"host-{8 + flow}"))
    ]
    routes.write_text("\n".join(["flow,hop,node", *lines]))
    result = run(
        *("traffic", "fat_tree", "--set", "k=4", *CABLE, "--flows", flows, "--routes", routes),
        *("--transport", "ideal", "--format", "json", "-q"),
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["makespan_s"] == pytest.approx(2 * 12.5e6 * 8 / 100e9, rel=1e-9)


def test_the_same_seed_answers_with_the_same_bytes(run):
    command = (
        "traffic",
        "hgx-h100",
        "--set",
        "nodes=2",
        "--pattern",
        "permutation",
        "--size",
        "1MiB",
        "--format",
        "json",
    )
    first, again, other = run(*command, "--seed", 7), run(*command, "--seed", 7), run(*command, "--seed", 8)
    assert first.stdout == again.stdout
    assert first.stdout != other.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--pattern", "incast", "--flows", "x.csv"),
        ("--flows", "x.csv", "--size", "1MB"),
        ("--pattern", "incast", "--routes", "x"),
    ],
    ids=["no flows", "two sources", "idle size", "idle routes"],
)
def test_options_that_would_be_ignored_are_refused(run, arguments):
    result = run("traffic", "hgx-h100", *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("fabricsim: ")


def test_links_and_trace_are_written_beside_the_flows(run, tmp_path):
    command = ("traffic", "fat_tree", "--set", "k=4", "--pattern", "incast", "--size", "1MB", "-q")
    files = [tmp_path / name for name in ("flows.parquet", "links.csv", "trace.json")]
    result = run(*command, "--flows-out", files[0], "--links-out", files[1], "--trace", files[2])
    assert result.exit_code == 0, result.stderr
    with files[1].open() as file:
        into_host_0 = next(row for row in csv.DictReader(file) if row["target"] == "host-0")
    assert float(into_host_0["bytes"]) == pytest.approx(15e6, rel=1e-9)
    assert sum(event["ph"] == "X" for event in json.loads(files[2].read_text())["traceEvents"]) == 15
    assert files[0].read_bytes()[:4] == b"PAR1"


def test_a_table_of_no_known_kind_is_refused_before_anything_runs(run, tmp_path):
    result = run("traffic", "fat_tree", "--pattern", "incast", "--links-out", tmp_path / "links.txt")
    assert (result.exit_code, result.stdout) == (2, "")
    assert ".txt is no kind of table (name it .csv or .parquet)" in result.stderr


def test_explain_says_why_and_with_whom(run):
    """Three senders into one host: the flow waits for the two others at the host's port."""
    result = run("traffic", "fat_tree", "--set", "k=4", "--pattern", "incast", "--size", "10MB", "--explain", "3")
    assert result.exit_code == 0
    assert "flow 3: " in result.stdout
    assert "mainly sharing" in result.stdout
    assert "XmitWait" in result.stdout


def test_report_prints_causes_links_and_victims(run, tmp_path):
    """Two leaves under one spine: the victim crosses it with a, which waits for a host that b and c fill."""
    flows, causes = tmp_path / "flows.csv", tmp_path / "causes.csv"
    lines = ("a,0,4,300000000", "victim,1,5,100000000", "b,6,4,300000000", "c,7,4,300000000")
    flows.write_text("\n".join(("flow,src,dst,bytes", *lines)) + "\n")
    tree = ("traffic", "xgft", "--set", "m=4,2", "--set", "w=1,1", "--set", "network=roce")
    shown = run(*tree, "--flows", flows, "--set", "transport.cc=none", "--report", "--causes-out", causes, "-q")
    assert shown.exit_code == 0, shown.stderr
    assert "1 victims" in shown.stdout
    assert "filled by" in shown.stdout
    with causes.open() as file:
        rows = {row["flow"]: row for row in csv.DictReader(file)}
    assert rows["victim"]["main_cause"] == "head-of-line"
    assert rows["victim"]["root"].endswith("-> host-4")
    assert [rows[name]["victim"] for name in ("a", "victim")] == ["False", "True"]


def test_explaining_a_flow_that_is_not_there_is_refused(run):
    result = run("traffic", "fat_tree", "--set", "k=4", "--pattern", "incast", "--explain", "99")
    assert result.exit_code == 2
    assert "unknown flow '99'" in result.stderr


def test_a_large_all_to_all_is_run_by_groups_at_fluid(answer):
    """k=16, 1,024 hosts on a full tree: each port carries 1,023 messages of 1 MB, its own NIC's share at line rate."""
    tree = ("traffic", "fat_tree", "--set", "k=16", *CABLE, "--pattern", "all-to-all", "--size", "1MB")
    shown = answer(*tree, "--fidelity", "fluid")
    assert shown["flows"] == 1024 * 1023
    # Headers cost 4% of InfiniBand's wire.
    assert shown["makespan_s"] == pytest.approx(1023 * 8e6 / (0.96 * 100e9), rel=2e-3)


def test_a_record_holds_what_each_link_carried_in_every_bin(run, tmp_path):
    """Flow a has 100 Gbit/s for 1 ms, then both have half: 12.5 + 4 * 6.25 = 37.5 MB in its first 5 ms."""
    flows, out = tmp_path / "flows.csv", tmp_path / "links.csv"
    flows.write_text("flow,src,dst,bytes,start_s\na,0,5,125000000,0\nb,1,5,125000000,0.001\n")
    how = ("--flows", flows, "--transport", "ideal", "--record-every", "5ms", "--links-out", out)
    result = run("traffic", "fat_tree", "--set", "k=4", *CABLE, *how)
    assert result.exit_code == 0, result.stderr
    with out.open() as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "host-0"]
    assert [float(row["begin_s"]) for row in rows] == pytest.approx([0, 0.005, 0.01, 0.015], abs=1e-12)
    assert [float(row["bytes"]) / 1e6 for row in rows] == pytest.approx([37.5, 31.25, 31.25, 25], rel=1e-9)
    assert [float(row["utilisation"]) for row in rows] == pytest.approx([0.6, 0.5, 0.5, 0.4], rel=1e-9)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (("--transport", "ideal", "--record-every", "1ms"), "--record-every says what --links-out holds"),
        (("--record-every", "1ms", "--links-out", "{out}"), "the buffers of infiniband have no record"),
        (("--transport", "ideal", "--record-every", "0s", "--links-out", "{out}"), "0.0 is not a finite time above 0"),
        (("--transport", "ideal", "--record-every", "1", "--links-out", "{out}"), "'1' has no unit"),
        (("--fidelity", "fluid", "--record-every", "0.001ps", "--links-out", "{out}"), "makes more than"),
        (("--fidelity", "fluid", "--record-every", "1ps", "--links-out", "{out}"), "record at a coarser resolution"),
    ],
)
def test_a_record_that_cannot_be_made_is_refused(run, tmp_path, how, said):
    out = tmp_path / "links.csv"
    asked = [word.format(out=out) for word in how]
    result = run("traffic", "fat_tree", "--set", "k=4", *CABLE, "--pattern", "incast", "--size", "1MB", *asked)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not out.exists()


def test_levels_of_a_pattern_become_lanes_in_reports_and_files(run, tmp_path):
    """Two to one in turns at levels 0 and 1: a row for each lane of the last link, half of it each."""
    out = tmp_path / "links.csv"
    lanes = ("--set", "transport.cc=none", "--set", "transport.lanes=2")
    how = ("--pattern", "incast", "--size", "10MB", "--sl", "0,1", *lanes, "--links-out", out, "--report")
    result = run("traffic", "clos", "--set", "hosts=3", *CABLE, *how)
    assert result.exit_code == 0, result.stderr
    assert "leaf-0:1 -> host-0 lane 1" in result.stdout
    with out.open() as file:
        rows = [row for row in csv.DictReader(file) if row["target"] == "host-0"]
    assert [row["lane"] for row in rows] == ["0", "1"]
    assert [row["xmit_data"] for row in rows] == [str(round(10**7 / 0.96 / 4))] * 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--pattern", "incast", "--sl", "0,16,low"), "'low' is no service level"),
        (("--pattern", "incast", "--sl", "0,1"), "sl: does nothing: all flows take the same lanes"),
        (("--pattern", "all-to-all", "--sl", "0,1", "--fidelity", "fluid"), "sl: does nothing at fidelity fluid"),
        (("--flows", "flows.csv", "--sl", "0,1"), "--sl does nothing with a file of flows"),
    ],
)
def test_levels_that_are_none_or_do_nothing_are_refused(run, options, complaint):
    result = run("traffic", "fat_tree", "--set", "k=4", *options)
    assert result.exit_code == 2
    assert complaint in result.stderr
