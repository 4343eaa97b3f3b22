"""Operands: public numbers as ring words, and the three kinds of secret numbers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Engine, Value
from mpcfl.errors import InputError
from mpcfl.ring import Shape, Words
from mpcfl.share import Bit, Share

Public: TypeAlias = NDArray[Any]
Operand: TypeAlias = Value | Public


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
        return ring.encode(array, engine.ctx.fraction, engine.ctx.width)
    limit = 1 << 62
    if array.size and (int(array.max()) >= limit or int(array.min()) < -limit):
        raise InputError("a public integer does not fit: its magnitude must stay below 2^62")
    return ring.words(array, engine.ctx.width)


def constant(engine: Engine, array: Public, kind: str | None = None) -> Value:
    """A public array as a secret one, without communication."""
    kind = public_kind(array) if kind is None else kind
    words = encoded(engine, array, kind)
    engine.note("constant", kind, digest(words))
    zero = Share(ring.zeros(words.shape, engine.ctx.width))
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


def vector(share: Share, shape: Shape) -> Share:
    """A share broadcast to `shape`, as the vector that elementwise rules take."""
    return share.broadcast(shape).reshape((math.prod(shape),))


def words_as(shape: Shape) -> Callable[[Words | Share], Share]:
    """Makes the share of `shape` from a rule's vector, of words or as a truncation leaves it."""
    return lambda made: made.reshape(shape) if isinstance(made, Share) else Share(ring.reshape(made, shape))


def bits_as(shape: Shape) -> Callable[[Bit], Share]:
    """Makes the share of `shape` from a rule's vector of bits."""
    return lambda bit: Share.of_bit(bit).reshape(shape)
