"""Arrays of the rings Z_2^64 and Z_2^128, and their twin that has a shape alone.

Protocol code works on `Words`: C-contiguous uint64 arrays whose additions wrap, or arrays of pairs of them
(`mpcfl.wide`). Where NumPy would be slow or inexact (products, fixed point, bits), the functions below call the kernels
of the ring that their operands are in. Each of them also takes a `Spec`, which stands for an array that was never made:
the cost driver runs whole programs on specs and so knows their rounds and bytes before any data exists.

Public bits, one a word or packed 64 to a word, are uint64 arrays in both rings.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from mpcfl import buffers, machine, product, threads, wide
from mpcfl.buffers import empty
from mpcfl.errors import InputError
from mpcfl.kernels import bitmatrix, bits, fixed, gather, onehot, ring64
from mpcfl.spec import WORD, dtype_of
from mpcfl.spec import Shape as Shape
from mpcfl.spec import Spec as Spec
from mpcfl.spec import broadcast_shape as broadcast_shape
from mpcfl.spec import indexed_shape as indexed_shape
from mpcfl.spec import is_spec as is_spec
from mpcfl.spec import shaped as shaped

Words: TypeAlias = NDArray[np.uint64]

MODULUS = 1 << 64
WIDTHS = (64, 128)
"""The rings: Z_2^64 and Z_2^128."""
TOP = np.array(63, np.uint64)
LOW_63 = np.array((1 << 63) - 1, np.uint64)
GROUPS = {"words": WORD, "wide": wide.DTYPE, "bits": WORD}
"""How a tensor is shared (by sums in Z_2^64 or Z_2^128, or by exclusive or, 64 bits to a word): what it is made of."""
KEEPS = 6
"""A process keeps a part of the machine's memory for later arrays, one of so many: three roles of one machine, half."""

