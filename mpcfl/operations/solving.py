"""Linear systems, least squares, triangular systems and determinants of secret matrices, and stacks of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import FIXED, Engine, Value
from mpcfl.operations import scaled as s
from mpcfl.operations.factorisation import orthonormal, scaled_columns
from mpcfl.operations.operands import vector, words_as
from mpcfl.operations.precision import Precision, precision
from mpcfl.protocol import together
from mpcfl.ring import matmul_shape
from mpcfl.share import Share


def least_squares(a: Value, b: Value) -> Value:
    """x with the smallest |a x - b| for stacks of tall or square matrices of full rank.

    With a d = q w^-1 it is d w q^T b. The residual b - a x is exact before its one truncation, since what wraps in the
    two terms wraps in their difference; solving for it once more leaves the errors of that second, smaller x.
    """
    engine, fraction, at = a.engine, a.engine.ctx.fraction, precision(a.engine)
    m, n = a.shape[-2:]
    shape = matmul_shape((*a.shape[:-2], n, m), b.shape)

    def protocol(left: Share, right: Share) -> Protocol:
        near, scale = yield from scaled_columns(engine, left, fraction)
        q, w = yield from orthonormal(engine, near)
        factors = s.swapped(q), w, s.swapped(scale)
        x = yield from _applied(engine, *factors, right, fraction, at.inverse)
        product = yield from s.matrix_product(engine, left, x)
        bits = at.near if m == n else at.far
        rest = yield from s.lowered(engine, s.minus(right.scale(1 << fraction), product), 2 * fraction - bits)
        return s.plus(x, (yield from _applied(engine, *factors, rest, bits, bits))).words

    return engine.submit("least squares", FIXED, shape, [a, b], protocol, Share)


def _applied(engine: Engine, q: Share, w: Share, scale: Share, b: Share, fraction: int, bits: int) -> Protocol:
    """scale w q b at the session's fraction, for b at another; in between there are `bits` fractional bits."""
    at = precision(engine)
    c = yield from s.matrix_product(engine, q, b, at.fine + fraction - bits)
    y = yield from s.matrix_product(engine, w, c, at.inverse)
    return (yield from s.product(engine, y, scale, bits + at.scale - engine.ctx.fraction))


def triangular(a: Value, b: Value, lower: bool) -> Value:
    """x with a x = b for stacks of triangular matrices, of which the other triangle is not read; b as `solve` takes it.

    One after another: the inverses of the diagonal, then four rounds a column, the last one two.
    """
    engine, n, fraction = a.engine, a.shape[-1], a.engine.ctx.fraction
    shape = matmul_shape(a.shape, b.shape)
    bits = precision(engine).quotients
    bits += (fraction + bits) % 2
    order = range(n) if lower else range(n - 1, -1, -1)

    def protocol(left: Share, right: Share) -> Protocol:
        diagonal = left.take((..., np.arange(n), np.arange(n), None))
        inverses = yield from s.inverse(engine, diagonal, fraction + bits)
        rest = right.reshape((n, 1)) if len(right.shape) == 1 else right
        found = [rest] * n
        for j in order:
            first, others = (slice(None, 1), slice(1, None)) if lower else (slice(-1, None), slice(None, -1))
            here, beyond = slice(j, j + 1), slice(j + 1, None) if lower else slice(None, j)
            now = rest.take((..., first, slice(None)))
            found[j] = yield from s.product(engine, now, inverses.take((..., here, slice(None))), bits)
            if j != order[-1]:
                column = left.take((..., beyond, here))
                rest = yield from s.reduced(engine, rest.take((..., others, slice(None))), column, found[j], fraction)
        return ring.reshape(ring.concatenate([x.words for x in found], len(found[0].shape) - 2), shape)

    return engine.submit("triangular", FIXED, shape, [a, b], protocol, Share, lower)


# --------------------------------------------------------------------------------------------------------- determinants


LOG_2, LOG_2_BITS = 837963523372001241319908, 80
"""log 2, times 2^80."""


