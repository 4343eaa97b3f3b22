"""NumPy's functions that arrange: axes, parts, repetition, order and diagonals.

All are public linear maps, local, and the mask goes along (slices and broadcasts where they do, gathers else), except
`tril` and `triu`, which are products with a public triangle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple
from numpy.lib.stride_tricks import sliding_window_view

from mpcfl import operations as op
from mpcfl.dispatch.structure import PUBLIC, concatenated, expanded, flattened, permuted, shadow, values
from mpcfl.dispatch.ufuncs import unequal
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value
from mpcfl.ring import Shape


def arranged(x: Value, places: Any) -> Value:
    """The elements of x, counted in C order, at public places."""
    return op.take(flattened(x), np.asarray(places, np.int64))


def positions(shape: Shape) -> Any:
    """The numbers of the elements in C order."""
    return np.arange(np.prod(shape, dtype=np.int64), dtype=np.int64).reshape(shape)


def along(x: Value, axis: int, index: Any) -> Value:
    """Basic indexing of one axis."""
    return op.take(x, (slice(None),) * normalize_axis_index(axis, len(x.shape)) + (index,))


# ----------------------------------------------------------------------------------------------------------------- axes


def _as_transpose(function: Callable[..., Any]) -> Callable[..., Value]:
    """A NumPy function that only permutes axes."""

    def apply(x: Value, *args: Any, **kwargs: Any) -> Value:
        named = np.empty(tuple(range(1, len(x.shape) + 1)), np.uint8)  # axis i has length i + 1
        return permuted(x, tuple(n - 1 for n in function(named, *args, **kwargs).shape))

    return apply


def _as_reshape(function: Callable[..., Any]) -> Callable[..., Value]:
    """A NumPy function that only adds or drops axes of length one."""
    return lambda x, *args, **kwargs: op.reshape(x, function(shadow(x), *args, **kwargs).shape)


def _atleast(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(*arrays: Any) -> Any:
        parts = tuple(op.reshape(x, function(shadow(x)).shape) for x in values(arrays))
        return parts[0] if len(parts) == 1 else parts

    return apply


# ---------------------------------------------------------------------------------------------------------------- parts


def _array_split(x: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    n = x.shape[normalize_axis_index(axis, len(x.shape))]
    if np.ndim(indices_or_sections):
        cuts = [int(i) for i in indices_or_sections]
    else:
        sizes = [len(part) for part in np.array_split(np.empty(n, np.uint8), indices_or_sections)]
        cuts = [sum(sizes[:i]) for i in range(1, len(sizes))]
    return [along(x, axis, slice(a, b)) for a, b in zip([0, *cuts], [*cuts, None], strict=True)]


def _split(x: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    n = x.shape[normalize_axis_index(axis, len(x.shape))]
    if not np.ndim(indices_or_sections) and n % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return _array_split(x, indices_or_sections, axis)


def _hsplit(x: Value, indices_or_sections: Any) -> list[Value]:
    return _split(x, indices_or_sections, 0 if len(x.shape) == 1 else 1)


def _dsplit(x: Value, indices_or_sections: Any) -> list[Value]:
    return _split(x, indices_or_sections, 2)


def _unstack(x: Value, *, axis: int = 0) -> tuple[Value, ...]:
    return tuple(along(x, axis, i) for i in range(x.shape[normalize_axis_index(axis, len(x.shape))]))


def _delete(x: Value, obj: Any, axis: int | None = None) -> Value:
    return arranged(x, np.delete(positions(x.shape), obj, axis))


def _insert(arr: Any, obj: Any, values_: Any, axis: int | None = None) -> Value:
    """np.insert at public places; what is inserted may be secret, of the kind of the array or a narrower one."""
    if isinstance(obj, Value):
        raise TypeError("np.insert takes public places: with a secret one use np.where on a wider array")
    x, new = values([arr, values_])
    if not isinstance(values_, Value):
        new = op.constant(x.engine, op.public(values_).astype(PUBLIC[x.kind]), x.kind)
    kinds = [BOOLEAN, INTEGER, FIXED]
    if kinds.index(new.kind) > kinds.index(x.kind):
        raise TypeError("a secret is not narrowed by np.insert: widen the array first (astype)")
    new = op.as_kind(new, x.kind)
    numbers = math.prod(x.shape) + positions(new.shape)
    return arranged(
        op.concatenate([flattened(x), flattened(new)], 0), np.insert(positions(x.shape), obj, numbers, axis)
    )


# ----------------------------------------------------------------------------------------------------------- repetition


def _tile(x: Value, reps: Any) -> Value:
    counts = tuple(np.atleast_1d(reps).tolist())
    dims = max(len(counts), len(x.shape))
    counts = (1,) * (dims - len(counts)) + counts
    shape = (1,) * (dims - len(x.shape)) + x.shape
    inner = tuple(n for size in shape for n in (1, size))
    outer = tuple(n for count, size in zip(counts, shape, strict=True) for n in (count, size))
    return op.reshape(
        op.broadcast(op.reshape(x, inner), outer), tuple(c * n for c, n in zip(counts, shape, strict=True))
    )


def _repeat(x: Value, repeats: Any, axis: int | None = None) -> Value:
    if isinstance(repeats, Value):
        raise TypeError("np.repeat by secret counts would tell them by its shape: use public counts")
    if axis is None:
        return _repeat(flattened(x), repeats, 0)
    if np.ndim(repeats):
        return along(x, axis, np.repeat(np.arange(x.shape[axis]), repeats))
    place = normalize_axis_index(axis, len(x.shape))
    wider = (*x.shape[: place + 1], int(repeats), *x.shape[place + 1 :])
    shape = (*x.shape[:place], x.shape[place] * int(repeats), *x.shape[place + 1 :])
    return op.reshape(op.broadcast(expanded(x, place + 1), wider), shape)


def _broadcast_arrays(*arrays: Any) -> tuple[Value, ...]:
    parts = values(arrays)
    shape = np.broadcast_shapes(*(part.shape for part in parts))
    return tuple(op.broadcast(part, shape) for part in parts)


def _meshgrid(*axes: Any, indexing: str = "xy", sparse: bool = False) -> tuple[Value, ...]:
    parts = [flattened(part) for part in values(axes)]
    mesh: Any = np.meshgrid
    grids = mesh(*(np.arange(part.shape[0]) for part in parts), indexing=indexing, sparse=sparse)
    places = [grid.shape for grid in mesh(*(shadow(p) for p in parts), indexing=indexing, sparse=True)]
    return tuple(
        op.broadcast(op.reshape(part, place), grid.shape)
        for part, place, grid in zip(parts, places, grids, strict=True)
    )


# ---------------------------------------------------------------------------------------------------------------- order


def _flip(x: Value, axis: Any = None) -> Value:
    chosen = range(len(x.shape)) if axis is None else normalize_axis_tuple(axis, len(x.shape))
    return op.take(x, tuple(slice(None, None, -1 if i in chosen else 1) for i in range(len(x.shape))))


def _roll(x: Value, shift: Any, axis: Any = None) -> Value:
    if axis is None:
        return op.reshape(_roll(flattened(x), int(np.sum(shift)), 0), x.shape)
    for by, one in np.broadcast(shift, axis):
        n = x.shape[normalize_axis_index(int(one), len(x.shape))]
        cut = (n - int(by) % n) if n else 0
        if cut % max(n, 1):
            x = op.concatenate([along(x, int(one), slice(cut, None)), along(x, int(one), slice(None, cut))], int(one))
    return x


def _shifted(x: Value, axes: Any, sign: int) -> Value:
    """np.fft.fftshift and its inverse: rolls by half."""
    chosen = normalize_axis_tuple(range(len(x.shape)) if axes is None else axes, len(x.shape))
    return _roll(x, [x.shape[i] // 2 if sign == 1 else -(x.shape[i] // 2) for i in chosen], list(chosen))


def _rot90(x: Value, k: int = 1, axes: Sequence[int] = (0, 1)) -> Value:
    first, second = normalize_axis_tuple(axes, len(x.shape))
    if k % 4 == 0:
        return x
    if k % 4 == 2:
        return _flip(x, (first, second))
    order = list(range(len(x.shape)))
    order[first], order[second] = second, first
    return op.transpose(_flip(x, second), tuple(order)) if k % 4 == 1 else _flip(op.transpose(x, tuple(order)), second)


def _diff(x: Value, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Value:
    if n < 0:
        raise ValueError("the order of a difference is not negative")
    ends = [part for part in (prepend, x, append) if part is not None]
    if len(ends) > 1 and n:
        lines = [
            op.broadcast(part, tuple(1 if i == axis % len(x.shape) else m for i, m in enumerate(x.shape)))
            if not part.shape
            else part
            for part in values(ends)
        ]
        x = concatenated(lines, axis)
    for _ in range(n):
        late, early = along(x, axis, slice(1, None)), along(x, axis, slice(None, -1))
        x = unequal(late, early) if x.kind == BOOLEAN else op.subtract(late, early)
    return x


def _append(x: Any, values_: Any, axis: int | None = None) -> Value:
    return concatenated([x, values_], axis)


# ----------------------------------------------------------------------------------------------------------- diagonals


def with_zero(x: Value, places: Any) -> Value:
    """As `arranged`, but place 0 is a zero and the elements of x count from 1.

    The zero is an element of x times 0, so that it needs no mask of its own.
    """
    line = flattened(x)
    if not line.shape[0]:
        zero = op.constant(x.engine, np.zeros(1, np.int64), x.kind)
    else:
        zero = op.multiply(op.take(line, slice(0, 1)), np.array(False))
    return op.take(op.concatenate([zero, line], 0), np.asarray(places, np.int64))


def _diag(x: Value, k: int = 0) -> Value:
    if len(x.shape) == 2:
        return diagonal(x, k)
    return with_zero(x, np.diag(positions(x.shape) + 1, k))


def diagonal(x: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """np.diagonal."""
    return arranged(x, np.diagonal(positions(x.shape), offset, axis1, axis2))


def _triangle(function: Callable[..., Any]) -> Callable[..., Value]:
    def apply(x: Value, k: int = 0) -> Value:
        if len(x.shape) == 1:
            x = op.broadcast(x, x.shape * 2)
        return op.multiply(x, function(np.ones(x.shape[-2:], np.bool_), k))

    return apply


def _windows(x: Value, window_shape: Any, axis: Any = None) -> Value:
    """np.lib.stride_tricks.sliding_window_view, read-only as NumPy's: a slice for each place in the window."""
    shape = sliding_window_view(shadow(x), window_shape, axis).shape
    dims = len(x.shape)
    axes = range(dims) if axis is None else [normalize_axis_index(one, dims) for one in np.atleast_1d(axis)]
    parts = []
    for place in np.ndindex(*shape[dims:]):
        first = [0] * dims
        for one, step in zip(axes, place, strict=True):
            first[one] += step
        parts.append(op.take(x, tuple(slice(a, a + n) for a, n in zip(first, shape, strict=False))))
    if not parts:
        return op.reshape(op.take(flattened(x), slice(0, 0)), shape)
    return op.reshape(op.concatenate([op.reshape(part, (*part.shape, 1)) for part in parts], dims), shape)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.moveaxis: _as_transpose(np.moveaxis),
    np.swapaxes: _as_transpose(np.swapaxes),
    np.rollaxis: _as_transpose(np.rollaxis),
    np.matrix_transpose: _as_transpose(np.matrix_transpose),
    np.linalg.matrix_transpose: _as_transpose(np.matrix_transpose),
    np.expand_dims: _as_reshape(np.expand_dims),
    np.squeeze: _as_reshape(np.squeeze),
    np.atleast_1d: _atleast(np.atleast_1d),
    np.atleast_2d: _atleast(np.atleast_2d),
    np.atleast_3d: _atleast(np.atleast_3d),
    np.split: _split,
    np.array_split: _array_split,
    np.hsplit: _hsplit,
    np.vsplit: _split,
    np.dsplit: _dsplit,
    np.unstack: _unstack,
    np.delete: _delete,
    np.insert: _insert,
    np.tile: _tile,
    np.resize: lambda a, new_shape: arranged(a, np.resize(positions(a.shape), new_shape)),
    np.repeat: _repeat,
    np.broadcast_arrays: _broadcast_arrays,
    np.meshgrid: _meshgrid,
    np.flip: _flip,
    np.fliplr: lambda x: _flip(x, 1),
    np.flipud: lambda x: _flip(x, 0),
    np.roll: _roll,
    np.fft.fftshift: lambda x, axes=None: _shifted(x, axes, 1),
    np.fft.ifftshift: lambda x, axes=None: _shifted(x, axes, -1),
    np.rot90: _rot90,
    np.diff: _diff,
    np.append: _append,
    np.diag: _diag,
    np.diagflat: lambda v, k=0: _diag(flattened(v), k),
    np.diagonal: diagonal,
    np.linalg.diagonal: lambda x, *, offset=0: diagonal(x, offset, -2, -1),
    np.tril: _triangle(np.tril),
    np.triu: _triangle(np.triu),
    sliding_window_view: _windows,
}
