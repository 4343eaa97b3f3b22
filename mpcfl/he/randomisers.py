"""Random n-th residues mod n^2: what hides the plaintext of a Paillier ciphertext, by tables of powers.

A ciphertext is (1 + n m) s with s = h^a, where h is the n-th power of a random square mod n and a a random exponent.
For keys of this library (`mpcfl.he.primes`) the squares mod n are a cyclic group of order below n / 4 that a random
square generates but for a chance of 2^-(bits / 4). Whoever encrypts draws h by itself, so a key is n alone and nobody
has to trust another's h. How long a is:

    full     bits + 128 bits. s is within 2^-128 of a uniform n-th power of a square, whoever looks. Semantic security
             is that of Paillier: decisional composite residuosity (DCR; an instance squared is one among squares, and 2
             is invertible mod n).
    half     bits / 2. That h^a cannot be told from a full power follows where n cannot be factored, from Goldreich and
             Rosen, as in the scheme of Damgard, Jurik and Nielsen: they show it mod n, and anyone can raise to the
             n-th power mod n^2. It says nothing against the holder of the key.
    short    448 bits. A NAMED ASSUMPTION: powers of h to exponents of 448 bits cannot be told from others by whoever
             cannot factor n. Twice the security level is what generic attacks ask for. That it comes down to
             discrete logarithms of short exponents is shown for groups of prime order (Koshiba and Kurosawa), not here.
    owner    The holder of p and q computes mod p^2 and mod q^2 with full exponents, by numbers of half the length.

To encrypt for the holder of the key, who may read the plaintext, takes "half": the others cannot factor n. What is sent
back to the holder, after computing, is always randomised by "full": the holder must not see from the randomness which
multiples and sums were taken, and against it only statistics help.

Reference   Paillier, EUROCRYPT 1999; Damgard, Jurik and Nielsen, International Journal of Information Security 9
            (2010); Goldreich and Rosen, Journal of Cryptology 16 (2003); Koshiba and Kurosawa, PKC 2004.
"""

from __future__ import annotations

import secrets
from typing import Literal, Protocol, TypeAlias

import gmpy2
from gmpy2 import mpz

from mpcfl.he.powers import FixedBase

Exponents: TypeAlias = Literal["full", "half", "short"]
STATISTICAL_BYTES = 16
SHORT_BYTES = 56


class Randomisers(Protocol):
    """A source of random n-th residues."""

    def fresh(self, count: int, exponents: Exponents) -> list[mpz]:
        """So many, never given out before."""
        ...


class PublicRandomisers:
    """For whoever knows n alone.

    Parameters
    ----------
    n : mpz
    """

    def __init__(self, n: mpz) -> None:
        self._bytes = -(-n.bit_length() // 8)
        modulus = n * n
        self._powers = FixedBase(gmpy2.powmod(random_square(n), n, modulus), modulus)

    def fresh(self, count: int, exponents: Exponents) -> list[mpz]:
        """So many, never given out before."""
        sizes = {
            "full": self._bytes + STATISTICAL_BYTES,
            "half": -(-self._bytes // 2),
            "short": min(SHORT_BYTES, -(-self._bytes // 2)),
        }
        return self._powers.random_powers(count, sizes[exponents])


class OwnerRandomisers:
    """For the holder of the primes: exponents are full, whatever is asked for.

    Parameters
    ----------
    p, q : mpz
    """

    def __init__(self, p: mpz, q: mpz) -> None:
        self._sides = [
            (FixedBase(gmpy2.powmod(random_square(prime), prime, prime**2), prime**2), _full(prime)) for prime in (p, q)
        ]
        self._p_squared, self._q_squared = p**2, q**2
        self._inverse = gmpy2.invert(p**2, q**2)

    def fresh(self, count: int, exponents: Exponents) -> list[mpz]:
        """So many, never given out before."""
        left, right = (table.random_powers(count, size) for table, size in self._sides)
        p_squared, q_squared, inverse = self._p_squared, self._q_squared, self._inverse
        return [a + p_squared * ((b - a) * inverse % q_squared) for a, b in zip(left, right, strict=True)]


def random_square(modulus: mpz) -> mpz:
    """The square of a random invertible number."""
    while True:
        number = mpz(secrets.randbelow(int(modulus)))
        if number > 1 and gmpy2.gcd(number, modulus) == 1:
            return number * number % modulus


def _full(prime: mpz) -> int:
    return -(-int(prime.bit_length()) // 8) + STATISTICAL_BYTES
