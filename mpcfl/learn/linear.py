"""Binary linear classifiers: logistic regression and the linear support vector machine."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpcfl import numerics
from mpcfl.errors import InputError
from mpcfl.learn.estimator import BinaryClassifier
from mpcfl.learn.losses import Hinge, Logistic, Loss, SquaredHinge
from mpcfl.learn.marks import Marks
from mpcfl.learn.model import GradientModel, WithInference, check_choice, is_weight
from mpcfl.learn.stopping import EarlyStopping
from mpcfl.learn.validation import Array, is_secret, row_weights, training_data


class _TwoClasses(BinaryClassifier, GradientModel):
    """What two classes need: labels told apart, and a sign."""

    class_weight: dict[Any, float] | None

    def check_parameters(self) -> None:
        super().check_parameters()
        check_class_weight(self.class_weight)

    def fit(
        self,
        X: Array,
        y: Array,
        sample_weight: Array = None,
        early_stopping: EarlyStopping | None = None,
        marks: Marks | None = None,
    ) -> Self:
        """Train, from zero unless `warm_start` is set.

        Parameters
        ----------
        X : array, shape (n, d)
            Best with columns of like scale.
        y : array, shape (n,)
            Two classes; secret labels are 0 and 1.
        sample_weight : array, shape (n,), optional
            Public or secret, at least 0; only their proportions count.
        early_stopping : EarlyStopping, optional
            Rows that tell when to end, and by what means that is disclosed.
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
        X, y, self.classes_ = training_data(X, y)
        weight = row_weights(sample_weight, X.shape[0])
        by_class = self._class_weight(y)
        if by_class is not None:
            weight = by_class if weight is None else weight * by_class
        self._train(X, y, weight, None, early_stopping, self._numbered, marks=marks)
        self._examine(X, y, weight)
        return self

    def decision_function(self, X: Array) -> Array:
        """The predictor, positive for the second class, shape (n,); `X` has shape (n, d)."""
        return self._linear(X)

    def predict(self, X: Array) -> Array:
        """The likelier class of each row, shape (n,): its label, or a secret boolean, true for the second class."""
        second = self.decision_function(X) > 0
        return second if is_secret(second) else self.classes_[second.astype(np.intp)]

    def _numbered(self, y: Array) -> Array:
        """Labels as 0 and 1."""
        return y if is_secret(y) else 1.0 * (np.asarray(y) == self.classes_[1])

    def _examine(self, X: Array, y: Array, weight: Array | None) -> None:
        """What a learner finds beside its coefficients: nothing."""

    def _class_weight(self, y: Array) -> Array | None:
        if self.class_weight is None:
            return None
        zero, one = weights_by_class(self.class_weight, self.classes_)
        return zero + (one - zero) * y


