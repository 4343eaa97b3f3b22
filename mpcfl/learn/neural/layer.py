"""What a layer is, and layers after one another.

A layer holds what its author chose, and nothing that it learns: weights and state go in and come out as dicts of arrays
by name. The names are PyTorch's, the shapes those of the products that they are multiplied in. Images are (rows,
channels, height, width).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from mpcfl.errors import InputError
from mpcfl.learn.schedule import Draws
from mpcfl.learn.validation import Array

Shape: TypeAlias = tuple[int, ...]
Arrays: TypeAlias = dict[str, Array]


class Start(NamedTuple):
    """What a layer begins with.

    Attributes
    ----------
    weights : dict of arrays
        What is trained.
    state : dict of arrays
        What is kept beside it, as running averages.
    shape : tuple of int
        Of a row that comes out.
    """

    weights: Arrays
    state: Arrays
    shape: Shape


class Layer:
    """One step of a network."""

    def start(self, shape: Shape, draws: Draws) -> Start:
        """Initial weights for rows of a shape.

        Raises
        ------
        InputError
            Rows of that shape do not fit.
        """
        raise NotImplementedError

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        """What comes out for the rows `x`, and the state after them.

        Parameters
        ----------
        weights, state : dict of arrays
            Under the names of `start`.
        x : array, shape (rows, ...)
        draws : Draws or None
            Public random numbers of a training step; None where the network is used and not trained.
        """
        raise NotImplementedError


class Function(Layer):
    """A layer that is a function of its input alone, which keeps the shape."""

    def function(self, x: Array) -> Array:
        raise NotImplementedError

    def start(self, shape: Shape, draws: Draws) -> Start:
        return Start({}, {}, shape)

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        return self.function(x), {}


class Chain(Layer):
    """Layers one after another; the names of the i-th begin with "i.".

    Parameters
    ----------
    layers : sequence of Layer
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        for place, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise InputError(f"layers[{place}] is no layer but {type(layer).__name__}.", key="layers")
        self.layers = tuple(layers)

    def start(self, shape: Shape, draws: Draws) -> Start:
        return started({str(place): layer for place, layer in enumerate(self.layers)}, shape, draws)

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        after: Arrays = {}
        for place, layer in enumerate(self.layers):
            x, own = layer.apply(part(weights, str(place)), part(state, str(place)), x, draws)
            after |= named(own, str(place))
        return x, after


def started(layers: Mapping[str, Layer], shape: Shape, draws: Draws) -> Start:
    """What layers begin with, each after the one before, under their names."""
    weights: Arrays = {}
    state: Arrays = {}
    for name, layer in layers.items():
        begin = layer.start(shape, draws)
        weights |= named(begin.weights, name)
        state |= named(begin.state, name)
        shape = begin.shape
    return Start(weights, state, shape)


def part(arrays: Mapping[str, Array], name: str) -> Arrays:
    """The arrays of the layer of that name, under its own names."""
    start = name + "."
    return {key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)}


def named(arrays: Mapping[str, Array], name: str) -> Arrays:
    """A layer's arrays under the names that a network has for them."""
    return {f"{name}.{key}": value for key, value in arrays.items()}


def expect(layer: Layer, shape: Shape, dims: int, rows: str) -> None:
    """Check how many axes the rows of a layer have."""
    if len(shape) != dims:
        raise InputError(f"{type(layer).__name__} takes {rows}, not rows of shape {shape}.", key="layers")


def at_least(layer: Layer, least: int, **numbers: Any) -> None:
    """Check that parameters of a layer are whole numbers from `least` on."""
    for name, value in numbers.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
            raise InputError(f"{name} of {type(layer).__name__} must be an integer of at least {least}.", key=name)


def size(shape: Shape) -> int:
    """Numbers in a row."""
    return math.prod(shape)
