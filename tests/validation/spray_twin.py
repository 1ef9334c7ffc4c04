"""Sprayed flows packet by packet: the slow, obvious twin of spraying in closed form.

Fat trees of three tiers, every packet on a path of its own, switches that trim, and receivers that pull: NDP and EQDS
as csg-htsim has them, but for its random numbers, so that times agree on average only.
"""

from __future__ import annotations

import re

import numpy as np
from packet_twin_kernels import NOBODY, Line
from spray_twin_eqds import Eqds, Rules, run_eqds
from spray_twin_ndp import Ndp, run_ndp
from spray_twin_ports import Ports, Wiring

PACE = 0.99
"""Of the line rate, what receivers pull."""

ENTROPIES = 128


def ndp_s(tree, flows, seed=0):
    """Seconds from each flow's start until its source knows that all has arrived, float64[n], by NDP with packets of
    9,064 bytes, windows of 15 and ports of 135,000 bytes."""
    wiring = _wire(tree, flows, 9000, True, 135_000)
    start_ps, n, total = _start_ps(flows), len(flows["src"]), int(wiring.first[-1])
    hosts, half = len(wiring.host_up), wiring.leaf_up.shape[1]
    pull_ps = round(9064 * wiring.byte_ps[wiring.host_up[0]] / PACE)
    ndp = Ndp(
        _zeros(n), _zeros(n), np.zeros(total, np.bool_), _zeros(n), np.zeros(total, np.bool_), _zeros(n), _zeros(n),
        _zeros(n), np.tile(np.arange(half * half), (2, n, 1)), _zeros(2, n), np.full(hosts, -pull_ps), _zeros(hosts),
        np.concatenate(([0], np.cumsum(np.bincount(wiring.dst, minlength=hosts)))),
        np.argsort(wiring.dst, kind="stable"), np.full(n, -1),
    )  # fmt: skip
    for flow, path_count in enumerate(_ways(wiring)):
        ndp.order[:, flow, :path_count] = np.arange(path_count)
    run_ndp(wiring, _at_rest(tree, n, 64 * n + 8 * total, seed), ndp, start_ps, 15, pull_ps)
    return _lasted_s(ndp.done_ps, start_ps)


def eqds_s(tree, flows, seed=0):
    """The same by EQDS with packets of 4,150 bytes, the last one short, 207,500 bytes of credit to begin with and ports
    of 145,250 bytes. 4,096 bytes of credit are given in the time of 4,160 + 38 on the wire, times the pace."""
    wiring = _wire(tree, flows, 4086, False, 145_250)
    start_ps, n, total = _start_ps(flows), len(flows["src"]), int(wiring.first[-1])
    hosts = len(wiring.host_up)
    mixer = np.random.default_rng(seed)

    def line():
        return Line(np.full(hosts, NOBODY), np.full(hosts, NOBODY), np.full(n, NOBODY))

    wire = np.add.reduceat(wiring.packet_bytes, wiring.first[:-1])
    eqds = Eqds(
        _zeros(n), wire.copy(), wire.copy(), _zeros(n), _zeros(n), _zeros(n), np.zeros(n, np.bool_),
        np.zeros(total, np.bool_), _zeros(n), np.zeros((n, ENTROPIES), np.bool_), _zeros(n),
        mixer.integers(0, ENTROPIES, n), np.zeros(total, np.bool_), _zeros(n), _zeros(n), _zeros(n), _zeros(n),
        _zeros(n), np.zeros((3, n), np.bool_), (line(), line(), line()), np.zeros(hosts, np.bool_), _zeros(hosts),
        line(), np.full(n, -1),
    )  # fmt: skip
    pace_ps = int(PACE * (4096 + 64 + 38) * wiring.byte_ps[wiring.host_up[0]])
    run_eqds(
        wiring, _at_rest(tree, n, 64 * n + 8 * total, seed), eqds, start_ps, Rules(4150, 207_500, 4096, pace_ps, seed)
    )
    return _lasted_s(eqds.done_ps, start_ps)


def _wire(tree, flows, payload_bytes, padded, buffer_bytes):
    nodes = {name: i for i, name in enumerate(tree.node_name.astype(str).tolist())}
    links = {ends: i for i, ends in enumerate(zip(tree.link_source.tolist(), tree.link_target.tolist(), strict=True))}
    half = 1 + max(int(re.fullmatch(r"leaf-(\d+)-(\d+)", name)[2]) for name in nodes if name.startswith("leaf"))

    def link(source, target):
        return links[nodes[source], nodes[target]]

    leaves = [f"leaf-{pod}-{i}" for pod in range(2 * half) for i in range(half)]
    aggs = [name.replace("leaf", "agg") for name in leaves]
    hosts = range(half * len(leaves))
    below = [(leaf, f"agg-{leaf.split('-')[1]}-{a}") for leaf in leaves for a in range(half)]
    above = [(agg, f"core-{agg.split('-')[2]}-{c}") for agg in aggs for c in range(half)]
    size = np.asarray(flows["bytes"], dtype=np.int64)
    count = -(-size // payload_bytes)
    packet_bytes = np.full(int(count.sum()), payload_bytes + 64)
    if not padded:
        packet_bytes[np.cumsum(count) - 1] -= count * payload_bytes - size
    hosts_only = np.array([name.startswith("host") for name in nodes])
    return Wiring(
        np.round(8e12 / tree.capacity_bps).astype(np.int64),
        np.round(1e3 * tree.latency_ns).astype(np.int64),
        hosts_only[tree.link_source],
        np.array([link(f"host-{h}", leaves[h // half]) for h in hosts]),
        np.array([link(leaves[h // half], f"host-{h}") for h in hosts]),
        np.array([link(leaf, agg) for leaf, agg in below]).reshape(-1, half),
        np.array([link(agg, leaf) for leaf, agg in below]).reshape(-1, half),
        np.array([link(agg, core) for agg, core in above]).reshape(-1, half),
        np.array([link(core, agg) for agg, core in above]).reshape(-1, half),
        np.asarray(flows["src"], dtype=np.int64),
        np.asarray(flows["dst"], dtype=np.int64),
        count,
        np.concatenate(([0], np.cumsum(count))),
        packet_bytes,
        buffer_bytes,
    )


def _ways(wiring):
    half = wiring.leaf_up.shape[1]
    leaf, other = wiring.src // half, wiring.dst // half
    return np.where(leaf == other, 1, np.where(leaf // half == other // half, half, half * half))


def _at_rest(tree, flows, packets, seed):
    behind = np.full(packets, NOBODY)

    def line(places, behind=behind):
        return Line(np.full(places, NOBODY), np.full(places, NOBODY), behind)

    links, most_ahead = tree.links, 4 * flows + 8 * tree.links + tree.nodes
    return Ports(
        *(_zeros(packets) for _ in range(9)), np.arange(packets), line(links), line(links), line(flows),
        line(links, np.full(flows, NOBODY)), line(links), np.full(links, NOBODY), _zeros(links),
        np.array([seed], dtype=np.uint64), _zeros(most_ahead), _zeros(most_ahead), np.array([0, 0, packets]),
    )  # fmt: skip


def _start_ps(flows):
    return np.round(np.asarray(flows["start_s"]) * 1e12).astype(np.int64)


def _lasted_s(done_ps, start_ps):
    return np.where(done_ps < 0, np.nan, (done_ps - start_ps) * 1e-12)


def _zeros(*shape):
    return np.zeros(shape, dtype=np.int64)
