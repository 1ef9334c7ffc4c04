"""Imported forwarding tables: traffic goes where a subnet manager's dump says that the switches send it.

One path per pair of ports, on one lane; a pair whose path ends or circles has none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..graph import Fabric
from ._choice_kernels import DESTINATION
from ._table_kernels import table_paths
from .ports import Ports
from .router import Indptr, Pairs, Paths, Reached, Router, Rule, Shares, Spread
from .switched import SwitchedRouter
from .tables import ForwardingTables

PREFIX = "table:"


def table_file(fabric: Fabric, path: str | Path) -> Router:
    """The router of a dump by OpenSM (`formats.lft`). Raises ParseError."""
    from ..formats.lft import read_lft

    return along_tables(fabric, read_lft(fabric, path))


def along_tables(fabric: Fabric, tables: ForwardingTables) -> Router:
    """The router that follows `tables`."""
    return SwitchedRouter(fabric, Rule(DESTINATION, 0), TableHops(fabric, tables))


class TableHops:
    """The ways that tables describe."""

    def __init__(self, fabric: Fabric, tables: ForwardingTables) -> None:
        self.tables = tables
        self.address_of = np.full(fabric.links, -1, dtype=np.int64)
        adapters = np.flatnonzero(tables.addresses.link >= 0)
        self.address_of[tables.addresses.link[adapters]] = adapters

    def paths(self, rule: Rule, pairs: Pairs, ports: Ports) -> tuple[Paths, Reached]:
        return self._paths(ports, pairs.port_src, pairs.port_dst)

    def _paths(self, ports: Ports, port_src: Indptr, port_dst: Indptr) -> tuple[Paths, Reached]:
        graph, last = self.tables.graph, ports.link[port_dst]
        start = graph.number[ports.switch[port_src]]
        address = self.address_of[last]
        *paths, reached = table_paths(start, address, last ^ 1, self.tables.links, graph.number, graph.link_target)
        return Paths(*paths), reached

    def spread(self, ports: Ports, port_src: Indptr, port_dst: Indptr, share_in: Shares) -> tuple[Spread, Reached]:
        paths, reached = self._paths(ports, port_src, port_dst)
        return Spread(paths.indptr, paths.links, np.repeat(share_in, np.diff(paths.indptr))), reached
