"""What a part costs: the catalogue's low, typical and high price of it."""

from __future__ import annotations

from dataclasses import dataclass

from .load import catalogue
from .records import UNVERIFIED, Quantity


@dataclass(frozen=True)
class PriceRange:
    """USD for one piece (of fibre, one metre), and the keys of the sources in `Catalogue.sources`."""

    low: float
    typical: float
    high: float
    sources: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether every one of them was read in a source."""
        return UNVERIFIED not in self.sources


def price_range(name: str) -> PriceRange | None:
    """The catalogue's price of a part; None where it has none."""
    entry = catalogue().prices.get(name)
    typical = _own_price(name) if entry is None or entry.typical is None else entry.typical
    if typical is None:
        return None
    values = (entry.low, typical, entry.high) if entry is not None else (typical,) * 3
    low, middle, high = (value.value for value in values)
    return PriceRange(low, middle, high, tuple(dict.fromkeys(value.source for value in values)))


def _own_price(name: str) -> Quantity | None:
    """The price that stands in the part's record."""
    known = catalogue()
    for section in (known.switches, known.nics, known.accelerators):
        if name in section:
            return section[name].price_usd
    if name in known.cables:
        return known.cables[name].price_usd or known.cables[name].price_usd_per_m
    return None
