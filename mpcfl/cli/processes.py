"""Every role of a job as a process of this machine: started, watched and, however it goes, ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Any, Self

from mpcfl import machine, threads
from mpcfl.errors import BY_CODE, MpcflError, PeerLost, from_code

GRACE = 5.0
"""Seconds between asking a process to end and ending it."""
VERDICT = 2.0
"""Seconds after the first failure in which the others may end by themselves, so that none is ended while it reports."""
POLL = 0.05

Event = Callable[[str, Mapping[str, Any]], None]
"""Is given a role's name and what it reports: {"state": ...} or {"note": ...}. Called from threads."""


class Roles:
    """Processes of this library's command line, by role; a context manager that leaves none behind.

    Parameters
    ----------
    on_event : callable
    """

    def __init__(self, on_event: Event) -> None:
        self._on_event = on_event
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._errors: dict[str, IO[str]] = {}
        self._files = ExitStack()
        self._readers: list[threading.Thread] = []

    def start(self, role: str, arguments: Sequence[str], roles: int) -> None:
        """Start `mpcfl ARGUMENTS` as this role, one of `roles` that share the cores of this machine."""
        # The same modules as here, wherever this process has them from, and none from the current folder.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        environment.setdefault(threads.VARIABLE, str(max(1, machine.cores() // roles)))
        errors = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - it lives as long as its process
        self._errors[role] = self._files.enter_context(errors)
        process = self._processes[role] = subprocess.Popen(
            [sys.executable, "-P", "-m", "mpcfl", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        )
        reader = threading.Thread(target=self._read, args=(role, process), name=f"events of {role}", daemon=True)
        reader.start()
        self._readers.append(reader)

    def wait(self) -> None:
        """Wait until all have ended well.

        Raises
        ------
        MpcflError
            What the role that failed first said; the others are ended.
        """
        while True:
            codes = {role: process.poll() for role, process in self._processes.items()}
            failed = [role for role, code in codes.items() if code]
            if failed:
                self._wait_until(time.monotonic() + VERDICT)
                raise self._error(failed)
            if all(code == 0 for code in codes.values()):
                for reader in self._readers:
                    reader.join()
                return
            time.sleep(POLL)

    def end(self) -> None:
        """End all that still run: asked first, so that they tell their peers, then without asking."""
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        self._wait_until(time.monotonic() + GRACE)
        for process in self._processes.values():
            if process.poll() is None:
                process.kill()
            process.wait()
        for reader in self._readers:
            reader.join()
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _read(self, role: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                event = _object(line)
                if event is not None:
                    self._on_event(role, event)

    def _wait_until(self, deadline: float) -> None:
        while time.monotonic() < deadline and any(process.poll() is None for process in self._processes.values()):
            time.sleep(POLL)

    def _error(self, failed: Sequence[str]) -> MpcflError:
        """The error of the role at fault: of those seen to fail at once, one that did not just lose a peer."""
        errors = [self._error_of(role) for role in failed]
        return next((error for error in errors if not isinstance(error, PeerLost)), errors[0])

    def _error_of(self, role: str) -> MpcflError:
        code = self._processes[role].returncode
        if code < 0:
            return PeerLost(f"{role} was ended by signal {-code}", party=role)
        errors = self._errors[role]
        errors.seek(0)
        for line in reversed(errors.read().splitlines()):
            said = _object(line)
            if said is not None and said.get("code") == code and isinstance(said.get("reason"), str):
                ids = said["ids"] if isinstance(said.get("ids"), dict) else {}
                return _error_from(code, said["reason"], {"role": role, **ids})
        return _error_from(code, f"{role} ended with code {code} and gave no reason", {"role": role})


def _error_from(code: int, reason: str, ids: Mapping[str, Any]) -> MpcflError:
    return from_code(code, reason, **ids) if code in BY_CODE else MpcflError(reason, **ids)


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
