"""Broadcast and all-gather by switches that copy packets: what the tree carries, and what it is limited by."""

import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import WorkloadError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.collectives import collective
from fabricsim.sims.collectives.multicast import MOST_GROUPS, unfit_together
from fabricsim.sims.network import Network
from fabricsim.topologies import load

SIZE = 3 * 2**25
PACKETS = {"mtu": "4122B", "header": "26B"}
WIRE = (4096 + 26 + 40 + 8) / 4096
"""Bytes of a datagram with global route and datagram headers, per byte of payload."""


def _time_us(fabric, op, **how):
    (row,) = collective(fabric, op, SIZE, "multicast", transport="infiniband", parameters=PACKETS, **how).rows
    return row.time_us


@pytest.mark.parametrize("n", [2, 3, 8, 32])
@pytest.mark.parametrize(("op", "part"), [("broadcast", lambda n: 1), ("all-gather", lambda n: (n - 1) / n)])
def test_every_port_receives_the_data_once(star, n, op, part):
    """Two hops of 500 ns, and what a rank lacks at 100 Gbit/s: however many ranks."""
    assert _time_us(star(n), op) == pytest.approx(1 + 8e6 * part(n) * SIZE * WIRE / 1e11, rel=1e-7)


def test_through_tiers_no_link_carries_a_packet_twice():
    """One uplink for eight hosts is enough: a broadcast takes what it takes on one switch, but for the hops."""
    tree = load("clos", hosts=160, link="200Gbps", oversubscription="8")
    one, both = (_time_us(tree, "broadcast", ranks=ranks) for ranks in (range(16), range(160)))
    moving_us = 8e6 * SIZE * WIRE / 2e11
    hop_us = (one - moving_us) / 2
    assert both == pytest.approx(moving_us + 4 * hop_us, rel=1e-7)


def test_the_slowest_port_sets_the_rate_of_all():
    builder = FabricBuilder("unlike", {"network": "infiniband", "assumptions": []})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", range(4)))
    (hub,) = builder.add_nodes(NodeKind.SWITCH, ["hub"])
    builder.add_cables(hosts[:3], hub, 1e11, 500)
    builder.add_cables(hosts[3:], hub, 25e9, 500)
    assert _time_us(builder.build(), "broadcast") == pytest.approx(1 + 8e6 * SIZE * WIRE / 25e9, rel=1e-7)


def test_switches_forward_so_many_groups():
    network = Network(load("fat_tree", k=4))
    assert unfit_together(network, [None] * MOST_GROUPS) == ""
    assert "switches forward 1024 multicast groups, not 1025" in unfit_together(network, [None] * (MOST_GROUPS + 1))


def test_other_networks_switches_do_not_copy_for_collectives(star):
    with pytest.raises(WorkloadError, match="only InfiniBand's switches multicast, the transport is roce"):
        collective(star(4), "broadcast", SIZE, "multicast", transport="roce")
