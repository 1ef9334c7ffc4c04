"""What every test shares: property tests draw the same cases on every machine, however busy it is; one network."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.graph import NodeKind
from hypothesis import HealthCheck, settings

settings.register_profile("shared", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


@pytest.fixture
def one_stage():
    """`one_stage(paths)`: as many hosts on either of two leaves as spines join them; 100 Gbit/s, no latency."""

    def build(paths):
        builder = FabricBuilder("one stage", {"network": "roce"})
        hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(2 * paths)))
        leaves = builder.add_nodes(NodeKind.LEAF, ["left", "right"])
        spines = builder.add_nodes(NodeKind.SPINE, numbered("s-{}", np.arange(paths)))
        builder.add_cables(hosts, np.repeat(leaves, paths), 1e11, 0)
        builder.add_cables(np.repeat(leaves, paths), np.tile(spines, 2), 1e11, 0)
        return builder.build()

    return build
