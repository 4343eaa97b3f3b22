"""Products, quotients by public numbers, and matrix products.

A product of two fixed-point numbers is made of two operations, the product in the ring and its truncation. A public
scalar that multiplies it next is a part of the truncation: one round less, and one rounding less.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import BOOLEAN, DOUBLED, FIXED, INTEGER, WIDE, Engine, Value
from mpcfl.errors import InputError
from mpcfl.operations.linear import add, broadcast
from mpcfl.operations.operands import Operand, Public, as_kind, digest, encoded, joined, public_kind, vector, words_as
from mpcfl.ring import Shape, Words
from mpcfl.share import Share

ONE = Fraction(1)
ARRAY_SIGNIFICANT_BITS = 24
"""Significant bits of the largest element of a public array that multiplies."""
WIDE_SIGNIFICANT_BITS = 40
"""The same in ring 128."""


def truncated(engine: Engine, words: Words, multiplier: int = 1, shift: int | None = None) -> Protocol:
    """Words of any shape times multiplier / 2^shift (by default back from twice the fraction), as a vector's share."""
    flat = ring.reshape(words, (math.prod(words.shape),))
    by = engine.ctx.fraction if shift is None else shift
    return engine.suite["trunc_pr"](engine.ctx, flat, multiplier, by)


def multiply(x: Value, y: Operand) -> Value:
    if not isinstance(y, Value):
        return _times_public(x, y)
    engine, ctx = x.engine, x.engine.ctx
    shape = ring.broadcast_shape(x.shape, y.shape)
    kind = BOOLEAN if x.kind == y.kind == BOOLEAN else joined(x.kind, y.kind)
    if BOOLEAN in (x.kind, y.kind):
        bit, other = (x, y) if x.kind == BOOLEAN else (y, x)
        product = both if x.kind == y.kind else chosen
        return engine.submit(
            "mux", kind, shape, [bit, other], lambda b, v: product(engine, b, v, shape), words_as(shape)
        )

    def protocol(left: Share, right: Share) -> Protocol:
        if x is y:
            return engine.suite["square"](ctx, vector(left, shape))
        return engine.suite["mul"](ctx, vector(left, shape), vector(right, shape))

    if x.kind == y.kind == FIXED:
        return truncating("multiply", shape, [x, y], protocol, x is y)
    return engine.submit("multiply", kind, shape, [x, y], protocol, words_as(shape), x is y)


def truncating(
    name: str,
    shape: Shape,
    inputs: Sequence[Value],
    protocol: Callable[..., Protocol],
    *public: object,
) -> Value:
    """A product of fixed-point numbers, whose protocol makes words at twice the fraction, as one at the fraction."""
    engine = inputs[0].engine
    wide = engine.submit(name, WIDE, shape, inputs, protocol, words_as(shape), *public)
    return _scaled(wide, engine.ctx.fraction, ONE)


def parted(bit: Value, x: Value) -> tuple[Value, Value]:
    """x where the bit is set and x where it is not: two that add up to x, the second opened with x and the first."""
    inside = multiply(bit, x)
    whole = broadcast(x, inside.shape)
    rest = x.engine.local("rest", x.kind, whole.shape, [whole, inside], lambda: whole.share.less(inside.share))
    return inside, rest


def chosen(engine: Engine, bit: Share, value: Share, shape: Shape) -> Protocol:
    """Boolean times value as a vector: by the bit's own form where it has one, else by a product."""
    form = vector(bit, shape).bit
    if form is None:
        return engine.suite["mul"](engine.ctx, vector(bit, shape), vector(value, shape))
    return engine.suite["mux"](engine.ctx, form, vector(value, shape))


def both(engine: Engine, x: Share, y: Share, shape: Shape) -> Protocol:
    """Boolean times boolean as a vector: of two in their own form without a round."""
    left, right = vector(x, shape).bit, vector(y, shape).bit
    if left is None or right is None or engine.ctx.width != 64:
        return chosen(engine, x, y, shape)
    return engine.suite["mux"](engine.ctx, left, right)


