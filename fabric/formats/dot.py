"""Graphviz DOT, out only: a drawing for people, one box per server, one line per bundle of equal cables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..files import replacing
from ..graph import Fabric, NodeKind
from ..units import format_bandwidth

_SHAPES = {
    NodeKind.ACCELERATOR: "box",
    NodeKind.NIC: "cds",
    NodeKind.HOST: "box",
    NodeKind.STORAGE: "cylinder",
    NodeKind.AGGREGATION: "diamond",
}


def write_dot(fabric: Fabric, path: str | Path) -> None:
    """Write `dot_text`, whole or not at all."""
    text = dot_text(fabric)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def dot_text(fabric: Fabric) -> str:
    """The fabric for `dot -Tsvg`: switches as ellipses, cables labelled `2 x 400Gbps`."""
    lines = [f"graph {_quoted(fabric.name)} {{", "  rankdir=BT;", *_nodes(fabric), *_cables(fabric), "}"]
    return "\n".join(lines) + "\n"


def _nodes(fabric: Fabric) -> Iterator[str]:
    servers = fabric.column("server")
    drawn = [
        f"{_quoted(fabric.label(node))} [shape={_SHAPES.get(NodeKind(kind), 'ellipse')}];"
        for node, kind in enumerate(fabric.node_kind.tolist())
    ]
    by_server = np.argsort(servers, kind="stable")
    numbers, starts = np.unique(servers[by_server], return_index=True)
    for server, members in zip(numbers.tolist(), np.split(by_server, starts[1:]), strict=True):
        lines = [f"  {drawn[node]}" for node in members.tolist()]
        if server >= 0:
            lines = [f"  subgraph cluster_{server} {{ label={_quoted(f'server {server}')};", *lines, "  }"]
        yield from lines


def _cables(fabric: Fabric) -> Iterator[str]:
    ends = zip(fabric.link_source[::2].tolist(), fabric.link_target[::2].tolist(), strict=True)
    speeds = zip(fabric.capacity_bps[::2].tolist(), fabric.capacity_bps[1::2].tolist(), strict=True)
    for (source, target, forth, back), count in Counter(
        (*end, *speed) for end, speed in zip(ends, speeds, strict=True)
    ).items():
        speed = format_bandwidth(forth) + (f" / {format_bandwidth(back)}" if back != forth else "")
        label = f"{count} x {speed}" if count > 1 else speed
        yield f"  {_quoted(fabric.label(source))} -- {_quoted(fabric.label(target))} [label={_quoted(label)}];"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
