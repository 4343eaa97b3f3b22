"""Jobs with every kind of learner: labels, what is disclosed, and results as in plaintext."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from shops import write

import mpcfl
from mpcfl import outcome, training
from mpcfl.assembly import Extent
from mpcfl.contribution import Contribution
from mpcfl.data import split_rows
from mpcfl.disclosure import VALIDATION, agreed, facts
from mpcfl.errors import InputError
from mpcfl.job import Job
from mpcfl.learn.evaluation import NAMES, evaluate
from mpcfl.learn.neural.network import Network
from mpcfl.learners import LEARNERS
from mpcfl.outcome import Outcome, alone, model_document, onnx_document

PARTIES = ("shop", "bank")
PERCEPTRON = 'hidden_layer_sizes = [4]\nactivation = "tanh"\nsolver = "sgd"\nlearning_rate_init = 0.1\nbatch_size = 32'
TREES = "max_depth = 2\nmax_bins = 6"
PARAMETERS = {
    "logistic_regression": 'solver = "newton"\niterations = 3\nl2 = 0.1',
    "linear_svm": "iterations = 3\nl2 = 0.1",
    "multinomial_logistic_regression": 'classes = 3\nsolver = "sgd"\nepochs = 2\nclass_weight = { 2 = 2 }',
    "one_vs_rest_logistic_regression": "classes = 3\nl2 = 0.1\niterations = 3",
    "lasso": "l1 = 0.1\niterations = 20",
    "elastic_net": "l1 = 0.1\nl2 = 1\niterations = 20",
    "ridge": "l2 = 0.1\nstandard_errors = true",
    "poisson_regression": "iterations = 4\nstandard_errors = true",
    "gamma_regression": "iterations = 4",
    "tweedie_regression": "iterations = 4\npower = 1.5",
    "mlp_classifier": "classes = 3\nmax_iter = 2\n" + PERCEPTRON,
    "mlp_regressor": "max_iter = 2\n" + PERCEPTRON,
    "network": """classes = 2
epochs = 2
layers = [{ type = "dense", units = 4 }, { type = "batch_norm" }, { type = "tanh" }]""",
    "gradient_boosting_classifier": "n_estimators = 2\nclasses = 3\n" + TREES,
    "gradient_boosting_regressor": "n_estimators = 2\n" + TREES,
    "random_forest_classifier": "n_estimators = 4\n" + TREES,
    "random_forest_regressor": "n_estimators = 2\n" + TREES,
    "decision_tree_classifier": "classes = 3\n" + TREES,
    "decision_tree_regressor": TREES,
}


def job_of(learner: str, parameters: str = "", label: str = "shop.y") -> Job:
    return Job.from_text(
        f'[job]\nname = "shops"\nlearner = "{learner}"\nid = "id"\nlabel = "{label}"\nseed = 3\n'
        f'[learner]\n{parameters}\n[split]\ntest = 0.2\n[disclose]\nmodel = ["shop"]\nmetrics = ["shop", "bank"]\n',
        "job.toml",
    )


def files(folder: Path, kind: str, rows: int = 120) -> dict[str, Path]:
    """Two columns a party, and a label that follows from them."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(rows, 4))
    score = X @ [1.0, -0.5, 0.5, 0.2] + 0.3 * rng.normal(size=rows)
    labels: dict[str, NDArray[Any]] = {
        "binary": (score > 0).astype(int),
        "multiclass": np.digitize(score, [-0.5, 0.7]),
        "regression": np.exp(0.3 * score) + 0.5,
    }
    ids = [f"c{row:04d}" for row in range(rows)]
    return {
        "shop": write(folder / "shop.csv", {"id": ids, "a": X[:, 0], "b": X[:, 1], "y": labels[kind]}),
        "bank": write(folder / "bank.csv", {"id": ids, "c": X[:, 2], "d": X[:, 3]}),
    }


