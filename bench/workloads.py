"""What is measured: array programs that run alike on ndarrays and on secrets, with operands of any size."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import operands as of
from bench import programs
from bench.operands import Operand, Operands, Size
from mpcfl import numerics, ordering
from mpcfl.errors import UsageError


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
    opened : tuple of int
        Operands that an earlier product has opened, before the clock starts.
    unordered : bool
        Whether the result is right in any order.
    elements : callable
        What bytes per element divide by, of a size: by default the elements of the result.
    """

    name: str
    summary: str
    axes: tuple[str, ...]
    default: Size
    operands: Operands
    compute: Callable[..., Any]
    repetitions: int = 7
    relative: bool = False
    opened: tuple[int, ...] = ()
    unordered: bool = False
    elements: Callable[[Size], int] = math.prod

    def make(self, size: Size) -> Sequence[Operand]:
        """The operands of a size."""
        return self.operands(size, np.random.default_rng(7))


_ELEMENTS, _MATRIX = ("elements",), ("rows", "columns")
_MILLION, _TABLE = (1_000_000,), (10_000, 10)


def _tree(name: str, summary: str, disclosure: str = "nothing", **more: Any) -> Workload:
    return Workload(
        name,
        f"a boosted tree on two owners' columns of 32 bins, {summary}",
        ("rows", "columns", "depth"),
        (10_000, 20, 5),
        of.binned_customers,
        functools.partial(programs.boosted_tree, disclosure),
        repetitions=3,
        elements=lambda size: size[0] * size[1],
        **more,
    )


def _elementwise(name: str, summary: str, operands: Operands, compute: Callable[..., Any], **more: Any) -> Workload:
    return Workload(name, summary, _ELEMENTS, _MILLION, operands, lambda size, *arrays: compute(*arrays), **more)


def _function(name: str, summary: str, operands: Operands, compute: Callable[..., Any], **more: Any) -> Workload:
    return _elementwise(name, summary, operands, compute, repetitions=5, **more)


def _product(x: Any, y: Any) -> Any:
    return x * y


def _matrix_product(size: Size, x: Any, y: Any) -> Any:
    return x @ y


def _regression(name: str, summary: str, **more: Any) -> Workload:
    return Workload(
        name,
        f"logistic regression on two private column blocks, {summary}",
        ("rows", "columns", "batch"),
        (100_000, 100, 1000),
        of.customers,
        programs.regression,
        repetitions=3,
        elements=lambda size: size[0] * size[1],
        **more,
    )


