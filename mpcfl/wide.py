"""Arrays of the ring Z_2^128: ndarrays whose elements are two uint64 limbs.

Their dtype is structured, so NumPy moves them about (indexing, transposes, concatenation) and refuses to calculate with
them: what calculates is here, by kernels. `mpcfl.ring` chooses by the dtype; nothing else needs to know.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.kernels import fixed128, ring128

Wide: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]

DTYPE = np.dtype([("low", "<u8"), ("high", "<u8")])
_STRUCTURED = DTYPE.char
MODULUS = 1 << 128
LOW_WORD = (1 << 64) - 1


def is_wide(x: object) -> bool:
    """Whether x is an array of Z_2^128."""
    return isinstance(x, np.ndarray) and x.dtype.char == _STRUCTURED and x.dtype == DTYPE


def pairs(x: Wide) -> NDArray[np.uint64]:
    """The limbs as a last axis, as kernels take them; a view where x is contiguous."""
    return limbs(x).reshape(*x.shape, 2)


def limbs(x: Wide) -> NDArray[np.uint64]:
    """The limbs of all elements in order, uint64[n, 2]; a view where x is contiguous."""
    flat: NDArray[np.uint64] = np.ascontiguousarray(x).reshape(-1).view(np.uint64).reshape(-1, 2)
    return flat


def apart(x: Wide) -> list[NDArray[np.uint64]]:
    """All low limbs, and all high ones."""
    return [np.ascontiguousarray(x[part]) for part in ("low", "high")]


def scalar(value: int) -> Wide:
    """A public integer as an array without dimensions."""
    value %= MODULUS
    return np.array((value & LOW_WORD, value >> 64), DTYPE)


def words(value: Any) -> Wide:
    """Elements of an array of integers, negative ones as two's complement."""
    array = np.asarray(value)
    out = np.empty(array.shape, DTYPE)
    if array.dtype == object:
        flat = [int(v) % MODULUS for v in array.reshape(-1)]
        out["low"] = np.array([v & LOW_WORD for v in flat], np.uint64).reshape(array.shape)
        out["high"] = np.array([v >> 64 for v in flat], np.uint64).reshape(array.shape)
        return out
    out["low"] = array.astype(np.uint64)
    out["high"] = np.where(array < 0, np.uint64(LOW_WORD), np.uint64(0)) if array.dtype.kind == "i" else 0
    return out


def integers(x: Wide) -> list[int]:
    """The elements in order as signed integers."""
    flat = limbs(x)
    return [int(a) | int(b) << 64 for a, b in zip(flat[:, 0], flat[:, 1].view(np.int64), strict=True)]


def int64(x: Wide) -> NDArray[np.int64]:
    """The elements modulo 2^64 as signed integers."""
    return np.asarray(x["low"]).astype(np.int64)


def _operand(x: Any) -> Wide:
    if isinstance(x, int | np.integer):
        return scalar(int(x))
    if not is_wide(x):
        raise TypeError(f"an array of {getattr(x, 'dtype', type(x).__name__)} does not add to elements of Z_2^128")
    return np.asarray(x)


def _spread(x: Wide, shape: Shape) -> NDArray[np.uint64]:
    """Limbs of x broadcast to a shape; those of a single element once."""
    return limbs(x if x.size == 1 else np.broadcast_to(x, shape))


def _elementwise(kernel: Any, x: Any, y: Any) -> Wide:
    x, y = _operand(x), _operand(y)
    shape = np.broadcast_shapes(x.shape, y.shape)
    out = np.empty(shape, DTYPE)
    flat = out.reshape(-1).view(np.uint64).reshape(-1, 2)
    if kernel is ring128.subtract:
        kernel(_spread(x, shape), _spread(y, shape), flat)
    else:  # of a commutative one, the single element stands on the right
        left, right = (y, x) if x.size == 1 else (x, y)
        kernel(limbs(np.broadcast_to(left, shape)), _spread(right, shape), flat)
    return out


def add(x: Any, y: Any) -> Wide:
    return _elementwise(ring128.add, x, y)


def subtract(x: Any, y: Any) -> Wide:
    return _elementwise(ring128.subtract, x, y)


def negative(x: Wide) -> Wide:
    return _elementwise(ring128.subtract, 0, x)


def multiply(x: Any, y: Any) -> Wide:
    """x y; either may be a uint64 array of bits."""
    return _elementwise(ring128.multiply, _lifted(x), _lifted(y))


def _lifted(x: Any) -> Any:
    """Bits as elements."""
    if isinstance(x, np.ndarray) and x.dtype == np.uint64 and x.ndim and int(x.max(initial=0)) <= 1:
        return words(x)
    return x


