"""Fixed point in Z_2^128: encoding, decoding, and the arithmetic of truncation; see `fixed` for Z_2^64.

A real v stands as the two's complement of the integer nearest to v 2^fraction, with |v| < 2^(126 - fraction). Elements
are two limbs along the last axis, the low one first. Vectors of one call have one length, and every kernel raises
ValueError otherwise, because it does not check bounds. `out` may be one of the inputs.
"""

import numpy as np
from numba import float64, int64, njit, types, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Limbs = NDArray[np.uint64]
Floats = NDArray[np.float64]
Pair = tuple[np.uint64, np.uint64]

ZERO = np.uint64(0)
ONE = np.uint64(1)
HALF_WORD = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
LOW_63 = np.uint64((1 << 63) - 1)
SIXTY_FOUR = np.uint64(64)
TOP = np.uint64(63)
BOUND = 2.0**126
WORD = 2.0**64

_two = types.UniTuple(uint64, 2)


@njit(_two(uint64, uint64, uint64, uint64), cache=True, nogil=True)
def _difference(x0: np.uint64, x1: np.uint64, y0: np.uint64, y1: np.uint64) -> Pair:
    return x0 - y0, x1 - y1 - np.uint64(x0 < y0)


@njit(_two(uint64, uint64), cache=True, nogil=True)
def _word_product(x: np.uint64, y: np.uint64) -> Pair:
    """The 128-bit product of two words."""
    x0, x1 = x & LOW_HALF, x >> HALF_WORD
    y0, y1 = y & LOW_HALF, y >> HALF_WORD
    middle = x1 * y0 + (x0 * y0 >> HALF_WORD)
    low_middle = x0 * y1 + (middle & LOW_HALF)
    return x * y, x1 * y1 + (middle >> HALF_WORD) + (low_middle >> HALF_WORD)


@njit(_two(uint64, uint64, uint64), cache=True, nogil=True)
def _right(x0: np.uint64, x1: np.uint64, places: np.uint64) -> Pair:
    """x / 2^places rounded down, x unsigned, places from 0 to 127."""
    if places >= SIXTY_FOUR:
        return x1 >> (places - SIXTY_FOUR), ZERO
    # In two steps, because a shift by 64 is undefined.
    return (x0 >> places) | (x1 << ONE << (TOP - places)), x1 >> places


@njit(_two(uint64, uint64, uint64), cache=True, nogil=True)
def _left(x0: np.uint64, x1: np.uint64, places: np.uint64) -> Pair:
    """x 2^places, places from 0 to 127."""
    if places >= SIXTY_FOUR:
        return ZERO, x0 << (places - SIXTY_FOUR)
    return x0 << places, (x1 << places) | (x0 >> ONE >> (TOP - places))


@njit(_two(uint64, uint64, uint64, uint64, uint64), cache=True, nogil=True)
def _scaled(x0: np.uint64, x1: np.uint64, m0: np.uint64, m1: np.uint64, places: np.uint64) -> Pair:
    """floor(x m / 2^places) mod 2^128 through the 256-bit product, for places from 0 to 127."""
    p0, c1 = _word_product(x0, m0)
    a1, a2 = _word_product(x0, m1)
    b1, b2 = _word_product(x1, m0)
    c2, p3 = _word_product(x1, m1)
    p1 = c1 + a1
    carry = np.uint64(p1 < a1)
    p1 += b1
    carry += np.uint64(p1 < b1)
    p2 = c2 + carry
    p3 += np.uint64(p2 < carry)
    p2 += a2
    p3 += np.uint64(p2 < a2)
    p2 += b2
    p3 += np.uint64(p2 < b2)
    low, high = _right(p0, p1, places)
    above = _left(p2, p3, np.uint64(127) - places)
    above = _left(above[0], above[1], ONE)
    return low | above[0], high | above[1]


@njit(int64(reads(float64, 1), int64, writes(uint64, 2)), cache=True, nogil=True)
def encode(values: Floats, fraction: int, out: Limbs) -> int:
    """Encode reals: out = the integer nearest to values 2^fraction, ties to even, as two's complement.

    Parameters
    ----------
    values : float64[n]
    fraction : int
        Fractional bits, 0 to 126.
    out : uint64[n, 2]
        Zero where a value is refused.

    Returns
    -------
    int
        Index of the first value that is refused (NaN, infinite, or |v| >= 2^(126 - fraction)), or -1.
    """
    n = out.shape[0]
    if values.size != n or out.shape[1] != 2:
        raise ValueError("encode: shapes must be (n,), (n, 2)")
    scale = 2.0**fraction
    refused = -1
    for i in range(n):
        scaled = values[i] * scale  # exact: a power of two, and an overflow to infinity is refused
        fits = abs(scaled) < BOUND  # false for NaN
        if not fits and refused < 0:
            refused = i
        size = np.rint(abs(scaled) if fits else 0.0)
        above = np.floor(size / WORD)  # exact, as is the rest
        low, high = np.uint64(size - above * WORD), np.uint64(above)
        if scaled < 0.0:
            low, high = _difference(ZERO, ZERO, low, high)
        out[i, 0], out[i, 1] = low, high
    return refused


