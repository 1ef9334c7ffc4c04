"""The command line, run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fabricsim.cli.main import fabricsim

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """`run("topology", "list")`: the command's result, whatever its exit code."""
    return lambda *arguments: CliRunner().invoke(fabricsim, [str(argument) for argument in arguments])


@pytest.fixture
def answer(run: Run) -> Callable[..., Any]:
    """The JSON that a command answers with; it must succeed."""

    def of(*arguments: Any) -> Any:
        result = run(*arguments, "--format", "json", "-q")
        assert result.exit_code == 0, result.stderr
        assert result.stderr == ""
        return json.loads(result.stdout)

    return of
