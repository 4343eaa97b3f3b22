"""The command line: what it prints and writes, how it ends."""

from __future__ import annotations

import json
import os
import signal
import stat
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sockets
from commands import Ended, mpcfl, started, wait_until
from shops import BOTH, HEAD, files

from mpcfl import audit, cli, saving
from mpcfl.disclosure import DEALER_WARNING
from mpcfl.errors import UsageError
from mpcfl.examples import credit
from mpcfl.job import Job
from mpcfl.keys import Identity
from mpcfl.learn.evaluation import NAMES
from mpcfl.roster import Roster
from mpcfl.version import VERSION

COSTS = {"rounds", "bytes_sent", "offline_bytes", "seconds", "model", "ledger", "shares"}


def write_job(folder: Path, text: str = BOTH) -> Path:
    path = folder / "job.toml"
    path.write_text(HEAD + text)
    return path


def call(*arguments: object, capsys: pytest.CaptureFixture[str]) -> Ended:
    """A command in this process."""
    code = cli.call([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return Ended(code, out, err)


def model(path: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    document = json.loads(Path(path).read_text())
    return np.array([*document["coef"], document["intercept"]])


# Keys


def test_keygen_makes_secret_keys_and_an_entry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, role in (("bank", "party"), ("helper", "dealer")):
        assert call("keygen", "--party", name, "--role", role, "--out", tmp_path / "new", capsys=capsys).code == 0
    key = tmp_path / "new" / "bank.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    identity = Identity.load(key)
    assert (identity.name, identity.role) == ("bank", "party")
    text = "".join((tmp_path / "new" / f"{name}.toml").read_text() for name in ("bank", "helper"))
    roster = Roster.parse(tomllib.loads(text))
    assert roster["bank"] == identity.entry()
    assert roster.dealer is not None
    assert roster.dealer.name == "helper"
    assert "curve_secret" not in text


def test_keygen_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("keygen", "--party", "bank", "--out", tmp_path)
    assert call(*command, capsys=capsys).code == 0
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert call(*command, capsys=capsys).said["code"] == 2
    (tmp_path / "bank.toml").unlink()
    assert "never overwritten" in call(*command, capsys=capsys).said["reason"]
    assert (tmp_path / "bank.key").read_bytes() == before[tmp_path / "bank.key"]


# How it ends


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nonsense"],
        ["nonsense"],
        ["local"],
        ["local", "missing.toml", "--data", "a=b"],
        ["local", "JOB", "--data", "shop"],
        ["local", "JOB", "--data", "shop=missing.csv", "--data", "bank=missing.csv"],
        ["local", "JOB", "--data", "shop=JOB"],
        ["local", "JOB", "--data", "shop=JOB", "--data", "shop=JOB"],
        ["keygen", "--party", "a b", "--out", "."],
        ["keygen", "--party", "bank", "--role", "king", "--out", "."],
        ["plan", "JOB"],
        ["plan", "JOB", "--rows", "10"],
        ["plan", "JOB", "--rows", "10", "--columns", "shop=2", "--columns", "bank=x"],
        ["plan", "JOB", "--rows", "10", "--columns", "shop=0", "--columns", "bank=0"],
        ["plan", "JOB", "--rows", "10", "--columns", "shop=1", "--columns", "bank=1", "--network", "fast"],
        ["run", "JOB", "--party", "shop", "--roster", "missing", "--key", "missing", "--data", "missing"],
        ["run", "JOB", "--party", "shop", "--roster", "x", "--key", "x", "--data", "x", "--round-timeout", "0"],
        ["dealer", "--roster", "missing", "--key", "missing"],
        ["ledger", "verify", "missing"],
    ],
)
def test_wrong_usage_is_code_2_in_one_sentence(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    job = str(write_job(tmp_path))
    ended = call(*(argument.replace("JOB", job) for argument in arguments), capsys=capsys)
    assert ended.said["code"] == 2
    assert not [path for path in tmp_path.iterdir() if path.name != "job.toml"]


def test_a_wrong_job_is_code_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = write_job(tmp_path, BOTH + "[surprise]\n")
    said = call("plan", job, "--rows", 9, "--columns", "shop=1", "--columns", "bank=1", capsys=capsys).said
    assert said["code"] == 3
    assert said["ids"]["key"] == "surprise"


@pytest.mark.parametrize(
    ("error", "code"), [(KeyError("secret 12"), 1), (MemoryError("secret 12"), 15), (KeyboardInterrupt(), 130)]
)
def test_what_nobody_expected_shows_no_value(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(Job, "load", broken)
    ended = call("plan", "job.toml", "--rows", 9, "--columns", "shop=1", capsys=capsys)
    assert ended.said["code"] == code
    assert "secret" not in ended.err
    assert ended.out == ""


def test_help_says_what_the_dealer_can_see(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ([], ["run"], ["dealer"]):
        ended = call(*command, "--help", capsys=capsys)
        assert ended.code == 0
        assert DEALER_WARNING in " ".join(ended.out.split())


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    assert mpcfl("--version", folder=tmp_path) == Ended(0, f"mpcfl {VERSION}\n", "")
    assert mpcfl("nonsense", folder=tmp_path).said["code"] == 2


# Forecasts


def test_plan_from_files_and_from_their_sizes_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = write_job(tmp_path, '[disclose]\nmetrics = ["shop"]\n')
    data = [part for name, path in files(tmp_path).items() for part in ("--data", f"{name}={path}")]
    numbers = ["--rows", "150", "--columns", "shop=2", "--columns", "bank=5", "--network", "20,100"]
    assert call("plan", job, *data, "--json", tmp_path / "a", capsys=capsys).code == 0
    assert call("plan", job, *numbers, "--json", tmp_path / "b", capsys=capsys).code == 0
    a, b = (json.loads((tmp_path / name).read_text()) for name in "ab")
    assert b.pop("seconds") > a["rounds"] * 0.02 / 2  # a round is one way
    assert a.pop("seconds") is None
    assert a == b
    assert a["columns"] == {"shop": 2, "bank": 5}


# Whole runs, with real processes


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, mpcfl("demo", "--json", "demo.json", "--out", "out", folder=folder)


def test_demo_ends_well_and_says_what_the_joint_model_is_worth(demo: tuple[Path, Ended]) -> None:
    folder, ended = demo
    assert (ended.code, ended.err) == (0, "")
    document = json.loads((folder / "demo.json").read_text())
    assert set(document) == {"bank_alone", "joint"} | COSTS
    assert set(document["joint"]) == set(document["bank_alone"]) == set(NAMES["binary"])
    assert document["joint"]["auc"] == pytest.approx(0.8335, abs=3e-3)
    assert document["bank_alone"]["auc"] == pytest.approx(0.7064, abs=3e-3)
    assert document["bytes_sent"].keys() == {"bank", "bureau"}
    for place in (*document["model"].values(), *document["ledger"].values()):
        assert stat.S_IMODE((folder / place).stat().st_mode) == 0o600
        assert place in ended.out
    assert DEALER_WARNING in " ".join(ended.out.split())
    assert "coefficients of the model" in ended.out
    # The keys were in a private folder that is gone.
    assert sorted(path.name for path in folder.iterdir()) == ["demo.json", "out"]


def test_the_ledgers_of_the_demo_mirror_each_other_and_tell_its_figures(demo: tuple[Path, Ended]) -> None:
    folder, _ = demo
    document = json.loads((folder / "demo.json").read_text())
    bank, bureau = (folder / document["ledger"][name] for name in ("bank", "bureau"))
    assert audit.compare(bank, bureau) == []
    for name, ledger in (("bank", bank), ("bureau", bureau)):
        totals = audit.verify(ledger).totals
        sent = sum(total.payload_bytes for total in totals if total.direction == "out" and total.peer != "dealer")
        assert sent == document["bytes_sent"][name]


def test_plan_told_the_cost_of_the_demo(demo: tuple[Path, Ended], capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = demo
    document = json.loads((folder / "demo.json").read_text())
    data = [part for name in ("bank", "bureau") for part in ("--data", f"{name}={credit.path(name + '.csv')}")]
    assert call("plan", credit.path("job.toml"), *data, "--json", folder / "plan.json", capsys=capsys).code == 0
    forecast = json.loads((folder / "plan.json").read_text())
    for key in ("rounds", "bytes_sent", "offline_bytes"):
        assert forecast[key] == document[key]


@pytest.mark.slow
def test_local_moves_older_results_aside_and_shows_what_was_not_disclosed(tmp_path: Path) -> None:
    job = write_job(tmp_path, '[disclose]\nmodel = ["bank"]\n')
    data = [part for name, path in files(tmp_path).items() for part in ("--data", f"{name}={path}")]
    arguments = ("local", job, *data, "--out", "out", "--json", "local.json")
    assert mpcfl(*arguments, folder=tmp_path).code == 0
    document = json.loads((tmp_path / "local.json").read_text())
    assert set(document) == set(NAMES["binary"]) | COSTS
    assert {document[name] for name in NAMES["binary"]} == {None}
    assert document["model"] == {"shop": None, "bank": "out/bank/model.json"}
    before = {name: (tmp_path / "out" / "bank" / name).read_bytes() for name in ("model.json", "ledger.jsonl")}
    ended = mpcfl(*arguments, folder=tmp_path)
    assert ended.code == 0
    for name, content in before.items():
        assert (tmp_path / "out" / "bank" / f"{name}.1").read_bytes() == content
        assert f"out/bank/{name}.1" in ended.out
    assert audit.compare(*(tmp_path / place for place in document["ledger"].values())) == []


@pytest.mark.slow
def test_roles_by_hand_from_three_folders_give_what_local_gives(tmp_path: Path) -> None:
    job, paths = write_job(tmp_path), files(tmp_path)
    data = [part for name, path in paths.items() for part in ("--data", f"{name}={path}")]
    assert mpcfl("local", job, *data, "--json", "local.json", folder=tmp_path).code == 0
    sockets.made(tmp_path, ["shop", "bank"])
    shared = ["--roster", tmp_path / "roster.toml"]
    commands = [(["dealer", *shared, "--key", tmp_path / "dealer.key", "--state-dir", "state"], tmp_path / "dealer")]
    for name, path in paths.items():
        options = ["--party", name, "--key", tmp_path / f"{name}.key", "--data", path, "--json", "run.json"]
        extra = ["--dump-view", "view.npz", "--ledger", "said.jsonl"] if name == "bank" else []
        commands.append((["run", job, *shared, *options, *extra], tmp_path / name))
    for _, folder in commands:
        folder.mkdir()
    with started(*commands) as running:
        assert [one.ended().code for one in running] == [0, 0, 0]
    local = json.loads((tmp_path / "local.json").read_text())
    for name in paths:
        document = json.loads((tmp_path / name / "run.json").read_text())
        assert set(document) == set(NAMES["binary"]) | COSTS
        assert document["bytes_sent"] == {name: local["bytes_sent"][name]}
        assert {key: document[key] for key in ("rounds", "offline_bytes")} == {
            key: local[key] for key in ("rounds", "offline_bytes")
        }
        assert np.abs(model(tmp_path / name / document["model"]) - model(tmp_path / local["model"][name])).max() < 2e-3
    said = tmp_path / "bank" / "said.jsonl"
    assert audit.compare(said, tmp_path / "shop" / "mpcfl-shop" / "ledger.jsonl") == []
    view = tmp_path / "bank" / "view.npz"
    assert stat.S_IMODE(view.stat().st_mode) == 0o600
    with np.load(view, allow_pickle=False) as tensors:
        # Each received tensor is there, by number, message, payload and sender.
        assert all(key.split("/")[-1] == "shop" for key in tensors if "dealer" not in key)
        assert len(tensors.files) >= local["rounds"] // 2


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_local_run_ends_all_its_roles(tmp_path: Path, number: signal.Signals) -> None:
    job = write_job(tmp_path, BOTH.replace("[disclose]", "[engine]\nfraction = 20\n[disclose]"))
    job.write_text(job.read_text().replace("epochs = 4", "epochs = 4000"))
    data = [part for name, path in files(tmp_path).items() for part in ("--data", f"{name}={path}")]
    with started((["local", job, *data, "--out", "out"], tmp_path)) as (local,):
        wait_until((tmp_path / "out" / "bank" / "ledger.jsonl").exists)
        os.kill(local.process.pid, number)
        assert local.ended().said["code"] == 130
        assert local.leaves_nothing
    # The keys are gone, what was said is kept.
    assert not list(tmp_path.glob("mpcfl-*"))
    assert audit.verify(tmp_path / "out" / "bank" / "ledger.jsonl").entries >= 0


def test_local_ends_with_the_code_of_the_role_at_fault(tmp_path: Path) -> None:
    job, paths = write_job(tmp_path), files(tmp_path)
    paths["bank"].write_text(paths["bank"].read_text().replace("c0007", "c9999"))
    data = [part for name, path in paths.items() for part in ("--data", f"{name}={path}")]
    with started((["local", job, *data, "--out", "out"], tmp_path)) as (local,):
        ended = local.ended()
        assert ended.said["code"] == 11
        assert "id columns differ" in ended.said["reason"]
        assert local.leaves_nothing


@pytest.mark.slow
def test_two_processes_cannot_share_a_state_folder(tmp_path: Path) -> None:
    job, paths = write_job(tmp_path), files(tmp_path)
    sockets.made(tmp_path, ["shop", "bank"])
    options = ["--party", "shop", "--key", "shop.key", "--data", paths["shop"], "--roster", "roster.toml"]
    arguments = ["run", job, *options, "--state-dir", "state"]
    with started((arguments, tmp_path)) as (first,):
        wait_until((tmp_path / "state" / "lock").exists)
        wait_until(lambda: "state" in mpcfl(*arguments, "--connect-timeout", 0.1, folder=tmp_path).said["reason"])
        first.process.send_signal(signal.SIGINT)
        assert first.ended().said["code"] == 130


@pytest.mark.parametrize("place", ["device", "folder", "link", "missing/file"])
def test_nothing_but_a_file_of_its_own_is_replaced(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "device")
    (tmp_path / "folder").mkdir()
    (tmp_path / "target").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    before = sorted(path.name for path in tmp_path.iterdir())
    path = tmp_path / place
    job = write_job(tmp_path)
    numbers = ["--rows", "150", "--columns", "shop=2", "--columns", "bank=5"]
    assert call("plan", job, *numbers, "--json", path, capsys=capsys).said["code"] == 2
    if path.parent.exists():
        with pytest.raises(UsageError, match="no regular file"):
            saving.move_aside(path)
    job.unlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert stat.S_ISFIFO((tmp_path / "device").stat().st_mode)
    assert (tmp_path / "target").read_text() == "kept"


def test_files_moved_aside_take_the_first_free_number(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    assert saving.move_aside(path) is None
    for number in (1, 2):
        path.write_text(str(number))
        assert saving.move_aside(path) == tmp_path / f"ledger.jsonl.{number}"
    assert (tmp_path / "ledger.jsonl.1").read_text() == "1"
