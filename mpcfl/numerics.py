"""Functions that NumPy lacks, on plain and secret arrays alike.

On ndarrays they are exact float64; on secret arrays each states its range and error.
"""

from __future__ import annotations

from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mpcfl import operations
from mpcfl.array import SecretArray


@overload
def sigmoid(x: SecretArray) -> SecretArray: ...
@overload
def sigmoid(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x)).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x. On secrets the absolute error is at most 2.5e-4 at fraction 18, for every representable x.

    Notes
    -----
    Four rounds on secrets, about 25 bytes an element; source: `mpcfl.protocols.fourier`.
    """
    if isinstance(x, SecretArray):
        return x.apply(lambda value: operations.function("sigmoid", value))
    return 0.5 + 0.5 * np.tanh(0.5 * np.asarray(x, np.float64))


@overload
def softplus(x: SecretArray) -> SecretArray: ...
@overload
def softplus(x: NDArray[Any] | float) -> NDArray[np.float64]: ...
def softplus(x: Any) -> Any:
    """log(1 + exp(x)).

    Parameters
    ----------
    x : ndarray or SecretArray, any shape

    Returns
    -------
    The type and shape of x. On secrets the absolute error is at most 2e-4 at fraction 18, for every representable x.

    Notes
    -----
    Four rounds on secrets, about 25 bytes an element; source: `mpcfl.protocols.fourier`.
    """
    if isinstance(x, SecretArray):
        return x.apply(lambda value: operations.function("softplus", value))
    return np.logaddexp(0.0, np.asarray(x, np.float64))


def divide(x: Any, y: Any) -> Any:
    """x / y for |x| <= y and y >= 1 unit in the last place: ratios, shares of a total, rates.

    Parameters
    ----------
    x, y : ndarray or SecretArray, of shapes that broadcast
        Secret integers or fixed-point numbers; y positive and at least |x|, below 2^62 as ring words.

    Returns
    -------
    SecretArray of fixed-point numbers if x or y is secret, within 2^-24 + 2^-fraction of the quotient; else ndarray.

    Notes ----- Twenty rounds on secrets; meant for few elements. Outside the stated range the result is meaningless; y
    = 0 gives a finite number without meaning. Source: `mpcfl.protocols.division`.
    """
    if isinstance(x, SecretArray) or isinstance(y, SecretArray):
        secret = x if isinstance(x, SecretArray) else y
        left, right = (v if isinstance(v, SecretArray) else np.zeros_like(secret) + v for v in (x, y))
        return left.apply(operations.quotient, right)
    return np.true_divide(x, y)
