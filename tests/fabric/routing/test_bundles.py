"""Bundles: each link of one carries what the split over single links gives it, on drawn graphs and on composites."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import NodeKind
from fabricsim.fabric.routing import router_for
from fabricsim.fabric.routing.bundles import bundled
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st


def assert_bundles_hold_the_spread(fabric, router, src, dst) -> None:
    """Per pair and link, the split over single links is the bundle's over its links."""
    bundles = bundled(router)
    plain, together = router.spread(src, dst), bundles.router.spread(src, dst)
    for pair in range(len(src)):
        expected, found = np.zeros(fabric.links), np.zeros(fabric.links)
        own = slice(plain.indptr[pair], plain.indptr[pair + 1])
        expected[plain.links[own]] = plain.shares[own]
        own = slice(together.indptr[pair], together.indptr[pair + 1])
        found[together.links[own]] = together.shares[own]
        assert found[bundles.first] / bundles.links == pytest.approx(expected, abs=1e-6)


def layered(leaves, middles, tops, copies, seed):
    """Leaves with two hosts each under switches drawn at random, every upper switch and its cables `copies` times."""
    rng = np.random.default_rng(seed)
    builder = FabricBuilder("layers")
    hosts = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(2 * leaves)))
    tiers = [builder.add_nodes(NodeKind.LEAF, numbered("leaf-{}", np.arange(leaves)))]
    builder.add_cables(hosts, np.repeat(tiers[0], 2), 4e11, 100)
    for tier, size in enumerate((middles, tops)):
        upper = builder.add_nodes(NodeKind.SWITCH, numbered(f"tier-{tier}-{{}}", np.arange(size * copies)))
        below, count = tiers[-1], len(tiers[-1]) // (copies if tier else 1)
        pairs = [(int(rng.integers(0, count)), top) for top in range(size) for _ in range(3)]
        pairs += [(low, int(rng.integers(0, size))) for low in range(count)]
        for low, top in pairs:
            rate, times = rng.choice([1e11, 4e11]), rng.integers(1, 3)
            for copy in range(copies):
                for other in range(copies if tier else 1):
                    ends = below[low + other * count if tier else low], upper[top + copy * size]
                    builder.add_cables(np.repeat(ends[0], times), np.repeat(ends[1], times), rate, 50)
        tiers.append(upper)
    return builder.build()


def connected_pairs(fabric, router):
    src, dst = np.divmod(np.arange(fabric.ranks**2), fabric.ranks)
    src, dst = src[src != dst], dst[src != dst]
    starts = router.hops.graph.number[router.ports.switch]
    targets, row = router.hops.to_switches(starts[dst])
    reached = router.hops.goals(targets).hops[row, starts[src]] >= 0
    return src[reached], dst[reached]


@pytest.mark.parametrize("rule", ["ecmp", "wcmp"])
@settings(max_examples=12, deadline=None)
@given(st.integers(2, 5), st.integers(1, 3), st.integers(1, 3), st.integers(2, 3), st.integers(0, 2**31))
def test_a_bundle_carries_what_its_links_do(rule, leaves, middles, tops, copies, seed):
    fabric = layered(leaves, middles, tops, copies, seed)
    router = router_for(fabric, rule)
    assert_bundles_hold_the_spread(fabric, router, *connected_pairs(fabric, router))


SITES = [{"of": "hgx-b200", "count": 2, "site": site, "fields": {"nodes": 3}} for site in ("east", "west")]
PODS = {
    "mixed pods": {"pods": [{"of": "hgx-h100", "fields": {"nodes": 4}}, {"of": "mi300x"}], "spines": 4},
    "two sites": {"pods": SITES, "long_haul": {"length": "20km", "cables": 8}, "spines": 4},
}


@pytest.mark.parametrize("fields", PODS.values(), ids=PODS)
def test_pairs_across_pods_cross_a_handful_of_bundles(fields):
    fabric = load("composite", network="roce", **fields)
    router = router_for(fabric, "ecmp")
    src, dst = np.random.default_rng(1).integers(0, fabric.ranks, (2, 60))
    src, dst = src[src != dst], dst[src != dst]
    assert_bundles_hold_the_spread(fabric, router, src, dst)
    links, bundles = (np.diff(each.spread(src, dst).indptr) for each in (router, bundled(router).router))
    assert (bundles <= links).all()
    assert bundles.max() < links.max() / 2


def test_a_graph_in_which_every_switch_has_endpoints_has_no_bundles():
    assert bundled(router_for(load("jellyfish", switches=12, radix=5, degree=4), "ecmp")) is None


def test_tree_shaped_and_ordered_ways_have_no_bundles():
    assert bundled(router_for(load("fat_tree", k=4), "ecmp")) is None
    assert bundled(router_for(load("slim_fly", q=5), "updn")) is None
