"""Trigonometric series at angles of 32 bits, in integers alone: all parties compute the same words on every CPU.

An angle is a fraction of a full turn in units of 2^-32. Sines and cosines are integers scaled by 2^30. The caller
brings four tables of 4096 entries, computed exactly: `coarse_*` at the multiples of 2^-12 turn, `fine_*` at those of
2^-24. The last 8 bits of an angle are a rotation so small that its sine is its length and its cosine 1, up to 2^-39.
Multiples follow from one another:

    sin((k + s) x) = sin(k x) cos(s x) + cos(k x) sin(s x),    s = 1, or 2 for the odd multiples alone,

each rounded once, to the nearest integer, ties up: a multiple is off by less than 3 (1 + its place in the series)
units of 2^-30. They stand in 32 bits, because a product of two such is one instruction. Every kernel raises ValueError
when shapes do not fit, because it does not check bounds; outputs must not overlap inputs.
"""

import numpy as np
from numba import int32, int64, njit, uint32, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
Angles = NDArray[np.uint32]
Integers = NDArray[np.int64]
Sines = NDArray[np.int32]

ENTRIES = 4096
LOW_12 = np.uint64(ENTRIES - 1)
TWENTY = np.uint64(20)
EIGHT = np.uint64(8)
HALF_WORD = np.uint64(32)
LOW_8 = np.int64(255)
ZERO = np.uint64(0)

SCALE_BITS = np.int64(30)
HALF_UNIT = np.int64(1 << 29)
UNIT_ANGLE = np.int64(411775)
"""2^-32 turn in radians, times 2^48, to the nearest integer."""
UNIT_BITS = np.int64(18)
HALF_ANGLE_UNIT = np.int64(1 << 17)

ROTATION_BITS = np.int64(32)
HALF_SCALE = np.int64(1 << 31)

BLOCK = 512
"""Angles that are worked on together, so that their rows stay in the first-level cache (2 KiB each)."""


@njit(int64(int64), cache=True, nogil=True)
def _rescaled(product: np.int64) -> np.int64:
    """A product of two numbers scaled by 2^30, at that scale again."""
    return (product + HALF_UNIT) >> SCALE_BITS


@njit(
    void(
        reads(uint32, 1),
        uint32,
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        writes(int32, 1),
        writes(int32, 1),
    ),
    cache=True,
    nogil=True,
)
def turned(
    angle: Angles,
    multiple: int,
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    sin_out: Sines,
    cos_out: Sines,
) -> None:
    """Sines and cosines of one multiple of each angle.

    Parameters
    ----------
    angle : uint32[n]
    multiple : int
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
    sin_out, cos_out : int32[n]
    """
    if sin_out.size != angle.size or cos_out.size != angle.size:
        raise ValueError("turned: outputs must have the shape of angle")
    if not coarse_sin.size == coarse_cos.size == fine_sin.size == fine_cos.size == ENTRIES:
        raise ValueError("turned: tables must have 4096 entries")
    for i in range(angle.size):
        whole = np.uint64(np.uint32(angle[i] * multiple))
        high, low = whole >> TWENTY & LOW_12, whole >> EIGHT & LOW_12
        sine = _rescaled(coarse_sin[high] * fine_cos[low] + coarse_cos[high] * fine_sin[low])
        cosine = _rescaled(coarse_cos[high] * fine_cos[low] - coarse_sin[high] * fine_sin[low])
        rest = ((np.int64(whole) & LOW_8) * UNIT_ANGLE + HALF_ANGLE_UNIT) >> UNIT_BITS
        sin_out[i] = np.int32(sine + _rescaled(cosine * rest))
        cos_out[i] = np.int32(cosine - _rescaled(sine * rest))


@njit(
    void(reads(int32, 1), reads(int32, 1), writes(int32, 1), writes(int32, 1)),
    cache=True,
    nogil=True,
)
def _advance(step_sin: Sines, step_cos: Sines, sin: Sines, cos: Sines) -> None:
    """Rotate (sin, cos) by the step, in place."""
    for i in range(sin.size):
        x, y = np.int64(sin[i]), np.int64(cos[i])
        step_x, step_y = np.int64(step_sin[i]), np.int64(step_cos[i])
        sin[i] = np.int32(_rescaled(x * step_y + y * step_x))
        cos[i] = np.int32(_rescaled(y * step_y - x * step_x))


@njit(
    void(
        reads(uint32, 1),
        uint32,
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        writes(int32, 2),
    ),
    cache=True,
    nogil=True,
)
def _start(
    angle: Angles,
    step: int,
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    rows: Sines,
) -> None:
    """Rows: sines and cosines of the angles, and of the step."""
    turned(angle, 1, coarse_sin, coarse_cos, fine_sin, fine_cos, rows[0], rows[1])
    if step == 1:
        rows[2:] = rows[:2]
    else:
        turned(angle, step, coarse_sin, coarse_cos, fine_sin, fine_cos, rows[2], rows[3])


