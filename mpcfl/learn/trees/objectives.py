"""What boosted trees minimise: losses of scores, with the slopes and curvatures that a tree is grown on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpcfl import numerics
from mpcfl.learn.validation import Array

TINY = 2.0**-16
"""Added to what a logarithm is taken of: a class without rows has none."""


class Objective:
    """A loss, summed over outputs, of scores z and targets y, both of shape (n, outputs)."""

    def start(self, y: Array, weight: Array | None) -> Array:
        """The best constant score, shape (outputs,)."""
        raise NotImplementedError

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        """First and second derivatives by z, or what stands for the latter; both (n, outputs)."""
        raise NotImplementedError

    def loss(self, z: Array, y: Array) -> Array:
        """The loss of each row, (n,), but for what does not depend on z."""
        raise NotImplementedError

    def score(self, base: float) -> float:
        """The score of a given prediction."""
        return base


@dataclass(frozen=True)
class LogLoss(Objective):
    """log(1 + exp(z)) - y z for y 0 or 1."""

    def start(self, y: Array, weight: Array | None) -> Array:
        p = mean(y, weight)
        return np.log(p + TINY) - np.log(1 - p + TINY)

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        p = numerics.sigmoid(z, precise=True)
        return p - y, p * (1 - p)

    def loss(self, z: Array, y: Array) -> Array:
        return (numerics.softplus(z, precise=True) - y * z)[:, 0]

    def score(self, base: float) -> float:
        return float(np.log(base) - np.log1p(-base))


@dataclass(frozen=True)
class Softmax(Objective):
    """-log softmax(z) at the class, for y of zeros and a one."""

    def start(self, y: Array, weight: Array | None) -> Array:
        return np.log(mean(y, weight) + TINY)

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        p = numerics.softmax(z)
        return p - y, p * (1 - p)

    def loss(self, z: Array, y: Array) -> Array:
        return numerics.logsumexp(z) - (y * z).sum(axis=1)


@dataclass(frozen=True)
class SquaredError(Objective):
    """(z - y)^2 / 2."""

    def start(self, y: Array, weight: Array | None) -> Array:
        return mean(y, weight)

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        return z - y, np.ones(y.shape)

    def loss(self, z: Array, y: Array) -> Array:
        return np.square(z - y)[:, 0] * 0.5


@dataclass(frozen=True)
class Poisson(Objective):
    """exp(z) - y z, half the deviance of counts whose mean is exp(z)."""

    def start(self, y: Array, weight: Array | None) -> Array:
        return np.log(mean(y, weight) + TINY)

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        mu = np.exp(z)
        return mu - y, mu

    def loss(self, z: Array, y: Array) -> Array:
        return (np.exp(z) - y * z)[:, 0]

    def score(self, base: float) -> float:
        return float(np.log(base))


@dataclass(frozen=True)
class Quantile(Objective):
    """The pinball loss: level (y - z) above z, (1 - level) (z - y) below. Its curvature is taken as 1."""

    level: float

    def start(self, y: Array, weight: Array | None) -> Array:
        return mean(y, weight)

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        return 1 * (y < z) - self.level, np.ones(y.shape)

    def loss(self, z: Array, y: Array) -> Array:
        rest = y - z
        return (self.level * rest + np.maximum(-rest, 0.0))[:, 0]


def mean(y: Array, weight: Array | None) -> Array:
    """The mean of each output over rows, weighted."""
    if weight is None:
        return y.mean(axis=0)
    return (y * weight[:, None]).mean(axis=0) / weight.mean()
