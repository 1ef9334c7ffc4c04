"""The table of comparisons that `make validate` prints: case, ours, reference, error, pass or miss."""

from __future__ import annotations

import pytest

ROWS = pytest.StashKey[list]()
HEAD = ("case", "ours", "reference", "error", "limit", "")


def pytest_configure(config):
    config.stash[ROWS] = []


@pytest.fixture
def compare(request):
    """`compare(case, ours, reference, error, limit)`: note a line of the table, and fail where the limit is missed."""

    def note(case, ours, reference, error, limit):
        verdict = "pass" if abs(error) <= limit else "miss"
        request.config.stash[ROWS].append((case, ours, reference, f"{error:.2%}", f"{limit:.1%}", verdict))
        assert verdict == "pass", f"{case}: {error:.2%}, limit {limit:.1%}"

    return note


def pytest_terminal_summary(terminalreporter, config):
    rows = [HEAD, *config.stash[ROWS]]
    if len(rows) == 1:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    terminalreporter.section("against references")
    for row in rows:
        terminalreporter.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
