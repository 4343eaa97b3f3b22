"""Reductions that need messages: extremes and their places, products, powers and inner products.

Each is one operation whose rounds run inside it, so that two of them that do not depend on one another share their
rounds. A fold halves the first axis of an array of two, level by level; neighbours meet, hence each element left stands
for a run of elements in order and a tie can go to the first.
"""

from __future__ import annotations

import math

import numpy as np

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Engine, Value
from mpcfl.operations.operands import as_kind, joined, vector, words_as
from mpcfl.operations.products import truncated, truncating
from mpcfl.protocol import together
from mpcfl.ring import Words
from mpcfl.share import Share


def _paired(x: Words) -> tuple[Words, Words, Words]:
    """Rows 0, 2, 4, ..., their right neighbours, and the row that is left over (or none)."""
    even = x.shape[0] - x.shape[0] % 2
    left, right = ring.take(x, slice(0, even, 2)), ring.take(x, slice(1, even, 2))
    return left, right, ring.take(x, slice(even, None))


def _flat(x: Words) -> Share:
    return Share(ring.reshape(x, (math.prod(x.shape),)))


def _compared(engine: Engine, difference: Share) -> Protocol:
    """The bit [difference < 0] and min(difference, 0)."""
    bit = yield from engine.suite["msb"](engine.ctx, difference)
    part = yield from engine.suite["mux"](engine.ctx, bit, difference)
    return bit, part


def extreme(x: Value, largest: bool) -> Value:
    """The largest or smallest of each column of a matrix: one comparison a level, ceil(log2 n) levels of four rounds.

    Parameters
    ----------
    x : Value
        Fixed point or integers, of shape (n, m), n > 0.
    """
    return _tournament(x, largest, [])


