"""NCCL's tuner against an independent restatement of it (Intel CPU, no latency of the plugin, release 2.30.7), whose
channels are assumed, and the search against channels that such machines are known to have."""

import math

import pytest
from fabricsim.sims.collectives.machine import Machine
from fabricsim.sims.collectives.nccl_search import Channels, channels
from fabricsim.sims.collectives.nccl_tuner import (
    RUNS,
    Setting,
    bandwidth_gbps,
    latency_us,
    offered,
    predicted_us,
    protocols,
)

MIB, GIB = 2**20, 2**30
RING, NVLS, BETWEEN, SINGLE = (
    Channels(12, 30, 30),
    Channels(8, 40, 60),
    Channels(8, 45, 45),
    Channels(2, 45, 45),
)
H100 = Machine("hopper", 450, local=8, nics=8, nic_gbps=50, cpu="GenuineIntel")


def setting(nodes, per_node):
    return Setting("hopper", nodes * per_node, nodes)


@pytest.mark.parametrize(
    ("shape", "op", "algorithm", "protocol", "found", "algbw", "latency", "times_us"),
    [
        ((1, 8), "all-reduce", "ring", "Simple", RING, 205.7, 56.0, {64 * MIB: 382.2, GIB: 5275.6}),
        ((1, 8), "all-reduce", "ring", "LL", RING, 80.6, 15.0, {}),
        ((1, 8), "all-reduce", "ring", "LL128", RING, 189.3, 40.6, {}),
        ((1, 8), "all-reduce", "tree", "LL", RING, 43.6, 15.2, {}),
        ((1, 8), "all-reduce", "tree", "LL128", RING, 128.8, 31.5, {}),
        ((1, 8), "all-reduce", "tree", "Simple", RING, 165.6, 64.4, {}),
        ((1, 8), "all-reduce", "nvls", "Simple", NVLS, 272.0, 25.0, {GIB: 3972.6}),
        ((1, 8), "all-gather", "ring", "Simple", RING, 411.4, 32.2, {}),
        ((1, 8), "all-gather", "nvls", "Simple", NVLS, 208.2, 25.0, {}),
        ((4, 8), "all-reduce", "ring", "Simple", BETWEEN, 185.8, 282.8, {64 * MIB: 757.1}),
        ((4, 8), "all-reduce", "tree", "Simple", BETWEEN, 144.0, 120.4, {64 * MIB: 702.9}),
        ((4, 8), "all-reduce", "nvls-tree", "Simple", BETWEEN, 185.8, 108.6, {64 * MIB: 469.8}),
        ((128, 8), "all-reduce", "ring", "Simple", BETWEEN, 180.2, 9657.2, {GIB: 19479.5}),
        ((128, 8), "all-reduce", "tree", "Simple", BETWEEN, 144.0, 260.4, {GIB: 7716.9}),
        ((128, 8), "all-reduce", "nvls-tree", "Simple", BETWEEN, 180.2, 317.6, {GIB: 6277.0}),
        ((16, 1), "all-gather", "ring", "Simple", SINGLE, 96.0, 218.4, {64 * MIB: 917.5}),
        ((16, 1), "all-gather", "pat", "Simple", SINGLE, 67.5, 68.8, {64 * MIB: 1063.0}),
    ],
)
def test_the_tuner_is_the_one_of_nccl(shape, op, algorithm, protocol, found, algbw, latency, times_us):
    seen = setting(*shape)
    assert bandwidth_gbps(seen, op, algorithm, protocol, found) == pytest.approx(algbw, abs=0.051)
    assert latency_us(seen, op, algorithm, protocol) == pytest.approx(latency, abs=0.051)
    for size, expected in times_us.items():
        assert predicted_us(seen, op, algorithm, protocol, found, size) == pytest.approx(expected, abs=0.051)


def choices(nodes, per_node, op, found):
    """(algorithm, protocol) by size, powers of two from 1 KiB to 16 GiB."""
    seen = setting(nodes, per_node)
    running = [
        (name, protocol) for name in found if offered(seen, op, name, found[name]) for protocol in protocols(name)
    ]
    return {
        2**k: min(running, key=lambda run: predicted_us(seen, op, *run, found[run[0]], 2**k)) for k in range(10, 35)
    }


