"""Why a flow took as long as it did."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError, UnknownNameError
from fabricsim.sims.traffic import traffic

NAMES = ["a", "victim", "b", "c"]


def _told(fabric, flow, transport="roce", size=(3e8, 1e8, 3e8, 3e8), **parameters):
    flows = {"flow": NAMES, "src": [0, 1, 2, 3], "dst": [4, 5, 4, 4], "bytes": [int(each) for each in size]}
    return traffic(fabric, flows, transport=transport, parameters=parameters, explain=flow)


def _rows(result):
    return {row.cause: row.seconds for row in result.explanation.causes}


@pytest.mark.parametrize("flow", NAMES)
@pytest.mark.parametrize(
    ("transport", "parameters"),
    [("roce", {}), ("roce", {"cc": "none"}), ("infiniband", {"cc": "none"}), ("tcp", {}), ("roce", {"window": "20kB"})],
)
def test_causes_sum_to_the_completion_time(lot, flow, transport, parameters):
    result = _told(lot, flow, transport, **parameters)
    index = NAMES.index(flow)
    fct_s = result.finish_s[index] - result.start_s[index]
    assert sum(_rows(result).values()) == pytest.approx(fct_s, rel=1e-12)
    assert result.explanation.goodput_bps == pytest.approx(result.rate_bps[index])


def test_line_rate_and_header_are_arithmetic(lot):
    rows = _rows(_told(lot, "b", mtu="9064B", header="64B"))
    assert rows["line rate"] == pytest.approx(8 * 3e8 / 1e11)
    assert rows["header"] == pytest.approx(8 * 3e8 / 1e11 * 64 / 9000)


def test_a_victim_is_told_as_one_with_its_culprits(lot):
    """Its own sink is idle: what holds it up is the sink of a, b and c."""
    told = _told(lot, "victim", cc="none").explanation
    assert told.victim
    assert told.root == "near:3 -> h-4"
    assert set(told.culprits) == {"a", "b", "c"}
    assert told.main_cause == "head-of-line"
    assert max(link.pause_share for link in told.path) > 0.3


def test_who_shares_a_link_is_no_victim(lot):
    told = _told(lot, "b").explanation
    assert not told.victim
    assert told.main_cause == "sharing"
    assert set(told.culprits) == {"a", "c"}


def test_sharing_is_what_two_others_on_the_sink_cost(lot):
    """Three equal flows into one port: twice the flow's own time more."""
    rows = _rows(_told(lot, "b"))
    assert rows["sharing"] == pytest.approx(2 * (rows["line rate"] + rows["header"]), rel=0.01)
    assert rows["collision"] == pytest.approx(0, abs=1e-9)


def test_a_window_below_the_bandwidth_delay_product_is_told(lot):
    alone = traffic(
        lot,
        {"src": [0], "dst": [4], "bytes": [10**8]},
        transport="roce",
        parameters={"window": "5kB"},
        explain="0",
    )
    rows = _rows(alone)
    assert rows["window"] > rows["line rate"]
    assert alone.explanation.main_cause == "none"
    assert alone.explanation.slowdown == pytest.approx(1)


def test_collision_is_what_one_path_costs_against_all(two_leaves):
    """Eight hosts to eight over eight paths by hash: spread evenly nobody would wait."""
    fabric = two_leaves(8, 8)
    flows = {"src": list(range(8)), "dst": list(range(8, 16)), "bytes": [10**8] * 8}
    slowest = int(np.argmax(traffic(fabric, flows, transport="roce").finish_s))
    rows = _rows(traffic(fabric, flows, transport="roce", explain=slowest))
    assert rows["sharing"] == pytest.approx(0, abs=1e-9)
    assert rows["collision"] > rows["line rate"] / 2


def test_counters_are_words_of_four_bytes_of_what_was_sent(lot):
    told = _told(lot, "b", mtu="9064B", header="64B").explanation
    into_sink = told.path[-1]
    assert into_sink.xmit_data == pytest.approx(9e8 * 9064 / 9000 / 4, rel=1e-6)
    assert into_sink.utilisation == pytest.approx(1, abs=0.01)
    assert [filler.share for filler in into_sink.filled_by] == pytest.approx([1 / 3] * 3)
    assert into_sink.flows == 3


def test_held_back_links_count_waiting_words(lot):
    result = _told(lot, "victim", cc="none")
    held = max(result.explanation.path, key=lambda link: link.pause_share)
    duration_s = result.makespan_s
    assert held.xmit_wait == pytest.approx(held.pause_share * 1e11 / 32 * duration_s, rel=1e-6)


def test_flows_that_are_not_there_and_rungs_without_paths_are_refused(lot):
    with pytest.raises(UnknownNameError, match="victim"):
        _told(lot, "victin")
    flows = {"src": [0], "dst": [4], "bytes": [1]}
    with pytest.raises(SpecError, match="fluid"):
        traffic(lot, flows, fidelity="fluid", explain="0")
