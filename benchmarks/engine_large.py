"""The large rows of the engine's table, timed once, in processes of their own, which say how much memory they took."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A measured figure and the most it may be."""

    name: str
    value: float
    target: float
    unit: str


ALL_TO_ALL = """
import json, resource, sys, time
import numpy as np
from fabricsim import topologies
from fabricsim.fabric.routing import router_for
from fabricsim.sims.engine import simulate_flows
from fabricsim.sims.patterns import pattern
def run(k):
    tree = topologies.fat_tree(k=k)
    begin = time.perf_counter()
    flows = pattern("all-to-all", tree.ranks, 10**6)
    entropy = np.arange(len(flows["src"]), dtype=np.uint64)
    paths = router_for(tree, "ecmp", seed=1).paths(flows["src"], flows["dst"], entropy)
    simulate_flows(paths.indptr, paths.links, tree.capacity_bps, flows["bytes"])
    return time.perf_counter() - begin
run(4)
wall_s = run(16)
print(json.dumps({"wall_s": wall_s, "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}))
"""
"""A flow between each two of 1,024 hosts, with the choice of their paths."""


def all_to_all() -> Iterator[Row]:
    ran = in_own_process(ALL_TO_ALL)
    yield Row("all-to-all of 1,024, ECMP, with routes", ran["wall_s"], 10.0, "s")
    yield Row("all-to-all of 1,024, ECMP, with routes: memory", ran["peak_gb"], 2.0, "GB")


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


def collectives(most_gpus: int) -> Iterator[Row]:
    """All-reduces on rail-optimized clusters of up to so many GPUs, and how their time grows."""
    limits = {65_536: (5.0, 4.0), 1_048_576: (60.0, 16.0)}
    for algorithm in ("ring", "hierarchical"):
        wall_s = {1024: in_own_process(COLLECTIVE, "1024", algorithm)["wall_s"]}
        for gpus in (size for size in limits if size <= most_gpus):
            most_s, most_gb = limits[gpus]
            ran = in_own_process(COLLECTIVE, str(gpus), algorithm)
            wall_s[gpus] = ran["wall_s"]
            name = f"{algorithm} all-reduce, {gpus:,} GPUs, with build"
            yield Row(name, ran["wall_s"], most_s, "s")
            yield Row(f"{name}: memory", ran["peak_gb"], most_gb, "GB")
            yield Row(f"{name}: Fabric", ran["fabric_gb"], 4.0, "GB")
        growth = math.log(wall_s[gpus] / wall_s[1024]) / math.log(gpus / 1024)
        yield Row(f"{algorithm}: exponent of growth, 1,024 to {gpus:,}", growth, 1.1, "")


def in_own_process(script: str, *arguments: str) -> dict[str, float]:
    call = [sys.executable, "-c", script, *arguments]
    answer: dict[str, float] = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
    return answer
