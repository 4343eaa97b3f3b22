"""What each line of a program costs: counted from the effects of its protocols, in whichever world they run.

Operations of several lines may run side by side. Then

    bytes, correlations    belong to the line whose operation sends or draws them
    a round                belongs to one line: of the operations that send in it, that of the longest protocol, ties to
                           the one that began first, in program order

so the lines of a program add up to its totals exactly.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mpcfl.drivers.rounds import flatten, sends
from mpcfl.effects import Draw, Protocol
from mpcfl.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class Network:
    """A network for predictions.

    Parameters
    ----------
    rtt_ms : float
        Round trip in milliseconds. A round lasts half of one: all send at once, and nobody waits for an answer.
    mbit : float
        Megabits a second, of each party's and the dealer's uplink.

    Raises
    ------
    UsageError
        A negative or infinite round trip, or no bandwidth.
    """

    rtt_ms: float
    mbit: float

    def __post_init__(self) -> None:
        if not (0 <= self.rtt_ms < float("inf") and 0 < self.mbit < float("inf")):
            raise UsageError(
                f"a network has a round trip of at least 0 ms and more than 0 Mbit/s, not {self.rtt_ms}, {self.mbit}"
            )

    @staticmethod
    def of(network: Network | tuple[float, float]) -> Network:
        """A network from (rtt_ms, mbit)."""
        return network if isinstance(network, Network) else Network(*network)

    @property
    def one_way(self) -> float:
        """Seconds that a frame is on its way."""
        return self.rtt_ms / 2e3

    @property
    def byte(self) -> float:
        """Seconds that a byte takes to pass an uplink."""
        return 8 / (self.mbit * 1e6)

    def seconds(self, cost: Line) -> float:
        """Ways and transfers: for each round one way and what its busiest party sends, and the dealer's corrections.

        Local computation is not in it. The dealer's bytes come on top, though they travel beside the parties': so the
        seconds of lines add up, to at most twice what waiting takes. `mpcfl.drivers.timeline` has the finer model.
        """
        return cost.rounds * self.one_way + (cost.busiest_bytes + cost.offline_bytes) * self.byte


@dataclass
class Line:
    """What one line of a program costs, or several together.

    Attributes
    ----------
    line : str
        "file:line", or what the sum is of.
    bytes_sent : list of int
        Online payload bytes, by rank.
    rounds : int
    busiest_bytes : int
        Of each round, the bytes of the party that sends most in it.
    offline_bytes : int
        Corrections, from the dealer to the last party.
    draws : dict of str to int
        Correlations drawn, by family.
    seconds : float
        Wall time at the party that counts; where a program runs on shapes, that of the forecast.
    """

    line: str
    bytes_sent: list[int]
    rounds: int = 0
    busiest_bytes: int = 0
    offline_bytes: int = 0
    draws: dict[str, int] = field(default_factory=dict)
    seconds: float = field(default=0.0, compare=False)

    def add(self, other: Line) -> None:
        """Add another line's cost to this one's."""
        self.bytes_sent = [x + y for x, y in zip(self.bytes_sent, other.bytes_sent, strict=True)]
        self.rounds += other.rounds
        self.busiest_bytes += other.busiest_bytes
        self.offline_bytes += other.offline_bytes
        self.seconds += other.seconds
        for family, count in other.draws.items():
            self.draws[family] = self.draws.get(family, 0) + count


class Profile:
    """Counts by line what a program's protocols send and draw, and how long they take.

    Parameters
    ----------
    parties : int
    """

    def __init__(self, parties: int) -> None:
        self.parties = parties
        self._lines: dict[str, Line] = {}
        self._drawing: Line | None = None
        self._watched: list[tuple[Line, dict[int, list[int]]]] = []
        self._waited: list[float] = []

    @property
    def lines(self) -> list[Line]:
        """In the order in which they first ran."""
        return list(self._lines.values())

    @property
    def total(self) -> Line:
        """The sum of all lines."""
        whole = Line("total", [0] * self.parties)
        for line in self._lines.values():
            whole.add(line)
        return whole

    def __str__(self) -> str:
        return report(self.lines, self.total, [("seconds", lambda line: f"{line.seconds:.3f}")])

    # --------------------------------------------------------------------------------------- what the engine runs it by

    def timed(self, line: str, compute: Callable[[], T]) -> Callable[[], T]:
        """A local computation; its time goes to the line."""

        def run() -> T:
            begun = time.perf_counter()
            result = compute()
            self._line(line).seconds += time.perf_counter() - begun
            return result

        return run

    def watched(self, line: str, protocol: Protocol) -> Protocol:
        """The protocol of one operation; its draws, the bytes of its rounds (by rank) and its time go to the line."""
        own = self._line(line)
        sent: dict[int, list[int]] = {}
        self._watched.append((own, sent))
        answer: Any = None
        while True:
            begun = time.perf_counter()
            try:
                effect = protocol.send(answer)
            except StopIteration as stop:
                return stop.value
            finally:
                own.seconds += time.perf_counter() - begun
            if isinstance(effect, Draw):
                self._drawing = own
                family = effect.correlation.family
                own.draws[family] = own.draws.get(family, 0) + 1
                own.offline_bytes += effect.correlation.correction_bytes
            else:
                ranks = range(self.parties)
                singles = flatten(effect)
                sent[len(self._waited)] = [
                    sum(s.payload.nbytes for s in singles for j in ranks if sends(s, i, j)) for i in ranks
                ]
            answer = yield effect

    def merged(self, protocol: Protocol) -> Protocol:
        """The protocol that runs all watched ones side by side; its rounds are given to their lines."""
        answer: Any = None
        while True:
            try:
                effect = protocol.send(answer)
            except StopIteration as stop:
                self._settle()
                return stop.value
            begun = time.perf_counter()
            answer = yield effect
            if not isinstance(effect, Draw):
                self._waited.append(time.perf_counter() - begun)
            elif self._drawing is not None:
                self._drawing.seconds += time.perf_counter() - begun

    def _settle(self) -> None:
        """Give each merged round, its bytes and the time spent waiting for it to their lines."""
        watched, self._watched = self._watched, []
        waited, self._waited = self._waited, []
        taking: list[list[tuple[Line, int, list[int]]]] = [[] for _ in waited]
        for line, sent in watched:
            for number, row in sent.items():
                taking[number].append((line, len(sent), row))
        for seconds, those in zip(waited, taking, strict=True):
            speaking = [one for one in those if any(one[2])]
            owner = max(speaking or those, key=lambda one: one[1])[0]
            owner.seconds += seconds
            owner.rounds += bool(speaking)
            whole = [sum(row[rank] for _, _, row in those) for rank in range(self.parties)]
            busiest = whole.index(max(whole))
            for line, _, row in speaking:
                line.busiest_bytes += row[busiest]
                line.bytes_sent = [x + y for x, y in zip(line.bytes_sent, row, strict=True)]

    def _line(self, line: str) -> Line:
        return self._lines.setdefault(line, Line(line, [0] * self.parties))


Column = tuple[str, Callable[[Line], str]]


def report(lines: Sequence[Line], total: Line, more: Sequence[Column] = ()) -> str:
    """A table of lines and their sum, with further columns after rounds, bytes and correlations."""
    columns: list[Column] = [("line", lambda line: line.line), ("rounds", lambda line: f"{line.rounds:,}")]
    for rank in range(len(total.bytes_sent)):
        columns.append((f"bytes of rank {rank}", lambda line, rank=rank: f"{line.bytes_sent[rank]:,}"))  # type: ignore[misc]
    columns.append(("offline bytes", lambda line: f"{line.offline_bytes:,}"))
    columns.append(("correlations", lambda line: f"{sum(line.draws.values()):,}"))
    columns += more
    rows = [[name for name, _ in columns], *([cell(line) for _, cell in columns] for line in (*lines, total))]
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as text: the first column to the left, the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    padded = [[cell.rjust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
    return "\n".join("  ".join([row[0].ljust(widths[0]), *cells[1:]]) for row, cells in zip(rows, padded, strict=True))
