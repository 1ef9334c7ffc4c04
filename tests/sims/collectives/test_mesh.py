"""Ranks that are cabled to each other: every cable is used alike, and RCCL's times follow from one link's rate."""

import numpy as np
import pytest
from fabricsim.fabric.graph import LinkKind
from fabricsim.sims.collectives import collective
from fabricsim.sims.collectives.communicator import Communicator
from fabricsim.sims.collectives.mesh import mesh_cycles, zigzag
from fabricsim.sims.collectives.offers import offers
from fabricsim.sims.network import Network
from fabricsim.topologies import load

LINK_GBPS = 316 / 7
"""Payload of one xGMI cable of an MI300X: a seventh of the ring's rate over all seven."""


@pytest.mark.parametrize("n", range(2, 20))
def test_cycles_visit_every_rank_and_use_every_directed_cable_twice(n):
    cycles = mesh_cycles(n)
    assert all(sorted(cycle) == list(range(n)) for cycle in cycles.tolist())
    used = np.zeros((n, n), dtype=int)
    np.add.at(used, (cycles, np.roll(cycles, -1, axis=1)), 1)
    assert (used + 2 * np.eye(n, dtype=int) == 2).all()


@pytest.mark.parametrize("n", range(2, 20, 2))
def test_zigzags_of_an_even_number_of_ranks_use_every_directed_cable_once(n):
    paths = (np.arange(n)[:, None] + zigzag(np.arange(n))) % n
    used = np.zeros((n, n), dtype=int)
    np.add.at(used, (paths[:, :-1], paths[:, 1:]), 1)
    assert (used + np.eye(n, dtype=int) == 1).all()


def test_a_server_without_switches_is_said_to_use_xgmi():
    names = [collective(load("mi300x", nodes=n, network="roce"), size="1MiB").rows[0].transport for n in (1, 2)]
    assert names == ["xgmi", "roce"]


@pytest.mark.parametrize("gpus", [4, 5, 6, 7, 8])
def test_a_ring_of_any_number_of_ranks_has_all_their_cables(gpus):
    """n - 1 cables each way: 2(n - 1)/n S over (n - 1) b, plus 17 + 2(n - 1) 2.1 us."""
    fabric = load("mi300x", nodes=1)
    row = collective(fabric, size="16GiB", algorithm="ring", ranks=np.arange(gpus)).rows[0]
    expected_us = 17 + 2 * (gpus - 1) * 2.1 + 2 / gpus * 2**34 / (LINK_GBPS * 1e3)
    assert row.time_us == pytest.approx(expected_us, rel=1e-6)


def test_between_servers_eight_open_chains_use_all_cables_of_each_and_its_adapters():
    """56 directed cables carry 8 rings of 7: busbw is 8 cables' rate where the adapters allow, 361 GB/s of 370."""
    fabric = load("mi300x", nodes=2, network="roce")
    times = [collective(fabric, size=size, algorithm="ring").rows[0].time_us for size in (2**36, 2**37)]
    assert 2**36 * 30 / 16 / (times[1] - times[0]) / 1e3 == pytest.approx(8 * LINK_GBPS, rel=1e-9)
    network = Network(fabric)
    offer = offers(network, [Communicator.of(network, np.arange(16))], "all-reduce", "ring")[0]
    cables = offer.link_share[fabric.link_kind == LinkKind.XGMI]
    assert cables == pytest.approx(np.full(112, cables[0]))


def test_all_pairs_take_two_hops():
    """12 + 2 x 0.8 us under LL with two bytes per byte, 17 + 2 x 2.1 us under Simple; who sends to all others at once
    does so at the rate of an all-to-all (273 GB/s)."""
    fabric = load("mi300x", nodes=1)
    small, large = (collective(fabric, size=size).rows[0] for size in ("64KiB", "4MiB"))
    assert (small.algorithm, small.protocol, large.protocol) == ("all-pairs", "LL", "Simple")
    assert small.time_us == pytest.approx(13.6 + 2 * 2 * 7 / 8 * 2**16 / 273e3, rel=1e-6)
    assert large.time_us == pytest.approx(21.2 + 2 * 7 / 8 * 2**22 / 273e3 + 7 * 7 / 8 * 2**22 / 5.3e6, rel=1e-6)


@pytest.mark.parametrize(("op", "passes", "accesses"), [("reduce-scatter", 1, 5), ("all-gather", 1, 2)])
def test_what_comes_from_peers_in_all_pairs_passes_through_memory(op, passes, accesses):
    """A copy reads and writes, a sum reads twice and writes: of 7/8 of the data, at 5.3 TB/s."""
    fabric, size = load("mi300x", nodes=1), 2**30
    row = collective(fabric, op, size, "all-pairs").rows[0]
    assert row.protocol == "Simple"
    moving_us = passes * 7 / 8 * size / 273e3 + accesses * 7 / 8 * size / 5.3e6
    assert row.time_us == pytest.approx(17 + passes * 2.1 + moving_us, rel=1e-6)


@pytest.mark.parametrize(
    ("nodes", "size", "algorithm", "protocol"),
    [
        (1, "512B", "ring", "LL"),
        (1, "1KiB", "all-pairs", "LL"),
        (1, "256KiB", "all-pairs", "LL"),
        (1, "16MiB", "all-pairs", "Simple"),
        (1, "32MiB", "ring", "Simple"),
        (2, "4KiB", "tree", "LL"),
        (2, "16MiB", "tree", "Simple"),
        (2, "256MiB", "ring", "Simple"),
    ],
)
def test_choices_by_size_are_those_of_rccl(nodes, size, algorithm, protocol):
    """Bundled algorithm files in one server; the correction factors of the tuner between two."""
    row = collective(load("mi300x", nodes=nodes), size=size).rows[0]
    assert (row.algorithm, row.protocol) == (algorithm, protocol)


@pytest.mark.parametrize(
    ("preset", "nodes", "relayed"), [("mi300x", 7, False), ("mi300x", 8, True), ("mi355x", 4, True)]
)
def test_messages_go_by_rail_from_as_many_ranks_as_rccl_says(preset, nodes, relayed):
    row = collective(load(preset, nodes=nodes), "all-to-all", "1GiB").rows[0]
    assert row.algorithm == ("rail-aligned" if relayed else "direct")
