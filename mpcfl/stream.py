"""One direction of a link as a state machine: numbering, sealing, keeping and releasing frames; opening, ordering and
reassembling them. No I/O.

ZeroMQ loses what is in flight when a connection breaks. A sender therefore keeps each frame until it is acknowledged,
and after a reconnect seals what is left again under the new key. A receiver takes exactly the last number plus one:
what comes twice is dropped, and at a gap it asks for the missing frames.
"""

from __future__ import annotations

import enum
import hashlib
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from mpcfl.buffers import empty
from mpcfl.errors import ProtocolViolation, ResourceError
from mpcfl.wire import (
    CHUNK,
    MAX_PAYLOAD,
    NO_ORIGIN,
    TAG,
    Buffer,
    Bytes,
    FrameHeader,
    OpeningKey,
    Sealing,
    SealingKey,
    chunks_of,
    cut,
    sequence,
    well_sized,
)

WINDOW: Final = 64 << 20
"""Bytes that may be under way without an acknowledgement."""
INBOX: Final = 64 << 20
"""Complete payload bytes that may wait for the application before acknowledgements pause."""
ACK_BYTES: Final = 4 << 20
ACK_FRAMES: Final = 64


class Sealed(NamedTuple):
    """A payload that is sealed, numbered and kept, but not yet on its way.

    `seq` is the number of its first chunk, `digest` its 16-byte tag (for several chunks BLAKE2b-16 over all tags),
    `epoch` the link epoch of this sealing, `payload_bytes` and `wire_bytes` its size before and after sealing, headers
    included.
    """

    seq: int
    last: int
    epoch: int
    digest: bytes
    payload_bytes: int
    wire_bytes: int


class Frame(NamedTuple):
    """A payload that has arrived whole; `body` is writable uint8, the other fields mirror header and `Sealed`."""

    header: FrameHeader
    body: Bytes
    seq: int
    last: int
    epoch: int
    digest: bytes
    wire_bytes: int


class _Kept(NamedTuple):
    header: FrameHeader
    head: bytes
    sealed: Sealing
    key: OpeningKey
    """Opens `sealed` again: what is kept is ciphertext alone."""


