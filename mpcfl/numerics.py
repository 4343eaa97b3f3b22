"""Functions that NumPy lacks, on plain and secret arrays alike.

On ndarrays they are exact float64; on secret arrays each states its range and error.
"""

from __future__ import annotations

import math
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mpcfl import operations
from mpcfl.array import SecretArray
from mpcfl.dispatch import linalg
from mpcfl.operations import transcendental


def _function(name: str, x: SecretArray) -> SecretArray:
    """A function of one number that the suite has a rule for."""
    return x.apply(lambda value: operations.function(name, value))


@overload
def sigmoid(x: SecretArray, precise: bool = False) -> SecretArray: ...
@overload
def sigmoid(x: NDArray[Any] | float, precise: bool = False) -> NDArray[np.float64]: ...
def sigmoid(x: Any, precise: bool = False) -> Any:
    """1 / (1 + exp(-x)).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape
    precise : bool
        On secrets within two units in place of the stated error; the same rounds and bytes, three times as much from
        the dealer.

    Returns
    -------
    The type and shape of x. On secrets the absolute error is at most 2.5e-4 at fraction 18, for every representable x.

    Notes
    -----
    Four rounds on secrets, about 25 bytes an element; source: `mpcfl.protocols.fourier`, `mpcfl.protocols.windows`.
    """
    if isinstance(x, SecretArray):
        return _function("precise_sigmoid" if precise else "sigmoid", x)
    return 0.5 + 0.5 * np.tanh(0.5 * np.asarray(x, np.float64))


@overload
def softplus(x: SecretArray, precise: bool = False) -> SecretArray: ...
@overload
def softplus(x: NDArray[Any] | float, precise: bool = False) -> NDArray[np.float64]: ...
def softplus(x: Any, precise: bool = False) -> Any:
    """log(1 + exp(x)).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape
    precise : bool
        On secrets within two units in place of the stated error; the same rounds and bytes, three times as much from
        the dealer.

    Returns
    -------
    The type and shape of x. On secrets the absolute error is at most 2e-4 at fraction 18, for every representable x.

    Notes
    -----
    Four rounds on secrets, about 25 bytes an element; source: `mpcfl.protocols.fourier`, `mpcfl.protocols.windows`.
    """
    if isinstance(x, SecretArray):
        return _function("precise_softplus" if precise else "softplus", x)
    return np.logaddexp(0.0, np.asarray(x, np.float64))


@overload
def tanh(x: SecretArray, precise: bool = False) -> SecretArray: ...
@overload
def tanh(x: NDArray[Any] | float, precise: bool = False) -> NDArray[np.float64]: ...
def tanh(x: Any, precise: bool = False) -> Any:
    """The hyperbolic tangent.

    Parameters
    ----------
    x : ndarray or SecretArray, any shape
    precise : bool
        On secrets within two units. Else this is np.tanh, whose absolute error is at most 4.1e-4 at fraction 18.

    Returns
    -------
    The type and shape of x.

    Notes
    -----
    Four rounds on secrets, about 25 bytes an element; source: `mpcfl.protocols.windows`.
    """
    if isinstance(x, SecretArray):
        return _function("precise_tanh", x) if precise else np.tanh(x)
    return np.tanh(np.asarray(x, np.float64))


