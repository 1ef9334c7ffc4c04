"""Every algorithm on hosts around one switch against its closed form: alpha per message in a row, beta per byte."""

from math import ceil, log2, prod

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.collectives import collective, collective_time_s
from fabricsim.sims.collectives.shift import triangular_order
from fabricsim.sims.network import Network
from fabricsim.topologies import load

ALPHA_S = 1e-6
BETA_S = 8 / 1e11
HOSTS = range(2, 34)


def steps(n):
    return ceil(log2(n))


def core(n):
    return 2 ** int(log2(n))


def folded(n):
    """Messages before and after, where n is no power of two."""
    return 0 if core(n) == n else 1


def bit_count(n):
    """Blocks that Bruck's all-to-all sends: 5, 9, 12, 20, 32 for n = 5, 7, 8, 12, 16."""
    return sum(bin(j).count("1") for j in range(n))


def scattered(n):
    """Blocks on the longest way of a binomial scatter: in each step the largest subtree that is handed over."""
    distances = [2**k for k in range(steps(n))]
    return sum(max(min(d, n - near - d) for near in range(0, n - d, 2 * d)) for d in distances)


def doubled(n):
    """Blocks in the exchanges of an all-gather over the core, surplus ranks' blocks folded in: the largest of each."""
    homes = np.arange(n) % core(n)
    return sum(
        max(np.count_nonzero(homes // d == j) for j in range(core(n) // d)) for d in (2**k for k in range(int(log2(n))))
    )


CLOSED_FORMS = {
    # (algorithm, op): n -> (messages in a row, sizes through the fullest port)
    ("ring", "all-reduce"): lambda n: (2 * (n - 1), 2 * (n - 1) / n),
    ("ring", "reduce-scatter"): lambda n: (n - 1, (n - 1) / n),
    ("ring", "all-gather"): lambda n: (n - 1, (n - 1) / n),
    ("ring", "broadcast"): lambda n: (n - 1, 1),
    ("ring", "reduce"): lambda n: (n - 1, 1),
    ("tree", "all-reduce"): lambda n: (2 * steps(n), min(n, 4) / 2),
    ("recursive-doubling", "all-reduce"): lambda n: (int(log2(n)) + 2 * folded(n), int(log2(n)) + 2 * folded(n)),
    ("recursive-doubling", "all-gather"): lambda n: (
        int(log2(n)) + 2 * folded(n),
        (folded(n) + doubled(n) + folded(n) * (n - 1)) / n,
    ),
    ("halving-doubling", "all-reduce"): lambda n: (
        2 * int(log2(n)) + 2 * folded(n),
        2 * (core(n) - 1) / core(n) + 2 * folded(n),
    ),
    ("halving-doubling", "reduce-scatter"): lambda n: (
        int(log2(n)) + 2 * folded(n),
        folded(n) + (doubled(n) + folded(n)) / n,
    ),
    ("bruck", "all-gather"): lambda n: (steps(n), (n - 1) / n),
    ("bruck", "all-to-all"): lambda n: (steps(n), bit_count(n) / n),
    ("pat", "all-gather"): lambda n: (steps(n), (n - 1) / n),
    ("pat", "reduce-scatter"): lambda n: (steps(n), (n - 1) / n),
    ("binomial", "broadcast"): lambda n: (steps(n), steps(n)),
    ("binomial", "reduce"): lambda n: (steps(n), steps(n)),
    ("binomial", "scatter"): lambda n: (steps(n), scattered(n) / n),
    ("binomial", "gather"): lambda n: (steps(n), scattered(n) / n),
    ("scatter-all-gather", "broadcast"): lambda n: (steps(n) + n - 1, (scattered(n) + n - 1) / n),
    ("send-recv", "send-recv"): lambda n: (1, 1),
    ("direct", "all-to-all"): lambda n: (1, (n - 1) / n),
    ("direct", "all-to-all-v"): lambda n: (1, (n - 1) / n),
    ("direct", "gather"): lambda n: (1, (n - 1) / n),
    ("direct", "scatter"): lambda n: (1, (n - 1) / n),
    ("pairwise", "all-to-all"): lambda n: (n - 1, (n - 1) / n),
    ("pairwise", "all-to-all-v"): lambda n: (n - 1, (n - 1) / n),
    ("shift", "all-to-all"): lambda n: (n - 1, (n - 1) / n),
    ("hierarchical", "all-reduce"): lambda n: (2 * (n - 1), 2 * (n - 1) / n),
    ("hierarchical", "reduce-scatter"): lambda n: (n - 1, (n - 1) / n),
    ("hierarchical", "all-gather"): lambda n: (n - 1, (n - 1) / n),
    ("two-level", "all-to-all"): lambda n: (n - 1, (n - 1) / n),
    ("rail-aligned", "all-to-all"): lambda n: (1, (n - 1) / n),
}


def row(fabric, op, algorithm, size):
    return collective(fabric, op, size, algorithm=algorithm, transport="ideal", certify=False).rows[0]


@pytest.fixture(scope="module")
def stars():
    """By number of hosts, the networks around one switch. Bounds, which take longer than times, are not asked for."""
    networks = {}
    for n in HOSTS:
        builder = FabricBuilder("star", {"network": "infiniband"})
        hosts = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(n)))
        builder.add_cables(hosts, builder.add_nodes(NodeKind.SWITCH, ["hub"])[0], 1e11, 500)
        networks[n] = Network(builder.build(), transport="ideal")
    return networks


