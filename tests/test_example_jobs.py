"""The examples on data that scikit-learn ships, as jobs and as programs, against scikit-learn on the pooled rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import mpcfl as command
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from sklearn.linear_model import Ridge as ScikitRidge
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score

import mpcfl
from mpcfl import training
from mpcfl.contribution import Contribution
from mpcfl.data import read_table, split_rows
from mpcfl.disclosure import agreed
from mpcfl.errors import UsageError
from mpcfl.examples import __main__ as writing
from mpcfl.examples import breast_cancer, diabetes
from mpcfl.job import Job
from mpcfl.learn.evaluation import evaluate


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, dict[str, Path]]]:
    folder = tmp_path_factory.mktemp("examples")
    return {name: (folder / name / writing.JOB, writing.write(name, folder / name)) for name in writing.NAMES}


def of(written: Mapping[str, tuple[Path, dict[str, Path]]], name: str) -> tuple[Job, dict[str, Contribution]]:
    file, files = written[name]
    job = Job.load(file)
    return job, {party: Contribution.read(job, party, path) for party, path in files.items()}


def simulate(job: Job, contributions: Mapping[str, Contribution]) -> list[training.Result]:
    parties = list(contributions)
    results: list[training.Result] = mpcfl.simulate(
        lambda session: training.train(session, job, contributions[session.name]),
        parties,
        seed=1,
        disclosures=agreed(job, parties),
    ).results
    return results


def pooled(job: Job, contributions: Mapping[str, Contribution]) -> tuple[Any, Any, Any, Any]:
    X = np.concatenate([one.features for one in contributions.values()], axis=1)
    y = next(one.labels for one in contributions.values() if one.labels is not None)
    return X, y, *split_rows(len(X), job.split.test, job.job.seed)


def test_breast_cancer(written: dict[str, tuple[Path, dict[str, Path]]]) -> None:
    job, contributions = of(written, "breast_cancer")
    X, y, train, test = pooled(job, contributions)
    scikit = ScikitLogisticRegression(C=1 / (0.01 * len(train)), max_iter=5000, tol=1e-9).fit(X[train], y[train])
    clinic, laboratory = simulate(job, contributions)
    assert clinic.model is not None
    assert np.abs(clinic.model["coef"] - scikit.coef_[0]).max() < 2e-3 * np.abs(scikit.coef_).max()
    auc = roc_auc_score(y[test], scikit.decision_function(X[test]))
    assert abs(clinic.metrics["auc"] - auc) < 0.003  # type: ignore[operator]
    accuracy = accuracy_score(y[test], scikit.predict(X[test]))
    assert abs(clinic.metrics["accuracy"] - accuracy) < 0.005  # type: ignore[operator]
    assert laboratory.model is None

    def program(session: mpcfl.Session) -> Any:
        mine = contributions[session.name]
        return breast_cancer.program(session, mine.features, mine.labels, train, test)

    (found, _) = mpcfl.simulate(program, list(contributions), seed=2).results
    assert abs(found - auc) < 0.003


def test_diabetes(written: dict[str, tuple[Path, dict[str, Path]]]) -> None:
    job, contributions = of(written, "diabetes")
    X, y, train, test = pooled(job, contributions)
    scikit = ScikitRidge(alpha=0.05 * len(train)).fit(X[train], y[train])
    practice, _ = simulate(job, contributions)
    assert practice.model is not None
    assert np.abs(practice.model["coef"] - scikit.coef_).max() < 2e-3 * np.abs(scikit.coef_).max()
    r2 = r2_score(y[test], scikit.predict(X[test]))
    assert abs(practice.metrics["r2"] - r2) < 0.005  # type: ignore[operator]

    def program(session: mpcfl.Session) -> Any:
        mine = contributions[session.name]
        return diabetes.program(session, mine.features, mine.labels, train, test)

    (score, coef, p_values), (told, nothing, _) = mpcfl.simulate(program, list(contributions), seed=2).results
    assert abs(score - r2) < 0.005
    assert np.abs(coef - scikit.coef_).max() < 2e-3 * np.abs(scikit.coef_).max()
    np.testing.assert_allclose(p_values, practice.model["p_values"], atol=2e-3)
    assert (told, nothing) == (score, None)


def test_digits_for_an_epoch(written: dict[str, tuple[Path, dict[str, Path]]], tmp_path: Path) -> None:
    """Images at one party, labels at another: the first steps of the job are those of float64."""
    file, files = written["digits"]
    text = file.read_text("utf-8").replace("epochs = 10", "epochs = 1").replace("test = 0.25", "test = 0.75")
    job = Job.from_text(text, "digits")
    contributions = {party: Contribution.read(job, party, path) for party, path in files.items()}
    assert (contributions["archive"].width, contributions["readers"].width) == (64, 0)
    X, y, train, test = pooled(job, contributions)
    archive, readers = simulate(job, contributions)
    model = job.make_learner().fit(X[train], y[train])
    assert archive.model is not None
    for name, weights in model.model_arrays()["weights"].items():
        np.testing.assert_allclose(archive.model["weights"][name], weights, atol=2e-2)  # a pool's kink may fall apart
    for name, value in evaluate(model, X[test], y[test]).items():
        assert abs(archive.metrics[name] - float(value)) < 0.02  # type: ignore[operator]
        assert readers.metrics[name] == archive.metrics[name]


@pytest.mark.slow
def test_digits_trained_on_shares_by_two_processes(
    written: dict[str, tuple[Path, dict[str, Path]]], tmp_path: Path
) -> None:
    job, contributions = of(written, "digits")
    file, files = written["digits"]
    data = [part for party, path in files.items() for part in ("--data", f"{party}={path}")]
    assert command("local", file, *data, "--out", "out", "--json", "out.json", folder=tmp_path).code == 0
    found = json.loads((tmp_path / "out.json").read_text())
    X, y, train, test = pooled(job, contributions)
    plain = evaluate(job.make_learner().fit(X[train], y[train]), X[test], y[test])
    assert found["accuracy"] >= 0.97
    assert abs(found["accuracy"] - float(plain["accuracy"])) <= 0.005
    assert (tmp_path / "out" / "archive" / "model.onnx").is_file()


@pytest.mark.slow
def test_credit_by_trees_of_two_processes(written: dict[str, tuple[Path, dict[str, Path]]], tmp_path: Path) -> None:
    """As good as scikit-learn's learner with the same parameters, on numbers and on a column for each category."""
    job, contributions = of(written, "credit_trees")
    file, files = written["credit_trees"]
    data = [part for party, path in files.items() for part in ("--data", f"{party}={path}")]
    ended = command("local", file, *data, "--state-dir", "out", "--json", "out.json", folder=tmp_path)
    assert ended.code == 0, ended.err
    found = json.loads((tmp_path / "out.json").read_text())
    X, y, train, test = pooled(job, contributions)
    columns = [column for one in contributions.values() for column in one.bins]
    plain = evaluate(job.make_learner().fit(X[train], y[train], columns=columns), X[test], y[test])
    assert all(abs(found[name] - float(value)) < 1e-3 for name, value in plain.items())
    cells = []
    for party, one in contributions.items():
        table = read_table(files[party], job.job.id, job.label_column if job.has_label(party) else None, "binary")
        for column in one.preparation.columns:  # type: ignore[union-attr]
            codes = column.codes(table)
            cells.append(codes[:, None] == np.arange(column.public.bins) if column.categories else codes[:, None])
    rows = np.concatenate(cells, axis=1)
    own = job.learner
    theirs = HistGradientBoostingClassifier(
        max_iter=own["n_estimators"],
        max_depth=own["max_depth"],
        learning_rate=own["learning_rate"],
        max_bins=own["max_bins"],
        max_leaf_nodes=None,
        min_samples_leaf=1,
        l2_regularization=1.0,
        early_stopping=False,
    ).fit(rows[train], y[train])
    assert abs(found["auc"] - roc_auc_score(y[test], theirs.decision_function(rows[test]))) < 0.005


def test_the_command_says_how_to_run_the_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert writing.main(["credit", "--out", str(tmp_path / "credit")]) == 0
    job, bank, bureau = (tmp_path / "credit" / name for name in ("job.toml", "bank.csv", "bureau.csv"))
    assert capsys.readouterr().out == f"mpcfl local {job} --data bank={bank} --data bureau={bureau}\n"
    assert Job.load(job).job.name == "credit"
    assert all(file.is_file() for file in (bank, bureau))


def test_without_scikit_learn_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(writing, "TABLES", {})
    with pytest.raises(UsageError, match=r"pip install 'mpcfl\[examples\]'"):
        writing.write("digits", tmp_path)
    assert writing.main(["digits", "--out", str(tmp_path)]) == UsageError.code
    assert "scikit-learn" in capsys.readouterr().err
