"""Traces that tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from fabricsim.sims.chakra import Attribute, Node, NodeType, Trace, write_trace

SAMPLES = Path(__file__).parents[2] / "data" / "chakra"


@pytest.fixture(scope="session")
def samples():
    """The folder of the samples."""
    return SAMPLES


@pytest.fixture(scope="session")
def node():
    """`node(3, "COMP", 1, 2, us=5, comm_size=8)`: node 3 after nodes 1 and 2, with attributes by Python type."""

    def build(number, kind, *after, us=0, **attributes):
        kinds = {bool: "bool_val", int: "int64_val", str: "string_val", tuple: "bool_list"}
        listed = tuple(Attribute(name, kinds[type(value)], value) for name, value in attributes.items())
        return Node(number, f"n{number}", NodeType[kind], data_deps=after, duration_us=us, attributes=listed)

    return build


@pytest.fixture
def job(tmp_path):
    """`job([node, ...], [node, ...])` writes one trace per rank and returns their prefix."""

    def write(*ranks):
        for rank, nodes in enumerate(ranks):
            write_trace(tmp_path / f"job.{rank}.et", Trace(tuple(nodes), "0.0.4"))
        return tmp_path / "job"

    return write
