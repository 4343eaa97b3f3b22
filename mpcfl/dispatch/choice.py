"""NumPy's choices, memberships and tables, as programs of its other functions.

They take secret arrays themselves, and plain ones beside them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np


def is_secret(x: Any) -> bool:
    """Whether it is a secret array."""
    return hasattr(x, "reveal")


def array(x: Any) -> Any:
    """A secret array as it is, all else as an ndarray."""
    return x if is_secret(x) else np.asarray(x)


def _choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """np.choose; a secret place outside of the choices reads zero, since nobody can raise by it."""
    if out is not None:
        raise TypeError("np.choose on secrets takes no out: assign the result to a name")
    options = [array(choice) for choice in choices]
    place = array(a)
    if place.dtype.kind not in "biu":
        raise TypeError("np.choose takes integers: share the places with dtype int64")
    place = place * 1
    if mode == "clip":
        place = np.clip(place, 0, len(options) - 1)
    elif mode == "wrap":
        place = np.remainder(place, len(options))
    elif not is_secret(place) and not ((place >= 0) & (place < len(options))).all():
        raise ValueError("invalid entry in choice array")
    if all(option.dtype == np.bool_ for option in options):
        hits = [(place == i) & option for i, option in enumerate(options)]
        return np.any(np.stack(np.broadcast_arrays(*hits)), axis=0)
    return functools.reduce(np.add, [(place == i) * (option * 1) for i, option in enumerate(options)])


def _isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: str | None = None
) -> Any:
    """np.isin by comparing all with all; `assume_unique` and `kind` change nothing."""
    table = array(test_elements).reshape(-1)
    found = np.any(array(element)[..., None] == table, axis=-1)
    return ~found if invert else found


def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """np.digitize: np.searchsorted with the names of the sides exchanged; public bins may fall."""
    edges = array(bins)
    side: Any = "left" if right else "right"
    if not is_secret(edges) and len(edges) > 1 and edges[0] > edges[-1]:
        if (np.diff(edges) > 0).any():
            raise ValueError("bins must be monotonically increasing or decreasing")
        return len(edges) - np.searchsorted(edges[::-1], x, side=side)
    if not is_secret(edges) and (np.diff(edges) < 0).any():
        raise ValueError("bins must be monotonically increasing or decreasing")
    return np.searchsorted(edges, x, side=side)


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """np.interp: all comparisons at once, a choice of the segment that is local for public tables, and one product.

    The table, or a part of it, may be secret; xp ascends. In a public table a result is within 1.5 + (d + s) / 2 units
    of the exact one, d the distance between two neighbours in xp and s the slope between them.
    """
    if period is not None:
        raise TypeError("np.interp on secrets takes no period: use np.remainder(x, period) and a table of one period")
    query, places, values = array(x) * 1.0, array(xp) * 1.0, array(fp) * 1.0
    if places.shape != values.shape or places.ndim != 1 or not places.size:
        raise ValueError("np.interp takes two tables of one length, with one dimension")
    if not is_secret(query) and not is_secret(places):
        ends = (0 if left is not None else None, 0 if right is not None else None)
        inside = np.stack([np.interp(query, places, one, *ends) for one in np.eye(len(places))], axis=-1) @ values
        inside = inside if left is None else inside + (query < places[0]) * left
        return inside if right is None else inside + (query > places[-1]) * right
    passed = (query[..., None] >= places) * 1  # how far x is in the table, as ones and zeros
    edge = np.ones((*query.shape, 1), np.int64)
    segment = -np.diff(np.concatenate([edge, passed, 0 * edge], axis=-1))
    flat = np.zeros(1)
    slopes = np.concatenate([flat, np.diff(values) / np.diff(places), flat]) if places.size > 1 else np.zeros(2)
    start = segment @ np.concatenate([places[:1], places])
    result = segment @ np.concatenate([values[:1], values]) + (segment @ slopes) * (query - start)
    if left is not None:
        result = np.where(query < places[0], left, result)
    return result if right is None else np.where(query > places[-1], right, result)


def _array_equiv(a1: Any, a2: Any) -> Any:
    """Whether all elements agree after broadcasting; a public False where the shapes do not broadcast."""
    x, y = array(a1), array(a2)
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return np.all(x == y)


def _block(arrays: Any) -> Any:
    """np.block: lists within lists, the innermost along the last axis."""
    depth = _depth(arrays)
    dims = max(depth, *(leaf.ndim for leaf in _leaves(arrays)))

    def joined(part: Any, level: int) -> Any:
        if not isinstance(part, list):
            leaf = array(part)
            return leaf.reshape((1,) * (dims - leaf.ndim) + leaf.shape)
        return np.concatenate([joined(one, level + 1) for one in part], axis=dims - depth + level)

    return joined(arrays, 0)


def _depth(part: Any) -> int:
    if not isinstance(part, list):
        return 0
    depths = {_depth(one) for one in part}
    if len(depths) != 1:
        raise ValueError("np.block takes lists of one depth that are not empty")
    return 1 + depths.pop()


def _leaves(part: Any) -> list[Any]:
    return [leaf for one in part for leaf in _leaves(one)] if isinstance(part, list) else [array(part)]


def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """np.apply_along_axis: the calls of all lines share their rounds, as far as the function reveals nothing."""
    lines = np.moveaxis(arr, axis, -1)
    rest = lines.shape[:-1]
    results = [func1d(lines[place], *args, **kwargs) for place in np.ndindex(*rest)]
    stacked = np.stack([array(one) for one in results]).reshape(rest + array(results[0]).shape)
    made = range(len(rest), stacked.ndim)
    return np.moveaxis(stacked, list(made), [axis % arr.ndim + i for i in range(len(made))])


def _apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Any:
    for axis in np.atleast_1d(axes).tolist():
        result = func(a, axis)
        a = result if result.ndim == a.ndim else np.expand_dims(result, axis)
    return a


def _histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Any, Any, Any]:
    """np.histogram2d with public edges, or numbers of bins and a public range: one matrix product of memberships."""
    if density or weights is not None:
        raise TypeError("np.histogram2d of secrets counts: no density and no weights")
    two = bins if isinstance(bins, list | tuple) and len(bins) == 2 else (bins, bins)
    ranges = (None, None) if range is None else range
    if any(is_secret(one) for one in two) or any(
        np.ndim(b) == 0 and r is None for b, r in zip(two, ranges, strict=True)
    ):
        raise TypeError("np.histogram2d of secrets takes public bin edges, or numbers of bins with a range")
    edges = [np.histogram_bin_edges(np.zeros(0), b, r) * 1.0 for b, r in zip(two, ranges, strict=True)]
    inside = [_memberships(array(v), e) for v, e in zip((x, y), edges, strict=True)]
    return (inside[0].T @ inside[1]) * 1.0, edges[0], edges[1]


def _memberships(x: Any, edges: Any) -> Any:
    """For each element and half-open bin a one or a zero; the last bin is closed."""
    above = np.concatenate([(x[:, None] >= edges[:-1]) * 1, (x[:, None] > edges[-1:]) * 1], axis=1)
    return -np.diff(above, axis=1)


PROGRAMS: dict[Any, Callable[..., Any]] = {
    np.choose: _choose,
    np.isin: _isin,
    np.digitize: _digitize,
    np.interp: _interp,
    np.array_equiv: _array_equiv,
    np.block: _block,
    np.apply_along_axis: _apply_along_axis,
    np.apply_over_axes: _apply_over_axes,
    np.histogram2d: _histogram2d,
}
