"""The report of all flows and links."""

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.sims.link_table import link_table
from fabricsim.sims.traffic import traffic
from fabricsim.topologies import load

PARKED = {
    "flow": ["a", "victim", "b", "c"],
    "src": [0, 1, 2, 3],
    "dst": [4, 5, 4, 4],
    "bytes": [300_000_000, 100_000_000, 300_000_000, 300_000_000],
}


@pytest.fixture(scope="module")
def crowded():
    """128 random flows on a full tree of 16 hosts, some late."""
    rng = np.random.default_rng(5)
    fabric = load("fat_tree", k=4, network="roce")
    src = rng.integers(0, 16, 128)
    dst = (src + rng.integers(1, 16, 128)) % 16
    start_s = np.where(rng.random(128) < 0.3, 2e-4, 0.0)
    return fabric, {"src": src, "dst": dst, "bytes": rng.integers(1, 10**6, 128), "start_s": start_s}


def _seconds(told):
    return [column for name, column in told.flows.items() if name.endswith("_s") and "fct" not in name][1:]


def test_causes_of_every_flow_sum_to_its_completion_time(crowded):
    fabric, flows = crowded
    ran = traffic(fabric, flows, report=True)
    assert np.sum(_seconds(ran.report), axis=0) == pytest.approx(ran.finish_s - ran.start_s, rel=1e-9)


@pytest.mark.parametrize(("transport", "parameters"), [("roce", {"window": "20kB"}), ("tcp", {}), ("roce", {"qps": 3})])
def test_the_empty_network_is_each_flow_run_by_itself(crowded, transport, parameters):
    fabric, flows = crowded
    told = traffic(fabric, flows, transport=transport, parameters=parameters, report=True).report
    for number in range(0, 128, 16):
        own = {"src": flows["src"][number : number + 1], "dst": flows["dst"][number : number + 1]}
        own["bytes"] = flows["bytes"][number : number + 1]
        alone = traffic(fabric, own, transport=transport, parameters=parameters)
        assert told.flows["empty_network_s"][number] == pytest.approx(alone.makespan_s, rel=1e-6)


def test_the_report_says_of_each_flow_what_its_explanation_says(crowded):
    fabric, flows = crowded
    for number in (0, 77):
        ran = traffic(fabric, flows, explain=number, report=True)
        one, all_flows = ran.explanation, ran.report.flows
        assert all_flows["slowdown"][number] == pytest.approx(one.slowdown)
        assert (all_flows["root"][number], all_flows["main_cause"][number]) == (one.root, one.main_cause)
        by_name = {link.link: link for link in ran.report.links}
        assert all(by_name[link.link] == link for link in one.path)


def test_words_into_hosts_are_the_bytes_sent_to_them(crowded):
    """XmitData of the last hop, over all hosts: the flows' bytes with their headers, in words of 4 bytes."""
    fabric, flows = crowded
    told = traffic(fabric, flows, transport={"name": "roce", "mtu": "4096B", "header": "96B"}, report=True).report
    into_hosts = [link for link in told.links if " -> host-" in link.link]
    words = flows["bytes"].sum() * 4096 / 4000 / 4
    assert sum(link.xmit_data for link in into_hosts) == pytest.approx(words, abs=len(into_hosts))
    assert sum(link.flows for link in into_hosts) == 128


def test_victims_are_told_with_their_culprits_and_only_where_buffers_push_back(lot):
    told = traffic(lot, PARKED, transport="roce", parameters={"cc": "none"}, report=True).report
    assert [victim.flow for victim in told.victims] == ["victim"]
    assert told.victims[0].root == "near:3 -> h-4"
    assert set(told.victims[0].culprits) == {"a", "b", "c"}
    assert max(link.xmit_wait for link in told.links) > 0
    controlled = traffic(lot, PARKED, transport="roce", report=True).report
    assert controlled.victims == ()
    assert all(link.xmit_wait == 0 for link in controlled.links)


def test_columns_of_links_stand_beside_those_of_the_table_of_links(crowded):
    fabric, flows = crowded
    ran = traffic(fabric, flows, report=True)
    table, columns = link_table(fabric, ran), ran.report.link_columns()
    assert [fabric.link_label(int(link)) for link in table["link"]] == [link.link for link in ran.report.links]
    assert {len(column) for column in columns.values()} == {len(table["link"])}
    flows_into_hosts = columns["flows"][np.char.startswith(table["target"], "host-")].sum()
    assert flows_into_hosts == 128


def test_reports_are_refused_where_nothing_is_left_to_explain(crowded):
    fabric, flows = crowded
    with pytest.raises(SpecError) as caught:
        traffic(fabric, flows, fidelity="fluid", explain="0", report=True)
    assert [fault.field for fault in caught.value.faults] == ["explain", "report"]
