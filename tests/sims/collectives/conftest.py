"""What tests of collectives share."""

from __future__ import annotations

import pytest
from fabricsim.topologies import load


@pytest.fixture(scope="session")
def three_servers():
    """24 GPUs behind one switch per rail."""
    return load("hgx-h100", nodes=3)
