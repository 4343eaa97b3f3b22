"""The joint program of a job against the same program in plaintext, and what it must refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shops import BOTH, files, job_of, write
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from sklearn.metrics import roc_auc_score

import mpcfl
from mpcfl import assembly, training
from mpcfl.contribution import FINGERPRINT_BITS, Contribution
from mpcfl.data import split_rows
from mpcfl.disclosure import agreed, facts, outputs
from mpcfl.errors import InputError, IntegrityError, Mismatch
from mpcfl.examples import credit
from mpcfl.job import Job
from mpcfl.learn import metrics
from mpcfl.learn.evaluation import NAMES
from mpcfl.ledger import Disclosures
from mpcfl.outcome import Outcome, alone, model_document


def read(job: Job, paths: Mapping[str, Path]) -> dict[str, Contribution]:
    return {party: Contribution.read(job, party, path) for party, path in paths.items()}


def simulate(job: Job, contributions: Mapping[str, Contribution], disclosures: Disclosures | None = None) -> mpcfl.Run:
    parties = list(contributions)
    return mpcfl.simulate(
        lambda session: training.train(session, job, contributions[session.name]),
        parties,
        fraction=job.engine.fraction,
        seed=1,
        disclosures=agreed(job, parties) if disclosures is None else disclosures,
    )


def plaintext(job: Job, contributions: Mapping[str, Contribution]) -> tuple[Any, dict[str, float]]:
    """The same program on ndarrays: the fitted learner, and the held-out metrics."""
    X = np.concatenate([one.features for one in contributions.values()], axis=1)
    y = next(one.labels for one in contributions.values() if one.labels is not None)
    train, test = split_rows(len(X), job.split.test, job.job.seed)
    model = job.make_learner().fit(X[train], y[train])
    report = metrics.report(y[test], model.decision_function(X[test]))
    return model, {name: float(report[name]) for name in NAMES["binary"]}


@pytest.fixture(scope="module")
def credit_run() -> tuple[Job, dict[str, Contribution], mpcfl.Run]:
    job = Job.load(credit.path("job.toml"))
    contributions = read(job, {party: credit.path(f"{party}.csv") for party in ("bank", "bureau")})
    return job, contributions, simulate(job, contributions)


def test_credit_is_as_good_as_plaintext_and_scikit_learn(
    credit_run: tuple[Job, dict[str, Contribution], mpcfl.Run],
) -> None:
    job, contributions, run = credit_run
    model, expected = plaintext(job, contributions)
    X = np.concatenate([one.features for one in contributions.values()], axis=1)
    y = contributions["bank"].labels
    assert y is not None
    train, test = split_rows(len(X), job.split.test, job.job.seed)
    scikit = ScikitLogisticRegression(C=1 / (1e-3 * len(train)), max_iter=1000).fit(X[train], y[train])
    pooled = roc_auc_score(y[test], scikit.decision_function(X[test]))
    for result in run.results:
        assert abs(result.metrics["auc"] - pooled) < 0.003
        assert np.abs(result.model["coef"] - model.coef_).max() < 2e-3
        assert abs(result.model["intercept"] - float(model.intercept_)) < 2e-3
        for name in NAMES["binary"]:
            # The models differ by their rounding, which may move a row or two across another.
            assert abs(result.metrics[name] - expected[name]) < 2e-3
        assert result.columns == [name for one in contributions.values() for name in one.columns]
    assert alone(job, contributions["bank"])["auc"] == pytest.approx(0.706, abs=5e-3)


def test_metrics_are_those_of_the_disclosed_model(credit_run: tuple[Job, dict[str, Contribution], mpcfl.Run]) -> None:
    job, contributions, run = credit_run
    X = np.concatenate([one.features for one in contributions.values()], axis=1)
    y = contributions["bank"].labels
    assert y is not None
    _, test = split_rows(len(X), job.split.test, job.job.seed)
    result = run.results[0]
    report = metrics.report(y[test], X[test] @ result.model["coef"] + result.model["intercept"])
    for name in NAMES["binary"]:
        assert result.metrics[name] == round(result.metrics[name], 4)
        assert abs(result.metrics[name] - float(report[name])) < 1.5e-4


def test_the_plan_is_exact(credit_run: tuple[Job, dict[str, Contribution], mpcfl.Run]) -> None:
    job, contributions, run = credit_run
    cost = training.plan(job, list(contributions), run.results[0].extent)
    assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)


def test_later_steps_send_no_features_again(credit_run: tuple[Job, dict[str, Contribution], mpcfl.Run]) -> None:
    """The first step opens each party's block of features once; what a step sends after that grows with n + d."""
    job, contributions, _ = credit_run
    marks: dict[str, int] = {}

    def note(session: mpcfl.Session, stage: str) -> None:
        marks[stage] = session.rounds

    def program(session: mpcfl.Session) -> None:
        training.train(session, job, contributions[session.name], note)

    run = mpcfl.simulate(program, list(contributions))
    start, end, steps = marks[training.TRAINING], marks[training.EVALUATION], 90
    width = sum(one.width for one in contributions.values())
    for ledger, one in zip(run.ledgers, contributions.values(), strict=True):
        sent = [e.payload_bytes for e in ledger.entries if e.direction == "out" and start <= e.round < end]
        features = 8 * one.rows * one.width
        assert sent.count(features) == 1
        assert sum(sent) - features < steps * 48 * (512 + width)


