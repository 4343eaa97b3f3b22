"""Modular powers of large numbers in bulk: of a fixed base, and products of powers.

Products of powers serve matrix products with plain numbers: row i of the result is the product over k of
bases[k]^exponents[i, k]. All rows share one table of small powers of each base (Straus). Where an exponent is negative,
2^b is added to all, and the product of all bases to the power of -2^b makes up for it.

How long these take does not depend on exponents, but for the longest one of a matrix and for whether any is negative;
which memory is read does: nothing here hides exponents from who can watch this process' caches.

Reference   Straus, American Mathematical Monthly 71 (1964); Brickell, Gordon, McCurley and Wilson, EUROCRYPT 1992
            (fixed base windows).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from mpcfl.he.residues import Held, Residues, residues

TABLE_BYTES = 1 << 26
"""The tables of a product of powers: bases go in runs whose tables take no more."""
PLACES = 1 << 21
"""Factors that are looked up at once."""
LARGEST_WINDOW = 12
OCTET = 256


class FixedBase:
    """Powers of one base to random exponents, by a table of its powers to 256^i j for all bytes j.

    Parameters
    ----------
    base, modulus : mpz
    """

    def __init__(self, base: mpz, modulus: mpz) -> None:
        self._residues = residues(modulus)
        self._next = self._residues.take([base])
        self._table = self._next[:0]

    def power(self, exponents: NDArray[np.uint8]) -> list[mpz]:
        """The base to the power of little-endian numbers, shape (count, bytes)."""
        count, size = exponents.shape
        self._extend(size)
        places = exponents + OCTET * np.arange(size)
        height = max(1, PLACES // size)
        made: list[mpz] = []
        for start in range(0, count, height):
            made += self._residues.give(self._residues.products(self._table, places[start : start + height]))
        return made

    def random_powers(self, count: int, size: int) -> list[mpz]:
        """Powers to so many uniform exponents of `size` bytes from the operating system's generator."""
        return self.power(np.frombuffer(os.urandom(count * size), np.uint8).reshape(count, size))

    def _extend(self, rows: int) -> None:
        bases = []
        for _ in range(len(self._table) // OCTET, rows):
            bases.append(self._next)
            self._next = self._residues.doubled(self._next, 8)
        if bases:
            self._table = np.concatenate([self._table, small_powers(self._residues, np.concatenate(bases), OCTET)])


def small_powers(within: Residues, bases: Held, count: int) -> Held:
    """Powers 0 to count - 1 of every base, count to a base."""
    k = len(bases)
    table = np.concatenate([np.repeat(within.take([mpz(1)]), k, axis=0), bases])  # power by power
    known = 1
    while known < count - 1:
        more = min(known, count - 1 - known)
        highest = np.tile(known * k + np.arange(k), more)
        table = np.concatenate(
            [table, within.products(table, np.stack([highest, np.arange(k, (more + 1) * k)], axis=1))]
        )
        known += more
    return np.swapaxes(table.reshape(-1, k, *table.shape[1:]), 0, 1).reshape(-1, *table.shape[1:])[: k * count]


def inverses(within: Residues, held: Held) -> Held:
    """The inverses of invertible numbers: one inversion and three products each, by a tree of products.

    Raises
    ------
    ZeroDivisionError
        One of them has none.
    """
    levels = [held]
    while len(levels[-1]) > 1:
        below = levels[-1]
        whole = len(below) // 2 * 2
        above = within.products(below, np.arange(whole).reshape(-1, 2))
        levels.append(np.concatenate([above, below[whole:]]))
    made = within.take([gmpy2.invert(one, within.modulus) for one in within.give(levels.pop())])
    for below in reversed(levels):
        whole = len(below) // 2 * 2
        place = np.arange(whole)
        pairs = np.stack([len(below) + place // 2, place ^ 1], axis=1)
        made = np.concatenate([within.products(np.concatenate([below, made]), pairs), made[whole // 2 :]])
    return made


def scaled(within: Residues, bases: Sequence[mpz], exponents: NDArray[Any]) -> list[mpz]:
    """Every base to a power of its own, of any integer.

    Parameters
    ----------
    within : Residues
    bases : sequence of mpz, length k
        Invertible.
    exponents : ndarray of int, shape (k,)
        Python's integers (dtype object).
    """
    held, below = within.take(bases), np.array(exponents < 0, bool)
    if below.any():
        held[below] = inverses(within, held[below])
    sizes = np.abs(exponents)
    length = int(sizes.max(initial=0)).bit_length()
    window = min(range(1, LARGEST_WINDOW + 1), key=lambda w: (1 << w) + -(-length // w))
    height = max(1, TABLE_BYTES // (within.size << window))
    made: list[mpz] = []
    for start in range(0, len(bases), height):
        part, size = held[start : start + height], sizes[start : start + height]
        table, first = small_powers(within, part, 1 << window), np.arange(len(part)) << window
        places = [
            first + (size >> window * place & (1 << window) - 1).astype(np.int64)
            for place in reversed(range(max(1, -(-length // window))))
        ]
        total = table[places[0]]
        for place in places[1:]:
            total = _times(within, within.doubled(total, window), table[place])
        made += within.give(total)
    return made


def products_of_powers(bases: Sequence[mpz], exponents: NDArray[np.int64], within: Residues) -> list[mpz]:
    """For each row of exponents the product of all bases to its powers.

    Parameters
    ----------
    bases : sequence of mpz, length k
        Invertible.
    exponents : int64, shape (rows, k)
    within : Residues
    """
    rows, count = exponents.shape
    least, most = int(exponents.min(initial=0)), int(exponents.max(initial=0))
    bits = max(most.bit_length(), (-least - 1).bit_length() if least else 0)
    if not rows or least == most == 0:
        return [mpz(1)] * rows
    digits = exponents.view(np.uint64)
    if least:
        digits = digits + np.uint64(1 << bits)
    length = bits + (least < 0)
    window = min(range(1, LARGEST_WINDOW + 1), key=lambda w: (1 << w) + rows * -(-length // w))
    run = max(16, TABLE_BYTES // (within.size << window))
    total = None
    for start in range(0, count, run):
        held = within.take(bases[start : start + run])
        part = _run(within, held, digits[:, start : start + run], window, length)
        if least:
            part = _times(within, part, within.take([_made_up(within, held, bits)]))
        total = part if total is None else _times(within, total, part)
    assert total is not None
    return within.give(total)


def _run(within: Residues, bases: Held, exponents: NDArray[np.uint64], window: int, length: int) -> Held:
    """Products of powers of bases whose table fits, of exponents of so many bits."""
    table = small_powers(within, bases, 1 << window)
    rows, k = exponents.shape
    first = np.arange(k) << window
    height = max(1, PLACES // k)
    blocks = []
    for start in range(0, rows, height):
        total = None
        for place in reversed(range(-(-length // window))):
            digit = exponents[start : start + height] >> np.uint64(window * place) & np.uint64((1 << window) - 1)
            factor = within.products(table, first + digit.astype(np.int64))
            total = factor if total is None else _times(within, within.doubled(total, window), factor)
        assert total is not None
        blocks.append(total)
    return np.concatenate(blocks)


def _made_up(within: Residues, bases: Held, bits: int) -> mpz:
    """The product of all bases to the power of -2^bits."""
    together = within.products(bases, np.arange(len(bases))[None])
    return gmpy2.invert(within.give(within.doubled(together, bits))[0], within.modulus)


def _times(within: Residues, left: Held, right: Held) -> Held:
    """Products one by one, or all with a single one."""
    places = np.arange(len(left))
    others = len(left) + (places if len(right) == len(left) else np.zeros_like(places))
    return within.products(np.concatenate([left, right]), np.stack([places, others], axis=1))
