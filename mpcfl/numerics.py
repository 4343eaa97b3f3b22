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
from mpcfl.overrides import overridable


def _function(name: str, x: SecretArray) -> SecretArray:
    """A function of one number that the suite has a rule for."""
    return x.apply(lambda value: operations.function(name, value))


@overload
def sigmoid(x: SecretArray, precise: bool = False) -> SecretArray: ...
@overload
def sigmoid(x: NDArray[Any] | float, precise: bool = False) -> NDArray[np.float64]: ...
@overridable
def sigmoid(x: Any, precise: bool = False) -> Any:
    """1 / (1 + exp(-x)).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape
    precise : bool
        On secrets within two units in place of the stated error; the same rounds and bytes, over twice as much from
        the dealer.

    Returns
    -------
    The type and shape of x. On secrets the absolute error is at most 2.5e-4 at fraction 18, for every representable x.

    Notes
    -----
    Domain: all representable x.
    Error: 2.0e-4 + 1.3 ulps.
    Cost: 4 rounds and 24.8 bytes an element.
    Outside: the sign may come out wrong.
    Source: `mpcfl.protocols.windows`.
    """
    if isinstance(x, SecretArray):
        return _function("precise_sigmoid" if precise else "sigmoid", x)
    return 0.5 + 0.5 * np.tanh(0.5 * np.asarray(x, np.float64))


@overload
def softplus(x: SecretArray, precise: bool = False) -> SecretArray: ...
@overload
def softplus(x: NDArray[Any] | float, precise: bool = False) -> NDArray[np.float64]: ...
@overridable
def softplus(x: Any, precise: bool = False) -> Any:
    """log(1 + exp(x)).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape
    precise : bool
        On secrets within two units in place of the stated error; the same rounds and bytes, over twice as much from
        the dealer.

    Returns
    -------
    The type and shape of x. On secrets the absolute error is at most 2e-4 at fraction 18, for every representable x.

    Notes
    -----
    Domain: all representable x.
    Error: 1.3e-4 + 1 ulp.
    Cost: 4 rounds and 24.8 bytes an element.
    Outside: the sign may come out wrong.
    Source: `mpcfl.protocols.windows`.
    """
    if isinstance(x, SecretArray):
        return _function("precise_softplus" if precise else "softplus", x)
    return np.logaddexp(0.0, np.asarray(x, np.float64))


@overload
def tanh(x: SecretArray, precise: bool = False) -> SecretArray: ...
@overload
def tanh(x: NDArray[Any] | float, precise: bool = False) -> NDArray[np.float64]: ...
@overridable
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
    Domain: |x| < 2^(61-f).
    Error: 4.0e-4 + 2 ulps.
    Cost: 4 rounds and 24.8 bytes an element.
    Outside: a number without meaning.
    Source: `mpcfl.protocols.windows`.
    """
    if isinstance(x, SecretArray):
        return _function("precise_tanh", x) if precise else np.tanh(x)
    return np.tanh(np.asarray(x, np.float64))


@overload
def erf(x: SecretArray) -> SecretArray: ...
@overload
def erf(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
@overridable
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
    Domain: all representable x.
    Error: 1.2 ulps.
    Cost: 4 rounds and 24.8 bytes an element.
    Outside: the sign may come out wrong.
    Source: `mpcfl.protocols.windows`.
    """
    if isinstance(x, SecretArray):
        return _function("erf", x)
    return np.vectorize(math.erf, otypes=[np.float64])(x)