@pytest.mark.parametrize(("algorithm", "op"), CLOSED_FORMS)
def test_time_is_that_of_the_closed_form_for_every_number_of_hosts(stars, algorithm, op):
    """Thakur, Rabenseifner and Gropp 2005; Chan et al. 2007; Bruck et al. 1997; Patarasuk and Yuan 2009."""
    for n in HOSTS:
        size = 16 * n * 2**20
        messages, sizes = CLOSED_FORMS[algorithm, op](n)
        time_s = collective_time_s(stars[n], op, [np.arange(n)], size, algorithm)
        assert time_s == pytest.approx(messages * ALPHA_S + sizes * size * BETA_S, rel=1e-9), n


@pytest.mark.parametrize("op", ["broadcast", "reduce"])
@pytest.mark.parametrize("n", [2, 3, 9, 33])
def test_a_chain_takes_the_best_number_of_chunks(star, n, op):
    """min over C of (n - 2 + C)(alpha + S beta / C); within 6% of (sqrt((n - 2) alpha) + sqrt(S beta))^2."""
    for size in (2**10, 2**20, 2**27):
        best_s = min((n - 2 + c) * (ALPHA_S + size * BETA_S / c) for c in (2**k for k in range(13)))
        time_us = row(star(n), op, "chain", size).time_us
        assert time_us == pytest.approx(1e6 * best_s, rel=1e-9)
        ideal_s = max(((n - 2) * ALPHA_S) ** 0.5 + (size * BETA_S) ** 0.5, 0) ** 2
        assert time_us * 1e-6 / ideal_s >= 1 - 1e-9
        if size == 2**27:
            assert time_us * 1e-6 <= 1.06 * ideal_s


def test_block_counts_of_bruck_are_the_published_ones():
    assert [bit_count(n) for n in (5, 7, 8, 12, 16)] == [5, 9, 12, 20, 32]


def test_order_of_peers_is_that_of_nccl_and_a_permutation():
    assert triangular_order(16) == [0, 1, 3, 6, 10, 15, 5, 12, 4, 13, 7, 2, 14, 11, 9, 8]
    for groups in range(1, 200):
        assert sorted(triangular_order(groups)) == list(range(groups))


def test_a_barrier_takes_as_many_messages_as_a_rumour_needs_to_reach_all(star):
    """Hensgen, Finkel and Manber 1988: ceil(log2 n) rounds."""
    for n in HOSTS:
        barrier = row(star(n), "barrier", "auto", 2**30)
        assert barrier.size_bytes == 0
        assert barrier.time_us == pytest.approx(steps(n))


def test_switches_that_reduce_take_the_data_once(star):
    """2 (alpha + h t) + S beta: up and down two hops of 500 ns through the one switch, at InfiniBand's payload rate."""
    for n in HOSTS:
        fabric, size = star(n), 2**27
        payload_bps = Network(fabric, transport="infiniband").payload_bps[0]
        time_us = collective(fabric, size=size, algorithm="sharp", certify=False).rows[0].time_us
        assert time_us == pytest.approx(1e6 * (2 * 5e-7 + 8 * size / payload_bps), rel=1e-9)


@pytest.mark.parametrize("dims", [(4,), (5,), (3, 3), (4, 4), (3, 3, 3), (4, 4, 4)])
@pytest.mark.parametrize("op", ["all-reduce", "reduce-scatter", "all-gather"])
def test_buckets_keep_every_link_of_a_torus_busy(dims, op):
    """2 sum(d_i - 1) alpha + 2 (n - 1) / n S / (2 D b), half of it for one way (Jain and Sabharwal 2010)."""
    fabric, n = load("torus", dims=list(dims), host_link="100Tbps"), prod(dims)
    passes, size, b = 2 if op == "all-reduce" else 1, 2**25 * n * len(dims), 50e9
    expected_s = passes * (n - 1) / n * size / (2 * len(dims) * b)
    alpha_s = passes * sum(d - 1 for d in dims) * 3 * fabric.latency_ns.max() * 1e-9
    assert row(fabric, op, "torus-bucket", size).time_us == pytest.approx(1e6 * (alpha_s + expected_s), rel=1e-9)
