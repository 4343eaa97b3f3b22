"""Secret primes whose p - 1 has no small factor but 2.

p = 2 u v + 1 with u and v random primes of half its length. Then p = 3 mod 4, the squares mod p are a cyclic group of
order u v, and all but a share of 2^-(half the length) of them generate it. For n = p q with four different such primes
the squares mod n are cyclic of order u v u' v', which is what the exponents of `mpcfl.he.randomisers` need, and
gcd(n, (p - 1)(q - 1)) = 1. Finding one takes about as long as a few primes do: candidates for v are sieved together
with 2 u v + 1 by the small primes, a safe prime (v alone, u = 1) would take ten times as long.
"""

from __future__ import annotations

import functools
import secrets

import gmpy2
import numpy as np
from gmpy2 import mpz
from numpy.typing import NDArray

SIEVED = 1 << 16
"""Candidates are divided by all odd primes below this one."""
BLOCK = 1 << 15
"""Candidates that are sieved at once."""
ROUNDS = 40
"""Miller-Rabin rounds, with random bases, after one strong test to base 2."""


@functools.cache
def small_primes(below: int) -> NDArray[np.int64]:
    """The odd primes below a bound."""
    odd = np.ones(below // 2, bool)  # of 2 i + 1
    odd[0] = False
    for i in range(1, int(below**0.5) // 2 + 1):
        if odd[i]:
            odd[2 * i * (i + 1) :: 2 * i + 1] = False
    return 2 * np.flatnonzero(odd) + 1


def _probable(candidate: mpz) -> bool:
    return bool(gmpy2.is_strong_prp(candidate, 2))


def is_prime(candidate: mpz) -> bool:
    """Whether a number, which passed a sieve, is prime: wrong with probability 4^-40 at most."""
    return _probable(candidate) and bool(gmpy2.is_prime(candidate, ROUNDS))


def random_prime(bits: int) -> mpz:
    """A random prime of so many bits, whose two highest are set."""
    while True:
        start = mpz(secrets.randbits(bits - 2) | (3 << (bits - 2)) | 1)
        for step in _survivors(start, mpz(0), min(BLOCK, 1 << (bits - 4))):
            if is_prime(start + 2 * step):
                return start + 2 * step


def rough_prime(bits: int) -> mpz:
    """A random prime p = 2 u v + 1 of so many bits, u and v prime, whose highest two bits are set.

    Parameters
    ----------
    bits : int
        64 or more.
    """
    u = random_prime(bits // 2)
    low, high = -(-(mpz(3) << (bits - 2)) // (2 * u)), (mpz(1) << bits) // (2 * u)  # v is in between
    while True:
        start = low + secrets.randbelow(int(high - low)) | 1
        for step in _survivors(start, u, BLOCK):
            v = start + 2 * step
            if v >= high:
                break
            p = 2 * u * v + 1
            if v != u and _probable(v) and _probable(p) and is_prime(v) and is_prime(p):
                return p


def _survivors(start: mpz, u: mpz, count: int) -> list[int]:
    """The i below `count` for which neither v = start + 2 i nor, with a u, 2 u v + 1 has a small factor."""
    primes = small_primes(min(SIEVED, 1 << (int(start.bit_length()) // 2)))
    alive = np.ones(count, bool)
    for prime in primes.tolist():
        half = (prime + 1) // 2  # of 2
        alive[-int(start % prime) * half % prime :: prime] = False
        if u:
            residue = int(u % prime)
            if residue:  # 2 u (start + 2 i) + 1 = 0
                root = (-pow(2 * residue, -1, prime) - int(start % prime)) * half % prime
                alive[root::prime] = False
    found: list[int] = np.flatnonzero(alive).tolist()
    return found


__all__ = ["is_prime", "random_prime", "rough_prime", "small_primes"]
