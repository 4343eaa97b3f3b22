"""Products with a plain matrix of zeros and ones, some rows of which are numbers at a time.

As booleans a million rows of 640 bins take 0.6 GB, as float64 they would take 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.errors import InputError
from mpcfl.learn.validation import Array, feature_rows, is_secret

BLOCK = 1 << 20
"""Numbers of a block (8 MiB)."""


def zeros_and_ones(X: Array) -> Array:
    """The matrix of bins, secret or of booleans.

    Raises
    ------
    InputError
        As `feature_rows`; a plain number that is neither 0 nor 1.
    """
    if isinstance(X, np.ndarray) and X.dtype == np.bool_ and X.ndim == 2 and X.size:
        return X
    rows = feature_rows(X)
    if is_secret(rows):
        return rows
    hot: NDArray[np.bool_] = rows == 1
    if not (hot | (rows == 0)).all():
        raise InputError("X has bins that are neither 0 nor 1: give it as Bins.onehot makes it.", key="X")
    return hot


def product(hot: Array, values: Array) -> Array:
    """`hot @ values`, (n, k)."""
    if is_secret(hot) or is_secret(values):
        return hot @ values
    out = np.empty((hot.shape[0], values.shape[1]))
    numbers = values.astype(np.float64)
    for rows, block in _blocks(hot):
        out[rows] = block @ numbers
    return out


def transposed_product(hot: Array, values: Array) -> Array:
    """`hot.T @ values`, (bins, k)."""
    if is_secret(hot) or is_secret(values):
        return hot.T @ values
    return sum(block.T @ values[rows] for rows, block in _blocks(hot))


def _blocks(hot: NDArray[Any]) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    height = max(1, BLOCK // hot.shape[1])
    for start in range(0, hot.shape[0], height):
        rows = slice(start, start + height)
        yield rows, hot[rows].astype(np.float64)
