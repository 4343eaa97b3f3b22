"""Sums of encrypted numbers by the bins that their rows are in: what boosted trees ask of a host.

A row adds to one bin of every column. Rows that are in the same bins of two columns are added up first, and their sum
goes into both: the columns are halved again and again, and in each half rows that are alike in all of its columns
become one. That never takes more additions than column by column, for 10,000 rows and columns of 32 bins little more
than half, and for columns of few bins a small part. One bin of each column is not summed at all: it is what the others
lack of the sum over all rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from mpcfl.he.array import PaillierArray
from mpcfl.he.residues import Held

Numbers: TypeAlias = NDArray[np.int64]
LARGEST_KEY = 1 << 62


class Histograms:
    """Sums of the numbers of rows, again and again for other parts of the rows.

    Parameters
    ----------
    array : PaillierArray, shape (rows,)
    codes : ndarray of int, shape (rows, columns)
        The bin of each row: 0 for the one that is not summed, else 1 to the column's size.
    sizes : sequence of int
        Summed bins of each column.
    """

    def __init__(self, array: PaillierArray, codes: Numbers, sizes: Sequence[int]) -> None:
        order = np.argsort(sizes, kind="stable")  # columns of few bins together
        self._array, self._within = array, array.key.residues
        self._held = self._within.take(array.ciphertexts)
        self._codes, self._sizes = codes[:, order], np.asarray(sizes)[order]
        self._starts = np.cumsum([0, *sizes])[:-1][order]
        self._width = sum(sizes)

    def sums(self, nodes: Numbers, count: int) -> PaillierArray:
        """Sums by node, column and bin.

        Parameters
        ----------
        nodes : ndarray of int, shape (rows,)
            From 0 to count - 1, or -1 for rows that are in none.
        count : int

        Returns
        -------
        PaillierArray, shape (count, sum of sizes)
            Of bins 1 and on, the columns side by side. It tells what was summed until it is randomised.
        """
        here = np.flatnonzero(nodes >= 0)
        cells = [mpz(1)] * (count * self._width)
        for places, held in self._filled(self._held[here], nodes[here], self._codes[here], 0, count):
            for place, one in zip(places.tolist(), self._within.give(held), strict=True):
                cells[place] = one
        array, bound = self._array, self._array.bound * max(1, len(here))
        return PaillierArray.of(array.key, cells, (count, self._width), array.fraction, bound, array.dtype)

    def _filled(self, held: Held, nodes: Numbers, codes: Numbers, first: int, count: int) -> list[tuple[Numbers, Held]]:
        """Cells and their sums, of columns from the `first` on."""
        used = codes.any(axis=1)
        if not used.any():
            return []
        held, nodes, codes = held[used], nodes[used], codes[used]
        width = codes.shape[1]
        radix = [int(size) + 1 for size in self._sizes[first : first + width]]
        if math.prod(radix) * count < LARGEST_KEY:
            keys = nodes.copy()
            for place, size in enumerate(radix):
                keys = keys * size + codes[:, place]
            held, alike = self._joined(held, keys)
            nodes, codes = nodes[alike], codes[alike]
        if width == 1:
            return [(nodes * self._width + self._starts[first] + codes[:, 0] - 1, held)]
        half = max(1, width // 4 * 2)
        return [
            *self._filled(held, nodes, codes[:, :half], first, count),
            *self._filled(held, nodes, codes[:, half:], first + half, count),
        ]

    def _joined(self, held: Held, keys: Numbers) -> tuple[Held, Numbers]:
        """The sums of numbers of one key, and the place of one such number each: pair by pair, then pairs of pairs."""
        order = np.argsort(keys, kind="stable")
        held = held[order]
        begins = np.flatnonzero(np.diff(keys[order], prepend=-1))
        lengths = np.diff(begins, append=len(keys))
        while lengths.max(initial=0) > 1:
            place = np.arange(len(held)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            even = np.flatnonzero(place % 2 == 0)
            paired = place[even] + 1 < np.repeat(lengths, (lengths + 1) // 2)
            left = even[paired]
            summed = held[even]
            summed[paired] = self._within.products(held, np.stack([left, left + 1], axis=1))
            held, lengths = summed, (lengths + 1) // 2
        return held, order[begins]
