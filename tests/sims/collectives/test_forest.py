"""Packed spanning trees against closed forms and against the tightest of all cuts, found by trying every one."""

from itertools import combinations

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import WorkloadError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.collectives import collective
from fabricsim.sims.collectives.algorithms import ALGORITHMS
from fabricsim.sims.collectives.communicator import Communicator
from fabricsim.sims.collectives.demand import Call
from fabricsim.sims.collectives.packing import feeds_all, pack
from fabricsim.sims.collectives.semantics import prove
from fabricsim.sims.network import Network
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

OPS = ("all-gather", "reduce-scatter", "all-reduce")


def moving_s(fabric, op, size=2**40):
    """Time without latency."""
    row = collective(fabric, op, size, "forest", transport="ideal", certify=False).rows[0]
    small = collective(fabric, op, 16 * row.ranks, "forest", transport="ideal", certify=False).rows[0]
    return (row.time_us - small.time_us) * 1e-6


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_a_star_is_filled(star, n):
    """(n - 1) / n S / B (ForestColl, figure 1)."""
    for op, passes in zip(OPS, (1, 1, 2), strict=True):
        assert moving_s(star(n), op) == pytest.approx(passes * (n - 1) / n * 2**40 / 12.5e9, rel=1e-6)


def test_boxes_wait_for_what_enters_a_box():
    """Two servers of 4 ranks: S/n (n - G) / (G B2) with NICs of 50 GB/s, as NVLink is plentiful."""
    fabric = load("hgx-h100", nodes=2)
    ranks = np.array([0, 1, 2, 3, 8, 9, 10, 11])
    rows = [
        collective(fabric, "all-gather", size, "forest", transport="ideal", ranks=ranks, certify=False).rows[0].time_us
        for size in (2**37, 2**38)
    ]
    assert (rows[1] - rows[0]) * 1e-6 == pytest.approx(2**37 / 8 * 4 / (8 * 50e9 / 2), rel=0.01)


def wired(seed):
    """Three or four hosts and up to three switches, joined in a ring and across by cables of 10 or 20 Gbit/s."""
    rng = np.random.default_rng(seed)
    hosts, switches = int(rng.integers(3, 5)), int(rng.integers(1, 4))
    builder = FabricBuilder("random", {"network": "infiniband", "assumptions": []})
    ends = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(hosts)))
    hubs = builder.add_nodes(NodeKind.SWITCH, numbered("s-{}", np.arange(switches)))
    cables = [(host, rng.choice(hubs)) for host in ends] + list(combinations(hubs, 2))
    for one, other in cables:
        builder.add_cables(one, other, 1e10 * int(rng.integers(1, 3)), 100)
    return builder.build()


def tightest_s_per_byte(fabric):
    """max over cuts of ranks inside / n / capacity out of the cut (models: ForestColl, equation 1)."""
    n, worst = fabric.ranks, 0.0
    for inside in range(1, 2**fabric.nodes - 1):
        member = (inside >> np.arange(fabric.nodes)) & 1 == 1
        ranks = np.count_nonzero(member[fabric.endpoints])
        out_bps = fabric.capacity_bps[member[fabric.link_source] & ~member[fabric.link_target]].sum()
        if 0 < ranks < n and out_bps > 0:
            worst = max(worst, 8 * ranks / n / out_bps)
    return worst


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_trees_reach_the_tightest_cut_and_are_proven(seed):
    """With capacities of one or two units, few trees per rank divide every cut evenly."""
    fabric = wired(seed)
    network = Network(fabric, transport="ideal")
    comm = Communicator.of(network, np.arange(fabric.ranks))
    for op in OPS:
        (schedule,) = ALGORITHMS["forest"].schedules(network, comm, Call(op))
        prove(comm, op, schedule, fabric)
    ratio = moving_s(fabric, "all-gather") / (2**40 * tightest_s_per_byte(fabric))
    assert ratio >= 1 - 1e-6
    assert ratio <= 1 + 1e-6


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 7), k=st.integers(1, 3))
@settings(max_examples=40)
def test_packed_trees_span_and_share_the_units_there_are(seed, n, k):
    rng = np.random.default_rng(seed)
    units = rng.integers(0, 2 * k + 1, (n, n)) * ~np.eye(n, dtype=bool)
    units = units + units.T
    if not feeds_all(units, n, k):
        return
    batches = pack(units, k)
    used, trees = np.zeros_like(units), np.zeros(n, dtype=int)
    for batch in batches:
        reached = {batch.root}
        for tail, head in batch.edges:
            assert tail in reached
            assert head not in reached
            reached.add(head)
            used[tail, head] += batch.count
        assert len(reached) == n
        trees[batch.root] += batch.count
    assert (trees == k).all()
    assert (used <= units).all()


def test_more_ranks_than_can_be_packed_are_refused(star):
    with pytest.raises(WorkloadError, match="17 ranks, trees are packed for up to 16"):
        collective(star(17), algorithm="forest", op="all-gather")
