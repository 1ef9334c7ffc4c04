"""Slim Fly (Besta and Hoefler, SC 2014, section II), on McKay-Miller-Siran graphs (Hafner, "Geometric realisation of
the graphs of McKay-Miller-Siran", J. Combinatorial Theory B 90, 2004).

q a prime power, q = 4w + d with d in -1, 0, 1: 2q^2 routers of (3q - d)/2 network ports each, diameter 2. Over GF(q)
with primitive element xi, router (0, x, y) meets (0, x, y') where y - y' is in X, (1, m, c) meets (1, m, c') where c
- c' is in X', and (0, x, y) meets (1, m, c) where y = m*x + c. The sets, as powers of xi:

- d = 1: X even, X' odd;
- d = 0: X even up to q - 2, X' odd up to q - 1;
- d = -1: X even up to 2w - 2 and odd from 2w - 1 to 4w - 3, X' odd up to 2w - 1 and even from 2w to 4w - 2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ...fabric.builder import numbered
from ...fabric.errors import Fault, SpecError
from ...fabric.graph import Fabric
from ..direct import DirectSpec, Layout, build_direct
from ..fields import MOST, Count
from ..galois_field import GaloisField, galois_field, nearest_prime_powers, prime_power
from ..wiring import refuse_too_large

Integers = npt.NDArray[np.int64]


class SlimFly(DirectSpec):
    """Routers two hops apart at most, with nearly the fewest ports for that."""

    q: int = Field(description="prime power, 3 or more: 2q^2 routers", ge=3, le=MOST)
    hosts: Count | None = Field(None, description="hosts per router; default: half of its network ports, rounded up")

    @model_validator(mode="after")
    def _possible(self) -> SlimFly:
        refuse_too_large(2 * self.q**2 * (self.hosts_used + self.degree // 2), "q")
        if prime_power(self.q) is None:
            near = nearest_prime_powers(self.q, 3)
            message = f"there is no field of {self.q} elements, for it is no power of a prime"
            raise SpecError(Fault(message, " or ".join(f"q={number}" for number in near), field="q"))
        if self.q % 4 == 2:
            raise SpecError(Fault(f"{self.q} is not 4w - 1, 4w or 4w + 1", "q=3", field="q"))
        self.refuse_bad_radix()
        self.refuse_part_servers(self.hosts_used, 2 * self.q**2, "hosts")
        return self

    @property
    def delta(self) -> int:
        """d of q = 4w + d."""
        return (self.q + 1) % 4 - 1

    @property
    def degree(self) -> int:
        """Network ports of a router."""
        return (3 * self.q - self.delta) // 2

    @property
    def hosts_used(self) -> int:
        return self.hosts or -(-self.degree // 2)

    @property
    def ports_used(self) -> int:
        return self.degree + self.hosts_used


def build(spec: SlimFly) -> Fabric:
    """The fabric of a spec. Router (s, x, y) has number s*q^2 + x*q + y."""
    q, field = spec.q, galois_field(spec.q)
    exponents, exponents_other = generators(q, spec.delta)
    one, other = zip(
        _columns(field, field.powers[exponents], 0),
        _columns(field, field.powers[exponents_other], q**2),
        _across(field),
        strict=True,
    )
    half, x, y = np.unravel_index(np.arange(2 * q**2), (2, q, q))
    layout = Layout(
        names=numbered("switch-{}-{}-{}", half, x, y),
        hosts=spec.hosts_used,
        one=np.concatenate(one),
        other=np.concatenate(other),
        columns={"coord0": half, "coord1": x, "coord2": y},
        parameters={"hosts": spec.hosts_used},
    )
    return build_direct("slim_fly", f"slim_fly q={q}", spec, layout)


def generators(q: int, delta: int) -> tuple[Integers, Integers]:
    """Exponents of the primitive element in X and in X'."""
    if delta == 1:
        return np.arange(0, q - 1, 2), np.arange(1, q - 1, 2)
    if delta == 0:
        return np.arange(0, q - 1, 2), np.arange(1, q, 2) % (q - 1)
    half = (q + 1) // 2  # 2w
    low, high = np.arange(half), np.arange(half - 1, q - 1)
    x = np.r_[low[low % 2 == 0], high[high % 2 == 1]]
    return x, (x + 1) % (q - 1)


def _columns(field: GaloisField, steps: Integers, first: int) -> tuple[Integers, Integers]:
    """Cables inside each column of q routers: y to y + s for every step s, each once."""
    y = np.repeat(np.arange(field.order), len(steps))
    peer = field.plus[y, np.tile(steps, field.order)]
    once = y < peer
    base = first + np.arange(field.order)[:, None] * field.order
    return (base + y[once]).ravel(), (base + peer[once]).ravel()


def _across(field: GaloisField) -> tuple[Integers, Integers]:
    """Cables between the halves: (0, x, m*x + c) to (1, m, c)."""
    q = field.order
    x, m, c = (index.ravel() for index in np.indices((q, q, q)))
    y = field.plus[field.times[m, x], c]
    return x * q + y, q**2 + m * q + c
