"""A job's model kept as shares, and used: saved by all parties, opened by the same, for the job that it is of."""

from __future__ import annotations

import copy
import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept import Place
from shops import BOTH, HEAD, files, job_of, write

from mpcfl import training
from mpcfl.contribution import Contribution
from mpcfl.data import Preparation, split_rows
from mpcfl.disclosure import export_facts, listed, outputs, prediction_outputs
from mpcfl.errors import InputError, IntegrityError, Mismatch, UsageError
from mpcfl.job import Job
from mpcfl.keeping import SavedModel, fitted_state
from mpcfl.keys import generate
from mpcfl.learn.neural import BatchNorm, Dense, MLPClassifier, ReLU, Sequential
from mpcfl.learn.predicting import predictions
from mpcfl.outcome import model_document
from mpcfl.prediction import column_names, escaped, no_rows, write_predictions
from mpcfl.saved import Saved, save
from mpcfl.session import Session
from mpcfl.simulation import simulate

KEEP = '[save]\nmodel = true\n[disclose]\npredictions = ["bank"]\n'
KINDS = {
    "logistic_regression": ("bought", ""),
    "linear_svm": ("bought", ""),
    "multinomial_logistic_regression": ("class", "classes = 3\n"),
    "ridge": ("spent", ""),
    "poisson_regression": ("spent", ""),
}


def kind_of_job(learner: str) -> Job:
    label, parameters = KINDS[learner]
    head = HEAD.replace("logistic_regression", learner).replace("shop.bought", f"shop.{label}")
    if learner != "logistic_regression":
        head = head.replace("epochs = 4\nbatch_size = 32\n", parameters)
    return Job.from_text(head + KEEP, "job.toml")


def labelled(folder: Path, learner: str) -> dict[str, Path]:
    """The shops' files with the label that a learner needs."""
    paths = files(folder)
    if KINDS[learner][0] != "bought":
        with open(paths["shop"], newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file))
        columns: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(header)}
        a = np.array(columns["a"], float)
        del columns["bought"]
        columns[KINDS[learner][0]] = np.digitize(a, [-0.5, 0.5]) if "classes" in KINDS[learner][1] else np.exp(a) + 1
        write(paths["shop"], columns)
    return paths


def plaintext(job: Job, paths: dict[str, Path]) -> np.ndarray[Any, Any]:
    """What the same program says of all rows in plaintext."""
    contributions = [Contribution.read(job, party, path) for party, path in paths.items()]
    X, y = np.concatenate([one.features for one in contributions], axis=1), contributions[0].labels
    assert y is not None
    train, _ = split_rows(len(X), job.split.test, job.job.seed)
    found: np.ndarray[Any, Any] = predictions(job.make_learner().fit(X[train], y[train]), X, job.label_kind)
    return found


@pytest.mark.parametrize("learner", KINDS)
def test_a_kept_model_predicts_what_plaintext_predicts(tmp_path: Path, learner: str) -> None:
    job, place, paths = kind_of_job(learner), Place(tmp_path), labelled(tmp_path, learner)
    place.train(job, paths)
    assert all(place.shares(party).stat().st_mode & 0o777 == 0o600 for party in place.parties)
    run = place.predict(job, paths)
    assert run.results[0] is None
    expected = plaintext(job, paths)
    assert run.results[1].shape == expected.shape == (150, len(column_names(job)))
    np.testing.assert_allclose(run.results[1], expected, atol=3e-3, rtol=3e-3)
    np.testing.assert_array_equal(run.results[1], np.round(run.results[1], 4))
    said = {(entry.purpose, entry.peer) for entry in run.ledgers[0].entries if entry.exposure == "output"}
    assert said == {(fact.what, "bank") for fact in prediction_outputs(job, place.parties)}


@pytest.mark.parametrize(
    "network",
    [
        MLPClassifier((3,), max_iter=2, batch_size=20),
        Sequential((Dense(3), BatchNorm(), ReLU(), Dense(2)), loss="mse", epochs=1, batch_size=20, record_loss=True),
    ],
)
def test_all_that_fitting_adds_to_a_network_is_kept(tmp_path: Path, network: Any) -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(40, 4))
    y = np.stack([X[:, 0], X[:, 1]], axis=1) if network.get_params().get("loss") == "mse" else (X[:, 0] > 0) + 0
    keys = [generate(f"party{rank}", "party") for rank in range(2)]

    def train(session: Session) -> Any:
        model = copy.deepcopy(network).fit(session.private(X, 0, X.shape), session.share(y, 1, y.shape, y.dtype))
        save(session, tmp_path / session.name, keys[session.rank], fitted_state(model), name="network", facts={})
        return model.outputs(session.private(X, 0, X.shape)).reveal()

    def use(session: Session) -> Any:
        model = copy.deepcopy(network)
        vars(model).update(Saved.open(tmp_path / session.name, keys[session.rank]).load(session))
        return model.outputs(session.private(X, 0, X.shape)).reveal(), model

    before = simulate(train).results[0]
    after, model = simulate(use).results[0]
    np.testing.assert_allclose(after, before, atol=1e-3)
    assert (model.n_features_in_, model.shape_in_, model.n_iter_) == (4, (4,), 4 if hasattr(model, "solver") else 2)


