"""Gradients of what moves elements to public places: a cotangent is added to the place that its element came from."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mpcfl import ordering
from mpcfl.array import SecretArray
from mpcfl.dispatch.structure import is_basic
from mpcfl.grad.tape import Step
from mpcfl.overrides import Overriding, overridable

Shape = tuple[int, ...]


def positions(shape: Shape) -> NDArray[np.int64]:
    """The numbers of the elements in C order."""
    return np.arange(math.prod(shape), dtype=np.int64).reshape(shape)


@overridable
def scattered(g: Any, places: NDArray[np.int64], shape: Shape) -> Any:
    """Zeros of a shape, to which each element of g is added at its place.

    Parameters
    ----------
    g : array
    places : ndarray of int64, of the shape of g
        Public, in C order of the result.
    shape : tuple of int

    Notes
    -----
    Local on secrets. Where each place comes once they are gathered, and the mask goes along; else sums are differences
    of running sums in the order of the places, which is exact in the ring.
    """
    size, places = math.prod(shape), places.reshape(-1)
    line: Any = np.reshape(g, (-1,))
    if not isinstance(line, SecretArray):
        return np.bincount(places, weights=line, minlength=size).astype(np.float64).reshape(shape)
    order = np.argsort(places, kind="stable")
    ends = np.searchsorted(places[order], np.arange(size + 1))
    if places.size == 0:
        return np.zeros_like(line, shape=shape)
    if np.diff(ends).max() > 1:
        sums: Any = np.pad(np.cumsum(line[order]), (1, 0))
        return np.reshape(sums[ends[1:]] - sums[ends[:-1]], shape)
    if places.size == size:
        return np.reshape(line[order], shape)
    source = np.zeros(size, np.int64)
    source[places] = np.arange(1, places.size + 1)
    return np.reshape(np.pad(line, (1, 0))[source], shape)


def _scattered(g: Any, places: NDArray[np.int64], shape: Shape) -> Step:
    return Step(scattered(g, places, shape), (lambda h: np.reshape(h, (-1,))[places],))


def _moving(function: Callable[..., Any]) -> Callable[..., Step]:
    """A function of one array and public arguments, which moves its elements."""

    def rule(x: Any, *args: Any, **kwargs: Any) -> Step:
        shape = x.shape
        return Step(
            function(x, *args, **kwargs), (lambda g: scattered(g, function(positions(shape), *args, **kwargs), shape),)
        )

    return rule


def _getitem(x: Any, index: Any) -> Step:
    value, shape = x[index], x.shape
    block = _block(shape, index)
    if block is not None:
        return Step(value, (lambda g: _bordered(np.reshape(g, tuple(b - a for a, b in block)), shape, block),))
    return Step(value, (lambda g: scattered(g, np.asarray(positions(shape)[index]), shape),))


def _block(shape: Shape, index: Any) -> list[tuple[int, int]] | None:
    """The first and the end along each axis, if an index takes a block that is not empty, in order and unit steps."""
    parts = list(index) if isinstance(index, tuple) else [index]
    if any(isinstance(part, bool) or not is_basic(part) for part in parts):
        return None
    parts = [part for part in parts if part is not None]
    rest = [slice(None)] * (len(shape) - sum(part is not Ellipsis for part in parts))
    place = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[place : place + 1] = rest
    block = []
    for part, n in zip(parts, shape, strict=True):
        first, end, step = part.indices(n) if isinstance(part, slice) else (int(part) % n, int(part) % n + 1, 1)
        if step != 1 or end <= first:
            return None
        block.append((first, end))
    return block


def _bordered(g: Any, shape: Shape, block: list[tuple[int, int]]) -> Any:
    """A block in a border of zeros, which are multiples of it: the mask goes along."""
    for axis, ((first, end), n) in enumerate(zip(block, shape, strict=True)):
        if end - first < n:
            part = g[(slice(None),) * axis + (slice(0, 1),)]
            zero = part * False if isinstance(part, SecretArray) else np.zeros_like(part)
            sides = [(*g.shape[:axis], width, *g.shape[axis + 1 :]) for width in (first, n - end)]
            g = np.concatenate([np.broadcast_to(zero, sides[0]), g, np.broadcast_to(zero, sides[1])], axis=axis)
    return g


def _compress(condition: Any, a: Any, axis: int | None = None) -> Step:
    compress: Any = np.compress
    value, shape = compress(condition, a, axis), a.shape
    return Step(value, (None, lambda g: scattered(g, compress(condition, positions(shape), axis), shape)))


def _pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Step:
    shape, pad = x.shape, np.pad
    if mode == "constant":
        inside = np.flatnonzero(np.pad(np.ones(shape, np.bool_), pad_width))
        value = pad(x, pad_width, constant_values=constant_values)
        return Step(value, (lambda g: np.reshape(np.reshape(g, (-1,))[inside], shape),))
    moved: Any = pad
    return Step(moved(x, pad_width, mode), (lambda g: scattered(g, moved(positions(shape), pad_width, mode), shape),))


def _flip(m: Any, axis: Any = None) -> Step:
    return Step(np.flip(m, axis), (lambda g: np.flip(g, axis),))


def _roll(a: Any, shift: Any, axis: Any = None) -> Step:
    back = tuple(-one for one in shift) if isinstance(shift, tuple | list) else -shift
    return Step(np.roll(a, shift, axis), (lambda g: np.roll(g, back, axis),))


def _rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Step:
    return Step(np.rot90(m, k, axes), (lambda g: np.rot90(g, -k, axes),))


RULES: dict[Any, Callable[..., Step]] = {
    operator.getitem: _getitem,
    scattered: _scattered,
    np.compress: _compress,
    np.pad: _pad,
    np.flip: _flip,
    np.roll: _roll,
    np.rot90: _rot90,
    **{
        function: _moving(function)
        for function in (
            np.take,
            np.take_along_axis,
            np.delete,
            np.tile,
            np.repeat,
            np.diagonal,
            sliding_window_view,
        )
    },
}


def _diag(v: Any, k: int = 0) -> Any:
    if len(np.shape(v)) == 2:
        return np.diagonal(v, k)
    square = np.diag(np.ones(np.shape(v), np.bool_), k)
    return scattered(v, np.flatnonzero(square), square.shape)


def _one_hot(index: Any, size: int) -> Any:
    """The comparisons of a secret index with all places: once for both directions."""
    if not isinstance(index, SecretArray) or index.dtype != np.int64:
        raise TypeError("a secret index is an integer: take np.rint of it, or share it with dtype int64")
    return np.reshape(index, (*index.shape, 1)) == np.arange(size)


def _is_secret(index: Any) -> bool:
    return isinstance(index, SecretArray | Overriding)


def _gather(x: Any, index: Any) -> Any:
    if not _is_secret(index):
        return x[np.asarray(index)]
    hot = _one_hot(index, x.shape[0])
    if len(x.shape) == 1:
        return np.sum(hot * x, axis=-1)
    rows = np.reshape(hot, (index.size, x.shape[0])) @ np.reshape(x, (x.shape[0], -1))
    return np.reshape(rows, (*index.shape, *x.shape[1:]))


def _scatter(values: Any, index: Any, size: int) -> Any:
    if not _is_secret(index):
        places = np.asarray(index)[(...,) + (None,) * (len(values.shape) - 1)] * math.prod(values.shape[1:])
        shape = (size, *values.shape[1:])
        return scattered(values, places + positions(values.shape[1:]), shape)
    hot = _one_hot(index, size)
    if len(values.shape) == 1:
        return np.sum(hot * np.reshape(values, (-1, 1)), axis=0)
    rows = np.transpose(hot) @ np.reshape(values, (values.shape[0], -1))
    return np.reshape(rows, (size, *values.shape[1:]))


COMPOSED: dict[Any, Callable[..., Any]] = {
    np.fliplr: lambda m: np.flip(m, 1),
    np.flipud: lambda m: np.flip(m, 0),
    np.diag: _diag,
    np.diagflat: lambda v, k=0: _diag(np.ravel(v), k),
    np.linalg.diagonal: lambda x, *, offset=0: np.diagonal(x, offset, -2, -1),
    np.extract: lambda condition, arr: np.compress(np.ravel(condition), np.ravel(arr)),
    ordering.gather: _gather,
    ordering.scatter: _scatter,
}
