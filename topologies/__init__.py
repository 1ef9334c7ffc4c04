"""How fabrics are wired: a function per family, presets, and `load` for anything a user can name."""

from __future__ import annotations

from typing import Any

from ..fabric.graph import Fabric
from .families import FAMILIES
from .load import PRESETS, Description, describe, generate, load, schemas

__all__ = [
    "FAMILIES",
    "PRESETS",
    "describe",
    "fat_tree",
    "load",
    "nvlink_domain",
    "rail_optimized",
    "schemas",
]


def fat_tree(**fields: Any) -> Fabric:
    """Three-tier k-ary fat tree, `fat_tree(k=8, link="200Gbps")`; fields of `families.fat_tree.FatTree`."""
    return generate(Description("fat_tree"), fields)


def nvlink_domain(**fields: Any) -> Fabric:
    """One scale-up domain, `nvlink_domain(server="gb200-nvl72")`; fields of `families.nvlink_domain.NvlinkDomain`."""
    return generate(Description("nvlink_domain"), fields)


def rail_optimized(**fields: Any) -> Fabric:
    """Servers on rails, `rail_optimized(nodes=64, su=32)`; fields of `families.rail_optimized.RailOptimized`."""
    return generate(Description("rail_optimized"), fields)
