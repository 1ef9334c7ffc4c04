"""The report of a run's flows, links and victims as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .output import Table

if TYPE_CHECKING:
    from ..sims.explain import TrafficReport
    from ..sims.explain.links import LinkReport

MOST_FLOWS, MOST_LINKS, MOST_VICTIMS = 10, 20, 20
LINK_COLUMNS = ("link", "busy", "flows", "paused", "mean queue", "XmitData", "XmitWait", "filled by")


def report_tables(told: TrafficReport) -> list[Table]:
    """Causes over all flows, the slowest flows, the busiest links, and victims where there are any."""
    victims = [_victims(told)] if told.victims else []
    return [_causes(told), _slowest(told), _links(told), *victims]


def _causes(told: TrafficReport) -> Table:
    """Mean seconds of each cause, and how many flows it slows down most."""
    from ..fabric.units import format_si

    whole = told.flows["fct_s"].mean()
    columns = [name for name in told.flows if name.endswith("_s") and name not in ("fct_s", "empty_network_s")]
    mains = told.flows["main_cause"].tolist()
    rows = []
    for column in columns:
        mean = told.flows[column].mean()
        cause = column.removesuffix("_s").replace("_", " ").replace("head of line", "head-of-line")
        rows.append((cause, format_si(mean, "s"), f"{mean / whole if whole else 0:.1%}", str(mains.count(cause))))
    slowdown = told.flows["slowdown"]
    title = f"completion times are {slowdown.mean():.2f} x those on an empty network, {slowdown.max():.2f} x at most"
    return Table(title=title, columns=("cause", "mean time", "share", "main cause of flows"), rows=rows)


def _slowest(told: TrafficReport) -> Table:
    from ..fabric.units import format_si

    flows = told.flows
    order = np.argsort(-flows["slowdown"], kind="stable")[:MOST_FLOWS].tolist()
    return Table(
        title=_first(len(order), len(flows["flow"]), "most slowed down of", "flows"),
        columns=("flow", "time", "slowdown", "goodput", "main cause", "at"),
        rows=[
            (
                str(flows["flow"][at]),
                format_si(flows["fct_s"][at], "s"),
                f"{flows['slowdown'][at]:.2f}",
                format_si(flows["goodput_bps"][at], "bit/s"),
                str(flows["main_cause"][at]),
                str(flows["root"][at]),
            )
            for at in order
        ],
    )


def _links(told: TrafficReport) -> Table:
    busiest = sorted(told.links, key=lambda link: -max(link.utilisation, link.pause_share))[:MOST_LINKS]
    return Table(
        title=_first(len(busiest), len(told.links), "busiest of", "links"),
        columns=LINK_COLUMNS,
        rows=[link_row(link) for link in busiest],
    )


def _victims(told: TrafficReport) -> Table:
    worst = sorted(told.victims, key=lambda victim: -victim.slowdown)[:MOST_VICTIMS]
    return Table(
        title=_first(len(worst), len(told.victims), "most slowed down of", "victims"),
        columns=("flow", "slowdown", "full link", "filled by"),
        rows=[
            (str(each.flow), f"{each.slowdown:.2f}", each.root, ", ".join(map(str, each.culprits))) for each in worst
        ],
    )


def _first(shown: int, whole: int, which: str, what: str) -> str:
    return f"the {shown} {which} {whole} {what}" if shown < whole else f"{whole} {what}"


def link_row(link: LinkReport) -> tuple[str, ...]:
    """Its cells under LINK_COLUMNS."""
    from ..fabric.units import format_si

    return (
        link.link,
        f"{link.utilisation:.1%}",
        str(link.flows),
        f"{link.pause_share:.1%}",
        format_si(link.mean_queue_bytes, "B"),
        str(link.xmit_data),
        str(link.xmit_wait),
        ", ".join(f"{filler.flow} ({filler.share:.0%})" for filler in link.filled_by),
    )
