"""A model as a service: what is asked is answered, what is wrong with a request is said, and nobody learns more."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept import Place
from shops import HEAD, files, job_of, write

from mpcfl.disclosure import service_facts
from mpcfl.errors import InputError, Mismatch, UsageError
from mpcfl.job import Job
from mpcfl.ledger import Ledger
from mpcfl.message import Exposure, Message
from mpcfl.serving import MAX_ROWS, Service, asks_by_file

JOB = '[save]\nmodel = true\n[disclose]\npredictions = ["bank", "shop"]\n[serve]\nrequester = "bank"\n'
IDS = [f"c{row:04d}" for row in range(150)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Place, dict[str, Path]]:
    """A job whose model was kept, with features at both parties."""
    folder = tmp_path_factory.mktemp("served")
    job, made, paths = job_of(JOB), Place(folder), files(folder)
    made.train(job, paths)
    return job, made, paths


@pytest.fixture(scope="module")
def expected(place: tuple[Job, Place, dict[str, Path]]) -> dict[str, float]:
    job, made, paths = place
    return dict(zip(IDS, made.predict(job, paths).results[0][:, 0], strict=True))


def asked(*requests: Any) -> list[str]:
    return [request if isinstance(request, str) else json.dumps(request) for request in requests]


def test_requests_by_id_are_answered_in_their_order(
    place: tuple[Job, Place, dict[str, Path]], expected: dict[str, float]
) -> None:
    job, made, paths = place
    many = ["c0140", "c0003", "c0003", "c0077"]
    answers, run = made.serve(job, paths, asked({"ids": ["c0005"], "tag": 7}, {"ids": many}, {"ids": ["c0005"]}))
    assert [sorted(answer) for answer in answers] == [["predictions", "tag"], ["predictions"], ["predictions"]]
    assert answers[0]["tag"] == 7
    for ids, answer in zip([["c0005"], many, ["c0005"]], answers, strict=True):
        np.testing.assert_allclose(answer["predictions"], [expected[name] for name in ids], atol=2e-4)
    services = [service for service, _ in run.results]
    assert [(one.served.requests, one.served.rows, one.served.errors) for one in services] == [(3, 6, 0)] * 2
    assert set(services[1].served.to_json()) == {"requests", "rows", "errors", "median_ms", "longest_ms"}
    outputs = {(one.purpose, one.peer) for one in run.ledgers[0].entries if one.exposure == "output"}
    assert outputs == {("ids agree", "bank"), ("predictions, one a row", "bank")}
    assert not any(one.purpose.startswith("predictions") for one in run.ledgers[0].entries if one.direction == "in")


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ("nonsense", "a line with a JSON object"),
        ("[1]", "a line with a JSON object"),
        ("[" * 100_000, "a line with a JSON object"),
        ({}, "a list of ids, or one of rows"),
        ({"ids": ["c0001"], "rows": [[1]]}, "a list of ids, or one of rows"),
        ({"ids": "c0001"}, "a list of ids"),
        ({"ids": []}, "1 to"),
        ({"ids": ["c0001"] * (MAX_ROWS + 1)}, "1 to"),
        ({"ids": [5]}, "an id is a string"),
        ({"ids": ["c0001", "c9999"]}, "no row with the id 'c9999'"),
        ({"ids": ["c0001"], "id": 1}, "has no 'id'"),
        ({"rows": [[1, 2]]}, "another party has features too"),
    ],
)
def test_a_wrong_request_is_answered_and_the_service_goes_on(
    place: tuple[Job, Place, dict[str, Path]], expected: dict[str, float], request_: Any, sentence: str
) -> None:
    job, made, paths = place
    answers, run = made.serve(job, paths, asked(request_, {"ids": ["c0009"]}))
    assert sentence in answers[0]["error"]
    np.testing.assert_allclose(answers[1]["predictions"], [expected["c0009"]], atol=2e-4)
    assert [one.served.requests for one, _ in run.results] == [1, 1]
    assert run.results[1][0].served.errors == 1


def test_every_request_of_a_size_costs_the_same_and_sends_no_features_again(
    place: tuple[Job, Place, dict[str, Path]],
) -> None:
    job, made, paths = place
    costs = []
    for number in (1, 2, 5):
        _, run = made.serve(job, paths, asked(*[{"ids": IDS[at : at + 4]} for at in range(number)]))
        costs.append((run.rounds, run.bytes_sent[0], run.bytes_sent[1], run.offline_bytes, *map(len, run.ledgers)))
    one, two, five = (np.array(cost) for cost in costs)
    np.testing.assert_array_equal(five - two, 3 * (two - one))
    assert (two - one)[1] < 4 * 8 * 40


def test_where_the_requester_alone_has_features_it_asks_by_rows_and_others_learn_their_number(tmp_path: Path) -> None:
    job, paths = job_of(JOB), files(tmp_path)
    lines = paths["shop"].read_text().splitlines()
    labels = [line.split(",") for line in lines]
    write(paths["shop"], {"id": [line[0] for line in labels[1:]], "bought": [line[3] for line in labels[1:]]})
    made = Place(tmp_path)
    made.train(job, paths)
    known = dict(zip(IDS, made.predict(job, paths).results[1][:, 0], strict=True))
    cells = {line.split(",")[0]: line.split(",")[1:] for line in paths["bank"].read_text().splitlines()[1:]}
    row = [float(cells["c0000"][0]), cells["c0000"][1], "red"]
    requests = asked({"rows": [row]}, {"ids": ["c0000"]}, {"rows": [[None, 1, "pink"]]}, {"rows": [["x", 1, "red"]]})
    requests += asked({"rows": [[1, 2]]}, {"rows": [[1, True, "red"]]})
    answers, run = made.serve(job, {"bank": paths["bank"]}, requests)
    np.testing.assert_allclose([one["predictions"][0] for one in answers[:2]], [known["c0000"]] * 2, atol=2e-4)
    assert 0 < answers[2]["predictions"][0] < 1
    assert "row 1, column a: the cell is not a finite number" in answers[3]["error"]
    assert ["error" in answer for answer in answers[4:]] == [True, True]
    told = Counter(entry.message for entry in run.ledgers[0].entries if entry.exposure == "public")
    assert told == {"additive.public": 3 + 1}  # three requests and the end; no request says which rows
    assert "ids agree" not in {entry.purpose for entry in run.ledgers[0].entries}
    answers, _ = made.serve(job, {}, asked({"ids": ["c0000"]}, {"rows": [row]}))
    assert "knows no ids" in answers[0]["error"]
    np.testing.assert_allclose(answers[1]["predictions"], [known["c0000"]], atol=2e-4)


def test_anybody_may_leave_between_requests(place: tuple[Job, Place, dict[str, Path]]) -> None:
    job, made, paths = place
    requests = asked(*[{"ids": [name]} for name in IDS[:6]])

    def after_two(service: Service) -> bool:
        return service.served.requests >= 2

    answers, run = made.serve(job, paths, requests, {"bank": after_two})
    assert (len(answers), [gone for _, gone in run.results]) == (2, [None, None])
    answers, run = made.serve(job, paths, requests, {"shop": after_two}, patience=0)
    assert (len(answers), [gone for _, gone in run.results]) == (2, [None, "shop"])


def test_a_party_without_the_rows_that_are_asked_for_is_refused(
    place: tuple[Job, Place, dict[str, Path]], tmp_path: Path
) -> None:
    job, made, paths = place
    with pytest.raises(UsageError, match="give --data FILE"):
        made.serve(job, {"shop": paths["shop"]}, [])
    other = tmp_path / "bank.csv"
    other.write_text(paths["bank"].read_text().replace("c0007", "c9999"))
    with pytest.raises(Mismatch, match="the id columns differ"):
        made.serve(job, paths | {"bank": other}, [])


def test_the_table_says_who_learns_what_of_requests() -> None:
    job = job_of(JOB)
    by_id = {fact.what: fact.readers for fact in service_facts(job, ["shop", "bank"], 9, True, "dealer")}
    assert by_id["ids of the rows that are asked for"] == ("shop", "bank")
    assert by_id["predictions, one a row"] == ("bank",)
    by_row = {fact.what for fact in service_facts(job, ["shop", "bank"], 0, False, "dealer")}
    assert not any("ids" in what for what in by_row - {"that the parties' shares belong to one model, and its id"})
    with pytest.raises(InputError, match="is not served"):
        asks_by_file(Job.from_text(HEAD, "job.toml"), ["shop", "bank"], [2, 5])


def test_a_ledger_that_forgets_writes_the_same_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpcfl.ledger.MAX_FORMS", 3)
    message = Message("test.word", "party", "party", "words", Exposure.PUBLIC, "a word")
    heads = []
    for remember in (True, False):
        with Ledger("s", "bank", disclosures=None, sink=tmp_path / f"{remember}", remember=remember) as ledger:
            for number in range(20):
                ledger.record(
                    message,
                    direction="out",
                    peer="shop",
                    epoch=0,
                    round=number,
                    op=0,
                    seq=number,
                    dtype="uint64",
                    shape=(number % 7,),
                    payload_bytes=8,
                    wire_bytes=9,
                    digest="00",
                    time=None,
                )
            heads.append((ledger.head, len(ledger)))
        if not remember:
            assert len(ledger._forms) <= 4
            with pytest.raises(UsageError, match="alone"):
                ledger.entry(0)
    assert heads[0] == heads[1]
    assert (tmp_path / "True").read_bytes() == (tmp_path / "False").read_bytes()
    with pytest.raises(UsageError, match="needs a file"):
        Ledger("s", "bank", disclosures=None, remember=False)
