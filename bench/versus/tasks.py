"""The words of the comparison: a task, a method, and a cell, which says how the one is done by the other.

A file of tasks or methods ends in `CELLS`, and `bench.versus.table` has a line for it: nothing else need be told.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.effects import Protocol, Round, Send
from mpcfl.ledger import Ledger
from mpcfl.message import Exposure, Message
from mpcfl.session import Session

READY = Message("bench.ready", "party", "party", "words", Exposure.PUBLIC, "that all are there, and when they start")

Size: TypeAlias = tuple[int, ...]
Bits: TypeAlias = Literal[2048, 3072, 4096]
Array: TypeAlias = NDArray[Any]
LEAD = 0.05
"""Seconds from when all are there to when their clocks start: longer than a word is on its way."""
FRACTION, LIMIT = 18, 16.0
BOUND = int(LIMIT) << FRACTION


@dataclass(frozen=True)
class Task:
    """What is computed.

    Parameters
    ----------
    name : str
    axes : tuple of str
        What the numbers of a size count.
    quick, sizes : tuple of Size
        Of a quick run, and by default; the smallest first, which is also run over slow links.
    expected : callable
        By size, the right answer by float64: an array for each party that learns something, by rank.
    parties : callable, optional
        By size, how many take part; by default as many as the method has.
    """

    name: str
    axes: tuple[str, ...]
    quick: tuple[Size, ...]
    sizes: tuple[Size, ...]
    expected: Callable[[Size], list[Array]]
    parties: Callable[[Size], int] | None = None


@dataclass(frozen=True)
class Method:
    """How it is computed.

    Parameters
    ----------
    name : str
    play : callable
        What a party's process does: given its `Place`, a cell's `run`, the size and the bits of keys.
    security : callable
        By bits of keys, what breaks it, in a few words.
    keyed : bool
        Whether there are keys, of 2048 bits in a quick run and else of 3072.
    parties : int
    dealer : bool
        Whether a dealer's process belongs to it.
    """

    name: str
    play: Callable[[Place, Callable[..., Any], Size, int], Played]
    security: Callable[[int], str]
    keyed: bool = True
    parties: int = 2
    dealer: bool = False


@dataclass(frozen=True)
class Cell:
    """A task by a method.

    Parameters
    ----------
    task : Task
    method : Method
    run : callable
        `(session, size, bits) -> Done`; for the methods on shares `(size) -> program`, see `bench.versus.methods`.
    expected : callable, optional
        The right answer where the method computes something else than the task does, as a polynomial for a sigmoid.
    quick, sizes : tuple of Size, optional
        Instead of the task's, where it would take too long.
    security : callable, optional
        Instead of the method's.
    leaks : tuple of str, optional
        Instead of what the run says.
    far : bool
        Whether its smallest size is run over slow links as well.
    """

    task: Task
    method: Method
    run: Callable[..., Any]
    expected: Callable[[Size], list[Array]] | None = None
    quick: tuple[Size, ...] | None = None
    sizes: tuple[Size, ...] | None = None
    security: Callable[[int], str] | None = None
    leaks: tuple[str, ...] | None = None
    far: bool = True

    def at(self, quick: bool) -> tuple[Size, ...]:
        """The sizes that are run."""
        own, tasks = (self.quick, self.task.quick) if quick else (self.sizes, self.task.sizes)
        return tasks if own is None else own

    def answer(self, size: Size) -> list[Array]:
        """The right answer."""
        return (self.expected or self.task.expected)(size)

    def parties(self, size: Size) -> int:
        """How many take part, a dealer apart."""
        return self.method.parties if self.task.parties is None else self.task.parties(size)


@dataclass(frozen=True)
class Place:
    """Where a party's process finds its roster, its key, and a folder for its tape."""

    name: str
    rank: int
    roster: Path
    key: Path
    folder: Path


