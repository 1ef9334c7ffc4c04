"""Prices of one's own: a YAML file that says what parts cost, and draw, in place of the catalogue.

QM9700: {typical: 38000, source: offer of March}
switch of 128 ports: {low: 60000, typical: 70000, high: 90000, power_w: 1400}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, model_validator

from ..fabric.catalogue import PriceRange, price_range
from ..fabric.errors import Fault, SpecError
from ..fabric.spec import Spec, read_yaml, validate


class Quote(Spec):
    """What one piece costs in USD (`low` and `high` default to `typical`), and what it draws."""

    typical: float = Field(ge=0)
    low: float | None = Field(None, ge=0)
    high: float | None = Field(None, ge=0)
    power_w: float | None = Field(None, ge=0)
    source: str = "quote"

    @model_validator(mode="after")
    def _in_order(self) -> Quote:
        price = self.price
        if not price.low <= price.typical <= price.high:
            message = f"{price.low:g}, {price.typical:g}, {price.high:g} do not rise"
            raise SpecError(Fault(message, "give low <= typical <= high", field="typical"))
        return self

    @property
    def price(self) -> PriceRange:
        low = self.typical if self.low is None else self.low
        return PriceRange(low, self.typical, self.typical if self.high is None else self.high, (self.source,))


Quotes = Mapping[str, Quote]


def price_of(name: str, quotes: Quotes) -> PriceRange | None:
    """The quoted price of a part, else the catalogue's; None where there is neither."""
    return quotes[name].price if name in quotes else price_range(name)


def power_of(name: str, quotes: Quotes, known_w: float | None) -> float | None:
    """The quoted power of a part, else what is known of it."""
    quoted = quotes[name].power_w if name in quotes else None
    return known_w if quoted is None else quoted


def read_quotes(path: str | Path) -> Quotes:
    """The quotes in a file. Raises ParseError, or SpecError with every wrong field."""
    content, lines = read_yaml(path)
    quotes, faults = {}, []
    for name, fields in content.items():
        own = {place[1:]: line for place, line in lines.items() if place[0] == name and len(place) > 1}
        if not isinstance(fields, dict):
            faults.append(Fault("is no mapping", "write typical: USD", str(path), lines.get((name,)), name))
            continue
        try:
            quotes[name] = validate(Quote, fields, str(path), own)
        except SpecError as error:
            faults += [
                Fault(fault.message, fault.cure, fault.file, fault.line or lines.get((name,)), f"{name}.{fault.field}")
                for fault in error.faults
            ]
    if faults:
        raise SpecError(faults)
    return quotes
