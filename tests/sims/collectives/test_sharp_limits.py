"""What InfiniBand's switches aggregate at once (NVIDIA SHARP 3.13, capabilities and limitations)."""

import numpy as np
import pytest
from fabricsim.fabric.errors import WorkloadError
from fabricsim.sims.collectives import collective
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
