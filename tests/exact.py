"""Linear algebra at 300 bits: what the results of both rings are held against.

Matrices are arrays of multiple-precision reals, whose dtype is object; NumPy adds, multiplies and slices them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gmpy2
import numpy as np
from numpy.typing import NDArray

Exact = NDArray[Any]

BITS = 300


def real(x: Any) -> Exact:
    """The same numbers as multiple-precision reals."""
    convert: Callable[[Any], Exact] = np.frompyfunc(lambda v: gmpy2.mpfr(v, BITS), 1, 1)
    return np.asarray(convert(np.asarray(x)))


def rounded(x: Exact, fraction: int) -> NDArray[np.float64]:
    """Near x, and exact both as float64 and at a fraction."""
    return np.ldexp(np.rint(np.ldexp(np.asarray(x, np.float64), fraction)), -fraction)


def lengths(a: Exact) -> Exact:
    """Euclidean norms of columns."""
    root: Callable[[Any], Exact] = np.frompyfunc(gmpy2.sqrt, 1, 1)
    return root((a * a).sum(axis=0))


def solved(a: Exact, b: Exact) -> Exact:
    """a^-1 b by elimination with pivots; b has columns."""
    n = a.shape[0]
    wide = np.concatenate([a, b], axis=1)
    for j in range(n):
        pivot = j + max(range(n - j), key=lambda i: abs(wide[j + i, j]))
        wide[[j, pivot]] = wide[[pivot, j]]
        wide[j] = wide[j] / wide[j, j]
        others = np.arange(n) != j
        wide[others] = wide[others] - wide[others, j, None] * wide[j]
    return wide[:, n:]


def qr(a: Exact) -> tuple[Exact, Exact]:
    """Gram and Schmidt's factors, the diagonal of r positive."""
    q, r = a.copy(), real(np.zeros((a.shape[1], a.shape[1])))
    for j in range(a.shape[1]):
        for i in range(j):
            r[i, j] = q[:, i] @ q[:, j]
            q[:, j] = q[:, j] - r[i, j] * q[:, i]
        r[j, j] = gmpy2.sqrt(q[:, j] @ q[:, j])
        q[:, j] = q[:, j] / r[j, j]
    return q, r


def least_squares(a: Exact, b: Exact) -> Exact:
    q, r = qr(a)
    return solved(r, q.T @ b)


def cholesky(a: Exact) -> Exact:
    """The lower factor of a symmetric positive definite matrix."""
    n = a.shape[0]
    lower = real(np.zeros((n, n)))
    for j in range(n):
        lower[j, j] = gmpy2.sqrt(a[j, j] - lower[j, :j] @ lower[j, :j])
        for i in range(j + 1, n):
            lower[i, j] = (a[i, j] - lower[i, :j] @ lower[j, :j]) / lower[j, j]
    return lower


def log_determinant(a: Exact) -> Any:
    """The logarithm of the magnitude."""
    _, r = qr(a)
    return sum(gmpy2.log(r[i, i]) for i in range(len(r)))


def eigen(a: Exact) -> tuple[Exact, Exact]:
    """(w, v) of a symmetric matrix, w rising, by cyclic rotations."""
    n = a.shape[0]
    a, v = a.copy(), real(np.eye(n))
    limit = gmpy2.mpfr(2.0**-120) * max(abs(x) for x in a.reshape(-1))
    while any(abs(a[i, j]) > limit for i in range(n) for j in range(i)):
        for i in range(n):
            for j in range(i + 1, n):
                angle = gmpy2.atan2(2 * a[i, j], a[j, j] - a[i, i]) / 2
                cos, sin = gmpy2.cos(angle), gmpy2.sin(angle)
                turn = real(np.array([[0.0, 0.0], [0.0, 0.0]]))
                turn[0, 0], turn[0, 1], turn[1, 0], turn[1, 1] = cos, sin, -sin, cos
                a[:, [i, j]] = a[:, [i, j]] @ turn
                a[[i, j]] = turn.T @ a[[i, j]]
                v[:, [i, j]] = v[:, [i, j]] @ turn
    order = np.argsort([float(x) for x in np.diagonal(a)], kind="stable")
    return np.diagonal(a)[order], v[:, order]


def singular_values(a: Exact) -> Exact:
    """Falling."""
    w, _ = eigen(a.T @ a)
    root: Callable[[Any], Exact] = np.frompyfunc(lambda x: gmpy2.sqrt(abs(x)), 1, 1)
    return root(w[::-1])
