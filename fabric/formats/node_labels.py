"""Labels of Kubernetes nodes, as topograph writes them, as objects that `kubectl apply --server-side` takes.

`fabric.topograph.run/tier-N`: the group a node is in, tier 0 the nearest; `accelerator.topograph.run/domain`: the
scale-up domain that it shares with other nodes (NVIDIA topograph 1.0, "Node labels and annotations").
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..files import replacing
from ..graph import Fabric
from .localities import Localities, localities


def write_node_labels(fabric: Fabric, path: str | Path) -> None:
    """Write the file, whole or not at all. Raises InputError for a fabric that is not joined."""
    near = localities(fabric)
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in _lines(near))


def _lines(near: Localities) -> Iterator[str]:
    labels: list[list[tuple[str, str]]] = [[] for _ in near.nodes]
    for domain in near.domains:
        for node in domain.nodes.tolist():
            labels[node].append(("accelerator.topograph.run/domain", domain.name))
    for tier, groups in enumerate(near.tiers):
        for group in groups:
            for node in group.nodes.tolist():
                labels[node].append((f"fabric.topograph.run/tier-{tier}", group.name))
    for name, own in zip(near.nodes, labels, strict=True):
        yield from ("---", "apiVersion: v1", "kind: Node", "metadata:", f"  name: {name}", "  labels:")
        yield from (f"    {key}: {value}" for key, value in own)
