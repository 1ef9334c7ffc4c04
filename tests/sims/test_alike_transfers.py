"""Transfers that are alike: the run of one per class is the run of all, on drawn traffic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim.sims import network as network_module
from fabricsim.sims.alike_transfers import Ends, alike_transfers, numbered
from fabricsim.sims.network import Detail, Network
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

PER_SERVER = 8


def servers(nodes, thin=(), **fields):
    """H100 servers; the adapters of the ranks in `thin` have half the rate."""
    fabric = load("hgx-h100", nodes=nodes, **fields)
    capacity_bps = fabric.capacity_bps.copy()
    cables = Ends.of(fabric).table[list(thin), -1]
    capacity_bps[cables] /= 2
    capacity_bps[cables ^ 1] /= 2
    return replace(fabric, capacity_bps=capacity_bps)


FABRICS = {
    "rails": servers(8, oversubscription=2),
    "shared adapters": servers(6, nics_per_node=4),
    "two rates": servers(6, thin=(3, 8, 9, 40)),
    "two planes": load("alibaba-hpn", nodes=8, segment=4),
    "cabled accelerators": load("mi300x", nodes=4),
    "no adapters": load("vera-rubin-nvl144"),
    "pods": load("composite", pods=[{"of": "hgx-h100", "count": 2, "fields": {"nodes": 4}}], spines=4, network="roce"),
}


@pytest.fixture(scope="module")
def always():
    """Classes are looked for however few the transfers are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_module, "FEWEST_TRANSFERS", 0)
        yield


def one_by_one(network, src, dst, size, start):
    """The same transfers without classes."""
    return network.run(network.subflows(src.astype(np.int32), dst.astype(np.int32)), size, start)


@pytest.mark.parametrize("fabric", FABRICS.values(), ids=FABRICS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_one_transfer_per_class_runs_as_all_its_members(always, fabric, data):
    shifts = data.draw(st.lists(st.integers(0, fabric.ranks - 1), min_size=1, max_size=3))
    src = np.tile(np.arange(fabric.ranks), len(shifts))
    dst = (src + np.repeat(shifts, fabric.ranks)) % fabric.ranks
    left_out = data.draw(st.sets(st.integers(0, len(src) - 1), max_size=2))
    src, dst = np.delete(src, list(left_out)), np.delete(dst, list(left_out))
    big = data.draw(st.integers(1, len(src)))
    size, start = np.where(np.arange(len(src)) % big == 0, 3e8, 1e8), np.zeros(len(src))
    network = Network(fabric).at(data.draw(st.sampled_from([Detail.PORTS, Detail.LATENCY, Detail.WIRING])))
    ran, twin = network.transfer(src, dst, size), one_by_one(network, src, dst, size, start)
    for name in ("finish_s", "rate_bps", "latency_s", "link_bytes"):
        assert getattr(ran, name) == pytest.approx(getattr(twin, name), rel=1e-9, abs=1e-12), name
    assert (ran.bottleneck.kind, ran.bottleneck.name) == (twin.bottleneck.kind, twin.bottleneck.name)
    assert ran.bottleneck.utilisation == pytest.approx(twin.bottleneck.utilisation)


def classes(fabric, shift):
    """Of every rank sending to the one `shift` further."""
    src = np.arange(fabric.ranks, dtype=np.int32)
    dst = np.roll(src, -shift)
    zeros, crossing = np.zeros(len(src)), np.ones(len(src), dtype=bool)
    return alike_transfers(Ends.of(fabric), src, dst, zeros, zeros, crossing)


def test_a_shift_by_whole_servers_is_one_class_per_rail():
    found = classes(servers(8), PER_SERVER)
    assert (found.number == np.tile(np.arange(PER_SERVER), 8)).all()


def test_a_slower_adapter_makes_a_class_of_its_own():
    found = classes(servers(8, thin=(16,)), PER_SERVER)
    # rank 8 sends to it, rank 16 is it; the others on rail 0 stay together
    rail = np.arange(0, 64, PER_SERVER)
    assert len(np.unique(found.number[rail])) == 3
    assert (np.bincount(found.number)[found.number[[8, 16]]] == 1).all()


def test_equal_rows_have_equal_numbers_by_first_appearance():
    assert numbered(np.array([5, 5, 1, 5]), np.array([0.5, 0.5, 0.5, 0.25])).tolist() == [0, 0, 1, 2]
    assert numbered(np.array([]), np.array([])).tolist() == []
