"""Dispatch and combine of a mixture of experts as DeepEP's normal kernels run them (github.com/deepseek-ai/DeepEP): a
token crosses the network once for each domain that wants it, along its rail, and is handed on inside; results come back
the same way, summed in the domain before they cross.

    T = a1 + a2 + max(D S / B2, R S / B1)

when a rank's tokens S go to D other domains over ports B2, and each brings its rail's rank R others of its domain to
serve over scale-up ports B1. No algorithm sends a token into a domain less often.
"""

from __future__ import annotations

import numpy as np

from .communicator import Communicator
from .demand import Call
from .gating import Chosen, chosen_ranks, hits, tokens_to
from .schedule import Indices, Moves, Schedule, rounds

OPS = ("moe-dispatch", "moe-combine")


def forwarded(comm: Communicator, call: Call) -> Schedule:
    """One phase with everything in flight: along the rails, and from there to every rank of the domain; a combine goes
    backwards."""
    n, (domains, local) = comm.size, comm.grid.shape
    chosen, domain = chosen_ranks(call.gating, n, call.skew, call.seed), np.arange(n) // local
    source, target = _pairs(hits(chosen, domain, domains), np.arange(domains)[None, :] != domain[:, None])
    relay = target * local + source % local
    served = hits(chosen, np.arange(n), n).reshape(domains, local, n).sum(axis=0)
    handed = served[np.arange(n) % local] * (domain[:, None] == domain)
    giver, taker = _pairs(handed, ~np.eye(n, dtype=bool))
    fraction = np.concatenate((hits(chosen, domain, domains)[source, target], handed[giver, taker]))
    ends = np.concatenate((source, giver)), np.concatenate((relay, taker))
    back = call.op == "moe-combine"

    def moves(_: int) -> Moves:
        crossing, handing = _crossing(chosen, domain, local), _handing(chosen, domain, local)
        legs = [_numbered(crossing, ends, n), _numbered(handing, ends, n)]
        return Moves.joined(
            [
                Moves.of(transfer, token[:, 0], 1 / chosen.shape[1], token[:, 1], back, stage)
                for (transfer, token), stage in zip(legs, (1, 0) if back else (0, 1), strict=True)
            ]
        )

    steps = int(len(source) > 0) + int(len(giver) > 0)
    first, last = ends[::-1] if back else ends
    return (rounds(comm.ranks[first], comm.ranks[last], fraction, moves, steps=steps),)


def _pairs(fraction: np.ndarray, allowed: np.ndarray) -> tuple[Indices, Indices]:
    """Where anything is sent."""
    row, column = np.nonzero((fraction > 0) & allowed)
    return row, column


Legs = tuple[Indices, Indices, Indices]
"""(from, to, (source, token)) of every token that goes a way."""


def _crossing(chosen: Chosen, domain: Indices, local: int) -> Legs:
    """Along the rails: each token once to each other domain."""
    ways = tokens_to(chosen, domain)
    ways = ways[ways[:, 2] != domain[ways[:, 0]]]
    return ways[:, 0], ways[:, 2] * local + ways[:, 0] % local, ways[:, :2]


def _handing(chosen: Chosen, domain: Indices, local: int) -> Legs:
    """From the rail to each rank that wants the token."""
    ways = tokens_to(chosen, np.arange(len(domain)))
    giver = domain[ways[:, 2]] * local + ways[:, 0] % local
    handed = giver != ways[:, 2]
    return giver[handed], ways[handed, 2], ways[handed, :2]


def _numbered(legs: Legs, ends: tuple[Indices, Indices], n: int) -> tuple[Indices, Indices]:
    """(transfer, (source, token)) of legs among transfers with these ends."""
    ways = ends[0] * n + ends[1]
    order = np.argsort(ways)
    start, stop, token = legs
    return order[np.searchsorted(ways[order], start * n + stop)], token
