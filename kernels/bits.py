"""Bits packed 64 to a word: bit i of a vector is bit i % 64 of word i // 64, and the bits after the last are zero.

A *plane* is one such vector: bit j of every element of an array of words. Arithmetic on planes is arithmetic on 64
elements at a time. Every kernel raises ValueError when shapes do not fit, because it does not check bounds; `out` must
not overlap an input.
"""

import numpy as np
from numba import int64, njit, uint32, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
HalfWords = NDArray[np.uint32]
Indices = NDArray[np.int64]

ZERO = np.uint64(0)
ONE = np.uint64(1)
ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
HALF_WORD = np.uint64(32)

LANES = 8
"""Blocks of 64 elements that are transposed side by side, one in each lane of a vector register."""
BLOCK = 512
"""Words of a row that are worked on together, so that the rows of one product stay in the first-level cache (4 KiB)."""


@njit(void(reads(uint64, 1), writes(uint64, 1)), cache=True, nogil=True)
def pack(bits: Words, out: Words) -> None:
    """Pack the lowest bit of each word of bits[n] into out[ceil(n / 64)]."""
    n = bits.size
    if out.size != (n + 63) // 64:
        raise ValueError("pack: out must have ceil(n / 64) words")
    for w in range(n // 64):
        block = bits[64 * w :]
        word = ZERO
        for i in range(64):
            word |= (block[i] & ONE) << np.uint64(i)
        out[w] = word
    if n % 64:
        tail = bits[n - n % 64 :]
        word = ZERO
        for i in range(tail.size):
            word |= (tail[i] & ONE) << np.uint64(i)
        out[n // 64] = word


@njit(void(reads(uint64, 1), writes(uint64, 1)), cache=True, nogil=True)
def unpack(words: Words, out: Words) -> None:
    """Unpack words[ceil(n / 64)] into the words 0 and 1 of out[n]."""
    n = out.size
    if words.size != (n + 63) // 64:
        raise ValueError("unpack: words must have ceil(n / 64) entries")
    for w in range(n // 64):
        word = words[w]
        block = out[64 * w :]
        for i in range(64):
            block[i] = (word >> np.uint64(i)) & ONE
    for i in range(n - n % 64, n):
        out[i] = (words[i // 64] >> np.uint64(i % 64)) & ONE


@njit(void(writes(uint64, 2)), cache=True, nogil=True)
def _transpose(rows: Words) -> None:
    """Transpose, in each lane, the two 32 x 32 bit matrices in the low and in the high halves of 32 words.

    rows[32, LANES], in place: bit j of row i changes places with bit i of row j. Five rounds swap ever smaller
    off-diagonal blocks (Warren, Hacker's Delight, section 7-3).
    """
    distance = 16
    mask = np.uint64(0x0000FFFF0000FFFF)
    while distance:
        places = np.uint64(distance)
        for base in range(0, 32, 2 * distance):
            for i in range(base, base + distance):
                upper, lower = rows[i], rows[i + distance]
                for lane in range(LANES):
                    change = ((upper[lane] >> places) ^ lower[lane]) & mask
                    upper[lane] ^= change << places
                    lower[lane] ^= change
        distance >>= 1
        mask ^= mask << np.uint64(distance)


@njit(void(reads(uint32, 1), writes(uint64, 2)), cache=True, nogil=True)
def to_planes(words: HalfWords, out: Words) -> None:
    """Split words[n] into planes out[32, ceil(n / 64)]: bit j of element i is bit i of plane j."""
    n = words.size
    width = (n + 63) // 64
    if out.shape[0] != 32 or out.shape[1] != width:
        raise ValueError("to_planes: out must have shape (32, ceil(n / 64))")
    group = 64 * LANES
    padded = np.zeros(group, np.uint32)
    rows = np.empty((32, LANES), np.uint64)
    for start in range(0, n, group):
        block = words[start:]
        if block.size < group:
            padded[: block.size] = block
            block = padded
        for lane in range(LANES):
            # Elements i and i + 32 of a block share a row, so two 32 x 32 transpositions make a plane's word.
            for i in range(32):
                rows[i, lane] = np.uint64(block[64 * lane + i]) | np.uint64(block[64 * lane + i + 32]) << HALF_WORD
        _transpose(rows)
        first = start // 64
        lanes = min(LANES, width - first)
        for j in range(32):
            for lane in range(lanes):
                out[j, first + lane] = rows[j, lane]


@njit(void(reads(uint64, 2), writes(uint32, 1)), cache=True, nogil=True)
def from_planes(planes: Words, out: HalfWords) -> None:
    """Inverse of to_planes: planes[32, ceil(n / 64)] into out[n]."""
    n = out.size
    width = (n + 63) // 64
    if planes.shape[0] != 32 or planes.shape[1] != width:
        raise ValueError("from_planes: planes must have shape (32, ceil(n / 64))")
    group = 64 * LANES
    rows = np.empty((32, LANES), np.uint64)
    padded = np.empty(group, np.uint32)
    for start in range(0, n, group):
        first = start // 64
        lanes = min(LANES, width - first)
        for j in range(32):
            for lane in range(lanes):
                rows[j, lane] = planes[j, first + lane]
        _transpose(rows)
        rest = out[start:]
        block = rest if rest.size >= group else padded
        for lane in range(lanes):
            for i in range(32):
                block[64 * lane + i] = np.uint32(rows[i, lane])
                block[64 * lane + i + 32] = np.uint32(rows[i, lane] >> HALF_WORD)
        if rest.size < group:
            rest[:] = padded[: rest.size]


@njit(void(reads(uint64, 2), reads(int64, 1), writes(uint64, 2)), cache=True, nogil=True)
def products(masks: Words, subsets: Indices, out: Words) -> None:
    """Products of planes: out[i] = AND of masks[j] over the bits j that are set in subsets[i].

    masks[v, m] with v <= 63, subsets[s], out[s, m]. The empty product is all ones, padding included.
    """
    v, m = masks.shape
    if v > 63 or out.shape[0] != subsets.size or out.shape[1] != m:
        raise ValueError("products: shapes must be (v, m), (s,), (s, m) with v <= 63")
    for start in range(0, m, BLOCK):
        for i in range(subsets.size):
            if subsets[i] < 0 or subsets[i] >> v:
                raise ValueError("products: a subset names a plane that is not there")
            target = out[i, start : start + BLOCK]
            target[:] = ONES
            for j in range(v):
                if subsets[i] >> j & 1:
                    factor = masks[j, start : start + BLOCK]
                    for w in range(target.size):
                        target[w] &= factor[w]


@njit(void(reads(uint64, 2), reads(uint64, 2), reads(int64, 2), uint64, writes(uint64, 2)), cache=True, nogil=True)
def multilinear(opened: Words, shares: Words, terms: Indices, first: int, out: Words) -> None:
    """Shares of polynomials over GF(2) in opened bits, whose coefficients are shared.

    A term (target, subset, index) adds to out[target] the product of opened[j] over the bits j set in `subset`, times
    shares[index]. The index -1 stands for the public coefficient one, which only the party of rank 0 adds. Opening
    d = x xor a turns a product of bits x into such a polynomial, with the dealer's products of masks a as coefficients.

    Parameters
    ----------
    opened : uint64[v, m]
        Planes that all parties know; v <= 63.
    shares : uint64[s, m]
        This party's xor shares of the coefficients.
    terms : int64[t, 3]
        Rows (target, subset as a bitset, index); the product over the empty subset is all ones, padding included.
    first : int
        1 at the party of rank 0 and 0 at all others.
    out : uint64[o, m]
    """
    v, m = opened.shape
    if v > 63 or shares.shape[1] != m or out.shape[1] != m or terms.shape[1] != 3:
        raise ValueError("multilinear: shapes must be (v, m), (s, m), (t, 3), (o, m) with v <= 63")
    for t in range(terms.shape[0]):
        target, subset, index = terms[t]
        if target < 0 or target >= out.shape[0] or index < -1 or index >= shares.shape[0]:
            raise ValueError("multilinear: a term names a row that is not there")
        if subset < 0 or subset >> v:
            raise ValueError("multilinear: a term names a plane that is not there")
    public = np.full(BLOCK, ONES if first else ZERO, np.uint64)
    product = np.empty(BLOCK, np.uint64)
    chosen = np.empty(64, np.int64)
    out[:] = ZERO
    for start in range(0, m, BLOCK):
        stop = min(start + BLOCK, m)
        for t in range(terms.shape[0]):
            target, subset, index = terms[t]
            total = out[target, start:stop]
            value = public[: stop - start] if index < 0 else shares[index, start:stop]
            count = 0
            for j in range(v):
                if subset >> j & 1:
                    chosen[count] = j
                    count += 1
            # Four factors a pass; a plane named twice changes no product, so the last pass repeats one.
            while count > 4:
                count -= 3
                a = opened[chosen[count], start:stop]
                b = opened[chosen[count + 1], start:stop]
                c = opened[chosen[count + 2], start:stop]
                partial = product[: stop - start]
                for w in range(partial.size):
                    partial[w] = value[w] & a[w] & b[w] & c[w]
                value = partial
            if count == 0:
                for w in range(total.size):
                    total[w] ^= value[w]
            else:
                a = opened[chosen[0], start:stop]
                b = opened[chosen[min(1, count - 1)], start:stop]
                c = opened[chosen[min(2, count - 1)], start:stop]
                d = opened[chosen[count - 1], start:stop]
                for w in range(total.size):
                    total[w] ^= value[w] & a[w] & b[w] & c[w] & d[w]