def _times_public(x: Value, y: Public) -> Value:
    engine, fraction = x.engine, x.engine.ctx.fraction
    shape = ring.broadcast_shape(x.shape, y.shape)
    kind = BOOLEAN if x.kind == public_kind(y) == BOOLEAN else joined(x.kind, public_kind(y))
    if y.dtype.kind != "f" or _integral(y):
        integers = encoded(engine, _to_integer(y), INTEGER)
        engine.note("times", kind, digest(integers))
        lift = 1 << fraction if kind == FIXED and x.kind != FIXED else 1
        factor = ring.multiply(integers, ring.scalar(lift))
        left = broadcast(x, shape)
        if factor.size == 1:
            (single,) = ring.integers(factor)
            return engine.local("times", kind, shape, [left], lambda: left.share.scale(single))
        return engine.local("times", kind, shape, [left], lambda: Share(ring.multiply(left.share.words, factor)))
    if not np.isfinite(y).all():
        raise InputError("a public factor is NaN or infinite")
    if x.kind == BOOLEAN or (x.kind == INTEGER and y.size > 1):
        factor = ring.encode(y, fraction, engine.ctx.width)  # exact: the other side has no fraction
        engine.note("times", kind, digest(factor))
        return engine.local("times", kind, shape, [x], lambda: Share(ring.multiply(x.share.words, factor)))
    lifted = as_kind(x, FIXED)
    if y.size != 1:
        return _times_array(lifted, y, shape)
    return _times_scalar(lifted, Fraction(y.reshape(-1)[0].item()), shape)


def _integral(y: Public) -> bool:
    return bool(np.isfinite(y).all() and (np.abs(y) < 1 << 53).all() and (y == np.rint(y)).all())


def _to_integer(y: Public) -> Public:
    return y.astype(np.int64) if y.dtype.kind == "f" else y


def _times_scalar(x: Value, exact: Fraction, shape: Shape) -> Value:
    """x times a public number; where x is a product, or a scalar's, that is not known yet, in its truncation."""
    if x.scaled is not None and x.shape == shape:
        x.engine.spare(x)
        source, shift, before = x.scaled
        return _scaled(source, shift, exact, before)
    return _scaled(broadcast(x, shape), 0, exact)


