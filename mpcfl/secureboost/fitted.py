"""Trained trees, of which each party has its own splits, and joint prediction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcfl.errors import UsageError
from mpcfl.learn.trees.bins import Bins, Column, number_rows
from mpcfl.protocols.secureboost import HOSTS, LEAKS, told_answers
from mpcfl.secureboost.task import Flags, Numbers
from mpcfl.session import Session


@dataclass(frozen=True)
class Fitted:
    """What a party has of trained trees.

    Attributes
    ----------
    bins : Bins
        Of this party's columns.
    columns : tuple of Column
        The guest's and then the host's; at the host its own.
    left : ndarray of bool, shape (trees, own bins, 2^depth - 1)
        Which of this party's bins go left at each inner node that it splits, as `GradientBoostingClassifier.left_`.
    owners : ndarray of int, shape (trees, 2^depth - 1)
        Whose split each inner node is: 1 the guest's, 2 the host's, 0 none's.
    leaves : ndarray of float, shape (trees, 2^depth, 1), or None
        The guest's.
    base : float or None
        The score to start from; the guest's.
    leaks : tuple of str
        What training and prediction show by design, a sentence each.
    """

    bins: Bins
    columns: tuple[Column, ...]
    left: Flags
    owners: Numbers
    leaves: NDArray[np.float64] | None
    base: float | None
    leaks: tuple[str, ...] = field(default=LEAKS, repr=False)

    def report(self) -> str:
        """The leaks, a line each."""
        return "\n".join(f"* {leak}" for leak in self.leaks)


def scores(session: Session, fitted: Fitted, x: ArrayLike, *, rows: int) -> NDArray[np.float64] | None:
    """The trees' sums for rows of which each party has its columns: log-odds, or predictions; None at the host.

    The host tells which way each row goes in each of its nodes, and the guest follows the trees.
    """
    own = number_rows(x)
    if own.shape[0] != rows:
        raise UsageError(f"{session.name} gives {own.shape[0]} rows, not {rows}")
    went = _sides(fitted.left, fitted.bins.onehot(own))
    theirs = fitted.owners == HOSTS
    answers = went[:, theirs] if session.rank == 1 else None
    told: Any = session.perform(told_answers(rows * int(theirs.sum()), answers), rows)
    if session.rank == 1:
        return None
    assert fitted.leaves is not None
    assert fitted.base is not None
    went[:, theirs] = told.reshape(rows, -1)
    place = np.zeros((rows, len(fitted.leaves)), np.int64)
    trees = np.arange(len(fitted.leaves))
    nodes = 1
    while nodes <= fitted.owners.shape[1]:
        step = went[np.arange(rows)[:, None], trees, nodes - 1 + place]
        place = np.where(step, place, place + nodes)
        nodes *= 2
    values: NDArray[np.float64] = fitted.base + fitted.leaves[trees, place, 0].sum(axis=1)
    return values


def _sides(left: Flags, hot: Flags) -> Flags:
    """Which way each row goes at each node, shape (rows, trees, nodes)."""
    return np.stack([(hot.astype(np.float32) @ one.astype(np.float32)) > 0 for one in left], axis=1)
