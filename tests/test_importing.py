"""A model that one party has in the clear, brought in and kept as shares: it predicts what it says in plaintext."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import end
from kept import Place
from shops import files
from sites import ROLES, Site
from test_partition import JOB as ROWS
from test_partition import files as clinics
from test_partition import pooled, read

from mpcfl import importing
from mpcfl.contribution import Contribution
from mpcfl.data import Preparation, read_table
from mpcfl.disclosure import import_facts, listed
from mpcfl.errors import InputError, Mismatch, MpcflError, UsageError
from mpcfl.job import Job
from mpcfl.keeping import Keeping
from mpcfl.learn.predicting import predictions
from mpcfl.outcome import model_document
from mpcfl.session import Session
from mpcfl.simulation import Run, simulate

HEAD = """
[job]
name = "shops"
learner = "LEARNER"
id = "id"
label = "shop.bought"
[columns]
bank = ["b", "a"]
[prepare]
scale = "none"
missing = "zero"
[learner]
PARAMETERS
[save]
model = true
[disclose]
predictions = ["bank"]
[serve]
requester = "bank"
"""
CNN = """classes = 3
input = [1, 1, 2]
[[learner.layers]]
type = "conv2d"
channels = 2
kernel = 1
[[learner.layers]]
type = "batch_norm"
[[learner.layers]]
type = "relu"
[[learner.layers]]
type = "flatten"
"""
LEARNERS = {
    "logistic_regression": "",
    "linear_svm": "",
    "ridge": "",
    "poisson_regression": "",
    "multinomial_logistic_regression": "classes = 3",
    "one_vs_rest_logistic_regression": "classes = 3",
    "mlp_classifier": "classes = 2\nhidden_layer_sizes = [3]",
    "mlp_regressor": "hidden_layer_sizes = [3]",
    "network": CNN,
}


def job_of(learner: str = "logistic_regression", head: str = HEAD) -> Job:
    return Job.from_text(head.replace("LEARNER", learner).replace("PARAMETERS", LEARNERS[learner]), "job.toml")


def drawn(shapes: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    return {
        name: drawn(shape, rng) if isinstance(shape, Mapping) else rng.uniform(0.1, 1, shape)
        for name, shape in shapes.items()
    }


def listing(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: listing(value) if isinstance(value, dict) else value.tolist() for name, value in arrays.items()}


def model_of(job: Job, columns: list[str]) -> tuple[Any, dict[str, Any]]:
    """A learner with arrays of chance, and its file's document."""
    arrays = drawn(job.make_learner().model_shapes(len(columns)), np.random.default_rng(3))
    learner = job.make_learner()
    document = {"learner": job.job.learner, "parameters": learner.get_params(), "columns": columns}
    return learner.set_model_arrays(arrays, len(columns)), document | listing(arrays)


def bring(place: Place, job: Job, path: Path, owners: tuple[str, ...] = ("shop",)) -> Run:
    told = listed(import_facts(job, place.parties, "dealer"))
    brought = {party: importing.read_model(job, place.parties, party, path) for party in owners}

    def program(session: Session) -> str:
        name = session.name
        arrays, preparation = brought.get(name) or (None, importing.declared(job, name))
        place.state(name).mkdir(parents=True, exist_ok=True)
        keeping = Keeping(
            job,
            place.state(name),
            place.keys[name],
            Contribution.blank(name, preparation),
            place.said.setdefault(name, []).append,
        )
        return importing.bring(session, job, keeping, preparation, arrays)

    return simulate(program, place.parties, disclosures=told)


