"""The engine's speed table: `python benchmarks/engine_table.py` prints each case with its target, pass or miss.

Compilation is excluded (each case runs once before it is timed), the best of a few runs counts. Times of SimGrid are
those recorded with SimGrid 4.1 (tests/data/simgrid/NOTICE.md), on another machine with 2 cores: its Python has no
door to a bare solve; benchmarks/peers runs Debian's 3.32 beside the engine. `--quick` leaves out what takes more than a
minute.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from engine_inputs import TREES, all_pairs, arrivals, permutation, random_paths
from engine_large import Row, all_to_all, collectives
from fabricsim.fabric.side_by_side import side_by_side
from fabricsim.sims.engine import max_min_rates, simulate_flows
from fabricsim.sims.engine._max_min_kernels import new_filling, water_fill
from fabricsim.sims.engine.validate import check_problem
from rich.console import Console
from rich.table import Table

DATA = Path(__file__).parents[1] / "tests" / "data" / "simgrid"

Arguments = tuple[np.ndarray, ...]
"""Of `simulate_flows`."""


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
    args = permutation_of_65536()
    yield Case("permutation to the end, 65,536 hosts", lambda: simulate_flows(*args), 0.25, "s", 1, 5, "2.0 s")
    tree = TREES[256]
    pairs = *tree.d_mod_k(*all_pairs(256)), tree.capacity_bps(), np.full(256 * 255, 1e7)
    yield Case("all-to-all to the end, 256 hosts", lambda: simulate_flows(*pairs), 15, "ms", 1e-3, 20, "0.33 s")


def stream_of_128() -> Arguments:
    with np.load(DATA / "arr128.npz") as file:
        data = dict(file)
    return data["indptr"], data["links"], data["capacity"] * 8, data["size"], data["start"]


def stream_of_1024(seed: int) -> Arguments:
    tree, flows = TREES[1024], arrivals(100_000, 1024, 0.5, seed)
    return *tree.d_mod_k(flows.src, flows.dst), tree.capacity_bps(), flows.size_bytes, flows.start_s


def permutation_of_65536() -> Arguments:
    tree = TREES[65536]
    return *tree.d_mod_k(*permutation(65536, seed=1)), tree.capacity_bps(), np.full(65536, 1e9)


def streams() -> Iterator[Case]:
    given, routed = stream_of_128(), stream_of_1024(seed=3)
    yield Case("100,000 arrivals, 128 hosts", lambda: simulate_flows(*given), 0.45, "s", 1, 4, "20 s")
    tree = TREES[1024]
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


def recording() -> Iterator[Row]:
    """How much longer a run takes that keeps the loads of links, in a hundred bins or more."""
    cases = {
        "100,000 arrivals, 128 hosts": (stream_of_128(), 1e-3),
        "100,000 arrivals, 1,024 hosts": (stream_of_1024(seed=3), 1e-3),
        "permutation, 65,536 hosts": (permutation_of_65536(), 5e-3),
    }
    for name, (args, bin_s) in cases.items():
        plain_s, recorded_s = alternately(partial(simulate_flows, *args), partial(simulate_flows, *args, record=bin_s))
        yield Row(f"recording, {name}", recorded_s / plain_s, 1.15, "x")


def alternately(first: Callable[[], object], second: Callable[[], object], repeats: int = 5) -> tuple[float, float]:
    """Seconds of the fastest run of each, taken in turns so that both meet the same machine."""
    first_s, second_s = [], []
    for _ in range(repeats):
        first_s.append(best_of(Case("", first, 0, "", 1, 1)))
        second_s.append(best_of(Case("", second, 0, "", 1, 1)))
    return min(first_s), min(second_s)


def side_by_side_gain() -> str:
    """Independent streams of arrivals on threads, beside one after the other."""
    each = [stream_of_1024(seed) for seed in range(10, 14)]
    serial_s, together_s = alternately(
        lambda: [simulate_flows(*args) for args in each],
        lambda: side_by_side(lambda args: simulate_flows(*args), each),
        2,
    )
    return f"4 streams side by side on {os.cpu_count()} cores: {serial_s / together_s:.2f} times as fast as in a row"


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
    for family in (solves, runs, streams):
        for case in family():
            value = best_of(case) / case.per
            met = value <= case.target
            missed |= not met
            verdict = "pass" if met else "miss"
            table.add_row(case.name, f"{value:.3g} {case.unit}", f"{case.target:g} {case.unit}", verdict, case.simgrid)
            print(f"{case.name}: {value:.3g} {case.unit}", file=sys.stderr)
    for row in chain(recording(), all_to_all(), collectives(65_536 if quick else 1_048_576)):
        missed |= row.value > row.target
        verdict = "pass" if row.value <= row.target else "miss"
        table.add_row(row.name, f"{row.value:.3g} {row.unit}", f"{row.target:g} {row.unit}", verdict, "")
        print(f"{row.name}: {row.value:.3g} {row.unit}", file=sys.stderr)
    Console(width=120).print(table)
    for name, text in efforts():
        print(f"{name}: {text}")
    print(side_by_side_gain())
    print(f"memory is read in order at {memory_bytes_per_s() / 1e9:.1f} GB/s")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