class Outgoing:
    """The sending direction.

    Parameters
    ----------
    session : bytes
        Session id, 16 bytes.
    """

    def __init__(self, session: bytes) -> None:
        self._session = session
        self._epoch = 0
        self._key: tuple[SealingKey, OpeningKey] | None = None
        self._kept: dict[int, _Kept] = {}
        self._next = 1
        self._oldest = 1
        self._posted = 0
        self._cursor = 1
        self._flying = 0
        self.backlog = 0
        """Sealed bytes that are not acknowledged."""
        self.greeting: tuple[bytes, Sealing] = (b"", b"")
        """The frame of number 0 under the key in use: it shows that its sender holds the key."""

    @property
    def last(self) -> int:
        """Number of the last frame that was posted."""
        return self._posted

    @property
    def delivered(self) -> bool:
        """Whether all that was posted is acknowledged."""
        return self._oldest > self._posted

    def rekey(self, epoch: int, key: bytes, received: int) -> None:
        """Go on under a new key with a peer that has received all up to `received`; the rest is sealed again."""
        self.acknowledge(received)
        self._epoch, self._key = epoch, (SealingKey(key), OpeningKey(key))
        greeting = self._seal(FrameHeader(self._session, epoch, 0, "bind", 0, 0, 0, 0, 1, b"", ""), b"")
        self.greeting = greeting.head, greeting.sealed
        for seq, kept in self._kept.items():
            chunk = empty((len(kept.sealed) - TAG,), np.uint8)
            if not kept.key.unseal(seq, kept.head, kept.sealed, chunk):
                raise ResourceError("a frame that was kept for resending has changed in memory")
            origin = kept.header.origin
            if origin == NO_ORIGIN:
                origin = kept.header.epoch.to_bytes(4, "big") + bytes(kept.sealed[-TAG:])
            self._kept[seq] = self._seal(kept.header._replace(epoch=epoch, origin=origin), chunk.data)
        self._cursor = self._oldest
        self._flying = 0

    def prepare(self, body: Sequence[Buffer], *, round: int, count: int, history: bytes, at: str, kind: str) -> Sealed:
        """Seal a payload; see `Link.prepare`."""
        total, chunks = cut(body)
        if total > MAX_PAYLOAD:
            raise ResourceError(f"a payload of {total} bytes is more than one message may hold ({MAX_PAYLOAD} bytes)")
        first, tags, size = self._next, [], 0
        header = FrameHeader(
            self._session, self._epoch, first, kind, round, count, total, 0, chunks_of(total), history, at
        )
        header.check()
        for number, chunk in enumerate(chunks):
            here = header if number == 0 else header._replace(seq=first + number, chunk=number)
            kept = self._seal(here, chunk)
            self._kept[first + number] = kept
            tags.append(bytes(kept.sealed[-TAG:]))
            size += len(kept.head) + len(kept.sealed)
        self._next = first + len(tags)
        self.backlog += size
        return Sealed(first, self._next - 1, self._epoch, _digest(tags), total, size)

    def _seal(self, header: FrameHeader, chunk: bytes | memoryview) -> _Kept:
        if self._key is None:
            raise ProtocolViolation("nothing can be sent before the handshake is over")
        sealing, opening = self._key
        head = header.head()
        return _Kept(header, head, sealing.seal(header.seq, head, chunk), opening)

    def post(self, sealed: Sealed) -> None:
        """Let a prepared payload go; payloads go in the order in which they were prepared.

        Raises
        ------
        ValueError
            It was posted before, or one that was prepared earlier was not.
        """
        if sealed.seq != self._posted + 1 or sealed.last >= self._next:
            raise ValueError("payloads are posted once each, in the order in which they were prepared")
        self._posted = sealed.last

    def peek(self) -> tuple[bytes, Sealing] | None:
        """The next frame to hand to the socket, if the window has room for it."""
        if self._cursor > self._posted or self._flying >= WINDOW:
            return None
        kept = self._kept[self._cursor]
        return kept.head, kept.sealed

    def sent(self) -> None:
        """The socket has taken the frame that `peek` gave."""
        self._flying += len(self._kept[self._cursor].sealed)
        self._cursor += 1

    def acknowledge(self, seq: int) -> None:
        """The peer has all frames up to `seq`: release them.

        Raises
        ------
        ProtocolViolation
            No such frame was ever posted.
        """
        if seq > self._posted:
            raise ProtocolViolation("a peer acknowledges a frame that was never sent")
        while self._oldest <= seq:
            kept = self._kept.pop(self._oldest)
            self.backlog -= len(kept.head) + len(kept.sealed)
            if self._oldest < self._cursor:
                self._flying -= len(kept.sealed)
            self._oldest += 1
        self._cursor = max(self._cursor, self._oldest)

    def resend(self, seq: int) -> None:
        """The peer misses frames from `seq` on: send them again, byte for byte.

        Raises
        ------
        ProtocolViolation
            They were acknowledged before, or were never sent.
        """
        if not self._oldest <= seq <= self._posted:
            raise ProtocolViolation("a peer asks for frames that it has acknowledged or that were never sent")
        while self._cursor > seq:
            self._cursor -= 1
            self._flying -= len(self._kept[self._cursor].sealed)


class Arrival(enum.Enum):
    """What became of a data frame."""

    TAKEN = "taken"
    FORGED = "forged"
    """Its tag does not verify under the key in use."""
    REPEATED = "repeated"
    GAP = "gap"
    """It is authentic, but frames before it are missing."""


