"""The cost of the network by class of link and rail: the tables sum to one another, and the slow class is named."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from fabricsim.fabric.graph import LinkKind, NodeKind
from fabricsim.sims.exposed_links import exposed_links, link_class
from fabricsim.sims.exposure import ExposedRow
from fabricsim.sims.ledger import NETWORK_RUNGS
from fabricsim.sims.network import Network
from fabricsim.sims.results import NOTHING
from fabricsim.sims.spent import Spent, Wait, busiest_links
from fabricsim.sims.train import train
from fabricsim.sims.wires import NetworkWires
from fabricsim.sims.workloads.calls import CallRow
from fabricsim.sims.workloads.job import plan_job
from fabricsim.sims.workloads.model import load_model
from fabricsim.sims.workloads.options import JobOptions
from fabricsim.topologies import load
from hypothesis import given, settings
from hypothesis import strategies as st

MIXED = {
    "pods": [{"of": name, "fields": {"nodes": 2}} for name in ("hgx-h100", "hgx-b200")],
    **{"uplinks": 8, "spines": 8, "network": "roce"},
}


@pytest.fixture(scope="module")
def pair():
    return load("hgx-h100", nodes=2)


@dataclass(frozen=True)
class Told:
    """Wires that say of every call what it was told to say."""

    network: Network
    spent: Spent

    def collective_limit(self, op, groups, size_bytes):
        return NOTHING

    def collective_spent(self, op, groups, size_bytes):
        return self.spent


def network_gpu_seconds(step):
    return math.fsum(row.gpu_seconds for row in step.ledger if row.cause in (*NETWORK_RUNGS, "overlap"))


@settings(max_examples=30)
@given(
    latency=st.floats(0, 1),
    protocol=st.floats(0, 1),
    waits=st.lists(st.tuples(st.sets(st.integers(0, 200), min_size=1, max_size=5), st.floats(1e-3, 1)), max_size=4),
    exposed=st.floats(-10, 10).filter(lambda cost: abs(cost) > 1e-6),
)
def test_every_gpu_second_is_in_one_class_and_on_one_rail(pair, latency, protocol, waits, exposed):
    spent = Spent(latency + 1e-6, protocol, tuple(Wait(np.array(sorted(links)), took) for links, took in waits))
    job = plan_job(load_model("llama3-8b"), 16, JobOptions.of("tp=8", {}))
    calls = [CallRow("all-gather", "tp", "tp", 8, size, 3, 1.0, 7.0) for size in (1, 2)]
    told = exposed_links(
        job, calls, Told(Network(pair), spent), [ExposedRow("tp", "all-gather", exposed, exposed / 20)], 20 / 16
    )
    for table in (told.by_link_class, told.by_rail):
        assert math.fsum(row.gpu_seconds for row in table) == pytest.approx(exposed, rel=1e-9)
        assert math.fsum(row.fraction for row in table) == pytest.approx(exposed / 20, rel=1e-9)
    costs = {row.link_class: row.gpu_seconds for row in told.by_link_class}
    assert costs["latency"] == pytest.approx(exposed * (latency + 1e-6) / spent.total_s, rel=1e-9)
    on_rails = dict.fromkeys((*range(8), None), 0.0)
    for links, took in waits:
        for link in links:
            rail = int(pair.rail[link])
            on_rails[rail if rail >= 0 else None] += exposed * took / spent.total_s / len(links)
    found = {row.rail: row.gpu_seconds for row in told.by_rail}
    for rail in range(8):
        assert found.get(rail, 0.0) == pytest.approx(on_rails[rail], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("source", "fields", "model", "parallel", "options"),
    [
        ("hgx-h100", {"nodes": 4, "oversubscription": 4}, "llama3-8b", "tp=4,pp=2,cp=2", {"jitter": 0.05}),
        ("hgx-h100", {"nodes": 3, "network": "roce"}, "llama3-8b", "tp=4,pp=3", {"zero": 3}),
        ("hgx-b200", {"nodes": 4}, "mixtral-8x7b", "ep=8,pp=2", {"imbalance": 1.3, "slowdown": 0.1}),
        ("gb200-nvl72", {"nodes": 2, "gpus_per_rack": 8}, "llama3-8b", "tp=8", {}),
        ("composite", MIXED, "llama3-8b", "tp=8,pp=2", {"zero": 2}),
    ],
)
def test_all_tables_of_a_step_sum_to_what_its_network_costs(source, fields, model, parallel, options):
    step = train(load(source, **fields), model, parallel, **options)
    whole = network_gpu_seconds(step)
    for table in (step.by_dimension, step.by_collective, step.by_link_class, step.by_rail):
        assert math.fsum(row.gpu_seconds for row in table) == pytest.approx(whole, rel=1e-9)
    for row in step.by_dimension:
        own = [each.gpu_seconds for each in step.by_collective if each.dimension == row.dimension]
        assert row.gpu_seconds == pytest.approx(math.fsum(own), rel=1e-12)


def test_data_parallelism_on_alike_rails_waits_for_all_of_them_alike(pair):
    step = train(pair, "llama3-8b", "tp=8")
    rails = {row.rail: row.gpu_seconds for row in step.by_rail}
    assert sorted(rail for rail in rails if rail is not None) == list(range(8))
    assert all(rails[rail] == pytest.approx(rails[0], rel=1e-9) for rail in range(8))


def test_a_slow_rail_carries_what_the_adapters_cost(pair):
    ports = (pair.link_kind == LinkKind.NETWORK) & (pair.rail == 3)
    lame = replace(pair, capacity_bps=np.where(ports, 0.1 * pair.capacity_bps, pair.capacity_bps))
    step = train(lame, "llama3-8b", "tp=8")
    rails = {row.rail: row.gpu_seconds for row in step.by_rail}
    by_class = {row.link_class: row.gpu_seconds for row in step.by_link_class}
    assert rails[3] == pytest.approx(by_class["nic-leaf"], rel=1e-9)
    assert sum(cost for rail, cost in rails.items() if rail not in (3, None)) == 0


def test_a_thin_spine_moves_the_wait_from_the_adapters_to_the_links_above_the_leaves():
    """Four servers a stage, on two leaves of each rail: the pipeline's messages cross the spine."""
    steps = [train(load("hgx-h100", nodes=16, oversubscription=ratio), "llama3-8b", "tp=8,pp=4") for ratio in (1, 8)]
    full, thin = ({row.link_class: row.gpu_seconds for row in step.by_link_class} for step in steps)
    assert thin["leaf-spine"] > 2 * full.get("leaf-spine", 0.0) + full["nic-leaf"] / 8
    assert thin["scale-up"] == pytest.approx(full["scale-up"], rel=1e-6)


