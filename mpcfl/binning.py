"""What parties tell of columns in bins: how many each column has; and where its cuts are, if all have rows of it.

bins        each party tells of each of its columns how many bins it has and of which kind
cuts        where parties have rows of their own, and the job declares none: columns are sorted on shares, and what
            stands at the quantiles of all training rows is revealed to all
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.contribution import Contribution
from mpcfl.data.binned import Binned
from mpcfl.disclosure import CUTS
from mpcfl.errors import InputError, ProtocolViolation
from mpcfl.learn.trees import Column
from mpcfl.session import Session

MOST_BINS = 1 << 16
"""Of a column."""

MOST_COLUMNS = 1 << 16
"""Of a party."""


def tell_bins(session: Session, counts: Sequence[int], mine: Sequence[Column] | None) -> tuple[tuple[Column, ...], ...]:
    """Tell and hear of all columns what is public: one round for each party that has some.

    Parameters
    ----------
    session : Session
    counts : sequence of int
        Columns by rank.
    mine : sequence of Column or None
        This party's; None where the program runs on shapes alone.

    Returns
    -------
    tuple of tuples of Column
        By rank.

    Raises
    ------
    ProtocolViolation
        A party tells of a column without bins or with too many, or of too many columns.
    """
    if max(counts) > MOST_COLUMNS:
        raise ProtocolViolation(f"a party told of more than {MOST_COLUMNS} columns")
    told = []
    for owner, count in zip(session.parties, counts, strict=True):
        numbers = None
        if mine is not None and owner == session.name:
            numbers = [one.bins << 2 | one.missing << 1 | one.categorical for one in mine]
        heard = session.tell(numbers, owner, count) if count else ()
        columns = tuple(Column(number >> 2, bool(number & 2), bool(number & 1)) for number in heard)
        if mine is not None and not all(0 < column.size <= MOST_BINS for column in columns):
            raise ProtocolViolation(f"{owner} told of a column with no bins or too many", party=owner)
        told.append(columns)
    return tuple(told)


def find_cuts(
    session: Session,
    common: Binned,
    counts: Sequence[int],
    train: NDArray[np.int64],
    contribution: Contribution | None,
) -> NDArray[np.float64]:
    """Where columns are cut that have no cuts yet: half way between neighbours at the quantiles of the training rows.

    An empty cell stands for a number of its own party, such that these keep their distribution.

    Parameters
    ----------
    session : Session
    common : Binned
        The preparation of all.
    counts : sequence of int
        Rows by rank.
    train : ndarray of int
        Numbers of the training rows among all.
    contribution : Contribution or None
        This party's, with numbers as its features; None where the program runs on shapes alone.

    Returns
    -------
    ndarray, shape (columns, bins - 1)
        Ascending, known to all from here on.

    Raises
    ------
    InputError
        This party has no number at all in a column.
    """
    uncut = common.uncut
    bins = common.columns[uncut[0]].bins
    mine = None if contribution is None else _without_gaps(contribution, uncut)
    rows = [
        session.private(mine if party == session.name else None, party, (n, len(uncut)), np.float64)
        for party, n in zip(session.parties, counts, strict=True)
        if n
    ]
    every: Any = np.concatenate(rows)
    ordered = np.sort(every[train], axis=0)
    place = np.arange(1, bins) * (len(train) - 1)
    both = ordered[place // bins] + ordered[-(-place // bins)]
    told: NDArray[np.float64] = both.reveal("all", CUTS)
    return told.T / 2


def _without_gaps(contribution: Contribution, columns: Sequence[int]) -> NDArray[np.float64]:
    """Numbers of some columns, in whose empty cells stand evenly spaced ones of the others by rank."""
    found = contribution.features[:, columns].astype(np.float64)
    for place, values in zip(columns, found.T, strict=True):
        empty = np.isnan(values)
        if empty.all():
            name = contribution.preparation.features[place]
            raise InputError(f"{contribution.party} has no number in column {name}, by which to cut it.", column=name)
        known = np.sort(values[~empty])
        values[empty] = known[np.linspace(0, len(known) - 1, empty.sum()).round().astype(np.int64)]
    return found
