"""Where the leading digit of a secret stands, from one-time tables of its mask. See `mpcfl.protocols.leading`.

A secret x is d - r modulo 2^63 for a public word d and a word r that the dealer knows; both are read as 16 digits of 4
bits, digit 0 the lowest, the last of 3 bits. `look_up` gives each party's exclusive-or shares of what the digits tell,
as parities of its tables (`mpcfl.kernels.digits.onehot`) under public sets of entries; `place` turns the opened number
of one of `PLACES` positions, under the dealer's mask, into the normalised secret.

Every kernel raises ValueError when shapes do not fit, because it does not check bounds; outputs must not overlap
inputs.
"""

import numpy as np
from numba import njit, uint32, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
HalfWords = NDArray[np.uint32]

PLACES = 32
ZERO = np.uint64(0)
ONE = np.uint64(1)
ALL = np.uint64(0xFFFF)
DIGIT = np.uint64(15)
TOP_DIGIT = np.uint64(7)


@njit(uint64(uint64), cache=True, nogil=True)
def _parity(x: np.uint64) -> np.uint64:
    """Exclusive or of 16 bits."""
    x ^= x >> np.uint64(8)
    x ^= x >> np.uint64(4)
    return np.uint64(0x6996) >> (x & DIGIT) & ONE


@njit(uint64(uint64, uint64, uint64), cache=True, nogil=True)
def _near(digit: np.uint64, place: np.uint64, last: np.uint64) -> np.uint64:
    """Set of the digits e whose upper bits e >> place are those of `digit`, or one less or one more without a wrap."""
    chosen = digit >> place
    found = ZERO
    for e in range(last + ONE):
        upper = np.uint64(e) >> place
        if upper <= chosen + ONE and chosen <= upper + ONE:
            found |= ONE << np.uint64(e)
    return found


@njit(uint64(uint64, uint64), cache=True, nogil=True)
def _across(digit: np.uint64, place: np.uint64) -> np.uint64:
    """Set of the digits whose upper bits are next to those of `digit` across a wrap."""
    chosen, last = digit >> place, DIGIT >> place
    if chosen == ZERO:
        return (ALL << (last << place)) & ALL
    return (ONE << (ONE << place)) - ONE if chosen == last else ZERO