def write(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def number(**change: Any) -> dict[str, Any]:
    return {"columns": [{"type": "number", "name": "b", "fill": None, "center": 0.0, "spread": 1.0, **change}]}


@pytest.mark.parametrize("learner", LEARNERS)
def test_an_imported_model_predicts_what_it_says_in_plaintext(tmp_path: Path, learner: str) -> None:
    job, place, paths = job_of(learner), Place(tmp_path), files(tmp_path)
    model, document = model_of(job, ["bank.b", "bank.a"])
    run = bring(place, job, write(tmp_path / "model.json", document))
    assert run.results == ["shop", "shop"]
    assert "output" not in {entry.exposure for ledger in run.ledgers for entry in ledger.entries}
    table = read_table(paths["bank"], "id")
    X = np.stack([table.columns["b"], table.columns["a"]], axis=1).astype(float)
    expected = predictions(model, X, job.label_kind)
    found = place.predict(job, paths).results
    assert found[0] is None
    np.testing.assert_allclose(found[1], expected, atol=2e-3, rtol=2e-3)
    row = [float(value) for value in X[0]]
    answers, run = place.serve(job, {}, [json.dumps({"rows": [row, [None, 0]]})])
    np.testing.assert_allclose(np.ravel(answers[0]["predictions"][0]), expected[0], atol=2e-3, rtol=2e-3)
    assert {entry.peer for entry in run.ledgers[0].entries if entry.exposure == "output"} == {"bank"}


def test_its_file_prepares_its_owners_columns(tmp_path: Path) -> None:
    text = HEAD.replace('bank = ["b", "a"]', 'bank = ["b"]\nshop = ["a"]').replace(
        "[learner]", '[prepare.columns]\n"shop.a" = { missing = "median", scale = "standard" }\n[learner]'
    )
    job, place, paths = job_of(head=text), Place(tmp_path, ("bank", "shop")), files(tmp_path)
    model, document = model_of(job, ["bank.b", "shop.a"])
    contribution = Contribution.read(job, "shop", paths["shop"])
    path = write(tmp_path / "model.json", document)
    with pytest.raises(InputError, match=r'prepare\.columns\."shop\.a": column a would be prepared by rows'):
        bring(place, job, path)
    write(path, document | {"preparation": contribution.preparation.to_json()})
    bring(place, job, path)
    other = Contribution.read(job, "bank", paths["bank"])
    expected = predictions(model, np.concatenate([other.features, contribution.features], axis=1), "binary")
    np.testing.assert_allclose(place.predict(job, paths).results[0], expected, atol=2e-3)


def test_the_file_of_a_run_whose_rows_are_split_brings_its_preparation(tmp_path: Path) -> None:
    """What a run has disclosed to one party is brought in for another one's raw rows."""
    head, ending = ROWS.split("[disclose]")[0], HEAD[HEAD.index("[save]") :].replace("bank", "south")
    job = Job.from_text(
        head.replace("epochs = 6", "epochs = 2") + ending.replace("[serve]", 'model = ["north"]\n[serve]'), "job.toml"
    )
    place, paths = Place(tmp_path, ("north", "south")), clinics(tmp_path)
    contributions = read(job, paths)
    result = place.train(job, paths).results[0]
    document = model_document(job, result, contributions["north"])
    assert document is not None
    path = write(tmp_path / "model.json", document)
    X, y, train, _, _ = pooled(job, contributions)
    expected = predictions(job.make_learner().fit(X[train], y[train]), X[90:], "binary")
    place.shares("south").unlink()
    bring(place, job, path, ("north",))
    assert place.said == {"north": [f"An older model's shares were moved to {place.shares('north')}.1."], "south": []}
    np.testing.assert_allclose(place.predict(job, {"south": paths["south"]}).results[1], expected, atol=3e-3)
    with pytest.raises(Mismatch, match="prepared in another way"):
        bring(place, job, write(path, document | {"preparation": {"columns": []}}), ("north",))
    with pytest.raises(InputError, match=r"spread must be numbers in the shape \(2,\)"):
        bring(place, job, write(path, document | {"spread": [1.0]}), ("north",))


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"learner": "linear_svm"}, 11, "is a model of another learner than the job's logistic_regression"),
        ({"parameters": {}}, 11, "trained with other parameters"),
        ({"columns": ["bank.a", "bank.b"]}, 11, "for other columns than those that the job names"),
        ({"columns": None}, 11, "for other columns"),
        ({"coef": [1.0, float("nan")]}, 3, "coef must be finite numbers below 8192"),
        ({"coef": [1.0, 1e9]}, 3, "coef must be finite numbers below 8192"),
        ({"coef": [1.0]}, 3, r"coef must be numbers in the shape \(2,\)"),
        ({"coef": [[1.0], 2.0]}, 3, "coef must be numbers"),
        ({"coef": ["1", "2"]}, 3, "coef must be numbers"),
        ({"intercept": None}, 3, "intercept must be numbers"),
        ({"preparation": {"columns": [{"type": "verse"}]}}, 3, "a preparation that cannot be read"),
        ({"preparation": number(spread=0.0)}, 3, "a preparation that cannot be read"),
        ({"preparation": number(fill="1")}, 3, "a preparation that cannot be read"),
        ({"preparation": number(name=1)}, 3, "a preparation that cannot be read"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, change: dict[str, Any], code: int, sentence: str) -> None:
    job = job_of()
    _, document = model_of(job, ["bank.b", "bank.a"])
    path = write(tmp_path / "model.json", document | change)
    with pytest.raises(MpcflError, match=sentence) as refusal:
        importing.read_model(job, ["bank", "shop"], "bank" if "preparation" in change else "shop", path)
    assert refusal.value.code == code


