"""Programs without links: all parties in lockstep in this process, or one party's program on shapes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mpcfl import suites
from mpcfl.correlation import Correlation
from mpcfl.drivers.cost import Cost, CostDriver
from mpcfl.drivers.lockstep import LockstepDriver, Stage, World
from mpcfl.errors import UsageError
from mpcfl.ledger import Disclosures, Ledger
from mpcfl.protocol import Suite
from mpcfl.protocols import semi2k
from mpcfl.session import FRACTION, Program, Session


@dataclass(frozen=True)
class Run:
    """What a simulated run gave.

    Attributes
    ----------
    results : list
        By rank.
    rounds : int
        Online rounds, input and reveal included, merged operations counted once.
    bytes_sent : list of int
        Online payload bytes by rank.
    offline_bytes : int
        From the dealer.
    ledgers : list of Ledger
        By rank.
    """

    results: list[Any]
    rounds: int
    bytes_sent: list[int]
    offline_bytes: int
    ledgers: list[Ledger]


def party_names(parties: int | Sequence[str]) -> list[str]:
    """Names by rank: those given, or party0, party1, ..."""
    names = [f"party{i}" for i in range(parties)] if isinstance(parties, int) else list(parties)
    if len(names) < 2 or len(set(names)) < len(names):
        raise UsageError("a computation needs two or more parties with different names")
    return names


def simulate(
    program: Program,
    parties: int | Sequence[str] = 2,
    *,
    fraction: int = FRACTION,
    suite: Suite | str = semi2k.suite,
    seed: int | None = None,
    disclosures: Disclosures | None = None,
) -> Run:
    """Run a program at all parties, in lockstep in this process: the same rounds, bytes and results as over links.

    Parameters
    ----------
    program : callable
        `program(session)`, run once a party.
    parties : int or sequence of str
        How many (two or more), or their names.
    fraction : int
        Fractional bits, 8 to 24.
    suite : Suite or str
    seed : int, optional
        Fixes the run bit for bit; exists in this world alone.
    disclosures : Disclosures, optional
        What may be revealed; by default everything.

    Returns
    -------
    Run

    Raises
    ------
    Mismatch
        The parties' programs took different branches.
    """
    names = party_names(parties)
    world = World(names, seed=seed, disclosures=disclosures)
    stage = Stage(world)
    chosen = suites.find(suite)

    def perform(rank: int) -> Callable[[], Any]:
        session = Session(names, rank, LockstepDriver(stage, rank), fraction, chosen)

        def play() -> Any:
            result = program(session)
            session.barrier()
            return result

        return play

    results = stage.run([perform(rank) for rank in range(len(names))])
    return Run(results, world.rounds, world.bytes_sent, world.offline_bytes, world.ledgers)


def forecast(
    program: Program,
    parties: int | Sequence[str] = 2,
    *,
    rank: int = 0,
    fraction: int = FRACTION,
    suite: Suite | str = semi2k.suite,
    on_draw: Callable[[Correlation], None] | None = None,
) -> Cost:
    """The exact cost of a program, which is run on shapes alone.

    Parameters
    ----------
    program : callable
        Every input must state its shape; what `reveal` answers is zeros.
    parties, fraction, suite
        As of `simulate`.
    rank : int
        The party whose program is run.
    on_draw : callable, optional
        Is given each correlation, in order.

    Returns
    -------
    Cost
    """
    names = party_names(parties)
    driver = CostDriver(rank, len(names), on_draw)
    session = Session(names, rank, driver, fraction, suites.find(suite))
    program(session)
    session.barrier()
    return driver.cost
