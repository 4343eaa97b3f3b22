"""The linear family: against scikit-learn on real data, and on secrets against the same program on ndarrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import erfc
from sklearn import linear_model as scikit
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import LinearSVC

import mpcfl
from mpcfl.errors import InputError
from mpcfl.learn import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LinearRegression,
    LinearSVM,
    LogisticRegression,
    MultinomialLogisticRegression,
    OneVsRestLogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from mpcfl.learn.evaluation import evaluate

Data = tuple[NDArray[np.float64], NDArray[Any]]


def standardised(load: Callable[..., Data]) -> Data:
    X, y = load(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def off(found: Any, expected: Any) -> float:
    """The largest error, as a part of the largest number expected."""
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


WEIGHTS = np.random.default_rng(0).uniform(0.5, 2.0, 1000)
OFFSETS = np.random.default_rng(1).normal(0, 0.3, 1000)


class TestAgainstScikitLearn:
    """Coefficients of the same objective, on whole sets of real data, standardised."""

    @pytest.mark.parametrize("l2", [1e-3, 1e-2])
    def test_logistic_regression(self, l2: float) -> None:
        X, y = standardised(load_breast_cancer)
        for weight in (None, WEIGHTS[: len(X)] / WEIGHTS[: len(X)].mean()):
            theirs = scikit.LogisticRegression(C=1 / (l2 * len(X)), tol=1e-10, max_iter=10_000).fit(X, y, weight)
            ours = LogisticRegression(solver="newton", l2=l2).fit(X, y, weight)
            assert off(ours.coef_, theirs.coef_[0]) < 1e-4
            assert off(ours.intercept_, theirs.intercept_[0]) < 1e-4

    def test_adam_reaches_the_same_minimum(self) -> None:
        X, y = standardised(load_breast_cancer)
        newton = LogisticRegression(solver="newton", l2=1e-2).fit(X, y)
        adam = LogisticRegression(
            solver="adam", l2=1e-2, learning_rate=0.1, epochs=1000, batch_size=len(X), schedule="cosine"
        ).fit(X, y)
        assert off(adam.coef_, newton.coef_) < 2e-3
        assert adam.score(X, y) == pytest.approx(newton.score(X, y), abs=5e-3)

    def test_a_penalty_by_l1_leaves_the_coefficients_that_its_conditions_say(self) -> None:
        X, y = standardised(load_breast_cancer)
        learner = LogisticRegression(l1=0.02, l2=0.0, epochs=2000, batch_size=len(X), learning_rate=0.2).fit(X, y)
        slope = X.T @ (learner.predict_proba(X)[:, 1] - y) / len(X)
        zero = learner.coef_ == 0
        assert 5 < zero.sum() < 28
        assert slope[~zero] == pytest.approx(-0.02 * np.sign(learner.coef_[~zero]), abs=1e-5)
        assert np.abs(slope[zero]).max() < 0.02

    @pytest.mark.parametrize("load", [load_iris, load_wine])
    def test_several_classes(self, load: Callable[..., Data]) -> None:
        X, y = standardised(load)
        strength = {"C": 1 / (1e-2 * len(X)), "tol": 1e-10, "max_iter": 10_000}
        theirs = scikit.LogisticRegression(**strength).fit(X, y)
        ours = MultinomialLogisticRegression(l2=1e-2).fit(X, y)
        assert off(ours.coef_, theirs.coef_) < 1e-4
        assert off(ours.intercept_, theirs.intercept_) < 1e-4
        assert ours.predict_proba(X) == pytest.approx(theirs.predict_proba(X), abs=1e-4)
        rest = OneVsRestClassifier(scikit.LogisticRegression(**strength)).fit(X, y)
        each = OneVsRestLogisticRegression(l2=1e-2).fit(X, y)
        assert off(each.coef_, np.concatenate([one.coef_ for one in rest.estimators_])) < 1e-4
        assert each.predict_proba(X) == pytest.approx(rest.predict_proba(X), abs=1e-4)
        assert each.predict(X).tolist() == rest.predict(X).tolist()

    @pytest.mark.parametrize("solver", ["sgd", "adam"])
    @pytest.mark.parametrize("kind", [MultinomialLogisticRegression, OneVsRestLogisticRegression])
    def test_several_classes_by_steps(self, kind: type[MultinomialLogisticRegression], solver: str) -> None:
        X, y = standardised(load_wine)
        newton = kind(l2=0.1).fit(X, y)
        steps = kind(l2=0.1, solver=solver, epochs=600, batch_size=len(X), learning_rate=0.05).fit(X, y)
        assert off(steps.coef_, newton.coef_) < 2e-3

    def test_support_vector_machine(self) -> None:
        X, y = standardised(load_breast_cancer)
        n, s, ones = len(X), 2 * y - 1, np.c_[X, np.ones(len(X))]

        def squared_hinge(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            lack = np.maximum(0, 1 - s * (ones @ w))
            penalised = np.r_[w[:-1], 0]
            return np.mean(lack**2) + 5e-3 * penalised @ penalised, -2 * ones.T @ (s * lack) / n + 1e-2 * penalised

        least = minimize(squared_hinge, np.zeros(31), jac=True, options={"gtol": 1e-9, "maxiter": 10_000}).x
        ours = LinearSVM(l2=1e-2).fit(X, y)
        assert off(np.r_[ours.coef_, ours.intercept_], least) < 1e-4
        theirs = LinearSVC(loss="hinge", C=1 / (1e-2 * n), max_iter=100_000).fit(X, y)
        hinge = LinearSVM("hinge", solver="sgd", l2=1e-2, epochs=200, decay=0.01).fit(X, y)
        assert hinge.score(X, y) == pytest.approx(theirs.score(X, y), abs=5e-3)

    @pytest.mark.parametrize("weight", [None, WEIGHTS[:442]])
    def test_least_squares(self, weight: NDArray[np.float64] | None) -> None:
        X, y = standardised(load_diabetes)
        total = len(X) if weight is None else weight.sum()
        pairs = [
            (LinearRegression(), scikit.LinearRegression()),
            (Ridge(l2=0.1), scikit.Ridge(0.1 * total)),
            (Lasso(l1=1.0), scikit.Lasso(1.0, tol=1e-10)),
            (ElasticNet(l1=0.3, l2=0.7), scikit.ElasticNet(1.0, l1_ratio=0.3, tol=1e-10)),
        ]
        for ours, theirs in pairs:
            ours.fit(X, y, weight)
            theirs.fit(X, y, weight)
            assert off(ours.coef_, theirs.coef_) < 2e-4, ours
            assert off(ours.intercept_, theirs.intercept_) < 1e-5, ours
            assert ours.score(X, y) == pytest.approx(r2_score(y, theirs.predict(X)), abs=1e-5)

    @pytest.mark.parametrize(
        ("ours", "power"),
        [(PoissonRegressor(l2=0.01), 1), (GammaRegressor(l2=0.01), 2), (TweedieRegressor(l2=0.01), 1.5)],
    )
    @pytest.mark.parametrize("weight", [None, WEIGHTS[:442]])
    def test_log_link(self, ours: Any, power: float, weight: NDArray[np.float64] | None) -> None:
        X, y = standardised(load_diabetes)
        theirs = scikit.TweedieRegressor(power=power, link="log", alpha=0.01, tol=1e-10, max_iter=10_000)
        theirs.fit(X, y, weight)
        ours.fit(X, y, weight)
        assert off(ours.coef_, theirs.coef_) < 1e-5
        assert off(ours.predict(X), theirs.predict(X)) < 1e-5


class TestInference:
    """Standard errors by the textbook, in float64."""

    def check(self, learner: Any, X: NDArray[Any], information: NDArray[Any], dispersion: float = 1.0) -> None:
        errors = np.sqrt(np.diag(np.linalg.inv(information)) * dispersion)
        z = np.r_[learner.coef_, learner.intercept_] / errors
        assert off(learner.standard_errors_, errors) < 1e-4
        assert learner.z_scores_ == pytest.approx(z, rel=1e-3)
        assert learner.p_values_ == pytest.approx(erfc(np.abs(z) / math.sqrt(2)), abs=1e-5)

    def test_least_squares(self) -> None:
        X, y = standardised(load_diabetes)
        ones = np.c_[X, np.ones(len(X))]
        learner = LinearRegression(standard_errors=True).fit(X, y)
        rest = y - learner.predict(X)
        self.check(learner, X, ones.T @ ones, rest @ rest / (len(X) - ones.shape[1]))

    def test_logistic(self) -> None:
        X, y = standardised(load_breast_cancer)
        X = X[:, :3]
        ones = np.c_[X, np.ones(len(X))]
        learner = LogisticRegression(solver="newton", l2=0.0, iterations=15, standard_errors=True).fit(X, y)
        p = learner.predict_proba(X)[:, 1]
        self.check(learner, X, ones.T @ (ones * (p * (1 - p))[:, None]))

    @pytest.mark.parametrize(("kind", "power"), [(PoissonRegressor, 1), (GammaRegressor, 2), (TweedieRegressor, 1.5)])
    def test_log_link_with_weights_and_an_offset(self, kind: type[Any], power: float) -> None:
        X, y = standardised(load_diabetes)
        n = len(X)
        weight, offset, ones = WEIGHTS[:n] / WEIGHTS[:n].mean(), OFFSETS[:n], np.c_[X, np.ones(n)]
        learner = kind(standard_errors=True).fit(X, y, WEIGHTS[:n], offset)
        mean = learner.predict(X, offset)
        # the conditions of the maximum, which hold the offset and the weights
        assert ones.T @ (weight * (y - mean) * mean ** (1 - power)) / n == pytest.approx(np.zeros(11), abs=1e-5)
        pearson = (weight * (y - mean) ** 2 / mean**power).sum() / (n - 11)
        information = ones.T @ (ones * (weight * mean ** (2 - power))[:, None])
        self.check(learner, X, information, 1.0 if power == 1 else pearson)


def on_secrets(learner: Any, data: Data, extra: dict[str, Any], columns: int, parties: int = 2) -> Callable[..., Any]:
    """Columns of two owners, labels of the last party; what fitting leaves is revealed."""
    X, y = data
    kind = y.dtype

    def program(session: Any) -> dict[str, Any]:
        left = session.private(X[:, :columns], 0, (len(X), columns))
        right = session.private(X[:, columns:], 1, (len(X), X.shape[1] - columns))
        label = session.share(y, parties - 1, (len(y),), kind)
        given = {name: session.share(value, 0, value.shape) for name, value in extra.items()}
        model = type(learner)(**learner.get_params()).fit(np.concatenate([left, right], axis=1), label, **given)
        names = [name for name in ("coef_", "intercept_", "standard_errors_", "p_values_") if hasattr(model, name)]
        return {name: getattr(model, name).reveal(purpose=name) for name in names}

    return program


def part(load: Callable[..., Data], rows: int, columns: int, *, whole: bool = True, scale: float = 1.0) -> Data:
    X, y = load(return_X_y=True)
    pick = np.random.default_rng(3).permutation(len(X))[:rows]
    X = X[pick, :columns]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    return X, (y[pick].astype(np.int64) if whole else y[pick] * scale)


CANCER, IRIS = part(load_breast_cancer, 160, 4), part(load_iris, 120, 4)
DIABETES = part(load_diabetes, 160, 5, whole=False, scale=0.01)
WEIGHT = {"sample_weight": WEIGHTS[:160]}
SECRET = [
    pytest.param(LogisticRegression(solver="newton", l2=0.01, standard_errors=True), CANCER, {}, id="logistic, newton"),
    pytest.param(LogisticRegression(solver="newton", l2=0.01, iterations=6), CANCER, WEIGHT, id="logistic, weights"),
    pytest.param(
        LogisticRegression(solver="adam", learning_rate=0.1, epochs=4, batch_size=40), CANCER, {}, id="logistic, adam"
    ),
    pytest.param(LogisticRegression(l1=0.02, epochs=4, batch_size=40), CANCER, WEIGHT, id="logistic, l1"),
    pytest.param(LogisticRegression(epochs=4, batch_size=40, schedule="cosine"), CANCER, {}, id="logistic, cosine"),
    pytest.param(LinearSVM(l2=0.01, class_weight={1: 2.0}, iterations=8), CANCER, {}, id="svm"),
    pytest.param(LinearSVM("hinge", solver="sgd", epochs=4, batch_size=40), CANCER, {}, id="svm, hinge"),
    pytest.param(MultinomialLogisticRegression(3, l2=0.05, iterations=5), IRIS, {}, id="multinomial"),
    pytest.param(
        MultinomialLogisticRegression(3, solver="sgd", epochs=4, batch_size=40), IRIS, {}, id="multinomial, sgd"
    ),
    pytest.param(
        OneVsRestLogisticRegression(3, l2=0.05, iterations=5, class_weight={2: 0.5}),
        IRIS,
        {},
        id="one against the rest",
    ),
    pytest.param(LinearRegression(standard_errors=True), DIABETES, {}, id="linear"),
    pytest.param(Ridge(l2=0.05), DIABETES, WEIGHT, id="ridge"),
    pytest.param(Lasso(l1=0.05, iterations=80), DIABETES, {}, id="lasso"),
    pytest.param(ElasticNet(l1=0.05, l2=0.05, iterations=60), DIABETES, WEIGHT, id="elastic net"),
    pytest.param(
        PoissonRegressor(standard_errors=True, iterations=6), DIABETES, {"offset": OFFSETS[:160]}, id="poisson"
    ),
    pytest.param(GammaRegressor(standard_errors=True, iterations=6), DIABETES, WEIGHT, id="gamma"),
    pytest.param(TweedieRegressor(standard_errors=True, iterations=6), DIABETES, {}, id="tweedie"),
]


@pytest.mark.parametrize(("learner", "data", "extra"), SECRET)
def test_on_secrets_as_on_plain_arrays_at_the_cost_that_was_foreseen(
    learner: Any, data: Data, extra: dict[str, Any]
) -> None:
    plain = learner.fit(*data, **extra)
    program = on_secrets(learner, data, extra, 2)
    asked = ("coef_", "intercept_", "standard_errors_", "p_values_")
    agreed = mpcfl.ledger.Disclosures(tuple((name, ("party0", "party1")) for name in asked))
    run = mpcfl.simulate(program, seed=2, disclosures=agreed)
    for found in run.results:
        assert off(found["coef_"], plain.coef_) < 2e-3
        assert np.abs(found["intercept_"] - plain.intercept_).max() < 2e-3
        if "p_values_" in found:
            assert off(found["standard_errors_"], plain.standard_errors_) < 2e-3
            assert found["p_values_"] == pytest.approx(plain.p_values_, abs=2e-3)
    foreseen = mpcfl.forecast(program)
    assert (foreseen.rounds, foreseen.bytes_sent) == (run.rounds, run.bytes_sent)
    # nothing is revealed but what the program asks for
    said = {entry.purpose for ledger in run.ledgers for entry in ledger.entries if entry.exposure == "output"}
    assert said == set(run.results[0])


@pytest.mark.parametrize(
    ("learner", "data"),
    [
        (LogisticRegression(epochs=2, batch_size=40), CANCER),
        (LinearSVM(iterations=2), CANCER),
        (MultinomialLogisticRegression(3, solver="sgd", epochs=2, batch_size=40), IRIS),
        (OneVsRestLogisticRegression(3, solver="sgd", epochs=2, batch_size=40), IRIS),
        (LinearRegression(), DIABETES),
        (GammaRegressor(iterations=2), DIABETES),
    ],
)
def test_predictions_and_scores_on_secrets(learner: Any, data: Data) -> None:
    X, y = data
    learner.fit(X, y)
    methods = [name for name in ("predict", "predict_proba", "decision_function") if hasattr(learner, name)]

    def program(session: Any) -> tuple[dict[str, Any], Any]:
        x, label = session.share(X, 0), session.share(y, 1)
        model = type(learner)(**learner.get_params()).fit(x, label)
        return {name: getattr(model, name)(x[:20]).reveal() for name in methods}, model.score(x, label).reveal()

    found, score = mpcfl.simulate(program, seed=3).results[0]
    for name in methods:
        assert np.abs(found[name] - getattr(learner, name)(X[:20])).max() < 5e-3, name
    assert score == pytest.approx(learner.score(X, y), abs=2e-3)


def test_three_parties() -> None:
    learner = LogisticRegression(solver="newton", l2=0.05, iterations=4)
    found = mpcfl.simulate(on_secrets(learner, CANCER, {}, 2, parties=3), 3, seed=2).results[2]
    assert off(found["coef_"], learner.fit(*CANCER).coef_) < 2e-3


def test_sums_over_many_rows_stay_in_range() -> None:
    """The squares sum to 8e7 a column and more, beyond the 6.7e7 that a product may have."""
    rng = np.random.default_rng(0)
    X = rng.normal(0, 20, (200_000, 2))
    y = X @ [0.5, -0.25] + rng.normal(size=len(X))
    assert (X**2).sum(axis=0).min() > 2**26
    found = mpcfl.simulate(on_secrets(LinearRegression(), (X, y), {}, 1), seed=0).results[0]
    assert off(found["coef_"], LinearRegression().fit(X, y).coef_) < 2e-4


def test_columns_that_nearly_depend_on_one_another() -> None:
    """The Gram matrix of these has a condition of 1e5."""
    X, y = standardised(load_breast_cancer)
    found = mpcfl.simulate(on_secrets(LinearRegression(), (X, y * 1.0), {}, 15), seed=0).results[0]
    assert off(found["coef_"], LinearRegression().fit(X, y * 1.0).coef_) < 2e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("learner", "theirs", "load"),
    [
        (
            LogisticRegression(solver="newton", l2=1e-2),
            scikit.LogisticRegression(C=1 / (1e-2 * 427), max_iter=10_000),
            load_breast_cancer,
        ),
        (LinearSVM(l2=1e-2, iterations=8), LinearSVC(C=1 / (1e-2 * 427)), load_breast_cancer),
        (
            MultinomialLogisticRegression(3, l2=1e-2, iterations=8),
            scikit.LogisticRegression(C=1 / (1e-2 * 134), max_iter=10_000),
            load_wine,
        ),
        (
            OneVsRestLogisticRegression(3, l2=1e-2, iterations=8),
            OneVsRestClassifier(scikit.LogisticRegression(C=1 / (1e-2 * 112), max_iter=10_000)),
            load_iris,
        ),
        (LinearRegression(), scikit.LinearRegression(), load_diabetes),
        (Ridge(0.05), scikit.Ridge(0.05 * 332), load_diabetes),
        (Lasso(0.5), scikit.Lasso(0.5), load_diabetes),
        (ElasticNet(0.5, 0.5), scikit.ElasticNet(1.0), load_diabetes),
        (PoissonRegressor(l2=0.01), scikit.PoissonRegressor(alpha=0.01), load_diabetes),
        (GammaRegressor(l2=0.01), scikit.GammaRegressor(alpha=0.01), load_diabetes),
        (TweedieRegressor(1.5, l2=0.01), scikit.TweedieRegressor(power=1.5, alpha=0.01), load_diabetes),
    ],
)
def test_held_out_metrics_on_secrets_are_scikit_learns(learner: Any, theirs: Any, load: Callable[..., Data]) -> None:
    X, y = standardised(load)
    y = y if load is load_diabetes else y.astype(np.int64)
    order = np.random.default_rng(4).permutation(len(X))
    test, train = order[: len(X) // 4], order[len(X) // 4 :]
    width = X.shape[1] // 2

    def program(session: Any) -> dict[str, Any]:
        features = [
            session.private(X[:, own], owner, X[:, own].shape)
            for owner, own in enumerate((slice(width), slice(width, None)))
        ]
        both, label = np.concatenate(features, axis=1), session.share(y, 0, y.shape, y.dtype)
        model = type(learner)(**learner.get_params()).fit(both[train], label[train])
        return {name: value.reveal() for name, value in evaluate(model, both[test], label[test]).items()}

    found = mpcfl.simulate(program, seed=5).results[0]
    theirs.fit(X[train], y[train])
    score = theirs.score(X[test], y[test])
    if learner.kind in ("binary", "multiclass"):
        assert found["accuracy"] == pytest.approx(score, abs=0.005)
        if learner.kind == "binary":
            assert found["auc"] == pytest.approx(roc_auc_score(y[test], theirs.decision_function(X[test])), abs=0.003)
    else:
        assert found["r2"] == pytest.approx(r2_score(y[test], theirs.predict(X[test])), abs=0.005)


@pytest.mark.parametrize(
    ("learner", "parameter"),
    [
        (LogisticRegression(solver="bfgs"), "solver"),
        (LogisticRegression(schedule="linear"), "schedule"),
        (LogisticRegression(solver="newton", l1=0.1), "l1"),
        (LogisticRegression(warm_start=1), "warm_start"),
        (LinearSVM("hinge"), "solver"),
        (LinearSVM("log"), "loss"),
        (MultinomialLogisticRegression(1), "classes"),
        (TweedieRegressor(0.5), "power"),
        (Lasso(l1=-1.0), "l1"),
        (ElasticNet(l2=math.nan), "l2"),
        (Ridge(l2="strong"), "l2"),  # type: ignore[arg-type]
        (LinearRegression(iterations=0), "iterations"),
        (PoissonRegressor(standard_errors="yes"), "standard_errors"),  # type: ignore[arg-type]
    ],
)
def test_bad_parameters_are_refused_by_name_when_fitting(learner: Any, parameter: str) -> None:
    with pytest.raises(InputError, match=f"^{parameter} ") as refusal:
        learner.fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    assert refusal.value.ids["key"] == parameter


def test_targets_and_weights_that_cannot_be_are_refused() -> None:
    X = np.arange(6.0).reshape(3, 2)
    with pytest.raises(InputError, match="at least 0"):
        PoissonRegressor().fit(X, [1.0, -1.0, 2.0])
    with pytest.raises(InputError, match="more than 0"):
        GammaRegressor().fit(X, [1.0, 0.0, 2.0])
    with pytest.raises(InputError, match="sample_weight must be at least 0"):
        Ridge().fit(X, [1.0, 0.0, 2.0], [1.0, -1.0, 1.0])
    with pytest.raises(InputError, match="offset must have one number a row"):
        PoissonRegressor().fit(X, [1.0, 0.0, 2.0], offset=[0.0, 1.0])
    with pytest.raises(InputError, match="2 classes where classes is 3"):
        MultinomialLogisticRegression(3).fit(X, ["a", "b", "b"])
    with pytest.raises(InputError, match="classes must be given"):
        mpcfl.simulate(lambda session: MultinomialLogisticRegression().fit(X, session.share(np.array([0, 1, 2]), 0)))


def test_a_class_without_rows_keeps_its_number() -> None:
    X, y = standardised(load_iris)
    kept = y != 1
    learner = MultinomialLogisticRegression(3, l2=0.1).fit(X[kept], y[kept])
    assert learner.classes_.tolist() == [0, 1, 2]
    assert set(learner.predict(X[kept]).tolist()) == {0, 2}
