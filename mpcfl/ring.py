"""Arrays of the ring Z_2^64, and their twin that has a shape alone.

Protocol code works on `Words`: C-contiguous uint64 arrays whose additions wrap. Where NumPy would be slow or inexact
(products, fixed point, bits), the functions below call the kernels. Each of them also takes a `Spec`, which stands for
an array that was never made: the cost driver runs whole programs on specs and so knows their rounds and bytes before
any data exists.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from mpcfl.buffers import empty
from mpcfl.errors import InputError
from mpcfl.kernels import bits, fixed, ring64

Words: TypeAlias = NDArray[np.uint64]
Shape: TypeAlias = tuple[int, ...]

MODULUS = 1 << 64
P = ParamSpec("P")
T = TypeVar("T")


class Spec:
    """An array of ring words that has a shape and no elements."""

    __slots__ = ("shape",)
    __array_ufunc__ = None

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return 8 * self.size

    def _broadcast(self, other: Any) -> Spec:
        return Spec(np.broadcast_shapes(self.shape, np.shape(other)))

    def _same(self) -> Spec:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __xor__ = __rxor__ = __and__ = _broadcast
    __neg__ = __invert__ = _same

    def __getitem__(self, index: Any) -> Spec:
        return Spec(np.broadcast_to(np.uint8(0), self.shape)[index].shape)

    def __iter__(self) -> Any:
        return (self[i] for i in range(self.shape[0]))

    def reshape(self, *shape: Any) -> Spec:
        return Spec(np.broadcast_to(np.uint8(0), self.shape).reshape(*shape).shape)

    def transpose(self, axes: Sequence[int]) -> Spec:
        return Spec(tuple(self.shape[axis] for axis in axes))


def shaped(rule: Callable[..., Shape]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function answer with a `Spec` of shape `rule(*arguments)` when one of its arguments is a `Spec`."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            for argument in args:
                if is_spec(argument):
                    return cast("T", Spec(rule(*args, **kwargs)))
            return function(*args, **kwargs)

        return call

    return decorate


def words(value: Any) -> Words:
    """Contiguous ring words of an array of integers, negative ones as two's complement."""
    return np.asarray(np.asarray(value).astype(np.uint64), order="C")


def like(template: Words, shape: Shape, value: int = 0) -> Words:
    """A constant array of `shape`, as real or as shapeless as `template`."""
    return cast("Words", Spec(shape)) if is_spec(template) else np.full(shape, value % MODULUS, np.uint64)


def is_spec(x: object) -> bool:
    """Whether x has a shape alone."""
    return type(x) is Spec


# ------------------------------------------------------------------------------------------------------------ structure


@shaped(lambda x, index: x[index].shape)
def take(x: Words, index: Any) -> Words:
    """`x[index]` for basic and public integer-array indices, contiguous, never a scalar."""
    return np.asarray(x[index], order="C")


@shaped(lambda x, axes: tuple(x.shape[axis] for axis in axes))
def transpose(x: Words, axes: Sequence[int]) -> Words:
    return x.transpose(axes)


@shaped(lambda x, shape: shape)
def reshape(x: Words, shape: Shape) -> Words:
    return x.reshape(shape)


@shaped(lambda x, shape: shape)
def broadcast(x: Words, shape: Shape) -> Words:
    return np.broadcast_to(x, shape)


def concatenate(parts: Sequence[Words], axis: int) -> Words:
    if any(is_spec(part) for part in parts):
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        return cast("Words", Spec(tuple(shape)))
    return np.concatenate(parts, axis=axis)


@shaped(lambda x, axis: tuple(n for i, n in enumerate(x.shape) if i != axis))
def total(x: Words, axis: int) -> Words:
    """Sum over one axis."""
    return np.asarray(np.add.reduce(x, axis=axis, dtype=np.uint64))


# ------------------------------------------------------------------------------------------------ elementwise, wrapping

LARGE = 1 << 15
"""Words from which on a result is written into memory that was used before."""


