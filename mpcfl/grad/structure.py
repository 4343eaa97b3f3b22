"""Gradients of shape: axes, joints and parts. All local, and the mask goes along."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl.grad.cotangent import axes_of, unbroadcast
from mpcfl.grad.tape import Step

Shape = tuple[int, ...]


def _reshaping(function: Callable[..., Any]) -> Callable[..., Step]:
    """A function that keeps the elements in C order."""

    def rule(x: Any, *args: Any, **kwargs: Any) -> Step:
        shape = x.shape
        return Step(function(x, *args, **kwargs), (lambda g: np.reshape(g, shape),))

    return rule


def _permuting(function: Callable[..., Any]) -> Callable[..., Step]:
    """A function that only permutes axes."""

    def rule(x: Any, *args: Any, **kwargs: Any) -> Step:
        named = np.empty(tuple(range(1, x.ndim + 1)), np.uint8)  # axis i has length i + 1
        order = [n - 1 for n in function(named, *args, **kwargs).shape]
        back = tuple(np.argsort(order).tolist())
        return Step(function(x, *args, **kwargs), (lambda g: np.transpose(g, back),))

    return rule


def _broadcast_to(x: Any, shape: Any) -> Step:
    own = x.shape
    return Step(np.broadcast_to(x, shape), (lambda g: unbroadcast(g, own),))


def _copy(a: Any) -> Step:
    return Step(a, (lambda g: g,))


def _along(axis: int, part: Any) -> tuple[Any, ...]:
    """The index of one part along an axis that is counted from the front."""
    return (slice(None),) * axis + (part,)


def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Step:
    shapes = [np.shape(x) for x in arrays]
    place = 0 if axis is None else axis % len(shapes[0])
    sizes = [int(np.prod(s, dtype=np.int64)) if axis is None else s[place] for s in shapes]
    ends = [0, *itertools.accumulate(sizes)]

    def to(i: int) -> Callable[[Any], Any]:
        return lambda g: np.reshape(g[_along(place, slice(ends[i], ends[i + 1]))], shapes[i])

    return Step(np.concatenate(arrays, axis=axis), ([to(i) for i in range(len(arrays))],))


def _stack(arrays: Sequence[Any], axis: int = 0) -> Step:
    place = axis % (len(np.shape(arrays[0])) + 1)

    def to(i: int) -> Callable[[Any], Any]:
        return lambda g: g[_along(place, i)]

    return Step(np.stack(arrays, axis=axis), ([to(i) for i in range(len(arrays))],))


def _triangle(function: Callable[..., Any]) -> Callable[..., Step]:
    def rule(m: Any, k: int = 0) -> Step:
        shape = m.shape
        return Step(function(m, k), (lambda g: unbroadcast(function(g, k), shape),))

    return rule


RULES: dict[Any, Callable[..., Step]] = {
    **{function: _reshaping(function) for function in (np.reshape, np.ravel, np.squeeze, np.expand_dims)},
    **{
        function: _permuting(function)
        for function in (
            np.transpose,
            np.moveaxis,
            np.swapaxes,
            np.rollaxis,
            np.matrix_transpose,
            np.linalg.matrix_transpose,
        )
    },
    np.broadcast_to: _broadcast_to,
    np.copy: _copy,
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.tril: _triangle(np.tril),
    np.triu: _triangle(np.triu),
}


# ----------------------------------------------------------------------------------------------------- parts and joints


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    (place,) = axes_of(np.shape(ary), axis)
    n = np.shape(ary)[place]
    if np.ndim(indices_or_sections):
        cuts = [int(i) for i in indices_or_sections]
    else:
        sizes = [len(part) for part in np.array_split(np.empty(n, np.uint8), indices_or_sections)]
        cuts = list(itertools.accumulate(sizes))[:-1]
    return [ary[_along(place, slice(a, b))] for a, b in itertools.pairwise([0, *cuts, n])]


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    (place,) = axes_of(np.shape(ary), axis)
    if not np.ndim(indices_or_sections) and np.shape(ary)[place] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return _array_split(ary, indices_or_sections, axis)


def _unstack(x: Any, *, axis: int = 0) -> tuple[Any, ...]:
    (place,) = axes_of(np.shape(x), axis)
    return tuple(x[_along(place, i)] for i in range(np.shape(x)[place]))


def _atleast(dims: int, function: Callable[..., Any]) -> Callable[..., Any]:
    def shaped(x: Any) -> Any:
        return np.reshape(x, function(np.broadcast_to(np.uint8(0), np.shape(x))).shape)

    def apply(*arrays: Any) -> Any:
        parts = tuple(shaped(x) if np.ndim(x) < dims else x for x in arrays)
        return parts[0] if len(parts) == 1 else parts

    return apply


def _broadcast_arrays(*arrays: Any) -> tuple[Any, ...]:
    shape = np.broadcast_shapes(*(np.shape(x) for x in arrays))
    return tuple(np.broadcast_to(x, shape) for x in arrays)


def _meshgrid(*axes: Any, indexing: str = "xy", sparse: bool = False) -> tuple[Any, ...]:
    lines = [np.broadcast_to(np.uint8(0), (int(np.prod(np.shape(x), dtype=np.int64)),)) for x in axes]
    mesh: Any = np.meshgrid
    own, whole = (mesh(*lines, indexing=indexing, sparse=thin) for thin in (True, sparse))
    return tuple(
        np.broadcast_to(np.reshape(x, place.shape), grid.shape) for x, place, grid in zip(axes, own, whole, strict=True)
    )


def _hstack(tup: Sequence[Any]) -> Any:
    return np.concatenate([np.atleast_1d(x) for x in tup], axis=0 if np.ndim(tup[0]) <= 1 else 1)


def _diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    (place,) = axes_of(np.shape(a), axis)
    for _ in range(n):
        a = a[_along(place, slice(1, None))] - a[_along(place, slice(None, -1))]
    return a


_ATLEAST = {np.atleast_1d: 1, np.atleast_2d: 2, np.atleast_3d: 3}

COMPOSED: dict[Any, Callable[..., Any]] = {
    np.split: _split,
    np.array_split: _array_split,
    np.vsplit: _split,
    np.hsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 0 if np.ndim(ary) == 1 else 1),
    np.dsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 2),
    np.unstack: _unstack,
    **{function: _atleast(dims, function) for function, dims in _ATLEAST.items()},
    np.broadcast_arrays: _broadcast_arrays,
    np.meshgrid: _meshgrid,
    np.dstack: lambda tup: np.concatenate([np.atleast_3d(x) for x in tup], axis=2),
    np.hstack: _hstack,
    np.vstack: lambda tup: np.concatenate([np.atleast_2d(x) for x in tup], axis=0),
    np.column_stack: lambda tup: np.concatenate([x if np.ndim(x) > 1 else np.reshape(x, (-1, 1)) for x in tup], axis=1),
    np.append: lambda arr, values, axis=None: np.concatenate([arr, values], axis=axis),
    np.diff: _diff,
}
