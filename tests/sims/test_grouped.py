"""All-to-all by groups of ranks against the same traffic, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim import load, topologies, traffic
from fabricsim.fabric.errors import InputError
from fabricsim.sims.commodities import all_pairs, groups_of
from fabricsim.sims.grouped import grouped_all_to_all
from fabricsim.sims.patterns import pattern

FABRICS = {
    "fat tree": lambda: topologies.fat_tree(k=4),
    "thinned Clos": lambda: topologies.clos(hosts=24, radix=8, oversubscription=3),
    "servers on rails": lambda: load("hgx-h100", nodes=5),
    "thinned rails": lambda: load("hgx-h100", nodes=8, su=2, oversubscription=4),
    "one server": lambda: load("hgx-h100", nodes=1),
    "adapters shared": lambda: load("hgx-h100", nodes=4, nics_per_node=4),
    "uneven leaves": lambda: topologies.clos(hosts=21, radix=8),
}


@pytest.mark.parametrize("name", FABRICS)
@pytest.mark.parametrize("transport", ["ideal", "infiniband"])
def test_commodities_fare_as_their_pairs(name, transport):
    fabric = FABRICS[name]()
    listed = traffic(fabric, pattern("all-to-all", fabric.ranks, 10**6), transport=transport, fidelity="fluid")
    grouped = grouped_all_to_all(fabric, 10**6, transport=transport)
    assert grouped.stands_for.sum() == len(listed.flow)
    by_pair = {(s, d): t for s, d, t in zip(listed.src.tolist(), listed.dst.tolist(), listed.finish_s, strict=True)}
    expected = [by_pair[pair] for pair in zip(grouped.src.tolist(), grouped.dst.tolist(), strict=True)]
    np.testing.assert_allclose(grouped.finish_s, expected, rtol=1e-9)
    ordered = np.repeat(np.sort(grouped.finish_s), grouped.stands_for[np.argsort(grouped.finish_s)])
    np.testing.assert_allclose(ordered, np.sort(listed.finish_s), rtol=1e-9)
    np.testing.assert_allclose(grouped.link_bytes, listed.link_bytes, rtol=1e-9, atol=1e-3)
    mine, theirs = grouped.to_dict(), listed.to_dict()
    assert mine["flows"] == theirs["flows"]
    for key in ("rate_bps", "fct_s"):
        assert mine[key] == pytest.approx(theirs[key], rel=1e-9)
    assert any("one commodity" in sentence for sentence in grouped.assumptions)


def test_ranks_of_a_leaf_are_one_group():
    """k=8: 32 leaves of 4 hosts; 4 x 4 pairs between two leaves, 4 x 3 within one."""
    groups = groups_of(topologies.fat_tree(k=8))
    assert np.bincount(groups.group).tolist() == [4] * 32
    assert sorted({*all_pairs(groups).pairs.tolist()}) == [12, 16]


@pytest.mark.parametrize("fidelity", ["transport", "bound"])
def test_groups_share_no_chosen_paths(fidelity):
    with pytest.raises(InputError, match="only at fidelity fluid"):
        grouped_all_to_all(topologies.fat_tree(k=4), 1, fidelity=fidelity)


def test_ranks_cabled_to_each_other_are_not_grouped():
    with pytest.raises(InputError, match="cannot be grouped"):
        grouped_all_to_all(load("mi300x", nodes=2), 1)
