"""Who holds what: rows of their own at every party, and labels at a party that has nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import mpcfl as command
from shops import write
from sklearn.linear_model import Ridge

import mpcfl
from mpcfl import training
from mpcfl.assembly import Extent, ids_differ
from mpcfl.cli import call
from mpcfl.contribution import Contribution
from mpcfl.disclosure import IDS_AGREE, IDS_DIFFER, agreed, facts
from mpcfl.errors import InputError, Mismatch
from mpcfl.job import Job
from mpcfl.learn import metrics
from mpcfl.learn.evaluation import evaluate
from mpcfl.learn.scaling import Scaler
from mpcfl.outcome import model_document
from mpcfl.progress import Progress

PARTIES = ("north", "south")
COUNTS = {"north": 90, "south": 60}
JOB = """
[job]
name = "clinics"
learner = "logistic_regression"
id = "id"
label = "*.ill"
partition = "rows"
seed = 3
[columns]
"*" = ["age", "kind", "pressure", "dose"]
[prepare.columns]
"*.kind" = { categories = ["a", "b"] }
"*.pressure" = { range = [50, 250] }
"*.dose" = { scale = "none", fill = 0.5 }
[split]
test = 0.2
[learner]
epochs = 6
batch_size = 32
[disclose]
model = ["north"]
metrics = ["north", "south"]
"""


def job_of(text: str = JOB) -> Job:
    return Job.from_text(text, "job.toml")


def files(folder: Path) -> dict[str, Path]:
    """Columns whose scales differ from party to party, with cells missing in each."""
    rng = np.random.default_rng(8)
    paths = {}
    for place, (party, n) in enumerate(COUNTS.items()):
        age, pressure = rng.normal(40 + 20 * place, 12, n), rng.normal(120 + 10 * place, 15, n)
        kind, dose = rng.choice(["a", "b", "c"], n), rng.uniform(0, 1, n)
        ill = (age / 20 + (kind == "a") + dose - 3 + rng.normal(0, 0.5, n) > 0).astype(int)
        cells = [str(value) if row % 7 else "" for row, value in enumerate(age)]
        doses = [str(value) if row % 5 else "" for row, value in enumerate(dose)]
        table = {"id": [f"{party}{row:03d}" for row in range(n)], "pressure": pressure, "kind": kind}
        paths[party] = write(folder / f"{party}.csv", table | {"ill": ill, "age": cells, "dose": doses})
    return paths


def read(job: Job, paths: Mapping[str, Path]) -> dict[str, Contribution]:
    return {party: Contribution.read(job, party, path) for party, path in paths.items()}


def simulate(job: Job, contributions: Mapping[str, Contribution], parties: Any = PARTIES) -> mpcfl.Run:
    return mpcfl.simulate(
        lambda session: training.train(session, job, contributions[session.name]),
        parties,
        seed=1,
        disclosures=agreed(job, parties),
    )


def pooled(
    job: Job, contributions: Mapping[str, Contribution], parties: Sequence[str] = PARTIES
) -> tuple[Any, Any, Any, Any, Scaler]:
    """The same preparation in float64 on all rows together."""
    parts = [contributions[party] for party in parties]
    X, y = np.concatenate([one.features for one in parts]), np.concatenate([one.labels for one in parts])
    missing = np.concatenate([one.missing for one in parts])
    train, test = Extent.of_rows(job, [one.rows for one in parts]).split(job)
    columns = job.pooled()
    scaler = Scaler(columns.filled, columns.scaled).fit(X[train], missing[train])
    return scaler.transform(X, missing), y, train, test, scaler


@pytest.fixture(scope="module")
def clinics(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, dict[str, Contribution], mpcfl.Run]:
    job = job_of()
    contributions = read(job, files(tmp_path_factory.mktemp("clinics")))
    return job, contributions, simulate(job, contributions)


def test_rows_of_two_parties_train_the_model_of_the_pooled_rows(
    clinics: tuple[Job, dict[str, Contribution], mpcfl.Run],
) -> None:
    job, contributions, run = clinics
    X, y, train, test, scaler = pooled(job, contributions)
    model = job.make_learner().fit(X[train], y[train])
    north, south = run.results
    np.testing.assert_allclose(north.model["coef"], model.coef_, rtol=2e-3, atol=2e-3)
    for part in ("fill", "center", "spread"):
        np.testing.assert_allclose(north.model[part], getattr(scaler, f"{part}_"), rtol=1e-3, atol=1e-4)
    assert south.model is None
    assert north.columns == ["age", "kind=a", "kind=b", "pressure", "dose"]
    for name, value in evaluate(model, X[test], y[test]).items():
        assert abs(north.metrics[name] - float(value)) < 5e-3
        assert south.metrics[name] == north.metrics[name]


def test_the_pooled_preparation_is_that_of_the_rows_in_one_file(
    clinics: tuple[Job, dict[str, Contribution], mpcfl.Run],
) -> None:
    job, contributions, _ = clinics
    X, _, train, _, _ = pooled(job, contributions)
    north = contributions["north"]
    assert north.missing is not None
    assert north.missing.shape == (90, 2)
    np.testing.assert_allclose(X[train][:, [0, 3]].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X[train][:, [0, 3]].std(axis=0), 1, atol=1e-12)
    assert set(X[:, 1]) == set(X[:, 2]) == {0.0, 1.0}
    assert (X[:, 4] == 0.5).sum() == 18 + 12


def test_of_every_party_a_part_is_held_out_and_counted() -> None:
    job = job_of()
    train, test = Extent.of_rows(job, [90, 60]).split(job)
    assert (len(train), len(test), (test < 90).sum()) == (120, 30, 18)
    assert sorted([*train, *test]) == list(range(150))


def test_what_is_said_is_what_was_printed_and_the_plan_is_exact(
    clinics: tuple[Job, dict[str, Contribution], mpcfl.Run],
) -> None:
    job, contributions, run = clinics
    said = {entry.purpose for entry in run.ledgers[0].entries if entry.exposure == "output"}
    assert said == {fact.what for fact in facts(job, PARTIES, 90, "dealer") if fact.output}
    assert IDS_AGREE not in said
    cost = training.plan(job, PARTIES, run.results[0].extent)
    assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)
    document = model_document(job, run.results[0], contributions["north"])
    assert document is not None
    assert document["preparation"]["columns"][1]["categories"] == ("a", "b")
    assert len(document["spread"]) == 2
    assert "rows" not in training.terms(job, 90)
    progress = Progress(job, 90, None)  # type: ignore[arg-type]
    progress.sized(run.results[0].extent)
    assert (progress._steps, progress._step) == (18, 32)


def test_three_parties_with_rows_of_their_own(tmp_path: Path) -> None:
    names = ("north", "south", "west")
    job = job_of(JOB.replace("epochs = 6", "epochs = 1").replace(', "south"]', ', "west"]'))
    paths = files(tmp_path)
    paths["west"] = tmp_path / "west.csv"
    paths["west"].write_text(paths["south"].read_text().replace("south", "west"))
    contributions = read(job, paths)
    run = simulate(job, contributions, names)
    X, y, train, test, _ = pooled(job, contributions, names)
    model = job.make_learner().fit(X[train], y[train])
    np.testing.assert_allclose(run.results[0].model["coef"], model.coef_, rtol=2e-3, atol=2e-3)
    assert run.results[2].metrics["accuracy"] == pytest.approx(model.score(X[test], y[test]), abs=0.03)
    assert set(run.results[1].metrics.values()) == {None}


def test_an_id_that_stands_at_two_parties_is_refused_and_only_that_is_told(
    clinics: tuple[Job, dict[str, Contribution], mpcfl.Run],
) -> None:
    job, contributions, _ = clinics
    south = contributions["south"]
    twice = replace(south, ids=sorted([*south.ids[1:], "north007"]))
    with pytest.raises(Mismatch, match="an id stands at two parties or more"):
        simulate(job, contributions | {"south": twice})

    def program(session: mpcfl.Session) -> bool:
        mine = twice if session.name == "south" else contributions["north"]
        return bool(ids_differ(session, Extent.of_rows(job, [90, 60]), mine.digests()))

    run = mpcfl.simulate(program, PARTIES, disclosures=agreed(job, PARTIES))
    assert run.results == [False, False]
    said = [entry for entry in run.ledgers[0].entries if entry.exposure == "output"]
    assert {(entry.purpose, entry.shape) for entry in said} == {(IDS_DIFFER, ())}
    digests = south.digests()
    assert len(set(digests.tolist())) == 60
    assert digests.min() >= 0
    assert int(digests.max()).bit_length() <= 61


def test_a_party_may_have_one_class_alone(tmp_path: Path) -> None:
    job = job_of()
    paths = files(tmp_path)
    text = paths["south"].read_text().splitlines()
    head = text[0].split(",")
    place = head.index("ill")
    rows = [line.split(",") for line in text[1:]]
    paths["south"].write_text("\n".join([text[0], *(",".join([*r[:place], "1", *r[place + 1 :]]) for r in rows)]))
    assert set(Contribution.read(job, "south", paths["south"]).labels) == {1}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "right", "sentence"),
    [
        ('label = "north.ill"', 'label = "*.ill"', 'job.label must be of "*", all parties'),
        ('"north" =', '"*" =', 'columns."north" must be of "*", all parties'),
        ("[columns]\n", '[columns]\n"*" = ["age", "kind", "pressure", "dose"]\n', 'columns."*" is missing'),
        ('partition = "columns"', 'partition = "rows"', 'job.label must name a party: "*" is for job.partition'),
        ('{ type = "text" }', '{ categories = ["a", "b"] }', 'columns."*.kind".categories is missing: categories are'),
        ('type = "number", categories', "categories", 'columns."*.kind".categories is for text'),
        ("[250, 50]", "[50, 250]", "range must be two numbers, the smaller first"),
        ('missing = "median"', "range = [50, 250]", "missing must be mean, zero or refuse"),
        ('[prepare]\nmissing = "median"\n[split]', "[split]", "prepare.missing must be mean, zero or refuse"),
    ],
)
def test_a_wrong_partition_is_refused_in_one_sentence(wrong: str, right: str, sentence: str) -> None:
    text = JOB.replace(right, wrong)
    assert text != JOB
    with pytest.raises(InputError) as refusal:
        job_of(text)
    assert sentence in str(refusal.value)


def test_what_is_for_rows_is_refused_of_columns() -> None:
    text = '[job]\nname = "n"\nlearner = "ridge"\nid = "id"\nlabel = "a.y"\n[prepare.columns]\n"a.x" = { fill = 1 }'
    with pytest.raises(InputError, match=r'prepare.columns."a.x".fill is for job.partition = "rows"'):
        job_of(text)


def test_nothing_is_disclosed_to_a_star() -> None:
    with pytest.raises(InputError, match=r"disclose\.model: no party '\*' takes part"):
        agreed(job_of(JOB.replace('model = ["north"]', 'model = ["*"]')), PARTIES)


def test_a_cell_outside_the_declared_range_is_refused(tmp_path: Path) -> None:
    job, paths = job_of(JOB.replace("[50, 250]", "[50, 100]")), files(tmp_path)
    with pytest.raises(InputError, match=r"column pressure: the cell is outside the range that the job declares"):
        Contribution.read(job, "north", paths["north"])


def test_it_is_not_recorded_ahead() -> None:
    with pytest.raises(InputError, match="not recorded ahead"):
        training.record(None, job_of(), 120, 2)  # type: ignore[arg-type]


def test_scaling_fills_and_keeps_constant_columns_and_runs_alike_on_secrets() -> None:
    rng = np.random.default_rng(2)
    X = np.stack([rng.normal(5, 3, 50), np.full(50, 2.0), rng.normal(size=50), np.zeros(50)], axis=1)
    empty = np.stack([np.arange(50) % 4 == 0, np.ones(50, bool)], axis=1) * 1.0
    X[:, 0] *= 1 - empty[:, 0]

    def program(session: mpcfl.Session) -> Any:
        x, missing = session.share(X, 0, X.shape), session.share(empty, 1, empty.shape)
        return Scaler([0, 3], [0, 1]).fit(x, missing).transform(x, missing).reveal()

    plain = Scaler([0, 3], [0, 1]).fit(X, empty).transform(X, empty)
    np.testing.assert_allclose(mpcfl.simulate(program, seed=1).results[0], plain, atol=1e-3)
    np.testing.assert_allclose(plain[:, 0].mean(), 0, atol=1e-12)
    assert (plain[:, 1] == 0).all()
    assert (plain[:, 2] == X[:, 2]).all()
    assert (plain[:, 3] == 0).all()


def test_labels_at_a_party_without_features(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    X = rng.normal(size=(120, 3))
    y = X @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.normal(size=120)
    ids = [f"i{row:03d}" for row in range(120)]
    paths = {
        "archive": write(tmp_path / "archive.csv", {"id": ids, "a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}),
        "readers": write(tmp_path / "readers.csv", {"id": ids[::-1], "y": y[::-1]}),
    }
    job = job_of(
        '[job]\nname = "n"\nlearner = "ridge"\nid = "id"\nlabel = "readers.y"\n[learner]\nl2 = 0.01\n'
        '[disclose]\nmodel = ["readers"]\nmetrics = ["readers"]\n'
    )
    contributions = read(job, paths)
    assert (contributions["readers"].width, contributions["archive"].labels) == (0, None)
    archive, readers = simulate(job, contributions, ("archive", "readers")).results
    features, labels = contributions["archive"].features, contributions["readers"].labels
    train, test = readers.extent.split(job)
    scikit = Ridge(alpha=0.01 * len(train)).fit(features[train], labels[train])
    np.testing.assert_allclose(readers.model["coef"], scikit.coef_, rtol=2e-3)
    assert abs(readers.metrics["r2"] - metrics.r2(labels[test], scikit.predict(features[test]))) < 5e-3
    assert archive.model is None
    assert set(archive.metrics.values()) == {None}


@pytest.mark.slow
def test_over_real_links_with_a_search(tmp_path: Path) -> None:
    job = tmp_path / "job.toml"
    told = 'search = ["north", "south"]\n[search]\nfolds = 2\n[search.grid]\nl2 = [1e-3, 1.0]\n'
    job.write_text(JOB.replace("epochs = 6", "epochs = 2") + told)
    data = [part for party, path in files(tmp_path).items() for part in ("--data", f"{party}={path}")]
    ended = command("local", job, *data, "--out", "out", "--json", "local.json", folder=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "auc over the folds" in ended.out
    local = json.loads((tmp_path / "local.json").read_text())
    model = json.loads((tmp_path / "out" / "north" / "model.json").read_text())
    (best,) = local["search"]["chosen"].values()
    assert best == max(local["search"]["candidates"], key=lambda one: one["score"])["parameters"]["l2"]
    assert f"l2 = {best}, chosen" in ended.out
    assert model["parameters"]["l2"] == best
    assert model["columns"] == ["age", "kind=a", "kind=b", "pressure", "dose"]
    assert call(["plan", str(job), *map(str, data), "--json", str(tmp_path / "plan.json")]) == 0
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert (plan["rounds"], plan["bytes_sent"]) == (local["rounds"], local["bytes_sent"])
