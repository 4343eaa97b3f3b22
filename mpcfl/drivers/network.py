"""The network driver: one party's protocols over authenticated links to the other parties and the dealer.

A round is one frame to each peer that is owed anything, and one from each that owes: the payloads of all merged
messages end to end. Names and shapes follow from the program, which both sides run; the frame's header carries their
number, their size and a digest of all operations so far, and a difference ends the session in that round. What leaves
is recorded in the ledger first.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mpcfl import ring
from mpcfl.correlation import Correlation, Dealt
from mpcfl.dealing import combine
from mpcfl.drivers.offline import DealerLink, Source
from mpcfl.drivers.recording import record
from mpcfl.drivers.rounds import Single, drive, purpose, sends
from mpcfl.effects import Open, Protocol, Reveal, Send
from mpcfl.errors import Mismatch, ProtocolViolation, UsageError
from mpcfl.ledger import Ledger
from mpcfl.link import Frame, Link
from mpcfl.pairwise import Pairwise
from mpcfl.protocol import START, Position
from mpcfl.ring import Words

NAME, ROUND, END = "session", "round", "end"


def session_name(names: Sequence[str], rank: int, links: Mapping[str, Link], size: int = 8) -> str:
    """A name for the session, drawn by the first party and told to the others; the ledgers of all bear it.

    It is the hexadecimal form of `size` random bytes.
    """
    if rank == 0:
        name = os.urandom(size)
        for other in names[1:]:
            links[other].post(links[other].prepare([name], round=0, count=0, history=b"", at="", kind=NAME))
        return name.hex()
    frame = links[names[0]].receive()
    if frame.header.kind != NAME or frame.body.size != size:
        raise ProtocolViolation(f"{names[0]} did not name the session", peer=names[0])
    return bytes(frame.body).hex()


class NetworkDriver:
    """Runs one party's protocols over links.

    Parameters
    ----------
    names : sequence of str
        The parties, by rank.
    rank : int
    links : mapping of str to Link
        To all other parties, and to the dealer.
    dealer_name : str or None
    ledger : Ledger
    keep_view : bool
        Keep every received tensor in `view`.
    source : Source, optional
        Where correlations come from; by default the dealer.

    Attributes
    ----------
    ledger : Ledger
    rounds : int
        Online rounds so far.
    bytes_sent : int
        Online payload bytes of this party.
    offline_bytes : int
        Corrections of the correlations drawn so far, from the dealer to the last party.
    view : dict of str to Words
        By "INDEX/MESSAGE/FIELD/SENDER".
    """

    def __init__(
        self,
        names: Sequence[str],
        rank: int,
        links: Mapping[str, Link],
        dealer_name: str | None,
        ledger: Ledger,
        *,
        keep_view: bool = False,
        source: Source | None = None,
    ) -> None:
        self.rank = rank
        self.parties = len(names)
        self._names = tuple(names)
        self._peers = {i: links[name] for i, name in enumerate(names) if i != rank}
        self._keys = {i: link.exporter("history") for i, link in self._peers.items()}
        self.common = Pairwise(rank, {i: link.exporter("common randomness") for i, link in self._peers.items()})
        self._dealer = source
        if source is None and dealer_name is not None:
            self._dealer = DealerLink(links[dealer_name], rank, self.parties, ledger)
        self.ledger = ledger
        self.rounds = 0
        self.bytes_sent = 0
        self.offline_bytes = 0
        self.view: dict[str, Words] | None = {} if keep_view else None

    # ---------------------------------------------------------------------------------------------------------- running

    def run(self, protocol: Protocol, at: Position = START) -> Any:
        """Run a protocol to its end."""
        return drive(protocol, self._draw, lambda singles: self._exchange(singles, at))

    def foresee(self, forecast: Callable[[Callable[[Correlation], None], int], None]) -> None:
        """Tell the dealer, from a thread, what a program will draw."""
        if self._dealer is not None:
            self._dealer.foresee(forecast)

    def finish(self, at: Position) -> None:
        """Agree with all peers that the program has ended here, and release the dealer."""
        for rank, link in self._peers.items():
            link.post(link.prepare([], round=self.rounds, count=0, history=self._stamp(rank, at), at=at.line, kind=END))
        for rank, link in self._peers.items():
            self._check(rank, link, link.receive(), END, 0, 0, at)
        if self._dealer is not None:
            self._dealer.end()
        self.wipe()

    def wipe(self) -> None:
        """Forget all secrets."""
        self.common.wipe()
        if self._dealer is not None:
            self._dealer.wipe()

    def _draw(self, correlation: Correlation) -> Dealt:
        if self._dealer is None:
            raise UsageError("this program needs correlated randomness, and the roster has no dealer")
        self.offline_bytes += correlation.correction_bytes
        return self._dealer.draw(correlation)

    # -------------------------------------------------------------------------------------------------------- one round

    def _exchange(self, singles: list[Single], at: Position) -> list[Any]:
        payloads = [self._payload(single) for single in singles]
        moves = any(sends(s, i, j) for s in singles for i in range(self.parties) for j in range(self.parties))
        if moves:
            for rank, link in self._peers.items():
                self._send(rank, link, singles, payloads, at)
            inboxes = {rank: self._receive(rank, link, singles, at) for rank, link in self._peers.items()}
            self.rounds += 1
        else:
            inboxes = {rank: iter(()) for rank in self._peers}
        return [self._answer(s, payload, inboxes) for s, payload in zip(singles, payloads, strict=True)]

    def _payload(self, single: Single) -> Words:
        if not isinstance(single, Reveal):
            return single.payload
        self.ledger.disclosures.check(single.purpose, [self._names[rank] for rank in single.to])
        return ring.add(single.payload, self.common.zero(single.payload.shape, ring.width(single.payload)))

    def _send(self, rank: int, link: Link, singles: list[Single], payloads: list[Words], at: Position) -> None:
        going = [
            (s, np.asarray(p, order="C")) for s, p in zip(singles, payloads, strict=True) if sends(s, self.rank, rank)
        ]
        if not going:
            return
        body = [words.reshape(-1).view(np.uint8) for _, words in going]
        sealed = link.prepare(
            body, round=self.rounds, count=len(going), history=self._stamp(rank, at), at=at.line, kind=ROUND
        )
        said = [(s.message, purpose(s), words.shape, words.dtype) for s, words in going]
        record(self.ledger, "out", link.peer, said, sealed, self.rounds, at.op)
        link.post(sealed)
        self.bytes_sent += sealed.payload_bytes

    def _receive(self, rank: int, link: Link, singles: list[Single], at: Position) -> Iterator[Words]:
        """The payloads that a peer sends in this round, in order."""
        coming = [s for s in singles if sends(s, rank, self.rank)]
        if not coming:
            return iter(())
        frame = link.receive()
        sizes = [single.payload.nbytes for single in coming]
        self._check(rank, link, frame, ROUND, len(coming), sum(sizes), at)
        said = [(s.message, purpose(s), s.payload.shape, s.payload.dtype) for s in coming]
        record(self.ledger, "in", link.peer, said, frame, self.rounds, at.op)
        parts: list[Words] = []
        start = 0
        for single, size in zip(coming, sizes, strict=True):
            # as this party's own payload: what the program says here, not what the frame says
            part = frame.body[start : start + size].view(single.payload.dtype).reshape(single.payload.shape)
            start += size
            parts.append(part)
            if self.view is not None:
                key = f"{len(self.view):06d}/{single.message.name}/{single.message.payload}/{link.peer}"
                self.view[key] = part.copy()
        return iter(parts)

    def _stamp(self, rank: int, at: Position) -> bytes:
        """The program's history as a frame's header carries it: keyed, since headers are not encrypted."""
        return hashlib.blake2b(at.history, key=self._keys[rank], digest_size=16).digest()

    def _check(self, rank: int, link: Link, frame: Frame, kind: str, count: int, size: int, at: Position) -> None:
        header = frame.header
        if header.history != self._stamp(rank, at) or header.kind != kind:
            here, there = at.line or "its start", header.at or "its start"
            raise Mismatch(
                f"the programs differ: {self._names[self.rank]} is at {here}, {link.peer} at {there}",
                here=here,
                there=there,
                peer=link.peer,
            )
        if (header.round, header.count, header.total) != (self.rounds, count, size):
            raise ProtocolViolation(
                f"{link.peer} sent a frame of another size or round than its program says", peer=link.peer
            )

    def _answer(self, single: Single, payload: Words, inboxes: dict[int, Iterator[Words]]) -> Any:
        got = {rank: next(inbox) for rank, inbox in inboxes.items() if sends(single, rank, self.rank)}
        if isinstance(single, Send):
            return got.get(single.sender, payload)
        if isinstance(single, Open) and single.owner is not None:
            return got.get(single.owner, payload)
        if isinstance(single, Reveal) and self.rank not in single.to:
            return None
        return combine(single.message.payload, [payload, *got.values()])
