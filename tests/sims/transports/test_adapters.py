"""Payload shares that are an adapter's own."""

import pytest
from fabricsim.sims.transports import transport_for
from fabricsim.topologies import load


@pytest.mark.parametrize(("preset", "share"), [("hgx-b200", 0.96), ("mi355x", 0.925)])
def test_on_ultra_ethernet_nvidias_servers_have_efa_and_amds_pollara(preset, share):
    """48 of 50 GB/s, and 1024 payload bytes in 1106 on the wire."""
    fabric = load(preset, nodes=2, network="uec")
    assert transport_for(fabric).packets.share == share
    assert transport_for(fabric, "roce").packets.share == 0.925


def test_specified_packets_have_the_share_of_their_headers():
    fabric = load("hgx-b200", nodes=2, network="uec")
    assert transport_for(fabric, parameters={"mtu": "1000B", "header": "100B"}).packets.share == 0.9
