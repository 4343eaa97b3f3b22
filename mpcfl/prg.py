"""The one source of secret randomness: AES-256 in counter mode, keyed from the operating system's generator.

A stream has one key and one purpose. Its tensors are numbered: tensor k reads the counters k 2^64, k 2^64 + 1, ... (16
bytes each), so that no (stream, counter) serves two tensors. A number once passed is never given out as fresh again;
only `combine` and `less` read a tensor a second time, for masks that keep their name. Keys are never stored, and a
forked child finds its streams wiped.

Reference   NIST SP 800-38A (CTR).
"""

from __future__ import annotations

import functools
import hashlib
import os
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from mpcfl import buffers, keystream, ring
from mpcfl.errors import IntegrityError
from mpcfl.keystream import ADD, KEY_BYTES, STORE, SUBTRACT, XOR, Key
from mpcfl.ring import Shape, Words
from mpcfl.spec import WORD

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
        self._key: Key | None = Key(key)
        self._next = 0
        _LIVE.add(self)

    def fresh(self, number: int, shape: Shape, dtype: np.dtype[Any] = WORD) -> Words:
        """Tensor `number`, which must be above all numbers given out before, of ring words of a dtype."""
        return _expanded(self._drawn(number), number, shape, dtype)

    def claim(self, first: int, stop: int) -> None:
        """Count the tensors from `first` up to `stop` as drawn now; their words are then read in any order."""
        self._require(first)
        self._next = stop

    def wipe(self) -> None:
        """Forget the key: nothing can be read from this stream again."""
        self._key = None

    def _drawn(self, number: int) -> Key:
        """The key, for a tensor that is drawn now."""
        self._require(number)
        self._next = number + 1
        return self._held()

    def _require(self, number: int) -> None:
        if number < self._next:
            raise IntegrityError(f"tensor {number} of a mask stream was asked for twice; a mask is never used again")

    def _known(self, number: int) -> Key:
        """The key, for a tensor that was drawn before."""
        if number >= self._next:
            raise IntegrityError(f"tensor {number} of a mask stream was never drawn")
        return self._held()

    def _held(self) -> Key:
        if self._key is None:
            raise IntegrityError(
                "this process holds no mask streams any more: the job ended, or the process was forked"
            )
        return self._key


def combine(
    out: Words, streams: Sequence[Stream], number: int, group: str, start: int = 0, minus: Sequence[Stream] = ()
) -> Words:
    """Set `out` to what tensor `number` of several streams shares: their sum, for `group` "bits" their exclusive or.

    Parameters
    ----------
    out : Words, contiguous
    streams : sequence of Stream
    number : int
        Of a tensor that was drawn.
    group : str
        As of a field of a correlation.
    start : int
        64-bit words of the tensor before those of `out`.
    minus : sequence of Stream
        Whose words are taken from the sum.
    """
    keys, less = ([stream._known(number) for stream in those] for those in (streams, minus))
    if group == "wide":  # limbs carry: each stream by itself
        plus, taken = ((_expanded(key, number, out.shape, out.dtype, start) for key in those) for those in (keys, less))
        out[...] = functools.reduce(ring.subtract, taken, functools.reduce(ring.add, plus, ring.zeros(out.shape, 128)))
        return out
    if len(keys) == 1:  # in one pass
        keystream.expand([*keys, *less], number, out, STORE, SUBTRACT, start)
        return out
    if keys:
        keystream.expand(keys, number, out, STORE, XOR if group == "bits" else ADD, start)
    else:
        out[...] = 0
    if less:
        keystream.expand(less, number, out, SUBTRACT, SUBTRACT, start)
    return out


def less(value: Words, streams: Sequence[Stream], number: int, group: str, start: int = 0) -> None:
    """Take the shares that tensor `number` of several streams gives from `value`, in its place; see `combine`."""
    keys = [stream._known(number) for stream in streams]
    if group == "wide":
        for key in keys:
            value[...] = ring.subtract(value, _expanded(key, number, value.shape, value.dtype, start))
        return
    step = XOR if group == "bits" else SUBTRACT
    keystream.expand(keys, number, value, step, step, start)


def _expanded(key: Key, number: int, shape: Shape, dtype: np.dtype[Any], start: int = 0) -> Words:
    out: Words = buffers.empty(shape, dtype)
    keystream.expand([key], number, out.reshape(-1).view(np.uint64), start=start)
    return out


def _wipe_all() -> None:
    for stream in list(_LIVE):
        stream.wipe()


os.register_at_fork(after_in_child=_wipe_all)
