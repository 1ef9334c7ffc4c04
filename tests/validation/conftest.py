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
        self._judge(self.show(case, ours, reference, error, limit), miss, f"{case}: {error:.2%}, limit {limit:.1%}")

    def show(self, case, ours, reference, error, limit):
        """A line that nothing fails for. Returns whether it is within the limit."""
        return self._note(case, ours, reference, error, f"{limit:.1%}", abs(error) <= limit)

    def tell(self, case, ours, reference, error):
        """A line that has no limit."""
        self.rows.append((case, ours, reference, f"{error:.2%}", "none", ""))

    def between(self, case, ours, low, high, unit, miss=None):
        """The reference is a range; the error is what lies outside, as a fraction of the nearer end."""
        nearest = float(np.clip(ours, low, high))
        error = ours / nearest - 1 if nearest else ours
        said = f"above {low:g}{unit}" if np.isinf(high) else f"{low:g}..{high:g}{unit}"
        within = self._note(case, f"{ours:.3g}{unit}", said, error, "in range", error == 0)
        self._judge(within, miss, f"{case}: {ours} is outside {said}")

    def _note(self, case, ours, reference, error, limit, within):
        self.rows.append((case, ours, reference, f"{error:.2%}", limit, "pass" if within else "miss"))
        return within

    @staticmethod
    def _judge(within, miss, complaint):
        """A miss that is known must still be one."""
        assert within == (miss is None), complaint


@pytest.fixture
def compare(request):
    return Comparisons(request.config.stash[ROWS])


@pytest.fixture
def show(compare):
    """`show(case, ours, reference, error, limit)`: note a line of the table. Returns whether it is within the limit."""
    return compare.show


def pytest_terminal_summary(terminalreporter, config):
    rows = [HEAD, *config.stash[ROWS]]
    if len(rows) == 1:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    terminalreporter.section("against references")
    for row in rows:
        terminalreporter.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
