"""scikit-learn's estimator contract, kept without importing scikit-learn.

The constructor only stores its arguments, `get_params` and `set_params` follow from its signature, and what fitting
learns ends in an underscore. scikit-learn's own tools (clone, pipelines, grid search, check_estimator) then take
these estimators.
"""

import inspect
import sys
from typing import Any, Self, TypeVar

import numpy as np

from mpcfl.errors import InputError

Kind = TypeVar("Kind")


class NotFittedError(ValueError, AttributeError):
    """A method that needs `fit` was called before it."""


class DataConversionWarning(UserWarning):
    """The shape of an input was changed to what the estimator expects."""


def scikit_twin(ours: type[Kind]) -> type[Kind]:
    """scikit-learn's class of the same name where scikit-learn is loaded, else `ours`.

    Programs that use scikit-learn catch and filter its own exception classes.
    """
    twin: type[Kind] = getattr(sys.modules.get("sklearn.exceptions"), ours.__name__, ours)
    return twin


class Estimator:
    """Parameters of an estimator, by the signature of its constructor."""

    whole_parts: tuple[str, ...] = ()
    """Those of its `model_arrays` that are zeros and ones, and shared as whole numbers."""

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Names of the constructor's parameters, in its order."""
        return list(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name; `deep` changes nothing, as no parameter is itself an estimator."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Change parameters, and return the estimator.

        Raises
        ------
        InputError
            For a name that the constructor does not have.
        """
        known = self.parameter_names()
        for name, value in params.items():
            if name not in known:
                raise InputError(f"{type(self).__name__} has no parameter {name!r}: it has {', '.join(known)}.")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = (f"{k}={v!r}" for k, v in self.get_params().items() if repr(v) != repr(defaults[k].default))
        return f"{type(self).__name__}({', '.join(changed)})"


def scikit_tags(kind: str, several: bool = False, positive: bool = False) -> Any:
    """What scikit-learn's tools ask of a "classifier" or a "regressor".

    Parameters
    ----------
    kind : str
    several : bool
        It takes more than two classes, or several columns of targets.
    positive : bool
        It takes positive targets alone.
    """
    # scikit-learn alone calls this, so it is loaded; importing it here would make it a dependency.
    utils: Any = sys.modules["sklearn.utils"]
    return utils.Tags(
        estimator_type=kind,
        target_tags=utils.TargetTags(
            required=True, multi_output=several and kind == "regressor", positive_only=positive
        ),
        classifier_tags=utils.ClassifierTags(multi_class=several) if kind == "classifier" else None,
        regressor_tags=utils.RegressorTags() if kind == "regressor" else None,
    )


class BinaryClassifier(Estimator):
    """An estimator that tells two classes apart."""

    kind = "binary"
    multi_class = False

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Share of the rows, by weight, that `predict` puts into their class; secret if anything given is."""
        return _mean(1 * (self.predict(X) == y), sample_weight)  # type: ignore[attr-defined]

    def __sklearn_tags__(self) -> Any:
        return scikit_tags("classifier", self.multi_class)


class Classifier(BinaryClassifier):
    """An estimator that tells two or more classes apart."""

    kind = "multiclass"
    multi_class = True


class Regressor(Estimator):
    """An estimator that predicts a number."""

    kind = "regression"
    positive_only = False

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """R squared of `predict`, 1 less the weighted mean of squared errors over that of y about its mean."""
        y = y if hasattr(y, "mean") else np.asarray(y, np.float64)
        rest, spread = y - self.predict(X), y - _mean(y, sample_weight)  # type: ignore[attr-defined]
        return 1 - _mean(rest * rest, sample_weight) / _mean(spread * spread, sample_weight)

    def __sklearn_tags__(self) -> Any:
        return scikit_tags("regressor", positive=self.positive_only)


def _mean(values: Any, weight: Any) -> Any:
    if weight is None:
        return values.mean()
    return (values * weight).sum() / np.sum(weight)
