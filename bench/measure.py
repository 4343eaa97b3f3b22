"""One party's side of a measurement: repeat a workload in a session, and time and count the operation alone."""

from __future__ import annotations

import cProfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.workloads import Array, Operand, Size, Workload
from mpcfl.connection import RecordingSession
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
    """One timed repetition at one party; the result is at the first party alone."""

    seconds: float
    count: Count
    result: Array | None


@dataclass(frozen=True)
class Report:
    """What a party tells of a workload: seconds by repetition, one count for all, errors at the first party.

    `further` is the count of one epoch more, for workloads that have epochs.
    """

    seconds: tuple[float, ...]
    count: Count
    further: Count | None
    max_abs_err: float
    max_rel_err: float | None


class Repetition:
    """A program that shares fresh inputs, starts with all others, and times one operation, its dealing included.

    Without a tape a session runs its program twice: on shapes alone in a thread, to tell the dealer what will be drawn,
    and for real. The run on shapes is held back until the clock runs, so the dealer has no head start. Inputs are new
    ones each time, since an operand that was opened once would not be opened again.

    Parameters
    ----------
    size : tuple of int
    operands : sequence of Operand
    compute : callable
        `compute(size, *arrays)`.
    profile : cProfile.Profile, optional
        Runs while the clock runs.
    ahead : bool
        Do not hold back the run on shapes: it is recorded.
    """

    def __init__(
        self,
        size: Size,
        operands: Sequence[Operand],
        compute: Callable[..., Any],
        profile: cProfile.Profile | None = None,
        ahead: bool = False,
    ) -> None:
        self._size = size
        self._operands = operands
        self._compute = compute
        self._profile = profile
        self._started = threading.Event()
        if ahead:
            self._started.set()

    def __call__(self, session: Session) -> Sample | None:
        arrays = [_given(session, operand) for operand in self._operands]
        _together(session)
        if session.ledger is None:  # on shapes alone
            self._started.wait()
            self._compute(self._size, *arrays)
            return None
        before = Count.of(session)
        start = time.perf_counter()
        self._started.set()
        if self._profile is not None:
            self._profile.enable()
        secret = self._compute(self._size, *arrays)
        session.barrier()
        if self._profile is not None:
            self._profile.disable()
        seconds = time.perf_counter() - start
        count = Count.of(session).since(before)
        return Sample(seconds, count, secret.reveal(to=session.parties[:1]))


def share_all(session: Session, operands: Sequence[Operand]) -> list[Any]:
    """The operands as secrets of a session."""
    return [_given(session, operand) for operand in operands]


def _given(session: Session, operand: Operand) -> Any:
    give = session.private if operand.private else session.share
    values = operand.values
    return give(values if operand.owner == session.rank else None, operand.owner, values.shape, values.dtype)


def _together(session: Session) -> None:
    """Wait until every party is here."""
    session.share(np.zeros(()) if session.rank == 0 else None, 0, (), np.float64).reveal(purpose="start of the clock")


def record(session: RecordingSession, workload: Workload, size: Size, repetitions: int) -> None:
    """Record all correlations of `measure`."""
    operands = workload.make(size)
    for compute in [workload.longer or workload.compute, *[workload.compute] * repetitions]:
        session.record(Repetition(size, operands, compute, ahead=True))


def measure(
    session: Session, workload: Workload, size: Size, repetitions: int, profile: cProfile.Profile | None = None
) -> Report:
    """Warm up once, then repeat.

    Raises
    ------
    RuntimeError
        Two repetitions differ in rounds or bytes, which are functions of the program alone.
    """
    operands = workload.make(size)
    warm = session.run(Repetition(size, operands, workload.longer or workload.compute))
    samples: list[Sample] = [
        session.run(Repetition(size, operands, workload.compute, profile)) for _ in range(repetitions)
    ]
    counts = {sample.count for sample in samples}
    if len(counts) != 1:
        raise RuntimeError(f"{workload.name}: repetitions of one program differ in rounds or bytes: {counts}")
    (count,) = counts
    absolute, relative = _errors(workload, size, operands, samples)
    further = warm.count.since(count) if workload.longer is not None else None
    return Report(tuple(sample.seconds for sample in samples), count, further, absolute, relative)


def _errors(
    workload: Workload, size: Size, operands: Sequence[Operand], samples: Sequence[Sample]
) -> tuple[float, float | None]:
    """Largest errors against float64."""
    results = [np.asarray(sample.result, np.float64) for sample in samples if sample.result is not None]
    if not results:
        return 0.0, None
    exact = np.asarray(workload.compute(size, *(operand.values for operand in operands)), np.float64)
    errors = [np.abs(result - exact) for result in results]
    absolute = max(float(error.max()) for error in errors)
    return absolute, max(float((error / np.abs(exact)).max()) for error in errors) if workload.relative else None
