"""What InfiniBand's switches aggregate at once (NVIDIA SHARP 3.13, capabilities and limitations)."""

import numpy as np
import pytest
from fabricsim.fabric.errors import WorkloadError
from fabricsim.sims.collectives import collective, collective_time_s, collectives_at_once
from fabricsim.sims.collectives.aggregation_tree import aggregation_tree
from fabricsim.sims.network import Network
from fabricsim.topologies import load


def _sharp(name, **fields):
    return collective(load(name, **fields), "all-reduce", "1GiB", "sharp", certify=False).rows[0]


def test_a_subnet_of_quantum_has_63_trees_for_streams():
    """72 adapters per rack are 72 rails, each with a tree."""
    with pytest.raises(WorkloadError, match="QM8700 has at most 63 trees, here are 72"):
        _sharp("gb200-nvl72", nodes=2, nic="200Gbps")


def test_a_quantum_switch_serves_one_tree():
    """Eight rails behind common leaves meet there; with a leaf for each rail and spines enough they do not."""
    with pytest.raises(WorkloadError, match="a switch of QM8700 serves one tree at a time, and 8 of 8 meet at leaf-0"):
        _sharp("clos", server="hgx-a100", hosts=160, link="200Gbps")
    assert _sharp("hgx-a100", nodes=32).algorithm == "sharp"


def test_a_quantum_2_port_serves_one_tree_and_trees_take_ports_of_their_own():
    fabric = load("clos", server="hgx-h100", hosts=256)
    assert "QM9700" in fabric.meta["devices"]
    network, ranks = Network(fabric), np.arange(fabric.ranks).reshape(-1, 8).T
    trees = [aggregation_tree(network, rail, number) for number, rail in enumerate(ranks)]
    links = np.concatenate([np.unique(np.concatenate(tree.links)) for tree in trees])
    assert len(np.unique(links)) == len(links)
    assert _sharp("clos", server="hgx-h100", hosts=256).algorithm == "sharp"


def test_trees_that_cannot_but_share_a_port_are_refused():
    """Sixteen times fewer cables up than adapters: eight trees on two cables of a leaf."""
    with pytest.raises(WorkloadError, match="a port of QM9700 serves one tree at a time"):
        _sharp("clos", server="hgx-h100", hosts=96, oversubscription="16")


def test_switches_of_which_nothing_is_published_are_not_limited():
    assert _sharp("fat_tree", k=8, server="hgx-h100").algorithm == "sharp"


INTERLEAVED = {"even": [*range(8), *range(16, 24)], "odd": [*range(8, 16), *range(24, 32)]}
"""Servers 0, 2 and 1, 3: both groups enter by the same leaves."""


def test_the_group_that_comes_second_gets_no_tree_of_a_quantum_switch():
    with pytest.raises(WorkloadError, match="group odd: sharp cannot run beside the groups before it: a switch of QM8"):
        collectives_at_once(load("hgx-a100", nodes=4), INTERLEAVED, algorithm="sharp", certify=False)


def test_a_group_without_trees_runs_what_is_best_without():
    """32 hosts on one Quantum switch, which takes the data once where rings take it twice."""
    fabric = load("clos", hosts=32, link="200Gbps")
    halves = {"first": range(16), "second": range(16, 32)}
    ran = collectives_at_once(fabric, halves, size="1GiB", algorithm="best", certify=False)
    first, second = ran.rows
    others = collective(fabric, size="1GiB", ranks=range(16, 32), compare=True, certify=False).rows
    assert first.algorithm == "sharp"
    assert second.time_us == min(row.time_us for row in others if row.algorithm != "sharp")
    assert any(said.startswith("Group second runs without sharp: a switch of QM8700") for said in ran.assumptions)


def test_groups_behind_leaves_of_their_own_all_get_trees_of_quantum_2():
    """Two halves of 128 ranks: trees of the second take roots and cables that those of the first leave."""
    fabric = load("clos", server="hgx-h100", hosts=256)
    halves = {"low": range(128), "high": range(128, 256)}
    rows = collectives_at_once(fabric, halves, size="256MiB", algorithm="sharp", certify=False).rows
    alone = collective(fabric, size="256MiB", algorithm="sharp", ranks=range(128), certify=False).rows[0]
    assert [row.time_us for row in rows] == pytest.approx([alone.time_us] * 2)


def test_groups_that_run_in_step_are_refused_what_they_are_refused_apart():
    with pytest.raises(WorkloadError, match="a switch of QM8700 serves one tree"):
        collective_time_s(Network(load("hgx-a100", nodes=4)), "all-reduce", list(INTERLEAVED.values()), 2**20, "sharp")


@pytest.mark.parametrize(
    ("size", "operations"),
    [(2**13, 1), (2**13 + 16, 2), (2**14, 2), (2**14 + 16, 1), (2**30 - 32, 1), (2**30, 2), (2**32, 5)],
)
def test_a_message_beyond_one_operation_pays_a_round_trip_for_each(star, size, operations):
    """8 KiB at a time up to 16 KiB, streams of 1 GiB less 32 bytes beyond: 2 (alpha + h t) each, up and down a hop of
    500 ns."""
    fabric = star(4)
    payload_bps = Network(fabric, transport="infiniband").payload_bps[0]
    (row,) = collective(fabric, size=size, algorithm="sharp").rows
    assert row.time_us == pytest.approx(operations + 8e6 * size / payload_bps, rel=1e-9)
