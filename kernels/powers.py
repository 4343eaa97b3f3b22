"""Powers of two with a secret exponent, in integers alone, so that all parties compute the same words on every CPU.

An exponent is a word with `scale` fractional bits, scale >= 24, of which the upper 24 are used. It is d - r for a
public word d and a word r that the dealer knows, and

    2^(d - r) = 2^(T - R - 1) 2^frac(d) 2^-frac(r),    T = whole(d) + 1, R = whole(r).

T - R is taken modulo a window W, a multiple of 64: it is 16 k + p, of zone k and place p. `mpcfl.protocols.powers` says
what is done with both. Tables hold 2^(+-i / 2^12) and 2^(+-i / 2^24), times 2^31, for i below 4096. A zone has a shift,
by which its power is moved to the right, or to the left where it is negative, and four rows or two of the dealer's.
Every kernel raises ValueError when shapes do not fit, because it does not check bounds; outputs must not overlap
inputs.
"""

import numpy as np
from numba import int64, njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
Integers = NDArray[np.int64]

ENTRIES = 4096
ZERO = np.uint64(0)
ONE = np.uint64(1)
TWO = np.uint64(2)
FOUR = np.uint64(4)
SIX = np.uint64(6)
TWELVE = np.uint64(12)
FIFTEEN = np.uint64(15)
SIXTEEN = np.uint64(16)
TWENTY_FOUR = np.uint64(24)
HALF_WORD = np.uint64(32)
DROPPED = np.uint64(39)
HALF = np.uint64(1 << 38)
TOP = np.uint64(63)
LOW_12 = np.uint64(ENTRIES - 1)
LOW_63 = np.uint64((1 << 63) - 1)
RANGE = np.uint64(1 << 62)


@njit(uint64(uint64, uint64, reads(uint64, 1), reads(uint64, 1)), cache=True, nogil=True)
def _fractional(x: np.uint64, scale: np.uint64, coarse: Words, fine: Words) -> np.uint64:
    """2^(+-frac(x)) times 2^23, to the nearest integer."""
    part = x >> (scale - TWENTY_FOUR)
    return np.uint64((coarse[part >> TWELVE & LOW_12] * fine[part & LOW_12] + HALF) >> DROPPED)


@njit(int64(reads(int64, 1)), cache=True, nogil=True)
def rows(shifts: Integers) -> int:
    """How many rows the dealer gives for zones with these shifts."""
    count = 1
    for shift in shifts:
        count += 4 if shift > 0 else 2
    return count


