"""A network as a step uses it: what is run once and kept is what each call run by itself takes."""

from __future__ import annotations

import numpy as np
import pytest
from fabricsim.sims.collectives import collective_time_s
from fabricsim.sims.network import Detail, Network
from fabricsim.sims.wires import NetworkWires
from fabricsim.topologies import load

SIZES = (0, 1024, 1 << 16, 1 << 22, 1 << 25, 1 << 31)
OPS = ("all-reduce", "reduce-scatter", "all-gather", "all-to-all", "send-recv")


@pytest.mark.parametrize("preset", ["hgx-h100", "mi300x"])
def test_a_collective_takes_what_it_takes_with_every_algorithm_priced(preset):
    network = Network(load(preset, nodes=4))
    wires = NetworkWires(network)
    rails = np.arange(32).reshape(4, 8).T.astype(np.int64)
    for op in OPS:
        for size_bytes in SIZES:
            each = collective_time_s(network, op, list(rails), size_bytes)
            assert wires.collective_s(op, rails, size_bytes) == each, (op, size_bytes)
    ran = {name for _, _, name in wires.priced}
    assert len(ran) > 1  # the sizes ask for several algorithms, or this shows little


def test_details_that_are_run_together_take_what_each_takes_alone():
    network = Network(load("hgx-h100", nodes=8, oversubscription=2))
    rails = np.arange(64).reshape(8, 8).T.astype(np.int64)
    source, target = np.arange(64), np.roll(np.arange(64), -8)
    whole = NetworkWires(network)
    together = [whole.at(detail) for detail in (Detail.PORTS, Detail.LATENCY, Detail.WIRING, Detail.ROUTING)]
    for each in (*together, whole):
        alone = NetworkWires(network.at(each.network.detail))
        for size_bytes in (1 << 20, 1 << 31):
            for op in ("all-gather", "all-to-all"):
                assert each.collective_s(op, rails, size_bytes) == alone.collective_s(op, rails, size_bytes)
            assert (each.send_s(source, target, size_bytes) == alone.send_s(source, target, size_bytes)).all()


def test_operations_that_send_the_same_are_run_once():
    wires = NetworkWires(Network(load("hgx-h100", nodes=4)))
    rails = np.arange(32).reshape(4, 8).T.astype(np.int64)
    for op in ("reduce-scatter", "all-gather"):
        wires.collective_s(op, rails, 1 << 31)
    assert {name for _, _, name in wires.priced} == {"ring"}
    assert len(wires.runs.known) == 1
