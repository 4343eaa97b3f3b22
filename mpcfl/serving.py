"""A model as a service: all parties in one long session, in which one of them asks for predictions again and again.

    command         requester -> all    public: a request of so many rows, a sign of life, or the end
    a request       rows of the files   their places in the order of ids, told to all; features stay private
                    rows of its own     where the requester alone has features: private to it
                    or parties have rows of their own, and it asks about some of its own
    predictions     rounded on shares, revealed to the requester
    sign of life    in which the others say whether they want to leave

What the first product opens of features and weights, masked, serves all later requests: a request of rows of the files
sends as much as its rows need, and nothing of the files again.
"""

from __future__ import annotations

import json
import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.array import SecretArray
from mpcfl.assembly import scaler_of, side_by_side
from mpcfl.contribution import Contribution
from mpcfl.data import Table
from mpcfl.disclosure import PREDICTIONS
from mpcfl.errors import InputError, ProtocolViolation, UsageError
from mpcfl.job import Job
from mpcfl.keeping import Model, SavedModel
from mpcfl.prediction import check_ids, decoded, prepared, rounded
from mpcfl.saved import put_together, taken_apart
from mpcfl.session import Session

END, ASK, ALIVE = 0, 1, 2
"""Commands of the requester."""

MAX_ROWS = 1 << 14
"""Rows of a request."""
RECENT = 1 << 12
"""Requests whose times are remembered."""

Take = Callable[[], "Asked | None"]
"""The next request, or None if none has come for a while; raises `EOFError` when no more will come."""


@dataclass(frozen=True)
class Asked:
    """A line that somebody has sent, and where its answer goes.

    Attributes
    ----------
    line : str
        JSON, see `Requests.read`.
    reply : callable
        Is given the answer as one line; raises `EOFError` when nobody takes answers any more.
    """

    line: str
    reply: Callable[[str], None]


@dataclass
class Served:
    """What a service has done so far.

    Attributes
    ----------
    requests, rows, errors : int
        Answered, and answered by a word on what is wrong with them.
    seconds : deque of float
        Of the newest requests, from the line to its answer; empty at parties that do not ask.
    """

    requests: int = 0
    rows: int = 0
    errors: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))

    def to_json(self) -> dict[str, Any]:
        """Numbers and, at the requester, the median and the longest time in milliseconds."""
        times = sorted(self.seconds)
        told: dict[str, Any] = {"requests": self.requests, "rows": self.rows, "errors": self.errors}
        if times:
            told |= {"median_ms": round(1e3 * statistics.median(times), 3), "longest_ms": round(1e3 * times[-1], 3)}
        return told


def requester_of(job: Job) -> str:
    """Who asks.

    Raises
    ------
    InputError
        The job says nobody.
    """
    if job.serve is None:
        raise InputError("The job is not served: name in [serve] requester who asks.", key="serve.requester")
    return job.serve.requester


def asks_by_file(job: Job, parties: Sequence[str], widths: Sequence[int]) -> bool:
    """Whether requests name rows of the parties' files: somebody else than the requester has features of them."""
    requester = requester_of(job)
    return job.partition == "columns" and any(
        width for party, width in zip(parties, widths, strict=True) if party != requester
    )