@dataclass(frozen=True)
class Done:
    """What one party measured.

    Attributes
    ----------
    offline_s, online_s : float
    cpu_s : float
        Of the processor, online.
    rounds : int
        Online.
    offline_bytes, online_bytes : int
        That this party sent; with a dealer, of the dealer's to all.
    result : ndarray or None
        At those who learn it.
    leaks : tuple of str
    """

    offline_s: float
    online_s: float
    cpu_s: float
    rounds: int
    offline_bytes: int
    online_bytes: int
    result: Array | None
    leaks: tuple[str, ...]


@dataclass(frozen=True)
class Played:
    """What one party measured, and the bytes that it sent in each online round, headers and tags included."""

    done: Done
    by_round: tuple[int, ...]


class Clock:
    """Seconds on the wall and of this process, from now on."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Both, so far."""
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


class Meter:
    """What a party's session costs from now on, which is the same moment at all parties.

    Parameters
    ----------
    session : Session
    offline_s : float
        What was spent before.
    """

    def __init__(self, session: Session, offline_s: float) -> None:
        session.perform(_together(session.rank, len(session.parties)))
        self._session, self._offline = session, offline_s
        self._rounds, self._sent = session.rounds, session.bytes_sent
        self._clock = Clock()

    def done(self, result: Array | None, leaks: tuple[str, ...], offline_bytes: int | None = None) -> Done:
        """What it has cost; without `offline_bytes` those are what this party had sent before."""
        online, cpu = self._clock.read()
        rounds, sent = self._session.rounds - self._rounds, self._session.bytes_sent - self._sent
        offline = self._sent if offline_bytes is None else offline_bytes
        return Done(self._offline, online, cpu, rounds, offline, sent, result, leaks)


def _together(rank: int, parties: int) -> Protocol:
    """Wait until all are there, and then until a moment that rank 0 tells by this machine's clock.

    Else whoever is farther from the last to come would start its clock later than others.
    """
    yield Round(tuple(Send(READY, sender, None, np.zeros(1, np.uint64)) for sender in range(parties)))
    moment = np.array([time.monotonic_ns() + round(LEAD * 1e9) if rank == 0 else 0], np.uint64)
    told = yield Send(READY, 0, None, moment)
    time.sleep(max(0.0, int(told[0]) / 1e9 - time.monotonic()))


def sent_by_round(ledger: Ledger | None, rounds: int, last: int) -> tuple[int, ...]:
    """What a party has sent in each of its last rounds, as its ledger says."""
    sent = [0] * rounds
    for entry in () if ledger is None else ledger.entries:
        place = entry.round - (last - rounds)  # rounds count from 0
        if entry.direction == "out" and 0 <= place < rounds:
            sent[place] += entry.wire_bytes
    return tuple(sent)


def elements(size: Size) -> int:
    """What the sizes of a task are drawn by."""
    return math.prod(size)


def show(size: Size) -> str:
    """`1000 x 20`."""
    return " x ".join(map(str, size))


def seed(size: Size) -> int:
    """Of the data: a size's inputs are always the same."""
    return sum(size)


# ---------------------------------------------------------------------------------------------------------------- data


def inputs(rows: int, columns: int) -> tuple[Array, Array]:
    """A matrix and a vector of standard normal numbers, cut at 8."""
    rng = np.random.default_rng(seed((rows, columns)))
    return np.clip(rng.normal(size=(rows, columns)), -8, 8), np.clip(rng.normal(size=columns), -8, 8)


def training_data(rows: int, columns: int) -> tuple[Array, Array]:
    """Standard normal columns, and labels of a logistic model."""
    rng = np.random.default_rng(seed((rows, columns)))
    x = np.clip(rng.normal(size=(rows, columns)), -8, 8)
    chance = 1 / (1 + np.exp(-x @ rng.normal(size=columns)))
    return x, (rng.random(rows) < chance).astype(np.int64)


def batch(rows: int) -> int:
    """Rows of a step: ten steps an epoch."""
    return max(1, rows // 10)
