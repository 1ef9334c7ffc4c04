"""`fabricsim collective`: closed forms, nccl-tests' definitions and published measurements, at the users' door."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

ROW_KEYS = [
    *(
        "op",
        "size_bytes",
        "ranks",
        "algorithm",
        "protocol",
        "transport",
        "fidelity",
        "time_us",
        "algbw_GBps",
        "busbw_GBps",
    ),
    *("bound_time_us", "bound_fraction", "bottleneck"),
]
TREE = ("fat_tree", "--set", "k=4", "--set", "link=100Gbps", "--set", "hop_latency=0s", "--transport", "ideal")
A100_PAIR = ("hgx-a100", "--set", "nodes=2", "--set", "nic=200Gbps", "--set", "network=roce", "--size", "8GiB")


def test_a_ring_takes_its_closed_form(answer):
    """2 (n-1)/n S/B with nothing in the way (Patarasuk and Yuan, JPDC 2009)."""
    (row,) = answer("collective", *TREE, "--algorithm", "ring", "--size", "16MB")["rows"]
    assert row["time_us"] == pytest.approx(2 * 15 / 16 * 16e6 * 8 / 100e9 * 1e6, rel=1e-9)
    assert row["bound_fraction"] == pytest.approx(1, rel=1e-9)
    assert row["busbw_GBps"] == pytest.approx(12.5, rel=1e-9)


def test_keys_are_those_of_the_contract(answer):
    document = answer("collective", "hgx-h100", "--set", "nodes=1")
    assert {"fabric", "gpus", "rows"} <= document.keys()
    (row,) = document["rows"]
    assert list(row) == ROW_KEYS
    assert row["bottleneck"].keys() == {"kind", "name", "utilisation"}
    assert document["gpus"] == row["ranks"] == 8


def test_bandwidths_are_defined_as_by_nccl_tests(answer):
    """PERFORMANCE.md of nccl-tests: algbw = S/t, busbw = algbw 2(n-1)/n for an all-reduce."""
    (row,) = answer("collective", "hgx-h100", "--set", "nodes=2")["rows"]
    assert row["algbw_GBps"] == pytest.approx(row["size_bytes"] / row["time_us"] / 1e3)
    assert row["busbw_GBps"] == pytest.approx(row["algbw_GBps"] * 2 * 15 / 16)
    assert row["bound_time_us"] == pytest.approx(row["time_us"] * row["bound_fraction"])
    assert row["bound_fraction"] <= 1


def test_a_range_doubles_from_size_to_size(run):
    table = run("collective", "hgx-h100", "--set", "nodes=1", "--size", "1KiB:64KiB", "--format", "csv").stdout
    assert [int(row["size_bytes"]) for row in csv.DictReader(io.StringIO(table))] == [1024 * 2**i for i in range(7)]


def test_eight_h100_reach_the_published_bandwidth(answer):
    """480.16 GB/s: NVIDIA/dgxc-benchmarking@841f546, nccl/README.md, all_reduce of 8 GiB, NVLS."""
    (row,) = answer("collective", "hgx-h100", "--set", "nodes=1", "--op", "all-reduce", "--size", "8GiB")["rows"]
    assert row["algorithm"] == "nvls"
    assert row["busbw_GBps"] == pytest.approx(480.16, rel=0.1)


@pytest.mark.parametrize(("algorithm", "measured_GBps"), [("ring", 189.6), ("tree", 237.94)])
def test_two_a100_servers_on_roce_reach_the_published_bandwidth(answer, algorithm, measured_GBps):
    """oracle-quickstart/oci-hpc-oke, 2 x BM.GPU.B4.8: @61d210a (ring-like) and @185aceb (tree)."""
    (row,) = answer("collective", *A100_PAIR, "--algorithm", algorithm)["rows"]
    assert row["algorithm"] == algorithm
    assert row["transport"] == "roce"
    assert row["busbw_GBps"] == pytest.approx(measured_GBps, rel=0.1)


def test_headers_of_the_transport_cost_their_share(answer):
    """1024 bytes of payload in 1106 on the wire, and an acknowledgement of 82 for each packet that comes the other
    way."""
    plain = answer("collective", *TREE, "--algorithm", "ring")["rows"][0]
    roce = (
        "--transport",
        "roce",
        "--set",
        "transport.mtu=1106B",
        "--set",
        "transport.header=82B",
    )
    framed = answer("collective", *TREE[:-2], *roce, "--algorithm", "ring", "--routing", "d-mod-k")["rows"][0]
    assert framed["time_us"] == pytest.approx(plain["time_us"] * (1106 + 82) / 1024, rel=1e-9)


def test_the_table_says_what_the_json_says(run, answer):
    command = ("collective", "hgx-h100", "--set", "nodes=1", "--size", "1GiB")
    (row,) = answer(*command)["rows"]
    line = run(*command, "-q").stdout.splitlines()[3].split()
    assert line[0] == "1073741824"
    assert line[3:6] == [f"{row['time_us']:.2f}", f"{row['algbw_GBps']:.2f}", f"{row['busbw_GBps']:.2f}"]


GOAL = str(Path(__file__).parents[1] / "data" / "goal" / "ring_allreduce_8.goal")


def test_a_schedule_runs_and_says_what_each_link_carried(answer, tmp_path):
    """14 messages of 131,072 bytes over each host's cables, on 8 of 16 hosts, and computing of 98 us each."""
    document = answer("collective", *TREE, "--goal", GOAL, "--links-out", str(tmp_path / "links.csv"))
    assert document["bytes"] == 8 * 14 * 131_072
    assert {row["computing_us"] for row in document["ranks"]} == {98}
    with open(tmp_path / "links.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    hosts = [float(row["bytes"]) for row in rows if row["source"].startswith("host")]
    assert hosts == [14 * 131_072] * 8


def test_what_a_schedule_does_not_heed_is_refused(run):
    refused = run("collective", *TREE, "--goal", GOAL, "--op", "broadcast", "--compare")
    assert refused.exit_code == 2
    assert "--op: does nothing with a schedule" in refused.stderr
    assert "--compare: does nothing" in refused.stderr


def test_groups_at_once_have_a_line_each(answer):
    """Two servers, a ring on every rail: no two rails share a link; the n-th starts n ms after the first."""
    document = answer("collective", "hgx-h100", "--set", "nodes=2", "--groups", "rails", "--stagger", "1ms")
    assert [row["group"] for row in document["rows"]] == [f"rail-{rail}" for rail in range(8)]
    assert [row["start_us"] for row in document["rows"]] == pytest.approx([1000 * rail for rail in range(8)])
    for row in document["rows"]:
        assert list(row) == [*ROW_KEYS, "group", "start_us", "straggler_us", "alone_us"]
        assert row["time_us"] == pytest.approx(row["alone_us"])


def test_a_late_rank_is_named_with_what_it_costs(run):
    shown = run("collective", *TREE, "--algorithm", "ring", "--size", "16MB", "--starts", "late:5=1s", "-q")
    (line,) = [line for line in shown.stdout.splitlines() if line.startswith("all ")]
    assert "1000000.00" in line
    assert line.rstrip().endswith("host-5")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--stagger", "1ms"), "--stagger: does nothing without groups"),
        (("--groups", "servers", "--compare"), "--compare: does nothing with groups"),
        (("--groups", "file:none.csv", "--ranks", "4"), "--ranks: does nothing with groups"),
        (("--size", "8B:16B", "--links-out", "links.csv"), "--links-out is for one run, not 2"),
        (("--fidelity", "bound", "--links-out", "links.csv"), "--links-out is for one run, not 0"),
        (("--links-out", "links.txt"), ".txt is no kind of table"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(run, options, complaint):
    refused = run("collective", "hgx-h100", "--set", "nodes=1", *options)
    assert refused.exit_code == 2
    assert complaint in refused.stderr
