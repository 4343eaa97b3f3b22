"""Fixed point in Z_2^64: encoding, decoding, and the arithmetic of truncation.

A real v stands as the two's complement of the integer nearest to v 2^fraction, with |v| < 2^(62 - fraction). Vectors of
one call have one length, and every kernel raises ValueError otherwise, because it does not check bounds. `out` may be
one of the inputs.
"""

import numpy as np
from numba import float64, int64, njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

ZERO = np.uint64(0)
ONE = np.uint64(1)
TWO = np.uint64(2)
HALF_WORD = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
LOW_63 = np.uint64((1 << 63) - 1)
BIT_62 = np.uint64(62)
BIT_63 = np.uint64(63)
BOUND = 2.0**62


@njit(int64(reads(float64, 1), int64, writes(uint64, 1)), cache=True, nogil=True)
def encode(values: Floats, fraction: int, out: Words) -> int:
    """Encode reals: out = the integer nearest to values 2^fraction, ties to even, as two's complement.

    Parameters
    ----------
    values : float64[n]
    fraction : int
        Fractional bits, 0 to 62.
    out : uint64[n]
        Zero where a value is refused.

    Returns
    -------
    int
        Index of the first value that is refused (NaN, infinite, or |v| >= 2^(62 - fraction)), or -1.
    """
    n = out.size
    if values.size != n:
        raise ValueError("encode: both vectors must have one length")
    scale = float64(ONE << np.uint64(fraction))
    refused = 0
    for i in range(n):
        scaled = values[i] * scale  # exact: a power of two, and an overflow to infinity is refused
        fits = abs(scaled) < BOUND  # false for NaN
        refused += not fits
        out[i] = np.uint64(np.int64(np.rint(scaled if fits else 0.0)))
    if refused > 0:
        for i in range(n):
            if not abs(values[i] * scale) < BOUND:
                return i
    return -1


@njit(void(reads(uint64, 1), int64, writes(float64, 1)), cache=True, nogil=True)
def decode(words: Words, fraction: int, out: Floats) -> None:
    """Decode words as signed integers: out = words / 2^fraction, rounded once to float64; fraction from 0 to 62."""
    n = out.size
    if words.size != n:
        raise ValueError("decode: both vectors must have one length")
    step = 1.0 / float64(ONE << np.uint64(fraction))
    for i in range(n):
        out[i] = np.float64(np.int64(words[i])) * step


@njit(uint64(uint64, uint64, uint64), cache=True, nogil=True)
def _scaled(x: np.uint64, multiplier: np.uint64, shift: np.uint64) -> np.uint64:
    """floor(x multiplier / 2^shift) mod 2^64, for x and multiplier below 2^63 and shift from 0 to 63."""
    x0, x1 = x & LOW_HALF, x >> HALF_WORD
    m0, m1 = multiplier & LOW_HALF, multiplier >> HALF_WORD
    middle = x1 * m0 + (x0 * m0 >> HALF_WORD)
    low_middle = x0 * m1 + (middle & LOW_HALF)
    high = x1 * m1 + (middle >> HALF_WORD) + (low_middle >> HALF_WORD)
    # In two steps, because a shift by 64 is undefined.
    return (high << ONE << (BIT_63 - shift)) | (x * multiplier >> shift)


@njit(void(reads(uint64, 1), uint64, int64, writes(uint64, 1)), cache=True, nogil=True)
def scale_floor(x: Words, multiplier: int, shift: int, out: Words) -> None:
    """Scale by a public factor: out = floor((x mod 2^63) multiplier / 2^shift) mod 2^64, through the 128-bit product.

    Parameters
    ----------
    x : uint64[n]
    multiplier : int
        0 <= multiplier < 2^63.
    shift : int
        0 <= shift <= 63.
    out : uint64[n]
    """
    n = out.size
    if x.size != n:
        raise ValueError("scale_floor: both vectors must have one length")
    factor, places = np.uint64(multiplier), np.uint64(shift)
    if factor == ONE:
        for i in range(n):
            out[i] = (x[i] & LOW_63) >> places
    else:
        for i in range(n):
            out[i] = _scaled(x[i] & LOW_63, factor, places)


@njit(
    void(reads(uint64, 1), reads(uint64, 1), reads(uint64, 1), uint64, int64, uint64, writes(uint64, 1)),
    cache=True,
    nogil=True,
)
def truncate(c: Words, rho: Words, mu: Words, multiplier: int, shift: int, first: int, out: Words) -> None:
    """One party's share of x multiplier / 2^shift, within one unit, for x in [-2^62, 2^62).

    Let r be the dealer's uniform word, c = x + 2^62 + r as opened, q(z) = floor((z mod 2^63) multiplier / 2^shift). As
    integers, x + 2^62 = (c mod 2^63) - (r mod 2^63) + 2^63 (msb(c) xor msb(r)), since the carry out of bit 62 is what
    changes the top bit. Both powers of two below scale exactly, so only the two floors round:

        y = q(c) - [q(r)] + (msb(c) xor [msb(r)]) (2^63 multiplier / 2^shift) - 2^62 multiplier / 2^shift

    With multiplier = 1, y is floor(x / 2^shift) or that plus 1.

    Parameters
    ----------
    c : uint64[n]
        Opened, the same at all parties.
    rho, mu : uint64[n]
        This party's additive shares of q(r) and of msb(r).
    multiplier : int
        0 <= multiplier < 2^63; the result must fit in 64 bits.
    shift : int
        0 <= shift <= 62.
    first : int
        1 at the party of rank 0, which adds what is public, and 0 at all others.
    out : uint64[n]
    """
    n = out.size
    if c.size != n or rho.size != n or mu.size != n:
        raise ValueError("truncate: all vectors must have one length")
    factor, places = np.uint64(multiplier), np.uint64(shift)
    offset, wrap = factor << (BIT_62 - places), factor << (BIT_63 - places)
    if first == ZERO:
        for i in range(n):
            top = c[i] >> BIT_63
            out[i] = (ONE - TWO * top) * mu[i] * wrap - rho[i]
    elif factor == ONE:
        for i in range(n):
            top = c[i] >> BIT_63
            out[i] = ((c[i] & LOW_63) >> places) - offset - rho[i] + (top + (ONE - TWO * top) * mu[i]) * wrap
    else:
        for i in range(n):
            top = c[i] >> BIT_63
            public = _scaled(c[i] & LOW_63, factor, places) - offset
            out[i] = public - rho[i] + (top + (ONE - TWO * top) * mu[i]) * wrap
