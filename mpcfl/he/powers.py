"""Modular powers of large numbers in bulk: of a fixed base, with a common exponent, and products of powers.

Products of powers serve matrix products with plain numbers: row i of the result is the product over k of
bases[k]^exponents[i, k]. All rows share one table of small powers of each base (Straus), exponents are cut into signed
digits, and factors with a negative digit are gathered apart and inverted once a row.

How long these take depends on the exponents: nothing here hides them from who can time this process.

Reference   Straus, American Mathematical Monthly 71 (1964); Brickell, Gordon, McCurley and Wilson, EUROCRYPT 1992
            (fixed base windows).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from mpcfl import threads

TABLE_BYTES = 1 << 26
"""The tables of a product of powers: bases go in runs whose tables take no more."""
LARGEST_WINDOW = 12


class FixedBase:
    """Powers of one base to random exponents, by a table of its powers to 256^i j for all bytes j.

    Parameters
    ----------
    base, modulus : mpz
    """

    def __init__(self, base: mpz, modulus: mpz) -> None:
        self._modulus = modulus
        self._table: list[list[mpz]] = []
        self._next = base

    def power(self, exponent: bytes) -> mpz:
        """The base to the power of a little-endian number."""
        self._extend(len(exponent))
        modulus, result = self._modulus, mpz(1)
        for row, digit in zip(self._table, exponent, strict=False):
            result = result * row[digit] % modulus
        return result

    def random_powers(self, count: int, size: int) -> list[mpz]:
        """Powers to so many uniform exponents of `size` bytes from the operating system's generator."""
        return [self.power(os.urandom(size)) for _ in range(count)]

    def _extend(self, rows: int) -> None:
        while len(self._table) < rows:
            row = [mpz(1), self._next]
            while len(row) < 256:
                row.append(row[-1] * self._next % self._modulus)
            self._next = row[-1] * self._next % self._modulus
            self._table.append(row)


def powers(bases: Sequence[mpz], exponent: mpz, modulus: mpz) -> list[mpz]:
    """Every base to one power, by as many threads as `mpcfl.threads` says."""

    def part(some: Sequence[mpz]) -> list[mpz]:
        return list(gmpy2.powmod_base_list(list(some), exponent, modulus)) if some else []

    return _in_threads(part, bases)


def _in_threads(part: Callable[[Sequence[mpz]], list[mpz]], all_: Sequence[mpz]) -> list[mpz]:
    """The parts' results, one after the other; what `part` calls releases the interpreter."""
    count = min(threads.count(), len(all_))
    if count < 2:
        return part(all_)
    step = -(-len(all_) // count)
    with ThreadPoolExecutor(count, "powers") as pool:
        made = pool.map(part, [all_[start : start + step] for start in range(0, len(all_), step)])
        return [value for values in made for value in values]


def scaled(base: mpz, exponent: int, modulus: mpz) -> mpz:
    """One base to the power of any integer."""
    if exponent < 0:
        return gmpy2.powmod(gmpy2.invert(base, modulus), -exponent, modulus)
    return gmpy2.powmod(base, exponent, modulus)


def products_of_powers(bases: Sequence[mpz], exponents: NDArray[np.int64], modulus: mpz) -> list[mpz]:
    """For each row of exponents the product of all bases to its powers.

    Parameters
    ----------
    bases : sequence of mpz, length k
        Invertible.
    exponents : int64, shape (rows, k)
    modulus : mpz
    """
    rows, count = exponents.shape
    bits = int(np.abs(exponents).view(np.uint64).max(initial=0)).bit_length()
    if not bits or not rows:
        return [mpz(1)] * rows
    window = min(range(1, LARGEST_WINDOW + 1), key=lambda w: (1 << (w - 1)) + rows * -(-(bits + 1) // w))
    run = max(16, TABLE_BYTES // (modulus.num_digits(2) // 8 << (window - 1)))
    result = [mpz(1)] * rows
    for start in range(0, count, run):
        tables = [_table(base, window, modulus) for base in bases[start : start + run]]
        digits = _digits(exponents[:, start : start + run], window, bits)
        for row in range(rows):
            result[row] = result[row] * _row(tables, digits[row], window, modulus) % modulus
    return result


def _table(base: mpz, window: int, modulus: mpz) -> list[mpz]:
    """Powers of a base from 0 to 2^(window - 1)."""
    table = [mpz(1), base]
    while len(table) <= 1 << (window - 1):
        table.append(table[-1] * base % modulus)
    return table


def _digits(exponents: NDArray[np.int64], window: int, bits: int) -> NDArray[np.int16]:
    """Signed digits to base 2^window, shape (rows, digits, k), the highest first, each in [-2^(w-1), 2^(w-1)]."""
    left, sign = np.abs(exponents).view(np.uint64), np.sign(exponents)  # the absolute value of -2^63 as well
    low_bits, places = np.uint64((1 << window) - 1), bits // window + 1
    digits = np.empty((len(exponents), places, exponents.shape[1]), np.int16)
    for place in reversed(range(places)):
        low = (left & low_bits).astype(np.int64)
        carry = low > 1 << (window - 1)
        digits[:, place] = np.where(carry, low - (1 << window), low) * sign
        left = (left >> np.uint64(window)) + carry
    return digits


def _row(tables: Sequence[Sequence[mpz]], digits: NDArray[np.int16], window: int, modulus: mpz) -> mpz:
    plus = minus = mpz(1)
    squared = 1 << window
    for place in digits:
        if plus != 1:
            plus = gmpy2.powmod(plus, squared, modulus)
        if minus != 1:
            minus = gmpy2.powmod(minus, squared, modulus)
        for k in np.flatnonzero(place > 0).tolist():
            plus = plus * tables[k][place[k]] % modulus
        for k in np.flatnonzero(place < 0).tolist():
            minus = minus * tables[k][-place[k]] % modulus
    return plus if minus == 1 else plus * gmpy2.invert(minus, modulus) % modulus
