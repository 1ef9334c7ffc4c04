"""Fabric and FabricBuilder: the shape of the arrays, and one refusal per rule of wiring."""

from dataclasses import replace

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import FabricError, UnknownNameError
from fabricsim.fabric.graph import Fabric, LinkKind, NodeKind

MOST_BYTES_PER_LINK = 60


def two_hosts(**cable) -> Fabric:
    """Hosts a and b on one switch s."""
    builder = FabricBuilder("two hosts")
    hosts = builder.add_nodes(NodeKind.HOST, ["a", "b"])
    switch = builder.add_nodes(NodeKind.LEAF, ["s"])
    builder.add_cables(hosts, switch[[0, 0]], **{"capacity_bps": 1e9, "latency_ns": 100} | cable)
    return builder.build()


def with_arrays(fabric: Fabric, **changes) -> FabricBuilder:
    """A builder that holds the nodes a, b, s and no cables."""
    builder = FabricBuilder(fabric.name)
    builder.add_nodes(fabric.node_kind, fabric.node_name, **changes)
    return builder


def test_a_cable_is_two_links_with_neighbouring_ids():
    fabric = two_hosts()
    assert (fabric.nodes, fabric.cables, fabric.links, fabric.ranks) == (3, 2, 4, 2)
    assert fabric.link_source.tolist() == [0, 2, 1, 2]
    assert fabric.link_target.tolist() == [2, 0, 2, 1]


def test_ports_not_given_are_numbered_from_1_in_the_order_of_the_cables():
    assert two_hosts().port.tolist() == [1, 1, 1, 2]


def test_ports_not_given_follow_those_given():
    assert two_hosts(target_port=[7, -1]).port.tolist() == [1, 7, 1, 8]


def test_a_cable_may_be_faster_one_way():
    fabric = two_hosts(back_capacity_bps=[2e9, 1e9], back_latency_ns=50)
    assert fabric.capacity_bps.tolist() == [1e9, 2e9, 1e9, 1e9]
    assert fabric.latency_ns.tolist() == [100, 50, 100, 50]


def test_links_that_leave_a_node_come_by_port():
    fabric = two_hosts(target_port=[9, 3])
    assert fabric.out_links(2).tolist() == [3, 1]
    indptr, links = fabric.out
    assert indptr.tolist() == [0, 1, 2, 4]
    assert sorted(links.tolist()) == [0, 1, 2, 3]


def test_a_link_is_called_by_its_source_port_and_target():
    assert two_hosts().link_label(3) == "s:2 -> b"


def test_nodes_are_found_by_name():
    fabric = two_hosts()
    assert [fabric.node_id(name) for name in ("a", "b", "s")] == [0, 1, 2]
    with pytest.raises(UnknownNameError):
        fabric.node_id("c")


def test_nodes_are_found_by_kind():
    assert two_hosts().of_kind(NodeKind.LEAF, NodeKind.SPINE).tolist() == [2]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([NodeKind.ACCELERATOR, NodeKind.HOST, NodeKind.NIC], [0]),
        ([NodeKind.NIC, NodeKind.HOST, NodeKind.LEAF], [1]),
        ([NodeKind.LEAF, NodeKind.NIC, NodeKind.AGGREGATION], [1]),
        ([NodeKind.LEAF, NodeKind.LEAF, NodeKind.AGGREGATION], []),
    ],
)
def test_endpoints_default_to_accelerators_else_hosts_else_adapters(kinds, expected):
    builder = FabricBuilder("x")
    builder.add_nodes(kinds, ["a", "b", "c"])
    assert builder.build().endpoints.tolist() == expected


def test_a_column_that_was_not_given_holds_its_missing_value():
    fabric = two_hosts()
    assert fabric.column("server").tolist() == [-1, -1, -1]
    assert fabric.column("description").tolist() == [b"", b"", b""]


def test_a_column_given_for_some_nodes_is_missing_on_the_others():
    builder = FabricBuilder("x")
    builder.add_nodes(NodeKind.HOST, ["a"], server=5, description=["long text"])
    builder.add_nodes(NodeKind.HOST, ["b"], description="x")
    fabric = builder.build()
    assert fabric.column("server").tolist() == [5, -1]
    assert fabric.column("description").tolist() == [b"long text", b"x"]


def test_an_unknown_column_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean server"):
        FabricBuilder("x").add_nodes(NodeKind.HOST, ["a"], sever=1)


