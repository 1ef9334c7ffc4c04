"""What a person sees while a command works: that kernels are being compiled, and that time passes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Timer
from typing import Any

from .output import note

COMPILING = "compiling kernels, once: about half a minute"
_PATIENCE_S = 2.0


@contextmanager
def working(task: str, quiet: bool) -> Iterator[None]:
    """Around a computation: says once when numba compiles, and shows a bar on a terminal after two seconds."""
    if quiet:
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(_compilation_announced())
        if sys.stderr.isatty():
            stack.enter_context(_late_bar(task))
        yield


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
def _late_bar(task: str) -> Iterator[None]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task(task, total=None)
    timer = Timer(_PATIENCE_S, bar.start)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
