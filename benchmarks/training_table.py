"""The speed table of training steps: `python benchmarks/training_table.py` prints every case with its target.

Every case has a process of its own, with compiled kernels on disk; the least of a few runs counts. A run begins with
the fabric made and ends with the ledger, or with the best layout; memory is the process's peak. Calculon searches the
layouts of 5,128 accelerators in a minute, without a network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

RUN = """
import json, resource, sys, time
import fabricsim
from fabricsim.sims.layout_search import search
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
gpus, model, parallel, options, repeats = json.loads(sys.argv[1])

def run(gpus, model, parallel, options):
    fabric = fabricsim.load("hgx-h100", nodes=gpus // 8)
    begin, work = time.perf_counter(), time.process_time()
    if parallel is None:
        found = search(fabric, load_model(model), JobOptions.of("", options))
        said = f"{len(found.layouts)} legal layouts"
    else:
        result = fabricsim.train(fabric, model, parallel, **options)
        said = f"{len(result.ledger)} rows, MFU {result.mfu:.1%}"
    return time.perf_counter() - begin, time.process_time() - work, said

run(16, "llama3-8b", parallel and "tp=8", {"global_batch": 8})
runs = [run(gpus, model, parallel, options) for _ in range(repeats)]
peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
print(json.dumps([min(run[0] for run in runs), min(run[1] for run in runs), peak_gb, runs[0][2]]))
"""
"""Steps or searches on a rail-optimized cluster of H100, after a small one that loads the kernels."""


@dataclass(frozen=True)
class Case:
    """A step, or without `parallel` a search, and what it may take."""

    what: str
    gpus: int
    model: str
    limit_s: float
    parallel: str | None = None
    limit_gb: float | None = None
    options: dict[str, int] = field(default_factory=dict)
    repeats: int = 2

    def row(self) -> tuple[tuple[str, ...], bool]:
        """A line of the table, and whether both targets are met."""
        asked = json.dumps([self.gpus, self.model, self.parallel, self.options, self.repeats])
        ran = subprocess.run([sys.executable, "-c", RUN, asked], check=True, capture_output=True, text=True)
        wall_s, cpu_s, peak_gb, said = json.loads(ran.stdout)
        within = wall_s <= self.limit_s and (self.limit_gb is None or peak_gb <= self.limit_gb)
        target = f"{self.limit_s:g} s" + (f", {self.limit_gb:g} GB" if self.limit_gb else "")
        verdict = "pass" if within else "MISS"
        return (self.what, target, f"{wall_s:.2f}", f"{cpu_s:.2f}", f"{peak_gb:.2f}", said, verdict), within


CASES = (
    Case(
        "step of gpt3-175b, 1,024 GPUs, tp=8 pp=16, 32 micro-batches",
        *(1024, "gpt3-175b", 3, "tp=8,pp=16"),
        options={"global_batch": 256},
    ),
    Case(
        "step of llama3-405b, 16,384 GPUs, tp=8 pp=16, 16 micro-batches",
        *(16384, "llama3-405b", 20, "tp=8,pp=16", 4),
        options={"global_batch": 2048},
    ),
    Case("search of a layout of gpt3-175b, 5,128 GPUs", 5128, "gpt3-175b", 60, options={"global_batch": 5128}),
)


def main() -> None:
    table = Table("case", "target", "wall (s)", "CPU (s)", "peak (GB)", "result", "")
    missed = 0
    for case in CASES:
        cells, within = case.row()
        missed += not within
        table.add_row(*cells)
    Console(width=150).print(table)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
