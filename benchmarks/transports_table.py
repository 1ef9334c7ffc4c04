"""The transports' speed table: `python benchmarks/transports_table.py` prints every case with its target.

Flows are 1,024 hosts' of a fat tree of k = 16 with links of 100 Gbit/s, packets those of csg-htsim's runs, which take 4
to 22 s for the permutations. Times are the least of warm calls of `traffic`, the fabric made before. Collectives
run on 1,024 H100; theirs is over that of the same at fidelity fluid, which shares every link fairly.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import fabricsim
import numpy as np
from engine_inputs import permutation
from fabricsim.sims.collectives import collective
from fabricsim.sims.traffic import traffic
from rich.console import Console
from rich.table import Table

HOSTS = 1024
PACKETS = {"mtu": "9064B", "header": "64B", "forwarding": "store", "completion": "acked", "pad": "true"}
LOSSLESS = {"name": "roce", "cc": "none", **PACKETS}
SPRAYED = {"name": "uec", "window": "135960B", **PACKETS}
CALLS = 8

COLLECTIVES = (("all-reduce", "ring"), ("all-reduce", "hierarchical"), ("all-to-all", "direct"))
OVER_FLUID = 3.0

Flows = Mapping[str, Any]


def even() -> Flows:
    """A permutation of 2 MB flows."""
    src, dst = permutation(HOSTS, seed=1)
    return {"src": src, "dst": dst, "bytes": np.full(HOSTS, 2_000_000)}


def mixed() -> Flows:
    """2,000 random flows that start within a millisecond."""
    rng = np.random.default_rng(5)
    src = rng.integers(0, HOSTS, 2000)
    dst = (src + rng.integers(1, HOSTS, 2000)) % HOSTS
    return {
        "src": src,
        "dst": dst,
        "bytes": rng.integers(64_000, 8_000_000, 2000),
        "start_s": rng.uniform(0, 1e-3, 2000),
    }


def large() -> Flows:
    """128 flows of 1 GB."""
    src, dst = permutation(HOSTS, seed=2)
    return {"src": src[:128], "dst": dst[:128], "bytes": np.full(128, 10**9)}


FLOWS = (
    ("permutation of 2 MB", even, LOSSLESS, 60),
    ("permutation of 2 MB", even, SPRAYED, 20),
    ("2,000 random, with starts", mixed, LOSSLESS, 250),
    ("2,000 random, with starts", mixed, SPRAYED, 250),
    ("128 of 1 GB", large, LOSSLESS, 40),
    ("128 of 1 GB", large, SPRAYED, 40),
)


def least_s(call: Callable[[], object], calls: int) -> tuple[float, float]:
    """Least wall and processor time of `calls` calls, after one."""
    call()
    walls, works = [], []
    for _ in range(calls):
        begin, work = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - begin)
        works.append(time.process_time() - work)
    return min(walls), min(works)


def of_flows() -> Iterator[tuple[tuple[str, ...], bool]]:
    """Lines of the table, and whether the target is met."""
    tree = fabricsim.load("fat_tree", k=16, link="100Gbps", hop_latency="1us")
    for what, make, transport, limit_ms in FLOWS:
        flows = make()
        wall_s, cpu_s = least_s(
            lambda flows=flows, transport=transport: traffic(tree, flows, transport=transport), CALLS
        )
        within = 1e3 * wall_s <= limit_ms
        name = str(transport["name"])
        yield (what, name, f"{limit_ms} ms", f"{1e3 * wall_s:.1f} ms", f"{1e3 * cpu_s:.1f} ms"), within


def of_collectives() -> Iterator[tuple[tuple[str, ...], bool]]:
    """Lines of the table, and whether the target is met."""
    for network in ("infiniband", "roce", "uec"):
        cluster = fabricsim.load("hgx-h100", nodes=HOSTS // 8, network=network)
        for op, algorithm in COLLECTIVES:

            def run(fidelity: str, op: str = op, algorithm: str = algorithm) -> object:
                return collective(cluster, op, "1GiB", algorithm=algorithm, fidelity=fidelity)  # noqa: B023

            (wall_s, cpu_s), (fluid_s, _) = (least_s(lambda f=f: run(f), 2) for f in ("transport", "fluid"))
            cells = (f"{op}, {algorithm}, {HOSTS:,} GPUs", network, f"{OVER_FLUID:g} x fluid")
            yield (*cells, f"{wall_s / fluid_s:.1f} x", f"{cpu_s:.2f} s"), wall_s <= OVER_FLUID * fluid_s


def main() -> None:
    table = Table("case", "transport", "target", "wall", "CPU", "")
    missed = 0
    for cells, within in (*of_flows(), *of_collectives()):
        missed += not within
        table.add_row(*cells, "pass" if within else "MISS")
    Console(width=120).print(table)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
