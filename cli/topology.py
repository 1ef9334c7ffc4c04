"""`fabricsim topology`: generate, look at, verify and convert fabrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .listing import list_command
from .options import fabric_argument, load_wiring, quiet_option
from .output import note

if TYPE_CHECKING:
    from ..fabric.graph import Fabric


@click.group()
def topology() -> None:
    """Generate, look at, verify and convert fabrics."""


topology.add_command(list_command)


@topology.command()
@fabric_argument
@click.option("-o", "--output", metavar="FILE", required=True, help="The file to write, best named *.fabric.")
@quiet_option
def new(source: str, pairs: tuple[str, ...], output: str, quiet: bool) -> None:
    """Generate a fabric and save it, for use as FABRIC anywhere."""
    fabric = load_wiring(source, pairs)
    fabric.save(output)
    note(f"{output}: {size_in_words(fabric)}", quiet)


def size_in_words(fabric: Fabric) -> str:
    return f"{fabric.ranks} ranks, {fabric.nodes} nodes, {fabric.cables} cables"
