"""np.power, np.float_power and ** on secrets: every kind of exponent, with NumPy's shapes and kinds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_check import ULP, check, on_secrets, spent

from mpcfl.errors import InputError

REAL = np.array([[-3.5, -1.0, 0.25], [0.5, 2.0, 7.0]])
POSITIVE = np.abs(REAL) + 0.25


def near(function, *operands, relative=2.0**-16):
    got, expected = on_secrets(function, *operands), np.asarray(function(*operands))
    assert (got.shape, got.dtype) == (expected.shape, np.dtype(np.float64))
    np.testing.assert_allclose(got, expected, rtol=relative, atol=1.2 * ULP)


@pytest.mark.parametrize("exponent", [0.5, -0.5, -1, 1.5, 0.1, -2.5, 1 / 3, 3.7, 100.5])
def test_a_public_real_exponent(exponent):
    x = POSITIVE if abs(exponent) < 10 else 1 + POSITIVE / 64
    near(lambda a: a**exponent, x)
    near(lambda a: np.power(a, exponent), x)


@pytest.mark.parametrize("exponent", [-1, -2, -3, -7])
def test_a_negative_whole_exponent_keeps_the_sign(exponent):
    near(lambda a: a ** float(exponent), REAL)
    near(lambda a: a**exponent, REAL)
    near(lambda a: np.float_power(a, exponent), np.array([[2, -3]]))


def test_public_exponents_for_each_element():
    check(lambda a: a ** np.arange(4)[:, None, None], REAL, tolerance=700 * ULP)
    check(lambda a: a ** np.array([0, 2, 1]), np.array([[-2], [5]]))
    check(lambda a: a ** np.array([True, False, True]), REAL)
    check(lambda a: a ** np.zeros((0, 3)), np.ones(3))
    near(lambda a: a ** np.array([-1.0, 2.0, -3.0]), REAL)
    near(lambda a: a ** np.array([-1.5, 2.0, 0.3]), POSITIVE)


def test_a_secret_exponent():
    near(lambda a, b: a**b, POSITIVE, REAL)
    near(lambda a, b: np.power(a, b), POSITIVE[:, :1], np.array([2, -1, 0]))
    near(lambda b: 2.5**b, REAL, relative=2.0**-15)
    near(lambda b: np.array([0.5, 10.0, 1.0]) ** b, REAL, relative=2.0**-14)


def test_powers_of_zero():
    zeros = np.zeros(3)
    for exponent in (0.001, 0.3, 2.5, 30.5):
        np.testing.assert_array_equal(on_secrets(lambda a, e=exponent: a**e, zeros), 0)
    np.testing.assert_array_equal(on_secrets(lambda a, b: a**b, zeros, np.array([0.01, 1.0, 5.0])), 0)
    np.testing.assert_array_equal(on_secrets(lambda a: a**0, zeros), 1)


def test_what_underflows_is_zero():
    assert on_secrets(lambda a: a**10.5, np.array([1e-3, 2.0**-18]))[1] == 0
    np.testing.assert_array_equal(on_secrets(lambda a: a**-20.0, np.array([1e6, -1e6])), 0)


@given(
    st.lists(st.tuples(st.floats(-18, 43), st.floats(-1, 1)), min_size=1, max_size=20),
)
@settings(max_examples=25, deadline=None)
def test_anywhere(entries):
    """Bases of all magnitudes; exponents up to where the power ends."""
    logs, parts = (np.array(column) for column in zip(*entries, strict=True))
    x = np.maximum(np.rint(np.ldexp(2.0**logs, 18)), 1) * ULP
    y = np.rint(np.ldexp(parts * np.minimum(43.9 / np.maximum(np.abs(np.log2(x)), 0.2), 200), 18)) * ULP
    near(lambda a, b: a**b, x, y)


def test_refusals():
    with pytest.raises(ValueError, match="negative integer powers"):
        on_secrets(lambda a: a**-2, np.array([1, 2]))
    with pytest.raises(ValueError, match="positive"):
        on_secrets(lambda a: (-2.0) ** a, np.ones(2))
    for exponent in (np.inf, np.nan, 2.0**30):
        with pytest.raises(InputError, match="exponent"):
            on_secrets(lambda a, e=exponent: np.power(a, e), np.ones(2))


def test_rounds():
    assert spent(lambda x: x**0.5, (10,))[0] == 11
    assert spent(lambda x: x**0.3, (10,))[0] == 12
    assert spent(lambda x, y: x**y, (10,), (10,))[0] == 13
    assert spent(lambda x: (x**0.3, x**-0.7, np.cbrt(x)), (10,))[0] == 12
    assert spent(lambda x: x ** np.array([1, 2, 3, 4]), (4,))[0] == 4
