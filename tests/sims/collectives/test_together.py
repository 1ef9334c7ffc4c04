"""Several communicators at once, and late ranks: closed forms of shared links."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from fabricsim.fabric.errors import InputError, ParseError, SpecError, WorkloadError
from fabricsim.sims.collectives import collective, collective_time_s, collectives_at_once
from fabricsim.sims.collectives.groups import groups_of
from fabricsim.sims.collectives.stragglers import late_s
from fabricsim.sims.network import Network
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE = 10**9
BYTE_S = 8 / 1e11
"""Of the tiny fabrics, whose cables carry 100 Gbit/s."""
PAIRS = {"near": [0, 2], "far": [1, 3]}
"""On two leaves of two hosts: rings of two, both over the one spine."""


@pytest.fixture(scope="module")
def servers():
    return load("hgx-h100", nodes=2)


def late(fabric, **by_rank):
    """`late(fabric, r3=1e-3)`: rank 3 is late."""
    seconds = np.zeros(fabric.ranks)
    for name, value in by_rank.items():
        seconds[int(name[1:])] = value
    return seconds


@cache
def small_tree():
    return load("fat_tree", k=4, link="100Gbps")


def moving_s(row):
    """Without latency, of a ring of two."""
    return (row.time_us - 2 * 2) * 1e-6


@pytest.mark.parametrize("op", ["all-reduce", "all-to-all", "broadcast", "barrier"])
@pytest.mark.parametrize("transport", ["auto", "roce"])
def test_a_group_alone_takes_what_its_collective_takes(servers, op, transport):
    (row,) = collectives_at_once(servers, op=op, size="64MiB", transport=transport).rows
    (alone,) = collective(servers, op, "64MiB", transport=transport).rows
    assert row.time_us == row.alone_us == pytest.approx(alone.time_us, rel=1e-12)
    assert (row.straggler_us, row.start_us, row.algorithm) == (0, 0, alone.algorithm)


def test_groups_that_meet_share_the_link(two_leaves):
    """A ring of two moves S each way; one spine for both groups gives each half."""
    rows = collectives_at_once(two_leaves(2, 1), PAIRS, size=SIZE, algorithm="ring", transport="ideal").rows
    assert [row.group for row in rows] == ["near", "far"]
    for row in rows:
        assert moving_s(row) == pytest.approx(2 * SIZE * BYTE_S)
        assert row.alone_us == pytest.approx((SIZE * BYTE_S + 4e-6) * 1e6)
        assert row.bottleneck.kind == "network"


def test_groups_on_spines_of_their_own_do_not_meet(two_leaves):
    """d-mod-k: destinations 0, 2 go by one of the two spines, 1 and 3 by the other."""
    rows = collectives_at_once(
        two_leaves(2, 2), PAIRS, size=SIZE, algorithm="ring", transport="ideal", routing="d-mod-k"
    ).rows
    assert [row.time_us for row in rows] == pytest.approx([row.alone_us for row in rows])


def test_groups_that_overlap_for_half_of_their_time_take_half_as_long_again(two_leaves):
    """The second starts when the first has moved half, which then takes twice its time for the other half."""
    half_s = SIZE * BYTE_S / 2
    fabric = two_leaves(2, 1)
    rows = collectives_at_once(fabric, PAIRS, size=SIZE, algorithm="ring", transport="ideal", stagger_s=half_s).rows
    assert [row.start_us for row in rows] == pytest.approx([0, half_s * 1e6])
    assert [moving_s(row) for row in rows] == pytest.approx([3 * half_s, 3 * half_s])


@pytest.mark.parametrize("op", ["all-reduce", "all-to-all", "all-gather"])
@pytest.mark.parametrize("transport", ["infiniband", "roce"])
def test_alike_groups_that_start_together_take_what_they_take_in_step(servers, op, transport):
    groups = {f"rail-{rail}": [rail, rail + 8] for rail in range(8)}
    rows = collectives_at_once(servers, groups, op, "16MiB", transport=transport).rows
    in_step = collective_time_s(Network(servers, transport=transport), op, list(groups.values()), 2**24)
    assert [row.time_us for row in rows] == pytest.approx([in_step * 1e6] * 8, rel=1e-6)


@pytest.mark.parametrize("rank", [0, 3, 7])
@pytest.mark.parametrize("algorithm", ["ring", "recursive-doubling", "tree"])
def test_an_all_reduce_waits_for_its_last_rank(star, rank, algorithm):
    """Nobody has the sum before the last contribution is there."""
    fabric = star(8)
    (row,) = collectives_at_once(
        fabric, size=SIZE, algorithm=algorithm, transport="ideal", late_s=late(fabric, **{f"r{rank}": 0.5})
    ).rows
    assert row.straggler_us == pytest.approx(0.5e6)
    assert row.time_us == pytest.approx(row.alone_us + 0.5e6)
    assert row.bottleneck.kind == "straggler"
    assert row.bottleneck.name == f"host-{rank}"


@pytest.mark.parametrize("rank", range(1, 5))
def test_a_gather_does_not_notice_a_sender_that_is_late_while_others_send(star, rank):
    """The root's port is busy until (n - 2)/n S from the others is there; later than that, it waits."""
    fabric, busy_s = star(5), 3 / 5 * SIZE * BYTE_S
    for delay_s, cost_s in ((0.9 * busy_s, 0), (busy_s, 0), (1.25 * busy_s, 0.25 * busy_s)):
        (row,) = collectives_at_once(
            fabric, op="gather", size=SIZE, transport="ideal", late_s=late(fabric, **{f"r{rank}": delay_s})
        ).rows
        assert row.straggler_us == pytest.approx(cost_s * 1e6, abs=1e-3)


