"""Topology file of SimAI, both ways.

    nodes gpus_per_server nvswitches other_switches links gpu_type
    number of every switch: the NVSwitches, then the others
    { source target bandwidth latency error_rate }

GPUs are 0, 1, ..., server by server. A GPU is cabled to its NVSwitches and to the switches of the network; the file
knows no adapters, so reading puts one on each such cable and writing takes them out. Source: aliyun/SimAI
astra-sim-alibabacloud/inputs/topo/gen_Topo_Template.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..builder import FabricBuilder, numbered
from ..catalogue import catalogue
from ..errors import FabricError, Fault, InputError, ParseError
from ..files import replacing
from ..graph import SWITCH_KINDS, Fabric, Ids, LinkKind, NodeKind
from ..units import bandwidth_bps, time_ns

Ends = npt.NDArray[np.int64]
_MOST_FAULTS = 200
_LONGEST_LINE = 256
_LONGEST_LIST = 1 << 24
_CURE = "give a file of SimAI's gen_Topo_Template.py"


# ------------------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class _Header:
    nodes: int
    gpus_per_server: int
    nvswitches: int
    switches: int
    links: int
    gpu_type: str

    @property
    def gpus(self) -> int:
        return self.nodes - self.nvswitches - self.switches


@dataclass(frozen=True)
class _Cable:
    source: int
    target: int
    bps: float
    latency_ns: int
    line: int


def read_simai(path: str | Path) -> Fabric:
    """The Fabric of a topology file; its GPUs are the ranks. Raises ParseError with every fault and its line."""
    path = Path(path)
    faults: list[Fault] = []
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            header = _header(file.readline(_LONGEST_LINE), str(path))
            faults += _switch_faults(header, file.readline(_LONGEST_LIST), str(path))
            cables = list(_cables(header, file, str(path), faults))
    except OSError as error:
        raise ParseError(Fault(error.strerror or "cannot be read", "check the path", str(path))) from None
    except UnicodeDecodeError:
        raise ParseError(Fault("is not text", _CURE, str(path))) from None
    if not faults:
        faults += _contradictions(header, cables, str(path))
    if faults:
        raise ParseError(faults)
    try:
        return _fabric(header, cables, path.stem)
    except FabricError as error:
        raise ParseError([Fault(fault.message, fault.cure, str(path)) for fault in error.faults]) from None


def _header(line: str, file: str) -> _Header:
    words = line.split()
    if len(words) != 6 or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words[:5]):
        raise ParseError(Fault("line 1 is no header of five numbers and a GPU type", _CURE, file, 1))
    nodes, per_server, nvswitches, switches, links = map(int, words[:5])
    header = _Header(nodes, per_server, nvswitches, switches, links, words[5])
    if header.gpus < 1 or header.gpus_per_server < 1:
        raise ParseError(Fault(f"{header.gpus} GPUs, {header.gpus_per_server} in a server", _CURE, file, 1))
    return header


def _switch_faults(header: _Header, line: str, file: str) -> Iterator[Fault]:
    words = line.split()
    expected = header.nodes - header.gpus
    if len(words) != expected:
        yield Fault(f"{len(words)} switches are listed, {expected} announced", "mend the header or the list", file, 2)
    elif words != [str(number) for number in range(header.gpus, header.nodes)]:
        yield Fault(f"the switches are not {header.gpus} to {header.nodes - 1} in order", _CURE, file, 2)


def _cables(header: _Header, lines: Iterable[str], file: str, faults: list[Fault]) -> Iterator[_Cable]:
    for line, text in enumerate(lines, start=3):
        if len(text) > _LONGEST_LINE:
            faults.append(Fault(f"a line of {len(text)} characters", _CURE, file, line))
            return
        if text.strip():
            try:
                yield _cable(header, text.split(), line)
            except InputError as error:
                faults += [Fault(fault.message, fault.cure, file, line) for fault in error.faults]
        if len(faults) >= _MOST_FAULTS:
            faults.append(Fault("the rest is not read: too many lines that are no cables", _CURE, file, line))
            return


def _cable(header: _Header, words: list[str], line: int) -> _Cable:
    if len(words) != 5 or not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words[:2]):
        raise ParseError(f"is no cable: {' '.join(words)[:60]!r}", "source target bandwidth latency error_rate")
    source, target = int(words[0]), int(words[1])
    if max(source, target) >= header.nodes or source == target:
        raise ParseError(f"joins {source} and {target}; nodes are 0 to {header.nodes - 1}", "name two of them")
    bps = bandwidth_bps(words[2])
    if not bps > 0:
        raise ParseError(f"runs at {words[2]}", "give a rate above zero")
    return _Cable(source, target, bps, time_ns(words[3]), line)


def _contradictions(header: _Header, cables: list[_Cable], file: str) -> Iterator[Fault]:
    if len(cables) != header.links:
        message = f"{len(cables)} cables are listed, {header.links} announced"
        yield Fault(message, "the file may be cut short", file, 1)
    if header.gpus % header.gpus_per_server:
        message = f"{header.gpus} GPUs are no whole servers of {header.gpus_per_server}"
        yield Fault(message, "mend the header", file, 1)
    network = header.gpus + header.nvswitches
    yield from islice(
        (
            Fault("joins two GPUs, or an NVSwitch to a switch", "GPUs go to switches", file, cable.line)
            for cable in cables
            for low, high in (sorted((cable.source, cable.target)),)
            if high < header.gpus or header.gpus <= low < network
        ),
        _MOST_FAULTS,
    )


def _fabric(header: _Header, cables: list[_Cable], name: str) -> Fabric:
    builder = FabricBuilder(name or "simai", _meta(header))
    ends = np.array([sorted((cable.source, cable.target)) for cable in cables], dtype=np.int64).reshape(-1, 2)
    bps = np.array([cable.bps for cable in cables])
    latency_ns = np.array([cable.latency_ns for cable in cables], dtype=np.int64)
    scale_up = ends[:, 1] < header.gpus + header.nvswitches
    port = ~scale_up & (ends[:, 0] < header.gpus)
    trunk = ~scale_up & ~port
    node = _nodes(builder, header, ends)
    nics = _adapters(builder, header, ends[port, 0])
    near, far = node[ends].T
    builder.add_cables(near[scale_up], far[scale_up], bps[scale_up], latency_ns[scale_up], LinkKind.NVLINK)
    builder.add_cables(node[ends[port, 0]], nics, bps[port], 0, LinkKind.PCIE)
    builder.add_cables(nics, node[ends[port, 1]], bps[port], latency_ns[port])
    builder.add_cables(near[trunk], far[trunk], bps[trunk], latency_ns[trunk])
    return builder.build()


def _nodes(builder: FabricBuilder, header: _Header, ends: Ends) -> Ids:
    """Add GPUs, NVSwitches and switches; their ids by number in the file."""
    first = header.gpus + header.nvswitches
    server, local = np.divmod(np.arange(header.gpus), header.gpus_per_server)
    device = 0 if _known(header) else -1
    gpus = builder.add_nodes(NodeKind.ACCELERATOR, numbered("gpu-{}-{}", server, local), server=server, device=device)
    of_nvswitch = np.full(header.nvswitches, -1)
    inside = (ends[:, 0] < header.gpus) & (ends[:, 1] >= header.gpus) & (ends[:, 1] < first)
    of_nvswitch[ends[inside, 1] - header.gpus] = server[ends[inside, 0]]
    names = numbered("nvswitch-{}", np.arange(header.nvswitches))
    nvswitches = builder.add_nodes(NodeKind.NVSWITCH, names, server=of_nvswitch)
    names = numbered("switch-{}", np.arange(first, header.nodes))
    return np.concatenate((gpus, nvswitches, builder.add_nodes(_kinds(header, ends), names)))


def _adapters(builder: FabricBuilder, header: _Header, gpu: npt.NDArray[np.int64]) -> Ids:
    """Add an adapter per cable from a GPU to the network, `gpu` int64[cables], numbered within each GPU."""
    order = np.argsort(gpu, kind="stable")
    which = np.empty(len(gpu), dtype=np.int64)
    which[order] = np.arange(len(gpu)) - np.searchsorted(gpu[order], gpu[order])
    server, local = np.divmod(gpu, header.gpus_per_server)
    return builder.add_nodes(NodeKind.NIC, numbered("nic-{}-{}-{}", server, local, which), server=server)


def _kinds(header: _Header, ends: Ends) -> npt.NDArray[np.uint8]:
    """Leaves are next to GPUs, spines to leaves, all others are core switches."""
    first = header.gpus + header.nvswitches
    kind = np.full(header.nodes, NodeKind.CORE, dtype=np.uint8)
    leaf = np.unique(ends[(ends[:, 0] < header.gpus) & (ends[:, 1] >= first), 1])
    both = ends[ends[:, 0] >= first]
    spine = np.unique(np.concatenate((both[np.isin(both[:, 0], leaf), 1], both[np.isin(both[:, 1], leaf), 0])))
    kind[spine], kind[leaf] = NodeKind.SPINE, NodeKind.LEAF
    return kind[first:]


def _known(header: _Header) -> str | None:
    """The accelerator of the catalogue that SimAI's type is."""
    names = catalogue().accelerators
    return next((name for name in names if name.split("_")[0] == header.gpu_type), None)