def _scaled(x: Value, shift: int, new: Fraction, before: Fraction = ONE) -> Value:
    """The words of x times before * new / 2^shift, a fixed-point number.

    The factor is +-M / 2^m with m <= 62 and M < 2^63 (126 and 2^127 in ring 128), exact where it fits. Where x is a
    product, |x| < 2^62, it keeps 62 bits below the point, so that its rounding is at most half a unit.
    """
    engine, shape, factor = x.engine, x.shape, before * new
    places = engine.ctx.bound
    numerator, denominator = abs(factor / (1 << shift)).as_integer_ratio()
    by = max(0, min(places, places - (numerator // denominator).bit_length()))
    multiplier = ((numerator << by + 1) // denominator + 1) >> 1
    if multiplier >= 2 << places:
        raise InputError(f"a public factor is too large: fixed point holds numbers below 2^{places}")
    while multiplier and not multiplier & 1 and by:
        multiplier, by = multiplier >> 1, by - 1
    sign = -1 if factor < 0 else 1

    def finish(made: Share) -> Share:
        whole = made.reshape(shape)
        return whole if sign == 1 else whole.scale(-1)

    value = engine.submit(
        "scale",
        FIXED,
        shape,
        [x],
        lambda share: truncated(engine, share.words, multiplier, by),
        finish,
        multiplier,
        by,
        sign,
        shift,
        before,
    )
    value.scaled = (x, shift, factor)
    return value


def _times_array(x: Value, y: Public, shape: Shape) -> Value:
    """x times public reals, elementwise: one common scale, at least 24 significant bits for the largest (40)."""
    engine = x.engine
    scale = array_scale(engine, y)
    factor = ring.encode(np.ldexp(y, scale - engine.ctx.fraction), engine.ctx.fraction, engine.ctx.width)

    def protocol(share: Share) -> Protocol:
        return truncated(engine, ring.multiply(ring.broadcast(share.words, shape), factor), 1, scale)

    return engine.submit("times", FIXED, shape, [x], protocol, words_as(shape), scale, digest(factor))


def array_scale(engine: Engine, y: Public) -> int:
    """Fractional bits at which public reals multiply secrets: those of the session, more if all are small."""
    largest = float(np.abs(y).max(initial=0.0))
    if not largest:
        return engine.ctx.fraction
    significant = ARRAY_SIGNIFICANT_BITS if engine.ctx.width == 64 else WIDE_SIGNIFICANT_BITS
    return min(max(engine.ctx.fraction, significant - math.frexp(largest)[1]), 2 * engine.ctx.fraction)


def divide(x: Value, y: Public) -> Value:
    """x by public numbers.

    Raises
    ------
    ZeroDivisionError
        A divisor is zero.
    """
    if not np.all(y):
        raise ZeroDivisionError("division of a secret by a public zero")
    lifted = as_kind(x, FIXED)
    if y.size == 1 and np.isfinite(y).all():
        # the reciprocal itself, not its float, which has 53 digits where a number may have 62
        inverse = 1 / Fraction(y.reshape(-1)[0].item())
        if inverse.denominator != 1:
            return _times_scalar(lifted, inverse, ring.broadcast_shape(x.shape, y.shape))
    return multiply(lifted, np.divide(1.0, y))


def matmul(x: Operand, y: Operand) -> Value:
    secret = x if isinstance(x, Value) else y
    assert isinstance(secret, Value)
    engine, ctx = secret.engine, secret.engine.ctx
    shape = ring.matmul_shape(x.shape, y.shape)
    if not (isinstance(x, Value) and isinstance(y, Value)):
        return _matmul_public(x, y, secret, shape)
    if x.kind == y.kind == FIXED:
        return _scaled(_twice(x, y, shape), ctx.fraction + 1, ONE)
    value = engine.submit(
        "matmul",
        joined(x.kind, y.kind),
        shape,
        [x, y],
        lambda left, right: engine.suite["matmul"](ctx, left, right),
        words_as(shape),
    )
    value.factors = (x, y) if FIXED not in (x.kind, y.kind) else None
    return value


def _twice(x: Value, y: Value, shape: Shape) -> Value:
    """Twice the matrix product of fixed-point numbers, at twice the fraction."""
    engine = x.engine

    def protocol(left: Share, right: Share) -> Protocol:
        return engine.suite["double_matmul"](engine.ctx, left, right)

    return engine.submit("matmul", DOUBLED, shape, [x, y], protocol, words_as(shape))


def affine(x: Value, y: Value, bias: Value) -> Value:
    """x @ y + bias: the sum is made before the truncation, so the result is as open as a product's."""
    engine, shape = x.engine, ring.matmul_shape(x.shape, y.shape)
    if not x.kind == y.kind == bias.kind == FIXED or ring.broadcast_shape(shape, bias.shape) != shape:
        return add(matmul(x, y), bias)
    twice, by = _twice(x, y, shape), engine.ctx.fraction + 1

    def moved() -> Share:
        return Share(ring.add(twice.share.words, ring.multiply(bias.share.words, 1 << by)))

    return _scaled(engine.local("affine", DOUBLED, shape, [twice, bias], moved), by, ONE)


def _matmul_public(x: Operand, y: Operand, secret: Value, shape: Shape) -> Value:
    engine = secret.engine
    other = y if isinstance(x, Value) else x
    assert isinstance(other, np.ndarray)
    exact = other.dtype.kind != "f" or _integral(other)
    kind = joined(secret.kind, public_kind(other))
    if exact:
        secret = as_kind(secret, kind)
        factor, scale = encoded(engine, _to_integer(other), INTEGER), 0
    elif secret.kind == FIXED:
        scale = array_scale(engine, other)
        factor = ring.encode(np.ldexp(other, scale - engine.ctx.fraction), engine.ctx.fraction, engine.ctx.width)
    else:
        factor, scale = ring.encode(other, engine.ctx.fraction, engine.ctx.width), 0

    def product(share: Share) -> Words:
        return ring.matmul(share.words, factor) if secret_first else ring.matmul(factor, share.words)

    secret_first = isinstance(x, Value)
    if scale == 0:
        engine.note("matmul", kind, digest(factor))
        return engine.local("matmul", kind, shape, [secret], lambda: Share(product(secret.share)))
    return engine.submit(
        "matmul",
        kind,
        shape,
        [secret],
        lambda share: truncated(engine, product(share), 1, scale),
        words_as(shape),
        scale,
        digest(factor),
    )
