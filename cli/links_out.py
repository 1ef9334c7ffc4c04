"""`--links-out`: what each link carried, as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..fabric.errors import InputError

if TYPE_CHECKING:
    from ..fabric.graph import Fabric
    from ..sims.results import CollectiveResult


def write_links(fabric: Fabric, result: CollectiveResult, path: str) -> None:
    """Raises InputError unless there is one run to tell of."""
    from ..sims.link_table import link_table
    from ..sims.tables import write_table

    if len(result.loads) != 1:
        fault = f"--links-out is for one run, not {len(result.loads)}"
        raise InputError(fault, "give one size and one algorithm, at fidelity fluid or transport")
    write_table(path, link_table(fabric, result.loads[0]))
