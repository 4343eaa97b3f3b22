"""What the array type can do, on values: which operations are local, which are protocols, and how kinds combine.

Kinds follow NumPy: fixed point stands for float64, integers for int64, booleans for bool. A boolean in arithmetic is
the integer 0 or 1. Public numbers are exact where they can be: an integer multiplies locally, any other scalar at up to
62 bits (see truncation).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Engine, Value
from mpcfl.errors import InputError
from mpcfl.ring import Shape, Words
from mpcfl.share import Share

Public: TypeAlias = NDArray[Any]
Operand: TypeAlias = Value | Public

SCALAR_BITS = 62
ARRAY_SIGNIFICANT_BITS = 24


# ------------------------------------------------------------------------------------------------------ public operands


def public(value: object) -> Public:
    """A public operand as an array of bool, int64 or float64.

    Raises
    ------
    TypeError
        It is no array of real numbers.
    """
    array = np.asarray(value)
    if array.dtype.kind in "biu":
        return array
    if array.dtype.kind == "f":
        return array.astype(np.float64, copy=False)
    raise TypeError(f"a public operand of dtype {array.dtype} does not combine with secrets; use bool, int or float")


def public_kind(array: Public) -> str:
    return {"b": BOOLEAN, "i": INTEGER, "u": INTEGER}.get(array.dtype.kind, FIXED)


def encoded(engine: Engine, array: Public, kind: str) -> Words:
    """Public numbers as ring words of a kind."""
    if kind == FIXED:
        return ring.encode(array, engine.ctx.fraction)
    limit = 1 << 62
    if array.size and (int(array.max()) >= limit or int(array.min()) < -limit):
        raise InputError("a public integer does not fit: its magnitude must stay below 2^62")
    return ring.words(array)


def constant(engine: Engine, array: Public, kind: str | None = None) -> Value:
    """A public array as a secret one, without communication."""
    kind = public_kind(array) if kind is None else kind
    words = encoded(engine, array, kind)
    engine.note("constant", kind, digest(words))
    zero = Share(np.zeros(words.shape, np.uint64))
    return engine.ready(kind, zero.shift(words, engine.ctx.first))


def digest(words: Words) -> bytes:
    """What the history holds of public operands."""
    return hashlib.blake2b(np.ascontiguousarray(words).tobytes(), digest_size=16).digest()


def written(index: Any) -> object:
    """A public index as it stands in the history."""
    if isinstance(index, tuple):
        return [written(part) for part in index]
    return (
        (index.shape, hashlib.blake2b(index.tobytes(), digest_size=16).digest())
        if isinstance(index, np.ndarray)
        else index
    )


def _lift(share: Share, kind: str, target: str, fraction: int) -> Share:
    """A share of one kind as one of a wider kind."""
    return share.scale(1 << fraction) if target == FIXED and kind != FIXED else share


def as_kind(x: Value, target: str) -> Value:
    """The same numbers as a wider kind (boolean, integer, fixed)."""
    if x.kind == target or (target == INTEGER and x.kind == BOOLEAN):
        return x if x.kind == target else x.engine.local("convert", target, x.shape, [x], lambda: x.share)
    fraction = x.engine.ctx.fraction
    return x.engine.local("convert", target, x.shape, [x], lambda: _lift(x.share, x.kind, target, fraction))


def as_boolean(x: Value) -> Value:
    """Integers that are known to be zeros and ones, as booleans."""
    return x.engine.local("boolean", BOOLEAN, x.shape, [x], lambda: x.share)


def joined(x: str, y: str) -> str:
    """The kind of a sum of two kinds."""
    return FIXED if FIXED in (x, y) else INTEGER


# ------------------------------------------------------------------------------------------------------------ structure


def take(x: Value, index: Any) -> Value:
    shape = np.broadcast_to(np.uint8(0), x.shape)[index].shape
    return x.engine.local("take", x.kind, shape, [x], lambda: x.share.take(index), written(index))


def transpose(x: Value, axes: tuple[int, ...]) -> Value:
    return x.engine.local(
        "transpose", x.kind, tuple(x.shape[a] for a in axes), [x], lambda: x.share.transpose(axes), axes
    )


def reshape(x: Value, shape: Shape) -> Value:
    return x.engine.local("reshape", x.kind, shape, [x], lambda: x.share.reshape(shape))


def broadcast(x: Value, shape: Shape) -> Value:
    np.broadcast_shapes(x.shape, shape)
    return x if x.shape == shape else x.engine.local("broadcast", x.kind, shape, [x], lambda: x.share.broadcast(shape))


def concatenate(parts: Sequence[Value], axis: int) -> Value:
    kind = parts[0].kind if len({part.kind for part in parts}) == 1 else _widest([part.kind for part in parts])
    parts = [as_kind(part, kind) for part in parts]
    shape = np.concatenate([np.broadcast_to(np.uint8(0), part.shape) for part in parts], axis=axis).shape
    axis = axis % len(shape)
    return parts[0].engine.local(
        "concatenate", kind, shape, parts, lambda: Share.concatenate([p.share for p in parts], axis), axis
    )


def _widest(kinds: Sequence[str]) -> str:
    return FIXED if FIXED in kinds else INTEGER


# ---------------------------------------------------------------------------------------------------- sums, differences


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
        shape = np.broadcast_shapes(x.shape, y.shape)
        step = ring.add if sign == 1 else ring.subtract
        return engine.local(
            "sum", kind, shape, [left, right], lambda: Share(step(left.share.words, right.share.words)), sign
        )
    kind = joined(x.kind, public_kind(y))
    words = encoded(engine, y, kind)
    engine.note("add", kind, sign, digest(words))
    shape = np.broadcast_shapes(x.shape, words.shape)
    moved = ring.broadcast(words if sign == 1 else ring.negative(words), shape)
    left = broadcast(as_kind(x, kind), shape)
    return engine.local("sum", kind, shape, [left], lambda: left.share.shift(moved, engine.ctx.first))


def total(x: Value, axis: int) -> Value:
    """Sum over one axis; booleans are counted."""
    shape = tuple(n for i, n in enumerate(x.shape) if i != axis)
    kind = INTEGER if x.kind == BOOLEAN else x.kind
    return x.engine.local("total", kind, shape, [x], lambda: Share(ring.total(x.share.words, axis)), axis)


# ------------------------------------------------------------------------------------------------------------- products


def _vector(share: Share, shape: Shape) -> Share:
    return share.broadcast(shape).reshape((math.prod(shape),))


def _result(shape: Shape) -> Any:
    return lambda words: Share(ring.reshape(words, shape))


def truncated(engine: Engine, words: Words, multiplier: int = 1, shift: int | None = None) -> Protocol:
    """Words of any shape times multiplier / 2^shift (by default back from twice the fraction), as a vector."""
    flat = ring.reshape(words, (math.prod(words.shape),))
    by = engine.ctx.fraction if shift is None else shift
    return engine.suite["trunc_pr"](engine.ctx, flat, multiplier, by)


def multiply(x: Value, y: Operand) -> Value:
    if not isinstance(y, Value):
        return _times_public(x, y)
    engine, ctx = x.engine, x.engine.ctx
    shape = np.broadcast_shapes(x.shape, y.shape)
    kind = BOOLEAN if x.kind == y.kind == BOOLEAN else joined(x.kind, y.kind)
    if BOOLEAN in (x.kind, y.kind):
        bit, other = (x, y) if x.kind == BOOLEAN else (y, x)
        return engine.submit("mux", kind, shape, [bit, other], lambda b, v: chosen(engine, b, v, shape), _result(shape))

    def protocol(left: Share, right: Share) -> Protocol:
        if x is y:
            words = yield from engine.suite["square"](ctx, _vector(left, shape))
        else:
            words = yield from engine.suite["mul"](ctx, _vector(left, shape), _vector(right, shape))
        return (yield from truncated(engine, words)) if x.kind == y.kind == FIXED else words

    return engine.submit("multiply", kind, shape, [x, y], protocol, _result(shape), x is y)


def chosen(engine: Engine, bit: Share, value: Share, shape: Shape) -> Protocol:
    """Boolean times value as a vector: by the bit's own form where it has one, else by a product."""
    form = _vector(bit, shape).bit
    if form is None:
        return engine.suite["mul"](engine.ctx, _vector(bit, shape), _vector(value, shape))
    return engine.suite["mux"](engine.ctx, form, _vector(value, shape))


