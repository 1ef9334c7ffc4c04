"""What a person sees while a command works: that kernels are being compiled, and that time passes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Timer
from typing import Any

from .output import note

COMPILING = "compiling kernels, once: about half a minute"
_PATIENCE_S = 2.0

Progress = Callable[[int, int], None]
"""Told how much of how much is done."""


def _unseen(done: int, total: int) -> None:
    pass


@contextmanager
def working(task: str, quiet: bool) -> Iterator[Progress]:
    """Around a computation: says once when numba compiles, and shows a bar on a terminal after two seconds, which moves
    where the computation tells what it yields how far it is."""
    if quiet:
        yield _unseen
        return
    with ExitStack() as stack:
        stack.enter_context(_compilation_announced())
        yield stack.enter_context(_late_bar(task)) if sys.stderr.isatty() else _unseen


@contextmanager
def _compilation_announced() -> Iterator[None]:
    from numba.core import event

    class Announcer(event.Listener):
        """numba reports a compilation only when its cache on disk has no kernel to offer."""

        silent = True

        def on_start(self, event: Any) -> None:
            if self.silent:
                note(COMPILING)
            self.silent = False

        def on_end(self, event: Any) -> None:
            pass

    with event.install_listener("numba:compile", Announcer()):
        yield


@contextmanager
def _late_bar(task: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    shown = bar.add_task(task, total=None)
    timer = Timer(_PATIENCE_S, bar.start)
    timer.start()
    try:
        yield lambda done, total: bar.update(shown, completed=done, total=total)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
