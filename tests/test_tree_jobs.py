"""Trees as jobs, through their whole life: bins by their owners, trained, kept, used, resumed, brought in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shops
from kept import Broken, Place
from shops import write
from sklearn.metrics import roc_auc_score

from mpcfl import training
from mpcfl.binning import tell_bins
from mpcfl.contribution import Contribution
from mpcfl.data import split_rows
from mpcfl.disclosure import EXCLUDED, NOBODY, OWN_SPLITS, VALIDATION, export_facts, facts, listed
from mpcfl.errors import InputError, Mismatch, ProtocolViolation
from mpcfl.job import Job
from mpcfl.keeping import SavedModel
from mpcfl.learn.evaluation import evaluate
from mpcfl.learn.predicting import predictions
from mpcfl.learn.trees import Bins, Column
from mpcfl.outcome import alone, model_document
from mpcfl.prediction import no_rows
from mpcfl.session import Session
from mpcfl.simulation import simulate

PARTIES = ("shop", "bank")
IDS = [f"c{row:04d}" for row in range(150)]
BOOSTED = "n_estimators = 3\nmax_depth = 2\nmax_bins = 6\nlearning_rate = 0.3\n"
KEEP = '[save]\nmodel = true\n[disclose]\npredictions = ["bank"]\n[serve]\nrequester = "bank"\n'
BOTH = '[disclose]\nmodel = ["shop"]\nmetrics = ["shop", "bank"]\n'


def job_of(
    text: str, learner: str = "gradient_boosting_classifier", parameters: str = BOOSTED, label: str = "bought"
) -> Job:
    return Job.from_text(
        f'[job]\nname = "shops"\nlearner = "{learner}"\nid = "id"\nlabel = "shop.{label}"\nseed = 3\n'
        f"[learner]\n{parameters}[split]\ntest = 0.2\n{text}",
        "job.toml",
    )


def files(folder: Path) -> dict[str, Path]:
    """Numbers of which some are missing, and at the bank a text column with a category that training does not see."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(150, 3))
    kind = np.array(["red", "blue", "", 'Grün "é"'])[rng.integers(0, 4, 150)]
    score = X[:, 0] * X[:, 1] + (kind == "blue") + 0.3 * rng.normal(size=150)
    cells = [[f"{value:.6f}" for value in column] for column in X.T]
    cells[1][::9] = [""] * len(cells[1][::9])
    order = rng.permutation(150)
    kind = kind.astype(object)
    _, test = split_rows(150, 0.2, 3)
    kind[test[0]] = "violet"
    labels = {"bought": (score > 0.4) * 1, "class": np.digitize(score, [0, 0.8]), "spent": np.round(score, 6)}
    return {
        "shop": write(folder / "shop.csv", {"id": IDS, "a": cells[0], "b": cells[1], **labels}),
        "bank": write(
            folder / "bank.csv",
            {
                "id": [IDS[row] for row in order],
                "c": [cells[2][row] for row in order],
                "kind": [kind[row] for row in order],
            },
        ),
    }


def read(job: Job, paths: Mapping[str, Path]) -> dict[str, Contribution]:
    return {party: Contribution.read(job, party, path) for party, path in paths.items()}


COLUMNS = '[columns]\nshop = ["a", "b"]\nbank = ["c", "kind"]\n'


def plaintext(job: Job, paths: Mapping[str, Path]) -> tuple[Any, Any, Any, Any]:
    """The same learner on the same bins, all rows of bins, labels, and numbers of the rows held out."""
    parts = read(job, paths)
    X, y = np.concatenate([one.features for one in parts.values()], axis=1), parts["shop"].labels
    assert y is not None
    train, test = split_rows(len(X), job.split.test, job.job.seed)
    columns = [column for one in parts.values() for column in one.bins]
    return job.make_learner().fit(X[train], y[train], columns=columns), X, y, test


