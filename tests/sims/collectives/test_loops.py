"""NVLS in loops: NCCL's chunk rule restated, and a published table."""

import pytest
from fabricsim.sims.collectives.loops import Loops, nvls_loops

KIB, MIB, GIB = 2**10, 2**20, 2**30


@pytest.mark.parametrize(
    ("size", "chunk"),
    [
        (2 * MIB, 16 * KIB),
        (8 * MIB - 1, 16 * KIB),
        (8 * MIB, 32 * KIB),
        (64 * MIB - 1, 32 * KIB),
        (64 * MIB, 64 * KIB),
        (GIB - 1, 64 * KIB),
        (GIB, 128 * KIB),
    ],
)
def test_chunks_of_eight_hopper_ranks_step_where_nccl_says(size, chunk):
    """16 channels of 8 heads: 64 x 128 x 128 KiB = 1 GiB, 8 x 128 x 64 KiB = 64 MiB, 2 x 128 x 32 KiB = 8 MiB."""
    assert nvls_loops("hopper", 8, 1, efa=False).chunk(size) == chunk


def test_amazons_plugin_has_chunks_of_512_kib_from_six_gib_on_eight_blackwell_ranks():
    loops = nvls_loops("blackwell", 8, 1, efa=True)
    assert loops.chunk(8 * GIB) == 512 * KIB
    assert loops.chunk(4 * GIB) == 64 * KIB


@pytest.mark.parametrize(("domains", "largest"), [(2, 128 * KIB), (3, 128 * KIB), (4, 64 * KIB), (64, 64 * KIB)])
def test_between_four_domains_or_more_chunks_are_halved(domains, largest):
    assert nvls_loops("hopper", 8, domains, efa=False).chunk(64 * GIB) == largest


def test_endless_messages_take_the_rate_of_the_largest_chunk():
    loops = Loops(128, 128 * KIB, ((64, 64 * KIB),), 5e-6)
    size = 2.0**50
    assert loops.time_s(size, 1 / 274e9) == pytest.approx(size / 274e9, rel=1e-6)


def test_half_the_chunk_pays_twice_for_synchronisation():
    """64 KiB chunks: loops of 8 MiB, t0 each on top of half the bytes' time in the larger loop."""
    loops = Loops(128, 128 * KIB, ((64, 64 * KIB),), 5e-6)
    plateau_s = 16 * MIB / 274e9
    loop_s = 5e-6 + (plateau_s - 5e-6) / 2
    assert loops.time_s(512 * MIB, 1 / 274e9) == pytest.approx(65 * loop_s)
