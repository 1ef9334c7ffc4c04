"""Traces on a fabric: times by hand, and refusals that name file and node."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fabricsim.fabric.errors import InputError, ParseError, WorkloadError
from fabricsim.sims.chakra import Attribute, Trace, read_trace, run_trace, write_trace

LATENCY_S = 1e-6
"""Of the star: two links of 500 ns."""


def send_s(size_bytes):
    """On 100 Gbit/s."""
    return 8 * size_bytes / 1e11 + LATENCY_S


def run(fabric, prefix):
    return run_trace(fabric, prefix, transport="ideal")


def test_two_ranks_by_hand(star, node, job):
    """10 us computing, 125,000 bytes at 100 Gbit/s: 10 us and 1 us of latency, then 5 us; rank 1's own 3 us hide."""
    sender = [node(0, "COMP", us=10), node(1, "COMM_SEND", 0, comm_dst=1, comm_size=125_000)]
    receiver = [node(7, "COMP", us=3), node(8, "COMM_RECV", 7, comm_src=0), node(9, "COMP", 8, us=5)]
    result = run(star(2), job(sender, receiver))
    assert result.step_time_s == pytest.approx(26e-6, rel=1e-9)
    assert [row.computing_s for row in result.ranks] == pytest.approx([10e-6, 8e-6])
    assert [row.waiting_s for row in result.ranks] == pytest.approx([16e-6, 18e-6])
    assert result.starved_fraction == pytest.approx(1 - 18 / 52)
    (call,) = result.collectives
    assert (call.op, call.ranks, call.size_bytes, call.count) == ("send-recv", 2, 125_000, 1)
    assert call.time_us == pytest.approx(11)


def test_the_sample_of_a_ring_takes_its_closed_form(star, samples, tmp_path):
    """Every rank sends to the next 14 times, one after the other, and computes 7 times 7 us."""
    first = read_trace(samples / "custom_allreduce.0.et")
    for rank in range(8):
        write_trace(tmp_path / f"ring.{rank}.et", replace(first, nodes=tuple(turned(one, rank) for one in first.nodes)))
    result = run(star(8), tmp_path)
    assert result.step_time_s == pytest.approx(14 * send_s(131_072) + 49e-6, rel=1e-6)
    assert {row.computing_s for row in result.ranks} == {49e-6}


def turned(node, rank):
    """Rank 0's node as `rank` has it."""
    peers = ("comm_src", "comm_dst")
    attributes = (replace(one, value=(one.value + rank) % 8) if one.name in peers else one for one in node.attributes)
    return replace(node, attributes=tuple(attributes))


def test_a_sample_of_a_collective_runs_on_all_its_ranks(star, samples, tmp_path):
    """A port must send and receive 7/8 of the size at least, twice in a ring; and no sooner than the latency."""
    for rank in range(8):
        (tmp_path / f"a.{rank}.et").write_bytes((samples / "all_reduce.0.et").read_bytes())
    result = run(star(8), tmp_path / "a")
    assert 2 * 7 / 8 * 8 * 2**20 / 1e11 < result.step_time_s < 2 * 7 / 8 * 8 * 2**20 / 1e11 + 14 * LATENCY_S + 1e-9
    assert [(call.op, call.ranks, call.size_bytes) for call in result.collectives] == [("all-reduce", 8, 2**20)]


@pytest.mark.parametrize(("kind", "turns"), [(0, 1), (2, 1), (7, 0.5), (8, 0.5), (6, 0.5), (5, 1), (1, 1)])
def test_sizes_are_what_a_rank_puts_in(star, node, job, kind, turns):
    """Two ranks: a port carries all of it (all-reduce, all-gather, broadcast, reduce) or half (the others)."""
    call = node(0, "COMM_COLL", comm_type=kind, comm_size=2**30)
    assert run(star(2), job([call], [call])).step_time_s == pytest.approx(turns * 8 * 2**30 / 1e11, rel=1e-3)


