"""The pipeline of NCCL's trees: its chunk rule worked out by hand, and the time of the first chunk."""

import numpy as np
import pytest
from fabricsim.sims.collectives import collective
from fabricsim.sims.collectives.machine import Machine
from fabricsim.sims.collectives.nccl_search import Channels
from fabricsim.sims.collectives.nccl_tree import chunk_bytes, tree_fill
from fabricsim.sims.collectives.nccl_tuner import Setting
from fabricsim.topologies import load

KIB, MIB = 2**10, 2**20
A100 = Machine("ampere", 300, local=8, nics=8, nic_gbps=25, ring_gbps=232)


@pytest.mark.parametrize(
    ("size", "chunk"),
    [
        (128 * KIB, 8 * KIB),
        (MIB, 18000),
        (2 * MIB, 18000),
        (4 * MIB, 36000),
        (8 * MIB, 72000),
        (64 * MIB, 144000),
        (256 * MIB, 576000),
        (16384 * MIB, 576000),
    ],
)
def test_ll128_has_chunks_as_nccl_halves_them(size, chunk):
    """16 channels of 2 nodes of 8 ranks: (1 + 1 + 0.8) / 8 steps per rank. From 576,000 bytes down: halved while a
    channel has fewer than 22.4 of more than 128 KiB, then while it has fewer than 5.6 of more than 32 KiB."""
    assert chunk_bytes("LL128", 16, 2, 8, size) == chunk


def test_other_protocols_have_chunks_of_a_step():
    """512 KiB / 8 of which half is data, and 4 MiB / 8."""
    assert chunk_bytes("LL", 16, 2, 8, 1024 * MIB) == 32 * KIB
    assert chunk_bytes("Simple", 16, 2, 8, 1024 * MIB) == 512 * KIB
    assert chunk_bytes("Simple", 16, 2, 8, MIB) == 64 * KIB


def test_the_first_chunk_goes_up_and_down_every_hop():
    """Seven NVLinks at a channel's 24 GB/s and the adapters that 16 channels share, both ways: 512 KiB each."""
    fill = tree_fill(Setting("ampere", 16, 2), A100, "Simple", Channels(8, 24, 24))
    assert fill.time_s(2**30) == pytest.approx(2 * 2**19 * (7 / 24e9 + 16 / 200e9))


def test_in_one_domain_there_is_no_hop_between_domains():
    fill = tree_fill(Setting("ampere", 8, 1), A100, "LL128", Channels(8, 20, 20))
    assert fill.time_s(2**30) == pytest.approx(2 * fill.chunk(2**30) * 16 / 15 * 7 / 20e9)


def test_double_the_adapters_at_half_the_rate_make_twice_the_channels():
    """Two nodes of A100: 16 ports of 100 Gbit/s let the tree be faster inside than between, and NCCL takes it for large
    messages; 8 of 200 Gbit/s do not."""
    split = load("hgx-a100", nodes=2, nic="100Gbps", nics_per_node=16)
    merged = load("hgx-a100", nodes=2, nic="200Gbps")
    names = [collective(fabric, size="4GiB", certify=False).rows[0].algorithm for fabric in (split, merged)]
    assert names == ["tree", "ring"]


def test_a_rank_alone_in_its_domain_has_no_chain():
    row = collective(load("hgx-h100", nodes=4), size="1MiB", algorithm="tree", ranks=np.arange(0, 32, 8)).rows[0]
    assert 0 < row.time_us < 1000