def test_three_parties_of_which_one_holds_no_label_and_reads_nothing(tmp_path: Path) -> None:
    job = job_of('[disclose]\nmodel = ["bank"]\nmetrics = ["shop"]\n')
    contributions = read(job, files(tmp_path, parties=("shop", "bank", "post")))
    shop, bank, post = simulate(job, contributions).results
    model, expected = plaintext(job, contributions)
    assert np.abs(bank.model["coef"] - model.coef_).max() < 2e-3
    assert bank.columns[-3:] == ['post.kind=Grün "é"', "post.kind=blue", "post.kind=red"]
    assert set(bank.metrics.values()) == set(post.metrics.values()) == {None}
    assert all(abs(shop.metrics[name] - expected[name]) < 2e-2 for name in NAMES["binary"])
    assert [one.model for one in (shop, post)] == [None, None]
    assert [one.columns for one in (shop, post)] == [None, None]


def test_without_test_rows_or_readers_no_metric_is_computed(tmp_path: Path) -> None:
    job = job_of('[disclose]\nmodel = ["bank"]\n')
    run = simulate(job, read(job, files(tmp_path)))
    purposes = {entry.purpose for entry in run.ledgers[1].entries if entry.exposure == "output"}
    assert purposes == {fact.what for fact in outputs(job, ["shop", "bank"])}
    assert not any("held-out" in purpose for purpose in purposes)
    both = job_of(BOTH)
    assert run.rounds < simulate(both, read(both, files(tmp_path))).rounds


@pytest.mark.parametrize("change", [lambda ids: [*ids[:-1], "c9999"], lambda ids: [ids[0] + "x", *ids[1:]]])
def test_ids_that_differ_are_refused_and_only_that_is_told(
    tmp_path: Path, change: Callable[[list[str]], list[str]]
) -> None:
    job = job_of(BOTH)
    contributions = read(job, files(tmp_path))
    bank = contributions["bank"]
    contributions["bank"] = Contribution("bank", sorted(change(bank.ids)), bank.features, bank.labels, bank.preparation)
    answers = {}

    def program(session: mpcfl.Session) -> None:
        mine = contributions[session.name]
        answers[session.name] = bool(assembly.ids_agree(session, job, mine.fingerprint()))

    run = mpcfl.simulate(program, ["shop", "bank"], disclosures=agreed(job, ["shop", "bank"]))
    assert answers == {"shop": False, "bank": False}
    outputs_said = [entry for entry in run.ledgers[0].entries if entry.exposure == "output"]
    assert {(entry.purpose, entry.shape) for entry in outputs_said} == {("ids agree", ())}
    assert {entry.exposure for entry in run.ledgers[0].entries} <= {"masked", "output"}
    with pytest.raises(Mismatch, match="id columns differ"):
        simulate(job, contributions)


def test_fingerprints_tell_lists_apart_and_stay_below_their_bits(tmp_path: Path) -> None:
    job = job_of(BOTH)
    shop = read(job, files(tmp_path))["shop"]

    def of(ids: list[str]) -> bytes:
        words = Contribution("shop", ids, shop.features, None, shop.preparation).fingerprint()
        assert words.shape == (3,)
        assert 0 <= words.min() <= words.max() < 1 << FINGERPRINT_BITS
        return words.tobytes()

    lists = [["ab", "c"], ["a", "bc"], ["abc"], ["ab", "c", ""], ["c", "ab"], ["é"], []]
    assert len({of(ids) for ids in lists}) == len(lists)
    assert of(["ab", "c"]) == of(["ab", "c"])


