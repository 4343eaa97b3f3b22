"""Rows of matrices, straight into their place in another."""

import numpy as np
from numba import int64, njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]


@njit(void(reads(uint64, 2), reads(int64, 1), int64, writes(uint64, 2)), cache=True, nogil=True)
def rows(x: Words, numbers: NDArray[np.int64], column: int, out: Words) -> None:
    """out[i, column : column + k] = x[numbers[i]], for x of shape (n, k); the caller has checked the numbers."""
    k = x.shape[1]
    if out.shape[0] != numbers.size or column < 0 or out.shape[1] < column + k:
        raise ValueError("rows: a row a number, and room for all columns from the first one")
    for i in range(numbers.size):
        number = numbers[i]
        for j in range(k):
            out[i, column + j] = x[number, j]


@njit(void(reads(uint64, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def parted(x: Words, whole: Words, out: Words) -> None:
    """Rows of x, each followed by what the row of `whole` has beyond it: out = [x, whole - x], x of shape (n, k)."""
    n, k = x.shape
    if whole.shape != (n, k) or out.shape != (n, 2 * k):
        raise ValueError("parted: two matrices of one shape, and room for both side by side")
    for i in range(n):
        for j in range(k):
            out[i, j] = x[i, j]
        for j in range(k):
            out[i, k + j] = whole[i, j] - x[i, j]