def test_classes_of_links_are_named_by_what_they_join():
    assert link_class(LinkKind.NVLINK, NodeKind.ACCELERATOR, NodeKind.NVSWITCH) == "scale-up"
    assert link_class(LinkKind.PCIE, NodeKind.ACCELERATOR, NodeKind.NIC) == "pcie"
    assert link_class(LinkKind.NETWORK, NodeKind.AGG, NodeKind.CORE) == "agg-core"


def test_the_busiest_links_are_those_that_need_longest_for_their_bytes():
    assert busiest_links(np.array([8.0, 1.0, 4.0, 0.0]), np.array([2.0, 1.0, 1.0, 1.0])).tolist() == [0, 2]
    assert busiest_links(np.zeros(3), np.ones(3)).tolist() == []


@pytest.mark.parametrize("op", ["all-reduce", "all-gather", "all-to-all", "send-recv"])
@pytest.mark.parametrize("size_bytes", [8, 1 << 20, 1 << 30])
def test_what_an_operation_spends_is_its_time(pair, op, size_bytes):
    wires = NetworkWires(Network(pair))
    groups = np.arange(16).reshape(1, 16)
    spent = wires.collective_spent(op, groups, size_bytes)
    assert spent.total_s == pytest.approx(wires.collective_s(op, groups, size_bytes), rel=1e-12)
    assert min(spent.latency_s, spent.protocol_s + 1e-15, *(wait.seconds for wait in spent.waits)) >= 0
    source, target = np.arange(8), np.arange(8, 16)
    sent = wires.send_spent(source, target, size_bytes)
    assert sent.total_s == pytest.approx(wires.send_s(source, target, size_bytes).max(), rel=1e-12)
