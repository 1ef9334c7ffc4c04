"""GOAL schedules on a fabric: times in closed form and by LogGOPSim, and refusals by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fabricsim.fabric.builder import FabricBuilder, numbered
from fabricsim.fabric.errors import InputError, ParseError, WorkloadError
from fabricsim.fabric.graph import NodeKind
from fabricsim.sims.goal import read_goal, run_goal
from fabricsim.sims.traffic import traffic
from hypothesis import given, settings
from hypothesis import strategies as st

SAMPLES = Path(__file__).parents[2] / "data" / "goal"
BYTE_S = 8 / 1e11
LATENCY_S = 1e-6
"""Of the star: 100 Gbit/s, two links of 500 ns."""


@pytest.fixture
def run(tmp_path):
    """`run(fabric, text)`: a schedule given as text, under no transport at all."""

    def run(fabric, text, transport="ideal", **how):
        (tmp_path / "a.goal").write_text(text)
        return run_goal(fabric, tmp_path / "a.goal", transport, **how)

    return run


def test_a_ring_takes_what_loggopsim_says(star):
    """LogGOPSim -L 1000 -o 200 -g 5 -G 1: 1,952,594 ns, of which the overheads o of 14 sends and receives are not
    modelled here; its messages of s bytes take (s - 1) G."""
    builder = FabricBuilder("star", {"network": "infiniband"})
    hosts = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(8)))
    builder.add_cables(hosts, builder.add_nodes(NodeKind.SWITCH, ["hub"])[0], 8e9, 500)
    result = run_goal(builder.build(), SAMPLES / "ring_allreduce_8.goal", "ideal")
    assert result.time_us == pytest.approx((1_952_594 - 14 * 2 * 200 + 14 * 1) / 1e3, rel=1e-9)
    assert {row.computing_us for row in result.ranks} == {14 * 7.0}
    assert (result.messages, result.bytes) == (14 * 8, 14 * 8 * 131_072)
    assert result.bound_time_us == pytest.approx(14 * 131_072 / 1e3)


def test_a_binomial_broadcast_takes_five_steps(star):
    result = run_goal(star(32), SAMPLES / "binary_tree_32.goal", "ideal")
    assert 5 * LATENCY_S < result.time_us * 1e-6 < 5 * (LATENCY_S + 5 * BYTE_S)
    assert result.ranks[16].finish_us == pytest.approx((LATENCY_S + 5 * BYTE_S) * 1e6)


@pytest.mark.parametrize("transport", ["infiniband", "roce", "uec", "tcp", "ideal"])
def test_every_transport_runs_it_and_none_beats_the_bound(star, transport):
    result = run_goal(star(32), SAMPLES / "binary_tree_32.goal", transport)
    assert result.transport == transport
    assert result.bound_fraction <= 1
    assert result.link_bytes.sum() == 2 * 31


def test_messages_that_overlap_share_the_link(star, run):
    """Both to rank 2; the second starts when half of the first has gone, then each has half of the port."""
    size = 1_000_000
    whole_s = size * BYTE_S
    text = f"""num_ranks 3
        rank 0 {{ send {size}b to 2 }}
        rank 1 {{ a: calc {round(whole_s / 2 * 1e9)}
                  b: send {size}b to 2
                  b requires a }}
        rank 2 {{ recv {size}b from 0
                  recv {size}b from 1 }}"""
    ends = run(star(3), text).ranks
    assert ends[0].finish_us * 1e-6 == pytest.approx(1.5 * whole_s + LATENCY_S)
    assert ends[2].finish_us * 1e-6 == pytest.approx(2 * whole_s + LATENCY_S)


def test_a_start_is_waited_for_as_such(star, run):
    """b starts with a, c after it; one processor does one calc at once, two do two."""
    text = "num_ranks 1\nrank 0 {\na: calc 1000\nb: calc 500 cpu 1\nb irequires a\nc: calc 300 cpu 1\nc requires b\n}"
    assert run(star(2), text).time_us == pytest.approx(1.0)
    alone = text.replace(" cpu 1", "")
    result = run(star(2), alone)
    assert result.time_us == pytest.approx(1.8)
    assert result.bound_fraction == pytest.approx(1)


def test_open_receives_take_messages_in_the_order_of_their_starts(star, run):
    """The later and shorter message arrives first, and is taken second."""
    text = """num_ranks 3
        rank 0 { send 900000b to 2 tag 5 }
        rank 1 { a: calc 1000
                 b: send 900000b to 2 tag 6
                 b requires a }
        rank 2 { x: recv 900000b from -1 tag -1
                 y: calc 1
                 y requires x
                 z: recv 900000b from 1 tag -1
                 z requires y }"""
    assert run(star(3), text).messages == 2


def test_seats_say_which_rank_sits_where(star, two_leaves, run):
    """Rank 1 on the other leaf: two links more."""
    text = "num_ranks 2\nrank 0 {\nsend 1000b to 1\n}\nrank 1 {\nrecv 1000b from 0\n}\n"
    near, far = (run(two_leaves(2, 1), text, ranks=[0, seat]).time_us for seat in (1, 2))
    assert far - near == pytest.approx(1.0)


@settings(max_examples=25)
@given(data=st.data())
def test_schedules_without_waiting_are_traffic(data, tmp_path_factory):
    """The same messages at the same times as `traffic` runs them; each waits for a calc of its own."""
    ranks = data.draw(st.integers(2, 5))
    fabric = _star(ranks)
    pair = st.tuples(st.integers(0, ranks - 1), st.integers(0, ranks - 1)).filter(lambda ends: ends[0] != ends[1])
    sends = data.draw(st.lists(st.tuples(pair, st.integers(1, 10**6), st.integers(0, 10**5)), min_size=1, max_size=12))
    blocks = [[] for _ in range(ranks)]
    for number, ((src, dst), size, start_ns) in enumerate(sends):
        blocks[src] += [f"c{number}: calc {start_ns} cpu {number}", f"s{number}: send {size}b to {dst} tag {number}"]
        blocks[src].append(f"s{number} requires c{number}")
        blocks[dst].append(f"recv {size}b from {src} tag {number}")
    path = tmp_path_factory.mktemp("goal") / "a.goal"
    lines = [line for rank, block in enumerate(blocks) for line in (f"rank {rank} {{", *block, "}")]
    path.write_text("\n".join([f"num_ranks {ranks}", *lines]))
    columns = {
        "src": [ends[0] for ends, _, _ in sends],
        "dst": [ends[1] for ends, _, _ in sends],
        "bytes": [size for _, size, _ in sends],
        "start_s": [start * 1e-9 for _, _, start in sends],
    }
    expected = traffic(fabric, columns, transport="ideal").finish_s.max()
    assert run_goal(fabric, path, "ideal").time_us * 1e-6 == pytest.approx(expected, rel=1e-6, abs=1e-11)


def _star(hosts):
    builder = FabricBuilder("star", {"network": "infiniband"})
    ends = builder.add_nodes(NodeKind.HOST, numbered("host-{}", np.arange(hosts)))
    builder.add_cables(ends, builder.add_nodes(NodeKind.SWITCH, ["hub"])[0], 1e11, 500)
    return builder.build()


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("rank 0 {\n}\n", ["1: num_ranks is missing"]),
        ("num_ranks 2\nrank 0 {\nsned 8b to 1\n}\n", ["3: 'sned 8b to 1' is no statement", "send BYTESb"]),
        ("num_ranks 2\nrank 0 {\nsend 8 to 1\nl: calc x\n}\n", ["3: 'send 8 to 1'", "4: 'l: calc x'", "calc NANOSEC"]),
        ("num_ranks 2\nrank 0 {\nsend 8b to 2\n}\n", ["3: rank 2 is outside", "0..1"]),
        ("num_ranks 2\nrank 2 {\n}\n", ["2: rank 2 is outside"]),
        ("num_ranks 2\nrank 0 {\nsend 8b to 0\n}\n", ["3: rank 0 is its own peer"]),
        ("num_ranks 1\nrank 0 {\na: calc 1\na: calc 1\n}\n", ["4: label 'a' stands in line 3 already"]),
        ("num_ranks 1\nrank 0 {\na: calc 1\nb requires a\n}\n", ["4: rank 0 has no label 'b'"]),
        (
            "num_ranks 1\nrank 0 {\na: calc 1\nb: calc 1\na requires b\nb irequires a\n}\n",
            ["3: waits for itself by a circle of lines 3, 4"],
        ),
        ("num_ranks 1\nrank 0 {\ncalc 1\n", ["2: rank 0 does not end"]),
        ("num_ranks 1\nrank 0 {\n}\nrank 0 {\n}\n}\n", ["4: rank 0 stands in line 2 already", "6: '}' ends no rank"]),
        ("num_ranks 1\nnum_ranks 1\ncalc 1\n", ["2: num_ranks stands twice", "3: stands outside a rank"]),
        ("num_ranks 0\n", ["1: num_ranks is 0"]),
    ],
)
def test_every_faulty_line_is_named(tmp_path, text, faults):
    (tmp_path / "bad.goal").write_text(text)
    with pytest.raises(ParseError) as refused:
        read_goal(tmp_path / "bad.goal")
    assert all(fault in str(refused.value) for fault in faults)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("rank 0 {\nsend 8b to 1\n}", "3: send of rank 0 is not received by rank 1"),
        ("rank 1 {\nrecv 8b from 0\n}", "3: recv of rank 1 gets nothing: rank 0 never sends it"),
        ("rank 0 {\nsend 8b to 1 tag 1\n}\nrank 1 {\nrecv 8b from 0 tag 2\n}", "6: recv of rank 1 gets nothing"),
        (
            "rank 0 {\nsend 8b to 1\n}\nrank 1 {\nrecv 9b from 0\n}",
            "6: recv of rank 1 takes 9 bytes of the 8 sent in line 3",
        ),
        (
            "rank 0 {\na: recv 8b from 1\nb: send 8b to 1\nb requires a\n}\n"
            "rank 1 {\na: recv 8b from 0\nb: send 8b to 0\nb requires a\n}",
            "3: recv of rank 0 waits for the send of line 9, which waits for it",
        ),
    ],
)  # fmt: skip
def test_what_can_never_end_is_named(star, run, body, fault):
    with pytest.raises(WorkloadError, match=fault):
        run(star(2), f"num_ranks 2\n{body}\n")


def test_files_that_are_no_text_or_do_not_fit_are_refused(star, tmp_path, run):
    (tmp_path / "b.goal").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "b.goal", tmp_path / "none.goal"):
        with pytest.raises(ParseError, match=path.name):
            read_goal(path)
    with pytest.raises(WorkloadError, match="has 32 ranks, there are 8"):
        run_goal(star(8), SAMPLES / "binary_tree_32.goal")
    with pytest.raises(InputError, match="not bounded"):
        run_goal(star(8), SAMPLES / "binary_tree_32.goal", fidelity="bound")


@pytest.mark.parametrize("transport", ["infiniband", "roce", "uec", "tcp", "ideal"])
def test_a_schedule_that_sends_nothing_takes_its_computing(star, run, transport):
    result = run(star(2), "num_ranks 2\nrank 1 {\ncalc 70\n}\n", transport)
    assert [row.finish_us for row in result.ranks] == [0, 0.07]
    assert result.bound_fraction == 1


def test_comments_count_as_nothing(star, run):
    text = "/* two\nlines */ num_ranks 2 // ranks\nrank 0 { // first\nsend 8b to 1 }\nrank 1 {\nrecv 8b from 0\n}"
    with_line = text.replace("send", "sned")
    assert run(star(2), text).messages == 1
    with pytest.raises(ParseError, match=r"a\.goal:4: 'sned 8b to 1'"):
        run(star(2), with_line)