def without_top(x: Wide) -> Wide:
    """x less its most significant bit."""
    out = np.array(x)
    out["high"] &= np.uint64((1 << 63) - 1)
    return out


def cleared(x: Wide, low: int) -> Wide:
    """x with zeros for its lowest bits."""
    out = np.array(x)
    for part, bits in (("low", min(low, 64)), ("high", max(low - 64, 0))):
        out[part] &= np.uint64(LOW_WORD >> bits << bits)
    return out


def right(x: Wide, places: int) -> Wide:
    """x / 2^places rounded down, x as an unsigned number."""
    out = np.empty(x.shape, DTYPE)
    over = np.uint64(max(places - 64, 0))
    inside = np.uint64(min(places, 63))
    if places >= 64:
        out["low"], out["high"] = x["high"] >> over, 0
    else:  # in two steps, because a shift by 64 is undefined
        out["low"] = x["low"] >> inside | x["high"] << np.uint64(1) << np.uint64(63) - inside
        out["high"] = x["high"] >> inside
    return out


def total(x: Wide, axis: int) -> Wide:
    """Sum over one axis."""
    rows = np.moveaxis(x, axis, 0)
    out = np.empty(rows.shape[1:], DTYPE)
    flat = np.ascontiguousarray(rows).view(np.uint64).reshape(rows.shape[0], out.size, 2)
    ring128.total(flat, out.reshape(-1).view(np.uint64).reshape(-1, 2))
    return out


def running_total(x: Wide, axis: int) -> Wide:
    """Sums of the first 1, 2, ... elements along one axis."""
    rows = np.moveaxis(x, axis, 0)
    out = np.array(rows, order="C")
    ring128.accumulate(out.reshape(-1).view(np.uint64).reshape(rows.shape[0], math.prod(rows.shape[1:]), 2))
    return np.moveaxis(out, 0, axis)


def matmul(x: Wide, y: Wide, shape: Shape) -> Wide:
    """`x @ y`, whose shape is `shape`."""
    left = x[None, :] if x.ndim == 1 else x
    right = y[:, None] if y.ndim == 1 else y
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    left, right = np.broadcast_to(left, (*batch, *left.shape[-2:])), np.broadcast_to(right, (*batch, *right.shape[-2:]))
    rows, columns = left.shape[-2], right.shape[-1]
    out = np.empty((*batch, rows, columns), DTYPE)
    for index in np.ndindex(*batch):
        a, b = pairs(left[index]), right[index]
        target = out[index].reshape(-1).view(np.uint64)
        if columns == 1:
            ring128.matvec(a, limbs(b), target.reshape(rows, 2))
        else:
            ring128.matmul(a, pairs(b), target.reshape(rows, columns, 2))
    return out.reshape(shape)


def _filled(kernel: Any, shape: Shape, *arguments: Any) -> Wide:
    """What a kernel puts into a new array; arrays among its arguments are given as limbs."""
    out = np.empty(shape, DTYPE)
    given = [limbs(x) if is_wide(x) else x for x in arguments]
    kernel(*given, out.reshape(-1).view(np.uint64).reshape(-1, 2))
    return out


def beaver(c: Wide, a: Wide, b: Wide, d: Wide, e: Wide, first: int) -> Wide:
    return _filled(ring128.beaver, c.shape, c, a, b, d, e, first)


def square(c: Wide, a: Wide, d: Wide, first: int) -> Wide:
    return _filled(ring128.beaver, c.shape, c, a, a, d, d, first)


def select(t: NDArray[np.uint64], beta: Wide, d: Wide, a: Wide, product: Wide, first: int) -> Wide:
    return _filled(ring128.select, t.shape, np.ascontiguousarray(t), beta, d, a, product, first)


def encode(values: NDArray[np.float64], fraction: int) -> tuple[Wide, int]:
    """Elements of a vector of reals, and the place of the first that is refused or -1."""
    out = np.empty(values.shape, DTYPE)
    return out, fixed128.encode(values, fraction, out.view(np.uint64).reshape(-1, 2))


def decode(x: Wide, fraction: int) -> NDArray[np.float64]:
    out = np.empty(x.size, np.float64)
    fixed128.decode(limbs(x), fraction, out)
    return out.reshape(x.shape)


def _multiplier(value: int) -> NDArray[np.uint64]:
    return np.array([value & LOW_WORD, value >> 64], np.uint64)


def scale_floor(x: Wide, multiplier: int, shift: int) -> Wide:
    return _filled(fixed128.scale_floor, x.shape, x, _multiplier(multiplier), shift)


def truncate(c: Wide, rho: Wide, mu: Wide, multiplier: int, shift: int, first: int) -> Wide:
    return _filled(fixed128.truncate, c.shape, c, rho, mu, _multiplier(multiplier), shift, first)
