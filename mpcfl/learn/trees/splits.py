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
    table : ndarray of float64, shape (splits, size)
        1 where a bin of a column goes left.
    columns : ndarray of int
        Which these are.
    bins : ndarray of int, shape (columns * size,)
        Where their bins are in the matrix.
    """

    table: NDArray[np.float64]
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
            table = _categories(kind) if kind.categorical else _cuts(kind)
            places = np.array([place for place in wanted if columns[place] == kind], np.int64)
            if len(table) and len(places):
                groups.append(Group(table, places, (starts[places][:, None] + np.arange(kind.size)).reshape(-1)))
        if not groups:  # a split that sends all rows the same way is never worth it
            groups.append(Group(np.zeros((1, columns[0].size)), np.zeros(1, np.int64), np.arange(columns[0].size)))
        return Splits(tuple(columns), tuple(groups))

    def __len__(self) -> int:
        return sum(len(group.table) * len(group.columns) for group in self.groups)

    @property
    def bins(self) -> int:
        """Columns of the matrix."""
        return sum(one.size for one in self.columns)

    def left(self, sums: Array) -> Array:
        """Sums of the left side of each split: from sums by bin, (bins, k), to (splits, k)."""
        parts = [
            (group.table @ sums[group.bins].reshape(len(group.columns), -1, sums.shape[1])).reshape(-1, sums.shape[1])
            for group in self.groups
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
            parts.append(np.zeros((len(rest), width)))
        order = np.argsort(np.concatenate([read, rest]))
        return (parts[0] if len(parts) == 1 else np.concatenate(parts))[order]

    def by_column(self, values: Array) -> Array:
        """Sums of a value a split, (splits,), by column, (columns,)."""
        readers = np.concatenate([np.repeat(group.columns, len(group.table)) for group in self.groups])
        return (1.0 * (np.arange(len(self.columns))[:, None] == readers)) @ values


def _cuts(column: Column) -> NDArray[np.float64]:
    below = np.tril(np.ones((max(column.bins - 1, 0), column.bins)))
    if not column.missing:
        return below
    right = np.concatenate([below, np.zeros((len(below), 1))], axis=1)
    left = np.concatenate([below, np.ones((len(below), 1))], axis=1)
    both = np.stack([right, left], axis=1).reshape(-1, column.size)
    apart = np.ones((1 if column.bins else 0, column.size))
    apart[:, -1] = 0
    return np.concatenate([both, apart])


def _categories(column: Column) -> NDArray[np.float64]:
    return np.eye(column.size)[: column.size if column.size > 2 else column.size - 1]
