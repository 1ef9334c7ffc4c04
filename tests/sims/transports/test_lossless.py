"""Queues that push back, where arithmetic says what they must do."""

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import FlowError, SpecError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.network import Network
from fabricsim.sims.traffic import traffic
from fabricsim.sims.transports.lossless import layout
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

RATE = 1e11 / 8
PACKETS = {"mtu": "9064B", "header": "64B"}
ROCE = {"name": "roce", "cc": "none", **PACKETS}
WIRE = 9064 / 9000


@pytest.mark.parametrize("senders", [2, 8, 64])
def test_an_incast_runs_at_the_receivers_line_rate_and_shares_it_equally(star, senders):
    size = 9_000_000
    flows = {"src": range(1, senders + 1), "dst": [0] * senders, "bytes": [size] * senders}
    ran = traffic(star(senders + 1), flows, transport=ROCE)
    assert ran.finish_s == pytest.approx(senders * size * WIRE / RATE + 1e-6, rel=5e-4)


def _chain():
    """Hosts 0, 1 on the first switch, 2 and 3 on the second, one cable between the two."""
    builder = FabricBuilder("chain", {"network": "roce"})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h-{}", np.arange(4)))
    switches = builder.add_nodes(NodeKind.SWITCH, ["a", "b"])
    builder.add_cables(hosts, np.repeat(switches, 2), 1e11, 500)
    builder.add_cables(switches[:1], switches[1:], 1e11, 500)
    return builder.build()


def test_shares_go_by_ingress_port_and_not_by_flow():
    """Parking lot: two flows come over the cable, one is local; the port of the receiver halves between the two
    ports they enter by, so the local flow gets 1/2 and the far ones 1/4 each, where fair shares were 1/3."""
    flows = {"src": [0, 1, 3], "dst": [2, 2, 2], "bytes": [90_000_000] * 3}
    lossless, fair = (traffic(_chain(), flows, transport={**ROCE, "cc": cc}) for cc in ("none", "dcqcn"))
    line_s = 90_000_000 * WIRE / RATE
    assert lossless.finish_s[2] == pytest.approx(2 * line_s, rel=0.02)
    assert lossless.finish_s[:2] == pytest.approx(3 * line_s, rel=0.02)
    assert fair.finish_s == pytest.approx(3 * line_s, rel=0.05)


@pytest.mark.parametrize("senders", [4, 8, 16])
def test_a_victim_is_held_to_the_rate_of_the_flow_it_queues_with(star, senders):
    """A and V leave one host, A into an incast of k, V to an idle host: V falls from 1 - 1/k to 1/k."""
    size = 90_000_000
    idle = senders + 1
    flows = {"src": [*range(1, senders + 1), 1], "dst": [0] * senders + [idle], "bytes": [size] * (senders + 1)}
    line_s = size * WIRE / RATE
    lossless, fair = (traffic(star(senders + 2), flows, transport={**ROCE, "cc": cc}) for cc in ("none", "dcqcn"))
    assert lossless.finish_s[-1] == pytest.approx(senders * line_s, rel=0.03)
    assert fair.finish_s[-1] == pytest.approx(line_s / (1 - 1 / senders), rel=0.05)


def test_cost_does_not_grow_with_bytes():
    """Between two ends of flows nothing changes: a thousand times the bytes take a thousand times the time."""
    tree = load("fat_tree", k=4, link="100Gbps", hop_latency="1us")
    src = np.arange(16)
    dst = np.random.default_rng(3).permutation(16)
    dst = np.where(dst == src, (dst + 1) % 16, dst)
    short, long = (
        traffic(tree, {"src": src, "dst": dst, "bytes": [size] * 16}, transport=ROCE).finish_s
        for size in (90_000_000, 90_000_000_000)
    )
    assert long == pytest.approx(1000 * short, rel=0.02)


@pytest.mark.parametrize(("k", "packets"), [(4, {}), (4, PACKETS), (8, PACKETS)])
def test_an_incast_of_many_gigabytes_through_a_tree_keeps_its_last_link_busy(k, packets):
    """However unequal the shares by ingress port: all bytes leave by one link, which never idles."""
    tree = load("fat_tree", k=k, link="100Gbps")
    senders = tree.ranks - 1
    flows = {"src": range(1, senders + 1), "dst": [0] * senders, "bytes": [10**9] * senders}
    ran = traffic(tree, flows, transport={"name": "roce", "cc": "none", **packets})
    share = 9000 / 9064 if packets else 0.925
    assert ran.finish_s.max() == pytest.approx(senders * 1e9 / share / RATE, rel=1e-3)


