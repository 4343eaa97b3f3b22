"""`mpcfl offline` and `mpcfl run --tape`, as processes: one run from a tape, and none more."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sockets
from commands import Command, Ended, end, mpcfl, wait_until
from shops import BOTH, HEAD, files

from mpcfl import audit, cli
from mpcfl.job import Job
from mpcfl.progress import Progress
from mpcfl.training import DONE, EVALUATION, TRAINING, Rehearsal

PARTIES = ("shop", "bank")
ROLES = (*PARTIES, sockets.DEALER)
PATIENCE = ("--connect-timeout", 20, "--round-timeout", 8)


class Site:
    """A folder with a roster, keys, a job, its files and tapes; the dealer's register is in `dealer/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        sockets.made(folder, PARTIES)
        self.job = folder / "job.toml"
        self.job.write_text(HEAD + BOTH)
        self.data = files(folder)
        self.running: list[Command] = []

    def tape(self, party: str) -> Path:
        return self.folder / f"{party}.tape"

    def ledger(self, party: str) -> Path:
        return self.folder / party / "ledger.jsonl"

    def command(self, command: str, party: str, *options: object) -> list[object]:
        where = ["--roster", "roster.toml", "--key", f"{party}.key", *PATIENCE, "--state-dir", party]
        if command == "dealer":
            return [command, *where]
        own = ["--party", party, "--tape", f"{party}.tape", "--json", f"{party}.{command}.json"]
        return [command, self.job.name, *where, *own, *(options or ["--data", f"{party}.csv"])]

    def start(self, command: str, *options: object) -> dict[str, Command]:
        """Start every party's command, and the dealer."""
        roles = {party: Command(self.command(command, party, *options), self.folder) for party in PARTIES}
        roles[sockets.DEALER] = Command(self.command("dealer", sockets.DEALER), self.folder)
        self.running += roles.values()
        return roles

    def all(self, command: str, *options: object) -> dict[str, Ended]:
        return {role: started.ended() for role, started in self.start(command, *options).items()}

    def told(self, party: str, command: str) -> Any:
        return json.loads((self.folder / f"{party}.{command}.json").read_text())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        yield made
    finally:
        end(made.running)


def well(ended: dict[str, Ended]) -> None:
    assert {role: one.code for role, one in ended.items()} == dict.fromkeys(ROLES, 0), [e.err for e in ended.values()]


def refused(site: Site, party: str) -> dict[str, Any]:
    """How a party is refused that is all alone: it did not wait for anybody."""
    return mpcfl(*site.command("run", party), folder=site.folder).said


@pytest.mark.slow
def test_a_job_runs_from_its_tape_once(site: Site) -> None:
    well(site.all("offline"))
    told = [site.told(party, "offline") for party in PARTIES]
    assert [one["columns"] for one in told] == [{"shop": 2, "bank": 5}] * 2
    assert told[0]["correlations"] == told[1]["correlations"] > 100
    assert told[0]["tape_bytes"] < told[1]["offline_bytes"] < told[1]["tape_bytes"]
    assert site.tape("shop").stat().st_size == told[0]["tape_bytes"]
    for party in PARTIES:
        audit.verify(site.folder / party / "offline.jsonl")
        shutil.copy(site.tape(party), site.folder / f"{party}.copy")

    well(site.all("run"))
    assert not audit.compare(*map(site.ledger, PARTIES))
    assert site.told("bank", "run")["offline_bytes"] == told[1]["offline_bytes"]
    models = [json.loads((site.folder / party / "model.json").read_text()) for party in PARTIES]
    assert models[0]["coef"] == models[1]["coef"]

    for party in PARTIES:
        said = refused(site, party)
        assert said["code"] == 14
        assert "record a new one with `mpcfl offline`" in said["reason"]
        shutil.copy(site.folder / f"{party}.copy", site.tape(party))
    ended = site.all("run")  # every file restored: the dealer's register is what knows
    assert {role: one.said["code"] for role, one in ended.items()} == dict.fromkeys(ROLES, 14)
    assert {
        entry["message"] for line in site.ledger("bank").read_text().splitlines() if (entry := json.loads(line))
    } == {"dealer.tape"}

    with_dealer = {party: site.command("run", party) for party in PARTIES}
    live = {party: Command(_without_tape(words), site.folder) for party, words in with_dealer.items()}
    live[sockets.DEALER] = Command(site.command("dealer", sockets.DEALER), site.folder)
    site.running += live.values()
    well({role: one.ended() for role, one in live.items()})
    model = json.loads((site.folder / "shop" / "model.json").read_text())
    assert np.abs(np.array(model["coef"]) - models[0]["coef"]).max() < 2e-3


def _without_tape(words: list[object]) -> list[object]:
    place = words.index("--tape")
    return words[:place] + words[place + 2 :]


