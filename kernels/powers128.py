"""Powers of two with a secret exponent in Z_2^128, in integers alone; see `powers` for Z_2^64 and the idea.

An exponent has `scale` fractional bits, 68 <= scale <= 124, of which the upper 64 are used: 24 in two tables of 4096
powers, 2^(+-i / 2^12) and 2^(+-i / 2^24), times 2^61, and the rest in three terms of a series. Fractional powers stand
times 2^46. Elements of the ring are two limbs along the last axis, the low one first. Every kernel raises ValueError
when shapes do not fit, because it does not check bounds.
"""

import numpy as np
from numba import int64, njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Limbs = NDArray[np.uint64]
Words = NDArray[np.uint64]
Integers = NDArray[np.int64]

ENTRIES = 4096
LOW_12 = np.uint64(ENTRIES - 1)
HIGH_SHIFT = np.uint64(52)
MIDDLE_SHIFT = np.uint64(40)
REST = np.uint64((1 << 40) - 1)
LN_2 = np.uint64(12786308645202655660)
"""ln 2 times 2^64."""
HALF_WORD = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
ZERO = np.uint64(0)
ONE = np.uint64(1)
TWO = np.uint64(2)
THREE = np.uint64(3)
TABLE = np.uint64(61)
DROPPED = np.uint64(15)
HALF = np.uint64(1 << 14)
TOP = np.uint64(63)
SIXTY_FOUR = np.uint64(64)


@njit(uint64(uint64, uint64), cache=True, nogil=True)
def _high(x: np.uint64, y: np.uint64) -> np.uint64:
    """The high word of the product of two words."""
    x0, x1 = x & LOW_HALF, x >> HALF_WORD
    y0, y1 = y & LOW_HALF, y >> HALF_WORD
    middle = x1 * y0 + (x0 * y0 >> HALF_WORD)
    low_middle = x0 * y1 + (middle & LOW_HALF)
    return x1 * y1 + (middle >> HALF_WORD) + (low_middle >> HALF_WORD)


@njit(uint64(uint64, uint64, uint64, reads(uint64, 1), reads(uint64, 1), int64), cache=True, nogil=True)
def _fractional(x0: np.uint64, x1: np.uint64, places: np.uint64, coarse: Words, fine: Words, sign: int) -> np.uint64:
    """2^(sign frac(x)) times 2^46, to the nearest integer."""
    left = np.uint64(128) - places  # the fraction as a word
    part = (x1 << left) | (x0 >> (SIXTY_FOUR - left))
    product = _high(coarse[part >> HIGH_SHIFT], fine[part >> MIDDLE_SHIFT & LOW_12]) << THREE  # times 2^61
    step = _high(part & REST, LN_2)  # times 2^64
    square = _high(step, step) >> ONE
    # 2^t = 1 + t ln 2 + (t ln 2)^2 / 2 up to 2^-75
    if sign > 0:
        product += _high(product, step + square)
    else:
        product -= _high(product, step - square)
    return (product + HALF) >> DROPPED


@njit(void(reads(uint64, 2), int64, reads(uint64, 1), reads(uint64, 1), writes(uint64, 3)), cache=True, nogil=True)
def rows(r: Limbs, scale: int, coarse: Words, fine: Words, out: Limbs) -> None:
    """The dealer's rows: zeros but for the place whole(r) mod W, where 2^-frac(r) stands times 2^46.

    Parameters
    ----------
    r : uint64[n, 2]
    scale : int
    coarse, fine : uint64[4096]
        Of negative powers.
    out : uint64[n, W, 2]
    """
    n, window = out.shape[0], out.shape[1]
    if r.shape[0] != n or coarse.size != ENTRIES or fine.size != ENTRIES or window & (window - 1):
        raise ValueError("rows: shapes must be (n, 2), (4096,), (4096,) and (n, a power of two, 2)")
    if r.shape[1] != 2 or out.shape[2] != 2 or not 68 <= scale <= 124:
        raise ValueError("rows: elements have two limbs, and scale is 68 to 124")
    places, last = np.uint64(scale), np.uint64(window - 1)
    out[:] = ZERO
    for i in range(n):
        place = r[i, 1] >> (places - SIXTY_FOUR) & last
        out[i, place, 0] = _fractional(r[i, 0], r[i, 1], places, coarse, fine, -1)


@njit(
    void(
        reads(uint64, 2),
        int64,
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 3),
        reads(int64, 1),
        reads(int64, 1),
        writes(uint64, 3),
    ),
    cache=True,
    nogil=True,
)
def combine(
    d: Limbs, scale: int, coarse: Words, fine: Words, shares: Limbs, zone: Integers, left: Integers, out: Limbs
) -> None:
    """This party's shares of 2^(d - r), one a zone of exponents, each at its own scale.

    Parameters
    ----------
    d : uint64[n, 2]
        Public, the same at all parties.
    scale : int
    coarse, fine : uint64[4096]
        Of positive powers.
    shares : uint64[n, W, 2]
        This party's shares of `rows(r)`.
    zone : int64[W]
        By D mod W: the row of `out` to which that exponent belongs, or -1 for none.
    left : int64[W]
        By D mod W: the shift to the left, 0 to 127.
    out : uint64[zones, n, 2]
        Row z is the sum of its places, shifted, times 2^frac(d) 2^46.
    """
    n, window = shares.shape[0], shares.shape[1]
    if d.shape[0] != n or out.shape[1] != n or zone.size != window or left.size != window or window & (window - 1):
        raise ValueError("combine: shapes must be (n, 2), (n, W, 2) for shares, (W,) for zone and left, (zones, n, 2)")
    if coarse.size != ENTRIES or fine.size != ENTRIES or not 68 <= scale <= 124:
        raise ValueError("combine: tables must have 4096 entries, and scale is 68 to 124")
    if not d.shape[1] == shares.shape[2] == out.shape[2] == 2:
        raise ValueError("combine: an element has two limbs")
    places, last = np.uint64(scale), np.uint64(window - 1)
    out[:] = ZERO
    for i in range(n):
        whole = d[i, 1] >> (places - SIXTY_FOUR)
        for j in range(window):
            at = (whole - np.uint64(j)) & last
            z = zone[at]
            if z >= 0:
                shift, low, high = np.uint64(left[at]), shares[i, j, 0], shares[i, j, 1]
                if shift >= SIXTY_FOUR:
                    low, high = ZERO, low << (shift - SIXTY_FOUR)
                else:
                    low, high = low << shift, (high << shift) | (low >> ONE >> (TOP - shift))
                out[z, i, 0] += low
                out[z, i, 1] += high + np.uint64(out[z, i, 0] < low)
        factor = _fractional(d[i, 0], d[i, 1], places, coarse, fine, 1)
        for z in range(out.shape[0]):
            low = out[z, i, 0]
            out[z, i, 0] = low * factor
            out[z, i, 1] = _high(low, factor) + out[z, i, 1] * factor
