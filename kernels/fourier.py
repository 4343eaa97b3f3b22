"""Trigonometric series at public angles, in integers alone, so that all parties compute the same words on every CPU.

An angle is a fraction of a full turn in units of 2^-24; its higher bits are ignored. Sines and cosines are integers
scaled by 2^30. The caller brings four tables of 4096 entries, computed exactly: `coarse_*` at the multiples of 1/4096
turn, `fine_*` at the multiples of 2^-24 turn below that. An angle is a coarse part h plus a fine part l, and

    sin(h + l) = sin h cos l + cos h sin l,    cos(h + l) = cos h cos l - sin h sin l,

each sum of two products rounded once, to the nearest integer, ties up. With tables rounded to the nearest integer the
result is off by less than 1.75 * 2^-30. Every kernel raises ValueError when shapes do not fit, because it does not
check bounds; outputs must not overlap inputs.
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
HALF_ANGLE = np.uint64(12)
ZERO = np.uint64(0)

SCALE_BITS = np.int64(30)
HALF_UNIT = np.int64(1 << 29)
ROTATION_BITS = np.int64(32)
HALF_SCALE = np.int64(1 << 31)

BLOCK = 512
"""Angles that are worked on together, so that their sums stay in the first-level cache over all harmonics (4 KiB)."""


@njit(int64(int64), cache=True, nogil=True)
def _rescaled(product: np.int64) -> np.int64:
    """A product of two numbers scaled by 2^30, at that scale again; the shift of a signed word rounds down."""
    return (product + HALF_UNIT) >> SCALE_BITS


@njit(
    void(
        reads(uint32, 1),
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
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    sin_out: Integers,
    cos_out: Integers,
) -> None:
    """Sines and cosines of the multiples 1 to K of each angle, scaled by 2^30.

    Parameters
    ----------
    angle : uint32[n]
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
    sin_out, cos_out : int64[K, n]
        Row k - 1 is for the multiple k.
    """
    n = angle.size
    if sin_out.shape != cos_out.shape or sin_out.shape[1] != n:
        raise ValueError("harmonics: outputs must have shape (K, n)")
    if not coarse_sin.size == coarse_cos.size == fine_sin.size == fine_cos.size == ENTRIES:
        raise ValueError("harmonics: tables must have 4096 entries")
    for k in range(sin_out.shape[0]):
        for i in range(n):
            turned = np.uint64(angle[i]) * np.uint64(k + 1)
            high, low = turned >> HALF_ANGLE & LOW_12, turned & LOW_12
            sin_out[k, i] = _rescaled(coarse_sin[high] * fine_cos[low] + coarse_cos[high] * fine_sin[low])
            cos_out[k, i] = _rescaled(coarse_cos[high] * fine_cos[low] - coarse_sin[high] * fine_sin[low])


@njit(
    void(
        reads(uint32, 1),
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
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    u: Words,
    v: Words,
    out: Words,
) -> None:
    """This party's share of a series with shared coefficients: out = sum over k of sin(k angle) u_k + cos(k angle) v_k.

    The sum is taken in Z_2^64 with the sines and cosines of `harmonics` as two's complement, so it is scaled by 2^30.

    Parameters
    ----------
    angle : uint32[n]
        Public, the same at all parties.
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
    u, v : uint64[K, n]
        This party's shares of the coefficients; row k - 1 is for the multiple k.
    out : uint64[n]
    """
    n = angle.size
    if u.shape != v.shape or u.shape[1] != n or out.size != n:
        raise ValueError("evaluate: shapes must be (K, n) for u and v, (n,) for angle and out")
    if not coarse_sin.size == coarse_cos.size == fine_sin.size == fine_cos.size == ENTRIES:
        raise ValueError("evaluate: tables must have 4096 entries")
    out[:] = ZERO
    for start in range(0, n, BLOCK):
        part, total = angle[start : start + BLOCK], out[start : start + BLOCK]
        for k in range(u.shape[0]):
            u_k, v_k = u[k, start : start + BLOCK], v[k, start : start + BLOCK]
            for i in range(part.size):
                turned = np.uint64(part[i]) * np.uint64(k + 1)
                high, low = turned >> HALF_ANGLE & LOW_12, turned & LOW_12
                sine = _rescaled(coarse_sin[high] * fine_cos[low] + coarse_cos[high] * fine_sin[low])
                cosine = _rescaled(coarse_cos[high] * fine_cos[low] - coarse_sin[high] * fine_sin[low])
                total[i] += np.uint64(sine) * u_k[i] + np.uint64(cosine) * v_k[i]


@njit(
    void(reads(int64, 1), reads(int64, 1), writes(int64, 2), writes(int64, 2)),
    cache=True,
    nogil=True,
)
def rotate(a: Integers, b: Integers, sin: Integers, cos: Integers) -> None:
    """In place, the coefficients of a series that is shifted by an angle with these sines and cosines.

    Row k - 1 of `cos` becomes a_k cos k r + b_k sin k r, row k - 1 of `sin` becomes b_k cos k r - a_k sin k r, each
    divided by 2^32 and rounded to the nearest integer, ties up.

    Parameters
    ----------
    a, b : int64[K]
        Coefficients of sines and cosines, below 2^32 in magnitude, both squared and added below 2^64.
    sin, cos : int64[K, n]
        As `harmonics` gives them for r.
    """
    if sin.shape != cos.shape or a.size != sin.shape[0] or b.size != sin.shape[0]:
        raise ValueError("rotate: shapes must be (K,) for a and b, (K, n) for sin and cos")
    for k in range(sin.shape[0]):
        for i in range(sin.shape[1]):
            x, y = sin[k, i], cos[k, i]
            cos[k, i] = (a[k] * y + b[k] * x + HALF_SCALE) >> ROTATION_BITS
            sin[k, i] = (b[k] * y - a[k] * x + HALF_SCALE) >> ROTATION_BITS
