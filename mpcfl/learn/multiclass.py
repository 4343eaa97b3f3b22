"""Logistic regression of two or more classes: all at once (softmax), or each against the rest."""

from typing import Any, Self

import numpy as np

from mpcfl import numerics
from mpcfl.learn.estimator import Classifier
from mpcfl.learn.linear import check_class_weight, weights_by_class
from mpcfl.learn.losses import Logistic, Loss, Softmax
from mpcfl.learn.marks import Marks
from mpcfl.learn.model import GradientModel, check_whole
from mpcfl.learn.stopping import EarlyStopping
from mpcfl.learn.validation import Array, class_data, is_secret, row_weights


class MultinomialLogisticRegression(Classifier, GradientModel):
    """Logistic regression of several classes at once.

    Minimises the mean of ``-weight * log softmax(x @ W.T + b)`` at a row's class, plus ``l1 * |W| + l2 / 2 * |W|**2``.
    (scikit-learn's ``C`` corresponds to ``l2 = 1 / (C n)``.) The sum of the intercepts stays as it began, at 0.

    Parameters
    ----------
    classes : int or None
        Number of classes, which is public; needed where labels are secret: they are numbers from 0.
    learning_rate, decay, epochs, batch_size, momentum, l2, class_weight, seed, solver, schedule, l1
        As of `LogisticRegression`. Newton's method factors a matrix of classes * (d + 1) rows.
    iterations, warm_start
        Likewise.

    Attributes
    ----------
    coef_ : array, shape (classes, d)
    intercept_ : array, shape (classes,)
        Both secret if the training data was.
    classes_ : ndarray, shape (classes,)
        Labels in sorted order; numbers from 0 for secret ones.
    validation_metrics_ : list of float
        What early stopping disclosed.
    n_features_in_, n_iter_ : int
    """

    def __init__(
        self,
        classes: int | None = None,
        learning_rate: float = 0.5,
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
        iterations: int = 10,
        warm_start: bool = False,
    ) -> None:
        self.classes = classes
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
        check_class_weight(self.class_weight)
        if self.classes is not None:
            check_whole(self, classes=2)

    def fit(
        self,
        X: Array,
        y: Array,
        sample_weight: Array = None,
        early_stopping: EarlyStopping | None = None,
        marks: Marks | None = None,
    ) -> Self:
        """Train, from zero unless `warm_start` is set; arguments, result and errors as of `LogisticRegression.fit`."""
        self.check_parameters()
        X, member, self.classes_ = class_data(X, y, self.classes)
        weight = row_weights(sample_weight, X.shape[0])
        if self.class_weight is not None:
            by_class = member @ np.array(weights_by_class(self.class_weight, self.classes_))
            weight = by_class if weight is None else weight * by_class
        self._train(X, member, weight, None, early_stopping, self._member, marks=marks)
        return self

    def decision_function(self, X: Array) -> Array:
        """The predictors of all classes, shape (n, classes), or of two their difference, (n,); `X` is (n, d)."""
        z = self._linear(X)
        return z[:, 1] - z[:, 0] if len(self.classes_) == 2 else z

    def predict_proba(self, X: Array) -> Array:
        """Probabilities of the classes, shape (n, classes)."""
        return numerics.softmax(self._linear(X))

    def predict(self, X: Array) -> Array:
        """The likeliest class of each row, shape (n,): its label, or its secret number."""
        place = np.argmax(self._linear(X), axis=1)
        return place if is_secret(place) else self.classes_[place]

    def _loss(self) -> Loss:
        return Softmax()

    def _member(self, y: Array) -> Array:
        """Labels as columns of 0 and 1."""
        labels = np.arange(len(self.classes_)) if is_secret(y) else self.classes_
        y = y if is_secret(y) else np.asarray(y)
        return 1.0 * (y[:, None] == labels)


class OneVsRestLogisticRegression(MultinomialLogisticRegression):
    """A binary logistic regression of each class against all others, trained side by side in the rounds of one.

    Minimises the sum over classes of what `LogisticRegression` minimises. Parameters and attributes are those of
    `MultinomialLogisticRegression`; Newton's method factors `classes` matrices of d + 1 rows, side by side.
    """

    def predict_proba(self, X: Array) -> Array:
        """Probabilities of the classes, each against the rest, over their sum; shape (n, classes)."""
        p = numerics.sigmoid(self._linear(X), precise=True)
        return numerics.divide(p, p.sum(axis=1)[:, None])

    def _loss(self) -> Loss:
        return Logistic(precise=self.solver == "newton")
