"""What InfiniBand calls nodes and ports: GUIDs, LIDs, port numbers; given out in order where a fabric has none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..graph import SWITCH_KINDS, Fabric, LinkKind
from ..routing.tables import Addresses

_MADE_UP_GUID = 0x02 << 56  # the bit that marks an EUI-64 as given locally, not by a vendor
Guids = npt.NDArray[np.uint64]


def made_up_guids(fabric: Fabric) -> Guids:
    """A GUID per node by its number; the ports of a node count up from it."""
    return np.uint64(_MADE_UP_GUID) + (np.arange(1, fabric.nodes + 1, dtype=np.uint64) << np.uint64(8))


def node_guids(fabric: Fabric) -> Guids:
    """The GUID of each node: its own, or a made-up one."""
    given = fabric.column("guid")
    return np.where(given > 0, given, made_up_guids(fabric))


def port_numbers(fabric: Fabric) -> npt.NDArray[np.int64]:
    """Each directed link's port at its source. An adapter without a GUID counts its network ports alone, from 1."""
    number = fabric.port.astype(np.int64)
    own = ~np.isin(fabric.node_kind, SWITCH_KINDS) & (fabric.column("guid") == 0)
    counted = np.flatnonzero((fabric.link_kind == LinkKind.NETWORK) & own[fabric.link_source])
    counted = counted[np.lexsort((fabric.port[counted], fabric.link_source[counted]))]
    source = fabric.link_source[counted]
    number[counted] = np.arange(len(counted)) - np.searchsorted(source, source) + 1
    return number


def address_guids(fabric: Fabric, addresses: Addresses) -> Guids:
    """The port GUID behind each address: of a switch, that of its port 0."""
    given = fabric.column("port_guid")[addresses.node]
    adapter = addresses.link >= 0
    by_port = made_up_guids(fabric)[addresses.node]
    by_port[adapter] += port_numbers(fabric)[addresses.link[adapter]].astype(np.uint64)
    return np.where(given > 0, given, np.where(adapter, by_port, node_guids(fabric)[addresses.node]))


def address_lids(fabric: Fabric, addresses: Addresses) -> npt.NDArray[np.int64]:
    """The LID of each address: its own, or the lowest ones that are free, in order."""
    lids = fabric.column("lid")[addresses.node].astype(np.int64)
    open_ones = lids <= 0
    free = np.setdiff1d(np.arange(1, len(lids) + int((~open_ones).sum()) + 1), lids)
    lids[open_ones] = free[: int(open_ones.sum())]
    return lids