@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 40),
    carrier=st.sampled_from(["roce", "infiniband"]),
    window=st.sampled_from([None, "200kB"]),
    completion=st.sampled_from(["delivered", "acked"]),
    alike=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_any_sizes_and_starts_end_and_are_certified(seed, count, carrier, window, completion, alike):
    """Bytes to gigabytes, one size or many, starts from together to a second apart: every flow ends, no earlier than
    alone, and no link has carried its bytes sooner than its rate allows."""
    tree = load("fat_tree", k=4, link="400Gbps")
    rng = np.random.default_rng(seed)
    src = rng.integers(1, 16, count)
    dst = np.zeros(count, int) if seed % 2 else (src + rng.integers(1, 16, count)) % 16
    size = np.exp(rng.uniform(0, np.log(1e9), count)).astype(int) + 1
    size[:] = size[0] if alike else size
    flows = {"src": src, "dst": dst, "bytes": size, "start_s": rng.uniform(0, 10.0 ** rng.integers(-6, 1), count)}
    knobs = {"cc": "none", "completion": completion, **({"window": window} if window else {}), **PACKETS}
    ran = traffic(tree, flows, transport={"name": carrier, **knobs}, seed=seed)
    assert (ran.finish_s - ran.start_s >= size / (4 * RATE)).all()


def test_a_thousand_ends_at_once_take_no_less_than_their_bytes():
    """What is left of each when it is counted as gone, a thousandfold, still has to cross the last link."""
    tree = load("fat_tree", k=16, link="100Gbps")
    flows = {"src": range(1, 1024), "dst": [0] * 1023, "bytes": [90_000] * 1023}
    ran = traffic(tree, flows, transport=ROCE)
    assert 1 <= ran.finish_s.max() / (1023 * 90_000 * WIRE / RATE) < 1.001


@pytest.mark.parametrize("packets", [1, 2, 64])
def test_credits_for_less_than_a_round_trip_hold_back_a_flow_that_shares_nothing(star, packets):
    """Beside an incast, for which queues are walked: a link carries no more than its buffer holds in the time in which
    a packet crosses its cable (500 ns each way), is taken in and sent on."""
    size, full = 9_000_000, 9064
    flows = {"src": [1, 2, 3], "dst": [0, 0, 4], "bytes": [size] * 3}
    knobs = {"cc": "none", "buffer": f"{packets * full}B", "forwarding": "store", **PACKETS}
    ran = traffic(star(5), flows, transport={"name": "infiniband", **knobs})
    alone_s = size * WIRE / RATE
    turn = (2 * full + 2 * 500e-9 * RATE) / full
    assert ran.finish_s[2] == pytest.approx(alone_s * max(1.0, turn / packets), rel=0.02)


def test_the_answer_does_not_depend_on_the_length_of_steps(monkeypatch):
    """A sixth and one and a half of the usual."""
    tree = load("fat_tree", k=4, link="100Gbps", hop_latency="1us")
    src = np.arange(16)
    flows = {"src": src, "dst": (5 * src + 3) % 16, "bytes": 1_000_000 * (1 + src % 5), "start_s": 7e-6 * (src % 3)}
    flows["dst"] = np.where(flows["dst"] == src, (src + 1) % 16, flows["dst"])
    finish_s = []
    for step in (layout._SHORTEST_STEP / 6, 1.5 * layout._SHORTEST_STEP):
        monkeypatch.setattr(layout, "_SHORTEST_STEP", step)
        monkeypatch.setattr(layout, "_BASE_STEP_S", np.inf)
        finish_s.append(traffic(tree, flows, transport={**ROCE, "completion": "acked"}).finish_s)
        monkeypatch.undo()
    assert finish_s[0] == pytest.approx(finish_s[1], rel=0.01)
    assert (finish_s[0] != finish_s[1]).any()


def test_an_acknowledgement_waits_while_its_adapter_is_paused(star):
    """Host 0 sends into an incast and is paused half of the time; what it receives meanwhile is acknowledged later than
    without, though nothing else is on the way."""
    size = 90_000_000
    flows = {"src": [0, 2, 3], "dst": [1, 1, 0], "bytes": [size, size, 9_000_000]}
    acked, delivered = (
        traffic(star(4), flows, transport={**ROCE, "completion": how}).finish_s[2] for how in ("acked", "delivered")
    )
    assert acked > delivered + 3e-6


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 24))
@settings(max_examples=25, deadline=None)
def test_every_flow_ends_no_earlier_than_its_bytes_and_its_links_allow(seed, count):
    """Whatever the flows: certified conservation, nobody faster than alone, no link faster than its rate."""
    tree = load("fat_tree", k=4, link="100Gbps", hop_latency="1us")
    rng = np.random.default_rng(seed)
    src = rng.integers(0, 16, count)
    dst = (src + rng.integers(1, 16, count)) % 16
    size = rng.integers(1, 5_000_000, count)
    flows = {"src": src, "dst": dst, "bytes": size, "start_s": rng.uniform(0, 3e-4, count)}
    ran = traffic(tree, flows, transport=ROCE, seed=seed)
    wire = size + np.ceil(size / 9000) * 64
    assert (ran.finish_s - ran.start_s >= (wire / RATE + ran.latency_s) * (1 - 1e-9)).all()
    carried = ran.link_bytes / (RATE * (ran.finish_s.max() - ran.start_s.min()))
    assert carried.max() <= 1.0


