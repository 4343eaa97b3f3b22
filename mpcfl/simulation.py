"""Programs without links: all parties in lockstep in this process, or one party's program on shapes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mpcfl import suites
from mpcfl.correlation import Correlation
from mpcfl.dealerless import DealerlessDriver, Paillier
from mpcfl.drivers.cost import Cost, CostDriver
from mpcfl.drivers.lockstep import LockstepDriver, Stage, World
from mpcfl.drivers.profile import Network, Profile
from mpcfl.drivers.timeline import Prediction
from mpcfl.errors import UsageError
from mpcfl.findings import Bound, Findings
from mpcfl.ledger import Disclosures, Ledger
from mpcfl.protocol import Suite
from mpcfl.protocols import semi2k
from mpcfl.session import FRACTION, Program, Session
from mpcfl.shadow import Shadow, ShadowSession


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
        From the dealer; without one, of all parties for their correlations.
    ledgers : list of Ledger
        By rank.
    profile : Profile
        Rounds, bytes, correlations and the first party's wall time, by line of the program.
    shadow : Findings or None
        Where float64 twins and secrets part, in the order of the program; None without `shadow=True`.
    prediction : Prediction or None
        Seconds on the network that was given, local computation of this run included, by what they are spent on; see
        `mpcfl.drivers.timeline` for the model.
    """

    results: list[Any]
    rounds: int
    bytes_sent: list[int]
    offline_bytes: int
    ledgers: list[Ledger]
    profile: Profile = field(repr=False)
    shadow: Findings | None = field(default=None, repr=False)
    prediction: Prediction | None = None

    @property
    def predicted_seconds(self) -> float | None:
        """The prediction's seconds; None where no network was given."""
        return None if self.prediction is None else self.prediction.seconds


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
    ring: int = 64,
    seed: int | None = None,
    disclosures: Disclosures | None = None,
    shadow: bool | Bound = False,
    network: Network | tuple[float, float] | None = None,
    offline: str | Paillier = "dealer",
) -> Run:
    """Run a program at all parties, in lockstep in this process: the same rounds, bytes and results as over links.

    Parameters
    ----------
    program : callable
        `program(session)`, run once a party.
    parties : int or sequence of str
        How many (two or more), or their names.
    fraction : int
        Fractional bits: 8 to 24, in ring 128 up to 56.
    suite : Suite or str
    ring : int
        Numbers are elements of Z_2^ring: 64, or 128 for 32 significant bits and more.
    seed : int, optional
        Fixes the run bit for bit; exists in this world alone.
    disclosures : Disclosures, optional
        What may be revealed; by default everything.
    shadow : bool or Bound
        Run float64 twins beside the shares and report where they part, see `mpcfl.shadow`; a `Bound` sets the error
        from which on it is reported.
    network : Network or (rtt_ms, mbit), optional
        For `Run.prediction`: the program as it would run between machines with such links.
    offline : "dealer", "paillier" or mpcfl.dealerless.Paillier
        Where correlations come from. Two parties make them without a dealer, see `mpcfl.dealerless`; what they send
        for them is `offline_bytes`. Keys are always fresh, so `seed` is refused then.

    Returns
    -------
    Run

    Raises
    ------
    Mismatch
        The parties' programs took different branches.
    """
    names = party_names(parties)
    on = None if network is None else Network.of(network)
    world = World(names, seed=seed, disclosures=disclosures, network=on)
    stage = Stage(world)
    chosen = suites.find(suite).over(ring)
    how = Paillier.of(offline)
    if how is not None and (seed is not None or shadow):
        raise UsageError("without a dealer a run cannot be fixed by a seed, nor run beside a shadow")
    twins = Shadow(len(names), fraction, shadow if isinstance(shadow, Bound) else Bound(), ring) if shadow else None
    drivers = [LockstepDriver(stage, rank) for rank in range(len(names))]
    sessions = [
        Session(names, driver.rank, _before(driver, how), fraction, chosen)
        if twins is None
        else ShadowSession(names, driver, fraction, chosen, twins)
        for driver in drivers
    ]
    profile = sessions[0].profile()

    def perform(session: Session) -> Callable[[], Any]:
        def play() -> Any:
            result = program(session)
            session.barrier()
            return result

        return play

    results = stage.run([perform(session) for session in sessions])
    findings = None if twins is None else twins.findings
    prediction = None if on is None else world.timeline.prediction
    sent, ledgers = [session.bytes_sent for session in sessions], world.ledgers
    made = world.offline_bytes if how is None else sum(session.offline_bytes for session in sessions)
    return Run(results, sessions[0].rounds, sent, made, ledgers, profile, findings, prediction)


def _before(driver: LockstepDriver, how: Paillier | None) -> LockstepDriver | DealerlessDriver:
    return driver if how is None else DealerlessDriver(driver, driver.rank, driver.parties, how)


def forecast(
    program: Program,
    parties: int | Sequence[str] = 2,
    *,
    rank: int = 0,
    fraction: int = FRACTION,
    suite: Suite | str = semi2k.suite,
    ring: int = 64,
    on_draw: Callable[[Correlation], None] | None = None,
    network: Network | tuple[float, float] | None = None,
) -> Cost:
    """The exact cost of a program, which is run on shapes alone.

    Parameters
    ----------
    program : callable
        Every input must state its shape; what `reveal` answers is zeros.
    parties, fraction, suite, ring
        As of `simulate`.
    rank : int
        The party whose program is run.
    on_draw : callable, optional
        Is given each correlation, in order.
    network : Network or (rtt_ms, mbit), optional
        For `Cost.predicted_seconds`.

    Returns
    -------
    Cost
    """
    names = party_names(parties)
    on = None if network is None else Network.of(network)
    driver = CostDriver(rank, len(names), on_draw)
    session = Session(names, rank, driver, fraction, suites.find(suite).over(ring))
    profile = session.profile()
    program(session)
    session.barrier()
    return replace(driver.cost, lines=profile.lines, network=on)
