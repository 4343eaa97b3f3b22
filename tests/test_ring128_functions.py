"""Whatever is offered in ring 64 is offered in ring 128, and gives there what NumPy gives, to many more digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy_calls import MATRIX, WHOLE, call_of
from numpy_check import revealed

import mpcfl
from mpcfl import dispatch, numerics
from mpcfl.protocols import semi2k

FRACTION = 40
MODULES = {"": np, "linalg.": np.linalg, "fft.": np.fft}
NAMED = {prefix + name: getattr(module, name) for prefix, module in MODULES.items() for name in sorted(module.__all__)}
OFFERED = {
    name: function
    for name, function in NAMED.items()
    if callable(function) and not isinstance(function, type) and dispatch.offered(function)
}
UFUNCS = [name for name, function in OFFERED.items() if isinstance(function, np.ufunc)]
FAST = {"tanh": 1e-3, "logaddexp": 1e-3}
"""Ufuncs that keep a fast form, and its error."""


def simulated(function: Callable[..., Any], *operands: Any) -> Any:
    def program(session: mpcfl.Session) -> Any:
        return revealed(function(*(session.share(x, owner=i % 2) for i, x in enumerate(operands))))

    return mpcfl.simulate(program, ring=128, fraction=FRACTION, seed=3).results[0]


def close(got: Any, expected: Any, tolerance: float) -> None:
    if isinstance(expected, tuple):
        assert len(got) == len(expected)
        for pair in zip(got, expected, strict=True):
            close(*pair, tolerance)
        return
    assert np.asarray(got).dtype.kind == np.asarray(expected).dtype.kind
    np.testing.assert_allclose(np.asarray(got, float), np.asarray(expected, float), rtol=tolerance, atol=tolerance)


def test_both_rings_have_rules_for_the_same_primitives() -> None:
    assert semi2k.suite.over(128).table.keys() == semi2k.suite.table.keys()


def refusal(name: str, **options: int) -> str | None:
    """What a function says instead of a result; None if it has one."""
    call = call_of(OFFERED[name])
    try:
        mpcfl.forecast(lambda session: call(session.share(MATRIX, owner=0, shape=MATRIX.shape)), **options)
    except (TypeError, NotImplementedError) as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", OFFERED)
def test_nothing_offered_in_ring_64_is_refused(name: str) -> None:
    assert refusal(name, ring=128, fraction=FRACTION) == refusal(name)


@pytest.mark.parametrize("name", [name for name in UFUNCS if refusal(name) is None])
def test_ufuncs_give_what_numpy_gives(name: str) -> None:
    call = call_of(OFFERED[name])
    with np.errstate(all="ignore"):
        expected = call(MATRIX)
    close(simulated(call, MATRIX), expected, FAST.get(name, 1e-10))


X = np.array([-3.5, -1.0, -0.25, 0.0, 0.375, 1.0, 2.75, 30.0])
Y = np.array([0.5, -1.0, 2.0, -0.125, 0.0, 1.0, -4.5, 7.0])
POSITIVE = np.array([2.0**-13, 0.125, 0.75, 1.0, 2.5, 1e3, 1e6, 7.0])
PROGRAMS: dict[str, Callable[..., Any]] = {
    "a secret power": lambda x, y, p: p**y,
    "a public power": lambda x, y, p: p**0.3,
    "powers of their own": lambda x, y, p: p ** (X / 10),
    "a negative power": lambda x, y, p: (x - 0.125) ** -3.0,
    "integers to a negative power": lambda x, y, p: np.float_power(p, -2),
    "a public base": lambda x, y, p: 2.5**x,
    "a root of a cube": lambda x, y, p: np.cbrt(x**3) - x,
    "lengths": lambda x, y, p: np.hypot(x, y),
    "angles": lambda x, y, p: np.arctan2(y, x),
    "there and back": lambda x, y, p: np.arctan(np.tan(x / 3)) + np.arcsin(np.sin(x / 30)) + np.arcsinh(np.sinh(x)),
    "logarithms of sums": lambda x, y, p: np.logaddexp2(x, y),
    "a precise logistic": lambda x, y, p: numerics.sigmoid(x, precise=True) + numerics.softplus(y, precise=True),
    "a precise tanh": lambda x, y, p: numerics.tanh(x, precise=True),
    "error functions": lambda x, y, p: numerics.erf(x) * 2 + numerics.erfc(y),
    "activations": lambda x, y, p: numerics.gelu(x) + numerics.gelu(y, "tanh") + numerics.silu(x),
    "a softmax": lambda x, y, p: numerics.softmax(x) + numerics.logsumexp(y),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_made_of_them(name: str) -> None:
    close(simulated(PROGRAMS[name], X, Y, POSITIVE), PROGRAMS[name](X, Y, POSITIVE), 1e-10)


def test_a_public_exponent_keeps_more_digits() -> None:
    """1 / 3 at 59 bits, where ring 64 has 31: of 2^50, 2^(50 / 3) is right to 45."""
    got = simulated(lambda x: x ** (1 / 3), np.array([2.0**50, 2.0**-30]))
    assert abs(got[0] / 2 ** (50 / 3) - 1) < 2.0**-44
    assert abs(got[1] - 2.0**-10) < 2.0**-39


def test_secret_integers_are_operands_too() -> None:
    got = simulated(lambda n: (np.arctan(n), np.cbrt(n), np.hypot(n, 3)), WHOLE)
    close(got, (np.arctan(WHOLE), np.cbrt(WHOLE), np.hypot(WHOLE, 3)), 1e-11)


def test_derivatives_of_them() -> None:
    def program(session: mpcfl.Session) -> Any:
        x = session.share(np.array([0.25, -0.5]), owner=0)
        return mpcfl.grad.grad(lambda z: np.sum(np.arctan(z) + np.arcsin(z) + numerics.erf(z)))(x).reveal()

    got = mpcfl.simulate(program, ring=128, fraction=FRACTION).results[0]
    z = np.array([0.25, -0.5])
    expected = 1 / (1 + z * z) + 1 / np.sqrt(1 - z * z) + 2 / math.sqrt(math.pi) * np.exp(-z * z)
    np.testing.assert_allclose(got, expected, rtol=1e-10)