def _times_public(x: Value, y: Public) -> Value:
    engine, fraction = x.engine, x.engine.ctx.fraction
    shape = np.broadcast_shapes(x.shape, y.shape)
    kind = BOOLEAN if x.kind == public_kind(y) == BOOLEAN else joined(x.kind, public_kind(y))
    if y.dtype.kind != "f" or _integral(y):
        integers = encoded(engine, _to_integer(y), INTEGER)
        engine.note("times", kind, digest(integers))
        lift = 1 << fraction if kind == FIXED and x.kind != FIXED else 1
        factor = ring.multiply(integers, ring.scalar(lift))
        left = broadcast(x, shape)
        if factor.ndim == 0 or factor.size == 1:
            single = int(factor.reshape(-1)[0])
            return engine.local("times", kind, shape, [left], lambda: left.share.scale(single))
        return engine.local("times", kind, shape, [left], lambda: Share(ring.multiply(left.share.words, factor)))
    if not np.isfinite(y).all():
        raise InputError("a public factor is NaN or infinite")
    if x.kind == BOOLEAN or (x.kind == INTEGER and y.size > 1):
        factor = ring.encode(y, fraction)  # exact: the other side has no fraction
        engine.note("times", kind, digest(factor))
        return engine.local("times", kind, shape, [x], lambda: Share(ring.multiply(x.share.words, factor)))
    lifted = as_kind(x, FIXED)
    return _times_scalar(lifted, float(y.reshape(-1)[0]), shape) if y.size == 1 else _times_array(lifted, y, shape)


