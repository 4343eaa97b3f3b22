"""NumPy's polynomials by coefficients, the highest power first, as programs of its other functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl.dispatch.choice import array, is_secret


def _aligned(a1: Any, a2: Any) -> tuple[Any, Any]:
    """Two polynomials with leading zeros to one length."""
    x, y = np.atleast_1d(array(a1)), np.atleast_1d(array(a2))
    size = max(x.shape[0], y.shape[0])
    return np.pad(x, (size - x.shape[0], 0)), np.pad(y, (size - y.shape[0], 0))


def _polyadd(a1: Any, a2: Any) -> Any:
    x, y = _aligned(a1, a2)
    return x + y


def _polysub(a1: Any, a2: Any) -> Any:
    x, y = _aligned(a1, a2)
    return x - y


def _polymul(a1: Any, a2: Any) -> Any:
    return np.convolve(np.atleast_1d(array(a1)), np.atleast_1d(array(a2)))


def _polyval(p: Any, x: Any) -> Any:
    """np.polyval: the powers in log2 of their number steps, then one product with the coefficients."""
    coefficients, places = np.atleast_1d(array(p)), array(x)
    powers = np.vander(places.reshape(-1), coefficients.shape[0])
    return (powers @ coefficients).reshape(places.shape)


def _polyder(p: Any, m: int = 1) -> Any:
    coefficients = array(p)
    for _ in range(m):
        coefficients = coefficients[:-1] * np.arange(coefficients.shape[0] - 1, 0, -1)
    return coefficients


def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    coefficients = array(p) * 1.0
    constants = np.zeros(m) if k is None else array(k) * np.ones(m)
    for i in range(m):
        part = coefficients / np.arange(coefficients.shape[0], 0, -1.0)
        coefficients = np.concatenate([part, constants[i : i + 1]])
    return coefficients


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    n = x.shape[0] if N is None else N
    if not is_secret(x) or x.ndim != 1:
        raise ValueError("np.vander takes one dimension")
    x = x * 1
    powers = [np.ones_like(x)[:, None], np.cumprod(np.repeat(x[:, None], max(n - 1, 0), axis=1), axis=1)]
    rising = np.concatenate(powers, axis=1)[:, :n]
    return rising if increasing else rising[:, ::-1]


PROGRAMS: dict[Any, Callable[..., Any]] = {
    np.polyadd: _polyadd,
    np.polysub: _polysub,
    np.polymul: _polymul,
    np.polyval: _polyval,
    np.polyder: _polyder,
    np.polyint: _polyint,
    np.vander: _vander,
}
