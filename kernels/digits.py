"""One-time tables of the comparison: the hexadecimal digits of a mask, looked up at public digits.

Sixteen digits of 4 bits make a word; digit 0 is the lowest. Smaller numbers need the tables of their own digits alone,
four to a word. The table of one digit r is the one-hot vector e of 16 bits, e[k] = 1 exactly where k = r; that of digit
i begins at bit 16 (i % 4) of word i // 4.
For a public digit c, both [c = r] = e[c] and [c < r] = XOR of e[k] over k > c are linear over GF(2), so each party
computes its xor share of them from its share of e, with nothing sent.

Every kernel raises ValueError when shapes do not fit, because it does not check bounds; `out` must not overlap an
input.
"""

import numpy as np
from numba import njit, uint32, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
HalfWords = NDArray[np.uint32]

ZERO = np.uint64(0)
ONE = np.uint64(1)
DIGIT = np.uint64(15)

LOW_HALF = np.uint64(0x00000000FFFFFFFF)
LOW_QUARTERS = np.uint64(0x0000FFFF0000FFFF)
LOW_BYTES = np.uint64(0x00FF00FF00FF00FF)
LOW_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
EACH_TABLE = np.uint64(0x0001000100010001)
"""The lowest bit of each of the four tables in a word."""


@njit(uint64(uint64), cache=True, nogil=True)
def _four_tables(digits: np.uint64) -> np.uint64:
    """One-hot tables of the four digits in the low 16 bits."""
    e0 = ONE << (digits & DIGIT)
    e1 = ONE << (digits >> np.uint64(4) & DIGIT)
    e2 = ONE << (digits >> np.uint64(8) & DIGIT)
    e3 = ONE << (digits >> np.uint64(12) & DIGIT)
    return e0 | e1 << np.uint64(16) | e2 << np.uint64(32) | e3 << np.uint64(48)


@njit(void(reads(uint64, 1), writes(uint64, 2)), cache=True, nogil=True)
def onehot(r: Words, out: Words) -> None:
    """Tables of the lowest digits of r, four a word: r[n], out[n, 1 to 4]."""
    n, words = r.size, out.shape[1]
    if out.shape[0] != n or not 1 <= words <= 4:
        raise ValueError("onehot: shapes must be (n,), (n, 1 to 4)")
    if words == 4:
        for i in range(n):
            out[i, 0] = _four_tables(r[i])
            out[i, 1] = _four_tables(r[i] >> np.uint64(16))
            out[i, 2] = _four_tables(r[i] >> np.uint64(32))
            out[i, 3] = _four_tables(r[i] >> np.uint64(48))
    elif words == 3:
        for i in range(n):
            out[i, 0] = _four_tables(r[i])
            out[i, 1] = _four_tables(r[i] >> np.uint64(16))
            out[i, 2] = _four_tables(r[i] >> np.uint64(32))
    else:
        for i in range(n):
            for j in range(words):
                out[i, j] = _four_tables(r[i] >> np.uint64(16 * j))


@njit(uint64(uint64), cache=True, nogil=True)
def _at_most(one_hot: np.uint64) -> np.uint64:
    """Bits k <= c of four tables whose one-hot bits are at k = c: 2 h - 1 in each table.

    Nothing is borrowed from one table by the next, since it is a 16-bit number.
    """
    return one_hot + one_hot - EACH_TABLE


@njit(uint64(uint64, uint64, uint64, uint64), cache=True, nogil=True)
def _fold(x: np.uint64, y: np.uint64, width: np.uint64, low: np.uint64) -> np.uint64:
    """Fold lanes of 2 `width` bits to half their width, keeping parities: those of x in the low half, of y in the high.

    `low` selects the low half of each lane.
    """
    return ((x ^ x >> width) & low) | ((y ^ y << width) & ~low)


@njit(uint64(uint64), cache=True, nogil=True)
def _spread(x: np.uint64) -> np.uint64:
    """Move bit 2 j of each half word to its bit 4 j; x has such bits in the low 16 bits of each half word alone."""
    x = (x | x << np.uint64(8)) & LOW_BYTES
    x = (x | x << np.uint64(4)) & LOW_NIBBLES
    return (x | x << np.uint64(2)) & np.uint64(0x1111111111111111)


@njit(inline="always")
def _answers(word: np.uint64, t0: np.uint64, t1: np.uint64, t2: np.uint64, t3: np.uint64) -> np.uint32:
    """Both answers for all digits of a public word, from the four words of the tables.

    Numba puts it into its loops, which the compiler makes vectors of only so.
    """
    h0, h1 = _four_tables(word), _four_tables(word >> np.uint64(16))
    h2, h3 = _four_tables(word >> np.uint64(32)), _four_tables(word >> np.uint64(48))
    # A bit of the answer is the parity of a 16-bit lane: of the entries above c for [c < r], of the one at c for
    # [c = r]. Folds pack the lanes of these eight words into one while they halve them.
    w0 = _fold(t0 & ~_at_most(h0), t0 & h0, np.uint64(8), LOW_BYTES)
    w1 = _fold(t1 & ~_at_most(h1), t1 & h1, np.uint64(8), LOW_BYTES)
    w2 = _fold(t2 & ~_at_most(h2), t2 & h2, np.uint64(8), LOW_BYTES)
    w3 = _fold(t3 & ~_at_most(h3), t3 & h3, np.uint64(8), LOW_BYTES)
    even = _fold(w0, w2, np.uint64(4), LOW_NIBBLES)
    odd = _fold(w1, w3, np.uint64(4), LOW_NIBBLES)
    pairs = _fold(even, odd, np.uint64(2), np.uint64(0x3333333333333333))
    parity = (pairs ^ pairs >> np.uint64(1)) & np.uint64(0x5555555555555555)
    # Now bit 16 q + 8 e + 2 w is the answer to question e for digit 4 w + q; it belongs at bit 16 e + 4 w + q.
    quarters = _spread(parity & LOW_QUARTERS) | _spread(parity >> np.uint64(16) & LOW_QUARTERS) << ONE
    return np.uint32((quarters | quarters >> np.uint64(30)) & LOW_HALF)


@njit(void(reads(uint64, 1), reads(uint64, 2), writes(uint32, 1)), cache=True, nogil=True)
def lookup(c: Words, tables: Words, out: HalfWords) -> None:
    """This party's xor shares of [c_i < r_i] and [c_i = r_i] for the lowest digits of c and r.

    Parameters
    ----------
    c : uint64[n]
        Opened, the same at all parties.
    tables : uint64[n, 1 to 4]
        This party's xor share of `onehot(r)`.
    out : uint32[n]
        Bit i is the share of [c_i < r_i], bit 16 + i that of [c_i = r_i]; zero for digits without a table.
    """
    n, words = c.size, tables.shape[1]
    if tables.shape[0] != n or not 1 <= words <= 4 or out.size != n:
        raise ValueError("lookup: shapes must be (n,), (n, 1 to 4), (n,)")
    if words == 4:
        for i in range(n):
            out[i] = _answers(c[i], tables[i, 0], tables[i, 1], tables[i, 2], tables[i, 3])
    elif words == 3:
        for i in range(n):
            out[i] = _answers(c[i], tables[i, 0], tables[i, 1], tables[i, 2], ZERO)
    else:
        for i in range(n):
            out[i] = _answers(c[i], tables[i, 0], tables[i, 1] if words == 2 else ZERO, ZERO, ZERO)
