"""How a training goes: optimizers, schedules, warm starts, and early stopping by what the caller discloses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import mpcfl
from mpcfl.errors import InputError, IntegrityError
from mpcfl.learn import EarlyStopping, Lasso, LogisticRegression, PoissonRegressor, metrics
from mpcfl.learn.optimizers import SGD, Adam, Penalty, soft_threshold
from mpcfl.learn.schedule import step_rate
from mpcfl.ledger import Disclosures

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 4))
Y = (X @ [1.0, -0.5, 0.2, 0.0] + RNG.normal(size=240) > 0).astype(np.int64)
TRAIN, HELD = slice(180), slice(180, None)


def test_adam_takes_the_steps_of_its_paper() -> None:
    optimizer, w, other = Adam(eps=1e-3), np.array([1.0, -2.0]), np.array([1.0, -2.0])
    m = v = np.zeros(2)
    for t in range(1, 6):
        g = np.array([0.1 * t, -0.3])
        (w,) = optimizer.step([w], [g], 0.05, [Penalty(l2=0.1)])
        g = g + 0.1 * other
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        other = other - 0.05 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-3)
        assert w == pytest.approx(other, rel=1e-9)


def test_momentum_and_soft_threshold() -> None:
    optimizer, w, moved = SGD(0.5), np.array([1.0, 0.001]), np.zeros(2)
    for _ in range(3):
        before, inner = w, w + 0.5 * moved - 0.1 * np.array([1.0, 0.2])
        (w,) = optimizer.step([w], [np.array([1.0, 0.2])], 0.1, [Penalty(l1=0.3)])
        assert w == pytest.approx(np.sign(inner) * np.maximum(np.abs(inner) - 0.03, 0))
        moved = w - before
    assert soft_threshold(np.array([-2.0, -0.5, 0.0, 0.5, 2.0]), 0.5).tolist() == [-1.5, 0, 0, 0, 1.5]


@pytest.mark.parametrize(
    ("schedule", "decay", "rates"),
    [
        ("inverse", 1.0, [0.5, 0.25, 1 / 6]),
        ("exponential", 1.0, [0.5, 0.5 / math.e, 0.5 / math.e**2]),
        ("cosine", 0.0, [0.5, 0.375, 0.125]),
    ],
)
def test_schedules(schedule: str, decay: float, rates: list[float]) -> None:
    assert [step_rate(schedule, 0.5, decay, step, 3) for step in range(3)] == pytest.approx(rates)


def test_a_warm_start_goes_on() -> None:
    one = LogisticRegression(epochs=2, momentum=0.0, warm_start=True, batch_size=len(X))
    whole = LogisticRegression(epochs=4, momentum=0.0, batch_size=len(X)).fit(X, Y)
    assert one.fit(X, Y).fit(X, Y).coef_ == pytest.approx(whole.coef_, abs=1e-12)
    with pytest.raises(InputError, match="warm_start goes on from coefficients of shape"):
        one.fit(X[:, :2], Y)
    first = Lasso(l1=0.01, iterations=60, warm_start=True).fit(X, X @ [1.0, 0.5, 0.0, 0.2])
    assert Lasso(l1=0.01, iterations=120).fit(X, X @ [1.0, 0.5, 0.0, 0.2]).coef_ == pytest.approx(
        first.fit(X, X @ [1.0, 0.5, 0.0, 0.2]).coef_, abs=1e-12
    )
    counts = np.random.default_rng(1).poisson(np.exp(0.3 * X[:, 0] + 1))
    steps = PoissonRegressor(iterations=2, warm_start=True).fit(X, counts).fit(X, counts)
    assert steps.coef_ == pytest.approx(PoissonRegressor(iterations=4).fit(X, counts).coef_, abs=1e-9)


class TestEarlyStopping:
    LEARNER = LogisticRegression(epochs=40, batch_size=60, learning_rate=1.0)

    def test_on_plain_arrays_it_ends_and_keeps_the_best(self) -> None:
        stopping = EarlyStopping(X[HELD], Y[HELD], patience=2, tolerance=1e-3)
        learner = self.LEARNER.fit(X[TRAIN], Y[TRAIN], early_stopping=stopping)
        told = learner.validation_metrics_
        assert len(told) < 40
        assert learner.n_iter_ == 3 * len(told)
        assert told.index(min(told)) == len(told) - 3
        assert round(metrics.log_loss(Y[HELD], learner.decision_function(X[HELD])), 3) == pytest.approx(min(told))

    def test_any_metric_and_any_pace(self) -> None:
        stopping = EarlyStopping(
            X[HELD], Y[HELD], metric=lambda y, z: 1 - metrics.roc_auc(y, z), every=2, patience=1, decimals=2
        )
        learner = self.LEARNER.fit(X[TRAIN], Y[TRAIN], early_stopping=stopping)
        assert len(learner.validation_metrics_) * 6 == learner.n_iter_
        assert all(value == round(value, 2) for value in learner.validation_metrics_)

    def program(self, purpose: str | None) -> Any:
        def run(session: Any) -> tuple[Any, list[float]]:
            x, y = session.private(X, 0, X.shape), session.share(Y, 1, Y.shape, np.int64)

            def disclose(value: Any) -> float:
                return float(value.reveal(purpose=purpose))

            stopping = EarlyStopping(x[HELD], y[HELD], disclose if purpose else None, patience=2, tolerance=1e-3)
            learner = LogisticRegression(**self.LEARNER.get_params())
            learner.fit(x[TRAIN], y[TRAIN], early_stopping=stopping)
            return learner.coef_.reveal(purpose="model"), learner.validation_metrics_

        return run

    BOTH = ("party0", "party1")

    def test_on_secrets_it_tells_what_the_caller_discloses_and_nothing_else(self) -> None:
        agreed = Disclosures((("validation loss", self.BOTH), ("model", self.BOTH)))
        run = mpcfl.simulate(self.program("validation loss"), seed=0, disclosures=agreed)
        plain = self.LEARNER.fit(
            X[TRAIN], Y[TRAIN], early_stopping=EarlyStopping(X[HELD], Y[HELD], patience=2, tolerance=1e-3)
        )
        coef, told = run.results[0]
        assert told == pytest.approx(plain.validation_metrics_, abs=2e-3)
        assert np.abs(coef - plain.coef_).max() < 2e-3
        said = [
            entry.purpose for entry in run.ledgers[0].entries if entry.exposure == "output" and entry.direction == "out"
        ]
        assert said == ["validation loss"] * len(told) + ["model"]

    def test_without_the_means_nothing_is_revealed(self) -> None:
        with pytest.raises(InputError, match="needs disclose="):
            mpcfl.simulate(self.program(None), seed=0)

    def test_a_disclosure_that_was_not_agreed_is_refused(self) -> None:
        with pytest.raises(IntegrityError, match="not on the agreed list"):
            mpcfl.simulate(self.program("validation loss"), seed=0, disclosures=Disclosures((("model", self.BOTH),)))

    def test_newton_has_none(self) -> None:
        with pytest.raises(InputError, match="for the solvers sgd and adam"):
            LogisticRegression(solver="newton").fit(X, Y, early_stopping=EarlyStopping(X, Y))
