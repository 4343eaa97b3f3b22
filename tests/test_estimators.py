"""Every learner keeps scikit-learn's estimator contract, by scikit-learn's own checks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from mpcfl import learn
from mpcfl.learn import LinearSVM, LogisticRegression
from mpcfl.learn.estimator import Estimator
from mpcfl.learn.neural import DescribedNetwork, MLPClassifier, MLPRegressor
from mpcfl.learners import LEARNERS

# One check weighs the classes 1000 to 1e-4 on columns of scale 20, which takes gradient descent some steps.
CHECKED = {name: learner() for name, learner in LEARNERS.items()} | {
    "logistic_regression": LogisticRegression(epochs=200),
    "logistic_regression, newton": LogisticRegression(solver="newton"),
    "linear_svm, hinge": LinearSVM("hinge", solver="sgd", epochs=200),
    "network": DescribedNetwork(
        [{"type": "dense", "units": 20}, {"type": "tanh"}], solver="adam", learning_rate=0.02, epochs=100
    ),
    "mlp_classifier": MLPClassifier((20,), learning_rate_init=0.01, max_iter=100),
    "mlp_regressor": MLPRegressor((20,), learning_rate_init=0.02, max_iter=200),
    "gradient_boosting_classifier": learn.GradientBoostingClassifier(10, max_depth=3),
    "gradient_boosting_regressor": learn.GradientBoostingRegressor(n_estimators=20, max_depth=3, learning_rate=0.3),
    "decision_tree_classifier": learn.DecisionTreeClassifier(),
    "decision_tree_regressor": learn.DecisionTreeRegressor(),
    "random_forest_classifier": learn.RandomForestClassifier(10, 3, bootstrap=False),
    "random_forest_regressor": learn.RandomForestRegressor(10, 3, bootstrap=False),
}

# They keep the contract without inheriting from scikit-learn's base class, which its checks remark on.
pytestmark = pytest.mark.filterwarnings("ignore:Estimator .* does not inherit from")


def _checks() -> list[Any]:
    return [
        pytest.param(name, number, id=f"{name}-{getattr(check, 'func', check).__name__}-{number}")
        for name, learner in CHECKED.items()
        for number, (_, check) in enumerate(estimator_checks_generator(learner))
    ]


with pytest.warns(UserWarning, match="does not inherit from"):
    CHECKS = _checks()


@pytest.mark.parametrize(("name", "number"), CHECKS)
def test_scikit_learn_check(name: str, number: int) -> None:
    checks: list[tuple[Any, Callable[[Any], None]]] = list(estimator_checks_generator(CHECKED[name]))
    estimator, check = checks[number]
    check(estimator)


def test_every_learner_is_checked() -> None:
    assert set(CHECKED) >= set(LEARNERS)
    assert {type(learner) for learner in CHECKED.values()} - {DescribedNetwork} == {
        kind
        for kind in vars(learn).values()
        if isinstance(kind, type) and issubclass(kind, Estimator) and kind is not learn.GridSearch
    }


def test_constructor_only_stores_and_repr_shows_what_was_changed() -> None:
    learner = LogisticRegression(epochs=3, class_weight={0: 1.0})
    assert vars(learner) == learner.get_params()
    assert repr(learner) == "LogisticRegression(epochs=3, class_weight={0: 1.0})"
    assert repr(clone(learner)) == repr(learner)


def test_an_unknown_parameter_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no parameter 'epoch'.*epochs"):
        LogisticRegression().set_params(epoch=3)


def test_unfitted_is_scikit_learns_error_where_that_is_loaded() -> None:
    with pytest.raises(NotFittedError, match="call fit first"):
        LogisticRegression().predict([[1.0]])


def test_pipeline_and_grid_search() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(3, 2, size=(200, 3))
    y = np.where(X[:, 0] - X[:, 1] > 0, "good", "bad")
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(epochs=5)),
        {"logisticregression__l2": [1e-3, 10.0]},
        scoring="roc_auc",
        cv=2,
    ).fit(X, y)
    assert search.best_params_ == {"logisticregression__l2": 1e-3}
    assert search.best_score_ > 0.95
    assert set(search.predict(X)) == {"good", "bad"}
