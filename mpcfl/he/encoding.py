"""How numbers become plaintexts: signed integers of public fraction and public bound.

A float v is round(v 2^f), an integer or boolean itself. f and the bound on |v| belong to the program, the same at every
party and whatever the values, so neither tells anything of them: a scheme that chooses an exponent for each number
shows its size to whoever sees the ciphertext. A bound is carried through every operation, from shapes and bounds alone,
and an array whose bound would reach n / 2 is refused before anything wraps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcfl.errors import InputError

FRACTION = 18
"""Fractional bits of floats where nothing else is said."""
REAL = np.dtype(np.float64)
WORD_BITS = 62
"""A float is below 2^(62 - f) where no limit is given, as in the sessions' fixed point."""


@dataclass(frozen=True)
class Plain:
    """Plain numbers, encoded.

    Attributes
    ----------
    integers : ndarray of int
        Python's integers (dtype object).
    fraction : int
        They stand for integers / 2^fraction.
    bound : int
        None is larger in absolute value; public.
    dtype : numpy.dtype
        float64 or int64.
    """

    integers: NDArray[Any]
    fraction: int
    bound: int
    dtype: np.dtype[Any] = REAL


def plain(values: ArrayLike, fraction: int | None = None, limit: float | None = None) -> Plain:
    """Encode plain numbers.

    Parameters
    ----------
    values : array_like
        float64, int64 or bool.
    fraction : int, optional
        Fractional bits, public: of floats 18 by default, of integers 0.
    limit : float, optional
        Public bound on the absolute values; by default 2^(62 - fraction) for floats, 2^63 for integers.

    Raises
    ------
    InputError
        NaN, infinity, or a number beyond the limit, with its place; a number alone that would become 0.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "buif":
        raise InputError(f"{array.dtype} cannot be encoded: use float64, int64 or bool")
    whole = array.dtype.kind != "f"
    if fraction is None:
        fraction = 0 if whole else FRACTION
    if whole:
        made = np.frompyfunc(lambda v: int(v) << fraction, 1, 1)(array.astype(object))
        largest = 1 if array.dtype.kind == "b" else 1 << 63
        bound = (largest if limit is None else int(limit)) << fraction
    else:
        _check(np.isfinite(array), "is not finite")
        made = np.frompyfunc(int, 1, 1)(np.rint(np.ldexp(array.astype(np.float64), fraction)))
        bound = 1 << max(WORD_BITS, fraction) if limit is None else int(np.ceil(np.ldexp(float(limit), fraction)))
    integers: NDArray[Any] = np.asarray(made, object)
    fine = np.abs(integers) <= bound if integers.size else np.ones(0, bool)
    _check(fine, f"is beyond the limit {_size(bound, fraction)}")
    if array.ndim == 0 and not whole and array != 0 and integers == 0:
        raise InputError(f"a factor becomes 0 at fraction {fraction}: encode it by mpcfl.he.plain with a larger one")
    return Plain(integers, fraction, bound, np.dtype(np.int64 if whole else np.float64))


def decoded(integers: NDArray[Any], fraction: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """The numbers that signed integers stand for.

    Raises
    ------
    InputError
        A result is beyond int64, where the dtype is that.
    """
    if dtype.kind == "f":
        return np.asarray(np.frompyfunc(lambda v: _quotient(v, fraction), 1, 1)(integers), np.float64)
    try:
        return np.asarray(integers, object).astype(np.int64)
    except OverflowError:
        raise InputError("a decrypted integer is beyond int64: decrypt it with dtype=object") from None


def _quotient(integer: int, fraction: int) -> float:
    """integer / 2^fraction, rounded once, however large both are."""
    return int(integer) / (1 << fraction)


def _check(fine: Any, what: str) -> None:
    """Refuse an array of which one element is not fine, by its place and not its value."""
    array = np.asarray(fine, bool)
    if not array.all():
        place = tuple(int(n) for n in np.argwhere(~array)[0])
        raise InputError(f"the number at {place} {what}" if place else f"the number {what}")


def _size(bound: int, fraction: int) -> str:
    return f"{bound / (1 << fraction):g}"
