"""Arithmetic in the ring Z_2^128, on arrays of limbs with wrap-around.

An element is two uint64 limbs, the low one first, along the last axis: vectors are uint64[n, 2]. Every kernel fills a
preallocated `out`, which must not overlap an input unless its docstring allows it, and raises ValueError when shapes do
not fit, because a kernel does not check bounds. `first` is 1 at the party of rank 0 and 0 at all others: that one party
adds what is public.
"""

import numpy as np
from numba import njit, types, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Limbs = NDArray[np.uint64]
Words = NDArray[np.uint64]
Pair = tuple[np.uint64, np.uint64]

ZERO = np.uint64(0)
ONE = np.uint64(1)
TWO = np.uint64(2)
HALF_WORD = np.uint64(32)
LOW_HALF = np.uint64(0xFFFFFFFF)
TOP = np.uint64(63)

PANEL = 1 << 15
"""Elements of the right factor that stay in the second-level cache while all rows of the left factor pass (512 KiB)."""

_two = types.UniTuple(uint64, 2)


@njit(uint64(uint64, uint64), cache=True, nogil=True)
def _high(x: np.uint64, y: np.uint64) -> np.uint64:
    """The high word of the 128-bit product of two words."""
    x0, x1 = x & LOW_HALF, x >> HALF_WORD
    y0, y1 = y & LOW_HALF, y >> HALF_WORD
    middle = x1 * y0 + (x0 * y0 >> HALF_WORD)
    low_middle = x0 * y1 + (middle & LOW_HALF)
    return x1 * y1 + (middle >> HALF_WORD) + (low_middle >> HALF_WORD)


@njit(_two(uint64, uint64, uint64, uint64), cache=True, nogil=True)
def _sum(x0: np.uint64, x1: np.uint64, y0: np.uint64, y1: np.uint64) -> Pair:
    low = x0 + y0
    return low, x1 + y1 + np.uint64(low < x0)


@njit(_two(uint64, uint64, uint64, uint64), cache=True, nogil=True)
def _product(x0: np.uint64, x1: np.uint64, y0: np.uint64, y1: np.uint64) -> Pair:
    return x0 * y0, _high(x0, y0) + x0 * y1 + x1 * y0