_ALL = (
    _elementwise("mul", "x * y", of.two(100.0), _product),
    _elementwise("mul-one-open", "x * y, x opened before", of.two(100.0), _product, opened=(0,)),
    _elementwise("mul-both-open", "x * y, both opened before", of.two(100.0), _product, opened=(0, 1)),
    _elementwise("square", "x * x", of.one(100.0), lambda x: x * x),
    Workload(
        "matmul",
        "x @ y",
        ("rows", "inner", "columns"),
        (1000, 1000, 1000),
        of.matrices,
        _matrix_product,
        repetitions=5,
        elements=lambda size: size[0] * size[2],
    ),
    *(
        Workload(
            name,
            summary,
            _MATRIX,
            (100_000, 100),
            of.matrix_and_vector,
            _matrix_product,
            repetitions=5,
            opened=opened,
            elements=lambda size: size[0],
        )
        for name, summary, opened in (
            ("matvec", "x @ y for a vector y", ()),
            ("matvec-open", "x @ y for a vector y, x opened before", (0,)),
        )
    ),
    Workload(
        "conv",
        "28 x 28 images by a 5 x 5 x 16 kernel, stride 2",
        ("images",),
        (128,),
        of.images_and_kernel,
        programs.convolution,
        repetitions=5,
        elements=lambda size: size[0] * len(programs.PATCHES) * of.CHANNELS,
    ),
    _elementwise("less", "x < y", of.two(1e6), lambda x, y: x < y),
    _elementwise("equal", "x == y on integers", of.few_integers, lambda x, y: x == y),
    _elementwise("relu", "maximum(x, 0)", of.one(100.0), lambda x: np.maximum(x, 0.0)),
    _elementwise("maximum", "maximum(x, y)", of.two(100.0), np.maximum),
    _function("sigmoid", "1 / (1 + exp(-x))", of.one(12.0), numerics.sigmoid),
    _function("softplus", "log(1 + exp(x))", of.one(12.0), numerics.softplus),
    _function("exp", "exp(x)", of.one(5.0), np.exp, relative=True),
    _function("log", "log(x)", of.one(100.0, 0.1), np.log),
    _function("reciprocal", "1 / x", of.one(50.0, 0.5), np.reciprocal, relative=True),
    _function("sqrt", "sqrt(x)", of.one(100.0, 0.1), np.sqrt, relative=True),
    _function("rsqrt", "1 / sqrt(x)", of.one(100.0, 0.1), numerics.rsqrt, relative=True),
    Workload(
        "divide",
        "x / y for 0 < x <= y, few elements",
        _ELEMENTS,
        (16,),
        of.ratios,
        lambda size, x, y: numerics.divide(x, y),
        relative=True,
    ),
    Workload("softmax", "softmax of rows", _MATRIX, _TABLE, of.one(4.0), lambda size, x: numerics.softmax(x)),
    Workload(
        "argmax",
        "place of each row's largest",
        _MATRIX,
        _TABLE,
        of.one(100.0),
        lambda size, x: np.argmax(x, axis=1),
        elements=lambda size: size[0],
    ),
    Workload("sort", "ascending order", _ELEMENTS, (10_000,), of.one(1e6), lambda size, x: np.sort(x), repetitions=3),
    _elementwise("shuffle", "an order that nobody knows", of.one(1e6), programs.shuffle, unordered=True),
    Workload(
        "gather",
        "table[places] for secret places",
        ("rows", "places"),
        (1000, 1000),
        of.table_and_places,
        lambda size, table, places: ordering.gather(table, places),
        elements=lambda size: size[1],
    ),
    Workload(
        "roundtrip",
        "single integer products, each after the last",
        ("products",),
        (500,),
        of.signs,
        programs.product_chain,
    ),
    _regression("lr", "first epoch"),
    _regression("lr-later", "an epoch over columns opened before", opened=(0, 1)),
    Workload(
        "mlp",
        "gradient step of 784-128-128-10, relu, cross-entropy",
        ("batch",),
        (128,),
        of.perceptron,
        programs.perceptron,
        repetitions=5,
        elements=lambda size: size[0],
    ),
    Workload(
        "cnn",
        "gradient step of convolution 5 x 5 x 16, relu, average pool, dense",
        ("batch",),
        (128,),
        of.convolutional,
        programs.convolutional,
        repetitions=5,
        elements=lambda size: size[0],
    ),
    Workload(
        "digits",
        "gradient step of convolution 3 x 3 x 16, max pool, relu, 64 units, relu, cross-entropy",
        ("batch",),
        (64,),
        of.digits,
        programs.digits,
        repetitions=5,
        elements=lambda size: size[0],
    ),
    Workload(
        "gbdt-level",
        "best split from histograms, the bins of one owner",
        ("rows", "features", "bins"),
        (10_000, 20, 32),
        of.bins_and_gradients,
        programs.tree_level,
        repetitions=3,
        elements=lambda size: size[0] * size[1],
    ),
    _tree("gbdt", "the first"),
    _tree("gbdt-later", "on bins opened before", opened=(0, 1)),
    _tree("gbdt-own", "likewise, telling each its own splits", "own_splits", opened=(0, 1)),
)

WORKLOADS = {one.name: one for one in _ALL}


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