def extreme_by_levels(x: Value, largest: bool) -> tuple[Value, list[Value]]:
    """As `extreme`, and for each level [left < right] of neighbours, a boolean of shape (pairs, m).

    Parameters
    ----------
    x : Value
        Fixed point or integers, of shape (n, m), n > 0.
    """
    bits: list[Share] = []
    won = _tournament(x, largest, bits)
    n, m = x.shape
    levels: list[Value] = []
    while n > 1:
        level = len(levels)
        levels.append(
            x.engine.local("level", BOOLEAN, (n // 2, m), [won], lambda level=level: bits[level], level)  # type: ignore[misc]
        )
        n -= n // 2
    return won, levels


def _tournament(x: Value, largest: bool, bits: list[Share]) -> Value:
    """The extreme of each column; the comparisons of each level are added to `bits`."""
    engine, shape = x.engine, x.shape[1:]

    def protocol(share: Share) -> Protocol:
        words = share.words
        while words.shape[0] > 1:
            left, right, rest = _paired(words)
            bit, part = yield from _compared(engine, _flat(ring.subtract(left, right)))
            bits.append(Share.of_bit(bit).reshape(left.shape))
            part = ring.reshape(part, left.shape)
            won = ring.subtract(left, part) if largest else ring.add(right, part)
            words = ring.concatenate([won, rest], 0)
        return words

    return engine.submit("extreme", x.kind, shape, [x], protocol, words_as(shape), largest)


def place_of_extreme(x: Value, largest: bool) -> Value:
    """The row of the first largest or smallest of each column of a matrix.

    The rounds of `extreme` and, for more than two rows, one more: a level's choice of places runs beside the next
    level's comparison, and the last one's after it.

    Parameters
    ----------
    x : Value
        Fixed point or integers, of shape (n, m), n > 0.
    """
    engine, ctx, (n, m) = x.engine, x.engine.ctx, x.shape

    def protocol(share: Share) -> Protocol:
        words = share.words
        places = ctx.constant(ring.broadcast(ring.words(np.arange(n)[:, None], ctx.width), (n, m)))
        fresh = True
        choosing: list[Protocol] = []
        lefts = rest_places = places
        while words.shape[0] > 1:
            left, right, rest = _paired(words)
            difference = ring.subtract(left, right) if largest else ring.subtract(right, left)
            (bit, part), *chosen = yield from together(_compared(engine, _flat(difference)), *choosing)
            part = ring.reshape(part, left.shape)
            won = ring.subtract(left, part) if largest else ring.add(left, part)
            words = ring.concatenate([won, rest], 0)
            if chosen:
                places = _chosen(lefts, chosen[0], rest_places)
            lefts, rights, rest_places = _paired(places)
            if fresh:  # neighbours: the right place is the left one plus one
                places = _chosen(lefts, bit.words, rest_places)
                fresh = False
            else:
                choosing = [engine.suite["mux"](ctx, bit, _flat(ring.subtract(rights, lefts)))]
        if choosing:
            places = _chosen(lefts, (yield from choosing[0]), rest_places)
        return places

    return engine.submit("place of extreme", INTEGER, (m,), [x], protocol, words_as((m,)), largest)


def _chosen(lefts: Words, steps: Words, rest: Words) -> Words:
    """Places of the winners, where each is its left neighbour's plus a step."""
    return ring.concatenate([ring.add(lefts, ring.reshape(steps, lefts.shape)), rest], 0)


def _multiplied(engine: Engine, x: Share, y: Share, kind: str) -> Protocol:
    """The product of two vectors of one kind."""
    words = yield from engine.suite["mul"](engine.ctx, x, y)
    return (yield from truncated(engine, words)).words if kind == FIXED else words


def product(x: Value) -> Value:
    """The product of each column of a matrix: ceil(log2 n) levels of two rounds (integers: one).

    Parameters
    ----------
    x : Value
        Fixed point or integers, of shape (n, m), n > 0.
    """
    engine, kind, shape = x.engine, x.kind, x.shape[1:]

    def protocol(share: Share) -> Protocol:
        words = share.words
        while words.shape[0] > 1:
            left, right, rest = _paired(words)
            won = yield from _multiplied(engine, _flat(left), _flat(right), kind)
            words = ring.concatenate([ring.reshape(won, left.shape), rest], 0)
        return words

    return engine.submit("product", kind, shape, [x], protocol, words_as(shape))


def running_product(x: Value) -> Value:
    """The products of the first 1, 2, ..., n of each column of a matrix, in the rounds of `product`.

    Source: Hillis and Steele, "Data parallel algorithms", CACM 1986.

    Parameters
    ----------
    x : Value
        Fixed point or integers, of shape (n, m).
    """
    engine, kind, (n, m) = x.engine, x.kind, x.shape

    def protocol(share: Share) -> Protocol:
        current, step = share, 1
        while step < n:
            shape = ((n - step) * m,)
            late, early = current.take(slice(step, None)), current.take(slice(None, n - step))
            words = yield from _multiplied(engine, late.reshape(shape), early.reshape(shape), kind)
            done = ring.take(current.words, slice(None, step))
            current = Share(ring.concatenate([done, ring.reshape(words, (n - step, m))], 0))
            step *= 2
        return current.words

    return engine.submit("running product", kind, x.shape, [x], protocol, words_as(x.shape))


def power(x: Value, exponent: int) -> Value:
    """x to a public power: the levels of log2 of the exponent, squares and products side by side.

    Parameters
    ----------
    x : Value
        Fixed point or integers.
    exponent : int
        At least 1.
    """
    engine, kind, shape = x.engine, x.kind, x.shape

    def squared(share: Share) -> Protocol:
        words = yield from engine.suite["square"](engine.ctx, share)
        return (yield from truncated(engine, words)).words if kind == FIXED else words

    def protocol(share: Share) -> Protocol:
        square, result, rest = vector(share, shape), None, exponent
        while rest:
            running = [squared(square)] if rest > 1 else []
            if rest & 1 and result is not None:
                running.append(_multiplied(engine, result, square, kind))
            answers = yield from together(*running)
            if rest & 1:
                result = square if result is None else Share(answers[-1])
            square, rest = Share(answers[0]) if rest > 1 else square, rest >> 1
        assert result is not None
        return result.words

    return engine.submit("power", kind, shape, [x], protocol, words_as(shape), exponent)


def inner(x: Value, y: Value) -> Value:
    """Sums of products over the last axis of two arrays of one shape, truncated once."""
    kind, fixed = joined(x.kind, y.kind), x.kind == y.kind == FIXED
    left, right = (as_kind(v, INTEGER) if v.kind not in (FIXED, INTEGER) else v for v in (x, y))
    engine, full = x.engine, np.broadcast_shapes(x.shape, y.shape)
    shape = full[:-1]

    def protocol(a: Share, b: Share) -> Protocol:
        words = yield from engine.suite["mul"](engine.ctx, vector(a, full), vector(b, full))
        return ring.total(ring.reshape(words, full), len(shape))

    if fixed:
        return truncating("inner", shape, [left, right], protocol)
    return engine.submit("inner", kind, shape, [left, right], protocol, words_as(shape))
