"""Secret positions and counts: gather, scatter, and how many elements lie where.

A secret index becomes its one-hot row: it is compared with every position. Reading n positions at m places costs n m
comparisons, and neither the place nor whether two places are the same shows. The index is opened once under a mask, and
a comparison of it with another public number opens nothing of it again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value
from mpcfl.errors import InputError
from mpcfl.operations.comparisons import equal, invert, less, sign
from mpcfl.operations.linear import concatenate, reshape, subtract, take, total, transpose
from mpcfl.operations.operands import Operand, Public, as_boolean, as_kind, digest, public_kind
from mpcfl.operations.products import matmul, multiply


def one_hot(index: Value, size: int) -> Value:
    """Whether each index is each of 0 to size - 1, in a new last axis; no position where it is outside.

    Raises
    ------
    TypeError
        The index is no integer.
    """
    if index.kind != INTEGER:
        raise TypeError("a secret position is a secret integer: share it with dtype int64")
    return equal(reshape(index, (*index.shape, 1)), np.arange(size))


def gather(x: Operand, index: Value) -> Value:
    """x[index] along the first axis of x; zero, or False, where the index is outside.

    A secret vector is multiplied elementwise, which opens it and nothing of the bits; wider rows by a matrix product,
    which opens the bits and needs no dealt product for each of them.
    """
    n, rest = x.shape[0], x.shape[1:]
    hot = one_hot(index, n)
    if isinstance(x, Value) and not rest:
        found = total(multiply(hot, x), len(index.shape))
    else:
        rows = matmul(reshape(hot, (math.prod(index.shape), n)), _flat_rows(x))
        found = reshape(rows, (*index.shape, *rest))
    boolean = (x.kind if isinstance(x, Value) else public_kind(x)) == BOOLEAN
    return as_boolean(found) if boolean else found


def scatter(values: Operand, index: Value, size: int) -> Value:
    """Zeros of length `size` to which each row of values was added at its index; those outside are left out."""
    hot = one_hot(index, size)
    if isinstance(values, Value) and len(values.shape) == 1:
        return total(multiply(hot, reshape(values, (*values.shape, 1))), 0)
    return reshape(matmul(transpose(hot, (1, 0)), _flat_rows(values)), (size, *values.shape[1:]))


def _flat_rows(x: Operand) -> Operand:
    """An array as a matrix with its first axis as rows."""
    shape = (x.shape[0], math.prod(x.shape[1:]))
    return reshape(x, shape) if isinstance(x, Value) else x.reshape(shape)


def beyond(x: Value, values: Public, inclusive: bool) -> Value:
    """x > values, or x >= values if `inclusive`, broadcast: exact for any public reals, infinite ones included.

    Raises
    ------
    InputError
        A value is NaN.
    """
    engine = x.engine
    fraction = engine.ctx.fraction if x.kind == FIXED else 0
    found = _thresholds(values, fraction, inclusive, engine.ctx.bound)
    words = ring.words(found, engine.ctx.width)
    shape = ring.broadcast_shape(x.shape, words.shape)
    engine.note("thresholds", digest(words))
    moved = ring.broadcast(words, shape)
    # t - x of the largest threshold and the smallest number is 2^(bound + 1) - 1: no difference wraps
    difference = engine.local(
        "threshold", INTEGER, shape, [x], lambda: x.share.scale(-1).broadcast(shape).shift(moved, engine.ctx.first)
    )
    return sign(difference)


def _thresholds(values: Public, fraction: int, inclusive: bool, bound: int) -> NDArray[Any]:
    """Integers t with x > t for just those ring integers |x| < 2^bound for which x / 2^fraction > v (or >= v)."""
    exact: type = np.int64 if bound < 63 else object
    end = 1 << bound
    if values.dtype.kind != "f":
        limit = end >> fraction
        wanted = values.astype(object) if exact is object else values
        low, high = (np.asarray(part, bool) for part in (wanted < -limit, wanted >= limit))
        whole = np.where(low | high, 0, wanted).astype(exact) << fraction
        found = whole - 1 if inclusive else whole
    else:
        if np.isnan(values).any():
            raise InputError("a public bound is NaN: give numbers, or infinity for no bound")
        scaled = np.ldexp(values, fraction)
        low, high = scaled < -end, scaled >= end
        inside = np.where(low | high, 0.0, scaled)
        found = _whole(np.ceil(inside), exact) - 1 if inclusive else _whole(np.floor(inside), exact)
    return np.where(low, -end - 1, np.where(high, end - 1, found)).astype(exact)


def _whole(values: Public, exact: type) -> NDArray[Any]:
    """Whole reals as integers."""
    return np.vectorize(int, otypes=[object])(values) if exact is object else values.astype(exact)


def counts(bits: Value, axis: int) -> Value:
    """How many are true along an axis."""
    return total(as_kind(bits, INTEGER) if bits.kind == BOOLEAN else bits, axis)


def search(ordered: Operand, x: Operand, right: bool) -> Value:
    """Where in `ordered` (one axis) each x belongs: how many are smaller, or not larger if `right`."""
    axis = len(x.shape)
    if isinstance(x, Value):
        wide = reshape(x, (*x.shape, 1))
        if not isinstance(ordered, Value):
            return counts(beyond(wide, ordered, right), axis)
        return counts(invert(less(wide, ordered)) if right else less(ordered, wide), axis)
    assert isinstance(ordered, Value)
    return counts(invert(beyond(ordered, x[..., None], not right)), axis)


def histogram(x: Value, edges: Public) -> Value:
    """How many elements lie in each half-open bin [e_i, e_i+1); the last bin is closed. Four rounds."""
    wide = reshape(x, (math.prod(x.shape), 1))
    upward = concatenate(
        [counts(beyond(wide, edges[:-1], True), 0), counts(beyond(wide, edges[-1:], False), 0)], axis=0
    )
    return subtract(take(upward, slice(None, -1)), take(upward, slice(1, None)))
