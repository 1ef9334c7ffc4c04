"""NVLink inside a scale-up domain: a transfer spreads over the domain's NVSwitches by the width of its links to each.

Of the line rate a ring of ranks reaches what the catalogue cites per accelerator (H100: 370 of 450 GB/s); so it is with
xGMI, which joins accelerators without switches (MI300X: 316 of 448 GB/s, over all 7 links).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...fabric.catalogue import catalogue
from ...fabric.graph import Fabric, LinkKind, NodeKind
from ...fabric.routing import Router, ScaleUp, Spread
from .base import Transport
from .subflows import Floats, Ranks, Subflows

SWITCH = -1
"""In place of a rank: the NVSwitches of the other end's domain, which multicast and reduce."""


@dataclass(frozen=True)
class Nvlink(Transport):
    """`domains` says which links each rank has to its NVSwitches."""

    domains: ScaleUp
    name = "nvlink"
    packets = None

    def inside(self, src: Ranks, dst: Ranks) -> np.ndarray:
        """Which transfers stay in one scale-up domain; bool per transfer."""
        domain = self.domains.domain
        switched = (src == SWITCH) | (dst == SWITCH)
        return switched | ((domain[src] == domain[dst]) & (domain[src] >= 0))

    def split(self, router: Router, src: Ranks, dst: Ranks) -> Subflows:
        to_ranks = (src != SWITCH) & (dst != SWITCH)
        sets = [
            (np.flatnonzero(to_ranks), Subflows.along(router.spread(src[to_ranks], dst[to_ranks]))),
            (np.flatnonzero(~to_ranks), Subflows.along(self._to_switches(src[~to_ranks], dst[~to_ranks]))),
        ]
        return Subflows.joined([(numbers, flows) for numbers, flows in sets if len(numbers)])

    def _to_switches(self, src: Ranks, dst: Ranks) -> Spread:
        """Up from `src` where `dst` is SWITCH, down to `dst` where `src` is, by width over the rank's NVSwitches."""
        up = self.domains
        rank = np.where(dst == SWITCH, src, dst)
        bundles = np.diff(up.indptr)[rank]
        indptr = np.concatenate(([0], np.cumsum(bundles)))
        entry = np.arange(indptr[-1]) + np.repeat(up.indptr[rank] - indptr[:-1], bundles)
        width = up.widths[entry].astype(np.float64)
        total = np.add.reduceat(width, indptr[:-1])
        downward = np.repeat(src == SWITCH, bundles)
        return Spread(indptr, up.links[entry] ^ downward.astype(np.int32), width / np.repeat(total, bundles))

    def limits(self, fabric: Fabric) -> Floats:
        """The share of the accelerator at either end, on scale-up links, and between NVSwitches the least share of
        all; 1 where the catalogue has no published rate."""
        by_device = np.array([*(_ring_share(name) for name in fabric.meta.get("devices", ())), 1.0])
        by_node = by_device[fabric.column("device")]
        share = np.minimum(by_node[fabric.link_source], by_node[fabric.link_target])
        nvswitch = fabric.node_kind == NodeKind.NVSWITCH
        share[nvswitch[fabric.link_source] & nvswitch[fabric.link_target]] = by_device.min()
        return np.where(np.isin(fabric.link_kind, (LinkKind.NVLINK, LinkKind.XGMI)), share, 1.0)

    def assumptions(self) -> list[str]:
        return [
            "Scale-up links: payload reaches the rate that rings of such accelerators were published with (catalogue)."
        ]


def _ring_share(device: str) -> float:
    accelerator = catalogue().accelerators.get(device)
    if accelerator is None or accelerator.ring_gbps_bytes is None:
        return 1.0
    return accelerator.ring_gbps_bytes.value / accelerator.scaleup_gbps_bytes_per_dir.value