if (MEMORY := machine.memory()) is not None:
    buffers.keep(MEMORY // KEEPS)


def words(value: Any, width: int = 64) -> Words:
    """Contiguous ring words of an array of integers, negative ones as two's complement."""
    if width == 128:
        return wide.words(value)
    return np.asarray(np.asarray(value).astype(np.uint64), order="C")


def like(template: Words, shape: Shape, value: int = 0) -> Words:
    """A constant array of `shape`, of the same ring and as real or as shapeless as `template`."""
    if is_spec(template):
        return cast("Words", Spec(shape, template.dtype))
    element = wide.scalar(value) if wide.is_wide(template) else value % MODULUS
    return np.full(shape, element, template.dtype)


def dtype(width: int) -> np.dtype[Any]:
    """What an element of Z_2^width is made of."""
    return wide.DTYPE if width == 128 else WORD


@functools.cache
def name(dtype: np.dtype[Any]) -> str:
    """What the ledger calls it."""
    return "uint128" if dtype == wide.DTYPE else dtype.name


def zeros(shape: Shape, width: int = 64) -> Words:
    """Zeros of a ring."""
    return np.zeros(shape, dtype(width))


def width(x: Words) -> int:
    """Bits of an element: 64 or 128."""
    return 8 * x.dtype.itemsize


def integers(x: Words) -> list[int]:
    """The elements in order as signed integers."""
    return wide.integers(x) if wide.is_wide(x) else np.ascontiguousarray(x).view(np.int64).reshape(-1).tolist()


def int64(x: Words) -> NDArray[np.int64]:
    """The elements as signed integers, modulo 2^64."""
    return wide.int64(x) if wide.is_wide(x) else x.astype(np.int64)


# ------------------------------------------------------------------------------------------------------------ structure


@shaped(lambda x, index: x[index].shape)
def take(x: Words, index: Any) -> Words:
    """`x[index]` for basic and public integer-array indices, contiguous, never a scalar."""
    if is_rows(index) and x.ndim > 1 and x.flags.c_contiguous:
        return gathered([x], index)
    return np.asarray(x[index], order="C")


def is_rows(index: Any) -> bool:
    """Whether an index is a vector of numbers of rows."""
    return isinstance(index, np.ndarray) and index.ndim == 1 and index.dtype.kind in "iu"


def gathered(parts: Sequence[Words], rows: NDArray[Any]) -> Words:
    """`concatenate([part[rows] for part in parts], axis=1)`, in one pass over the rows.

    Raises
    ------
    IndexError
        No part has a row of that number.
    """
    first = parts[0]
    length, shape = first.shape[0], (rows.size, sum(part.shape[1] for part in parts), *first.shape[2:])
    lowest, highest = (int(rows.min()), int(rows.max())) if rows.size else (0, -1)
    if not -length <= lowest <= highest + 1 <= length:
        raise IndexError(f"a number of a row is out of bounds for {length} rows")
    if any(is_spec(part) for part in parts):
        return cast("Words", Spec(shape, dtype_of(parts)))
    numbers = np.ascontiguousarray(rows, np.int64)
    if lowest < 0:
        numbers = np.where(numbers < 0, numbers + length, numbers)
    out: Words = empty(shape, first.dtype)
    target, column = _flat_rows(out), 0
    for part in parts:
        source = _flat_rows(part)
        gather.rows(source, numbers, column, target)
        column += source.shape[1]
    return out


def _flat_rows(x: Words) -> Words:
    """A matrix of 64-bit words with the rows of x."""
    words = np.ascontiguousarray(x).reshape(-1).view(np.uint64)
    return words.reshape(x.shape[0], math.prod(x.shape[1:]) * x.dtype.itemsize // 8)


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
    shape = list(parts[0].shape)
    shape[axis] = sum(part.shape[axis] for part in parts)
    if any(is_spec(part) for part in parts):
        return cast("Words", Spec(tuple(shape), dtype_of(parts)))
    if math.prod(shape) < LARGE:
        return np.concatenate(parts, axis=axis)
    return np.concatenate(parts, axis=axis, out=empty(tuple(shape), parts[0].dtype))


def parted(x: Words, whole: Words, axis: int) -> Words:
    """x and whole - x side by side along an axis."""
    if wide.is_wide(x):
        return concatenate([x, subtract(whole, x)], axis)
    before, after = x.shape[:axis], x.shape[axis:]
    rows, columns = math.prod(before), math.prod(after)
    out: Words = empty((*before, 2 * after[0], *after[1:]))
    left, both = (np.ascontiguousarray(one).reshape(rows, columns) for one in (x, whole))
    gather.parted(left, both, out.reshape(rows, 2 * columns))
    return out


@shaped(lambda x, axis: tuple(n for i, n in enumerate(x.shape) if i != axis), wider=wide.total)
def total(x: Words, axis: int) -> Words:
    """Sum over one axis."""
    return np.asarray(np.add.reduce(x, axis=axis, dtype=np.uint64))


@shaped(lambda x, rows: (1, *x.shape[1:]))
def exclusive_total(x: Words, rows: slice) -> Words:
    """Exclusive or of some rows, as one row."""
    return np.bitwise_xor.reduce(x[rows], axis=0, keepdims=True)


@shaped(lambda x, axis: x.shape, wider=wide.running_total)
def running_total(x: Words, axis: int) -> Words:
    """Sums of the first 1, 2, ... elements along one axis."""
    return np.add.accumulate(x, axis=axis, dtype=np.uint64)


# ------------------------------------------------------------------------------------------------ elementwise, wrapping

LARGE = 1 << 15
"""Words from which on a result is written into memory that was used before."""


def _paired(step: np.ufunc, x: Words, y: Words) -> Words:
    if x.size < LARGE and y.size < LARGE:
        return np.asarray(step(x, y))
    out: Words = empty(broadcast_shape(x.shape, y.shape))
    whole = [one for one in (x, y) if one.ndim]
    if threads.count() > 1 and all(one.shape == out.shape and one.flags.c_contiguous for one in whole):
        left, right = (one.reshape(-1) if one.ndim else one for one in (x, y))
        flat = out.reshape(-1)
        threads.across(out.size, lambda i, j: step(left[i:j] if x.ndim else x, right[i:j] if y.ndim else y, flat[i:j]))
    else:
        step(x, y, out=out)
    return out


def _by_elements(kernel: Callable[..., object], vectors: Sequence[Words], *rest: int) -> Words:
    """What an elementwise kernel makes of vectors of one length."""
    given = [_flat(one) for one in vectors]
    out: Words = empty(given[0].shape)
    if threads.count() == 1:
        kernel(*given, *rest, out)
    else:
        threads.across(out.size, lambda i, j: kernel(*(one[i:j] for one in given), *rest, out[i:j]))
    return out


def scalar(value: int) -> Words:
    """A public integer as an operand of the functions here: it stands for itself in either ring."""
    return cast("Words", int(value))


def _broadcast_shape(x: Any, y: Any) -> Shape:
    return broadcast_shape(getattr(x, "shape", ()), getattr(y, "shape", ()))


def _operand(x: Words | int) -> Words:
    """A public integer as a 0-d array: a NumPy scalar would warn when it wraps."""
    return np.array(int(x) % MODULUS, np.uint64) if isinstance(x, int | np.integer) else x


@shaped(_broadcast_shape, wider=wide.add)
def add(x: Words | int, y: Words | int) -> Words:
    """x + y; a public integer stands for itself in either ring."""
    return _paired(np.add, _operand(x), _operand(y))


@shaped(_broadcast_shape, wider=wide.subtract)
def subtract(x: Words | int, y: Words | int) -> Words:
    """x - y; a public integer stands for itself in either ring."""
    return _paired(np.subtract, _operand(x), _operand(y))


@shaped(lambda x: x.shape, wider=wide.negative)
def negative(x: Words) -> Words:
    return np.asarray(np.negative(x)) if x.size < LARGE else np.asarray(np.negative(x, out=empty(x.shape)))


@shaped(_broadcast_shape, wider=wide.multiply)
def multiply(x: Words | int, y: Words | int) -> Words:
    """Product of shared or public words with public words or a public integer; bits multiply words of either ring."""
    return _paired(np.multiply, _operand(x), _operand(y))


@shaped(_broadcast_shape, bits=True)
def exclusive_or(x: Words, y: Words) -> Words:
    """Of packed bits."""
    return _paired(np.bitwise_xor, x, y)


# ------------------------------------------------------------------------------------------------------------- products


def matmul_shape(x: Shape, y: Shape) -> Shape:
    """Shape of `x @ y`; ValueError where NumPy has one."""
    if not x or not y:
        raise ValueError("matmul: operands need at least one dimension; multiply by a scalar with *")
    left, right = (x if len(x) > 1 else (1, *x)), (y if len(y) > 1 else (*y, 1))
    if left[-1] != right[-2]:
        raise ValueError(f"matmul: shapes {x} and {y} do not fit: {left[-1]} columns against {right[-2]} rows")
    batch = broadcast_shape(left[:-2], right[:-2])
    return (*batch, *((left[-2],) if len(x) > 1 else ()), *((right[-1],) if len(y) > 1 else ()))


@shaped(
    lambda x, y: matmul_shape(x.shape, y.shape),
    wider=lambda x, y: wide.matmul(x, y, matmul_shape(x.shape, y.shape)),
)
def matmul(x: Words, y: Words) -> Words:
    """`x @ y` in the ring with NumPy's rules for one, two and more dimensions; a transposed matrix is not copied."""
    out = empty(matmul_shape(x.shape, y.shape))
    out.fill(0)
    product.add(x, y, out)
    return out


@shaped(lambda c, x, y: c.shape, wider=lambda c, x, y: wide.add(c, wide.matmul(x, y, c.shape)))
def plus_matmul(c: Words, x: Words, y: Words) -> Words:
    """`c + x @ y`, for c of the product's shape."""
    out = empty(c.shape)
    np.copyto(out, c)
    product.add(x, y, out)
    return out


FEW_ONES = 8
"""A matrix of zeros and ones has few where the fullest row has at most one of so many."""


class Ones(NamedTuple):
    """A matrix of zeros and few ones, by the places of the ones in each row."""

    places: onehot.Places
    shape: Shape


def few_ones(x: NDArray[np.bool_]) -> Ones | None:
    """A matrix of booleans by the places of its ones; None of any other array, or where a row has many."""
    if x.ndim != 2 or int(np.count_nonzero(x, axis=1).max(initial=0)) * FEW_ONES > x.shape[1]:
        return None
    return Ones(onehot.places_of(x), x.shape)


def of_ones(places: onehot.Places, columns: int) -> Words:
    """The words of a matrix of zeros and ones, in Z_2^64."""
    out = empty((places.shape[0], columns))
    onehot.spread(places, out)
    return out


def plus_sums(c: Words, places: onehot.Places, w: Words, flipped: bool) -> Words:
    """`c + x @ w`, or of x transposed if `flipped`, for words of Z_2^64 and x of zeros and ones at `places`."""
    out = empty(c.shape)
    np.copyto(out, c)
    (onehot.scattered if flipped else onehot.gathered)(places, np.ascontiguousarray(w), out)
    return out


@shaped(lambda x: (x.shape[0], packed(x.shape[1])), bits=True)
def odd_rows(x: Words) -> Words:
    """The lowest bits of a matrix of either ring, those of each row packed 64 to a word."""
    out = empty((x.shape[0], packed(x.shape[1])))
    bitmatrix.pack(limbs(x)[0], out)
    return out


@shaped(lambda plane, x, y: plane.shape, bits=True)
def plus_odd(plane: Words, x: Words, y: Words) -> Words:
    """A plane, and over GF(2) the product of a matrix of bits packed by rows and the lowest bits of a matrix or vector.

    The bits of the product follow one another in the order of its elements.
    """
    columns = math.prod(y.shape[1:])
    right = odd_rows(y.reshape(y.shape[0], columns))
    out = empty(plane.shape)
    np.copyto(out, plane)
    threads.across(x.shape[0], lambda i, j: bitmatrix.multiply(x, right, columns, i, j, out))
    return out


def _plus_wide_multiple(x: Words, y: Words, factor: int) -> Words:
    return wide.add(x, y) if factor == 1 else wide.add(x, wide.multiply(y, factor))


@shaped(lambda x, y, factor: x.shape, wider=_plus_wide_multiple)
def plus_multiple(x: Words, y: Words, factor: int) -> Words:
    """x + factor y, for a public integer and arrays of one shape."""
    out = empty(x.shape)
    ring64.plus_multiple(_flat(x).reshape(-1), _flat(y).reshape(-1), factor % MODULUS, out.reshape(-1))
    return out


def _flat(x: Words) -> Words:
    """What the kernels take: a broadcast or transposed operand is copied here, no other."""
    return np.ascontiguousarray(x)


@shaped(lambda c, *rest: c.shape, wider=wide.beaver)
def beaver(c: Words, a: Words, b: Words, d: Words, e: Words, first: int) -> Words:
    """[c] + d [b] + [a] e + d e, elementwise on vectors; the public term at the first party alone."""
    return _by_elements(ring64.beaver, (c, a, b, d, e), first)


@shaped(lambda c, *rest: c.shape, wider=wide.square)
def square(c: Words, a: Words, d: Words, first: int) -> Words:
    """[c] + 2 d [a] + d d, elementwise on vectors."""
    return _by_elements(ring64.square, (c, a, d), first)


@shaped(lambda t, *rest: t.shape, wider=wide.select)
def select(t: Words, beta: Words, d: Words, a: Words, product: Words, first: int) -> Words:
    """Share of b v for b = t + (1 - 2t) beta, v = d + a, from [beta], [a] and [beta a], on vectors."""
    return _by_elements(ring64.select, (t, beta, d, a, product), first)


# ---------------------------------------------------------------------------------------------------------- fixed point


def encode(values: NDArray[Any], fraction: int, width: int = 64) -> Words:
    """Nearest integers of `values` * 2^fraction as ring words.

    Raises
    ------
    InputError
        A value is NaN, infinite or not below 2^(width - 2 - fraction) in magnitude; names its place, not the value.
    """
    flat = np.ascontiguousarray(values, dtype=np.float64).reshape(-1)
    if width == 128:
        out, refused = wide.encode(flat, fraction)
    else:
        out = empty(flat.shape)
        refused = fixed.encode(flat, fraction, out)
    if refused >= 0:
        place = tuple(int(i) for i in np.unravel_index(refused, np.shape(values)))
        raise InputError(
            f"the value at {place} is not representable: fraction {fraction} holds finite numbers below "
            f"2^{width - 2 - fraction} in magnitude; scale it or choose a smaller fraction"
        )
    return out.reshape(np.shape(values))


def decode(x: Words, fraction: int) -> NDArray[np.float64]:
    """Signed words / 2^fraction as float64."""
    if wide.is_wide(x):
        return wide.decode(x, fraction)
    flat = np.ascontiguousarray(x).reshape(-1)
    out = np.empty(flat.shape, np.float64)
    fixed.decode(flat, fraction, out)
    return out.reshape(np.shape(x))


@shaped(lambda x, multiplier, shift: x.shape, wider=wide.scale_floor)
def scale_floor(x: Words, multiplier: int, shift: int) -> Words:
    """floor((x mod 2^63) multiplier / 2^shift) mod 2^64, exact, on vectors; 2^127 and 2^128 in the wide ring."""
    return _by_elements(fixed.scale_floor, (x,), multiplier, shift)


@shaped(lambda c, *rest: c.shape, wider=wide.truncate)
def truncate(c: Words, rho: Words, mu: Words, multiplier: int, shift: int, first: int) -> Words:
    """One party's share of x multiplier / 2^shift, see `mpcfl.protocols.truncation`, on vectors."""
    return _by_elements(fixed.truncate, (c, rho, mu), multiplier, shift, first)


# ----------------------------------------------------------------------------------------------------------------- bits


def packed(n: int) -> int:
    """Words that n bits take, 64 to a word."""
    return -(-n // 64)


@shaped(lambda x: (packed(x.shape[0]),), bits=True)
def pack(x: Words) -> Words:
    """Pack a vector of zeros and ones, 64 to a word."""
    out = empty((packed(x.shape[0]),))
    bits.pack(np.ascontiguousarray(x), out)
    return out


@shaped(lambda x: (packed(x.shape[0]),), bits=True)
def odd_bits(x: Words) -> Words:
    """The lowest bits of a vector of either ring, packed."""
    return pack(limbs(x)[0])


def limbs(x: Words, size: int = 64) -> list[NDArray[np.uint64]]:
    """The uint64 words of which the elements are made, low ones first: one contiguous array, or two.

    Two may be of fewer bits: x is below 2^(2 size) then.
    """
    if not wide.is_wide(x):
        return [np.ascontiguousarray(x)]
    low, high = wide.apart(x)
    if size == 64:
        return [low, high]
    below, above = np.uint64(size), np.uint64(64 - size)
    return [low & (np.uint64(1) << below) - np.uint64(1), low >> below | high << above]


@shaped(lambda x: (packed(x.shape[0]),), bits=True)
def top_bits(x: Words) -> Words:
    """The most significant bits of a vector, packed."""
    return pack(_top(x))


def top_words(x: Words) -> Words:
    """The most significant bits as ring words."""
    top = _top(x)
    return words(top, 128) if wide.is_wide(x) else top


def _top(x: Words) -> Words:
    return _paired(np.right_shift, limbs(x)[-1], TOP)


@shaped(lambda x: x.shape, wider=wide.without_top)
def without_top(x: Words) -> Words:
    """x less its most significant bit."""
    return _paired(np.bitwise_and, x, LOW_63)


@shaped(lambda x, places: x.shape, wider=wide.right)
def right(x: Words, places: int) -> Words:
    """x / 2^places rounded down, x as an unsigned number."""
    return _paired(np.right_shift, x, np.array(places, np.uint64))


@shaped(lambda x, low: x.shape, wider=wide.cleared)
def cleared(x: Words, low: int) -> Words:
    """x with zeros for its lowest bits."""
    return _paired(np.bitwise_and, x, np.array(MODULUS - 1 >> low << low, np.uint64))


@shaped(lambda x, size: (packed(x.shape[0]),), bits=True)
def beyond(x: Words, size: int) -> Words:
    """Which elements of a vector are not in [-2^size, 2^size), as signed numbers; packed."""
    above = functools.reduce(np.bitwise_or, limbs(right(add(x, 1 << size), size + 1)))
    return pack((above != 0).astype(np.uint64))


@shaped(lambda t, beta, first: beta.shape)
def flipped(t: Words, beta: Words, first: int) -> Words:
    """Share of t + (1 - 2t) beta for public bits t, on vectors: [beta] where t is 0, [1 - beta] where it is 1."""
    if wide.is_wide(beta):
        return add(beta, multiply(t, subtract(first, multiply(beta, 2))))
    return _by_elements(ring64.flip, (t, beta), first)


@shaped(lambda plane, n: (n,))
def unpack(plane: Words, n: int) -> Words:
    """The vector of n zeros and ones of a packed plane."""
    out = empty((n,))
    bits.unpack(np.ascontiguousarray(plane), out)
    return out
