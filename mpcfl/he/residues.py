"""Numbers modulo one odd number, many at once: products and powers, in the way that is fastest on this processor.

Numbers are taken, computed with while they are held, and given back. Where the processor multiplies 52-bit lanes, held
numbers are Montgomery residues in rows of digits, and eight are multiplied side by side; elsewhere they are GMP's. Both
give the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from mpcfl import threads
from mpcfl.kernels import processor

LANES = processor.has(*processor.LARGE_MULTIPLY)
if LANES:
    from mpcfl.kernels import montgomery

Held: TypeAlias = NDArray[Any]
"""Numbers that are computed with, one to each place of the first axis."""
Places: TypeAlias = NDArray[np.int64]
DIGIT = 52
PART = 64
"""Fewer numbers than this are not worth a thread."""


class Residues:
    """Arithmetic modulo a number by GMP.

    Parameters
    ----------
    modulus : mpz
        Odd.
    """

    def __init__(self, modulus: mpz) -> None:
        self.modulus = mpz(modulus)

    @property
    def size(self) -> int:
        """Bytes of a held number."""
        return int(self.modulus.bit_length()) // 8

    def take(self, numbers: Sequence[mpz]) -> Held:
        """Numbers from 0 to the modulus less one, to compute with."""
        held = np.empty(len(numbers), object)
        held[:] = numbers
        return held

    def give(self, held: Held) -> list[mpz]:
        """The numbers that are held."""
        return list(held)

    def products(self, held: Held, places: Places) -> Held:
        """The products of the numbers at places (k, m): k numbers."""
        modulus = self.modulus
        result = np.empty(len(places), object)
        for i, row in enumerate(places.tolist()):
            total = held[row[0]]
            for place in row[1:]:
                total = total * held[place] % modulus
            result[i] = total
        return result

    def power(self, held: Held, exponent: int) -> Held:
        """Every number to one power, at least 0; the time taken tells of the exponent's length."""
        if not len(held):
            return held
        modulus = self.modulus

        def part(start: int, stop: int, out: Held) -> None:
            out[:] = gmpy2.powmod_base_list(list(held[start:stop]), exponent, modulus)

        return _in_parts(part, np.empty(len(held), object))

    def doubled(self, held: Held, times: int) -> Held:
        """Every number squared so many times."""
        return self.power(held, 1 << times)


class LaneResidues(Residues):
    """The same by 52-bit lanes."""

    def __init__(self, modulus: mpz) -> None:
        super().__init__(modulus)
        bits = self.modulus.bit_length() + 2  # R is above 4 times the modulus
        step = DIGIT * montgomery.STEP
        self._limbs: int = -(-int(bits) // step) * montgomery.STEP
        self._factor = int(-gmpy2.invert(self.modulus, 1 << DIGIT) % (1 << DIGIT))
        radix = mpz(1) << DIGIT * self._limbs
        self._digits = self._cut([self.modulus])[0]
        self._one = self._cut([radix % self.modulus])
        self._square = self._cut([radix * radix % self.modulus])
        self._unit = self._cut([mpz(1)])

    @property
    def size(self) -> int:
        return 8 * self._limbs

    def take(self, numbers: Sequence[mpz]) -> Held:
        return self._times(self._cut(numbers), self._square)

    def give(self, held: Held) -> list[mpz]:
        rows = np.zeros((len(held), self._limbs // 2, 2, 8), np.uint8)
        pairs = self._times(held, self._unit).reshape(len(held), self._limbs // 2, 2)
        pairs[:, :, 1] <<= np.uint64(4)
        rows.view(np.uint64)[..., 0] = pairs
        octets = np.zeros((len(held), self._limbs // 2, 13), np.uint8)
        octets[:, :, :7] = rows[:, :, 0, :7]
        octets[:, :, 6:] |= rows[:, :, 1, :7]
        modulus = self.modulus
        numbers = [mpz.from_bytes(row.tobytes(), "little") for row in octets.reshape(len(held), self._limbs // 2 * 13)]
        return [one - modulus if one >= modulus else one for one in numbers]

    def products(self, held: Held, places: Places) -> Held:
        places = np.ascontiguousarray(places, np.int64)

        def part(start: int, stop: int, out: Held) -> None:
            montgomery.products(held, places[start:stop], self._digits, self._factor, self._room(), out)

        return _in_parts(part, self._blank(len(places)))

    def power(self, held: Held, exponent: int) -> Held:
        window = montgomery.WINDOW
        count = max(1, -(-int(exponent).bit_length() // window))
        digits = np.array([exponent >> window * i & (1 << window) - 1 for i in reversed(range(count))], np.int64)

        def part(start: int, stop: int, out: Held) -> None:
            one = self._one[0]
            montgomery.power(held[start:stop], one, digits, self._digits, self._factor, self._room(), out)

        return _in_parts(part, self._blank(len(held)))

    def doubled(self, held: Held, times: int) -> Held:
        def part(start: int, stop: int, out: Held) -> None:
            montgomery.squared(held[start:stop], times, self._digits, self._factor, self._room(), out)

        return _in_parts(part, self._blank(len(held)))

    def _times(self, rows: Held, constant: Held) -> Held:
        """Rows of digits times one, over R."""
        places = np.stack([np.arange(len(rows)), np.full(len(rows), len(rows))], axis=1)
        return self.products(np.concatenate([rows, constant]), places)

    def _cut(self, numbers: Sequence[mpz]) -> Held:
        """Numbers as rows of 52-bit digits, two to 13 bytes."""
        size = self._limbs // 2 * 13
        data = b"".join([one.to_bytes(size, "little") for one in numbers])
        octets = np.frombuffer(data, np.uint8).reshape(len(numbers), self._limbs // 2, 13)
        rows = np.zeros((len(numbers), self._limbs // 2, 2, 8), np.uint8)
        rows[:, :, 0, :7], rows[:, :, 1, :7] = octets[:, :, :7], octets[:, :, 6:]
        pairs = rows.view(np.uint64)[..., 0]
        pairs[:, :, 0] &= np.uint64((1 << DIGIT) - 1)
        pairs[:, :, 1] >>= np.uint64(4)
        return pairs.reshape(len(numbers), self._limbs)

    def _blank(self, count: int) -> Held:
        return np.empty((count, self._limbs), np.uint64)

    def _room(self) -> Held:
        """Memory for a kernel, from the beginning of a cache line on."""
        words = montgomery.SLOTS * (self._limbs + 2) * montgomery.LANES
        room = np.empty(words + 8, np.uint64)
        start = -room.ctypes.data // 8 % 8
        return room[start : start + words]


def residues(modulus: mpz) -> Residues:
    """Arithmetic modulo an odd number."""
    return LaneResidues(modulus) if LANES else Residues(modulus)


def _in_parts(part: Callable[[int, int, Held], None], out: Held) -> Held:
    """Fill `out` part by part, in as many threads as `mpcfl.threads` says: what `part` calls lets others run."""
    count = min(threads.count(), len(out) // PART)
    if count < 2:
        part(0, len(out), out)
        return out
    step = -(-len(out) // count)
    step += -step % 8
    with ThreadPoolExecutor(count, "residues") as pool:
        list(pool.map(lambda at: part(at, min(at + step, len(out)), out[at : at + step]), range(0, len(out), step)))
    return out
