"""The frame of the command line: what failures mean to the shell, and how quickly help comes."""

from __future__ import annotations

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner, Result
from fabricsim.cli.main import Commands, fabricsim
from fabricsim.fabric.errors import Fault, InputError, InternalError


def outcome(error: BaseException) -> Result:
    """What the shell sees of a command that fails with `error`."""

    @click.group(cls=Commands)
    def group() -> None:
        pass

    @group.command()
    def failing() -> None:
        raise error

    return CliRunner().invoke(group, ["failing"])


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_bad_input_exits_2_and_names_every_fault_on_stderr():
    result = outcome(InputError([Fault("too small", "give more", "a.yaml", 3, "k"), Fault("unknown", "", "a.yaml", 4)]))
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "fabricsim: a.yaml:3: k: too small (give more)",
        "fabricsim: a.yaml:4: unknown",
    ]
    assert result.stdout == ""


def test_a_failed_certificate_exits_101():
    result = outcome(InternalError("link 7 carries more than it can"))
    assert result.exit_code == 101
    assert "link 7 carries more than it can" in result.stderr


def test_an_interrupt_exits_130():
    assert outcome(KeyboardInterrupt()).exit_code == 130


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["topology", "new"], ["topology", "list", "--format", "xml"], ["--nonsense"]]
)
def test_wrong_usage_exits_2_and_says_so_on_stderr(arguments: list[str]):
    result = CliRunner().invoke(fabricsim, arguments)
    assert result.exit_code == 2
    assert "Error:" in result.stderr
    assert result.stdout == ""


def test_help_loads_nothing_heavy():
    script = (
        "import sys\nfrom fabricsim.cli.main import fabricsim\n"
        "try:\n    fabricsim(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numba', 'numpy', 'pydantic', 'networkx', 'scipy', 'rich', 'ruamel'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    result = run("-c", script)
    assert result.returncode == 0, result.stderr
    assert "topology" in result.stdout


def test_the_module_runs_like_the_command():
    assert run("-m", "fabricsim", "--version").stdout == CliRunner().invoke(fabricsim, ["--version"]).stdout


def test_an_unforeseen_exception_exits_101_with_its_traceback():
    """Python itself would leave with 1, which means findings."""
    script = (
        "import fabricsim.cli.main as m, fabricsim.cli.listing as l, sys\n"
        "l._list_names = lambda form: 1 / 0\n"
        "sys.argv = ['fabricsim', 'topology', 'list']\nm.main()"
    )
    result = run("-c", script)
    assert result.returncode == 101
    assert "ZeroDivisionError" in result.stderr


def test_a_reader_that_leaves_early_is_no_failure():
    command = (
        f"{sys.executable} -m fabricsim topology list --hardware --format csv | head -n 1; echo ${{PIPESTATUS[0]}}"
    )
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    header, status = result.stdout.splitlines()
    assert header.startswith("section,name,field,value")
    assert status == "0"
    assert result.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_full_disk_under_stdout_exits_2_and_says_so(form: str):
    command = f"{sys.executable} -m fabricsim topology list --format {form} > /dev/full"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert result.stderr == "fabricsim: stdout: No space left on device\n"


def test_a_closed_stdout_is_no_failure():
    command = f"{sys.executable} -m fabricsim topology list >&-"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
