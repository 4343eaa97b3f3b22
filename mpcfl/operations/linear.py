"""What needs no message: structure, sums and differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value
from mpcfl.operations.operands import Operand, as_kind, digest, encoded, joined, public_kind, written
from mpcfl.ring import Shape, Words
from mpcfl.share import Share


def take(x: Value, index: Any) -> Value:
    shape = ring.indexed_shape(x.shape, index)
    return x.engine.local("take", x.kind, shape, [x], lambda: x.share.take(index), written(index))


def transpose(x: Value, axes: tuple[int, ...]) -> Value:
    return x.engine.local(
        "transpose", x.kind, tuple(x.shape[a] for a in axes), [x], lambda: x.share.transpose(axes), axes
    )


def reshape(x: Value, shape: Shape) -> Value:
    return x if x.shape == shape else x.engine.local("reshape", x.kind, shape, [x], lambda: x.share.reshape(shape))


def broadcast(x: Value, shape: Shape) -> Value:
    ring.broadcast_shape(x.shape, shape)
    return x if x.shape == shape else x.engine.local("broadcast", x.kind, shape, [x], lambda: x.share.broadcast(shape))


def concatenate(parts: Sequence[Value], axis: int) -> Value:
    kind = parts[0].kind if len({part.kind for part in parts}) == 1 else _widest([part.kind for part in parts])
    parts = [as_kind(part, kind) for part in parts]
    shape = _joined_shape([part.shape for part in parts], axis)
    axis = axis % len(shape)
    return parts[0].engine.local(
        "concatenate", kind, shape, parts, lambda: Share.concatenate([p.share for p in parts], axis), axis
    )


def _joined_shape(shapes: Sequence[Shape], axis: int) -> Shape:
    """The shape of arrays one behind the other along an axis; NumPy's error where they do not fit."""
    first = shapes[0]
    if -len(first) <= axis < len(first):
        others = {shape[:axis] + shape[axis % len(first) + 1 :] for shape in shapes if len(shape) == len(first)}
        if len(others) == 1 and all(len(shape) == len(first) for shape in shapes):
            axis %= len(first)
            return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])
    return np.concatenate([np.broadcast_to(np.uint8(0), shape) for shape in shapes], axis=axis).shape


def _widest(kinds: Sequence[str]) -> str:
    return FIXED if FIXED in kinds else INTEGER


def add(x: Value, y: Operand) -> Value:
    return _sum(x, y, 1)


def subtract(x: Value, y: Operand) -> Value:
    return _sum(x, y, -1)


def negative(x: Value) -> Value:
    kind = INTEGER if x.kind == BOOLEAN else x.kind
    return x.engine.local("negative", kind, x.shape, [x], lambda: x.share.scale(-1))


def _sum(x: Value, y: Operand, sign: int) -> Value:
    engine = x.engine
    if isinstance(y, Value):
        kind = joined(x.kind, y.kind)
        left, right = as_kind(x, kind), as_kind(y, kind)
        shape = ring.broadcast_shape(x.shape, y.shape)
        return engine.local("sum", kind, shape, [left, right], lambda: _share_of_sum(left, right, shape, sign), sign)
    kind = joined(x.kind, public_kind(y))
    words = encoded(engine, y, kind)
    engine.note("add", kind, sign, digest(words))
    shape = ring.broadcast_shape(x.shape, words.shape)
    moved = ring.broadcast(words if sign == 1 else ring.negative(words), shape)
    left = broadcast(as_kind(x, kind), shape)
    return engine.local("sum", kind, shape, [left], lambda: left.share.shift(moved, engine.ctx.first))


def _share_of_sum(x: Value, y: Value, shape: Shape, sign: int) -> Share:
    """x + sign y: where that has more elements than both, as the differences of all pairs have, a view of them.

    What needs it opened then opens x and y.
    """
    left, right = x.share, y.share
    if left.widens(right, math.prod(shape)):
        left, right = left.broadcast(shape), right.broadcast(shape)
        return left.plus(right) if sign == 1 else left.less(right)
    return Share((ring.add if sign == 1 else ring.subtract)(left.words, right.words))


def total(x: Value, axis: int) -> Value:
    """Sum over one axis; booleans are counted."""
    shape = tuple(n for i, n in enumerate(x.shape) if i != axis)
    kind = INTEGER if x.kind == BOOLEAN else x.kind
    return x.engine.local("total", kind, shape, [x], lambda: Share(ring.total(x.share.words, axis)), axis)


def running_total(x: Value, axis: int) -> Value:
    """Sums of the first 1, 2, ... along one axis; booleans are counted."""
    kind = INTEGER if x.kind == BOOLEAN else x.kind
    return x.engine.local(
        "running total", kind, x.shape, [x], lambda: Share(ring.running_total(x.share.words, axis)), axis
    )


@ring.shaped(lambda x, places, y: x.shape)
def _replaced(x: Words, places: NDArray[np.int64], y: Words) -> Words:
    out = x.copy()
    out[places] = y
    return out


def assigned(x: Value, places: NDArray[np.int64], y: Value) -> Value:
    """The vector x with the elements at `places` replaced by those of y: a new value, under a mask of its own.

    Where a place comes twice the last one counts. The mask cannot follow: it would cover two values of one place.
    """
    shape = places.shape
    return x.engine.local(
        "assign",
        x.kind,
        x.shape,
        [x, y],
        lambda: Share(_replaced(x.share.words, places, ring.broadcast(y.share.words, shape))),
        written(places),
    )
