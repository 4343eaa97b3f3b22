"""Gradient-boosted trees: a classifier and a regressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from mpcfl import numerics
from mpcfl.errors import InputError
from mpcfl.learn.estimator import Regressor
from mpcfl.learn.marks import Marks
from mpcfl.learn.model import check_choice, check_numbers, check_whole, is_weight
from mpcfl.learn.stopping import EarlyStopping
from mpcfl.learn.trees.boosting import Boosted
from mpcfl.learn.trees.ensemble import TreeClassifier
from mpcfl.learn.trees.objectives import LogLoss, Objective, Poisson, Quantile, Softmax, SquaredError
from mpcfl.learn.validation import Array, class_data, is_secret, regression_data, training_data

LOSSES = ("squared_error", "poisson", "quantile")


class GradientBoostingClassifier(Boosted, TreeClassifier):
    """Gradient-boosted trees for two classes or more, by second-order steps on binned columns.

    Minimises the mean log loss with trees of full depth, each leaf -G / (H + reg_lambda) times the rate, where G and H
    are sums of first and second derivatives over its rows. On secrets nothing of a tree shows, unless `disclosure` says
    so: neither which columns and thresholds it reads, nor which rows are where, nor which nodes were not worth a split.

    Parameters
    ----------
    n_estimators : int
        Steps; each grows a tree for each class if there are more than two.
    learning_rate : float
    max_depth : int
        Levels of splits of each tree; a tree costs as much as its 2^max_depth leaves.
    max_bins : int
        Most bins of a column, where the learner makes them.
    reg_lambda, reg_alpha : float
        L2 and L1 penalty of leaves.
    gamma : float
        Least that a split must add to the sum of G^2 / (H + reg_lambda), without the half.
    min_child_weight : float
        Least sum of second derivatives on each side of a split.
    subsample, colsample_bytree : float
        Shares of the rows and of the columns that a tree reads, drawn in public by `random_state`.
    scale_pos_weight : float
        Weight of the second of two classes.
    base_score : float or None
        Probability to start from, of two classes; None: that of the rows.
    classes : int or None
        Number of classes, where labels are secret; None: two.
    categorical_features : sequence of int
        Columns of plain rows whose numbers have no order.
    monotone_constraints : sequence of int
        For each column 1 where predictions must not fall as it grows, -1 where they must not rise, 0 else; empty for
        none. Not for more than two classes. What tells missing values from all others is free.
    disclosure : {"nothing", "own_splits"}
        What training on secrets tells: nothing; or, to each party that owns columns, where the trees split these.
    random_state : int
        Public seed.

    Attributes
    ----------
    left_ : array, shape (trees, bins, 2^max_depth - 1)
        Which bins go left at each inner node, see `mpcfl.learn.trees.growth.Tree`.
    leaves_ : array, shape (trees, 2^max_depth, 1)
    base_ : array, shape (1,) or (classes,)
    feature_importances_ : array, shape (columns,)
        Share of each column in what all splits gained. All four secret if the data were.
    columns_ : tuple of Column
    bins_ : Bins or None
        Of plain rows that the learner cut itself.
    classes_ : ndarray
    validation_metrics_ : list of float
        What early stopping disclosed.
    n_features_in_, n_iter_ : int
    """

    def __init__(
        self,
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        max_depth: int = 5,
        max_bins: int = 32,
        reg_lambda: float = 1.0,
        reg_alpha: float = 0.0,
        gamma: float = 0.0,
        min_child_weight: float = 1.0,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        scale_pos_weight: float = 1.0,
        base_score: float | None = None,
        classes: int | None = None,
        categorical_features: Sequence[int] = (),
        monotone_constraints: Sequence[int] = (),
        disclosure: str = "nothing",
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.max_bins = max_bins
        self.reg_lambda = reg_lambda
        self.reg_alpha = reg_alpha
        self.gamma = gamma
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.scale_pos_weight = scale_pos_weight
        self.base_score = base_score
        self.classes = classes
        self.categorical_features = categorical_features
        self.monotone_constraints = monotone_constraints
        self.disclosure = disclosure
        self.random_state = random_state

    def check_parameters(self) -> None:
        super().check_parameters()
        check_numbers(self, "scale_pos_weight")
        if self.classes is not None:
            check_whole(self, classes=2)
        if self.base_score is not None and not (is_weight(self.base_score) and 0 < self.base_score < 1):
            raise InputError("base_score must be absent, or a probability above 0 and below 1.", key="base_score")

    def fit(
        self,
        X: Array,
        y: Array,
        sample_weight: Array = None,
        columns: Sequence[Any] | None = None,
        early_stopping: EarlyStopping | None = None,
        marks: Marks | None = None,
    ) -> Self:
        """Train.

        Parameters
        ----------
        X : array, shape (n, d), or (n, bins) with `columns`
            Plain numbers, NaN where one is missing; or zeros and ones as `Bins.onehot` makes them, secret or plain.
        y : array, shape (n,)
            Secret labels are class numbers from 0.
        sample_weight : array, shape (n,), optional
            Public or secret, at least 0, and near 1 on the whole.
        columns : sequence of Column or of int, optional
            What `Bins.columns_` tells of each column, for an X of bins.
        early_stopping : EarlyStopping, optional
            Rows that tell when to end, and by what means that is disclosed.
        marks : Marks, optional
            From which tree a training that was broken off goes on, and who is told of each; not with early stopping.

        Returns
        -------
        The learner itself.

        Raises
        ------
        InputError
            Bad data or parameters.
        """
        self.check_parameters()
        hot, splits, weight = self._binned(X, columns, sample_weight)
        if is_secret(y) and self.classes in (None, 2):
            _, codes, self.classes_ = training_data(hot[:, :1], y)
            target = codes[:, None]
        else:
            _, target, self.classes_ = class_data(hot[:, :1], y, self.classes)
            target = target[:, 1:] if len(self.classes_) == 2 else target
        if self.scale_pos_weight != 1 or self.base_score is not None:
            if len(self.classes_) > 2:
                raise InputError("scale_pos_weight and base_score are for two classes.", key="scale_pos_weight")
            if self.scale_pos_weight != 1:
                by_class = 1 + (self.scale_pos_weight - 1) * target[:, 0]
                weight = by_class if weight is None else weight * by_class
        self._boost(hot, target, weight, splits, early_stopping, self._member, marks)
        return self

    def decision_function(self, X: Array) -> Array:
        """Log-odds of the second of two classes, shape (n,), or scores, (n, classes)."""
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def predict_proba(self, X: Array) -> Array:
        """Probabilities of the classes, shape (n, classes)."""
        scores = self._scores(X)
        if scores.shape[1] > 1:
            return numerics.softmax(scores)
        p = numerics.sigmoid(scores)
        return np.concatenate([1 - p, p], axis=1)

    def predict(self, X: Array) -> Array:
        """The likeliest class of each row, shape (n,): its label, or its secret number (a boolean of two classes)."""
        scores = self._scores(X)
        if scores.shape[1] == 1:
            second = scores[:, 0] > 0
            return second if is_secret(second) else self.classes_[second.astype(np.intp)]
        place = np.argmax(scores, axis=1)
        return place if is_secret(place) else self.classes_[place]

    def _objective(self, outputs: int) -> Objective:
        return LogLoss() if outputs == 1 else Softmax()

    def _member(self, y: Array) -> Array:
        if is_secret(y) and len(self.classes_) == 2:
            return y[:, None]
        labels = np.arange(len(self.classes_)) if is_secret(y) else self.classes_
        member = 1.0 * ((y if is_secret(y) else np.asarray(y))[:, None] == labels)
        return member[:, 1:] if len(self.classes_) == 2 else member


class GradientBoostingRegressor(Boosted, Regressor):
    """Gradient-boosted trees for numbers, by second-order steps on binned columns.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "quantile"}
        Half the squared error; half the deviance of counts whose mean is the exponential of the score; the pinball
        loss, with curvature 1, so that leaves are steps of the size of the rate.
    quantile : float
        Level of the last, between 0 and 1.
    base_score : float or None
        Prediction to start from; None: the mean of the targets.
    n_estimators, learning_rate, max_depth, max_bins, reg_lambda, reg_alpha, gamma, min_child_weight
        As of `GradientBoostingClassifier`.
    subsample, colsample_bytree, categorical_features, monotone_constraints, disclosure, random_state
        Likewise.

    Attributes
    ----------
    left_, leaves_, base_, feature_importances_, columns_, bins_, validation_metrics_, n_features_in_, n_iter_
        As of `GradientBoostingClassifier`.

    Notes
    -----
    On secrets the sum over rows of squared slopes must stay in range, see `mpcfl.learn.trees.growth.grow`: bring
    targets to a spread near 1.
    """

    def __init__(
        self,
        loss: str = "squared_error",
        quantile: float = 0.5,
        n_estimators: int = 100,
        learning_rate: float = 0.1,
        max_depth: int = 5,
        max_bins: int = 32,
        reg_lambda: float = 1.0,
        reg_alpha: float = 0.0,
        gamma: float = 0.0,
        min_child_weight: float = 1.0,
        subsample: float = 1.0,
        colsample_bytree: float = 1.0,
        base_score: float | None = None,
        categorical_features: Sequence[int] = (),
        monotone_constraints: Sequence[int] = (),
        disclosure: str = "nothing",
        random_state: int = 0,
    ) -> None:
        self.loss = loss
        self.quantile = quantile
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.max_depth = max_depth
        self.max_bins = max_bins
        self.reg_lambda = reg_lambda
        self.reg_alpha = reg_alpha
        self.gamma = gamma
        self.min_child_weight = min_child_weight
        self.subsample = subsample
        self.colsample_bytree = colsample_bytree
        self.base_score = base_score
        self.categorical_features = categorical_features
        self.monotone_constraints = monotone_constraints
        self.disclosure = disclosure
        self.random_state = random_state

    def check_parameters(self) -> None:
        super().check_parameters()
        check_choice(self, loss=LOSSES)
        if not is_weight(self.quantile) or not 0 < self.quantile < 1:
            raise InputError("quantile must be a number above 0 and below 1.", key="quantile")
        if self.base_score is not None and not is_weight(abs(self.base_score)):
            raise InputError("base_score must be absent, or a finite number.", key="base_score")
        if self.loss == "poisson" and self.base_score is not None and self.base_score <= 0:
            raise InputError("base_score must be above 0 for the loss poisson.", key="base_score")

    def fit(
        self,
        X: Array,
        y: Array,
        sample_weight: Array = None,
        columns: Sequence[Any] | None = None,
        early_stopping: EarlyStopping | None = None,
        marks: Marks | None = None,
    ) -> Self:
        """Train; arguments, result and errors as of `GradientBoostingClassifier.fit`, but that `y` holds numbers."""
        self.check_parameters()
        hot, splits, weight = self._binned(X, columns, sample_weight)
        _, y = regression_data(hot[:, :1], y)
        if self.loss == "poisson" and not is_secret(y) and (y < 0).any():
            raise InputError("y must be at least 0 for the loss poisson.")
        self._boost(hot, y[:, None], weight, splits, early_stopping, _numbers, marks)
        return self

    def predict(self, X: Array) -> Array:
        """The prediction for each row, shape (n,)."""
        scores = self._scores(X)[:, 0]
        return np.exp(scores) if self.loss == "poisson" else scores

    def _objective(self, outputs: int) -> Objective:
        kinds: dict[str, Objective] = {
            "squared_error": SquaredError(),
            "poisson": Poisson(),
            "quantile": Quantile(float(self.quantile)),
        }
        return kinds[self.loss]


def _numbers(y: Array) -> Array:
    return (y if is_secret(y) else np.asarray(y, np.float64))[:, None]
