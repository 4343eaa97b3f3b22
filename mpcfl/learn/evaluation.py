"""What a report on held-out rows says, by the kind of learner."""

from typing import Any

from mpcfl.learn import metrics
from mpcfl.learn.validation import Array

NAMES = {
    "binary": ("auc", "ks", "accuracy", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("r2", "rmse", "mae"),
    "log_link": ("r2", "rmse", "mae", "deviance"),
}
"""Names of the metrics, in order, by a learner's `kind`."""


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
        return metrics.report(y, model.decision_function(X))
    if model.kind == "multiclass":
        p = model.predict_proba(X)
        return {"accuracy": metrics.class_accuracy(y, p), "log_loss": metrics.class_log_loss(y, p)}
    p = model.predict(X)
    found = {"r2": metrics.r2(y, p), "rmse": metrics.rmse(y, p), "mae": metrics.mae(y, p)}
    return found if model.kind == "regression" else found | {"deviance": metrics.deviance(y, p, model.power)}