def _meta(header: _Header) -> dict[str, object]:
    device = _known(header)
    said = "The file tells no adapters: each has the rate of its cable, its bus too, at no latency."
    return {
        "family": "imported",
        "parameters": {},
        "network": "roce",
        "devices": [device] if device else [],
        "assumptions": [said],
        "simai_gpu_type": header.gpu_type,
    }


# ------------------------------------------------------------------------------------------------------------- writing


def write_simai(fabric: Fabric, path: str | Path) -> None:
    """Write the file, whole or not at all. Raises FabricError for what it cannot say."""
    text = simai_text(fabric)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def simai_text(fabric: Fabric) -> str:
    """The file's text. Raises FabricError unless the ranks are accelerators in equal servers with NVSwitches or none,
    each with adapters of its own, and nothing else is on the network."""
    faults = list(_unsayable(fabric))
    if faults:
        raise FabricError(Fault(fault, "SimAI knows servers of GPUs behind switches only") for fault in faults)
    nvswitches, switches = fabric.of_kind(NodeKind.NVSWITCH), fabric.of_kind(*SWITCH_KINDS)
    order = np.concatenate(
        (fabric.endpoints, nvswitches, switches[np.argsort(fabric.node_kind[switches], kind="stable")])
    )
    number = np.full(fabric.nodes, -1, dtype=np.int64)
    number[order] = np.arange(len(order))
    bus = _buses(fabric)
    number[fabric.link_target[bus]] = number[fabric.link_source[bus]]  # an adapter speaks as its GPU
    cables = list(_cable_lines(fabric, number))
    per_server = int(np.bincount(fabric.column("server")[fabric.endpoints]).max())
    head = f"{len(order)} {per_server} {len(nvswitches)} {len(switches)} {len(cables)} {_gpu_type(fabric)}"
    listed = " ".join(str(switch) for switch in range(fabric.ranks, len(order)))
    return "\n".join([head, listed, *cables]) + "\n"


