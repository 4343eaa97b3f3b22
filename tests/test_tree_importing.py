"""Trees that one party has in the clear, brought in: bins are declared by the job, or its owner's own in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept import Place
from test_importing import bring, write
from test_tree_jobs import files

from mpcfl import importing
from mpcfl.contribution import Contribution
from mpcfl.errors import InputError, MpcflError
from mpcfl.job import Job
from mpcfl.learn.predicting import predictions
from mpcfl.outcome import listed

HEAD = """
[job]
name = "shops"
learner = "LEARNER"
id = "id"
label = "shop.bought"
[columns]
shop = ["b"]
bank = ["c", "kind"]
[prepare.columns]
"bank.c" = { cuts = [-0.5, 0.5] }
"bank.kind" = { categories = ["blue", "red"] }
[learner]
max_depth = 2
PARAMETERS
[save]
model = true
[disclose]
predictions = ["bank"]
"""
LEARNERS = {
    "gradient_boosting_classifier": "n_estimators = 3",
    "gradient_boosting_regressor": "n_estimators = 3",
    "random_forest_classifier": "n_estimators = 3",
    "decision_tree_classifier": "classes = 3",
}


def job_of(learner: str) -> Job:
    return Job.from_text(HEAD.replace("LEARNER", learner).replace("PARAMETERS", LEARNERS[learner]), "job.toml")


def model_of(job: Job, folder: Path) -> tuple[Any, Any, dict[str, Any]]:
    """A model in the clear, rows of bins, and the model's file."""
    parts = [Contribution.read(job, party, path) for party, path in files(folder).items()]
    X = np.concatenate([one.features for one in parts], axis=1)
    rng = np.random.default_rng(2)
    y = {"regression": rng.normal(size=150), "binary": rng.integers(0, 2, 150)}.get(
        job.label_kind, rng.integers(0, 3, 150)
    )
    columns = [column for one in parts for column in one.bins]
    model = job.make_learner().fit(X, y, columns=columns)
    document = listed(model.model_arrays()) | {
        "learner": job.job.learner,
        "parameters": model.get_params(),
        "columns": ["shop.b", "bank.c", "bank.kind"],
        "bins": [list(column) for column in columns],
        "preparation": parts[0].preparation.to_json(),
    }
    return model, X, document


@pytest.mark.parametrize("learner", LEARNERS)
def test_trees_of_a_file_predict_what_they_say_in_plaintext(tmp_path: Path, learner: str) -> None:
    job, place = job_of(learner), Place(tmp_path)
    model, X, document = model_of(job, tmp_path)
    run = bring(place, job, write(tmp_path / "model.json", document))
    assert run.results == ["shop", "shop"]
    found = place.predict(job, files(tmp_path)).results[1]
    np.testing.assert_allclose(found, predictions(model, X, job.label_kind), atol=2e-3)


def column(**change: Any) -> dict[str, Any]:
    one = {"type": "bins", "name": "b", "cuts": [0.0], "categories": None, "missing": True, "refuse": False, "bins": 0}
    return {"preparation": {"columns": [{**one, **change}]}}


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ({"preparation": None}, 3, r'"shop\.b": column b would be cut into bins by rows'),
        (column(cuts=[1.0, 0.0]), 3, "a preparation that cannot be read"),
        (column(cuts=None), 3, "a preparation that cannot be read"),
        (column(cuts=["1"]), 3, "a preparation that cannot be read"),
        (column(cuts=None, categories=["a", "a"]), 3, "a preparation that cannot be read"),
        (column(missing=1), 3, "a preparation that cannot be read"),
        (column(bins=4), 3, "a preparation that cannot be read"),
        (column(), 11, "is for columns with other bins"),
        ({"bins": None}, 11, "is for columns with other bins"),
        ({"left": 0.5}, 3, "left must be zeros and ones"),
        ({"leaves": []}, 3, r"leaves must be numbers in the shape \(3, 4, 1\)"),
        ({"columns": ["shop.b"]}, 11, "is for other columns"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, Any], code: int, sentence: str
) -> None:
    job = job_of("gradient_boosting_classifier")
    _, _, document = model_of(job, tmp_path)
    if change.get("left"):
        change = {"left": (np.array(document["left"]) * 0.5).tolist()}
    path = write(tmp_path / "model.json", document | change)
    with pytest.raises(MpcflError, match=sentence) as refusal:
        importing.read_model(job, ["shop", "bank"], "shop", path)
    assert refusal.value.code == code


def test_declared_bins_serve_rows_that_are_split(tmp_path: Path) -> None:
    text = HEAD.replace('[columns]\nshop = ["b"]\nbank', '[columns]\n"*"').replace('"bank.', '"*.')
    text = text.replace('label = "shop.bought"', 'label = "*.bought"\npartition = "rows"')
    job = Job.from_text(text.replace("LEARNER", "decision_tree_regressor").replace("PARAMETERS", ""), "job.toml")
    learner, bins = job.make_learner(), [[3, True, False], [2, False, True]]
    arrays = {"left": np.zeros((1, 6, 3)), "leaves": np.arange(4.0).reshape(1, 4, 1)}
    arrays["left"][0, :2, 0] = arrays["left"][0, 4, 1:] = 1
    preparation = importing.declared(job, "shop").to_json()
    document = listed(arrays) | {"learner": job.job.learner, "parameters": learner.get_params(), "bins": bins}
    document |= {"columns": ["c", "kind"], "preparation": preparation}
    place = Place(tmp_path)
    path = write(tmp_path / "model.json", document)
    bring(place, job, path)
    rows = {"bank": tmp_path / "rows.csv"}
    rows["bank"].write_text("id,c,kind\n1,-1,blue\n2,-1,red\n3,3,blue\n4,,red\n")
    # the second child of the root is the right one, and its own children follow those of the left one
    np.testing.assert_array_equal(place.predict(job, rows).results[1][:, 0], [0, 2, 1, 3])
    other = text.replace('"*.c" = { cuts = [-0.5, 0.5] }', "")
    with pytest.raises(InputError, match=r'"\*\.c": column c would be cut'):
        importing.declared(
            Job.from_text(other.replace("LEARNER", "decision_tree_regressor").replace("PARAMETERS", ""), "j"), "shop"
        )
    assert json.loads(path.read_text())["bins"] == bins
