"""Paillier keys: generation, checks, encryption, and decryption by the Chinese remainder theorem.

    key        n = p q, p and q random primes of equal length (`mpcfl.he.primes`)
    encrypt    c = (1 + n m) s mod n^2, s a random n-th residue (`mpcfl.he.randomisers`)
    decrypt    m mod p from c^(p-1) mod p^2, m mod q likewise, m as the number between -n/2 and n/2

3072 bits are the size for 128-bit security (NIST SP 800-57); 2048 bits, 112-bit security, must be asked for.

Reference   Paillier, EUROCRYPT 1999, with the decryption of its section 7.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mpcfl.errors import IntegrityError, Mismatch, ProtocolViolation, UsageError
from mpcfl.he import packing
from mpcfl.he.array import PaillierArray
from mpcfl.he.encoding import Plain, decoded, plain
from mpcfl.he.limbs import from_words, to_words
from mpcfl.he.primes import rough_prime, small_primes
from mpcfl.he.randomisers import Exponents, OwnerRandomisers, PublicRandomisers, Randomisers
from mpcfl.he.residues import Residues, residues
from mpcfl.saving import replacing

BITS = (2048, 3072, 4096)
SECURE = 3072
LEAST_INSECURE = 192
_HEADER = b"mpcfl paillier secret key 1\n"


class PublicKey:
    """What encrypts, and computes with ciphertexts: the number n.

    Parameters
    ----------
    n : int
    insecure : bool
        Take a number of any size, for tests.

    Attributes
    ----------
    n, n_squared : mpz
    bits : int
        Of n.
    fingerprint : int
        64 bits that stand for n.

    Raises
    ------
    ProtocolViolation
        n is of no size that is taken, or plainly no product of two large primes.
    """

    def __init__(self, n: int, *, insecure: bool = False) -> None:
        self.n = mpz(n)
        self.bits = int(self.n.bit_length())
        _check(self.n, insecure)
        self.n_squared = self.n * self.n
        self.insecure = insecure
        digest = hashlib.blake2b(_bytes(self.n), digest_size=8, person=b"paillier").digest()
        self.fingerprint = int.from_bytes(digest, "little")

    @functools.cached_property
    def _randomisers(self) -> Randomisers:
        return PublicRandomisers(self.n)

    @functools.cached_property
    def residues(self) -> Residues:
        """Arithmetic modulo n^2."""
        return residues(self.n_squared)

    @property
    def limbs(self) -> int:
        """64-bit words of a ciphertext."""
        return -(-2 * self.bits // 64)

    def encrypt(
        self,
        values: ArrayLike | Plain,
        fraction: int | None = None,
        limit: float | None = None,
        *,
        exponents: Exponents = "half",
    ) -> PaillierArray:
        """Encrypt an array.

        Parameters
        ----------
        values : array_like or Plain
            float64, int64 or bool, or what is encoded already.
        fraction, limit : optional
            Public; as of `mpcfl.he.plain`.
        exponents : str
            "half", "full" or "short", see `mpcfl.he.randomisers`.

        Raises
        ------
        InputError
            As of `mpcfl.he.plain`, or the key is too small for the limit.
        """
        return _encrypted(self, self._randomisers, values, fraction, limit, exponents)

    def encrypt_packed(
        self, values: ArrayLike, fraction: int | None = None, limit: float | None = None, *, terms: int = 1
    ) -> packing.Packed:
        """Encrypt several numbers to a ciphertext: see `mpcfl.he.Packed`; `terms` is how many will be added up."""
        return packing.encrypted(self, self._randomisers, plain(values, fraction, limit), terms)

    def randomised(self, ciphertexts: Iterable[mpz], exponents: Exponents = "full") -> list[mpz]:
        """The same plaintexts under fresh randomness."""
        given = list(ciphertexts)
        fresh = self._randomisers.fresh(len(given), exponents)
        return [c * s % self.n_squared for c, s in zip(given, fresh, strict=True)]

    def check(self, ciphertexts: Sequence[mpz]) -> None:
        """Refuse what no encryption under this key gives.

        Raises
        ------
        IntegrityError
            A number that is none of the invertible ones below n^2, or one without any randomness in it.
        """
        product = mpz(1)
        for place, one in enumerate(ciphertexts):
            if not 0 < one < self.n_squared:
                raise IntegrityError(f"ciphertext {place} is out of range for its key")
            rest = one % self.n
            if rest == 1:
                raise IntegrityError(f"ciphertext {place} is not randomised: it would show its plaintext to anyone")
            product = product * rest % self.n
        if gmpy2.gcd(product, self.n) != 1:
            raise IntegrityError("a ciphertext has a factor in common with its key")

    def to_words(self) -> NDArray[np.uint64]:
        """n as 64-bit words, the lowest first."""
        return to_words([self.n], -(-self.bits // 64)).reshape(-1)

    @staticmethod
    def of_words(words: NDArray[np.uint64], *, insecure: bool = False) -> PublicKey:
        """The key of `to_words`.

        Raises
        ------
        ProtocolViolation
            As of the constructor.
        """
        return PublicKey(int(from_words(words.reshape(1, -1))[0]), insecure=insecure)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.n == other.n

    def __hash__(self) -> int:
        return self.fingerprint

    def __repr__(self) -> str:
        return f"PublicKey({self.bits} bits, {self.fingerprint:016x})"


class SecretKey:
    """What decrypts; `generate` makes one. It can be neither printed nor pickled; `save` writes it for its owner alone.

    Attributes
    ----------
    public : PublicKey
    """

    def __init__(self, p: int, q: int, *, insecure: bool = False) -> None:
        self._p, self._q = mpz(p), mpz(q)
        n = self._p * self._q
        if self._p == self._q or gmpy2.gcd(n, (self._p - 1) * (self._q - 1)) != 1:
            raise IntegrityError("these two primes are no Paillier key")
        self.public = PublicKey(int(n), insecure=insecure)
        # 1 / L(c^(p-1)) of c = 1 + n, which stands for 1
        self._factors = [gmpy2.invert(-(n // prime), prime) for prime in (self._p, self._q)]
        self._inverse = gmpy2.invert(self._p, self._q)

    @functools.cached_property
    def _squares(self) -> list[Residues]:
        """Arithmetic modulo p^2 and q^2."""
        return [residues(prime**2) for prime in (self._p, self._q)]

    @functools.cached_property
    def _randomisers(self) -> Randomisers:
        return OwnerRandomisers(self._p, self._q)

    def encrypt(
        self, values: ArrayLike | Plain, fraction: int | None = None, limit: float | None = None
    ) -> PaillierArray:
        """As of `PublicKey.encrypt`, with full exponents, and faster than whoever knows n alone."""
        return _encrypted(self.public, self._randomisers, values, fraction, limit, "full")

    def encrypt_packed(
        self, values: ArrayLike, fraction: int | None = None, limit: float | None = None, *, terms: int = 1
    ) -> packing.Packed:
        """As of `PublicKey.encrypt_packed`."""
        return packing.encrypted(self.public, self._randomisers, plain(values, fraction, limit), terms)

    def decrypt(self, array: PaillierArray | packing.Packed, dtype: DTypeLike | None = None) -> NDArray[Any]:
        """The numbers of an array of ciphertexts.

        Parameters
        ----------
        array : PaillierArray or Packed
        dtype : optional
            float64 or int64, by default that of the array; object gives the encoded integers as they are.

        Raises
        ------
        Mismatch
            The array is encrypted under another key.
        IntegrityError
            A plaintext is beyond what the operations on it allow: it was altered, or made otherwise than told.
        """
        if array.key != self.public:
            raise Mismatch("the array is encrypted under another key than the one to decrypt it with")
        integers = self._signed(array.ciphertexts)
        if isinstance(array, packing.Packed):
            integers = array.unpacked(integers)
        if any(not -array.bound <= one <= array.bound for one in integers):
            raise IntegrityError("a ciphertext decrypts to more than its bound: it was altered, or computed otherwise")
        shaped = np.empty(len(integers), object)
        shaped[:] = integers
        wanted = array.dtype if dtype is None else np.dtype(dtype)
        shaped = shaped.reshape(array.shape)
        return shaped if wanted.kind == "O" else decoded(shaped, array.fraction, wanted)[()]

    def _signed(self, ciphertexts: Sequence[mpz]) -> list[int]:
        """The plaintexts, between -n/2 and n/2."""
        p, q, n = self._p, self._q, self.public.n
        sides = zip((p, q), self._factors, self._squares, strict=True)
        left, right = (self._residues(ciphertexts, *side) for side in sides)
        joined = [a + p * ((b - a) * self._inverse % q) for a, b in zip(left, right, strict=True)]
        return [int(m - n if 2 * m > n else m) for m in joined]

    @staticmethod
    def _residues(ciphertexts: Sequence[mpz], prime: mpz, factor: mpz, within: Residues) -> list[mpz]:
        """The plaintexts modulo a prime."""
        raised = within.give(within.power(within.take([c % within.modulus for c in ciphertexts]), prime - 1))
        return [(one - 1) // prime * factor % prime for one in raised]

    def save(self, path: str | Path) -> None:
        """Write the key to a file that its owner alone may read (mode 0600)."""
        size = -(-self._p.bit_length() // 8)
        with replacing(Path(path)) as file:
            file.write(_HEADER + b"".join(int(prime).to_bytes(size, "big") for prime in (self._p, self._q)))

    @staticmethod
    def load(path: str | Path) -> SecretKey:
        """Read a key that `save` wrote.

        Raises
        ------
        UsageError
            Others may read the file, or it cannot be read.
        IntegrityError
            It holds no key.
        """
        try:
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise UsageError(f"{path} can be read by others: chmod 600 it", file=str(path))
                data = file.read()
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}", file=str(path)) from None
        primes = data.removeprefix(_HEADER)
        half = len(primes) // 2
        p, q = (int.from_bytes(part, "big") for part in (primes[:half], primes[half:]))
        if len(primes) + len(_HEADER) != len(data) or not (gmpy2.is_prime(p) and gmpy2.is_prime(q)):
            raise IntegrityError(f"{path} holds no secret key", file=str(path))
        try:
            return SecretKey(p, q)
        except ProtocolViolation:
            raise IntegrityError(f"{path} holds a key of a size that is not used", file=str(path)) from None

    def __repr__(self) -> str:
        return f"SecretKey({self.public.bits} bits)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret key is not pickled or copied; SecretKey.save writes it to a file")


def generate(bits: Literal[2048, 3072, 4096] = 3072, *, insecure_bits: int | None = None) -> SecretKey:
    """A fresh key.

    Parameters
    ----------
    bits : int
        3072, or 4096; 2048 for 112-bit security where that is enough.
    insecure_bits : int, optional
        A size for tests instead: an even number of 192 or more.

    Raises
    ------
    UsageError
        Another size.
    """
    insecure = insecure_bits is not None
    size = bits if insecure_bits is None else insecure_bits
    if (not insecure and size not in BITS) or (insecure and (size < LEAST_INSECURE or size % 2)):
        raise UsageError(f"a Paillier key has {', '.join(map(str, BITS))} bits, not {size}")
    p, q = rough_prime(size // 2), rough_prime(size // 2)
    while abs(p - q) < 1 << (size // 2 - 100 if not insecure else 1):  # never seen: Fermat's method finds such primes
        q = rough_prime(size // 2)
    return SecretKey(int(p), int(q), insecure=insecure)


def _encrypted(
    key: PublicKey,
    randomisers: Randomisers,
    values: ArrayLike | Plain,
    fraction: int | None,
    limit: float | None,
    exponents: Exponents,
) -> PaillierArray:
    numbers = values if isinstance(values, Plain) else plain(values, fraction, limit)
    n, modulus = key.n, key.n_squared
    flat = numbers.integers.reshape(-1).tolist()
    fresh = randomisers.fresh(len(flat), exponents)
    cells = [(1 + n * m) * s % modulus for m, s in zip(flat, fresh, strict=True)]
    return PaillierArray.of(
        key, cells, numbers.integers.shape, numbers.fraction, numbers.bound, numbers.dtype, sendable=True
    )


def _check(n: mpz, insecure: bool) -> None:
    """Refuse what is plainly no product of two large primes of equal length."""
    bits = n.bit_length()
    if bits not in BITS and not (insecure and bits >= LEAST_INSECURE - 1):
        raise ProtocolViolation(f"a Paillier key of {bits} bits is not taken: use {', '.join(map(str, BITS))}")
    if n % 4 != 1 or gmpy2.is_power(n) or gmpy2.is_prime(n) or gmpy2.gcd(n, _primorial()) != 1:
        raise ProtocolViolation("the number is no Paillier key")


@functools.cache
def _primorial() -> mpz:
    return functools.reduce(lambda a, b: a * b, small_primes(1 << 12).tolist(), mpz(1))


def _bytes(number: mpz) -> bytes:
    return int(number).to_bytes(-(-number.bit_length() // 8), "big")


__all__ = ["PublicKey", "SecretKey", "generate"]
