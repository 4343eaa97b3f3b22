"""Logistic regression by minibatch gradient descent, as one array program for plain and for secret data."""

import math
from typing import Any, Self

import numpy as np

from mpcfl import numerics
from mpcfl.errors import InputError
from mpcfl.learn.estimator import BinaryClassifier, NotFittedError, scikit_twin
from mpcfl.learn.schedule import minibatches
from mpcfl.learn.validation import Array, is_secret, prediction_data, training_data


class LogisticRegression(BinaryClassifier):
    """Binary logistic regression.

    Minimises, over coefficients w and intercept b, the mean of ``weight * log(1 + exp(-s (x @ w + b)))``, s = ±1 the
    class, plus ``l2 / 2 * |w|**2``. (scikit-learn's ``C`` corresponds to ``l2 = 1 / (C n)``.) One gradient step a
    minibatch; the schedule is public and the same at every party.

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

    Attributes
    ----------
    coef_ : array, shape (d,)
    intercept_ : array, shape ()
        Both secret if the training data was.
    classes_ : ndarray, shape (2,)
        Labels in sorted order; 0 and 1 for secret ones. The second is the one whose probability is modelled.
    n_features_in_, n_iter_ : int
        Features, and gradient steps done.
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
    ) -> None:
        self.learning_rate = learning_rate
        self.decay = decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.momentum = momentum
        self.l2 = l2
        self.class_weight = class_weight
        self.seed = seed

    def check_parameters(self) -> None:
        """Check every parameter.

        Raises
        ------
        InputError
            Naming the parameter and what is allowed.
        """
        for name, least in (("epochs", 1), ("batch_size", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
                raise InputError(f"{name} must be an integer of at least {least}.", key=name)
        for name in ("learning_rate", "decay", "momentum", "l2"):
            if not _is_weight(getattr(self, name)):
                raise InputError(f"{name} must be a finite number of at least 0.", key=name)
        if self.learning_rate == 0:
            raise InputError("learning_rate must be more than 0.", key="learning_rate")
        if self.momentum >= 1:
            raise InputError("momentum must be less than 1.", key="momentum")
        weights = self.class_weight
        if weights is not None and not (isinstance(weights, dict) and all(map(_is_weight, weights.values()))):
            raise InputError(
                "class_weight must be absent, or a table of one finite number of at least 0 for each class: "
                "weights that follow from the class counts would reveal them.",
                key="class_weight",
            )

    def fit(self, X: Array, y: Array) -> Self:
        """Train from zero.

        Parameters
        ----------
        X : array, shape (n, d)
            Best with columns of like scale.
        y : array, shape (n,)
            Two classes; secret labels are 0 and 1.

        Returns
        -------
        LogisticRegression
            Itself.

        Raises
        ------
        InputError
            Bad data or parameters.
        """
        self.check_parameters()
        X, y, self.classes_ = training_data(X, y)
        weight = self._row_weight(y)
        w, b = np.zeros_like(X[0]), np.zeros_like(X[0, 0])
        dw, db = w, b
        self.n_iter_ = 0
        for rows in minibatches(X.shape[0], self.batch_size, self.epochs, self.seed):
            rate = self.learning_rate / (1 + self.decay * self.n_iter_)
            batch = X[rows]
            residual = numerics.sigmoid(batch @ w + b) - y[rows]
            if weight is not None:
                residual = residual * weight[rows]
            gw, gb = batch.T @ residual, residual.sum()
            # A public factor is a part of the rounding of the product before it; a sum is rounded beside it.
            gw, gb = gw * (rate / len(rows)), gb * (rate / len(rows))
            if self.momentum:
                dw, db = dw * self.momentum, db * self.momentum
            if self.l2:
                shrink = w * (rate * self.l2)
                gw = gw + shrink
            if self.momentum:
                dw, db = dw - gw, db - gb
                w, b = w + dw, b + db
            else:
                w, b = w - gw, b - gb
            self.n_iter_ += 1
        self.coef_, self.intercept_ = w, b
        self.n_features_in_ = X.shape[1]
        return self

    def decision_function(self, X: Array) -> Array:
        """Log-odds of the second class, shape (n,); `X` has shape (n, d)."""
        if not hasattr(self, "coef_"):
            raise scikit_twin(NotFittedError)("This LogisticRegression is not fitted yet: call fit first.")
        X = prediction_data(X, self.n_features_in_, type(self).__name__)
        return X @ self.coef_ + self.intercept_

    def predict_proba(self, X: Array) -> Array:
        """Probabilities of the two classes, shape (n, 2)."""
        p = numerics.sigmoid(self.decision_function(X))
        return np.concatenate([(1 - p)[:, None], p[:, None]], axis=1)

    def predict(self, X: Array) -> Array:
        """The likelier class of each row, shape (n,): its label, or a secret boolean, true for the second class."""
        second = self.decision_function(X) > 0
        return second if is_secret(second) else self.classes_[second.astype(np.intp)]

    def _row_weight(self, y: Array) -> Array | None:
        if self.class_weight is None:
            return None
        unknown = set(self.class_weight) - set(self.classes_.tolist())
        if unknown:
            raise InputError("class_weight names a class that y does not have.", key="class_weight")
        zero, one = (float(self.class_weight.get(label, 1)) for label in self.classes_.tolist())
        return zero + (one - zero) * y


def _is_weight(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return False
    return math.isfinite(value) and bool(value >= 0)
