"""What a network is given: rows of any shape, and targets as its loss reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.errors import InputError
from mpcfl.learn.validation import Array, class_codes, class_numbers, feature_rows, is_secret

NO_TARGET = "This estimator requires y to be passed, but the target y is None."


def samples(X: Array) -> Array:
    """Rows of numbers, images or codes, shape (n, ...): secret, or a float64 ndarray of what is finite and real.

    Raises
    ------
    InputError
        No rows, or plain data that is no table of finite real numbers.
    """
    if not is_secret(X) and not hasattr(X, "tocsr"):
        X = np.asarray(X)
    if X.ndim <= 2:
        return feature_rows(X)
    if not X.size:
        raise InputError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
    return X if is_secret(X) else feature_rows(X.reshape(len(X), -1)).reshape(X.shape)


def one_hot(y: Array, classes: int) -> Array:
    """Integers from 0 as rows with a one at their place: booleans, shape (n, classes). On secrets 4 rounds.

    Parameters
    ----------
    y : array of integers, shape (n,)
    classes : int
    """
    return y[:, None] == np.arange(classes)


def class_targets(y: Array, two: int, classes: int | None = None) -> tuple[Array, NDArray[Any]]:
    """Labels as a classifier's targets.

    Parameters
    ----------
    y : array
        Plain labels, shape (n,); secret ones that are 0 and 1; or a column of zeros and ones for each class, (n, k).
    two : int
        Outputs for two classes: 1 or 2.
    classes : int, optional
        Number of classes; secret labels of more than two are numbers from 0, of which it makes columns.

    Returns
    -------
    targets : array, shape (n, outputs)
    classes : ndarray, shape (k,)
        The labels.
    """
    if y is None:
        raise InputError(NO_TARGET)
    y = y if is_secret(y) else np.asarray(y)
    if y.ndim == 2 and y.shape[1] > 1:
        hot, labels = (y if is_secret(y) else _numbers(y)), np.arange(y.shape[1])
    elif not is_secret(y):
        codes, labels = class_codes(y, 4) if classes is None else class_numbers(y, classes, 4)
        hot = one_hot(codes, len(labels)).astype(np.float64)
    elif y.ndim == 1 and classes is not None and classes > 2:
        hot, labels = one_hot(y, classes), np.arange(classes)
    elif y.ndim == 1:
        hot, labels = np.stack([1 - y, y], axis=1), np.arange(2)
    else:
        raise InputError(f"y should be a 1d array, or have a column for each class, not the shape {y.shape}.")
    return (hot[:, 1:] if two == 1 and len(labels) == 2 else hot), labels


def number_targets(y: Array) -> tuple[Array, bool]:
    """Numbers as a regressor's targets, shape (n, outputs), and whether they had one axis.

    Raises
    ------
    InputError
        Another shape; plain ones that are no finite real numbers.
    """
    if y is None:
        raise InputError(NO_TARGET)
    if not is_secret(y):
        y = _numbers(y)
    if y.ndim not in (1, 2):
        raise InputError(f"y should have one or two axes, not {y.ndim}.")
    return (y[:, None], True) if y.ndim == 1 else (y, False)


def _numbers(y: Any) -> NDArray[np.float64]:
    y = np.asarray(y)
    if y.dtype.kind == "c":
        raise InputError("Complex data not supported: pass real numbers.")
    numbers: NDArray[np.float64] = y.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise InputError("Input y contains NaN or infinity (inf).")
    return numbers


def check_rows(X: Array, y: Array) -> None:
    """Check that X and y have the same rows."""
    if X.shape[0] != y.shape[0]:
        raise InputError(f"X and y must have the same number of rows, not {X.shape[0]} and {y.shape[0]}.")
