"""Generalised linear models with log link: Poisson, gamma and Tweedie regression."""

from typing import Self

import numpy as np

from mpcfl.errors import InputError
from mpcfl.learn.estimator import Regressor
from mpcfl.learn.losses import Loss, Tweedie
from mpcfl.learn.marks import Marks
from mpcfl.learn.model import GradientModel, WithInference, check_choice, is_weight
from mpcfl.learn.solvers import TINY
from mpcfl.learn.stopping import EarlyStopping
from mpcfl.learn.validation import Array, is_secret, regression_data, row_values, row_weights


class _LogLink(WithInference, Regressor, GradientModel):
    """A model of the mean, exp(X @ w + b + offset), whose variance is a power of it."""

    kind = "log_link"
    positive_only = True
    power: float

    def __init__(
        self,
        learning_rate: float = 0.05,
        decay: float = 0.0,
        epochs: int = 20,
        batch_size: int = 256,
        momentum: float = 0.9,
        l2: float = 0.0,
        seed: int = 0,
        solver: str = "newton",
        schedule: str = "inverse",
        l1: float = 0.0,
        iterations: int = 10,
        warm_start: bool = False,
        standard_errors: bool = False,
    ) -> None:
        self.learning_rate = learning_rate
        self.decay = decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.momentum = momentum
        self.l2 = l2
        self.seed = seed
        self.solver = solver
        self.schedule = schedule
        self.l1 = l1
        self.iterations = iterations
        self.warm_start = warm_start
        self.standard_errors = standard_errors

    def check_parameters(self) -> None:
        super().check_parameters()
        check_choice(self, standard_errors=(False, True))

    def fit(
        self,
        X: Array,
        y: Array,
        sample_weight: Array = None,
        offset: Array = None,
        early_stopping: EarlyStopping | None = None,
        marks: Marks | None = None,
    ) -> Self:
        """Train, from a constant mean unless `warm_start` is set.

        Parameters
        ----------
        X : array, shape (n, d)
            Best with columns of like scale, near 1.
        y : array, shape (n,)
            At least 0, and more where the power is 2 or more; of a mean of at most some hundreds.
        sample_weight : array, shape (n,), optional
            Public or secret, at least 0; only their proportions count.
        offset : array, shape (n,), optional
            Added to the predictor, as the logarithm of an exposure.
        early_stopping : EarlyStopping, optional
            Rows that tell when to end, and by what means that is disclosed; they have no offset.
        marks : Marks, optional
            From where a training that was broken off goes on, and who is told of each step; not with early stopping.

        Returns
        -------
        The learner itself.

        Raises
        ------
        InputError
            Bad data or parameters.
        """
        self.check_parameters()
        X, y = regression_data(X, y)
        power = self.power
        if not is_secret(y) and (y < 0).any() | (power >= 2 and (y == 0).any()):
            raise InputError(f"y must be {'more than' if power >= 2 else 'at least'} 0: a mean of exp(z) is.")
        weight = row_weights(sample_weight, X.shape[0])
        offset = row_values(offset, X.shape[0], "offset")
        w, b = self._start(X, y, self.warm_start)
        if not (self.warm_start and hasattr(self, "coef_")):
            b = np.log(_mean(y, weight) + TINY)
            if offset is not None:
                b = b - np.log(_mean(np.exp(offset), weight) + TINY)
        self._train(X, y, weight, offset, early_stopping, _numbers, (w, b), marks)
        if self.standard_errors:
            self._infer(self._loss(), X, y, self.l2, weight, offset, power != 1)
        return self

    def predict(self, X: Array, offset: Array = None) -> Array:
        """The mean of each row's target, shape (n,); `X` has shape (n, d)."""
        return np.exp(self._linear(X, offset))

    def _loss(self) -> Loss:
        return Tweedie(float(self.power))


class PoissonRegressor(_LogLink):
    """Poisson regression: the variance is the mean, as of counts.

    Minimises half the mean deviance, ``weight * (exp(z) - y z)`` with ``z = x @ w + b + offset``, plus
    ``l1 * |w| + l2 / 2 * |w|**2``. (scikit-learn's ``alpha`` is `l2`.)

    Parameters
    ----------
    learning_rate, decay, epochs, batch_size, momentum, l2, seed, solver, schedule, l1, iterations, warm_start
        As of `LogisticRegression`. The slope of exp(z) grows with the mean, and the rate must fall with it: Newton's
        method needs no rate.
    standard_errors : bool
        Whether `fit` also finds the attributes of inference.

    Attributes
    ----------
    coef_ : array, shape (d,)
    intercept_ : array, shape ()
        Both secret if the training data was.
    standard_errors_, z_scores_, p_values_ : array, shape (d + 1,)
        If asked for; the intercept's last. The dispersion is 1 here, and estimated by squared Pearson residuals for
        other powers.
    validation_metrics_ : list of float
        What early stopping disclosed.
    n_features_in_, n_iter_ : int
    """

    power = 1.0


class GammaRegressor(_LogLink):
    """Gamma regression: the standard deviation is proportional to the mean; targets are above 0.

    Minimises half the mean deviance, ``weight * (z + y exp(-z))``. All else is as in `PoissonRegressor`.
    """

    power = 2.0


class TweedieRegressor(_LogLink):
    """Tweedie regression: the variance is the mean to some power, between 1 and 2 for sums of claims that may be 0.

    Minimises half the mean deviance. All else is as in `PoissonRegressor`, and

    Parameters
    ----------
    power : float
        0 normal, 1 Poisson, 2 gamma, 3 inverse Gaussian; none between 0 and 1.
    learning_rate, decay, epochs, batch_size, momentum, l2, seed, solver, schedule, l1, iterations, warm_start
        As of `PoissonRegressor`.
    standard_errors
        Likewise.
    """

    def __init__(
        self,
        power: float = 1.5,
        learning_rate: float = 0.05,
        decay: float = 0.0,
        epochs: int = 20,
        batch_size: int = 256,
        momentum: float = 0.9,
        l2: float = 0.0,
        seed: int = 0,
        solver: str = "newton",
        schedule: str = "inverse",
        l1: float = 0.0,
        iterations: int = 10,
        warm_start: bool = False,
        standard_errors: bool = False,
    ) -> None:
        super().__init__(
            learning_rate,
            decay,
            epochs,
            batch_size,
            momentum,
            l2,
            seed,
            solver,
            schedule,
            l1,
            iterations,
            warm_start,
            standard_errors,
        )
        self.power = power

    def check_parameters(self) -> None:
        super().check_parameters()
        if not is_weight(self.power) or 0 < self.power < 1:
            raise InputError("power must be 0, or a finite number of at least 1.", key="power")


def _mean(values: Array, weight: Array | None) -> Array:
    return (values if weight is None else values * weight).mean()


def _numbers(y: Array) -> Array:
    return y if is_secret(y) else np.asarray(y, np.float64)
