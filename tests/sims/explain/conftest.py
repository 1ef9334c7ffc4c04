"""A parking lot."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import NodeKind


@pytest.fixture(scope="module")
def lot():
    """Senders a and victim share a link; a, b and c send to one sink, the victim to its own."""
    builder = FabricBuilder("parking lot", {"network": "roce", "assumptions": []})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(6)))
    far, near = builder.add_nodes(NodeKind.LEAF, ["far", "near"])
    builder.add_cables(hosts, np.array([far, far, near, near, near, near]), 1e11, 500)
    builder.add_cables([far], [near], 1e11, 500)
    return builder.build()
