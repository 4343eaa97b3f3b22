"""Functions that NumPy lacks: exact on ndarrays, within their stated error on secrets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpcfl
from mpcfl import numerics

LARGEST = 2.0**44 - 2.0**-8


def revealed(function, *arrays):
    def program(session):
        return function(*(session.share(array, owner=0) for array in arrays)).reveal()

    return mpcfl.simulate(program, seed=0).results[0]


@pytest.mark.parametrize(
    ("function", "exact", "error"),
    [
        (numerics.sigmoid, lambda v: 1 / (1 + np.exp(-np.clip(v, -700, 700))), 2.5e-4),
        (numerics.softplus, lambda v: np.logaddexp(0, v), 2e-4),
    ],
)
class TestSeries:
    VALUES = np.concatenate([np.linspace(-30, 30, 601), [1e6, -1e6, LARGEST, -LARGEST, 8.999, 9.001, -8.999, -9.001]])

    def test_on_plain_arrays(self, function, exact, error):
        np.testing.assert_allclose(function(self.VALUES), exact(self.VALUES), rtol=1e-15, atol=2e-16)
        assert function(self.VALUES).dtype == np.float64
        assert function(0.0).shape == ()

    def test_on_secrets(self, function, exact, error):
        np.testing.assert_allclose(revealed(function, self.VALUES), exact(self.VALUES), atol=error, rtol=1e-15)

    def test_on_secret_integers_and_booleans(self, function, exact, error):
        for values in (np.array([-3, 0, 4]), np.array([True, False])):
            np.testing.assert_allclose(revealed(function, values), exact(values.astype(float)), atol=error)

    def test_on_no_elements(self, function, exact, error):
        assert revealed(function, np.zeros((0, 2))).shape == (0, 2)

    @given(st.lists(st.floats(-LARGEST, LARGEST), min_size=1, max_size=10))
    @settings(max_examples=20, deadline=None)
    def test_anywhere(self, function, exact, error, values):
        values = np.array(values)
        np.testing.assert_allclose(revealed(function, values), exact(values), atol=error, rtol=1e-15)


QUOTIENT_ERROR = 2.0**-24 + 2.0**-18


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.array([1, -2, 0, 7]), np.array([3, 2, 5, 7])),
        (np.array([0.5, -2.5]), np.array([1.5, 2.5])),
        (np.array([1, 2]), np.array([2.5, 2.0])),
        (np.array([[1], [2]]), np.array([2, 4, 1000])),
        (np.array([True, False]), np.array([3, 1])),
    ],
)
def test_quotients(x, y):
    expected = numerics.divide(x, y)
    np.testing.assert_array_equal(expected, x / y)
    got = revealed(numerics.divide, x, y)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=QUOTIENT_ERROR)


def test_quotients_with_one_public_side():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([4.0, 3.5, 3.25])
    np.testing.assert_allclose(revealed(lambda b: numerics.divide(x, b), y), x / y, atol=QUOTIENT_ERROR)
    np.testing.assert_allclose(revealed(lambda a: numerics.divide(a, y), x), x / y, atol=QUOTIENT_ERROR)
    np.testing.assert_allclose(revealed(lambda b: numerics.divide(1, b), y), 1 / y, atol=QUOTIENT_ERROR)


def test_a_quotient_below_one_unit_of_products():
    """1 / (P N) is below a unit, a count over P N is not lost."""
    count, pairs = np.array([123_456]), np.array([250_000])
    np.testing.assert_allclose(revealed(numerics.divide, count, pairs), count / pairs, atol=QUOTIENT_ERROR)


def test_a_zero_divisor_gives_a_number_and_spoils_nothing_else():
    got = revealed(numerics.divide, np.array([0, 1]), np.array([0, 2]))
    assert np.isfinite(got).all()
    assert abs(got[1] - 0.5) <= QUOTIENT_ERROR
