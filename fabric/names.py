"""Ranks by the names of their nodes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .facts import fact
from .graph import Fabric


@fact
def ranks_by_name(fabric: Fabric) -> Mapping[str, int]:
    """The rank of every endpoint."""
    return {name.decode(): rank for rank, name in enumerate(fabric.node_name[fabric.endpoints].tolist())}


@fact
def some_name_is_a_number(fabric: Fabric) -> bool:
    """Whether an endpoint's name could be taken for a rank."""
    return bool(np.char.isdigit(fabric.node_name[fabric.endpoints]).any())