def test_rows_without_label_in_any_order_are_prepared_as_for_training(tmp_path: Path) -> None:
    job, place, paths = job_of(KEEP), Place(tmp_path), files(tmp_path)
    place.train(job, paths)
    expected = dict(zip(sorted(f"c{row:04d}" for row in range(150)), place.predict(job, paths).results[1], strict=True))
    some = ["c0003", "c0140", "c0017"]
    for party, path in paths.items():
        with open(path, newline="", encoding="utf-8") as file:
            rows = {row["id"]: row for row in csv.DictReader(file)}
        columns: dict[str, Any] = {name: [rows[id][name] for id in some] for name in rows["c0003"] if name != "bought"}
        paths[party] = write(tmp_path / f"{party}-new.csv", columns)
        some = some[::-1]
    found = place.predict(job, paths).results[1]
    np.testing.assert_allclose(found, [expected[id] for id in sorted(some)], atol=2e-4)


def test_a_job_that_only_saves_discloses_nothing_but_that_ids_agree(tmp_path: Path) -> None:
    job, place = job_of("[save]\nmodel = true\n"), Place(tmp_path)
    assert [fact.what for fact in outputs(job, place.parties)] == ["ids agree"]
    run = place.train(job, files(tmp_path))
    assert {entry.purpose for entry in run.ledgers[0].entries if entry.exposure == "output"} == {"ids agree"}
    with pytest.raises(InputError, match="discloses no predictions"):
        prediction_outputs(job, place.parties)
    with pytest.raises(InputError, match="discloses nothing"):
        outputs(job_of(""), place.parties)


def test_saving_is_free_and_the_plan_stays_exact(tmp_path: Path) -> None:
    paths, place = files(tmp_path), Place(tmp_path)
    kept, plain = job_of(BOTH + "[save]\nmodel = true\n"), job_of(BOTH)
    runs = [place.train(job, paths) for job in (kept, plain)]
    for job, run in zip((kept, plain), runs, strict=True):
        cost = training.plan(job, place.parties, run.results[0].extent)
        assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)
    assert runs[0].rounds == runs[1].rounds


def test_an_older_model_is_moved_aside(tmp_path: Path) -> None:
    job, place, paths = job_of(KEEP), Place(tmp_path), files(tmp_path)
    place.train(job, paths)
    before = place.shares("bank").read_bytes()
    place.train(job, paths)
    assert place.shares("bank").with_name("model.shares.1").read_bytes() == before
    assert any("model.shares.1" in sentence for sentence in place.said["bank"])


def test_a_preparation_stays_with_its_owner_and_comes_back(tmp_path: Path) -> None:
    job, place, paths = job_of(KEEP), Place(tmp_path), files(tmp_path)
    place.train(job, paths)
    for party in place.parties:
        model = SavedModel.open(job, place.parties, place.shares(party), place.keys[party])
        contribution = Contribution.read(job, party, paths[party])
        assert model.preparation == contribution.preparation
        assert Preparation.from_json(contribution.preparation.to_json()) == contribution.preparation
        facts = str(model.saved.head.facts)
        assert "red" not in facts
        assert b"red" not in place.shares(party).read_bytes()
    assert model.widths == (2, 5)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("epochs = 4", "epochs = 5", "learner.epochs"),
        ('name = "shops"', 'name = "other"', "job.name"),
        ("[learner]", '[columns]\nshop = ["a"]\n[learner]', "columns"),
        ("[split]", "[engine]\nfraction = 16\n[split]", "engine.fraction"),
    ],
)
def test_a_model_of_another_job_is_refused_by_its_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    place, paths = Place(tmp_path), files(tmp_path)
    place.train(job_of(KEEP), paths)
    other = Job.from_text((HEAD + KEEP).replace(old, new), "job.toml")
    with pytest.raises(Mismatch, match=f"another job, which differs in {key}"):
        place.predict(other, paths)


