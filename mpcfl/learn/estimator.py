"""scikit-learn's estimator contract, kept without importing scikit-learn.

The constructor only stores its arguments, `get_params` and `set_params` follow from its signature, and what fitting
learns ends in an underscore. scikit-learn's own tools (clone, pipelines, grid search, check_estimator) then take
these estimators.
"""

import inspect
import sys
from typing import Any, Self, TypeVar

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


class BinaryClassifier(Estimator):
    """An estimator that tells two classes apart."""

    def __sklearn_tags__(self) -> Any:
        # scikit-learn alone calls this, so it is loaded; importing it here would make it a dependency.
        utils: Any = sys.modules["sklearn.utils"]
        return utils.Tags(
            estimator_type="classifier",
            target_tags=utils.TargetTags(required=True),
            classifier_tags=utils.ClassifierTags(multi_class=False),
        )
