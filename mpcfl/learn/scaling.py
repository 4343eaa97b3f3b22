"""Preparing columns together: means in place of missing cells, columns to mean 0 and deviation 1.

What each organisation does alone where it has columns of its own has to be one computation where it has rows of its
own: on secret arrays nobody learns a mean or a deviation.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np

from mpcfl import numerics
from mpcfl.learn.estimator import Estimator
from mpcfl.learn.validation import Array

CONSTANT = 2.0**-16
"""A column whose variance is no more than this counts as constant, and keeps its scale."""


class Scaler(Estimator):
    """Fills and scales columns.

    Parameters
    ----------
    filled : sequence of int
        Columns whose missing cells become the mean of the others; 0 where there is no other.
    scaled : sequence of int
        Columns that are brought to mean 0 and (population) deviation 1; a constant one becomes 0.

    Attributes
    ----------
    fill_ : array, shape (len(filled),)
        Secret if the data is, as are the others.
    center_, spread_ : array, shape (len(scaled),)
        Of the filled columns: ``(x - center) * spread``, so that `spread_` is one over a deviation.

    Notes
    -----
    On secrets numbers must stay below 2^(31-f) in magnitude, 8192 at f = 18, so that their squares have room; and a
    variance well below 0.01 has few digits, so columns should be given in units near their spread.
    """

    fill_: Array
    center_: Array
    spread_: Array

    def __init__(self, filled: Sequence[int] = (), scaled: Sequence[int] = ()) -> None:
        self.filled = filled
        self.scaled = scaled

    def fit(self, X: Array, missing: Array = None) -> Self:
        """Find means and deviations.

        Parameters
        ----------
        X : array, shape (n, d)
            0 in cells that are missing.
        missing : array, shape (n, len(filled))
            1 in cells that are missing, else 0; not needed where nothing is filled.
        """
        n = X.shape[0]
        if len(self.filled):
            known = n - missing.sum(axis=0)
            self.fill_ = X[:, list(self.filled)].sum(axis=0) / (known + 1.0 * (known < 0.5))
        if len(self.scaled):
            x = self._with_means(X, missing)[:, list(self.scaled)]
            self.center_ = x.sum(axis=0) * (1 / n)
            variance = np.square(x - self.center_).sum(axis=0) * (1 / n)
            self.spread_ = numerics.rsqrt(variance + 1.0 * (variance <= CONSTANT))
        return self

    def transform(self, X: Array, missing: Array = None) -> Array:
        """Fill and scale rows: arguments as of `fit`, with as many rows as there are, shape (n, d)."""
        X = self._with_means(X, missing)
        if not len(self.scaled):
            return X
        return _replaced(X, self.scaled, (X[:, list(self.scaled)] - self.center_) * self.spread_)

    def _with_means(self, X: Array, missing: Array) -> Array:
        if not len(self.filled):
            return X
        return _replaced(X, self.filled, X[:, list(self.filled)] + missing * self.fill_)


def _replaced(X: Array, columns: Sequence[int], by: Array) -> Array:
    """X with other columns in some places."""
    width = X.shape[1]
    if list(columns) == list(range(width)):
        return by
    places = np.arange(width)
    places[list(columns)] = width + np.arange(len(columns))
    return np.concatenate([X, by], axis=1)[:, places]
