"""Public linear maps of named arrays: how a mask follows its operand through slices, gathers, transposes and the like.

A view is a small expression over leaves. Applied to shares it gives the operand, applied to masks it gives the
operand's mask, and because the map is linear the opened difference of the view is the view of the opened difference:
nothing new is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.ring import Shape, Words

KEPT_BYTES = 1 << 25
"""A gathered value that is larger is made again where it is needed again."""

L = TypeVar("L")
M = TypeVar("M")


@dataclass(frozen=True, eq=False)
class View(Generic[L]):
    """A public linear map of one or more leaves.

    Parameters
    ----------
    operation : str
        "leaf", "take", "transpose", "reshape", "broadcast", "concatenate", "scale" or "sum".
    argument : object
        The leaf, the index, the axes, the shape, the axis, or the factor; None of a sum.
    sources : tuple of View
    shape : tuple of int
        Of the result.

    Attributes
    ----------
    memo : dict
        What was made of this view and is dear to make again, by name.
    """

    operation: str
    argument: Any
    sources: tuple[View[L], ...]
    shape: Shape
    memo: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @staticmethod
    def leaf(leaf: M, shape: Shape) -> View[M]:
        return View("leaf", leaf, (), shape)

    def leaves(self) -> Iterator[L]:
        if self.operation == "leaf":
            yield self.argument
        for source in self.sources:
            yield from source.leaves()

    def operations(self) -> Iterator[str]:
        """Those of all its parts."""
        parts: list[View[L]] = [self]
        while parts:
            part = parts.pop()
            yield part.operation
            parts += part.sources

    def map(self, function: Callable[[L], View[M]], name: str | None = None) -> View[M]:
        """The same view over other leaves; with a name it is made once, for one meaning of the name."""
        if self.operation == "leaf":
            return function(self.argument)
        if name in self.memo:
            return cast("View[M]", self.memo[name])
        sources = tuple(source.map(function, name) for source in self.sources)
        mapped = View(self.operation, self.argument, sources, self.shape)
        if name is not None:
            self.memo[name] = mapped
        return mapped

    def apply(self, resolve: Callable[[L], Words], name: str | None = None) -> Words:
        """The view's value where the leaves have the values that `resolve` gives.

        With a name, what had to be gathered is kept under it: a name stands for one value of each leaf.
        """
        if self.operation == "leaf":
            return resolve(self.argument)
        if name in self.memo:
            return cast("Words", self.memo[name])
        value = self._made(resolve, name)
        if name is not None and self._gathers() and not ring.is_spec(value) and value.nbytes <= KEPT_BYTES:
            for source in self.sources:
                source.memo.pop(name, None)  # it is in this one
            self.memo[name] = value
        return value

    def _made(self, resolve: Callable[[L], Words], name: str | None) -> Words:
        rows = self._common_rows()
        if rows is not None:  # of blocks that stand side by side: straight into their place
            return ring.gathered([source.sources[0].apply(resolve, name) for source in self.sources], rows)
        return _OPERATIONS[self.operation]([source.apply(resolve, name) for source in self.sources], self.argument)

    def _common_rows(self) -> NDArray[np.int64] | None:
        """The rows, where this is a concatenation of columns of which the same rows were taken."""
        if self.operation != "concatenate" or self.argument != 1:
            return None
        rows = self.sources[0].argument
        alike = all(source.operation == "take" and source.argument is rows for source in self.sources)
        return rows if alike and ring.is_rows(rows) else None

    def _gathers(self) -> bool:
        """Whether its value is a copy and no view of the sources' memory."""
        return self.operation in ("concatenate", "sum") or (self.operation == "take" and ring.is_rows(self.argument))


_OPERATIONS: dict[str, Callable[[list[Words], Any], Words]] = {
    "take": lambda values, index: ring.take(values[0], index),
    "transpose": lambda values, axes: ring.transpose(values[0], axes),
    "reshape": lambda values, shape: ring.reshape(values[0], shape),
    "broadcast": lambda values, shape: ring.broadcast(values[0], shape),
    "concatenate": lambda values, axis: ring.concatenate(values, axis),
    "scale": lambda values, factor: ring.multiply(values[0], factor),
    "sum": lambda values, _: ring.add(*values),
}


def take(view: View[L], index: Any) -> View[L]:
    """`view[index]`, moved inwards so that nothing is copied that is not used.

    Rows of rows are rows of the source; rows of columns that stand side by side are taken of each.
    """
    rows = _rows(index)
    if rows is not None and view.operation == "take":
        inner = _rows(view.argument)
        if inner is not None:
            return take(view.sources[0], inner[rows])
    if (rows is not None or isinstance(index, slice)) and view.operation == "concatenate" and view.argument > 0:
        return concatenate([take(source, index) for source in view.sources], view.argument)
    shape = ring.indexed_shape(view.shape, index)
    return View("take", index, (view,), shape)


def unscaled(view: View[L]) -> tuple[View[L], int] | None:
    """The view without its factors, and their product, if that is the same for all leaves; None of a sum."""
    if view.operation == "leaf":
        return view, 1
    if view.operation == "sum":
        return None
    found = [unscaled(source) for source in view.sources]
    parts = [one for one in found if one is not None]
    if len(parts) < len(found) or len({factor for _, factor in parts}) > 1:
        return None
    (plain, factor), *_ = parts
    if view.operation == "scale":
        return plain, factor * view.argument
    return View(view.operation, view.argument, tuple(part for part, _ in parts), view.shape), factor


def _rows(index: Any) -> NDArray[np.int64] | None:
    """The index as numbers of rows, if it is a vector of such."""
    return index if ring.is_rows(index) else None


def transpose(view: View[L], axes: tuple[int, ...]) -> View[L]:
    return View("transpose", axes, (view,), tuple(view.shape[axis] for axis in axes))


def reshape(view: View[L], shape: Shape) -> View[L]:
    if view.operation == "reshape":
        (view,) = view.sources
    return view if shape == view.shape else View("reshape", shape, (view,), shape)


def broadcast(view: View[L], shape: Shape) -> View[L]:
    return view if shape == view.shape else View("broadcast", shape, (view,), shape)


def scale(view: View[L], factor: int) -> View[L]:
    return View("scale", factor, (view,), view.shape)


def add(first: View[L], second: View[L]) -> View[L]:
    """The sum of two views of one shape."""
    return View("sum", None, (first, second), first.shape)


def concatenate(views: list[View[L]], axis: int) -> View[L]:
    shape = list(views[0].shape)
    shape[axis] = sum(view.shape[axis] for view in views)
    return View("concatenate", axis, tuple(views), tuple(shape))
