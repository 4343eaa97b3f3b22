"""NumPy's functions of order (sorting, selection, search) on secret values.

All take the shape alone to know what they do: the schedule of a sort is a network's, whatever the data. Sorts are
stable where the order of equal elements shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl import operations as op
from mpcfl.dispatch.reductions import axes_of, kept
from mpcfl.engine import FIXED, Value
from mpcfl.operations import ordering, positions


def _to_last(x: Value, axis: int) -> Value:
    """One axis moved to the end; `_from_last` undoes it."""
    (axis,) = axes_of(x, axis)
    return op.transpose(x, (*(i for i in range(len(x.shape)) if i != axis), axis))


def _from_last(x: Value, axis: int) -> Value:
    """The last axis moved back to its place."""
    (axis,) = axes_of(x, axis)
    last = len(x.shape) - 1
    return op.transpose(x, tuple(i if i < axis else last if i == axis else i - 1 for i in range(last + 1)))


def _flat(x: Value) -> Value:
    return op.reshape(x, (math.prod(x.shape),))


def _sort(x: Value, axis: int | None = -1, kind: Any = None, *, order: None = None, stable: Any = None) -> Value:
    """np.sort; `kind` and `stable` are accepted, and equal numbers do not tell them apart."""
    _no_order(order)
    if axis is None:
        x, axis = _flat(x), -1
    (result,) = ordering.sort([_to_last(x, axis)])
    return _from_last(result, axis)


def _argsort(x: Value, axis: int | None = -1, kind: Any = None, *, order: None = None, stable: Any = None) -> Value:
    """np.argsort, always stable."""
    _no_order(order)
    if axis is None:
        x, axis = _flat(x), -1
    return _from_last(ordering.argsort([_to_last(x, axis)]), axis)


def _no_order(order: object) -> None:
    if order is not None:
        raise TypeError("a secret array has no fields to order by: use np.lexsort with several keys")


def _partition(x: Value, kth: Any, axis: int | None = -1, kind: Any = None, order: None = None) -> Value:
    """np.partition: sorted, which is a partition for every kth."""
    _check_places(x, kth, axis)
    return _sort(x, axis, order=order)


def _argpartition(x: Value, kth: Any, axis: int | None = -1, kind: Any = None, order: None = None) -> Value:
    _check_places(x, kth, axis)
    return _argsort(x, axis, order=order)


def _check_places(x: Value, kth: Any, axis: int | None) -> None:
    n = math.prod(x.shape[one] for one in axes_of(x, axis))
    if not all(-n <= int(place) < n for place in np.atleast_1d(kth)):
        raise ValueError(f"kth is out of bounds for {n} elements")


def _lexsort(keys: Any, axis: int = -1) -> Value:
    """np.lexsort: the last key counts most; the keys are secret or public arrays of one shape, or one array's rows."""
    if isinstance(keys, Value):
        columns = [op.take(keys, i) for i in range(keys.shape[0])]
    else:
        engine = next(key.engine for key in keys if isinstance(key, Value))
        columns = [key if isinstance(key, Value) else op.constant(engine, op.public(key)) for key in keys]
    if len({column.shape for column in columns}) != 1:
        raise ValueError("all keys need the same shape")
    return _from_last(ordering.argsort([_to_last(column, axis) for column in reversed(columns)]), axis)


# ------------------------------------------------------------------------------------------------------------ quantiles


def _quantile(
    x: Value,
    q: Any,
    axis: Any = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
) -> Value:
    """np.quantile for public q, by linear interpolation between the two nearest ranks."""
    if isinstance(q, Value):
        raise TypeError("np.quantile takes public q: sort the secret and gather at a secret rank")
    if out is not None or method != "linear":
        raise TypeError("np.quantile of a secret takes method 'linear' and no out")
    wanted = np.asarray(q, np.float64)
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise ValueError("quantiles must be in the range [0, 1]")
    axes = axes_of(x, axis)
    others = tuple(i for i in range(len(x.shape)) if i not in axes)
    rest, n = tuple(x.shape[i] for i in others), math.prod(x.shape[i] for i in axes)
    if n == 0:
        raise ValueError("a quantile of no elements")
    rows = op.as_kind(op.reshape(op.transpose(x, (*others, *axes)), (*rest, n)), FIXED)
    found = _at_ranks(rows, wanted.reshape(-1) * (n - 1))
    if keepdims:
        found = [kept(one, x.shape, axes) for one in found]
    shape = found[0].shape if found else rest
    stacked = op.concatenate([op.reshape(one, (1, *shape)) for one in found], 0)
    return op.reshape(stacked, (*wanted.shape, *shape))


