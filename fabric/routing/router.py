"""What routing is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .ports import Ports

Indptr = npt.NDArray[np.int64]
Links = npt.NDArray[np.int32]
Ranks = npt.NDArray[np.int32]
Shares = npt.NDArray[np.float64]
Reached = npt.NDArray[np.bool_]
Lanes = npt.NDArray[np.int8]


class Rule(NamedTuple):
    """How equal-cost ports are chosen: HASH, WEIGHTED, DESTINATION or SOURCE (`_choice_kernels`), the seed, and whether
    all switches hash with it alike."""

    kind: int
    seed: int
    alike: bool = False


class Pairs(NamedTuple):
    """Pairs of ranks to route between, with the header's entropy and the network port chosen at either end."""

    src: Ranks
    dst: Ranks
    entropy: npt.NDArray[np.uint64]
    port_src: Indptr
    port_dst: Indptr


@dataclass(frozen=True)
class Paths:
    """One path per pair, as CSR: pair `i` takes directed links `links[indptr[i]:indptr[i + 1]]`, in hop order.

    `lanes` is the virtual lane (InfiniBand) or priority (Ethernet) whose buffer each hop waits in; all 0 unless given.
    """

    indptr: Indptr
    links: Links
    lanes: Lanes = field(default_factory=lambda: np.empty(0, dtype=np.int8))

    def __post_init__(self) -> None:
        if len(self.lanes) != len(self.links):
            object.__setattr__(self, "lanes", np.zeros(len(self.links), dtype=np.int8))


@dataclass(frozen=True)
class Spread:
    """The fractional equal-cost split of each pair, as CSR: `shares` is the fraction of the pair's bytes on each link.

    Every switch splits evenly over its equal-cost ports; what enters a node leaves it.
    """

    indptr: Indptr
    links: Links
    shares: Shares


class Router(Protocol):
    """Where traffic between ranks goes. Arrays in, arrays out; a pair of equal ranks has an empty path."""

    def paths(
        self,
        src: npt.ArrayLike,
        dst: npt.ArrayLike,
        entropy: npt.ArrayLike | None = None,
        adapter: npt.ArrayLike | None = None,
    ) -> Paths:
        """One path per pair of ranks; `entropy` (uint64) stands for the header fields a hash sees beyond the two ends.
        Of a rank's adapters the path uses number `adapter` where given, else the one that the rule picks.
        Raises RoutingError listing the unreachable pairs."""

    def adapters(self, src: npt.ArrayLike, dst: npt.ArrayLike) -> Indptr:
        """Per pair, how many adapters a connection between the two can choose from, at least 1."""

    def spread(self, src: npt.ArrayLike, dst: npt.ArrayLike) -> Spread:
        """All equal-cost paths of each pair with their fractions. Raises RoutingError as `paths` does."""


class Hops(Protocol):
    """The way between switches: what is special to a kind of fabric. Ends are entries of `ports`; the switch-to-switch
    part only; the second result says which pairs have a way at all."""

    def paths(self, rule: Rule, pairs: Pairs, ports: Ports) -> tuple[Paths, Reached]:
        """One path per pair from the switch of its source port to the switch of its destination port."""

    def spread(self, ports: Ports, port_src: Indptr, port_dst: Indptr, share_in: Shares) -> tuple[Spread, Reached]:
        """The equal-cost split between the same switches, `share_in` entering."""


def csr(counts: npt.NDArray[Any]) -> Indptr:
    """`[2, 0, 3]` -> `[0, 2, 2, 5]`."""
    indptr = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=indptr[1:])
    return indptr
