"""A model's life on the command line: kept by a run, used by later ones, with real processes and real keys."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Ended, end, mpcfl, wait_until
from shops import HEAD, files
from sites import PARTIES, ROLES, Site

from mpcfl import audit, cli
from mpcfl.contribution import Contribution
from mpcfl.job import Job
from mpcfl.learn.predicting import predictions

pytestmark = pytest.mark.slow

KEEP = '[save]\nmodel = true\n[disclose]\npredictions = ["bank"]\n[serve]\nrequester = "bank"\n'


def options(paths: dict[str, Path]) -> list[str]:
    return [part for name, path in paths.items() for part in ("--data", f"{name}={path}")]


def call(*arguments: object, capsys: pytest.CaptureFixture[str]) -> Ended:
    code = cli.call([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return Ended(code, out, err)


def table(path: Path) -> tuple[list[str], np.ndarray[Any, Any]]:
    with open(path, newline="", encoding="utf-8") as file:
        _, *rows = list(csv.reader(file))
    return [row[0] for row in rows], np.array([row[1:] for row in rows], float)


def expected(job: Path, paths: dict[str, Path]) -> np.ndarray[Any, Any]:
    """What plaintext predicts for all rows."""
    task = Job.load(job)
    parts = [Contribution.read(task, party, path) for party, path in paths.items()]
    X, y = np.concatenate([one.features for one in parts], axis=1), parts[0].labels
    assert y is not None
    order = np.random.default_rng(task.job.seed).permutation(len(X))[int(task.split.test * len(X)) :]
    found: np.ndarray[Any, Any] = predictions(task.make_learner().fit(X[order], y[order]), X, task.label_kind)
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Path]]:
    """A folder, a job and its files, after `mpcfl local` has kept the model in "state"."""
    folder = tmp_path_factory.mktemp("kept")
    job, paths = folder / "job.toml", files(folder)
    job.write_text(HEAD + KEEP)
    ended = mpcfl("local", job, *options(paths), "--state-dir", "state", "--json", "run.json", folder=folder)
    assert ended.code == 0, ended.err
    assert "shares of the model of bank: state/bank/model.shares" in ended.out
    return folder, job, paths


def test_local_keeps_shares_and_the_keys_that_open_them(kept: tuple[Path, Path, dict[str, Path]]) -> None:
    folder, _, paths = kept
    document = json.loads((folder / "run.json").read_text())
    assert document["shares"] == {party: f"state/{party}/model.shares" for party in paths}
    assert document["model"] == dict.fromkeys(paths)
    for place in (*document["shares"].values(), *(f"state/keys/{party}.key" for party in (*paths, "dealer"))):
        assert stat.S_IMODE((folder / place).stat().st_mode) == 0o600


def test_local_predicts_by_what_was_kept(kept: tuple[Path, Path, dict[str, Path]]) -> None:
    folder, job, paths = kept
    arguments = ("local", job, "--predict", *options(paths), "--state-dir", "state", "--json", "use.json")
    ended = mpcfl(*arguments, folder=folder)
    assert (ended.code, ended.err) == (0, "")
    assert "predictions, one a row" in ended.out
    document = json.loads((folder / "use.json").read_text())
    assert sorted(document) == [*("bytes_sent", "ledger", "offline_bytes", "predictions", "rounds", "rows", "seconds")]
    assert document["predictions"] == {"shop": None, "bank": "state/bank/predictions.csv"}
    assert document["rows"] == 150
    ids, values = table(folder / "state" / "bank" / "predictions.csv")
    assert ids == sorted(ids)
    np.testing.assert_allclose(values, expected(job, paths), atol=2e-3)
    assert not (folder / "state" / "shop" / "predictions.csv").exists()
    assert audit.compare(*(folder / place for place in document["ledger"].values())) == []
    assert audit.verify(folder / document["ledger"]["shop"]).entries > 0


def test_predict_says_what_is_wrong_before_anybody_connects(
    kept: tuple[Path, Path, dict[str, Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, job, paths = kept
    other = tmp_path / "other.toml"
    other.write_text((HEAD + KEEP).replace("epochs = 4", "epochs = 9"))
    where = ["--state-dir", folder / "state"]
    assert call("local", job, "--predict", *options(paths), capsys=capsys).said["code"] == 2
    said = call("local", other, "--predict", *options(paths), *where, capsys=capsys).said
    assert (said["code"], "learner.epochs" in said["reason"]) == (11, True)
    bad = tmp_path / "bank.csv"
    bad.write_text("id,a\nc1,1\n")
    said = call("local", job, "--predict", *options(paths | {"bank": bad}), *where, capsys=capsys).said
    assert (said["code"], said["ids"]["column"]) == (3, "b")


def test_a_tape_serves_a_job_that_keeps_what_it_does(tmp_path: Path) -> None:
    job, paths = tmp_path / "job.toml", files(tmp_path)
    job.write_text(HEAD + "[save]\nmodel = true\ncheckpoint = 5\n")
    ended = mpcfl("local", job, "--offline", *options(paths), "--state-dir", "state", folder=tmp_path)
    assert ended.code == 0, ended.err
    assert sorted(path.name for path in (tmp_path / "state" / "bank").iterdir()) == [
        *("ledger.jsonl", "lock", "model.shares", "offline.jsonl")
    ]


# A service


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Three roles that have trained a model and kept it."""
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        for path in made.job.values():
            path.write_text(HEAD + KEEP)
        made.start_all()
        assert set(made.codes().values()) == {0}
        return made
    finally:
        end(made.running)


