"""Fabric: a network as an immutable struct of arrays.

A cable is two directed links with neighbouring ids: cable `c` is links `2c` (as it was drawn) and `2c + 1` (the way
back), so the reverse of link `l` is `l ^ 1` and parallel cables stay distinct without a lookup.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import UnknownNameError

if TYPE_CHECKING:
    import networkx as nx

Ids = npt.NDArray[np.int32]


class NodeKind(IntEnum):
    """What a node is."""

    ACCELERATOR = 0
    NIC = 1
    HOST = 2
    STORAGE = 3
    NVSWITCH = 4
    LEAF = 5
    AGG = 6
    SPINE = 7
    CORE = 8
    SWITCH = 9
    AGGREGATION = 10
    """The in-network reduction unit inside an InfiniBand switch: it sits on a port but is no host."""


class LinkKind(IntEnum):
    """What a cable carries: the network proper, a scale-up link, or the bus inside a server."""

    NETWORK = 0
    NVLINK = 1
    PCIE = 2
    XGMI = 3
    """A scale-up cable from accelerator to accelerator, with no NVSwitch between."""


SWITCH_KINDS = (NodeKind.LEAF, NodeKind.AGG, NodeKind.SPINE, NodeKind.CORE, NodeKind.SWITCH)
"""Switches of the network; NVSwitches belong to their scale-up domain."""


@dataclass(frozen=True)
class Column:
    """dtype and the value that means "none" of an optional per-node column."""

    dtype: str
    missing: Any


NODE_COLUMNS: Mapping[str, Column] = {
    "server": Column("i4", -1),  # scale-up domain (a server, or an NVL72 rack)
    "device": Column("i2", -1),  # index into meta["devices"], names of the hardware catalogue
    "level": Column("i1", -1),  # of the tree: endpoints and NICs 0, leaves 1, ...
    "first": Column("i4", -1),  # of the tree: lowest endpoint position below this node
    "span": Column("i4", -1),  # of the tree: number of endpoint positions below this node
    "coord0": Column("i2", -1),  # of a switch, in its family's coordinates: dragonfly group and router, torus x y z
    "coord1": Column("i2", -1),
    "coord2": Column("i2", -1),
    "coord3": Column("i2", -1),
    "pod": Column("i4", -1),
    "rack": Column("i4", -1),
    "guid": Column("u8", 0),
    "port_guid": Column("u8", 0),
    "system_guid": Column("u8", 0),
    "lid": Column("i4", -1),
    "lmc": Column("i1", -1),
    "radix": Column("i2", -1),
    "vendor_id": Column("i4", -1),
    "device_id": Column("i4", -1),
    "enhanced_port_0": Column("i1", -1),  # of an InfiniBand switch: whether its management port is an enhanced one
    "description": Column("S", b""),
}


@dataclass(frozen=True, eq=False, repr=False)
class Fabric:
    """A network: nodes, directed links in pairs, and which nodes are endpoints (ranks).

    Arrays are read-only. Per node (length `nodes`): `node_kind` (NodeKind), `node_name` (unique, UTF-8 bytes), and in
    `columns` any of NODE_COLUMNS. Per directed link (length `links`): `link_source`, `link_target` (node ids),
    `capacity_bps` (bit/s), `latency_ns`, `link_kind` (LinkKind), `port` (at the source, from 1), `rail`, `plane`
    (-1: none), `width` (equal physical links in the bundle; with `meta["width_counts"] == "lanes"`: lanes of a network
    link). `endpoints` are node ids in rank order. `meta` holds plain JSON: family, parameters, network, device names.
    Built by FabricBuilder, which checks it.
    """

    name: str
    node_kind: npt.NDArray[np.uint8]
    node_name: npt.NDArray[np.bytes_]
    link_source: Ids
    link_target: Ids
    capacity_bps: npt.NDArray[np.float64]
    latency_ns: npt.NDArray[np.int64]
    link_kind: npt.NDArray[np.uint8]
    port: npt.NDArray[np.int16]
    rail: npt.NDArray[np.int16]
    plane: npt.NDArray[np.int16]
    width: npt.NDArray[np.int16]
    endpoints: Ids
    columns: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for array in (*self.arrays().values(), *self.columns.values()):
            array.flags.writeable = False

    @classmethod
    def array_names(cls) -> tuple[str, ...]:
        return tuple(f.name for f in fields(cls) if f.name not in ("name", "columns", "meta"))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Every fixed array by its field's name."""
        return {name: getattr(self, name) for name in self.array_names()}

    @property
    def nodes(self) -> int:
        return len(self.node_kind)

    @property
    def links(self) -> int:
        """Number of directed links."""
        return len(self.link_source)

    @property
    def cables(self) -> int:
        return self.links // 2

    @property
    def ranks(self) -> int:
        return len(self.endpoints)

    @property
    def nbytes(self) -> int:
        """Memory of all stored arrays, without caches made on demand."""
        return sum(array.nbytes for array in (*self.arrays().values(), *self.columns.values()))

    def column(self, name: str) -> npt.NDArray[Any]:
        """A per-node column, filled with its missing value where the fabric does not carry it."""
        if name in self.columns:
            return self.columns[name]
        spec = NODE_COLUMNS[name]
        return np.full(self.nodes, spec.missing, dtype="S1" if spec.dtype == "S" else spec.dtype)

    def of_kind(self, *kinds: NodeKind) -> Ids:
        """Ids of the nodes of these kinds, ascending."""
        return np.flatnonzero(np.isin(self.node_kind, kinds)).astype(np.int32)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What `facts.fact` has found out."""
        return {}

    @cached_property
    def out(self) -> tuple[npt.NDArray[np.int64], Ids]:
        """Links that leave each node, as CSR `(indptr, links)`, by port within a node."""
        order = np.lexsort((self.port, self.link_source)).astype(np.int32)
        indptr = np.zeros(self.nodes + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.link_source, minlength=self.nodes), out=indptr[1:])
        return indptr, order

    def out_links(self, node: int) -> Ids:
        indptr, links = self.out
        return links[indptr[node] : indptr[node + 1]]

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        return {name: node for node, name in enumerate(self.node_name.tolist())}

    def node_id(self, name: str) -> int:
        """The node of this name. Raises UnknownNameError."""
        try:
            return self._ids[name.encode()]
        except KeyError:
            raise UnknownNameError.of("node", name, (known.decode() for known in self._ids)) from None

    def label(self, node: int) -> str:
        return self.node_name[node].decode()

    def link_label(self, link: int) -> str:
        """`"leaf-0:33 -> spine-1"`: source, its port, target."""
        source, target = self.label(int(self.link_source[link])), self.label(int(self.link_target[link]))
        return f"{source}:{self.port[link]} -> {target}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fabric):
            return NotImplemented
        return (
            self.name == other.name
            and json.dumps(dict(self.meta), sort_keys=True) == json.dumps(dict(other.meta), sort_keys=True)
            and self.columns.keys() == other.columns.keys()
            and all(np.array_equal(mine, other.arrays()[name]) for name, mine in self.arrays().items())
            and all(np.array_equal(mine, other.columns[name]) for name, mine in self.columns.items())
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Fabric({self.name!r}: {self.ranks} ranks, {self.nodes} nodes, {self.cables} cables)"

    def save(self, path: str | Path) -> None:
        """Write one compact file; see `formats.native`."""
        from .formats.native import save

        save(self, path)

    @staticmethod
    def load(path: str | Path) -> Fabric:
        """Read what `save` wrote. Raises ParseError."""
        from .formats.native import load

        return load(path)

    def to_networkx(self) -> nx.MultiDiGraph:
        """Every column as attributes of nodes (keyed by name) and directed links."""
        from .formats.nx import to_networkx

        return to_networkx(self)

    @staticmethod
    def from_networkx(graph: nx.Graph) -> Fabric:
        """The inverse of `to_networkx`; also any graph with node attribute `kind` and edge attributes
        `capacity_bps`, `latency_ns`. Raises FabricError."""
        from .formats.nx import from_networkx

        return from_networkx(graph)
