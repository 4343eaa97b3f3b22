"""Trigonometric series at angles of 32 bits, in integers alone: all parties compute the same words on every CPU.

An angle is a fraction of a full turn in units of 2^-32. Sines and cosines are integers scaled by 2^30. The caller
brings the four tables of `fourier`: at the multiples of 2^-12 and of 2^-24 turn. The last 8 bits of an angle are a
rotation so small that its sine is its length and its cosine 1, up to 2^-39. Multiples follow from one another:

    sin((k + s) x) = sin(k x) cos(s x) + cos(k x) sin(s x),    s = 1, or 2 for the odd multiples alone,

each rounded once, to the nearest integer, ties up: a multiple is off by less than 3 (1 + its place in the series)
units of 2^-30. Every kernel raises ValueError when shapes do not fit, because it does not check bounds; outputs must
not overlap inputs.
"""

import numpy as np
from numba import int64, njit, uint32, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
Angles = NDArray[np.uint32]
Integers = NDArray[np.int64]

ENTRIES = 4096
LOW_12 = np.uint64(ENTRIES - 1)
TWENTY = np.uint64(20)
EIGHT = np.uint64(8)
LOW_8 = np.int64(255)
ZERO = np.uint64(0)

SCALE_BITS = np.int64(30)
HALF_UNIT = np.int64(1 << 29)
UNIT_ANGLE = np.int64(411775)
"""2^-32 turn in radians, times 2^48, to the nearest integer."""
UNIT_BITS = np.int64(18)
HALF_ANGLE_UNIT = np.int64(1 << 17)

BLOCK = 512
"""Angles that are worked on together, so that their rows stay in the first-level cache (4 KiB each)."""


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
        writes(int64, 1),
        writes(int64, 1),
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
    sin_out: Integers,
    cos_out: Integers,
) -> None:
    """Sines and cosines of one multiple of each angle.

    Parameters
    ----------
    angle : uint32[n]
    multiple : int
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
    sin_out, cos_out : int64[n]
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
        sin_out[i] = sine + _rescaled(cosine * rest)
        cos_out[i] = cosine - _rescaled(sine * rest)


@njit(
    void(reads(int64, 1), reads(int64, 1), writes(int64, 1), writes(int64, 1)),
    cache=True,
    nogil=True,
)
def _advance(step_sin: Integers, step_cos: Integers, sin: Integers, cos: Integers) -> None:
    """Rotate (sin, cos) by the step, in place."""
    for i in range(sin.size):
        x, y = sin[i], cos[i]
        sin[i] = _rescaled(x * step_cos[i] + y * step_sin[i])
        cos[i] = _rescaled(y * step_cos[i] - x * step_sin[i])


@njit(
    void(
        reads(uint32, 1),
        uint32,
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        writes(int64, 2),
        writes(int64, 2),
    ),
    cache=True,
    nogil=True,
)
def harmonics(
    angle: Angles,
    step: int,
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    sin_out: Integers,
    cos_out: Integers,
) -> None:
    """Sines and cosines of the multiples 1, 1 + step, 1 + 2 step, ... of each angle, scaled by 2^30.

    Parameters
    ----------
    angle : uint32[n]
    step : int
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
    sin_out, cos_out : int64[K, n]
    """
    n = angle.size
    if sin_out.shape != cos_out.shape or sin_out.shape[1] != n:
        raise ValueError("harmonics: outputs must have shape (K, n)")
    if sin_out.shape[0] == 0:
        return
    step_sin, step_cos = np.empty(n, np.int64), np.empty(n, np.int64)
    turned(angle, step, coarse_sin, coarse_cos, fine_sin, fine_cos, step_sin, step_cos)
    turned(angle, 1, coarse_sin, coarse_cos, fine_sin, fine_cos, sin_out[0], cos_out[0])
    for k in range(1, sin_out.shape[0]):
        sin_out[k], cos_out[k] = sin_out[k - 1], cos_out[k - 1]
        _advance(step_sin, step_cos, sin_out[k], cos_out[k])


@njit(
    void(
        reads(uint32, 1),
        uint32,
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(uint64, 2),
        reads(uint64, 2),
        writes(uint64, 1),
    ),
    cache=True,
    nogil=True,
)
def evaluate(
    angle: Angles,
    step: int,
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    u: Words,
    v: Words,
    out: Words,
) -> None:
    """This party's share of a series: out = sum of sin(m angle) u[k] + cos(m angle) v[k] for m = 1 + k step.

    The sum is taken in Z_2^64 with the sines and cosines of `harmonics` as two's complement, so it is scaled by 2^30.

    Parameters
    ----------
    angle : uint32[n]
        Public, the same at all parties.
    step : int
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
    u, v : uint64[K, n]
        This party's shares of the coefficients.
    out : uint64[n]
    """
    n = angle.size
    if u.shape != v.shape or u.shape[1] != n or out.size != n:
        raise ValueError("evaluate: shapes must be (K, n) for u and v, (n,) for angle and out")
    out[:] = ZERO
    rows = np.empty((4, BLOCK), np.int64)
    for start in range(0, n, BLOCK):
        part, total = angle[start : start + BLOCK], out[start : start + BLOCK]
        sin, cos = rows[0, : part.size], rows[1, : part.size]
        step_sin, step_cos = rows[2, : part.size], rows[3, : part.size]
        turned(part, step, coarse_sin, coarse_cos, fine_sin, fine_cos, step_sin, step_cos)
        turned(part, 1, coarse_sin, coarse_cos, fine_sin, fine_cos, sin, cos)
        for k in range(u.shape[0]):
            u_k, v_k = u[k, start : start + BLOCK], v[k, start : start + BLOCK]
            for i in range(part.size):
                total[i] += np.uint64(sin[i]) * u_k[i] + np.uint64(cos[i]) * v_k[i]
            _advance(step_sin, step_cos, sin, cos)
