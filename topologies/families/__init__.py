"""The families of fabrics: each a spec and a function from a valid spec to a Fabric, in a file of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...fabric.graph import Fabric
from ...fabric.spec import Spec
from . import (
    bcube,
    clos,
    composite,
    dragonfly,
    dragonfly_plus,
    dual_tor,
    fat_tree,
    full_mesh,
    hyperx,
    jellyfish,
    multi_plane,
    nvlink_domain,
    rail_only,
    rail_optimized,
    slim_fly,
    torus,
    xgft,
)


class Family(NamedTuple):
    """A family: the spec its fields are checked against, and what builds it."""

    spec: type[Spec]
    build: Callable[[Any], Fabric]


FAMILIES = {
    "fat_tree": Family(fat_tree.FatTree, fat_tree.build),
    "clos": Family(clos.Clos, clos.build),
    "xgft": Family(xgft.Xgft, xgft.build),
    "rail_optimized": Family(rail_optimized.RailOptimized, rail_optimized.build),
    "rail_only": Family(rail_only.RailOnly, rail_only.build),
    "multi_plane": Family(multi_plane.MultiPlane, multi_plane.build),
    "dual_tor": Family(dual_tor.DualTor, dual_tor.build),
    "dragonfly": Family(dragonfly.Dragonfly, dragonfly.build),
    "dragonfly_plus": Family(dragonfly_plus.DragonflyPlus, dragonfly_plus.build),
    "slim_fly": Family(slim_fly.SlimFly, slim_fly.build),
    "hyperx": Family(hyperx.HyperX, hyperx.build),
    "jellyfish": Family(jellyfish.Jellyfish, jellyfish.build),
    "torus": Family(torus.Torus, torus.build_torus),
    "mesh": Family(torus.Mesh, torus.build_mesh),
    "full_mesh": Family(full_mesh.FullMesh, full_mesh.build),
    "nvlink_domain": Family(nvlink_domain.NvlinkDomain, nvlink_domain.build),
    "bcube": Family(bcube.BCube, bcube.build),
    "composite": Family(composite.Composite, composite.build),
}
