"""`fabricsim schema`: JSON Schema of the files that users write, for their editors."""

from __future__ import annotations

import json

import click

from ..fabric.errors import UnknownNameError


@click.command()
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """JSON Schema of spec files, for editors.

    Of family NAME, or of every family by its name.
    """
    from ..topologies import schemas

    known = schemas()
    if name is not None and name not in known:
        raise UnknownNameError.of("family", name, known)
    click.echo(json.dumps(known if name is None else known[name], indent=2))
