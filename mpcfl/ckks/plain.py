"""Plain operands of CKKS arrays, with the public bounds that errors and flooding are computed from."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcfl.errors import InputError


class Plain:
    """Numbers of whoever computes, or for a sketch only what is public of them.

    Attributes
    ----------
    values : ndarray of float or None
        None in a sketch.
    shape : tuple of int
    limit : float
        No number is larger in absolute value.
    norm : float
        No sum of a column's absolute values is larger (of all, without columns).
    """

    __slots__ = ("limit", "norm", "shape", "values")
    __array_ufunc__ = None

    def __init__(self, shape: tuple[int, ...], limit: float, norm: float, values: NDArray[np.float64] | None) -> None:
        self.shape, self.limit, self.norm, self.values = shape, limit, norm, values

    @property
    def T(self) -> Plain:
        """The transpose; its columns' sums are bounded by the limit alone."""
        shape = self.shape[::-1]
        values = None if self.values is None else self.values.T
        return Plain(shape, self.limit, self.limit * shape[0], values)


PlainLike: TypeAlias = "Plain | ArrayLike"


def plain(values: ArrayLike, limit: float | None = None, norm: float | None = None) -> Plain:
    """Plain numbers and their bounds.

    Parameters
    ----------
    values : array_like
    limit, norm : float, optional
        As of `Plain`; public, and the same at all who sketch the program. By default the next powers of two: then the
        size of the noise that leaves tells these powers.

    Raises
    ------
    InputError
        A number is NaN or infinite, or beyond the limit or norm.
    """
    array = np.asarray(values, np.float64)
    if not np.isfinite(array).all():
        raise InputError("a plain operand of an encrypted array is NaN or infinite")
    largest, sums = float(np.abs(array).max(initial=0)), float(np.abs(array).sum(0).max(initial=0))
    told = bounds(array.shape, _power(largest) if limit is None else limit, _power(sums) if limit is None else norm)
    if largest > told.limit or sums > told.norm:
        raise InputError("a plain operand of an encrypted array is beyond the limit or norm that was told for it")
    return Plain(array.shape, told.limit, told.norm if norm is None else norm, array)


def bounds(shape: tuple[int, ...], limit: float, norm: float | None = None) -> Plain:
    """What is public of an operand: for sketches at those who do not have it."""
    return Plain(shape, float(limit), float(limit * (shape[0] if shape else 1) if norm is None else norm), None)


def _power(number: float) -> float:
    return 2.0 ** math.ceil(math.log2(number)) if number else 0.0
