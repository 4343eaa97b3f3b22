"""Trees as jobs of parties with rows of their own: bins that are those of all rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kept import Place
from shops import write

from mpcfl import training
from mpcfl.contribution import Contribution
from mpcfl.data import split_rows
from mpcfl.disclosure import CUTS, outputs
from mpcfl.errors import InputError
from mpcfl.job import Job
from mpcfl.learn.predicting import predictions
from mpcfl.outcome import model_document

BOOSTED = "n_estimators = 3\nmax_depth = 2\nmax_bins = 6\nlearning_rate = 0.3\n"
ROWS = (
    '[job]\nname = "clinics"\nlearner = "gradient_boosting_classifier"\nid = "id"\nlabel = "*.ill"\n'
    'partition = "rows"\n'
    'seed = 3\n[columns]\n"*" = ["age", "kind", "dose"]\n[prepare.columns]\n"*.kind" = { categories = ["a", "b"] }\n'
    f"[split]\ntest = 0.2\n[learner]\n{BOOSTED}"
    '[save]\nmodel = true\n[disclose]\nmodel = ["north"]\nmetrics = ["north"]\npredictions = ["north", "south"]\n'
    '[serve]\nrequester = "south"\n'
)
CLINICS = ("north", "south")


def clinics(folder: Path) -> dict[str, Path]:
    rng = np.random.default_rng(8)
    paths = {}
    for party, rows in zip(CLINICS, (90, 70), strict=True):
        age, dose = rng.integers(20, 90, rows), rng.normal(size=rows)
        kind = np.array(["a", "b", ""])[rng.integers(0, 3, rows)]
        cells = ["" if row % 11 == 0 else str(value) for row, value in enumerate(age)]
        ill = ((age > 50) ^ (dose > 0.3) | (kind == "b")) * 1
        ids = [f"{party}{row:03d}" for row in range(rows)]
        columns = {"id": ids, "dose": np.round(dose, 5), "age": cells, "kind": kind, "ill": ill}
        paths[party] = write(folder / f"{party}.csv", columns)
    return paths


@pytest.mark.parametrize("declared", [False, True])
def test_bins_are_those_of_all_rows(tmp_path: Path, declared: bool) -> None:
    cuts = '"*.age" = { cuts = [35, 50, 60] }\n"*.dose" = { cuts = [0, 0.3], missing = "refuse" }\n'
    text = ROWS.replace("[split]", cuts + "[split]") if declared else ROWS
    job, place, paths = Job.from_text(text, "job.toml"), Place(tmp_path, CLINICS), clinics(tmp_path)
    assert any(fact.what == CUTS for fact in outputs(job, CLINICS)) is not declared
    run = place.train(job, paths)
    north = run.results[0]
    cost = training.plan(job, CLINICS, north.extent)
    assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)
    parts = {party: Contribution.read(job, party, path) for party, path in paths.items()}
    document = model_document(job, north, parts["north"])
    assert document is not None
    found = [column["cuts"] for column in document["preparation"]["columns"]]
    assert document["bins"][1] == [2, False, True]
    train = [split_rows(one.rows, 0.2, 3)[0] for one in parts.values()]
    if not declared:
        assert document["bins"][0] == [6, True, False]
        dose = np.concatenate([one.features[rows, 2] for one, rows in zip(parts.values(), train, strict=True)])
        expected = np.percentile(dose, np.linspace(0, 100, 7)[1:-1], method="midpoint")
        np.testing.assert_allclose(found[2], expected, atol=2e-5)
        assert np.nanmin(parts["north"].features[:, 0]) < found[0][0] < found[0][-1] < 90
        cut = np.array([found[0], found[2]])
        parts = {name: one.cut(cut) for name, one in parts.items()}
    X, y = (np.concatenate([getattr(one, what) for one in parts.values()]) for what in ("features", "labels"))
    rows = np.concatenate([train[0], parts["north"].rows + train[1]])
    columns = parts["north"].bins
    model = job.make_learner().fit(X[rows], y[rows], columns=columns)
    assert (north.model["left"] == model.left_).all()
    expected = predictions(model, X, "binary")
    used = place.predict(job, paths)
    np.testing.assert_allclose(np.concatenate(used.results), expected, atol=2e-3)
    answers, _ = place.serve(job, {"south": paths["south"]}, ['{"ids": ["south004"]}', '{"rows": [[55, "b", 0.1]]}'])
    np.testing.assert_allclose(answers[0]["predictions"], expected[94], atol=2e-3)
    assert 0 < answers[1]["predictions"][0] < 1


def test_text_needs_categories() -> None:
    with pytest.raises(InputError, match=r'"\*.kind".categories is missing'):
        Job.from_text(ROWS.replace('categories = ["a", "b"]', 'type = "text"'), "job.toml")


def test_a_column_without_numbers_at_a_party_is_refused(tmp_path: Path) -> None:
    paths = clinics(tmp_path)
    lines = [line.split(",") for line in paths["south"].read_text().splitlines()]
    paths["south"].write_text(
        "\n".join(",".join([*row[:2], row[2] if row[0] == "id" else "", *row[3:]]) for row in lines)
    )
    with pytest.raises(InputError, match="south has no number in column age"):
        Place(tmp_path, CLINICS).train(Job.from_text(ROWS, "job.toml"), paths)