@pytest.fixture
def site(trained: Site) -> Iterator[Site]:
    for path in trained.job.values():
        path.write_text(HEAD + KEEP)
    trained.running.clear()
    try:
        yield trained
    finally:
        end(trained.running)


def serving(site: Site) -> list[str]:
    """All roles, serving; the answers to three requests and one that is wrong."""
    site.start("dealer")
    site.start("shop", command="serve")
    site.start("bank", command="serve", stdin=subprocess.PIPE)
    bank = site.roles["bank"]
    assert bank.process.stdin is not None
    assert bank.process.stdout is not None
    bank.process.stdin.write('{"ids": ["c0003"]}\n\n{"ids": ["c9"]}\n{"ids": ["c0149", "c0000"]}\n{"ids": ["c0003"]}\n')
    bank.process.stdin.flush()
    return [bank.process.stdout.readline() for _ in range(4)]


def test_a_service_answers_until_its_input_ends(site: Site) -> None:
    answers = serving(site)
    time.sleep(10)  # more than the round timeout
    bank = site.roles["bank"].process
    assert bank.stdin is not None
    bank.stdin.close()
    bank.stdin = None  # or it would be flushed again
    ended = site.ended()
    assert [ended[role].code for role in ROLES] == [0, 0, 0], ended
    found = [json.loads(answer) for answer in answers]
    rows = expected(site.job["bank"], site.data)[:, 0]
    assert found[1] == {"error": "there is no row with the id 'c9'"}
    for answer, places in zip([found[0], *found[2:]], ([3], [149, 0], [3]), strict=True):
        np.testing.assert_allclose(answer["predictions"], rows[places], atol=2e-3)
    assert ended["bank"].out == ""
    assert "Who learns what" in ended["bank"].err
    summary = json.loads((site.folder / "bank" / "serve.json").read_text())
    assert (summary["requests"], summary["rows"], summary["errors"]) == (3, 4, 1)
    ledgers = [site.folder / party / "state" / "serve.jsonl" for party in PARTIES]
    assert audit.compare(*ledgers) == []


def test_a_kept_model_is_exported_to_those_whom_the_job_names(site: Site) -> None:
    for path in site.job.values():
        site.edit(path, 'predictions = ["bank"]', 'predictions = ["bank"]\nmodel = ["shop"]')
    site.start_all("export")
    ended = site.ended()
    assert [ended[role].code for role in ROLES] == [0, 0, 0], ended
    assert "model: not disclosed to bank" in ended["bank"].out
    summary = json.loads((site.folder / "shop" / "export.json").read_text())
    assert (summary["model"], summary["rows"]) == ("state/model.json", 0)
    document = json.loads((site.folder / "shop" / "state" / "model.json").read_text())
    assert len(document["coef"]) == len(document["columns"]) == 7
    assert not (site.folder / "bank" / "state" / "model.json").exists()


def test_a_service_answers_all_who_connect_to_its_socket(site: Site) -> None:
    site.start("dealer")
    site.start("shop", command="serve")
    site.start("bank", command="serve", more=["--socket", "asked"])
    path = site.folder / "bank" / "asked"
    wait_until(path.exists)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(3)]
        for number, client in enumerate(clients):
            client.settimeout(60)
            wait_until(lambda client=client: client.connect_ex(os.fspath(path)) == 0)
            client.sendall(f'{{"ids": ["c000{number}"], "tag": {number}}}\nno\n'.encode())
        clients[0].close()  # which does not disturb the others
        rows = expected(site.job["bank"], site.data)[:, 0]
        for number, client in list(enumerate(clients))[1:]:
            with client.makefile() as lines:
                answer, wrong = json.loads(lines.readline()), json.loads(lines.readline())
            assert (answer["tag"], "error" in wrong) == (number, True)
            np.testing.assert_allclose(answer["predictions"], rows[[number]], atol=2e-3)
    site.roles["bank"].process.send_signal(signal.SIGTERM)
    ended = site.ended()
    assert [ended[role].code for role in ROLES] == [0, 0, 0], ended
    assert not path.exists()


@pytest.mark.parametrize("who", PARTIES)
def test_a_service_ends_well_at_sigterm(site: Site, who: str) -> None:
    assert len(serving(site)) == 4
    site.roles[who].process.send_signal(signal.SIGTERM)
    codes = [site.roles[role].process.wait(60) for role in ROLES]
    assert codes == [0, 0, 0]
    ended = site.ended()
    if who == "shop":
        assert "shop has ended the service" in ended["bank"].err
    assert "served 3 requests of 4 rows" in ended["shop"].err
