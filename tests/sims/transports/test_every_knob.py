"""Every parameter of every transport moves something, in the direction that its mechanism says.

A row: transport, parameter, two values, what is measured, and whether that rises or falls from the first value to the
second; what else must be set for the parameter to act. A parameter without a row fails.
"""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import SpecError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.network import Network, network_for
from fabricsim.sims.traffic import traffic
from fabricsim.sims.transports import INERT, TRANSPORTS
from fabricsim.topologies import load

LINE_BPS = 1e11
UP, DOWN = 1, -1


def alone_s(how, size=1e6):
    """One flow on an empty network."""
    return Network(_star(3), **how).transfer([1], [0], size).makespan_s


def short_s(how):
    """One byte more than nothing."""
    return alone_s(how, 1.0)


def incast_s(how):
    """Eight to one."""
    return Network(_star(9), **how).transfer(np.arange(1, 9), np.zeros(8, int), 1e7).makespan_s


def queue_bytes(how):
    """The longest mean queue where eight send to one through a link that one more crosses."""
    return _parked(how).queues.mean_bytes.max()


def victim_bps(how):
    """Rate of the one that only crosses."""
    return _parked(how).rate_bps[1]


def crowd_victim_bps(how):
    """The same with 64 senders, and packets of four jumbo frames: marks are few."""
    return _parked({**how, "parameters": {"mtu": "36000B", **how["parameters"]}}, 64).rate_bps[1]


def own_lane_bps(how):
    """Rate of the one that only crosses, at a service level of its own."""
    fabric, src, dst, size = _parking_lot(7)
    flows = {"src": src, "dst": dst, "bytes": size, "sl": (src == 1).astype(int)}
    return traffic(fabric, flows, **how).rate_bps[1]


def second_lane_bps(how):
    """Rate of the second of two that send to one, at service levels of their own, the first three times as much."""
    flows = {"src": [1, 2], "dst": [0, 0], "bytes": [3 * 10**8, 10**8], "sl": [0, 1]}
    return traffic(_star(3), flows, **how).rate_bps[1]


def collisions_s(how):
    """Eight to eight over eight equal paths, all pairs; mean over draws."""
    src, dst = (each.ravel() for each in np.meshgrid(np.arange(8), np.arange(8, 16)))
    return np.mean([Network(_two_leaves(), seed=seed, **how).transfer(src, dst, 1e6).makespan_s for seed in range(16)])


def permutation_s(how):
    """Eight to eight over eight equal paths; mean over draws."""
    ends = np.arange(8), np.arange(8, 16)
    return np.mean([Network(_two_leaves(), seed=seed, **how).transfer(*ends, 1e6).makespan_s for seed in range(16)])


def three_tiers_s(how):
    """A shift by half a tree of three tiers; mean over draws."""
    tree = load("fat_tree", k=8, network="roce")
    src = np.arange(128)
    runs = [Network(tree, seed=seed, **how).transfer(src, (src + 64) % 128, 2e6) for seed in range(4)]
    return np.mean([ran.makespan_s for ran in runs])


PACKET_ROWS = [
    ("mtu", "1106B", "4096B", alone_s, DOWN, {"header": "64B"}),
    ("header", "64B", "512B", alone_s, UP, {"mtu": "4096B"}),
    ("window", "5kB", "20kB", alone_s, DOWN, {"mtu": "4096B"}),
    ("forwarding", "cut", "store", alone_s, UP, {}),
    ("completion", "delivered", "acked", alone_s, UP, {}),
    ("pad", "false", "true", short_s, UP, {}),
]
SOCKETS = {"qps": 3}
"""So many that no core is in the way."""

