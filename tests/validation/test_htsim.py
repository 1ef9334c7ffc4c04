"""Completion times per flow against the packet-level simulator csg-htsim (tests/data/htsim/NOTICE.md)."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from fabricsim.sims.traffic import traffic
from fabricsim.topologies import load
from htsim_cases import DATA, OTHER_LAWS, ROCE, SPRAYED, given_case

pytestmark = pytest.mark.validation


@pytest.fixture(scope="module")
def tree():
    return load("fat_tree", k=8, link="100Gbps", hop_latency="1us")


@pytest.mark.parametrize(("case", "limit"), [("perm128_2MB", 0.03), ("perm128_mixed", 0.05), ("incast_bg", 0.08)])
def test_roce_on_given_paths(tree, compare, case, limit):
    given = given_case(tree, "roce", case)
    ran = traffic(tree, given.flows, given.forth, given.back, transport=ROCE)
    ours, due = _fct_us(ran), given.due_s * 1e6
    _compare(compare, f"roce {case}", ran, due, limit)
    for word, measure, most in (("mean", np.mean, 0.03), ("max", np.max, 0.06)):
        pair = measure(ours), measure(due)
        compare(f"roce {case}, {word}", *(f"{value:.1f} us" for value in pair), pair[0] / pair[1] - 1, most)


@pytest.mark.parametrize(
    ("transport", "case", "limit"),
    [
        ("ndp", "perm128_2MB", 0.015),
        ("ndp", "perm128_mixed", 0.02),
        ("ndp", "incast_bg", 0.025),
        ("eqds", "perm128_2MB", 0.05),
        ("eqds", "perm128_mixed", 0.02),
        ("eqds", "incast_bg", 0.03),
    ],
)
def test_sprayed_packets_from_the_spec_alone(tree, compare, transport, case, limit):
    with open(DATA / f"{transport}_{case}.csv", newline="") as file:
        due = np.array([float(row["fct_us"]) for row in csv.DictReader(file)])
    ran = traffic(tree, DATA / f"{case}.cm", transport=SPRAYED[transport])
    _compare(compare, f"{transport} {case}", ran, due, limit)


@pytest.mark.parametrize(
    ("law", "case"),
    [("hpcc", "perm128_2MB"), ("hpcc", "perm128_mixed"), ("hpcc", "incast_bg"), ("swift", "perm128_mixed")],
)
def test_laws_of_the_papers_beside_those_of_the_program(tree, compare, law, case):
    given = given_case(tree, law, case)
    ours = _fct_us(traffic(tree, given.flows, given.forth, given.back, transport=OTHER_LAWS[law]))
    due = given.due_s * 1e6
    error = float(np.abs(ours / due - 1).mean())
    assert np.isfinite(ours).all()
    compare.tell(f"{law} {case}, per flow", f"{np.median(ours):.1f} us", f"{np.median(due):.1f} us", error)


def _compare(compare, case, ran, due_us, limit):
    ours = _fct_us(ran)
    error = float(np.abs(ours / due_us - 1).mean())
    compare(f"{case}, per flow", f"{np.median(ours):.1f} us", f"{np.median(due_us):.1f} us", error, limit)


def _fct_us(ran):
    return (ran.finish_s - ran.start_s) * 1e6
