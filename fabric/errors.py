"""The exception tree.

FabricSimError
├── InputError            what the user gave cannot be used (exit code 2); carries every fault at once
│   ├── SpecError         a field of a spec: unknown, missing, out of its domain
│   ├── UnitError         text that should be a quantity with its unit
│   ├── ParseError        a file in a foreign format
│   ├── UnknownNameError  a name that is in no list; the nearest known ones are offered
│   ├── FabricError       wiring that is no network: dangling ids, clashing ports, repeated names
│   ├── RoutingError      a pair without a path, a route whose links do not join
│   ├── FlowError         flows the engine cannot run: empty path with bytes, dead link in use, cycle
│   └── WorkloadError     a job that does not fit the fabric: ranks, degrees, memory
└── InternalError         a certificate failed: a defect of ours, never the user's (exit code 101)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing wrong with an input: where it stands, what is wrong, and how to mend it."""

    message: str
    cure: str = ""
    file: str = ""
    line: int | None = None
    field: str = ""

    def __str__(self) -> str:
        place = self.file + (f":{self.line}" if self.line is not None else "")
        head = ": ".join(part for part in (place, self.field, self.message) if part)
        return f"{head} ({self.cure})" if self.cure else head


class FabricSimError(Exception):
    """Root of every exception this package raises on purpose."""


class InputError(FabricSimError):
    """Input that cannot be used. `faults` lists everything wrong with it, not only the first."""

    def __init__(self, faults: str | Fault | Iterable[Fault], cure: str = "") -> None:
        if isinstance(faults, str):
            faults = [Fault(faults, cure)]
        elif isinstance(faults, Fault):
            faults = [faults]
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class SpecError(InputError, ValueError):
    """A spec's fields: unknown, missing, or outside their domain. A ValueError too, so that pydantic gathers it."""


class UnitError(InputError, ValueError):
    """Text that is not a quantity with its unit. A ValueError too, so that pydantic gathers it."""


class ParseError(InputError):
    """A file that is not in the format it is read as."""


class UnknownNameError(InputError):
    """A name that is in no list."""

    @classmethod
    def of(cls, what: str, name: str, known: Iterable[str]) -> UnknownNameError:
        known = sorted(known)
        near = difflib.get_close_matches(str(name), known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        return cls(f"unknown {what} {name!r}", hint)


class FabricError(InputError):
    """Wiring that is no network."""


class RoutingError(InputError):
    """A pair without a path, or a path that is none."""


class FlowError(InputError):
    """Flows the engine cannot run."""


class WorkloadError(InputError):
    """A job that does not fit the fabric."""


class InternalError(FabricSimError):
    """A certificate or conservation check failed: the result would be wrong, and it is our fault."""