@njit(
    void(
        reads(uint64, 1),
        uint32,
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        writes(uint64, 2),
        writes(uint64, 2),
    ),
    cache=True,
    nogil=True,
)
def rotated(
    mask: Words,
    step: int,
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    a: Integers,
    b: Integers,
    u: Words,
    v: Words,
) -> None:
    """The coefficients of a series that is shifted by angles r = -mask, for the multiples m = 1, 1 + step, ...

    u[k] = (a[k] cos m r + b[k] sin m r) / 2^32 and v[k] = (b[k] cos m r - a[k] sin m r) / 2^32, with the sines scaled
    by 2^30 and the quotient rounded to the nearest integer, ties up.

    Parameters
    ----------
    mask : uint64[n]
        Fractions of a turn in units of 2^-64; of their negatives the upper 32 bits are used.
    step : int
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
    a, b : int64[K]
        Coefficients of sines and cosines, below 2^32 in magnitude, both squared and added below 2^64.
    u, v : uint64[K, n]
    """
    n = mask.size
    if u.shape != v.shape or u.shape[1] != n or a.size != u.shape[0] or b.size != u.shape[0]:
        raise ValueError("rotated: shapes must be (K,) for a and b, (K, n) for u and v")
    rows, angles = np.empty((4, BLOCK), np.int32), np.empty(BLOCK, np.uint32)
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        if size < BLOCK:
            rows, angles = np.empty((4, size), np.int32), np.empty(size, np.uint32)
        for i in range(size):
            angles[i] = np.uint32((ZERO - mask[start + i]) >> HALF_WORD)
        _start(angles, step, coarse_sin, coarse_cos, fine_sin, fine_cos, rows)
        sin, cos = rows[0], rows[1]
        for k in range(a.size):
            u_k, v_k = u[k, start : start + size], v[k, start : start + size]
            for i in range(size):
                x, y = np.int64(sin[i]), np.int64(cos[i])
                u_k[i] = np.uint64((a[k] * y + b[k] * x + HALF_SCALE) >> ROTATION_BITS)
                v_k[i] = np.uint64((b[k] * y - a[k] * x + HALF_SCALE) >> ROTATION_BITS)
            if k + 1 < a.size:
                _advance(rows[2], rows[3], sin, cos)


@njit(
    void(
        reads(uint64, 1),
        uint32,
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 1),
        uint64,
        uint64,
        writes(uint64, 1),
    ),
    cache=True,
    nogil=True,
)
def evaluate(
    d: Words,
    step: int,
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    u: Words,
    v: Words,
    base: Words,
    factor: int,
    constant: int,
    out: Words,
) -> None:
    """This party's share of a series: constant + factor base + sum of sin(m d) u[k] + cos(m d) v[k], m = 1 + k step.

    The sum is taken in Z_2^64 with the sines and cosines as two's complement, so it is scaled by 2^30.

    Parameters
    ----------
    d : uint64[n]
        Public, the same at all parties: fractions of a turn in units of 2^-64, of which the upper 32 bits are used.
    step : int
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
    u, v : uint64[K, n]
        This party's shares of the coefficients.
    base : uint64[n]
    factor, constant : int
    out : uint64[n]
    """
    n = d.size
    if u.shape != v.shape or u.shape[1] != n or base.size != n or out.size != n:
        raise ValueError("evaluate: shapes must be (K, n) for u and v, (n,) for d, base and out")
    rows, angles = np.empty((4, BLOCK), np.int32), np.empty(BLOCK, np.uint32)
    for start in range(0, n, BLOCK):
        size = min(BLOCK, n - start)
        if size < BLOCK:
            rows, angles = np.empty((4, size), np.int32), np.empty(size, np.uint32)
        total = out[start : start + size]
        for i in range(size):
            angles[i] = np.uint32(d[start + i] >> HALF_WORD)
            total[i] = factor * base[start + i] + constant
        _start(angles, step, coarse_sin, coarse_cos, fine_sin, fine_cos, rows)
        sin, cos = rows[0], rows[1]
        for k in range(u.shape[0]):
            u_k, v_k = u[k, start : start + size], v[k, start : start + size]
            for i in range(size):
                x, y = np.uint64(np.int64(sin[i])), np.uint64(np.int64(cos[i]))
                total[i] += x * u_k[i] + y * v_k[i]
            if k + 1 < u.shape[0]:
                _advance(rows[2], rows[3], sin, cos)
