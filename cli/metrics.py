"""What `topology show --metrics` adds, and `fabricsim topology resilience`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from .options import fabric_argument, load_wiring, output_options
from .output import Table, emit
from .progress import working

if TYPE_CHECKING:
    from ..fabric.metrics import Measures
    from ..fabric.metrics.resilience import What

_FAILURES = "0.01,0.02,0.05,0.1,0.2"


def measures_tables(measured: Measures) -> Iterator[Table]:
    """The metrics with how each was found, and the load of uniform traffic by tier and rail."""
    yield Table(("metric", "value", "from"), list(_rows(measured)))
    if measured.uniform_load is not None:
        load = measured.uniform_load
        rows = [
            (part.where, str(part.links), f"{part.mean:.3f}", "-" if part.highest is None else f"{part.highest:.3f}")
            for part in (*load.tiers, *load.rails)
        ]
        yield Table(("uniform traffic on", "links", "mean load", "highest"), rows)


def _rows(measured: Measures) -> Iterator[tuple[str, str, str]]:
    far, ways = measured.distances, measured.path_diversity
    yield "average distance", f"{far.average:.3f} switch hops", far.method
    if ways is not None:
        yield "shortest ways", f"{ways.shortest_mean:.4g}, least {ways.shortest_min:.4g}", ways.method
        yield "ways without a common cable", f"{ways.disjoint_mean:.4g}, least {ways.disjoint_min}", ways.method
    if measured.uniform_load is not None:
        load = measured.uniform_load
        yield "uniform traffic", f"{load.throughput:.1%} of line rate", load.method
    if measured.effective_bisection is not None:
        half = measured.effective_bisection
        share = f"{half.share:.1%} ± {half.deviation:.1%}, slowest flow {half.lowest:.1%}"
        yield "effective bisection", share, f"{half.patterns} random patterns"


@click.command()
@fabric_argument
@click.option(
    "--fail",
    "what",
    type=click.Choice(["links", "switches"]),
    default="links",
    show_default=True,
    help="What fails: network cables or switches.",
)
@click.option("--failures", default=_FAILURES, show_default=True, help="Shares that have failed, of all of them.")
@click.option("--trials", type=click.IntRange(min=1), default=10, show_default=True, help="Random orders of failure.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the failures.")
@output_options
def resilience(
    source: str, pairs: tuple[str, ...], what: What, failures: str, trials: int, seed: int, form: str, quiet: bool
) -> None:
    """What is left of FABRIC when parts of it fail at random: mean over the trials, and the worst of them."""
    with working("failing parts", quiet):
        from ..fabric.metrics import resilience as survive

        found = survive(load_wiring(source, pairs), what, _shares(failures), trials, seed)
    document = found.to_dict()
    columns = (f"{what} failed", "of all", "pairs connected", "reachable", "bisection", "worst trial")
    rows = [
        (
            str(point.failed),
            f"{point.failed_share:.2%}",
            f"{point.connected:.2%}",
            f"{point.reachable:.2%}",
            f"{point.bisection:.2%}",
            f"{point.connected_lowest:.2%}, {point.reachable_lowest:.2%}, {point.bisection_lowest:.2%}",
        )
        for point in found.curve
    ]
    emit(form, document, document["curve"], [Table(columns, rows)])


def _shares(text: str) -> list[float]:
    """`"0.01,5%"` -> [0.01, 0.05]. Raises InputError naming every part that is no number."""
    from ..fabric.errors import Fault, InputError

    shares, faults = [], []
    for part in text.split(","):
        number, percent, rest = part.strip().partition("%")
        try:
            shares.append(float(number) / (100 if percent else 1))
        except ValueError:
            rest = part
        if rest:
            faults.append(Fault(f"{part!r} is no share", "as 0.05 or 5%", field="failures"))
    if faults:
        raise InputError(faults)
    return shares
