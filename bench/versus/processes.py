"""One case between processes of this machine, over sealed links that may be slow."""

from __future__ import annotations

import contextlib
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.figures import DEALER
from bench.memory import peak_bytes
from bench.parties import ROUND_TIMEOUT, Plan, gather, settle, started
from bench.relay import relaying
from bench.versus import keyring, table
from bench.versus.tasks import Cell, Place, Played, Size
from mpcfl import dealer
from mpcfl.drivers.profile import Network
from mpcfl.errors import MpcflError, PeerLost
from mpcfl.simulation import party_names

NETWORKS = {
    "lan": Network(0.2, 10_000),
    "gigabit": Network(1.0, 1_000),
    "wan": Network(40.0, 100),
}
"""By their names on the command line."""


@dataclass(frozen=True)
class Case:
    """A task by a method, at a size, over a network.

    Attributes
    ----------
    task, method : str
        Of `bench.versus.table`.
    size : tuple of int
    bits : int
        Of Paillier keys; 0 where there are none.
    network : str or None
        Of `NETWORKS`; None for the loopback as it is.
    """

    task: str
    method: str
    size: Size
    bits: int = 0
    network: str | None = None

    @property
    def cell(self) -> Cell:
        return table.find(self.task, self.method)

    @property
    def parties(self) -> list[str]:
        """Their names, by rank."""
        return party_names(self.cell.parties(self.size))

    @property
    def names(self) -> list[str]:
        """All processes, the dealer last."""
        return [*self.parties, DEALER] if self.cell.method.dealer else self.parties


@dataclass(frozen=True)
class Spot(Plan):
    """Where a case is run."""

    case: Case | None = None
    keys: Path | None = None


@dataclass(frozen=True)
class Answer:
    """What a process tells at its end.

    Attributes
    ----------
    played : Played or None
        None of the dealer.
    cpu_s : float
        Of the processor, from beginning to end.
    peak_bytes, idle_bytes : int
        The most memory that it held, and what it held before it began.
    """

    played: Played | None
    cpu_s: float
    peak_bytes: int
    idle_bytes: int


def run(case: Case, keys: Path | None = None) -> dict[str, Answer]:
    """What each role answers.

    Parameters
    ----------
    case : Case
    keys : Path, optional
        Folder of `bench.versus.keyring`.

    Raises
    ------
    MpcflError
        Of the role that failed first.
    """
    network = None if case.network is None else NETWORKS[case.network]
    with tempfile.TemporaryDirectory(prefix="mpcfl-bench-") as folder, contextlib.ExitStack() as stack:
        spot = Spot("", (), 1, Path(folder), None, network, case=case, keys=keys)
        ways = settle(spot, case.names)
        if network is not None:
            stack.enter_context(relaying(ways, network))
        with started(spot, case.names, _role) as pipes:
            answers: dict[str, Any] = gather(pipes)
    failures = [answer for answer in answers.values() if isinstance(answer, MpcflError)]
    if failures:
        raise next((failure for failure in failures if not isinstance(failure, PeerLost)), failures[0])
    return answers


def _role(name: str, spot: Spot, answers: Connection) -> None:
    """The whole life of one process."""
    try:
        idle, played, case = peak_bytes(), None, spot.case
        assert case is not None
        if name == DEALER:
            for _ in range(2):  # to record, then to let the tapes be used
                dealer.serve(spot.roster, spot.key(name), register=spot.folder / "tapes", round_timeout=ROUND_TIMEOUT)
        else:
            keyring.use(spot.keys)
            cell, place = case.cell, Place(name, case.parties.index(name), spot.roster, spot.key(name), spot.folder)
            played = cell.method.play(place, cell.run, case.size, case.bits)
        answers.send(Answer(played, time.process_time(), peak_bytes(), idle))
    except MpcflError as error:
        answers.send((error.code, error.reason))