def test_a_program_that_reveals_more_is_stopped(tmp_path: Path) -> None:
    job = job_of('[disclose]\nmodel = ["bank"]\n')
    contributions = read(job, files(tmp_path))
    said = job_of(BOTH)
    with pytest.raises(IntegrityError, match="not on the agreed list"):
        simulate(said, contributions, disclosures=agreed(job, ["shop", "bank"]))


def test_the_table_names_every_output_and_the_dealer(tmp_path: Path) -> None:
    job = job_of(BOTH)
    told = facts(job, ["shop", "bank"], 150, "dealer")
    assert [fact for fact in told if fact.output] == outputs(job, ["shop", "bank"])
    assert agreed(job, ["shop", "bank"]).entries == tuple((f.what, f.readers) for f in told if f.output)
    assert all("dealer" in fact.readers for fact in told if not fact.output)


def test_a_job_that_discloses_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="discloses nothing"):
        agreed(job_of(""), ["shop", "bank"])


def test_terms_name_what_differs_and_fit_a_header() -> None:
    job, other = job_of(BOTH), job_of(BOTH.replace('metrics = ["shop", "bank"]', 'metrics = ["shop"]'))
    mine, theirs = training.terms(job, 150), training.terms(other, 151)
    assert {key for key in mine if mine[key] != theirs[key]} == {"job", "disclose.metrics", "rows"}
    assert len(mine) <= 48
    assert all(len(value) <= 256 for value in mine.values())


def test_a_file_that_cannot_train_is_refused(tmp_path: Path) -> None:
    job = job_of(BOTH)
    one_class = write(tmp_path / "shop.csv", {"id": ["a", "b", "c", "d", "e"], "a": range(5), "bought": [1] * 5})
    with pytest.raises(InputError, match="all of one class"):
        Contribution.read(job, "shop", one_class)
    unscaled = job_of(BOTH + '[prepare]\nscale = "none"\n')
    large = write(tmp_path / "bank.csv", {"id": ["a", "b", "c", "d", "e"], "a": [1, 2, 3, 4, 9e4]})
    with pytest.raises(InputError, match=r"row 6, column a: the cell is too large for fixed point"):
        Contribution.read(unscaled, "bank", large)


def test_the_model_document_is_whole(tmp_path: Path) -> None:
    job = job_of(BOTH)
    contributions = read(job, files(tmp_path))
    run = simulate(job, contributions)
    document = model_document(job, run.results[1], contributions["bank"])
    assert document is not None
    document = json.loads(json.dumps(document, allow_nan=False))
    assert sorted(document) == ["coef", "columns", "fraction", "intercept", "learner", "parameters", "preparation"]
    assert len(document["coef"]) == len(document["columns"]) == 7
    assert [column["name"] for column in document["preparation"]["columns"]] == ["a", "b", "kind"]
    # The reader's own features, prepared anew from the document, times its coefficients are its part of every score.
    bank = contributions["bank"]
    first = document["preparation"]["columns"][0]
    assert first["type"] == "number"
    assert bank.columns[0] == document["columns"][2] == "bank.a"


def test_outcomes_of_parties_become_one() -> None:
    nothing = dict.fromkeys(NAMES["binary"])
    told = dict.fromkeys(NAMES["binary"], 0.5)
    one = Outcome(nothing, 9, {"shop": 5}, 7, 1.0, None, "shop.jsonl")
    two = Outcome(told, 9, {"bank": 6}, 7, 2.0, "bank.json", "bank.jsonl", "model.shares")
    assert Outcome.from_json(one.to_json()) == one
    joint = Outcome.of_all({"shop": one, "bank": two}).to_json()
    assert joint == {
        **told,
        "rounds": 9,
        "bytes_sent": {"shop": 5, "bank": 6},
        "offline_bytes": 7,
        "seconds": 2.0,
        "model": {"shop": None, "bank": "bank.json"},
        "ledger": {"shop": "shop.jsonl", "bank": "bank.jsonl"},
        "shares": {"shop": None, "bank": "model.shares"},
    }
