"""A stream of words in a file, sealed frame by frame under a key of this stream alone.

A frame is 1 MiB of the stream, the last one less, sealed with AES-256-GCM: 16 bytes more. Its number is the nonce, so a
frame that was changed, moved, left out or brought from elsewhere does not open. How long the stream is must be known
from elsewhere.
"""

from __future__ import annotations

import os
from typing import BinaryIO, Final

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from mpcfl.buffers import empty
from mpcfl.errors import IntegrityError

CHUNK: Final = 1 << 20
TAG: Final = 16


def sealed_size(size: int) -> int:
    """Bytes that a stream of `size` bytes takes in a file."""
    return size + TAG * -(-size // CHUNK)


class FrameWriter:
    """Writes a stream from where the file stands.

    Parameters
    ----------
    file : binary file
    context : bytes
        What the frames belong to: they open with it alone.

    Attributes
    ----------
    key : bytes
        Fresh, 32 bytes; it opens the stream.
    size : int
        Bytes so far, before sealing.
    """

    def __init__(self, file: BinaryIO, context: bytes) -> None:
        self.key = os.urandom(32)
        self.size = 0
        self._file = file
        self._context = context
        self._cipher = AESGCM(self.key)
        self._pending = bytearray()
        self._sealed = bytearray(CHUNK + TAG)
        self._frames = 0

    def write(self, words: NDArray[np.uint64]) -> None:
        """Append words to the stream."""
        data = memoryview(np.ascontiguousarray(words, "<u8").reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        self.size += len(data)
        while len(data):
            if not self._pending and len(data) >= CHUNK:  # straight from where it is
                self._seal(data[:CHUNK])
                data = data[CHUNK:]
                continue
            piece = data[: CHUNK - len(self._pending)]
            self._pending += piece
            data = data[len(piece) :]
            if len(self._pending) == CHUNK:
                self.close()

    def close(self) -> None:
        """Write what is left; nothing may follow."""
        if self._pending:
            self._seal(memoryview(self._pending))
            self._pending = bytearray()

    def _seal(self, chunk: memoryview) -> None:
        sealed = memoryview(self._sealed)[: len(chunk) + TAG]
        self._cipher.encrypt_into(_nonce(self._frames), chunk, self._context, sealed)
        self._frames += 1
        self._file.write(sealed)


class FrameReader:
    """Reads a stream from where the file stands.

    Parameters
    ----------
    file : unbuffered binary file
    context, key : bytes
        As of its writer.
    size : int
        Bytes in all, before sealing.
    """

    def __init__(self, file: BinaryIO, context: bytes, key: bytes, size: int) -> None:
        self._file = file
        self._context = context
        self._cipher = AESGCM(key)
        self._left = size
        self._frames = 0
        self._sealed = bytearray(CHUNK + TAG)
        self._chunk = bytearray(CHUNK)
        self._rest = memoryview(b"")

    def words(self, count: int) -> NDArray[np.uint64]:
        """The next words, in an array of their own.

        Raises
        ------
        IntegrityError
            The next frame does not open, or there is none.
        """
        out = empty((count,), "<u8")
        target = memoryview(out.view(np.uint8))  # type: ignore[arg-type]
        while len(target):
            size = min(CHUNK, self._left)
            if not self._rest and len(target) >= size > 0:  # straight to where it belongs
                self._open(target[:size])
                target = target[size:]
                continue
            part = self._next(len(target))
            target[: len(part)] = part
            target = target[len(part) :]
        return out.astype(np.uint64, copy=False)

    def some(self, count: int) -> NDArray[np.uint64]:
        """The next words as far as one frame has them, at most `count`; they stay until more is read.

        Raises
        ------
        IntegrityError
            The next frame does not open, or there is none.
        """
        return np.frombuffer(self._next(8 * count), "<u8").astype(np.uint64, copy=False)

    def _next(self, size: int) -> memoryview:
        """The next bytes as far as one frame has them, at most `size`."""
        if not self._rest:
            rest = memoryview(self._chunk)[: min(CHUNK, self._left)]
            self._open(rest)
            self._rest = rest
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def _open(self, out: memoryview) -> None:
        sealed = memoryview(self._sealed)[: len(out) + TAG]
        try:
            if not out or self._file.readinto(sealed) != len(sealed):  # type: ignore[attr-defined]
                raise InvalidTag
            self._cipher.decrypt_into(_nonce(self._frames), sealed, self._context, out)
        except InvalidTag:
            raise IntegrityError(f"frame {self._frames} does not open") from None
        self._frames += 1
        self._left -= len(out)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
