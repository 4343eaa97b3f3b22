"""The real thing on one machine: every party and the dealer a process, fresh keys, sealed links over loopback."""

from __future__ import annotations

import contextlib
import cProfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from bench.figures import DEALER
from bench.forks import context
from bench.measure import Report, measure, measure_whole, record
from bench.memory import peak_bytes
from bench.operands import Size
from bench.relay import Way, relaying
from bench.workloads import WORKLOADS
from mpcfl import dealer
from mpcfl.connection import connect, recording
from mpcfl.drivers.profile import Network
from mpcfl.errors import MpcflError, PeerLost, from_code
from mpcfl.keys import generate
from mpcfl.machine import free_ports
from mpcfl.roster import to_toml
from mpcfl.simulation import party_names

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
    network : Network or None
        How slow the links are; whole programs are timed on them.
    online : bool
        Record all correlations first, then measure.
    """

    workload: str
    size: Size
    repetitions: int
    folder: Path
    profile: Path | None
    network: Network | None
    online: bool = False

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    @property
    def roster(self) -> Path:
        return self.folder / "roster.toml"

    def save(self, profile: cProfile.Profile, role: str) -> None:
        if self.profile is not None:
            profile.dump_stats(self.profile / f"{self.workload}.{role}.prof")


@dataclass(frozen=True)
class Outcome:
    """What a process tells at its end: its measurement (the dealer: CPU seconds), and the most memory that it held."""

    measured: Any
    peak_bytes: int


@dataclass(frozen=True)
class Measurement:
    """One workload, measured: the parties' reports by rank, CPU seconds of the dealer, peak memory of each role."""

    reports: list[Report]
    dealer_cpu_s: float
    peak_bytes: dict[str, int]


def run(
    workload: str, size: Size, parties: int, repetitions: int, profile: Path | None = None, online: bool = False
) -> Measurement:
    """Measure one workload.

    Raises
    ------
    MpcflError
        Of the role that failed first.
    """
    outcomes = _run(Plan(workload, size, repetitions, Path(), profile, None, online), parties)
    reports = [outcomes[name].measured for name in party_names(parties)]
    dealt = outcomes[DEALER].measured / (1 + repetitions)  # the first one warms up
    return Measurement(reports, dealt, {name: outcome.peak_bytes for name, outcome in outcomes.items()})


def run_whole(workload: str, size: Size, parties: int, repetitions: int, network: Network) -> list[float]:
    """Seconds of the slowest party, by repetition, of a program over links that are as slow as a network.

    Raises
    ------
    MpcflError
        Of the role that failed first.
    """
    outcomes = _run(Plan(workload, size, repetitions, Path(), None, network), parties)
    return [max(those) for those in zip(*(outcomes[name].measured for name in party_names(parties)), strict=True)]


def _run(plan: Plan, parties: int) -> dict[str, Outcome]:
    names = [*party_names(parties), DEALER]
    with tempfile.TemporaryDirectory(prefix="mpcfl-bench-") as folder, contextlib.ExitStack() as stack:
        plan = replace(plan, folder=Path(folder))
        ways = settle(plan, names)
        if plan.network is not None:
            stack.enter_context(relaying(ways, plan.network))
        with started(plan, names, _role) as pipes:
            answers = gather(pipes)
    failures = [answer for answer in answers.values() if isinstance(answer, MpcflError)]
    if failures:
        raise next((failure for failure in failures if not isinstance(failure, PeerLost)), failures[0])
    return answers


def settle(plan: Plan, names: list[str]) -> list[Way]:
    """Write fresh keys and the roster; the ways of a relay between each two, where there is one."""
    identities = {name: generate(name, "dealer" if name == DEALER else "party") for name in names}
    ports = dict(zip(names, free_ports(2 * len(names))[::2], strict=True))
    ways: list[Way] = []
    tables = []
    for name, identity in identities.items():
        identity.save(plan.key(name))
        addresses = {}
        for peer in names if plan.network is not None else ():
            if peer != name:
                entrance = free_ports(2)[0]
                addresses[peer] = f"127.0.0.1:{entrance}"
                ways += [Way(entrance + which, ports[name] + which, peer, name) for which in (0, 1)]
        where = {"bind": f"127.0.0.1:{ports[name]}", "addresses": addresses}
        tables.append(to_toml(identity.entry().model_copy(update=where)))
    plan.roster.write_text("\n".join(tables))
    return ways


@contextlib.contextmanager
def started(
    plan: Plan, names: list[str], role: Callable[[str, Any, Connection], None]
) -> Iterator[dict[str, Connection]]:
    """A process for each name, and the pipe on which it answers."""
    fork = context()
    running: list[ForkServerProcess] = []
    pipes: dict[str, Connection] = {}
    try:
        for name in names:
            pipes[name], answers = fork.Pipe(duplex=False)
            process = fork.Process(target=role, args=(name, plan, answers), name=name)
            process.start()
            answers.close()  # ours; the end of the process then ends the pipe
            running.append(process)
        yield pipes
        for process in running:
            process.join()
    finally:
        for process in running:
            if process.is_alive():
                process.terminate()
            process.join()
        for pipe in pipes.values():
            pipe.close()


def gather(pipes: dict[str, Connection]) -> dict[str, Any]:
    """By role its outcome, or the error that ended the process.

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
        measured = _deal(plan) if name == DEALER else _compute(name, plan)
        answers.send(Outcome(measured, measured.peak_bytes if isinstance(measured, Report) else peak_bytes()))
    except MpcflError as error:
        answers.send((error.code, error.reason))


def _deal(plan: Plan) -> float:
    """Serve; the CPU seconds that it took."""
    profile = cProfile.Profile()
    worked = time.process_time()
    if plan.profile is not None:
        profile.enable()
    for _ in range(1 + plan.online):  # to record, then to let the tapes be used
        dealer.serve(plan.roster, plan.key(DEALER), register=plan.folder / "tapes", round_timeout=ROUND_TIMEOUT)
    worked = time.process_time() - worked
    profile.disable()
    plan.save(profile, DEALER)
    return worked


def _compute(name: str, plan: Plan) -> Report | tuple[float, ...]:
    profile = None if plan.profile is None else cProfile.Profile()
    what = WORKLOADS[plan.workload], plan.size, plan.repetitions
    who, tape = (plan.roster, plan.key(name), name), plan.folder / f"{name}.tape" if plan.online else None
    if tape is not None:
        with recording(*who, tape, round_timeout=ROUND_TIMEOUT) as recorded:
            record(recorded, *what)
    with connect(*who, tape=tape, round_timeout=ROUND_TIMEOUT) as session:
        measured = measure(session, *what, profile) if plan.network is None else measure_whole(session, *what)
    if profile is not None:
        plan.save(profile, name)
    return measured
