"""Arithmetic in the finite field GF(q), as tables.

q = p^n. Elements are the numbers 0..q-1: the base-p digits of a number, lowest first, are the coefficients of a
polynomial in x, taken modulo a primitive polynomial of degree n (Lidl and Niederreiter, "Introduction to Finite
Fields", section 3.1). Modulo such a polynomial the powers of x are all the elements but 0, so x is the primitive
element.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

Elements = npt.NDArray[np.int64]


@dataclass(frozen=True)
class GaloisField:
    """GF(order): `plus[a, b]`, `times[a, b]`, and the powers xi^0 .. xi^(order - 2) of a primitive element."""

    order: int
    plus: Elements
    times: Elements
    powers: Elements


def prime_power(q: int) -> tuple[int, int] | None:
    """(p, n) with p prime and p^n = q; None where there are none."""
    if q < 2:
        return None
    p = next((d for d in range(2, int(q**0.5) + 1) if q % d == 0), q)
    n = 1
    while p**n < q:
        n += 1
    return (p, n) if p**n == q else None


def nearest_prime_powers(q: int, least: int) -> list[int]:
    """The largest prime power below q that is at least `least`, and the smallest above."""
    below = next((number for number in range(q - 1, least - 1, -1) if prime_power(number)), None)
    above = next(number for number in count(max(q + 1, least)) if prime_power(number))
    return [number for number in (below, above) if number is not None]


def galois_field(q: int) -> GaloisField:
    """The field of q elements; q is a prime power."""
    p, n = prime_power(q)  # type: ignore[misc]
    digits = np.arange(q)[:, None] // p ** np.arange(n) % p
    weights = p ** np.arange(n)
    plus = ((digits[:, None, :] + digits[None, :, :]) % p) @ weights
    powers = next(found for low in digits if (found := _powers_of_x(low, p)) is not None)
    log = np.zeros(q, dtype=np.int64)
    log[powers] = np.arange(q - 1)
    times = powers[(log[:, None] + log[None, :]) % (q - 1)]
    times[0, :] = times[:, 0] = 0
    return GaloisField(q, plus, times, powers)


def _powers_of_x(low: Elements, p: int) -> Elements | None:
    """The elements 1, x, x^2, ... modulo x^n + low[n-1] x^(n-1) + ... + low[0], if those are all but 0."""
    n = len(low)
    weights = p ** np.arange(n)
    value, powers = np.eye(1, n, dtype=np.int64)[0], []
    for _ in range(p**n - 1):
        powers.append(int(value @ weights))
        value = (np.r_[0, value[:-1]] - value[-1] * low) % p
        if not value.any() or (value @ weights == 1) != (len(powers) == p**n - 1):
            return None
    return np.array(powers)
