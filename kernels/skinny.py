"""Products of a large matrix with few columns: it is read once, where it stands, and nothing is packed."""

import numpy as np
from numba import njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]

ZERO = np.uint64(0)


@njit(void(reads(uint64, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def upright(a: Words, columns: Words, out: Words) -> None:
    """out += a w, of shapes (m, k), (k, v), (m, v), where `columns` is w transposed."""
    m, k = a.shape
    v = columns.shape[0]
    if columns.shape[1] != k or out.shape[0] != m or out.shape[1] != v:
        raise ValueError("upright: shapes must be (m, k), (v, k), (m, v)")
    m4 = m - m % 4
    for i in range(0, m4, 4):
        for c in range(v):
            s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
            for j in range(k):
                w = columns[c, j]
                s0 += a[i, j] * w
                s1 += a[i + 1, j] * w
                s2 += a[i + 2, j] * w
                s3 += a[i + 3, j] * w
            out[i, c] += s0
            out[i + 1, c] += s1
            out[i + 2, c] += s2
            out[i + 3, c] += s3
    for i in range(m4, m):
        for c in range(v):
            s0 = ZERO
            for j in range(k):
                s0 += a[i, j] * columns[c, j]
            out[i, c] += s0


@njit(void(reads(uint64, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def transposed(a: Words, w: Words, out: Words) -> None:
    """out += w^T a, of shapes (v, m), (m, k), (v, k): a^T w transposed."""
    m, k = a.shape
    v = w.shape[1]
    if w.shape[0] != m or out.shape[0] != v or out.shape[1] != k:
        raise ValueError("transposed: shapes must be (m, k), (m, v), (v, k)")
    m8 = m - m % 8
    for i in range(0, m8, 8):
        for c in range(v):
            w0, w1, w2, w3 = w[i, c], w[i + 1, c], w[i + 2, c], w[i + 3, c]
            w4, w5, w6, w7 = w[i + 4, c], w[i + 5, c], w[i + 6, c], w[i + 7, c]
            for j in range(k):
                out[c, j] += (
                    w0 * a[i, j]
                    + w1 * a[i + 1, j]
                    + w2 * a[i + 2, j]
                    + w3 * a[i + 3, j]
                    + w4 * a[i + 4, j]
                    + w5 * a[i + 5, j]
                    + w6 * a[i + 6, j]
                    + w7 * a[i + 7, j]
                )
    for i in range(m8, m):
        for c in range(v):
            w0 = w[i, c]
            for j in range(k):
                out[c, j] += w0 * a[i, j]
