"""Powers of two with a secret exponent, in integers alone, so that all parties compute the same words on every CPU.

An exponent is a word with `scale` fractional bits, scale >= 24, of which the upper 24 are used. It is d - r for a
public word d and a word r that the dealer knows, and

    2^(d - r) = 2^(whole(d) - whole(r)) 2^frac(d) 2^-frac(r).

The dealer's row for r is zero but for the place whole(r) mod W, where 2^-frac(r) stands times 2^22; W is the number of
places, a power of two. At place j of the row the whole difference is D, whole(d) - j modulo W, a public number: a
public shift for each place brings every place to its power. Tables hold 2^(+-i / 2^12) and 2^(+-i / 2^24), times
2^31, for i below 4096. Every kernel raises ValueError when shapes do not fit, because it does not check bounds.
"""

import numpy as np
from numba import int64, njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
Integers = NDArray[np.int64]

ENTRIES = 4096
LOW_12 = np.uint64(ENTRIES - 1)
TWELVE = np.uint64(12)
TWENTY_FOUR = np.uint64(24)
DROPPED = np.uint64(40)
HALF = np.uint64(1 << 39)
ZERO = np.uint64(0)
ONE = np.uint64(1)


@njit(uint64(uint64, uint64, reads(uint64, 1), reads(uint64, 1)), cache=True, nogil=True)
def _fractional(x: np.uint64, scale: np.uint64, coarse: Words, fine: Words) -> np.uint64:
    """2^(+-frac(x)) times 2^22, to the nearest integer."""
    part = x >> (scale - TWENTY_FOUR)
    return np.uint64((coarse[part >> TWELVE & LOW_12] * fine[part & LOW_12] + HALF) >> DROPPED)


@njit(void(reads(uint64, 1), int64, reads(uint64, 1), reads(uint64, 1), writes(uint64, 2)), cache=True, nogil=True)
def rows(r: Words, scale: int, coarse: Words, fine: Words, out: Words) -> None:
    """The dealer's rows.

    Parameters
    ----------
    r : uint64[n]
    scale : int
        24 to 58.
    coarse, fine : uint64[4096]
        Of negative powers.
    out : uint64[n, W]
    """
    n, window = out.shape
    if r.size != n or coarse.size != ENTRIES or fine.size != ENTRIES or window & (window - 1):
        raise ValueError("rows: shapes must be (n,), (4096,), (4096,) and (n, a power of two)")
    places, last = np.uint64(scale), np.uint64(window - 1)
    out[:] = ZERO
    for i in range(n):
        out[i, r[i] >> places & last] = _fractional(r[i], places, coarse, fine)


@njit(
    void(
        reads(uint64, 1),
        int64,
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 2),
        reads(int64, 1),
        reads(int64, 1),
        writes(uint64, 2),
    ),
    cache=True,
    nogil=True,
)
def combine(
    d: Words, scale: int, coarse: Words, fine: Words, shares: Words, zone: Integers, left: Integers, out: Words
) -> None:
    """This party's shares of 2^(d - r), one a zone of exponents, each at its own scale.

    Parameters
    ----------
    d : uint64[n]
        Public, the same at all parties.
    scale : int
    coarse, fine : uint64[4096]
        Of positive powers.
    shares : uint64[n, W]
        This party's shares of `rows(r)`.
    zone : int64[W]
        By D mod W: the row of `out` to which that exponent belongs, or -1 for none.
    left : int64[W]
        By D mod W: the shift to the left, 0 to 63.
    out : uint64[zones, n]
        Row z is the sum of its places, shifted, times 2^frac(d) 2^22.
    """
    n, window = shares.shape
    if d.size != n or out.shape[1] != n or zone.size != window or left.size != window or window & (window - 1):
        raise ValueError("combine: shapes must be (n,), (n, W) for shares, (W,) for zone and left, (zones, n) for out")
    if coarse.size != ENTRIES or fine.size != ENTRIES:
        raise ValueError("combine: tables must have 4096 entries")
    places, last = np.uint64(scale), np.uint64(window - 1)
    out[:] = ZERO
    for i in range(n):
        whole = d[i] >> places
        for j in range(window):
            at = (whole - np.uint64(j)) & last
            if zone[at] >= 0:
                out[zone[at], i] += shares[i, j] << np.uint64(left[at])
        factor = _fractional(d[i], places, coarse, fine)
        for z in range(out.shape[0]):
            out[z, i] *= factor
