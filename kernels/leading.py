"""Where the leading bits of a secret stand, from one-time tables of its mask, and how it is moved up.

A secret x is d - r modulo 2^63 for a public word d and a word r that the dealer knows; both are read as 16 digits of 4
bits, digit 0 the lowest, the last of 3 bits. `look_up` gives each party's exclusive-or shares of what the digits tell,
as parities of its tables (`mpcfl.kernels.digits.onehot`) under public sets of entries. `deal`, `factors` and `product`
multiply x by a power of four whose exponent q, of five bits, is secret. See `mpcfl.protocols.nearness` and
`mpcfl.protocols.leading`.

Every kernel raises ValueError when shapes do not fit, because it does not check bounds; outputs must not overlap
inputs.
"""

import numpy as np
from numba import njit, uint32, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
HalfWords = NDArray[np.uint32]

ZERO = np.uint64(0)
ONE = np.uint64(1)
TWO = np.uint64(2)
THREE = np.uint64(3)
FOUR = np.uint64(4)
SIX = np.uint64(6)
SEVEN = np.uint64(7)
EIGHT = np.uint64(8)
ELEVEN = np.uint64(11)
TWELVE = np.uint64(12)
FOURTEEN = np.uint64(14)
FIFTEEN = np.uint64(15)
SIXTEEN = np.uint64(16)
TWO_TABLES = np.uint64(32)
THREE_TABLES = np.uint64(48)
TOP = np.uint64(63)
EACH = np.uint64(0x0001000100010001)
"""The lowest entry of each of the four tables in a word."""
LAST = np.uint64(0x8000800080008000)
"""The highest."""
EVEN = np.uint64(0x5555555555555555)
LOW_14 = np.uint64(0x3FFF3FFF3FFF3FFF)
HIGH_14 = np.uint64(0xFFFCFFFCFFFCFFFC)
PAIR = np.uint64(0x0003000300030003)
BYTE = np.uint64(0xFF)
SECOND, THIRD, FOURTH = np.uint64(1 << 16), np.uint64(1 << 32), np.uint64(1 << 48)
"""The lowest entry of one table."""
EIGHTH_IS_FIRST = np.uint64(1 << 8 | 1)
BELOW_IS_SEVENTH = np.uint64(1 << 15 | 1 << 7)
"""Entries 8 and 15 of the last digit's table change places with 0 and 7."""
HIGHEST = np.uint64(62)


@njit(uint64(uint64), cache=True, nogil=True)
def _gathered(x: np.uint64) -> np.uint64:
    """The lowest bit of each 16 as four bits; all others are zero."""
    return (x | x >> FIFTEEN | x >> np.uint64(30) | x >> np.uint64(45)) & FIFTEEN


@njit(uint64(uint64), cache=True, nogil=True)
def _parities(x: np.uint64) -> np.uint64:
    """Four bits: the exclusive or of each 16."""
    x ^= x >> EIGHT
    x ^= x >> FOUR
    x ^= x >> TWO
    return _gathered((x ^ x >> ONE) & EACH)


