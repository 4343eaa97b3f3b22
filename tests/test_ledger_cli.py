"""`mpcfl ledger`: what it prints, and with which error it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mpcfl.cli.ledger import app
from mpcfl.errors import IntegrityError, MpcflError, UsageError
from mpcfl.ledger import Direction, Disclosures, Ledger
from mpcfl.message import Exposure, Message

OPERAND = Message("beaver/operand", "party", "party", "words", Exposure.MASKED, "a difference to a fresh mask")
OUTPUT = Message("reveal/output", "party", "reader", "words", Exposure.OUTPUT, "a share of an agreed output")


def ledger_of(party: str, peer: str, folder: Path, *, purpose: str = "model [bold]", size: int = 24) -> Path:
    """A ledger of one party of a short conversation: the bank sends an operand, the bureau a share of the output."""
    ledger = Ledger("session-1", party, disclosures=Disclosures.any())
    for seq, (sender, message) in enumerate((("bank", OPERAND), ("bureau", OUTPUT))):
        direction: Direction = "out" if sender == party else "in"
        ledger.record(
            message,
            direction=direction,
            peer=peer,
            epoch=0,
            round=seq,
            op=seq,
            seq=seq,
            dtype="uint64",
            shape=(3, 1),
            payload_bytes=size,
            wire_bytes=1096,
            digest=f"{seq:032x}",
            time=None,
            purpose=purpose if message is OUTPUT else None,
        )
    ledger.save(folder / party)
    return folder / party


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    return ledger_of("bank", "bureau", tmp_path), ledger_of("bureau", "bank", tmp_path)


def printed(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "160"})
    assert result.exception is None, result.output
    return result.output


def refused(*arguments: object) -> MpcflError:
    """The error that the main program turns into an exit code and a line on stderr."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, MpcflError)
    assert result.output == ""
    return result.exception


def test_show_prints_totals_and_every_output(pair: tuple[Path, Path]) -> None:
    lines = [line.split() for line in printed("show", pair[0]).splitlines()]
    assert ["beaver/operand", "out", "bureau", "1", "24", "1,096", "masked"] in lines
    assert ["reveal/output", "in", "bureau", "1", "24", "1,096", "output"] in lines
    assert ["1", "model", "[bold]", "its", "owner", "bureau", "uint64", "3x1"] in lines
    assert ["1", "model", "[bold]", "bank", "its", "owner", "uint64", "3x1"] in [
        line.split() for line in printed("show", pair[1]).splitlines()
    ]


def test_show_as_json(pair: tuple[Path, Path]) -> None:
    shown = json.loads(printed("show", "--json", pair[0]))
    assert shown["session"] == "session-1"
    assert [(total["message"], total["count"]) for total in shown["totals"]] == [
        ("beaver/operand", 1),
        ("reveal/output", 1),
    ]
    assert [(output["purpose"], output["index"]) for output in shown["outputs"]] == [("model [bold]", 1)]
    assert shown["head"] in printed("verify", pair[0])


def test_a_terminal_is_not_steered_by_a_ledger(tmp_path: Path) -> None:
    shown = printed("show", ledger_of("bank", "bureau\x1b[2J", tmp_path, purpose="model\u202e\ud800"))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "'bureau\\x1b[2J'" in shown
    assert "'model\\u202e\\ud800'" in shown


def test_an_empty_ledger_is_shown(tmp_path: Path) -> None:
    Ledger("session-1", "bank", disclosures=None).save(tmp_path / "empty")
    assert "0 entries" in printed("show", tmp_path / "empty")


def test_compare_mirror(pair: tuple[Path, Path]) -> None:
    assert "mirror each other" in printed("compare", *pair)


def test_compare_says_where(pair: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    error = refused("compare", pair[0], ledger_of("bureau", "bank", tmp_path / "other", size=16))
    assert isinstance(error, IntegrityError)
    assert error.code == 14
    assert "bank to bureau: payload_bytes is 24 in entry 0 of the first ledger and 16 in entry 0" in error.reason
    assert "bureau to bank: payload_bytes is 24 in entry 1 of the first ledger and 16 in entry 1" in error.reason


@pytest.mark.parametrize("command", ["show", "verify"])
def test_a_broken_ledger_is_neither_shown_nor_verified(pair: tuple[Path, Path], command: str) -> None:
    pair[0].write_bytes(pair[0].read_bytes().replace(b'"seq":0', b'"seq":7', 1))
    error = refused(command, pair[0])
    assert isinstance(error, IntegrityError)
    assert "line 2: prev is not the SHA-256 of line 1" in error.reason


@pytest.mark.parametrize("command", ["show", "verify", "compare"])
def test_a_missing_file_is_a_mistake_of_use(pair: tuple[Path, Path], command: str) -> None:
    arguments = (pair[0], "none") if command == "compare" else ("none",)
    error = refused(command, *arguments)
    assert isinstance(error, UsageError)
    assert error.code == 2
    assert "none cannot be read" in error.reason
