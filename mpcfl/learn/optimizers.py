"""From gradients to steps: what minibatch learners share.

An optimizer keeps its state between the steps of one training. Every factor of a step is public; the state is secret if
the gradients are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from mpcfl import numerics
from mpcfl.learn.validation import Array

GAIN = 64.0
"""Adam keeps its moments of the gradient this many times larger: a square of 1e-4 would be nothing in fixed point."""


@dataclass(frozen=True)
class Penalty:
    """``l1 |w| + l2 / 2 |w|^2`` of a parameter; the default has none."""

    l1: float = 0.0
    l2: float = 0.0


class Optimizer(Protocol):
    """A rule of steps; it serves one training.

    Attributes
    ----------
    kept : list
        Its state between two steps: arrays and numbers.
    """

    kept: list[Any]

    def step(
        self, values: Sequence[Array], gradients: Sequence[Array], rate: float, penalties: Sequence[Penalty]
    ) -> list[Array]:
        """The next values of the parameters, from the gradients of the loss without its penalties."""
        ...


def soft_threshold(x: Array, threshold: float | Array) -> Array:
    """x brought towards 0 by `threshold`, and 0 where it is nearer: two comparisons side by side, exact."""
    return numerics.relu(x - threshold) - numerics.relu(-x - threshold)


@dataclass
class SGD:
    """Gradient descent with momentum, ``d = momentum * d - rate * gradient; w = w + d``.

    With an L1 penalty the sum is brought towards zero by ``rate * l1`` (a proximal step), and d is what w has moved.
    """

    momentum: float = 0.0
    kept: list[Array] = field(default_factory=list, init=False, repr=False)
    """What each parameter moved last."""

    def step(
        self, values: Sequence[Array], gradients: Sequence[Array], rate: float, penalties: Sequence[Penalty]
    ) -> list[Array]:
        """As `Optimizer.step`."""
        moved: list[Array] = []
        for place, (value, gradient, penalty) in enumerate(zip(values, gradients, penalties, strict=True)):
            # A public factor is a part of the rounding of the product before it; a sum is rounded beside it.
            move = gradient * -rate
            if penalty.l2:
                move = move - value * (rate * penalty.l2)
            if self.momentum and self.kept:
                move = self.kept[place] * self.momentum + move
            if penalty.l1:
                move = soft_threshold(value + move, rate * penalty.l1) - value
            moved.append(move)
        if self.momentum:
            self.kept = moved
        return [value + move for value, move in zip(values, moved, strict=True)]


@dataclass
class Adam:
    """Steps by moments of the gradient: ``w = w - rate * m / (sqrt(v) + eps)``, both corrected for their start at 0.

    `eps` is far above 1e-8, which is nothing in fixed point: at fraction 18 below 1e-6 the divisor may be 0.

    Reference: Kingma and Ba, ICLR 2015; the corrections are public factors of the rate and of eps.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-5
    kept: list[Any] = field(default_factory=list, init=False, repr=False)
    """The number of steps done, then both moments of each parameter."""

    def step(
        self, values: Sequence[Array], gradients: Sequence[Array], rate: float, penalties: Sequence[Penalty]
    ) -> list[Array]:
        """As `Optimizer.step`; a penalty's gradient is a part of the gradient, and one by L1 is not taken."""
        done, *before = self.kept or [0, *((np.zeros_like(value),) * 2 for value in values)]
        number = done + 1
        late = math.sqrt(1 - self.beta2**number)
        rate = rate * late / (1 - self.beta1**number)
        self.kept = [number]
        after = []
        for value, gradient, penalty, (m, v) in zip(values, gradients, penalties, before, strict=True):
            g = gradient * GAIN
            if penalty.l2:
                g = g + value * (GAIN * penalty.l2)
            m = m * self.beta1 + g * (1 - self.beta1)
            v = v * self.beta2 + np.square(g) * (1 - self.beta2)
            self.kept.append((m, v))
            after.append(value - numerics.divide(m, np.sqrt(v) + GAIN * self.eps * late) * rate)
        return after
