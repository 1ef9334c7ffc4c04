"""Options of the commands that put a fabric into a building: the hall's limits, and prices of one's own."""

from __future__ import annotations

import functools
from typing import Any

import click

from .options import Body


def hall_options(body: Body) -> Body:
    """The hall and the quotes, handed to `body` as `hall` and `quotes`."""

    @click.option("--rack-power", metavar="POWER", help="What a rack may draw, like 40kW.  [default: 41.3kW, by air]")
    @click.option("--rack-units", type=click.IntRange(min=1, max=100), help="Units of a rack.  [default: 48]")
    @click.option("--pue", type=float, help="Facility power over IT power.  [default: 1.2]")
    @click.option("--prices", metavar="FILE.yaml", help="Prices of your own: NAME: {low, typical, high, power_w}.")
    @functools.wraps(body)
    def command(
        *arguments: Any,
        rack_power: str | None,
        rack_units: int | None,
        pue: float | None,
        prices: str | None,
        **rest: Any,
    ) -> Any:
        from ..fabric.units import power_w
        from ..topologies.hall import Hall
        from ..topologies.quotes import read_quotes

        hall = Hall.of(None if rack_power is None else power_w(rack_power), rack_units, pue)
        return body(*arguments, hall=hall, quotes=read_quotes(prices) if prices else {}, **rest)

    return command