def _unsayable(fabric: Fabric) -> Iterator[str]:
    kind, server = fabric.node_kind, fabric.column("server")
    strange = np.isin(kind, (NodeKind.HOST, NodeKind.STORAGE))
    if strange.any():
        yield f"{fabric.label(int(np.flatnonzero(strange)[0]))} is a {NodeKind(kind[strange][0]).name.lower()}"
    if not len(fabric.endpoints) or (kind[fabric.endpoints] != NodeKind.ACCELERATOR).any():
        yield "not every rank is an accelerator"
        return
    sizes = np.bincount(server[fabric.endpoints]) if server[fabric.endpoints].min() >= 0 else np.zeros(1)
    if sizes.min() < sizes.max() or not sizes.min() or (np.diff(server[fabric.endpoints]) < 0).any():
        yield "the accelerators are not in equal servers, one after the other"
    if (fabric.link_kind == LinkKind.XGMI).any():
        yield "accelerators are cabled to each other"
    users = np.bincount(fabric.link_target[_buses(fabric)], minlength=fabric.nodes)[fabric.of_kind(NodeKind.NIC)]
    if (users != 1).any():
        yield "an adapter has no accelerator of its own"


def _buses(fabric: Fabric) -> npt.NDArray[np.int64]:
    """Links from accelerators to their adapters."""
    bus = (fabric.link_kind == LinkKind.PCIE) & (fabric.node_kind[fabric.link_source] == NodeKind.ACCELERATOR)
    return np.flatnonzero(bus)


def _cable_lines(fabric: Fabric, number: npt.NDArray[np.int64]) -> Iterator[str]:
    """GPU by GPU, its NVSwitches first, then the cables between switches; a cable has the longer of two latencies."""
    links = np.flatnonzero(
        np.isin(fabric.link_kind, (LinkKind.NVLINK, LinkKind.NETWORK)) & (number[fabric.link_source] >= 0)
    )
    low, high = number[fabric.link_source[links]], number[fabric.link_target[links]]
    links, low, high = (column[(low < high) & (low >= 0)] for column in (links, low, high))
    is_trunk = low >= fabric.ranks
    order = np.lexsort((links, np.where(is_trunk, 0, high), np.where(is_trunk, fabric.ranks, low)))
    for link, one, other in zip(links[order].tolist(), low[order].tolist(), high[order].tolist(), strict=True):
        latency_ns = max(fabric.latency_ns[link], fabric.latency_ns[link ^ 1])
        latency = f"{latency_ns / 1e6:.6f}".rstrip("0").rstrip(".")
        yield f"{one} {other} {fabric.capacity_bps[link] / 1e9:.10g}Gbps {latency}ms 0"


def _gpu_type(fabric: Fabric) -> str:
    """SimAI's word for the accelerators, as it was read or from the catalogue's name: H100_SXM is H100."""
    if "simai_gpu_type" in fabric.meta:
        return str(fabric.meta["simai_gpu_type"])
    device = fabric.column("device")[fabric.endpoints[0]]
    names = fabric.meta.get("devices", [])
    return str(names[device]).split("_")[0] if 0 <= device < len(names) else "NONE"
