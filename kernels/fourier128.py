"""Trigonometric series in Z_2^128, to 60 bits, in integers alone; see `waves` for Z_2^64.

An angle is a word: 2^64 of them make a turn, so multiples wrap as they should. Its upper 24 bits are looked up in two
tables of 4096 sines and cosines, times 2^60; the rest, below 2^-24 of a turn, takes two terms of Taylor's series.
Elements of the ring are two limbs along the last axis, the low one first. Every kernel raises ValueError when shapes do
not fit, because it does not check bounds.

Of the multiples of an angle every eighth is looked up and the others are rotations of the one before, by one angle for
all: four products in place of ten, on tiles of angles that stay in the first cache.

Error       of sines and cosines below 2^-58, and below 2^-55 of the last of seven rotations.
"""

import numpy as np
from numba import int64, njit, types, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Limbs = NDArray[np.uint64]
Angles = NDArray[np.uint64]
Integers = NDArray[np.int64]

ENTRIES = 4096
TILE = 256
ROTATIONS = 8
"""Of so many multiples one is looked up."""
LOW_12 = np.uint64(ENTRIES - 1)
HIGH_SHIFT = np.uint64(52)
MIDDLE_SHIFT = np.uint64(40)
REST = np.uint64((1 << 40) - 1)
EIGHTH_TURN = np.uint64(7244019458077122842)
"""pi / 8 times 2^64: what a unit of the rest is in units of 2^-60."""
HALF_WORD = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
ZERO = np.uint64(0)
ONE = np.uint64(1)
TOP = np.uint64(63)
SIGN = np.int64(63)
SCALE = np.uint64(60)
ABOVE = np.uint64(4)
ROUND = np.uint64(59)

_two = types.UniTuple(uint64, 2)
_pair = types.UniTuple(int64, 2)


@njit(uint64(uint64, uint64), cache=True, nogil=True)
def _high(x: np.uint64, y: np.uint64) -> np.uint64:
    """The high word of the product of two words."""
    x0, x1 = x & LOW_HALF, x >> HALF_WORD
    y0, y1 = y & LOW_HALF, y >> HALF_WORD
    middle = x1 * y0 + (x0 * y0 >> HALF_WORD)
    low_middle = x0 * y1 + (middle & LOW_HALF)
    return x1 * y1 + (middle >> HALF_WORD) + (low_middle >> HALF_WORD)


@njit(uint64(uint64, uint64), cache=True, nogil=True)
def _signed_high(x: np.uint64, y: np.uint64) -> np.uint64:
    """The high word of the product of two words in two's complement."""
    return _high(x, y) - (x >> TOP) * y - (y >> TOP) * x


@njit(int64(int64, int64), cache=True, nogil=True)
def _times(a: np.int64, b: np.int64) -> np.int64:
    """a b / 2^60, to the nearest integer."""
    x, y = np.uint64(a), np.uint64(b)
    low = x * y
    return np.int64((_signed_high(x, y) << ABOVE | low >> SCALE) + (low >> ROUND & ONE))


@njit(_pair(uint64, reads(int64, 1), reads(int64, 1), reads(int64, 1), reads(int64, 1)), cache=True, nogil=True)
def _sine_and_cosine(
    angle: np.uint64, coarse_sin: Integers, coarse_cos: Integers, fine_sin: Integers, fine_cos: Integers
) -> tuple[np.int64, np.int64]:
    high, middle = angle >> HIGH_SHIFT, angle >> MIDDLE_SHIFT & LOW_12
    s = _times(coarse_sin[high], fine_cos[middle]) + _times(coarse_cos[high], fine_sin[middle])
    c = _times(coarse_cos[high], fine_cos[middle]) - _times(coarse_sin[high], fine_sin[middle])
    step = np.int64(_high((angle & REST), EIGHTH_TURN))
    square = _times(step, step) >> 1
    return s + _times(c, step) - _times(s, square), c - _times(s, step) - _times(c, square)