class TestBins:
    def test_each_owner_cuts_its_columns_by_its_training_rows(self, tmp_path: Path) -> None:
        job = job_of(BOTH + COLUMNS)
        shop, bank = read(job, files(tmp_path)).values()
        assert shop.bins == (Column(6), Column(6, True))
        assert bank.bins == (Column(6), Column(3, True, True))
        assert bank.features.dtype == np.bool_
        assert bank.features.shape == (150, 10)
        train, _ = split_rows(150, 0.2, 3)
        assert bank.features[train].sum(axis=1).tolist() == [2] * 120
        assert bank.features.sum() == 299  # the violet one is in no bin
        values = np.array([row.split(",")[1] for row in (tmp_path / "shop.csv").read_text().splitlines()[1:]], float)
        np.testing.assert_array_equal(shop.features[:, :6], Bins(6).fit(values[train, None]).onehot(values[:, None]))

    def test_what_a_job_declares_is_taken_as_it_is(self, tmp_path: Path) -> None:
        text = (
            '[prepare.columns]\n"shop.a" = { cuts = [-1, 0.5] }\n"shop.b" = { cuts = [0] }\n'
            '"bank.kind" = { categories = ["red", "blue"] }\n"bank.c" = { type = "text" }\n'
        )
        shop, bank = (
            Contribution.read(job_of(BOTH + COLUMNS + text, parameters="max_bins = 150\n"), party, path)
            for party, path in files(tmp_path).items()
        )
        assert shop.bins == (Column(3, True), Column(2, True))
        assert bank.bins == (Column(120, False, True), Column(2, False, True))

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ('[prepare]\nscale = "standard"', "prepare.scale has no meaning for a learner of trees"),
            ('[prepare]\nmissing = "median"', "prepare.missing must be refuse, or left out"),
            ('[prepare.columns]\n"shop.a" = { scale = "none" }', r'columns."shop.a".scale has no meaning'),
            ('[prepare.columns]\n"shop.a" = { fill = 0.5 }', r'columns."shop.a".fill has no meaning'),
            ('[prepare.columns]\n"shop.a" = { missing = "zero" }', r'columns."shop.a".missing must be refuse'),
            ('[prepare.columns]\n"shop.a" = { cuts = [1, 1] }', r'columns."shop.a".cuts must be numbers in ascending'),
            ('[prepare.columns]\n"shop.a" = { cuts = [1], type = "text" }', r'columns."shop.a".cuts is for numbers'),
            ('[prepare.columns]\n"shop.a" = { cuts = [1], categories = ["1"] }', r'"shop.a".categories is for text'),
        ],
    )
    def test_what_has_no_meaning_for_trees_is_refused(self, text: str, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence):
            job_of(BOTH + text)

    @pytest.mark.parametrize(
        ("parameters", "sentence"),
        [
            ("categorical_features = [1]\n", "learner.categorical_features is for programs: in a job columns of text"),
            ('disclosure = "own_splits"\n', "learner.disclosure stands in disclose.trees"),
            ("max_depth = 0\n", "learner.max_depth is refused"),
            ("[search]\ngrid = { max_bins = [4, 8] }\n", "search.grid.max_bins is no parameter"),
            ("[save]\ncheckpoint = 2\n[stopping]\n", "save.checkpoint must be 0 in a job with"),
        ],
    )
    def test_parameters_that_are_not_a_job_s_are_refused(self, parameters: str, sentence: str) -> None:
        with pytest.raises(InputError, match=sentence):
            job_of(
                BOTH.replace("[disclose]", '[disclose]\nvalidation = ["shop", "bank"]\n')
                if "stopping" in parameters
                else BOTH,
                parameters=parameters,
            )

    def test_cuts_are_for_trees(self) -> None:
        with pytest.raises(InputError, match=r'"shop.a".cuts is for learners of trees'):
            job_of(BOTH + '[prepare.columns]\n"shop.a" = { cuts = [1] }', "logistic_regression", "")

    def test_a_column_with_more_categories_than_bins_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"column kind: 3 categories of text.*learner.max_bins is 2"):
            Contribution.read(job_of(BOTH, parameters="max_bins = 2\n"), "bank", files(tmp_path)["bank"])

    @pytest.mark.parametrize(
        ("learner", "parameters", "factor", "fits"),
        [
            ("gradient_boosting_regressor", BOOSTED, 50.0, True),
            ("gradient_boosting_regressor", BOOSTED, 500.0, False),
            ("gradient_boosting_regressor", BOOSTED + 'loss = "quantile"\n', 500.0, True),
            ("gradient_boosting_regressor", BOOSTED + "base_score = 600.0\n", 50.0, False),
            ("decision_tree_regressor", "", 50.0, True),
            ("random_forest_regressor", "", 500.0, False),
        ],
    )
    def test_targets_for_whose_squares_there_is_no_room_are_refused(
        self, tmp_path: Path, learner: str, parameters: str, factor: float, fits: bool
    ) -> None:
        path = files(tmp_path)["shop"]
        rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
        spent = [float(row[5]) * factor for row in rows]
        path = write(path, {"id": [row[0] for row in rows], "a": [row[1] for row in rows], "spent": spent})
        for fraction in (18, 12):
            engine = f"[engine]\nfraction = {fraction}\n"
            job = job_of(engine + BOTH, learner, parameters, "spent")
            if fits or fraction == 12:
                assert Contribution.read(job, "shop", path).rows == 150
            else:
                with pytest.raises(
                    InputError, match=r"column spent: the sum of squares of 120 targets is 1.04858e\+06"
                ):
                    Contribution.read(job, "shop", path)

    def test_empty_cells_can_be_refused(self, tmp_path: Path) -> None:
        for missing in ('[prepare]\nmissing = "refuse"', '[prepare.columns]\n"bank.kind" = { missing = "refuse" }'):
            with pytest.raises(InputError, match="is empty, and the job refuses that"):
                Contribution.read(job_of(BOTH + missing), "bank", files(tmp_path)["bank"])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Place, dict[str, Path], Any]:
    """A job whose model was disclosed and kept."""
    folder = tmp_path_factory.mktemp("trees")
    job = job_of(KEEP.replace("[disclose]\n", BOTH) + COLUMNS)
    place, paths = Place(folder), files(folder)
    return job, place, paths, place.train(job, paths, seed=1)


