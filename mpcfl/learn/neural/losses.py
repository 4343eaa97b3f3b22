"""What training makes small, and its slope by hand.

A loss is a mean, as an ordinary array program whose gradient `mpcfl.grad` takes, too. Training needs the slope alone: a
residual as logistic regression has it, softmax(z) - y or sigmoid(z) - y, and a public factor that waits for the
gradients of the weights. So the logarithms of a loss are computed only where somebody asks for it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from mpcfl import numerics
from mpcfl.errors import InputError
from mpcfl.learn.validation import Array


class Loss:
    """What a network is trained by.

    Attributes
    ----------
    two : int or None
        Outputs for two classes; None if the targets are no classes.
    """

    two: ClassVar[int | None] = None

    def __call__(self, z: Array, y: Array) -> Array:
        """The loss of outputs `z` for targets `y` of the same shape (rows, outputs): one number."""
        raise NotImplementedError

    def slope(self, z: Array, y: Array) -> tuple[Array, float]:
        """An array of the shape of z, and a public factor: their product is the derivative of the loss by z."""
        raise NotImplementedError


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """The mean of (z - y)^2 over rows and outputs."""

    def __call__(self, z: Array, y: Array) -> Array:
        return np.mean(np.square(z - y))

    def slope(self, z: Array, y: Array) -> tuple[Array, float]:
        return z - y, 2 / z.size


@dataclass(frozen=True)
class Huber(Loss):
    """The mean of (z - y)^2 / 2 where |z - y| <= delta, and of delta (|z - y| - delta / 2) elsewhere.

    Parameters
    ----------
    delta : float
        Above 0.

    Notes
    -----
    Source: Huber, Annals of Mathematical Statistics 35, 1964.
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.delta) and self.delta > 0):
            raise InputError("delta of Huber must be a finite number above 0.", key="delta")

    def __call__(self, z: Array, y: Array) -> Array:
        error = z - y
        near = np.clip(error, -self.delta, self.delta)
        return np.mean(near * (error - near / 2))

    def slope(self, z: Array, y: Array) -> tuple[Array, float]:
        return np.clip(z - y, -self.delta, self.delta), 1 / z.size


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """The mean log loss of log-odds z, over rows and outputs; y holds zeros and ones, or probabilities."""

    two = 1

    def __call__(self, z: Array, y: Array) -> Array:
        return np.mean(numerics.softplus(z) - y * z)

    def slope(self, z: Array, y: Array) -> tuple[Array, float]:
        return numerics.sigmoid(z) - y, 1 / z.size


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """The mean over rows of the log loss of softmax(z); y holds a one in each row, or probabilities."""

    two = 2

    def __call__(self, z: Array, y: Array) -> Array:
        return np.mean(numerics.logsumexp(z) - np.sum(y * z, axis=-1))

    def slope(self, z: Array, y: Array) -> tuple[Array, float]:
        return numerics.softmax(z) - y, 1 / z.shape[0]


@dataclass(frozen=True)
class LogLoss(Loss):
    """`BinaryCrossEntropy` of one output, `CrossEntropy` of several: log-odds for two classes, else scores."""

    two = 1

    def __call__(self, z: Array, y: Array) -> Array:
        return self._of(z)(z, y)

    def slope(self, z: Array, y: Array) -> tuple[Array, float]:
        return self._of(z).slope(z, y)

    def _of(self, z: Array) -> Loss:
        return BinaryCrossEntropy() if z.shape[1] == 1 else CrossEntropy()


LossLike: TypeAlias = Loss | str

LOSSES: dict[str, Loss] = {
    "log_loss": LogLoss(),
    "mse": MeanSquaredError(),
    "huber": Huber(),
    "binary_cross_entropy": BinaryCrossEntropy(),
    "cross_entropy": CrossEntropy(),
}
"""Losses by name."""


def loss_of(loss: LossLike) -> Loss:
    """A loss, by its name too.

    Raises
    ------
    InputError
        There is none of that name.
    """
    if isinstance(loss, Loss):
        return loss
    if not isinstance(loss, str) or loss not in LOSSES:
        raise InputError(f"loss must be a Loss or one of {', '.join(LOSSES)}.", key="loss")
    return LOSSES[loss]
