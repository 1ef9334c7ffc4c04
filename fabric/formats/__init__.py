"""File formats of a network, by name: `READERS[name](path) -> Fabric`, `WRITERS[name](fabric, path)`.

A format's module is imported when it is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
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
        "simai": _late("simai", "read_simai"),
    }
)
WRITERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "dot": _late("dot", "write_dot"),
        "fabric": _late("native", "save"),
        "graphml": _late("graphml", "write_graphml"),
        "guid2lid": _late("guid2lid", "write_guid2lid"),
        "htsim": _late("htsim", "write_htsim"),
        "ibnetdiscover": _late("ibnetdiscover", "write_ibnetdiscover"),
        "infragraph": _late("infragraph", "write_infragraph"),
        "json": _late("json_graph", "write_json"),
        "k8s-labels": _late("node_labels", "write_node_labels"),
        "lft": _late("lft", "write_lft"),
        "nccl-xml": _late("nccl_xml", "write_nccl_xml"),
        "simai": _late("simai", "write_simai"),
        "simgrid": _late("simgrid_xml", "write_simgrid_xml"),
        "slurm-block": _late("slurm_block", "write_slurm_block"),
        "slurm-tree": _late("slurm_tree", "write_slurm_tree"),
        "slurm-yaml": _late("slurm_yaml", "write_slurm_yaml"),
    }
)
ROUTED = frozenset({"lft", "simgrid"})
"""Formats that hold a routing, too: `WRITERS[name](fabric, path, rule)`."""

_LOOKED_AT = 1 << 16


def format_of(path: str | Path) -> str | None:
    """The name of the format in READERS that a text file's beginning looks like; None where it looks like none."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LOOKED_AT).decode("utf-8", errors="ignore")
    except OSError:
        return None
    lines = [line.strip() for line in text.splitlines()]
    if any(line.startswith(("Switch\t", "Switch ", "Ca\t", "Ca ")) and '"' in line for line in lines):
        return "ibnetdiscover"
    first = next(filter(None, lines), "")
    return {"{": "json", "<": "graphml"}.get(first[:1])
