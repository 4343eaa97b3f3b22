"""The key schedule of AES-256 (FIPS 197, section 5.2), for kernels that encrypt by themselves."""

import numpy as np
from numpy.typing import NDArray

KEY_WORDS, SCHEDULE_WORDS = 8, 60


def _times_x(a: int) -> int:
    """a x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    return (a << 1) ^ (0x11B if a & 0x80 else 0)


def _substitution() -> bytes:
    """The S-box: the inverse in GF(2^8), then the affine map."""
    powers = [1]  # of the generator x + 1
    for _ in range(254):
        powers.append(powers[-1] ^ _times_x(powers[-1]))
    inverse = {a: powers[-i % 255] for i, a in enumerate(powers)}
    box = []
    for a in range(256):
        b = inverse.get(a, 0)
        box.append(0x63 ^ b ^ _rotated(b, 1) ^ _rotated(b, 2) ^ _rotated(b, 3) ^ _rotated(b, 4))
    return bytes(box)


def _rotated(b: int, by: int) -> int:
    return (b << by | b >> 8 - by) & 0xFF


SUBSTITUTION = _substitution()


def round_keys(key: bytes) -> NDArray[np.uint64]:
    """The 15 round keys of a key of 32 bytes, as they lie in memory: 30 words."""
    if len(key) != 4 * KEY_WORDS:
        raise ValueError(f"a key of AES-256 has 32 bytes, this one {len(key)}")
    words = [key[4 * i : 4 * i + 4] for i in range(KEY_WORDS)]
    constant = 1
    for i in range(KEY_WORDS, SCHEDULE_WORDS):
        last = words[-1]
        if i % KEY_WORDS == 0:
            last = (last[1:] + last[:1]).translate(SUBSTITUTION)
            last = bytes([last[0] ^ constant]) + last[1:]
            constant = _times_x(constant)
        elif i % KEY_WORDS == 4:
            last = last.translate(SUBSTITUTION)
        words.append(bytes(a ^ b for a, b in zip(words[i - KEY_WORDS], last, strict=True)))
    return np.frombuffer(b"".join(words), np.uint64)
