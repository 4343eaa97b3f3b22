"""Columns as bins: each owner cuts its own columns, and what all see is how many bins a column has.

A row becomes a vector of zeros and ones, a single one a column, in the bin that holds its number. The owner keeps the
thresholds between bins; the numbers of bins are public, as the shape of the matrix is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcfl.errors import InputError
from mpcfl.learn.validation import Array, feature_rows

LARGEST = 1e150
"""Midpoints of larger numbers would overflow."""


class Column(NamedTuple):
    """What is public of a column.

    Attributes
    ----------
    bins : int
        Of its values.
    missing : bool
        Whether one more bin, its last, holds the rows without a value.
    categorical : bool
        Whether its bins have no order.
    """

    bins: int
    missing: bool = False
    categorical: bool = False

    @property
    def size(self) -> int:
        """How many of the matrix's columns it takes."""
        return self.bins + self.missing


def columns_of(given: Sequence[Any]) -> tuple[Column, ...]:
    """A list of columns in full, where an ordered one without missing values may be its number of bins.

    Raises
    ------
    InputError
        It is empty, or one of them is no column.
    """
    try:
        found = tuple(one if isinstance(one, Column) else Column(*np.atleast_1d(one).tolist()) for one in given)
        if found and all(type(one.bins) is int and one.bins >= 0 and one.size for one in found):
            return found
    except (TypeError, ValueError):
        pass
    raise InputError("columns must list every column's number of bins, or its Column.", key="columns")


class Bins:
    """Bins of about equal numbers of rows.

    A column of at most `max_bins` distinct values has a bin for each; others are cut at quantiles. A number on a
    threshold belongs below it. NaN is a missing value.

    Parameters
    ----------
    max_bins : int
        Most bins of a column, that of missing values not counted.
    categorical : sequence of int
        Columns whose numbers are codes without an order: a bin for each code.

    Attributes
    ----------
    columns_ : tuple of Column
        What is public.
    thresholds_ : list of ndarray
        Between the bins of each column, ascending; of a categorical one its codes. Its owner's alone.
    """

    def __init__(self, max_bins: int = 32, categorical: Sequence[int] = ()) -> None:
        self.max_bins = max_bins
        self.categorical = categorical

    def fit(self, X: ArrayLike) -> Self:
        """Find the bins.

        Parameters
        ----------
        X : array-like, shape (n, d)
            Numbers, NaN where one is missing.

        Returns
        -------
        The bins themselves.

        Raises
        ------
        InputError
            Infinite numbers, or more codes in a categorical column than `max_bins`.
        """
        rows = number_rows(X)
        if not set(self.categorical) <= set(range(rows.shape[1])):
            raise InputError("categorical must be numbers of columns.", key="categorical")
        self.thresholds_, columns = [], []
        for place, values in enumerate(rows.T):
            categorical = place in set(self.categorical)
            there = values[~np.isnan(values)]
            cuts = self._codes(there, place) if categorical else self._cuts(there)
            bins = len(cuts) if categorical else len(cuts) + 1
            self.thresholds_.append(cuts)
            columns.append(Column(bins, bool(len(there) < len(values)), categorical))
        self.columns_ = tuple(columns)
        return self

    def onehot(self, X: ArrayLike) -> NDArray[np.bool_]:
        """The bin of every number.

        Parameters
        ----------
        X : array-like, shape (n, d)

        Returns
        -------
        ndarray of bool, shape (n, sum of sizes)
            The bins of each column side by side. A row has none in a column where it has an unknown code, or lacks a
            value that no row of `fit` lacked.
        """
        rows = number_rows(X)
        if rows.shape[1] != len(self.columns_):
            raise InputError(f"X has {rows.shape[1]} columns, and the bins are those of {len(self.columns_)}.")
        hot = np.zeros((rows.shape[0], sum(column.size for column in self.columns_)), np.bool_)
        start = 0
        for column, cuts, values in zip(self.columns_, self.thresholds_, rows.T, strict=True):
            place = np.searchsorted(cuts, values)
            known = ~np.isnan(values)
            if column.categorical:
                known &= cuts[np.minimum(place, len(cuts) - 1)] == values if len(cuts) else False
            place[np.isnan(values)] = column.bins
            known |= np.isnan(values) & column.missing
            hot[np.flatnonzero(known), start + place[known]] = True
            start += column.size
        return hot

    def _cuts(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        distinct = np.unique(values)
        if len(distinct) <= self.max_bins:
            return (distinct[:-1] + distinct[1:]) / 2
        levels = np.linspace(0, 100, self.max_bins + 1)[1:-1]
        return np.unique(np.percentile(values, levels, method="midpoint"))

    def _codes(self, values: NDArray[np.float64], place: int) -> NDArray[np.float64]:
        codes = np.unique(values)
        if len(codes) > self.max_bins:
            raise InputError(
                f"Categorical column {place} has {len(codes)} codes where max_bins is {self.max_bins}: raise it, or "
                "join rare codes.",
                key="max_bins",
            )
        return codes


def number_rows(X: Array) -> NDArray[np.float64]:
    """Rows of numbers, of which some may be missing (NaN).

    Raises
    ------
    InputError
        As `mpcfl.learn.validation.feature_rows`, NaN aside; numbers beyond 1e150.
    """
    missing = None
    if not hasattr(X, "tocsr"):
        X = np.asarray(X)
        if X.dtype.kind in "fO":
            X = X.astype(np.float64)
            missing = np.isnan(X)
            X = np.where(missing, 0.0, X)
    rows: NDArray[np.float64] = feature_rows(X)
    if (np.abs(rows) > LARGEST).any():
        raise InputError("Input X contains a number that is too large: its magnitude must stay below 1e150.")
    return rows if missing is None else np.where(missing, np.nan, rows)
