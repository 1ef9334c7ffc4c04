"""Every preset of a published system that a test has time for runs an all-reduce, no faster than its bound."""

from __future__ import annotations

import pytest
from fabricsim.sims.collectives import collective
from fabricsim.topologies import load

NAMES = (
    *("dgx-h100-superpod", "dgx-b200-superpod", "gb200-superpod", "deepseek-v3", "tpu-v4-pod", "tpu-v6e-pod"),
    *("mi300x-cluster", "trn2-cluster", "vera-rubin-nvl144", "alibaba-hpn"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_runs_an_all_reduce_within_its_bound(name):
    row = collective(load(name), size="1GiB", fidelity="fluid").to_dict()["rows"][0]
    assert row["busbw_GBps"] > 1
    assert 0 < row["bound_fraction"] <= 1 + 1e-9