@njit(
    void(reads(uint64, 1), reads(uint64, 2), writes(uint32, 1), writes(uint32, 1), writes(uint32, 1)),
    cache=True,
    nogil=True,
)
def look_up(d: Words, tables: Words, equal_next: HalfWords, near_across: HalfWords, half_wraps: HalfWords) -> None:
    """Shares of what the digits of r are against those of d, and the public wraps: bit k is for digit k.

    The neighbour of d above digit i is one less if digit i of d is below 8, else one more: the only one that numbers
    close to d can have there.

    Parameters
    ----------
    d : uint64[n]
        Below 2^63, the same at all parties.
    tables : uint64[n, 4]
        This party's share of `onehot` of r modulo 2^63.
    equal_next : uint32[n]
        The digit of r is that of d; from bit 16 on: it is the neighbour of that of d, as seen from the digit below.
    near_across : uint32[n]
        The upper three bits of both digits differ by at most one, without a wrap; from bit 16 on: by one across a wrap.
        Bit 15: the upper two of the last digit's three differ by at most one, with a wrap.
    half_wraps : uint32[n]
        The highest bits of both digits differ; from bit 16 on, public: the neighbour of a digit carries into the next.
    """
    n = d.size
    if tables.shape[0] != n or tables.shape[1] != 4:
        raise ValueError("look_up: shapes must be (n,), (n, 4)")
    if not equal_next.size == near_across.size == half_wraps.size == n:
        raise ValueError("look_up: outputs must have the shape of d")
    for i in range(n):
        equal, beside, near, across, half, wrap = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
        below = ZERO
        for w in range(4):
            part, table, place = d[i] >> np.uint64(16 * w), tables[i, w], np.uint64(4 * w)
            one_hot = ONE << (part & FIFTEEN) | SECOND << (part >> FOUR & FIFTEEN)
            one_hot |= THIRD << (part >> EIGHT & FIFTEEN) | FOURTH << (part >> TWELVE & FIFTEEN)
            # the highest bit of each digit, and of the digit below it, at the lowest entry of its table
            large = part >> THREE & ONE | (part >> SEVEN & ONE) << SIXTEEN
            large |= (part >> ELEVEN & ONE) << TWO_TABLES | (part >> FIFTEEN & ONE) << THREE_TABLES
            up = large << SIXTEEN | below
            below = large >> THREE_TABLES
            upward = (one_hot << ONE & ~EACH) | (one_hot >> FIFTEEN & EACH)
            downward = (one_hot >> ONE & ~LAST) | (one_hot & EACH) << FIFTEEN
            rising = (up << SIXTEEN) - up
            neighbour = (upward & rising) | (downward & ~rising)
            pair = (one_hot | one_hot >> ONE) & EVEN
            pair |= pair << ONE
            close = pair | (pair & LOW_14) << TWO | (pair & HIGH_14) >> TWO
            crossing = (pair & PAIR) << FOURTEEN | (pair >> FOURTEEN & PAIR)
            opposite = ((large << EIGHT) - large) | ((EACH ^ large) << SIXTEEN) - ((EACH ^ large) << EIGHT)
            if w == 3:  # the last digit wraps at 8
                neighbour ^= (neighbour >> EIGHT & FOURTH) * EIGHTH_IS_FIRST
                neighbour ^= (neighbour >> FIFTEEN & FOURTH) * BELOW_IS_SEVENTH
                own = pair >> THREE_TABLES
                around = (own | own << TWO | own >> TWO | own << SIX | own >> SIX) & BYTE
                close = (close & (FOURTH - ONE)) | around << THREE_TABLES
            equal |= _parities(table & one_hot) << place
            beside |= _parities(table & neighbour) << place
            near |= _parities(table & close) << place
            across |= _parities(table & crossing) << place
            half |= _parities(table & opposite) << place
            carried = (one_hot >> FIFTEEN & up) | (one_hot & EACH & ~up)
            wrap |= _gathered(carried) << place
        equal_next[i] = np.uint32(equal | beside << SIXTEEN)
        near_across[i] = np.uint32(near | across << SIXTEEN)
        half_wraps[i] = np.uint32(half | wrap << SIXTEEN)


@njit(
    void(
        reads(uint64, 1),
        reads(uint64, 2),
        reads(uint64, 2),
        writes(uint64, 2),
        writes(uint64, 2),
        writes(uint64, 2),
    ),
    cache=True,
    nogil=True,
)
def deal(mask: Words, bits: Words, words: Words, low: Words, high: Words, products: Words) -> None:
    """What the dealer gives for a product with a power of four.

    Parameters
    ----------
    mask : uint64[n]
        That of x: a.
    bits : uint64[5 + S, ceil(n / 64)]
        Packed uniform bits beta_b; S = 1 where a sign stands after the five.
    words : uint64[2, n]
        Uniform: the masks f_1, f_2 of both factors.
    low, high : uint64[7, n], uint64[2^(2 + S) - 1, n]
        Row s - 1: the product of those of the first three, and of the last 2 + S, of the bits that are set in s.
    products : uint64[4, n]
        f_1 f_2, f_1 a, f_2 a, f_1 f_2 a.
    """
    n, signs = mask.size, bits.shape[0] - 5
    if signs < 0 or signs > 1 or bits.shape[1] != (n + 63) // 64 or words.shape != (2, n):
        raise ValueError("deal: shapes must be (n,), (5 or 6, ceil(n / 64)), (2, n)")
    if low.shape != (7, n) or high.shape != ((4 << signs) - 1, n) or products.shape != (4, n):
        raise ValueError("deal: outputs must have shapes (7, n), (3 or 7, n), (4, n)")
    for start in range(0, n, 64):
        block, size = start >> 6, min(64, n - start)
        for part in range(2):
            rows, lowest, count = (low, 0, 3) if part == 0 else (high, 3, 2 + signs)
            for s in range(1, 1 << count):
                product = ~ZERO
                for b in range(count):
                    product &= bits[lowest + b, block] if s >> b & 1 else ~ZERO
                row = rows[s - 1, start : start + size]
                for i in range(size):
                    row[i] = product >> np.uint64(i) & ONE
    for i in range(n):
        a, f_1, f_2 = mask[i], words[0, i], words[1, i]
        products[0, i] = f_1 * f_2
        products[1, i] = f_1 * a
        products[2, i] = f_2 * a
        products[3, i] = f_1 * f_2 * a


