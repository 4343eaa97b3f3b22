"""Products of matrices of bits over GF(2), the bits of a row packed 64 to a word.

A product looks eight columns of its left factor up at a time, in a table of the sums of eight rows of the right one
(Arlazarov, Dinic, Kronrod and Faradzev, 1970): 64 columns of the result for eight look-ups a word.
"""

import numpy as np
from numba import int64, njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]

ZERO, ONE, BYTE = np.uint64(0), np.uint64(1), np.uint64(255)
WORD = 64


@njit(void(reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def pack(x: Words, out: Words) -> None:
    """The lowest bits of the words of each row: x[n, m] to out[n, ceil(m / 64)], zeros after the last."""
    n, m = x.shape
    width = (m + WORD - 1) // WORD
    if out.shape[0] != n or out.shape[1] != width:
        raise ValueError("pack: out must have the rows of x and a word for each 64 columns")
    for i in range(n):
        for w in range(width):
            part = x[i, WORD * w : min(WORD * (w + 1), m)]
            word = ZERO
            for j in range(part.size):
                word |= (part[j] & ONE) << np.uint64(j)
            out[i, w] = word


@njit(void(reads(uint64, 2), int64, writes(uint64, 2)), cache=True, nogil=True)
def _sums(y: Words, chunk: int, table: Words) -> None:
    """Sums of each eight rows of a word of columns, by which of them they add."""
    for group in range(table.shape[0]):
        table[group, 0] = ZERO
        for bit in range(8):
            row = 8 * group + bit
            word = y[row, chunk] if row < y.shape[0] else ZERO
            half = 1 << bit
            for which in range(half):
                table[group, half + which] = table[group, which] ^ word


@njit(void(reads(uint64, 2), reads(uint64, 2), int64, int64, int64, writes(uint64, 1)), cache=True, nogil=True)
def multiply(x: Words, y: Words, columns: int, first: int, stop: int, out: Words) -> None:
    """Exclusive or of `out` and rows `first` to `stop` of x y, packed row after row without gaps.

    Parameters
    ----------
    x : uint64[n, ceil(m / 64)]
    y : uint64[m, ceil(columns / 64)]
    columns : int
        Of y and of the product.
    first, stop : int
        `first` times `columns` is a multiple of 64, so that different runs of rows write to different words.
    out : uint64[ceil(n columns / 64)]
    """
    n, width = x.shape
    m = y.shape[0]
    if (m + WORD - 1) // WORD != width or (columns + WORD - 1) // WORD != y.shape[1]:
        raise ValueError("multiply: shapes must be (n, ceil(m / 64)), (m, ceil(columns / 64))")
    if out.size != (n * columns + WORD - 1) // WORD or not 0 <= first <= stop <= n or first * columns % WORD:
        raise ValueError("multiply: out must have a word for each 64 bits, and rows begin with one")
    table = np.empty((8 * width, 256), np.uint64)
    for chunk in range(y.shape[1]):
        _sums(y, chunk, table)
        for i in range(first, stop):
            found = ZERO
            for w in range(width):
                word = x[i, w]
                for byte in range(8):
                    found ^= table[8 * w + byte, word >> np.uint64(8 * byte) & BYTE]
            bit = i * columns + WORD * chunk
            place, shift = bit // WORD, np.uint64(bit % WORD)
            out[place] ^= found << shift
            beyond = found >> (np.uint64(WORD - 1) - shift) >> ONE
            if beyond:
                out[place + 1] ^= beyond
