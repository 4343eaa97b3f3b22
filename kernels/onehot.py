"""Products with a matrix of zeros and few ones, which stands as the places of the ones in each row."""

import numpy as np
from numba import int32, njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
Places = NDArray[np.int32]
"""Columns of the ones of each row, shape (n, k); -1 fills up the rows that have fewer."""


@njit(void(reads(int32, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def gathered(places: Places, w: Words, out: Words) -> None:
    """Matrix times w, of shape (m, v), added to `out`, of shape (n, v): sums of rows of w."""
    n, k = places.shape
    v = w.shape[1]
    if out.shape[0] != n or out.shape[1] != v:
        raise ValueError("gathered: out must have a row for each row of places, and the columns of w")
    for i in range(n):
        for p in range(k):
            place = places[i, p]
            if place >= w.shape[0]:
                raise ValueError("gathered: a place beyond the rows of w")
            if place >= 0:
                for j in range(v):
                    out[i, j] += w[place, j]


@njit(void(reads(int32, 2), reads(uint64, 2), writes(uint64, 2)), cache=True, nogil=True)
def scattered(places: Places, w: Words, out: Words) -> None:
    """Transposed matrix times w, of shape (n, v), added to `out`, of shape (m, v): each row of w to all its places."""
    n, k = places.shape
    v = w.shape[1]
    if w.shape[0] != n or out.shape[1] != v:
        raise ValueError("scattered: w must have a row for each row of places, and out the columns of w")
    for i in range(n):
        for p in range(k):
            place = places[i, p]
            if place >= out.shape[0]:
                raise ValueError("scattered: a place beyond the rows of out")
            if place >= 0:
                for j in range(v):
                    out[place, j] += w[i, j]


def places_of(x: NDArray[np.uint64]) -> Places:
    """The places of the ones in each row of a matrix of zeros and ones."""
    counts = np.count_nonzero(x, axis=1)
    rows, columns = np.nonzero(x)
    width = int(counts.max(initial=0))
    places = np.full((x.shape[0], width), -1, np.int32)
    places[rows, np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)] = columns
    return places
