"""Training steps against published ones, and how well they keep their rate at scale.

One matrix-efficiency constant per GPU generation and precision and one set for eager FSDP are fitted on every second
row of each table (fit_training.py); the other rows judge, and a table of strong scaling that nothing is fitted on.
"""

from __future__ import annotations

from statistics import median

import numpy as np
import pytest
from training_steps import STEPS, STRONG_SCALING, by_table, published, simulated, strongly_scaled, weakly_scaled

pytestmark = pytest.mark.validation


@pytest.fixture(scope="module")
def steps():
    return [simulated(row, fitted) for row, fitted in published(STEPS)]


def sizes(steps):
    return np.abs([step.error for step in steps])


def constant_rate_errors(steps):
    """Errors of the rival "every table reaches one MFU": the median of its fitted half, on the other half."""
    errors = []
    for rows in by_table(steps).values():
        rate = median(step.rate(step.measured_s) for step in rows if step.fitted)
        errors += [rate / step.rate(step.measured_s) - 1 for step in rows if not step.fitted]
    return np.abs(errors)


@pytest.mark.parametrize("apart", [True, False])
def test_rates_of_dense_models_with_a_published_layout(steps, apart, compare, show):
    chosen = [step for step in steps if not (apart and step.fitted)]
    rows = "rows held apart" if apart else "all rows"
    tables = by_table(chosen)
    for table, own in tables.items():
        errors, worst = np.median(sizes(own)), np.percentile(sizes(own), 90)
        show(f"MFU, {table}, {rows}", f"{len(own)} rows, 90% within {worst:.1%}", "published", errors, 0.08)
    errors = median(np.median(sizes(own)) for own in tables.values())
    compare(f"MFU, median of the tables' medians, {rows}", f"{len(tables)} tables", "published", errors, 0.08)
    worst = np.percentile(sizes(chosen), 90)
    compare(f"MFU, 90th percentile, {rows}", f"{len(chosen)} rows", "published", worst, 0.18)


def test_errors_are_smaller_than_those_of_one_mfu_per_table(steps, show):
    ours, rival = sizes(step for step in steps if not step.fitted), constant_rate_errors(steps)
    for what, figure in (("median", 50), ("90th percentile", 90)):
        error, limit = np.percentile(ours, figure), np.percentile(rival, figure)
        show(f"MFU, {what} of rows held apart, beside a constant MFU", "", f"{limit:.1%}", error, limit)
    assert np.percentile(ours, 90) < np.percentile(rival, 90)


@pytest.mark.parametrize("apart", [True, False])
def test_rates_are_kept_at_scale_as_measured(steps, apart, compare, show):
    """MFU(N) / MFU(fewest), ours less the measured one, in points."""
    pairs = [pair for pair in weakly_scaled(steps) if not (apart and pair.many.fitted)]
    rows = "rows held apart" if apart else "all rows"
    if not apart:
        show_kept(pairs, show)
    points = np.abs([pair.points for pair in pairs]) / 100
    compare(f"MFU kept at scale, median, {rows}", f"{len(pairs)} pairs", "published", np.median(points), 0.015)
    worst = np.percentile(points, 90)
    compare(f"MFU kept at scale, 90th percentile, {rows}", f"{len(pairs)} pairs", "published", worst, 0.05)
    rival = np.abs([1 - pair.measured for pair in pairs])
    for what, figure in (("median", 50), ("90th percentile", 90)):
        error, limit = np.percentile(points, figure), np.percentile(rival, figure)
        show(f"MFU kept at scale, {what}, {rows}, beside a constant MFU", "", f"{limit:.1%}", error, limit)


def test_a_batch_spread_over_more_gpus_loses_what_was_measured(compare, show):
    pairs = strongly_scaled(simulated(row, fitted=False) for row, _ in published(STRONG_SCALING))
    show_kept(pairs, show)
    worst = max(abs(pair.points) for pair in pairs) / 100
    compare("MFU kept under strong scaling, worst", f"{len(pairs)} pairs", "published", worst, 0.015)


def show_kept(pairs, show):
    for pair in pairs:
        case = f"MFU kept, {pair.few.table}, {pair.few.row} to {pair.many.gpus}"
        show(case, f"{pair.simulated:.1%}", f"{pair.measured:.1%}", pair.points / 100, 0.05)
