"""Independent work on threads: in order, whoever is done first."""

from __future__ import annotations

import threading

import numba
import pytest
from fabricsim.fabric.side_by_side import side_by_side


@pytest.fixture(params=[1, 2, 5])
def threads(request, monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", request.param)
    return request.param


def test_results_come_in_the_order_of_the_items(threads):
    """With two threads the first item ends only after the second has."""
    second_done = threading.Event()

    def work(item: int) -> int:
        if item == 0 and threads > 1:
            assert second_done.wait(10)
        if item == 1:
            second_done.set()
        return item * item

    assert side_by_side(work, range(5)) == [0, 1, 4, 9, 16]


def test_the_first_fault_in_order_is_raised(threads):
    def work(item: int) -> int:
        raise ValueError(str(item))

    with pytest.raises(ValueError, match=r"^3$"):
        side_by_side(work, [3, 1, 2])


def test_work_within_work_runs_on_the_thread_it_has(threads):
    def inner(_: int) -> int:
        return threading.get_ident()

    def outer(_: int) -> bool:
        mine = threading.get_ident()
        return all(thread == mine for thread in side_by_side(inner, range(4)))

    assert threads == 1 or all(side_by_side(outer, range(4)))


def test_nothing_to_do_is_nothing_done(threads):
    assert side_by_side(len, []) == []
