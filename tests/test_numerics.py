"""Functions that NumPy lacks: exact on ndarrays, within their stated error on secrets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mpcfl
from mpcfl import numerics
from mpcfl.errors import InputError

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


QUOTIENT_ERROR = 1.1 * 2.0**-18
RELATIVE = 2.0**-20.3


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.array([1, -2, 0, 7]), np.array([3, 2, 5, 7])),
        (np.array([0.5, -2.5]), np.array([1.5, 2.5])),
        (np.array([1, 2]), np.array([2.5, 2.0])),
        (np.array([[1], [2]]), np.array([2, 4, 1000])),
        (np.array([True, False]), np.array([3, 1])),
        (np.array([1e6, -1e6, 5.0]), np.array([-3.0, 2.0**-10, -1e9])),
        (np.array([1 << 60, -7]), np.array([1 << 58, -(1 << 40)])),
    ],
)
def test_quotients(x, y):
    expected = numerics.divide(x, y)
    np.testing.assert_array_equal(expected, x / y)
    got = revealed(numerics.divide, x, y)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=QUOTIENT_ERROR, rtol=RELATIVE)
    np.testing.assert_array_equal(revealed(lambda a, b: a / b, x, y), got)


def test_quotients_with_one_public_side():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([4.0, 3.5, 3.25])
    np.testing.assert_allclose(revealed(lambda b: numerics.divide(x, b), y), x / y, atol=QUOTIENT_ERROR, rtol=RELATIVE)
    np.testing.assert_allclose(revealed(lambda a: numerics.divide(a, y), x), x / y, atol=QUOTIENT_ERROR, rtol=RELATIVE)
    np.testing.assert_allclose(revealed(lambda b: numerics.divide(1, b), y), 1 / y, atol=QUOTIENT_ERROR, rtol=RELATIVE)


def test_quotients_by_extreme_public_scalars():
    x = np.array([1.0, -2.5, LARGEST])
    np.testing.assert_array_equal(revealed(lambda a: a / 2.0**-8, x[:2]), x[:2] * 256)
    np.testing.assert_array_equal(revealed(lambda a: a / np.inf, x), 0 * x)
    np.testing.assert_allclose(revealed(lambda a: a / 1e300, x), 0 * x, atol=2.0**-18)
    with pytest.raises(InputError, match="too large"):
        revealed(lambda a: a / 1e-300, x)
    with pytest.raises(InputError, match="NaN"):
        revealed(lambda a: a / np.nan, x)


def test_a_quotient_below_one_unit_of_products():
    """1 / (P N) is below a unit, a count over P N is not lost."""
    count, pairs = np.array([123_456]), np.array([250_000])
    np.testing.assert_allclose(
        revealed(numerics.divide, count, pairs), count / pairs, atol=QUOTIENT_ERROR, rtol=RELATIVE
    )


def test_a_zero_divisor_gives_a_number_and_spoils_nothing_else():
    got = revealed(numerics.divide, np.array([0, 1]), np.array([0, 2]))
    assert np.isfinite(got).all()
    assert abs(got[1] - 0.5) <= QUOTIENT_ERROR


def test_reciprocals_of_integers_are_fixed_point():
    values = np.array([4, -8, 1, 1000])
    np.testing.assert_allclose(revealed(np.reciprocal, values), 1 / values, atol=QUOTIENT_ERROR)


@pytest.mark.parametrize("shape", [(7, 9), (1, 5), (3, 1), (6,), (2, 3, 4)])
def test_softmax_and_logsumexp(shape):
    x = np.random.default_rng(len(shape)).normal(0, 10, shape) + 1e6
    for axis in range(-len(shape), len(shape)):
        exact = numerics.softmax(x, axis)
        np.testing.assert_allclose(exact.sum(axis), 1, rtol=1e-12)
        n = shape[axis]
        got = revealed(lambda a, axis=axis: numerics.softmax(a, axis), x)
        np.testing.assert_allclose(got, exact, atol=(n + 4) * 2.0**-18)
        got = revealed(lambda a, axis=axis: numerics.logsumexp(a, axis), x)
        exact = numerics.logsumexp(x, axis)
        np.testing.assert_allclose(exact, np.logaddexp.reduce(x, axis=axis), rtol=1e-12)
        assert got.shape == exact.shape
        np.testing.assert_allclose(got, exact, atol=(n + 2) * 2.0**-18, rtol=1e-15)
    assert numerics.logsumexp(x, keepdims=True).shape == (*shape[:-1], 1)


def test_softmax_far_apart():
    """What underflows is zero, and nothing overflows."""
    x = np.array([0.0, -1e9, 1e12, 1e12 - 1, -1e12])
    np.testing.assert_allclose(revealed(numerics.softmax, x), numerics.softmax(x), atol=9 * 2.0**-18)


def test_the_rounds_of_softmax_are_those_of_its_parts():
    run = mpcfl.simulate(lambda session: numerics.softmax(session.share(np.zeros((5, 8)), 0, (5, 8))).reveal())
    assert run.rounds == 4 * 3 + 4 + 12 + 2 + 1


def test_relu_is_exact_and_costs_a_comparison():
    x = np.array([-3.5, 0.0, 2.25, LARGEST, -LARGEST])
    np.testing.assert_array_equal(revealed(numerics.relu, x), np.maximum(x, 0))
    np.testing.assert_array_equal(numerics.relu(x), np.maximum(x, 0))
    np.testing.assert_array_equal(revealed(numerics.relu, np.array([-3, 4])), [0, 4])
    np.testing.assert_array_equal(revealed(numerics.relu, np.array([True, False])), [1, 0])


@pytest.mark.parametrize(
    ("function", "exact"),
    [
        (lambda x: numerics.sigmoid(x, precise=True), lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: numerics.softplus(x, precise=True), lambda x: np.log1p(np.exp(x))),
        (lambda x: numerics.tanh(x, precise=True), np.tanh),
        (numerics.erf, np.vectorize(math.erf)),
        (numerics.erfc, np.vectorize(math.erfc)),
        (numerics.silu, lambda x: x / (1 + np.exp(-x))),
        (numerics.gelu, lambda x: x * np.vectorize(math.erfc)(-x / np.sqrt(2)) / 2),
        (
            lambda x: numerics.gelu(x, "tanh"),
            lambda x: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
        ),
    ],
)
def test_activations(function, exact):
    x = np.linspace(-9, 9, 40).reshape(4, 10)
    np.testing.assert_allclose(function(x), exact(x), rtol=1e-12, atol=1e-15)
    assert function(1.0).shape == ()
    np.testing.assert_allclose(revealed(function, x), exact(x), rtol=0, atol=2 * 2.0**-18)
    np.testing.assert_allclose(revealed(function, np.array([-2, 0, 3])), exact(np.array([-2.0, 0, 3])), atol=2.0**-17)
    assert revealed(function, np.zeros((0, 3))).shape == (0, 3)


def test_tanh_is_fast_unless_it_is_asked_to_be_precise():
    x = np.linspace(-3, 3, 50)
    np.testing.assert_array_equal(revealed(numerics.tanh, x), revealed(np.tanh, x))
    np.testing.assert_array_equal(numerics.tanh(x), np.tanh(x))


def test_gelu_of_another_name_is_refused():
    with pytest.raises(ValueError, match="'fast'"):
        numerics.gelu(np.ones(2), "fast")


def test_reciprocal_roots_on_plain_arrays():
    np.testing.assert_allclose(numerics.rsqrt(np.array([4.0, 0.25])), [0.5, 2.0], rtol=1e-15)


def test_functions_of_integers_and_booleans():
    values = np.array([0, 1, 3])
    for function in (np.exp, np.sqrt, np.cos, np.log1p, np.tanh):
        np.testing.assert_allclose(revealed(function, values), function(values), atol=5e-4)
    np.testing.assert_allclose(revealed(np.exp, np.array([True, False])), np.exp([1.0, 0.0]), atol=2.0**-16)


def test_functions_of_no_elements():
    for function in (np.exp, np.log, np.sqrt, np.reciprocal, np.sin):
        assert revealed(function, np.zeros((0, 3))).shape == (0, 3)


def test_numpy_functions_that_stay_refused():
    with pytest.raises(TypeError, match="not offered"):
        revealed(np.i0, np.ones(2))
    with pytest.raises(TypeError, match="public exponent"):
        revealed(np.ldexp, np.ones(2), np.ones(2, np.int64))
