"""Comparisons, choices by a secret boolean, and the functions that the suite has a rule for."""

from __future__ import annotations

import math

import numpy as np

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value
from mpcfl.errors import InputError
from mpcfl.operations.linear import add, negative, subtract
from mpcfl.operations.operands import Operand, as_kind, bits_as, constant, joined, public_kind, vector, words_as
from mpcfl.operations.products import chosen, multiply
from mpcfl.protocol import together
from mpcfl.ring import Words
from mpcfl.share import Share

NARROW = 64
"""What numbers are below of which the primitive `narrow_eqz` tells whether they are zero."""


def less(x: Value, y: Operand) -> Value:
    """x < y, exact on all representable values."""
    difference = subtract(x, y)
    result = sign(difference)
    result.compared = (x, y, difference)
    return result


def greater(x: Value, y: Operand) -> Value:
    """x > y."""
    return less(y, x) if isinstance(y, Value) else sign(add(negative(x), y))


def sign(difference: Value) -> Value:
    """Whether the difference of two representable numbers is negative."""
    return _bit_operation("msb", difference)


def equal(x: Value, y: Operand) -> Value:
    return _bit_operation("eqz", subtract(x, y))


def none(count: Value, most: int) -> Value:
    """Whether a count, which is `most` at most, is zero."""
    return _bit_operation("narrow_eqz" if most < NARROW else "eqz", count)


def _bit_operation(primitive: str, x: Value) -> Value:
    engine, shape = x.engine, x.shape

    def protocol(share: Share) -> Protocol:
        return engine.suite[primitive](engine.ctx, vector(share, shape))

    return engine.submit(primitive, BOOLEAN, shape, [x], protocol, bits_as(shape))


def odd(x: Value) -> Value:
    """Whether whole numbers are odd, for one bit each: zeros and ones as booleans that later choices open no more.

    A product of matrices that nothing else asks for is made modulo 2 alone.
    """
    engine, shape = x.engine, x.shape
    if x.factors is None:
        return _bit_operation("parity", x)
    engine.spare(x)

    def protocol(a: Share, b: Share) -> Protocol:
        return engine.suite["matmul_parity"](engine.ctx, a, b)

    return engine.submit("odd matmul", BOOLEAN, shape, list(x.factors), protocol, bits_as(shape))


def invert(x: Value) -> Value:
    """Logical not."""
    first = x.engine.ctx.first

    def flipped() -> Share:
        bit = x.share.bit
        if bit is None:
            return x.share.scale(-1).shift(ring.like(x.share.words, x.shape, 1), first)
        return Share.of_bit(bit.flipped(first))

    result = x.engine.local("invert", BOOLEAN, x.shape, [x], flipped)
    result.compared = x.compared
    return result


def where(condition: Value, x: Operand, y: Operand) -> Value:
    """x where the secret boolean holds, else y: y + condition (x - y)."""
    engine = condition.engine
    if isinstance(x, Value):
        difference = _difference(condition, x, y)
    elif isinstance(y, Value):
        difference = add(negative(y), x)
    else:
        kind = joined(public_kind(x), public_kind(y))
        return add(multiply(condition, x - y if kind == FIXED else x.astype(np.int64) - y), y)
    shape = ring.broadcast_shape(condition.shape, difference.shape)
    part = engine.submit(
        "mux",
        difference.kind,
        shape,
        [condition, difference],
        lambda bit, value: chosen(engine, bit, value, shape),
        words_as(shape),
    )
    return add(part, y)


def _difference(condition: Value, x: Value, y: Operand) -> Value:
    """x - y, the very one that the condition compared where it did, since that is open already."""
    if condition.compared is not None:
        left, right, difference = condition.compared
        if x is left and y is right:
            return difference
        if x is right and y is left:
            return negative(difference)
    return subtract(x, y)


def extremum(x: Value, y: Operand, largest: bool) -> Value:
    """Elementwise maximum x - min(x - y, 0) or minimum y + min(x - y, 0), for what one comparison costs."""
    part = negative_part(subtract(x, y))
    return subtract(x, part) if largest else add(part, y)


def absolute(x: Value) -> Value:
    """|x| = x - 2 min(x, 0)."""
    return subtract(x, multiply(negative_part(x), np.array(2)))


def negative_part(x: Value) -> Value:
    """min(x, 0) = [x < 0] x: the product opens nothing that the comparison did not."""
    engine, shape = x.engine, x.shape

    def protocol(share: Share) -> Protocol:
        flat = vector(share, shape)
        bit = yield from engine.suite["msb"](engine.ctx, flat)
        return (yield from engine.suite["mux"](engine.ctx, bit, flat))

    return engine.submit("negative part", x.kind, shape, [x], protocol, words_as(shape))


def sign_and_negative_part(x: Value) -> tuple[Value, Value]:
    """[x < 0] and min(x, 0), for what the second costs alone."""
    engine, shape = x.engine, x.shape
    parts: list[Words] = []

    def protocol(share: Share) -> Protocol:
        flat = vector(share, shape)
        bit = yield from engine.suite["msb"](engine.ctx, flat)
        parts.append((yield from engine.suite["mux"](engine.ctx, bit, flat)))
        return bit

    below = engine.submit("msb", BOOLEAN, shape, [x], protocol, bits_as(shape))
    part = engine.local("mux", x.kind, shape, [below, x], lambda: words_as(shape)(parts[0]))
    return below, part


def whole(x: Value) -> Value:
    """The largest integers not above x, exactly, as secret integers."""
    if x.kind != FIXED:
        return as_kind(x, INTEGER)
    engine, shape, fraction = x.engine, x.shape, x.engine.ctx.fraction

    def protocol(share: Share) -> Protocol:
        return engine.suite["trunc_exact"](engine.ctx, ring.reshape(share.words, (math.prod(shape),)), fraction)

    return engine.submit("whole", INTEGER, shape, [x], protocol, words_as(shape))


