"""One task by one method, between processes of this machine over sealed links."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.figures import DEALER
from bench.memory import peak_bytes
from bench.parties import ROUND_TIMEOUT, Plan, gather, settle, started
from bench.versus import tasks
from bench.versus.tasks import Bits, Done, Size
from mpcfl import dealer
from mpcfl.connection import connect, recording
from mpcfl.dealerless import DealerlessDriver, Paillier
from mpcfl.errors import MpcflError, PeerLost
from mpcfl.session import Program
from mpcfl.simulation import party_names

PAILLIER, ARBITER, SHARED = "paillier", "paillier, arbiter", "paillier, shared"
SHARES, NO_DEALER = "shares", "shares, no dealer"
DEALS = ("what the task computes, its shapes and row numbers, to the dealer; with one party in league all data",)


@dataclass(frozen=True)
class Case:
    """A task, by a method.

    Attributes
    ----------
    task : str
        "lr epoch", or a linear one.
    size : tuple of int
        Rows and columns of the matrix or of the training data.
    method : str
    bits : int
        Of Paillier keys; 0 where there are none.
    """

    task: str
    size: Size
    method: str
    bits: Bits | int

    @property
    def names(self) -> list[str]:
        """All processes, the dealer last."""
        parties = party_names(3 if self.method == ARBITER else 2)
        return [*parties, DEALER] if self.method == SHARES else parties


@dataclass(frozen=True)
class Spot(Plan):
    """Where a case is run."""

    case: Case | None = None


def run(case: Case) -> dict[str, Answer]:
    """By role what it measured (the dealer: nothing), and the most memory that it held.

    Raises
    ------
    MpcflError
        Of the role that failed first.
    """
    with tempfile.TemporaryDirectory(prefix="mpcfl-bench-") as folder:
        spot = Spot("", (), 1, Path(folder), None, None, case=case)
        settle(spot, case.names)
        with started(spot, case.names, _role) as pipes:
            answers: dict[str, Any] = gather(pipes)
    failures = [answer for answer in answers.values() if isinstance(answer, MpcflError)]
    if failures:
        raise next((failure for failure in failures if not isinstance(failure, PeerLost)), failures[0])
    return answers


def _role(name: str, spot: Spot, answers: Connection) -> None:
    """The whole life of one process."""
    try:
        done = None
        if name == DEALER:
            for _ in range(2):  # to record, then to let the tapes be used
                dealer.serve(spot.roster, spot.key(name), register=spot.folder / "tapes", round_timeout=ROUND_TIMEOUT)
        else:
            assert spot.case is not None
            done = _compute(name, spot, spot.case)
        answers.send(Answer(done, peak_bytes()))
    except MpcflError as error:
        answers.send((error.code, error.reason))


@dataclass(frozen=True)
class Answer:
    """What a process tells at its end."""

    done: Done | None
    peak_bytes: int


def _compute(name: str, spot: Spot, case: Case) -> Done:
    who = (spot.roster, spot.key(name), name)
    bits: Any = case.bits
    if case.method in (SHARES, NO_DEALER):
        program = (tasks.training_program if case.task == "lr epoch" else tasks.linear_program)(case.size)
        return _on_shares(who, spot, program) if case.method == SHARES else _dealerless(who, program, bits)
    with connect(*who, round_timeout=ROUND_TIMEOUT) as session:
        if case.task != "lr epoch":
            return tasks.linear_by_paillier(session, case.size, bits)
        return tasks.training_by_paillier(session, case.size, bits, "arbiter" if case.method == ARBITER else "shared")


def _on_shares(who: tuple[Path, Path, str], spot: Spot, program: Program) -> Done:
    tape = spot.folder / f"{who[2]}.tape"
    began = time.perf_counter()
    with recording(*who, tape, round_timeout=ROUND_TIMEOUT) as recorded:
        recorded.record(program)
        sent = recorded.offline_bytes
    offline = time.perf_counter() - began
    with connect(*who, tape=tape, round_timeout=ROUND_TIMEOUT) as session:
        clock = tasks.Clock()
        result = session.run(program)
        return Done(offline, *clock.read(), session.rounds, sent, session.bytes_sent, result, DEALS)


def _dealerless(who: tuple[Path, Path, str], program: Program, bits: Bits) -> Done:
    with connect(*who, offline=Paillier(bits), round_timeout=ROUND_TIMEOUT) as session:
        clock = tasks.Clock()
        result = session.run(program)
        whole, cpu = clock.read()
        driver = session._driver
        assert isinstance(driver, DealerlessDriver)
        offline = driver.offline_seconds
        return Done(
            offline,
            whole - offline,
            cpu,
            session.rounds,
            session.offline_bytes,
            session.bytes_sent,
            result,
            ("nothing",),
        )
