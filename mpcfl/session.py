"""A session: where parties, links or the lockstep world, protocols and the array type are put together."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from mpcfl import operations, ring, suites
from mpcfl.array import DTYPES, SecretArray
from mpcfl.correlation import Correlation
from mpcfl.drivers.cost import Cost, CostDriver
from mpcfl.drivers.lockstep import LockstepDriver, Stage, World
from mpcfl.drivers.network import NetworkDriver, session_name
from mpcfl.engine import FIXED, KINDS, Engine, Runner, Value
from mpcfl.errors import InputError, Interrupted, MpcflError, UsageError
from mpcfl.keys import Identity
from mpcfl.ledger import Disclosures, Ledger
from mpcfl.link import Endpoint
from mpcfl.protocol import Context, Position, Suite
from mpcfl.protocols import additive, semi2k
from mpcfl.ring import Shape, Words
from mpcfl.roster import Roster
from mpcfl.share import Share

FRACTION = 18
FRACTIONS = range(8, 25)


Program = Callable[["Session"], Any]
Forecast = Callable[[Callable[[Correlation], None], int], None]
"""Calls its first argument with each correlation that a program will draw, from draw number (second argument) on."""


class Driver(Runner, Protocol):
    """What a session needs of a world."""

    @property
    def rounds(self) -> int: ...

    @property
    def bytes_sent(self) -> int: ...

    @property
    def offline_bytes(self) -> int: ...

    @property
    def ledger(self) -> Ledger | None: ...

    def foresee(self, forecast: Forecast) -> None:
        """Take a program's draws before it runs."""
        ...


