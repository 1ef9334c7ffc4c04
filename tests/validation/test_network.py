"""Paths and collisions against independent Monte-Carlo tables and published figures."""

import fabricsim
import numpy as np
import pytest
from fabricsim.fabric.routing import router_for
from fabricsim.sims.network import Network
from fabricsim.sims.patterns import permutation
from fabricsim.sims.transports.control import DCQCN_SETS, Contention, Dcqcn
from fabricsim.topologies import load

pytestmark = pytest.mark.validation

BALLS = [
    (8, 1, 2.63, 0.652, 0.405),
    (8, 4, 1.77, 0.641, 0.581),
    (8, 16, 1.38, 0.738, 0.735),
    (16, 1, 3.10, 0.640, 0.341),
    (16, 4, 1.98, 0.616, 0.517),
    (16, 16, 1.48, 0.699, 0.684),
    (32, 1, 3.55, 0.637, 0.293),
    (32, 4, 2.17, 0.605, 0.470),
    (32, 16, 1.54, 0.687, 0.653),
    (64, 1, 3.99, 0.632, 0.261),
    (64, 4, 2.34, 0.598, 0.434),
    (64, 16, 1.63, 0.675, 0.619),
    (64, 64, 1.30, 0.778, 0.769),
]
"""As many line-rate flows as equal paths, each of q equal parts hashed by themselves: paths, q, mean of the fullest
path's load, mean rate, rate of the slowest flow. 600 trials of the classical process, +-0.01."""


@pytest.mark.parametrize(("paths", "queue_pairs", "fullest", "mean", "slowest"), BALLS)
def test_hashed_queue_pairs_load_paths_as_balls_fill_bins(
    compare, one_stage, paths, queue_pairs, fullest, mean, slowest
):
    fabric, trials = one_stage(paths), 200
    src = np.arange(paths, dtype=np.int32)
    found = []
    for seed in range(trials):
        network = Network(fabric, transport="roce", parameters={"qps": queue_pairs}, seed=seed)
        flows = network.subflows(src, src + paths)
        uplink = flows.links[flows.indptr[:-1] + 1]
        load_of = np.bincount(uplink, weights=flows.part, minlength=fabric.links)
        worst = np.ones(paths)
        np.maximum.at(worst, flows.transfer, load_of[uplink])
        found.append((load_of.max(), (1 / worst).mean(), (1 / worst).min()))
    limits = 3 * np.std(found, axis=0) / np.sqrt(trials) + 0.01
    told = zip(
        ("fullest", "mean rate", "slowest"), np.mean(found, axis=0), (fullest, mean, slowest), limits, strict=True
    )
    for word, ours, due, limit in told:
        case = f"balls into bins, {paths} paths, {queue_pairs} queue pairs: {word}"
        compare(case, f"{ours:.3f}", f"{due:.3f}", ours / due - 1, limit / due)


@pytest.mark.parametrize(
    ("k", "rule", "mean"),
    [
        (4, "ecmp", 0.67),
        (8, "ecmp", 0.49),
        (16, "ecmp", 0.43),
        (4, "d-mod-k", 0.80),
        (8, "d-mod-k", 0.60),
        (16, "d-mod-k", 0.54),
    ],
)
def test_random_permutations_on_full_trees_lose_what_monte_carlo_says(compare, k, rule, mean):
    """Mean max-min rate over the line rate."""
    fabric, rates = load("fat_tree", k=k), []
    for seed in range(24 if k < 16 else 8):
        rng = np.random.default_rng(seed)
        paths = router_for(fabric, rule, seed).paths(*permutation(fabric.ranks, rng))
        rates.append((fabricsim.max_min_rates(paths.indptr, paths.links, fabric.capacity_bps) / 4e11).mean())
    ours, limit = float(np.mean(rates)), 0.03 + 3 * float(np.std(rates)) / np.sqrt(len(rates))
    case = f"random permutation, fat tree k={k}, {rule}: mean rate"
    compare(case, f"{ours:.3f}", f"{mean:.2f}", ours / mean - 1, limit / mean)


@pytest.mark.parametrize("k", [4, 8])
def test_no_shift_puts_two_flows_on_a_link_under_d_mod_k(k):
    """Zahavi 2010: on a full tree of constant bisection every shift is free of contention."""
    fabric = load("fat_tree", k=k)
    router, hosts = router_for(fabric, "d-mod-k"), np.arange(fabric.ranks)
    for shift in range(1, fabric.ranks):
        assert np.bincount(router.paths(hosts, (hosts + shift) % fabric.ranks).links).max() == 1


@pytest.mark.parametrize(
    ("rate_bps", "flows", "probability"),
    [
        (40e9, 2, 7.77e-4),
        (40e9, 4, 1.89e-3),
        (40e9, 8, 4.55e-3),
        (100e9, 2, 2.39e-4),
        (100e9, 8, 1.42e-3),
        (100e9, 32, 8.2e-3),
        (400e9, 8, 2.39e-4),
        (400e9, 32, 1.42e-3),
        (400e9, 64, 3.4e-3),
    ],
)
def test_dcqcn_rests_where_its_authors_theorem_says(compare, rate_bps, flows, probability):
    """Zhu et al., CoNEXT 2016: the marking probability of the fixed point."""
    found = float(Dcqcn(DCQCN_SETS["paper"]).probability(Contention.of(rate_bps, flows, 4e-6))[0])
    case = f"DCQCN at rest, {rate_bps / 1e9:g} Gbit/s, {flows} flows: packets marked"
    compare(case, f"{found:.2e}", f"{probability:.2e}", found / probability - 1, 0.01)
