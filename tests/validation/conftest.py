"""The table of comparisons that `make validate` prints: case, ours, reference, error, pass or miss."""

from __future__ import annotations

import numpy as np
import pytest

ROWS = pytest.StashKey[list]()
HEAD = ("case", "ours", "reference", "error", "limit", "")


def pytest_configure(config):
    config.stash[ROWS] = []


class Comparisons:
    """Notes lines of the table, and fails where a limit is missed, unless the case says why it is."""

    def __init__(self, rows):
        self.rows = rows

    def __call__(self, case, ours, reference, error, limit, miss=None):
        """`error` and `limit` are fractions; `miss`: why the limit is missed, where that is known."""
        self._note(case, ours, reference, error, f"{limit:.1%}", abs(error) <= limit, miss)

    def between(self, case, ours, low, high, unit, miss=None):
        """The reference is a range; the error is what lies outside, as a fraction of the nearer end."""
        nearest = float(np.clip(ours, low, high))
        error = ours / nearest - 1 if nearest else ours
        said = f"above {low:g}{unit}" if np.isinf(high) else f"{low:g}..{high:g}{unit}"
        self._note(case, f"{ours:.3g}{unit}", said, error, "in range", error == 0, miss)

    def _note(self, case, ours, reference, error, limit, passed, miss):
        self.rows.append((case, ours, reference, f"{error:.2%}", limit, "pass" if passed else "miss"))
        assert passed == (miss is None), f"{case}: {ours} for {reference}, {error:.2%}, limit {limit}"


@pytest.fixture
def show(request):
    """`show(case, ours, reference, error, limit)`: note a line of the table. Returns whether it is within the limit."""

    def note(case, ours, reference, error, limit):
        within = abs(error) <= limit
        row = (case, ours, reference, f"{error:.2%}", f"{limit:.1%}", "pass" if within else "miss")
        request.config.stash[ROWS].append(row)
        return within

    return note


@pytest.fixture
def compare(show):
    """`compare(case, ours, reference, error, limit)`: note a line of the table, and fail where the limit is missed."""

    def note(case, ours, reference, error, limit):
        assert show(case, ours, reference, error, limit), f"{case}: {error:.2%}, limit {limit:.1%}"

    return note


def pytest_terminal_summary(terminalreporter, config):
    rows = [HEAD, *config.stash[ROWS]]
    if len(rows) == 1:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    terminalreporter.section("against references")
    for row in rows:
        terminalreporter.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
