"""What an estimator accepts: plain data is checked as scikit-learn's conventions ask, secret data by shape alone.

A secret array cannot be looked at: its owner checked the cells when they were read, and its labels are 0 and 1.
"""

import warnings
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.errors import InputError
from mpcfl.learn.estimator import DataConversionWarning, scikit_twin

Array: TypeAlias = Any
"""An ndarray or a secret array: whatever computes through NumPy's protocols."""


def is_secret(value: object) -> bool:
    """Whether `value` is an array type of its own (NEP 13 and NEP 18), to be computed with and never converted."""
    own = hasattr(type(value), "__array_ufunc__") and hasattr(type(value), "__array_function__")
    return own and not isinstance(value, np.ndarray | np.generic)


def check_counts(estimator: object, **least: int) -> None:
    """Check that parameters are whole numbers of at least so much each.

    Raises
    ------
    InputError
        Naming the parameter and what is allowed.
    """
    for name, smallest in least.items():
        value = getattr(estimator, name)
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < smallest:
            raise InputError(f"{name} must be an integer of at least {smallest}.", key=name)


def training_data(X: Array, y: Array) -> tuple[Array, Array, NDArray[Any]]:
    """Check what `fit` was given.

    Parameters
    ----------
    X : secret array or array-like, shape (n, d)
    y : secret array or array-like, shape (n,)
        Secret labels are 0 and 1; plain labels are two numbers or strings.

    Returns
    -------
    X : secret array or float64 ndarray, shape (n, d)
    y : secret array or float64 ndarray of 0 and 1, shape (n,)
    classes : ndarray, shape (2,)
        The labels that 0 and 1 stand for.

    Raises
    ------
    InputError
        A wrong shape; for plain data also NaN, infinity, complex or sparse input, or not exactly two classes.
    TypeError
        A plain cell that is no number.
    """
    if y is None:
        raise InputError("This estimator requires y to be passed, but the target y is None.")
    X = feature_rows(X)
    y, classes = (_shaped_labels(y), np.array([0, 1])) if is_secret(y) else _plain_labels(y)
    _check_as_many(X, y)
    return X, y, classes


def class_data(X: Array, y: Array, classes: int | None) -> tuple[Array, Array, NDArray[Any]]:
    """Check what a learner of two or more classes was given.

    Parameters
    ----------
    X : secret array or array-like, shape (n, d)
    y : secret array or array-like, shape (n,)
        Secret labels are class numbers from 0; plain labels are numbers or strings.
    classes : int or None
        Number of classes, which secret labels need: nobody can count them.

    Returns
    -------
    X : secret array or float64 ndarray, shape (n, d)
    member : secret array or float64 ndarray, shape (n, K)
        1 in the column of a row's class, else 0.
    labels : ndarray, shape (K,)
        What the columns stand for.

    Raises
    ------
    InputError
        As `training_data`; secret labels without `classes`, plain ones of another number of classes.
    """
    if y is None:
        raise InputError("This estimator requires y to be passed, but the target y is None.")
    X = feature_rows(X)
    if is_secret(y):
        if classes is None:
            raise InputError("classes must be given where labels are secret: their number is public.", key="classes")
        codes, labels = _shaped_labels(y), np.arange(classes)
    else:
        codes, labels = class_numbers(y, classes)
    _check_as_many(X, codes)
    return X, 1.0 * (codes[:, None] == np.arange(len(labels))), labels


def regression_data(X: Array, y: Array) -> tuple[Array, Array]:
    """Check what a regressor was given: rows of features, and a number a row.

    Raises
    ------
    InputError
        As `training_data`, but for classes.
    """
    if y is None:
        raise InputError("This estimator requires y to be passed, but the target y is None.")
    X = feature_rows(X)
    if is_secret(y):
        y = _shaped_labels(y)
    else:
        y = _one_column(y).astype(np.float64)
        if not np.isfinite(y).all():
            raise InputError("Input y contains NaN or infinity (inf).")
    _check_as_many(X, y)
    return X, y


def row_values(values: Array, n: int, name: str) -> Array | None:
    """A number for each of n rows (a weight, an offset), or None if there is none.

    Raises
    ------
    InputError
        Another shape; plain values that are not finite.
    """
    if values is None:
        return None
    if not is_secret(values):
        values = np.asarray(values, np.float64)
        if values.ndim == 0:
            values = np.full(n, values)
        if not np.isfinite(values).all():
            raise InputError(f"{name} contains NaN or infinity (inf).")
    if values.ndim != 1:
        raise InputError(f"{name} must be 1D array or scalar, got {values.ndim}D.")
    if values.shape[0] != n:
        raise InputError(f"{name} must have one number a row, not {values.shape[0]} for {n} rows.")
    return values


