"""NumPy's linear algebra on secret values: factors, solutions, determinants and spectra.

Public matrices among the operands become secret constants, except the matrix of `solve`, whose inverse is public too.
Shapes are checked as NumPy checks them. That a matrix is singular, or not positive definite, nobody can see: the result
then has no meaning, see `docs/numerics.md`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from mpcfl import operations as op
from mpcfl.dispatch.norms import matrices, norm, singular_values, swapped, vector_norm
from mpcfl.dispatch.products import operands, reshaped
from mpcfl.dispatch.reductions import counted, total
from mpcfl.dispatch.structure import values
from mpcfl.engine import FIXED, Value
from mpcfl.operations import factorisation, solving, spectrum, transcendental
from mpcfl.ring import matmul_shape

_ONE = np.eye(1)
QRResult: Any = type(np.linalg.qr(_ONE))
EighResult: Any = type(np.linalg.eigh(_ONE))
SVDResult: Any = type(np.linalg.svd(_ONE))
SlogdetResult: Any = type(np.linalg.slogdet(_ONE))


def _square(*arrays: Any) -> list[Value]:
    """Stacks of square matrices.

    Raises
    ------
    LinAlgError
        A matrix is not square.
    """
    parts = matrices(*arrays)
    for part in parts:
        if part.shape[-1] != part.shape[-2]:
            raise LinAlgError("Last 2 dimensions of the array must be square")
    return parts


def _of_nothing(function: Callable[..., Any], *arrays: Value, **kwargs: Any) -> Any:
    """What NumPy makes of arrays that have no elements, as secret constants."""
    answer = function(*(np.zeros(x.shape) for x in arrays), **kwargs)
    if isinstance(answer, tuple):
        parts = [op.constant(arrays[0].engine, np.asarray(part), FIXED) for part in answer]
        make: Any = type(answer)
        return make(*parts)
    return op.constant(arrays[0].engine, np.asarray(answer), FIXED)


def _some(function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Leave operands without elements to NumPy."""

    def decorate(made: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(made)
        def apply(*args: Any, **kwargs: Any) -> Any:
            arrays = [x for x in args if isinstance(x, Value | np.ndarray)]
            if all(math.prod(x.shape) for x in arrays):
                return made(*args, **kwargs)
            return _of_nothing(function, *values(arrays), **kwargs)

        return apply

    return decorate


# -------------------------------------------------------------------------------------------------------------- factors


@_some(np.linalg.qr)
def _qr(a: Value, mode: str = "reduced") -> Any:
    (x,) = matrices(a)
    m, n = x.shape[-2:]
    if mode not in ("reduced", "complete", "r") or (mode == "complete" and m > n):
        raise TypeError("np.linalg.qr of a secret has the modes 'reduced' and 'r', and 'complete' where m <= n")
    q, r = factorisation.qr(x)
    return r if mode == "r" else QRResult(q, r)


@_some(np.linalg.cholesky)
def _cholesky(a: Value, /, *, upper: bool = False) -> Value:
    (x,) = _square(a)
    return swapped(factorisation.cholesky(swapped(x))) if upper else factorisation.cholesky(x)


def _lower(a: Value, UPLO: str) -> Value:
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    (x,) = _square(a)
    return swapped(x) if UPLO.upper() == "U" else x


@_some(np.linalg.eigh)
def _eigh(a: Value, UPLO: str = "L") -> Any:
    return EighResult(*spectrum.eigen(_lower(a, UPLO)))


@_some(np.linalg.eigvalsh)
def _eigvalsh(a: Value, UPLO: str = "L") -> Value:
    return spectrum.eigen(_lower(a, UPLO))[0]


@_some(np.linalg.svd)
def _svd(a: Value, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    (x,) = matrices(a)
    m, n = x.shape[-2:]
    if compute_uv and full_matrices and m != n:
        raise TypeError("np.linalg.svd of a secret that is not square takes full_matrices=False")
    u, s, vt = spectrum.singular(x if m >= n else swapped(x))
    if not compute_uv:
        return s
    return SVDResult(u, s, vt) if m >= n else SVDResult(swapped(vt), s, swapped(u))


# ------------------------------------------------------------------------------------------------------------ solutions


def inverse(a: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverses of public matrices, the same bits on every machine: elementwise steps alone, which no library reorders.

    Raises
    ------
    LinAlgError
        A matrix is singular.
    """
    n = a.shape[-1]
    wide = np.concatenate([a, np.broadcast_to(np.eye(n), a.shape)], axis=-1).reshape(-1, n, 2 * n)
    for matrix in wide:
        for j in range(n):
            pivot = j + int(np.argmax(np.abs(matrix[j:, j])))
            if not matrix[pivot, j]:
                raise LinAlgError("Singular matrix")
            matrix[[j, pivot]] = matrix[[pivot, j]]
            matrix[j] = matrix[j] / matrix[j, j]
            factors = matrix[:, j].copy()
            factors[j] = 0
            matrix -= factors[:, None] * matrix[j]
    return wide[:, :, n:].reshape(a.shape)


def _solve(a: Any, b: Any) -> Value:
    x, y = operands(a, b)
    if not isinstance(x, Value):
        x = np.asarray(x, np.float64)
    column = len(y.shape) == 1
    for part in (x,) if column else (x, y):
        if len(part.shape) < 2:
            raise LinAlgError(f"{len(part.shape)}-dimensional array given. Array must be at least two-dimensional")
    if x.shape[-1] != x.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    _fitting("solve", x, y, y.shape[0] if column else y.shape[-2])
    shape = matmul_shape(x.shape, y.shape)
    if not math.prod(x.shape) * math.prod(shape):
        return op.constant(values([x, y])[0].engine, np.zeros(shape), FIXED)
    if not isinstance(x, Value):
        return op.matmul(inverse(x), op.as_kind(y, FIXED))
    right = op.as_kind(values([x, y])[1], FIXED)
    return _columns(solving.least_squares, op.as_kind(x, FIXED), right, column)


def triangular(a: Any, b: Any, lower: bool) -> Value:
    """a x = b for a triangular matrix a, of which the other triangle is not read.

    Raises
    ------
    LinAlgError, ValueError
        As `np.linalg.solve`.
    """
    x, y = operands(a, b)
    if not isinstance(x, Value):
        return _solve(np.tril(x) if lower else np.triu(x), y)
    (left,) = _square(x)
    _fitting("solve_triangular", left, y, y.shape[0] if len(y.shape) == 1 else y.shape[-2])
    return solving.triangular(left, op.as_kind(values([left, y])[1], FIXED), lower)


def _fitting(name: str, a: Any, b: Any, rows: int) -> None:
    if a.shape[-2] != rows:
        raise ValueError(f"{name}: shapes {a.shape} and {b.shape} do not fit: {a.shape[-2]} rows against {rows}")


def _columns(function: Callable[[Value, Value], Value], a: Value, b: Value, column: bool) -> Value:
    """A solution for right-hand sides in columns, of which a vector is one."""
    if not column:
        return function(a, b)
    answer = function(a, op.reshape(b, (*b.shape, 1)))
    return op.reshape(answer, answer.shape[:-1])


@_some(np.linalg.inv)
def _inv(a: Value) -> Value:
    (x,) = _square(a)
    return solving.least_squares(x, _eye(x, x.shape[-1]))


def _eye(x: Value, n: int) -> Value:
    return op.constant(x.engine, np.eye(n), FIXED)


@_some(np.linalg.pinv)
def _pinv(a: Value, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Value:
    """Of full rank by least squares; with a limit for singular values by those."""
    (x,) = matrices(a)
    limit = rcond if rcond is not None else rtol
    if x.shape[-2] < x.shape[-1]:
        return swapped(_pinv(swapped(x), limit))
    if limit is None:
        return solving.least_squares(x, _eye(x, x.shape[-2]))
    u, s, vt = spectrum.singular(x)
    largest = op.take(s, (..., slice(None, 1)))
    kept_ones = op.greater(s, op.multiply(largest, op.public(limit)[..., None]))
    inverses = op.multiply(kept_ones, transcendental.reciprocal(s))
    scaled = op.multiply(swapped(vt), op.reshape(inverses, (*s.shape[:-1], 1, s.shape[-1])))
    return op.matmul(scaled, swapped(u))


def _lstsq(a: Any, b: Any, rcond: Any = None) -> tuple[Value, Value, None, None]:
    """(x, sums of squared residuals, None, None): the rank is taken to be full, singular values are not computed."""
    if rcond not in (None, -1):
        raise TypeError("np.linalg.lstsq of secrets takes a matrix of full rank and no rcond: use np.linalg.pinv")
    (x,) = matrices(*_one_secret(a, b))
    y = op.as_kind(values(_one_secret(b, a))[0], FIXED)
    if len(x.shape) != 2 or len(y.shape) not in (1, 2):
        raise LinAlgError("np.linalg.lstsq takes a matrix, and a vector or a matrix")
    _fitting("lstsq", x, y, y.shape[0])
    m, n = x.shape
    column = len(y.shape) == 1
    if m >= n:
        found = _columns(solving.least_squares, x, y, column)
    else:
        solver = _pinv(x)
        found = op.matmul(solver, y)
        found = op.add(found, op.matmul(solver, op.subtract(y, op.matmul(x, found))))  # less the solver's errors
    if m <= n:
        return found, op.constant(x.engine, np.zeros(0), FIXED), None, None
    residual = op.subtract(y, op.matmul(x, found))
    sums = total(op.multiply(residual, residual), 0)
    return found, op.reshape(sums, (1,) if column else sums.shape), None, None


def _one_secret(x: Any, beside: Any) -> list[Any]:
    """x as a secret, made one beside another if it is public."""
    if isinstance(x, Value):
        return [x]
    return [op.constant(beside.engine, op.public(x))]


def _tensorinv(a: Value, ind: int = 2) -> Value:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = a.shape[ind:] + a.shape[:ind]
    rows = math.prod(a.shape[ind:])
    return op.reshape(_inv(op.reshape(a, (math.prod(a.shape[:ind]), rows))), shape)


def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Value:
    x, y = operands(a, b)
    if axes is not None:
        chosen = normalize_axis_tuple(axes, len(x.shape))
        order = [*(i for i in range(len(x.shape)) if i not in chosen), *chosen]
        x = op.transpose(x, tuple(order)) if isinstance(x, Value) else x.transpose(order)
    shape = x.shape[len(y.shape) :]
    size = math.prod(shape)
    if size * size != math.prod(x.shape):
        raise LinAlgError("Input arrays must satisfy the requirement prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])")
    return op.reshape(_solve(reshaped(x, (size, size)), reshaped(y, (size,))), shape)


# ------------------------------------------------------------------------------------------- determinants and products


@_some(np.linalg.slogdet)
def _slogdet(a: Value) -> Any:
    return SlogdetResult(*solving.log_determinant(*_square(a)))


@_some(np.linalg.det)
def _det(a: Value) -> Value:
    sign, size = solving.log_determinant(*_square(a))
    return op.multiply(sign, op.function("exp", size))


def _matrix_power(a: Value, n: int) -> Value:
    """A square matrix to a public power, by squares; a negative one of its inverse."""
    if len(a.shape) < 2 or a.shape[-1] != a.shape[-2]:
        raise LinAlgError("Last 2 dimensions of the array must be square")
    if not isinstance(n, int | np.integer):
        raise TypeError("exponent must be an integer")
    square, n = (_inv(a), -n) if n < 0 else (counted(a), n)
    result: Value | None = None
    while n:
        if n & 1:
            result = square if result is None else op.matmul(result, square)
        n >>= 1
        square = op.matmul(square, square) if n else square
    if result is None:
        return op.constant(a.engine, np.broadcast_to(np.eye(a.shape[-1], dtype=np.int64), a.shape), square.kind)
    return result


def _multi_dot(arrays: Sequence[Any], *, out: None = None) -> Value:
    """A chain of products in the order that multiplies least."""
    parts = operands(*arrays)
    if len(parts) < 2:
        raise ValueError("Expecting at least two arrays.")
    first, last = len(parts[0].shape) == 1, len(parts[-1].shape) == 1
    parts[0] = reshaped(parts[0], (1, parts[0].shape[0])) if first else parts[0]
    parts[-1] = reshaped(parts[-1], (parts[-1].shape[0], 1)) if last else parts[-1]
    if any(len(part.shape) != 2 for part in parts):
        raise LinAlgError("np.linalg.multi_dot takes matrices, and a vector at either end")
    sizes = [part.shape[0] for part in parts] + [parts[-1].shape[1]]

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        """The products that parts i to j - 1 take, and where to split them."""
        if j - i == 1:
            return 0, i
        return min((best(i, k)[0] + best(k, j)[0] + sizes[i] * sizes[k] * sizes[j], k) for k in range(i + 1, j))

    def chained(i: int, j: int) -> Any:
        if j - i == 1:
            return parts[i]
        k = best(i, j)[1]
        left, right = chained(i, k), chained(k, j)
        secret = isinstance(left, Value) or isinstance(right, Value)
        return op.matmul(left, right) if secret else left @ right

    result: Value = chained(0, len(parts))
    shape = (() if first else result.shape[:1]) + (() if last else result.shape[1:])
    return op.reshape(result, shape)


def _cond(x: Value, p: Any = None) -> Value:
    """The largest by the smallest singular value, or the norms of a matrix and its inverse."""
    if p in (None, 2, -2):
        s = singular_values(x)
        ends = op.take(s, (..., 0)), op.take(s, (..., -1))
        return op.quotient(*(ends if p != -2 else ends[::-1]))
    (a,) = _square(x)
    return op.multiply(norm(a, p, (-2, -1)), norm(_inv(a), p, (-2, -1)))


# ------------------------------------------------------------------------------------------------------- not offered


def _refused(reason: str) -> Callable[..., NoReturn]:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(reason)

    return refuse


_COMPLEX = "a secret has no complex eigenvalues: use np.linalg.eigh or np.linalg.eigvalsh of a symmetric matrix, or svd"

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.linalg.qr: _qr,
    np.linalg.cholesky: _cholesky,
    np.linalg.eigh: _eigh,
    np.linalg.eigvalsh: _eigvalsh,
    np.linalg.svd: _svd,
    np.linalg.svdvals: singular_values,
    np.linalg.solve: _solve,
    np.linalg.inv: _inv,
    np.linalg.pinv: _pinv,
    np.linalg.lstsq: _lstsq,
    np.linalg.tensorinv: _tensorinv,
    np.linalg.tensorsolve: _tensorsolve,
    np.linalg.slogdet: _slogdet,
    np.linalg.det: _det,
    np.linalg.matrix_power: _matrix_power,
    np.linalg.multi_dot: _multi_dot,
    np.linalg.norm: norm,
    np.linalg.vector_norm: vector_norm,
    np.linalg.matrix_norm: lambda x, *, keepdims=False, ord="fro": norm(x, ord, (-2, -1), keepdims),
    np.linalg.cond: _cond,
    np.linalg.eig: _refused(_COMPLEX),
    np.linalg.eigvals: _refused(_COMPLEX),
    np.linalg.matrix_rank: _refused(
        "the rank of a secret depends on a tolerance of yours: count it as np.sum(np.linalg.svdvals(x) > tolerance)"
    ),
}
