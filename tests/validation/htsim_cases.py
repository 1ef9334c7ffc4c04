"""Flows, paths and completion times that csg-htsim gave (tests/data/htsim/NOTICE.md), on a fabric of ours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

DATA = Path(__file__).parents[1] / "data" / "htsim"
PACKETS = {"header": "64B", "forwarding": "store", "completion": "acked"}
ROCE = {
    "name": "roce", "mtu": "9064B", "pad": "true", "cc": "none", "pfc_xoff": "135000B", "pfc_xon": "108000B", **PACKETS,
}  # fmt: skip
SPRAYED = {
    "ndp": {"name": "uec", "mtu": "9064B", "window": "135960B", "pad": "true", **PACKETS},
    "eqds": {"name": "uec", "mtu": "4150B", "window": "207500B", **PACKETS},
}


OTHER_LAWS = {
    "hpcc": {"name": "roce", "mtu": "9064B", "pad": "true", "cc": "hpcc", **PACKETS},
    "swift": {"name": "roce", "mtu": "9001B", "pad": "true", "cc": "swift", **PACKETS, "header": "1B"},
}
"""What csg-htsim calls so is not what the papers say: its HPCC multiplies windows on every acknowledgement by loads it
averages since a flow began, its Swift knows no hops."""


class GivenCase(NamedTuple):
    """`forth` and `back` are (indptr, links) of data and acknowledgements."""

    flows: dict
    forth: tuple
    back: tuple
    due_s: np.ndarray


def given_case(tree, transport, name):
    """On `tree`, of k = 8."""
    with np.load(DATA / f"{transport}_{name}.npz") as file:
        data = dict(file)
    link = _links(tree, data["link_names"])
    return GivenCase(
        {"src": data["src"], "dst": data["dst"], "bytes": data["size"], "start_s": data["start"]},
        (data["indptr"], link[data["links"]]),
        (data["ack_indptr"], link[data["ack_links"]]),
        data["fct_us"] * 1e-6,
    )


def _links(tree, names):
    """Directed link ids by htsim's names."""
    by_ends = {ends: i for i, ends in enumerate(zip(tree.link_source.tolist(), tree.link_target.tolist(), strict=True))}
    return np.array([by_ends[_ends(tree, str(name).replace("(0)", ""))] for name in names])


def _ends(tree, name):
    source, target = name.split("->")
    if target == "T":
        host = int(source.removeprefix("H"))
        target = f"LS{host // 4}"
    return tree.node_id(_node(source)), tree.node_id(_node(target))


def _node(name):
    kind, number = re.fullmatch(r"([A-Z]+)_?([0-9]+)", name).groups()
    i = int(number)
    return {
        "H": f"host-{i}",
        "DST": f"host-{i}",
        "LS": f"leaf-{i // 4}-{i % 4}",
        "US": f"agg-{i // 4}-{i % 4}",
        "CS": f"core-{i % 4}-{i // 4}",
    }[kind]
