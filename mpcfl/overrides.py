"""How an array type takes over functions of this library, as it does NumPy's by `__array_function__`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])


class Overriding:
    """An array type that stands for other arrays, secret ones included, and goes before them in every function."""

    __slots__ = ()

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        """The function's result; by default it has none."""
        return NotImplemented


def overridden(*parts: Any) -> Overriding | None:
    """The first overriding array among arguments and their lists."""
    for part in parts:
        if isinstance(part, Overriding):
            return part
        if isinstance(part, list | tuple):
            found = overridden(*part)
            if found is not None:
                return found
    return None


def overridable(function: Function) -> Function:
    """A function of arrays that asks an `Overriding` argument first."""

    @functools.wraps(function)
    def dispatched(*args: Any, **kwargs: Any) -> Any:
        first = overridden(*args, *kwargs.values())
        if first is None:
            return function(*args, **kwargs)
        return first.__array_function__(dispatched, (type(first),), args, kwargs)

    return cast("Function", dispatched)