def test_a_late_rank_delays_its_group_only(star, node, job):
    def rank(group, us):
        call = node(1, "COMM_COLL", 0, comm_type=2, comm_size=2**20, pg_name=group)
        return [node(0, "COMP", us=us), call, node(2, "COMP", 1, us=1)]

    result = run(star(4), job(rank("a", 10), rank("b", 500), rank("a", 10), rank("b", 20)))
    gather_s = 8 * 2**20 / 1e11
    assert result.step_time_s == pytest.approx(501e-6 + gather_s, abs=2 * LATENCY_S)
    assert [call.count for call in result.collectives] == [2]


def test_a_processor_does_one_thing_at_once_and_the_cpu_beside_the_gpu(star, node, job):
    nodes = [node(0, "COMP", us=4), node(1, "COMP", us=5), node(2, "COMP", us=7, is_cpu_op=True)]
    result = run(star(2), job(nodes, []))
    assert result.step_time_s == pytest.approx(9e-6)
    assert [row.computing_s for row in result.ranks] == pytest.approx([9e-6, 0])


def test_sends_of_one_instant_share_a_port(star, node, job):
    to = [node(peer, "COMM_SEND", comm_dst=peer, comm_size=125_000) for peer in (1, 2)]
    come = [node(0, "COMM_RECV", comm_src=0)]
    assert run(star(3), job(to, come, come)).step_time_s == pytest.approx(21e-6)


def test_a_barrier_and_nothing_take_little(star, node, job):
    assert run(star(4), job([], [])).step_time_s == 0
    barrier = node(0, "COMM_COLL", comm_type=9)
    assert 0 < run(star(4), job(*[[barrier]] * 4)).step_time_s < 1e-4


def test_the_same_traces_give_the_same_result(star, node, job):
    prefix = job(*[[node(0, "COMM_COLL", comm_type=0, comm_size=4096), node(1, "COMP", us=2)]] * 3)
    assert run(star(3), prefix) == run(star(3), prefix)