def _paired(step: np.ufunc, x: Words, y: Words) -> Words:
    if x.size < LARGE and y.size < LARGE:
        return np.asarray(step(x, y))
    out: Words = empty(np.broadcast_shapes(x.shape, y.shape))
    step(x, y, out=out)
    return out


@shaped(lambda x, y: np.broadcast_shapes(np.shape(x), np.shape(y)))
def add(x: Words, y: Words) -> Words:
    return _paired(np.add, x, y)


@shaped(lambda x, y: np.broadcast_shapes(np.shape(x), np.shape(y)))
def subtract(x: Words, y: Words) -> Words:
    return _paired(np.subtract, x, y)


@shaped(lambda x: x.shape)
def negative(x: Words) -> Words:
    return np.asarray(np.negative(x)) if x.size < LARGE else np.asarray(np.negative(x, out=empty(x.shape)))


@shaped(lambda x, y: np.broadcast_shapes(np.shape(x), np.shape(y)))
def multiply(x: Words, y: Words) -> Words:
    """Product of shared or public words with public words."""
    return _paired(np.multiply, x, y)


def exclusive_or(x: Words, y: Words) -> Words:
    """Of packed bits."""
    return _paired(np.bitwise_xor, x, y)


def scalar(value: int) -> Words:
    """A public integer as a 0-d array (a NumPy scalar would warn when it wraps)."""
    return np.array(value % MODULUS, np.uint64)


# ------------------------------------------------------------------------------------------------------------- products


def matmul_shape(x: Shape, y: Shape) -> Shape:
    """Shape of `x @ y`; ValueError where NumPy has one."""
    if not x or not y:
        raise ValueError("matmul: operands need at least one dimension; multiply by a scalar with *")
    left, right = (x if len(x) > 1 else (1, *x)), (y if len(y) > 1 else (*y, 1))
    if left[-1] != right[-2]:
        raise ValueError(f"matmul: shapes {x} and {y} do not fit: {left[-1]} columns against {right[-2]} rows")
    batch = np.broadcast_shapes(left[:-2], right[:-2])
    return (*batch, *((left[-2],) if len(x) > 1 else ()), *((right[-1],) if len(y) > 1 else ()))


@shaped(lambda x, y: matmul_shape(x.shape, y.shape))
def matmul(x: Words, y: Words) -> Words:
    """`x @ y` in the ring with NumPy's rules for one, two and more dimensions; a transposed matrix is not copied
    where a vector meets it."""
    shape = matmul_shape(x.shape, y.shape)
    if x.ndim > 2 or y.ndim > 2:
        return _batched(x, y, shape)
    if x.ndim == 1 and y.ndim == 1:
        return _matvec(x[None, :], y).reshape(shape)
    if x.ndim == 1:
        return _matvec(y.T, x)
    if y.ndim == 1:
        return _matvec(x, y)
    if y.shape[1] == 1:
        return _matvec(x, y[:, 0]).reshape(shape)
    if x.shape[0] == 1:
        return _matvec(y.T, x[0]).reshape(shape)
    out = empty(shape)
    ring64.matmul(np.ascontiguousarray(x), np.ascontiguousarray(y), out)
    return out


def _matvec(a: Words, x: Words) -> Words:
    out = empty((a.shape[0],))
    x = np.ascontiguousarray(x)
    if a.flags.f_contiguous and not a.flags.c_contiguous:
        ring64.vecmat(x, a.T, out)
    else:
        ring64.matvec(np.ascontiguousarray(a), x, out)
    return out


def _batched(x: Words, y: Words, shape: Shape) -> Words:
    left = x[None, :] if x.ndim == 1 else x
    right = y[:, None] if y.ndim == 1 else y
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left, right = np.broadcast_to(left, (*batch, *left.shape[-2:])), np.broadcast_to(right, (*batch, *right.shape[-2:]))
    out = empty((*batch, left.shape[-2], right.shape[-1]))
    for index in np.ndindex(*batch):
        ring64.matmul(np.ascontiguousarray(left[index]), np.ascontiguousarray(right[index]), out[index])
    return out.reshape(shape)