@overload
def erf(x: SecretArray) -> SecretArray: ...
@overload
def erf(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
def erf(x: Any) -> Any:
    """The error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x; on secrets within two units, for every representable x.

    Notes
    -----
    Four rounds on secrets, about 25 bytes an element; source: `mpcfl.protocols.windows`.
    """
    if isinstance(x, SecretArray):
        return _function("erf", x)
    return np.vectorize(math.erf, otypes=[np.float64])(x)


@overload
def erfc(x: SecretArray) -> SecretArray: ...
@overload
def erfc(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
def erfc(x: Any) -> Any:
    """1 - erf(x); on secrets for what `erf` costs, with its absolute error.

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x.
    """
    if isinstance(x, SecretArray):
        return x.apply(transcendental.erfc)
    return np.vectorize(math.erfc, otypes=[np.float64])(x)


@overload
def gelu(x: SecretArray, approximate: str = "none") -> SecretArray: ...
@overload
def gelu(x: NDArray[Any] | float, approximate: str = "none") -> NDArray[np.float64]: ...
def gelu(x: Any, approximate: str = "none") -> Any:
    """x times the normal distribution function, x (1 + erf(x / sqrt 2)) / 2.

    Parameters
    ----------
    x : ndarray or SecretArray, any shape
    approximate : {"none", "tanh"}
        "tanh": x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, to match models that were trained with it.

    Returns
    -------
    The type and shape of x; on secrets within two units of the one asked for, for every representable x.

    Raises
    ------
    ValueError
        `approximate` is neither.

    Notes
    -----
    Four rounds on secrets, about 25 bytes an element, either way; source: `mpcfl.protocols.windows`.
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f'approximate must be "none" or "tanh", not {approximate!r}')
    if isinstance(x, SecretArray):
        return _function("gelu" if approximate == "none" else "gelu_tanh", x)
    x = np.asarray(x, np.float64)
    if approximate == "none":
        return 0.5 * x * erfc(-x / math.sqrt(2))
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


@overload
def silu(x: SecretArray) -> SecretArray: ...
@overload
def silu(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
def silu(x: Any) -> Any:
    """x sigmoid(x), also known as swish.

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x; on secrets within two units, for every representable x.

    Notes
    -----
    Four rounds on secrets, about 25 bytes an element; source: `mpcfl.protocols.windows`.
    """
    if isinstance(x, SecretArray):
        return _function("silu", x)
    return np.asarray(x, np.float64) * sigmoid(x)


def divide(x: Any, y: Any) -> Any:
    """x / y, as the operator `/` gives it.

    Parameters
    ----------
    x, y : ndarray or SecretArray, of shapes that broadcast
        Secret integers or fixed-point numbers of either sign, y not zero, x / y representable.

    Returns
    -------
    SecretArray of fixed-point numbers if x or y is secret, within one unit and 2^-20 |x / y| of the quotient; else
    ndarray.

    Notes
    -----
    By a secret 8 rounds and about 138 bytes an element; 1 / y 77. A divisor of zero gives a finite number
    without meaning. Source: `mpcfl.protocols.division`.
    """
    return np.true_divide(x, y)


@overload
def rsqrt(x: SecretArray) -> SecretArray: ...
@overload
def rsqrt(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
def rsqrt(x: Any) -> Any:
    """1 / sqrt(x).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape
        Positive.

    Returns
    -------
    The type and shape of x; on secrets within one unit and 2^-20 of the result.

    Notes
    -----
    Seven rounds on secrets, 65 bytes an element; source: `mpcfl.protocols.roots`.
    """
    if isinstance(x, SecretArray):
        return _function("rsqrt", x)
    return 1 / np.sqrt(np.asarray(x, np.float64))


@overload
def relu(x: SecretArray) -> SecretArray: ...
@overload
def relu(x: NDArray[Any] | float) -> NDArray[Any]: ...
def relu(x: Any) -> Any:
    """max(x, 0), exactly.

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x.

    Notes
    -----
    On secrets what one comparison costs: four rounds, 12.4 bytes an element.
    """
    return x.apply(transcendental.relu) if isinstance(x, SecretArray) else np.maximum(x, 0)


@overload
def softmax(x: SecretArray, axis: int = -1) -> SecretArray: ...
@overload
def softmax(x: NDArray[Any], axis: int = -1) -> NDArray[np.float64]: ...
def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis, for x of any size: the largest is subtracted first.

    Parameters
    ----------
    x : ndarray or SecretArray
        At least one element along the axis; differences representable.
    axis : int

    Returns
    -------
    The type and shape of x. On secrets within (n + 4) units at n elements along the axis, plus 2^-19 of the result.

    Notes
    -----
    4 ceil(log2 n) + 15 rounds on secrets: the largest, exp, one reciprocal a row, a product.
    """
    if not isinstance(x, SecretArray):
        x = np.asarray(x, np.float64)
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers * np.reciprocal(np.sum(powers, axis=axis, keepdims=True))


@overload
def logsumexp(x: SecretArray, axis: int = -1, keepdims: bool = False) -> SecretArray: ...
@overload
def logsumexp(x: NDArray[Any], axis: int = -1, keepdims: bool = False) -> NDArray[np.float64]: ...
def logsumexp(x: Any, axis: int = -1, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) along an axis, for x of any size: the largest is subtracted first.

    Parameters
    ----------
    x : ndarray or SecretArray
        At least one element along the axis; differences representable.
    axis : int
    keepdims : bool

    Returns
    -------
    The type of x, less the axis. On secrets within (n + 2) units at n elements along the axis.

    Notes
    -----
    4 ceil(log2 n) + 11 rounds on secrets: the largest, exp, one logarithm a row.
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
    4 n + 10 rounds on a secret matrix; source: `mpcfl.operations.solving`.
    """
    if isinstance(a, SecretArray):
        return a.apply(linalg.triangular, b, lower)
    if isinstance(b, SecretArray):
        return b.apply(lambda right, left: linalg.triangular(left, right, lower), a)
    return np.linalg.solve(np.tril(a) if lower else np.triu(a), b)