def test_disclosures_and_split_may_change_after_training(tmp_path: Path) -> None:
    place, paths = Place(tmp_path), files(tmp_path)
    place.train(job_of("[save]\nmodel = true\n"), paths)
    later = HEAD.replace("test = 0.2", "test = 0.5") + '[disclose]\npredictions = ["shop"]\n[predict]\ndecimals = 2\n'
    found = place.predict(Job.from_text(later, "job.toml"), paths).results[0]
    np.testing.assert_array_equal(found, np.round(found, 2))


def test_other_parties_other_files_and_other_columns_are_refused(tmp_path: Path) -> None:
    job, place, paths = job_of(KEEP), Place(tmp_path), files(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        SavedModel.open(job, place.parties, place.shares("shop"), place.keys["shop"])
    place.train(job, paths)
    with pytest.raises(Mismatch, match="trained by shop, bank, and here are bank, shop"):
        SavedModel.open(job, ["bank", "shop"], place.shares("shop"), place.keys["shop"])
    with pytest.raises(IntegrityError, match="another key"):
        SavedModel.open(job, place.parties, place.shares("shop"), place.keys["bank"])
    mixed = place.shares("bank").read_bytes()
    place.train(job, paths)
    place.shares("bank").write_bytes(mixed)
    with pytest.raises(Mismatch):
        place.predict(job, paths)
    write(paths["bank"], {"id": [f"c{row:04d}" for row in range(150)], "a": range(150)})
    with pytest.raises(InputError, match="has no column 'b'"):
        place.predict(job, paths)


def test_rows_of_other_ids_are_refused(tmp_path: Path) -> None:
    job, place, paths = job_of(KEEP), Place(tmp_path), files(tmp_path)
    place.train(job, paths)
    paths["bank"].write_text(paths["bank"].read_text().replace("c0007", "c9999"))
    with pytest.raises(Mismatch, match="the id columns differ"):
        place.predict(job, paths)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[save]\ncheckpoint = -1\n", "save.checkpoint must be greater than or equal to 0"),
        (
            '[stopping]\n[save]\ncheckpoint = 5\n[disclose]\nvalidation = ["shop"]\n',
            r"save.checkpoint must be 0 in a job",
        ),
        ('[serve]\nrequester = "shop"\n', "serve.requester must be one of disclose.predictions"),
        ("[predict]\ndecimals = 9\n", "predict.decimals must be less than or equal to 6"),
        ('[disclose]\npredictions = ["shop", "shop"]\n', "disclose.predictions names something twice"),
    ],
)
def test_a_wrong_job_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        job_of(text)


def test_written_cells_are_no_formulas(tmp_path: Path) -> None:
    job = job_of(KEEP)
    ids = ["=1+1", "+a", "-b", "@c", "\td", 'q"x', "plain"]
    write_predictions(tmp_path / "p.csv", job, ids, np.linspace(-1, 1, 7)[:, None])
    with open(tmp_path / "p.csv", newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    assert header == ["id", "probability"]
    assert [row[0] for row in rows] == ["'=1+1", "'+a", "'-b", "'@c", "'\td", 'q"x', "plain"] == [*map(escaped, ids)]
    assert rows[0][1] == "-1.0000"


@pytest.mark.parametrize("learner", ["logistic_regression", "multinomial_logistic_regression"])
def test_an_exported_model_is_the_one_that_was_kept(tmp_path: Path, learner: str) -> None:
    job, place, paths = kind_of_job(learner), Place(tmp_path), labelled(tmp_path, learner)
    disclosing = job.model_copy(update={"disclose": job.disclose.model_copy(update={"model": ("shop",)})})
    trained = place.train(disclosing, paths).results[0]
    models = {name: SavedModel.open(disclosing, place.parties, place.shares(name), place.keys[name]) for name in paths}

    def program(session: Session) -> training.Result:
        model = models[session.name]
        blank = no_rows(session.name, model)
        return training.export(session, disclosing, blank, lambda on: model.load(on, disclosing))

    facts = export_facts(disclosing, place.parties, "dealer")
    run = simulate(program, place.parties, disclosures=listed(facts))
    exported, other = run.results
    assert exported.model is not None
    assert trained.model is not None
    assert exported.model.keys() == trained.model.keys()
    for part, value in trained.model.items():
        np.testing.assert_array_equal(exported.model[part], value)
    assert exported.columns == trained.columns
    assert (other.model, other.columns) == (None, None)
    ours, theirs = (
        model_document(disclosing, result, contribution)
        for result, contribution in (
            (exported, no_rows("shop", models["shop"])),
            (trained, Contribution.read(disclosing, "shop", paths["shop"])),
        )
    )
    assert ours == theirs
    with pytest.raises(InputError, match="discloses no model"):
        export_facts(job, place.parties, "dealer")
