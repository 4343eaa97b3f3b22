"""What guest and host both know, and compute alike."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl import he
from mpcfl.errors import ProtocolViolation
from mpcfl.learn.schedule import public_draws
from mpcfl.learn.trees import GradientBoostingClassifier, GradientBoostingRegressor
from mpcfl.learn.trees.bins import Column
from mpcfl.learn.trees.splits import Splits
from mpcfl.protocols.secureboost import Cells
from mpcfl.session import Session

Learner: TypeAlias = GradientBoostingClassifier | GradientBoostingRegressor
Numbers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
FRACTION = 24
"""Fractional bits of slopes and curvatures."""


class Table(NamedTuple):
    """What both know of the columns.

    Attributes
    ----------
    guests : int
        How many columns the guest has.
    hosts : tuple of Column
    rests : ndarray of int
        The fullest bin of each of the host's columns, which is not summed.
    """

    guests: int
    hosts: tuple[Column, ...]
    rests: Numbers

    @staticmethod
    def told(session: Session, columns: tuple[Column, ...], hot: Flags) -> Table:
        """Tell the other party of these columns, and hear of its."""
        counts = [session.tell([len(columns)] if session.rank == i else None, i, 1)[0] for i in (0, 1)]
        words = None
        if session.rank == 1:
            starts = np.cumsum([0, *(one.size for one in columns)])
            fill = hot.sum(axis=0)
            rests = [int(np.argmax(fill[i:j])) for i, j in itertools.pairwise(starts)]
            words = [n for one, rest in zip(columns, rests, strict=True) for n in (one.bins, one.missing, rest)]
        told = np.array(session.tell(words, 1, 3 * counts[1]), np.int64).reshape(-1, 3)
        hosts = tuple(Column(int(bins), bool(missing)) for bins, missing, _ in told)
        return Table(counts[0], hosts, told[:, 2])

    def summed(self, drawn: Numbers) -> list[NDArray[np.int64]]:
        """The bins of each of the host's columns that are summed, as places among all of its bins."""
        starts = np.cumsum([0, *(one.size for one in self.hosts)])
        return [
            starts[c] + np.delete(np.arange(self.hosts[c].size), self.rests[c])
            for c in (drawn[drawn >= self.guests] - self.guests).tolist()
        ]


@dataclass(frozen=True)
class Task:
    """What both parties know."""

    session: Session
    learner: Learner
    key: he.PublicKey
    cells: Cells
    table: Table
    logistic: bool

    @property
    def inner(self) -> int:
        return (1 << self.learner.max_depth) - 1

    def drawn(self, step: int) -> tuple[Numbers, Numbers]:
        """The rows and the columns that a tree reads."""
        draws, n = public_draws(self.learner.random_state, step), self.cells.rows
        read, some = np.arange(n), np.arange(self.table.guests + len(self.table.hosts))
        if self.learner.subsample < 1:
            read = np.sort(draws.permutation(n)[: max(1, math.floor(self.learner.subsample * n))])
        if self.learner.colsample_bytree < 1:
            count = max(1, round(self.learner.colsample_bytree * len(some)))
            some = np.sort(draws.permutation(len(some))[:count])
        return read, some


def children(place: Numbers, split: Numbers, read: Numbers, level: int) -> tuple[Numbers, Numbers]:
    """Of the nodes that were split the smaller child, and the other one, as numbers of the next level."""
    counts = np.bincount(place[read], minlength=2 << level)
    left, right = split, split + (1 << level)
    small = np.where(counts[left] <= counts[right], left, right)
    return small, np.where(small == left, right, left)


def located(splits: Splits, number: int) -> tuple[int, int]:
    """The column of a split, and which of that column's splits it is."""
    for group in splits.groups:
        count = len(group.table) * len(group.columns)
        if number < count:
            return int(group.columns[number // len(group.table)]), number % len(group.table)
        number -= count
    raise IndexError("there are fewer splits")


def going_left(splits: Splits, column: int, number: int) -> Flags:
    """Which bins go left by one of a column's splits.

    Raises
    ------
    ProtocolViolation
        There is no such split.
    """
    for group in splits.groups:
        if column in group.columns and 0 <= number < len(group.table):
            went = np.zeros(splits.bins, np.bool_)
            went[group.bins.reshape(len(group.columns), -1)[group.columns == column][0]] = group.table[number] > 0
            return went
    raise ProtocolViolation("a split was chosen that there is none of")
