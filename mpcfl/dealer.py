"""The dealer: a process of its own that gives correlated randomness and sees no message between the parties.

It shares a seed with each party (from the handshake; nothing is sent). The parties send the same requests, mostly a
forecast of the whole program; the dealer compares them, works ahead within bounded memory and sends the last party its
corrections. It learns the program, its shapes and row schedules. Together with any one party it could read everything.

A session may only record a tape, or use one: then the dealer keeps a register of which tapes there are and which were
used, and nothing of what is on them.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mpcfl import requests, suites
from mpcfl.correlation import Correlation
from mpcfl.dealing import FORESEEN, Dealer
from mpcfl.errors import Interrupted, Mismatch, MpcflError, PeerLost, ProtocolViolation, UsageError
from mpcfl.keys import Identity
from mpcfl.link import Endpoint, Frame, Link
from mpcfl.prg import Stream
from mpcfl.register import Register
from mpcfl.requests import ALIVE, CORRECTIONS, END, RECORD, REGISTER, REQUESTS, SEED, TAPE, TAPE_SEED, TERM
from mpcfl.ring import Words
from mpcfl.roster import Roster
from mpcfl.saving import locked
from mpcfl.tape import Label
from mpcfl.wire import Buffer

AHEAD_BYTES = 64 << 20
"""Corrections that may wait at the dealer for the last party."""
FORESEEN_BYTES = 16 << 20
"""Requests that are taken before their turn: the others wait at the parties."""
FRAME_BYTES = 1 << 20
"""Corrections in a frame, at most, unless one piece has more."""
ALIVE_SECONDS = 10.0


def serve(
    roster: Roster | str | Path,
    key: Identity | str | Path,
    *,
    register: str | Path | None = None,
    connect_timeout: float = 60.0,
    round_timeout: float = 60.0,
) -> None:
    """Serve one session of the roster's parties.

    Parameters
    ----------
    roster : Roster or path
    key : Identity or path
        The dealer's.
    register : path, optional
        Folder of the register of tapes; without it sessions with a tape are refused.
    connect_timeout, round_timeout : float
        Seconds until all parties must have come, and until each must have given a sign of life.

    Raises
    ------
    MpcflError
        What ended the session: a lost party, requests that differ, an abort.
    """
    roster = roster if isinstance(roster, Roster) else Roster.load(Path(roster))
    identity = key if isinstance(key, Identity) else Identity.load(Path(key))
    if identity.role != "dealer":
        raise UsageError(f"the key of {identity.name} is a {identity.role}'s, not a dealer's", party=identity.name)
    endpoint = Endpoint(identity, roster, connect_timeout=connect_timeout, round_timeout=round_timeout)
    try:
        links = endpoint.connect({})
        term = next(iter(links.values())).terms.get(TERM)
        if term is None:
            _Service(links, round_timeout).run()
        elif register is None:
            raise UsageError("the session has a tape, and its dealer keeps no register: start it with --state-dir DIR")
        else:
            with locked(Path(register)):
                if term == RECORD:
                    _Recording(links, round_timeout, Register(register)).run()
                else:
                    _grant(links, term, Register(register), round_timeout)
    except MpcflError as error:
        endpoint.abort(error)
        raise
    except KeyboardInterrupt:
        interrupted = Interrupted("the dealer was interrupted")
        endpoint.abort(interrupted)
        raise interrupted from None
    finally:
        endpoint.close()


class _Service:
    """One session of the dealer.

    Parameters
    ----------
    links : dict of str to Link
    patience : float
        Seconds without a sign of life after which a party is lost.
    """

    seed = SEED

    def __init__(self, links: dict[str, Link], patience: float) -> None:
        terms = next(iter(links.values())).terms
        try:
            names = list(links)
            order = [names[int(place)] for place in terms["parties"].split(",")]
            self._families = suites.find(terms["suite"]).over(int(terms["ring"])).correlations
        except (KeyError, ValueError, IndexError):
            raise ProtocolViolation("the parties' terms do not name their order, their suite and their ring") from None
        if sorted(order) != sorted(links):
            raise Mismatch("the parties of the job are not those of the roster", parties=", ".join(order))
        self._links = [links[name] for name in order]
        self._waiting: list[deque[bytes | None]] = [deque() for _ in order]
        self._agreed: deque[tuple[bytes, Correlation]] = deque()
        self._streams = [Stream(link.exporter(self.seed)) for link in self._links]
        self._dealer = Dealer(self._streams)
        self._recent = requests.Recent()
        self._patience = patience
        self._sending = threading.Lock()

    def run(self) -> None:
        """Deal until every party has said that it needs no more."""
        try:
            while True:
                for rank, link in enumerate(self._links):
                    while not self._waiting[rank]:
                        self._take(rank, link.receive(self._patience))
                heads = {queue[0] for queue in self._waiting}
                if heads == {None}:
                    return
                self._deal()
        finally:
            for stream in self._streams:
                stream.wipe()

    def _take(self, rank: int, frame: Frame) -> None:
        kind = frame.header.kind
        if kind == REQUESTS:
            self._waiting[rank].extend(requests.unpack(bytes(frame.body)))
        elif kind == END:
            self._waiting[rank].append(None)
        elif kind != ALIVE:
            raise ProtocolViolation(f"{self._links[rank].peer} sent the dealer a frame of kind {kind!r}")

    def _deal(self) -> None:
        """Deal what all have asked for; a frame of corrections leaves as soon as it is full."""
        corrections: list[Words] = []
        size = count = 0
        self._agree()
        while self._agreed:
            if self._agreed[0][1].joint() is not None:  # the more is known of what follows the better
                self._agree()
            request, correlation = self._agreed.popleft()
            for piece in self._dealer.pieces(correlation):
                more = sum(words.nbytes for words in piece)
                if corrections and size + more > FRAME_BYTES:
                    self._send(corrections)
                    corrections, size = [], 0
                corrections += piece
                size += more
            self._dealt(request)
            count += 1
        if count == 0:
            raise Mismatch("a party needs no more correlations while another does: their programs differ")
        if corrections:
            self._send(corrections)

    def _agree(self) -> None:
        """Take what the parties have sent so far, unless enough is known, and see that they ask alike."""
        for rank in range(len(self._links)):
            while self._links[rank].waiting and self._room(rank) and self._took(rank):
                pass
        coming: list[tuple[bytes, Correlation]] = []
        while all(self._waiting) and self._waiting[0][0] is not None:
            asked = [queue.popleft() for queue in self._waiting]
            request = asked[0]
            if request is None or any(other != request for other in asked):
                raise Mismatch("the parties ask the dealer for different correlations: their programs differ")
            coming.append((request, requests.decode(request, self._families, self._recent)))
        self._agreed += coming
        self._dealer.foresee([correlation for _, correlation in coming])

    def _dealt(self, request: bytes) -> None:
        """Is told of each request that was served."""

    def _send(self, corrections: Sequence[Words]) -> None:
        last = self._links[-1]
        body = [words.reshape(-1).view(np.uint8) for words in corrections if words.size]
        self._post(last, body, len(corrections), CORRECTIONS)
        lost = time.monotonic() + self._patience
        while not last.drained(AHEAD_BYTES, 1.0):
            if self._heard(len(self._links) - 1):
                lost = time.monotonic() + self._patience
            elif time.monotonic() > lost:
                raise PeerLost(f"{last.peer} gave no sign of life for {self._patience:g} s", peer=last.peer)

    def _post(self, link: Link, body: Sequence[Buffer], count: int, kind: str) -> None:
        with self._sending:
            link.post(link.prepare(body, round=0, count=count, history=b"", at="", kind=kind))

    def _heard(self, rank: int) -> bool:
        """Take what a party has sent meanwhile, its end at the latest; whether it sent anything."""
        heard = False
        while self._took(rank):
            heard = True
        return heard

    def _took(self, rank: int) -> bool:
        """Take a party's next frame, if there is one before its end."""
        link, queue = self._links[rank], self._waiting[rank]
        if (queue and queue[-1] is None) or not link.waiting:
            return False
        self._take(rank, link.receive(self._patience))
        return True

    def _room(self, rank: int) -> bool:
        """Whether more of a party's requests may be taken before their turn."""
        known = [request for request, _ in self._agreed] + [request for request in self._waiting[rank] if request]
        return len(known) < FORESEEN and sum(map(len, known)) < FORESEEN_BYTES


