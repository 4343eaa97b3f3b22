"""Inputs of any size for the workloads: the same at every party, and drawn anew from one seed each time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from mpcfl import numerics
from mpcfl.errors import UsageError

Array: TypeAlias = NDArray[Any]
Size: TypeAlias = tuple[int, ...]

GRID = 2.0**18
"""Numbers on this grid are exact at the default fraction, so comparing them is comparing floats."""

BINS = 32
"""Of a column of boosted trees."""

PIXELS, HIDDEN, CLASSES = 28 * 28, 128, 10
KERNEL, CHANNELS, POOLED = 5, 16, 6


@dataclass(frozen=True)
class Operand:
    """An input: its values, the rank that owns it, and whether it stays private there instead of being shared."""

    values: Array
    owner: int
    private: bool = False


Operands: TypeAlias = Callable[[Size, Generator], Sequence[Operand]]


def grid(rng: Generator, shape: Size, low: float, high: float) -> Array:
    """Uniform numbers on the grid."""
    return np.asarray(np.rint(rng.uniform(low, high, shape) * GRID) / GRID)


def one(limit: float, low: float | None = None) -> Operands:
    """An array of the first party, uniform from `low` (or -limit) to the limit."""
    return lambda size, rng: [Operand(grid(rng, size, -limit if low is None else low, limit), 0)]


def two(limit: float) -> Operands:
    """An array of each of two parties."""
    return lambda size, rng: [Operand(grid(rng, size, -limit, limit), owner) for owner in (0, 1)]


def few_integers(size: Size, rng: Generator) -> Sequence[Operand]:
    return [Operand(rng.integers(0, 4, size), owner) for owner in (0, 1)]


def matrices(size: Size, rng: Generator) -> Sequence[Operand]:
    rows, inner, columns = size
    return [Operand(grid(rng, (rows, inner), -1, 1), 0), Operand(grid(rng, (inner, columns), -1, 1), 1)]


def matrix_and_vector(size: Size, rng: Generator) -> Sequence[Operand]:
    return [Operand(grid(rng, size, -1, 1), 0), Operand(grid(rng, size[1:], -1, 1), 1)]


def ratios(size: Size, rng: Generator) -> Sequence[Operand]:
    whole = rng.uniform(1.0, 1e6, size)
    return [Operand(whole * rng.uniform(0.01, 1.0, size), 0), Operand(whole, 1)]


def signs(size: Size, rng: Generator) -> Sequence[Operand]:
    return [Operand(rng.integers(2, 5, (1,)), 0), Operand(1 - 2 * rng.integers(0, 2, size), 1)]


def table_and_places(size: Size, rng: Generator) -> Sequence[Operand]:
    rows, places = size
    return [Operand(grid(rng, (rows,), -100, 100), 0), Operand(rng.integers(0, rows, places), 1)]


def customers(size: Size, rng: Generator) -> Sequence[Operand]:
    """Columns of two owners, the first of whom has the labels too."""
    rows, columns, _ = size
    if columns < 2:
        raise UsageError("lr needs at least two columns: each of two parties has a block of them")
    data = rng.normal(size=(rows, columns))
    odds = data @ rng.normal(size=columns) / math.sqrt(columns)
    labels = (rng.random(rows) < numerics.sigmoid(2.0 * odds)).astype(np.float64)
    split = columns // 2
    return [Operand(data[:, :split], 0, True), Operand(data[:, split:], 1, True), Operand(labels, 0)]


def _images(size: Size, rng: Generator) -> list[Operand]:
    """Images of the first party and, one-hot, the classes that the second one gives them."""
    labels = np.eye(CLASSES)[rng.integers(0, CLASSES, size[0])]
    return [Operand(rng.uniform(0, 1, (size[0], PIXELS)), 0), Operand(labels, 1)]


def _weights(rng: Generator, *shapes: Size) -> list[Operand]:
    """Parameters of a network, as usually drawn: spread by the square root of the inputs, intercepts of zero."""
    return [Operand(rng.normal(size=s) / math.sqrt(s[0]) if len(s) > 1 else np.zeros(s), 0) for s in shapes]


def perceptron(size: Size, rng: Generator) -> Sequence[Operand]:
    layers = ((PIXELS, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
    return [*_images(size, rng), *_weights(rng, *layers)]


def convolutional(size: Size, rng: Generator) -> Sequence[Operand]:
    layers = ((KERNEL**2, CHANNELS), (POOLED**2 * CHANNELS, CLASSES), (CLASSES,))
    return [*_images(size, rng), *_weights(rng, *layers)]


def digits(size: Size, rng: Generator) -> Sequence[Operand]:
    """Images of 8 x 8 pixels of the first party, classes of the second, and the weights of the digits network."""
    labels = np.eye(CLASSES)[rng.integers(0, CLASSES, size[0])]
    layers = ((9, 16), (16,), (256, 64), (64,), (64, CLASSES), (CLASSES,))
    kernel, *others = _weights(rng, *layers)
    kernel = replace(kernel, values=kernel.values[None])
    return [Operand(rng.uniform(0, 1, (size[0], 1, 8, 8)), 0), Operand(labels, 1), kernel, *others]


def images_and_kernel(size: Size, rng: Generator) -> Sequence[Operand]:
    return [_images(size, rng)[0], *_weights(rng, (KERNEL**2, CHANNELS))]


def bins_and_gradients(size: Size, rng: Generator) -> Sequence[Operand]:
    """Of the first party a row's bin in each feature, one-hot; of the second its gradient and curvature."""
    rows, features, bins = size
    places = rng.integers(0, bins, (rows, features))
    hot = (places[:, :, None] == np.arange(bins)).reshape(rows, features * bins).astype(np.int64)
    chance = 1 / (1 + np.exp(-(places[:, 0] / bins * 4 - 2)))
    gradients = np.stack([0.5 - (rng.random(rows) < chance), np.full(rows, 0.25)], axis=1)
    return [Operand(hot, 0, True), Operand(gradients, 1)]


def binned_customers(size: Size, rng: Generator) -> Sequence[Operand]:
    """The bins of two owners' columns, the first of whom has the labels too."""
    rows, columns, _ = size
    if columns < 2:
        raise UsageError("gbdt needs at least two columns: each of two parties has a block of them")
    places = rng.integers(0, BINS, (rows, columns))
    odds = np.where(places[:, 0] > 12, 1.0, -1.0) * (places[:, 1] - 15) / 8 + (places[:, -1] > 20)
    labels = (rng.random(rows) < numerics.sigmoid(odds)).astype(np.int64)
    hot = (places[:, :, None] == np.arange(BINS)).reshape(rows, columns * BINS)
    split = columns // 2 * BINS
    return [Operand(hot[:, :split], 0, True), Operand(hot[:, split:], 1, True), Operand(labels, 0)]
