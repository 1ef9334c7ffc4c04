"""Groups inside servers: one server stands for all, and the time is the same."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.sims.alike import representatives
from fabricsim.sims.collectives import collective_time_s
from fabricsim.sims.network import Network
from fabricsim.topologies import load


@pytest.fixture(scope="module")
def network():
    return Network(load("hgx-h100", nodes=4))


@pytest.mark.parametrize(("width", "kept"), [(8, 1), (4, 2), (2, 4)])
def test_the_groups_of_one_server_stand_for_all(network, width, kept):
    groups = np.arange(32).reshape(-1, width)
    chosen = representatives(network, groups)
    assert chosen.tolist() == groups[:kept].tolist()
    for op in ("all-gather", "all-reduce"):
        assert collective_time_s(network, op, list(chosen), 2**20) == collective_time_s(
            network, op, list(groups), 2**20
        )


def test_groups_that_leave_their_server_are_all_kept(network):
    groups = np.arange(32).reshape(4, 8).T
    assert (representatives(network, groups) == groups).all()


def test_servers_whose_groups_lie_unlike_stand_for_themselves(network):
    groups = np.array([[0, 1], [8, 9], [18, 19], [24, 25]])
    assert representatives(network, groups).tolist() == [[0, 1], [18, 19]]


def test_a_server_with_slower_links_stands_for_itself():
    fabric = load("hgx-h100", nodes=3)
    slow = fabric.capacity_bps.copy()
    own = fabric.endpoints[8:16]
    slow[np.isin(fabric.link_source, own)] /= 2
    network = Network(fabric)
    object.__setattr__(network, "payload_bps", slow)
    groups = np.arange(24).reshape(3, 8)
    assert representatives(network, groups).tolist() == groups[:2].tolist()
