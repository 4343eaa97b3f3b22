"""The cost driver: runs a party's program on shapes alone and counts what it would send, wait for and draw.

The counts are exact: the lockstep world and real links send the same bytes in the same rounds (a test proves it for
every rule).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mpcfl.correlation import Correlation, Dealt
from mpcfl.drivers.profile import Line, Network, report
from mpcfl.drivers.rounds import Single, drive, sends
from mpcfl.effects import Protocol, Reveal
from mpcfl.pairwise import Shapeless
from mpcfl.protocol import START, Position
from mpcfl.ring import Spec


@dataclass
class Cost:
    """What a program costs.

    Attributes
    ----------
    rounds : int
        Online rounds in which at least one party sends.
    bytes_sent : list of int
        Online payload bytes, by rank.
    offline_bytes : int
        Corrections, from the dealer to the last party.
    draws : dict of str to int
        Correlations drawn, by family.
    largest_round : int
        Payload bytes that the busiest party sends in one round.
    lines : list of Line
        The same by line of the program, in program order (see `mpcfl.drivers.profile`); empty for a single protocol.
    network : Network or None
        For which seconds are predicted.
    """

    bytes_sent: list[int]
    rounds: int = 0
    offline_bytes: int = 0
    draws: dict[str, int] = field(default_factory=dict)
    largest_round: int = 0
    lines: list[Line] = field(default_factory=list)
    network: Network | None = None

    @property
    def total(self) -> Line:
        """The sum of all lines."""
        whole = Line("total", [0] * len(self.bytes_sent))
        for line in self.lines:
            whole.add(line)
        return whole

    @property
    def predicted_seconds(self) -> float | None:
        """Ways and transfers on the network, without local computation; None where no network was given."""
        return None if self.network is None else self.network.seconds(self.total)

    def __str__(self) -> str:
        network = self.network
        if network is None:
            return report(self.lines, self.total)
        return report(self.lines, self.total, [("predicted s", lambda line: f"{network.seconds(line):.3f}")])


class ShapesDriver:
    """Runs protocols for one rank on `Spec`s: tells what they draw, and counts their rounds.

    Parameters
    ----------
    rank, parties : int
    on_draw : callable, optional
        Is given each correlation in the order of the draws: a forecast for the dealer.
    first : int
        The number of the first draw.
    """

    ledger = None
    bytes_sent = offline_bytes = 0

    def __init__(
        self, rank: int, parties: int, on_draw: Callable[[Correlation], None] | None = None, first: int = 0
    ) -> None:
        self.rank = rank
        self.parties = parties
        self.common = Shapeless()
        self.rounds = 0
        self._on_draw = on_draw
        self._number = first

    def foresee(self, forecast: object) -> None:
        """Nothing to do: this driver is the forecast."""

    def run(self, protocol: Protocol, at: Position = START) -> Any:
        """Run a protocol to its end; its result is made of specs."""
        return drive(protocol, self._draw, self._exchange)

    def _exchange(self, singles: list[Single]) -> list[Any]:
        ranks = range(self.parties)
        self.rounds += any(sends(s, i, j) for s in singles for i in ranks for j in ranks)
        return [self._answer(single) for single in singles]

    def _answer(self, single: Single) -> Any:
        if isinstance(single, Reveal):
            return single.payload if self.rank in single.to else None
        return single.payload

    def _draw(self, correlation: Correlation) -> Dealt:
        number, self._number = self._number, self._number + 1
        if self._on_draw is not None:
            self._on_draw(correlation)
        fields = correlation.tensors
        return Dealt(number, fields, {f.name: Spec(f.shape, f.dtype) for f in fields})  # type: ignore[misc]


class CostDriver(ShapesDriver):
    """Counts all that a program would send, wait for and draw.

    Attributes
    ----------
    cost : Cost
    """

    def __init__(
        self, rank: int, parties: int, on_draw: Callable[[Correlation], None] | None = None, first: int = 0
    ) -> None:
        super().__init__(rank, parties, on_draw, first)
        self.cost = Cost([0] * parties)

    @property
    def bytes_sent(self) -> int:  # type: ignore[override]
        return self.cost.bytes_sent[self.rank]

    @property
    def offline_bytes(self) -> int:  # type: ignore[override]
        return self.cost.offline_bytes

    def _exchange(self, singles: list[Single]) -> list[Any]:
        ranks = range(self.parties)
        sent = [sum(s.payload.nbytes for s in singles for j in ranks if sends(s, i, j)) for i in ranks]
        self.cost.largest_round = max(self.cost.largest_round, *sent)
        self.cost.bytes_sent = [x + y for x, y in zip(self.cost.bytes_sent, sent, strict=True)]
        answers = super()._exchange(singles)
        self.cost.rounds = self.rounds
        return answers

    def _draw(self, correlation: Correlation) -> Dealt:
        self.cost.draws[correlation.family] = self.cost.draws.get(correlation.family, 0) + 1
        self.cost.offline_bytes += correlation.correction_bytes
        return super()._draw(correlation)
