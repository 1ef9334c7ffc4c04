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

from .errors import FabricError, Fault, UnknownNameError

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


@dataclass
class FabricBuilder:
    """Collects nodes and cables in bulk, then checks and freezes them.

    Ids are handed out in the order of the calls; ports not given are numbered from 1 in the order of the cables.
    """

    name: str
    meta: dict[str, Any] = field(default_factory=dict)
    _node_count: int = 0
    _cable_count: int = 0
    _node_parts: list[dict[str, Any]] = field(default_factory=list)
    _cable_parts: list[dict[str, Any]] = field(default_factory=list)

    def add_nodes(self, kind: NodeKind | npt.ArrayLike, names: npt.ArrayLike, **columns: npt.ArrayLike) -> Ids:
        """One node per name; `columns` (of NODE_COLUMNS) are scalars or arrays of that length. Returns the new ids."""
        unknown = columns.keys() - NODE_COLUMNS.keys()
        if unknown:
            raise UnknownNameError.of("node column", min(unknown), NODE_COLUMNS)
        names = np.asarray(names)
        if names.dtype.kind == "U":
            names = np.char.encode(names, "utf-8")
        count = len(names)
        self._node_parts.append({"kind": kind, "name": names, "count": count, "columns": columns})
        ids = np.arange(self._node_count, self._node_count + count, dtype=np.int32)
        self._node_count += count
        return ids

    def add_cables(
        self,
        source: npt.ArrayLike,
        target: npt.ArrayLike,
        capacity_bps: npt.ArrayLike,
        latency_ns: npt.ArrayLike,
        kind: LinkKind | npt.ArrayLike = LinkKind.NETWORK,
        *,
        source_port: npt.ArrayLike = -1,
        target_port: npt.ArrayLike = -1,
        rail: npt.ArrayLike = -1,
        plane: npt.ArrayLike = -1,
        width: npt.ArrayLike = 1,
        back_capacity_bps: npt.ArrayLike | None = None,
        back_latency_ns: npt.ArrayLike | None = None,
    ) -> None:
        """Cables between node ids; every argument is a scalar or an array of one length. Both directions are alike
        unless `back_*` says otherwise."""
        parts = {
            "source": source,
            "target": target,
            "capacity": capacity_bps,
            "latency": latency_ns,
            "kind": kind,
            "source_port": source_port,
            "target_port": target_port,
            "rail": rail,
            "plane": plane,
            "width": width,
            "back_capacity": capacity_bps if back_capacity_bps is None else back_capacity_bps,
            "back_latency": latency_ns if back_latency_ns is None else back_latency_ns,
        }
        arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(part)) for part in parts.values()))
        self._cable_parts.append(dict(zip(parts, arrays, strict=True)))
        self._cable_count += len(arrays[0])

    def build(self, endpoints: npt.ArrayLike | None = None) -> Fabric:
        """The checked Fabric. Endpoints default to the accelerators, else the hosts, else the NICs.

        Raises FabricError naming every unknown node, repeated name, port used twice, and non-positive capacity.
        """
        kind, name, columns = self._nodes()
        links = self._links()
        self._number_ports(links)
        if endpoints is None:
            endpoints = default_endpoints(kind)
        fabric = Fabric(
            name=self.name,
            node_kind=kind,
            node_name=name,
            link_source=links["source"],
            link_target=links["target"],
            capacity_bps=links["capacity"],
            latency_ns=links["latency"],
            link_kind=links["kind"],
            port=links["port"],
            rail=links["rail"],
            plane=links["plane"],
            width=links["width"],
            endpoints=np.array(endpoints, dtype=np.int32),
            columns=columns,
            meta=dict(self.meta),
        )
        check_wiring(fabric)
        return fabric

    def _nodes(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bytes_], dict[str, npt.NDArray[Any]]]:
        kind = np.empty(self._node_count, dtype=np.uint8)
        name_width = max((part["name"].dtype.itemsize for part in self._node_parts), default=1)
        name = np.zeros(self._node_count, dtype=f"S{name_width}")
        used = {column for part in self._node_parts for column in part["columns"]}
        columns: dict[str, npt.NDArray[Any]] = {}
        for column in sorted(used):
            spec = NODE_COLUMNS[column]
            dtype = spec.dtype
            if dtype == "S":
                widths = [
                    np.asarray(p["columns"][column]).dtype.itemsize for p in self._node_parts if column in p["columns"]
                ]
                dtype = f"S{max(1, *widths)}"
            columns[column] = np.full(self._node_count, spec.missing, dtype=dtype)
        at = 0
        for part in self._node_parts:
            span = slice(at, at + part["count"])
            kind[span], name[span] = part["kind"], part["name"]
            for column, values in part["columns"].items():
                columns[column][span] = _fitted(values, columns[column].dtype, column)
            at = span.stop
        return kind, name, columns

    def _links(self) -> dict[str, npt.NDArray[Any]]:
        dtypes = {"kind": np.uint8, "rail": np.int16, "plane": np.int16, "width": np.int16}
        pairs = {
            "source": ("source", "target", np.int32),
            "target": ("target", "source", np.int32),
            "capacity": ("capacity", "back_capacity", np.float64),
            "latency": ("latency", "back_latency", np.int64),
            "port": ("source_port", "target_port", np.int16),
            **{same: (same, same, dtype) for same, dtype in dtypes.items()},
        }
        links = {column: np.empty(2 * self._cable_count, dtype=dtype) for column, (_, _, dtype) in pairs.items()}
        at = 0
        for part in self._cable_parts:
            stop = at + 2 * len(part["source"])
            for column, (forth, back, dtype) in pairs.items():
                links[column][at:stop:2] = _fitted(part[forth], np.dtype(dtype), forth)
                links[column][at + 1 : stop : 2] = _fitted(part[back], np.dtype(dtype), back)
            at = stop
        return links

    @staticmethod
    def _number_ports(links: dict[str, npt.NDArray[Any]]) -> None:
        open_links = np.flatnonzero(links["port"] < 0)
        if not len(open_links):
            return
        source = links["source"][open_links]
        order = np.argsort(source, kind="stable")
        ordered = source[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        rank = np.arange(len(ordered)) - np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
        highest = np.zeros(int(links["source"].max()) + 1, dtype=np.int64)
        np.maximum.at(highest, links["source"], np.maximum(links["port"], 0))
        links["port"][open_links[order]] = rank + 1 + highest[ordered]


def _fitted(values: npt.ArrayLike, dtype: np.dtype[Any], what: str) -> npt.NDArray[Any]:
    """`values` as an array; refused where assigning them to `dtype` would change one."""
    values = np.asarray(values)
    if dtype.kind in "iu" and not np.can_cast(values.dtype, dtype):
        with np.errstate(invalid="ignore"):
            same = np.array_equal(values.astype(dtype), values)
        if not same:
            raise FabricError(Fault(f"a value of {what} does not fit {dtype}", "give whole numbers in its range"))
    return values


def default_endpoints(kind: npt.NDArray[np.uint8]) -> Ids:
    """Accelerators where there are any, else hosts, else NICs: the nodes that ranks run on."""
    for candidate in (NodeKind.ACCELERATOR, NodeKind.HOST, NodeKind.NIC):
        found = np.flatnonzero(kind == candidate)
        if len(found):
            return found.astype(np.int32)
    return np.empty(0, dtype=np.int32)


def check_wiring(fabric: Fabric) -> None:
    """Raise FabricError unless the arrays describe a network; every rule broken is named once."""
    faults = list(_wiring_faults(fabric))
    if faults:
        raise FabricError(faults)


def _wiring_faults(fabric: Fabric) -> list[Fault]:
    ends = np.concatenate((fabric.link_source, fabric.link_target))
    if len(ends) and (ends.min() < 0 or ends.max() >= fabric.nodes):
        return [Fault(f"a link names a node outside 0..{fabric.nodes - 1}", "add the node first")]
    if len(fabric.endpoints) and (fabric.endpoints.min() < 0 or fabric.endpoints.max() >= fabric.nodes):
        return [Fault(f"an endpoint is outside 0..{fabric.nodes - 1}", "list node ids")]
    faults = []
    if (fabric.node_kind > max(NodeKind)).any() or (fabric.link_kind > max(LinkKind)).any():
        faults.append(Fault("a node or link is of no known kind", "use NodeKind and LinkKind"))
    repeated = _first_repeat(fabric.node_name)
    if repeated is not None:
        faults.append(Fault(f"the name {fabric.label(repeated)!r} stands on several nodes", "give each node its own"))
    if len(fabric.node_name) and not fabric.node_name.all():
        faults.append(Fault("a node has no name", "give each node a name"))
    loops = np.flatnonzero(fabric.link_source == fabric.link_target)
    if len(loops):
        faults.append(
            Fault(f"{fabric.label(int(fabric.link_source[loops[0]]))} is cabled to itself", "remove the cable")
        )
    dead = np.flatnonzero(~(np.isfinite(fabric.capacity_bps) & (fabric.capacity_bps > 0)))
    if len(dead):
        faults.append(Fault(f"{fabric.link_label(int(dead[0]))} has no positive capacity", "give it bit/s above 0"))
    if (fabric.latency_ns < 0).any():
        faults.append(Fault("a link has a negative latency", "give nanoseconds from 0"))
    clash = _first_repeat(fabric.link_source.astype(np.int64) * 2**16 + fabric.port)
    if clash is not None:
        node, port = fabric.label(int(fabric.link_source[clash])), int(fabric.port[clash])
        faults.append(Fault(f"port {port} of {node} holds two cables", "one cable per port"))
    if _first_repeat(fabric.endpoints) is not None:
        faults.append(Fault("a node is listed twice as endpoint", "list each once"))
    return faults


def _first_repeat(values: npt.NDArray[Any]) -> int | None:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    twins = np.flatnonzero(ordered[1:] == ordered[:-1])
    return int(order[twins[0] + 1]) if len(twins) else None


def numbered(pattern: str, *indices: npt.ArrayLike) -> npt.NDArray[np.bytes_]:
    """Names from a pattern with one `{}` per index array: `numbered("leaf-{}-{}", su, rail)`."""
    pieces = pattern.encode().split(b"{}")
    arrays = np.broadcast_arrays(*(np.asarray(index) for index in indices))
    names = np.full(arrays[0].shape, pieces[0], dtype=f"S{max(1, len(pieces[0]))}")
    for digits, piece in zip(arrays, pieces[1:], strict=True):
        width = len(str(int(digits.max(initial=0))))
        names = np.strings.add(names, digits.astype(f"S{width}"))
        if piece:
            names = np.strings.add(names, np.bytes_(piece))
    return names.ravel()
