"""Shares of sprayed flows against the engine's exact ones."""

import numpy as np
import pytest
from fabricsim.sims.collectives import collective
from fabricsim.sims.engine import max_min_rates
from fabricsim.sims.engine._kernel import kernel
from fabricsim.sims.transports.spray._share_kernels import share
from fabricsim.sims.transports.spray._state_kernels import ACTIVE, Classes, Sharing, Sprayed
from fabricsim.topologies import load
from hypothesis import given
from hypothesis import strategies as st


@kernel
def shared(sprayed, classes, sharing):
    share(sprayed, classes, sharing)


def rates(indptr, classes, each, room, most):
    """What `share` makes of flows that may each send at `most`."""
    flows, none, ids = len(most), np.zeros(0), np.zeros(0, np.int32)
    begins = np.zeros(1, np.int64)
    sprayed = Sprayed(
        *(begins, ids, none, none) * 2, indptr, classes, each, none, none, begins, none, none, none, none, none
    )
    work = [np.zeros(len(room)) for _ in range(9)]
    sharing = Sharing(
        none, np.zeros(flows), most, *work[:3], np.zeros(len(room), np.int64), *work[3:6],
        np.zeros(len(room), np.bool_), *work[6:8], np.arange(flows), none, np.array([0, flows]),
    )  # fmt: skip
    assert sharing.size[ACTIVE] == flows
    shared(sprayed, Classes(room, room, room, np.zeros(len(room), np.bool_)), sharing)
    return sharing.rate


@given(data=st.data(), number=st.integers(1, 8), flows=st.integers(1, 12))
def test_shares_are_max_min_fair(data, number, flows):
    rows = [data.draw(st.lists(st.integers(0, number - 1), min_size=1, unique=True)) for _ in range(flows)]
    indptr = np.cumsum([0, *map(len, rows)])
    amounts = st.floats(0.01, 1.0)
    each = np.array(data.draw(st.lists(amounts, min_size=int(indptr[-1]), max_size=int(indptr[-1]))))
    room = np.array(data.draw(st.lists(st.floats(1.0, 1e3), min_size=number, max_size=number)))
    most = np.array(data.draw(st.lists(st.floats(0.1, 1e3), min_size=flows, max_size=flows)))
    classes = np.concatenate(rows).astype(np.int32)
    fair = max_min_rates(indptr, classes, room, shares=each, caps=most, certify=True)
    assert rates(indptr, classes, each, room, most) == pytest.approx(fair, rel=1e-6)


def test_detours_of_all_pairs_stay_within_the_links():
    """By Valiant's ways 128 flows hold one another up in a net of bottlenecks; the certificate is the test."""
    (row,) = collective(
        load("hgx-h100", nodes=2, network="uec"), size="1MiB", algorithm="all-pairs", routing="valiant"
    ).rows
    assert row.bound_fraction < 1
