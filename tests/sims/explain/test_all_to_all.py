"""The same all-to-all over InfiniBand and RoCE on one fabric of three tiers, and why they differ."""

import numpy as np
import pytest
from fabricsim.sims.patterns import pattern
from fabricsim.sims.traffic import traffic
from fabricsim.topologies import load

LINE_BPS, HOSTS, EACH_BYTES = 4e11, 16, 10**7


@pytest.fixture(scope="module")
def tree():
    return load("fat_tree", k=4)


def _slowest(tree, **how):
    """The all-to-all, with its slowest flow explained; rows in seconds by cause."""
    flows = pattern("all-to-all", HOSTS, EACH_BYTES, 0)
    slowest = int(np.argmax(traffic(tree, flows, **how).finish_s))
    ran = traffic(tree, flows, explain=slowest, **how)
    return ran, {row.cause: row.seconds for row in ran.explanation.causes}


def test_infiniband_waits_for_nothing_but_its_own_ports(tree):
    """Tables by destination load every link alike: 15 flows through each host's port, at 0.96 of its line."""
    ran, rows = _slowest(tree, transport="infiniband")
    due_s = 15 * 8 * EACH_BYTES / (0.96 * LINE_BPS)
    assert ran.makespan_s == pytest.approx(due_s, rel=1e-3)
    assert rows["collision"] == pytest.approx(0, abs=1e-9)
    assert rows["rate control"] == pytest.approx(0, abs=1e-9)
    assert ran.explanation.main_cause == "sharing"


def test_roce_waits_for_a_link_on_which_hashes_collide(tree):
    """As many flows as the hash laid on its fullest link, at 0.925 of its line; what exceeds the ports' 15 is the row
    `collision`."""
    ran, rows = _slowest(tree, transport="roce")
    root = next(link for link in ran.explanation.path if link.link == ran.explanation.root)
    one_s = 8 * EACH_BYTES / (0.925 * LINE_BPS)
    assert root.flows > 15
    assert ran.makespan_s == pytest.approx(root.flows * one_s, rel=1e-2)
    assert rows["collision"] == pytest.approx((root.flows - 15) * one_s, rel=1e-2)
    assert rows["header"] > 1.5 * _slowest(tree, transport="infiniband")[1]["header"]


def test_roce_without_control_adds_a_row_for_buffers_that_push_back(tree):
    ran, rows = _slowest(tree, transport="roce", parameters={"cc": "none"})
    assert "rate control" not in rows
    assert rows["head-of-line"] != 0
    assert ran.explanation.root
