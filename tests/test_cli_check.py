"""`mpcfl check`: what it prints and how it ends; `mpcfl plan` by line."""

from __future__ import annotations

import json
import sys

import pytest

from mpcfl import cli

GOOD = """
import numpy as np
from dataclasses import dataclass
from beside import SIZE


@dataclass
class Model:
    rate: float


def program(session):
    x = session.share(np.ones(SIZE) if session.rank == 0 else None, owner=0)
    return (x * Model(0.3).rate).reveal()
"""
BAD = """
import numpy as np


def main(session):
    x = session.share(np.full(3, 3e4), owner=0)
    y = x * 0.5
    return (y * x).reveal()


if __name__ == "__main__":
    raise SystemExit("a checked program is no script")
"""


@pytest.fixture
def call(tmp_path, capsys):
    (tmp_path / "beside.py").write_text("SIZE = 4\n")

    def run(text, *options):
        file = tmp_path / "job_program.py"
        file.write_text(text)
        before = list(sys.path)
        code = cli.call(["check", str(file), *options])
        assert sys.path == before
        out, err = capsys.readouterr()
        return code, out, json.loads(err.splitlines()[-1]) if err else None

    yield run
    for name in ("beside", "job_program"):
        sys.modules.pop(name, None)


def test_a_correct_program_ends_with_0(call):
    assert call(GOOD) == (0, "no findings\n", None)


def test_a_finding_ends_with_3_and_its_line(call):
    code, out, said = call(BAD, "--parties", "3")
    assert code == said["code"] == 3
    assert out.startswith("job_program.py:8: multiply of shape (3,): a product reached 2^26")
    assert "fraction of 16 or less" in out
    assert said["reason"].startswith("1 line of job_program.py")


def test_another_fraction_holds_it(call):
    assert call(BAD, "--fraction", "16")[:2] == (0, "no findings\n")


@pytest.mark.parametrize(
    ("text", "code", "reason"),
    [
        ("x = 1\n", 2, "neither program"),
        ("def program(session):\n    return undefined_name\n", 3, "job_program.py:2 failed with NameError"),
        ("import no_such_module_at_all\n", 3, "job_program.py:1 failed with ModuleNotFoundError"),
        ("def program(session:\n", 3, "SyntaxError"),
        ("import numpy as np\n\ndef program(session):\n    session.share(np.array([1e30]), 0)\n", 3, "representable"),
    ],
)
def test_a_program_that_does_not_run(call, text, code, reason):
    ended, out, said = call(text)
    assert (ended, out) == (code, "")
    assert reason in said["reason"]


def test_a_file_that_is_none(call, tmp_path, capsys):
    assert cli.call(["check", str(tmp_path / "absent.py")]) == 2
    assert "no file" in json.loads(capsys.readouterr().err.splitlines()[-1])["reason"]
    (tmp_path / "program.txt").write_text(GOOD)
    assert cli.call(["check", str(tmp_path / "program.txt")]) == 2
