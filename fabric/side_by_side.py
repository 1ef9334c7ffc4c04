"""Independent work on several cores: kernels hold no lock of the interpreter, so threads run side by side.

There are as many threads as numba has (NUMBA_NUM_THREADS, by default the cores). What is found does not depend on how
many there are: each piece of work is its own, and results are in the order of the items.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from numba.core import config as numba_config

Item = TypeVar("Item")
Result = TypeVar("Result")

config: Any = numba_config

_WORKER_NAME = "fabricsim-side-by-side"


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """`work` of each item, in order. What fails first in order is raised.

    Work that itself calls this runs its items one after the other: all threads have something to do already.
    """
    listed = list(items)
    threads = min(config.NUMBA_NUM_THREADS, len(listed))
    if threads < 2 or threading.current_thread().name.startswith(_WORKER_NAME):
        return [work(item) for item in listed]
    with ThreadPoolExecutor(threads, _WORKER_NAME) as pool:
        return list(pool.map(work, listed))
