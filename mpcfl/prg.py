"""The one source of secret randomness: AES-256 in counter mode, keyed from the operating system's generator.

A stream has one key and one purpose. Its tensors are numbered: tensor k reads the counters k 2^64, k 2^64 + 1, ... (16
bytes each), so that no (stream, counter) serves two tensors. A number once passed is never given out as fresh again;
`again` reads the same tensor a second time, for masks that keep their name. Keys are never stored, and a forked child
finds its streams wiped.

Reference   NIST SP 800-38A (CTR).
"""

from __future__ import annotations

import hashlib
import os
import weakref
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mpcfl.errors import IntegrityError
from mpcfl.ring import Shape, Words
from mpcfl.spec import WORD

KEY_BYTES = 32
_ZEROS = memoryview(bytes(1 << 20))
_LIVE: weakref.WeakSet[Stream] = weakref.WeakSet()


def fresh_key() -> bytes:
    """A key from the operating system's generator."""
    return os.urandom(KEY_BYTES)


def derive(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose from a secret of full entropy (keyed BLAKE2b as a PRF, RFC 7693)."""
    return hashlib.blake2b(purpose.encode(), key=secret, digest_size=KEY_BYTES, person=b"mpcfl").digest()


class Stream:
    """Tensors of uniform ring words under one key.

    Parameters
    ----------
    key : bytes
        32 bytes, of no other use.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a stream's key has {KEY_BYTES} bytes, this one {len(key)}")
        self._key: bytes | None = key
        self._next = 0
        _LIVE.add(self)

    def fresh(self, number: int, shape: Shape, dtype: np.dtype[Any] = WORD) -> Words:
        """Tensor `number`, which must be above all numbers given out before, of ring words of a dtype."""
        if number < self._next:
            raise IntegrityError(f"tensor {number} of a mask stream was asked for twice; a mask is never used again")
        self._next = number + 1
        return self._expand(number, shape, dtype)

    def again(self, number: int, shape: Shape, dtype: np.dtype[Any] = WORD) -> Words:
        """Tensor `number` once more, as it was."""
        if number >= self._next:
            raise IntegrityError(f"tensor {number} of a mask stream was never drawn")
        return self._expand(number, shape, dtype)

    def pass_over(self, number: int) -> None:
        """Count all tensors below `number` as drawn, though nobody expanded them yet."""
        self._next = max(self._next, number)

    def wipe(self) -> None:
        """Forget the key: nothing can be read from this stream again."""
        self._key = None

    def _expand(self, number: int, shape: Shape, dtype: np.dtype[Any]) -> Words:
        if self._key is None:
            raise IntegrityError(
                "this process holds no mask streams any more: the job ended, or the process was forked"
            )
        counter = number.to_bytes(8, "big") + bytes(8)
        encryptor = Cipher(algorithms.AES(self._key), modes.CTR(counter)).encryptor()
        out = np.empty(shape, dtype)
        target = memoryview(out.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        for start in range(0, len(target), len(_ZEROS)):
            stop = min(start + len(_ZEROS), len(target))
            encryptor.update_into(_ZEROS[: stop - start], target[start:stop])
        return out


def _wipe_all() -> None:
    for stream in list(_LIVE):
        stream.wipe()


os.register_at_fork(after_in_child=_wipe_all)
