"""Gradients of the functions that networks put between their layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import numerics
from mpcfl.grad.cotangent import times
from mpcfl.grad.tape import Later, Step


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


RULES: dict[Any, Callable[..., Step]] = {
    np.tanh: _from_result(np.tanh, lambda value: 1.0 - np.square(value)),
    numerics.sigmoid: _from_result(numerics.sigmoid, lambda value: value - np.square(value)),
    numerics.softplus: _softplus,
}