def _at_ranks(rows: Value, ranks: NDArray[np.float64]) -> list[Value]:
    """The elements at public real ranks along the last axis, interpolated."""
    below = np.floor(ranks).astype(np.int64)
    places = sorted({int(p) for rank, low in zip(ranks, below, strict=True) for p in (low, math.ceil(rank))})
    (picked,) = ordering.sort([rows], wanted=places)
    element = {place: op.take(picked, (..., i)) for i, place in enumerate(places)}
    results = []
    for rank, low in zip(ranks, below, strict=True):
        weight = float(rank) - int(low)
        if weight == 0.0:
            results.append(element[int(low)])
        else:  # two products with public scalars: their difference could leave the range
            first = op.multiply(element[int(low)], np.array(1 - weight))
            results.append(op.add(first, op.multiply(element[int(low) + 1], np.array(weight))))
    return results


def _percentile(x: Value, q: Any, *args: Any, **kwargs: Any) -> Value:
    """np.percentile for public q."""
    if isinstance(q, Value):
        raise TypeError("np.percentile takes public q: sort the secret and gather at a secret rank")
    return _quantile(x, np.asarray(q, np.float64) / 100, *args, **kwargs)


def _median(
    x: Value, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False
) -> Value:
    return _quantile(x, 0.5, axis, out, overwrite_input, keepdims=keepdims)


# ---------------------------------------------------------------------------------------------------- search and counts


def _searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Value:
    """np.searchsorted, by comparing all with all: no binary search, whose path would tell the place."""
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', not {side!r}")
    table, queries = (part if isinstance(part, Value) else op.public(part) for part in (a, v))
    if len(table.shape) != 1:
        raise ValueError("np.searchsorted takes a table of one dimension")
    if isinstance(sorter, Value):
        raise TypeError("np.searchsorted takes a public sorter: sort the table first")
    if sorter is not None:
        order = np.asarray(sorter, np.intp)
        table = op.take(table, order) if isinstance(table, Value) else table[order]
    return positions.search(table, queries, side == "right")


def _histogram(
    x: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Value, NDArray[Any]]:
    """np.histogram with public bin edges, or a number of bins and a public range."""
    if density or weights is not None or not isinstance(x, Value):
        raise TypeError("np.histogram of a secret counts: no density, no weights; np.bincount takes weights")
    if isinstance(bins, Value):
        raise TypeError("np.histogram takes public bin edges")
    if np.ndim(bins) == 0 and (range is None or isinstance(bins, str)):
        raise TypeError("np.histogram of a secret takes public bin edges, or a number of bins with a range")
    edges = np.histogram_bin_edges(np.zeros(0), bins, range)
    return positions.histogram(x, op.public(edges)), edges


def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Value:
    """np.bincount with `minlength` bins; numbers outside them are not counted."""
    if minlength <= 0:
        raise TypeError("np.bincount of a secret takes a public minlength, the number of bins")
    if not isinstance(x, Value):
        hot = op.constant(weights.engine, x[:, None] == np.arange(minlength))
        return positions.counts(op.multiply(op.reshape(weights, (*weights.shape, 1)), hot), 0)
    if len(x.shape) != 1:
        raise ValueError("np.bincount takes one dimension")
    if weights is None:
        return positions.counts(positions.one_hot(x, minlength), 0)
    values = weights if isinstance(weights, Value) else op.public(weights)
    if values.shape != x.shape:
        raise ValueError("weights and numbers must be of one length")
    return positions.scatter(values, x, minlength)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sort: _sort,
    np.argsort: _argsort,
    np.lexsort: _lexsort,
    np.partition: _partition,
    np.argpartition: _argpartition,
    np.median: _median,
    np.quantile: _quantile,
    np.percentile: _percentile,
    np.searchsorted: _searchsorted,
    np.histogram: _histogram,
    np.bincount: _bincount,
}
UFUNCS: dict[Any, Callable[..., Any]] = {}