Kept = tuple[Job, Place, dict[str, Path], Any]


class TestTraining:
    def test_the_trees_of_plaintext_and_what_is_said_of_them(self, kept: Kept) -> None:
        job, _, paths, run = kept
        model, X, y, test = plaintext(job, paths)
        shop, bank = run.results
        assert (shop.model["left"] == model.left_).all()
        for part, values in model.model_arrays().items():
            np.testing.assert_allclose(shop.model[part], values, atol=2e-3)
        assert shop.columns == ["shop.a", "shop.b", "bank.c", "bank.kind"]
        assert bank.model is None
        for name, value in evaluate(model, X[test], y[test]).items():
            assert bank.metrics[name] == pytest.approx(float(value), abs=2e-3)
        cost = training.plan(job, PARTIES, shop.extent)
        assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)
        said = {entry.purpose for entry in run.ledgers[1].entries if entry.exposure == "output"}
        assert said == {fact.what for fact in facts(job, PARTIES, 150, "dealer") if fact.output}

    def test_the_table_says_that_nobody_learns_of_the_trees(self, kept: Kept) -> None:
        job, *_ = kept
        told = facts(job, PARTIES, 150, "dealer")
        assert [fact.readers for fact in told if "which rows are in which node" in fact.what] == [NOBODY]
        assert any("how many bins each has" in fact.what for fact in told)

    def test_a_model_is_json_with_the_thresholds_of_its_reader(self, kept: Kept) -> None:
        job, _, paths, run = kept
        contribution = Contribution.read(job, "shop", paths["shop"])
        document = json.loads(json.dumps(model_document(job, run.results[0], contribution), allow_nan=False))
        assert document["bins"] == [[6, False, False], [6, True, False], [6, False, False], [3, True, True]]
        assert [one["name"] for one in document["preparation"]["columns"]] == ["a", "b"]
        assert len(document["preparation"]["columns"][0]["cuts"]) == 5
        assert np.shape(document["left"]) == (3, 23, 3)
        assert np.shape(document["importances"]) == (4,)

    def test_one_party_alone(self, kept: Kept) -> None:
        job, _, paths, _ = kept
        assert alone(job, Contribution.read(job, "shop", paths["shop"]))["auc"] is not None

    @pytest.mark.parametrize("bins", [0, 1 << 20])
    def test_bins_that_cannot_be_are_refused(self, bins: int) -> None:
        with pytest.raises(ProtocolViolation, match="bank told of a column with no bins or too many"):
            simulate(lambda session: tell_bins(session, (1, 1), [Column(3 if session.rank == 0 else bins)]), PARTIES)

    def test_more_columns_than_there_can_be_are_refused(self) -> None:
        with pytest.raises(ProtocolViolation, match="more than 65536 columns"):
            simulate(lambda session: tell_bins(session, (1, 1 << 30), []), PARTIES)

    def test_a_column_without_any_cell_splits_nothing(self, tmp_path: Path) -> None:
        job, place, paths = job_of(BOTH), Place(tmp_path), files(tmp_path)
        rows = [line.split(",") for line in paths["bank"].read_text().splitlines()[1:]]
        write(paths["bank"], {"id": [row[0] for row in rows], "c": [row[1] for row in rows], "kind": [""] * 150})
        run = place.train(job, paths)
        assert run.results[0].extent.bins[1] == (Column(6), Column(0, True, True))
        assert (run.results[0].model["left"] == plaintext(job, paths)[0].left_).all()
        assert run.results[0].model["importances"][-1] == 0

    @pytest.mark.parametrize("level", ["nothing", "own_splits"])
    def test_three_parties_of_whom_one_has_the_label_alone(self, tmp_path: Path, level: str) -> None:
        parties = ("shop", "bank", "post")
        text = f'[columns]\nshop = []\nbank = ["a", "b"]\npost = ["a", "kind"]\n[disclose]\ntrees = "{level}"\n'
        job = job_of(text + 'model = ["post"]\nmetrics = ["shop"]\n')
        place, paths = Place(tmp_path, parties), shops.files(tmp_path, parties=parties)
        run = place.train(job, paths)
        model, X, y, test = plaintext(job, paths)
        assert run.results[0].extent.named == (0, 2, 2)
        assert (run.results[2].model["left"] == model.left_).all()
        scores = np.round(model.decision_function(X[test]), 9)  # what is equal but for the order of its sum
        auc = roc_auc_score(y[test], scores)
        assert run.results[0].metrics["auc"] == pytest.approx(auc, abs=2e-3)
        cost = training.plan(job, parties, run.results[0].extent)
        assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)