BAD = {
    "cycle": ([("COMP", 0, (1,), {}), ("COMP", 1, (0,), {})], "cycle of rank 0 node 0, rank 0 node 1"),
    "own": ([("COMP", 4, (4,), {})], "cycle of rank 0 node 4"),
    "absent": ([("COMP", 0, (5,), {})], "waits for node 5"),
    "twice": ([("COMP", 0, (), {}), ("COMP", 0, (), {})], "id of another node"),
    "kind": ([("COMM_COLL", 0, (), {"comm_type": 77, "comm_size": 8})], "comm_type 77.*0 all-reduce"),
    "no kind": ([("COMM_COLL", 0, (), {"comm_size": 8})], "no comm_type"),
    "no size": ([("COMM_COLL", 0, (), {"comm_type": 0})], "no comm_size"),
    "negative": ([("COMM_COLL", 0, (), {"comm_type": 0, "comm_size": -8})], "comm_size -8"),
    "others": ([("COMM_COLL", 0, (), {"comm_type": 0, "comm_size": 8})], "none on rank 1"),
    "dimension": ([("COMM_COLL", 0, (), {"comm_type": 0, "comm_size": 8, "involved_dim": (True, False)})], "dimension"),
    "peer": ([("COMM_SEND", 0, (), {"comm_dst": 9, "comm_size": 8})], "comm_dst 9.*0..1"),
    "source": ([("COMM_SEND", 0, (), {"comm_dst": 1, "comm_src": 1, "comm_size": 8})], "comm_src 1"),
    "unheard": ([("COMM_SEND", 0, (), {"comm_dst": 1, "comm_size": 8})], "rank 1 does not receive"),
    "unsent": ([("COMM_RECV", 0, (), {"comm_src": 1})], "rank 1 does not send"),
    "tag": ([("COMM_RECV", 0, (), {"comm_src": 1, "comm_tag": "x"})], "comm_tag 'x'"),
    "work": ([("COMP", 0, (), {"num_ops": 100})], "no duration"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_trace_that_cannot_run_is_refused_by_file_and_node(star, node, job, case):
    nodes, said = BAD[case]
    first = [node(number, kind, *after, **attributes) for kind, number, after, attributes in nodes]
    with pytest.raises(WorkloadError, match=said) as caught:
        run(star(2), job(first, []))
    assert all(fault.file.endswith("job.0.et") and fault.field.startswith("node ") for fault in caught.value.faults)


def test_every_fault_is_listed(star, node, job):
    first = [node(0, "COMP", 9), node(1, "COMM_COLL", comm_type=50, comm_size=1), node(2, "COMM_SEND", comm_size=1)]
    with pytest.raises(WorkloadError) as caught:
        run(star(2), job(first, [node(5, "COMM_RECV", comm_src=0)]))
    told = [(fault.file[-8:], fault.field) for fault in caught.value.faults]
    assert {*told} == {("job.0.et"[-8:], f"node {n} n{n}") for n in (0, 1, 2)} | {("job.1.et", "node 5 n5")}


def test_ranks_that_wait_for_each_other_are_a_cycle(star, node, job):
    def rank(peer):
        return [node(0, "COMM_RECV", comm_src=peer), node(1, "COMM_SEND", 0, comm_dst=peer, comm_size=8)]

    with pytest.raises(WorkloadError, match="cycle of rank 0 node 0, rank 0 node 1, rank 1 node 0, rank 1 node 1"):
        run(star(2), job(rank(1), rank(0)))


def test_collectives_unlike_or_fewer_are_refused(star, node, job):
    calls = [node(n, "COMM_COLL", comm_type=0, comm_size=8) for n in (0, 1)]
    other = node(0, "COMM_COLL", comm_type=2, comm_size=8)
    with pytest.raises(
        WorkloadError, match=r"(?s)is the last of 1 .*all-gather of 16 bytes, on rank 0 all-reduce of 8"
    ):
        run(star(2), job(calls, [other]))


def test_sizes_of_both_ends_agree(star, node, job):
    send, receive = node(0, "COMM_SEND", comm_dst=1, comm_size=8), node(0, "COMM_RECV", comm_src=0, comm_size=9)
    with pytest.raises(WorkloadError, match="receives 9 bytes of the 8 sent"):
        run(star(2), job([send], [receive]))


def test_missing_and_surplus_ranks_are_refused(star, samples, node, job, tmp_path):
    prefix = job(*[[]] * 4)
    with pytest.raises(WorkloadError, match="has 4 ranks, star has 3"):
        run(star(3), prefix)
    (tmp_path / "job.1.et").unlink()
    (tmp_path / "job.2.et").unlink()
    with pytest.raises(WorkloadError, match="no file of rank 1, 2"):
        run(star(4), prefix)
    with pytest.raises(WorkloadError, match="all_reduce, custom_allreduce"):
        run(star(8), samples)
    with pytest.raises(WorkloadError, match="of a rank alone"):
        run(star(8), samples / "all_reduce")
    with pytest.raises(WorkloadError, match="no traces"):
        run(star(8), tmp_path / "nothing")
    (tmp_path / "job.99999999999999.et").write_bytes(b"\x00")
    with pytest.raises(WorkloadError, match="no file of rank 1, 2, 4, 5"):
        run(star(4), prefix)
    (tmp_path / "rank.et").write_bytes(b"\x00")
    with pytest.raises(WorkloadError, match=r"rank\.et: has no rank"):
        run(star(8), tmp_path)


def test_all_files_that_cannot_be_read_are_listed(star, job, tmp_path):
    prefix = job([], [], [])
    for rank in (0, 2):
        (tmp_path / f"job.{rank}.et").write_bytes(b"\x05a")
    with pytest.raises(ParseError) as caught:
        run(star(4), prefix)
    assert [fault.file[-8:] for fault in caught.value.faults] == ["job.0.et", "job.2.et"]


def test_a_trace_has_no_bound(star, job):
    with pytest.raises(InputError, match="no bound"):
        run_trace(star(2), job([]), fidelity="bound")


def test_attributes_of_another_type_are_refused(star, tmp_path, node):
    text = replace(node(0, "COMM_COLL", comm_type=0), attributes=(Attribute("comm_type", "string_val", "0"),))
    for rank in range(2):
        write_trace(tmp_path / f"t.{rank}.et", Trace((text,)))
    with pytest.raises(WorkloadError, match="comm_type '0'"):
        run(star(2), tmp_path)
