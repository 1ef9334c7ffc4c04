"""NCCL's latencies: an independent restatement of its tuner (Intel CPU, no latency of the plugin, release 2.30.7)."""

import numpy as np
import pytest
from fabricsim.sims.collectives.communicator import Communicator
from fabricsim.sims.collectives.nccl import costs, latency_us


def comm_of(nodes, per_node, accelerator="H100_SXM", switched=True):
    ranks = np.arange(nodes * per_node, dtype=np.int32)
    starts = np.zeros((nodes, 1), dtype=np.int64)
    return Communicator(ranks, np.arange(nodes + 1) * per_node, starts, accelerator, switched)


@pytest.mark.parametrize(
    ("shape", "op", "algorithm", "protocol", "expected_us"),
    [
        ((1, 8), "all-reduce", "ring", "Simple", 56.0),
        ((1, 8), "all-reduce", "ring", "LL", 15.0),
        ((1, 8), "all-reduce", "ring", "LL128", 40.6),
        ((1, 8), "all-reduce", "tree", "LL", 15.2),
        ((1, 8), "all-reduce", "tree", "LL128", 31.5),
        ((1, 8), "all-reduce", "tree", "Simple", 64.4),
        ((1, 8), "all-reduce", "nvls", "Simple", 25.0),
        ((1, 8), "all-gather", "ring", "Simple", 32.2),
        ((4, 8), "all-reduce", "ring", "Simple", 282.8),
        ((4, 8), "all-reduce", "tree", "Simple", 120.4),
        ((4, 8), "all-reduce", "nvls-tree", "Simple", 108.6),
        ((128, 8), "all-reduce", "ring", "Simple", 9657.2),
        ((128, 8), "all-reduce", "tree", "Simple", 260.4),
        ((128, 8), "all-reduce", "nvls-tree", "Simple", 317.6),
        ((16, 1), "all-gather", "ring", "Simple", 218.4),
    ],
)
def test_latencies_are_those_of_the_tuner(shape, op, algorithm, protocol, expected_us):
    assert latency_us(comm_of(*shape), op, algorithm, protocol, 0.0) == pytest.approx(expected_us, abs=0.05)


def test_a_network_path_is_paid_by_every_step_between_domains_and_twice_under_simple():
    ring, simple = (
        latency_us(comm_of(4, 8), "all-reduce", "ring", p, 1.0)
        - latency_us(comm_of(4, 8), "all-reduce", "ring", p, 0.0)
        for p in ("LL", "Simple")
    )
    assert ring == pytest.approx(6)
    assert simple == pytest.approx(12)


def test_the_hierarchical_stages_are_three_calls():
    """Two of 7 steps inside, one of 2 x 3 steps between single ranks, base latency three times."""
    expected = 3 * 8.4 + 2 * 7 * 3.4 + 2 * 3 * 14.0
    assert latency_us(comm_of(4, 8), "all-reduce", "hierarchical", "Simple", 0.0) == pytest.approx(expected)


@pytest.mark.parametrize(("nodes", "busbw"), [(1, 141.0), (2, 45.0), (3, 35.0), (128, 35.0)])
def test_ll_has_a_ceiling_of_bus_bandwidth(nodes, busbw):
    comm = comm_of(nodes, 8)
    ring_ll = next(cost for cost in costs(comm, "all-reduce", "ring", 0.0) if cost.protocol == "LL")
    n = comm.size
    assert 1e-9 / ring_ll.ceiling_s_per_byte * 2 * (n - 1) / n == pytest.approx(busbw)


def test_protocols_put_more_bytes_on_the_wire_than_they_deliver():
    wire = {cost.protocol: cost.wire for cost in costs(comm_of(2, 8), "all-reduce", "ring", 0.0)}
    assert wire == pytest.approx({"LL": 2.0, "LL128": 1 / 0.92, "Simple": 1.0})
    tree = {cost.protocol: cost.wire for cost in costs(comm_of(2, 8), "all-reduce", "tree", 0.0)}
    assert tree == pytest.approx({"LL": 3.8 / 0.92, "LL128": 1 / (0.92 * 120 / 128), "Simple": 1 / 0.92})
