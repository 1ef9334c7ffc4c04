"""Forwarding tables: they lead where the router does, and everywhere else to the end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fabricsim.fabric.errors import RoutingError
from fabricsim.fabric.graph import NodeKind
from fabricsim.fabric.routing import router_for
from fabricsim.fabric.routing.table_file import along_tables
from fabricsim.fabric.routing.tables import forwarding_tables
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st


def follow(fabric, tables, node: int, address: int) -> list[int]:
    """The links that tables take from a switch to an address, one look-up at a time."""
    links: list[int] = []
    while (link := int(tables.links[tables.graph.number[node], address])) >= 0:
        links.append(link)
        node = int(fabric.link_target[link])
        assert len(links) <= fabric.nodes
        if tables.graph.number[node] < 0:
            break
    assert node == tables.addresses.node[address]
    return links


def cases(draw):
    return [
        (load("fat_tree", k=4), "d-mod-k"),
        (load("hgx-h100", nodes=4), "d-mod-k"),
        (draw.grid("torus", (3, 4), hosts=2), "dor"),
        (draw.dragonfly(1, 4, 2), "minimal"),
        (draw.random_graph(9, 8, 3), "updn"),
    ]


def test_tables_lead_from_every_switch_to_every_address_as_the_router_does(draw):
    for fabric, rule in cases(draw):
        router = router_for(fabric, rule)
        tables = forwarding_tables(router)
        ways = {
            (int(node), address): follow(fabric, tables, int(node), address)
            for node in tables.switches
            for address in range(len(tables.addresses.node))
        }
        address_of = {int(link): address for address, link in enumerate(tables.addresses.link)}
        src, dst = draw.all_pairs(fabric)
        crossing = np.isin(fabric.node_kind, (NodeKind.NIC, NodeKind.HOST))
        for links in draw.paths_of(router.paths(src, dst)):
            outer = [i for i, link in enumerate(links) if crossing[fabric.link_source[link]] and i + 1 < len(links)]
            switch = int(fabric.link_target[links[outer[0]]]) if outer else -1
            if switch < 0 or tables.graph.number[switch] < 0:
                continue  # inside a server
            last = next(i for i in range(outer[0] + 1, len(links)) if crossing[fabric.link_target[links[i]]])
            assert ways[switch, address_of[int(links[last]) ^ 1]] == links[outer[0] + 1 : last + 1].tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 10), st.integers(0, 10), st.integers(0, 2**31))
def test_a_router_along_tables_is_the_router_they_were_made_from(draw, switches, extra, seed):
    fabric = draw.random_graph(switches, extra, seed)
    src, dst = draw.all_pairs(fabric)
    router = router_for(fabric, "updn")
    again = along_tables(fabric, forwarding_tables(router))
    assert np.array_equal(again.paths(src, dst).links, router.paths(src, dst).links)
    draw.conserves(fabric, src, dst, again.spread(src, dst))


@pytest.mark.parametrize("rule", ["ecmp", "s-mod-k", "valiant", "wcmp"])
def test_rules_that_see_more_than_the_destination_have_no_tables(rule):
    with pytest.raises(RoutingError, match="several ways to one destination"):
        forwarding_tables(router_for(load("fat_tree", k=4), rule))


def test_forwarding_hosts_have_no_tables(draw):
    with pytest.raises(RoutingError, match="hosts forward here"):
        forwarding_tables(router_for(draw.bcube(2), "minimal"))


def test_tables_that_circle_or_end_reach_nothing():
    fabric = load("fat_tree", k=4)
    tables = forwarding_tables(router_for(fabric, "d-mod-k"))
    leaf, agg, host = (fabric.node_id(name) for name in ("leaf-0-0", "agg-0-0", "host-15"))
    address = tables.addresses.node == host
    links = tables.links.copy()
    for here, there in ((leaf, agg), (agg, leaf)):
        back = [link for link in fabric.out_links(here) if fabric.link_target[link] == there]
        links[tables.graph.number[here], address] = back[0]
    with pytest.raises(RoutingError, match="no path from host-0 to host-15"):
        along_tables(fabric, replace(tables, links=links)).paths([0], [15])
    links = np.where(address, -1, tables.links)
    with pytest.raises(RoutingError, match="no path from host-0 to host-15"):
        along_tables(fabric, replace(tables, links=links)).spread([0], [15])
