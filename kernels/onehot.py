"""Products with a matrix of zeros and few ones, which stands as the places of the ones in each row."""

from typing import Any

import numpy as np
from numba import int32, njit, uint64, void
from numpy.typing import NDArray

from mpcfl.kernels.signature import reads, writes

Words = NDArray[np.uint64]
Places = NDArray[np.int32]
"""Columns of the ones of each row, shape (n, k); -1 fills up the rows that have fewer."""

ZERO, ONE = np.uint64(0), np.uint64(1)


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


@njit(void(reads(int32, 2), writes(uint64, 2)), cache=True, nogil=True)
def spread(places: Places, out: Words) -> None:
    """The matrix itself, in `out`, of shape (n, m)."""
    n, k = places.shape
    if out.shape[0] != n:
        raise ValueError("spread: out must have a row for each row of places")
    for i in range(n):
        out[i] = ZERO
        for p in range(k):
            place = places[i, p]
            if place >= out.shape[1]:
                raise ValueError("spread: a place beyond the columns of out")
            if place >= 0:
                out[i, place] = ONE


ROWS = 1 << 16
"""Rows that are searched for ones at a time."""


def places_of(x: NDArray[Any]) -> Places:
    """The places of the ones in each row of a matrix of zeros and ones."""
    counts = np.count_nonzero(x, axis=1)
    places = np.full((x.shape[0], int(counts.max(initial=0))), -1, np.int32)
    for start in range(0, x.shape[0], ROWS):
        rows, columns = np.nonzero(x[start : start + ROWS])
        own = counts[start : start + ROWS]
        places[start + rows, np.arange(len(rows)) - np.repeat(np.cumsum(own) - own, own)] = columns
    return places