@njit(
    void(
        reads(uint64, 1),
        int64,
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(int64, 1),
        writes(uint64, 2),
        writes(uint64, 2),
        writes(uint64, 2),
        writes(uint64, 2),
    ),
    cache=True,
    nogil=True,
)
def deal(
    mask: Words,
    scale: int,
    coarse: Words,
    fine: Words,
    bits: Words,
    words: Words,
    shifts: Integers,
    steps: Words,
    base: Words,
    exact: Words,
    zones: Words,
) -> None:
    """What the dealer gives for r = -mask.

    Parameters
    ----------
    mask : uint64[n]
    scale : int
        24 to 58.
    coarse, fine : uint64[4096]
        Of negative powers.
    bits : uint64[1 + K, ceil(n / 64)]
        Packed uniform bits: beta_w, then beta_k of each zone.
    words : uint64[2, n]
        Uniform: r_1 and r_2.
    shifts : int64[K]
        By zone.
    steps : uint64[W / 64, n]
        Bit j: whether R <= j.
    base : uint64[2, n]
        h = 2^-frac(r) 2^(15 - R mod 16), times 2^23, and beta_w h.
    exact : uint64[2, n]
        floor((r_1 mod 2^63) / 2^15) and msb(r_1).
    zones : uint64[rows(shifts), n]
        mu = msb(r_2); then for each zone beta_k, rho_k = floor((r_2 mod 2^63) / 2^shift), beta_k rho_k, beta_k mu, or
        beta_k, beta_k r_2 where the shift is to the left.
    """
    n, parts = mask.size, steps.shape[0]
    if coarse.size != ENTRIES or fine.size != ENTRIES or parts & (parts - 1) or not parts:
        raise ValueError("deal: tables must have 4096 entries, steps a power of two of rows")
    if bits.shape != (1 + shifts.size, (n + 63) // 64) or words.shape != (2, n) or steps.shape[1] != n:
        raise ValueError("deal: shapes must be (n,) for mask, (1 + K, ceil(n / 64)) for bits, (., n) for the others")
    if base.shape != (2, n) or exact.shape != (2, n) or zones.shape != (rows(shifts), n):
        raise ValueError("deal: shapes must be (2, n) for base and exact, (rows, n) for zones")
    places, last = np.uint64(scale), np.uint64(64 * parts - 1)
    for start in range(0, n, 64):
        block, size = start >> 6, min(64, n - start)
        wraps = bits[0, block]
        for j in range(parts):
            lowest, step = np.uint64(64 * j), steps[j, start : start + size]
            for i in range(size):
                whole = (ZERO - mask[start + i]) >> places & last
                # all bits, or those from R on, or none
                step[i] = ~ZERO << min(whole - lowest, TOP) if whole >= lowest else ~ZERO
                step[i] = ZERO if whole > lowest + TOP else step[i]
        for i in range(size):
            r = ZERO - mask[start + i]
            factor = _fractional(r, places, coarse, fine) << (FIFTEEN - (r >> places & FIFTEEN))
            base[0, start + i] = factor
            base[1, start + i] = ZERO - (wraps >> np.uint64(i) & ONE) & factor
        first, second = words[0, start : start + size], words[1, start : start + size]
        for i in range(size):
            exact[0, start + i] = (first[i] & LOW_63) >> FIFTEEN
            exact[1, start + i] = first[i] >> TOP
            zones[0, start + i] = second[i] >> TOP
        row = 1
        for k in range(shifts.size):
            held = bits[1 + k, block]
            if shifts[k] > 0:
                right = np.uint64(shifts[k])
                for i in range(size):
                    beta, rho = held >> np.uint64(i) & ONE, (second[i] & LOW_63) >> right
                    zones[row, start + i] = beta
                    zones[row + 1, start + i] = rho
                    zones[row + 2, start + i] = ZERO - beta & rho
                    zones[row + 3, start + i] = beta & second[i] >> TOP
                row += 4
            else:
                for i in range(size):
                    beta = held >> np.uint64(i) & ONE
                    zones[row, start + i] = beta
                    zones[row + 1, start + i] = ZERO - beta & second[i]
                row += 2


@njit(void(reads(uint64, 1), int64, reads(uint64, 2), uint64, writes(uint64, 2)), cache=True, nogil=True)
def look_up(d: Words, scale: int, steps: Words, first: int, out: Words) -> None:
    """This party's exclusive-or shares of what the whole differences are: packed bits, no more is sent for them.

    Parameters
    ----------
    d : uint64[n]
        Public, the same at all parties.
    scale : int
    steps : uint64[W / 64, n]
        This party's share of `deal`'s.
    first : int
        1 at the party of rank 0 and 0 at all others.
    out : uint64[1 + K, ceil(n / 64)]
        w = [T mod 16 < R mod 16]; then, for each zone, whether (T - R) mod W is in it.
    """
    n, parts = d.size, steps.shape[0]
    if steps.shape[1] != n or out.shape[1] != (n + 63) // 64 or parts & (parts - 1) or not parts:
        raise ValueError("look_up: shapes must be (n,), (a power of two, n), (1 + K, ceil(n / 64))")
    places, last = np.uint64(scale), np.uint64(64 * parts - 1)
    own = ONE if first else ZERO
    for start in range(0, n, 64):
        block, size = start >> 6, min(64, n - start)
        found = ZERO
        for i in range(size):
            # [R mod 16 > t]: parity of the steps at t and at the end of each sixteen
            folded = ZERO
            for j in range(parts):
                folded ^= steps[j, start + i]
            folded ^= folded >> HALF_WORD
            folded ^= folded >> SIXTEEN
            t = ((d[start + i] >> places) + ONE) & FIFTEEN
            found |= ((folded >> t ^ folded >> FIFTEEN) & ONE) << np.uint64(i)
        out[0, block] = found
        for k in range(1, out.shape[0]):
            found = ZERO
            for i in range(size):
                # R in (high - 16, high], around the end of the window where high < 16
                high = ((d[start + i] >> places) + ONE - SIXTEEN * np.uint64(k - 1)) & last
                low = (high - SIXTEEN) & last
                upper = steps[high >> SIX, start + i] >> (high & TOP)
                lower = steps[low >> SIX, start + i] >> (low & TOP)
                around = own if low > high else ZERO
                found |= ((upper ^ lower ^ around) & ONE) << np.uint64(i)
            out[k, block] = found


@njit(
    void(reads(uint64, 1), int64, reads(uint64, 1), reads(uint64, 2), reads(uint64, 1), uint64, writes(uint64, 1)),
    cache=True,
    nogil=True,
)
def move(d: Words, scale: int, wraps: Words, base: Words, mask: Words, first: int, out: Words) -> None:
    """What this party opens of h 2^t (1 + w (2^16 - 1)) = 2^15 2^-frac(r) 2^p 2^23, t = T mod 16, p the place.

    Parameters
    ----------
    d : uint64[n]
    scale : int
    wraps : uint64[ceil(n / 64)]
        Public: w under the exclusive or with beta_w.
    base : uint64[2, n]
        This party's shares of h and beta_w h.
    mask : uint64[n]
        That of r_1.
    first : int
    out : uint64[n]
        2^62 and r_1 are added.
    """
    n = d.size
    if wraps.size != (n + 63) // 64 or base.shape != (2, n) or mask.size != n or out.size != n:
        raise ValueError("move: shapes must be (n,), (ceil(n / 64),), (2, n), (n,), (n,)")
    places = np.uint64(scale)
    offset, more = RANGE if first else ZERO, np.uint64((1 << 16) - 1)
    for start in range(0, n, 64):
        word = wraps[start >> 6]
        for i in range(start, min(start + 64, n)):
            t = word >> np.uint64(i - start) & ONE
            wrapped = t * base[0, i] + (ONE - TWO * t) * base[1, i]
            left = ((d[i] >> places) + ONE) & FIFTEEN
            out[i] = ((base[0, i] + more * wrapped) << left) + offset + mask[i]


@njit(
    void(
        reads(uint64, 1),
        reads(uint64, 2),
        reads(uint64, 1),
        int64,
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 1),
        uint64,
        writes(uint64, 1),
    ),
    cache=True,
    nogil=True,
)
def scale_up(
    opened: Words,
    exact: Words,
    d: Words,
    scale: int,
    coarse: Words,
    fine: Words,
    mask: Words,
    first: int,
    out: Words,
) -> None:
    """What this party opens of the mantissa: 2^-frac(r) 2^p 2^23, from what `move` opened, times 2^frac(d) 2^23.

    Parameters
    ----------
    opened : uint64[n]
        Public.
    exact : uint64[2, n]
        This party's share of `deal`'s.
    d : uint64[n]
    scale : int
    coarse, fine : uint64[4096]
        Of positive powers.
    mask : uint64[n]
        That of r_2.
    first : int
    out : uint64[n]
        2^62 and r_2 are added.
    """
    n = d.size
    if coarse.size != ENTRIES or fine.size != ENTRIES:
        raise ValueError("scale_up: tables must have 4096 entries")
    if opened.size != n or exact.shape != (2, n) or mask.size != n or out.size != n:
        raise ValueError("scale_up: shapes must be (n,), and (2, n) for exact")
    places, wrap, public = np.uint64(scale), ONE << (TOP - FIFTEEN), ONE if first else ZERO
    offset = RANGE if first else ZERO
    for i in range(n):
        c, mu = opened[i], exact[1, i]
        top = c >> TOP
        known = ((c & LOW_63) >> FIFTEEN) - (RANGE >> FIFTEEN) + top * wrap
        part = public * known + (ONE - TWO * top) * wrap * mu - exact[0, i]
        out[i] = part * _fractional(d[i], places, coarse, fine) + offset + mask[i]


