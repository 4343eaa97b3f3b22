"""Gradients of sums and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl import numerics
from mpcfl.grad.cotangent import axes_of, by, count, spread, times
from mpcfl.grad.tape import Later, Scaled, Step


def _sum(x: Any, axis: Any = None, keepdims: bool = False) -> Step:
    shape, axes = x.shape, axes_of(x.shape, axis)
    return Step(np.sum(x, axis=axis, keepdims=keepdims), (lambda g: spread(g, shape, axes),))


def _mean(x: Any, axis: Any = None, keepdims: bool = False) -> Step:
    shape, axes = x.shape, axes_of(x.shape, axis)
    value = np.mean(x, axis=axis, keepdims=keepdims)
    return Step(value, (lambda g: Scaled(1 / count(shape, axes), spread(g, shape, axes)),))


def _var(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False, *, correction: float | None = None) -> Step:
    """Of the squares of x - mean(x): that the mean moves too cancels in their sum."""
    shape, axes = x.shape, axes_of(x.shape, axis)
    number = count(shape, axes) - (ddof if correction is None else correction)
    centred = x - np.mean(x, axis=axes, keepdims=True)
    value = np.sum(np.square(centred), axis=axes, keepdims=keepdims) / number
    return Step(value, (lambda g: by(2 / number, times(spread(g, shape, axes), centred)),))


def _cumsum(x: Any, axis: int | None = None) -> Step:
    shape = x.shape

    def pull(g: Any) -> Any:
        return np.reshape(np.flip(np.cumsum(np.flip(g, axis or 0), axis=axis or 0), axis or 0), shape)

    return Step(np.cumsum(x, axis=axis), (pull,))


def _exponentials(x: Any, axis: int) -> tuple[Any, Any, Any]:
    """The largest, exp(x - largest) and its sum, along an axis that is kept."""
    largest = np.max(x, axis=axis, keepdims=True)
    powers = np.exp(x - largest)
    return largest, powers, np.sum(powers, axis=axis, keepdims=True)


def _logsumexp(x: Any, axis: int = -1, keepdims: bool = False) -> Step:
    """The derivative is the softmax, whose reciprocal is issued beside the logarithm."""
    largest, powers, total = _exponentials(x, axis)
    value, inverse = np.log(total) + largest, np.reciprocal(total)
    probabilities = Later(lambda: powers * inverse)
    shape, axes = x.shape, axes_of(x.shape, axis)
    return Step(
        value if keepdims else np.squeeze(value, axis=axis),
        (lambda g: times(spread(g, shape, axes), probabilities()),),
        (probabilities,),
    )


def _softmax(x: Any, axis: int = -1) -> Step:
    """p (g - sum(g p)), by the probabilities p of the forward pass."""
    _, powers, total = _exponentials(x, axis)
    value = powers * np.reciprocal(total)

    def pull(g: Any) -> Any:
        weighed = np.multiply(g, value)
        return weighed - value * np.sum(weighed, axis=axis, keepdims=True)

    return Step(value, (pull,))


RULES: dict[Any, Callable[..., Step]] = {
    np.sum: _sum,
    np.mean: _mean,
    np.var: _var,
    np.cumsum: _cumsum,
    numerics.logsumexp: _logsumexp,
    numerics.softmax: _softmax,
}


def _prod(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Pairs of halves, level by level: the derivative is right for zeros too, and each factor is opened once."""
    shape, axes = np.shape(x), axes_of(np.shape(x), axis)
    others = tuple(i for i in range(len(shape)) if i not in axes)
    rest = tuple(shape[i] for i in others)
    rows = np.reshape(np.transpose(x, axes + others), (count(shape, axes), math.prod(rest)))
    if not rows.shape[0]:
        rows = np.ones((1, math.prod(rest)))
    while rows.shape[0] > 1:
        half = rows.shape[0] // 2
        rows = np.concatenate([rows[:half] * rows[half : 2 * half], rows[2 * half :]], axis=0)
    return np.reshape(rows, tuple(1 if i in axes else n for i, n in enumerate(shape)) if keepdims else rest)


def _cumprod(a: Any, axis: int | None = None) -> Any:
    """Products with what stands 1, 2, 4, ... places before: as many levels as a product has."""
    if axis is None:
        a, axis = np.ravel(a), 0
    rows, step = np.moveaxis(a, axis, 0), 1
    while step < rows.shape[0]:
        rows = np.concatenate([rows[:step], rows[step:] * rows[:-step]], axis=0)
        step *= 2
    return np.moveaxis(rows, 0, axis)


def _cumulative(running: Callable[..., Any], start: float) -> Callable[..., Any]:
    """The array API's name of a running reduction."""

    def apply(x: Any, /, *, axis: int | None = None, include_initial: bool = False) -> Any:
        place = 0 if axis is None else axis % len(np.shape(x))
        result = running(x, axis=place)
        if not include_initial:
            return result
        first = np.full(tuple(1 if i == place else n for i, n in enumerate(result.shape)), start)
        return np.concatenate([first, result], axis=place)

    return apply


def _std(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False, *, correction: float | None = None) -> Any:
    return np.sqrt(np.var(x, axis=axis, ddof=ddof if correction is None else correction, keepdims=keepdims))


def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    if np.shape(weights) != np.shape(a):
        raise TypeError("np.average has a gradient by weights of the shape of the array: broadcast them first")
    if isinstance(weights, np.ndarray):
        return np.sum(a * (weights / weights.sum(axis=axis, keepdims=True)), axis=axis, keepdims=keepdims)
    return np.sum(a * weights, axis=axis, keepdims=keepdims) / np.sum(weights, axis=axis, keepdims=keepdims)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """np.linalg.norm: Euclidean or Frobenius, 1, inf and -inf of vectors."""
    axes = axes_of(np.shape(x), axis)
    vector = len(axes) == 1
    if (ord is None and (axis is None or len(axes) < 3)) or (vector and ord == 2) or (len(axes) == 2 and ord == "fro"):
        return np.sqrt(np.sum(np.square(x), axis=axes, keepdims=keepdims))
    if vector and ord == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdims)
    if vector and ord in (math.inf, -math.inf):
        return (np.max if ord > 0 else np.min)(np.abs(x), axis=axes, keepdims=keepdims)
    raise TypeError("np.linalg.norm has a gradient here as the Euclidean, 1, inf or -inf norm, or the Frobenius one")


COMPOSED: dict[Any, Callable[..., Any]] = {
    np.prod: _prod,
    np.cumprod: _cumprod,
    np.cumulative_sum: _cumulative(np.cumsum, 0.0),
    np.cumulative_prod: _cumulative(np.cumprod, 1.0),
    np.std: _std,
    np.average: _average,
    np.linalg.norm: _norm,
    np.linalg.matrix_norm: lambda x, *, keepdims=False, ord="fro": _norm(x, ord, (-2, -1), keepdims),
    np.linalg.vector_norm: lambda x, *, axis=None, keepdims=False, ord=2: (
        _norm(np.ravel(x), ord) if axis is None and not keepdims else _norm(x, ord, axis, keepdims)
    ),
}