@pytest.mark.parametrize(
    ("shape", "op", "found", "expected"),
    [
        (
            (1, 8),
            "all-reduce",
            {"ring": RING, "tree": RING, "nvls": NVLS},
            [("ring", "LL", MIB), ("nvls", "Simple", None)],
        ),
        (
            (4, 8),
            "all-reduce",
            dict.fromkeys(("ring", "tree", "nvls-tree"), BETWEEN),
            [("tree", "LL", 128 * 1024), ("tree", "LL128", 8 * MIB), ("nvls-tree", "Simple", None)],
        ),
        (
            (128, 8),
            "all-reduce",
            dict.fromkeys(("ring", "tree", "nvls-tree"), BETWEEN),
            [("tree", "LL", 256 * 1024), ("tree", "LL128", 32 * MIB), ("nvls-tree", "Simple", None)],
        ),
    ],
)
def test_choices_by_size_are_those_of_nccl(shape, op, found, expected):
    made = choices(*shape, op, found)
    first = 0
    for algorithm, protocol, last in expected:
        sizes = [size for size in made if first < size <= (last or math.inf)]
        assert {made[size] for size in sizes} == {(algorithm, protocol)}
        first = last


def test_single_ranks_gather_by_aggregated_trees_below_64_mib_and_by_rings_above():
    made = choices(16, 1, "all-gather", {"ring": SINGLE, "pat": SINGLE})
    assert made[32 * MIB][0] == "pat"
    assert made[64 * MIB][0] == "ring"


@pytest.mark.parametrize(
    ("machine", "domains", "algorithm", "found"),
    [
        (H100, 1, "ring", RING),
        (H100, 4, "ring", BETWEEN),
        (H100, 4, "tree", BETWEEN),
    ],
)
def test_the_search_finds_the_channels_of_such_machines(machine, domains, algorithm, found):
    assert channels(machine, domains)[algorithm] == found


def test_nvls_has_a_channel_per_rank_at_the_fastest_rate_of_the_ladder_that_fits():
    """18 NVLinks of 20.6 GB/s: 8 channels of 40, 5 of 60."""
    assert channels(H100, 1)["nvls"].count == 8
    assert channels(H100, 1)["nvls"].inside_gbps == 40
    five = channels(Machine("hopper", 450, 5, 5, 50), 1)["nvls"]
    assert (five.count, five.inside_gbps) == (5, 60)


@pytest.mark.parametrize(("ranks", "algorithm"), [(4, "ring"), (5, "nvls"), (8, "nvls")])
def test_switches_reduce_from_five_hopper_ranks_on(ranks, algorithm):
    """NCCL's maintainers, NVIDIA/nccl issue 1455, and H200 measured with 4 to 8 ranks."""
    found = channels(Machine("hopper", 450, ranks, ranks, 50), 1)
    seen = Setting("hopper", ranks, 1)
    best = min(
        (name for name in found if offered(seen, "all-reduce", name, found[name])),
        key=lambda name: predicted_us(seen, "all-reduce", name, "Simple", found[name], 8 * GIB),
    )
    assert best == algorithm


@pytest.mark.parametrize(
    ("cpu", "ceilings"), [("GenuineIntel", (141.0, 39.0, 20.4)), ("AuthenticAMD", (141.0, 22.5, 19.0))]
)
def test_ll_has_a_ceiling_by_generation_on_one_node_and_by_processor_on_several(cpu, ceilings):
    for nodes, ceiling in zip((1, 2, 3), ceilings, strict=True):
        seen = Setting("hopper", 8 * nodes, nodes, cpu)
        algbw = bandwidth_gbps(seen, "all-reduce", "ring", "LL", Channels(32, 60, 60))
        assert algbw * 2 * (seen.ranks - 1) / seen.ranks == pytest.approx(ceiling)


def test_a_network_path_is_paid_by_every_step_between_nodes_and_twice_under_simple():
    seen = setting(4, 8)
    ring, simple = (
        latency_us(seen, "all-reduce", "ring", p, 1.0) - latency_us(seen, "all-reduce", "ring", p)
        for p in ("LL", "Simple")
    )
    assert ring == pytest.approx(6)
    assert simple == pytest.approx(12)


def test_operations_without_an_algorithm_are_not_offered():
    for op, algorithm in (
        ("broadcast", "tree"),
        ("all-reduce", "pat"),
        ("all-gather", "nvls-tree"),
        ("reduce", "nvls"),
    ):
        assert not offered(setting(4, 8), op, algorithm, BETWEEN)
    assert set(RUNS) == {"ring", "tree", "nvls", "nvls-tree", "pat"}
