"""Arrays that have a shape and no elements, and functions that take them as they take real ones."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numpy as np

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
        return Spec(np.broadcast_shapes(self.shape, np.shape(other)), dtype_of([self, other]))

    def _same(self) -> Spec:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __xor__ = __rxor__ = __and__ = _broadcast
    __neg__ = __invert__ = _same

    def __getitem__(self, index: Any) -> Spec:
        return Spec(np.broadcast_to(np.uint8(0), self.shape)[index].shape, self.dtype)

    def __iter__(self) -> Any:
        return (self[i] for i in range(self.shape[0]))

    def reshape(self, *shape: Any) -> Spec:
        return Spec(np.broadcast_to(np.uint8(0), self.shape).reshape(*shape).shape, self.dtype)

    def transpose(self, axes: Sequence[int]) -> Spec:
        return Spec(tuple(self.shape[axis] for axis in axes), self.dtype)


def dtype_of(arguments: Iterable[Any]) -> np.dtype[Any]:
    """Of the words that arguments give together."""
    return wide.DTYPE if any(getattr(x, "dtype", None) == wide.DTYPE for x in arguments) else WORD


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
                if is_spec(argument):
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
