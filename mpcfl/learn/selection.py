"""Model selection: cross-validation and grid search on ndarrays and on secret arrays alike.

    search = GridSearch(LogisticRegression(), {"l2": [1e-4, 1e-2]}, folds=5, metric="auc", disclose=...).fit(X, y)

Folds and candidates do not depend on one another. On secrets their work waits until the last of them has been written
down, and all of it shares its rounds: ten trainings take the rounds of one. Nothing but the score of each candidate is
disclosed, by a function of the caller.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from mpcfl.errors import InputError
from mpcfl.learn.estimator import Estimator
from mpcfl.learn.evaluation import GREATER_IS_BETTER, NAMES, measure
from mpcfl.learn.model import check_whole
from mpcfl.learn.schedule import fold_rows
from mpcfl.learn.stopping import made_public
from mpcfl.learn.validation import Array, is_secret
from mpcfl.together import waiting

Metric = str | Callable[[Any, Array, Array], Array]
"""A name in `mpcfl.learn.evaluation.NAMES`, or `metric(model, X, y)`, which is better where it is greater."""


def cross_val_score(
    model: Any, X: Array, y: Array, folds: int = 5, metric: Metric | None = None, seed: int = 0
) -> Array:
    """The metric of each fold, held out from a training on all others.

    Parameters
    ----------
    model : learner
        Copied for each fold; it stays as it is.
    X : array, shape (n, d)
    y : array, shape (n,)
        Class numbers from 0, or targets.
    folds : int
        At least 2, at most n.
    metric : str or callable, optional
        By default the first that learners of this kind have: auc, accuracy or r2.
    seed : int
        Public, of the order of rows that is cut into folds.

    Returns
    -------
    array, shape (folds,)
        Secret if the data is.

    Raises
    ------
    InputError
        Too many folds, or a metric that there is not.
    """
    return _scores([model], X, y, folds, metric, seed, {})[0]


class GridSearch(Estimator):
    """The best of a grid of parameters by cross-validation, trained on all rows.

    Parameters
    ----------
    model : learner
        Its parameters are those of every candidate, but for the ones in the grid.
    grid : mapping of str to sequence
        Values to try by parameter; a candidate is a choice of one for each.
    folds : int
    metric : str or callable, optional
    seed : int
        As of `cross_val_score`.
    disclose : callable, optional
        Takes the mean metrics of all candidates times 10^decimals, rounded to whole numbers, and returns them as public
        numbers. Needed where the data is secret: a learner reveals nothing by itself.
    decimals : int
        Digits after the point that are disclosed and compared; of equal candidates the first wins.

    Attributes
    ----------
    best_estimator_ : learner
        Trained on all rows.
    best_params_ : dict
    best_score_ : float
    best_index_ : int
    cv_results_ : dict
        "params", a list of dicts, and "mean_test_score", an array: one for each candidate, in the order of the grid's
        names.
    """

    def __init__(
        self,
        model: Any,
        grid: Mapping[str, Sequence[Any]],
        folds: int = 5,
        metric: Metric | None = None,
        seed: int = 0,
        disclose: Callable[[Array], Array] | None = None,
        decimals: int = 4,
    ) -> None:
        self.model = model
        self.grid = grid
        self.folds = folds
        self.metric = metric
        self.seed = seed
        self.disclose = disclose
        self.decimals = decimals

    def fit(self, X: Array, y: Array, **options: Any) -> Self:
        """Score every candidate, and train the best.

        Parameters
        ----------
        X : array, shape (n, d)
        y : array, shape (n,)
        **options
            What `fit` of the learner is given besides, each time.

        Raises
        ------
        InputError
            Bad parameters or data; secret data without `disclose`.
        """
        check_whole(self, folds=2, decimals=0, seed=0)
        chosen = candidates(self.grid)
        models = [copy_of(self.model, one) for one in chosen]
        scores = _scores(models, X, y, self.folds, self.metric, self.seed, options).mean(axis=1)
        told = made_public(np.rint(scores * 10.0**self.decimals), self.disclose, "Grid search", "disclose")
        means = np.asarray(told, np.float64) / 10.0**self.decimals
        metric = self.metric or NAMES[self.model.kind][0]
        better = means if callable(metric) or metric in GREATER_IS_BETTER else -means
        self.best_index_ = int(np.argmax(better))
        self.best_params_, self.best_score_ = chosen[self.best_index_], float(means[self.best_index_])
        self.cv_results_: dict[str, Any] = {"params": chosen, "mean_test_score": means}
        self.best_estimator_ = copy_of(self.model, self.best_params_).fit(X, y, **options)
        return self

    @property
    def kind(self) -> str:
        """That of the model."""
        kind: str = self.model.kind
        return kind

    def predict(self, X: Array) -> Array:
        """What the best candidate says of each row."""
        return self.best_estimator_.predict(X)

    def decision_function(self, X: Array) -> Array:
        """The best candidate's predictor."""
        return self.best_estimator_.decision_function(X)

    def predict_proba(self, X: Array) -> Array:
        """The best candidate's probabilities."""
        return self.best_estimator_.predict_proba(X)

    def score(self, X: Array, y: Array) -> Array:
        """The best candidate's own score."""
        return self.best_estimator_.score(X, y)


def candidates(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every choice of one value a name, the names in their alphabetical order.

    Raises
    ------
    InputError
        The grid is empty, or a name has no values.
    """
    if not grid or any(
        not isinstance(values, list | tuple | np.ndarray) or not len(values) for values in grid.values()
    ):
        raise InputError("grid must have a list of values for each of one or more parameters.", key="grid")
    names = sorted(grid)
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(grid[name] for name in names))]


def copy_of(model: Any, parameters: Mapping[str, Any]) -> Any:
    """An unfitted learner with the same parameters but for those given."""
    return type(model)(**model.get_params()).set_params(**parameters)


def _scores(
    models: Sequence[Any],
    X: Array,
    y: Array,
    folds: int,
    metric: Metric | None,
    seed: int,
    options: Mapping[str, Any],
) -> Array:
    """Shape (models, folds)."""
    if not is_secret(X):
        X = np.asarray(X)
    if not is_secret(y):
        y = np.asarray(y)
    rows = fold_rows(X.shape[0], folds, seed)
    with waiting(X, y):
        return np.stack(
            [np.stack([_score(model, X, y, *parts, metric, options) for parts in rows]) for model in models]
        )


def _score(
    model: Any, X: Array, y: Array, train: Any, test: Any, metric: Metric | None, options: Mapping[str, Any]
) -> Array:
    fitted = copy_of(model, {}).fit(X[train], y[train], **options)
    if callable(metric):
        return metric(fitted, X[test], y[test])
    return measure(fitted, X[test], y[test], metric or NAMES[fitted.kind][0])
