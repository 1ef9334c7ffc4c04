"""FabricBuilder: nodes and cables in bulk, checked and frozen into a Fabric."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import FabricError, Fault, UnknownNameError
from .graph import NODE_COLUMNS, Fabric, Ids, LinkKind, NodeKind
from .wiring_rules import check_wiring


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
