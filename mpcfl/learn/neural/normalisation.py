"""Layers that bring what they read to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mpcfl import grad, numerics
from mpcfl.errors import InputError
from mpcfl.learn.neural.layer import Arrays, Layer, Shape, Start, size
from mpcfl.learn.schedule import Draws
from mpcfl.learn.validation import Array


def _check(layer: BatchNorm | LayerNorm) -> None:
    if not 0 < layer.epsilon < 1:
        raise InputError(f"epsilon of {type(layer).__name__} must be above 0 and less than 1.", key="epsilon")


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Each channel by its mean and variance over rows and places of a batch, then ``weight`` and ``bias``.

    While training, of the batch; afterwards by the running averages ``running_mean`` and ``running_var``, which are the
    layer's state.

    Parameters
    ----------
    momentum : float
        What a batch adds to the running averages: ``(1 - momentum) * running + momentum * batch``.
    epsilon : float
        Added to the variance.

    Notes
    -----
    On secrets one reciprocal root a channel, 11 rounds. The running variance is the unbiased one, as in PyTorch.

    Source: Ioffe and Szegedy, "Batch normalization", ICML 2015.
    """

    momentum: float = 0.1
    epsilon: float = 1e-3

    def __post_init__(self) -> None:
        _check(self)
        if not 0 <= self.momentum <= 1:
            raise InputError("momentum of BatchNorm must be between 0 and 1.", key="momentum")

    def start(self, shape: Shape, draws: Draws) -> Start:
        if not shape:
            raise InputError("BatchNorm takes rows of numbers or of channels.", key="layers")
        ones, zeros = np.ones(shape[0]), np.zeros(shape[0])
        weights: Arrays = {"weight": ones, "bias": zeros}
        return Start(weights, {"running_mean": zeros.copy(), "running_var": ones.copy()}, shape)

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        along = (x.shape[1], *(1 for _ in x.shape[2:]))  # of the numbers of a channel
        axes = (0, *range(2, x.ndim))
        if draws is None:
            scale = weights["weight"] * numerics.rsqrt(state["running_var"] + self.epsilon)
            centred = x - state["running_mean"].reshape(along)
            return centred * scale.reshape(along) + weights["bias"].reshape(along), {}
        count = x.size // x.shape[1]
        mean = np.mean(x, axis=axes, keepdims=True)
        centred = x - mean
        variance = np.mean(np.square(centred), axis=axes)
        scale = weights["weight"] * numerics.rsqrt(variance + self.epsilon)
        after = {
            "running_mean": self._moved(state["running_mean"], mean.reshape(-1), 1.0),
            "running_var": self._moved(state["running_var"], variance, count / max(count - 1, 1)),
        }
        return centred * scale.reshape(along) + weights["bias"].reshape(along), after

    def _moved(self, running: Array, batch: Array, factor: float) -> Array:
        return running * (1 - self.momentum) + grad.stop_gradient(batch) * (self.momentum * factor)


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Each row by its own mean and variance over all of its axes, then ``weight`` and ``bias``.

    Parameters
    ----------
    axes : int, optional
        How many of the last axes belong together; all of a row if not given.
    epsilon : float
        Added to the variance.

    Notes
    -----
    On secrets one reciprocal root a row, 11 rounds.

    Source: Ba, Kiros and Hinton, "Layer normalization", arXiv:1607.06450.
    """

    axes: int | None = None
    epsilon: float = 1e-3

    def __post_init__(self) -> None:
        _check(self)

    def start(self, shape: Shape, draws: Draws) -> Start:
        axes = len(shape) if self.axes is None else self.axes
        if not 1 <= axes <= len(shape):
            raise InputError(f"axes of LayerNorm must be from 1 to {len(shape)}.", key="axes")
        own = shape[len(shape) - axes :]
        return Start({"weight": np.ones(own), "bias": np.zeros(own)}, {}, shape)

    def apply(
        self, weights: Mapping[str, Array], state: Mapping[str, Array], x: Array, draws: Draws | None
    ) -> tuple[Array, Arrays]:
        own = weights["weight"].shape
        lines = x.reshape(*x.shape[: x.ndim - len(own)], size(own))
        centred = lines - np.mean(lines, axis=-1, keepdims=True)
        variance = np.mean(np.square(centred), axis=-1, keepdims=True)
        normal = centred * numerics.rsqrt(variance + self.epsilon)
        return normal.reshape(x.shape) * weights["weight"] + weights["bias"], {}
