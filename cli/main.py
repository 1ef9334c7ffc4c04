"""The command `fabricsim`: its commands, and what their failures mean to the shell.

Exit codes: 0 done; 1 findings (a check failed); 2 input that cannot be used; 101 a defect of ours; 130 interrupted.
Command modules import the library inside their bodies, so that `--help` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from types import TracebackType
from typing import Any

import click

from .. import __version__
from ..fabric.errors import InputError, InternalError
from .collective import collective
from .demo import demo
from .schema import schema
from .topology import topology
from .traffic import traffic
from .train import train

BAD_INPUT = 2
DEFECT = 101
INTERRUPTED = 130


class Commands(click.Group):
    """A group that lists its commands as added, and turns the package's errors into messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except InputError as error:
            for fault in error.faults:
                click.echo(f"fabricsim: {fault}", err=True)
            ctx.exit(BAD_INPUT)
        except InternalError as error:
            click.echo(f"fabricsim: internal error, the result is not to be trusted: {error}", err=True)
            ctx.exit(DEFECT)
        except KeyboardInterrupt:
            click.echo("fabricsim: interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except OSError as error:
            if error.filename is not None:
                raise
            # Nobody reads stdout, or its disk is full. Python flushes once more as it ends; that must not fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if isinstance(error, BrokenPipeError):
                ctx.exit(0)
            click.echo(f"fabricsim: stdout: {error.strerror}", err=True)
            ctx.exit(BAD_INPUT)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="fabricsim")
def fabricsim() -> None:
    """Simulate the network of a GPU cluster: what bandwidth it gives, what limits it, which GPUs starve.

    FABRIC is a saved file, a YAML spec, a preset (hgx-h100) or a family (fat_tree): `fabricsim topology list` names
    them, and --set KEY=VALUE sets their fields.
    """


for command in (demo, topology, collective, traffic, train, schema):
    fabricsim.add_command(command)


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    sys.excepthook = _defect
    if sys.stdout is None:  # closed by the caller
        sys.stdout = io.StringIO()
    fabricsim(prog_name="fabricsim")


def _defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Python leaves an uncaught exception with 1, which here means findings."""
    sys.__excepthook__(kind, error, trace)
    raise SystemExit(DEFECT)
