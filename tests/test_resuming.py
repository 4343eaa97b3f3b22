"""A training of a job that is broken off and goes on: from the newest step of it that all have."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import end, wait_until
from kept import Broken, Place
from shops import BOTH, HEAD, files, job_of
from sites import PARTIES, ROLES, Site

from mpcfl import audit, training
from mpcfl.contribution import Contribution
from mpcfl.data import split_rows
from mpcfl.errors import UsageError
from mpcfl.job import Job
from mpcfl.keeping import CHECKPOINTS
from mpcfl.prg import Stream

EVERY = "[save]\ncheckpoint = 3\n"
JOB = BOTH + EVERY
"""12 steps of training, a checkpoint each third."""

SOLVERS = {
    "sgd": "",
    "adam": 'solver = "adam"\nlearning_rate = 0.05\n',
    "newton": 'solver = "newton"\niterations = 7\n',
}


def solved_by(solver: str) -> Job:
    return Job.from_text(HEAD.replace("[split]", f"{SOLVERS[solver]}[split]") + JOB, "job.toml")


def coefficients(result: training.Result) -> np.ndarray[Any, Any]:
    assert result.model is not None
    return np.append(result.model["coef"], result.model["intercept"])


def identified(result: training.Result) -> np.ndarray[Any, Any]:
    """Coefficients, each category's with the intercept: of these only the sum follows from the data."""
    found, kinds = coefficients(result), np.array(["=" in column for column in result.columns])
    return np.asarray(found[:-1] + kinds * found[-1])


def steps(place: Place, party: str = "bank") -> list[int]:
    """Steps of which a party has checkpoints."""
    return sorted(int(path.name[5:17]) for path in place.state(party).glob("checkpoints/*/step-*.shares"))


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_resumed_training_ends_with_the_same_model(tmp_path: Path, solver: str) -> None:
    job, place, paths = solved_by(solver), Place(tmp_path), files(tmp_path)
    whole = identified(place.train(job, paths).results[0])
    place.end()
    assert not (place.state("shop") / CHECKPOINTS).exists()
    with pytest.raises(Broken):
        place.train(job, paths, broken=("shop", 7))
    assert steps(place) == [3, 6]
    run = place.train(job, paths)
    said = "All parties go on after step 6, of which each has a checkpoint."
    assert place.said == {party: [said] for party in place.parties}
    assert np.abs(identified(run.results[0]) - whole).max() < 2e-4
    place.end()
    assert steps(place) == []


def test_two_resumed_runs_of_one_seed_are_equal_bit_for_bit(tmp_path: Path) -> None:
    """What differs from an uninterrupted run is the rounding of the steps after the checkpoint, and no more."""
    job, place, paths = job_of(JOB), Place(tmp_path), files(tmp_path)
    with pytest.raises(Broken):
        place.train(job, paths, broken=("bank", 11), seed=5)
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    first = place.train(job, paths, seed=6).results[1]
    shutil.rmtree(tmp_path / "state")
    (tmp_path / "copy").rename(tmp_path / "state")
    second = place.train(job, paths, seed=6).results[1]
    np.testing.assert_array_equal(coefficients(first), coefficients(second))


