"""What is measured: array programs that run alike on ndarrays and on secrets, with operands of any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mpcfl import numerics
from mpcfl.errors import UsageError
from mpcfl.learn.linear import LogisticRegression

Array: TypeAlias = NDArray[Any]
Size: TypeAlias = tuple[int, ...]

GRID = 2.0**18
"""Numbers on this grid are exact at the default fraction, so comparing them is comparing floats."""


@dataclass(frozen=True)
class Operand:
    """An input: its values, the rank that owns it, and whether it stays private there instead of being shared."""

    values: Array
    owner: int
    private: bool = False


@dataclass(frozen=True)
class Workload:
    """One thing to measure.

    Parameters
    ----------
    name, summary : str
    axes : tuple of str
        What the numbers of a size mean.
    default : tuple of int
        The size where none is asked for.
    operands : callable
        `operands(size, rng)`, the same values at every party.
    compute : callable
        `compute(size, *arrays)`, on ndarrays and on secrets.
    repetitions : int
        Timed ones.
    relative : bool
        Whether the relative error says something.
    longer : callable, optional
        `compute` with one epoch more: the warm-up runs it, and what it sends beyond `compute` is a further epoch's.
    elements : callable
        What bytes per element divide by, of a size: by default the elements of the result.
    """

    name: str
    summary: str
    axes: tuple[str, ...]
    default: Size
    operands: Callable[[Size, Generator], Sequence[Operand]]
    compute: Callable[..., Any]
    repetitions: int = 7
    relative: bool = False
    longer: Callable[..., Any] | None = None
    elements: Callable[[Size], int] = math.prod

    def make(self, size: Size) -> Sequence[Operand]:
        """The operands of a size."""
        return self.operands(size, np.random.default_rng(7))


# ------------------------------------------------------------------------------------------------------------- operands


def _grid(rng: Generator, shape: Size, limit: float) -> Array:
    return np.asarray(np.rint(rng.uniform(-limit, limit, shape) * GRID) / GRID)


def _one(limit: float) -> Callable[[Size, Generator], Sequence[Operand]]:
    return lambda size, rng: [Operand(_grid(rng, size, limit), 0)]


def _two(limit: float) -> Callable[[Size, Generator], Sequence[Operand]]:
    return lambda size, rng: [Operand(_grid(rng, size, limit), owner) for owner in (0, 1)]


def _few_integers(size: Size, rng: Generator) -> Sequence[Operand]:
    return [Operand(rng.integers(0, 4, size), owner) for owner in (0, 1)]


def _matrices(size: Size, rng: Generator) -> Sequence[Operand]:
    rows, inner, columns = size
    return [Operand(_grid(rng, (rows, inner), 1.0), 0), Operand(_grid(rng, (inner, columns), 1.0), 1)]


def _matrix_and_vector(size: Size, rng: Generator) -> Sequence[Operand]:
    return [Operand(_grid(rng, size, 1.0), 0), Operand(_grid(rng, size[1:], 1.0), 1)]


def _ratios(size: Size, rng: Generator) -> Sequence[Operand]:
    whole = rng.uniform(1.0, 1e6, size)
    return [Operand(whole * rng.uniform(0.01, 1.0, size), 0), Operand(whole, 1)]


def _signs(size: Size, rng: Generator) -> Sequence[Operand]:
    return [Operand(rng.integers(2, 5, (1,)), 0), Operand(1 - 2 * rng.integers(0, 2, size), 1)]


def _customers(size: Size, rng: Generator) -> Sequence[Operand]:
    """Columns of two owners, the first of whom has the labels too."""
    rows, columns, _ = size
    if columns < 2:
        raise UsageError("lr needs at least two columns: each of two parties has a block of them")
    data = rng.normal(size=(rows, columns))
    odds = data @ rng.normal(size=columns) / math.sqrt(columns)
    labels = (rng.random(rows) < numerics.sigmoid(2.0 * odds)).astype(np.float64)
    split = columns // 2
    return [Operand(data[:, :split], 0, True), Operand(data[:, split:], 1, True), Operand(labels, 0)]


# ------------------------------------------------------------------------------------------------------------- programs


def _product_chain(size: Size, x: Any, signs: Any) -> Any:
    """Each product waits for the one before: nothing but round trips."""
    for i in range(size[0]):
        x = x * signs[i : i + 1]
    return x


def _regression(epochs: int) -> Callable[..., Any]:
    def fit(size: Size, left: Any, right: Any, labels: Any) -> Any:
        model = LogisticRegression(epochs=epochs, batch_size=size[2])
        model.fit(np.concatenate([left, right], axis=1), labels)
        return np.concatenate([model.coef_, model.intercept_[None]])

    return fit


_ELEMENTS = ("elements",)
_MILLION = (1_000_000,)

WORKLOADS = {
    one.name: one
    for one in (
        Workload("mul", "x * y", _ELEMENTS, _MILLION, _two(100.0), lambda size, x, y: x * y),
        Workload("square", "x * x", _ELEMENTS, _MILLION, _one(100.0), lambda size, x: x * x),
        Workload(
            "matmul",
            "x @ y",
            ("rows", "inner", "columns"),
            (1000, 1000, 1000),
            _matrices,
            lambda size, x, y: x @ y,
            repetitions=5,
            elements=lambda size: size[0] * size[2],
        ),
        Workload(
            "matvec",
            "x @ y for a vector y",
            ("rows", "columns"),
            (100_000, 100),
            _matrix_and_vector,
            lambda size, x, y: x @ y,
            repetitions=5,
            elements=lambda size: size[0],
        ),
        Workload("less", "x < y", _ELEMENTS, _MILLION, _two(1e6), lambda size, x, y: x < y),
        Workload("equal", "x == y on integers", _ELEMENTS, _MILLION, _few_integers, lambda size, x, y: x == y),
        Workload("relu", "maximum(x, 0)", _ELEMENTS, _MILLION, _one(100.0), lambda size, x: np.maximum(x, 0.0)),
        Workload("maximum", "maximum(x, y)", _ELEMENTS, _MILLION, _two(100.0), lambda size, x, y: np.maximum(x, y)),
        Workload(
            "sigmoid",
            "1 / (1 + exp(-x))",
            _ELEMENTS,
            _MILLION,
            _one(12.0),
            lambda size, x: numerics.sigmoid(x),
            repetitions=5,
        ),
        Workload(
            "softplus",
            "log(1 + exp(x))",
            _ELEMENTS,
            _MILLION,
            _one(12.0),
            lambda size, x: numerics.softplus(x),
            repetitions=5,
        ),
        Workload(
            "divide",
            "x / y for 0 < x <= y, few elements",
            _ELEMENTS,
            (16,),
            _ratios,
            lambda size, x, y: numerics.divide(x, y),
            relative=True,
        ),
        Workload(
            "roundtrip",
            "single integer products, each after the last",
            ("products",),
            (500,),
            _signs,
            _product_chain,
        ),
        Workload(
            "lr",
            "logistic regression, one epoch, two private column blocks",
            ("rows", "columns", "batch"),
            (100_000, 100, 1000),
            _customers,
            _regression(1),
            repetitions=3,
            longer=_regression(2),
            elements=lambda size: size[0] * size[1],
        ),
    )
}


def parse(asked: str) -> tuple[Workload, Size]:
    """The workload and size of a command-line word NAME or NAME:AxBxC.

    Raises
    ------
    UsageError
        No workload has the name, or the size is not one of its.
    """
    name, colon, text = asked.partition(":")
    if name not in WORKLOADS:
        raise UsageError(f"no workload is called {name!r}; there are {', '.join(WORKLOADS)}")
    workload = WORKLOADS[name]
    if not colon:
        return workload, workload.default
    parts = text.split("x")
    if len(parts) != len(workload.axes) or not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        axes = "x".join(axis.upper() for axis in workload.axes)
        raise UsageError(
            f"the size of {name} is {axes} in whole numbers from 1, for instance {name}:{show(workload.default)}"
        )
    return workload, tuple(int(part) for part in parts)


def show(size: Size) -> str:
    """A size as it stands on the command line."""
    return "x".join(map(str, size))
