"""Programs whose gradients are checked: at least one for each function of the table."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mpcfl import grad, numerics, ordering
from mpcfl.grad import choices, order, places

RNG = np.random.default_rng(7)


@dataclass(frozen=True)
class Case:
    """A program of arrays, away from its kinks, and where it is checked.

    Attributes
    ----------
    tolerance : float
        Of its gradient on secrets, absolute.
    """

    program: Callable[..., Any]
    operands: tuple[np.ndarray, ...]
    tolerance: float = 2e-4


def case(program: Callable[..., Any], *operands: Any, tolerance: float = 2e-4) -> Case:
    return Case(program, tuple(np.asarray(x, np.float64) for x in operands), tolerance)


def normal(*shape: int) -> np.ndarray:
    """Distinct numbers of both signs, at least 0.1 from zero and 0.01 from each other."""
    n = int(np.prod(shape))
    steps = RNG.permutation(n) - (n - 1) / 2
    return (np.sign(steps + 0.25) * 0.1 + steps * (2.0 / max(n, 4)) + RNG.uniform(-0.05, 0.05, n) / n).reshape(shape)


def positive(*shape: int) -> np.ndarray:
    return np.abs(normal(*shape)) + 0.4


V, M, T = normal(5), normal(3, 4), normal(2, 3, 4)
ROW, COLUMN = normal(1, 4), normal(3, 1)
P, Q = positive(3, 4), positive(4)
MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, True]])
SQUARE = normal(3, 3) + 2 * np.eye(3)
INDEX = np.array([2, 0, 2, 1])

CASES: dict[Any, list[Case]] = {
    # arithmetic
    np.add: [case(lambda x, y: x + y, M, ROW), case(lambda x: 1 + x + 2.5, V)],
    np.subtract: [case(lambda x, y: x - y, COLUMN, ROW), case(lambda x: 1 - x, V)],
    np.multiply: [
        case(lambda x, y: x * y, M, ROW),
        case(lambda x: x * x, M),
        case(lambda x: x * 0.3 * MASK, M),
        case(lambda x, y: x * y, normal(), M),
    ],
    np.true_divide: [
        case(lambda x, y: x / y, M, P),
        case(lambda x, y: x / y, COLUMN, Q),
        case(lambda x: x / 3, M),
        case(lambda x: 2.5 / x, P, tolerance=5e-4),
        case(lambda x: 0 / x, P),
        case(lambda x: x / np.array([1.0, 2.0, 3.0, 4.0]), M),
        case(lambda x: numerics.divide(x, 2 * x + 3), P),
    ],
    np.negative: [case(lambda x: -x, M)],
    np.positive: [case(lambda x: +x, M)],
    np.remainder: [case(lambda x: np.remainder(x, 0.75), np.array([0.2, 1.1, -0.4, -2.0]))],
    np.square: [case(np.square, M)],
    np.power: [
        case(lambda x: x**3, M),
        case(lambda x: x**2, M),
        case(lambda x: x**1 + x**0, M),
        case(lambda x: np.power(x, 5), normal(2, 2)),
        case(lambda x, y: x**y, P, ROW, tolerance=2e-3),
        case(lambda y: 1.5**y, M, tolerance=1e-3),
        case(lambda y: 1.5**y, normal(), tolerance=1e-3),
        case(lambda x: x**1.5, P, tolerance=1e-3),
        case(lambda x: x ** np.array([2.0, 0.0, 1.0, 3.0]), P, tolerance=1e-3),
    ],
    np.float_power: [case(lambda x: np.float_power(x, 2), M)],
    np.reciprocal: [case(np.reciprocal, P)],
    np.hypot: [case(np.hypot, P, Q)],
    # elementary functions
    np.sqrt: [case(np.sqrt, P)],
    np.cbrt: [case(np.cbrt, P)],
    np.exp: [case(np.exp, M)],
    np.exp2: [case(np.exp2, M)],
    np.expm1: [case(np.expm1, M)],
    np.log: [case(np.log, P)],
    np.log2: [case(np.log2, P)],
    np.log10: [case(np.log10, P)],
    np.log1p: [case(np.log1p, P)],
    np.logaddexp2: [case(np.logaddexp2, M, ROW, tolerance=2e-3)],
    np.ldexp: [case(lambda x: np.ldexp(x, 3), M, tolerance=2e-3)],
    np.logaddexp: [case(np.logaddexp, M, ROW, tolerance=2e-3)],
    np.sin: [case(np.sin, M)],
    np.cos: [case(np.cos, M)],
    np.tan: [case(np.tan, M / 2, tolerance=1e-3)],
    np.arctan: [case(np.arctan, M, tolerance=1e-3)],
    np.arctan2: [case(np.arctan2, M, P, tolerance=1e-3)],
    np.arcsin: [case(np.arcsin, M / 2, tolerance=1e-3)],
    np.arccos: [case(np.arccos, M / 2, tolerance=1e-3)],
    np.arcsinh: [case(np.arcsinh, M, tolerance=1e-3)],
    np.arccosh: [case(np.arccosh, P + 1, tolerance=2e-3)],
    np.arctanh: [case(np.arctanh, M / 2, tolerance=1e-3)],
    np.sinh: [case(np.sinh, M)],
    np.cosh: [case(np.cosh, M)],
    np.deg2rad: [case(np.deg2rad, M)],
    np.radians: [case(np.radians, M)],
    np.rad2deg: [case(np.rad2deg, M, tolerance=2e-3)],
    np.degrees: [case(np.degrees, M, tolerance=2e-3)],
    np.tanh: [case(np.tanh, M, tolerance=3e-3)],
    numerics.sigmoid: [
        case(numerics.sigmoid, M, tolerance=2e-3),
        case(lambda x: numerics.sigmoid(x, precise=True), M),
    ],
    numerics.softplus: [
        case(numerics.softplus, M, tolerance=2e-3),
        case(lambda x: numerics.softplus(x, precise=True), M),
    ],
    numerics.tanh: [case(lambda x: numerics.tanh(x, precise=True), M)],
    numerics.erf: [case(numerics.erf, M)],
    numerics.erfc: [case(numerics.erfc, M)],
    numerics.gelu: [case(numerics.gelu, M), case(lambda x: numerics.gelu(x, "tanh"), M)],
    numerics.silu: [case(numerics.silu, M)],
    numerics.rsqrt: [case(numerics.rsqrt, P)],
    # choices
    np.maximum: [
        case(np.maximum, M, ROW),
        case(lambda x: np.maximum(x, 0.02), M),
        case(lambda x: np.maximum.reduce(x), M),
    ],
    np.minimum: [case(np.minimum, COLUMN, M), case(lambda x: np.minimum(0.02, x), M)],
    np.fmax: [case(lambda x: np.fmax(x, 0.02), M)],
    np.fmin: [case(lambda x: np.fmin(x, 0.02), M)],
    np.select: [case(lambda x, y: np.select([MASK, x > 0.3], [x, y], 2.0), M, ROW)],
    np.absolute: [case(abs, M)],
    np.fabs: [case(np.fabs, M)],
    numerics.relu: [case(numerics.relu, M)],
    np.clip: [
        case(lambda x: np.clip(x, -0.52, 0.41), M),
        case(lambda x: x.clip(max=0.3), M),
        case(lambda x, low: np.clip(x, low, 0.7), M, np.array([-0.33, -0.21, -0.47, 0.01])),
    ],
    choices.limited: [case(lambda x: np.clip(x, np.array([-0.52, -0.3, -0.2, -0.9]), 0.41), M)],
    np.where: [
        case(lambda x, y: np.where(MASK, x, y), M, ROW),
        case(lambda x, y: np.where(x > 0.02, x * x, y), M, COLUMN),
        case(lambda x: np.where(x < 0.3, 2.0, x), M),
    ],
    np.max: [
        case(np.max, V),
        case(lambda x: np.max(x, axis=(0, 2)), T),
        case(lambda x: x.max(axis=1, keepdims=True), M),
    ],
    np.min: [case(lambda x: np.min(x, axis=-1), T), case(lambda x: x.min(), normal(7))],
    np.amax: [case(np.amax, M)],
    np.amin: [case(np.amin, M)],
    np.ptp: [case(lambda x: np.ptp(x, axis=0), M)],
    # order
    order.ordered: [case(np.sort, V), case(lambda x: np.sort(x, axis=0), T)],
    np.sort: [case(lambda x: np.sort(x, axis=None), M)],
    np.median: [case(lambda x: np.median(x, axis=1, keepdims=True), M), case(np.median, V)],
    np.quantile: [case(lambda x: np.quantile(x, [0.1, 0.5, 0.8], axis=(0, 2)), T)],
    np.percentile: [case(lambda x: np.percentile(x, 30, axis=0), M)],
    # reductions
    np.sum: [
        case(np.sum, M),
        case(lambda x: np.sum(x, axis=(0, -1)), T),
        case(lambda x: x.sum(axis=1, keepdims=True), T),
        case(lambda x: np.add.reduce(x), M),
    ],
    np.mean: [case(np.mean, M), case(lambda x: x.mean(axis=1), T)],
    np.average: [
        case(lambda x: np.average(x, axis=0), M),
        case(lambda x: np.average(x, axis=1, weights=np.abs(M) + 0.5), T[0, :, :]),
    ],
    np.var: [case(np.var, M), case(lambda x: np.var(x, axis=1, ddof=1, keepdims=True), T)],
    np.std: [case(lambda x: np.std(x, axis=0), M)],
    np.prod: [
        case(np.prod, normal(4)),
        case(lambda x: np.prod(x, axis=(0, 2)), T),
        case(lambda x: np.prod(x, axis=0), np.array([[0.0, 0.5], [1.5, 0.0], [-2.0, 0.0]])),
    ],
    np.cumprod: [case(lambda x: np.cumprod(x, axis=1), T), case(np.cumprod, np.array([1.5, 0.0, -0.5, 2.0]))],
    np.cumsum: [case(lambda x: np.cumsum(x, axis=1), T), case(np.cumsum, M)],
    np.cumulative_sum: [case(lambda x: np.cumulative_sum(x, axis=-1, include_initial=True), M)],
    np.cumulative_prod: [case(lambda x: np.cumulative_prod(x, axis=0), M)],
    numerics.logsumexp: [
        case(numerics.logsumexp, M),
        case(lambda x: numerics.logsumexp(x, axis=0, keepdims=True), T),
    ],
    numerics.softmax: [case(numerics.softmax, M), case(lambda x: numerics.softmax(x, axis=0), M)],
    np.linalg.norm: [
        case(np.linalg.norm, M),
        case(lambda x: np.linalg.norm(x, axis=1), M),
        case(lambda x: np.linalg.norm(x, 1, axis=0, keepdims=True), M),
        case(lambda x: np.linalg.norm(x, np.inf, axis=0) + np.linalg.norm(x, -np.inf, axis=0), M),
        case(lambda x: np.linalg.norm(x, "fro", axis=(1, 2)), T),
    ],
    np.linalg.matrix_norm: [case(np.linalg.matrix_norm, T)],
    np.linalg.vector_norm: [
        case(np.linalg.vector_norm, M),
        case(lambda x: np.linalg.vector_norm(x, axis=-1, keepdims=True), T),
    ],
    # products
    numerics.affine: [
        case(numerics.affine, M, normal(4, 2), normal(2)),
        case(numerics.affine, T, normal(4, 2), normal(3, 1)),
        case(numerics.affine, M, Q, normal()),
    ],
    np.matmul: [
        case(operator.matmul, M, normal(4, 2)),
        case(operator.matmul, V, V[::-1]),
        case(operator.matmul, V, normal(5, 3)),
        case(operator.matmul, M, Q),
        case(operator.matmul, T, normal(4, 2)),
        case(operator.matmul, T, normal(2, 4, 3)),
        case(operator.matmul, normal(3, 1, 2, 4), T.transpose(0, 2, 1)),
        case(operator.matmul, T, Q),
        case(operator.matmul, normal(3), T),
        case(lambda x: np.arange(6.0).reshape(2, 3) @ x, M),
    ],
    np.dot: [
        case(np.dot, M, Q),
        case(lambda x, y: x.dot(y), T, normal(4, 2)),
        case(np.dot, normal(), V),
        case(np.dot, M, normal(2, 4, 3)),
    ],
    np.vdot: [case(np.vdot, M, P)],
    np.inner: [case(np.inner, M, T), case(np.inner, V, V[::-1])],
    np.outer: [case(np.outer, V, Q)],
    np.linalg.outer: [case(np.linalg.outer, V, Q)],
    np.tensordot: [
        case(np.tensordot, M, normal(3, 4, 2)),
        case(lambda x, y: np.tensordot(x, y, axes=([2, 0], [1, 2])), T, normal(3, 4, 2)),
        case(lambda x, y: np.tensordot(x, y, axes=1), T, normal(4)),
        case(lambda x, y: np.tensordot(x, y, axes=0), V, Q),
    ],
    np.linalg.tensordot: [case(lambda x, y: np.linalg.tensordot(x, y, axes=2), M, normal(3, 4, 2))],
    np.linalg.matmul: [case(np.linalg.matmul, M, normal(4, 2))],
    np.einsum: [
        case(lambda x, y: np.einsum("ij,jk->ik", x, y), M, normal(4, 2)),
        case(lambda x, y, z: np.einsum("ij,j,ik->k", x, y, z), M, Q, normal(3, 2)),
        case(lambda x: np.einsum("ii->i", x), SQUARE),
        case(lambda x: np.einsum("ijk->j", x), T),
        case(lambda x, y: np.einsum("...ij,jk->...ik", x, y), T, normal(4, 2)),
        case(lambda x, y: np.einsum("ij,kl", x, y), normal(2, 2), normal(2, 2)),
        case(lambda x: np.einsum("ii", x), SQUARE),
        case(lambda x, y: np.einsum("ij,ij->i", x, y), M, ROW),
    ],
    np.kron: [case(np.kron, normal(2, 2), normal(3)), case(np.kron, normal(2), normal(3, 2))],
    np.trace: [case(lambda x: np.trace(x, 1), M)],
    np.linalg.trace: [case(np.linalg.trace, T)],
    np.cross: [
        case(np.cross, normal(2, 3), normal(3)),
        case(lambda x, y: np.cross(x, y, axis=0), normal(3, 2), normal(3, 2)),
    ],
    np.linalg.cross: [case(np.linalg.cross, normal(2, 3), normal(2, 3))],
    np.linalg.matrix_power: [case(lambda x: np.linalg.matrix_power(x, 5), SQUARE / 3)],
    np.matvec: [case(np.matvec, T, Q)],
    np.vecmat: [case(np.vecmat, normal(2, 3), T)],
    np.vecdot: [case(np.vecdot, T, M)],
    np.linalg.vecdot: [case(lambda x, y: np.linalg.vecdot(x, y, axis=0), M, P)],
    np.convolve: [
        case(lambda x, y, mode=mode: np.convolve(x, y, mode), V, normal(n))
        for mode in ("full", "same", "valid")
        for n in (3, 7)
    ],
    np.correlate: [case(lambda x, y: np.correlate(x, y, "same"), V, normal(n)) for n in (3, 7)],
    np.linalg.solve: [
        case(np.linalg.solve, SQUARE, normal(3), tolerance=2e-3),
        case(np.linalg.solve, SQUARE, normal(3, 2), tolerance=2e-3),
    ],
    np.linalg.inv: [case(np.linalg.inv, SQUARE, tolerance=2e-3)],
    np.linalg.cholesky: [case(lambda x: np.linalg.cholesky(x @ x.T + np.eye(3)), M / 2, tolerance=5e-3)],
    # structure
    np.reshape: [case(lambda x: x.reshape(2, 6), M), case(lambda x: x.reshape(-1), M)],
    np.ravel: [case(lambda x: x.flatten(), M)],
    np.squeeze: [case(lambda x: x.squeeze(0), ROW)],
    np.expand_dims: [case(lambda x: np.expand_dims(x, 1), M)],
    np.transpose: [case(lambda x: x.transpose(2, 0, 1), T), case(lambda x: x.T, M)],
    np.moveaxis: [case(lambda x: np.moveaxis(x, 0, -1), T)],
    np.swapaxes: [case(lambda x: x.swapaxes(0, 2), T)],
    np.rollaxis: [case(lambda x: np.rollaxis(x, 2), T)],
    np.matrix_transpose: [case(lambda x: x.mT, T)],
    np.linalg.matrix_transpose: [case(np.linalg.matrix_transpose, T)],
    np.meshgrid: [
        case(lambda x, y: np.meshgrid(x, y), V, normal(3)),
        case(lambda x, y: np.meshgrid(x, y, indexing="ij", sparse=True), V, normal(3)),
    ],
    np.dstack: [case(lambda x, y: np.dstack([x, y]), M, P)],
    np.broadcast_to: [case(lambda x: np.broadcast_to(x, (2, 3, 4)), ROW)],
    np.broadcast_arrays: [case(lambda x, y: np.broadcast_arrays(x, y), ROW, COLUMN)],
    np.copy: [case(np.copy, M)],
    np.concatenate: [
        case(lambda x, y: np.concatenate([x, np.ones((1, 4)), y, x]), M, ROW),
        case(lambda x, y: np.concatenate([x, y], axis=None), M, V),
    ],
    np.stack: [case(lambda x, y: np.stack([x, y, x], axis=-1), M, P)],
    np.hstack: [case(lambda x, y: np.hstack([x, y]), M, COLUMN), case(lambda x, y: np.hstack([x, y]), V, normal(1))],
    np.vstack: [case(lambda x, y: np.vstack([x, y]), M, Q)],
    np.column_stack: [case(lambda x, y: np.column_stack([x, y]), M, normal(3))],
    np.append: [case(lambda x, y: np.append(x, y), M, V)],
    np.split: [case(lambda x: np.split(x, 2, axis=1), M)],
    np.array_split: [case(lambda x: np.array_split(x, 3), V), case(lambda x: np.array_split(x, [1, 4]), V)],
    np.vsplit: [case(lambda x: np.vsplit(x, 3), M)],
    np.hsplit: [case(lambda x: np.hsplit(x, [1]), M)],
    np.dsplit: [case(lambda x: np.dsplit(x, 2), T)],
    np.unstack: [case(lambda x: np.unstack(x, axis=1), M), case(lambda x: list(x), M)],
    np.atleast_1d: [case(np.atleast_1d, normal())],
    np.atleast_2d: [case(np.atleast_2d, V)],
    np.atleast_3d: [case(np.atleast_3d, M)],
    np.diff: [case(lambda x: np.diff(x, 2), M)],
    np.tril: [case(np.tril, M), case(lambda x: np.tril(x, 1), T)],
    np.triu: [case(lambda x: np.triu(x, -1), M)],
    # places
    operator.getitem: [
        case(lambda x: x[1:, ::-2], M),
        case(lambda x: x[INDEX], M),
        case(lambda x: x[1, 2] * x[..., None, 0], M),
        case(lambda x: x[MASK], M),
        case(lambda x: x[[0, 0, 2], [1, 1, 3]], M),
        case(lambda x: x[()], normal()),
        case(lambda x: x[3:3], V),
        case(lambda x: x[True] * 2, V),
        case(lambda x: x[1:, ..., 2], T),
        case(lambda x: x[-1, None, :2] + x[0, 1:3], M),
        case(lambda x: x[np.newaxis], normal()),
    ],
    grad.custom: [
        case(lambda x, y: grad.custom(lambda x, y: (x @ y, (lambda g: g @ y.T, lambda g: x.T @ g)), x, y), M, M.T),
        case(lambda x: grad.custom(lambda x, y: (x + y, (lambda g: g, None)), x, M), M),
    ],
    places.scattered: [case(lambda x: places.scattered(x, INDEX, (2, 2)), normal(4))],
    np.take: [case(lambda x: x.take([1, 1, 3], axis=1), M), case(lambda x: np.take(x, 5), M)],
    np.take_along_axis: [case(lambda x: np.take_along_axis(x, INDEX[None, :], 0), M)],
    np.compress: [case(lambda x: np.compress([True, False, True], x, axis=0), M)],
    np.extract: [case(lambda x: np.extract(MASK, x), M)],
    np.delete: [case(lambda x: np.delete(x, 1, axis=1), M)],
    np.flip: [case(lambda x: np.flip(x, 1), T)],
    np.fliplr: [case(np.fliplr, M)],
    np.flipud: [case(np.flipud, M)],
    np.roll: [case(lambda x: np.roll(x, 2, axis=1), M), case(lambda x: np.roll(x, (1, -1), (0, 1)), M)],
    np.rot90: [case(np.rot90, M)],
    np.tile: [case(lambda x: np.tile(x, (2, 1, 3)), M)],
    np.repeat: [case(lambda x: x.repeat(2, axis=0), M), case(lambda x: np.repeat(x, [1, 0, 2]), normal(3))],
    np.pad: [
        case(lambda x: np.pad(x, ((1, 0), (2, 1)), constant_values=3), M),
        case(lambda x: np.pad(x, 1, mode="edge"), M),
    ],
    np.diagonal: [case(lambda x: x.diagonal(1, 2, 1), T)],
    np.linalg.diagonal: [case(lambda x: np.linalg.diagonal(x, offset=1), T)],
    np.diag: [case(np.diag, M), case(lambda x: np.diag(x, -1), normal(3))],
    np.diagflat: [case(np.diagflat, normal(2, 2))],
    sliding_window_view: [
        case(lambda x: sliding_window_view(x, 3), V),
        case(lambda x: sliding_window_view(x, (2, 2)), M),
        case(lambda x: sliding_window_view(x, (2, 3), axis=(0, 2)), T),
    ],
    ordering.gather: [case(lambda x: ordering.gather(x, INDEX), M)],
    ordering.scatter: [
        case(lambda x: ordering.scatter(x, INDEX, 3), normal(4, 2)),
        case(lambda x: ordering.scatter(x, INDEX, 3), normal(4)),
    ],
}
