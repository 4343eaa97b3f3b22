"""Arrays that have a shape and no elements, and functions that take them as they take real ones."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from mpcfl import wide

Shape: TypeAlias = tuple[int, ...]
WORD = np.dtype(np.uint64)
P = ParamSpec("P")
T = TypeVar("T")


class Spec:
    """An array of ring words that has a shape and no elements.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        Of the words: one of the values of `GROUPS`.
    """

    __slots__ = ("dtype", "shape")
    __array_ufunc__ = None

    def __init__(self, shape: Shape, dtype: np.dtype[Any] = WORD) -> None:
        self.shape = shape
        self.dtype = dtype

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return self.dtype.itemsize * self.size

    def _broadcast(self, other: Any) -> Spec:
        return Spec(broadcast_shape(self.shape, getattr(other, "shape", ())), dtype_of([self, other]))

    def _same(self) -> Spec:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __xor__ = __rxor__ = __and__ = _broadcast
    __neg__ = __invert__ = _same

    def __getitem__(self, index: Any) -> Spec:
        return Spec(indexed_shape(self.shape, index), self.dtype)

    def __iter__(self) -> Any:
        return (self[i] for i in range(self.shape[0]))

    def reshape(self, *shape: Any) -> Spec:
        return Spec(_thin(self.shape).reshape(*shape).shape, self.dtype)

    def transpose(self, axes: Sequence[int]) -> Spec:
        return Spec(tuple(self.shape[axis] for axis in axes), self.dtype)


def _thin(shape: Shape) -> NDArray[np.uint8]:
    """An array of a shape whose elements are all the same byte."""
    return np.ndarray(shape, np.uint8, b"\0", strides=(0,) * len(shape))


def broadcast_shape(one: Shape, other: Shape) -> Shape:
    """The shape of two operands together, by NumPy's rules."""
    if one == other or not other:
        return one
    return np.broadcast_shapes(one, other) if one else other


def indexed_shape(shape: Shape, index: Any) -> Shape:
    """The shape of `x[index]` for an x of `shape`."""
    found = _plainly_indexed(shape, index if isinstance(index, tuple) else (index,))
    if found is None:
        found = _thin(shape)[index].shape
    return found


def _plainly_indexed(shape: Shape, parts: tuple[Any, ...]) -> Shape | None:
    """The same where it can be told without gathering: of slices and the like, with one array of places or integers.

    None of everything else, and of what is out of range.
    """
    arrays = places = ellipses = 0
    for part in parts:
        if part is Ellipsis:
            ellipses += 1
        elif part is not None:
            places += 1
            arrays += isinstance(part, np.ndarray)
    if arrays > 1 or ellipses > 1 or places > len(shape):
        return None
    result: list[int] = []
    axis = 0
    for part in parts:
        if part is None:
            result.append(1)
            continue
        if part is Ellipsis:
            rest = len(shape) - places
            result += shape[axis : axis + rest]
            axis += rest
            continue
        n = shape[axis]
        if isinstance(part, slice):
            result.append(len(range(*part.indices(n))))
        elif isinstance(part, np.ndarray):
            if part.dtype.kind not in "iu" or (part.size and not (-n <= part.min() and part.max() < n)):
                return None
            result += part.shape
        elif arrays or type(part) is not int or not -n <= part < n:
            return None
        axis += 1
    return (*result, *shape[axis:])


def dtype_of(arguments: Iterable[Any]) -> np.dtype[Any]:
    """Of the words that arguments give together."""
    for argument in arguments:
        if type(argument) is Spec:
            if argument.dtype is not WORD and argument.dtype == wide.DTYPE:
                return wide.DTYPE
        elif wide.is_wide(argument):
            return wide.DTYPE
    return WORD


def shaped(
    rule: Callable[..., Shape], *, wider: Callable[..., Any] | None = None, bits: bool = False
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function answer with a `Spec` of shape `rule(*arguments)` when one of its arguments is a `Spec`.

    Parameters
    ----------
    rule : callable
    wider : callable, optional
        What is called instead where an argument is an array of Z_2^128; by default the function itself.
    bits : bool
        The result is public or shared bits, hence of uint64 words in both rings.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            for argument in args:
                if type(argument) is Spec:
                    return cast("T", Spec(rule(*args, **kwargs), WORD if bits else dtype_of(args)))
            if wider is not None:
                for argument in args:
                    if wide.is_wide(argument):
                        return cast("T", wider(*args, **kwargs))
            return function(*args, **kwargs)

        return call

    return decorate


def is_spec(x: object) -> bool:
    """Whether x has a shape alone."""
    return type(x) is Spec