class Incoming:
    """The receiving direction.

    Parameters
    ----------
    session : bytes
        Session id, 16 bytes.
    """

    def __init__(self, session: bytes) -> None:
        self._session = session
        self._epoch = 0
        self._key: OpeningKey | None = None
        self._first: FrameHeader | None = None
        self._body: Bytes = np.empty(0, np.uint8)
        self._tags: list[bytes] = []
        self._wire_bytes = 0
        self._inbox: deque[Frame] = deque()
        self._waiting = 0
        self._told = 0
        self._told_bytes = 0
        self._asked = 0
        self.last = 0

    def rekey(self, epoch: int, key: bytes) -> None:
        """Go on under a new key."""
        self._epoch, self._key, self._asked = epoch, OpeningKey(key), 0

    def binds(self, head: bytes | memoryview, sealed: bytes | memoryview) -> bool:
        """Whether this is the frame of number 0 under the key in use."""
        if self._key is None or not well_sized(head, sealed) or len(sealed) != TAG or sequence(head) != 0:
            return False
        if not self._key.unseal(0, head, sealed, np.empty(0, np.uint8)):
            return False
        self._own(head)
        return True

    def accept(self, head: bytes | memoryview, sealed: bytes | memoryview) -> Arrival:
        """Take one data frame.

        Raises
        ------
        ProtocolViolation
            It is authentic and yet not what an honest peer sends.
        """
        if self._key is None or not well_sized(head, sealed):
            return Arrival.FORGED
        seq, size = sequence(head), len(sealed) - TAG
        start = len(self._tags) * CHUNK
        # Straight into its place if it is the one that is due; a forged one leaves garbage there, which the true one
        # overwrites, for the place counts as filled only when a tag has verified.
        due = seq == self.last + 1 and self._first is not None and start + size <= len(self._body)
        out = self._body[start : start + size] if due else empty((size,), np.uint8)
        if not self._key.unseal(seq, head, sealed, out):
            return Arrival.FORGED
        if seq <= self.last:
            return Arrival.REPEATED
        if seq > self.last + 1:
            return Arrival.GAP
        header = self._own(head)
        if header.chunk_bytes != size:
            raise ProtocolViolation("a frame has another size than its header says")
        if self._first is None:
            self._begin(header, out)
        elif not due or not header.continues(self._first, len(self._tags)):
            raise ProtocolViolation("a payload is interrupted by a frame that is not its next chunk")
        self.last = seq
        self._told_bytes += size
        self._tags.append(header.origin[4:] if header.origin != NO_ORIGIN else bytes(sealed[-TAG:]))
        self._wire_bytes += len(head) + len(sealed)
        if len(self._tags) == header.chunks:
            self._complete()
        return Arrival.TAKEN

    def _own(self, head: bytes | memoryview) -> FrameHeader:
        header = FrameHeader.parse(head)
        if header.session != self._session or header.epoch != self._epoch:
            raise ProtocolViolation("a frame belongs to another session or link epoch than its key")
        return header

    def _begin(self, header: FrameHeader, chunk: Bytes) -> None:
        if header.chunk != 0:
            raise ProtocolViolation("a payload does not begin with its first chunk")
        if header.chunks > 1:
            try:
                body = empty((header.total,), np.uint8)
            except MemoryError:
                raise ResourceError(f"no memory for a payload of {header.total} bytes") from None
            body[:CHUNK] = chunk
            chunk = body
        self._first, self._body = header, chunk

    def _complete(self) -> None:
        first = self._first
        assert first is not None
        epoch = first.epoch if first.origin == NO_ORIGIN else int.from_bytes(first.origin[:4], "big")
        frame = Frame(first, self._body, first.seq, self.last, epoch, _digest(self._tags), self._wire_bytes)
        self._inbox.append(frame)
        self._waiting += first.total
        self._first, self._body, self._tags, self._wire_bytes = None, np.empty(0, np.uint8), [], 0

    @property
    def ready(self) -> bool:
        """Whether a whole payload waits."""
        return bool(self._inbox)

    def pop(self) -> Frame:
        """The oldest payload that waits."""
        frame = self._inbox.popleft()
        self._waiting -= frame.header.total
        return frame

    def acknowledgement(self, *, final: bool = False) -> int | None:
        """The number to acknowledge now, or None.

        While too much waits for the application nothing is acknowledged, and the sender stops at its window. `final`:
        the peer waits for the acknowledgement of its last frame.
        """
        if not final:
            if self._waiting > INBOX:
                return None
            if self.last - self._told < ACK_FRAMES and self._told_bytes < ACK_BYTES:
                return None
        self._told, self._told_bytes = self.last, 0
        return self.last

    def missing(self) -> int | None:
        """The number to ask for after a gap; None if it was asked for already."""
        if self._asked == self.last + 1:
            return None
        self._asked = self.last + 1
        return self._asked


def _digest(tags: list[bytes]) -> bytes:
    return tags[0] if len(tags) == 1 else hashlib.blake2b(b"".join(tags), digest_size=16).digest()
