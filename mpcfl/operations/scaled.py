"""Arithmetic inside one operation, on shares whose fraction is not the session's.

An algorithm that has brought its numbers to magnitudes of about one keeps more digits than a fraction that must leave
room for the user's products. Shares of any shape are meant here as integers; who calls says at which fraction they
stand, and by how many bits a product is shifted back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import FIXED, Engine, Value
from mpcfl.operations.linear import reshape, take
from mpcfl.operations.operands import vector
from mpcfl.operations.products import chosen, truncated
from mpcfl.ring import Shape
from mpcfl.share import Share


def first_columns(x: Share, count: int = 1) -> Share:
    """The first columns of a stack of matrices."""
    return x.take((..., slice(None, count)))


def other_columns(x: Share) -> Share:
    """All columns but the first."""
    return x.take((..., slice(1, None)))


def swapped(x: Share) -> Share:
    """The transposed matrices of a stack."""
    n = len(x.shape)
    return x.transpose((*range(n - 2), n - 1, n - 2))


def plus(x: Share, y: Share) -> Share:
    return Share(ring.add(x.words, y.words))


def minus(x: Share, y: Share) -> Share:
    return Share(ring.subtract(x.words, y.words))


def times(x: Share, integers: NDArray[np.int64]) -> Share:
    """Times public integers of a shape that broadcasts."""
    return Share(ring.multiply(x.words, ring.words(integers, ring.width(x.words))))


def total(x: Share, axis: int) -> Share:
    """Sum over an axis, which is kept with length one."""
    axis %= len(x.shape)
    shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
    return Share(ring.reshape(ring.total(x.words, axis), shape))


def identity(engine: Engine, template: Share, n: int, unit: int) -> Share:
    """A stack of n-by-n identity matrices times `unit`, beside the stack `template`."""
    eye = ring.multiply(ring.words(np.eye(n, dtype=np.int64), engine.ctx.width), unit)
    return Share(engine.ctx.constant(ring.broadcast(eye, (*template.shape[:-2], n, n))))


def public(engine: Engine, template: Share, value: int) -> Share:
    """A public integer as a share of the shape of `template`."""
    return Share(engine.ctx.constant(ring.like(template.words, template.shape, value)))


def plus_public(engine: Engine, x: Share, value: int) -> Share:
    """x plus a public integer, under the mask of x."""
    return x.shift(ring.like(x.words, x.shape, value), engine.ctx.first)


def lowered(engine: Engine, x: Share, bits: int) -> Protocol:
    """x / 2^bits: one round; with bits below zero x times a power of two, and none."""
    if bits <= 0:
        return x.scale(1 << -bits)
    return (yield from truncated(engine, x.words, 1, bits)).reshape(x.shape)


def product(engine: Engine, x: Share, y: Share, bits: int = 0) -> Protocol:
    """x y / 2^bits, elementwise with broadcasting: two rounds, one where bits is 0."""
    shape = np.broadcast_shapes(x.shape, y.shape)
    words = yield from engine.suite["mul"](engine.ctx, vector(x, shape), vector(y, shape))
    return (yield from lowered(engine, Share(ring.reshape(words, shape)), bits))


def matrix_product(engine: Engine, x: Share, y: Share, bits: int = 0) -> Protocol:
    """x @ y / 2^bits: two rounds, one where bits is 0."""
    words = yield from engine.suite["matmul"](engine.ctx, x, y)
    return (yield from lowered(engine, Share(words), bits))


def reduced(engine: Engine, x: Share, y: Share, z: Share, bits: int) -> Protocol:
    """x - y @ z / 2^bits."""
    return minus(x, (yield from matrix_product(engine, y, z, bits)))


def inverse_root(engine: Engine, x: Share, power: int) -> Protocol:
    """2^power / sqrt(x) for representable integers x > 0: eleven rounds, relative error 2^-20.5; or 13 and 2^-45.

    Parameters
    ----------
    power : int
        A multiple of 3, at most 60 or 123: the rule for 1 / sqrt at fraction g gives 2^(3 g / 2) / sqrt(x).
    """
    at = replace(engine.ctx, fraction=2 * power // 3)
    words = yield from engine.suite["rsqrt"](at, vector(x, x.shape))
    return Share(ring.reshape(words, x.shape))


def inverse(engine: Engine, x: Share, power: int) -> Protocol:
    """2^power / x for integers x that are not zero: twelve rounds, relative error 2^-20.5; or 14 and 2^-45.

    Parameters
    ----------
    power : int
        Even.
    """
    at = replace(engine.ctx, fraction=power // 2)
    words = yield from engine.suite["reciprocal"](at, vector(x, x.shape))
    return Share(ring.reshape(words, x.shape))


def negative(engine: Engine, x: Share) -> Protocol:
    """The secret boolean [x < 0]: four rounds."""
    bit = yield from engine.suite["msb"](engine.ctx, vector(x, x.shape))
    return Share.of_bit(bit).reshape(x.shape)


def picked(engine: Engine, bit: Share, x: Share) -> Protocol:
    """x where the bit holds, else zero, with broadcasting: one round."""
    shape = np.broadcast_shapes(bit.shape, x.shape)
    return Share(ring.reshape((yield from chosen(engine, bit, x, shape)), shape))


def magnitude(engine: Engine, x: Share) -> Protocol:
    """|x|: what one comparison costs."""
    bit = yield from negative(engine, x)
    return minus(x, (yield from picked(engine, bit, x)).scale(2))


def several(
    name: str, shapes: Sequence[Shape], inputs: Sequence[Value], protocol: Callable[..., Protocol], *public: object
) -> list[Value]:
    """One operation with several fixed-point results.

    Parameters
    ----------
    shapes : sequence of tuple of int
        Of the results.
    protocol : callable
        From the shares of the inputs to the list of the results' shares.
    """
    engine = inputs[0].engine
    sizes = [math.prod(shape) for shape in shapes]

    def finish(results: Sequence[Share]) -> Share:
        flat = [ring.reshape(one.words, (size,)) for one, size in zip(results, sizes, strict=True)]
        return Share(ring.concatenate(flat, 0))

    whole = engine.submit(name, FIXED, (sum(sizes),), inputs, protocol, finish, *public)
    ends = np.cumsum(sizes).tolist()
    return [
        reshape(take(whole, slice(end - size, end)), shape)
        for end, size, shape in zip(ends, sizes, shapes, strict=True)
    ]
