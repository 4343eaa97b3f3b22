"""What linear models minimise: losses of a linear predictor, with their slopes and curvatures.

A loss is a sum over outputs. Throughout, `z` is the predictor and `y` the target, both of shape (n, K): K is 1 but for
several classes. Factors that do not depend on z are left out of a loss's value where they cost something.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mpcfl import numerics
from mpcfl.learn.validation import Array

Gram = Callable[[Array, Array], Array]
"""The mean over rows of the outer products of two arrays' rows."""


class Loss:
    """A convex function of z for each row and output, for data y."""

    quadratic = False
    """Whether one Newton step is exact."""

    @property
    def constant(self) -> bool:
        """Whether the curvature is the same for every z, so that one factor serves all steps."""
        return self.quadratic

    def value(self, z: Array, y: Array) -> Array:
        """The loss of each row and output, shape (..., n, K) as z."""
        raise NotImplementedError

    def residual(self, z: Array, y: Array) -> Array:
        """Its derivative by z, shape (n, K)."""
        raise NotImplementedError

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        """Its derivative by z, and its second derivative or what stands for it in Newton's method, both (n, K)."""
        raise NotImplementedError

    def hessian(self, X: Array, curvature: Array, weight: Array | None, gram: Gram) -> Array:
        """Second derivatives of the mean loss by the weights of the columns of X, shape (K, p, p).

        Outputs do not mix: a block each, side by side.
        """
        n, p = X.shape
        k = curvature.shape[1]
        if weight is not None:
            curvature = curvature * weight[:, None]
        scaled = (curvature[:, :, None] * X[:, None, :]).reshape(n, k * p)
        return np.transpose(gram(X, scaled).reshape(p, k, p), (1, 0, 2))


@dataclass(frozen=True)
class Squared(Loss):
    """(z - y)^2 / 2."""

    quadratic = True

    def value(self, z: Array, y: Array) -> Array:
        return np.square(z - y) * 0.5

    def residual(self, z: Array, y: Array) -> Array:
        return z - y

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        return z - y, np.ones(y.shape)

    def hessian(self, X: Array, curvature: Array, weight: Array | None, gram: Gram) -> Array:
        return gram(X, X if weight is None else weight[:, None] * X)[None]


@dataclass(frozen=True)
class Logistic(Loss):
    """log(1 + exp(z)) - y z, for y 0 or 1.

    `precise` takes the sigmoid within units in place of its fast form: the same rounds and bytes, more work offline.
    """

    precise: bool = False

    def value(self, z: Array, y: Array) -> Array:
        return numerics.softplus(z, precise=self.precise) - y * z

    def residual(self, z: Array, y: Array) -> Array:
        return numerics.sigmoid(z, precise=self.precise) - y

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        p = numerics.sigmoid(z, precise=self.precise)
        return p - y, p - np.square(p)


@dataclass(frozen=True)
class Softmax(Loss):
    """log(sum_k exp(z_k)) - sum_k y_k z_k, for y 1 in the column of a row's class, else 0.

    One function of all K outputs: its value stands in the first column and its curvature is the probabilities.
    """

    def value(self, z: Array, y: Array) -> Array:
        return (numerics.logsumexp(z) - (y * z).sum(axis=-1))[..., None]

    def residual(self, z: Array, y: Array) -> Array:
        return numerics.softmax(z) - y

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        p = numerics.softmax(z)
        return p - y, p

    def hessian(self, X: Array, curvature: Array, weight: Array | None, gram: Gram) -> Array:
        """A single block of K p weights, those of one output together.

        Blocks k, l are X' (p_k [k = l] - p_k p_l) X. They are singular where all outputs move alike, which changes no
        probability and to which no gradient points: there the mean of the blocks of X' X / K is added.
        """
        n, p = X.shape
        k = curvature.shape[1]
        scaled = (curvature[:, :, None] * X[:, None, :]).reshape(n, k * p)
        left, rows = (scaled, X) if weight is None else (weight[:, None] * scaled, weight[:, None] * X)
        own = gram(X, left).reshape(p, k, p)
        alike = np.ones((k, k))[:, None, :, None] * (gram(X, rows) * (1 / k**2))[None, :, None, :]
        mixed = alike.reshape(k * p, k * p) - gram(scaled, left)
        diagonal = np.eye(k)[:, None, :, None] * np.transpose(own, (1, 0, 2))[:, :, None, :]
        return (mixed + diagonal.reshape(k * p, k * p))[None]


@dataclass(frozen=True)
class Hinge(Loss):
    """max(0, 1 - s z) for s = 2 y - 1, y 0 or 1."""

    def value(self, z: Array, y: Array) -> Array:
        return numerics.relu(1 - (2 * y - 1) * z)

    def residual(self, z: Array, y: Array) -> Array:
        s = 2 * y - 1
        return -s * (s * z < 1)


@dataclass(frozen=True)
class SquaredHinge(Loss):
    """max(0, 1 - s z)^2 for s = 2 y - 1, y 0 or 1.

    As s^2 = 1, s max(0, 1 - s z) is s - z where s z < 1.
    """

    def value(self, z: Array, y: Array) -> Array:
        return np.square(numerics.relu(1 - (2 * y - 1) * z))

    def residual(self, z: Array, y: Array) -> Array:
        return self.slopes(z, y)[0]

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        s = 2 * y - 1
        inside = 1 * (s * z < 1)
        return 2 * (inside * (z - s)), 2 * inside


@dataclass(frozen=True)
class Tweedie(Loss):
    """Half the deviance of Tweedie's family with log link, less what does not depend on z; the mean is exp(z).

    The variance is mean^power: 0 normal, 1 Poisson, 1 to 2 compound Poisson-gamma, 2 gamma, 3 inverse Gaussian. With
    a = exp((2 - power) z) and b = y exp((1 - power) z) the derivative is a - b, and a the expected second one: no
    quotient, and a single exponential for Poisson and gamma.

    Reference: Jorgensen, The Theory of Dispersion Models, 1997.
    """

    power: float = 1.0

    @property
    def constant(self) -> bool:
        return self.power == 2

    def _terms(self, z: Array, y: Array) -> tuple[Array, Array]:
        mean = np.ones(z.shape) if self.power == 2 else np.exp(z * (2 - self.power))
        return mean, y if self.power == 1 else y * np.exp(z * (1 - self.power))

    def value(self, z: Array, y: Array) -> Array:
        a, b = self._terms(z, y)
        if self.power == 1:
            return a - y * z
        if self.power == 2:
            return z + b
        return a * (1 / (2 - self.power)) - b * (1 / (1 - self.power))

    def residual(self, z: Array, y: Array) -> Array:
        a, b = self._terms(z, y)
        return a - b

    def slopes(self, z: Array, y: Array) -> tuple[Array, Array]:
        a, b = self._terms(z, y)
        return a - b, a
