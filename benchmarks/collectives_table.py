"""The collectives' speed table: `python benchmarks/collectives_table.py` prints every case with its target.

Every case has a process of its own, with compiled kernels on disk; the least of a few runs counts. The time of a call
leaves out the making of its fabric, memory is the process's peak. ASTRA-sim's congestion-aware analytical backend takes
5.7 s for the ring of 1,024, SimGrid 3.7 s.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

CALL = """
import json, resource, sys, time
import fabricsim
name, fields, small, op, algorithm, repeats = json.loads(sys.argv[1])
fabricsim.collective(fabricsim.load(name, **small), op, algorithm=algorithm)
fabric, walls, works = fabricsim.load(name, **fields), [], []
for _ in range(repeats):
    begin, work = time.perf_counter(), time.process_time()
    fabricsim.collective(fabric, op, algorithm=algorithm)
    walls.append(time.perf_counter() - begin)
    works.append(time.process_time() - work)
peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({"wall_s": min(walls), "cpu_s": min(works), "peak_gb": peak_gb}))
"""
"""One collective, after a small one that loads the kernels."""

SWEEP = ["collective", "hgx-h100", "--set", "nodes=2", "--size", "8B:16GiB", "--format", "json", "-q"]
SWEEP_RUNS = 3


@dataclass(frozen=True)
class Figure:
    """What was measured; seconds of wall and processor time, GB at most."""

    wall_s: float
    cpu_s: float
    peak_gb: float


@dataclass(frozen=True)
class Case:
    """A call on a fabric, after one on a small twin, and what it may take."""

    what: str
    fabric: str
    fields: dict[str, int]
    small: dict[str, int]
    op: str
    algorithm: str
    limit_s: float
    limit_gb: float | None = None
    repeats: int = 1

    def measure(self) -> Figure:
        asked = json.dumps([self.fabric, self.fields, self.small, self.op, self.algorithm, self.repeats])
        ran = subprocess.run([sys.executable, "-c", CALL, asked], check=True, capture_output=True, text=True)
        return Figure(**json.loads(ran.stdout))


def h100(gpus: int, op: str, algorithm: str, limit_s: float, limit_gb: float | None = None, repeats: int = 1) -> Case:
    """On a rail-optimized cluster."""
    what = f"{op}, {algorithm}, {gpus:,} GPUs"
    return Case(what, "hgx-h100", {"nodes": gpus // 8}, {"nodes": 2}, op, algorithm, limit_s, limit_gb, repeats)


CASES = (
    *(h100(16384, "all-reduce", algorithm, 5, repeats=2) for algorithm in ("ring", "hierarchical", "tree")),
    *(h100(2048, "all-to-all", algorithm, 15, 4) for algorithm in ("direct", "shift")),
    h100(1024, "all-reduce", "auto", 1, repeats=3),
    Case(
        "ring pattern of 1,024 hosts in a fat tree",
        "fat_tree",
        {"k": 16},
        {"k": 4},
        "all-reduce",
        "ring",
        limit_s=0.37,
        repeats=3,
    ),
)


def sweep() -> Figure:
    """8 B to 16 GiB on 16 GPUs, from the shell."""
    walls, works = [], []
    for _ in range(SWEEP_RUNS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-m", "fabricsim", *SWEEP], check=True, capture_output=True)
        walls.append(time.perf_counter() - begin)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        works.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Figure(min(walls[1:]), min(works[1:]), 0.0)


def measured() -> Iterator[tuple[str, str, Figure, bool]]:
    """(case, target, what it took, whether that is within)."""
    for case in CASES:
        took = case.measure()
        target = f"{case.limit_s:g} s" + (f", {case.limit_gb:g} GB" if case.limit_gb else "")
        within = took.wall_s <= case.limit_s and (case.limit_gb is None or took.peak_gb <= case.limit_gb)
        yield case.what, target, took, within
    took = sweep()
    yield "sweep 8 B to 16 GiB, 16 GPUs, as a process", "3 s", took, took.wall_s <= 3


def main() -> None:
    table = Table("case", "target", "wall (s)", "CPU (s)", "peak (GB)", "")
    missed = 0
    for what, target, took, within in measured():
        missed += not within
        peak = f"{took.peak_gb:.2f}" if took.peak_gb else "-"
        table.add_row(what, target, f"{took.wall_s:.2f}", f"{took.cpu_s:.2f}", peak, "pass" if within else "MISS")
    Console(width=120).print(table)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
