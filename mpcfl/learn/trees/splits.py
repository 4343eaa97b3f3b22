"""All the ways to part a node's rows in two by one column, as public tables: which bins go left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpcfl.learn.trees.bins import Column
from mpcfl.learn.validation import Array


@dataclass(frozen=True, eq=False)
class Group:
    """Columns of one kind, which have the same splits.

    Attributes
    ----------
    table : ndarray of int, shape (splits, size)
        1 where a bin of a column goes left.
    ends : ndarray of int, shape (splits, size)
        1 at the bins without whose rows another split parts the rows alike.
    columns : ndarray of int
        Which these are.
    bins : ndarray of int, shape (columns * size,)
        Where their bins are in the matrix.
    """

    table: NDArray[np.int64]
    ends: NDArray[np.int64]
    columns: NDArray[np.int64]
    bins: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Splits:
    """The splits of some columns, in the order of kinds, of columns and of thresholds.

    Attributes
    ----------
    columns : tuple of Column
        All there are.
    groups : tuple of Group
        Of those that are split.
    """

    columns: tuple[Column, ...]
    groups: tuple[Group, ...]

    @staticmethod
    def of(columns: Sequence[Column], some: NDArray[np.int64] | None = None) -> Splits:
        """Every split of these columns, or of some of them.

        An ordered column is cut between two bins, its missing values on either side, or its missing values are told
        from all others; of a categorical one each category is told from all others.
        """
        starts = np.cumsum([0, *(one.size for one in columns)])
        wanted = range(len(columns)) if some is None else sorted(some.tolist())
        groups = []
        for kind in dict.fromkeys(columns):
            table, ends = _categories(kind) if kind.categorical else _cuts(kind)
            places = np.array([place for place in wanted if columns[place] == kind], np.int64)
            if len(table) and len(places):
                groups.append(Group(table, ends, places, (starts[places][:, None] + np.arange(kind.size)).reshape(-1)))
        if not groups:  # a split that sends all rows the same way is never worth it
            none = np.zeros((1, columns[0].size), np.int64)
            groups.append(Group(none, none, np.zeros(1, np.int64), np.arange(columns[0].size)))
        return Splits(tuple(columns), tuple(groups))

    def __len__(self) -> int:
        return sum(len(group.table) * len(group.columns) for group in self.groups)

    @property
    def bins(self) -> int:
        """Columns of the matrix."""
        return sum(one.size for one in self.columns)

    def left(self, sums: Array) -> Array:
        """Sums of the left side of each split: from sums by bin, (bins, k), to (splits, k)."""
        return self._sums([group.table for group in self.groups], sums)

    def lacking(self, full: Array) -> Array:
        """How many of its ends each split lacks: from ones at bins that have rows, (bins, k), to (splits, k)."""
        needed = [np.repeat(group.ends.sum(axis=1)[None], len(group.columns), axis=0).ravel() for group in self.groups]
        return np.concatenate(needed)[:, None] - self._sums([group.ends for group in self.groups], full)

    def _sums(self, tables: Sequence[NDArray[np.int64]], sums: Array) -> Array:
        width = sums.shape[1]
        parts = [
            (table @ sums[group.bins].reshape(len(group.columns), -1, width)).reshape(-1, width)
            for table, group in zip(tables, self.groups, strict=True)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def going_left(self, chosen: Array) -> Array:
        """Which bins go left: from ones at the chosen splits, (splits, k), to (bins, k)."""
        parts, start, width = [], 0, chosen.shape[1]
        for group in self.groups:
            count, d = len(group.table), len(group.columns)
            block = chosen[start : start + count * d].reshape(d, count, width)
            parts.append((group.table.T @ block).reshape(-1, width))
            start += count * d
        read = np.concatenate([group.bins for group in self.groups])
        rest = np.setdiff1d(np.arange(self.bins), read)
        if len(rest):
            parts.append(np.zeros((len(rest), width), np.int64))
        order = np.argsort(np.concatenate([read, rest]))
        return (parts[0] if len(parts) == 1 else np.concatenate(parts))[order]

    @property
    def readers(self) -> NDArray[np.int64]:
        """The column that each split reads."""
        return np.concatenate([np.repeat(group.columns, len(group.table)) for group in self.groups])

    def signs(self, constraints: Sequence[int]) -> NDArray[np.int64]:
        """The constraint of the column that each split cuts; 0 where a split follows no order."""
        along = np.concatenate([np.tile(group.ends.any(axis=1), len(group.columns)) for group in self.groups])
        return np.where(along, np.asarray(constraints)[self.readers], 0)

    def by_column(self, values: Array) -> Array:
        """Sums of a value a split, (splits,), by column, (columns,)."""
        return (1.0 * (np.arange(len(self.columns))[:, None] == self.readers)) @ values


Tables = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Which bins go left, and which must have rows."""


def _cuts(column: Column) -> Tables:
    count = max(column.bins - 1, 0)
    below, last = np.tril(np.ones((count, column.bins), np.int64)), np.eye(count, column.bins, dtype=np.int64)
    if not column.missing:
        return below, last
    none = np.zeros((count, 1), np.int64)
    apart = np.ones((1 if column.bins else 0, column.size), np.int64)
    apart[:, -1] = 0

    def both(right: NDArray[np.int64]) -> NDArray[np.int64]:
        """Missing values to the right of each cut, and to its left."""
        return np.stack([np.c_[right, none], np.c_[right, none + 1]], axis=1).reshape(-1, column.size)

    return np.r_[both(below), apart], np.r_[both(last), 0 * apart]


def _categories(column: Column) -> Tables:
    table = np.eye(column.size, dtype=np.int64)[: column.size if column.size > 2 else column.size - 1]
    return table, 0 * table
