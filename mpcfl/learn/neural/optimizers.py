"""Steps down a gradient: from weights, gradients and a state to new weights and a new state, on any arrays.

    state = optimizer.start(weights)
    weights, state = optimizer.step(weights, gradients, state)

Weights and gradients are dicts of arrays by name; a state is a dict, too, whose arrays are secret as soon as the
gradients are, and nothing is changed in place. Public factors come first: a gradient is a product mostly, and takes
the factors that follow it into its own rounding (`docs/numerics.md`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from mpcfl import numerics
from mpcfl.errors import InputError
from mpcfl.learn.validation import Array

Weights: TypeAlias = dict[str, Array]
State: TypeAlias = dict[str, Any]
Rate: TypeAlias = float | Callable[[int], float]
"""A learning rate, or one for each step from 0: a function of the step alone, the same at every party."""


class Optimizer(Protocol):
    """What a training loop asks of an optimiser."""

    def start(self, weights: Mapping[str, Array]) -> State:
        """The state before the first step."""

    def step(
        self, weights: Mapping[str, Array], gradients: Mapping[str, Array], state: Mapping[str, Any]
    ) -> tuple[Weights, State]:
        """New weights and the state after a step."""


@dataclass(frozen=True)
class SGD:
    """Gradient descent: ``v = momentum * v - rate * (gradient + weight_decay * w); w = w + v``.

    On secrets the rate is a part of the truncation that ends the products which gradients are; momentum adds one.

    Parameters
    ----------
    learning_rate : float or callable
    momentum : float
        Heavy ball, 0 <= momentum < 1.
    nesterov : bool
        Look ahead: w moves by ``momentum * v - rate * gradient`` with the new v.
    weight_decay : float
        Strength of the penalty ``weight_decay / 2 * |w|**2``, which biases (arrays of one axis) do not have.
    """

    learning_rate: Rate = 0.1
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _check_rate(self.learning_rate)
        _check_below_one("momentum", self.momentum)
        _check_at_least_zero("weight_decay", self.weight_decay)

    def start(self, weights: Mapping[str, Array]) -> State:
        return {"step": 0} | ({"velocity": None} if self.momentum else {})

    def step(
        self, weights: Mapping[str, Array], gradients: Mapping[str, Array], state: Mapping[str, Any]
    ) -> tuple[Weights, State]:
        rate = rate_at(self.learning_rate, state["step"])
        moved = {name: _with_decay(gradients[name], w, rate, self.weight_decay) for name, w in weights.items()}
        after: State = {"step": state["step"] + 1}
        if not self.momentum:
            return {name: w - moved[name] for name, w in weights.items()}, after
        before = state["velocity"]
        velocity = {
            name: -part if before is None else before[name] * self.momentum - part for name, part in moved.items()
        }
        after["velocity"] = velocity
        if self.nesterov:
            return {name: w + (velocity[name] * self.momentum - moved[name]) for name, w in weights.items()}, after
        return {name: w + velocity[name] for name, w in weights.items()}, after


@dataclass(frozen=True)
class Adam:
    """Adam, and AMSGrad: steps by the running mean of gradients over the root of that of their squares.

    With m and v the running averages, free of their start: ``w = w - rate * m / sqrt(v + epsilon**2)``. On secrets a
    step takes 11 rounds more than the gradients, and 121 bytes a weight and 1.6 kB from the dealer, most of it for the
    root: all weights together are one vector.

    Parameters
    ----------
    learning_rate : float or callable
    beta_1, beta_2 : float
        How much of the averages of gradients and of squares stays at each step.
    epsilon : float
        Gradients well below it move weights less; inside the root.
    amsgrad : bool
        By the largest v so far: another comparison a weight.
    weight_decay : float
    decoupled : bool
        Whether weights shrink by ``rate * weight_decay`` a step beside Adam (as AdamW does), or the penalty is a part
        of the gradient. Biases (arrays of one axis) have neither.
    scale : float
        Gradients are held times this in fixed point: Adam's steps do not depend on it, but squares of small gradients
        keep their digits. The scaled gradients must stay below 2^(31-f), 8192 at f = 18: by default gradients below 32.

    Notes
    -----
    Running averages are kept free of their start, v_t / (1 - beta_2^t): convex means of what has come so far, with all
    their digits from the first step on. The largest is taken as PyTorch takes it, of v_t.

    Source: Kingma and Ba, "Adam", ICLR 2015; Reddi, Kale and Kumar, ICLR 2018; Loshchilov and Hutter, ICLR 2019.
    """

    learning_rate: Rate = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-4
    amsgrad: bool = False
    weight_decay: float = 0.0
    decoupled: bool = True
    scale: float = 256.0

    def __post_init__(self) -> None:
        _check_rate(self.learning_rate)
        _check_below_one("beta_1", self.beta_1)
        _check_below_one("beta_2", self.beta_2)
        _check_at_least_zero("weight_decay", self.weight_decay)
        _check_at_least_zero("epsilon", self.epsilon)
        _check_at_least_zero("scale", self.scale)
        if self.scale * self.epsilon < 2**-7:
            raise InputError(
                "epsilon times scale must be at least 1 / 128: its square stands beside fixed-point numbers.",
                key="epsilon",
            )

    def start(self, weights: Mapping[str, Array]) -> State:
        return {"step": 0, "mean": None, "square": None} | ({"largest": None} if self.amsgrad else {})

    def step(
        self, weights: Mapping[str, Array], gradients: Mapping[str, Array], state: Mapping[str, Any]
    ) -> tuple[Weights, State]:
        number = state["step"] + 1
        rate = rate_at(self.learning_rate, state["step"])
        coupled = 0.0 if self.decoupled else self.weight_decay
        flat = np.concatenate(
            [_with_decay(gradients[name], w, self.scale, coupled).reshape(-1) for name, w in weights.items()]
        )
        mean = _averaged(state["mean"], flat, self.beta_1, number)
        square = _averaged(state["square"], np.square(flat), self.beta_2, number)
        after: State = {"step": number, "mean": mean, "square": square}
        if self.amsgrad:
            if state["largest"] is not None:
                shrunk = (1 - self.beta_2 ** (number - 1)) / (1 - self.beta_2**number)
                square = np.maximum(state["largest"] * shrunk, square)
            after["largest"] = square
        move = mean * numerics.rsqrt(square + (self.scale * self.epsilon) ** 2) * rate
        moved, start = {}, 0
        for name, w in weights.items():
            part = move[start : start + w.size].reshape(w.shape)
            start += w.size
            moved[name] = w - (_with_decay(part, w, 1.0, rate * self.weight_decay) if self.decoupled else part)
        return moved, after


def rate_at(rate: Rate, step: int) -> float:
    """The learning rate of a step, from 0."""
    return float(rate(step)) if callable(rate) else float(rate)


def _with_decay(gradient: Array, w: Array, factor: float, weight_decay: float) -> Array:
    """``factor * (gradient + weight_decay * w)``; biases do not decay."""
    part = gradient if factor == 1 else gradient * factor
    return part + w * (factor * weight_decay) if weight_decay and w.ndim > 1 else part


def _averaged(before: Array, now: Array, beta: float, number: int) -> Array:
    """The running average after its `number`-th value, free of its start."""
    if before is None:
        return now
    return before + (now - before) * ((1 - beta) / (1 - beta**number))


def _check_rate(rate: Rate) -> None:
    if not callable(rate) and not (math.isfinite(rate) and rate > 0):
        raise InputError(
            "learning_rate must be a finite number above 0, or a function of the step.", key="learning_rate"
        )


def _check_below_one(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise InputError(f"{name} must be at least 0 and less than 1.", key=name)


def _check_at_least_zero(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"{name} must be a finite number of at least 0.", key=name)