def _flat(x: Words) -> Words:
    """What the kernels take: a broadcast or transposed operand is copied here, no other."""
    return np.ascontiguousarray(x)


@shaped(lambda c, *rest: c.shape)
def beaver(c: Words, a: Words, b: Words, d: Words, e: Words, first: int) -> Words:
    """[c] + d [b] + [a] e + d e, elementwise on vectors; the public term at the first party alone."""
    out = empty(c.shape)
    ring64.beaver(_flat(c), _flat(a), _flat(b), _flat(d), _flat(e), first, out)
    return out


@shaped(lambda c, *rest: c.shape)
def square(c: Words, a: Words, d: Words, first: int) -> Words:
    """[c] + 2 d [a] + d d, elementwise on vectors."""
    out = empty(c.shape)
    ring64.square(_flat(c), _flat(a), _flat(d), first, out)
    return out


@shaped(lambda t, *rest: t.shape)
def select(t: Words, beta: Words, d: Words, a: Words, product: Words, first: int) -> Words:
    """Share of b v for b = t + (1 - 2t) beta, v = d + a, from [beta], [a] and [beta a], on vectors."""
    out = empty(t.shape)
    ring64.select(_flat(t), _flat(beta), _flat(d), _flat(a), _flat(product), first, out)
    return out


# ---------------------------------------------------------------------------------------------------------- fixed point


def encode(values: NDArray[Any], fraction: int) -> Words:
    """Nearest integers of `values` * 2^fraction as ring words.

    Raises
    ------
    InputError
        A value is NaN, infinite or not below 2^(62 - fraction) in magnitude; names its place, not the value.
    """
    flat = np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
    out = empty(flat.shape)
    refused = fixed.encode(flat, fraction, out)
    if refused >= 0:
        place = tuple(int(i) for i in np.unravel_index(refused, np.shape(values)))
        raise InputError(
            f"the value at {place} is not representable: fraction {fraction} holds finite numbers below "
            f"2^{62 - fraction} in magnitude; scale it or choose a smaller fraction"
        )
    return out.reshape(np.shape(values))


def decode(x: Words, fraction: int) -> NDArray[np.float64]:
    """Signed words / 2^fraction as float64."""
    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty(flat.shape, np.float64)
    fixed.decode(flat, fraction, out)
    return out.reshape(np.shape(x))


@shaped(lambda x, multiplier, shift: x.shape)
def scale_floor(x: Words, multiplier: int, shift: int) -> Words:
    """floor((x mod 2^63) multiplier / 2^shift) mod 2^64, exact, on vectors."""
    out = empty(x.shape)
    fixed.scale_floor(_flat(x), multiplier, shift, out)
    return out


@shaped(lambda c, *rest: c.shape)
def truncate(c: Words, rho: Words, mu: Words, multiplier: int, shift: int, first: int) -> Words:
    """One party's share of x multiplier / 2^shift, see `mpcfl.protocols.truncation`, on vectors."""
    out = empty(c.shape)
    fixed.truncate(_flat(c), _flat(rho), _flat(mu), multiplier, shift, first, out)
    return out


# ----------------------------------------------------------------------------------------------------------------- bits


def packed(n: int) -> int:
    """Words that n bits take, 64 to a word."""
    return -(-n // 64)


@shaped(lambda x: (packed(x.shape[0]),))
def pack(x: Words) -> Words:
    """Pack a vector of zeros and ones, 64 to a word."""
    out = empty((packed(x.shape[0]),))
    bits.pack(np.ascontiguousarray(x), out)
    return out


@shaped(lambda plane, n: (n,))
def unpack(plane: Words, n: int) -> Words:
    """The vector of n zeros and ones of a packed plane."""
    out = empty((n,))
    bits.unpack(np.ascontiguousarray(plane), out)
    return out