class TestOwnSplits:
    LEVEL = KEEP.replace("[disclose]\n", BOTH.replace("[disclose]\n", '[disclose]\ntrees = "own_splits"\n')) + COLUMNS

    def test_owners_learn_the_splits_of_their_columns_and_nothing_later(self, tmp_path: Path) -> None:
        job, place, paths = job_of(self.LEVEL), Place(tmp_path), files(tmp_path)
        run = place.train(job, paths)
        model, X, *_ = plaintext(job, paths)
        assert model.disclosure == "own_splits"
        assert (run.results[0].model["left"] == model.left_).all()
        told = facts(job, PARTIES, 150, "dealer")
        said = {entry.purpose for entry in run.ledgers[1].entries if entry.exposure == "output"}
        assert said == {fact.what for fact in told if fact.output}
        assert (OWN_SPLITS in said, len([fact for fact in told if fact.readers == NOBODY])) == (True, 1)
        assert any(fact.what == EXCLUDED for fact in told)
        cost = training.plan(job, PARTIES, run.results[0].extent)
        assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)
        use = place.predict(job, paths)
        np.testing.assert_allclose(use.results[1], predictions(model, X, "binary"), atol=2e-3)
        answers, service = place.serve(job, paths, ['{"ids": ["c0004"]}'])
        assert answers[0]["predictions"] == pytest.approx(use.results[1][4], abs=2e-4)
        for later in (use, service):
            assert OWN_SPLITS not in {entry.purpose for ledger in later.ledgers for entry in ledger.entries}

    def test_a_training_goes_on(self, tmp_path: Path) -> None:
        job = job_of(self.LEVEL.replace("model = true", "checkpoint = 1\nmodel = true"))
        place, paths = Place(tmp_path), files(tmp_path)
        with pytest.raises(Broken):
            place.train(job, paths, broken=("bank", 3))
        run = place.train(job, paths)
        assert (run.results[0].model["left"] == plaintext(job, paths)[0].left_).all()

    def test_the_level_is_for_trees_and_for_columns(self) -> None:
        with pytest.raises(InputError, match=r"disclose.trees is for learners of trees, and ridge is none"):
            job_of('[disclose]\ntrees = "own_splits"\nmodel = ["shop"]\n', "ridge", "")
        rows = '[columns]\n"*" = ["a"]\n[disclose]\ntrees = "own_splits"\nmodel = ["shop"]\n'
        with pytest.raises(InputError, match=r"disclose.trees must be nothing where parties have rows"):
            Job.from_text(
                f'[job]\nname = "n"\nlearner = "decision_tree_regressor"\nid = "id"\nlabel = "*.y"\n'
                f'partition = "rows"\n{rows}',
                "job.toml",
            )

    def test_other_jobs_hashes_do_not_know_of_it(self) -> None:
        assert "disclose.trees" in job_of(BOTH).entries()
        assert "disclose.trees" not in job_of(BOTH, "ridge", "").entries()


