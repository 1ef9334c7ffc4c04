"""Tables and traces of a run, against flows that can be worked out by hand."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import polars
import pytest
from fabricsim import topologies, traffic
from fabricsim.fabric.errors import InputError
from fabricsim.sims.chrome_trace import write_trace
from fabricsim.sims.link_table import link_table
from fabricsim.sims.tables import write_table

COLUMNS = {
    "name": np.array(["a", "b,c", "d"]),
    "count": np.array([0, 2**53 + 1, -1]),
    "time_s": np.array([0.1 + 0.2, 1e-300, 1 / 3]),
}


@pytest.fixture(scope="module")
def pair():
    """Two hosts on a switch, 8 Gbit/s cables without latency: host-0 sends 1 GB at 0 s and 0.5 GB at 0.5 s."""
    return topologies.fat_tree(k=2, link="8Gbps", hop_latency="0s")


@pytest.fixture(scope="module")
def ran(pair):
    flows = {"flow": ["first", "second"], "src": [0, 0], "dst": [1, 1], "bytes": [10**9] * 2, "start_s": [0.0, 0.5]}
    return traffic(pair, flows, transport="ideal")


def test_a_csv_reads_back_as_the_same_numbers(tmp_path):
    write_table(tmp_path / "table.csv", COLUMNS)
    with (tmp_path / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == COLUMNS["name"].tolist()
    assert [int(row["count"]) for row in rows] == COLUMNS["count"].tolist()
    assert [float(row["time_s"]) for row in rows] == COLUMNS["time_s"].tolist()


def test_parquet_reads_back_as_the_same_numbers(tmp_path):
    write_table(tmp_path / "table.parquet", COLUMNS)
    frame = polars.read_parquet(tmp_path / "table.parquet")
    assert {name: frame[name].to_list() for name in frame.columns} == {k: v.tolist() for k, v in COLUMNS.items()}


def test_another_kind_of_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"\.xls is no kind of table \(name it \.csv or \.parquet\)"):
        write_table(tmp_path / "table.xls", COLUMNS)


def test_parquet_without_polars_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(InputError, match=r"pip install 'fabricsim\[data\]'"):
        write_table(tmp_path / "table.parquet", COLUMNS)
    assert list(tmp_path.iterdir()) == []


def test_the_links_of_a_path_carry_all_bytes_at_full_load(pair, ran):
    """2 GB in 2 s at 8 Gbit/s; nothing flows back, so the other directions are not listed."""
    table = link_table(pair, ran)
    assert table["source"][0] == "host-0"
    assert len(table["link"]) == len({*table["link"].tolist()}) == 6
    np.testing.assert_allclose(table["bytes"], 2e9, rtol=1e-12)
    np.testing.assert_allclose(table["utilisation"], 1.0, rtol=1e-12)


def test_overlapping_flows_of_a_sender_lie_in_lanes_of_their_own(ran, tmp_path, read_trace):
    """The first has 0.5 GB left at 0.5 s, shares until 1.5 s; the second has 0.5 GB left then, and ends at 2 s."""
    write_trace(tmp_path / "trace.json", ran)
    document = json.loads((tmp_path / "trace.json").read_text())
    slices = [event for event in document["traceEvents"] if event["ph"] == "X"]
    read = read_trace(tmp_path / "trace.json")
    assert read.processes == {0: "0"}
    assert read.tracks == {(0, 0): "lane 0", (0, 1): "lane 1"}
    assert [(event["ts"], event["ts"] + event["dur"]) for event in slices] == [
        (0.0, pytest.approx(1.5e6)),
        (0.5e6, pytest.approx(2.0e6)),
    ]
    assert [event["args"]["flow"] for event in slices] == ["first", "second"]
    assert slices[0]["tid"] != slices[1]["tid"]
    assert slices[0]["pid"] == slices[1]["pid"]


def test_a_lane_is_used_again_once_it_is_free(pair, tmp_path):
    flows = {"src": [0, 0, 1], "dst": [1, 1, 0], "bytes": [10**9] * 3, "start_s": [0.0, 1.5, 0.0]}
    write_trace(tmp_path / "trace.json", traffic(pair, flows, transport="ideal"))
    slices = [e for e in json.loads((tmp_path / "trace.json").read_text())["traceEvents"] if e["ph"] == "X"]
    assert [(event["pid"], event["tid"]) for event in slices] == [(0, 0), (0, 0), (1, 0)]
