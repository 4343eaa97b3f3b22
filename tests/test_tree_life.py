"""The whole life of trees on the command line: killed while they grow, gone on, kept, used, served, told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import end, mpcfl, wait_until
from shops import HEAD
from sites import PARTIES, ROLES, Site
from test_life_cli import call, options, table

from mpcfl import audit
from mpcfl.contribution import Contribution
from mpcfl.data import split_rows
from mpcfl.job import Job
from mpcfl.keeping import CHECKPOINTS
from mpcfl.learn.predicting import predictions

pytestmark = pytest.mark.slow

TREES = "n_estimators = 30\nmax_depth = 2\nmax_bins = 6\n"
JOB = HEAD.replace("logistic_regression", "gradient_boosting_classifier").replace(
    "epochs = 4\nbatch_size = 32\n", TREES
)
KEEP = '[save]\nmodel = true\ncheckpoint = 2\n[serve]\nrequester = "bank"\n[disclose]\npredictions = ["bank"]\n'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("trees"))
    for path in made.job.values():
        path.write_text(JOB + KEEP)
    try:
        yield made
    finally:
        end(made.running)


@pytest.fixture(scope="module")
def plain(site: Site) -> tuple[Any, Any]:
    """The same trees in plaintext, and what they say of all rows in the order of ids."""
    job = Job.load(site.job["bank"])
    parts = [Contribution.read(job, party, path) for party, path in site.data.items()]
    X, y = np.concatenate([one.features for one in parts], axis=1), parts[0].labels
    assert y is not None
    train, _ = split_rows(len(X), job.split.test, job.job.seed)
    model = job.make_learner().fit(X[train], y[train], columns=[column for one in parts for column in one.bins])
    return model, predictions(model, X, job.label_kind)


@pytest.fixture(scope="module")
def trained(site: Site) -> Site:
    """All roles have trained: one was killed after some trees, and all have begun again."""
    site.start_all()
    wait_until(lambda: any(site.folder.glob("bank/state/checkpoints/*/step-000000000008.shares")))
    os.kill(site.roles["bank"].process.pid, signal.SIGKILL)
    assert site.codes() == {"shop": 10, "bank": -signal.SIGKILL, "dealer": 10}
    site.start_all()
    ended = site.ended()
    assert [one.code for one in ended.values()] == [0] * len(ROLES), ended
    for party in PARTIES:
        assert "All parties go on after step " in ended[party].out
        assert "which rows are in which node" in ended[party].out
        assert not (site.folder / party / "state" / CHECKPOINTS).exists()
    assert audit.compare(*map(site.ledger, PARTIES)) == []
    return site


def test_what_was_kept_predicts_what_plaintext_predicts(trained: Site, plain: tuple[Any, Any]) -> None:
    trained.start_all("predict")
    ended = trained.ended()
    assert [one.code for one in ended.values()] == [0] * len(ROLES), ended
    ids, values = table(trained.folder / "bank" / "state" / "predictions.csv")
    assert ids == sorted(ids)
    np.testing.assert_allclose(values, plain[1], atol=2e-3)


def test_a_service_answers(trained: Site, plain: tuple[Any, Any]) -> None:
    trained.start("dealer")
    trained.start("shop", command="serve")
    trained.start("bank", command="serve", stdin=subprocess.PIPE)
    out, err = trained.roles["bank"].process.communicate('{"ids": ["c0003"]}\n{"ids": ["c0149", "c0000"]}\n', 150)
    answers = [json.loads(line)["predictions"] for line in out.splitlines()]
    others = [trained.roles[role].ended().code for role in ("shop", "dealer")]
    assert [trained.roles["bank"].process.returncode, *others] == [0, 0, 0], err
    for answer, places in zip(answers, ([3], [149, 0]), strict=True):
        np.testing.assert_allclose(answer, plain[1][places, 0], atol=2e-3)


def test_the_model_is_told_to_those_whom_the_job_names(trained: Site, plain: tuple[Any, Any]) -> None:
    for path in trained.job.values():
        trained.edit(path, 'predictions = ["bank"]', 'predictions = ["bank"]\nmodel = ["shop"]')
    trained.start_all("export")
    assert set(trained.codes().values()) == {0}
    document = json.loads((trained.folder / "shop" / "state" / "model.json").read_text())
    assert (np.array(document["left"]) == plain[0].left_).all()
    np.testing.assert_allclose(document["leaves"], plain[0].leaves_, atol=2e-3)
    assert [len(column["cuts"]) for column in document["preparation"]["columns"]] == [5, 5]
    assert not (trained.folder / "bank" / "state" / "model.json").exists()


def test_trees_grow_from_a_tape(site: Site, tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    job.write_text(JOB.replace("n_estimators = 30", "n_estimators = 2") + '[disclose]\nmetrics = ["shop", "bank"]\n')
    ended = mpcfl("local", job, "--offline", *options(site.data), "--json", "run.json", folder=tmp_path)
    assert ended.code == 0, ended.err
    told = json.loads((tmp_path / "run.json").read_text())
    assert told["auc"] > 0.6
    assert told["offline_seconds"] > 0


def test_a_plan_takes_numbers_of_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = tmp_path / "job.toml"
    job.write_text(JOB + '[disclose]\nmetrics = ["shop", "bank"]\n')
    sizes = ["--rows", 150, "--columns", "shop=2", "--columns", "bank=3"]
    assert call("plan", job, *sizes, "--json", tmp_path / "plan.json", capsys=capsys).code == 0
    assert json.loads((tmp_path / "plan.json").read_text())["columns"] == {"shop": 2, "bank": 3}
