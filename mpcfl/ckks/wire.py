"""How CKKS arrays and keys cross a link: as many 64-bit words as their shape says, whatever is in them.

SEAL writes ciphertexts compressed, to sizes that differ by a few bytes from one to the next. What is sent is padded to
a size that follows from the primes: by how many bytes of a residue are random, half random and zero, an entropy coder
of bytes gets to the entropy of a byte of them, to which a margin is added.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.ckks.parameters import Parameters
from mpcfl.errors import IntegrityError, ResourceError

HEAD_BYTES = 512
"""Of what SEAL writes besides residues, at most; also the seed of a ciphertext."""


def residue_bytes(bits: int) -> float:
    """Bytes that a residue of a prime takes, at most."""
    parts = [(bits // 8, 256), (1, 1 << (bits % 8)), (8 - bits // 8 - 1, 1)]  # bytes of so many equally likely values
    likely = np.zeros(256)
    for count, values in parts:
        likely[:values] += count / 8 / values
    seen = likely[likely > 0]
    return min(8.05, float(-(seen * np.log2(seen)).sum()) + 0.25)


def ciphertext_bytes(of: Parameters, primes: Sequence[int], halves: int) -> int:
    """Of a ciphertext of primes of so many bits: 2 halves, or 1 and a seed."""
    return HEAD_BYTES + math.ceil(of.degree * halves * sum(residue_bytes(bits) for bits in primes))


def array_words(of: Parameters, level: int, cells: int, seeded: bool) -> int:
    """Words of so many ciphertexts, stamp and lengths included."""
    return 1 + cells * (1 + -(-ciphertext_bytes(of, of.bits[: of.kept(level)], 1 if seeded else 2) // 8))


def key_words(of: Parameters, rotations: int, products: bool) -> int:
    """Words of a public key, lengths included."""
    digits, seeded = len(of.bits) - 1, ciphertext_bytes(of, of.bits, 1)
    # in a list of rotations SEAL keeps a place for every one, used or not
    size = ciphertext_bytes(of, of.bits, 2) + (rotations + products) * digits * seeded + 8 * of.degree * (rotations > 0)
    return 3 + -(-size // 8)


def to_words(parts: Sequence[bytes], words: int) -> NDArray[np.uint64]:
    """Parts, each after its length, padded to so many words.

    Raises
    ------
    ResourceError
        They are longer: the entropy coder did worse than ever seen.
    """
    found = b"".join(len(part).to_bytes(8, "little") + part + bytes(-len(part) % 8) for part in parts)
    if len(found) > 8 * words:
        raise ResourceError("ciphertexts or keys are longer than the room for them")
    return np.frombuffer(found + bytes(8 * words - len(found)), "<u8").astype(np.uint64)


def from_words(words: NDArray[np.uint64], count: int) -> list[bytes]:
    """The parts of `to_words`.

    Raises
    ------
    IntegrityError
        Their lengths are none.
    """
    data, parts, at = np.ascontiguousarray(words, "<u8").tobytes(), [], 0
    for _ in range(count):
        size = int.from_bytes(data[at : at + 8], "little")
        if at + 8 > len(data) or size > len(data) - at - 8:
            raise IntegrityError("ciphertexts or keys of another size than told have come")
        parts.append(data[at + 8 : at + 8 + size])
        at += 8 + size + -size % 8
    return parts


def stamp(fingerprint: int, *said: Any) -> int:
    """A word that stands for what both sides must know of an array besides its ciphertexts."""
    digest = hashlib.blake2b(repr((fingerprint, *said)).encode(), digest_size=8, person=b"ckks array").digest()
    return int.from_bytes(digest, "little")
