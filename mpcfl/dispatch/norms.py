"""NumPy's norms of secret vectors and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.linalg import LinAlgError

from mpcfl import operations as op
from mpcfl.dispatch import elementary
from mpcfl.dispatch.reductions import axes_of, counted, kept, largest_of, smallest_of, total
from mpcfl.dispatch.structure import values
from mpcfl.engine import FIXED, Value
from mpcfl.operations import spectrum


def matrices(*arrays: Any) -> list[Value]:
    """Stacks of matrices, secret and of fixed point.

    Raises
    ------
    LinAlgError
        An array has fewer than two dimensions.
    """
    parts = [op.as_kind(part, FIXED) for part in values(arrays)]
    for part in parts:
        if len(part.shape) < 2:
            raise LinAlgError(f"{len(part.shape)}-dimensional array given. Array must be at least two-dimensional")
    return parts


def swapped(x: Value) -> Value:
    """np.linalg.matrix_transpose."""
    n = len(x.shape)
    return op.transpose(x, (*range(n - 2), n - 1, n - 2))


def singular_values(x: Value, /) -> Value:
    """np.linalg.svdvals."""
    (a,) = matrices(x)
    return spectrum.singular(a if a.shape[-2] >= a.shape[-1] else swapped(a))[1]


def vector_norm(x: Value, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Value:
    """np.linalg.vector_norm: Euclidean, 1, inf and -inf, over any axes."""
    if ord == 2:
        x = op.as_kind(x, FIXED)
        root: Value = elementary.UFUNCS[np.sqrt](total(op.multiply(x, x), axis, keepdims))
        return root
    if ord not in (1, np.inf, -np.inf):
        raise TypeError("the norm of a secret vector is Euclidean, 1, inf or -inf")
    reduce = total if ord == 1 else largest_of if ord > 0 else smallest_of
    return reduce(op.as_kind(op.absolute(counted(x)), FIXED), axis, keepdims)


def norm(x: Value, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Value:
    """np.linalg.norm: that of `vector_norm`, and all norms of matrices."""
    axes = axes_of(x, axis)
    if len(axes) == 1 or (ord is None and axis is None):
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=2 if ord is None else ord)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    row, column = normalize_axis_tuple(tuple(range(len(x.shape))) if axis is None else axis, len(x.shape))
    if ord in (None, "fro", "f"):
        return vector_norm(x, axis=axes, keepdims=keepdims)
    if ord in (1, -1, np.inf, -np.inf):
        added, searched = (row, column) if ord in (1, -1) else (column, row)
        sums = total(op.as_kind(op.absolute(counted(x)), FIXED), added, True)
        result = (largest_of if ord > 0 else smallest_of)(sums, searched, True)
    elif ord in (2, -2, "nuc"):
        rest = tuple(i for i in range(len(x.shape)) if i not in axes)
        s = singular_values(op.transpose(x, (*rest, row, column)))
        result = total(s, -1) if ord == "nuc" else op.take(s, (..., 0 if ord > 0 else -1))
    else:
        raise ValueError("Invalid norm order for matrices.")
    rest_shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    return kept(result, x.shape, axes) if keepdims else op.reshape(result, rest_shape)
