"""The families of fabrics: each a spec and a function from a valid spec to a Fabric, in a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...fabric.graph import Fabric
from ...fabric.spec import Spec
from . import fat_tree, nvlink_domain, rail_optimized


class Family(NamedTuple):
    """A family: the spec its fields are checked against, and what builds it."""

    spec: type[Spec]
    build: Callable[[Any], Fabric]


FAMILIES = {
    "fat_tree": Family(fat_tree.FatTree, fat_tree.build),
    "nvlink_domain": Family(nvlink_domain.NvlinkDomain, nvlink_domain.build),
    "rail_optimized": Family(rail_optimized.RailOptimized, rail_optimized.build),
}
