"""Functions that NumPy lacks, on plain and secret arrays alike.

On ndarrays they are exact float64. On secret arrays each states in its notes its domain; the largest error there, in
ulps of 2^-f at the session's fraction f and as a part of the result r; its rounds, and the bytes that one of two
parties sends; and what happens outside. `mpcfl.bounds.TABLE` has the same of NumPy's own functions.
"""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mpcfl import operations
from mpcfl.array import SecretArray
from mpcfl.dispatch import linalg
from mpcfl.operations import transcendental
from mpcfl.overrides import overridable


@overload
def sigmoid(x: SecretArray) -> SecretArray: ...
@overload
def sigmoid(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
@overridable
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x.

    Notes
    -----
    Domain: all representable x.
    Error: 2.0e-4 + 1.3 ulps.
    Cost: 4 rounds and 24.8 bytes an element.
    Outside: the sign may come out wrong.
    Source: `mpcfl.protocols.fourier`.
    """
    if isinstance(x, SecretArray):
        return x.apply(lambda value: operations.function("sigmoid", value))
    return 0.5 + 0.5 * np.tanh(0.5 * np.asarray(x, np.float64))


@overload
def softplus(x: SecretArray) -> SecretArray: ...
@overload
def softplus(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
@overridable
def softplus(x: Any) -> Any:
    """log(1 + exp(x)).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x.

    Notes
    -----
    Domain: all representable x.
    Error: 1.3e-4 + 1 ulp.
    Cost: 4 rounds and 24.8 bytes an element.
    Outside: the sign may come out wrong.
    Source: `mpcfl.protocols.fourier`.
    """
    if isinstance(x, SecretArray):
        return x.apply(lambda value: operations.function("softplus", value))
    return np.logaddexp(0.0, np.asarray(x, np.float64))


def divide(x: Any, y: Any) -> Any:
    """x / y, as the operator `/` gives it.

    Parameters
    ----------
    x, y : ndarray or SecretArray, of shapes that broadcast
        Secret integers or fixed-point numbers of either sign.

    Returns
    -------
    SecretArray of fixed-point numbers if x or y is secret, else ndarray.

    Notes
    -----
    Domain: y not 0, x / y representable.
    Error: 1.1 ulps + 2^-20.3 |r|.
    Cost: 13 rounds and 674.9 bytes an element.
    Outside: a number without meaning.
    1 / y takes 343 bytes, and a public scalar y one round and 8. Source: `mpcfl.protocols.division`.
    """
    return np.true_divide(x, y)


@overload
def rsqrt(x: SecretArray) -> SecretArray: ...
@overload
def rsqrt(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
@overridable
def rsqrt(x: Any) -> Any:
    """1 / sqrt(x).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x.

    Notes
    -----
    Domain: x > 0.
    Error: 1.1 ulps + 2^-20.5 |r|.
    Cost: 8 rounds and 322.9 bytes an element.
    Outside: a number without meaning.
    Source: `mpcfl.protocols.roots`.
    """
    if isinstance(x, SecretArray):
        return x.apply(lambda value: operations.function("rsqrt", value))
    return 1 / np.sqrt(np.asarray(x, np.float64))


@overload
def relu(x: SecretArray) -> SecretArray: ...
@overload
def relu(x: NDArray[Any] | float) -> NDArray[Any]: ...
@overridable
def relu(x: Any) -> Any:
    """max(x, 0).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x.

    Notes
    -----
    Domain: all representable x.
    Error: none.
    Cost: 4 rounds and 12.4 bytes an element.
    Outside: the sign may come out wrong.
    """
    return x.apply(transcendental.relu) if isinstance(x, SecretArray) else np.maximum(x, 0)


@overload
def softmax(x: SecretArray, axis: int = -1) -> SecretArray: ...
@overload
def softmax(x: NDArray[Any], axis: int = -1) -> NDArray[np.float64]: ...
@overridable
def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis, for x of any size: the largest is subtracted first.

    Parameters
    ----------
    x : ndarray or SecretArray
        At least one element along the axis.
    axis : int

    Returns
    -------
    The type and shape of x.

    Notes
    -----
    Domain: differences and sums representable.
    Error: (n + 4) ulps.
    Cost: 36 rounds and 110.4 bytes an element in rows of 9.
    Outside: a number without meaning.
    With n elements along the axis 4 ceil(log2 n) + 20 rounds: the largest, exp, one reciprocal a row, a product.
    """
    if not isinstance(x, SecretArray):
        x = np.asarray(x, np.float64)
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers * np.reciprocal(np.sum(powers, axis=axis, keepdims=True))


@overload
def logsumexp(x: SecretArray, axis: int = -1, keepdims: bool = False) -> SecretArray: ...
@overload
def logsumexp(x: NDArray[Any], axis: int = -1, keepdims: bool = False) -> NDArray[np.float64]: ...
@overridable
def logsumexp(x: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) along an axis, for x of any size: the largest is subtracted first.

    Parameters
    ----------
    x : ndarray or SecretArray
        At least one element along the axis.
    axis : int
    keepdims : bool

    Returns
    -------
    The type of x, less the axis.

    Notes
    -----
    Domain: differences and sums representable.
    Error: (n + 2) ulps.
    Cost: 28 rounds and 88.6 bytes an element in rows of 9.
    Outside: a number without meaning.
    With n elements along the axis 4 ceil(log2 n) + 12 rounds: the largest, exp, one logarithm a row.
    """
    if not isinstance(x, SecretArray):
        x = np.asarray(x, np.float64)
    largest = np.max(x, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return total if keepdims else np.squeeze(total, axis=axis)


def solve_triangular(a: Any, b: Any, lower: bool = True) -> Any:
    """x with a @ x = b, for a lower triangular a or an upper one.

    Parameters
    ----------
    a : ndarray or SecretArray
        Square, or a stack of such; the other triangle is not read.
    b : ndarray or SecretArray
        A vector, or columns.
    lower : bool
        Which triangle.

    Returns
    -------
    SecretArray if a or b is secret, else ndarray. The error on secrets is in `docs/numerics.md`.

    Raises
    ------
    numpy.linalg.LinAlgError
        The matrix is not square, or public and singular.
    ValueError
        The shapes do not fit.

    Notes
    -----
    4 n + 11 rounds on a secret matrix; source: `mpcfl.operations.solving`.
    """
    if isinstance(a, SecretArray):
        return a.apply(linalg.triangular, b, lower)
    if isinstance(b, SecretArray):
        return b.apply(lambda right, left: linalg.triangular(left, right, lower), a)
    return np.linalg.solve(np.tril(a) if lower else np.triu(a), b)
