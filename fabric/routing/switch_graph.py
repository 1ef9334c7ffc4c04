"""The switches of a fabric as a graph to search: links by port, and what may restrict a way through them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..graph import SWITCH_KINDS, Fabric, LinkKind, NodeKind
from .router import Indptr, Links, csr

Switches = npt.NDArray[np.int32]


class SwitchGraph(NamedTuple):
    """Links between switches by port, as CSR by compact switch number; `number[node]` is that number, -1 elsewhere, and
    `far[k]` the one at the far end of `links[k]`.

    `group` per switch: a way changes groups once at most, straight into the goal's. Where `ordered`, `rising[k]` says
    that `links[k]` leads up, and a way never goes up again after it went down. `parallel[k]`: how many ports of the
    switch `links[k]` stands for. `capacity_bps` counts by link id.
    """

    link_target: Links
    capacity_bps: npt.NDArray[np.float64]
    indptr: Indptr
    links: Links
    far: Switches
    number: Switches
    group: Switches
    rising: npt.NDArray[np.bool_]
    parallel: npt.NDArray[np.float64]
    ordered: bool
    most_ports: int

    @property
    def switches(self) -> int:
        return len(self.indptr) - 1

    @property
    def ends(self) -> tuple[Switches, Switches]:
        """Compact numbers of the two ends of each of `links`."""
        source = np.repeat(np.arange(self.switches, dtype=np.int32), np.diff(self.indptr))
        return source, self.far

    def grouped(self, group: Switches) -> SwitchGraph:
        """The same graph in groups (per compact number)."""
        return self._replace(group=group.astype(np.int32))

    def climbing(self, height: npt.NDArray[np.int64]) -> SwitchGraph:
        """The same graph ordered by a height of its own per switch (compact number)."""
        source, target = self.ends
        return self._replace(rising=height[target] > height[source], ordered=True)


def switch_graph(fabric: Fabric) -> SwitchGraph:
    """All switches of the network, in one group and without order; hosts, too, where they forward for others."""
    return _graph_of(fabric, forwarding_kinds(fabric), LinkKind.NETWORK)


def nvswitch_graph(fabric: Fabric) -> SwitchGraph:
    """The NVSwitches, and the NVLinks between them where a domain has two tiers."""
    return _graph_of(fabric, (NodeKind.NVSWITCH,), LinkKind.NVLINK)


def _graph_of(fabric: Fabric, kinds: tuple[NodeKind, ...], carried: LinkKind) -> SwitchGraph:
    forwards = np.isin(fabric.node_kind, kinds)
    number = np.where(forwards, np.cumsum(forwards) - 1, -1).astype(np.int32)
    between = np.flatnonzero(
        (fabric.link_kind == carried) & forwards[fabric.link_source] & forwards[fabric.link_target]
    )
    links = between[np.lexsort((fabric.port[between], fabric.link_source[between]))].astype(np.int32)
    switches = int(forwards.sum())
    indptr = csr(np.bincount(number[fabric.link_source[links]], minlength=switches))
    return SwitchGraph(
        fabric.link_target,
        fabric.capacity_bps,
        indptr,
        links,
        number[fabric.link_target[links]],
        number,
        group=np.zeros(switches, dtype=np.int32),
        rising=np.zeros(len(links), dtype=np.bool_),
        parallel=np.ones(len(links)),
        ordered=False,
        most_ports=int(np.diff(indptr).max(initial=0)),
    )


def forwarding_kinds(fabric: Fabric) -> tuple[NodeKind, ...]:
    """Kinds of nodes that forward traffic of others."""
    return (*SWITCH_KINDS, NodeKind.HOST) if fabric.meta.get("hosts_forward") else SWITCH_KINDS
