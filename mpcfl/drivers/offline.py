"""A party's side of the dealer: asks for correlations, ahead of time where the program can be foreseen, and takes them.

All parties send the same requests in the same order. A forecast runs in a thread of its own, so that the dealer works
while the parties compute; what is drawn must then be what was foreseen. Without a forecast a request goes out with the
draw, and the last party waits one round trip for its corrections.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from mpcfl import requests
from mpcfl.correlation import Correlation, Dealt
from mpcfl.dealing import Holder
from mpcfl.drivers.recording import record
from mpcfl.errors import Mismatch, MpcflError, ProtocolViolation
from mpcfl.ledger import Ledger
from mpcfl.link import Frame, Link
from mpcfl.pieces import Cut, collect
from mpcfl.prg import Stream
from mpcfl.requests import ALIVE, CORRECTIONS, END, REQUESTS, SEED
from mpcfl.ring import Words

GROUP = 64
"""Requests in a frame of the forecast."""
GROUP_BYTES = 1 << 20
BACKLOG = 32 << 20
"""Bytes of requests that may wait for the dealer."""
ALIVE_SECONDS = 10.0
"""Between two signs of life for the dealer; less where the round timeout is short."""


class Source(Protocol):
    """Where a session has its correlations from: the dealer, or a tape."""

    def draw(self, correlation: Correlation) -> Dealt:
        """This party's shares of the next correlation."""
        ...

    def foresee(self, forecast: Callable[[Callable[[Correlation], None], int], None]) -> None:
        """Take what a program will draw."""
        ...

    def end(self) -> None:
        """Nothing more is needed."""
        ...

    def wipe(self) -> None:
        """Forget all secrets and stop all threads."""
        ...


class DealerLink:
    """One party's link to the dealer.

    Parameters
    ----------
    link : Link
    rank, parties : int
    ledger : Ledger
    purpose : str
        Of the secret that keys this party's stream.
    """

    def __init__(self, link: Link, rank: int, parties: int, ledger: Ledger, purpose: str = SEED) -> None:
        self._link = link
        self._ledger = ledger
        self._last = rank == parties - 1
        self._stream = Stream(link.exporter(purpose))
        self._holder = Holder(self._stream, rank, parties)
        self._sending = threading.Lock()
        self._foreseen: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._forecasting = False
        self._failure: BaseException | None = None
        self._words: Words = np.empty(0, np.uint64)
        self._start = 0
        self._ended = threading.Event()
        self._pulse = threading.Thread(target=self._live, name="sign of life for the dealer", daemon=True)
        self._pulse.start()

    # ------------------------------------------------------------------------------------------------------------ draws

    def draw(self, correlation: Correlation) -> Dealt:
        """This party's shares of the next correlation."""
        request = requests.encode(correlation)
        if not self._expected(request):
            self._ask([request])
        corrections = None
        if self._last:
            corrections = self._corrections(correlation)
        return self._holder.take(correlation, corrections)

    def _expected(self, request: bytes) -> bool:
        """Whether the forecast has asked for this one; waits for the forecast to get there."""
        with self._changed:
            self._changed.wait_for(lambda: self._foreseen or not self._forecasting)
            if self._failure is not None:
                raise self._failure
            if not self._foreseen:
                return False
            if self._foreseen.popleft() != requests.digest(request):
                raise Mismatch("the program draws other correlations than it did on shapes alone: it branches on data")
            return True

    def _corrections(self, correlation: Correlation) -> list[Words]:
        """The next corrections, one a determined field."""
        cut = Cut(correlation)
        both = [(f, stripes) for f, stripes in zip(cut.fields, cut.stripes, strict=True) if f.determined]
        words = collect([stripes for _, stripes in both], self._take, self._some)
        return [one.view(field.dtype).reshape(field.shape) for one, (field, _) in zip(words, both, strict=True)]

    def _take(self, size: int) -> Words:
        """The next words of the corrections."""
        part = self._some(size)
        if part.size != size:
            raise ProtocolViolation("the dealer sent corrections of another size than asked for", peer=self._link.peer)
        return part

    def _some(self, size: int) -> Words:
        """The next words of the corrections as far as one frame has them, at most `size`."""
        while size and self._start == self._words.size:
            frame = self._hear(CORRECTIONS)
            if frame.body.size % 8:
                raise ProtocolViolation("the dealer sent a part of a correction", peer=self._link.peer)
            self._words, self._start = frame.body.view(np.uint64), 0
            said = (requests.CORRECTION, requests.CORRECTION.purpose, self._words.shape, self._words.dtype)
            record(self._ledger, "in", self._link.peer, [said], frame, 0, 0)
        part = self._words[self._start : self._start + size]
        self._start += part.size
        return part

    def _hear(self, kind: str) -> Frame:
        """The dealer's next frame, signs of life apart."""
        while (frame := self._link.receive()).header.kind == ALIVE:
            pass
        if frame.header.kind != kind:
            raise ProtocolViolation(f"the dealer sent something else than {kind}", peer=self._link.peer)
        return frame

    # --------------------------------------------------------------------------------------------------------- requests

    def foresee(self, forecast: Callable[[Callable[[Correlation], None], int], None]) -> None:
        """Send the requests of a whole program from a thread."""
        with self._changed:
            self._changed.wait_for(lambda: not self._forecasting)
            self._forecasting = True
        first = self._holder.draws
        threading.Thread(target=self._foresee, args=(forecast, first), name="forecast", daemon=True).start()

    def _foresee(self, forecast: Callable[[Callable[[Correlation], None], int], None], first: int) -> None:
        group: list[bytes] = []

        def on_draw(correlation: Correlation) -> None:
            group.append(requests.encode(correlation))
            if len(group) >= GROUP or sum(map(len, group)) >= GROUP_BYTES:
                self._send_ahead(group)

        try:
            forecast(on_draw, first)
            self._send_ahead(group)
        except BaseException as error:
            self._failure = error
        finally:
            with self._changed:
                self._forecasting = False
                self._changed.notify_all()

    def _send_ahead(self, group: list[bytes]) -> None:
        if group:
            self._ask(group)
            with self._changed:
                self._foreseen.extend(map(requests.digest, group))
                self._changed.notify_all()
            group.clear()
            while not self._link.drained(BACKLOG, 1.0) and not self._ended.is_set():
                pass

    def _ask(self, group: list[bytes]) -> None:
        body = requests.pack(group)
        with self._sending:
            sealed = self._link.prepare([body], round=0, count=len(group), history=b"", at="", kind=REQUESTS)
            said = (requests.REQUEST, requests.REQUEST.purpose, (len(body),), np.dtype(np.uint8))
            record(self._ledger, "out", self._link.peer, [said], sealed, 0, 0)
            self._link.post(sealed)

    def _say(self, kind: str) -> None:
        with self._sending:
            self._link.post(self._link.prepare([], round=0, count=0, history=b"", at="", kind=kind))

    # ---------------------------------------------------------------------------------------------------------- the end

    def end(self) -> None:
        """Tell the dealer that nothing more is needed."""
        self._stop()
        self._say(END)

    def wipe(self) -> None:
        """Forget the seed and stop the threads."""
        self._stop()
        self._stream.wipe()

    def _stop(self) -> None:
        self._ended.set()
        if self._pulse.is_alive():
            self._pulse.join()

    def _live(self) -> None:
        while not self._ended.wait(min(ALIVE_SECONDS, self._link.patience / 3)):
            try:
                self._say(ALIVE)
            except MpcflError:
                return