def test_arrays_cannot_be_written_to():
    fabric = two_hosts()
    with pytest.raises(ValueError, match="read-only"):
        fabric.capacity_bps[0] = 1


def test_equality_sees_every_array_the_columns_the_name_and_the_meta():
    fabric = two_hosts()
    assert fabric == two_hosts()
    assert fabric != replace(fabric, name="other")
    assert fabric != replace(fabric, meta={"family": "x"})
    assert fabric != replace(fabric, columns={"lid": np.zeros(3, dtype="i4")})
    for name, array in fabric.arrays().items():
        other = array.copy()
        other[0] = b"z" if array.dtype.kind == "S" else array[0] + 1
        assert fabric != replace(fabric, **{name: other}), name


def test_a_link_takes_at_most_60_bytes_in_a_fat_tree():
    from fabricsim.topologies import fat_tree

    fabric = fat_tree(k=16)
    assert fabric.links == 2 * 3 * 16**3 // 4
    assert fabric.nbytes <= MOST_BYTES_PER_LINK * fabric.links


# ------------------------------------------------------------------------------------------------ rules of wiring


def test_a_link_to_a_node_that_does_not_exist_is_refused():
    builder = with_arrays(two_hosts())
    builder.add_cables([0], [3], 1e9, 1)
    with pytest.raises(FabricError, match=r"outside 0\.\.2"):
        builder.build()


def test_an_endpoint_that_does_not_exist_is_refused():
    with pytest.raises(FabricError, match="endpoint"):
        with_arrays(two_hosts()).build([3])


def test_an_endpoint_listed_twice_is_refused():
    with pytest.raises(FabricError, match="listed twice"):
        with_arrays(two_hosts()).build([0, 0])


def test_a_name_used_twice_is_refused():
    builder = FabricBuilder("x")
    builder.add_nodes(NodeKind.HOST, ["a", "b", "a"])
    with pytest.raises(FabricError, match="'a' stands on several nodes"):
        builder.build()


def test_a_node_without_a_name_is_refused():
    builder = FabricBuilder("x")
    builder.add_nodes(NodeKind.HOST, ["a", ""])
    with pytest.raises(FabricError, match="no name"):
        builder.build()


def test_a_cable_from_a_node_to_itself_is_refused():
    builder = with_arrays(two_hosts())
    builder.add_cables([0], [0], 1e9, 1)
    with pytest.raises(FabricError, match="cabled to itself"):
        builder.build()


@pytest.mark.parametrize("capacity_bps", [0.0, -1.0, np.nan, np.inf])
def test_a_capacity_that_is_no_positive_number_is_refused(capacity_bps):
    with pytest.raises(FabricError, match="no positive capacity"):
        two_hosts(capacity_bps=capacity_bps)


def test_a_negative_latency_is_refused():
    with pytest.raises(FabricError, match="negative latency"):
        two_hosts(latency_ns=-1)


def test_a_port_with_two_cables_is_refused():
    with pytest.raises(FabricError, match="port 4 of s holds two cables"):
        two_hosts(target_port=4)


def test_a_kind_that_does_not_exist_is_refused():
    builder = FabricBuilder("x")
    builder.add_nodes([200], ["a"])
    with pytest.raises(FabricError, match="no known kind"):
        builder.build()


@pytest.mark.parametrize(
    "cable",
    [{"source_port": 2**15}, {"rail": -(2**15) - 1}, {"width": 1.5}, {"latency_ns": 0.5}, {"latency_ns": np.nan}],
)
def test_a_value_that_its_array_would_change_is_refused(cable):
    with pytest.raises(FabricError, match="does not fit"):
        two_hosts(**cable)


def test_a_node_value_that_its_column_would_change_is_refused():
    with pytest.raises(FabricError, match="radix does not fit"):
        with_arrays(two_hosts(), radix=2**16).build()


def test_every_broken_rule_is_named_at_once():
    builder = FabricBuilder("x")
    builder.add_nodes(NodeKind.HOST, ["a", "a", ""])
    builder.add_cables([0, 0], [1, 0], [0.0, 1e9], -1, LinkKind.NETWORK, source_port=1)
    with pytest.raises(FabricError) as caught:
        builder.build()
    assert len(caught.value.faults) == 6


def test_names_are_numbered_over_arrays():
    assert numbered("gpu-{}-{}", [[0], [1]], [[8, 10]]).tolist() == [b"gpu-0-8", b"gpu-0-10", b"gpu-1-8", b"gpu-1-10"]
    assert numbered("leaf-{}", []).tolist() == []
