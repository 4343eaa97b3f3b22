"""Cross-validation and grid search: scikit-learn's numbers, one program on secrets, rounds that are shared, jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shops import files, job_of
from sklearn.linear_model import Ridge as ScikitRidge
from sklearn.metrics import r2_score

import mpcfl
from mpcfl import training
from mpcfl.contribution import Contribution
from mpcfl.data import split_rows
from mpcfl.disclosure import agreed, facts, searched
from mpcfl.errors import InputError
from mpcfl.learn import GridSearch, LogisticRegression, MLPClassifier, Ridge, cross_val_score, metrics
from mpcfl.learn.evaluation import NAMES, evaluate, measure
from mpcfl.learn.schedule import fold_rows
from mpcfl.learn.selection import candidates
from mpcfl.outcome import Outcome, model_document
from mpcfl.together import waiting

rng = np.random.default_rng(6)
X = rng.normal(size=(90, 4))
Y = X @ [1.0, -0.5, 0.0, 0.3] + 2 + rng.normal(0, 0.6, 90)
LABELS = (Y > 2).astype(np.int64)
PARTIES = ("shop", "bank")
SEARCH = '[search]\nfolds = 3\nmetric = "log_loss"\n[search.grid]\nl2 = [1e-3, 1]\nlearning_rate = [0.5, 1]\n'
TOLD = '[disclose]\nmodel = ["shop"]\nmetrics = ["shop"]\nsearch = ["shop", "bank"]\n'


def test_folds_are_a_partition_of_the_rows() -> None:
    folds = fold_rows(11, 3, 5)
    assert [len(held) for _, held in folds] == [4, 4, 3]
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(11))
    for train, held in folds:
        assert sorted([*train, *held]) == list(range(11))
    with pytest.raises(InputError, match="12 folds need as many rows, and there are 11"):
        fold_rows(11, 12, 0)


def test_scores_are_scikit_learns_on_the_same_folds() -> None:
    scores = cross_val_score(Ridge(0.1), X, Y, 4, seed=3)
    for score, (train, held) in zip(scores, fold_rows(90, 4, 3), strict=True):
        scikit = ScikitRidge(alpha=0.1 * len(train)).fit(X[train], Y[train])
        assert score == pytest.approx(r2_score(Y[held], scikit.predict(X[held])), abs=1e-9)


def test_candidates_and_the_best_of_them() -> None:
    assert candidates({"b": [1, 2], "a": ["x"]}) == [{"a": "x", "b": 1}, {"a": "x", "b": 2}]
    grid = {"l2": [1e-4, 10.0]}
    for metric, sign in (("r2", 1), ("rmse", -1), (lambda model, x, y: -metrics.mae(y, model.predict(x)), 1)):
        found = GridSearch(Ridge(), grid, 3, metric).fit(X, Y)
        assert found.best_params_ == {"l2": 1e-4}
        scores = sign * found.cv_results_["mean_test_score"]
        assert scores[0] > scores[1]
        assert found.best_score_ == sign * scores[0]
    assert (found.predict(X) == Ridge(1e-4).fit(X, Y).predict(X)).all()
    assert found.score(X, Y) == Ridge(1e-4).fit(X, Y).score(X, Y)
    assert found.model.get_params() == Ridge().get_params()
    classes = GridSearch(LogisticRegression(epochs=2), {"momentum": [0.5]}, 2).fit(X, LABELS)
    assert (classes.kind, classes.predict_proba(X).shape, classes.decision_function(X).shape) == (
        "binary",
        (90, 2),
        (90,),
    )


@pytest.mark.parametrize("grid", [{}, {"l2": []}, {"l2": 3}])
def test_a_grid_without_values_is_refused(grid: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="grid must have a list of values"):
        GridSearch(Ridge(), grid).fit(X, Y)


def test_one_metric_is_what_the_report_says() -> None:
    for model, y in ((LogisticRegression(epochs=2), LABELS), (Ridge(), Y), (MLPClassifier((4,), classes=2), LABELS)):
        model.fit(X, y)
        report = evaluate(model, X, y)
        assert {name: measure(model, X, y, name) for name in NAMES[model.kind]} == report
    with pytest.raises(InputError, match="metric must be one of auc, ks, accuracy, log_loss"):
        measure(model, X, LABELS, "r2")


def secret(session: mpcfl.Session) -> tuple[Any, Any]:
    x = np.concatenate([session.private(part, owner, (90, 2)) for owner, part in enumerate(np.split(X, 2, axis=1))], 1)
    return x, session.share(LABELS, 1, (90,), np.int64)


def test_secrets_give_the_same_scores_and_disclose_nothing_else() -> None:
    model, grid = LogisticRegression(epochs=3, batch_size=30), {"l2": [1e-3, 1.0]}

    def program(session: mpcfl.Session) -> Any:
        x, y = secret(session)
        scores = cross_val_score(model, x, y, 3, "auc").reveal(purpose="scores")
        found = GridSearch(model, grid, 3, "auc", disclose=lambda v: v.reveal(purpose="search")).fit(x, y)
        return scores, found.cv_results_["mean_test_score"], found.best_params_, found.best_estimator_.coef_.shape

    run = mpcfl.simulate(program, seed=1)
    scores, means, best, shape = run.results[0]
    np.testing.assert_allclose(scores, cross_val_score(model, X, LABELS, 3, "auc"), atol=3e-3)
    plain = GridSearch(model, grid, 3, "auc").fit(X, LABELS)
    np.testing.assert_allclose(means, plain.cv_results_["mean_test_score"], atol=3e-3)
    assert (best, shape) == (plain.best_params_, (4,))
    said = [(e.purpose, e.shape) for e in run.ledgers[0].entries if (e.exposure, e.direction) == ("output", "out")]
    assert said == [("scores", (3,)), ("search", (2,))]

    def silent(session: mpcfl.Session) -> None:
        x, y = secret(session)
        GridSearch(model, grid).fit(x, y)

    with pytest.raises(InputError, match="Grid search on secrets needs disclose="):
        mpcfl.simulate(silent)


@pytest.mark.parametrize(
    "model", [LogisticRegression(epochs=2, batch_size=20), MLPClassifier((4,), solver="sgd", max_iter=3, classes=2)]
)
def test_trainings_side_by_side_take_the_rounds_of_one(model: Any) -> None:
    def rounds(trained: Any) -> int:
        def program(session: mpcfl.Session) -> None:
            x = session.share(None, 0, (90, 4))
            y = session.share(None, 1, (90,), np.int64)
            trained(x, y)
            session.barrier()

        return mpcfl.forecast(program).rounds

    train, held = fold_rows(90, 3, 0)[0]

    def alone(x: Any, y: Any) -> None:
        measure(type(model)(**model.get_params()).fit(x[train], y[train]), x[held], y[held], "accuracy")

    one = rounds(alone)
    assert one > 40
    assert rounds(lambda x, y: cross_val_score(model, x, y, 3, "accuracy")) <= one + 4


def test_what_waits_is_computed_and_patience_ends() -> None:
    def program(session: mpcfl.Session) -> Any:
        x = session.share(np.ones(3), 0, (3,))
        engine = x._value.engine
        usual = engine.patience
        with waiting(x, np.ones(3)), waiting([x]):
            parts = [sum_of_squares(x) for _ in range(30)]
            assert session.rounds == 0
            assert engine.patience > usual
        assert engine.patience == usual
        return np.stack(parts).reveal(), session.rounds

    def sum_of_squares(x: Any) -> Any:
        for _ in range(10):
            x = x * x
        return x.sum()

    found, rounds = mpcfl.simulate(program, seed=1).results[0]
    np.testing.assert_allclose(found, 3, atol=1e-3)
    assert rounds < 40


# Jobs


def test_a_job_chooses_its_parameters(tmp_path: Path) -> None:
    job = job_of(TOLD + SEARCH)
    contributions = {party: Contribution.read(job, party, path) for party, path in files(tmp_path).items()}
    run = mpcfl.simulate(
        lambda session: training.train(session, job, contributions[session.name]),
        PARTIES,
        seed=1,
        disclosures=agreed(job, PARTIES),
    )
    shop, bank = run.results
    features = np.concatenate([one.features for one in contributions.values()], axis=1)
    labels = contributions["shop"].labels
    assert labels is not None
    train, _ = split_rows(len(features), job.split.test, job.job.seed)
    assert job.search is not None
    plain = GridSearch(job.make_learner(), job.search.grid, 3, "log_loss", 3).fit(features[train], labels[train])
    assert shop.search == bank.search
    assert shop.search["chosen"] == plain.best_params_ == shop.chosen
    means = [one["score"] for one in shop.search["candidates"]]
    np.testing.assert_allclose(means, plain.cv_results_["mean_test_score"], atol=2e-3)
    np.testing.assert_allclose(shop.model["coef"], plain.best_estimator_.coef_, atol=2e-3)
    document = json.loads(json.dumps(model_document(job, shop, contributions["shop"]), allow_nan=False))
    assert document["parameters"]["l2"] == plain.best_params_["l2"]
    said = [e.purpose for e in run.ledgers[0].entries if (e.exposure, e.direction) == ("output", "out")]
    assert said.count(searched("log_loss")) == 1
    everything = {entry.purpose for entry in run.ledgers[1].entries if entry.exposure == "output"}
    assert everything | {entry.purpose for entry in run.ledgers[0].entries if entry.exposure == "output"} == {
        fact.what for fact in facts(job, PARTIES, 150, "dealer") if fact.output
    }
    # all candidates train equally long, so the plan is exact
    cost = training.plan(job, PARTIES, shop.extent)
    assert (cost.rounds, cost.bytes_sent) == (run.rounds, run.bytes_sent)
    outcome = Outcome(shop.metrics, run.rounds, {"shop": 1}, 2, 3.0, None, None, search=shop.search)
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TOLD, "disclose.search is for a job with [search], and there is none."),
        (TOLD + SEARCH.replace("log_loss", "r2"), "search.metric must be one of auc, ks, accuracy, log_loss."),
        (TOLD + "[search]\nfolds = 1\n[search.grid]\nl2 = [1]", "search.folds must be greater than or equal to 2."),
        (TOLD + "[search]\nfolds = 2", "search.grid is missing."),
        (TOLD + "[search.grid]\nl2 = []", "search.grid.l2"),
        (TOLD + "[search.grid]\nl3 = [1]", "search.grid.l3 is no parameter of logistic_regression: there is"),
        (
            TOLD + "[search.grid]\nl2 = [1, -1]",
            "search.grid.l2 has a value that is refused: l2 must be a finite number",
        ),
        (TOLD + "[search.grid]\nclass_weight = [{ a = 1 }]", "search.grid.class_weight has no classes but numbers"),
        (TOLD + 'validation = ["shop", "bank"]\n' + SEARCH + "[stopping]\n", "search is not for a job with [stopping]"),
        (TOLD.replace(', "bank"]', "]") + SEARCH, "disclose.search must name all parties"),
    ],
)
def test_a_wrong_search_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as refusal:
        agreed(job_of(text), PARTIES)
    assert sentence in str(refusal.value)


def test_whole_numbers_and_class_weights_of_a_grid_are_as_meant() -> None:
    search = job_of(TOLD + "[search.grid]\nl2 = [1]\nclass_weight = [{ 0 = 1, 1 = 2 }]\nepochs = [3]").search
    assert search is not None
    (one,) = search.candidates
    assert one == {"class_weight": {0: 1.0, 1: 2.0}, "epochs": 3, "l2": 1.0}
    assert isinstance(one["l2"], float)


def test_a_search_is_not_recorded_ahead() -> None:
    with pytest.raises(InputError, match="not recorded ahead"):
        training.record(None, job_of(TOLD + SEARCH), 120, 2)  # type: ignore[arg-type]
