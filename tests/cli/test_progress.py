"""What is said while a command works."""

from __future__ import annotations

import numba
import pytest
from fabricsim.cli.progress import COMPILING, working


def compile_twice() -> None:
    """Two kernels that no cache holds."""
    for step in (1, 2):
        numba.njit(lambda number, step=step: number + step)(1)


def test_compilation_is_announced_once(capsys: pytest.CaptureFixture[str]):
    with working("adding", quiet=False):
        compile_twice()
    captured = capsys.readouterr()
    assert captured.err == f"{COMPILING}\n"
    assert captured.out == ""


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]):
    with working("adding", quiet=True):
        compile_twice()
    assert capsys.readouterr().err == ""


def test_nothing_is_said_where_nothing_is_compiled(capsys: pytest.CaptureFixture[str]):
    with working("adding", quiet=False):
        pass
    assert capsys.readouterr().err == ""
