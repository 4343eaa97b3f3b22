"""A party's side of a tape: recording it with the dealer, and playing it in the session that it serves.

    recording    every party -> dealer    requests, from the programs on shapes alone
                 dealer -> last party     corrections, written to its tape as they come
                 every party -> dealer    TAPE: id, 0, number of draws, digest of all requests
                 dealer -> every party    REGISTER, once all say the same and it stands in the dealer's register
    playing      every party -> dealer    TAPE, after a handshake that compared id and index between all
                 dealer -> every party    REGISTER, once the register says that the tape is used; the dealer may go

A party draws nothing before the dealer's answer is there and its own file says that all draws are reserved. The seeds
of a tape are secrets of the recording session under a purpose of their own, so nothing else was ever drawn from them.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from mpcfl import requests
from mpcfl.correlation import Correlation, Dealt, Field
from mpcfl.dealing import expanding, tensor
from mpcfl.drivers.offline import BACKLOG, GROUP, GROUP_BYTES, DealerLink
from mpcfl.drivers.recording import record
from mpcfl.errors import Mismatch, PeerLost, ProtocolViolation, UsageError
from mpcfl.ledger import Ledger
from mpcfl.link import Frame, Link
from mpcfl.pieces import Cut, Stripes
from mpcfl.prg import Stream
from mpcfl.requests import ALIVE, REGISTER, TAPE, TAPE_SEED
from mpcfl.ring import Words
from mpcfl.rows import Rows
from mpcfl.tape import Draw, Label, Part, Tape, TapeWriter

AHEAD_BYTES = 64 << 20
"""Bytes of shares that a player reads and expands ahead of their draws, and at least one draw."""
AHEAD_DRAWS = 4096


class Recorder(DealerLink):
    """Asks the dealer for what programs will draw, and writes it down.

    Parameters
    ----------
    link : Link
        To the dealer.
    rank, parties : int
    ledger : Ledger
    writer : TapeWriter
    patience : float
        Seconds without a sign of life after which the dealer is lost.

    Attributes
    ----------
    recorded : int
        Draws so far.
    offline_bytes : int
        Corrections of these, from the dealer to the last party.
    """

    def __init__(
        self, link: Link, rank: int, parties: int, ledger: Ledger, writer: TapeWriter, patience: float
    ) -> None:
        super().__init__(link, rank, parties, ledger, TAPE_SEED)
        self._seed = link.exporter(TAPE_SEED)
        self.recorded = 0
        self.offline_bytes = 0
        self._rank = rank
        self._writer = writer
        self._patience = patience
        self._requests = hashlib.sha256()
        self._group: list[bytes] = []
        self._drawn: list[Draw] = []
        self._asked: deque[Draw] = deque()

    def draw(self, correlation: Correlation) -> Dealt:
        raise UsageError(_COMPUTES_NOTHING)

    def foresee(self, forecast: object) -> None:
        raise UsageError(_COMPUTES_NOTHING)

    def record(self, forecast: Callable[[Callable[[Correlation], None], int], None]) -> None:
        """Record all that a program draws."""
        forecast(self._on_draw, self.recorded)
        self._send()

    def finish(self, key: bytes, party: str, tape: bytes, terms: Mapping[str, str], facts: Mapping[str, str]) -> None:
        """Complete the file, and have the dealer register the tape; returns once all parties are as far.

        Parameters
        ----------
        key : bytes
            Of the party's identity for this tape.
        party : str
        tape : bytes
            The id.
        terms, facts : mapping of str to str
            As of `mpcfl.tape.Head`.

        Raises
        ------
        Mismatch
            The parties recorded different things.
        """
        while self._asked:
            self._write(self._asked.popleft())
        draws, digest = self.recorded, self._requests.digest()
        said = {"party": party, "terms": dict(terms), "facts": dict(facts)}
        self._writer.close({**said, "draws": draws, "digest": digest, "seed": self._seed}, key)
        self._stop()
        _register(self._link, self._ledger, Label(tape, 0, draws, digest), f"tape {tape.hex()}, recorded")

    def end(self) -> None:
        """The dealer left when it had registered the tape."""
        self._stop()

    def _on_draw(self, correlation: Correlation) -> None:
        request = requests.encode(correlation)
        digest = requests.digest(request)
        self._requests.update(digest)
        self._group.append(request)
        self._drawn.append(Draw(correlation.family, digest, tuple(self._parts(correlation))))
        self.recorded += 1
        self.offline_bytes += correlation.correction_bytes
        if len(self._group) >= GROUP or sum(map(len, self._group)) >= GROUP_BYTES:
            self._send()

    def _parts(self, correlation: Correlation) -> Iterator[tuple[Part, Stripes]]:
        """Where the shares come from: the same as `mpcfl.dealing.Holder.take` says."""
        cut = Cut(correlation)
        for field, stripes in zip(cut.fields, cut.stripes, strict=True):
            part = Part.SEED
            if field.determined and self._last:
                part = Part.CORRECTION
            elif field.owner not in (None, self._rank):
                part = Part.NOTHING
            yield part, stripes

    def _send(self) -> None:
        if self._group:
            self._ask(self._group)
            self._asked.extend(self._drawn)
            self._group, self._drawn = [], []
        self._write_what_is_there()
        lost = time.monotonic() + self._patience
        while not self._link.drained(BACKLOG, 0.05):
            if self._link.waiting:
                lost = time.monotonic() + self._patience
                if self._asked:
                    self._write_what_is_there()
                elif self._link.receive().header.kind != ALIVE:
                    raise ProtocolViolation("the dealer sent something that was not asked for", peer=self._link.peer)
            elif time.monotonic() > lost:
                raise PeerLost(f"{self._link.peer} gave no sign of life for {self._patience:g} s", peer=self._link.peer)

    def _write_what_is_there(self) -> None:
        while self._asked and (not _corrected(self._asked[0]) or self._start < self._words.size or self._link.waiting):
            self._write(self._asked.popleft())

    def _write(self, draw: Draw) -> None:
        self._writer.draw(draw, self._pieces(sum(stripes.size for stripes in draw.corrections)))

    def _pieces(self, size: int) -> Iterator[Words]:
        """The next words of the corrections, as they come."""
        while size:
            part = self._some(size)
            size -= part.size
            yield part


def _corrected(draw: Draw) -> bool:
    return any(stripes.size for stripes in draw.corrections)


class Player:
    """Takes a session's correlations from a tape, read and expanded ahead in a thread.

    Parameters
    ----------
    tape : Tape
    link : Link
        To the dealer, which is asked once, at the start.
    ledger : Ledger
    """

    def __init__(self, tape: Tape, link: Link, ledger: Ledger) -> None:
        self._tape = tape
        self._link = link
        self._ledger = ledger
        self._stream = Stream(tape.head.seed)
        self._ready: deque[tuple[Draw, list[Words | int | None], int]] = deque()
        self._held = 0
        self._taken = 0
        self._over = False
        self._ended = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, name="tape", daemon=True)

    def claim(self) -> None:
        """Have the dealer and the file say that the tape is used; draws may follow.

        Raises
        ------
        IntegrityError
            The dealer knows no such tape, or knows that it was used.
        ResourceError
            The file cannot be marked.
        """
        label = self._tape.label
        _register(self._link, self._ledger, label, f"tape {label.id.hex()}, used by this session")
        self._tape.reserve()
        self._reader.start()

    def draw(self, correlation: Correlation) -> Dealt:
        """This party's shares of the next correlation, which must be the one that was recorded."""
        digest = requests.digest(requests.encode(correlation))
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._over)
            if not self._ready:
                raise self._failure or Mismatch(
                    f"the program draws more than the {self._taken} correlations of its tape: {_OTHER}"
                )
            draw, parts, size = self._ready.popleft()
            self._held -= size
            if self._held <= AHEAD_BYTES // 2 and len(self._ready) <= AHEAD_DRAWS // 2:
                self._changed.notify_all()
        number, self._taken = self._taken, self._taken + 1
        if draw.digest != digest:
            what = (
                f"is of the family {correlation.family!r}, on the tape of {draw.family!r}"
                if draw.family != correlation.family
                else f"({draw.family!r}) has other sizes or operands than on the tape"
            )
            raise Mismatch(f"draw {number} of the program {what}: {_OTHER}")
        fields = correlation.tensors
        shares = {field.name: self._share(field, part) for field, part in zip(fields, parts, strict=True)}
        return Dealt(number, fields, shares)

    def _share(self, field: Field, part: Words | int | None) -> Words | Rows:
        """Of a field, from what was read ahead."""
        if part is None:
            return np.zeros(field.shape, field.dtype)
        if isinstance(part, int):
            rows = expanding([self._stream], part, field.shape, field.group)
            return rows if field.owner is not None else rows.whole()
        return part.view(field.dtype).reshape(field.shape)

    def foresee(self, forecast: object) -> None:
        """Nothing to do: what is drawn was recorded, and is compared draw by draw."""

    def end(self) -> None:
        """Nothing more is drawn: what is left of the tape is lost."""
        self.wipe()

    def wipe(self) -> None:
        """Forget the seed, and release the file."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._reader.is_alive():
            self._reader.join()
        self._ready.clear()
        self._stream.wipe()
        self._tape.close()

    def _read(self) -> None:
        try:
            for number, (draw, corrections) in enumerate(self._tape.draws()):
                given = iter(corrections)
                parts = [
                    None
                    if part is Part.NOTHING
                    else next(given)
                    if part is Part.CORRECTION
                    else self._expanded(tensor(number, place), stripes.size)
                    for place, (part, stripes) in enumerate(draw.parts)
                ]
                self._offer(draw, parts)
                if self._ended:
                    return
        except BaseException as error:
            self._failure = error
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _expanded(self, number: int, size: int) -> Words | int:
        """The words of a tensor; of a large one, which its draw may want by rows, the number alone."""
        if 8 * size <= AHEAD_BYTES:
            return self._stream.fresh(number, (size,))
        self._stream.claim(number, number + 1)
        return number

    def _offer(self, draw: Draw, parts: list[Words | int | None]) -> None:
        """Put a draw at hand, then wait while there is enough."""
        size = sum(part.nbytes for part in parts if isinstance(part, np.ndarray))
        with self._changed:
            self._ready.append((draw, parts, size))
            self._held += size
            self._changed.notify_all()
            if self._held > AHEAD_BYTES or len(self._ready) > AHEAD_DRAWS:
                self._changed.wait_for(
                    lambda: self._ended or (self._held <= AHEAD_BYTES // 2 and len(self._ready) <= AHEAD_DRAWS // 2)
                )


BYTES = np.dtype(np.uint8)
_COMPUTES_NOTHING = "a session that records computes nothing: give the whole program to session.record"
_OTHER = "it was recorded for another program or other sizes; record a new one with `mpcfl offline`"


def _register(link: Link, ledger: Ledger, label: Label, purpose: str) -> None:
    """Tell the dealer of a tape, and wait for its answer."""
    body = label.pack()
    sealed = link.prepare([body], round=0, count=1, history=b"", at="", kind=TAPE.name)
    record(ledger, "out", link.peer, [(TAPE, purpose, (len(body),), BYTES)], sealed, 0, 0)
    link.post(sealed)
    frame: Frame
    while (frame := link.receive()).header.kind == ALIVE:
        pass
    if frame.header.kind != REGISTER.name or bytes(frame.body) != body:
        raise ProtocolViolation("the dealer answered for another tape", peer=link.peer)
    record(ledger, "in", link.peer, [(REGISTER, purpose, (len(body),), BYTES)], frame, 0, 0)
