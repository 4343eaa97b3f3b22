"""Networks described by plain values, as a job file has them: each layer a table with its type and its parameters."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mpcfl.errors import InputError
from mpcfl.learn.neural.convolution import AveragePool2D, Conv2D, MaxPool2D
from mpcfl.learn.neural.layer import Chain, Layer, Shape
from mpcfl.learn.neural.layers import (
    GELU,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    ReLU,
    Reshape,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
)
from mpcfl.learn.neural.losses import Loss, loss_of
from mpcfl.learn.neural.network import Network
from mpcfl.learn.neural.normalisation import BatchNorm, LayerNorm
from mpcfl.learn.neural.optimizers import SGD, Adam, Optimizer
from mpcfl.learn.neural.training import START
from mpcfl.learn.schedule import public_draws
from mpcfl.learn.validation import Array, check_counts

LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "conv2d": Conv2D,
    "max_pool2d": MaxPool2D,
    "average_pool2d": AveragePool2D,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "dropout": Dropout,
    "embedding": Embedding,
    "residual": Residual,
    "reshape": Reshape,
    "flatten": Flatten,
    "relu": ReLU,
    "gelu": GELU,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "softmax": Softmax,
}
"""Layers by the `type` of their table; its other keys are the parameters of the layer's constructor."""

NESTED = ("body", "shortcut")
"""Parameters that are layers themselves."""

ANY_WIDTH = 8
"""Numbers of a row where layers are checked before the columns are counted."""


class DescribedNetwork(Network):
    """A network whose parameters are numbers, words and tables alone.

    Parameters
    ----------
    layers : sequence of mappings
        One for each layer: its `type`, a name in `LAYERS`, and the parameters of that layer. The last layer is added:
        a dense one with a number for each class, or one number for two classes or for a target.
    input : sequence of int, optional
        The shape that a row is brought to first, as [channels, height, width]; by default a row of numbers.
    classes : int, optional
        Makes it a classifier of as many classes, trained on its log loss; labels are numbers from 0.
    loss : {"mse", "huber"}, optional
        Of a network without classes; the former by default.
    solver : {"sgd", "adam"}
    learning_rate : float
        Some 0.1 for "sgd" and 0.001 for "adam".
    momentum : float
        Of "sgd".
    weight_decay : float
        See `mpcfl.learn.neural.optimizers`.
    epochs, batch_size : int
        Passes over the rows, and rows a step.
    seed : int
        Public seed of the initial weights, the row order and what dropout leaves out.

    Attributes
    ----------
    weights_, state_, classes_, n_features_in_, n_iter_
        As of `Sequential`.
    """

    record_loss = False

    def __init__(
        self,
        layers: Sequence[Mapping[str, Any]] = (),
        input: Sequence[int] | None = None,
        classes: int | None = None,
        loss: str | None = None,
        solver: str = "sgd",
        learning_rate: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        epochs: int = 10,
        batch_size: int = 32,
        seed: int = 0,
    ) -> None:
        self.layers = layers
        self.input = input
        self.classes = classes
        self.loss = loss
        self.solver = solver
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed

    def check_parameters(self) -> None:
        """Check every parameter, and that the layers fit one another.

        Raises
        ------
        InputError
            Naming the parameter, in layers as "layers[2].units".
        """
        if self.input is None:
            shape: Shape = (ANY_WIDTH,)
        elif isinstance(self.input, list | tuple) and all(type(size) is int and size > 0 for size in self.input):
            shape = (math.prod(self.input),)
        else:
            raise InputError("input must be a list of sizes, as [channels, height, width].", key="input")
        super().check_parameters()
        outputs = 1 if self.classes is None or self.classes == 2 else self.classes
        try:
            Chain(self._layers(outputs)).start(shape, public_draws(self.seed, START))
        except InputError as error:
            if self.input is None and error.ids.get("key") == "layers":
                raise InputError(
                    "layers do not take rows of numbers: give input = [channels, height, width] for images.",
                    key="input",
                ) from None
            raise

    @property
    def decision_function(self) -> Callable[[Array], Array]:
        """Of a network with classes: log-odds of the second of two, shape (n,), or scores, shape (n, k)."""
        return self._of_classes(self.outputs)

    @property
    def predict_proba(self) -> Callable[[Array], Array]:
        """Of a network with classes: their probabilities, shape (n, k)."""
        return self._of_classes(self._probabilities)

    def _of_classes(self, method: Callable[[Array], Array]) -> Callable[[Array], Array]:
        """A method that a network without classes does not have, as scikit-learn's conventions ask."""
        if self.classes is None:
            raise AttributeError("This network has no classes: it predicts numbers.")
        return method

    def _layers(self, outputs: int) -> tuple[Layer, ...]:
        first = () if self.input is None else (Reshape(tuple(self.input)),)
        return (*first, *described(self.layers), Dense(outputs))

    def _outputs(self, weights: Mapping[str, Array], shape: Shape) -> int:
        last = f"{len(self._layers(1)) - 1}.weight"
        if last not in weights:
            raise InputError(f"Weights {last!r} of the last layer are missing.", key=last)
        return int(weights[last].shape[-1])

    def _loss(self) -> Loss:
        allowed = ("mse", "huber") if self.classes is None else ("log_loss",)
        if self.loss is not None and self.loss not in allowed:
            of = "without classes" if self.classes is None else "with classes"
            raise InputError(f"loss of a network {of} must be one of {', '.join(allowed)}.", key="loss")
        return loss_of(self.loss or allowed[0])

    def _training(self, rows: int) -> tuple[Optimizer, int, int, int]:
        check_counts(self, epochs=1, batch_size=1, seed=0)
        optimizer: Optimizer
        if self.solver == "sgd":
            optimizer = SGD(self.learning_rate, self.momentum, weight_decay=self.weight_decay)
        elif self.solver == "adam":
            optimizer = Adam(self.learning_rate, weight_decay=self.weight_decay)
        else:
            raise InputError("solver must be sgd or adam.", key="solver")
        return optimizer, self.epochs, self.batch_size, self.seed


