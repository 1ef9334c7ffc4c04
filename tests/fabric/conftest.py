"""Fabrics small enough to reason about, and a real one."""

from pathlib import Path

import pytest
from fabricsim.fabric.formats.ibnetdiscover import read_ibnetdiscover
from fabricsim.fabric.graph import Fabric

DUMPS = Path(__file__).parents[1] / "data" / "ibnetdiscover"


@pytest.fixture(scope="session")
def ndr_cluster() -> Fabric:
    """A live NDR cluster: 31 leaves, 9 spines, 542 adapters of hosts."""
    return read_ibnetdiscover(DUMPS / "ndr_cluster.txt")
