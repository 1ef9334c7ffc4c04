"""Files that a command is asked to write, looked at before anything runs: no run in vain, nothing half-written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..fabric.errors import Fault, InputError
from ..fabric.files import refuse_place

Wanted = Mapping[str, tuple[str | None, Callable[[str], object] | None]]
"""By option: the file, None where none is asked for, and what raises InputError for a file of another kind."""


def refuse_unwritable(wanted: Wanted) -> None:
    """Raises InputError with every file that is of the wrong kind, cannot be written, or is asked for twice."""
    faults = [*_faults(wanted), *_twice(wanted)]
    if faults:
        raise InputError(faults)


def _faults(wanted: Wanted) -> Iterator[Fault]:
    for path, refuse_kind in wanted.values():
        for refuse in (refuse_kind, refuse_place):
            if path is None or refuse is None:
                continue
            try:
                refuse(path)
            except InputError as error:
                yield from error.faults
                break


def _twice(wanted: Wanted) -> Iterator[Fault]:
    taken: dict[Path, str] = {}
    for option, (path, _) in wanted.items():
        if path is None or (Path(path).exists() and not Path(path).is_file()):
            continue
        first = taken.setdefault(Path(path).resolve(), option)
        if first != option:
            yield Fault(f"is asked for by {first} and by {option}", "give each a file of its own", path)
