"""Every case of tests/data/simgrid: rates to 1e-9, finish times to 1e-9 and the few nanoseconds that SimGrid merges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fabricsim.sims.engine import max_min_rates, simulate_flows

CASES = sorted((Path(__file__).parents[1] / "data" / "simgrid").glob("*.npz"))

pytestmark = pytest.mark.validation


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_answer_agrees_with_simgrid(path):
    with np.load(path) as file:
        data = dict(file)
    if "rates" in data:
        rates = max_min_rates(data["indptr"], data["links"], data["capacity"], certify=True)
        np.testing.assert_allclose(rates, data["rates"], rtol=1e-9)
    else:
        result = simulate_flows(data["indptr"], data["links"], data["capacity"] * 8, data["size"], data["start"])
        np.testing.assert_allclose(result.finish_s, data["finish"], rtol=1e-9, atol=5e-9)
