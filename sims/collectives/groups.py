"""Communicators side by side: which ranks make which group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from ...fabric.errors import Fault, ParseError, SpecError, UnknownNameError, WorkloadError
from ...fabric.graph import Fabric
from ...fabric.names import ranks_by_name
from ..csv_table import CsvTable, read_csv, whole_number
from ..network import Network

Ranks = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FILE, GRID = "file:", "grid:"
_GRID = re.compile(r"grid:([1-9][0-9]*(?:x[1-9][0-9]*)*):([0-9]+)")
_LATEST_S = 1e6
_DECIMAL = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True)
class Group:
    """A communicator: its ranks in order, and when each of them is there."""

    name: str
    ranks: Ranks
    start_s: Floats


def groups_of(network: Network, ranks: Ranks, said: str) -> tuple[Group, ...]:
    """Groups of these ranks, all there at once.

    `said`: `all`; `servers`, the ranks of each scale-up domain; `rails`, the ranks of one place in every domain;
    `grid:4x8:1`, the ranks as a grid, the last dimension fastest, and in it the lines along dimension 1, counted from
    0; `file:PATH`, a CSV of `group,rank[,start_s]`, ranks by number or name.

    Raises UnknownNameError, SpecError, ParseError, WorkloadError: groups of less than two ranks, ranks in two groups.
    """
    if said.startswith(FILE):
        groups = _from_file(network.fabric, said.removeprefix(FILE))
    else:
        named = _named(network, ranks, said)
        groups = [Group(name, members, np.zeros(len(members))) for name, members in named.items()]
    return checked(groups)


def given(groups: Mapping[str, npt.ArrayLike]) -> tuple[Group, ...]:
    """Groups as a library's user names them. Raises WorkloadError as `groups_of` does."""
    arrays = {str(name): np.atleast_1d(np.asarray(members)) for name, members in groups.items()}
    return checked([Group(name, members, np.zeros(len(members))) for name, members in arrays.items()])


def checked(groups: list[Group]) -> tuple[Group, ...]:
    """Raises WorkloadError listing every group that is too small, and every rank that is in two."""
    faults = [
        Fault(f"group {one.name} has {len(one.ranks)} of the two ranks it needs", "give it more", field="groups")
        for one in groups
        if len(one.ranks) < 2
    ]
    values, counts = np.unique(np.concatenate([[], *(one.ranks for one in groups)]), return_counts=True)
    twice = [str(int(rank)) for rank in values[counts > 1][:8]]
    if twice:
        faults.append(Fault(f"rank {', '.join(twice)} is in two groups", "give disjoint groups", field="groups"))
    if faults or not groups:
        raise WorkloadError(faults or "there are no groups", "" if faults else "give one at least")
    return tuple(groups)


def _named(network: Network, ranks: Ranks, said: str) -> dict[str, Ranks]:
    if said == "all":
        return {"all": ranks}
    if said in ("servers", "rails"):
        return _of_domains(network, ranks, said)
    if said.startswith(GRID):
        return _lines(ranks, said)
    raise UnknownNameError.of("groups", said, ("all", "servers", "rails", GRID + "AxB:DIMENSION", FILE + "PATH"))


def _of_domains(network: Network, ranks: Ranks, said: str) -> dict[str, Ranks]:
    domain = network.domains[ranks]
    if (domain < 0).any():
        cure = f"take servers with scale-up links, or {GRID}AxB:DIMENSION"
        raise WorkloadError(Fault(f"not every rank is in a scale-up domain: there are no {said}", cure, field="groups"))
    order = np.argsort(domain, kind="stable")
    starts = np.unique(domain[order], return_index=True)[1]
    place = np.empty(len(ranks), dtype=np.int64)
    place[order] = np.arange(len(ranks)) - np.repeat(starts, np.diff([*starts, len(ranks)]))
    name, label = ("server", domain) if said == "servers" else ("rail", place)
    return {f"{name}-{value}": ranks[label == value] for value in np.unique(label).tolist()}


def _lines(ranks: Ranks, said: str) -> dict[str, Ranks]:
    match = _GRID.fullmatch(said)
    dims = [int(size) for size in match[1].split("x")] if match else []
    if match is None or int(match[2]) >= len(dims):
        cure = "write it like grid:4x8:1, dimensions counted from 0"
        raise SpecError(Fault(f"{said!r} is no dimension of a grid", cure, field="groups"))
    if prod(dims) != len(ranks):
        cure = "give dimensions whose product it is"
        raise SpecError(Fault(f"{match[1]} is {prod(dims)} ranks, there are {len(ranks)}", cure, field="groups"))
    along = np.moveaxis(ranks.reshape(dims), int(match[2]), -1).reshape(-1, dims[int(match[2])])
    return {f"line-{number}": line for number, line in enumerate(along)}


def _from_file(fabric: Fabric, path: str) -> list[Group]:
    table = read_csv(path, ("group", "rank"), ("start_s",))
    numbers = ranks_by_name(fabric)
    ranks, start_s = read_ranks(table, numbers, fabric), read_starts(table)
    names = np.array(table.columns["group"])
    distinct = list(dict.fromkeys(names.tolist()))
    return [Group(name, ranks[names == name], start_s[names == name]) for name in distinct]


def read_ranks(table: CsvTable, names: Mapping[str, int], fabric: Fabric) -> Ranks:
    """A table's column `rank`, by number or name. Raises ParseError with every faulty line."""
    ranks, faults = [], []
    for cell, line in zip(table.columns["rank"], table.lines, strict=True):
        number = whole_number(cell)
        rank = names.get(cell) if number is None else number
        if rank is None or rank >= fabric.ranks:
            cure = f"write its name or number, 0..{fabric.ranks - 1}"
            faults.append(Fault(f"{cell!r} is no endpoint of {fabric.name}", cure, table.file, line))
        ranks.append(rank or 0)
    if faults:
        raise ParseError(faults)
    return np.array(ranks, dtype=np.int64)


def read_starts(table: CsvTable) -> Floats:
    """A table's column `start_s`, 0 without one. Raises ParseError with every faulty line."""
    cells = table.columns.get("start_s")
    if cells is None:
        return np.zeros(len(table.lines))
    each = list(zip(cells, table.lines, strict=True))
    faults = [
        Fault(f"{cell!r} is no time in 0..{_LATEST_S:g} seconds", "give seconds, like 0.00002", table.file, line)
        for cell, line in each
        if not (_DECIMAL.fullmatch(cell) and float(cell) <= _LATEST_S)
    ]
    if faults:
        raise ParseError(faults)
    return np.array([float(cell) for cell in cells])
