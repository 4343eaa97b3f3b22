"""What a report on held-out rows says, by the kind of learner."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mpcfl.errors import InputError
from mpcfl.learn import metrics
from mpcfl.learn.validation import Array

NAMES = {
    "binary": ("auc", "ks", "accuracy", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("r2", "rmse", "mae"),
    "log_link": ("r2", "rmse", "mae", "deviance"),
}
"""Names of the metrics, in order, by a learner's `kind`."""

LEAST = 2.0**-10
"""What is added to a share of a class before its logarithm is taken: what no tree has seen is not impossible."""

GREATER_IS_BETTER = frozenset({"auc", "ks", "accuracy", "r2"})

_NUMBERS: dict[str, Callable[[Array, Array], Array]] = {"r2": metrics.r2, "rmse": metrics.rmse, "mae": metrics.mae}
_MEASURES: dict[str, dict[str, Callable[[Array, Array], Array]]] = {
    "binary": {
        "auc": metrics.roc_auc,
        "ks": metrics.ks,
        "accuracy": metrics.accuracy,
        "log_loss": metrics.log_loss,
    },
    "multiclass": {"accuracy": metrics.class_accuracy, "log_loss": metrics.class_log_loss},
    "regression": _NUMBERS,
    "log_link": _NUMBERS,
}


def evaluate(model: Any, X: Array, y: Array) -> dict[str, Array]:
    """The metrics of a fitted learner.

    Parameters
    ----------
    model : learner
    X : array, shape (n, d)
    y : array, shape (n,)
        Class numbers from 0, or targets.

    Returns
    -------
    dict of str to array
        By the names in `NAMES`, scalars; secret if anything is.
    """
    if model.kind == "binary":
        return metrics.report(y, *_scores(model, X))
    z = _predicted(model, X)
    found = {name: of(y, z) for name, of in _MEASURES[model.kind].items()}
    return found | {"deviance": metrics.deviance(y, z, model.power)} if model.kind == "log_link" else found


def measure(model: Any, X: Array, y: Array, metric: str) -> Array:
    """One metric of a fitted learner, which costs what it takes alone: arguments as of `evaluate`, a scalar.

    Raises
    ------
    InputError
        Learners of this kind have no metric of that name.
    """
    if metric not in NAMES[model.kind]:
        raise InputError(f"metric must be one of {', '.join(NAMES[model.kind])}.", key="metric")
    if model.kind == "binary":
        z, log_odds = _scores(model, X)
        return _MEASURES["binary"][metric](y, log_odds if metric == "log_loss" else z)
    z = _predicted(model, X)
    return metrics.deviance(y, z, model.power) if metric == "deviance" else _MEASURES[model.kind][metric](y, z)


def _predicted(model: Any, X: Array) -> Array:
    """What the metrics of a learner compare with labels: probabilities of classes, or numbers."""
    return model.predict_proba(X) if model.kind == "multiclass" else model.predict(X)


def _scores(model: Any, X: Array) -> tuple[Array, Array]:
    """Scores of the second of two classes, above 0 where it is the likelier one, and log-odds of it, both (n,).

    Of a learner whose trees vote, these are the votes beyond a half: exact on secrets, so that rows which all trees see
    alike score alike.
    """
    if hasattr(model, "decision_function"):
        z = model.decision_function(X)
        return z, z
    votes, trees = model.votes(X), model.left_.shape[0]
    p = votes * (1 / trees)
    return votes - trees / 2, np.log(p + LEAST) - np.log(1 - p + LEAST)