def test_thresholds_act_where_no_law_slows_senders_and_are_refused_elsewhere(star):
    """Larger buffers hold more of an incast before they pause its senders, and a victim escapes."""
    flows = {"src": [1, 2, 3, 1], "dst": [0, 0, 0, 4], "bytes": [900_000] * 4}
    small, large = (
        traffic(star(5), flows, transport={**ROCE, "pfc_xoff": xoff, "pfc_xon": xon}).finish_s[-1]
        for xoff, xon in (("100kB", "80kB"), ("10MB", "9MB"))
    )
    assert large < 0.8 * small
    lossy = {"pfc_xoff": "100kB", "pfc_xon": "80kB", "loss_recovery": "go-back-n"}
    with pytest.raises(SpecError, match="does nothing where packets are lost"):
        traffic(star(5), flows, transport={**ROCE, **lossy})
    with pytest.raises(SpecError, match="given alone"):
        traffic(star(5), flows, transport={**ROCE, "pfc_xoff": "100kB"})
    with pytest.raises(SpecError, match="not below"):
        traffic(star(5), flows, transport={**ROCE, "pfc_xoff": "100kB", "pfc_xon": "100kB"})


def test_traffic_spread_over_paths_has_no_place_in_queues():
    tree = load("fat_tree", k=4)
    with pytest.raises(FlowError, match="spread over paths"):
        Network(tree, routing="adaptive", transport="roce", parameters={"cc": "none"}).transfer([0], [15], 1e6)


def test_servers_exchange_inside_and_outside_at_once():
    """Between servers over the NIC, inside by NVLink: neither waits for the other."""
    cluster = load("hgx-h100", nodes=2, network="roce")
    sent = Network(cluster, transport="roce", parameters={"cc": "none"}).transfer([0, 0], [8, 1], [50e9, 370e9])
    assert sent.finish_s == pytest.approx([1 / 0.925, 1.0], rel=1e-3)


def test_pauses_that_wait_for_one_another_in_a_circle_are_found_and_named():
    """Four switches in a circle, every flow three cables on: each cable waits for the next."""
    builder = FabricBuilder("circle", {"network": "roce"})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("h{}", np.arange(4)))
    switches = builder.add_nodes(NodeKind.SWITCH, numbered("s{}", np.arange(4)))
    builder.add_cables(hosts, switches, 1e11, 500)
    builder.add_cables(switches, np.roll(switches, -1), 1e11, 500)
    around = [[f"h{i}", *(f"s{(i + hop) % 4}" for hop in range(4)), f"h{(i + 3) % 4}"] for i in range(4)]
    flows = {"src": range(4), "dst": [3, 0, 1, 2], "bytes": [10**9] * 4}
    with pytest.raises(FlowError, match="paused for ever by one another"):
        traffic(builder.build(), flows, around, transport=ROCE)


def test_an_acknowledgement_waits_in_the_queues_of_its_own_way(two_leaves):
    """Flow 0 has its path to itself; its acknowledgement meets an incast at the spine it comes back by, or does not."""
    fabric = two_leaves(4, 2)
    flows = {"src": [0, 5, 6], "dst": [4, 1, 2], "bytes": [900_000, 9_000_000, 9_000_000]}
    forth = [
        ["host-0", "switch-0", "switch-2", "switch-1", "host-4"],
        ["host-5", "switch-1", "switch-3", "switch-0", "host-1"],
        ["host-6", "switch-1", "switch-3", "switch-0", "host-2"],
    ]
    finish_s = []
    for spine in (2, 3):
        own = ["host-4", "switch-1", f"switch-{spine}", "switch-0", "host-0"]
        back = [own, *(path[::-1] for path in forth[1:])]
        ran = traffic(fabric, flows, forth, back, transport={**ROCE, "completion": "acked"})
        finish_s.append(ran.finish_s[0])
    queue_s = 108_000 / RATE
    assert finish_s[1] - finish_s[0] > queue_s
