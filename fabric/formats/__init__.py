"""File formats of a network, by name: `READERS[name](path) -> Fabric`, `WRITERS[name](fabric, path)`.

A format's module is imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any


def _late(module: str, function: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return getattr(import_module(f".{module}", __name__), function)(*arguments)

    return call


READERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "fabric": _late("native", "load"),
        "graphml": _late("graphml", "read_graphml"),
        "ibnetdiscover": _late("ibnetdiscover", "read_ibnetdiscover"),
        "json": _late("json_graph", "read_json"),
    }
)
WRITERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "dot": _late("dot", "write_dot"),
        "fabric": _late("native", "save"),
        "graphml": _late("graphml", "write_graphml"),
        "guid2lid": _late("guid2lid", "write_guid2lid"),
        "ibnetdiscover": _late("ibnetdiscover", "write_ibnetdiscover"),
        "json": _late("json_graph", "write_json"),
        "lft": _late("lft", "write_lft"),
    }
)
ROUTED = frozenset({"lft"})
"""Formats that hold a routing, too: `WRITERS[name](fabric, path, rule)`."""