@njit(
    void(
        reads(uint64, 1),
        uint64,
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
def _look_up(
    angle: Angles,
    multiple: np.uint64,
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    sin: Integers,
    cos: Integers,
) -> None:
    """Sines and cosines of a multiple of each angle of a tile."""
    for i in range(angle.size):
        sin[i], cos[i] = _sine_and_cosine(angle[i] * multiple, coarse_sin, coarse_cos, fine_sin, fine_cos)


@njit(
    void(writes(int64, 1), writes(int64, 1), reads(int64, 1), reads(int64, 1), int64),
    cache=True,
    nogil=True,
)
def _rotate(sin: Integers, cos: Integers, by_sin: Integers, by_cos: Integers, size: int) -> None:
    """Each angle of a tile plus its own step."""
    for i in range(size):
        s, c = sin[i], cos[i]
        sin[i] = _times(s, by_cos[i]) + _times(c, by_sin[i])
        cos[i] = _times(c, by_cos[i]) - _times(s, by_sin[i])


@njit(
    void(
        reads(uint64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        int64,
        reads(uint64, 3),
        reads(uint64, 3),
        writes(uint64, 2),
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
    step: int,
    u: Limbs,
    v: Limbs,
    out: Limbs,
) -> None:
    """This party's share of a series with shared coefficients: out = sum over m of sin(m angle) u_m + cos(m angle) v_m.

    Parameters
    ----------
    angle : uint64[n]
        Public, the same at all parties.
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
        At i / 2^12 and i / 2^24 of a turn, times 2^60.
    step : int
        The multiples are m = 1, 1 + step, 1 + 2 step, ...
    u, v : uint64[K, n, 2]
        This party's shares of the coefficients, a row for each multiple.
    out : uint64[n, 2]
        Scaled by 2^60.
    """
    n = angle.size
    if u.shape != v.shape or u.shape[1] != n or u.shape[2] != 2 or out.shape[0] != n or out.shape[1] != 2:
        raise ValueError("evaluate: shapes must be (K, n, 2) for u and v, (n,) for angle and (n, 2) for out")
    if not coarse_sin.size == coarse_cos.size == fine_sin.size == fine_cos.size == ENTRIES:
        raise ValueError("evaluate: tables must have 4096 entries")
    out[:] = ZERO
    sin, cos = np.empty(TILE, np.int64), np.empty(TILE, np.int64)
    by_sin, by_cos = np.empty(TILE, np.int64), np.empty(TILE, np.int64)
    for start in range(0, n, TILE):
        tile = angle[start : start + TILE]
        _look_up(tile, np.uint64(step), coarse_sin, coarse_cos, fine_sin, fine_cos, by_sin, by_cos)
        for k in range(u.shape[0]):
            if k % ROTATIONS == 0:
                _look_up(tile, np.uint64(1 + k * step), coarse_sin, coarse_cos, fine_sin, fine_cos, sin, cos)
            else:
                _rotate(sin, cos, by_sin, by_cos, tile.size)
            for j in range(tile.size):
                i, x, y = start + j, np.uint64(sin[j]), np.uint64(cos[j])
                # a negative factor is its word less 2^64
                low = x * u[k, i, 0]
                high = _high(x, u[k, i, 0]) + x * u[k, i, 1] - (x >> TOP) * u[k, i, 0]
                other = y * v[k, i, 0]
                low += other
                high += _high(y, v[k, i, 0]) + y * v[k, i, 1] - (y >> TOP) * v[k, i, 0] + np.uint64(low < other)
                out[i, 0] += low
                out[i, 1] += high + np.uint64(out[i, 0] < low)


@njit(
    void(
        reads(uint64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        reads(int64, 1),
        int64,
        reads(int64, 1),
        reads(int64, 1),
        int64,
        writes(uint64, 3),
        writes(uint64, 3),
    ),
    cache=True,
    nogil=True,
)
def rotated(
    angle: Angles,
    coarse_sin: Integers,
    coarse_cos: Integers,
    fine_sin: Integers,
    fine_cos: Integers,
    step: int,
    a: Integers,
    b: Integers,
    dropped: int,
    u: Limbs,
    v: Limbs,
) -> None:
    """Coefficients of a series that is shifted by r: u_m = a_m cos m r + b_m sin m r, v_m = b_m cos m r - a_m sin m r.

    Parameters
    ----------
    angle : uint64[n]
        Of r.
    coarse_sin, coarse_cos, fine_sin, fine_cos : int64[4096]
    step : int
        As in `evaluate`.
    a, b : int64[K]
        Coefficients of sines and cosines, below 2^62 in magnitude.
    dropped : int
        How many bits of the result are rounded off.
    u, v : uint64[K, n, 2]
        At the scale of a and b but for those bits, to the nearest integer but one.
    """
    if u.shape != v.shape or a.size != u.shape[0] or b.size != a.size or angle.size != u.shape[1] or u.shape[2] != 2:
        raise ValueError("rotated: shapes must be (n,) for angle, (K,) for a and b, (K, n, 2) for u and v")
    if not coarse_sin.size == coarse_cos.size == fine_sin.size == fine_cos.size == ENTRIES:
        raise ValueError("rotated: tables must have 4096 entries")
    n, half = angle.size, np.int64(1) << dropped >> 1
    sin, cos = np.empty(TILE, np.int64), np.empty(TILE, np.int64)
    by_sin, by_cos = np.empty(TILE, np.int64), np.empty(TILE, np.int64)
    for start in range(0, n, TILE):
        tile = angle[start : start + TILE]
        _look_up(tile, np.uint64(step), coarse_sin, coarse_cos, fine_sin, fine_cos, by_sin, by_cos)
        for k in range(a.size):
            if k % ROTATIONS == 0:
                _look_up(tile, np.uint64(1 + k * step), coarse_sin, coarse_cos, fine_sin, fine_cos, sin, cos)
            else:
                _rotate(sin, cos, by_sin, by_cos, tile.size)
            for j in range(tile.size):
                x = (_times(a[k], cos[j]) + _times(b[k], sin[j]) + half) >> dropped
                y = (_times(b[k], cos[j]) - _times(a[k], sin[j]) + half) >> dropped
                u[k, start + j, 0], u[k, start + j, 1] = np.uint64(x), np.uint64(x >> SIGN)
                v[k, start + j, 0], v[k, start + j, 1] = np.uint64(y), np.uint64(y >> SIGN)