class TestUse:
    def test_a_kept_model_predicts_what_plaintext_predicts(self, kept: Kept) -> None:
        job, place, paths, _ = kept
        model, X, *_ = plaintext(job, paths)
        found = place.predict(job, paths).results
        assert found[0] is None
        np.testing.assert_allclose(found[1], predictions(model, X, "binary"), atol=2e-3)

    def test_rounds_of_a_prediction_do_not_grow_with_rows(self, kept: Kept, tmp_path: Path) -> None:
        job, place, paths, _ = kept
        some = {}
        for party, path in paths.items():
            lines = sorted(path.read_text().splitlines()[1:])
            some[party] = tmp_path / path.name
            some[party].write_text("\n".join([path.read_text().splitlines()[0], *lines[:5]]) + "\n")
        assert place.predict(job, some).rounds == place.predict(job, paths).rounds

    def test_a_service_answers_by_ids(self, kept: Kept) -> None:
        job, place, paths, _ = kept
        expected = place.predict(job, paths).results[1][:, 0]
        costs = []
        for number in (1, 2, 4):
            lines = [json.dumps({"ids": [IDS[at], "c0140"]}) for at in range(number)]
            answers, run = place.serve(job, paths, lines)
            for at, answer in enumerate(answers):
                np.testing.assert_allclose(answer["predictions"], expected[[at, 140]], atol=2e-4)
            costs.append([run.rounds, *run.bytes_sent, run.offline_bytes])
        one, two, four = np.array(costs)
        np.testing.assert_array_equal(four - two, 2 * (two - one))

    def test_where_the_requester_has_all_columns_it_asks_by_rows(self, tmp_path: Path) -> None:
        job, paths = job_of(KEEP), files(tmp_path)
        rows = [line.split(",") for line in paths["shop"].read_text().splitlines()[1:]]
        write(paths["shop"], {"id": [row[0] for row in rows], "bought": [row[3] for row in rows]})
        place = Place(tmp_path)
        place.train(job, paths)
        known = place.predict(job, paths).results[1][:, 0]
        cells = {line.split(",")[0]: line.split(",")[1:] for line in paths["bank"].read_text().splitlines()[1:]}
        ask = [{"rows": [[float(cells["c0007"][0]), "blue"]]}, {"rows": [[None, None]]}, {"rows": [["x", "red"]]}]
        answers, _ = place.serve(job, {"bank": paths["bank"]}, [json.dumps(one) for one in [*ask, {"ids": ["c0007"]}]])
        assert 0 < answers[1]["predictions"][0] < 1
        assert "column c: the cell is not a finite number" in answers[2]["error"]
        np.testing.assert_allclose(answers[3]["predictions"], known[[7]], atol=2e-4)

    @pytest.mark.parametrize(
        ("learner", "parameters", "label"),
        [
            ("gradient_boosting_classifier", BOOSTED + "classes = 3\n", "class"),
            ("gradient_boosting_regressor", BOOSTED, "spent"),
            ("random_forest_classifier", "n_estimators = 3\nmax_depth = 2\n", "bought"),
            ("random_forest_classifier", "n_estimators = 3\nmax_depth = 2\nclasses = 3\n", "class"),
            ("decision_tree_regressor", "max_depth = 2\n", "spent"),
        ],
    )
    def test_every_kind_is_kept_and_predicts(self, tmp_path: Path, learner: str, parameters: str, label: str) -> None:
        job, place, paths = job_of(KEEP + COLUMNS, learner, parameters, label), Place(tmp_path), files(tmp_path)
        place.train(job, paths)
        model, X, *_ = plaintext(job, paths)
        found = place.predict(job, paths).results[1]
        np.testing.assert_allclose(found, predictions(model, X, job.label_kind), atol=3e-3)

    def test_an_exported_model_is_the_one_that_was_kept_and_can_be_told_to_others(self, kept: Kept) -> None:
        job, place, paths, run = kept
        models = {name: SavedModel.open(job, PARTIES, place.shares(name), place.keys[name]) for name in PARTIES}

        def program(session: Session) -> training.Result:
            model = models[session.name]
            return training.export(session, job, no_rows(session.name, model), lambda on: model.load(on, job))

        shop, bank = simulate(program, PARTIES, disclosures=listed(export_facts(job, PARTIES, "dealer"))).results
        assert bank.model is None
        for part, values in run.results[0].model.items():
            np.testing.assert_array_equal(shop.model[part], values)
        ours = model_document(job, shop, no_rows("shop", models["shop"]))
        assert ours == model_document(job, run.results[0], Contribution.read(job, "shop", paths["shop"]))


