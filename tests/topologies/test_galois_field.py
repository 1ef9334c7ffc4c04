"""Finite fields against their axioms and against arithmetic modulo a prime."""

import itertools

import numpy as np
import pytest
from fabricsim.topologies.galois_field import galois_field, nearest_prime_powers, prime_power

ORDERS = (2, 3, 4, 5, 7, 8, 9, 16, 25, 27)


@pytest.mark.parametrize("q", ORDERS)
def test_tables_obey_the_axioms_of_a_field(q):
    field, every = galois_field(q), range(q)
    plus, times = field.plus, field.times
    assert (plus == plus.T).all()
    assert (times == times.T).all()
    assert (plus[0] == np.arange(q)).all()
    assert (times[1] == np.arange(q)).all()
    assert all(sorted(row) == list(every) for row in plus.tolist())
    assert all(sorted(row[1:]) == list(range(1, q)) for row in times[1:].tolist())
    for a, b, c in itertools.product(range(min(q, 9)), repeat=3):
        assert plus[plus[a, b], c] == plus[a, plus[b, c]]
        assert times[times[a, b], c] == times[a, times[b, c]]
        assert times[a, plus[b, c]] == plus[times[a, b], times[a, c]]


@pytest.mark.parametrize("p", [2, 3, 5, 7, 13])
def test_a_prime_field_is_arithmetic_modulo_the_prime(p):
    field, numbers = galois_field(p), np.arange(p)
    assert (field.plus == (numbers[:, None] + numbers) % p).all()
    assert (field.times == numbers[:, None] * numbers % p).all()


@pytest.mark.parametrize("q", ORDERS)
def test_the_powers_of_the_primitive_element_are_all_elements_but_zero(q):
    field = galois_field(q)
    assert sorted(field.powers.tolist()) == list(range(1, q))
    root = field.powers[1 % (q - 1)]
    for before, after in itertools.pairwise(field.powers.tolist()):
        assert field.times[before, root] == after


def test_prime_powers_below_forty():
    """OEIS A246655."""
    found = [q for q in range(40) if prime_power(q)]
    assert found == [2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 19, 23, 25, 27, 29, 31, 32, 37]


def test_nearest_prime_powers_stand_on_both_sides():
    assert nearest_prime_powers(28, 3) == [27, 29]
    assert nearest_prime_powers(1, 3) == [3]