@njit(
    void(
        reads(uint64, 1), reads(uint64, 2), writes(uint32, 1), writes(uint32, 1), writes(uint32, 1), writes(uint32, 1)
    ),
    cache=True,
    nogil=True,
)
def look_up(
    d: Words, tables: Words, equal_next: HalfWords, near: HalfWords, across: HalfWords, wraps: HalfWords
) -> None:
    """Shares of what the digits of r are against those of d, and the public wraps.

    The neighbour of d above digit i is one less if digit i of d is below 8, else one more: the only one that numbers
    close to d can have there.

    Parameters
    ----------
    d : uint64[n]
        Below 2^63, the same at all parties.
    tables : uint64[n, 4]
        This party's share of `onehot` of r modulo 2^63.
    equal_next : uint32[n]
        Bit k: digit k of r is that of d. Bit 16 + k: it is the neighbour of that of d, as seen from digit k - 1.
    near, across : uint32[n]
        Bit t stands for j = 2 t + 1, at place j % 4 of digit j / 4. `near`: the upper bits of that digit differ by at
        most one, without a wrap (over the ring, for the last digit); `across`: by one across a wrap.
    wraps : uint32[n]
        Public. Bit k: the neighbour of digit k carries into the next one.
    """
    n = d.size
    if tables.shape[0] != n or tables.shape[1] != 4:
        raise ValueError("look_up: shapes must be (n,), (n, 4)")
    if not equal_next.size == near.size == across.size == wraps.size == n:
        raise ValueError("look_up: outputs must have the shape of d")
    close, crossing = np.empty((2, 16), np.uint64), np.empty((2, 16), np.uint64)
    for half in range(2):
        for e in range(16):
            close[half, e] = _near(np.uint64(e), np.uint64(2 * half + 1), DIGIT)
            crossing[half, e] = _across(np.uint64(e), np.uint64(2 * half + 1))
    around = np.empty(8, np.uint64)  # upper two bits of three, modulo 4: all but those of the opposite number
    for e in range(8):
        opposite = (np.uint64(e) >> ONE) ^ np.uint64(2)
        around[e] = np.uint64(0xFF) & ~(np.uint64(3) << (opposite << ONE))
    for i in range(n):
        equal, beside, by_place, by_wrap, wrap = ZERO, ZERO, ZERO, ZERO, ZERO
        below = ZERO
        for k in range(16):
            places = np.uint64(4 * k)
            digit = d[i] >> places & DIGIT
            last = DIGIT if k < 15 else TOP_DIGIT
            table = tables[i, k // 4] >> np.uint64(16 * (k % 4)) & ALL
            equal |= (table >> digit & ONE) << np.uint64(k)
            up = below > TOP_DIGIT
            neighbour = (digit + ONE if up else digit - ONE) & last
            beside |= (table >> neighbour & ONE) << np.uint64(k)
            if digit == (last if up else ZERO):
                wrap |= ONE << np.uint64(k)
            if k < 15:
                for half in range(2):
                    bit = np.uint64(2 * k + half)
                    by_place |= _parity(table & close[half, digit]) << bit
                    by_wrap |= _parity(table & crossing[half, digit]) << bit
            else:
                by_place |= _parity(table & around[digit]) << np.uint64(30)
            below = digit
        equal_next[i] = np.uint32(equal | beside << np.uint64(16))
        near[i], across[i], wraps[i] = np.uint32(by_place), np.uint32(by_wrap), np.uint32(wrap)


@njit(void(reads(uint64, 1), reads(uint64, 1), writes(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def rows(index: Words, mask: Words, row: Words, product: Words) -> None:
    """The dealer's rows: zero but for a one, or the mask, at the place `index`.

    Parameters
    ----------
    index, mask : uint64[n]
    row, product : uint64[n, W]
        index < W.
    """
    n, width = row.shape
    if index.size != n or mask.size != n or product.shape != row.shape:
        raise ValueError("rows: shapes must be (n,), (n,), (n, W), (n, W)")
    row[:] = ZERO
    product[:] = ZERO
    for i in range(n):
        if index[i] >= np.uint64(width):
            raise ValueError("rows: an index is not below W")
        row[i, index[i]] = ONE
        product[i, index[i]] = mask[i]


@njit(
    void(
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 1),
        reads(uint64, 1),
        writes(uint64, 1),
        writes(uint64, 1),
    ),
    cache=True,
    nogil=True,
)
def place(
    opened: Words, d: Words, row: Words, product: Words, factor: Words, level: Words, value: Words, exponent: Words
) -> None:
    """This party's shares of x times a factor, and of a level, both by the position of x: no more is sent for them.

    Parameters
    ----------
    opened : uint64[n]
        Public: the position of x, below W, under the exclusive or with `index` of `rows`.
    d : uint64[n]
        Public: x = d + mask.
    row, product : uint64[n, W]
        This party's shares of `rows`.
    factor, level : uint64[W]
        By position.
    value, exponent : uint64[n]
        factor[position] x, and level[position].
    """
    n, width = row.shape
    if opened.size != n or d.size != n or product.shape != row.shape or value.size != n or exponent.size != n:
        raise ValueError("place: shapes must be (n,) for words, (n, W) for rows")
    if factor.size != width or level.size != width or width & (width - 1):
        raise ValueError("place: factor and level must have W entries, a power of two")
    last = np.uint64(width - 1)
    for i in range(n):
        total, height = ZERO, ZERO
        for k in range(width):
            at = (np.uint64(k) ^ opened[i]) & last
            total += factor[at] * (row[i, k] * d[i] + product[i, k])
            height += level[at] * row[i, k]
        value[i], exponent[i] = total, height