def row_weights(weight: Array, n: int) -> Array | None:
    """Weights of n rows brought to a mean of 1, so that a penalty keeps its strength; None if there are none.

    Raises
    ------
    InputError
        As `row_values`; plain weights that are negative, or all zero.
    """
    weight = row_values(weight, n, "sample_weight")
    if weight is None:
        return None
    if not is_secret(weight):
        if weight.min() < 0:
            raise InputError("sample_weight must be at least 0.")
        if not weight.any():
            raise InputError("sample_weight is zero in all rows.")
    return weight * (n / weight.sum())


def prediction_data(X: Array, features: int, estimator: str) -> Array:
    """Check what a fitted estimator was given to predict on: rows of as many features as it was fitted with."""
    X = feature_rows(X)
    if X.shape[1] != features:
        raise InputError(f"X has {X.shape[1]} features, but {estimator} is expecting {features} features as input.")
    return X


def feature_rows(X: Array) -> Array:
    """Rows of features, shape (n, d): a secret array, or a float64 ndarray of what is finite and real."""
    if is_secret(X):
        _check_two_dimensions(X)
        return X
    if hasattr(X, "tocsr"):
        raise InputError("Sparse input is not supported: pass a dense array.")
    X = np.asarray(X)
    if X.dtype.kind == "c":
        raise InputError("Complex data not supported: pass real numbers.")
    _check_two_dimensions(X)
    X = X.astype(np.float64)
    if not np.isfinite(X).all():
        raise InputError("Input X contains NaN or infinity (inf).")
    return X


def _check_two_dimensions(X: Array) -> None:
    if X.ndim != 2:
        raise InputError(
            f"Expected a 2D array of rows and features, got {X.ndim}D: "
            "Reshape your data with X.reshape(-1, 1) for one feature or X.reshape(1, -1) for one row."
        )
    if X.shape[0] == 0:
        raise InputError(f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required.")
    if X.shape[1] == 0:
        raise InputError(f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required.")


def _shaped_labels(y: Array) -> Array:
    if y.ndim != 1:
        raise InputError(f"y should be a 1d array, got {y.ndim}D.")
    return y


def _check_as_many(X: Array, y: Array) -> None:
    if X.shape[0] != y.shape[0]:
        raise InputError(f"X and y must have the same number of rows, not {X.shape[0]} and {y.shape[0]}.")


def _one_column(y: Any, stacklevel: int = 5) -> NDArray[Any]:
    column: NDArray[Any] = np.asarray(y)
    if column.ndim == 2 and column.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected.",
            scikit_twin(DataConversionWarning),
            stacklevel=stacklevel,
        )
        column = column[:, 0]
    if column.dtype.kind == "c":
        raise InputError("Complex data not supported: targets are numbers, labels numbers or strings.")
    _shaped_labels(column)
    return column


def class_codes(y: Any, stacklevel: int) -> tuple[NDArray[np.intp], NDArray[Any]]:
    """The number of each plain label in the order of its class, shape (n,), and the labels of the classes.

    Raises
    ------
    InputError
        No labels of at least two classes: a wrong shape, complex, fractional or infinite numbers, a single class.
    """
    codes, classes = _coded(y, stacklevel)
    if len(classes) < 2:
        raise InputError("Only 1 class is present in y: training needs rows of both classes.")
    return codes, classes


def class_numbers(y: Any, classes: int | None, stacklevel: int = 5) -> tuple[NDArray[Any], NDArray[Any]]:
    """As `class_codes`; with a number of `classes`, labels that are fewer are numbers from 0 below it.

    Raises
    ------
    InputError
        As `class_codes`; another number of classes.
    """
    codes, labels = _coded(y, stacklevel + 1)
    if len(labels) < 2:
        raise InputError("Only 1 class is present in y: training needs rows of two classes or more.")
    if classes is not None and len(labels) != classes:
        if labels.dtype.kind not in "iuf" or labels[0] < 0 or labels[-1] >= classes:
            raise InputError(f"y has {len(labels)} classes where classes is {classes}.", key="classes")
        codes, labels = labels[codes], np.arange(classes)
    return codes, labels


def _coded(y: Any, stacklevel: int = 5) -> tuple[NDArray[np.intp], NDArray[Any]]:
    y = _one_column(y, stacklevel + 1)
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise InputError("Input y contains NaN or infinity (inf).")
        if (y != np.floor(y)).any():
            raise InputError("Unknown label type: continuous. Labels are whole numbers or strings.")
    classes, codes = np.unique(y, return_inverse=True)
    return codes, classes


def _plain_labels(y: Any) -> tuple[NDArray[np.float64], NDArray[Any]]:
    codes, classes = class_codes(y, 5)
    if len(classes) > 2:
        raise InputError("Only binary classification is supported. The type of the target is multiclass.")
    return codes.astype(np.float64), classes