def arrays(model: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of a model, those of its parts too, by name."""
    return {
        name: array
        for part, value in model.items()
        for name, array in (value.items() if part == "weights" else [(part, value)])
    }


def simulate(job: Job, contributions: dict[str, Contribution]) -> mpcfl.Run:
    return mpcfl.simulate(
        lambda session: training.train(session, job, contributions[session.name]),
        PARTIES,
        seed=1,
        disclosures=agreed(job, PARTIES),
    )


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_learner_runs_as_a_job(tmp_path: Path, learner: str) -> None:
    job = job_of(learner, PARAMETERS.get(learner, ""))
    contributions = {
        party: Contribution.read(job, party, path) for party, path in files(tmp_path, job.label_kind).items()
    }
    run = simulate(job, contributions)
    shop, bank = run.results
    X, y = np.concatenate([one.features for one in contributions.values()], axis=1), contributions["shop"].labels
    assert y is not None
    train, test = split_rows(len(X), job.split.test, job.job.seed)
    model = job.make_learner().fit(X[train], y[train], **shop.extent.fitting)
    found, plain = arrays(shop.model), arrays(model.model_arrays())
    assert found.keys() == plain.keys()
    for name, values in plain.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-3, atol=2e-3)
    expected = evaluate(model, X[test], y[test])
    assert tuple(shop.metrics) == tuple(expected) == job.metrics == NAMES[model.kind]
    assert shop.metrics == bank.metrics
    for name, value in expected.items():
        assert shop.metrics[name] == pytest.approx(float(value), abs=5e-3)
    assert bank.model is None
    # what is said is what was printed, and costs what was foreseen
    said = {entry.purpose for entry in run.ledgers[1].entries if entry.exposure == "output"}
    assert said == {fact.what for fact in facts(job, PARTIES, 120, "dealer") if fact.output}
    cost = training.plan(job, PARTIES, shop.extent)
    assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)
    # and what is left behind is JSON
    document = json.loads(json.dumps(model_document(job, shop, contributions["shop"]), allow_nan=False))
    assert {name: np.shape(values) for name, values in arrays(document).items() if name in plain} == {
        name: np.shape(values) for name, values in plain.items()
    }
    graph = onnx_document(job, shop)
    assert (graph is not None) == isinstance(model, Network)
    if graph is not None:
        (scores,) = ReferenceEvaluator(onnx.load_from_string(graph)).run(None, {"input": X[test].astype(np.float32)})
        assert np.abs(scores - model.outputs(X[test]).reshape(scores.shape)).max() < 1e-2
    assert ("p_values" in document) is job.inference
    if job.inference:
        assert document["standard_errors"] == pytest.approx(model.standard_errors_.tolist(), rel=2e-3)
        assert document["p_values"] == pytest.approx(model.p_values_.tolist(), abs=2e-3)
    outcome = Outcome(shop.metrics, run.rounds, {"shop": 1}, 2, 3.0, None, None)
    assert Outcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome
    assert set(alone(job, contributions["shop"])) == set(expected)


@pytest.mark.parametrize(
    ("learner", "parameters", "kind", "sentence"),
    [
        (
            "multinomial_logistic_regression",
            "classes = 2",
            "multiclass",
            "a class number is above 1, and learner.classes",
        ),
        ("multinomial_logistic_regression", "classes = 3", "regression", "is no class number"),
        ("linear_svm", "", "multiclass", "neither 0 nor 1"),
    ],
)
def test_labels_of_another_kind_are_refused(
    tmp_path: Path, learner: str, parameters: str, kind: str, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        Contribution.read(job_of(learner, parameters), "shop", files(tmp_path, kind)["shop"])


@pytest.mark.parametrize(("cell", "sentence"), [("9000", "8192 or more in magnitude"), ("much", "no finite number")])
def test_targets_without_room_are_refused(tmp_path: Path, cell: str, sentence: str) -> None:
    path = write(
        tmp_path / "shop.csv", {"id": ["1", "2", "3", "4", "5"], "a": range(5), "y": ["1", "2", "3", cell, "5"]}
    )
    with pytest.raises(InputError, match=sentence) as refusal:
        Contribution.read(job_of("ridge"), "shop", path)
    assert cell not in str(refusal.value)


@pytest.mark.parametrize(
    ("learner", "parameters", "sentence"),
    [
        ("multinomial_logistic_regression", "", "learner.classes is missing: the number of classes is public."),
        ("multinomial_logistic_regression", "classes = 1", "learner.classes is refused: classes must be an integer"),
        (
            "multinomial_logistic_regression",
            "classes = 3\nclass_weight = { 3 = 1.0 }",
            "learner.class_weight has no classes but 0 to 2.",
        ),
        ("logistic_regression", "class_weight = { 2 = 1.0 }", "learner.class_weight has no classes but 0 to 1."),
        ("ridge", "epochs = 3", "learner.epochs is no parameter of ridge"),
        ("lasso", "l1 = -1", "learner.l1 is refused: l1 must be a finite number of at least 0."),
        ("tweedie_regression", "power = 0.5", "learner.power is refused: power must be 0, or a finite number"),
        ("linear_svm", 'loss = "hinge"', "learner.solver is refused: solver must be sgd or adam for the hinge"),
    ],
)
def test_a_wrong_learner_is_refused_in_one_sentence(learner: str, parameters: str, sentence: str) -> None:
    with pytest.raises(InputError) as refusal:
        job_of(learner, parameters)
    assert sentence in str(refusal.value)


def test_without_the_extra_there_is_no_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = {"0.weight": np.ones((2, 1)), "0.bias": np.zeros(1)}
    job = job_of("network")
    result = training.Result(["shop.a", "bank.c"], {"weights": weights}, {}, Extent(10, (1, 1), (8, 8)))
    assert onnx_document(job, result) is not None
    monkeypatch.setattr(outcome, "onnx_graph", None)
    assert onnx_document(job, result) is None


def test_standard_errors_are_for_readers_of_the_model() -> None:
    with pytest.raises(InputError, match="name them in disclose"):
        Job.from_text(
            '[job]\nname = "n"\nlearner = "ridge"\nid = "id"\nlabel = "shop.y"\n[learner]\nstandard_errors = true\n'
            '[disclose]\nmetrics = ["shop"]',
            "job.toml",
        )


class TestStopping:
    LEARNER = "epochs = 30\nbatch_size = 32\nlearning_rate = 1"

    def job(self, stopping: str, validation: str = 'validation = ["shop", "bank"]', learner: str = LEARNER) -> Job:
        return Job.from_text(
            '[job]\nname = "shops"\nlearner = "logistic_regression"\nid = "id"\nlabel = "shop.y"\nseed = 3\n'
            f'[learner]\n{learner}\n[split]\ntest = 0.2\n{stopping}\n[disclose]\nmodel = ["shop"]\n{validation}\n',
            "job.toml",
        )

    def test_training_ends_by_the_losses_that_all_learn(self, tmp_path: Path) -> None:
        job = self.job("[stopping]\npatience = 2\ntolerance = 0.001")
        contributions = {
            party: Contribution.read(job, party, path) for party, path in files(tmp_path, "binary").items()
        }
        run = simulate(job, contributions)
        told = [
            [entry.purpose for entry in ledger.entries if (entry.exposure, entry.direction) == ("output", "out")]
            for ledger in run.ledgers
        ]
        looks = told[0].count(VALIDATION)
        assert 2 < looks < 30
        assert told[1].count(VALIDATION) == looks
        said = {entry.purpose for entry in run.ledgers[0].entries if entry.exposure == "output"}
        assert said <= {fact.what for fact in facts(job, PARTIES, 120, "dealer") if fact.output}
        cost = training.plan(job, PARTIES, run.results[0].extent)
        assert cost.rounds > run.rounds
        # where nothing is ever gained, it is over after the first look and those that it waits for
        short = self.job("[stopping]\npatience = 2\ntolerance = 100.0\nevery = 3")
        losses = [
            entry.purpose for entry in simulate(short, contributions).ledgers[0].entries if entry.direction == "out"
        ]
        assert losses.count(VALIDATION) == 3

    def test_it_needs_the_disclosure_to_all(self) -> None:
        with pytest.raises(InputError, match="must name all parties"):
            agreed(self.job("[stopping]", 'validation = ["shop"]'), PARTIES)
        with pytest.raises(InputError, match="must name all parties"):
            agreed(self.job("[stopping]", ""), PARTIES)
        with pytest.raises(InputError, match="there is none"):
            self.job("")

    def test_it_is_for_steps_on_minibatches_and_has_no_tape(self) -> None:
        with pytest.raises(InputError, match="trained by sgd or adam"):
            self.job("[stopping]", learner='solver = "newton"')
        with pytest.raises(InputError, match="not recorded ahead"):
            training.record(None, self.job("[stopping]"), 120, 2)  # type: ignore[arg-type]