class Service:
    """One party's side of a service.

    Parameters
    ----------
    session : Session
        Of the job's parties by rank, bound to the list of `mpcfl.disclosure.service_facts`.
    job : Job
        With a section [serve].
    model : SavedModel
    contribution : Contribution or None
        This party's rows, as of `mpcfl.prediction.read_rows`; None without a file.

    Raises
    ------
    UsageError
        Requests name rows of the files, and this party has given none.
    Mismatch
        The parties' ids differ, or their files of shares do not belong together.
    """

    def __init__(self, session: Session, job: Job, model: SavedModel, contribution: Contribution | None) -> None:
        self._session = session
        self._job = job
        self._model = model
        self._requester = requester_of(job)
        self._by_file = asks_by_file(job, session.parties, model.widths)
        self._requests = Requests(job, session.name, model, contribution, self._by_file)
        self.served = Served()
        fitted: list[SecretArray] = []
        self._plain: list[NDArray[Any]] = []
        self._tree = taken_apart(model.saved.load(session), fitted, self._plain)
        self._arrays = fitted
        if self._by_file:
            if contribution is None:
                raise UsageError("requests name rows of the parties' files: give --data FILE", option="--data")
            check_ids(session, job, contribution)
            self._rows = contribution.rows
            features = side_by_side(session, model.widths, contribution.features, contribution.rows, job.feature_dtype)
            self._arrays = [features, *fitted]
            self._compute(np.zeros(1, np.int64), None, reveal=False)

    @property
    def asks(self) -> bool:
        """Whether this party is the requester."""
        return self._session.name == self._requester

    def run(self, take: Take | None, leaving: Callable[[], bool], patience: float) -> str | None:
        """Serve until the requester has no more requests, or somebody wants to leave.

        Parameters
        ----------
        take : callable or None
            At the requester.
        leaving : callable
            Whether this party wants to leave: looked at between requests.
        patience : float
            Seconds between two signs of life.

        Returns
        -------
        str or None
            Another party that wanted to leave.
        """
        if take is None:
            return self._follow(leaving)
        alive = time.monotonic()
        while True:
            try:
                asked = None if leaving() else take()
                if leaving():
                    break
                if asked is not None:
                    self._answer(asked)
            except EOFError:
                break
            if time.monotonic() - alive >= patience:
                alive = time.monotonic()
                self._command(ALIVE, 0)
                gone = self._said(leaves=False)
                if gone:
                    self._command(END, 0)
                    return gone[0]
        self._command(END, 0)
        return None

    def _follow(self, leaving: Callable[[], bool]) -> str | None:
        gone: list[str] = []
        while True:
            command, count = self._command(None, 0)
            if command == END:
                return next((name for name in gone if name != self._session.name), None)
            if command == ALIVE:
                gone = self._said(leaves=leaving())
            elif command == ASK and 0 < count <= MAX_ROWS:
                self._serve(None, count)
            else:
                raise ProtocolViolation(f"{self._requester} gave no command of a service", peer=self._requester)

    def _answer(self, asked: Asked) -> None:
        began = time.perf_counter()
        tag: Any = None
        try:
            document = self._requests.parse(asked.line)
            tag = document.get("tag")
            wanted = self._requests.read(document)
        except InputError as error:
            self.served.errors += 1
            asked.reply(_line({"error": error.reason.rstrip(".")}, tag))
            return
        self._command(ASK, len(wanted))
        values = decoded(self._job, self._serve(wanted, len(wanted)))
        assert values is not None
        told = values[:, 0].tolist() if values.shape[1] == 1 else values.tolist()
        asked.reply(_line({"predictions": told}, tag))
        self.served.seconds.append(time.perf_counter() - began)

    def _serve(self, wanted: NDArray[Any] | None, count: int) -> NDArray[np.float64] | None:
        """One request; at the requester the places or the features of its rows are given."""
        self.served.requests += 1
        self.served.rows += count
        if not self._by_file:
            return self._compute(None, wanted, count)
        told = self._session.tell(None if wanted is None else wanted.tolist(), self._requester, count)
        if max(told) >= self._rows:
            raise ProtocolViolation(f"{self._requester} asked for a row that there is not", peer=self._requester)
        return self._compute(np.array(told, np.int64), None)

    def _compute(
        self,
        places: NDArray[np.int64] | None,
        own: NDArray[np.float64] | None,
        count: int = 0,
        reveal: bool = True,
    ) -> NDArray[np.float64] | None:
        def program(on: Session, *arrays: SecretArray) -> Any:
            held = arrays if places is None else arrays[1:]
            model = self._model.of_state(self._job, put_together(self._tree, list(held), self._plain))
            X: Any = self._asked(on, model, own, count) if places is None else arrays[0][places]
            found = rounded(self._job, model.learner, X)
            return found.reveal(self._requester, PREDICTIONS) if reveal else None

        answer: NDArray[np.float64] | None = self._session.run(program, *self._arrays)
        return answer

    def _asked(self, on: Session, model: Model, own: NDArray[np.float64] | None, count: int) -> Any:
        """The requester's rows, prepared."""
        if self._job.partition == "columns":
            return on.private(own, self._requester, (count, sum(self._model.widths)), self._job.feature_dtype)
        scaler, width = scaler_of(self._job, model.preparation), self._model.widths[0]
        cells: Any = on.private(own, self._requester, (count, width + len(scaler.filled)), self._job.feature_dtype)
        return scaler.transform(cells[:, :width], cells[:, width:])

    def _command(self, command: int | None, count: int) -> tuple[int, ...]:
        return self._session.tell(None if command is None else [command, count], self._requester, 2)

    def _said(self, leaves: bool) -> list[str]:
        """Who of the others wants to leave."""
        others = [name for name in self._session.parties if name != self._requester]
        return [
            name
            for name in others
            if self._session.tell([int(leaves)] if name == self._session.name else None, name, 1)[0]
        ]