class Session:
    """One party's side of a joint computation.

    Parameters
    ----------
    names : sequence of str
        All parties, by rank.
    rank : int
        This party's.
    driver : Driver
    fraction : int
        Fractional bits of fixed-point numbers.
    suite : Suite

    Attributes
    ----------
    parties : tuple of str
    rank : int
    name : str
    fraction : int
    """

    def __init__(self, names: Sequence[str], rank: int, driver: Driver, fraction: int, suite: Suite) -> None:
        if fraction not in FRACTIONS:
            raise UsageError(f"fraction {fraction} is outside {FRACTIONS.start} to {FRACTIONS.stop - 1}")
        if not suite.parties[0] <= len(names) <= suite.parties[1]:
            raise UsageError(
                f"suite {suite.name} takes {suite.parties[0]} to {suite.parties[1]} parties, not {len(names)}"
            )
        self.parties = tuple(names)
        self.rank = rank
        self.name = self.parties[rank]
        self.fraction = fraction
        self._driver = driver
        self._engine = Engine(Context(rank, len(self.parties), fraction), suite, driver)

    @property
    def rounds(self) -> int:
        """Online rounds so far, input and reveal included."""
        return self._driver.rounds

    @property
    def bytes_sent(self) -> int:
        """Online payload bytes that this party has sent so far."""
        return self._driver.bytes_sent

    @property
    def offline_bytes(self) -> int:
        """Bytes of the correlations drawn so far, from the dealer to the last party."""
        return self._driver.offline_bytes

    @property
    def ledger(self) -> Ledger | None:
        """This party's ledger; None where a program runs on shapes alone."""
        return self._driver.ledger

    @property
    def position(self) -> Position:
        """Where the program stands."""
        return self._engine.position

    # ------------------------------------------------------------------------------------------------------------ input

    def share(
        self,
        value: ArrayLike | None,
        owner: int | str,
        shape: Shape | None = None,
        dtype: DTypeLike | None = None,
    ) -> SecretArray:
        """Share an array of one party with all.

        Parameters
        ----------
        value : array_like or None
            bool, int64 or float64 at the owner; ignored at the others.
        owner : int or str
            Rank or name.
        shape, dtype : optional
            Agreed beforehand, nobody waits; else the owner announces them, one round. The default dtype is float64.

        Returns
        -------
        SecretArray

        Raises
        ------
        InputError
            NaN, infinity or a number out of range, with its place; a shape or dtype that is not the announced one.
        """
        kind, shape, words = self._own(value, owner, shape, dtype)
        rank = self._rank(owner)
        share = self._engine.common.share(rank, shape, words)
        self._engine.note("share", rank, kind, shape)
        return self._array(self._engine.ready(kind, Share(share)))

    def private(
        self,
        value: ArrayLike | None,
        owner: int | str,
        shape: Shape | None = None,
        dtype: DTypeLike | None = None,
    ) -> SecretArray:
        """An array that its owner alone knows: arguments and result as of `share`.

        It is opened one way, by its owner, when it meets its first secret partner: half the bytes of a shared operand.
        """
        kind, shape, words = self._own(value, owner, shape, dtype)
        rank = self._rank(owner)
        self._engine.note("private", rank, kind, shape)
        held = self._nothing(shape) if words is None else words
        return self._array(self._engine.ready(kind, Share.private(held, rank)))

    def _nothing(self, shape: Shape) -> Words:
        return self._engine.common.nothing(shape)

    def _own(
        self, value: ArrayLike | None, owner: int | str, shape: Shape | None, dtype: DTypeLike | None
    ) -> tuple[str, Shape, Words | None]:
        """The kind and shape that all agree on, and the owner's words."""
        rank = self._rank(owner)
        kind = None if dtype is None else _kind(np.dtype(dtype))
        array = None
        if rank == self.rank and value is not None:
            array = operations.public(value)
            kind = operations.public_kind(array) if kind is None and shape is None else kind or FIXED
        elif rank == self.rank and not self._engine.common.shapeless:
            raise UsageError(f"{self.name} owns this input and must give its value", party=self.name)
        if shape is None:
            if array is None and self._engine.common.shapeless:
                raise UsageError("an input without a shape cannot be foreseen: give share and private its shape")
            self._engine.note("announce", rank)
            code = KINDS.index(kind or FIXED)
            code, shape = self._engine.run(additive.announce(rank, code, None if array is None else array.shape))
            if not 0 <= code < len(KINDS):
                raise InputError("an announced input has an unknown dtype")
            kind = KINDS[code]
        shape = tuple(int(n) for n in shape)
        kind = kind or FIXED
        if array is None:
            return kind, shape, None
        if array.shape != shape:
            raise InputError(f"the input has shape {array.shape}, announced was {shape}", party=self.name)
        if KINDS.index(operations.public_kind(array)) < KINDS.index(kind):
            raise InputError(f"the input is {array.dtype}, announced was {DTYPES[kind]}", party=self.name)
        return kind, shape, operations.encoded(self._engine, array, kind)

    def announce(self, shape: Shape | None, owner: int | str) -> Shape:
        """A shape that its owner knows, told to all: one round, public. The others pass None."""
        rank = self._rank(owner)
        self._engine.note("announce", rank)
        told: Shape = self._engine.run(additive.announce(rank, 0, shape))[1]
        return told

    # ---------------------------------------------------------------------------------------------------------- running

    def run(self, program: Program) -> Any:
        """Run a program whose inputs state their shapes; the dealer is told beforehand what it will draw.

        Parameters
        ----------
        program : callable
            `program(session)`; it is first run on shapes alone, where reveals answer zeros, and then for real.

        Returns
        -------
        What the program returns.
        """
        self.barrier()
        self._driver.foresee(lambda on_draw, first: self._on_shapes(program, on_draw, first))
        result = program(self)
        self.barrier()
        return result

    def _on_shapes(self, program: Program, on_draw: Callable[[Correlation], None], first: int) -> None:
        driver = CostDriver(self.rank, len(self.parties), on_draw, first)
        shadow = Session(self.parties, self.rank, driver, self.fraction, self._engine.suite)
        program(shadow)
        shadow.barrier()

    # ----------------------------------------------------------------------------------------------------------- output

    def barrier(self) -> None:
        """Run all operations that wait."""
        self._engine.flush()

    def _array(self, value: Value) -> SecretArray:
        return SecretArray(value, self._reveal)

    def _reveal(self, value: Value, to: str | Sequence[str], purpose: str) -> Any:
        readers = self._readers(to)
        share = value.share
        self._engine.flush()
        self._engine.note("reveal", readers, purpose, value.number)
        words = self._engine.run(additive.reveal(share.words, readers, purpose))
        return None if words is None else self._decoded(words, value)

    def _decoded(self, words: Words, value: Value) -> Any:
        if ring.is_spec(words):
            return np.zeros(value.shape, DTYPES[value.kind])[()]
        if value.kind == FIXED:
            return ring.decode(words, self.fraction)[()]
        return words.astype(np.int64).astype(DTYPES[value.kind])[()]

    def _readers(self, to: str | Sequence[str]) -> tuple[int, ...]:
        if isinstance(to, str) and to == "all":
            return tuple(range(len(self.parties)))
        return tuple(sorted({self._rank(name) for name in ([to] if isinstance(to, str) else to)}))

    def _rank(self, party: int | str) -> int:
        if isinstance(party, str):
            if party in self.parties:
                return self.parties.index(party)
        elif 0 <= party < len(self.parties):
            return int(party)
        raise UsageError(f"no party is {party!r}; there are {', '.join(self.parties)}", party=str(party))


