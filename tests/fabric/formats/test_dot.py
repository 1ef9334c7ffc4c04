"""Drawings for people: every node once, servers boxed, equal cables as one line that says how many."""

import re

from fabricsim.fabric.formats.dot import dot_text


def test_every_node_is_drawn_once(any_fabric):
    drawn = re.findall(r'^ +("(?:[^"\\]|\\.)*") \[shape', dot_text(any_fabric), re.M)
    assert len(drawn) == len(set(drawn)) == any_fabric.nodes


def test_every_cable_is_counted(any_fabric):
    labels = re.findall(r' -- .*\[label="(?:(\d+) x )?', dot_text(any_fabric))
    assert sum(int(count or 1) for count in labels) == any_fabric.cables


def test_equal_cables_are_one_line_with_their_number_and_speed(two_leaves):
    assert re.search(r'"leaf-0" -- .*|"spine" -- "leaf-0" \[label="2 x 200Gbps"\];', dot_text(two_leaves))


def test_the_adapters_of_a_server_share_a_box(two_leaves):
    (box,) = re.findall(r"subgraph cluster_0 \{.*?\n  \}", dot_text(two_leaves), re.S)
    assert '"node-2 mlx5_0"' in box
    assert '"node-2 mlx5_1"' in box
    assert "node-10" not in box