@njit(void(reads(uint64, 2), int64, writes(float64, 1)), cache=True, nogil=True)
def decode(words: Limbs, fraction: int, out: Floats) -> None:
    """Decode as signed integers: out = words / 2^fraction, rounded once to float64; fraction from 0 to 126."""
    n = out.size
    if words.shape[0] != n or words.shape[1] != 2:
        raise ValueError("decode: shapes must be (n, 2), (n,)")
    step = 0.5**fraction
    for i in range(n):
        low, high = words[i, 0], words[i, 1]
        sign = step
        if high >> TOP:
            low, high = _difference(ZERO, ZERO, low, high)
            sign = -step
        unit = 1.0
        while high:  # the leading 64 bits, and whether anything follows: that is enough to round once
            low = (low >> ONE) | (low & ONE) | (high << TOP)
            high >>= ONE
            unit *= 2.0
        out[i] = np.float64(low) * unit * sign


@njit(void(reads(uint64, 2), reads(uint64, 1), int64, writes(uint64, 2)), cache=True, nogil=True)
def scale_floor(x: Limbs, multiplier: Limbs, shift: int, out: Limbs) -> None:
    """Scale by a public factor: out = floor((x mod 2^127) multiplier / 2^shift) mod 2^128.

    Parameters
    ----------
    x : uint64[n, 2]
    multiplier : uint64[2]
        Below 2^127.
    shift : int
        0 <= shift <= 127.
    out : uint64[n, 2]
    """
    n = out.shape[0]
    if x.shape[0] != n or x.shape[1] != 2 or out.shape[1] != 2 or multiplier.size != 2:
        raise ValueError("scale_floor: shapes must be (n, 2), (2,), (n, 2)")
    m0, m1, places = multiplier[0], multiplier[1], np.uint64(shift)
    if m0 == ONE and m1 == ZERO:
        for i in range(n):
            out[i, 0], out[i, 1] = _right(x[i, 0], x[i, 1] & LOW_63, places)
    else:
        for i in range(n):
            out[i, 0], out[i, 1] = _scaled(x[i, 0], x[i, 1] & LOW_63, m0, m1, places)


@njit(
    void(reads(uint64, 2), reads(uint64, 2), reads(uint64, 2), reads(uint64, 1), int64, uint64, writes(uint64, 2)),
    cache=True,
    nogil=True,
)
def truncate(c: Limbs, rho: Limbs, mu: Limbs, multiplier: Limbs, shift: int, first: int, out: Limbs) -> None:
    """One party's share of x multiplier / 2^shift, within one unit, for x in [-2^126, 2^126).

    As `fixed.truncate`, for c = x + 2^126 + r and q(z) = floor((z mod 2^127) multiplier / 2^shift):

        y = q(c) - [q(r)] + (msb(c) xor [msb(r)]) (2^127 multiplier / 2^shift) - 2^126 multiplier / 2^shift

    Parameters
    ----------
    c : uint64[n, 2]
        Opened, the same at all parties.
    rho, mu : uint64[n, 2]
        This party's additive shares of q(r) and of msb(r).
    multiplier : uint64[2]
        Below 2^127; the result must fit in 128 bits.
    shift : int
        0 <= shift <= 126.
    first : int
        1 at the party of rank 0, which adds what is public, and 0 at all others.
    out : uint64[n, 2]
    """
    n = out.shape[0]
    if not c.shape == rho.shape == mu.shape == out.shape or out.shape[1] != 2 or multiplier.size != 2:
        raise ValueError("truncate: all vectors must have one length")
    m0, m1, places = multiplier[0], multiplier[1], np.uint64(shift)
    offset0, offset1 = _left(m0, m1, np.uint64(126) - places)
    wrap0, wrap1 = _left(m0, m1, np.uint64(127) - places)
    for i in range(n):
        # (msb(c) xor mu) = msb(c) + (1 - 2 msb(c)) mu, times the wrap
        p0, p1 = _word_product(mu[i, 0], wrap0)
        p1 += mu[i, 0] * wrap1 + mu[i, 1] * wrap0
        if c[i, 1] >> TOP:
            p0, p1 = _difference(wrap0 if first else ZERO, wrap1 if first else ZERO, p0, p1)
        if first:
            q0, q1 = _scaled(c[i, 0], c[i, 1] & LOW_63, m0, m1, places)
            q0, q1 = _difference(q0, q1, offset0, offset1)
            p1 += q1 + np.uint64(p0 + q0 < q0)
            p0 += q0
        out[i, 0], out[i, 1] = _difference(p0, p1, rho[i, 0], rho[i, 1])
