"""The engine's speed table: `python benchmarks/engine_table.py` prints each case with its target, pass or miss.

Compilation is excluded (each case runs once before it is timed), the best of a few runs counts. Times of SimGrid are
those recorded with SimGrid 4.1 (tests/data/simgrid/NOTICE.md), on another machine with 2 cores: its Python has no
door to a bare solve; benchmarks/peers runs Debian's 3.32 beside the engine. Collectives are timed once, in processes
of their own, which say how much memory they took. `--quick` leaves out what takes more than a minute.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from engine_inputs import TREES, all_pairs, arrivals, permutation, random_paths
from fabricsim.sims.engine import max_min_rates, simulate_flows
from fabricsim.sims.engine._max_min_kernels import new_filling, water_fill
from fabricsim.sims.engine.validate import check_problem
from rich.console import Console
from rich.table import Table

DATA = Path(__file__).parents[1] / "tests" / "data" / "simgrid"


@dataclass(frozen=True)
class Case:
    """A row: what is run, how often, and what it may take. `unit` names the quotient of the time and `per`."""

    name: str
    run: Callable[[], object]
    target: float
    unit: str
    per: float
    repeats: int
    simgrid: str = ""


def best_of(case: Case) -> float:
    """Seconds of the fastest run, after one that compiles."""
    case.run()
    times = []
    for _ in range(case.repeats):
        begin = time.perf_counter()
        case.run()
        times.append(time.perf_counter() - begin)
    return min(times)


def solves() -> Iterator[Case]:
    with np.load(DATA / "rand10000s_uni_solve.npz") as file:
        data = dict(file)
    small = data["indptr"], data["links"], data["capacity"]
    yield Case("solve: 10,000 flows, 6 of 10,000 links", lambda: max_min_rates(*small), 2.5, "ms", 1e-3, 30, "51 ms")
    large = *random_paths(100_000, 100_000, 6, seed=1), np.full(100_000, 100e9)
    yield Case("solve: 100,000 flows, 6 of 100,000 links", lambda: max_min_rates(*large), 45, "ms", 1e-3, 12, "13.6 s")
    tree = TREES[65536]
    ecmp = *tree.ecmp(*permutation(65536, seed=1), np.random.default_rng(2)), tree.capacity_bps()
    yield Case("solve: ECMP permutation, 65,536 hosts", lambda: max_min_rates(*ecmp), 25, "ms", 1e-3, 12)
    yield Case("ratio to the bare kernel, same case", lambda: max_min_rates(*ecmp), 1.3, "x", bare_kernel(*ecmp), 12)


def bare_kernel(indptr: np.ndarray, links: np.ndarray, capacity: np.ndarray) -> float:
    """Seconds that water-filling itself takes, with its transpose and workspace, on arrays already checked."""
    problem = check_problem(indptr, links, capacity, None, None, None)
    paths, flows = problem.paths(), np.arange(problem.n_flows, dtype=np.int32)

    def solve() -> None:
        water_fill(flows, paths, capacity, new_filling(problem.n_flows, len(capacity), len(links), True))

    return best_of(Case("", solve, 0, "", 1, 12))


def runs() -> Iterator[Case]:
    tree = TREES[65536]
    args = *tree.d_mod_k(*permutation(65536, seed=1)), tree.capacity_bps(), np.full(65536, 1e9)
    yield Case("permutation to the end, 65,536 hosts", lambda: simulate_flows(*args), 0.25, "s", 1, 5, "2.0 s")
    tree = TREES[256]
    pairs = *tree.d_mod_k(*all_pairs(256)), tree.capacity_bps(), np.full(256 * 255, 1e7)
    yield Case("all-to-all to the end, 256 hosts", lambda: simulate_flows(*pairs), 15, "ms", 1e-3, 20, "0.33 s")


def streams() -> Iterator[Case]:
    with np.load(DATA / "arr128.npz") as file:
        data = dict(file)
    given = data["indptr"], data["links"], data["capacity"] * 8, data["size"], data["start"]
    yield Case("100,000 arrivals, 128 hosts", lambda: simulate_flows(*given), 0.45, "s", 1, 4, "20 s")
    tree = TREES[1024]
    flows = arrivals(100_000, 1024, 0.5, seed=3)
    routed = *tree.d_mod_k(flows.src, flows.dst), tree.capacity_bps(), flows.size_bytes, flows.start_s
    yield Case("100,000 arrivals, 1,024 hosts", lambda: simulate_flows(*routed), 0.45, "s", 1, 4, "357 s")
    busy = arrivals(100_000, 1024, 0.8, seed=4)
    paths = tree.ecmp(busy.src, busy.dst, np.random.default_rng(5))
    hashed = *paths, tree.capacity_bps(), busy.size_bytes, busy.start_s
    yield Case("the same, load 0.8, ECMP, per event", lambda: simulate_flows(*hashed), 30, "us", 200_000e-6, 2)
    n = 5000
    incast = np.arange(n + 1) * 2, np.stack([np.arange(1, n + 1), np.zeros(n)], axis=1).ravel().astype(np.int32)
    start = np.arange(n) * 1e-6
    into_one = *incast, np.full(n + 1, 100e9), np.linspace(50e6, 100e6, n), start
    yield Case("5,000 flows into one link, per event", lambda: simulate_flows(*into_one), 10, "us", 10_000e-6, 4)


def large() -> Iterator[Case]:
    tree = TREES[1024]

    def all_to_all() -> None:
        src, dst = all_pairs(1024)
        paths = tree.ecmp(src, dst, np.random.default_rng(6))
        simulate_flows(*paths, tree.capacity_bps(), np.full(len(src), 1e6))

    yield Case("all-to-all of 1,024, ECMP, with routes", all_to_all, 10, "s", 1, 1)


COLLECTIVE = """
import json, resource, sys, time
import fabricsim
gpus, algorithm = int(sys.argv[1]), sys.argv[2]
fabricsim.collective(fabricsim.load("hgx-h100", nodes=2), algorithm=algorithm)
begin = time.perf_counter()
wide = {"radix": 256} if gpus > 65536 else {}  # switches of 64 ports join no more
fabric = fabricsim.load("hgx-h100", nodes=gpus // 8, **wide)
fabricsim.collective(fabric, algorithm=algorithm, certify=False)
wall_s = time.perf_counter() - begin
peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({"wall_s": wall_s, "peak_gb": peak_gb, "fabric_gb": fabric.nbytes / 1e9}))
"""
"""One all-reduce with the making of its fabric; kernels are loaded by a small one before."""


@dataclass(frozen=True)
class Row:
    """A measured figure and the most it may be."""

    name: str
    value: float
    target: float
    unit: str


def collectives(most_gpus: int) -> Iterator[Row]:
    """All-reduces on rail-optimized clusters of up to so many GPUs, and how their time grows."""
    limits = {65_536: (5.0, 4.0), 1_048_576: (60.0, 16.0)}
    for algorithm in ("ring", "hierarchical"):
        wall_s = {1024: collective_of(1024, algorithm)["wall_s"]}
        for gpus in (size for size in limits if size <= most_gpus):
            most_s, most_gb = limits[gpus]
            ran = collective_of(gpus, algorithm)
            wall_s[gpus] = ran["wall_s"]
            name = f"{algorithm} all-reduce, {gpus:,} GPUs, with build"
            yield Row(name, ran["wall_s"], most_s, "s")
            yield Row(f"{name}: memory", ran["peak_gb"], most_gb, "GB")
            yield Row(f"{name}: Fabric", ran["fabric_gb"], 4.0, "GB")
        growth = math.log(wall_s[gpus] / wall_s[1024]) / math.log(gpus / 1024)
        yield Row(f"{algorithm}: exponent of growth, 1,024 to {gpus:,}", growth, 1.1, "")


def collective_of(gpus: int, algorithm: str) -> dict[str, float]:
    call = [sys.executable, "-c", COLLECTIVE, str(gpus), algorithm]
    answer: dict[str, float] = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
    return answer


def efforts() -> Iterator[tuple[str, str]]:
    """What the streams of arrivals took per event, and how fast incidences of flows and links were read."""
    for case in (case for case in streams() if "arrivals" in case.name or "load" in case.name):
        seconds, effort = best_of(case), case.run().effort
        text = (
            f"{effort.moved / effort.events:.1f} flows moved and {effort.read / effort.events:.0f} incidences read per "
            f"event, {effort.read / seconds / 1e6:.0f} million of 24 bytes a second"
        )
        yield case.name, text


def memory_bytes_per_s() -> float:
    """Speed of reading an array much larger than the caches, in order."""
    array = np.ones(1 << 26)
    return array.nbytes / best_of(Case("", array.sum, 0, "", 1, 5))


def main() -> int:
    """Print the table. Returns 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="The engine's speed beside its targets.")
    parser.add_argument("--quick", action="store_true", help="leave out the cluster of a million GPUs")
    quick = parser.parse_args().quick
    table = Table("case", "measured", "target", "", "SimGrid 4.1")
    missed = False
    for family in (solves, runs, streams, large):
        for case in family():
            value = best_of(case) / case.per
            met = value <= case.target
            missed |= not met
            verdict = "pass" if met else "miss"
            table.add_row(case.name, f"{value:.3g} {case.unit}", f"{case.target:g} {case.unit}", verdict, case.simgrid)
            print(f"{case.name}: {value:.3g} {case.unit}", file=sys.stderr)
    for row in collectives(65_536 if quick else 1_048_576):
        missed |= row.value > row.target
        verdict = "pass" if row.value <= row.target else "miss"
        table.add_row(row.name, f"{row.value:.3g} {row.unit}", f"{row.target:g} {row.unit}", verdict, "")
        print(f"{row.name}: {row.value:.3g} {row.unit}", file=sys.stderr)
    Console(width=120).print(table)
    for name, text in efforts():
        print(f"{name}: {text}")
    print(f"memory is read in order at {memory_bytes_per_s() / 1e9:.1f} GB/s")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