def _integral(y: Public) -> bool:
    return bool(np.isfinite(y).all() and (np.abs(y) < 1 << 53).all() and (y == np.rint(y)).all())


def _to_integer(y: Public) -> Public:
    return y.astype(np.int64) if y.dtype.kind == "f" else y


def _times_scalar(x: Value, factor: float, shape: Shape) -> Value:
    """x times a public real at 62 bits of scale: factor = +-M / 2^S with S <= 62, M < 2^63, exact where it fits."""
    numerator, denominator = abs(factor).as_integer_ratio()
    shift = max(0, min(SCALAR_BITS, SCALAR_BITS - (numerator // denominator).bit_length()))
    multiplier = ((numerator << shift + 1) // denominator + 1) >> 1
    if multiplier >= 1 << 63:
        raise InputError("a public factor is too large: fixed point holds numbers below 2^62")
    while multiplier and not multiplier & 1 and shift:
        multiplier, shift = multiplier >> 1, shift - 1
    sign = -1 if factor < 0 else 1
    left = broadcast(x, shape)
    engine = x.engine

    def finish(words: Words) -> Share:
        return Share(ring.reshape(words if sign == 1 else ring.negative(words), shape))

    return engine.submit(
        "scale",
        FIXED,
        shape,
        [left],
        lambda share: truncated(engine, share.words, multiplier, shift),
        finish,
        multiplier,
        shift,
        sign,
    )


def _times_array(x: Value, y: Public, shape: Shape) -> Value:
    """x times public reals, elementwise: one common scale, at least 24 significant bits for the largest."""
    engine = x.engine
    scale = array_scale(engine, y)
    factor = ring.encode(np.ldexp(y, scale - engine.ctx.fraction), engine.ctx.fraction)

    def protocol(share: Share) -> Protocol:
        return truncated(engine, ring.multiply(ring.broadcast(share.words, shape), factor), 1, scale)

    return engine.submit("times", FIXED, shape, [x], protocol, _result(shape), scale, digest(factor))


def array_scale(engine: Engine, y: Public) -> int:
    """Fractional bits at which public reals multiply secrets: those of the session, more if all are small."""
    largest = float(np.abs(y).max(initial=0.0))
    if not largest:
        return engine.ctx.fraction
    return min(max(engine.ctx.fraction, ARRAY_SIGNIFICANT_BITS - math.frexp(largest)[1]), 2 * engine.ctx.fraction)


def divide(x: Value, y: Operand) -> Value:
    """x by public numbers.

    Raises
    ------
    TypeError
        The divisor is secret; names the alternative.
    ZeroDivisionError
        A public divisor is zero.
    """
    if isinstance(y, Value):
        raise TypeError("division by a secret: use mpcfl.numerics.divide, which says what range it holds for")
    if not np.all(y):
        raise ZeroDivisionError("division of a secret by a public zero")
    return multiply(as_kind(x, FIXED), np.divide(1.0, y))


def matmul(x: Operand, y: Operand) -> Value:
    secret = x if isinstance(x, Value) else y
    assert isinstance(secret, Value)
    engine, ctx = secret.engine, secret.engine.ctx
    shape = ring.matmul_shape(x.shape, y.shape)
    if isinstance(x, Value) and isinstance(y, Value):
        both = x.kind == y.kind == FIXED

        def protocol(left: Share, right: Share) -> Protocol:
            words = yield from engine.suite["matmul"](ctx, left, right)
            return (yield from truncated(engine, words)) if both else words

        return engine.submit("matmul", joined(x.kind, y.kind), shape, [x, y], protocol, _result(shape))
    return _matmul_public(x, y, secret, shape)


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
        factor = ring.encode(np.ldexp(other, scale - engine.ctx.fraction), engine.ctx.fraction)
    else:
        factor, scale = ring.encode(other, engine.ctx.fraction), 0

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
        _result(shape),
        scale,
        digest(factor),
    )


# ---------------------------------------------------------------------------------------------------------- comparisons


def _bits(shape: Shape) -> Any:
    return lambda bit: Share.of_bit(bit).reshape(shape)


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
        return engine.suite[primitive](engine.ctx, _vector(share, shape))

    return engine.submit(primitive, BOOLEAN, shape, [x], protocol, _bits(shape))


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


# --------------------------------------------------------------------------------------------------------------- choice


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
        _result(shape),
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
        flat = _vector(share, shape)
        bit = yield from engine.suite["msb"](engine.ctx, flat)
        return (yield from engine.suite["mux"](engine.ctx, bit, flat))

    return engine.submit("negative part", x.kind, shape, [x], protocol, _result(shape))


# ------------------------------------------------------------------------------------------------------------ functions


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
        return engine.suite[name](engine.ctx, _vector(share, shape))

    return engine.submit(name, FIXED, shape, [lifted], protocol, _result(shape))


def quotient(x: Value, y: Value) -> Value:
    """x / y by normalisation, see `mpcfl.protocols.division` for the range."""
    kind = x.kind if x.kind == y.kind else joined(x.kind, y.kind)
    left, right = as_kind(x, kind), as_kind(y, kind)
    engine, shape = x.engine, np.broadcast_shapes(x.shape, y.shape)

    def protocol(a: Share, b: Share) -> Protocol:
        return engine.suite["divide"](engine.ctx, _vector(a, shape), _vector(b, shape))

    return engine.submit("divide", FIXED, shape, [left, right], protocol, _result(shape))
