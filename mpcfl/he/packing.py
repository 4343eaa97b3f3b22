"""Several numbers in one Paillier ciphertext, each in a slot with guard bits.

    plaintext    sum of v_i 2^(w i),  -2^(w-1) < v_i < 2^(w-1) for as long as the array lives

Slots are added together, and multiplied by one public integer. The width w is chosen from the public bound on what a
slot may grow to, so no slot ever carries into the next, and what does not fit is refused. Negative numbers borrow from
the slot above; unpacking goes from the lowest slot up and gives it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

from mpcfl.errors import InputError, IntegrityError, Mismatch
from mpcfl.he.encoding import Plain
from mpcfl.he.limbs import from_words, stamp, to_words
from mpcfl.he.randomisers import Randomisers

if TYPE_CHECKING:
    from mpcfl.he.keys import PublicKey


class Packed:
    """An array of encrypted numbers, several to a ciphertext. Made by `encrypt_packed` and `PaillierArray.packed`.

    Attributes
    ----------
    key : PublicKey
    shape : tuple of int
        Of the numbers.
    fraction, bound, dtype
        As of `PaillierArray`.
    width : int
        Bits of a slot.
    slots : int
        Numbers in a ciphertext.
    ciphertexts : list of mpz
    """

    __slots__ = ("_sendable", "bound", "ciphertexts", "dtype", "fraction", "key", "shape", "slots", "width")

    def __init__(
        self,
        key: PublicKey,
        ciphertexts: Sequence[mpz],
        shape: tuple[int, ...],
        fraction: int,
        bound: int,
        dtype: np.dtype[Any],
        width: int,
        *,
        sendable: bool = False,
    ) -> None:
        if 2 * bound >= 1 << width:
            raise InputError(
                f"numbers below 2^{bound.bit_length()} do not fit slots of {width} bits: pack with more terms"
            )
        self.key, self.shape, self.fraction, self.bound, self.dtype = key, shape, fraction, bound, dtype
        self.width, self.slots = width, slots(key, width)
        self.ciphertexts = list(ciphertexts)
        self._sendable = sendable

    @staticmethod
    def of(
        key: PublicKey,
        ciphertexts: Sequence[mpz],
        shape: tuple[int, ...],
        fraction: int,
        bound: int,
        dtype: np.dtype[Any],
    ) -> Packed:
        """Pack ciphertexts of one number each."""
        width = _width(bound, 1)
        many, shift, modulus = slots(key, width), mpz(1) << width, key.n_squared
        packed = []
        for start in range(0, len(ciphertexts), many):
            *lower, total = ciphertexts[start : start + many]
            for one in reversed(lower):
                total = gmpy2.powmod(total, shift, modulus) * one % modulus
            packed.append(total)
        return Packed(key, packed, shape, fraction, bound, dtype, width)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    def __add__(self, other: Packed) -> Packed:
        if not isinstance(other, Packed):
            return NotImplemented
        if other.key != self.key:
            raise Mismatch("arrays that are encrypted under different keys do not meet")
        if (other.shape, other.width, other.fraction) != (self.shape, self.width, self.fraction):
            raise ValueError("packed arrays of different shapes, slots or fractions are not added")
        modulus = self.key.n_squared
        cells = [a * b % modulus for a, b in zip(self.ciphertexts, other.ciphertexts, strict=True)]
        return self._with(cells, self.bound + other.bound)

    def __mul__(self, factor: int) -> Packed:
        if not isinstance(factor, int | np.integer):
            raise TypeError("a packed array is multiplied by one public integer")
        number, modulus = int(factor), self.key.n_squared
        bases = self.ciphertexts if number >= 0 else [gmpy2.invert(one, modulus) for one in self.ciphertexts]
        return self._with([gmpy2.powmod(one, abs(number), modulus) for one in bases], self.bound * abs(number))

    __rmul__ = __mul__

    def unpacked(self, integers: Sequence[int]) -> list[int]:
        """The numbers in decrypted ciphertexts."""
        numbers: list[int] = []
        low, half = (1 << self.width) - 1, 1 << (self.width - 1)
        for place, total in enumerate(integers):
            rest = total
            for _ in range(min(self.slots, self.size - place * self.slots)):
                number = ((rest & low) ^ half) - half
                numbers.append(number)
                rest = (rest - number) >> self.width
            if rest:
                raise IntegrityError("a packed ciphertext decrypts to more than its slots: it was altered")
        return numbers

    def to_words(self) -> NDArray[np.uint64]:
        """One word for key, shape, fraction and bound, then the ciphertexts, randomised first if they need it."""
        leaving = self.ciphertexts if self._sendable else self.key.randomised(self.ciphertexts)
        words = to_words(leaving, self.key.limbs).reshape(-1)
        said = stamp(self.key.fingerprint, self.shape, self.fraction, self.bound, self.dtype)
        return np.concatenate([said, words])

    @staticmethod
    def words(key: PublicKey, size: int, bound: int, terms: int = 1) -> int:
        """How many words `to_words` gives of an array of that size, bound, and terms to come, as of `of_words`."""
        return 1 + key.limbs * -(-size // slots(key, _width(bound, terms)))

    @staticmethod
    def of_words(
        key: PublicKey,
        words: NDArray[np.uint64],
        shape: tuple[int, ...],
        fraction: int,
        bound: int,
        dtype: np.dtype[Any] | type,
        terms: int = 1,
    ) -> Packed:
        """The array of `to_words`.

        It was made by `PaillierArray.packed`, or by `encrypt_packed` with so many terms, of which it holds one, or with
        the bound of their sum all.

        Raises
        ------
        IntegrityError
            It is of another size, or holds what is no encryption under this key.
        """
        if words.size != Packed.words(key, int(np.prod(shape, dtype=np.int64)), bound, terms):
            raise IntegrityError("packed numbers of another size than told have come")
        kind = np.dtype(dtype)
        if words[0] != stamp(key.fingerprint, shape, fraction, bound, kind)[0]:
            raise Mismatch("packed numbers of another key, shape, fraction or bound than told have come")
        ciphertexts = from_words(words[1:].reshape(-1, key.limbs))
        key.check(ciphertexts)
        return Packed(key, ciphertexts, shape, fraction, bound, kind, _width(bound, terms))

    def __repr__(self) -> str:
        return f"Packed(shape={self.shape}, {self.slots} slots of {self.width} bits, {self.key.bits} bits)"

    def _with(self, ciphertexts: Sequence[mpz], bound: int) -> Packed:
        return Packed(self.key, ciphertexts, self.shape, self.fraction, bound, self.dtype, self.width)


def _width(bound: int, terms: int) -> int:
    """Of slots for a sum of so many numbers, and its sign."""
    return (bound * terms).bit_length() + 1


def slots(key: PublicKey, width: int) -> int:
    """How many slots of a width a plaintext has."""
    many = (key.bits - 2) // width
    if not many:
        raise InputError(f"a key of {key.bits} bits has no room for a slot of {width} bits")
    return many


def encrypted(key: PublicKey, randomisers: Randomisers, numbers: Plain, terms: int) -> Packed:
    """Encrypt numbers whose slots take the sum of so many."""
    width = _width(numbers.bound, terms)
    many, n, modulus = slots(key, width), key.n, key.n_squared
    flat = numbers.integers.reshape(-1).tolist()
    totals = [
        sum(number << (width * i) for i, number in enumerate(flat[start : start + many]))
        for start in range(0, len(flat), many)
    ]
    cells = [(1 + n * m) * s % modulus for m, s in zip(totals, randomisers.fresh(len(totals), "half"), strict=True)]
    shape = numbers.integers.shape
    return Packed(key, cells, shape, numbers.fraction, numbers.bound, numbers.dtype, width, sendable=True)
