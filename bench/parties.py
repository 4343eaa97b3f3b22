"""The real thing on one machine: every party and the dealer a process, fresh keys, sealed links over loopback."""

from __future__ import annotations

import contextlib
import cProfile
import multiprocessing
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from bench.measure import Report, measure, record
from bench.workloads import WORKLOADS, Size
from mpcfl import dealer
from mpcfl.connection import connect, recording
from mpcfl.errors import MpcflError, PeerLost, from_code
from mpcfl.keys import generate
from mpcfl.roster import to_toml
from mpcfl.simulation import party_names

DEALER = "dealer"
ROUND_TIMEOUT = 120.0
"""Seconds: a large workload may keep a peer waiting for longer than a job would."""
POLL = 0.1
"""Seconds between two looks at each pipe."""


@dataclass(frozen=True)
class Plan:
    """What the processes are to do.

    Parameters
    ----------
    workload : str
    size : tuple of int
    repetitions : int
    folder : Path
        Has the roster and the keys.
    profile : Path or None
        Folder for one cProfile file a role.
    online : bool
        Record all correlations first, then measure.
    """

    workload: str
    size: Size
    repetitions: int
    folder: Path
    profile: Path | None
    online: bool

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    @property
    def roster(self) -> Path:
        return self.folder / "roster.toml"

    def save(self, profile: cProfile.Profile, role: str) -> None:
        if self.profile is not None:
            profile.dump_stats(self.profile / f"{self.workload}.{role}.prof")


def run(
    workload: str, size: Size, parties: int, repetitions: int, profile: Path | None = None, online: bool = False
) -> list[Report]:
    """Measure one workload; the parties' reports by rank.

    Raises
    ------
    MpcflError
        Of the role that failed first.
    """
    names = party_names(parties)
    with tempfile.TemporaryDirectory(prefix="mpcfl-bench-") as folder:
        plan = Plan(workload, size, repetitions, Path(folder), profile, online)
        _settle(plan, [*names, DEALER])
        with _processes(plan, [*names, DEALER]) as pipes:
            answers = _answers(pipes)
    failures = [answer for answer in answers.values() if isinstance(answer, MpcflError)]
    if failures:
        raise next((failure for failure in failures if not isinstance(failure, PeerLost)), failures[0])
    return [answers[name] for name in names]


def _settle(plan: Plan, names: list[str]) -> None:
    """Write fresh keys and the roster."""
    ports = iter(_free_ports(2 * len(names)))
    tables = []
    for name in names:
        identity = generate(name, "dealer" if name == DEALER else "party")
        identity.save(plan.key(name))
        control, data = (f"127.0.0.1:{next(ports)}" for _ in range(2))
        where = {"bind": control, "address": control, "data_bind": data, "data_address": data}
        tables.append(to_toml(identity.entry().model_copy(update=where)))
    plan.roster.write_text("\n".join(tables))


def _free_ports(count: int) -> list[int]:
    """Different ports of 127.0.0.1 that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@contextlib.contextmanager
def _processes(plan: Plan, names: list[str]) -> Iterator[dict[str, Connection]]:
    """A process for each name, and the pipe on which it answers."""
    spawn = multiprocessing.get_context("spawn")
    started: list[SpawnProcess] = []
    pipes: dict[str, Connection] = {}
    try:
        for name in names:
            pipes[name], answers = spawn.Pipe(duplex=False)
            process = spawn.Process(target=_role, args=(name, plan, answers), name=name)
            process.start()
            answers.close()  # ours; the end of the process then ends the pipe
            started.append(process)
        yield pipes
        for process in started:
            process.join()
    finally:
        for process in started:
            if process.is_alive():
                process.terminate()
            process.join()
        for pipe in pipes.values():
            pipe.close()


def _answers(pipes: dict[str, Connection]) -> dict[str, Any]:
    """By role a report, None from the dealer, or the error that ended the process.

    Raises
    ------
    MpcflError
        A process died without a word: nobody waits for the others to notice.
    """
    answers: dict[str, Any] = {}
    while len(answers) < len(pipes):
        for name in [name for name in pipes if name not in answers]:
            if not pipes[name].poll(POLL):
                continue
            try:
                answer = pipes[name].recv()
            except EOFError:
                raise MpcflError(f"the process of {name} died", party=name) from None
            answers[name] = from_code(*answer) if isinstance(answer, tuple) else answer
    return answers


def _role(name: str, plan: Plan, answers: Connection) -> None:
    """The whole life of one process."""
    try:
        if name == DEALER:
            _deal(plan)
            answers.send(None)
        else:
            answers.send(_compute(name, plan))
    except MpcflError as error:
        answers.send((error.code, error.reason))


def _deal(plan: Plan) -> None:
    profile = cProfile.Profile()
    if plan.profile is not None:
        profile.enable()
    for _ in range(1 + plan.online):  # to record, then to let the tapes be used
        dealer.serve(plan.roster, plan.key(DEALER), register=plan.folder / "tapes", round_timeout=ROUND_TIMEOUT)
    profile.disable()
    plan.save(profile, DEALER)


def _compute(name: str, plan: Plan) -> Report:
    profile = None if plan.profile is None else cProfile.Profile()
    what = WORKLOADS[plan.workload], plan.size, plan.repetitions
    who, tape = (plan.roster, plan.key(name), name), plan.folder / f"{name}.tape" if plan.online else None
    if tape is not None:
        with recording(*who, tape, round_timeout=ROUND_TIMEOUT) as recorded:
            record(recorded, *what)
    with connect(*who, tape=tape, round_timeout=ROUND_TIMEOUT) as session:
        report = measure(session, *what, profile)
    if profile is not None:
        plan.save(profile, name)
    return report