ROWS = [
    *((name, *row) for name in ("infiniband", "roce", "uec") for row in PACKET_ROWS),
    *(("tcp", *row[:-1], {**row[-1], **SOCKETS}) for row in PACKET_ROWS),
    ("infiniband", "buffer", "8311B", "256KiB", alone_s, DOWN, {}),
    ("infiniband", "cc", "none", "cct", victim_bps, UP, {}),
    ("infiniband", "cc_threshold", 1, 15, queue_bytes, DOWN, {}),
    ("infiniband", "cc_timer", 1, 1000, crowd_victim_bps, UP, {}),
    ("infiniband", "cc_increase", 1, 127, crowd_victim_bps, UP, {"cc_timer": 10}),
    ("infiniband", "lanes", 1, 2, own_lane_bps, UP, {"cc": "none"}),
    ("infiniband", "sl2vl", "0,0", "0,1", own_lane_bps, UP, {"cc": "none", "lanes": 2}),
    ("infiniband", "lane_weights", "4,1", "1,4", second_lane_bps, UP, {"cc": "none", "lanes": 2}),
    ("roce", "priorities", 1, 2, own_lane_bps, UP, {"cc": "none"}),
    ("roce", "priority_weights", "4,1", "1,4", second_lane_bps, UP, {"cc": "none", "priorities": 2}),
    ("roce", "qps", 1, 16, permutation_s, DOWN, {}),
    ("roce", "entropy", "src", "src,dst,sport", collisions_s, DOWN, {}),
    ("roce", "hash", "per-switch", "same", three_tiers_s, UP, {}),
    ("roce", "cc", "none", "dcqcn", victim_bps, UP, {}),
    ("roce", "dcqcn_set", "paper", "adapter", queue_bytes, UP, {}),
    ("roce", "ecn_kmin", "5kB", "100kB", queue_bytes, UP, {}),
    ("roce", "ecn_kmax", "100kB", "400kB", queue_bytes, UP, {}),
    ("roce", "ecn_pmax", 0.01, 0.1, queue_bytes, DOWN, {}),
    ("roce", "pfc_xoff", "100kB", "400kB", queue_bytes, UP, {"cc": "none", "pfc_xon": "40kB"}),
    ("roce", "pfc_xon", "40kB", "90kB", queue_bytes, UP, {"cc": "none", "pfc_xoff": "100kB"}),
    ("roce", "pfc_headroom", "200kB", "3160kB", victim_bps, DOWN, {"cc": "timely"}),
    ("roce", "loss_recovery", "selective-repeat", "go-back-n", incast_s, UP, {"cc": "none"}),
    ("roce", "buffer", "20kB", "200kB", incast_s, UP, {"cc": "none", "loss_recovery": "go-back-n"}),
    ("tcp", "qps", 1, 8, alone_s, DOWN, {"cores": 8}),
    ("tcp", "entropy", "src", "src,dst,sport", collisions_s, DOWN, {}),
    ("tcp", "hash", "per-switch", "same", three_tiers_s, UP, SOCKETS),
    ("tcp", "cores", 1, 8, alone_s, DOWN, SOCKETS),
    ("tcp", "copies", 0, 2, alone_s, UP, {}),
    ("tcp", "segment", "1500B", "64kB", alone_s, DOWN, {}),
    ("tcp", "cc", "dctcp", "reno", queue_bytes, UP, {}),
    ("tcp", "buffer", "1kB", "2500kB", incast_s, DOWN, {}),
    ("uec", "entropies", 4, 128, three_tiers_s, DOWN, {"mtu": "4150B", "window": "207500B"}),
    ("uec", "cc", "none", "nscc", queue_bytes, DOWN, {}),
    ("uec", "trimming", "true", "false", queue_bytes, UP, {"cc": "nscc"}),
    ("uec", "trim_size", "64B", "512B", incast_s, UP, {"cc": "none"}),
    ("uec", "buffer", "20kB", "400kB", queue_bytes, UP, {"cc": "none"}),
]


def test_every_parameter_has_a_row_or_is_refused():
    known = {(name, field) for name, (spec, _) in TRANSPORTS.items() for field in spec.model_fields}
    assert known - set(INERT) == {(row[0], row[1]) for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_parameter_moves_the_answer_in_the_stated_direction(row):
    name, knob, first, second, measure, direction, beside = row
    before, after = (measure({"transport": name, "parameters": {**beside, knob: value}}) for value in (first, second))
    assert direction * (after - before) > 1e-6 * before


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_parameter_is_refused_on_the_rung_below(row):
    with pytest.raises(SpecError, match=f"transport.{row[1]}: does nothing at fidelity fluid"):
        network_for(_star(2), "fluid", row[0], "auto", 0, {row[1]: row[2]})


def _star(hosts):
    builder = FabricBuilder("star", {"network": "roce", "assumptions": []})
    ends = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(hosts)))
    builder.add_cables(ends, builder.add_nodes(NodeKind.SWITCH, ["hub"])[0], LINE_BPS, 500)
    return builder.build()


def _two_leaves():
    builder = FabricBuilder("two leaves", {"network": "roce", "assumptions": []})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(16)))
    leaves = builder.add_nodes(NodeKind.LEAF, ["left", "right"])
    spines = builder.add_nodes(NodeKind.SPINE, numbered("s-{}", np.arange(8)))
    builder.add_cables(hosts, np.repeat(leaves, 8), LINE_BPS, 500)
    builder.add_cables(np.repeat(leaves, 8), np.tile(spines, 2), LINE_BPS, 500)
    return builder.build()


def _parked(how, others=7):
    fabric, src, dst, size = _parking_lot(others)
    return Network(fabric, **how).transfer(src, dst, size)


def _parking_lot(others):
    """Host 0 behind a link sends to the sink that `others` beside it fill; host 1, behind the same link, elsewhere."""
    builder = FabricBuilder("parking lot", {"network": "roce", "assumptions": []})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(others + 4)))
    far, near = builder.add_nodes(NodeKind.LEAF, ["far", "near"])
    builder.add_cables(hosts, np.where(np.arange(others + 4) < 2, far, near), LINE_BPS, 500)
    builder.add_cables([far], [near], LINE_BPS, 500)
    senders = np.arange(others + 2)
    sinks = np.where(senders == 1, others + 3, others + 2)
    return builder.build(), senders, sinks, np.where(senders == 1, 1e8 // (others + 1), 1e8)