def described(tables: Sequence[Mapping[str, Any]], key: str = "layers") -> tuple[Layer, ...]:
    """The layers that tables describe.

    Parameters
    ----------
    tables : sequence of mappings
    key : str
        What they are called in messages.

    Raises
    ------
    InputError
        Naming the layer by its place, and the parameter.
    """
    if not isinstance(tables, list | tuple):
        raise InputError(f"{key} must be a list of tables, one for each layer.", key=key)
    return tuple(_layer(table, f"{key}[{place}]") for place, table in enumerate(tables))


def _layer(table: Mapping[str, Any], key: str) -> Layer:
    if not isinstance(table, Mapping) or not isinstance(table.get("type"), str) or table["type"] not in LAYERS:
        raise InputError(f"the type of a layer must be one of {', '.join(LAYERS)}.", key=f"{key}.type")
    name = table["type"]
    kind: Any = LAYERS[name]
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    given = {}
    for parameter, value in table.items():
        if parameter == "type":
            continue
        if parameter not in fields:
            known = ", ".join(fields) if fields else "none"
            raise InputError(f"{name} has no such parameter; it has {known}.", key=f"{key}.{parameter}")
        given[parameter] = _taken(name, parameter, value, hints[parameter], f"{key}.{parameter}")
    for field in fields.values():
        if field.name not in given and field.default is dataclasses.MISSING:
            raise InputError(f"{name} needs it.", key=f"{key}.{field.name}")
    try:
        layer: Layer = kind(**given)
    except InputError as error:
        raise InputError(error.reason, key=f"{key}.{error.ids.get('key', 'type')}") from None
    return layer


def _taken(name: str, parameter: str, value: Any, hint: Any, key: str) -> Any:
    """A value as the constructor takes it: lists as tuples, whole numbers as real ones where those are meant."""
    if parameter in NESTED:
        return described(value, key)
    value = tuple(value) if isinstance(value, list) else value
    value = float(value) if hint is float and type(value) is int else value
    kinds = {float: (float, "a number"), bool: (bool, "true or false"), str: (str, "a word")}
    if hint in kinds and type(value) is not kinds[hint][0]:
        raise InputError(f"{parameter} of {name} must be {kinds[hint][1]}.", key=key)
    if hint not in kinds and (isinstance(value, bool) or not isinstance(value, int | tuple)):
        raise InputError(f"{parameter} of {name} must be a whole number, or a list of them.", key=key)
    return value
