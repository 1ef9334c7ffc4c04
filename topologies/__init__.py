"""How fabrics are wired: a function per family, presets, and `load` for anything a user can name."""

from __future__ import annotations

from typing import Any

from ..fabric.graph import Fabric
from .families import FAMILIES
from .load import PRESETS, Description, describe, generate, load, schemas

__all__ = [
    "FAMILIES",
    "PRESETS",
    "bcube",
    "clos",
    "composite",
    "describe",
    "dragonfly",
    "dragonfly_plus",
    "dual_tor",
    "fat_tree",
    "full_mesh",
    "hyperx",
    "jellyfish",
    "load",
    "mesh",
    "multi_plane",
    "nvlink_domain",
    "rail_only",
    "rail_optimized",
    "schemas",
    "slim_fly",
    "torus",
    "xgft",
]


def bcube(**fields: Any) -> Fabric:
    """Servers that forward, `bcube(n=8, k=1)`; fields of `families.bcube.BCube`."""
    return generate(Description("bcube"), fields)


def clos(**fields: Any) -> Fabric:
    """Folded Clos of two or three tiers, `clos(hosts=4096, radix=64, oversubscription="3:1")`;
    fields of `families.clos.Clos`."""
    return generate(Description("clos"), fields)


def composite(**fields: Any) -> Fabric:
    """Pods of other fabrics behind a common spine, `composite(pods=["hgx-h100", "mi300x"])`;
    fields of `families.composite.Composite`."""
    return generate(Description("composite"), fields)


def dragonfly(**fields: Any) -> Fabric:
    """Groups of routers, `dragonfly(p=4, a=8, h=4)`; fields of `families.dragonfly.Dragonfly`."""
    return generate(Description("dragonfly"), fields)


def dragonfly_plus(**fields: Any) -> Fabric:
    """Groups of leaves and spines, `dragonfly_plus(p=8)`; fields of `families.dragonfly_plus.DragonflyPlus`."""
    return generate(Description("dragonfly_plus"), fields)


def dual_tor(**fields: Any) -> Fabric:
    """Adapters on two planes, `dual_tor(nodes=256)`; fields of `families.dual_tor.DualTor`."""
    return generate(Description("dual_tor"), fields)


def fat_tree(**fields: Any) -> Fabric:
    """Three-tier k-ary fat tree, `fat_tree(k=8, link="200Gbps")`; fields of `families.fat_tree.FatTree`."""
    return generate(Description("fat_tree"), fields)


def full_mesh(**fields: Any) -> Fabric:
    """Everyone cabled to everyone, `full_mesh(switches=8)` or `full_mesh(server="mi300x")`;
    fields of `families.full_mesh.FullMesh`."""
    return generate(Description("full_mesh"), fields)


def hyperx(**fields: Any) -> Fabric:
    """Grid with all switches of a line joined, `hyperx(dims="8x8", hosts=8)`; fields of `families.hyperx.HyperX`."""
    return generate(Description("hyperx"), fields)


def jellyfish(**fields: Any) -> Fabric:
    """Random regular graph, `jellyfish(switches=40, radix=32, degree=20, seed=1)`;
    fields of `families.jellyfish.Jellyfish`."""
    return generate(Description("jellyfish"), fields)


def mesh(**fields: Any) -> Fabric:
    """Grid of switches, `mesh(dims="4x4")`; fields of `families.torus.Mesh`."""
    return generate(Description("mesh"), fields)


def multi_plane(**fields: Any) -> Fabric:
    """Fat trees side by side, `multi_plane(planes=8, radix=64)`; fields of `families.multi_plane.MultiPlane`."""
    return generate(Description("multi_plane"), fields)


def nvlink_domain(**fields: Any) -> Fabric:
    """One scale-up domain, `nvlink_domain(server="gb200-nvl72")`; fields of `families.nvlink_domain.NvlinkDomain`."""
    return generate(Description("nvlink_domain"), fields)


def rail_only(**fields: Any) -> Fabric:
    """Servers on rails that no switch joins, `rail_only(nodes=64)`; fields of `families.rail_only.RailOnly`."""
    return generate(Description("rail_only"), fields)


def rail_optimized(**fields: Any) -> Fabric:
    """Servers on rails, `rail_optimized(nodes=64, su=32)`; fields of `families.rail_optimized.RailOptimized`."""
    return generate(Description("rail_optimized"), fields)


def slim_fly(**fields: Any) -> Fabric:
    """Routers two hops apart, `slim_fly(q=13)`; fields of `families.slim_fly.SlimFly`."""
    return generate(Description("slim_fly"), fields)


def torus(**fields: Any) -> Fabric:
    """Grid of switches that closes to rings, `torus(dims="4x4x8", twist=4)`; fields of `families.torus.Torus`."""
    return generate(Description("torus"), fields)


def xgft(**fields: Any) -> Fabric:
    """Extended generalized fat tree, `xgft(m="18,36", w="1,18")`; fields of `families.xgft.Xgft`."""
    return generate(Description("xgft"), fields)
