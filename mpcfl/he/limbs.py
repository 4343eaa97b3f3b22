"""Large numbers as rows of 64-bit words, the lowest first: how they cross a link."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray


def to_words(numbers: Sequence[mpz], limbs: int) -> NDArray[np.uint64]:
    """Numbers as words, shape (numbers, limbs)."""
    data = b"".join(int(number).to_bytes(8 * limbs, "little") for number in numbers)
    return np.frombuffer(data, "<u8").reshape(len(numbers), limbs).astype(np.uint64)


def from_words(words: NDArray[np.uint64]) -> list[mpz]:
    """The numbers of `to_words`."""
    rows = np.ascontiguousarray(words, "<u8")
    return [mpz(int.from_bytes(row.tobytes(), "little")) for row in rows]


def stamp(
    fingerprint: int, shape: tuple[int, ...], fraction: int, bound: int, dtype: np.dtype[Any]
) -> NDArray[np.uint64]:
    """A word that stands for what both sides must know of an array besides its ciphertexts."""
    said = repr((fingerprint, shape, fraction, bound, dtype.kind)).encode()
    digest = hashlib.blake2b(said, digest_size=8, person=b"he array").digest()
    return np.frombuffer(digest, "<u8").astype(np.uint64)
