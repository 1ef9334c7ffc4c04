"""Server kinds: the catalogue's facts about a scale-up domain as plain numbers, ready to build from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import Fault, UnknownNameError
from .load import catalogue


@dataclass(frozen=True)
class ServerKind:
    """A scale-up domain: `gpus` accelerators, each with `nvswitches[s]` NVLinks of `nvlink_bps` to NVSwitch s, or with
    `peer_links` such links to each other accelerator, and `nics` adapters of `nic_bps`, adapter i on rail `i % rails`,
    behind a bus of `pcie_bps`. Rates are per direction."""

    name: str
    unit: Literal["server", "rack"]
    accelerator: str
    gpus: int
    nvswitches: tuple[int, ...]
    nvlink_bps: float
    nic: str
    nics: int
    nic_bps: float
    rails: int
    pcie_bps: float
    power_w: float | None
    peer_links: int = 0


def server_kind(name: str) -> ServerKind:
    """The kind of this name, like `"hgx-h100"`. Raises UnknownNameError."""
    known = catalogue()
    refuse_unspecified(name)
    if name not in known.servers:
        raise UnknownNameError.of("server", name, known.servers)
    server = known.servers[name]
    nvswitches = server.nvswitch_links.value if server.nvswitch_links else ()
    peer_links = server.peer_links.value if server.peer_links else 0
    links = sum(nvswitches) + peer_links * (server.gpus.value - 1)
    scale_up_bps = known.accelerators[server.parts.accelerator].scaleup_gbps_bytes_per_dir.value * 8e9
    power = known.nodes[server.parts.node].power_kw
    return ServerKind(
        name=name,
        unit=server.unit,
        accelerator=server.parts.accelerator,
        gpus=server.gpus.value,
        nvswitches=nvswitches,
        nvlink_bps=scale_up_bps / max(1, links),
        nic=server.parts.nic,
        nics=server.nics.value,
        nic_bps=known.nics[server.parts.nic].gbit.value * 1e9,
        rails=server.rails.value,
        pcie_bps=known.buses[server.parts.bus].gbps_bytes_per_dir.value * 8e9,
        power_w=power.value * 1e3 if power else None,
        peer_links=peer_links,
    )


def refuse_unspecified(name: str) -> None:
    """Raise UnknownNameError for an accelerator that is known, but not well enough to build with, saying what lacks."""
    record = catalogue().unspecified.get(name)
    if record is not None:
        message = (
            f"{name} of {record.vendor} is known, but nothing public was found on its {', '.join(record.missing.value)}"
        )
        raise UnknownNameError(Fault(message, "take a server that is like it, or a family of plain hosts"))


def server_with(accelerator: str | None, preferred: str = "") -> str | None:
    """The kind of server that carries this accelerator: `preferred` where it does, else the catalogue's first."""
    fitting = [name for name, server in catalogue().servers.items() if server.parts.accelerator == accelerator]
    return preferred if preferred in fitting else next(iter(fitting), None)
