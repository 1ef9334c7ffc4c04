"""Which endpoints a job gets, and in which order its ranks sit on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..fabric.errors import Fault, InputError, ParseError, UnknownNameError, WorkloadError
from ..fabric.formats.hostlist import expand
from ..fabric.formats.slurm_jobs import ranks_on
from ..fabric.graph import Fabric

Ranks = npt.NDArray[np.int64]


def linear(fabric: Fabric, count: int, rng: np.random.Generator) -> Ranks:
    """The first endpoints, in the fabric's order."""
    return np.arange(count)


def random(fabric: Fabric, count: int, rng: np.random.Generator) -> Ranks:
    """Endpoints anywhere, in any order."""
    return rng.permutation(fabric.ranks)[:count]


def scattered(fabric: Fabric, count: int, rng: np.random.Generator) -> Ranks:
    """Whole servers anywhere, one after the other as they were drawn: a job on a fragmented cluster."""
    server = fabric.column("server")[fabric.endpoints].astype(np.int64)
    server = np.where(server >= 0, server, -1 - np.arange(fabric.ranks))
    names, number = np.unique(server, return_inverse=True)
    turn = rng.permutation(len(names))[number.ravel()]
    return np.argsort(turn, kind="stable")[:count]


def topology(fabric: Fabric, count: int, rng: np.random.Generator) -> Ranks:
    """The endpoints of `scattered` in the fabric's order, near ones together."""
    return np.sort(scattered(fabric, count, rng))


PLACEMENTS: Mapping[str, Callable[[Fabric, int, np.random.Generator], Ranks]] = {
    "linear": linear,
    "random": random,
    "scattered": scattered,
    "topology": topology,
}
HOSTLIST, FILE = "hostlist:", "file:"


def placed(fabric: Fabric, placement: str = "linear", count: int | None = None, seed: int = 0) -> Ranks:
    """Rank numbers of the fabric's endpoints, in the job's order.

    `placement` is a name of PLACEMENTS, `hostlist:server-[0-3,8]` (Slurm's way to write nodes), or `file:PATH` with
    one endpoint per line, by name or number. `count` is how many; default all, or all that are listed.

    Raises UnknownNameError, ParseError with every faulty line, WorkloadError for more than there are.
    """
    if placement.startswith(HOSTLIST):
        listed = ranks_on(fabric, expand(placement.removeprefix(HOSTLIST)))
    elif placement.startswith(FILE):
        listed = _from_file(fabric, Path(placement.removeprefix(FILE)))
    elif placement in PLACEMENTS:
        _check_count(count, fabric.ranks)
        wanted = fabric.ranks if count is None else count
        return PLACEMENTS[placement](fabric, wanted, np.random.default_rng(seed))
    else:
        raise UnknownNameError.of("placement", placement, (*PLACEMENTS, HOSTLIST + "NODES", FILE + "PATH"))
    _check_count(count, len(listed))
    return listed[:count]


def _check_count(count: int | None, available: int) -> None:
    if count is not None and not 0 < count <= available:
        raise WorkloadError(Fault(f"{count} of {available} endpoints", f"give 1 to {available}", field="ranks"))


def _from_file(fabric: Fabric, path: Path) -> Ranks:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Fault(f"cannot be read: {error}", "give a text file", file=str(path))) from None
    number = {fabric.label(int(node)): rank for rank, node in enumerate(fabric.endpoints)}
    number |= {str(rank): rank for rank in range(fabric.ranks) if str(rank) not in number}
    words = [(line, word.strip()) for line, word in enumerate(lines, 1) if word.strip()]
    faults = [
        Fault(f"{word!r} is no endpoint of {fabric.name}", "write its name or number", str(path), line)
        for line, word in words
        if word not in number
    ]
    if faults:
        raise ParseError(faults)
    return np.array([number[word] for _, word in words], dtype=np.int64)