@njit(
    void(
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 2),
        uint64,
        writes(uint64, 2),
        writes(uint64, 1),
    ),
    cache=True,
    nogil=True,
)
def factors(opened: Words, low: Words, high: Words, words: Words, first: int, out: Words, level: Words) -> None:
    """What this party opens of the two factors of 3 4^q, the second with the sign, and its share of 62 - 2 q.

    Parameters
    ----------
    opened : uint64[5 + S, ceil(n / 64)]
        Public: the bits of q, lowest first, and the sign's, under the exclusive or with beta_b.
    low, high, words
        This party's shares of `deal`'s.
    first : int
        1 at the party of rank 0 and 0 at all others.
    out : uint64[2, n]
        3 4^(q mod 8) and (1 - 2 sign) 4^(q - q mod 8), less their masks.
    level : uint64[n]
    """
    n, signs = level.size, opened.shape[0] - 5
    if signs < 0 or signs > 1 or opened.shape[1] != (n + 63) // 64 or words.shape != (2, n) or out.shape != (2, n):
        raise ValueError("factors: shapes must be (5 or 6, ceil(n / 64)), (2, n), (n,)")
    if low.shape != (7, n) or high.shape != ((4 << signs) - 1, n):
        raise ValueError("factors: shapes must be (7, n) for low and (3 or 7, n) for high")
    public = ONE if first else ZERO
    for start in range(0, n, 64):
        block, size = start >> 6, min(64, n - start)
        total_level = level[start : start + size]
        for i in range(size):
            total_level[i] = HIGHEST * public
        for bit in range(5):
            held, step = opened[bit, block], np.uint64(bit) + ONE
            row = low[(1 << bit) - 1] if bit < 3 else high[(1 << (bit - 3)) - 1]
            for i in range(size):
                t = held >> np.uint64(i) & ONE
                total_level[i] -= (t * public + (row[start + i] ^ ZERO - t) + t) << step
        for part in range(2):
            lowest, count = (0, 3) if part == 0 else (3, 2 + signs)
            rows = low if part == 0 else high
            held_0, held_1 = opened[lowest, block], opened[lowest + 1, block]
            held_2 = opened[lowest + 2, block] if count == 3 else ZERO
            # a bit t + (1 - 2 t) beta gives the factor 1 or 1 + more: p + beta q for public p, q
            more_0, more_1 = (ONE << (TWO << np.uint64(lowest))) - ONE, (ONE << (FOUR << np.uint64(lowest))) - ONE
            more_2 = BYTE if part == 0 else ZERO - TWO  # 4^4 - 1; a sign
            scale = THREE if part == 0 else ONE
            for i in range(size):
                place, at = np.uint64(i), start + i
                t_0, t_1 = held_0 >> place & ONE, held_1 >> place & ONE
                p_0, q_0 = ONE + (ZERO - t_0 & more_0), (more_0 ^ ZERO - t_0) + t_0
                p_1, q_1 = ONE + (ZERO - t_1 & more_1), (more_1 ^ ZERO - t_1) + t_1
                known = p_1 * (p_0 * public + q_0 * rows[0, at]) + q_1 * (p_0 * rows[1, at] + q_0 * rows[2, at])
                if count == 3:
                    t_2 = held_2 >> place & ONE
                    p_2, q_2 = ONE + (ZERO - t_2 & more_2), (more_2 ^ ZERO - t_2) + t_2
                    beside = p_1 * (p_0 * rows[3, at] + q_0 * rows[4, at])
                    beside += q_1 * (p_0 * rows[5, at] + q_0 * rows[6, at])
                    known = p_2 * known + q_2 * beside
                out[part, at] = scale * known - words[part, at]


@njit(
    void(
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 2),
        uint64,
        writes(uint64, 1),
    ),
    cache=True,
    nogil=True,
)
def product(d: Words, mask: Words, opened: Words, words: Words, products: Words, first: int, out: Words) -> None:
    """This party's share of x times both factors.

    Parameters
    ----------
    d : uint64[n]
        Public: x less its mask.
    mask : uint64[n]
        This party's share of that.
    opened : uint64[2, n]
        Public: the factors less their masks.
    words, products
        This party's shares of `deal`'s.
    first : int
    out : uint64[n]
    """
    n = d.size
    if mask.size != n or out.size != n or products.shape != (4, n) or opened.shape != (2, n) or words.shape != (2, n):
        raise ValueError("product: shapes must be (n,), (2, n), and (4, n) for products")
    public = ONE if first else ZERO
    for i in range(n):
        x, y, z = d[i], opened[0, i], opened[1, i]
        linear = x * (y * z * public + z * words[0, i] + y * words[1, i]) + y * z * mask[i]
        out[i] = linear + x * products[0, i] + z * products[1, i] + y * products[2, i] + products[3, i]