@njit(void(reads(uint64, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def add(x: Limbs, y: Limbs, out: Limbs) -> None:
    """out = x + y, for x[n], out[n] and y[n] or y[1]; `out` may be an input."""
    n, step = out.shape[0], 0 if y.shape[0] == 1 else 1
    if x.shape[0] != n or (step and y.shape[0] != n) or not x.shape[1] == y.shape[1] == out.shape[1] == 2:
        raise ValueError("add: shapes must be (n, 2), (n, 2) or (1, 2), (n, 2)")
    for i in range(n):
        out[i, 0], out[i, 1] = _sum(x[i, 0], x[i, 1], y[i * step, 0], y[i * step, 1])


@njit(void(reads(uint64, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def subtract(x: Limbs, y: Limbs, out: Limbs) -> None:
    """out = x - y, for out[n], x[n] or x[1], y[n] or y[1]; `out` may be an input."""
    n = out.shape[0]
    left, right = 0 if x.shape[0] == 1 else 1, 0 if y.shape[0] == 1 else 1
    if (left and x.shape[0] != n) or (right and y.shape[0] != n):
        raise ValueError("subtract: shapes must be (n, 2) or (1, 2), the same, (n, 2)")
    if not x.shape[1] == y.shape[1] == out.shape[1] == 2:
        raise ValueError("subtract: an element has two limbs")
    for i in range(n):
        x0, y0 = x[i * left, 0], y[i * right, 0]
        out[i, 1] = x[i * left, 1] - y[i * right, 1] - np.uint64(x0 < y0)
        out[i, 0] = x0 - y0


@njit(void(reads(uint64, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def multiply(x: Limbs, y: Limbs, out: Limbs) -> None:
    """out = x y, for x[n], out[n] and y[n] or y[1]; `out` may be an input."""
    n, step = out.shape[0], 0 if y.shape[0] == 1 else 1
    if x.shape[0] != n or (step and y.shape[0] != n) or not x.shape[1] == y.shape[1] == out.shape[1] == 2:
        raise ValueError("multiply: shapes must be (n, 2), (n, 2) or (1, 2), (n, 2)")
    for i in range(n):
        out[i, 0], out[i, 1] = _product(x[i, 0], x[i, 1], y[i * step, 0], y[i * step, 1])


@njit(void(reads(uint64, 3), writes(uint64, 2)), cache=True, nogil=True)
def total(x: Limbs, out: Limbs) -> None:
    """Sums over the first axis: x[k, n, 2], out[n, 2]."""
    k, n = x.shape[0], x.shape[1]
    if out.shape[0] != n or x.shape[2] != 2 or out.shape[1] != 2:
        raise ValueError("total: shapes must be (k, n, 2), (n, 2)")
    out[:] = ZERO
    for p in range(k):
        for i in range(n):
            out[i, 0], out[i, 1] = _sum(out[i, 0], out[i, 1], x[p, i, 0], x[p, i, 1])


@njit(void(writes(uint64, 3)), cache=True, nogil=True)
def accumulate(x: Limbs) -> None:
    """Sums of the first 1, 2, ... rows, in place: x[k, n, 2]."""
    if x.shape[2] != 2:
        raise ValueError("accumulate: an element has two limbs")
    for p in range(1, x.shape[0]):
        for i in range(x.shape[1]):
            x[p, i, 0], x[p, i, 1] = _sum(x[p, i, 0], x[p, i, 1], x[p - 1, i, 0], x[p - 1, i, 1])


@njit(void(reads(uint64, 3), reads(uint64, 3), writes(uint64, 3)), cache=True, nogil=True)
def matmul(a: Limbs, b: Limbs, out: Limbs) -> None:
    """Matrix product out = a b, of shapes (m, k, 2), (k, n, 2), (m, n, 2).

    Limbs of the right factor and of a row of the result stand apart, so that the compiler vectorises over columns.
    """
    m, k, n = a.shape[0], a.shape[1], b.shape[1]
    if b.shape[0] != k or out.shape[0] != m or out.shape[1] != n:
        raise ValueError("matmul: shapes must be (m, k, 2), (k, n, 2), (m, n, 2)")
    if not a.shape[2] == b.shape[2] == out.shape[2] == 2:
        raise ValueError("matmul: an element has two limbs")
    out[:] = ZERO
    depth = max(1, min(k, PANEL // max(n, 1)))
    low, high = np.empty((depth, n), np.uint64), np.empty((depth, n), np.uint64)
    row0, row1 = np.empty(n, np.uint64), np.empty(n, np.uint64)
    for start in range(0, k, depth):
        stop = min(start + depth, k)
        for p in range(start, stop):
            for j in range(n):
                low[p - start, j], high[p - start, j] = b[p, j, 0], b[p, j, 1]
        for i in range(m):
            for j in range(n):
                row0[j], row1[j] = out[i, j, 0], out[i, j, 1]
            for p in range(stop - start):
                x, y = a[i, start + p, 0], a[i, start + p, 1]
                x0, x1 = x & LOW_HALF, x >> HALF_WORD
                z, w = low[p], high[p]
                for j in range(n):
                    z0, z1 = z[j] & LOW_HALF, z[j] >> HALF_WORD
                    first = x0 * z0
                    middle = x1 * z0 + (first >> HALF_WORD)
                    low_middle = x0 * z1 + (middle & LOW_HALF)
                    below = low_middle << HALF_WORD | first & LOW_HALF
                    summed = row0[j] + below
                    carry = (row0[j] & below | (row0[j] | below) & ~summed) >> TOP  # as a word: it vectorises
                    above = x1 * z1 + (middle >> HALF_WORD) + (low_middle >> HALF_WORD)
                    row1[j] += above + x * w[j] + y * z[j] + carry
                    row0[j] = summed
            for j in range(n):
                out[i, j, 0], out[i, j, 1] = row0[j], row1[j]


@njit(void(reads(uint64, 3), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def matvec(a: Limbs, x: Limbs, out: Limbs) -> None:
    """Matrix times vector, out = a x, of shapes (m, k, 2), (k, 2), (m, 2)."""
    m, k = a.shape[0], a.shape[1]
    if x.shape[0] != k or out.shape[0] != m or not a.shape[2] == x.shape[1] == out.shape[1] == 2:
        raise ValueError("matvec: shapes must be (m, k, 2), (k, 2), (m, 2)")
    for i in range(m):
        s0, s1 = ZERO, ZERO
        for j in range(k):
            p0, p1 = _product(a[i, j, 0], a[i, j, 1], x[j, 0], x[j, 1])
            s0, s1 = _sum(s0, s1, p0, p1)
        out[i, 0], out[i, 1] = s0, s1


@njit(
    void(
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 2),
        uint64,
        writes(uint64, 2),
    ),
    cache=True,
    nogil=True,
)
def beaver(c: Limbs, a: Limbs, b: Limbs, d: Limbs, e: Limbs, first: int, out: Limbs) -> None:
    """Share of x y from a triple and the opened d = x - a, e = y - b: out = c + d b + a e + first d e.

    Elementwise on vectors of one length; `out` may be one of the inputs.
    """
    n = out.shape[0]
    if not c.shape == a.shape == b.shape == d.shape == e.shape == out.shape or out.shape[1] != 2:
        raise ValueError("beaver: all vectors must have one length")
    for i in range(n):
        d0, d1, e0, e1 = d[i, 0], d[i, 1], e[i, 0], e[i, 1]
        left0, left1 = _product(d0, d1, b[i, 0], b[i, 1])
        if first:
            a0, a1 = _sum(a[i, 0], a[i, 1], d0, d1)
        else:
            a0, a1 = a[i, 0], a[i, 1]
        right0, right1 = _product(a0, a1, e0, e1)
        s0, s1 = _sum(c[i, 0], c[i, 1], left0, left1)
        out[i, 0], out[i, 1] = _sum(s0, s1, right0, right1)


@njit(
    void(
        reads(uint64, 1),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 2),
        reads(uint64, 2),
        uint64,
        writes(uint64, 2),
    ),
    cache=True,
    nogil=True,
)
def select(t: Words, beta: Limbs, f: Limbs, rho: Limbs, product: Limbs, first: int, out: Limbs) -> None:
    """Share of b v for a shared bit b = t xor beta and a shared value v = f + rho.

    Public are t (words 0 or 1) and f; `beta`, `rho` and `product` are this party's shares of the bit beta as a ring
    element, of rho, and of beta rho. With g = f beta + product,

        out = g                       where t = 0
        out = first f + rho - g       where t = 1

    Elementwise on vectors of one length; `out` may be one of the inputs but t.
    """
    n = out.shape[0]
    if t.size != n or not beta.shape == f.shape == rho.shape == product.shape == out.shape or out.shape[1] != 2:
        raise ValueError("select: all vectors must have one length")
    for i in range(n):
        p0, p1 = _product(f[i, 0], f[i, 1], beta[i, 0], beta[i, 1])
        g0, g1 = _sum(p0, p1, product[i, 0], product[i, 1])
        if t[i]:
            v0, v1 = rho[i, 0], rho[i, 1]
            if first:
                v0, v1 = _sum(v0, v1, f[i, 0], f[i, 1])
            out[i, 1] = v1 - g1 - np.uint64(v0 < g0)
            out[i, 0] = v0 - g0
        else:
            out[i, 0], out[i, 1] = g0, g1