class LogisticRegression(WithInference, _TwoClasses):
    """Binary logistic regression.

    Minimises, over coefficients w and intercept b, the mean of ``weight * log(1 + exp(-s (x @ w + b)))``, s = ±1 the
    class, plus ``l1 * |w| + l2 / 2 * |w|**2``. (scikit-learn's ``C`` corresponds to ``l2 = 1 / (C n)``.) Every schedule
    is public and the same at every party.

    Parameters
    ----------
    learning_rate : float
        Rate of the first step.
    decay : float
        Step t, from 0, has the rate ``learning_rate / (1 + decay * t)``; 0 keeps it constant.
    epochs : int
        Passes over the training rows.
    batch_size : int
        Rows a step; the last, smaller batch of an epoch is dropped.
    momentum : float
        Heavy ball, ``v = momentum * v - rate * gradient; w = w + v``; 0 <= momentum < 1.
    l2 : float
        Strength of the penalty; the intercept has none.
    class_weight : dict or None
        Public weight of each class's rows, as ``{0: 1.0, 1: 3.0}``; 1 for a class that is not named.
    seed : int
        Public seed of the row order.
    solver : {"sgd", "adam", "newton"}
        One gradient step a minibatch, by `mpcfl.learn.optimizers`; or iteratively reweighted least squares on all
        rows, with a secret Cholesky factor each step, for up to a few hundred columns.
    schedule : {"inverse", "exponential", "cosine"}
        How the rate falls, see `mpcfl.learn.schedule.step_rate`.
    l1 : float
        Strength of the other penalty, with the solver "sgd".
    iterations : int
        Steps of Newton's method.
    warm_start : bool
        Whether `fit` goes on from the coefficients of the last one.
    standard_errors : bool
        Whether `fit` also finds the attributes of inference; their theory is that of the minimum, which "newton" finds.

    Attributes
    ----------
    coef_ : array, shape (d,)
    intercept_ : array, shape ()
        Both secret if the training data was.
    classes_ : ndarray, shape (2,)
        Labels in sorted order; 0 and 1 for secret ones. The second is the one whose probability is modelled.
    standard_errors_, z_scores_, p_values_ : array, shape (d + 1,)
        If asked for; the intercept's last.
    validation_metrics_ : list of float
        What early stopping disclosed.
    n_features_in_, n_iter_ : int
        Features, and steps done.
    """

    def __init__(
        self,
        learning_rate: float = 0.5,
        decay: float = 0.0,
        epochs: int = 20,
        batch_size: int = 256,
        momentum: float = 0.9,
        l2: float = 1e-4,
        class_weight: dict[Any, float] | None = None,
        seed: int = 0,
        solver: str = "sgd",
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
        self.class_weight = class_weight
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

    def predict_proba(self, X: Array) -> Array:
        """Probabilities of the two classes, shape (n, 2)."""
        p = numerics.sigmoid(self.decision_function(X))
        return np.concatenate([(1 - p)[:, None], p[:, None]], axis=1)

    def _loss(self) -> Loss:
        return Logistic(precise=self.solver == "newton")

    def _examine(self, X: Array, y: Array, weight: Array | None) -> None:
        if self.standard_errors:
            self._infer(Logistic(precise=True), X, y, self.l2, weight, None, False)


class LinearSVM(_TwoClasses):
    """Linear support vector machine for two classes.

    Minimises the mean of ``weight * max(0, 1 - s (x @ w + b))``, s = ±1 the class, or of its square, plus
    ``l1 * |w| + l2 / 2 * |w|**2``. (scikit-learn's ``C`` corresponds to ``l2 = 1 / (C n)``; its LinearSVC penalises the
    intercept too.)

    Parameters
    ----------
    loss : {"squared_hinge", "hinge"}
        The first has Newton's method, the second has not.
    learning_rate, decay, epochs, batch_size, momentum, l2, class_weight, seed, solver, schedule, l1
        As of `LogisticRegression`.
    iterations, warm_start
        Likewise.

    Attributes
    ----------
    coef_ : array, shape (d,)
    intercept_ : array, shape ()
    classes_ : ndarray, shape (2,)
    validation_metrics_ : list of float
    n_features_in_, n_iter_ : int
        As of `LogisticRegression`.
    """

    def __init__(
        self,
        loss: str = "squared_hinge",
        learning_rate: float = 0.1,
        decay: float = 0.0,
        epochs: int = 20,
        batch_size: int = 256,
        momentum: float = 0.9,
        l2: float = 1e-3,
        class_weight: dict[Any, float] | None = None,
        seed: int = 0,
        solver: str = "newton",
        schedule: str = "inverse",
        l1: float = 0.0,
        iterations: int = 12,
        warm_start: bool = False,
    ) -> None:
        self.loss = loss
        self.learning_rate = learning_rate
        self.decay = decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.momentum = momentum
        self.l2 = l2
        self.class_weight = class_weight
        self.seed = seed
        self.solver = solver
        self.schedule = schedule
        self.l1 = l1
        self.iterations = iterations
        self.warm_start = warm_start

    def check_parameters(self) -> None:
        super().check_parameters()
        check_choice(self, loss=("squared_hinge", "hinge"))
        if self.loss == "hinge" and self.solver == "newton":
            raise InputError("solver must be sgd or adam for the hinge, which has no curvature.", key="solver")

    def _loss(self) -> Loss:
        return Hinge() if self.loss == "hinge" else SquaredHinge()


# -------------------------------------------------------------------------------------------------------- class weights


def check_class_weight(weights: object) -> None:
    """Check public weights by class.

    Raises
    ------
    InputError
        They are no table of weights.
    """
    if weights is not None and not (isinstance(weights, dict) and all(map(is_weight, weights.values()))):
        raise InputError(
            "class_weight must be absent, or a table of one finite number of at least 0 for each class: "
            "weights that follow from the class counts would reveal them.",
            key="class_weight",
        )


def weights_by_class(weights: dict[Any, float], classes: NDArray[Any]) -> list[float]:
    """The weight of each class, in their order; 1 for one that has none.

    Raises
    ------
    InputError
        A class that there is not.
    """
    if set(weights) - set(classes.tolist()):
        raise InputError("class_weight names a class that y does not have.", key="class_weight")
    return [float(weights.get(label, 1)) for label in classes.tolist()]
