"""The targets of speed and memory, measured: one line each with pass or miss; exits with 1 when one is missed.

Run by `make bench`. Times are medians; processes are started anew and warm, that is with compiled kernels on disk.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import fabricsim
import numpy as np
from fabricsim.fabric.routing import router_for
from fabricsim.sims.patterns import pattern
from rich.console import Console
from rich.table import Table

REPEATS = 5
BIG_TREE = {"k": 64}
"""65,536 hosts, 393,216 directed links."""


@dataclass(frozen=True)
class Target:
    """What is measured, and the most it may be."""

    what: str
    limit: float
    unit: str
    measure: Callable[[], float]


def median_s(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Median wall time after one run that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def command(*arguments: str) -> Callable[[], object]:
    """A whole process of the command line."""
    call = [sys.executable, "-m", "fabricsim", *arguments]
    return lambda: subprocess.run(call, check=True, capture_output=True)


@cache
def big_tree() -> fabricsim.Fabric:
    return fabricsim.topologies.fat_tree(**BIG_TREE)


def build_peak_mb() -> float:
    """How far building the tree raises the peak resident memory of a fresh process (Linux: VmHWM, in KiB)."""
    script = (
        "import re, fabricsim\n"
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) * 1024 / 1e6\n"
        "fabricsim.topologies.fat_tree(k=4)\n"
        "before = peak()\n"
        f"fabricsim.topologies.fat_tree(**{BIG_TREE})\n"
        "print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return float(done.stdout)


def solve_s() -> float:
    """One solve of a random permutation on paths chosen by ECMP."""
    tree = big_tree()
    flows = pattern("permutation", tree.ranks, 1, seed=1)
    entropy = np.arange(tree.ranks, dtype=np.uint64)
    paths = router_for(tree, "ecmp", seed=1).paths(flows["src"], flows["dst"], entropy)
    return median_s(lambda: fabricsim.max_min_rates(paths.indptr, paths.links, tree.capacity_bps))


def targets(folder: Path) -> Iterator[Target]:
    saved = folder / "tree.fabric"
    cluster = ("collective", "hgx-h100", "--set", "nodes=16", "--size", "1GiB")
    yield Target("fabricsim --help", 0.15, "s", lambda: median_s(command("--help")))
    yield Target(f"fabricsim {' '.join(cluster)}", 2.5, "s", lambda: median_s(command(*cluster)))
    yield Target("fabricsim demo, the second time", 10, "s", lambda: median_s(command("demo"), repeats=1))
    yield Target("build fat_tree k=64", 1, "s", lambda: median_s(lambda: fabricsim.topologies.fat_tree(**BIG_TREE)))
    yield Target("build fat_tree k=64, memory", 200, "MB", build_peak_mb)
    yield Target("its size per directed link", 60, "B", lambda: big_tree().nbytes / big_tree().links)
    yield Target("save it", 1, "s", lambda: median_s(lambda: big_tree().save(saved)))
    yield Target("load it", 1, "s", lambda: median_s(lambda: fabricsim.load(saved)))
    yield Target("max-min rates of a random ECMP permutation on it", 0.06, "s", solve_s)


def main() -> int:
    table = Table("target", "at most", "measured", "")
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for target in targets(Path(folder)):
            measured = target.measure()
            missed += measured > target.limit
            verdict = "pass" if measured <= target.limit else "miss"
            table.add_row(target.what, f"{target.limit:g} {target.unit}", f"{measured:.3g} {target.unit}", verdict)
    Console(width=120).print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
