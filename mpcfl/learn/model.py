"""What linear models share: their parameters, how these are checked, and the way from data to coefficients."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from mpcfl.errors import InputError
from mpcfl.learn.estimator import Estimator, NotFittedError, scikit_twin
from mpcfl.learn.inference import infer
from mpcfl.learn.losses import Loss
from mpcfl.learn.marks import Marks
from mpcfl.learn.optimizers import SGD, Adam, Optimizer, Penalty
from mpcfl.learn.schedule import SCHEDULES, minibatches, passes, step_rate
from mpcfl.learn.solvers import descend, newton, predictor, weighted_mean, with_ones
from mpcfl.learn.stopping import EarlyStopping, Watch
from mpcfl.learn.validation import Array, prediction_data, row_values

SOLVERS = ("sgd", "adam", "newton")


class LinearModel(Estimator):
    """A predictor X @ w + b, and methods by which its parts are checked and found."""

    coef_: Array
    intercept_: Array

    def check_parameters(self) -> None:
        """Check every parameter.

        Raises
        ------
        InputError
            Naming the parameter and what is allowed.
        """
        raise NotImplementedError

    @property
    def model_parts(self) -> tuple[str, ...]:
        """What the model consists of, as it may be disclosed: the keys of `model_arrays`."""
        inference = ("standard_errors", "z_scores", "p_values") if getattr(self, "standard_errors", False) else ()
        return ("coef", "intercept", *inference)

    def model_arrays(self) -> dict[str, Array]:
        """The fitted model: an array for each part."""
        return {part: getattr(self, f"{part}_") for part in self.model_parts}

    def model_shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """Shapes of the coefficients and the intercept for so many features; a learner of classes knows how many."""
        outputs = (self.classes,) if self.kind == "multiclass" else ()  # type: ignore[attr-defined]
        return {"coef": (*outputs, features), "intercept": outputs}

    def set_model_arrays(self, arrays: Mapping[str, Array], features: int) -> Self:
        """Take coefficients and an intercept that were found before, plain or secret, to predict with."""
        if self.kind in ("binary", "multiclass"):  # type: ignore[attr-defined]
            self.classes_ = np.arange(self.classes if self.kind == "multiclass" else 2)  # type: ignore[attr-defined]
        self._keep(arrays["coef"].T, arrays["intercept"], features)
        self.n_iter_ = 0
        return self

    def _linear(self, X: Array, offset: Array | None = None) -> Array:
        """X @ w + b, of shape (n,) or (n, K)."""
        if not hasattr(self, "coef_"):
            name = type(self).__name__
            raise scikit_twin(NotFittedError)(f"This {name} is not fitted yet: call fit first.")
        X = prediction_data(X, self.n_features_in_, type(self).__name__)
        return predictor(X, self.coef_.T, self.intercept_, row_values(offset, X.shape[0], "offset"))

    def _start(self, X: Array, y: Array, warm: bool) -> tuple[Array, Array]:
        """Coefficients (d,) or (d, K) and intercepts before the first step: zero, or those of the last fit."""
        shape = (X.shape[1], *y.shape[1:])
        if warm and hasattr(self, "coef_"):
            if self.coef_.T.shape != shape:
                raise InputError(
                    f"warm_start goes on from coefficients of shape {self.coef_.T.shape}, and these data need {shape}.",
                    key="warm_start",
                )
            return self.coef_.T, self.intercept_
        if y.ndim == 1:
            return np.zeros_like(X[0]), np.zeros_like(X[0, 0])
        w = np.zeros_like(np.broadcast_to(X[0][:, None], shape))
        return w, w[0]

    def _keep(self, w: Array, b: Array, features: int) -> None:
        self.coef_, self.intercept_ = w.T, b
        self.n_features_in_ = features


class GradientModel(LinearModel):
    """A linear model that minimises the mean of a loss, by minibatch steps or by Newton's method.

    Its parameters are those of every learner of this kind; what differs is the loss and the targets.
    """

    learning_rate: float
    decay: float
    epochs: int
    batch_size: int
    momentum: float
    l2: float
    seed: int
    solver: str
    schedule: str
    l1: float
    iterations: int
    warm_start: bool

    def check_parameters(self) -> None:
        """Check every parameter.

        Raises
        ------
        InputError
            Naming the parameter and what is allowed.
        """
        check_whole(self, epochs=1, batch_size=1, seed=0, iterations=1)
        check_numbers(self, "learning_rate", "decay", "momentum", "l2", "l1")
        check_choice(self, solver=SOLVERS, schedule=SCHEDULES, warm_start=(False, True))
        if self.learning_rate == 0:
            raise InputError("learning_rate must be more than 0.", key="learning_rate")
        if self.momentum >= 1:
            raise InputError("momentum must be less than 1.", key="momentum")
        if self.l1 and self.solver != "sgd":
            raise InputError("l1 must be 0 but for the solver sgd, whose steps can bring a coefficient to 0.", key="l1")

    def steps(self, n: int) -> tuple[int, int]:
        """Steps of a training on n rows, early stopping aside, and rows a step."""
        return (self.iterations, n) if self.solver == "newton" else passes(n, self.batch_size, self.epochs)

    def _loss(self) -> Loss:
        """The loss of these parameters."""
        raise NotImplementedError

    def _train(
        self,
        X: Array,
        y: Array,
        weight: Array | None,
        offset: Array | None,
        stopping: EarlyStopping | None,
        target: Callable[[Array], Array],
        start: tuple[Array, Array] | None = None,
        marks: Marks | None = None,
    ) -> None:
        """Find coefficients for targets of shape (n,) or (n, K), and keep them; `target` makes such of other labels."""
        if stopping is not None and marks is not None:
            raise InputError("marks are for a training without early_stopping.", key="marks")
        loss = self._loss()
        start = start if start is not None else self._start(X, y, self.warm_start)
        if self.solver == "newton":
            if stopping is not None:
                raise InputError("early_stopping is for the solvers sgd and adam.", key="early_stopping")
            w, b = by_newton(loss, X, y, start, self.l2, self.iterations, weight, offset, marks)
            self.n_iter_ = self.iterations
        else:
            optimizer: Optimizer = SGD(self.momentum) if self.solver == "sgd" else Adam()
            steps, _ = passes(X.shape[0], self.batch_size, self.epochs)
            watch = None if stopping is None else Watch(stopping, _measured(loss, stopping, target))
            w, b, self.n_iter_ = descend(
                loss,
                X,
                y,
                start,
                optimizer,
                minibatches(X.shape[0], self.batch_size, self.epochs, self.seed),
                lambda step: step_rate(self.schedule, self.learning_rate, self.decay, step, steps),
                Penalty(self.l1, self.l2),
                weight,
                offset,
                None if watch is None else _by_epoch(watch, steps // self.epochs),
                marks,
            )
            if watch is not None:
                self.validation_metrics_ = watch.told
                w, b = watch.best or (w, b)
        self._keep(w, b, X.shape[1])


def by_newton(
    loss: Loss,
    X: Array,
    y: Array,
    start: tuple[Array, Array],
    l2: float,
    steps: int,
    weight: Array | None,
    offset: Array | None,
    marks: Marks | None = None,
) -> tuple[Array, Array]:
    """`newton` for targets and coefficients of one output, without the axis of outputs, or of several."""
    w, b = start
    whole = np.concatenate([w, b[None]])
    if y.ndim == 2:
        whole = newton(loss, with_ones(X), y, whole, l2, steps, weight, offset, marks)
    else:
        whole = newton(loss, with_ones(X), y[:, None], whole[:, None], l2, steps, weight, offset, marks)[:, 0]
    return whole[:-1], whole[-1]


class WithInference:
    """Adds standard errors, z-scores and p-values to what `fit` keeps."""

    standard_errors_: Array
    z_scores_: Array
    p_values_: Array

    def _infer(
        self: Any,
        loss: Loss,
        X: Array,
        y: Array,
        l2: float,
        weight: Array | None,
        offset: Array | None,
        dispersed: bool,
    ) -> None:
        w = np.concatenate([self.coef_, self.intercept_[None]])
        found = infer(loss, with_ones(X), y, w, l2, weight, offset, dispersed)
        self.standard_errors_, self.z_scores_, self.p_values_ = found


# ----------------------------------------------------------------------------------------------------------- parameters


def check_whole(model: Estimator, **least: int) -> None:
    """Check that parameters are integers of at least so much.

    Raises
    ------
    InputError
        Naming the parameter.
    """
    for name, lowest in least.items():
        value = getattr(model, name)
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < lowest:
            raise InputError(f"{name} must be an integer of at least {lowest}.", key=name)


def check_numbers(model: Estimator, *names: str) -> None:
    """Check that parameters are finite and not negative.

    Raises
    ------
    InputError
        Naming the parameter.
    """
    for name in names:
        if not is_weight(getattr(model, name)):
            raise InputError(f"{name} must be a finite number of at least 0.", key=name)


def check_choice(model: Estimator, **choices: tuple[Any, ...]) -> None:
    """Check that parameters are among some values.

    Raises
    ------
    InputError
        Naming the parameter and the values.
    """
    for name, allowed in choices.items():
        value = getattr(model, name)
        if not any(type(value) is type(one) and value == one for one in allowed):
            raise InputError(f"{name} must be one of {', '.join(map(repr, allowed))}.", key=name)


def is_weight(value: object) -> bool:
    """Whether a value is a finite number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return math.isfinite(value) and bool(value >= 0)


# ------------------------------------------------------------------------------------------------------- early stopping


def _measured(loss: Loss, stopping: EarlyStopping, target: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    """The metric of early stopping as a function of coefficients and intercepts."""
    y = target(stopping.y)

    def measure(w: Array, b: Array) -> Array:
        z = predictor(stopping.X, w, b, None)
        if stopping.metric is not None:
            return stopping.metric(y, z)
        values = loss.value(z, y)
        return values.mean() if values.ndim == 1 else weighted_mean(values, None).sum()

    return measure


def _by_epoch(watch: Watch, steps_an_epoch: int) -> Callable[[int, Array, Array], bool]:
    def over(steps: int, w: Array, b: Array) -> bool:
        return steps % steps_an_epoch == 0 and watch.over(steps // steps_an_epoch, w, b)

    return over