def test_no_file_no_json_and_a_networks_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    with pytest.raises(UsageError, match="cannot be read"):
        importing.read_model(job_of(), ["bank", "shop"], "shop", path)
    for text in ("no", "[1]", "[" * 100_000):
        path.write_text(text)
        with pytest.raises(InputError, match="is no model"):
            importing.read_model(job_of(), ["bank", "shop"], "shop", path)
    job = job_of("network")
    _, document = model_of(job, ["bank.b", "bank.a"])
    del document["weights"]["1.weight"]
    with pytest.raises(InputError, match=r"weights must have 1\.weight"):
        importing.read_model(job, ["bank", "shop"], "shop", write(path, document))
    strange = Preparation.fit(read_table(files(tmp_path)["shop"], "id"), ["a"], {}, np.arange(9)).to_json()
    _, document = model_of(job_of(), ["bank.b", "bank.a"])
    with pytest.raises(Mismatch, match=r"prepares other columns than columns\.shop"):
        importing.read_model(job_of(), ["bank", "shop"], "shop", write(path, document | {"preparation": strange}))


def test_exactly_one_party_brings_the_model_into_a_job_that_keeps_it(tmp_path: Path) -> None:
    job, place = job_of(), Place(tmp_path)
    path = write(tmp_path / "model.json", model_of(job, ["bank.b", "bank.a"])[1])
    for owners, sentence in (((), "no party brings a model"), (("shop", "bank"), "shop and bank bring models")):
        with pytest.raises(Mismatch, match=sentence):
            bring(place, job, path, owners)
    with pytest.raises(InputError, match="keeps no model"):
        import_facts(job_of(head=HEAD.replace("model = true", "")), place.parties, "dealer")
    text = HEAD.replace("[learner]", "[learner]\nstandard_errors = true").replace(
        "predictions", 'model = ["bank"]\npredictions'
    )
    with pytest.raises(InputError, match=r"learner\.standard_errors must be false"):
        import_facts(job_of(head=text), place.parties, "dealer")
    with pytest.raises(InputError, match="would be prepared by rows that are not here"):
        importing.declared(job_of(head=HEAD.replace('missing = "zero"', "")), "bank")


@pytest.mark.slow
def test_between_processes_a_model_is_brought_in_and_a_data_owner_asks_it(tmp_path: Path) -> None:
    site = Site(tmp_path)
    job = job_of()
    model, document = model_of(job, ["bank.b", "bank.a"])
    path = write(tmp_path / "model.json", document)
    text = HEAD.replace("LEARNER", "logistic_regression").replace("PARAMETERS", "")
    try:
        for one in site.job.values():
            one.write_text(text)
        site.start("dealer")
        site.start("bank", command="import")
        site.start("shop", command="import", more=["--model-json", str(path)])
        ended = site.ended()
        assert [ended[role].code for role in ROLES] == [0, 0, 0], ended
        assert "shares of the model of shop: state/model.shares" in ended["bank"].out
        site.start_all("predict")
        ended = site.ended()
        assert [ended[role].code for role in ROLES] == [0, 0, 0], ended
    finally:
        end(site.running)
    with open(tmp_path / "bank" / "state" / "predictions.csv", newline="", encoding="utf-8") as file:
        _, *rows = list(csv.reader(file))
    table = read_table(site.data["bank"], "id")
    X = np.stack([table.columns["b"], table.columns["a"]], axis=1).astype(float)
    np.testing.assert_allclose([float(row[1]) for row in rows], predictions(model, X, "binary")[:, 0], atol=2e-3)
