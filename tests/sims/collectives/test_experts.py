"""Dispatch and combine of a mixture of experts: who is chosen, what crosses, and how long it takes."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from fabricsim.fabric.errors import SpecError
from fabricsim.sims.collectives import collective
from fabricsim.sims.collectives.bound import traffic
from fabricsim.sims.collectives.communicator import Communicator
from fabricsim.sims.collectives.demand import Call
from fabricsim.sims.collectives.forwarded import forwarded
from fabricsim.sims.collectives.gating import Gating, chosen_ranks, hits
from fabricsim.sims.network import Network
from fabricsim.topologies import load
from hypothesis import given
from hypothesis import strategies as st

DEEPSEEK = Gating(tokens=4096)
SIZE = 2**28


@pytest.fixture(scope="module")
def servers():
    return load("hgx-h100", nodes=2)


def test_tokens_reach_as_many_servers_as_chance_says():
    """Top 4 of 8 groups, two groups on each of 4 servers: a server is missed with C(6, 4) / C(8, 4), and once in a
    while although its groups are among the best."""
    chosen = chosen_ranks(DEEPSEEK, 8, 0.0, 1)
    servers = np.arange(8) // 2
    reached = hits(chosen, servers, 4).sum(axis=1).mean()
    assert reached <= 4 * (1 - comb(6, 4) / comb(8, 4)) + 0.01
    assert reached == pytest.approx(4 * (1 - comb(6, 4) / comb(8, 4)), rel=0.03)


def test_without_groups_every_set_of_experts_is_as_likely():
    """2 of 4 experts: each of the 6 pairs has a sixth of the tokens; four standard deviations of 4,000 draws."""
    chosen = chosen_ranks(Gating(4, 2, 1, 1, 4000), 4, 0.0, 3)
    drawn = np.unique(np.sort(chosen[0], axis=1), axis=0, return_counts=True)
    assert drawn[0].tolist() == [list(pair) for pair in combinations(range(4), 2)]
    assert np.abs(drawn[1] / 4000 - 1 / 6).max() < 4 * np.sqrt(1 / 6 * 5 / 6 / 4000)


@pytest.mark.parametrize("skew", [0.5, 1.0])
def test_experts_are_chosen_by_their_popularity(skew):
    """One expert of four: by Zipf's law."""
    chosen = chosen_ranks(Gating(4, 1, 1, 1, 4000), 4, skew, 3)
    shares = np.sort(np.bincount(chosen.ravel(), minlength=4) / chosen.size)[::-1]
    law = np.arange(1, 5) ** -skew
    assert shares == pytest.approx(law / law.sum(), abs=4 * np.sqrt(0.25 / 16_000))


def test_no_token_goes_to_more_groups_than_it_may():
    chosen = chosen_ranks(Gating(64, 6, 8, 3, 500), 8, 1.0, 5)
    assert max(len(set(token)) for token in chosen.reshape(-1, 6).tolist()) == 3


def test_draws_follow_the_seed():
    first, again, other = (chosen_ranks.__wrapped__(Gating(tokens=16), 4, 1.0, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_a_token_crosses_once_to_each_server_and_only_along_its_rail(servers):
    """Counted token by token."""
    gating = Gating(32, 3, 4, 2, 20)
    comm = Communicator.of(Network(servers), np.arange(16))
    (phase,) = forwarded(comm, Call("moe-dispatch", 0.0, 0, gating))
    chosen = chosen_ranks(gating, 16, 0.0, 0)
    expected = np.zeros((16, 16))
    for source in range(16):
        for token in chosen[source]:
            for server in {rank // 8 for rank in token.tolist()}:
                relay = 8 * server + source % 8
                expected[source, relay] += (relay != source and server != source // 8) / 20
                for rank in {rank for rank in token.tolist() if rank // 8 == server}:
                    expected[relay, rank] += (relay != rank) / 20
    sent = np.zeros((16, 16))
    np.add.at(sent, (phase.src, phase.dst), phase.fraction)
    assert sent == pytest.approx(expected)
    (back,) = forwarded(comm, Call("moe-combine", 0.0, 0, gating))
    assert (back.src.tolist(), back.dst.tolist()) == (phase.dst.tolist(), phase.src.tolist())
    assert back.fraction.tolist() == phase.fraction.tolist()


def test_dispatch_takes_its_closed_form_on_a_star(star):
    """Of two: the tokens of the rank that sends more."""
    gating = "experts=8,per_token=2,groups=1,groups_per_token=1,tokens=64"
    (row,) = collective(star(2), "moe-dispatch", SIZE, "direct", transport="ideal", experts=gating).rows
    chosen = chosen_ranks(Gating.of(gating), 2, 0.0, 0)
    fullest = max(np.count_nonzero((chosen[rank] != rank).any(axis=1)) for rank in (0, 1)) / 64
    assert row.time_us == pytest.approx((1e-6 + fullest * SIZE * 8 / 1e11) * 1e6, rel=1e-9)
    assert row.algbw_GBps == row.busbw_GBps
    assert row.bound_time_us == pytest.approx(fullest * SIZE * 8 / 1e5)


def test_forwarding_beats_sending_to_every_expert(servers):
    times = {
        name: collective(servers, "moe-dispatch", SIZE, name).rows[0].time_us
        for name in ("auto", "forwarded", "direct")
    }
    assert times["auto"] == times["forwarded"] < times["direct"]


def test_popular_experts_make_a_dispatch_slower(servers):
    how = {"experts": "tokens=128", "certify": False}
    even, skewed = (collective(servers, "moe-dispatch", SIZE, skew=skew, **how).rows[0].time_us for skew in (0, 1))
    assert skewed > 1.2 * even


@given(n=st.integers(2, 9), m=st.integers(1, 4), skew=st.sampled_from([0.0, 1.0]), seed=st.integers(0, 5))
def test_what_must_cross_is_counted_token_by_token(n, m, skew, seed):
    gating, group = Gating(16, 3, 4, 2, 8), np.arange(n) % m
    chosen, groups = chosen_ranks(gating, n, skew, seed), int(group.max()) + 1
    wanted = [[{int(group[rank]) for rank in token} for token in chosen[source]] for source in range(n)]
    out, into = np.zeros(groups), np.zeros(groups)
    for source in range(n):
        for others in (sets - {int(group[source])} for sets in wanted[source]):
            out[group[source]] += bool(others) / 8
            into[list(others)] += 1 / 8
    for op, expected in (("moe-dispatch", (out, into)), ("moe-combine", (into, out))):
        sent, received, messages = traffic(Call(op, skew, seed, gating), group)
        if groups > 1:
            assert (sent, received) == (pytest.approx(expected[0]), pytest.approx(expected[1]))
            assert messages == pytest.approx(into.sum())


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("experts", "'experts' says nothing"),
        ("expert=4", "'expert=4' says nothing"),
        ("experts=30", "groups divide experts"),
        ("groups_per_token=9", "at most groups"),
        ("groups_per_token=1,per_token=64", "per_token is at most"),
        ("tokens=0", "1 or more"),
        ("groups=0", "groups divide experts"),
        ("tokens=999999", "tokens times experts"),
    ],
)
def test_experts_that_do_not_fit_are_refused(star, said, complaint):
    with pytest.raises(SpecError, match=complaint):
        collective(star(4), "moe-dispatch", experts=said)
    with pytest.raises(SpecError, match="does nothing in all-reduce"):
        collective(star(4), "all-reduce", experts=said)
