"""Reductions, limits, parts of numbers and logic on secrets, against NumPy, and their rounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_check import ULP, agree, arrays, check, on_secrets, spent
from simulation import perform

FEW = settings(max_examples=12, deadline=None)


def axes(draw, x, several=True):
    """An axis, several, none or all."""
    one = st.integers(-x.ndim, x.ndim - 1)
    choices = [st.none(), one]
    if several:
        choices.append(st.sets(st.integers(0, x.ndim - 1)).map(tuple))
    return draw(st.one_of(choices))


@pytest.mark.parametrize("name", ["max", "min", "ptp", "any", "all", "sum", "count_nonzero"])
@pytest.mark.parametrize("kind", "fib")
@given(data=st.data())
@FEW
def test_reductions(name, kind, data):
    x = data.draw(arrays(kind))
    axis, keepdims = axes(data.draw, x), data.draw(st.booleans())
    if name == "ptp" and kind == "b":
        return
    function = getattr(np, name)
    got = on_secrets(lambda a: function(a, axis=axis, keepdims=keepdims), x)
    agree(got, np.asarray(function(x, axis=axis, keepdims=keepdims)))
    if name != "count_nonzero":
        agree(on_secrets(lambda a: getattr(a, name)(axis=axis, keepdims=keepdims), x), got)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("kind", "fib")
@given(data=st.data())
@FEW
def test_places_of_extremes(name, kind, data):
    """The first place where several tie."""
    x = data.draw(arrays(kind, elements=st.integers(-2, 2) if kind != "b" else st.booleans()))
    axis, keepdims = axes(data.draw, x, several=False), data.draw(st.booleans())
    check(lambda a: getattr(np, name)(a, axis=axis, keepdims=keepdims), x)
    check(lambda a: getattr(a, name)(axis=axis), x)


@given(arrays("f", st.integers(1, 40)))
@FEW
def test_places_of_extremes_of_long_vectors(x):
    check(lambda a: np.stack([np.argmax(a), np.argmin(a)]), x)


@pytest.mark.parametrize("kind", "fib")
@given(data=st.data())
@FEW
def test_products(kind, data):
    small = {"f": st.integers(-6, 6).map(lambda n: n / 4), "i": st.integers(-3, 3), "b": st.booleans()}[kind]
    x = data.draw(arrays(kind, elements=small))
    axis = axes(data.draw, x)
    tolerance = 2 * x.size * 1.5**x.size * ULP if x.size < 20 else 1e12
    check(lambda a: np.prod(a, axis=axis), x, tolerance=tolerance)
    axis = axes(data.draw, x, several=False)
    check(lambda a: np.cumprod(a, axis=axis), x, tolerance=tolerance)
    check(lambda a: np.cumsum(a, axis=axis), x)


def test_running_reductions_of_the_array_api():
    x = np.arange(6.0).reshape(2, 3) / 2
    for function in (np.cumulative_sum, np.cumulative_prod):
        check(lambda a, f=function: f(a, axis=1, include_initial=True), x, tolerance=4 * ULP)
        check(lambda a, f=function: f(a[0]), x, tolerance=4 * ULP)
    check(lambda a: a.cumsum(axis=0) + a.cumprod(axis=0), x, tolerance=2 * ULP)


def test_reduce_of_ufuncs():
    x = np.array([[1.0, -2.0], [0.5, 3.0]])
    for function in (np.add, np.maximum, np.minimum, np.multiply):
        check(lambda a, f=function: f.reduce(a), x, tolerance=2 * ULP)
        check(lambda a, f=function: f.reduce(a, axis=None), x, tolerance=4 * ULP)
    for function in (np.logical_and, np.logical_or):
        check(lambda a, f=function: f.reduce(a > 0, axis=1, keepdims=True), x)


def test_what_no_elements_have():
    empty = np.zeros((2, 0))
    for function in (np.sum, np.prod, np.any, np.all, np.cumsum, np.cumprod):
        check(lambda a, f=function: f(a, axis=1), empty)
    check(np.prod, empty)
    for function in (np.max, np.argmin, np.ptp, np.mean):
        with pytest.raises(ValueError, match="of no elements"):
            on_secrets(lambda a, f=function: f(a, axis=1), empty)
    check(lambda a: np.max(a, axis=0), empty)


# Moments


@pytest.mark.parametrize("kind", "fib")
@given(data=st.data())
@FEW
def test_means_and_variances(kind, data):
    x = data.draw(arrays(kind))
    axis, keepdims = axes(data.draw, x), data.draw(st.booleans())
    check(lambda a: np.mean(a, axis=axis, keepdims=keepdims), x, tolerance=2 * ULP)
    # an error of the mean weighs twice the distance from it
    check(lambda a: np.var(a, axis=axis, keepdims=keepdims), x, tolerance=400 * ULP)
    count = x.size if axis is None else math.prod(x.shape[i] for i in np.atleast_1d(axis).astype(int))
    if count > 1:
        check(lambda a: a.var(axis=axis, ddof=1), x, tolerance=400 * ULP)


def test_standard_deviations():
    x = (np.arange(24.0).reshape(2, 3, 4) * 7) % 11
    for function in (np.std, lambda a: a.std(axis=(0, 2), ddof=1), lambda a: np.std(a, axis=1, keepdims=True)):
        check(function, x, tolerance=2.0**-13)


WEIGHTS = np.array([0.5, 0.25, 2.0])


@pytest.mark.parametrize(
    "function",
    [
        lambda a: np.average(a),
        lambda a: np.average(a, axis=1, keepdims=True),
        lambda a: np.average(a, axis=1, weights=WEIGHTS),
        lambda a: np.average(a, axis=-1, weights=[1, 2, 3, 4]),
        lambda a: np.average(a, axis=(2, 1), weights=np.arange(12).reshape(4, 3)),
        lambda a: np.average(a, weights=np.arange(24).reshape(2, 3, 4)),
        lambda a: np.average(a, axis=0, weights=np.arange(1, 25).reshape(2, 3, 4), keepdims=True),
        lambda a: list(np.average(a, axis=1, weights=WEIGHTS, returned=True)),
        lambda a: list(np.average(a, axis=0, returned=True)),
    ],
)
def test_average(function):
    check(function, (np.arange(24.0).reshape(2, 3, 4) * 7) % 11, tolerance=6 * ULP)
    check(function, np.arange(24).reshape(2, 3, 4) % 7, tolerance=24 * ULP)


# Limits and parts


@given(arrays("f"), st.tuples(st.integers(-9, 9), st.integers(-9, 9)))
@FEW
def test_clip(x, limits):
    low, high = limits
    check(lambda a: np.clip(a, low, high), x)
    check(lambda a: np.clip(a, None, high) + a.clip(min=low) + np.clip(a, min=low, max=high / 2), x)
    check(lambda a: np.clip(a, a / 2, a[..., :1]), x)
    check(lambda a: np.clip(np.floor(a).astype(float), np.full(x.shape, low), high), x)


def test_clip_of_integers():
    check(lambda a: np.clip(a, -2, 3), np.arange(-5, 6))
    check(lambda a: np.clip(a, -1.5, 2.5), np.arange(-5, 6))


@given(arrays("f"))
@FEW
def test_parts_of_numbers(x):
    check(lambda a: np.stack([np.floor(a), np.ceil(a), np.trunc(a), np.sign(a), np.fabs(a), +a]), x)
    check(lambda a: np.heaviside(a, 0.5), x)
    check(lambda a: np.heaviside(np.floor(a), np.array(1)), x)


@given(arrays("i"))
@FEW
def test_parts_of_integers(x):
    check(lambda a: np.stack([np.floor(a), np.ceil(a), np.trunc(a), np.sign(a)]), x)
    check(np.fabs, x)


DIVISORS = [1, 2, 3, -7, 10, 1000, 0.5, -0.75, 2.5, 12.0]


@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("kind", "fi")
@given(data=st.data())
@settings(max_examples=6, deadline=None)
def test_floor_division(kind, divisor, data):
    """Exact, multiples of the divisor included."""
    x = data.draw(arrays(kind))
    x = np.concatenate([x.reshape(-1), np.arange(-4, 5).astype(x.dtype) * x.dtype.type(divisor * 4)])
    check(lambda a: a // divisor, x)
    check(lambda a: a % divisor, x)
    check(lambda a: list(np.divmod(a, divisor)), x)


@pytest.mark.parametrize("divisor", [3, 7, 1 << 20, (1 << 57) + 1])
def test_floor_division_over_the_whole_range(divisor):
    top = (1 << 62) - 1
    x = np.array([top, -top, top - 1, top // divisor * divisor, -(top // divisor) * divisor - 1, 0, -1, divisor])
    for parties in (2, 3):
        check(lambda a: list(np.divmod(a, divisor)), x, parties=parties)


def test_floor_division_by_what_it_cannot_be():
    for divisor, error in ((0, ZeroDivisionError), (2.0**-60, ZeroDivisionError), (2.0**90, ValueError)):
        with pytest.raises(error):
            on_secrets(lambda a, d=divisor: a // d, np.ones(2))
    with pytest.raises(ZeroDivisionError):
        on_secrets(lambda a: a // np.array([1, 0]), np.ones(2))


# Logic


@given(arrays("f"))
@FEW
def test_closeness(x):
    check(lambda a: np.isclose(a, a + 2.0**-10, atol=2.0**-9), x)
    check(lambda a: np.isclose(a, x * 1.001, rtol=0.01), x)
    check(lambda a: np.isclose(x, a + 1, rtol=0.125), x)


def test_questions_about_all_have_a_secret_answer():
    def program(session):
        x = session.share(np.array([1.0, 2.0]), owner=0)
        answers = [
            np.array_equal(x, x + 0),
            np.array_equal(x, np.array([1.0, 3.0])),
            np.array_equal(np.array([1.0]), x),
            np.allclose(x, x + 1e-9, atol=1e-4),
            np.allclose(x, np.array([1.0, 2.1])),
        ]
        with pytest.raises(TypeError, match="truth of a secret"):
            bool(answers[0])
        return [answer.reveal() for answer in answers]

    assert perform(program)[0][0] == [True, False, False, True, False]


# What they cost: comparison 4 rounds, product 2 (of integers 1), truncation 1


def levels(n):
    return math.ceil(math.log2(n))


@pytest.mark.parametrize("n", [1, 2, 3, 8, 63, 64, 100])
def test_rounds_of_folds(n):
    assert spent(np.sum, (n,))[0] == 0
    assert spent(np.cumsum, (n,))[0] == 0
    assert spent(np.max, (n,))[0] == 4 * levels(n)
    assert spent(np.ptp, (n,))[0] == 4 * levels(n)
    assert spent(np.argmax, (n,))[0] == 4 * levels(n) + (n > 2)
    assert spent(np.prod, (n,))[0] == 2 * levels(n)
    assert spent(np.cumprod, (n,))[0] == 2 * levels(n)
    assert spent(np.prod, (n,), dtype=np.int64)[0] == levels(n)
    counted = 2 if n < 64 else 4  # of a small count one table tells whether it is zero
    assert spent(lambda x: np.any(x), (n,), dtype=bool)[0] == counted
    assert spent(lambda x: np.all(x > 0), (n,))[0] == 4 + counted


PAGE = {
    "clip": (lambda x: np.clip(x, -1, 1), 4),
    "sign": (np.sign, 4),
    "floor": (np.floor, 5),
    "trunc": (np.trunc, 9),
    "floor division": (lambda x: np.divmod(x, 3), 5),
    "mean": (np.mean, 1),
    "variance": (np.var, 4),
    "two maxima": (lambda x: (x[:32].max(), x[32:].max()), 20),
    "the largest, its place and the smallest": (lambda x: (x.max(), x.argmax(), x.min()), 25),
    "power": (lambda x: x**8, 6),
    "power of seven": (lambda x: x**7, 6),
}


@pytest.mark.parametrize("name", PAGE)
def test_rounds_of_a_page_of_programs(name):
    function, rounds = PAGE[name]
    assert spent(function, (64,))[0] == rounds


def test_clip_opens_its_operand_once():
    assert spent(lambda x: np.clip(x, -1, 1), (6400,))[1] == 6400 * (8 + 2 * 35 / 8)
    assert spent(np.sign, (6400,))[1] == 6400 * (8 + 2 * 35 / 8)
