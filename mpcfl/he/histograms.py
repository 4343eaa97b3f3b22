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
from typing import Any, TypeAlias

import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from mpcfl.he.array import PaillierArray

Numbers: TypeAlias = NDArray[np.int64]
LARGEST_KEY = 1 << 62


def histograms(array: PaillierArray, nodes: Numbers, codes: Numbers, count: int, sizes: Sequence[int]) -> PaillierArray:
    """Sums by node, column and bin.

    Parameters
    ----------
    array : PaillierArray, shape (rows,)
    nodes : ndarray of int, shape (rows,)
        From 0 to count - 1, or -1 for rows that are in none.
    codes : ndarray of int, shape (rows, columns)
        The bin of each row: 0 for the one that is not summed, else 1 to the column's size.
    count : int
        Nodes.
    sizes : sequence of int
        Summed bins of each column.

    Returns
    -------
    PaillierArray, shape (count, sum of sizes)
        Of bins 1 and on, the columns side by side. It tells what was summed until it is randomised.
    """
    cells = np.full((count, sum(sizes)), mpz(1), object)
    starts = np.cumsum([0, *sizes])[:-1]
    order = np.argsort(sizes, kind="stable")  # columns of few bins together
    here = np.flatnonzero(nodes >= 0)
    _Sums(array.key.n_squared, np.asarray(sizes)[order], starts[order], cells).add(
        array.ravel()._cells[here], nodes[here], codes[np.ix_(here, order)], slice(0, len(order))
    )
    bound = array.bound * max(1, len(here))
    return PaillierArray.of(array.key, cells.reshape(-1).tolist(), cells.shape, array.fraction, bound, array.dtype)


class _Sums:
    """The cells that are filled, and what all steps need."""

    def __init__(self, modulus: mpz, sizes: Numbers, starts: Numbers, cells: NDArray[Any]) -> None:
        self._modulus, self._sizes, self._starts, self._cells = modulus, sizes, starts, cells

    def add(self, items: NDArray[Any], nodes: Numbers, codes: Numbers, columns: slice) -> None:
        """Fill the cells of some columns."""
        codes = codes[:, columns]
        used = codes.any(axis=1)
        if not used.any():
            return
        items, nodes, codes = items[used], nodes[used], codes[used]
        radix = [int(size) + 1 for size in self._sizes[columns]]
        if math.prod(radix) * len(self._cells) < LARGEST_KEY:
            keys = nodes.copy()
            for place, size in enumerate(radix):
                keys = keys * size + codes[:, place]
            items, first = self._joined(items, keys)
            nodes, codes = nodes[first], codes[first]
        width = columns.stop - columns.start
        if width == 1:
            self._cells[nodes, self._starts[columns.start] + codes[:, 0] - 1] = items
            return
        half = max(1, width // 4 * 2)
        full = np.zeros((len(codes), columns.stop), np.int64)
        full[:, columns] = codes
        for part in (slice(columns.start, columns.start + half), slice(columns.start + half, columns.stop)):
            self.add(items, nodes, full, part)

    def _joined(self, items: NDArray[Any], keys: Numbers) -> tuple[NDArray[Any], Numbers]:
        """The sums of items of one key, and the place of one such item each."""
        order = np.argsort(keys, kind="stable")
        begins = np.flatnonzero(np.diff(keys[order], prepend=-1))
        lists: list[mpz] = items[order].tolist()
        sums = np.empty(len(begins), object)
        for place, (start, stop) in enumerate(zip(begins, [*begins[1:], len(lists)], strict=True)):
            total = lists[start]
            for one in lists[start + 1 : stop]:
                total = total * one % self._modulus
            sums[place] = total
        return sums, order[begins]