def floored(x: Value) -> Value:
    """The largest integers not above x, exactly; still of the kind of x."""
    return as_kind(whole(x), FIXED) if x.kind == FIXED else x


def rounded(x: Value) -> Value:
    """Nearest integers (halves up), exactly; still of the kind of x."""
    return floored(add(x, np.array(0.5))) if x.kind == FIXED else x


def toward_zero(x: Value) -> Value:
    """The integer part, exactly; still of the kind of x."""
    return as_kind(whole_toward_zero(x), FIXED) if x.kind == FIXED else x


def whole_toward_zero(x: Value) -> Value:
    """The integer part, exactly, as secret integers: below zero that is floor(x + 1 - 2^-fraction)."""
    if x.kind != FIXED:
        return as_kind(x, INTEGER)
    step = np.array(1 - 2.0**-x.engine.ctx.fraction)
    return whole(add(x, multiply(sign(x), step)))


def floor_divided(x: Value, divisor: float) -> tuple[Value, Value]:
    """floor(x / divisor) as integers, and x - divisor floor(x / divisor), both exact: five rounds.

    With X and Y the ring words of x and of the divisor, t = X / Y by one truncation is within 3 / 2 of the quotient
    (one from its coin, half from the last bit of 1 / Y). Its floor is then one of t - 2, ..., t + 1, and three
    comparisons of X - (t - 2) Y with Y, 2 Y and 3 Y, which open it once, tell which.

    Parameters
    ----------
    x : Value
        Fixed point or integers, below 2^62 as ring words (in ring 128 below 2^126).
    divisor : float or int
        Public, of any sign, with a magnitude below 2^60 as a ring word (in ring 128 below 2^124); rounded to the
        fraction for fixed point.

    Raises
    ------
    ZeroDivisionError
        The divisor is zero, or rounds to zero.
    InputError
        The divisor is too large.
    """
    kind = joined(x.kind, INTEGER if isinstance(divisor, int) else FIXED)
    engine, shape = x.engine, x.shape
    unit = 1 << engine.ctx.fraction if kind == FIXED else 1
    word = round(divisor * unit)
    if not word:
        raise ZeroDivisionError("floor division of a secret by a public zero")
    bound = engine.ctx.bound
    if abs(word) >= 1 << bound - 2:
        raise InputError(
            f"a public divisor is too large for floor division: its magnitude must stay below 2^{bound - 2} units"
        )
    by = abs(word)
    numerator = as_kind(x, kind) if word > 0 else negative(as_kind(x, kind))

    def protocol(share: Share) -> Protocol:
        ctx, suite = engine.ctx, engine.suite
        whole = ring.reshape(share.words, (math.prod(shape),))
        near = (yield from suite["trunc_pr"](ctx, whole, ((2 << bound) // by + 1) >> 1, bound)).words
        low = ring.add(near, ctx.constant(ring.like(near, near.shape, -2)))
        rest = Share(ring.subtract(whole, ring.multiply(low, ring.scalar(by))))
        below = yield from together(
            *(suite["msb"](ctx, rest.shift(ring.like(near, near.shape, -k * by), ctx.first)) for k in (1, 2, 3))
        )
        count = ctx.constant(ring.like(near, near.shape, 3))
        for bit in below:
            count = ring.subtract(count, bit.words)
        return ring.add(low, count)

    quotient = engine.submit("floor divide", INTEGER, shape, [numerator], protocol, words_as(shape), word)
    remainder = engine.local(
        "remainder",
        kind,
        shape,
        [numerator, quotient],
        lambda: Share(
            ring.multiply(
                ring.subtract(numerator.share.words, ring.multiply(quotient.share.words, ring.scalar(by))),
                ring.scalar(1 if word > 0 else -1),
            )
        ),
        word,
    )
    return quotient, remainder


def function(name: str, x: Value) -> Value:
    """A function of one number that the suite has a rule for: "sigmoid", "softplus"."""
    lifted, shape, engine = as_kind(x, FIXED), x.shape, x.engine

    def protocol(share: Share) -> Protocol:
        return engine.suite[name](engine.ctx, vector(share, shape))

    return engine.submit(name, FIXED, shape, [lifted], protocol, words_as(shape))


def function_of_two(name: str, x: Operand, y: Operand) -> Value:
    """A function of two fixed-point numbers, one of them secret, that the suite has a rule for: "arctan2"."""
    engine = x.engine if isinstance(x, Value) else y.engine  # type: ignore[union-attr]
    left, right = (as_kind(v if isinstance(v, Value) else constant(engine, v), FIXED) for v in (x, y))
    shape = ring.broadcast_shape(left.shape, right.shape)

    def protocol(a: Share, b: Share) -> Protocol:
        return engine.suite[name](engine.ctx, vector(a, shape), vector(b, shape))

    return engine.submit(name, FIXED, shape, [left, right], protocol, words_as(shape))


def quotient(x: Value, y: Value) -> Value:
    """x / y by normalisation, see `mpcfl.protocols.division` for the range."""
    kind = x.kind if x.kind == y.kind else joined(x.kind, y.kind)
    left, right = as_kind(x, kind), as_kind(y, kind)
    engine, shape = x.engine, ring.broadcast_shape(x.shape, y.shape)

    def protocol(a: Share, b: Share) -> Protocol:
        return engine.suite["divide"](engine.ctx, vector(a, shape), vector(b, shape))

    return engine.submit("divide", FIXED, shape, [left, right], protocol, words_as(shape))
