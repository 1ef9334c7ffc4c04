"""Facts about hardware, as data: every value names the source it was read in, or says that it is unverified."""

from .load import Catalogue, catalogue
from .prices import PriceRange, price_range
from .records import Value
from .servers import ServerKind, refuse_unspecified, server_kind, server_with

__all__ = [
    "Catalogue",
    "PriceRange",
    "ServerKind",
    "Value",
    "catalogue",
    "price_range",
    "refuse_unspecified",
    "server_kind",
    "server_with",
]
