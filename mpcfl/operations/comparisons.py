"""Comparisons, choices by a secret boolean, and the functions that the suite has a rule for."""

from __future__ import annotations

import math

import numpy as np

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import BOOLEAN, FIXED, Value
from mpcfl.operations.linear import add, negative, subtract
from mpcfl.operations.operands import Operand, as_kind, bits_as, joined, public_kind, vector, words_as
from mpcfl.operations.products import chosen, multiply
from mpcfl.ring import Words
from mpcfl.share import Share


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


def _bit_operation(primitive: str, x: Value) -> Value:
    engine, shape = x.engine, x.shape

    def protocol(share: Share) -> Protocol:
        return engine.suite[primitive](engine.ctx, vector(share, shape))

    return engine.submit(primitive, BOOLEAN, shape, [x], protocol, bits_as(shape))


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
    shape = np.broadcast_shapes(condition.shape, difference.shape)
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


def rounded(x: Value) -> Value:
    """Nearest integers (halves up), exactly; still of the kind of x."""
    if x.kind != FIXED:
        return x
    engine, shape, fraction = x.engine, x.shape, x.engine.ctx.fraction
    moved = add(x, np.array(0.5))

    def protocol(share: Share) -> Protocol:
        return engine.suite["trunc_exact"](engine.ctx, ring.reshape(share.words, (math.prod(shape),)), fraction)

    def finish(words: Words) -> Share:
        return Share(ring.multiply(ring.reshape(words, shape), ring.scalar(1 << fraction)))

    return engine.submit("round", FIXED, shape, [moved], protocol, finish)


def function(name: str, x: Value) -> Value:
    """A function of one number that the suite has a rule for: "sigmoid", "softplus"."""
    lifted, shape, engine = as_kind(x, FIXED), x.shape, x.engine

    def protocol(share: Share) -> Protocol:
        return engine.suite[name](engine.ctx, vector(share, shape))

    return engine.submit(name, FIXED, shape, [lifted], protocol, words_as(shape))


def quotient(x: Value, y: Value) -> Value:
    """x / y by normalisation, see `mpcfl.protocols.division` for the range."""
    kind = x.kind if x.kind == y.kind else joined(x.kind, y.kind)
    left, right = as_kind(x, kind), as_kind(y, kind)
    engine, shape = x.engine, np.broadcast_shapes(x.shape, y.shape)

    def protocol(a: Share, b: Share) -> Protocol:
        return engine.suite["divide"](engine.ctx, vector(a, shape), vector(b, shape))

    return engine.submit("divide", FIXED, shape, [left, right], protocol, words_as(shape))
