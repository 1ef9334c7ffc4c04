"""Traffic patterns: who sends to whom when nobody says it flow by flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..fabric.errors import Fault, UnknownNameError, WorkloadError
from .flow_cells import service_level

Pairs = tuple[npt.NDArray[Any], npt.NDArray[Any]]

MOST_FLOWS = 40_000_000
HOT_SHARE = 1 / 8


def permutation(ranks: int, rng: np.random.Generator) -> Pairs:
    """Every rank sends to one other and receives from one other: a derangement, uniformly at random."""
    src = np.arange(ranks)
    while True:  # one in e shuffles moves everyone
        dst = rng.permutation(ranks)
        if (dst != src).all():
            return src, dst


def incast(ranks: int, rng: np.random.Generator) -> Pairs:
    """All others send to rank 0."""
    return np.arange(1, ranks), np.zeros(ranks - 1, dtype=np.int64)


def all_to_all(ranks: int, rng: np.random.Generator) -> Pairs:
    """Every rank sends to every other."""
    src, step = np.divmod(np.arange(ranks * (ranks - 1)), ranks - 1)
    return src, (src + step + 1) % ranks


def hotspot(ranks: int, rng: np.random.Generator) -> Pairs:
    """Every rank sends to another at random; one in eight of them to rank 0 instead (after Pfister and Norton,
    IEEE Trans. Computers, 1985)."""
    src = np.arange(ranks)
    dst = (src + rng.integers(1, ranks, ranks)) % ranks
    drawn_to_it = rng.permutation(src[1:])[: max(1, round(HOT_SHARE * ranks))]
    dst[drawn_to_it] = 0
    return src, dst


PATTERNS: Mapping[str, Callable[[int, np.random.Generator], Pairs]] = {
    "permutation": permutation,
    "incast": incast,
    "all-to-all": all_to_all,
    "hotspot": hotspot,
}


def levels_in_turn(text: str) -> tuple[int, ...]:
    """Service levels from `0,1,1`. Raises WorkloadError listing every part that is none."""
    levels: list[int] = []
    faults: list[Fault] = []
    for part in text.split(","):
        try:
            levels.append(service_level(part.strip()))
        except WorkloadError as error:
            faults += error.faults
    if faults:
        raise WorkloadError(replace(fault, field="sl") for fault in faults)
    return tuple(levels)


def pattern(
    name: str, ranks: int, size_bytes: int, seed: int = 0, levels: Sequence[int] = ()
) -> dict[str, npt.NDArray[Any]]:
    """Flows of a pattern, `size_bytes` each, all from time 0, as columns `src, dst, bytes`, and `sl` where there are
    service `levels`, which flows take in turns.

    Raises UnknownNameError, WorkloadError for fewer than two ranks, no bytes, or more flows than can be held.
    """
    if name not in PATTERNS:
        raise UnknownNameError.of("pattern", name, PATTERNS)
    if ranks < 2:
        raise WorkloadError(f"{name} needs two endpoints, the fabric has {ranks}", "use a larger fabric")
    if size_bytes <= 0:
        raise WorkloadError(f"flows of {size_bytes} bytes", "give a size above 0")
    if name == "all-to-all" and ranks * (ranks - 1) > MOST_FLOWS:
        raise WorkloadError(f"all-to-all of {ranks} ranks is {ranks * (ranks - 1)} flows", f"at most {MOST_FLOWS}")
    src, dst = PATTERNS[name](ranks, np.random.default_rng(seed))
    flows = {"src": src, "dst": dst, "bytes": np.full(len(src), size_bytes)}
    return flows | {"sl": np.resize(levels, len(src))} if len(levels) else flows
