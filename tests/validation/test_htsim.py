"""Completion times per flow against the packet-level simulator csg-htsim (tests/data/htsim/NOTICE.md)."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from fabricsim.sims.traffic import traffic
from fabricsim.topologies import load

DATA = Path(__file__).parents[1] / "data" / "htsim"
PACKETS = {"header": "64B", "forwarding": "store", "completion": "acked"}
ROCE = {
    "name": "roce", "mtu": "9064B", "pad": "true", "cc": "none", "pfc_xoff": "135000B", "pfc_xon": "108000B", **PACKETS,
}  # fmt: skip
SPRAYED = {
    "ndp": {"name": "uec", "mtu": "9064B", "window": "135960B", "pad": "true", **PACKETS},
    "eqds": {"name": "uec", "mtu": "4150B", "window": "207500B", **PACKETS},
}

pytestmark = pytest.mark.validation


@pytest.fixture(scope="module")
def tree():
    return load("fat_tree", k=8, link="100Gbps", hop_latency="1us")


@pytest.mark.parametrize(("case", "limit"), [("perm128_2MB", 0.03), ("perm128_mixed", 0.05), ("incast_bg", 0.08)])
def test_roce_on_given_paths(tree, compare, case, limit):
    with np.load(DATA / f"roce_{case}.npz") as file:
        data = dict(file)
    flows = {"src": data["src"], "dst": data["dst"], "bytes": data["size"], "start_s": data["start"]}
    link = _links(tree, data["link_names"])
    forth = data["indptr"], link[data["links"]]
    back = data["ack_indptr"], link[data["ack_links"]]
    ran = traffic(tree, flows, forth, back, transport=ROCE)
    _compare(compare, f"roce {case}", ran, data["fct_us"], limit)
    ours, due = _fct_us(ran), data["fct_us"]
    for word, measure, most in (("mean", np.mean, 0.03), ("max", np.max, 0.06)):
        pair = measure(ours), measure(due)
        compare(f"roce {case}, {word}", *(f"{value:.1f} us" for value in pair), pair[0] / pair[1] - 1, most)


@pytest.mark.parametrize(
    ("transport", "case", "limit"),
    [
        ("ndp", "perm128_2MB", 0.015),
        ("ndp", "perm128_mixed", 0.02),
        ("ndp", "incast_bg", 0.025),
        ("eqds", "perm128_2MB", 0.05),
        ("eqds", "perm128_mixed", 0.02),
        ("eqds", "incast_bg", 0.03),
    ],
)
def test_sprayed_packets_from_the_spec_alone(tree, compare, transport, case, limit):
    with open(DATA / f"{transport}_{case}.csv", newline="") as file:
        due = np.array([float(row["fct_us"]) for row in csv.DictReader(file)])
    ran = traffic(tree, DATA / f"{case}.cm", transport=SPRAYED[transport])
    _compare(compare, f"{transport} {case}", ran, due, limit)


def _compare(compare, case, ran, due_us, limit):
    ours = _fct_us(ran)
    error = float(np.abs(ours / due_us - 1).mean())
    compare(f"{case}, per flow", f"{np.median(ours):.1f} us", f"{np.median(due_us):.1f} us", error, limit)


def _fct_us(ran):
    return (ran.finish_s - ran.start_s) * 1e6


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
