"""Exchanges over doubling and halving distances among a core of 2^k ranks, onto which surplus ranks are folded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .communicator import Communicator
from .schedule import Indices, Moves, Phase, rounds


@dataclass(frozen=True)
class Pieces:
    """What the data is cut into: `block`, `part` and `home`, the core rank that keeps a piece while each is kept once;
    ascending by home. Every piece is `share` of the size."""

    home: Indices
    block: Indices
    part: Indices
    share: float

    def kept(self, first: Indices, last: Indices) -> Indices:
        """How many have their homes in first..last - 1."""
        return np.searchsorted(self.home, last) - np.searchsorted(self.home, first)


@dataclass(frozen=True)
class Fold:
    """The ranks of `comm` as positions 0..core - 1, core = 2^steps, and a surplus: core + i is folded onto i."""

    comm: Communicator

    @property
    def steps(self) -> int:
        return self.comm.size.bit_length() - 1

    @property
    def core(self) -> int:
        return 1 << self.steps

    @property
    def surplus(self) -> Indices:
        return np.arange(self.core, self.comm.size)

    def whole(self) -> Pieces:
        """The vector uncut."""
        none = np.zeros(1, dtype=np.int64)
        return Pieces(none, none, none, 1.0)

    def cut(self) -> Pieces:
        """The vector in as many parts as the core has ranks."""
        part = np.arange(self.core)
        return Pieces(part, np.zeros_like(part), part, 1 / self.core)

    def blocks(self) -> Pieces:
        """Every rank's block; those of the surplus are kept where they are folded onto."""
        block = np.arange(self.comm.size)
        home = block % self.core
        order = np.argsort(home, kind="stable")
        return Pieces(home[order], block[order], np.zeros_like(block), 1 / self.comm.size)

    def swapped(self, pieces: Pieces, distance: int, keeping: bool) -> Phase:
        """Every rank j of the core and its partner j ^ distance: each sends the pieces at home with its partner's
        half of their common range, adding; or, `keeping`, those with its own half."""
        here = np.arange(self.core)
        partner = here ^ distance
        first = (here if keeping else partner) // distance * distance
        fraction = pieces.kept(first, first + distance) * np.float64(pieces.share)

        def chosen() -> npt.NDArray[np.bool_]:
            return pieces.home // distance == first[:, None] // distance

        return self._sent(here, partner, fraction, pieces, chosen, adds=not keeping)

    def into_core(self, pieces: Pieces, own: bool) -> tuple[Phase, ...]:
        """The surplus sends its `own` block, or adds all of its data to the core's."""
        surplus = self.surplus

        def chosen() -> npt.NDArray[np.bool_]:
            return pieces.block == surplus[:, None] if own else np.ones((len(surplus), len(pieces.home)), dtype=bool)

        fraction = np.full(len(surplus), pieces.share * (1 if own else len(pieces.home)))
        return (self._sent(surplus, surplus - self.core, fraction, pieces, chosen, adds=not own),) * bool(len(surplus))

    def out_of_core(self, pieces: Pieces, what: str) -> tuple[Phase, ...]:
        """The surplus receives `all` pieces, its `own` block, or the `others`."""
        surplus = self.surplus

        def chosen() -> npt.NDArray[np.bool_]:
            own = pieces.block == surplus[:, None]
            return {"all": np.ones_like(own), "own": own, "others": ~own}[what]

        count = {"all": len(pieces.home), "own": 1, "others": len(pieces.home) - 1}[what]
        fraction = np.full(len(surplus), pieces.share * count)
        return (self._sent(surplus - self.core, surplus, fraction, pieces, chosen, adds=False),) * bool(len(surplus))

    def _sent(
        self,
        src: Indices,
        dst: Indices,
        fraction: npt.NDArray[np.float64],
        pieces: Pieces,
        chosen: Callable[[], npt.NDArray[np.bool_]],
        adds: bool,
    ) -> Phase:
        def moves(_: int) -> Moves:
            transfer, piece = np.nonzero(chosen())
            return Moves.of(transfer, pieces.block[piece], pieces.share, pieces.part[piece], adds)

        return rounds(self.comm.ranks[src], self.comm.ranks[dst], fraction, moves)