def test_who_is_late_for_a_broadcast_holds_up_only_those_behind(star):
    """Along a binomial tree over 8, the last round reaches rank 7 from rank 6 or 3: two rounds of S are free."""
    fabric = star(8)
    costs = [
        collectives_at_once(
            fabric,
            op="broadcast",
            algorithm="binomial",
            size=SIZE,
            transport="ideal",
            late_s=late(fabric, r7=rounds * SIZE * BYTE_S),
        )
        .rows[0]
        .straggler_us
        for rounds in (1, 2, 3)
    ]
    assert costs == pytest.approx([0, 0, SIZE * BYTE_S * 1e6], abs=1e-3)


def test_through_switches_all_wait_for_all():
    """NVLS: the switches send no sum before all have sent."""
    fabric = load("hgx-h100", nodes=1)
    (row,) = collectives_at_once(fabric, size="1GiB", algorithm="nvls", late_s=late(fabric, r5=1e-3)).rows
    assert row.straggler_us == pytest.approx(1e3)


@settings(max_examples=30)
@given(delays=st.lists(st.floats(0, 0.2), min_size=5, max_size=5), op=st.sampled_from(["all-to-all", "all-gather"]))
def test_late_ranks_never_help_and_cost_no_more_than_they_are_late(delays, op):
    fabric = small_tree()
    (row,) = collectives_at_once(
        fabric, {"a": np.arange(5)}, op, 10**8, transport="ideal", late_s=np.concatenate((delays, np.zeros(11)))
    ).rows
    assert -1e-3 <= row.straggler_us <= (max(delays) - min(delays)) * 1e6 + 1e-3
    assert row.bound_fraction <= 1


@settings(max_examples=30)
@given(seats=st.permutations(range(16)), cut=st.integers(2, 14), stagger_s=st.floats(0, 0.05))
def test_company_never_helps_a_ring_and_no_group_beats_its_bound(seats, cut, stagger_s):
    fabric = small_tree()
    groups = {"first": seats[:cut], "second": seats[cut:]}
    how = {"algorithm": "ring", "transport": "ideal", "routing": "ecmp", "stagger_s": stagger_s}
    for row in collectives_at_once(fabric, groups, size=10**8, **how).rows:
        assert row.time_us >= row.alone_us * (1 - 1e-9)
        assert row.bound_fraction <= 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("all", [range(16)]),
        ("servers", [range(8), range(8, 16)]),
        ("rails", [[rail, rail + 8] for rail in range(8)]),
        ("grid:2x4x2:1", [[0, 2, 4, 6], [1, 3, 5, 7], [8, 10, 12, 14], [9, 11, 13, 15]]),
        ("grid:16:0", [range(16)]),
    ],
)
def test_groups_are_those_that_the_words_say(servers, said, expected):
    groups = groups_of(Network(servers), np.arange(16), said)
    assert [group.ranks.tolist() for group in groups] == [list(ranks) for ranks in expected]


def test_groups_and_starts_from_a_file(servers, tmp_path):
    (tmp_path / "groups.csv").write_text("group,rank,start_s\nb,gpu-0-3,0.5\na,8,0\nb,1,0.25\na,9,0\n")
    b, a = groups_of(Network(servers), np.arange(16), f"file:{tmp_path}/groups.csv")
    assert (b.name, b.ranks.tolist(), b.start_s.tolist()) == ("b", [3, 1], [0.5, 0.25])
    assert (a.name, a.ranks.tolist(), a.start_s.tolist()) == ("a", [8, 9], [0, 0])
    (tmp_path / "late.csv").write_text("rank,start_s\ngpu-1-0,3e-5\n")
    assert late_s(servers, f"file:{tmp_path}/late.csv", 0)[8] == 3e-5


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("rail", "did you mean rails"),
        ("grid:2x9:0", "2x9 is 18 ranks, there are 16"),
        ("grid:2x8:2", "is no dimension of a grid"),
        ("grid:8", "is no dimension of a grid"),
        ("grid:16x1:1", "has 1 of the two ranks"),
    ],
)
def test_words_that_make_no_groups_are_refused(servers, said, complaint):
    with pytest.raises(InputError, match=complaint):
        groups_of(Network(servers), np.arange(16), said)


