"""A session over authenticated links: roster, keys, handshake, ledger and driver put together.

`connect` gives one that computes, with correlations from the dealer or from a tape; `recording` one that only records a
tape of what programs will draw.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mpcfl import suites
from mpcfl.dealerless import DealerlessDriver, Paillier
from mpcfl.drivers.network import NetworkDriver, session_name
from mpcfl.drivers.taping import Player, Recorder
from mpcfl.errors import Interrupted, Mismatch, MpcflError, UsageError
from mpcfl.keys import Identity
from mpcfl.ledger import Disclosures, Ledger
from mpcfl.link import Endpoint, Link
from mpcfl.protocol import Suite
from mpcfl.protocols import semi2k
from mpcfl.requests import RECORD, TERM
from mpcfl.roster import Roster
from mpcfl.saving import check_target, replacing
from mpcfl.session import FRACTION, Program, Session
from mpcfl.tape import ID_BYTES, PURPOSE, Tape, TapeWriter
from mpcfl.version import VERSION


class RecordingSession(Session):
    """A session that records what programs will draw; `mpcfl.recording` gives one.

    Attributes
    ----------
    facts : dict of str to str
        Kept in the tape for the program that plays it, as sizes that it must have.
    """

    def __init__(
        self, names: Sequence[str], rank: int, driver: NetworkDriver, fraction: int, suite: Suite, recorder: Recorder
    ) -> None:
        super().__init__(names, rank, driver, fraction, suite)
        self.facts: dict[str, str] = {}
        self._recorder = recorder

    @property
    def recorded(self) -> int:
        """Correlations recorded so far."""
        return self._recorder.recorded

    @property
    def offline_bytes(self) -> int:
        """Bytes of the correlations recorded so far, from the dealer to the last party."""
        return self._recorder.offline_bytes

    def record(self, program: Program) -> None:
        """Record what a program draws. Several are recorded one after the other, and must be run in that order.

        Parameters
        ----------
        program : callable
            `program(session)`, run on shapes alone: its inputs state their shapes, and reveals answer zeros.
        """
        self.barrier()
        self._recorder.record(lambda on_draw, first: self._on_shapes(program, on_draw, first))


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
    ring: int = 64,
    disclosures: Disclosures | None = None,
    tape: Tape | str | Path | None = None,
    offline: str | Paillier = "dealer",
    ledger: str | Path | None = None,
    lasting: bool = False,
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
        What all parties must hold equal before any data is sent, besides version, roster, suite, ring, fraction
        and disclosures.
    names : sequence of str, optional
        The parties by rank; by default in the order of the roster.
    fraction : int
    suite : Suite or str
        Of this library or of the entry-point group, where the dealer finds it by its name.
    ring : int
        Numbers are elements of Z_2^ring: 64 or 128.
    disclosures : Disclosures, optional
        What may be revealed; by default everything, as in an interactive session.
    tape : Tape or path, optional
        Where correlations come from, instead of a dealer who deals as the session goes on. It was recorded for the
        same terms, and is used up; the dealer enters that in its register before the session begins, and may then go.
    offline : "dealer", "paillier" or mpcfl.dealerless.Paillier
        Who makes correlations: the dealer, or by Paillier two parties, whose roster needs none then.
    ledger : path, optional
        Where the ledger is written as the session goes on; the file must not exist.
    lasting : bool
        The session may go on for ever: entries of the ledger are in its file alone.
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
    allowed = Disclosures.any() if disclosures is None else disclosures
    place = _Place.of(roster, key, party, names, fraction, suite, ring, terms)
    if view is not None:
        check_target(Path(view))
    how = Paillier.of(offline)
    if how is not None and tape is not None:
        raise UsageError("correlations come from a tape or are made by the parties, not both")
    with contextlib.ExitStack() as stack:
        played = None if tape is None else _opened(tape, place)
        common = {**place.common, "disclosures": _digest([allowed.unlisted, allowed.entries])}
        if played is not None:
            stack.callback(played.close)
            common[TERM] = played.label.term
        if how is not None:
            common["offline"] = str(how)
        links = stack.enter_context(_links(place, common, connect_timeout, round_timeout))
        name = session_name(place.order, place.rank, links)
        book = stack.enter_context(Ledger(name, party, disclosures=allowed, sink=ledger, remember=not lasting))
        dealer = place.dealer
        player = None if played is None or dealer is None else Player(played, links[dealer], book)
        driver = NetworkDriver(place.order, place.rank, links, dealer, book, keep_view=view is not None, source=player)
        stack.callback(driver.wipe)
        if player is not None:
            player.claim()
        before: NetworkDriver | DealerlessDriver = driver
        if how is not None:
            before = DealerlessDriver(driver, place.rank, len(place.order), how)
            stack.callback(before.wipe)
        session = Session(place.order, place.rank, before, fraction, place.suite)
        yield session
        session.barrier()
        driver.finish(session.position)
        if view is not None and driver.view is not None:
            with replacing(Path(view)) as file:
                np.savez(file, allow_pickle=False, **driver.view)


@contextlib.contextmanager
def recording(
    roster: Roster | str | Path,
    key: Identity | str | Path,
    party: str,
    tape: str | Path,
    *,
    terms: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    fraction: int = FRACTION,
    suite: Suite | str = semi2k.suite,
    ring: int = 64,
    ledger: str | Path | None = None,
    connect_timeout: float = 60.0,
    round_timeout: float = 60.0,
) -> Iterator[RecordingSession]:
    """A session that records a tape together with all others of a roster; use it in a with statement.

    The file is there once the block has ended well at all parties.

    Parameters
    ----------
    roster, key, party, terms, names, fraction, suite, ring, ledger, connect_timeout, round_timeout
        As of `connect`, whose `tape` it will be with the same ones.
    tape : path
        The file to write (mode 0600). A used tape gives way, no other file does.

    Yields
    ------
    RecordingSession
        Its `record` takes programs.

    Raises
    ------
    UsageError
        There is such a file already, or the roster has no dealer.
    MpcflError
        As of `connect`.
    """
    place = _Place.of(roster, key, party, names, fraction, suite, ring, terms)
    dealer, path = place.dealer, Path(tape)
    if dealer is None:
        raise UsageError("the roster has no dealer, and a tape is recorded with one: add its entry")
    Tape.make_way(path, place.identity)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(replacing(path))
        links = stack.enter_context(_links(place, {**place.common, TERM: RECORD}, connect_timeout, round_timeout))
        name = session_name(place.order, place.rank, links, ID_BYTES)
        own = bytes.fromhex(name)
        book = stack.enter_context(Ledger(name, party, disclosures=None, sink=ledger))
        recorder = Recorder(links[dealer], place.rank, len(place.order), book, TapeWriter(file, own), round_timeout)
        driver = NetworkDriver(place.order, place.rank, links, dealer, book, source=recorder)
        stack.callback(driver.wipe)
        session = RecordingSession(place.order, place.rank, driver, fraction, place.suite, recorder)
        yield session
        session.barrier()
        recorder.finish(place.identity.derive(PURPOSE, own), party, own, place.tape_terms, session.facts)
        driver.finish(session.position)


@dataclass(frozen=True)
class _Place:
    """Who this party is among whom, and what all agree on."""

    identity: Identity
    roster: Roster
    order: list[str]
    rank: int
    suite: Suite
    common: dict[str, str]

    @classmethod
    def of(
        cls,
        roster: Roster | str | Path,
        key: Identity | str | Path,
        party: str,
        names: Sequence[str] | None,
        fraction: int,
        suite: Suite | str,
        ring: int,
        terms: Mapping[str, str] | None,
    ) -> _Place:
        roster = roster if isinstance(roster, Roster) else Roster.load(Path(roster))
        identity = key if isinstance(key, Identity) else Identity.load(Path(key))
        if identity.name != party:
            raise UsageError(f"the key is that of {identity.name}, not of {party}", party=party)
        listed = [entry.name for entry in roster.parties]
        order = listed if names is None else list(names)
        if sorted(order) != sorted(listed) or party not in order:
            raise UsageError(f"the parties {', '.join(order)} are not those of the roster", party=party)
        chosen = suites.find(suite).over(ring)
        common = {
            "parties": ",".join(str(listed.index(name)) for name in order),
            "suite": chosen.name,
            "ring": str(ring),
            "fraction": str(fraction),
            **(terms or {}),
        }
        return cls(identity, roster, order, order.index(party), chosen, common)

    @property
    def dealer(self) -> str | None:
        return None if self.roster.dealer is None else self.roster.dealer.name

    @property
    def tape_terms(self) -> dict[str, str]:
        """What a tape and the session that plays it must hold equal."""
        return {**self.common, "version of mpcfl": VERSION, "roster": self.roster.hash().hex()}


@contextlib.contextmanager
def _links(
    place: _Place, common: Mapping[str, str], connect_timeout: float, round_timeout: float
) -> Iterator[dict[str, Link]]:
    """All links, once all agree; an error inside reaches the others with its code."""
    party = place.identity.name
    endpoint = Endpoint(place.identity, place.roster, connect_timeout=connect_timeout, round_timeout=round_timeout)
    try:
        yield endpoint.connect(common)
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
    finally:
        endpoint.close()


def _opened(tape: Tape | str | Path, place: _Place) -> Tape:
    """The tape, if it serves this session: nothing was sent yet."""
    opened = tape if isinstance(tape, Tape) else Tape.open(tape, place.identity)
    mine, its = place.tape_terms, opened.head.terms
    differing = sorted(key for key in mine.keys() | its.keys() if mine.get(key) != its.get(key))
    if differing:
        opened.close()
        raise Mismatch(
            f"the tape {opened.path} was recorded for another session, which differs in {', '.join(differing)}: "
            "record one for this session with `mpcfl offline`",
            file=str(opened.path),
        )
    return opened


def _digest(agreed: object) -> str:
    return hashlib.sha256(json.dumps(agreed).encode()).hexdigest()
