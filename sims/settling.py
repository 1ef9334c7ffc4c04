"""Transfers that wait for one another: when each starts follows from how long the others take, and how long each takes
from which others are under way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .network import Network, TransferResult
from .transports import Subflows

Floats = npt.NDArray[np.float64]

_TOLERANCE = 1e-9
_INSTANT_S = 1e-12


@dataclass(frozen=True)
class Settled:
    """The run in which every transfer starts when what it waits for has ended, and by how much the worst misses that,
    where rate control looks ahead: its fixed point knows of all that a run will bring."""

    ran: TransferResult
    missed_s: float

    def notes(self) -> tuple[str, ...]:
        """What a reader should know of it, in sentences."""
        if self.missed_s <= _INSTANT_S + _TOLERANCE * self.ran.makespan_s:
            return self.ran.notes
        sentence = f"Rate control is that of the whole run: transfers that wait start up to {self.missed_s:.3g} s off."
        return (*self.ran.notes, sentence)


def settle(
    network: Network,
    flows: Subflows,
    size_bytes: Floats,
    starts_s: Callable[[Floats, Floats], Floats],
    guess_s: Floats,
    certify: bool = True,
) -> Settled:
    """Run transfers whose starts follow, by `starts_s`, from the durations of all and the latencies in these; `guess_s`
    are durations to begin with.

    What happens up to some time does not depend on what starts later: so a run is right up to the earliest start that
    it finds wrong, and what starts until then stays. Raises FlowError.
    """
    start_s = starts_s(guess_s, np.zeros_like(guess_s))
    found, right_until_s = np.zeros(len(start_s), dtype=bool), -np.inf
    while True:
        ran = network.run(flows, size_bytes, start_s, certify=False)
        again_s = starts_s(ran.finish_s - start_s, ran.latency_s)
        off_s = np.abs(again_s - start_s)
        wrong = (off_s > _INSTANT_S + _TOLERANCE * again_s) & ~found
        if not wrong.any():
            break
        earlier_s = np.where(wrong, np.minimum(again_s, start_s), np.inf)
        start_s = np.where(wrong, again_s, start_s)
        found |= start_s <= earlier_s.min()
        if earlier_s.min() <= right_until_s:  # only where rate control looks ahead
            found |= earlier_s == earlier_s.min()
        right_until_s = max(right_until_s, float(earlier_s.min()))
    if certify:
        ran = network.run(flows, size_bytes, start_s)
    return Settled(ran, float(off_s.max(initial=0.0)))


def undisturbed_s(network: Network, flows: Subflows, size_bytes: Floats) -> Floats:
    """What each transfer takes when no other is under way, but for packets: a first guess."""
    fabric, owner = network.fabric, flows.owner
    slowest = np.zeros(len(flows))
    np.maximum.at(slowest, owner, 8 * flows.shares / network.payload_bps[flows.links])
    latency_s = np.bincount(owner, flows.shares * fabric.latency_ns[flows.links] * 1e-9, len(flows))
    longest_s = np.zeros(len(size_bytes))
    np.maximum.at(longest_s, flows.transfer, slowest * flows.part * size_bytes[flows.transfer] + latency_s)
    return longest_s
