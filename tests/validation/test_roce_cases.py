"""RoCE on given paths against the packet-level twin, where csg-htsim's cases end: each case in the table, and the
limits held over the cases of a kind, since one draw of near-ties is worth 1 to 5% either way."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.sims.traffic import traffic
from htsim_cases import ROCE
from packet_twin import completion_s
from roce_cases import CASES, drawn

LIMITS = {"equal": 0.03, "mixed": 0.05, "incast": 0.08}
MEAN_LIMIT, LARGEST_LIMIT = 0.03, 0.06

pytestmark = pytest.mark.validation


@pytest.mark.parametrize("kind", LIMITS)
def test_completion_times_of_other_cases(show, compare, kind):
    errors = []
    for seed, case in enumerate(CASES):
        if case.kind == kind:
            errors.append(_errors(case, seed, show))
    per_flow, mean, largest = (float(np.abs(column).mean()) for column in np.transpose(errors))
    cases = f"{len(errors)} cases"
    compare(f"roce {kind}, all, per flow", cases, "twin", per_flow, LIMITS[kind])
    compare(f"roce {kind}, all, mean", cases, "twin", mean, MEAN_LIMIT)
    compare(f"roce {kind}, all, largest", cases, "twin", largest, LARGEST_LIMIT)


def _errors(case, seed, show):
    """(mean error per flow, that of the mean completion time, that of the largest)."""
    fabric, flows, forth, back = drawn(case, seed)
    due_s = completion_s(fabric, forth, back, flows["bytes"], flows["start_s"])
    ran = traffic(fabric, flows, forth, back, transport=ROCE)
    ours_s = ran.finish_s - ran.start_s
    errors = []
    for word, measure, error, limit in (
        ("per flow", np.median, float(np.abs(ours_s / due_s - 1).mean()), LIMITS[case.kind]),
        ("mean", np.mean, ours_s.mean() / due_s.mean() - 1, MEAN_LIMIT),
        ("largest", np.max, ours_s.max() / due_s.max() - 1, LARGEST_LIMIT),
    ):
        pair = (f"{measure(times) * 1e6:.1f} us" for times in (ours_s, due_s))
        show(f"roce {case.kind}: {case.name}, {word}", *pair, error, limit)
        errors.append(error)
    return errors
