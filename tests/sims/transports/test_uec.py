"""Sprayed packets: even loads, credits at the receiver, waits that grow with load."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.sims.network import Network
from fabricsim.sims.traffic import traffic
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

RATE = 1e11 / 8
UEC = {"name": "uec", "mtu": "4150B", "header": "64B"}
WIRE = 4150 / 4086


@pytest.mark.parametrize("senders", [2, 16])
def test_receivers_let_in_99_percent_of_their_line_rate(star, senders):
    size = 4086 * 2000
    flows = {"src": range(1, senders + 1), "dst": [0] * senders, "bytes": [size] * senders}
    ran = traffic(star(senders + 1), flows, transport=UEC)
    assert ran.finish_s == pytest.approx(senders * size * WIRE / (0.99 * RATE), rel=2e-3)


def test_a_permutation_spreads_evenly_where_hashing_collides():
    tree = load("fat_tree", k=8, link="100Gbps", hop_latency="1us")
    src = np.arange(128)
    flows = {"src": src, "dst": (src + 40) % 128, "bytes": [4086 * 10_000] * 128}
    sprayed = traffic(tree, flows, transport=UEC).finish_s
    hashed = traffic(tree, flows, transport={"name": "roce", "mtu": "4150B", "header": "64B"}).finish_s
    line_s = 4086 * 10_000 * WIRE / RATE
    assert line_s < sprayed.min() <= sprayed.max() < 1.06 * line_s
    assert hashed.max() > 1.5 * line_s


def test_oversubscription_limits_sprayed_flows_too(two_leaves):
    """Four hosts cross to the other leaf over one spine: a quarter of the line each."""
    flows = {"src": range(4), "dst": range(4, 8), "bytes": [4086 * 5000] * 4}
    ran = traffic(two_leaves(4, 1), flows, transport={**UEC, "cc": "nscc"})
    assert ran.finish_s == pytest.approx(4 * 4086 * 5000 * WIRE / RATE, rel=0.01)


def test_fewer_entropies_load_paths_less_evenly():
    tree = load("fat_tree", k=8, link="100Gbps", hop_latency="1us")
    src = np.arange(128)
    flows = {"src": src, "dst": (src + 40) % 128, "bytes": [2_000_000] * 128}
    few, many = (
        traffic(tree, flows, transport={**UEC, "window": "207500B", "entropies": count}).finish_s.mean()
        for count in (16, 4096)
    )
    assert few > 1.03 * many


def test_queue_pairs_do_nothing_for_sprayed_packets(star):
    with pytest.raises(SpecError, match="every packet has its own path"):
        Network(star(2), transport="uec", parameters={"qps": 4})


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 24))
@settings(max_examples=25, deadline=None)
def test_ports_carry_no_more_than_their_rate_and_starts_are_kept(seed, count):
    tree = load("fat_tree", k=4, link="100Gbps", hop_latency="1us")
    rng = np.random.default_rng(seed)
    src = rng.integers(0, 16, count)
    dst = (src + rng.integers(1, 16, count)) % 16
    size = rng.integers(1, 5_000_000, count)
    start = rng.uniform(0, 3e-4, count)
    ran = traffic(tree, {"src": src, "dst": dst, "bytes": size, "start_s": start}, transport=UEC)
    wire = size + np.ceil(size / 4086) * 64
    assert (ran.finish_s - start >= (wire / RATE + ran.latency_s) * (1 - 1e-9)).all()
    for end in (src, dst):
        for port in np.unique(end):
            mine = end == port
            assert wire[mine].sum() / RATE <= ran.finish_s[mine].max() - start[mine].min()


def test_a_flow_of_many_bytes_costs_no_more_than_one_of_few():
    tree = load("fat_tree", k=4, link="100Gbps", hop_latency="1us")
    flows = {"src": [0, 1, 2], "dst": [8, 8, 9], "bytes": [10**12] * 3}
    ran = traffic(tree, flows, transport=UEC)
    assert ran.finish_s[:2] == pytest.approx(2e12 * WIRE / (0.99 * RATE), rel=1e-3)


def test_a_receiver_that_sends_itself_acknowledges_first(star):
    """Five flows share host 1's line; the one to it has a line of its own, but for their acknowledgements."""
    flows = {"src": [0, *[1] * 5], "dst": [1, *range(2, 7)], "bytes": [4086 * 1000] * 6}
    ran = traffic(star(7), flows, transport=UEC)
    assert ran.finish_s[0] == pytest.approx(4086 * 1000 * WIRE / (0.99 * RATE), rel=0.03)
    assert ran.finish_s[1:] == pytest.approx(5 * 4086 * 1000 * WIRE / RATE, rel=0.03)
