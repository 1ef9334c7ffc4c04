"""Two steps side by side: differences sum, in seconds and dollars, and their reasons name link and mechanism."""

from __future__ import annotations

import math

import pytest
from fabricsim.sims.step_cost import Prices
from fabricsim.sims.train import train
from fabricsim.sims.versus import differences, told_apart
from fabricsim.topologies import load


@pytest.fixture(scope="module")
def servers():
    return load("hgx-h100", nodes=4)


def test_a_step_costs_its_gpu_hours_and_the_rated_power(servers):
    result = train(servers, "llama3-8b", "tp=8", prices=Prices(2.0, pue=1.5))
    hours = 32 * result.step_time_s / 3600
    assert result.cost.usd == pytest.approx(2 * hours)
    assert result.cost.starved_usd == pytest.approx(2 * hours * result.starved_fraction)
    # an H100 is rated at 700 W
    assert result.cost.kwh == pytest.approx(0.7 * 1.5 * hours)
    assert result.cost.tokens_per_joule == pytest.approx(result.tokens_per_s / (32 * 700 * 1.5))


def test_differences_by_cause_sum_to_that_of_the_steps(servers):
    first = train(servers, "llama3-8b", "tp=8,pp=2")
    second = train(load("hgx-h100", nodes=4, nic="100Gbps"), "llama3-8b", "tp=8,pp=2")
    rows = differences(first, second)
    total = sum(row.difference_s for row in rows)
    assert total == pytest.approx(second.step_time_s - first.step_time_s, rel=1e-9)
    assert max(rows, key=lambda row: row.difference_s).cause == "serialisation"
    assert all(row.difference_usd is None for row in rows)


def test_differences_in_dollars_sum_to_that_of_the_costs(servers):
    prices = Prices(3.0)
    first = train(servers, "llama3-8b", "tp=8,pp=2", prices=prices)
    second = train(load("hgx-h100", nodes=8), "llama3-8b", "tp=8,pp=2", prices=prices, jitter=0.1)
    total = math.fsum(row.difference_usd for row in differences(first, second))
    assert total == pytest.approx(second.cost.usd - first.cost.usd, rel=1e-9)


def reason(step, cause):
    return next(each for each in step.reasons if each.cause == cause)


def test_the_reason_of_oversubscription_is_the_message_that_crosses_the_thin_spine():
    full, thin = (
        train(load("hgx-h100", nodes=16, oversubscription=ratio), "llama3-8b", "tp=8,pp=4") for ratio in (1, 4)
    )
    told = reason(thin, "oversubscription")
    assert (told.dimension, told.op) == ("pp", "send-recv")
    assert "spine" in told.where
    # four times as many messages share each cable above a leaf
    alone_us = next(call.time_us for call in full.collectives if call.dimension == "pp")
    assert told.added_us == pytest.approx(3 * alone_us, rel=0.01)
    (first, *_) = told_apart(full, thin, differences(full, thin))
    assert first.startswith("oversubscription +")
    assert "in the second (infiniband, d-mod-k) pp send-recv" in first
    assert told.where in first
    (back, *_) = told_apart(thin, full, differences(thin, full))
    assert back.startswith("oversubscription -")
    assert "in the first (infiniband, d-mod-k) pp send-recv" in back


def test_the_reason_of_collisions_names_the_rule_that_chose_the_paths():
    tree = load("xgft", m=[16, 4], w=[1, 16], server="hgx-h100", network="roce")
    hashed = train(tree, "llama3-8b", "tp=8,pp=4")
    told = reason(hashed, "collision")
    assert "by ecmp" in told.mechanism
    assert told.added_us > 0
    tables = train(tree, "llama3-8b", "tp=8,pp=4", transport="infiniband")
    assert not any(each.cause == "collision" for each in tables.reasons)


def test_a_step_beside_itself_has_nothing_to_tell(servers):
    step = train(servers, "llama3-8b", "tp=8")
    assert told_apart(step, step, differences(step, step)) == ()
