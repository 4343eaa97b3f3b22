"""Assignment, and what NumPy says of views: which arrays are parts of which, and where.

Values never change. An array that is assigned to takes a new value; arrays that view it read the new one, as NumPy's
do. Whether a result is a view, and of which elements, is asked of NumPy itself: the same function is applied to a
layout, a plain array of the same shape and strides whose bytes nobody reads or writes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from numpy.typing import NDArray

from mpcfl import operations as op
from mpcfl.dispatch.structure import PUBLIC, flattened, is_basic
from mpcfl.engine import BOOLEAN, FIXED, INTEGER, Value
from mpcfl.ring import Shape

Layout: TypeAlias = NDArray[np.uint8]

VIEWS: frozenset[Any] = frozenset(
    {
        np.transpose,
        np.reshape,
        np.ravel,
        np.swapaxes,
        np.moveaxis,
        np.rollaxis,
        np.matrix_transpose,
        np.expand_dims,
        np.squeeze,
        np.flip,
        np.fliplr,
        np.flipud,
        np.rot90,
        np.split,
        np.array_split,
        np.hsplit,
        np.vsplit,
        np.dsplit,
        np.unstack,
        np.diagonal,
        np.diag,
        np.broadcast_to,
        sliding_window_view,
    }
)
"""NumPy functions of one array whose results may be views of it."""


def layout_of(shape: Shape) -> Layout:
    """The layout of an array of its own."""
    return np.empty(shape, np.uint8)


def places_in(base: Layout, view: Layout) -> NDArray[np.int64]:
    """The number of each element of a view among those of its base, which is in C order."""
    numbers = np.arange(base.size, dtype=np.int64)
    start = view.ctypes.data - base.ctypes.data
    return as_strided(numbers[start:], view.shape, tuple(8 * stride for stride in view.strides))


def is_view(index: Any) -> bool:
    """Whether an index is basic: integers, slices, None and an ellipsis."""
    return all(is_basic(part) for part in (index if isinstance(index, tuple) else (index,)))


def assigned(x: Value, places: NDArray[np.int64], index: Any, value: Any) -> Value:
    """The array x with `value` at places[index].

    Parameters
    ----------
    x : Value
    places : ndarray of int64
        Of the array that is assigned to, among the elements of x in C order.
    index : object
        Public: basic, integer arrays or masks.
    value : Value or array_like
        A secret of the kind of x or a narrower one; a public one is cast as by NumPy.

    Raises
    ------
    TypeError
        A secret index, or a secret of a wider kind.
    """
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, Value) for part in parts):
        raise TypeError("a secret cannot say where to assign: use x = np.where(mask, value, x)")
    chosen = np.asarray(places[index])
    if isinstance(value, Value):
        kinds = [BOOLEAN, INTEGER, FIXED]
        if kinds.index(value.kind) > kinds.index(x.kind):
            raise TypeError(
                "a secret is not narrowed by assignment: widen the array first (astype), or compare or np.rint the "
                "value"
            )
        new = op.as_kind(value, x.kind)
    else:
        new = op.constant(x.engine, op.public(value).astype(PUBLIC[x.kind]), x.kind)
    while len(new.shape) > chosen.ndim and new.shape[0] == 1:  # as NumPy, which drops leading axes of length one
        new = op.reshape(new, new.shape[1:])
    if np.broadcast_shapes(new.shape, chosen.shape) != chosen.shape:
        raise ValueError(f"could not broadcast an array of shape {new.shape} into {chosen.shape}")
    return op.reshape(op.assigned(flattened(x), chosen, new), x.shape)
