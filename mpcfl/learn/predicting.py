"""What a fitted learner says of new rows, in the form in which it is handed out: one column a number."""

from typing import Any

from mpcfl import numerics
from mpcfl.learn.validation import Array


def prediction_names(model: Any, kind: str, classes: int) -> list[str]:
    """Names of the columns of `predictions`.

    Parameters
    ----------
    model : learner
        Fitted or not.
    kind : {"binary", "multiclass", "regression"}
        What its labels are.
    classes : int
        Their number, for the second kind.
    """
    if kind == "multiclass":
        return [f"probability_{label}" for label in range(classes)]
    if kind == "regression":
        return ["prediction"]
    return ["probability" if hasattr(model, "predict_proba") else "score"]


def predictions(model: Any, X: Array, kind: str) -> Array:
    """Predictions of a fitted learner.

    Parameters
    ----------
    model : learner
    X : array, shape (n, ...)
    kind : {"binary", "multiclass", "regression"}

    Returns
    -------
    array, shape (n, k)
        The probability of the second class, or the predictor of a learner that has no probabilities; the probabilities
        of all classes; or the expected target. Secret if anything is.
    """
    if kind == "multiclass":
        return model.predict_proba(X)
    if kind == "regression":
        return model.predict(X)[:, None]
    if not hasattr(model, "decision_function"):
        return model.predict_proba(X)[:, 1:]
    z = model.decision_function(X)
    return (numerics.sigmoid(z, precise=True) if hasattr(model, "predict_proba") else z)[:, None]
