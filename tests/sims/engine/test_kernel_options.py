"""What the engine rests on that numba does not promise."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from fabricsim.sims.engine._event_kernels import run_flows
from fabricsim.sims.engine._kernel import kernel


def test_numba_still_compiles_without_counting_references():
    """`_nrt` is private to numba. Counting made 200,000 small events five times slower, so its loss must not pass
    unseen: without it a kernel cannot allocate, so one that does must not compile."""
    assert run_flows.targetoptions["_nrt"] is False

    def allocates(n):
        return np.empty(n)

    with pytest.raises(numba.core.errors.NumbaError):
        kernel(allocates)(3)
