"""Priority flow control: the headroom a port needs so that nothing is lost between its pause and the last byte of its
neighbour.

The formula is that of SONiC for Mellanox switches (sonic-swss, cfgmgr/buffer_headroom_mellanox.lua), after IEEE
802.1Qbb annex O: one packet being sent at either end, the cable both ways, and the neighbour's reaction, each grown by
the cells that small packets waste.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...fabric.errors import Fault, SpecError
from ...fabric.graph import SWITCH_KINDS, Fabric, LinkKind
from .control.law import Floats

KIB = 1024
LIGHT_M_PER_S = 1.98e8
"""In fibre."""
QUANTUM_BYTES = 64
RESPONSE_QUANTA = {10e9: 67, 25e9: 80, 40e9: 118, 50e9: 147, 100e9: 394, 200e9: 453, 400e9: 905, 800e9: 905}
"""Time a neighbour may take to obey, in pause quanta of 512 bits, by rate in bit/s (the same file, after IEEE 802.3).
Between two rates the next one's; above the last the last."""


@dataclass(frozen=True)
class Chip:
    """A switch's buffer: bytes of a cell and of its interface's delay; the largest packets of the
    lossless class and of the port."""

    cell_bytes: int = 144
    interface_bytes: float = 0.8 * KIB
    lossless_mtu_bytes: int = 1024
    port_mtu_bytes: int = 9216

    @property
    def waste(self) -> float:
        """Buffer taken by the smallest packets, over their bytes."""
        cell = self.cell_bytes
        return cell / 64 if cell > 128 else 2 * cell / (1 + cell)


def response_bytes(rate_bps: npt.ArrayLike) -> Floats:
    """What arrives at this rate until the neighbour obeys."""
    rates = np.array(list(RESPONSE_QUANTA))
    quanta = np.array(list(RESPONSE_QUANTA.values()))
    place = np.minimum(np.searchsorted(rates, np.asarray(rate_bps) * (1 - 1e-9)), len(rates) - 1)
    return np.asarray(quanta[place] * float(QUANTUM_BYTES))


def headroom_bytes(
    rate_bps: npt.ArrayLike, delay_s: npt.ArrayLike, chip: Chip = Chip(), response: npt.ArrayLike | None = None
) -> npt.NDArray[np.int64]:
    """Buffer above the pause threshold, in whole KiB, for a port of this rate on a cable of this delay one way.
    `response`: see `response_bytes`, from which it is taken unless given."""
    obeys = response_bytes(rate_bps) if response is None else np.asarray(response)
    cable = 2 * np.asarray(delay_s) * np.asarray(rate_bps) / 8
    late = chip.port_mtu_bytes + cable + chip.interface_bytes + obeys
    return np.asarray(np.ceil((chip.lossless_mtu_bytes + late * chip.waste) / KIB), dtype=np.int64) * KIB


def reserved_bytes(fabric: Fabric, headroom: int) -> Floats:
    """Per directed link, what `headroom` for each network link into its target takes of that switch's buffer."""
    network = fabric.link_kind == LinkKind.NETWORK
    ports = np.bincount(fabric.link_target[network], minlength=fabric.nodes)
    return np.asarray(ports[fabric.link_target] * float(headroom))


def refuse_large_headroom(fabric: Fabric, headroom: int, xon_bytes: Floats) -> None:
    """Raises SpecError where headrooms leave nothing of a switch's buffer to go on with."""
    network = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)
    behind = fabric.link_target[network]
    into_switch = network[np.isin(fabric.node_kind[behind], SWITCH_KINDS)]
    if not len(into_switch) or xon_bytes[into_switch].min() > 0:
        return
    worst = int(into_switch[np.argmin(xon_bytes[into_switch])])
    switch = fabric.label(int(fabric.link_target[worst]))
    message = f"{headroom} bytes for each of its links leave nothing of the buffer of {switch}"
    raise SpecError(Fault(message, "give less, or leave it out", field="transport.pfc_headroom"))


def refuse_small_headroom(fabric: Fabric, headroom: int, chip: Chip = Chip()) -> None:
    """Raises SpecError naming the link that needs most, and its bytes, where `headroom` would lose packets. A link's
    latency counts as its cable's delay."""
    network = np.flatnonzero(fabric.link_kind == LinkKind.NETWORK)
    needed = headroom_bytes(fabric.capacity_bps[network], fabric.latency_ns[network] * 1e-9, chip)
    if not len(network) or needed.max() <= headroom:
        return
    worst = int(network[np.argmax(needed)])
    raise SpecError(
        Fault(
            f"{headroom} bytes above the pause threshold would lose packets: {fabric.link_label(worst)} of "
            f"{fabric.capacity_bps[worst] / 1e9:g} Gbit/s and {fabric.latency_ns[worst]} ns needs {needed.max()} bytes",
            f"give at least {needed.max()}B, or leave it out",
            field="transport.pfc_headroom",
        )
    )
