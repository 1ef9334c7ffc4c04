"""SimGrid beside this engine on the same inputs: `python benchmarks/peers/simgrid_compare.py`.

Needs Debian's python3-simgrid (3.32), which /usr/bin/python3 then imports. Its Python starts one thread per flow, which
its time includes, so these ratios flatter us; the times of SimGrid 4.1 in C++ stand in benchmarks/engine_table.py. The
answers must agree to 1e-9 of the finish and the 5 ns within which SimGrid merges events.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine_inputs import TREES, Arrivals, all_pairs, arrivals, permutation
from fabricsim.sims.engine import simulate_flows

SIDE = Path(__file__).with_name("simgrid_side.py")
BITS_PER_BYTE = 8


@dataclass(frozen=True)
class Case:
    name: str
    hosts: int
    flows: Arrivals


def cases() -> Iterator[Case]:
    """Runs that SimGrid's Python can hold: a thread per flow."""
    for hosts in (128, 1024):
        src, dst = permutation(hosts, seed=1)
        yield Case(f"permutation, {hosts} hosts", hosts, Arrivals(src, dst, np.full(hosts, 1e9), np.zeros(hosts)))
    src, dst = all_pairs(128)
    here = (src < 48) & (dst < 48)
    n = int(here.sum())
    yield Case("all-to-all, 48 of 128 hosts", 128, Arrivals(src[here], dst[here], np.full(n, 1e7), np.zeros(n)))
    yield Case("2,000 arrivals, 128 hosts", 128, arrivals(2000, 128, 0.5, seed=2))


def theirs(case: Case, indptr: NDArray, links: NDArray, capacity_bps: NDArray) -> tuple[NDArray, float]:
    """SimGrid's finish times and the seconds it took."""
    flows = case.flows
    given = {
        "capacity": (capacity_bps / BITS_PER_BYTE).tolist(),
        "path": [links[a:b].tolist() for a, b in pairwise(indptr)],
        "src": flows.src.tolist(),
        "dst": flows.dst.tolist(),
        "size": flows.size_bytes.tolist(),
        "start": flows.start_s.tolist(),
    }
    command = ["/usr/bin/python3", str(SIDE)]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    return np.array(answer["finish"]), answer["wall_s"]


def ours(*flows: NDArray) -> tuple[NDArray, float]:
    """Our finish times and the seconds of the fastest of a few runs, without compilation."""
    finish, times = simulate_flows(*flows).finish_s, []
    for _ in range(5):
        begin = time.perf_counter()
        simulate_flows(*flows)
        times.append(time.perf_counter() - begin)
    return finish, min(times)


def main() -> int:
    """Print the table. Returns 1 if an answer differs."""
    table = Table("case", "SimGrid 3.32, Python", "fabricsim", "ratio", "answers")
    differ = False
    for case in cases():
        tree = TREES[case.hosts]
        indptr, links = tree.d_mod_k(case.flows.src, case.flows.dst)
        capacity = tree.capacity_bps()
        finish, wall = ours(indptr, links, capacity, case.flows.size_bytes, case.flows.start_s)
        their_finish, their_wall = theirs(case, indptr, links, capacity)
        agree = np.allclose(finish, their_finish, rtol=1e-9, atol=5e-9)
        differ |= not agree
        verdict = "agree" if agree else f"differ by {np.abs(finish - their_finish).max():.3g} s"
        table.add_row(case.name, f"{their_wall:.3g} s", f"{wall * 1e3:.3g} ms", f"{their_wall / wall:.0f}x", verdict)
    Console(width=120).print(table)
    return int(differ)


if __name__ == "__main__":
    sys.exit(main())
