"""Dense layers, embeddings, activations, dropout and residual blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mpcfl import numerics, ordering
from mpcfl.errors import InputError
from mpcfl.learn.neural.initial import drawn
from mpcfl.learn.neural.layer import (
    Arrays,
    Chain,
    Function,
    Layer,
    Shape,
    Start,
    at_least,
    named,
    part,
    size,
)
from mpcfl.learn.schedule import Draws
from mpcfl.learn.validation import Array, is_secret


@dataclass(frozen=True)
class Dense(Layer):
    """Every unit reads all numbers along the last axis: ``x @ weight + bias``.

    Parameters
    ----------
    units : int
    bias : bool
    initial : {"glorot", "he", "lecun", "zeros"}
        Of the weights, shape (inputs, units); the bias begins with zeros.
    """

    units: int
    bias: bool = True
    initial: str = "glorot"

    def __post_init__(self) -> None:
        at_least(self, 1, units=self.units)

    def start(self, shape: Shape, draws: Draws) -> Start:
        if not shape:
            raise InputError("Dense takes rows of numbers: X has a second axis at least.", key="layers")
        inputs = shape[-1]
        weights: Arrays = {"weight": drawn(self.initial, (inputs, self.units), inputs, self.units, draws)}
        if self.bias:
            weights["bias"] = np.zeros(self.units)
        return Start(weights, {}, (*shape[:-1], self.units))

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        w = weights["weight"]
        return (numerics.affine(x, w, weights["bias"]) if self.bias else x @ w), {}


@dataclass(frozen=True)
class Embedding(Layer):
    """A learned row for each of a number of codes: x holds integers from 0, secret ones too.

    A secret code is compared with every one (`mpcfl.ordering.gather`): nobody learns which row was taken. Codes out of
    range give zeros where they are secret, and an IndexError where they are not.

    Parameters
    ----------
    codes : int
        How many there are.
    width : int
        Numbers that stand for one.
    """

    codes: int
    width: int

    def __post_init__(self) -> None:
        at_least(self, 1, codes=self.codes, width=self.width)

    def start(self, shape: Shape, draws: Draws) -> Start:
        table = drawn("lecun", (self.codes, self.width), self.width, self.width, draws)
        return Start({"weight": table}, {}, (*shape, self.width))

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        codes = x if is_secret(x) else np.rint(x).astype(np.int64)
        return ordering.gather(weights["weight"], codes), {}


@dataclass(frozen=True)
class Flatten(Layer):
    """Each row as one line of numbers."""

    def start(self, shape: Shape, draws: Draws) -> Start:
        return Start({}, {}, (size(shape),))

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        return x.reshape(x.shape[0], -1), {}


@dataclass(frozen=True)
class Reshape(Layer):
    """Each row's numbers in another shape, as images of rows that have a column for each pixel.

    Parameters
    ----------
    shape : sequence of int
        Of a row that comes out.
    """

    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        sizes = self.shape if isinstance(self.shape, tuple | list) else (self.shape,)
        for one in sizes:
            at_least(self, 1, shape=one)
        object.__setattr__(self, "shape", tuple(sizes))

    def start(self, shape: Shape, draws: Draws) -> Start:
        if size(shape) != size(self.shape):
            raise InputError(f"Rows of {size(shape)} numbers cannot have the shape {self.shape}.", key="input")
        return Start({}, {}, self.shape)

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        return x.reshape(x.shape[0], *self.shape), {}


@dataclass(frozen=True)
class ReLU(Function):
    """max(x, 0), exactly. Where a max pool comes next, put it after that: the same numbers for fewer comparisons."""

    def function(self, x: Array) -> Array:
        return numerics.relu(x)


@dataclass(frozen=True)
class GELU(Function):
    """x times the normal distribution function.

    Parameters
    ----------
    approximate : {"none", "tanh"}
    """

    approximate: str = "none"

    def function(self, x: Array) -> Array:
        return numerics.gelu(x, self.approximate)


@dataclass(frozen=True)
class Sigmoid(Function):
    """1 / (1 + exp(-x))."""

    def function(self, x: Array) -> Array:
        return numerics.sigmoid(x)


@dataclass(frozen=True)
class Tanh(Function):
    """The hyperbolic tangent."""

    def function(self, x: Array) -> Array:
        return np.tanh(x)


@dataclass(frozen=True)
class Softmax(Function):
    """exp(x) / sum(exp(x)) along the last axis. The loss `CrossEntropy` has its own: do not put one before it."""

    def function(self, x: Array) -> Array:
        return numerics.softmax(x)


@dataclass(frozen=True)
class Dropout(Layer):
    """Leave each number out with a probability, while training: public places, drawn anew for each step.

    What stays is multiplied by 1 / (1 - rate), so that nothing changes where the network is used. On secrets the places
    cost nothing; a factor that is no whole number (rate 0.5 has 2) costs one truncation.

    Parameters
    ----------
    rate : float
        0 <= rate < 1.
    """

    rate: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise InputError("rate of Dropout must be at least 0 and less than 1.", key="rate")

    def start(self, shape: Shape, draws: Draws) -> Start:
        return Start({}, {}, shape)

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        if draws is None or not self.rate:
            return x, {}
        kept = (draws.random(x.shape) >= self.rate).astype(np.float64)
        return x * kept * (1 / (1 - self.rate)), {}


@dataclass(frozen=True)
class Residual(Layer):
    """body(x) + shortcut(x).

    Parameters
    ----------
    body : sequence of Layer
    shortcut : sequence of Layer
        None of them: x itself.
    """

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "body", tuple(self.body))
        object.__setattr__(self, "shortcut", tuple(self.shortcut))

    def start(self, shape: Shape, draws: Draws) -> Start:
        body, shortcut = (Chain(layers).start(shape, draws) for layers in (self.body, self.shortcut))
        if body.shape != shortcut.shape:
            raise InputError(
                f"The body of a Residual gives rows of shape {body.shape}, and its shortcut {shortcut.shape}.",
                key="layers",
            )
        return Start(
            named(body.weights, "body") | named(shortcut.weights, "shortcut"),
            named(body.state, "body") | named(shortcut.state, "shortcut"),
            body.shape,
        )

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        total: Array = None
        after: Arrays = {}
        for name, layers in (("body", self.body), ("shortcut", self.shortcut)):
            y, own = Chain(layers).apply(part(weights, name), part(state, name), x, draws)
            total = y if total is None else total + y
            after |= named(own, name)
        return total, after
