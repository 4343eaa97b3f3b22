"""What a case of the array API's conformance test is, and how its arguments are drawn.

Arguments are drawn by hypothesis, as the standard allows them. Arrays among them are secret or public as drawn, at
least one of them secret, unless they are marked.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

ULP = 2.0**-18
DTYPES = {"f": np.float64, "i": np.int64, "b": np.bool_}
QUARTER, AIM = 2.0**-20, 2.0**-13  # relative errors, of the functions as measured and as aimed at
NUMBERS = ["ff", "ii"]
SHAPES = [(), (1,), (4,), (2, 3), (0,), (2, 1, 3)]
PAIRS = [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (3,)), ((), (2,)), ((0,), (1,)), ((2, 2), (2, 2))]


@dataclass(frozen=True)
class Public:
    """An array that is never secret: places, counts, masks."""

    array: Any


@dataclass(frozen=True)
class Secret:
    """An array that is always secret."""

    array: Any


@dataclass(frozen=True)
class Case:
    """A function of the standard, as it is called in one way.

    Attributes
    ----------
    name : str
        The function's, "linalg.solve", or "array.__add__" for what an array itself has.
    arguments : callable
        From a hypothesis `draw` to a list of positional ones and a dict of others.
    ulps, relative : float
        An element may differ by so many units 2^-18, and by that part of what is right.
    variant : str
        Tells several cases of one function apart.
    call : callable
        `call(namespace, *arguments)`; by default the function of that name.
    """

    name: str
    arguments: Callable[..., tuple[list[Any], dict[str, Any]]]
    ulps: float = 0.0
    relative: float = 0.0
    variant: str = ""
    call: Callable[..., Any] | None = None
    note: str = ""

    @property
    def title(self) -> str:
        return f"{self.name}, {self.variant}" if self.variant else self.name

    def __call__(self, namespace: Any, *args: Any, **kwargs: Any) -> Any:
        if self.call is not None:
            return self.call(namespace, *args, **kwargs)
        if self.name.startswith("array."):
            return getattr(args[0], self.name.removeprefix("array."))
        return operator.attrgetter(self.name)(namespace)(*args, **kwargs)


class Cases(list[Case]):
    """Cases of one module."""

    def add(
        self, names: str, arguments: Callable[..., Any], ulps: float = 0.0, relative: float = 0.0, **rest: Any
    ) -> None:
        """Add a case for each of several names."""
        self.extend(Case(name, arguments, ulps, relative, **rest) for name in names.split())


# ------------------------------------------------------------------------------------------------------------ arguments


def array(draw: Any, kind: str, shape: Any, low: float = -20, high: float = 20) -> Any:
    """Numbers that fixed point holds exactly, ties among them."""
    size = int(np.prod(shape))
    elements = {
        "f": st.integers(int(low * 64), int(high * 64)).map(lambda n: n / 64),
        "i": st.integers(int(np.ceil(low)), int(high)),
        "b": st.booleans(),
    }[kind]
    return np.array(draw(st.lists(elements, min_size=size, max_size=size)), DTYPES[kind]).reshape(shape)


def one(kinds: str, low: float = -20, high: float = 20, shapes: Any = SHAPES, **kwargs: Any) -> Callable[..., Any]:
    """A secret array of any shape."""

    def draw_arguments(draw: Any) -> Any:
        kind, shape = draw(st.sampled_from(kinds)), draw(st.sampled_from(shapes))
        return [Secret(array(draw, kind, shape, low, high))], {k: draw(v) for k, v in kwargs.items()}

    return draw_arguments


def two(
    kinds: list[str], low: float = -20, high: float = 20, *, nonzero: bool = False, secret: int | None = None,
    scalar: bool = True, second: tuple[float, float] | None = None, pairs: Any = PAIRS,
) -> Callable[..., Any]:  # fmt: skip
    """Two arrays that broadcast, of one pair of kinds, or an array and a Python number; one alone secret, or any."""

    def draw_arguments(draw: Any) -> Any:
        pair, shapes = draw(st.sampled_from(kinds)), draw(st.sampled_from(pairs))
        bounds = ((low, high), second or (low, high))
        x, y = (array(draw, k, s, *b) for k, s, b in zip(pair, shapes, bounds, strict=True))
        if nonzero:
            y = np.where(y == 0, y.dtype.type(1), y)
        if secret is not None:
            return [Secret(v) if i == secret else Public(v) for i, v in enumerate((x, y))], {}
        if scalar and draw(st.integers(0, 3)) == 0 and y.size:
            return [Secret(x), y.reshape(-1)[0].item()], {}
        return [x, y], {}

    return draw_arguments


def axes_of(draw: Any, shape: Any, *, none: bool = True, several: bool = True) -> Any:
    options = [st.integers(-len(shape), len(shape) - 1)] if shape else []
    if none:
        options.append(st.none())
    if several and len(shape) > 1:
        options.append(st.just((0, -1)))
    return draw(st.one_of(options))


def reduced(
    kinds: str, *, low: float = -20, high: float = 20, empty: bool = True, several: bool = True, **kwargs: Any
) -> Callable[..., Any]:
    """An array, an axis and keepdims."""

    def draw_arguments(draw: Any) -> Any:
        shapes = [shape for shape in SHAPES if empty or 0 not in shape]
        kind, shape = draw(st.sampled_from(kinds)), draw(st.sampled_from(shapes))
        further = {"axis": axes_of(draw, shape, several=several), "keepdims": draw(st.booleans())}
        return [Secret(array(draw, kind, shape, low, high))], further | {k: draw(v) for k, v in kwargs.items()}

    return draw_arguments


def x34(draw: Any, kind: str) -> Any:
    return Secret(array(draw, kind, (3, 4)))


def numbers(shape: Any, kinds: str = "fi", low: float = -20, high: float = 20) -> Callable[..., Any]:
    return one(kinds, low, high, [shape])


def with_arguments(make: Callable[..., Any], *args: Any, kinds: str = "fib", **kwargs: Any) -> Callable[..., Any]:
    """An array of three by four, then the given arguments."""

    def draw_arguments(draw: Any) -> Any:
        return [make(draw, draw(st.sampled_from(kinds))), *args], kwargs

    return draw_arguments


def to_power(exponent: st.SearchStrategy[Any]) -> Callable[..., Any]:
    return lambda draw: ([Secret(array(draw, "f", (4,), 0.5, 3)), draw(exponent)], {})


def is_ours(namespace: Any) -> bool:
    return not namespace.__name__.startswith("array_api_strict")
