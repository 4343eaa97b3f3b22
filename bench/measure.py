"""One party's side of a measurement: repeat a workload in a session, and time and count the operation alone."""

from __future__ import annotations

import cProfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.memory import peak_bytes
from bench.operands import Array, Operand, Size
from bench.workloads import Workload
from mpcfl.array import SecretArray
from mpcfl.connection import RecordingSession
from mpcfl.ledger import Entry
from mpcfl.requests import REQUEST
from mpcfl.session import Session


@dataclass(frozen=True)
class Count:
    """What a session has cost so far, or between two moments."""

    rounds: int
    online_bytes: int
    offline_bytes: int

    @staticmethod
    def of(session: Session) -> Count:
        return Count(session.rounds, session.bytes_sent, session.offline_bytes)

    def since(self, earlier: Count) -> Count:
        return Count(
            self.rounds - earlier.rounds,
            self.online_bytes - earlier.online_bytes,
            self.offline_bytes - earlier.offline_bytes,
        )


@dataclass(frozen=True)
class Sample:
    """One timed repetition at one party; the result is at the first party alone.

    `asked_bytes` are this party's to the dealer. They vary a little: requests hold the numbers of earlier draws.
    """

    seconds: float
    cpu_seconds: float
    count: Count
    asked_bytes: int
    result: Array | None


@dataclass(frozen=True)
class Report:
    """What a party tells of a workload: seconds by repetition, one count for all, errors at the first party.

    `cpu_seconds` are those of all its threads; `peak_bytes` is the most memory before the result was checked.
    """

    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    count: Count
    asked_bytes: int
    max_abs_err: float
    max_rel_err: float | None
    peak_bytes: int


class Clock:
    """A program that starts with all others and times one operation, its dealing included.

    Without a tape a session runs its program twice: on shapes alone in a thread, to tell the dealer what will be drawn,
    and for real. The run on shapes is held back until the clock runs, so the dealer has no head start.

    Parameters
    ----------
    compute : callable
        `compute(*arrays)`.
    profile : cProfile.Profile, optional
        Runs while the clock runs.
    ahead : bool
        Do not hold back the run on shapes: it is recorded.
    """

    def __init__(
        self, compute: Callable[..., Any], profile: cProfile.Profile | None = None, ahead: bool = False
    ) -> None:
        self._compute = compute
        self._profile = profile
        self._started = threading.Event()
        if ahead:
            self._started.set()

    def __call__(self, session: Session, *arrays: SecretArray) -> Sample | None:
        _together(session)
        if session.ledger is None:  # on shapes alone
            self._started.wait()
            self._compute(*arrays)
            return None
        before, entries = Count.of(session), len(session.ledger.entries)
        start, worked = time.perf_counter(), time.process_time()
        self._started.set()
        if self._profile is not None:
            self._profile.enable()
        secret = self._compute(*arrays)
        session.barrier()
        if self._profile is not None:
            self._profile.disable()
        seconds, worked = time.perf_counter() - start, time.process_time() - worked
        count = Count.of(session).since(before)
        asked = _asked_bytes(session.ledger.entries[entries:])
        return Sample(seconds, worked, count, asked, secret.reveal(to=session.parties[:1]))


def _asked_bytes(entries: Sequence[Entry]) -> int:
    """What this party sent to the dealer."""
    return sum(entry.payload_bytes for entry in entries if entry.message == REQUEST.name)


def given(session: Session, workload: Workload, operands: Sequence[Operand]) -> list[SecretArray]:
    """The operands as secrets of a session, those opened that the workload finds opened."""
    arrays = [_given(session, operand) for operand in operands]
    for place in workload.opened:
        length = arrays[place].shape[-1]
        ones = session.share(np.ones(length) if session.rank == 0 else None, 0, (length,), np.float64)
        arrays[place] @ ones  # any product opens it
    session.barrier()
    return arrays


def _given(session: Session, operand: Operand) -> SecretArray:
    give = session.private if operand.private else session.share
    values = operand.values
    return give(values if operand.owner == session.rank else None, operand.owner, values.shape, values.dtype)


def _together(session: Session) -> None:
    """Wait until every party is here."""
    session.share(np.zeros(()) if session.rank == 0 else None, 0, (), np.float64).reveal(purpose="start of the clock")


def record(session: RecordingSession, workload: Workload, size: Size, repetitions: int) -> None:
    """Record all correlations of `measure`."""
    operands = workload.make(size)

    def repetition(on: Session) -> None:
        clock = Clock(lambda *arrays: workload.compute(size, *arrays), ahead=True)
        clock(on, *given(on, workload, operands))

    for _ in range(1 + repetitions):
        session.record(repetition)


def measure(
    session: Session, workload: Workload, size: Size, repetitions: int, profile: cProfile.Profile | None = None
) -> Report:
    """Warm up once, then repeat; with new inputs each time, since an operand that was opened once stays open.

    Raises
    ------
    RuntimeError
        Two repetitions differ in rounds or bytes, which are functions of the program alone.
    """
    operands = workload.make(size)

    def repetition(profile: cProfile.Profile | None) -> Sample:
        clock = Clock(lambda *arrays: workload.compute(size, *arrays), profile)
        sample: Sample = session.run(clock, *given(session, workload, operands))
        return sample

    repetition(None)
    samples = [repetition(profile) for _ in range(repetitions)]
    counts = {sample.count for sample in samples}
    if len(counts) != 1:
        raise RuntimeError(f"{workload.name}: repetitions of one program differ in rounds or bytes: {counts}")
    (count,) = counts
    peak = peak_bytes()
    absolute, relative = _errors(workload, size, operands, samples)
    asked = max(sample.asked_bytes for sample in samples)
    times = tuple(sample.seconds for sample in samples), tuple(sample.cpu_seconds for sample in samples)
    return Report(*times, count, asked, absolute, relative, peak)


def whole(workload: Workload, size: Size, operands: Sequence[Operand]) -> Callable[[Session], Any]:
    """The workload as a program from its inputs to its output."""

    def program(session: Session) -> Any:
        arrays = given(session, workload, operands)
        return workload.compute(size, *arrays).reveal(to=session.parties[:1])

    return program


def measure_whole(session: Session, workload: Workload, size: Size, repetitions: int) -> tuple[float, ...]:
    """Seconds of a program from its inputs to its output, foreseen by the dealer, after one run that warms up."""
    program = whole(workload, size, workload.make(size))
    seconds = []
    for _ in range(1 + repetitions):
        _together(session)
        start = time.perf_counter()
        session.run(program)
        seconds.append(time.perf_counter() - start)
    return tuple(seconds[1:])


def _errors(
    workload: Workload, size: Size, operands: Sequence[Operand], samples: Sequence[Sample]
) -> tuple[float, float | None]:
    """Largest errors against float64."""

    def comparable(result: Any) -> Array:
        numbers = np.asarray(result, np.float64)
        return np.sort(numbers, axis=None) if workload.unordered else numbers

    results = [comparable(sample.result) for sample in samples if sample.result is not None]
    if not results:
        return 0.0, None
    exact = comparable(workload.compute(size, *(operand.values for operand in operands)))
    errors = [np.abs(result - exact) for result in results]
    absolute = max(float(error.max()) for error in errors)
    return absolute, max(float((error / np.abs(exact)).max()) for error in errors) if workload.relative else None
