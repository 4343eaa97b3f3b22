"""The learners of jobs: their names, and all that a job needs to know of one.

A job takes any estimator that keeps to `Learner`: linear models and networks are alike to it. A new one is a line in
`LEARNERS`.
"""

import inspect
import math
import typing
from collections.abc import Mapping
from typing import Any, Protocol, Self

from mpcfl.learn.glm import GammaRegressor, PoissonRegressor, TweedieRegressor
from mpcfl.learn.linear import LinearSVM, LogisticRegression
from mpcfl.learn.multiclass import MultinomialLogisticRegression, OneVsRestLogisticRegression
from mpcfl.learn.neural import DescribedNetwork, MLPClassifier, MLPRegressor
from mpcfl.learn.regression import ElasticNet, Lasso, LinearRegression, Ridge
from mpcfl.learn.trees import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from mpcfl.learn.trees.ensemble import TreeModel
from mpcfl.learn.validation import Array


class Learner(Protocol):
    """What a job asks of an estimator, besides scikit-learn's contract; it is made from its parameters alone."""

    @property
    def kind(self) -> str:
        """What its labels are and which metrics a report has: a key of `mpcfl.learn.evaluation.NAMES`."""

    @property
    def model_parts(self) -> tuple[str, ...]:
        """The keys of `model_arrays`, known before training."""

    @property
    def whole_parts(self) -> tuple[str, ...]:
        """Those of them that are zeros and ones, and shared as whole numbers."""

    def model_arrays(self) -> dict[str, Any]:
        """The fitted model as it is disclosed: by part an array, or several by name; secret if the data was."""

    def model_shapes(self, features: int) -> Mapping[str, Any]:
        """Shapes of what `predict` needs of `model_arrays`, for rows of so many features."""

    def set_model_arrays(self, arrays: Mapping[str, Any], features: int) -> Self:
        """Take arrays of those shapes, plain or secret, as what fitting has found."""

    def check_parameters(self) -> None:
        """Check every parameter; InputError names it as `key`."""

    def steps(self, n: int) -> tuple[int, int]:
        """Steps of a training on n rows, early stopping aside, and rows a step."""

    def get_params(self) -> dict[str, Any]:
        """Parameters by name, of JSON's types."""

    def fit(self, X: Array, y: Array, **options: Any) -> Self:
        """Train; a learner with `early_stopping` among the options can end early."""

    def predict(self, X: Array) -> Array:
        """Classes or numbers."""


LEARNERS: dict[str, type[Any]] = {
    "logistic_regression": LogisticRegression,
    "linear_svm": LinearSVM,
    "multinomial_logistic_regression": MultinomialLogisticRegression,
    "one_vs_rest_logistic_regression": OneVsRestLogisticRegression,
    "linear_regression": LinearRegression,
    "ridge": Ridge,
    "lasso": Lasso,
    "elastic_net": ElasticNet,
    "poisson_regression": PoissonRegressor,
    "gamma_regression": GammaRegressor,
    "tweedie_regression": TweedieRegressor,
    "mlp_classifier": MLPClassifier,
    "mlp_regressor": MLPRegressor,
    "network": DescribedNetwork,
    "gradient_boosting_classifier": GradientBoostingClassifier,
    "gradient_boosting_regressor": GradientBoostingRegressor,
    "random_forest_classifier": RandomForestClassifier,
    "random_forest_regressor": RandomForestRegressor,
    "decision_tree_classifier": DecisionTreeClassifier,
    "decision_tree_regressor": DecisionTreeRegressor,
}
"""Learners by the name that a job gives them."""

SEEDS = ("seed", "random_state")
"""What learners call the public seed, which is the job's unless the job gives them another."""


def make(name: str, parameters: Mapping[str, Any], seed: int) -> Learner:
    """A learner by its name."""
    kind = LEARNERS[name]
    seeds = {key: seed for key in SEEDS if key in kind.parameter_names()}
    learner: Learner = kind(**seeds | dict(parameters))
    return learner


def reads_bins(name: str) -> bool:
    """Whether a learner reads columns as bins: its `fit` is told of them as `columns`."""
    return issubclass(LEARNERS[name], TreeModel)


def stops_early(learner: Learner) -> bool:
    """Whether its training can end by a loss that is disclosed on the way."""
    return "early_stopping" in inspect.signature(learner.fit).parameters and getattr(learner, "solver", "") != "newton"


def as_meant(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with whole numbers made real where a learner takes real ones: as a weight or a rate, 1 is 1.0."""
    hints = typing.get_type_hints(LEARNERS[name].__init__) if name in LEARNERS else {}
    return {key: real(value) if takesreal(hints.get(key)) else value for key, value in parameters.items()}


def takesreal(hint: Any) -> bool:
    """Whether values of a type may be real numbers."""
    return hint is float or float in typing.get_args(hint)


def real(value: Any) -> Any:
    if type(value) is not int:
        return value
    # Beyond TOML's own range of integers; the parser lets them pass.
    return float(value) if abs(value) < 1 << 63 else math.inf
