"""What crosses the network, as bytes: headers in bounded MessagePack and chunks sealed with AES-256-GCM. No I/O.

    data frame  =  head, sealed
    head        =  sequence number (8 bytes, big endian) | header (MessagePack map, at most 4 KiB)
    sealed      =  AES-256-GCM(key, nonce = sequence number, chunk, associated data = head), tag last

The sequence number stands in clear at a fixed place because it is the nonce; nothing else is looked at before the tag
verifies. A payload of any size travels as chunks of 1 MiB, the last one shorter, each with its own sequence number.

Reference   NIST SP 800-38D (deterministic nonces); each key seals in one direction only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import msgpack
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from mpcfl import buffers
from mpcfl.errors import ProtocolViolation

PROTOCOL: Final = 1
"""Version of everything in this file and of the handshake; both sides must have the same."""

CHUNK: Final = 1 << 20
MAX_PAYLOAD: Final = 1 << 36
MAX_HEADER: Final = 4096
MAX_FRAME: Final = (16 << 20) + (64 << 10)
TAG: Final = 16
NO_ORIGIN: Final = bytes(4 + TAG)

Bytes: TypeAlias = NDArray[np.uint8]
Buffer: TypeAlias = bytes | bytearray | memoryview | NDArray[Any]
Sealing: TypeAlias = bytes | memoryview
"""A sealed chunk."""
Value: TypeAlias = int | str | bytes

_SEQUENCE = struct.Struct(">Q")


def pack(header: Mapping[str, Value]) -> bytes:
    """Encode a flat map.

    Raises
    ------
    ValueError
        It breaks a bound that the other side enforces.
    """
    data: bytes = msgpack.packb(dict(header), use_bin_type=True)
    try:
        unpack(data)
    except ProtocolViolation as error:
        raise ValueError(error.reason) from None
    return data


def unpack(data: bytes | memoryview) -> dict[str, Value]:
    """Decode a flat map of at most 64 entries from at most 4 KiB.

    Raises
    ------
    ProtocolViolation
        Too large, malformed, a key twice, or a value that is neither an integer, text nor bytes.
    """
    if len(data) > MAX_HEADER:
        raise ProtocolViolation("a header is larger than 4 KiB")
    try:
        header = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            object_pairs_hook=_unique,
            max_array_len=64,
            max_map_len=64,
            max_str_len=256,
            max_bin_len=256,
            max_ext_len=0,
        )
    except (ValueError, RecursionError):  # msgpack's own errors are ValueErrors
        raise ProtocolViolation("a header is malformed") from None
    if type(header) is not dict:
        raise ProtocolViolation("a header is not a map")
    for value in header.values():
        if type(value) not in (int, str, bytes):
            raise ProtocolViolation("a header holds a value that is neither an integer, text nor bytes")
    return header


def _unique(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    items = list(pairs)
    header = dict(items)
    if len(header) != len(items) or any(type(key) is not str for key in header):
        raise ValueError
    return header


def exact(header: Mapping[str, Value], shape: Mapping[str, type]) -> None:
    """Check that a map has exactly these keys with values of exactly these types, else ProtocolViolation."""
    if header.keys() != shape.keys() or any(type(header[key]) is not kind for key, kind in shape.items()):
        raise ProtocolViolation("a message has missing, unknown or ill-typed fields")


class FrameHeader(NamedTuple):
    """The header of one sealed chunk.

    Parameters
    ----------
    session : bytes
        Session id, 16 bytes.
    epoch : int
        Link epoch: how often the link's keys were renewed.
    seq : int
        Sequence number of this chunk within the session and direction, the first is 1 (0 binds the data connection).
    kind : str
        What the payload is: "round", ...; at most 32 characters.
    round, count : int
        Number of the round, and messages merged into the payload.
    total : int
        Bytes of the whole payload.
    chunk, chunks : int
        Which chunk of how many.
    history : bytes
        Hash over the operations so far, at most 64 bytes.
    at : str
        Source line that caused the payload, at most 200 characters.
    origin : bytes
        For a chunk sealed again after a reconnect: link epoch (4 bytes) and tag of its first sealing; else zeros.
        Ledgers of both sides then name one digest, whatever happened in between.
    """

    session: bytes
    epoch: int
    seq: int
    kind: str
    round: int
    count: int  # type: ignore[assignment]  # of messages; nobody counts what is in the tuple
    total: int
    chunk: int
    chunks: int
    history: bytes
    at: str
    origin: bytes = NO_ORIGIN

    def head(self) -> bytes:
        """The clear part of the data frame, which is also the associated data."""
        header = self._asdict()
        # Fixed width: a chunk sealed again under a later epoch keeps its length.
        header["epoch"] = self.epoch.to_bytes(4, "big")
        packed: bytes = msgpack.packb(header, use_bin_type=True)
        return _SEQUENCE.pack(self.seq) + packed

    @classmethod
    def parse(cls, head: bytes | memoryview) -> FrameHeader:
        """Decode and check a head whose tag has verified.

        Raises
        ------
        ProtocolViolation
            Malformed, or a field out of its range.
        """
        header = unpack(head[_SEQUENCE.size :])
        exact(header, _SHAPE)
        epoch = header["epoch"]
        if len(epoch) != 4:  # type: ignore[arg-type]  # exact() has checked that it is bytes
            raise ProtocolViolation("a frame has a malformed epoch")
        parsed = cls(**{**header, "epoch": int.from_bytes(epoch, "big")})  # type: ignore[arg-type]  # likewise
        parsed.check()
        if parsed.seq != sequence(head):
            raise ProtocolViolation("a frame has two different sequence numbers")
        return parsed

    def check(self) -> None:
        """Raise ProtocolViolation if a field is out of its range."""
        if not (
            len(self.session) == 16
            and 0 <= self.epoch < 1 << 32
            and 0 <= self.seq < 1 << 62
            and 1 <= len(self.kind) <= 32
            and 0 <= self.round < 1 << 62
            and 0 <= self.count < 1 << 32
            and 0 <= self.total <= MAX_PAYLOAD
            and self.chunks == chunks_of(self.total)
            and 0 <= self.chunk < self.chunks
            and len(self.history) <= 64
            and len(self.at) <= 200
            and len(self.origin) == len(NO_ORIGIN)
        ):
            raise ProtocolViolation("a frame's header is out of range")

    @property
    def chunk_bytes(self) -> int:
        """Plaintext bytes of this chunk."""
        return min(CHUNK, self.total - self.chunk * CHUNK)

    def continues(self, first: FrameHeader, chunk: int) -> bool:
        """Whether this is chunk number `chunk` of the payload that `first` began."""
        return self.chunk == chunk and self._payload() == first._payload()

    def _payload(self) -> tuple[Value, ...]:
        return self.kind, self.round, self.count, self.total, self.history, self.at


_SHAPE: Mapping[str, type] = {
    "session": bytes,
    "epoch": bytes,
    "seq": int,
    "kind": str,
    "round": int,
    "count": int,
    "total": int,
    "chunk": int,
    "chunks": int,
    "history": bytes,
    "at": str,
    "origin": bytes,
}


def sequence(head: bytes | memoryview) -> int:
    """The sequence number of a head of at least 8 bytes, not yet authenticated."""
    number: int = _SEQUENCE.unpack_from(head)[0]
    return number


def well_sized(head: bytes | memoryview, sealed: bytes | memoryview) -> bool:
    """Whether two raw frames can be a data frame at all; all that may be asked before the tag verifies."""
    return _SEQUENCE.size < len(head) <= _SEQUENCE.size + MAX_HEADER and TAG <= len(sealed) <= CHUNK + TAG


def chunks_of(total: int) -> int:
    """How many chunks a payload of `total` bytes travels in; an empty one travels in one."""
    return max(1, -(-total // CHUNK))


def cut(body: Sequence[Buffer]) -> tuple[int, Iterator[bytes | memoryview]]:
    """Total bytes of the buffers laid end to end, and an iterator over their chunks.

    A chunk that lies within one buffer is a view of it, not a copy.
    """
    views = [_flat(buffer) for buffer in body]
    views = [view for view in views if len(view)]
    return sum(len(view) for view in views), _chunks(views)


def _flat(buffer: Buffer) -> memoryview:
    view = memoryview(buffer)  # type: ignore[arg-type]  # an ndarray is a buffer; before Python 3.12 no type says so
    if view.nbytes == 0:
        return memoryview(b"")
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


def _chunks(views: list[memoryview]) -> Iterator[bytes | memoryview]:
    if not views:
        yield b""
    pending: list[memoryview] = []
    size = 0
    for view in views:
        start = 0
        while start < len(view):
            piece = view[start : start + CHUNK - size]
            pending.append(piece)
            size += len(piece)
            start += len(piece)
            if size == CHUNK:
                yield _joined(pending)
                pending, size = [], 0
    if pending:
        yield _joined(pending)


def _joined(pieces: list[memoryview]) -> bytes | memoryview:
    """The pieces end to end, in memory that was used before where it is much."""
    size = sum(map(len, pieces))
    if len(pieces) == 1 or size < buffers.SMALLEST:
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    joined: memoryview = buffers.empty((size,), np.uint8).data
    start = 0
    for piece in pieces:
        joined[start : start + len(piece)] = piece
        start += len(piece)
    return joined


class SealingKey:
    """The key of one direction and link epoch. It seals strictly rising sequence numbers, so no nonce repeats."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._last = -1

    def seal(self, seq: int, head: bytes, chunk: bytes | memoryview) -> Sealing:
        """Encrypt a chunk; the tag is the last 16 bytes."""
        if seq <= self._last:
            raise ProtocolViolation("a sequence number was about to be sealed twice under one key")
        self._last = seq
        nonce = seq.to_bytes(12, "big")
        if len(chunk) < buffers.SMALLEST:
            return self._cipher.encrypt(nonce, chunk, head)
        sealed: Bytes = buffers.empty((len(chunk) + TAG,), np.uint8)
        self._cipher.encrypt_into(nonce, chunk, head, sealed.data)
        return sealed.data


class OpeningKey:
    """The same key at the receiving end."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def unseal(self, seq: int, head: bytes | memoryview, sealed: bytes | memoryview, out: Bytes) -> bool:
        """Decrypt into `out` (as long as the chunk). False, with `out` undefined, if the tag does not verify."""
        try:
            self._cipher.decrypt_into(seq.to_bytes(12, "big"), sealed, head, out.data)
        except InvalidTag:
            return False
        return True
