"""Inference of a convolutional network: rank 0 has images and learns their scores, rank 1 has the model.

The network of the digits example with squares for its relus and means for its maxima, as in CryptoNets, so that it is a
polynomial. It is trained in float64. Convolution and pool are linear and one matrix here, on shares and under
encryption alike: 64 pixels to 256 numbers, squares, 64 numbers, squares, 10 scores. Paillier has no cell: it multiplies
no two encrypted numbers, so it cannot square.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bench.versus.ckks import CKKS, Outsourced, Program, security
from bench.versus.methods import SHARES, directly
from bench.versus.tasks import Array, Cell, Done, Method, Place, Played, Size, Task
from mpcfl import ckks
from mpcfl.learn.neural import SGD, AveragePool2D, Conv2D, Dense, Flatten, Function, Sequential, one_hot
from mpcfl.learn.schedule import split_rows
from mpcfl.session import Session

SOURCE = find_spec("sklearn")
"""The extra `examples`: whose file of digits is read, without the second that importing it takes in every process."""
PIXELS, CLASSES, EPOCHS = 64, 10, 15
SHAPES = ((PIXELS, 256), (256, 64), (64, CLASSES))
NORMS = (8.0, 32.0, 16.0)
"""Public: of no column of a layer's weights do the absolute values add up to more."""
WITHIN = (8.0, 32.0, 256.0)
"""Public: before a square, and of the scores, no number is larger. The model's owner has seen so on its own images."""
LARGEST = 1.0
"""Of pixels, weights and biases."""
FITTING = 32
"""Images that one ciphertext takes, of 256 numbers each, in a ring of degree 16384."""

BATCHED = Method("ckks, pixel by pixel", directly, security, keyed=False)
FLOODED = Method("ckks, flooded", directly, security, keyed=False)
NOISE = (
    "scores to their reader, with noise that depends on the model: enough of them show something of its weights",
    "layers, and bounds of weights and activations",
)
HIDDEN = ("scores to their reader, noise hidden up to 2^-40 a ciphertext; layers, and bounds of weights",)


@dataclass(frozen=True)
class Square(Function):
    """x^2."""

    def function(self, x: Any) -> Any:
        return x * x


@functools.cache
def data() -> tuple[Array, Array, Array, Array]:
    """Images of 64 numbers from 0 to 1 and their digits, to train with, then to test."""
    assert SOURCE is not None
    assert SOURCE.origin is not None
    found = np.loadtxt(Path(SOURCE.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    train, test = split_rows(len(found), 0.25, 0)
    x, y = found[:, :PIXELS] / 16, found[:, PIXELS].astype(np.int64)
    return x[train], y[train], x[test], y[test]


@functools.cache
def layers() -> tuple[tuple[Array, Array], ...]:
    """Weights and biases of the trained network, as three matrices."""
    x, y, _, _ = data()
    net = Sequential(
        [Conv2D(16, 3, padding=1), AveragePool2D(2), Square(), Flatten(), Dense(64), Square(), Dense(CLASSES)],
        optimizer=SGD(0.02, momentum=0.9),
        epochs=EPOCHS,
        batch_size=64,
        seed=0,
    ).fit(x.reshape(-1, 1, 8, 8), one_hot(y, CLASSES))
    weights = net.weights_
    convolution = {"weight": weights["0.weight"], "bias": weights["0.bias"]}

    def linear(pixels: Array) -> Array:
        found, _ = net.layers[0].apply(convolution, {}, pixels.reshape(-1, 1, 8, 8), None)
        pooled, _ = net.layers[1].apply({}, {}, found, None)
        return np.asarray(pooled).reshape(len(pixels), -1)

    bias = linear(np.zeros((1, PIXELS)))[0]
    first = linear(np.eye(PIXELS)) - bias
    return (
        (first, bias),
        (weights["4.weight"], weights["4.bias"]),
        (weights["6.weight"], weights["6.bias"]),
    )


def network(x: Any, all_: Any) -> Any:
    """Scores by the three layers, of ndarrays, encrypted arrays and secret ones."""
    for place, (weight, bias) in enumerate(all_):
        x = x @ weight + bias
        x = x.within(WITHIN[place]) if isinstance(x, ckks.CkksArray) else x
        x = np.square(x) if place < len(all_) - 1 else x
    return x


def images(count: int) -> Array:
    """So many of those to test with, repeated if need be."""
    _, _, test, _ = data()
    return np.resize(test, (count, PIXELS))


def operands(known: bool) -> list[tuple[ckks.Plain, ckks.Plain]]:
    """The layers as plain operands of encrypted arrays; where they are not known, what is public of them."""
    if not known:
        return [
            (ckks.bounds(shape, LARGEST, norm), ckks.bounds(shape[1:], LARGEST))
            for shape, norm in zip(SHAPES, NORMS, strict=True)
        ]
    return [
        (ckks.plain(weight, LARGEST, norm), ckks.plain(bias, LARGEST))
        for (weight, bias), norm in zip(layers(), NORMS, strict=True)
    ]


def _encrypted(name: str, packing: Any, fitting: int, leaks: tuple[str, ...]) -> Callable[[Session, Size, int], Done]:
    def run(session: Session, size: Size, _: int) -> Done:
        (count,) = size
        all_ = operands(session.rank == 1)
        program: Program = lambda x: network(x, all_)  # noqa: E731
        at_once = min(count, fitting)
        told = ckks.sketch(ckks.parameters(name), (at_once, PIXELS), LARGEST, packing)
        task = Outsourced(session, 0, told, program)
        given = images(-(-count // at_once) * at_once)
        runs = [task.run(given[start : start + at_once]) for start in range(0, len(given), at_once)]
        found = [one for one in runs if one is not None]
        return task.meter.done(np.concatenate(found)[:count] if found else None, leaks)

    return run


def on_shares(size: Size) -> Callable[[Session], Any]:
    """The same layers on shares of images and model."""
    given = images(size[0])

    def program(session: Session) -> Any:
        known = layers() if session.rank == 1 else [(None, None)] * len(SHAPES)
        x = session.private(given if session.rank == 0 else None, 0, given.shape)
        all_ = [
            (session.private(weight, 1, shape), session.private(bias, 1, shape[1:]))
            for (weight, bias), shape in zip(known, SHAPES, strict=True)
        ]
        return network(x, all_).reveal(session.parties[0])

    return program


def expected(size: Size) -> list[Array]:
    """Scores by float64."""
    return [network(images(size[0]), layers())]


def _trained(play: Callable[..., Played]) -> Callable[..., Played]:
    """The model is there before clocks start."""

    def played(place: Place, *told: Any) -> Played:
        if place.rank == 1:
            layers()
        return play(place, *told)

    return played


TASK = Task("cnn inference", ("images",), ((1,),), ((1,), (32,), (1_024,)), expected)

ENCRYPTED = (
    Cell(TASK, CKKS, _encrypted("network", "whole", FITTING, NOISE)),
    # one run costs the same for up to 8192 images, and 2 GB: not in a quick run, and not for few
    Cell(TASK, BATCHED, _encrypted("network", "columns", 8192, NOISE), quick=(), sizes=((1_024,),), far=False),
    # a key of 400 MB: at a size that is asked for
    Cell(TASK, FLOODED, _encrypted("network, flooded", "whole", 2 * FITTING, HIDDEN), quick=(), sizes=()),
)
SHARED = Cell(TASK, replace(SHARES, play=_trained(SHARES.play)), on_shares)
CELLS = (*(ENCRYPTED if ckks.INSTALLED else ()), SHARED) if SOURCE is not None else ()
