"""Groups of ranks of several makes, each with its own library, run side by side."""

from __future__ import annotations

import numpy as np
from fabricsim.sims.collectives import collective_time_s
from fabricsim.sims.network import Network
from fabricsim.topologies import composite


def test_groups_of_two_makes_take_as_long_as_the_slower_of_them():
    pods = [{"of": make, "count": 1, "fields": {"nodes": 2}} for make in ("hgx-h100", "mi300x")]
    fabric = composite(network="roce", uplinks=2, spines=4, pods=pods)
    network = Network(fabric)
    nvidia, amd = np.arange(8, dtype=np.int32), np.arange(16, 24, dtype=np.int32)
    alone = [collective_time_s(network, "all-reduce", [group], 1 << 28, "tree") for group in (nvidia, amd)]
    both = collective_time_s(network, "all-reduce", [nvidia, amd], 1 << 28, "tree")
    assert both >= max(alone) * (1 - 1e-9)
    assert alone[0] != alone[1]
