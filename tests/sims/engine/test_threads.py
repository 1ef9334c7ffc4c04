"""Result files do not depend on how many threads there are."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import json
import sys
from pathlib import Path
import numpy as np
from fabricsim import topologies, traffic
from fabricsim.fabric.metrics.resilience import resilience
from fabricsim.sims.engine import Phase, simulate_phases
from fabricsim.sims.chrome_trace import write_trace
from fabricsim.sims.link_table import link_table
from fabricsim.sims.patterns import pattern
from fabricsim.sims.tables import write_table
out = Path(sys.argv[1])
tree = topologies.fat_tree(k=8)
ran = traffic(tree, pattern("hotspot", tree.ranks, 10**6, seed=3), transport="ideal", routing="ecmp", seed=5)
for suffix in ("csv", "parquet"):
    ran.save_flows(out / f"flows.{suffix}")
    write_table(out / f"links.{suffix}", link_table(tree, ran))
write_trace(out / "trace.json", ran)
flows = np.arange(64)
phases = [
    Phase(np.arange(65) * 2, np.stack([flows, 64 + flows * step % 48], axis=1).ravel(), np.full(64, 1e6))
    for step in range(1, 9)
]
rounds = simulate_phases(phases, np.full(112, 100e9))
(out / "rounds.json").write_text(json.dumps([rounds.round_s.tolist(), rounds.link_bytes.tolist()]))
failed = resilience(tree, "links", [0.01, 0.1], trials=4, seed=3)
(out / "failed.json").write_text(json.dumps(failed.to_dict()))
"""


def test_result_files_have_the_same_bytes_on_one_thread_and_on_two(tmp_path):
    files = []
    for threads in ("1", "2"):
        folder = tmp_path / threads
        folder.mkdir()
        settings = dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "POLARS_MAX_THREADS"), threads)
        subprocess.run([sys.executable, "-c", SCRIPT, str(folder)], check=True, env={**os.environ, **settings})
        files.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert len(files[0]) == 7
    assert files[0] == files[1]