@overload
def erfc(x: SecretArray) -> SecretArray: ...
@overload
def erfc(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
@overridable
def erfc(x: Any) -> Any:
    """1 - erf(x); on secrets for what `erf` costs, with its absolute error.

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x.

    Notes
    -----
    Domain: all representable x.
    Error: 1.2 ulps.
    Cost: 4 rounds and 24.8 bytes an element.
    Outside: the sign may come out wrong.
    """
    if isinstance(x, SecretArray):
        return x.apply(transcendental.erfc)
    return np.vectorize(math.erfc, otypes=[np.float64])(x)


@overload
def gelu(x: SecretArray, approximate: str = "none") -> SecretArray: ...
@overload
def gelu(x: NDArray[Any] | float, approximate: str = "none") -> NDArray[np.float64]: ...
@overridable
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
    Domain: all representable x.
    Error: 1.2 ulps.
    Cost: 4 rounds and 24.8 bytes an element.
    Outside: the sign may come out wrong.
    Source: `mpcfl.protocols.windows`.
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
@overridable
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
    Domain: all representable x.
    Error: 1.5 ulps.
    Cost: 4 rounds and 24.8 bytes an element.
    Outside: the sign may come out wrong.
    Source: `mpcfl.protocols.windows`.
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
    Domain: y not 0, x / y representable.
    Error: 1.1 ulps + 2^-20.3 |r|.
    Cost: 12 rounds and 159.1 bytes an element.
    Outside: a number without meaning.
    1 / y takes 83.8 bytes, and a public scalar y one round and 8. Source: `mpcfl.protocols.division`.
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
        Positive.

    Returns
    -------
    The type and shape of x; on secrets within one unit and 2^-20 of the result.

    Notes
    -----
    Domain: x > 0.
    Error: 1.1 ulps + 2^-20.5 |r|.
    Cost: 11 rounds and 71.2 bytes an element.
    Outside: a number without meaning.
    Source: `mpcfl.protocols.roots`.
    """
    if isinstance(x, SecretArray):
        return _function("rsqrt", x)
    return 1 / np.sqrt(np.asarray(x, np.float64))


@overridable
def affine(x: Any, weight: Any, bias: Any) -> Any:
    """x @ weight + bias, rounded once.

    Parameters
    ----------
    x, weight : ndarray or SecretArray
        As of `numpy.matmul`.
    bias : ndarray or SecretArray
        Broadcasts to the shape of the product.

    Returns
    -------
    SecretArray if one of them is secret, else ndarray.

    Notes
    -----
    Domain: sums of products and the bias < 2^(61-2f).
    Error: 1 ulp.
    Cost: 2 rounds and 24 bytes an element.
    Outside: off by multiples of 2^(63-2f).
    The rounds and bytes of the product. What is compared next, or taken a relu or sigmoid of, is a round and 8 bytes an
    element cheaper than after ``x @ weight + bias``, whose sum has to be opened; that sum has all the range, though.
    """
    if all(isinstance(part, SecretArray) for part in (x, weight, bias)):
        return x.apply(operations.affine, weight, bias)
    return x @ weight + bias


@overload
def relu(x: SecretArray) -> SecretArray: ...
@overload
def relu(x: NDArray[Any] | float) -> NDArray[Any]: ...
@overridable
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
    Domain: all representable x.
    Error: none.
    Cost: 4 rounds and 12.4 bytes an element.
    Outside: the sign may come out wrong.
    On secrets what one comparison costs.
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
        At least one element along the axis; differences representable.
    axis : int

    Returns
    -------
    The type and shape of x. On secrets within (n + 4) units at n elements along the axis, plus 2^-19 of the result.

    Notes
    -----
    Domain: differences and sums representable.
    Error: (n + 4) ulps.
    Cost: 34 rounds and 66.7 bytes an element in rows of 9.
    Outside: a number without meaning.
    4 ceil(log2 n) + 18 rounds: the largest, exp, one reciprocal a row, a product.
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
        At least one element along the axis; differences representable.
    axis : int
    keepdims : bool

    Returns
    -------
    The type of x, less the axis. On secrets within (n + 2) units at n elements along the axis.

    Notes
    -----
    Domain: differences and sums representable.
    Error: (n + 2) ulps.
    Cost: 28 rounds and 46.6 bytes an element in rows of 9.
    Outside: a number without meaning.
    4 ceil(log2 n) + 12 rounds: the largest, exp, one logarithm a row.
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
    4 n + 6 rounds on a secret matrix; source: `mpcfl.operations.solving`.
    """
    if isinstance(a, SecretArray):
        return a.apply(linalg.triangular, b, lower)
    if isinstance(b, SecretArray):
        return b.apply(lambda right, left: linalg.triangular(left, right, lower), a)
    return np.linalg.solve(np.tril(a) if lower else np.triu(a), b)
