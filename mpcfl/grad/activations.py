"""Gradients of the functions that networks put between their layers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import numerics
from mpcfl.grad.cotangent import by, times
from mpcfl.grad.tape import Later, Step

CUBIC, ROOT = 0.044715, math.sqrt(2 / math.pi)
"""Of gelu's form by tanh."""


def _from_result(function: Callable[..., Any], slope: Callable[[Any], Any]) -> Callable[..., Step]:
    """A function whose derivative is a function of its result; options go to the function."""

    def rule(x: Any, **options: Any) -> Step:
        value = function(x, **options)
        later = Later(lambda: slope(value))
        return Step(value, (lambda g: times(g, later()),), (later,))

    return rule


def _softplus(x: Any, **options: Any) -> Step:
    """The sigmoid, issued beside it."""
    value, slope = numerics.softplus(x, **options), numerics.sigmoid(x, **options)
    return Step(value, (lambda g: times(g, slope),))


def _bell(function: Callable[[Any], Any], factor: float) -> Callable[..., Step]:
    """A function whose derivative is `factor` exp(-x^2)."""

    def rule(x: Any) -> Step:
        slope = Later(lambda: np.exp(-np.square(x)))
        return Step(function(x), (lambda g: by(factor, times(g, slope())),), (slope,))

    return rule


def _gelu(x: Any, approximate: str = "none") -> Step:
    """x F(x): the derivative F(x) + x F'(x), whose first part is issued beside the function."""
    value = numerics.gelu(x, approximate)
    if approximate == "none":
        part = numerics.erf(x * math.sqrt(0.5))
        density = Later(lambda: x * np.exp(np.square(x) * -0.5) * math.sqrt(0.5 / math.pi))
    else:
        squares = np.square(x)
        part = numerics.tanh(x * (1.0 + squares * CUBIC) * ROOT, precise=True)
        density = Later(lambda: x * (1.0 + squares * (3 * CUBIC)) * (1.0 - np.square(part)) * (ROOT / 2))
    slope = Later(lambda: 0.5 * part + 0.5 + density())
    return Step(value, (lambda g: times(g, slope()),), (slope,))


def _silu(x: Any) -> Step:
    """With s = sigmoid(x), issued beside it: s + silu(x) (1 - s)."""
    value, share = numerics.silu(x), numerics.sigmoid(x, precise=True)
    slope = Later(lambda: share + value * (1.0 - share))
    return Step(value, (lambda g: times(g, slope()),), (slope,))


RULES: dict[Any, Callable[..., Step]] = {
    np.tanh: _from_result(np.tanh, lambda value: 1.0 - np.square(value)),
    numerics.sigmoid: _from_result(numerics.sigmoid, lambda value: value - np.square(value)),
    numerics.softplus: _softplus,
    numerics.tanh: _from_result(numerics.tanh, lambda value: 1.0 - np.square(value)),
    numerics.erf: _bell(numerics.erf, 2 / math.sqrt(math.pi)),
    numerics.erfc: _bell(numerics.erfc, -2 / math.sqrt(math.pi)),
    numerics.gelu: _gelu,
    numerics.silu: _silu,
}