@pytest.mark.slow
def test_a_party_that_is_killed_burns_the_tape_of_both(site: Site) -> None:
    victim = "bank"
    site.job.write_text(site.job.read_text().replace("epochs = 4", "epochs = 60"))
    well(site.all("offline"))
    roles = site.start("run")
    for party in PARTIES:
        wait_until(partial(_longer, site.ledger(party), 100_000))
    roles[victim].process.kill()
    ended = {role: one.ended() for role, one in roles.items()}
    assert {role: one.code for role, one in ended.items()} == dict.fromkeys(ROLES, 10) | {
        victim: -signal.SIGKILL,
        sockets.DEALER: 0,  # it had left: the tape was all that was asked of it
    }
    for party in PARTIES:
        said = refused(site, party)
        assert said["code"] == 14
        assert "was used on" in said["reason"]


def _longer(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size > size


@pytest.mark.slow
def test_sizes_alone_are_enough_to_record(site: Site) -> None:
    numbers = ["--rows", 150, "--columns", "shop=2", "--columns", "bank=5"]
    well(site.all("offline", *numbers))
    site.job.write_text(site.job.read_text() + '[columns]\nshop = ["a", "b"]\nbank = ["a"]\n')
    assert refused(site, "shop")["code"] == 11  # another job
    site.job.write_text(HEAD + BOTH)
    text = site.data["bank"].read_text()
    site.data["bank"].write_text(text.replace("kind", "sort").replace("red", "blue"))
    said = refused(site, "bank")
    assert (said["code"], said["ids"]) == (11, {"party": "bank"})
    assert "5 columns of bank, whose file has 4" in said["reason"]
    site.data["bank"].write_text(text)
    well(site.all("run"))


@pytest.mark.slow
def test_columns_that_another_does_not_have_are_named(site: Site) -> None:
    roles = {
        "shop": Command(
            site.command("offline", "shop", "--rows", 150, "--columns", "shop=2", "--columns", "bank=4"), site.folder
        ),
        "bank": Command(site.command("offline", "bank"), site.folder),
        sockets.DEALER: Command(site.command("dealer", sockets.DEALER), site.folder),
    }
    site.running += roles.values()
    ended = {role: one.ended() for role, one in roles.items()}
    assert {one.said["code"] for one in ended.values()} == {11}
    assert "bank has 5 columns after preparation, expected were 4" in ended["shop"].said["reason"]
    assert not any(site.tape(party).exists() for party in PARTIES)


@pytest.mark.slow
def test_local_does_both_and_times_both(site: Site) -> None:
    data = [word for party in PARTIES for word in ("--data", f"{party}={party}.csv")]
    ended = mpcfl("local", "job.toml", *data, "--offline", "--out", "out", "--json", "local.json", folder=site.folder)
    assert ended.code == 0, ended.err
    assert "seconds to record the tapes" in ended.out
    told = json.loads((site.folder / "local.json").read_text())
    assert told["offline_seconds"] > 0 < told["seconds"]
    ledgers = [site.folder / told["ledger"][party] for party in PARTIES]
    assert not audit.compare(*ledgers)
    said = {entry["message"] for entry in map(json.loads, ledgers[0].read_text().splitlines())}
    assert "dealer.tape" in said
    assert "dealer.request" not in said
    assert not list(site.folder.rglob("*.tape"))


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--rows", 9],
        ["--columns", "shop=2"],
        ["--rows", 9, "--columns", "bank=2"],
        ["--rows", 9, "--columns", "shop=2", "--columns", "bonk=2"],
        ["--rows", 9, "--columns", "shop=two"],
        ["--data", "shop.csv", "--rows", 9],
        ["--data", "shop.csv", "--tape", "nowhere/tape"],
        ["--data", "shop.csv", "--tape", "job.toml"],
    ],
)
def test_wrong_usage_is_code_2(
    site: Site, options: list[object], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(site.folder)
    where = ["--party", "shop", "--roster", "roster.toml", "--key", "shop.key", "--tape", "shop.tape"]
    assert cli.call(["offline", "job.toml", *where, *map(str, options)]) == 2
    Ended(2, "", capsys.readouterr().err).said  # noqa: B018 - it is one sentence
    assert not site.tape("shop").exists()


def test_what_a_tape_says_of_its_job_comes_back() -> None:
    rehearsal = Rehearsal((2, 5), {TRAINING: 1, EVALUATION: 10, DONE: 12})
    assert Rehearsal.of(rehearsal.facts) == rehearsal


def test_the_progress_of_a_run_from_a_tape_is_that_of_its_recording() -> None:
    class Counted:
        rounds = 0

    session: Any = Counted()
    job = Job.from_text(HEAD + BOTH, "job.toml")
    progress = Progress(job, 150, session, {TRAINING: 1, EVALUATION: 109, DONE: 120})
    session.rounds = 7
    progress.begins(session, TRAINING)
    session.rounds = 7 + 54
    state = progress.state()
    assert (state.rounds, state.of_rounds) == (61, 126)
    assert state.rows == state.of_rows // 2
