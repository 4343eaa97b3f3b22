"""The command line as real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 150.0
"""Seconds after which a process hangs."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> dict[str, Any]:
        """The one JSON line on stderr; a sentence stands before it, and no traceback anywhere."""
        lines = self.err.splitlines()
        (line,) = [line for line in lines if line.startswith("{")]
        assert line == lines[-1], self.err
        assert any(line.startswith("error: ") for line in lines), self.err
        assert "Traceback" not in self.err
        said: dict[str, Any] = json.loads(line)
        assert sorted(said) == ["code", "ids", "reason"]
        assert said["code"] == self.code
        return said


class Command:
    """`mpcfl ARGUMENTS` in a process group of its own, started in a folder."""

    def __init__(
        self,
        arguments: Sequence[object],
        folder: Path,
        program: Sequence[str] | None = None,
        stdin: int = subprocess.DEVNULL,
    ) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *(program or ("-m", "mpcfl")), *map(str, arguments)],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "COLUMNS": "200"},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ended(self) -> Ended:
        """Wait for the end; a process that hangs fails the test."""
        out, err = self.process.communicate(timeout=DEADLINE)
        return Ended(self.process.returncode, out, err)

    @property
    def leaves_nothing(self) -> bool:
        """Whether no process of its group is left."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return True
        return False


@contextmanager
def started(*commands: tuple[Sequence[object], Path]) -> Iterator[list[Command]]:
    """Start processes, and end those that still run."""
    running = [Command(arguments, folder) for arguments, folder in commands]
    try:
        yield running
    finally:
        end(running)


def end(running: Sequence[Command]) -> None:
    """Kill what still runs, so that no test leaves a process."""
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def mpcfl(*arguments: object, folder: Path) -> Ended:
    """Run a command to its end."""
    with started((arguments, folder)) as (command,):
        return command.ended()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that processes bring about."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