class Requests:
    """Reads requests at the party that has them.

    Parameters
    ----------
    job : Job
    party : str
    model : SavedModel
    contribution : Contribution or None
        Its rows, for requests by id.
    by_file : bool
        Requests name rows by their ids alone.
    """

    def __init__(
        self, job: Job, party: str, model: SavedModel, contribution: Contribution | None, by_file: bool
    ) -> None:
        self._job = job
        self._party = party
        self._model = model
        self._contribution = contribution
        self._by_file = by_file
        ids = contribution.ids if contribution is not None and party == requester_of(job) else ()
        self._places: Mapping[str, int] = {name: place for place, name in enumerate(ids)}

    @staticmethod
    def parse(line: str) -> dict[str, Any]:
        """The object that a line holds.

        Raises
        ------
        InputError
            It holds none.
        """
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise InputError('a request is a line with a JSON object, as {"ids": ["a", "b"]}')
        return document

    def read(self, document: Mapping[str, Any]) -> NDArray[Any]:
        """What a request asks for: places of rows, shape (n,), or rows as of `Contribution.cells`.

        Raises
        ------
        InputError
            The request is none, or names a row that there is not.
        """
        kinds = [kind for kind in ("ids", "rows") if kind in document]
        strange = sorted(document.keys() - {"ids", "rows", "tag"})
        if strange:
            raise InputError(f"a request has no {strange[0]!r}: it has ids or rows, and a tag if you like")
        if len(kinds) != 1 or not isinstance(document[kinds[0]], list):
            raise InputError("a request has a list of ids, or one of rows")
        wanted = document[kinds[0]]
        if not 0 < len(wanted) <= MAX_ROWS:
            raise InputError(f"a request has 1 to {MAX_ROWS} rows, not {len(wanted)}")
        return self._by_id(wanted) if kinds == ["ids"] else self._prepared(wanted)

    def _by_id(self, ids: list[Any]) -> NDArray[Any]:
        if self._contribution is None:
            raise InputError("this service was given no file, and knows no ids: ask by rows")
        for name in ids:
            if not isinstance(name, str):
                raise InputError("an id is a string")
            if name not in self._places:
                raise InputError(f"there is no row with the id {name!r}")
        places = np.array([self._places[name] for name in ids], np.int64)
        return places if self._by_file else self._contribution.cells[places]

    def _prepared(self, rows: list[Any]) -> NDArray[Any]:
        if self._by_file:
            raise InputError("another party has features too: ask by ids")
        columns = [column.name for column in self._model.preparation.columns]
        cells = [_cells(row, len(columns), place) for place, row in enumerate(rows, start=1)]
        table = Table(
            file="the request",
            ids=[str(place) for place in range(len(rows))],
            columns={
                name: np.array([row[i] for row in cells], np.dtypes.StringDType()) for i, name in enumerate(columns)
            },
            label=None,
            lines=np.arange(1, len(rows) + 1),
        )
        return prepared(self._job, self._party, table, self._model).cells


def _cells(row: Any, width: int, place: int) -> list[str]:
    """A row of a request as cells of a file."""
    if not isinstance(row, list) or len(row) != width:
        raise InputError(f"the request, row {place}: it is no list of {width} cells, one a column of the model")
    if not all(cell is None or (isinstance(cell, str | int | float) and not isinstance(cell, bool)) for cell in row):
        raise InputError(f"the request, row {place}: a cell is text, a number, or null where it is missing")
    return ["" if cell is None else cell if isinstance(cell, str) else repr(cell) for cell in row]


def _line(answer: dict[str, Any], tag: Any) -> str:
    return json.dumps(answer if tag is None else answer | {"tag": tag})