class TestGoingOn:
    @pytest.mark.parametrize("learner", ["gradient_boosting_classifier", "random_forest_classifier"])
    def test_a_training_that_was_broken_off_goes_on_after_its_last_tree(self, tmp_path: Path, learner: str) -> None:
        rate = "learning_rate = 0.3\n" if "boosting" in learner else ""
        parameters = f"n_estimators = 5\nmax_depth = 2\nmax_bins = 6\n{rate}"
        job, place, paths = (
            job_of(BOTH + "[save]\ncheckpoint = 2\n", learner, parameters),
            Place(tmp_path),
            files(tmp_path),
        )
        whole = place.train(job, paths)
        cost = training.plan(job, PARTIES, whole.results[0].extent)
        assert (cost.rounds, cost.bytes_sent) == (whole.rounds, whole.bytes_sent)
        place.end()
        with pytest.raises(Broken):
            place.train(job, paths, broken=("shop", 5))
        found = place.train(job, paths)
        assert place.said["bank"] == ["All parties go on after step 4, of which each has a checkpoint."]
        assert found.rounds < whole.rounds
        before, after = (run.results[0].model for run in (whole, found))
        assert (before["left"] == after["left"]).all()
        for part in before:
            np.testing.assert_allclose(after[part], before[part], atol=2e-4)

    def test_stopping_tells_all_the_losses_by_which_it_ends(self, tmp_path: Path) -> None:
        text = '[stopping]\npatience = 1\n[disclose]\nmodel = ["shop"]\nvalidation = ["shop", "bank"]\n'
        job = job_of(text, parameters="n_estimators = 12\nlearning_rate = 1.5\nmax_depth = 2\nmax_bins = 6\n")
        run = Place(tmp_path).train(job, files(tmp_path))
        told = [one for one in run.ledgers[0].entries if (one.purpose, one.direction) == (VALIDATION, "out")]
        assert 1 < len(told) < 12
        assert len(run.results[0].model["left"]) == len(told) - 1
        assert training.plan(job, PARTIES, run.results[0].extent).rounds > run.rounds
        with pytest.raises(InputError, match="stopping is for linear models"):
            job_of(text, "random_forest_classifier", "")

    def test_a_search_chooses_and_trains_on_the_same_bins(self, tmp_path: Path) -> None:
        text = "[search]\nfolds = 2\n[search.grid]\nmax_depth = [1, 2]\n"
        text += '[disclose]\nmodel = ["shop"]\nsearch = ["shop", "bank"]\n'
        job, place, paths = (
            job_of(text, parameters="n_estimators = 2\nmax_bins = 6\n"),
            Place(tmp_path),
            files(tmp_path),
        )
        result = place.train(job, paths).results[0]
        assert len(result.search["candidates"]) == 2
        assert result.model["left"].shape[2] == 2 ** result.chosen["max_depth"] - 1

    def test_a_tape_is_for_the_bins_that_it_was_recorded_for(self, kept: Kept) -> None:
        job, _, paths, run = kept
        rehearsal = training.Rehearsal(run.results[0].extent.widths, {}, run.results[0].extent.bins)
        again = training.Rehearsal.of(rehearsal.facts)
        assert again == rehearsal
        bank = Contribution.read(job, "bank", paths["bank"])
        again.check("bank", 1, bank.width, bank.bins)
        with pytest.raises(Mismatch, match="other bins of bank's columns"):
            again.check("bank", 1, bank.width, (Column(7), *bank.bins[1:]))