def _kind(dtype: np.dtype[Any]) -> str:
    for kind, known in DTYPES.items():
        if known.kind == dtype.kind:
            return kind
    raise InputError(f"dtype {dtype} cannot be secret; use float64, int64 or bool")


# ------------------------------------------------------------------------------------------------------ over real links


@contextlib.contextmanager
def connect(
    roster: Roster | str | Path,
    key: Identity | str | Path,
    party: str,
    *,
    terms: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    fraction: int = FRACTION,
    suite: Suite | str = semi2k.suite,
    disclosures: Disclosures | None = None,
    ledger: str | Path | None = None,
    view: str | Path | None = None,
    connect_timeout: float = 60.0,
    round_timeout: float = 60.0,
) -> Iterator[Session]:
    """A session over authenticated links with all others of a roster; use it in a with statement.

    Parameters
    ----------
    roster : Roster or path
    key : Identity or path
    party : str
        This party's name, which the key must bear.
    terms : mapping of str to str, optional
        What all parties must hold equal before any data is sent, besides version, roster, suite, fraction and
        disclosures.
    names : sequence of str, optional
        The parties by rank; by default in the order of the roster.
    fraction : int
    suite : Suite or str
        Of this library or of the entry-point group, where the dealer finds it by its name.
    disclosures : Disclosures, optional
        What may be revealed; by default everything, as in an interactive session.
    ledger : path, optional
        Where the ledger is written as the session goes on; the file must not exist.
    view : path, optional
        Where all received tensors are saved at the end (.npz, mode 0600), for tests.
    connect_timeout, round_timeout : float
        Seconds.

    Yields
    ------
    Session

    Raises
    ------
    MpcflError
        Of the side at fault, also when that is a peer; all sides end with its code.
    """
    roster = roster if isinstance(roster, Roster) else Roster.load(Path(roster))
    identity = key if isinstance(key, Identity) else Identity.load(Path(key))
    if identity.name != party:
        raise UsageError(f"the key is that of {identity.name}, not of {party}", party=party)
    order = [entry.name for entry in roster.parties] if names is None else list(names)
    if sorted(order) != sorted(entry.name for entry in roster.parties) or party not in order:
        raise UsageError(f"the parties {', '.join(order)} are not those of the roster", party=party)
    chosen = find_suite(suite)
    allowed = Disclosures.any() if disclosures is None else disclosures
    common = {
        "parties": json.dumps(order),
        "suite": chosen.name,
        "fraction": str(fraction),
        "disclosures": hashlib.sha256(json.dumps([allowed.unlisted, allowed.entries]).encode()).hexdigest(),
        **(terms or {}),
    }
    endpoint = Endpoint(identity, roster, connect_timeout=connect_timeout, round_timeout=round_timeout)
    with contextlib.ExitStack() as stack:
        stack.callback(endpoint.close)
        try:
            links = endpoint.connect(common)
            rank = order.index(party)
            name = session_name(order, rank, links)
            book = stack.enter_context(Ledger(name, party, disclosures=allowed, sink=ledger))
            dealer = None if roster.dealer is None else roster.dealer.name
            driver = NetworkDriver(order, rank, links, dealer, book, keep_view=view is not None)
            stack.callback(driver.wipe)
            session = Session(order, rank, driver, fraction, chosen)
            yield session
            session.barrier()
            driver.finish(session.position)
            if view is not None and driver.view is not None:
                _save_view(Path(view), driver.view)
        except MpcflError as error:
            endpoint.abort(error)
            raise
        except KeyboardInterrupt:
            interrupted = Interrupted(f"{party} was interrupted", party=party)
            endpoint.abort(interrupted)
            raise interrupted from None
        except BaseException as error:
            endpoint.abort(MpcflError(f"the program of {party} failed ({type(error).__name__})", party=party))
            raise


def _save_view(path: Path, view: Mapping[str, Words]) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        np.savez(file, allow_pickle=False, **view)


# ----------------------------------------------------------------------------------------------------------- simulation


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


def find_suite(suite: Suite | str) -> Suite:
    return suites.find(suite) if isinstance(suite, str) else suite


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
    chosen = find_suite(suite)

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
    session = Session(names, rank, driver, fraction, find_suite(suite))
    program(session)
    session.barrier()
    return driver.cost
