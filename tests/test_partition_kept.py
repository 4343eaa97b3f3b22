"""A model of rows that are split, kept as shares: how its columns are prepared is kept with it and nobody learns it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import mpcfl as command
from kept import Broken, Place
from test_partition import JOB, PARTIES, files, pooled, read

from mpcfl import training
from mpcfl.disclosure import export_facts, listed, predictions_of
from mpcfl.errors import InputError
from mpcfl.job import Job
from mpcfl.keeping import SavedModel
from mpcfl.learn.predicting import predictions
from mpcfl.prediction import no_rows
from mpcfl.session import Session
from mpcfl.simulation import simulate

KEPT = JOB.split("[disclose]")[0] + "[save]\nmodel = true\n"
BOTH = '[disclose]\npredictions = ["north", "south"]\n[serve]\nrequester = "south"\n'


def job_of(text: str) -> Job:
    return Job.from_text(text, "job.toml")


def plaintext(job: Job, paths: dict[str, Path]) -> dict[str, np.ndarray[Any, Any]]:
    """What the same program says of all rows in plaintext, by owner."""
    contributions = read(job, paths)
    X, y, train, _, _ = pooled(job, contributions)
    found = predictions(job.make_learner().fit(X[train], y[train]), X, job.label_kind)
    return dict(zip(PARTIES, np.split(found, [contributions["north"].rows]), strict=True))


@pytest.fixture(scope="module")
def clinics(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, dict[str, Path]]:
    """A model that is kept and disclosed to nobody."""
    folder = tmp_path_factory.mktemp("clinics")
    place, paths = Place(folder, PARTIES), files(folder)
    run = place.train(job_of(KEPT), paths)
    cost = training.plan(job_of(KEPT), PARTIES, run.results[0].extent)
    assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)
    return place, paths


def test_each_party_learns_the_predictions_of_its_own_rows(clinics: tuple[Place, dict[str, Path]]) -> None:
    place, paths = clinics
    job = job_of(KEPT + BOTH)
    run = place.predict(job, paths)
    for found, expected in zip(run.results, plaintext(job, paths).values(), strict=True):
        np.testing.assert_allclose(found, expected, atol=3e-3)
    for sent, ledger in zip(reversed(PARTIES), run.ledgers, strict=True):
        entries = [entry for entry in ledger.entries if entry.exposure == "output"]
        assert {entry.purpose for entry in entries} == {predictions_of(party) for party in PARTIES}
        assert {entry.purpose for entry in entries if entry.direction == "out"} == {predictions_of(sent)}


def test_one_alone_may_bring_rows_and_others_learn_their_number(clinics: tuple[Place, dict[str, Path]]) -> None:
    place, paths = clinics
    job = job_of(KEPT + '[disclose]\npredictions = ["south"]\n')
    run = place.predict(job, {"south": paths["south"]})
    assert run.results[0] is None
    np.testing.assert_allclose(run.results[1], plaintext(job, paths)["south"], atol=3e-3)
    said = {(entry.purpose, entry.peer) for entry in run.ledgers[0].entries if entry.exposure == "output"}
    assert said == {(predictions_of("south"), "south")}


def test_rows_whose_owner_may_not_learn_their_predictions_are_refused(clinics: tuple[Place, dict[str, Path]]) -> None:
    place, paths = clinics
    job = job_of(KEPT + '[disclose]\npredictions = ["south"]\n')
    with pytest.raises(InputError, match="the job does not name north"):
        place.predict(job, paths)
    with pytest.raises(InputError, match="No party brings rows"):
        place.predict(job, {})


def test_the_preparation_is_kept_as_shares_and_exported_with_the_model(clinics: tuple[Place, dict[str, Path]]) -> None:
    place, paths = clinics
    job = job_of(KEPT + '[disclose]\nmodel = ["north"]\n')
    models = {name: SavedModel.open(job, PARTIES, place.shares(name), place.keys[name]) for name in PARTIES}

    def program(session: Session) -> training.Result:
        model = models[session.name]
        return training.export(session, job, no_rows(session.name, model), lambda on: model.load(on, job))

    north, south = simulate(program, PARTIES, disclosures=listed(export_facts(job, PARTIES, "dealer"))).results
    assert south.model is None
    assert north.columns == ["age", "kind=a", "kind=b", "pressure", "dose"]
    *_, scaler = pooled(job, read(job, paths))
    for part in ("fill", "center", "spread"):
        np.testing.assert_allclose(north.model[part], getattr(scaler, f"{part}_"), rtol=1e-3, atol=1e-4)


def test_a_requester_asks_about_rows_of_its_own(clinics: tuple[Place, dict[str, Path]]) -> None:
    place, paths = clinics
    job = job_of(KEPT + BOTH)
    expected = plaintext(job, paths)["south"][:, 0]
    with open(paths["south"], newline="", encoding="utf-8") as file:
        row = next(one for one in csv.DictReader(file) if one["id"] == "south007")
    cells = [row["age"] or None, row["kind"], float(row["pressure"]), row["dose"]]
    assert cells[0] is None  # its mean is filled in on shares
    lines = [{"rows": [cells]}, {"ids": ["south000", "south007"]}, {"rows": [["1", "a", 400, 0.5]]}]
    answers, run = place.serve(job, {"south": paths["south"]}, [json.dumps(line) for line in lines])
    np.testing.assert_allclose(answers[0]["predictions"], expected[[7]], atol=3e-3)
    np.testing.assert_allclose(answers[1]["predictions"], expected[[0, 7]], atol=3e-3)
    assert "column pressure: the cell is outside the range" in answers[2]["error"]
    assert {entry.peer for entry in run.ledgers[0].entries if entry.exposure == "output"} == {"south"}


def test_columns_that_need_no_preparation_are_used_as_they_are(tmp_path: Path) -> None:
    text = KEPT.replace("[prepare.columns]", '[prepare]\nmissing = "zero"\nscale = "none"\n[prepare.columns]')
    job = job_of(
        text.replace('"*.kind"', '"*.age" = { range = [-50, 150] }\n"*.kind"').replace("epochs = 6", "epochs = 1")
        + BOTH
    )
    assert job.prepared_parts == ()
    place, paths = Place(tmp_path, PARTIES), files(tmp_path)
    place.train(job, paths)
    expected = plaintext(job, paths)
    for found, one in zip(place.predict(job, paths).results, expected.values(), strict=True):
        np.testing.assert_allclose(found, one, atol=3e-3)
    answers, _ = place.serve(job, {"south": paths["south"]}, ['{"ids": ["south003"]}'])
    np.testing.assert_allclose(answers[0]["predictions"], expected["south"][3], atol=3e-3)


def test_a_training_that_was_broken_off_goes_on(tmp_path: Path) -> None:
    job = job_of(JOB + "[save]\ncheckpoint = 5\n")
    place, paths = Place(tmp_path, PARTIES), files(tmp_path)
    whole = place.train(job, paths).results[0].model["coef"]
    place.end()
    with pytest.raises(Broken):
        place.train(job, paths, broken=("north", 15))
    run = place.train(job, paths)
    assert place.said["south"] == ["All parties go on after step 10, of which each has a checkpoint."]
    np.testing.assert_allclose(run.results[0].model["coef"], whole, atol=3e-4)


@pytest.mark.slow
def test_local_keeps_and_predicts(tmp_path: Path) -> None:
    job, paths = tmp_path / "job.toml", files(tmp_path)
    job.write_text(KEPT + BOTH)
    options = [part for name, path in paths.items() for part in ("--data", f"{name}={path}")]
    ended = command("local", job, *options, "--state-dir", "state", folder=tmp_path)
    assert ended.code == 0, ended.err
    ended = command("local", job, "--predict", *options, "--state-dir", "state", "--json", "use.json", folder=tmp_path)
    assert ended.code == 0, ended.err
    assert "predictions of the rows of north" in ended.out
    document = json.loads((tmp_path / "use.json").read_text())
    assert document["rows"] == 150
    expected = plaintext(job_of(KEPT + BOTH), paths)
    for party in PARTIES:
        with open(tmp_path / document["predictions"][party], newline="", encoding="utf-8") as file:
            _, *rows = list(csv.reader(file))
        np.testing.assert_allclose(np.array([row[1] for row in rows], float), expected[party][:, 0], atol=3e-3)
