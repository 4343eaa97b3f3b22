"""Arithmetic with cotangents: products and quotients in which public numbers wait, and broadcasting undone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl.grad.tape import Scaled

Shape = tuple[int, ...]


def uniform(x: Any) -> float | None:
    """The number that all elements of a public array are known to be, by its strides; None of any other array."""
    if isinstance(x, bool | int | float | np.bool_ | np.number):
        return float(x)
    if isinstance(x, np.ndarray) and x.size and (x.size == 1 or not any(x.strides)):
        return float(x[(0,) * x.ndim])
    return None


def by(factor: float, g: Any) -> Scaled:
    """A cotangent times a public number."""
    return Scaled(factor * g.factor, g.array) if isinstance(g, Scaled) else Scaled(factor, g)


def times(g: Any, y: Any) -> Any:
    """A cotangent times an array."""
    if isinstance(g, Scaled):
        return by(g.factor, times(g.array, y))
    number = uniform(y)
    if number is not None:
        return Scaled(number, np.broadcast_to(g, _joint(g, y)))
    number = uniform(g)
    return np.multiply(g, y) if number is None else Scaled(number, np.broadcast_to(y, _joint(g, y)))


def over(g: Any, y: Any) -> Any:
    """A cotangent divided by an array, of the accuracy of a quotient."""
    if isinstance(g, Scaled):
        return by(g.factor, over(g.array, y))
    number = uniform(y)
    if number is not None:
        return Scaled(float(np.true_divide(1.0, number)), np.broadcast_to(g, _joint(g, y)))
    number = uniform(g)
    if number is None:
        return np.true_divide(g, y)
    return Scaled(number, np.broadcast_to(np.true_divide(1.0, y), _joint(g, y)))


def _joint(x: Any, y: Any) -> Shape:
    return np.broadcast_shapes(np.shape(x), np.shape(y))


def unbroadcast(g: Any, shape: Shape) -> Any:
    """The cotangent of an array that was broadcast: sums over the axes that it was repeated along."""
    if g.shape == shape:
        return g
    lead = g.ndim - len(shape)
    axes = (*range(lead), *(i + lead for i, n in enumerate(shape) if n == 1 and g.shape[i + lead] != 1))
    return np.reshape(np.sum(g, axis=axes), shape)


def fitted(x: Any, pull: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A pull of an elementwise function to an operand that may have been broadcast."""
    shape = np.shape(x)

    def fit(g: Any) -> Any:
        part = pull(g)
        if isinstance(part, Scaled):
            return Scaled(part.factor, unbroadcast(part.array, shape))
        return unbroadcast(part, shape)

    return fit


def axes_of(shape: Shape, axis: Any) -> Shape:
    """The axes that an argument names, in order."""
    if axis is None:
        return tuple(range(len(shape)))
    return tuple(sorted(int(one) % len(shape) for one in np.atleast_1d(axis)))


def spread(g: Any, shape: Shape, axes: Shape) -> Any:
    """The cotangent of a sum over axes (kept or not), at every element that went into it."""
    return np.broadcast_to(np.reshape(g, tuple(1 if i in axes else n for i, n in enumerate(shape))), shape)


def count(shape: Shape, axes: Shape) -> int:
    """How many elements a sum over axes takes."""
    return math.prod(shape[i] for i in axes)