@njit(
    void(
        reads(uint64, 1),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 1),
        reads(int64, 1),
        uint64,
        writes(uint64, 1),
    ),
    cache=True,
    nogil=True,
)
def choose(opened: Words, bits: Words, zones: Words, mask: Words, shifts: Integers, first: int, out: Words) -> None:
    """This party's share of the power: the mantissa, moved by the shift of the zone that holds, or 0 where none does.

    Parameters
    ----------
    opened : uint64[n]
        Public: what `scale_up` opened.
    bits : uint64[K, ceil(n / 64)]
        Public: whether a zone holds, under the exclusive or with beta_k.
    zones : uint64[rows(shifts), n]
        This party's share of `deal`'s.
    mask : uint64[n]
        That of r_2.
    shifts : int64[K]
    first : int
    out : uint64[n]
    """
    n = opened.size
    if bits.shape != (shifts.size, (n + 63) // 64) or zones.shape != (rows(shifts), n):
        raise ValueError("choose: shapes must be (n,), (K, ceil(n / 64)), (rows, n), (n,), (K,), (n,)")
    if mask.size != n or out.size != n:
        raise ValueError("choose: mask and out must have the shape of opened")
    public = ONE if first else ZERO
    for start in range(0, n, 64):
        block, size = start >> 6, min(64, n - start)
        total, mu = out[start : start + size], zones[0, start : start + size]
        for i in range(size):
            total[i] = ZERO
        row = 1
        for k in range(shifts.size):
            held = bits[k, block]
            if shifts[k] > 0:
                right = np.uint64(shifts[k])
                wrap, offset = TOP - right, RANGE >> right
                for i in range(size):
                    c, at, t = opened[start + i], start + i, held >> np.uint64(i) & ONE
                    top = c >> TOP
                    known = ((c & LOW_63) >> right) - offset + (top << wrap)
                    carried, negative = mu[i] << wrap, zones[row + 3, at] << wrap
                    itself = public * known + (carried ^ ZERO - top) + top - zones[row + 1, at]
                    times_beta = zones[row, at] * known + (negative ^ ZERO - top) + top - zones[row + 2, at]
                    total[i] += (ZERO - t & itself) + (times_beta ^ ZERO - t) + t
                row += 4
            else:
                left = np.uint64(-shifts[k])
                for i in range(size):
                    at, t = start + i, held >> np.uint64(i) & ONE
                    known = opened[at] - RANGE
                    itself = public * known - mask[at]
                    times_beta = zones[row, at] * known - zones[row + 1, at]
                    total[i] += ((ZERO - t & itself) + (times_beta ^ ZERO - t) + t) << left
                row += 2
