"""The key stream of AES-256 in counter mode, written into ring words or combined with them.

On processors with vector AES a kernel makes it, elsewhere OpenSSL: byte for byte the same.

Reference   NIST SP 800-38A (CTR).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from mpcfl import threads
from mpcfl.kernels import aes, processor
from mpcfl.ring import Words

VECTOR = processor.has(*processor.VECTOR_AES)
if VECTOR:
    from mpcfl.kernels import vaes

STORE, ADD, SUBTRACT, XOR = range(4)
"""What becomes of a word and the key stream: replaced by it, plus, minus, exclusive or."""
TILE = 1 << 16
"""Words that OpenSSL makes at a time."""

_STEPS: dict[int, Callable[[Words, Words, Words], object]] = {
    ADD: np.add,
    SUBTRACT: np.subtract,
    XOR: np.bitwise_xor,
}
_ZEROS = memoryview(bytes(8 * TILE))

KEY_BYTES = 32


class Key:
    """A key of AES-256, ready for use."""

    __slots__ = ("key", "schedule")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.schedule = aes.round_keys(key)


def expand(keys: Sequence[Key], number: int, out: Words, first: int = STORE, rest: int = ADD, start: int = 0) -> None:
    """Combine `out` with the key streams of some keys.

    Parameters
    ----------
    keys : sequence of Key
    number : int
        Upper half of the counters, 64 bits.
    out : Words, contiguous
    first, rest : int
        `STORE`, `ADD`, `SUBTRACT` or `XOR`, for the first key and for all others.
    start : int
        How many words of the key stream come before those of `out`.
    """
    flat = out.reshape(-1)
    if start & 1 and flat.size:  # in the middle of a block
        pair = np.array([0, flat[0]], np.uint64)
        expand(keys, number, pair, first, rest, start - 1)
        flat[0] = pair[1]
        flat, start = flat[1:], start + 1
    if VECTOR:
        schedules = keys[0].schedule[None] if len(keys) == 1 else np.stack([one.schedule for one in keys])
        threads.across(flat.size, lambda i, j: vaes.expand(schedules, number, start + i >> 1, flat[i:j], first, rest))
        return
    for place, one in enumerate(keys):
        _by_openssl(one.key, number, start >> 1, flat, first if place == 0 else rest)


def _by_openssl(key: bytes, number: int, block: int, out: Words, mode: int) -> None:
    counter = number.to_bytes(8, "big") + block.to_bytes(8, "big")
    encryptor = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    stream = np.empty(min(TILE, out.size), np.uint64)
    for begin in range(0, out.size, TILE):
        tile = out[begin : begin + TILE]
        target = tile if mode == STORE else stream[: tile.size]
        encryptor.update_into(_ZEROS[: tile.nbytes], target.view(np.uint8).data)
        if mode != STORE:
            _STEPS[mode](tile, target, tile)
