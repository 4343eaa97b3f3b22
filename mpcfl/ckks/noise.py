"""How far a CKKS result is from the exact one: bounds in the canonical embedding, for each slot.

All bounds are in units of the numbers, not scaled, and hold but for a chance of about 2^-28 a slot and operation: six
standard deviations. Two kinds are kept apart. `noise` comes of randomness (errors of encryption, of switching keys, of
rescaling), depends on the secret key, and is what flooding hides. `rounding` comes of encoding numbers as integers, and
is a function of the numbers alone.

The bounds for encryption, rescaling and switching are those of Cheon et al. (2017), with the digits of SEAL: it reduces
them to [0, p), whose mean p / 2 adds (N / pi) p / 2 times an error at the slots next to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mpcfl.ckks.parameters import Parameters

SIGMA = 3.24
"""Standard deviation of errors in SEAL: a centred binomial distribution of 21 pairs of bits."""
FLOATS = 2.0**-46
"""Error of the transforms in float64, as a part of the largest number."""


@dataclass(frozen=True)
class Error:
    """Bounds on what a slot is off.

    Attributes
    ----------
    noise, rounding : float
        See above.
    flood : float
        Of noise that was added on purpose.
    """

    noise: float = 0.0
    rounding: float = 0.0
    flood: float = 0.0

    @property
    def total(self) -> float:
        return self.noise + self.rounding + self.flood

    def __add__(self, other: Error) -> Error:
        return Error(self.noise + other.noise, self.rounding + other.rounding, self.flood + other.flood)

    def times(self, factor: float) -> Error:
        """Of the numbers times one that is no larger."""
        return Error(self.noise * factor, self.rounding * factor, self.flood * factor)


def encrypted(of: Parameters, level: int, limit: float, *, symmetric: bool) -> Error:
    """Of fresh numbers up to a limit: encoding and encryption."""
    n = of.degree
    noise = 6 * SIGMA * math.sqrt(n)
    if not symmetric:
        noise += (8 * math.sqrt(2) * n + 16 * math.sqrt(_weight(of) * n)) * SIGMA
    return Error(noise / of.scale(level), encoded(of, of.scale(level), limit))


def encoded(of: Parameters, scale: float, limit: float) -> float:
    """Of plain numbers up to a limit, as integers and in float64."""
    return 6 * math.sqrt(of.degree / 12) / scale + limit * FLOATS


def rescaled(of: Parameters, level: int) -> Error:
    """What a rescaling to a level adds."""
    return Error(2 * _rounded(of) / of.scale(level))


def switched(of: Parameters, level: int, scale: float) -> Error:
    """What one switch of keys (a rotation, a product) at a level and scale adds."""
    n, special = of.degree, of.primes[-1]
    digit = 8 * SIGMA * n / math.sqrt(3) + 6 * SIGMA * math.sqrt(n) * n / math.pi
    noise = sum(digit * prime / special for prime in of.primes[: of.kept(level)])
    return Error((noise + _rounded(of)) / scale)


def _rounded(of: Parameters) -> float:
    """Rounding both parts of a ciphertext to integers."""
    return math.sqrt(of.degree / 3) * (3 + 8 * math.sqrt(_weight(of)))


def _weight(of: Parameters) -> float:
    """Non-zero coefficients of a ternary secret."""
    return 2 * of.degree / 3


def flood_bits(of: Parameters, noise: float, bits: int) -> int:
    """Width in bits of the uniform coefficients that hide noise at level 0 up to 2^-bits a ciphertext.

    Uniform numbers of a range of width 2^w, each moved by e_k, are within sum |e_k| / 2^w of themselves. With no slot
    of the noise above E the squares of its coefficients add up to E^2 at most, so that sum is at most sqrt(N) E.
    """
    return bits + math.ceil(math.log2(max(1.0, math.sqrt(of.degree) * noise * of.scale(0))))


def flooded(of: Parameters, width: int) -> float:
    """What uniform coefficients of a width add to a slot, and the encryption of zero that they come in."""
    n = of.degree
    uniform = 6 * 2.0**width * math.sqrt(n / 12)
    zero = (8 * math.sqrt(2) * n + 6 * math.sqrt(n) + 16 * math.sqrt(_weight(of) * n)) * SIGMA
    return (uniform + zero * 2.0 ** sum(cut(width)[1:])) / of.scale(0)


def cut(width: int) -> tuple[int, ...]:
    """A width as pieces of at most 36 bits, the highest first: float64 transforms such polynomials exactly."""
    count = max(1, -(-width // 36))
    return tuple(width // count + (1 if i < width % count else 0) for i in range(count))