class _Recording(_Service):
    """A session that only records: its corrections go to a tape, and what all recorded goes to the register."""

    seed = TAPE_SEED

    def __init__(self, links: dict[str, Link], patience: float, register: Register) -> None:
        super().__init__(links, patience)
        self._register = register
        self._labels: dict[int, Label] = {}
        self._digest = hashlib.sha256()

    def run(self) -> None:
        """Deal for the tape, and register it once every party has all of it."""
        with self._signs_of_life():
            super().run()
        said = set(self._labels.values())
        label = self._labels[0]
        if len(said) > 1 or (label.index, label.draws, label.digest) != (0, self._dealer.draws, self._digest.digest()):
            raise Mismatch("the parties recorded different tapes: their programs differ")
        self._register.record(label)
        for link in self._links:
            self._post(link, [label.pack()], 1, REGISTER.name)

    def _take(self, rank: int, frame: Frame) -> None:
        if frame.header.kind == TAPE.name:
            self._labels[rank] = _label(frame, self._links[rank])
            self._waiting[rank].append(None)
        elif frame.header.kind == END:
            raise ProtocolViolation(f"{self._links[rank].peer} ended without a tape", peer=self._links[rank].peer)
        else:
            super()._take(rank, frame)

    def _dealt(self, request: bytes) -> None:
        self._digest.update(requests.digest(request))

    @contextlib.contextmanager
    def _signs_of_life(self) -> Iterator[None]:
        """For the parties that have nothing to wait for but the end."""
        over = threading.Event()

        def live() -> None:
            with contextlib.suppress(MpcflError):
                while not over.wait(ALIVE_SECONDS):
                    for link in self._links:
                        self._post(link, [], 0, ALIVE)

        thread = threading.Thread(target=live, name="signs of life for the parties", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _grant(links: dict[str, Link], term: str, register: Register, patience: float) -> None:
    """Enter that a tape is used, then tell all parties; the session goes on without the dealer."""
    labels = {_label(link.receive(patience), link) for link in links.values()}
    label = labels.pop()
    if labels or label.term != term:
        raise Mismatch("the parties hold different tapes: record a new one with `mpcfl offline`")
    register.use(label)
    for link in links.values():
        link.post(link.prepare([label.pack()], round=0, count=1, history=b"", at="", kind=REGISTER.name))


def _label(frame: Frame, link: Link) -> Label:
    """The label of a tape that a party tells."""
    try:
        if frame.header.kind == TAPE.name:
            return Label.unpack(bytes(frame.body))
    except ValueError:
        pass
    raise ProtocolViolation(f"{link.peer} did not name its tape", peer=link.peer)
