"""One job on one wiring under every transport: the ledger's rows tell them apart, and the assumptions say why."""

import pytest
from fabricsim.sims.train import train
from fabricsim.topologies import load

NETWORK = ("oversubscription", "collision", "congestion")


@pytest.fixture(scope="module")
def fabric():
    """16 servers behind four leaves, as much up as down."""
    return load("xgft", server="hgx-h100", network="roce", m=[32, 4], w=[1, 32])


@pytest.fixture(scope="module")
def rows(fabric):
    """Rows of the ledger and the assumptions by transport and law; experts exchange between servers."""

    def run(transport, parameters):
        step = train(fabric, "mixtral-8x7b", "ep=8,cp=2", transport=transport, parameters=parameters)
        told = {row.cause: row.gpu_seconds for row in step.ledger}
        return told, " ".join(step.assumptions)

    asked = [("infiniband", None), ("roce", None), ("roce", "hpcc"), ("roce", "timely"), ("uec", None), ("tcp", None)]
    return {(name, cc): run(name, {} if cc is None else {"cc": cc}) for name, cc in asked}


def test_static_tables_of_a_full_tree_leave_the_network_no_row(rows):
    """Exchanges and rings by rail are shifts, which d-mod-k routes without contention (Zahavi 2010)."""
    told, why = rows["infiniband", None]
    assert [told[cause] for cause in NETWORK] == pytest.approx([0, 0, 0], abs=1e-6)
    assert "one static path per pair" in why


def test_hashing_costs_a_row_of_its_own(rows):
    """As many flows as equal paths: the slowest of 32 has less than 0.3 of a line (balls into bins)."""
    told, why = rows["roce", None]
    assert told["collision"] > told["serialisation"]
    assert told["oversubscription"] == pytest.approx(0, abs=1e-6)
    assert "ECMP, queue pairs per connection: 1" in why


def test_a_law_that_leaves_links_idle_or_queues_standing_costs_congestion(rows):
    """DCQCN's marks stand at kilobytes; HPCC leaves a twentieth of full links, TIMELY 50 us before each."""
    dcqcn, hpcc, timely = (rows["roce", cc][0]["congestion"] for cc in (None, "hpcc", "timely"))
    assert abs(dcqcn) < 0.01 * hpcc
    assert abs(dcqcn) < 0.01 * timely
    assert "links run at 0.95" in rows["roce", "hpcc"][1]
    assert "a queue of 50 us" in rows["roce", "timely"][1]
    assert rows["roce", "hpcc"][0]["collision"] == rows["roce", None][0]["collision"]


def test_sprayed_packets_do_not_collide_but_wait_at_random(rows):
    told, why = rows["uec", None]
    assert told["collision"] == pytest.approx(0, abs=1e-6)
    assert 0 < told["congestion"] < 0.01 * told["serialisation"]
    assert "packets wait as drawn at random" in why


def test_kernel_tcp_pays_at_its_own_ports(rows):
    """Cores receive a tenth of a port's 400 Gbit/s per connection: the row of the ports, not one of the network."""
    told, why = rows["tcp", None]
    assert told["serialisation"] > 5 * rows["roce", None][0]["serialisation"]
    assert told["latency"] > 2 * rows["roce", None][0]["latency"]
    assert "a core receives" in why
