"""Degrees of parallelism as text: `tp=8,pp=16,cp=1,ep=1,dp=64,vp=2`."""

from __future__ import annotations

import re

from ...fabric.errors import Fault

DEGREES = ("tp", "pp", "cp", "ep", "dp", "vp")


def read_degrees(parallel: str) -> tuple[dict[str, int], list[Fault]]:
    """The degrees that the text names, and every fault in it."""
    degrees: dict[str, int] = {}
    faults = []
    parts = [part.strip() for part in parallel.split(",")] if parallel.strip() else []
    for part in parts:
        name, _, text = (piece.strip() for piece in part.partition("="))
        if not part:
            faults.append(Fault("a comma has no degree on one side", "leave the comma out", field="parallel"))
        elif name not in DEGREES:
            faults.append(Fault(f"unknown degree {name!r}", f"known: {', '.join(DEGREES)}", field="parallel"))
        elif name in degrees:
            faults.append(Fault(f"{name} is given twice", "give it once", field="parallel"))
        elif not re.fullmatch("[1-9][0-9]{0,8}", text):
            problem = f"{part!r} is no positive whole number"
            faults.append(Fault(problem, f"write for example {name}=8", field="parallel"))
        else:
            degrees[name] = int(text)
    return degrees, faults
