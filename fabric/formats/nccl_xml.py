"""NCCL's topology XML of one server (NCCL_TOPO_FILE), by the rules of its parser (NVIDIA/nccl, src/graph/xml.cc).

The parser is no XML parser: no prolog, attributes one space apart, nothing but newlines and spaces between tags, values
under 255 characters, at most 16 attributes and 640 children. A PCI link's speed is one of a list of strings; an
NVSwitch is the class 0x068000 that a `nvlink` targets, and all of them count as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..catalogue import catalogue, server_kind, server_with
from ..catalogue.records import Cpu
from ..errors import Fault, InputError
from ..files import replacing
from ..graph import Fabric, LinkKind, NodeKind

_BUS_SPEEDS = {"gen4_x16": "16.0 GT/s PCIe", "gen5_x16": "32.0 GT/s PCIe", "gen6_x16": "64.0 GT/s PCIe"}
_PCI_BRIDGE, _GPU, _NIC, _NVSWITCH = "0x060400", "0x030200", "0x020700", "0x068000"
_CPU_IDS = {"GenuineIntel": ("6", "143"), "AuthenticAMD": ("175", "17"), "ARM": ("0", "0")}
"""familyid and modelid by vendor: Sapphire Rapids, Zen 4, none; general knowledge."""
_SOCKETS = 2
_PORT_GUID = 0xA088C20300000000
"""Of the first adapter, where the fabric has no GUIDs."""
_MOST_NVSWITCHES = 8

Attributes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Tag:
    name: str
    attributes: Attributes
    children: tuple[_Tag, ...] = ()

    def lines(self, indent: int = 0) -> Iterator[str]:
        start = " " * indent + " ".join([f"<{self.name}", *(f'{key}="{value}"' for key, value in self.attributes)])
        if not self.children:
            yield f"{start}/>"
            return
        yield f"{start}>"
        for child in self.children:
            yield from child.lines(indent + 2)
        yield f"{' ' * indent}</{self.name}>"


def write_nccl_xml(fabric: Fabric, path: str | Path) -> None:
    """Write the first server of a fabric - of a rack-sized domain its first compute tray - whole or not at all.

    Raises InputError for a fabric without servers of NVIDIA accelerators.
    """
    text = "".join(f"{line}\n" for line in _system(fabric).lines())
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _system(fabric: Fabric) -> _Tag:
    gpus = fabric.of_kind(NodeKind.ACCELERATOR)
    device, names = fabric.column("device"), fabric.meta.get("devices", [])
    made = str(names[device[gpus[0]]]) if len(gpus) and device[gpus[0]] >= 0 else ""
    server = server_with(made, str(fabric.meta.get("server", "")))
    capability = catalogue().accelerators[made].compute_capability if made in catalogue().accelerators else None
    if server is None or capability is None:
        what = f"{made} is none of NVIDIA's known accelerators" if made else "there is no server with accelerators"
        raise InputError(Fault(what, "give a fabric of hgx-h100 or another of NVIDIA's servers"))
    kind = server_kind(server)
    first = gpus[fabric.column("server")[gpus] == fabric.column("server")[gpus[0]]]
    own = first[: kind.rails] if kind.unit == "rack" else first
    record = catalogue().servers[server].parts
    machine = catalogue().nodes[record.node]
    cpu = catalogue().cpus[machine.cpu] if machine.cpu else None
    bridges = [_bridge(fabric, int(gpu), number, capability.value, record.bus) for number, gpu in enumerate(own)]
    cpus = [
        _cpu(cpu, socket, tuple(bridges[number] for number in part.tolist()))
        for socket, part in enumerate(np.array_split(np.arange(len(bridges)), min(_SOCKETS, len(bridges))))
    ]
    return _Tag("system", (("version", "1"),), tuple(cpus))


def _cpu(cpu: Cpu | None, socket: int, children: tuple[_Tag, ...]) -> _Tag:
    vendor, arch, cores = (cpu.vendor, cpu.arch, cpu.cores.value) if cpu else ("GenuineIntel", "x86_64", 1)
    family, model = _CPU_IDS[vendor]
    named = ("numaid", str(socket)), ("affinity", _mask(socket * cores, cores)), ("arch", arch), ("vendor", vendor)
    return _Tag("cpu", (*named, ("familyid", family), ("modelid", model)), children)


def _mask(first: int, cores: int) -> str:
    """Cores `first` to `first + cores - 1` as words of 32 bits in hexadecimal, the highest first."""
    bits = ((1 << cores) - 1) << first
    words = -(-(first + cores) // 32)
    return ",".join(f"{bits >> (32 * word) & 0xFFFFFFFF:08x}" for word in reversed(range(words)))


def _bridge(fabric: Fabric, gpu: int, number: int, capability: int, bus: str) -> _Tag:
    """A PCI switch with an accelerator and its adapters behind it."""
    out = fabric.out_links(gpu)
    nics = fabric.link_target[out[fabric.link_kind[out] == LinkKind.PCIE]].tolist()
    base, speed = f"{(number + 1) * 0x10:02x}", _BUS_SPEEDS[bus]
    card = (("dev", str(number)), ("sm", str(capability)), ("rank", str(number)), ("gdr", "1"))
    nvlinks = tuple(_nvlinks(fabric.width[out[fabric.link_kind[out] == LinkKind.NVLINK]].tolist()))
    inside = [_pci(f"0000:{base}:01.0", _GPU, speed, _Tag("gpu", card, nvlinks))]
    for place, nic in enumerate(nics):
        net = _net(fabric, nic, number * len(nics) + place)
        inside.append(_pci(f"0000:{base}:{place + 2:02x}.0", _NIC, speed, _Tag("nic", (), (net,))))
    return _pci(f"0000:{base}:00.0", _PCI_BRIDGE, speed, *inside)


def _nvlinks(counts: list[int]) -> Iterator[_Tag]:
    """Links to each NVSwitch; to all of them as one where they stand outside the machine, as many do."""
    seen = counts if len(counts) <= _MOST_NVSWITCHES else [sum(counts)]
    for place, count in enumerate(seen):
        yield _Tag("nvlink", (("target", f"0000:f{place:x}:00.0"), ("count", str(count)), ("tclass", _NVSWITCH)))


def _pci(busid: str, kind: str, speed: str, *children: _Tag) -> _Tag:
    return _Tag("pci", (("busid", busid), ("class", kind), ("link_speed", speed), ("link_width", "16")), children)


def _net(fabric: Fabric, nic: int, number: int) -> _Tag:
    out = fabric.out_links(nic)
    megabits = int(fabric.capacity_bps[out[fabric.link_kind[out] == LinkKind.NETWORK]].sum() / 1e6)
    stored = int(fabric.column("port_guid")[nic])
    attributes = {
        "name": f"mlx5_{number}",
        "dev": str(number),
        "speed": str(megabits),
        "port": "1",
        "guid": f"0x{stored or _PORT_GUID + number:016x}",
        "latency": "0.000000",
        "maxconn": "131072",
        "gdr": "1",
    }
    return _Tag("net", tuple(attributes.items()))