def log_determinant(a: Value) -> tuple[Value, Value]:
    """(sign, log |det|) of stacks of square matrices, by reflections, whose own determinants are -1.

    The reflection of a column x subtracts w (w^T .) from all that follow, w = v / sqrt(1 + |u_1|), u = x / |x| and v =
    u + sign(x_1) e_1. The roots in u and w have errors: u is made of norm one to first order, beside the second root,
    and what is subtracted is divided by w^T w / 2 in the same way. The determinant is the product of sign(x_1) |x| over
    all columns and of 1 / d over their scales d.
    """
    engine, fraction, at = a.engine, a.engine.ctx.fraction, precision(a.engine)
    *batch, _, n = a.shape

    def protocol(share: Share) -> Protocol:
        rest, scale = yield from scaled_columns(engine, share, fraction)
        sizes, signs = [], []
        for _ in range(n - 1):
            size, sign, rest = yield from _reflected(engine, at, rest)
            sizes.append(size)
            signs.append(sign)
        last, sign = yield from together(s.product(engine, rest, rest), s.negative(engine, rest))
        squares = Share.concatenate([*sizes, last], len(batch))
        minus = Share.concatenate([*signs, sign], len(batch))
        logs, factors, sign = yield from together(
            _logarithm(engine, squares), _logarithm(engine, scale), _sign(engine, minus)
        )
        twice = s.minus(s.total(logs, -2), s.total(factors, -1).scale(2)).reshape((*batch,))
        # the logarithms were taken at `fine` fractional bits: |x|^2 has twice as many, d has `scale`
        extra = (n * (at.fine + 2 * (at.fine - at.scale)) * LOG_2) >> (LOG_2_BITS - at.fine)
        size = yield from s.lowered(engine, s.plus_public(engine, twice, -extra), at.fine + 1 - fraction)
        return [sign.reshape((*batch,)).scale(1 << fraction), size]

    sign, size = s.several("log determinant", [tuple(batch)] * 2, [a], protocol)
    return sign, size


def _reflected(engine: Engine, at: Precision, a: Share) -> Protocol:
    """(|x|^2 at twice `fine`, [x_1 < 0], what is left of the others below the first row) of the first column x."""
    column, others = s.first_columns(a), s.other_columns(a)
    size = yield from _square(engine, column)
    root, (minus, signed) = yield from together(
        s.inverse_root(engine, size, at.norm_root), _signed(engine, a.take((..., slice(None, 1), slice(None))))
    )
    unit, length = yield from together(
        *(s.product(engine, x, root, at.norm_root - at.fine) for x in (column, s.first_columns(signed)))
    )
    half, (unit, along) = yield from together(
        s.inverse_root(engine, s.plus_public(engine, length, 1 << at.fine), at.half_root),
        _along(engine, at.fine, unit, others),
    )
    ones = s.minus(s.public(engine, minus, 1 << at.fine), minus.scale(2 << at.fine))
    top = s.plus(unit.take((..., slice(None, 1), slice(None))), ones)
    reflector = Share(
        ring.concatenate([top.words, unit.take((..., slice(1, None), slice(None))).words], len(a.shape) - 2)
    )
    weights = s.plus(along, s.other_columns(signed))
    reflector, weights = yield from together(*(s.product(engine, x, half, at.fine) for x in (reflector, weights)))
    kept = (..., slice(1, None), slice(None))
    gone, beyond = yield from together(
        s.matrix_product(engine, reflector.take(kept), weights, at.fine), _beyond(engine, at.fine, reflector, 2)
    )
    more = yield from s.product(engine, gone, beyond, at.fine + 1)
    return size, minus, s.plus(s.minus(others.take(kept), gone), more)


def _along(engine: Engine, fine: int, unit: Share, others: Share) -> Protocol:
    """A column of norm near one, made of norm one to first order, and the products of others with it: six rounds."""
    beyond = yield from _beyond(engine, fine, unit, 1)
    unit = s.minus(unit, (yield from s.product(engine, unit, beyond, fine + 1)))
    return unit, (yield from s.matrix_product(engine, s.swapped(unit), others, fine))


def _beyond(engine: Engine, fine: int, column: Share, square: int) -> Protocol:
    """|x|^2 of a column less a number near it: two rounds."""
    size = yield from _square(engine, column)
    return (yield from s.lowered(engine, s.plus_public(engine, size, -(square << 2 * fine)), fine))


def _square(engine: Engine, column: Share) -> Protocol:
    """|x|^2 of a column, at twice its fraction."""
    squares = yield from engine.suite["square"](engine.ctx, vector(column, column.shape))
    return s.total(Share(ring.reshape(squares, column.shape)), -2)


def _signed(engine: Engine, row: Share) -> Protocol:
    """([x < 0], sign(x) row) for the first element x of a row."""
    minus = yield from s.negative(engine, s.first_columns(row))
    return minus, s.minus(row, (yield from s.picked(engine, minus, row)).scale(2))


def _logarithm(engine: Engine, x: Share) -> Protocol:
    """log(x / 2^fine) at `fine` fractional bits, for integers x > 0."""
    at = replace(engine.ctx, fraction=precision(engine).fine)
    return words_as(x.shape)((yield from engine.suite["log"](at, vector(x, x.shape))))


def _sign(engine: Engine, minus: Share) -> Protocol:
    """The product of 1 - 2 b over the last axis but one, pairs first."""
    signs = s.minus(s.public(engine, minus, 1), minus.scale(2))
    while (n := signs.shape[-2]) > 1:
        even = n - n % 2
        left, right = (signs.take((..., slice(start, even, 2), slice(None))) for start in (0, 1))
        done = yield from s.product(engine, left, right)
        rest = signs.take((..., slice(even, None), slice(None)))
        signs = Share(ring.concatenate([done.words, rest.words], len(signs.shape) - 2))
    return signs
