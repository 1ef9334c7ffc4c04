"""InfiniBand by credits alone against the packet-level twin, on given paths: the cases of RoCE, with buffers of more
and of less than a round trip of credits."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.sims.traffic import traffic
from htsim_cases import PACKETS
from packet_twin import completion_s
from roce_cases import CASES, drawn

LIMITS = {"equal": 0.03, "mixed": 0.05, "incast": 0.08}
MEAN_LIMIT, LARGEST_LIMIT = 0.03, 0.06

pytestmark = pytest.mark.validation


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("buffer_kib", [64, 256])
def test_completion_times_by_credits_alone(compare, kind, buffer_kib):
    errors = [_errors(case, seed, 1024 * buffer_kib) for seed, case in enumerate(CASES) if case.kind == kind]
    limits = {"per flow": LIMITS[kind], "mean": MEAN_LIMIT, "largest": LARGEST_LIMIT}
    for (word, limit), column in zip(limits.items(), np.transpose(errors), strict=True):
        name = f"infiniband {kind}, {buffer_kib} KiB, {word}"
        compare(name, f"{len(errors)} cases", "twin", float(np.abs(column).mean()), limit)


def _errors(case, seed, buffer_bytes):
    """(mean error per flow, that of the mean completion time, that of the largest)."""
    fabric, flows, forth, back = drawn(case, seed)
    due_s = completion_s(fabric, forth, back, flows["bytes"], flows["start_s"], credit_bytes=buffer_bytes)
    credit = {
        "name": "infiniband",
        "mtu": "9064B",
        "pad": "true",
        "cc": "none",
        "buffer": f"{buffer_bytes}B",
        **PACKETS,
    }
    ran = traffic(fabric, flows, forth, back, transport=credit)
    ours_s = ran.finish_s - ran.start_s
    return np.abs(ours_s / due_s - 1).mean(), ours_s.mean() / due_s.mean() - 1, ours_s.max() / due_s.max() - 1
