"""Dispatch and combine beside what DeepEP published, for information: no target is held."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from fabricsim.sims.collectives import collective
from fabricsim.sims.collectives.gating import DEEPSEEK_V3, chosen_ranks, hits
from fabricsim.topologies import load

TABLE = Path(__file__).parents[1] / "data" / "deepep" / "moe_dispatch_combine.csv"
TOKENS, HIDDEN, FP8_BYTES, BF16_BYTES = 4096, 7168, 1, 2


def published():
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(line for line in file if not line.startswith("#"))]
    return [row for row in rows if row["mode"].startswith("normal") or row["mode"].startswith("SM90")]


@pytest.mark.validation
def test_dispatch_and_combine_beside_the_published_bandwidths(capsys):
    lines = []
    for row in published():
        ranks = int(row["ep_size"])
        fabric = load("rail_optimized", server="hgx-h800", nodes=ranks // 8)
        chosen = chosen_ranks(DEEPSEEK_V3, ranks, 0.0, 0)
        place = np.arange(ranks) // 8 if row["bottleneck"] == "RDMA" else np.arange(ranks)
        copies = hits(chosen, place, int(place.max()) + 1).sum(axis=1).mean()
        for op, token_bytes in (("dispatch", HIDDEN * FP8_BYTES), ("combine", HIDDEN * BF16_BYTES)):
            (ours,) = collective(fabric, f"moe-{op}", TOKENS * token_bytes, certify=False).rows
            reached = ours.algbw_GBps * copies
            measured = float(row[f"{op}_GBps"])
            lines.append(
                f"{row['version']:3} {row['mode']:18} {ranks:3} {op:8} {measured:9.1f} {reached:9.1f} "
                f"{reached / measured - 1:+8.1%}"
            )
            assert ours.bound_fraction <= 1
    with capsys.disabled():
        print("\nDeepEP, GB/s per rank    ranks      measured simulated")
        print("\n".join(lines))