def test_faulty_files_of_groups_are_refused_by_line(servers, star, tmp_path):
    path = tmp_path / "g.csv"
    path.write_text("group,rank,start_s\na,gpu-9-9,0\na,16,0\n")
    with pytest.raises(ParseError, match=r"g\.csv:2: 'gpu-9-9' is no endpoint.*\n.*g\.csv:3: '16' is no"):
        groups_of(Network(servers), np.arange(16), f"file:{path}")
    path.write_text("group,rank,start_s\na,1,soon\na,2,-1\n")
    with pytest.raises(ParseError, match=r"g\.csv:2: 'soon' is no time.*\n.*g\.csv:3: '-1'"):
        groups_of(Network(servers), np.arange(16), f"file:{path}")
    path.write_text("group,rank\na,1\na,2\nb,2\n")
    with pytest.raises(WorkloadError, match=r"group b has 1 of the two(.|\n)*rank 2 is in two groups"):
        groups_of(Network(servers), np.arange(16), f"file:{path}")
    with pytest.raises(WorkloadError, match="there are no rails"):
        groups_of(Network(star(4)), np.arange(4), "rails")


def test_drawn_lateness_follows_its_seed_and_its_law(servers):
    fabric = load("fat_tree", k=16)
    drawn = late_s(fabric, "uniform:20us", 1)
    assert (drawn == late_s(fabric, "uniform:20us", 1)).all()
    assert (drawn != late_s(fabric, "uniform:20us", 2)).any()
    assert 0 <= drawn.min() < drawn.max() < 20e-6
    assert late_s(fabric, "exponential:5us", 1).mean() == pytest.approx(5e-6, rel=0.1)
    assert late_s(fabric, "late:3=20us,7=1ms", 0)[[3, 7]].tolist() == [20e-6, 1e-3]


@pytest.mark.parametrize("said", ["late:3", "late:x=2us", "late:3=2", "unifrom:3us", "uniform:3", "late:1024=1us"])
def test_words_that_say_no_lateness_are_refused(said):
    with pytest.raises(InputError, match=r"20us|us|did you mean uniform"):
        late_s(load("fat_tree", k=16), said, 0)


def test_times_before_zero_and_a_bound_of_groups_are_refused(star):
    for wrong in ({"late_s": [-1, 0, 0]}, {"late_s": [0, 0]}, {"stagger_s": -1.0}, {"fidelity": "bound"}):
        with pytest.raises(SpecError, match=r"starts|fidelity"):
            collectives_at_once(star(3), **wrong)


def test_a_direct_exchange_loads_links_with_volume_times_hops():
    """16 hosts of a k=4 fat tree: to 1 other by 2 links, to 2 by 4, to 12 by 6; S/16 to each."""
    result = collective(load("fat_tree", k=4), "all-to-all", 2**20, "direct", fidelity="fluid")
    assert result.loads[0].link_bytes.sum() == pytest.approx((1 * 2 + 2 * 4 + 12 * 6) * 2**20)


def test_a_ring_loads_links_with_its_bytes_and_scale_up_links_carry_payload():
    """2(n - 1) S from all ranks together, over two links each; an exchange at the exchange's rate is as many bytes."""
    loads = collective(load("hgx-h100", nodes=1), "all-reduce", 2**20, "ring").loads
    assert loads[0].link_bytes.sum() == pytest.approx(2 * 2 * 7 * 2**20)
    loads = collective(load("hgx-h100", nodes=1), "all-to-all", 2**20, "direct").loads
    assert loads[0].link_bytes.sum() == pytest.approx(2 * 7 * 2**20)


def test_groups_load_links_with_what_each_sends(star):
    """Two rings of n/2: 2(n/2 - 1) S each, over two links."""
    groups = {"a": [0, 1, 2], "b": [3, 4, 5]}
    (load_of_all,) = collectives_at_once(star(6), groups, size=SIZE, algorithm="ring", transport="ideal").loads
    assert load_of_all.link_bytes.sum() == pytest.approx(2 * 2 * 2 * 2 * SIZE)


@pytest.mark.parametrize("groups", [{"a": [0, 9]}, {"a": [0.5, 1.5]}, {"a": [-1, 1]}, {"a": [0, 1], "b": [1, 2]}, {}])
def test_groups_of_ranks_that_are_not_there_are_refused(star, groups):
    with pytest.raises(WorkloadError, match=r"rank|groups"):
        collectives_at_once(star(4), groups)
    with pytest.raises(WorkloadError, match="outside"):
        collectives_at_once(star(4), "all", ranks=[0, 9])
