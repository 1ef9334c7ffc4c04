"""Rail-aligned all-to-all: who relays for whom in servers and in racks of compute trays of four."""

import numpy as np
import pytest
from fabricsim.sims.collectives import collective, rail_aligned
from fabricsim.sims.collectives.communicator import Communicator
from fabricsim.sims.collectives.demand import Call
from fabricsim.sims.collectives.semantics import prove
from fabricsim.sims.network import Network
from fabricsim.topologies import load


def laid_out(fabric, ranks=None):
    network = Network(fabric)
    comm = Communicator.of(network, np.arange(fabric.ranks) if ranks is None else ranks)
    ((phase,),) = rail_aligned.rail_aligned(network, comm, Call("all-to-all"))
    return comm, phase


@pytest.mark.parametrize(
    ("preset", "fields", "host"),
    [("hgx-h100", {"nodes": 3}, 8), ("gb200-nvl72", {"nodes": 3, "gpus_per_rack": 12}, 4)],
)
def test_messages_leave_a_host_along_the_rails_one_for_each_rank_elsewhere(preset, fields, host):
    comm, phase = laid_out(load(preset, **fields))
    local = comm.size // 3
    leaving = phase.src // local != phase.dst // local
    assert (phase.src[leaving] % host == phase.dst[leaving] % host).all()
    assert (np.bincount(phase.src[leaving]) == 2 * local // host).all()
    assert phase.fraction[leaving] == pytest.approx(host / comm.size)


@pytest.mark.parametrize("racks", [2, 3])
def test_every_block_arrives_through_trays(racks):
    fabric = load("gb200-nvl72", nodes=racks, gpus_per_rack=8)
    comm, phase = laid_out(fabric)
    prove(comm, "all-to-all", (phase,), fabric)


def test_a_rank_passes_on_to_its_tray_what_goes_to_their_rails():
    """Of 24 ranks in racks of 8 and trays of 4: for each of the 16 elsewhere a quarter goes by each of the tray."""
    _, phase = laid_out(load("gb200-nvl72", nodes=3, gpus_per_rack=8))
    first = phase.src == 0
    sent = dict(zip(phase.dst[first].tolist(), (phase.fraction[first] * 24).tolist(), strict=True))
    assert [sent[rank] for rank in (1, 2, 3)] == pytest.approx([1 + 16 / 4] * 3)
    assert [sent[rank] for rank in (4, 5, 6, 7)] == pytest.approx([1] * 4)


def test_ranks_that_leave_parts_of_trays_out_relay_in_the_whole_rack():
    fabric = load("gb200-nvl72", nodes=2, gpus_per_rack=8)
    comm, phase = laid_out(fabric, ranks=[0, 1, 2, 4, 8, 9, 10, 12])
    leaving = phase.src // 8 != phase.dst // 8
    assert leaving.sum() == 8
    prove(comm, "all-to-all", (phase,), fabric)


def test_with_too_many_messages_a_rack_counts_as_one_host(monkeypatch):
    monkeypatch.setattr(rail_aligned, "MOST_MESSAGES", 100)
    _, phase = laid_out(load("gb200-nvl72", nodes=3, gpus_per_rack=16))
    leaving = phase.src // 16 != phase.dst // 16
    assert (np.bincount(phase.src[leaving]) == 2).all()


def test_sixteen_peers_per_rack_fill_the_adapters_where_one_would_collide():
    """Four racks on two tiers of ECMP: 48 messages leave each adapter; 92.5% of 50 GB/s for 192 of 256 blocks."""
    fabric = load("gb200-nvl72", nodes=4, gpus_per_rack=64, network="roce")
    row = collective(fabric, "all-to-all", "8GiB", certify=False).rows[0]
    assert row.busbw_GBps == pytest.approx(46.25 * 255 / 192, rel=0.02)