def test_no_word_of_a_stream_serves_both_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every stream gives each number once, and no key of the first run comes back in the second."""
    job, place, paths = job_of(JOB), Place(tmp_path), files(tmp_path)
    used: dict[int, set[bytes]] = {}
    drawn: set[tuple[int, int]] = set()
    now = 0

    def begin(stream: Stream, key: bytes) -> None:
        used.setdefault(now, set()).add(key)
        plain(stream, key)

    def draw(stream: Stream, number: int) -> Any:
        assert (id(stream), number) not in drawn
        drawn.add((id(stream), number))
        alive.append(stream)  # so that no other takes its id
        return known(stream, number)

    alive: list[Stream] = []
    plain, known = Stream.__init__, Stream._drawn
    monkeypatch.setattr(Stream, "__init__", begin)
    monkeypatch.setattr(Stream, "_drawn", draw)
    with pytest.raises(Broken):
        place.train(job, paths, broken=("bank", 8))
    now = 1
    place.train(job, paths)
    assert "step 6" in place.said["bank"][0]
    assert len(drawn) > 1000
    assert used[0]
    assert used[1]
    assert not used[0] & used[1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_plan_of_a_job_with_checkpoints_is_exact(tmp_path: Path, solver: str) -> None:
    place = Place(tmp_path)
    job = Job.from_text(HEAD.replace("[split]", f"{SOLVERS[solver]}[split]") + JOB + "model = true\n", "job.toml")
    run = place.train(job, files(tmp_path))
    cost = training.plan(job, place.parties, run.results[0].extent)
    assert (cost.rounds, cost.bytes_sent, cost.offline_bytes) == (run.rounds, run.bytes_sent, run.offline_bytes)


@pytest.mark.parametrize("change", ["job", "rows", "columns"])
def test_another_job_or_other_data_begins_anew_and_says_so(tmp_path: Path, change: str) -> None:
    job, place, paths = job_of(JOB), Place(tmp_path), files(tmp_path)
    with pytest.raises(Broken):
        place.train(job, paths, broken=("shop", 7))
    left = sorted(place.state("bank").glob("checkpoints/*/*"))
    if change == "job":
        job = Job.from_text((HEAD + JOB).replace("epochs = 4", "epochs = 5"), "job.toml")
    elif change == "rows":
        lines = paths["bank"].read_text().splitlines()
        cells = lines[5].split(",")
        lines[5] = ",".join([cells[0], "0.125", *cells[2:]])
        paths["bank"].write_text("\n".join(lines) + "\n")
    else:
        job = Job.from_text((HEAD + JOB).replace("[split]", '[columns]\nshop = ["a"]\nbank = ["b"]\n[split]'), "j.toml")
    contributions = {party: Contribution.read(job, party, paths[party]) for party in place.parties}
    model = place.train(job, paths).results[0]
    assert "is of another job or of other rows" in place.said["bank"][0]
    alone = "is of another job" if change != "rows" else "have no checkpoint in common"
    assert alone in place.said["shop"][0]
    X, y = np.concatenate([one.features for one in contributions.values()], axis=1), contributions["shop"].labels
    assert y is not None
    train, _ = split_rows(len(X), job.split.test, job.job.seed)
    assert np.abs(model.model["coef"] - job.make_learner().fit(X[train], y[train]).coef_).max() < 2e-3
    place.end()
    assert sorted(place.state("bank").glob("checkpoints/*/*")) == left


def test_what_an_earlier_run_left_goes_when_all_have_a_new_step(tmp_path: Path) -> None:
    job, place, paths = job_of(JOB), Place(tmp_path), files(tmp_path)
    with pytest.raises(Broken):
        place.train(job, paths, broken=("shop", 10))
    assert steps(place, "bank")[-2:] == [6, 9]
    shutil.rmtree(place.state("shop"))
    with pytest.raises(Broken):
        place.train(job, paths, broken=("shop", 2))
    assert steps(place, "bank")[-2:] == [6, 9]
    with pytest.raises(Broken):
        place.train(job, paths, broken=("shop", 8))
    assert "no checkpoint in common" in place.said["bank"][0]
    assert steps(place, "bank") == steps(place, "shop") == [3, 6]


def test_a_tape_serves_no_run_that_goes_on(tmp_path: Path) -> None:
    job, place, paths = job_of(JOB), Place(tmp_path), files(tmp_path)
    with pytest.raises(Broken):
        place.train(job, paths, broken=("shop", 7))
    with pytest.raises(UsageError, match="a tape serves a whole run, and this job was broken off"):
        place.keeping["bank"].refuse_tape()
    place.end()
    place.keeping["bank"].refuse_tape()


# Over the network


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        yield made
    finally:
        end(made.running)


@pytest.mark.slow
def test_a_killed_party_comes_back_and_all_go_on(site: Site) -> None:
    for path in site.job.values():
        site.edit(path, "epochs = 4", "epochs = 40")
        path.write_text(path.read_text() + "[save]\ncheckpoint = 5\nmodel = true\n")
    site.start_all()
    wait_until(lambda: any(site.folder.glob("bank/state/checkpoints/*/step-000000000020.shares")))
    os.kill(site.roles["bank"].process.pid, signal.SIGKILL)
    codes = site.codes()
    assert codes == {"shop": 10, "bank": -signal.SIGKILL, "dealer": 10}
    site.start_all()
    ended = site.ended()
    assert [one.code for one in ended.values()] == [0] * len(ROLES)
    for party in PARTIES:
        assert "All parties go on after step " in ended[party].out
        assert not (site.folder / party / "state" / CHECKPOINTS).exists()
        assert (site.folder / party / "state" / "model.shares").exists()
    assert audit.compare(*map(site.ledger, PARTIES)) == []
    job = Job.load(site.job["bank"])
    contributions = [Contribution.read(job, party, path) for party, path in site.data.items()]
    X, y = np.concatenate([one.features for one in contributions], axis=1), contributions[0].labels
    assert y is not None
    train, _ = split_rows(len(X), job.split.test, job.job.seed)
    expected = job.make_learner().fit(X[train], y[train])
    found = json.loads((site.folder / "bank" / "state" / "model.json").read_text())
    assert np.abs(np.array(found["coef"]) - expected.coef_).max() < 2e-3
    assert abs(found["intercept"] - float(expected.intercept_)) < 2e-3
