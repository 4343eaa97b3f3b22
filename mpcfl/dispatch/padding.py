"""`np.pad` on secret values, in every mode but a program of the caller's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from mpcfl import operations as op
from mpcfl.dispatch import ordering, statistics
from mpcfl.dispatch.arrangement import along, arranged, positions, with_zero
from mpcfl.dispatch.reductions import largest_of, smallest_of
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value

MOVES = {"edge", "wrap", "reflect", "symmetric"}
"""Modes that repeat elements: one gather."""

STATISTICS: dict[str, Callable[..., Value]] = {
    "maximum": largest_of,
    "minimum": smallest_of,
    "mean": statistics.mean,
    "median": ordering.FUNCTIONS[np.median],
}


def _pad(array: Value, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Value:
    """np.pad: borders that repeat elements are local, statistics cost what they cost.

    Means and medians of integers are rounded with halves up, where NumPy's go to the even neighbour.
    """
    pad = cast("Any", np.pad)
    if mode in MOVES and kwargs.get("reflect_type", "even") == "even":
        return arranged(array, pad(positions(array.shape), pad_width, mode=mode, **kwargs))
    if mode in ("constant", "empty"):
        return _constant(array, pad_width, **kwargs)
    widths = _pairs(array, pad_width)
    if mode in STATISTICS:
        lengths = (
            _pairs(array, kwargs["stat_length"])
            if kwargs.get("stat_length") is not None
            else [(None, None)] * (len(widths))
        )
        for axis, (width, length) in enumerate(zip(widths, lengths, strict=True)):
            array = _by_statistic(array, axis, width, length, STATISTICS[mode])
        return array
    if mode == "linear_ramp":
        for axis, (width, ends) in enumerate(zip(widths, _pairs(array, kwargs.get("end_values", 0)), strict=True)):
            array = _by_ramp(array, axis, width, ends)
        return array
    raise TypeError(f"np.pad on a secret does not take mode {mode!r} with these arguments: concatenate the borders")


def _pairs(x: Value, given: Any) -> list[tuple[Any, Any]]:
    """A number before and after for each axis, as NumPy broadcasts them."""
    if isinstance(given, dict):
        pairs = [(0, 0)] * len(x.shape)
        for axis, pair in given.items():
            pairs[axis] = (pair, pair) if np.ndim(pair) == 0 else tuple(pair)
        return pairs
    return [tuple(pair) for pair in np.broadcast_to(np.asarray(given), (len(x.shape), 2)).tolist()]


def _constant(x: Value, pad_width: Any, constant_values: Any = 0) -> Value:
    inside = with_zero(x, np.pad(positions(x.shape) + 1, pad_width))
    border = np.pad(np.zeros(x.shape), pad_width, constant_values=constant_values)
    if not border.any():
        return inside
    if x.kind == BOOLEAN:
        return op.as_boolean(op.add(inside, (border != 0).astype(np.int64)))
    return op.add(inside, border if x.kind == FIXED else border.astype(np.int64))


def _whole_again(border: Value, kind: str) -> Value:
    """A border of the kind of what it surrounds: rounded if that is an integer."""
    return border if border.kind == kind or kind == FIXED else op.whole(op.add(border, np.array(0.5)))


def _by_statistic(x: Value, axis: int, width: Any, length: Any, statistic: Callable[..., Value]) -> Value:
    if x.kind == BOOLEAN and statistic not in (largest_of, smallest_of):
        raise TypeError("np.pad of a secret boolean by means: multiply by 1 first")
    n = x.shape[axis]
    sides = (slice(None, length[0]), slice(None if length[1] is None else max(n - length[1], 0), None))
    first, last = (statistic(along(x, axis, side), axis=axis, keepdims=True) for side in sides)
    before, after = (
        _repeated(_whole_again(part, x.kind), axis, by) for part, by in zip((first, last), width, strict=True)
    )
    return op.concatenate([before, x, after], axis)


def _repeated(x: Value, axis: int, times: int) -> Value:
    return op.broadcast(x, tuple(times if i == axis else n for i, n in enumerate(x.shape)))


def _by_ramp(x: Value, axis: int, width: Any, ends: Any) -> Value:
    """Public end values that rise or fall in even steps to the edge."""
    if x.kind == BOOLEAN:
        raise TypeError("np.pad of a secret boolean by ramps: multiply by 1 first")
    before = _ramp(along(x, axis, slice(None, 1)), axis, width[0], ends[0])
    after = _ramp(along(x, axis, slice(-1, None)), axis, width[1], ends[1])
    reverse = tuple(slice(None, None, -1) if i == axis else slice(None) for i in range(len(x.shape)))
    return op.concatenate([before, x, op.take(after, reverse)], axis)


def _ramp(edge: Value, axis: int, width: int, end: float) -> Value:
    """end + (edge - end) k / width for k = 0, ..., width - 1, rounded down for integers."""
    steps = (np.arange(width) / max(width, 1)).reshape([width if i == axis else 1 for i in range(len(edge.shape))])
    ramp = op.add(op.multiply(op.as_kind(edge, FIXED), steps), end * (1 - steps))
    return op.whole(ramp) if edge.kind == INTEGER else ramp


FUNCTIONS: dict[Any, Callable[..., Any]] = {np.pad: _pad}
