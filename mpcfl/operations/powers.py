"""np.power on secret values, by the kind of its exponent.

Whole exponents from 0 on are products, exact as products are; any other goes by a logarithm
(`mpcfl.protocols.powering`).
"""

from __future__ import annotations

import numpy as np

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import BOOLEAN, FIXED, Value
from mpcfl.errors import InputError
from mpcfl.operations.comparisons import absolute, function, function_of_two, less, where
from mpcfl.operations.folds import power as whole_power
from mpcfl.operations.linear import broadcast, concatenate, negative, reshape, take
from mpcfl.operations.operands import (
    Operand,
    Public,
    as_kind,
    constant,
    digest,
    joined,
    public_kind,
    vector,
    words_as,
)
from mpcfl.operations.products import multiply
from mpcfl.share import Share

EXPONENT_BITS = {64: 30, 128: 58}
"""What `public_power` takes, by the ring: its exponents fit into so many bits, the point included."""
LARGEST_BITS = 30
"""Exponents are below 2^30 in either ring."""
ZERO = np.array(0)


def raised(x: Operand, y: Operand) -> Value:
    """x^y with NumPy's shapes and kinds; the range is in `docs/numerics.md`.

    Raises
    ------
    ValueError
        Integers to negative integer powers, as in NumPy; a public base that is not positive.
    InputError
        A public exponent is not finite, or too large.
    """
    if not isinstance(x, Value):
        assert isinstance(y, Value)
        return _public_base(x, y)
    if isinstance(y, Value):
        return function_of_two("power", x, y)
    if not np.isfinite(y).all() or (np.abs(y) >= 1 << LARGEST_BITS).any():
        raise InputError(f"a public exponent must be finite and below 2^{LARGEST_BITS} in magnitude")
    kind = joined(x.kind, public_kind(y))
    if kind != FIXED and (y < 0).any():
        raise ValueError("integers to negative integer powers are not allowed: make the base real")
    base = broadcast(as_kind(x, kind), np.broadcast_shapes(x.shape, y.shape))
    if (y >= 0).all() and (y == np.rint(y)).all():
        return _whole(base, y)
    if np.unique(y).size == 1:
        one = float(y.reshape(-1)[0])
        if one in _NAMED:
            return function(_NAMED[one], base)
    if (y == np.rint(y)).all():
        odd = np.broadcast_to(y % 2 != 0, base.shape)
        size = _by_logarithm(absolute(base), y)
        below = multiply(less(base, ZERO), odd) if odd.any() else None
        return size if below is None else where(below, negative(size), size)
    return _by_logarithm(base, y)


_NAMED = {0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}
"""Exponents with a rule of their own."""


def _whole(base: Value, y: Public) -> Value:
    """Whole exponents from 0 on: each that occurs, on the elements that have it."""
    exponents, shape = np.broadcast_to(y, base.shape).reshape(-1).astype(np.int64), base.shape
    found = np.unique(exponents)
    if found.size <= 1:
        return _one_whole(base, int(y.reshape(-1)[0]) if y.size else 1)
    flat = reshape(base, (exponents.size,))
    places = [np.flatnonzero(exponents == exponent) for exponent in found]
    parts = [_one_whole(take(flat, at), int(exponent)) for at, exponent in zip(places, found, strict=True)]
    return reshape(take(concatenate(parts, 0), np.argsort(np.concatenate(places))), shape)


def _one_whole(base: Value, exponent: int) -> Value:
    if exponent == 0:
        return constant(base.engine, np.ones(base.shape, np.int64), base.kind)
    return base if exponent == 1 else whole_power(base, exponent)


def _by_logarithm(x: Value, y: Public) -> Value:
    """x^y for public y at 31 significant bits of the largest, or 59 in ring 128, x >= 0."""
    engine, shape = x.engine, x.shape
    width = engine.ctx.width
    bits = EXPONENT_BITS[width] - int(np.abs(y).max(initial=0.0)).bit_length()
    words = ring.words(np.rint(np.ldexp(y.astype(np.float64), bits)).astype(np.int64), width)
    exponents = np.ascontiguousarray(np.broadcast_to(words, shape).reshape(-1))

    def protocol(share: Share) -> Protocol:
        return engine.suite["public_power"](engine.ctx, vector(share, shape), exponents, bits)

    return engine.submit("public power", FIXED, shape, [x], protocol, words_as(shape), bits, digest(words))


def _public_base(x: Public, y: Value) -> Value:
    """x^y = 2^(y log2 x)."""
    if not (np.isfinite(x).all() and (x > 0).all()):
        raise ValueError("a public base of a secret exponent must be positive and finite")
    if y.kind == BOOLEAN and public_kind(x) == BOOLEAN:
        raise TypeError("powers of booleans by booleans are not offered: multiply by 1 first")
    return function("exp2", multiply(as_kind(y, FIXED), np.log2(x)))
