"""How far a job has come, in rounds: counted as they pass, against the forecast of the program on shapes.

The forecast comes from a thread beside the real run, so the whole is known a little after the work began. Rows follow
from rounds, since every gradient step takes as many. Nothing here depends on a value.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mpcfl.assembly import Extent
from mpcfl.job import Job
from mpcfl.keeping import Keeping
from mpcfl.session import Session
from mpcfl.training import DONE, EVALUATION, TRAINING

INTERVAL = 0.2
"""Seconds between two looks."""


@dataclass(frozen=True)
class State:
    """A moment of a run.

    Attributes
    ----------
    stage : str
    rounds : int
    of_rounds : int or None
        None until the forecast is ready.
    rows : int
        Rows that training has read, each epoch's anew.
    of_rows : int
    rows_per_second : float
        Since training began.
    """

    stage: str
    rounds: int
    of_rounds: int | None
    rows: int
    of_rows: int
    rows_per_second: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Progress:
    """Follows one party's run of a job; `begins` is the joint program's `stage`.

    Parameters
    ----------
    job : Job
    rows : int
        Of this party.
    session : Session
    stages : mapping of str to int, optional
        Rounds of the joint program before each stage, where they are known and the session forecasts nothing.
    keeping : Keeping, optional
        Knows from which step training goes on.
    """

    def __init__(
        self,
        job: Job,
        rows: int,
        session: Session,
        stages: Mapping[str, int] | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        self._job = job
        self._steps, self._step = 1, 0  # until the rows of all are known
        if job.partition == "columns":
            self.sized(Extent(rows, (), ()))
        self._session = session
        self._keeping = keeping
        self._stage = "sizes"
        self._began: dict[str, int] = {}
        self._forecast: dict[str, int] = dict(stages or {})
        self._training = time.monotonic()
        self._trained: float | None = None

    def sized(self, extent: Extent) -> None:
        """Note how many rows there are."""
        train, _ = extent.split(self._job)
        self._steps, self._step = self._job.make_learner().steps(len(train))

    def begins(self, session: Session, stage: str) -> None:
        """Note a stage: of the real run, or of its forecast, which runs the same program in another thread."""
        if session is self._session:
            self._stage = stage
            self._began[stage] = session.rounds
            if stage == TRAINING:
                self._training = time.monotonic()
            elif stage == EVALUATION:
                self._trained = time.monotonic()
        else:
            self._forecast[stage] = session.rounds

    def state(self) -> State:
        """Where the run stands now."""
        rounds = self._session.rounds
        rows = self._rows(rounds)
        seconds = (time.monotonic() if self._trained is None else self._trained) - self._training
        rate = rows / seconds if rows and seconds > 0 else 0.0
        return State(self._stage, rounds, self._total(), rows, self._steps * self._step, rate)

    def _total(self) -> int | None:
        """Rounds of the whole run: the forecast does not know those before training."""
        if not {TRAINING, DONE} <= self._forecast.keys() or TRAINING not in self._began:
            return None
        return self._began[TRAINING] + self._forecast[DONE] - self._forecast[TRAINING]

    def _rows(self, rounds: int) -> int:
        if TRAINING not in self._began:
            return 0
        if EVALUATION in self._began:
            return self._steps * self._step
        if EVALUATION not in self._forecast:
            return 0
        done = 0 if self._keeping is None else min(self._keeping.step, self._steps - 1)
        rounds_a_step = max(1, self._forecast[EVALUATION] - self._forecast[TRAINING]) / (self._steps - done)
        return min(self._steps, done + int((rounds - self._began[TRAINING]) / rounds_a_step)) * self._step


@contextlib.contextmanager
def watched(progress: Progress, show: Callable[[State], None]) -> Iterator[None]:
    """Show the state from a thread as long as the work goes on, and once at its end."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(INTERVAL):
            show(progress.state())

    thread = threading.Thread(target=look, name="progress", daemon=True)
    thread.start()
    try:
        yield
        show(progress.state())
    finally:
        over.set()
        thread.join()
