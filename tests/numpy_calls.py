"""Arguments for NumPy's functions: a few that fit most of them, and those of the functions that want their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MATRIX = np.array([[2.0, -0.75, 0.25], [-0.75, 3.0, 0.625], [0.25, 0.625, 5.0]])  # positive definite
VECTOR = np.array([0.5, 2.0, 1.25])
WHOLE = np.array([2, 1, 4])
TRUTHS = np.array([True, False, True])

OWN: dict[Callable[..., Any], Callable[..., Any]] = {
    np.apply_along_axis: lambda x: np.apply_along_axis(np.sum, 0, x),
    np.apply_over_axes: lambda x: np.apply_over_axes(np.sum, x, [0]),
    np.append: lambda x: np.append(x, [1.0]),
    np.arange: lambda x: np.arange(3, like=x),
    np.arccos: lambda x: np.arccos(x * 0.125),
    np.arccosh: lambda x: np.arccosh(x + 4),
    np.arcsin: lambda x: np.arcsin(x * 0.125),
    np.arctanh: lambda x: np.arctanh(x * 0.125),
    np.array: lambda x: np.array([1, 2], like=x),
    np.array_equiv: lambda x: np.array_equiv(x, x[0] * 1),
    np.asarray: lambda x: np.asarray([1, 2], like=x),
    np.astype: lambda x: np.astype(x, np.int64),
    np.bincount: lambda x: np.bincount((x[0] > 0) * 2, minlength=4),
    np.block: lambda x: np.block([[x, x], [x, x]]),
    np.broadcast_to: lambda x: np.broadcast_to(x, (2, 3, 3)),
    np.can_cast: lambda x: np.can_cast(x.dtype, np.int8),
    np.choose: lambda x: np.choose((x > 0) * 1, [x, 2.0]),
    np.clip: lambda x: np.clip(x, 0.0, 1.0),
    np.compress: lambda x: np.compress(TRUTHS, x),
    np.delete: lambda x: np.delete(x, 1, axis=0),
    np.digitize: lambda x: np.digitize(x, VECTOR[[0, 2, 1]]),
    np.dsplit: lambda x: np.dsplit(x.reshape(1, 1, 9), 3),
    np.einsum: lambda x: np.einsum("ij,jk->ik", x, x),
    np.einsum_path: lambda x: np.einsum_path("ij,jk->ik", x, x),
    np.extract: lambda x: np.extract(TRUTHS, x[0]),
    np.eye: lambda x: np.eye(3, like=x),
    np.float_power: lambda x: np.float_power(x, 3),
    np.full: lambda x: np.full((2,), 0.5, like=x),
    np.histogram: lambda x: np.histogram(x, 4, (-1, 5)),
    np.histogram2d: lambda x: np.histogram2d(x[0], x[1], 3, [[-1, 5], [-1, 5]]),
    np.histogram_bin_edges: lambda x: np.histogram_bin_edges(x, 4, (-1, 5)),
    np.hypot: lambda x: np.hypot(x, 2.0),
    np.identity: lambda x: np.identity(3, like=x),
    np.insert: lambda x: np.insert(x, 1, 0.5, axis=0),
    np.interp: lambda x: np.interp(x, [0.0, 1.0, 4.0], VECTOR),
    np.ldexp: lambda x: np.ldexp(x, 2),
    np.left_shift: lambda x: (x > 0) * 3 << 2,
    np.lexsort: lambda x: np.lexsort((x[0], x[1])),
    np.linspace: lambda x: np.linspace(x, 1.0, 5),
    np.log: lambda x: np.log(np.abs(x)),
    np.log10: lambda x: np.log10(np.abs(x)),
    np.log1p: lambda x: np.log1p(np.abs(x)),
    np.log2: lambda x: np.log2(np.abs(x)),
    np.logical_not: lambda x: np.logical_not(x > 0),
    np.moveaxis: lambda x: np.moveaxis(x, 0, 1),
    np.ones: lambda x: np.ones((2,), like=x),
    np.pad: lambda x: np.pad(x, 1),
    np.partition: lambda x: np.sort(np.partition(x, 1), axis=-1),
    np.argpartition: lambda x: np.sort(np.argpartition(x, 1), axis=-1),
    np.polyint: lambda x: np.polyint(x[0]),
    np.polyval: lambda x: np.polyval([1.0, 0.5], x),
    np.power: lambda x: np.power(x, 2),
    np.quantile: lambda x: np.quantile(x, 0.25),
    np.percentile: lambda x: np.percentile(x, 25),
    np.repeat: lambda x: np.repeat(x, 2),
    np.reshape: lambda x: np.reshape(x, (9,)),
    np.resize: lambda x: np.resize(x, (2, 2)),
    np.result_type: lambda x: np.result_type(x, np.int8),
    np.right_shift: lambda x: (x > 0) * 9 >> 2,
    np.roll: lambda x: np.roll(x, 1),
    np.searchsorted: lambda x: np.searchsorted([0.0, 1.0], x),
    np.select: lambda x: np.select([x > 0], [x], -1.0),
    np.split: lambda x: np.split(x, 3),
    np.array_split: lambda x: np.array_split(x, 2),
    np.hsplit: lambda x: np.hsplit(x, 3),
    np.vsplit: lambda x: np.vsplit(x, 3),
    np.sqrt: lambda x: np.sqrt(np.abs(x)),
    np.take: lambda x: np.take(x, [2, 0], axis=1),
    np.take_along_axis: lambda x: np.take_along_axis(x, np.array([[0], [2], [1]]), 1),
    np.tensordot: lambda x: np.tensordot(x, x),
    np.tile: lambda x: np.tile(x, 2),
    np.tri: lambda x: np.tri(3, like=x),
    np.where: lambda x: np.where(x > 0, x, 1.0),
    np.zeros: lambda x: np.zeros((2,), like=x),
    np.empty: lambda x: np.shape(np.empty((2,), like=x)),
    np.empty_like: lambda x: np.shape(np.empty_like(x)),
    np.full_like: lambda x: np.full_like(x, 0.5),
    np.linalg.eigh: lambda x: np.linalg.eigh(x)[0],
    np.linalg.lstsq: lambda x: np.linalg.lstsq(x, x[0])[0],
    np.linalg.tensorinv: lambda x: np.linalg.tensorinv(x, ind=1),
    np.linalg.tensorsolve: lambda x: np.linalg.tensorsolve(x, x[0]),
    np.linalg.matrix_power: lambda x: np.linalg.matrix_power(x, 2),
    np.linalg.multi_dot: lambda x: np.linalg.multi_dot([x, x, x]),
    np.linalg.qr: lambda x: (lambda q, r: q @ r)(*np.linalg.qr(x)),
    np.linalg.svd: lambda x: np.linalg.svd(x)[1],
}
"""Calls of functions that take more than arrays, or that have no result in NumPy's order."""

PATTERNS: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
    lambda f: lambda x: f(x),
    lambda f: lambda x: f(x, x),
    lambda f: lambda x: f(x[0], x[1]),
    lambda f: lambda x: f([x, x]),
    lambda f: lambda x: f(x > 0, x > 1),
    lambda f: lambda x: f(x > 0),
    lambda f: lambda x: f(x[0]),
    lambda f: lambda x: f((x > 0) * 5, 3),
    lambda f: lambda x: f(x, 0),
    lambda f: lambda x: f(x, 0, 1),
    lambda f: lambda x: f(x[0], 2),
]
"""Ways to call a function, tried in order on NumPy's own arrays."""


def call_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """A call of a function with one matrix, which NumPy accepts."""
    if function in OWN:
        return OWN[function]
    for pattern in PATTERNS:
        call = pattern(function)
        try:
            with np.errstate(all="ignore"):
                call(MATRIX)
        except (TypeError, ValueError, IndexError, AttributeError, np.linalg.LinAlgError):
            continue
        return call
    raise LookupError(f"no arguments for {function}: give it some in OWN")
