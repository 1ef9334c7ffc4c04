"""Hostlists and squeue's output read back, and the ranks on Slurm's nodes."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.fabric.errors import InputError, ParseError, UnknownNameError
from fabricsim.fabric.formats.hostlist import expand, hostlist
from fabricsim.fabric.formats.localities import localities
from fabricsim.fabric.formats.slurm_jobs import ranks_on, read_squeue, squeue_jobs
from fabricsim.topologies import load
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.tuples(st.sampled_from(["a", "b-1-", "rack7-n"]), st.integers(0, 300)).map(
    lambda pair: f"{pair[0]}{pair[1]}"
)


@given(st.lists(NAMES, unique=True))
def test_a_hostlist_that_is_written_names_the_same_hosts_when_read(names):
    assert sorted(expand(hostlist(names))) == sorted(names)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("login", ("login",)),
        ("n[0-2,7]", ("n0", "n1", "n2", "n7")),
        ("n[08-11]", ("n08", "n09", "n10", "n11")),
        ("r[1-2]-n[0-1],x", ("r1-n0", "r1-n1", "r2-n0", "r2-n1", "x")),
        ("n7,n[3-4]", ("n7", "n3", "n4")),
    ],
)
def test_a_hostlist_is_read_in_its_order(text, names):
    assert expand(text) == names


@pytest.mark.parametrize(
    "text", ["a,,b", "a,", ",a", "a[", "a[]", "a[1-]", "a[3-1]", "a]b", "a[1]]", "a b", "a[x]", "a[0-99999999]", "ä1"]
)
def test_a_broken_hostlist_is_refused(text):
    with pytest.raises(InputError, match="hostlist"):
        expand(text)


def test_brackets_that_multiply_to_more_than_a_cluster_are_refused_at_once():
    with pytest.raises(InputError, match="names over"):
        expand("a[0-9999]b[0-9999]c[0-9999]")


def test_squeue_is_read_with_its_jobs_that_wait():
    jobs = squeue_jobs("JOBID STATE NODES NODELIST\n7 RUNNING 3 n[0-2]\n8_1 CONFIGURING 1 n9\n9 PENDING 4 \n")
    assert [(job.number, job.state, job.nodes) for job in jobs] == [
        ("7", "RUNNING", ("n0", "n1", "n2")),
        ("8_1", "CONFIGURING", ("n9",)),
        ("9", "PENDING", ()),
    ]


def test_squeue_is_refused_with_every_fault_and_its_line(tmp_path):
    path = tmp_path / "jobs"
    path.write_text("1 RUNNING 2 n[0-1]\n2 RUNNING 3 n[0-1]\nwhat\n3 RUNNING 1 n[\n")
    with pytest.raises(ParseError) as refused:
        read_squeue(path)
    assert [fault.line for fault in refused.value.faults] == [2, 3, 4]
    assert {fault.file for fault in refused.value.faults} == {str(path)}
    with pytest.raises(ParseError, match="check the path"):
        read_squeue(tmp_path / "none")
    path.write_bytes(b"\xff\xfe1")
    with pytest.raises(ParseError, match="no text"):
        read_squeue(path)


def test_the_ranks_on_a_server_are_its_accelerators():
    fabric = load("hgx-h100", nodes=6)
    assert ranks_on(fabric, expand("server-[1-2]")).tolist() == [*range(8, 16), *range(16, 24)]
    assert ranks_on(fabric, ["server-5", "server-0"]).tolist() == [*range(40, 48), *range(8)]
    assert len(ranks_on(fabric, [])) == 0


def test_a_tray_of_a_rack_is_a_node_of_four_accelerators():
    """An NVL72 has 18 trays."""
    fabric = load("gb200-nvl72", nodes=2)
    assert ranks_on(fabric, ["tray-1-17"]).tolist() == [140, 141, 142, 143]


@pytest.mark.parametrize(
    ("name", "fields"), [("fat_tree", {"k": 4}), ("gb200-nvl72", {"nodes": 2}), ("torus", {"dims": "3x3"})]
)
def test_every_rank_stands_on_one_node(name, fields):
    fabric = load(name, **fields)
    ranks = ranks_on(fabric, localities(fabric).nodes)
    assert np.array_equal(np.sort(ranks), np.arange(fabric.ranks))


def test_nodes_that_the_fabric_has_not_or_has_once_are_refused():
    fabric = load("hgx-h100", nodes=2)
    with pytest.raises(UnknownNameError, match="its nodes are server-0 to server-1") as refused:
        ranks_on(fabric, ["server-0", "server-2", "gpu-1"])
    assert len(refused.value.faults) == 2
    with pytest.raises(InputError, match="server-1 is named twice"):
        ranks_on(fabric, ["server-1", "server-0", "server-1"])
