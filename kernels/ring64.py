"""Products in the ring Z_2^64, on uint64 arrays with wrap-around.

Every kernel fills a preallocated `out` (matrix products add to it), which must not overlap an input unless its
docstring allows it, and raises ValueError when shapes do not fit, because a kernel does not check bounds. `first` is 1
at the party of rank 0 and 0 at all others: that one party adds what is public.
"""

import numpy as np
from numba import njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]

ONE = np.uint64(1)
TWO = np.uint64(2)
ZERO = np.uint64(0)

PANEL = 1 << 17
"""Words of the right factor that stay in the second-level cache while all rows of the left factor pass (1 MiB)."""


@njit(void(reads(uint64, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def matmul(a: Words, b: Words, out: Words) -> None:
    """Matrix product added to `out`: out += a b, of shapes (m, k), (k, n), (m, n).

    Blocks of 4 rows times 4 steps of k: each pass over a row of `out` then does 16 multiplications for 8 loads, which
    keeps the multiplier busy; the compiler vectorises the loop over columns.
    """
    m, k = a.shape
    n = b.shape[1]
    if b.shape[0] != k or out.shape[0] != m or out.shape[1] != n:
        raise ValueError("matmul: shapes must be (m, k), (k, n), (m, n)")
    m4, k4 = m - m % 4, k - k % 4
    depth = max(4, PANEL // max(n, 1) // 4 * 4)
    for start in range(0, k4, depth):
        panel = b[start : min(start + depth, k4)]
        for i in range(0, m4, 4):
            a0, a1, a2, a3 = a[i, start:], a[i + 1, start:], a[i + 2, start:], a[i + 3, start:]
            for p in range(0, panel.shape[0], 4):
                a00, a01, a02, a03 = a0[p], a0[p + 1], a0[p + 2], a0[p + 3]
                a10, a11, a12, a13 = a1[p], a1[p + 1], a1[p + 2], a1[p + 3]
                a20, a21, a22, a23 = a2[p], a2[p + 1], a2[p + 2], a2[p + 3]
                a30, a31, a32, a33 = a3[p], a3[p + 1], a3[p + 2], a3[p + 3]
                for j in range(n):
                    b0, b1, b2, b3 = panel[p, j], panel[p + 1, j], panel[p + 2, j], panel[p + 3, j]
                    out[i, j] += a00 * b0 + a01 * b1 + a02 * b2 + a03 * b3
                    out[i + 1, j] += a10 * b0 + a11 * b1 + a12 * b2 + a13 * b3
                    out[i + 2, j] += a20 * b0 + a21 * b1 + a22 * b2 + a23 * b3
                    out[i + 3, j] += a30 * b0 + a31 * b1 + a32 * b2 + a33 * b3
    for i in range(m4, m):
        for p in range(0, k4, 4):
            a00, a01, a02, a03 = a[i, p], a[i, p + 1], a[i, p + 2], a[i, p + 3]
            for j in range(n):
                out[i, j] += a00 * b[p, j] + a01 * b[p + 1, j] + a02 * b[p + 2, j] + a03 * b[p + 3, j]
    for i in range(m):
        for p in range(k4, k):
            a00 = a[i, p]
            for j in range(n):
                out[i, j] += a00 * b[p, j]


@njit(void(reads(uint64, 2), reads(uint64, 1), writes(uint64, 1)), cache=True, nogil=True)
def matvec(a: Words, x: Words, out: Words) -> None:
    """Matrix times vector, added to `out`: out += a x, of shapes (m, k), (k,), (m,)."""
    m, k = a.shape
    if x.size != k or out.size != m:
        raise ValueError("matvec: shapes must be (m, k), (k,), (m,)")
    m4 = m - m % 4
    for i in range(0, m4, 4):
        s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
        for j in range(k):
            v = x[j]
            s0 += a[i, j] * v
            s1 += a[i + 1, j] * v
            s2 += a[i + 2, j] * v
            s3 += a[i + 3, j] * v
        out[i] += s0
        out[i + 1] += s1
        out[i + 2] += s2
        out[i + 3] += s3
    for i in range(m4, m):
        s0 = ZERO
        for j in range(k):
            s0 += a[i, j] * x[j]
        out[i] += s0


@njit(void(reads(uint64, 1), reads(uint64, 2), writes(uint64, 1)), cache=True, nogil=True)
def vecmat(x: Words, a: Words, out: Words) -> None:
    """Vector times matrix, added to `out`: out += x a = a^T x, of shapes (m,), (m, k), (k,); nothing is transposed."""
    m, k = a.shape
    if x.size != m or out.size != k:
        raise ValueError("vecmat: shapes must be (m,), (m, k), (k,)")
    m4 = m - m % 4
    for i in range(0, m4, 4):
        x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(k):
            out[j] += x0 * a[i, j] + x1 * a[i + 1, j] + x2 * a[i + 2, j] + x3 * a[i + 3, j]
    for i in range(m4, m):
        x0 = x[i]
        for j in range(k):
            out[j] += x0 * a[i, j]


@njit(void(reads(uint64, 1), reads(uint64, 1), uint64, writes(uint64, 1)), cache=True, nogil=True)
def plus_multiple(x: Words, y: Words, factor: int, out: Words) -> None:
    """out = x + factor y, on vectors of one length; `out` may be one of the inputs."""
    n = out.size
    if x.size != n or y.size != n:
        raise ValueError("plus_multiple: all vectors must have one length")
    for i in range(n):
        out[i] = x[i] + np.uint64(factor) * y[i]


@njit(
    void(
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 1),
        uint64,
        writes(uint64, 1),
    ),
    cache=True,
    nogil=True,
)
def beaver(c: Words, a: Words, b: Words, d: Words, e: Words, first: int, out: Words) -> None:
    """Share of x y from a triple and the opened d = x - a, e = y - b: out = c + d b + a e + first d e.

    Elementwise on vectors of one length; `out` may be one of the inputs.
    """
    n = out.size
    if c.size != n or a.size != n or b.size != n or d.size != n or e.size != n:
        raise ValueError("beaver: all vectors must have one length")
    for i in range(n):
        out[i] = c[i] + d[i] * b[i] + (a[i] + first * d[i]) * e[i]


@njit(void(reads(uint64, 1), reads(uint64, 1), reads(uint64, 1), uint64, writes(uint64, 1)), cache=True, nogil=True)
def square(c: Words, a: Words, d: Words, first: int, out: Words) -> None:
    """Share of x^2 from a square pair c = a^2 and the opened d = x - a: out = c + 2 d a + first d d.

    Elementwise on vectors of one length; `out` may be one of the inputs.
    """
    n = out.size
    if c.size != n or a.size != n or d.size != n:
        raise ValueError("square: all vectors must have one length")
    for i in range(n):
        out[i] = c[i] + d[i] * (TWO * a[i] + first * d[i])


@njit(
    void(
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 1),
        reads(uint64, 1),
        uint64,
        writes(uint64, 1),
    ),
    cache=True,
    nogil=True,
)
def select(t: Words, beta: Words, f: Words, rho: Words, product: Words, first: int, out: Words) -> None:
    """Share of b v for a shared bit b = t xor beta and a shared value v = f + rho.

    Public are t (0 or 1) and f; `beta`, `rho` and `product` are this party's shares of the bit beta as a ring element,
    of rho, and of beta rho. With s = 1 - 2 t, b = t + s beta, so

        out = t (first f + rho) + s (f beta + product)

    Elementwise on vectors of one length, or with as many elements to each bit; `out` may be one of the inputs.
    """
    n, m = out.size, t.size
    if beta.size != m or f.size != n or rho.size != n or product.size != n or (m == 0) != (n == 0) or (m and n % m):
        raise ValueError("select: all vectors must have one length, or bits one that divides it")
    if n == m:
        for i in range(n):
            out[i] = t[i] * (first * f[i] + rho[i]) + (ONE - TWO * t[i]) * (f[i] * beta[i] + product[i])
        return
    times = n // m
    for i in range(m):
        public, hidden, sign = t[i], beta[i], ONE - TWO * t[i]
        for j in range(i * times, (i + 1) * times):
            out[j] = public * (first * f[j] + rho[j]) + sign * (f[j] * hidden + product[j])


@njit(void(reads(uint64, 1), reads(uint64, 1), uint64, writes(uint64, 1)), cache=True, nogil=True)
def flip(t: Words, beta: Words, first: int, out: Words) -> None:
    """Share of the bit t xor beta from a public t (0 or 1) and a share of beta: out = t first + (1 - 2 t) beta.

    Elementwise on vectors of one length; `out` may be one of the inputs.
    """
    n = out.size
    if t.size != n or beta.size != n:
        raise ValueError("flip: all vectors must have one length")
    for i in range(n):
        out[i] = t[i] * first + (ONE - TWO * t[i]) * beta[i]
