"""Named sets of CKKS parameters: ring, chain of primes, scale, and what they are for.

    ring        Z[X] / (X^N + 1), N / 2 slots
    modulus     base primes, then `step` primes for each level, then one special prime for switching keys
    level       how many products may still follow; each drops the primes of its step
    scale       S_l: a number v at level l stands as v S_l. With products of two ciphertexts S_(l-1) = S_l^2 / P_l, P_l
                the product of the step that is dropped; else S_l is the same at all levels. So it is a function of the
                level, and whatever is at one level can be added.

Security is that of ring learning with errors with ternary secrets and errors of standard deviation 3.2. For 128 bits
against classical attacks the modulus, special prime included, has at most as many bits as `STANDARD` says; a set with
more is refused here and by SEAL.

Reference   Cheon, Kim, Kim and Song, ASIACRYPT 2017; with residues, Cheon, Han, Kim, Kim and Song, SAC 2018; scales by
            level, Kim, Papadimitriou and Polyakov, CT-RSA 2022; Albrecht et al., Homomorphic Encryption Standard
            (2018), the table for ternary secrets.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

from mpcfl.ckks.library import moduli
from mpcfl.errors import UsageError

STANDARD = {1024: 27, 2048: 54, 4096: 109, 8192: 218, 16384: 438, 32768: 881}
"""Bits of the modulus by degree at most, for 128 bits of security against classical attacks."""


@dataclass(frozen=True)
class Parameters:
    """A set of parameters.

    Attributes
    ----------
    name : str
    degree : int
        N.
    base, step : tuple of int
        Bits of the primes that stay, and of those that a product drops.
    depth : int
        Levels of a fresh ciphertext.
    special : int
        Bits of the special prime.
    scale_bits : int
        Of S_0.
    products : bool
        Whether two ciphertexts are multiplied; else only plain numbers multiply.
    flood : int
        What leaves after computing is within 2^-flood of the same distribution whatever made its noise, a
        ciphertext; 0: no noise is added (see `mpcfl.ckks.LEAKS`).

    Raises
    ------
    UsageError
        The standard gives less than 128 bits of security, or the ring is none of the table.
    """

    name: str
    degree: int
    base: tuple[int, ...]
    step: tuple[int, ...]
    depth: int
    special: int
    scale_bits: int
    products: bool
    flood: int

    def __post_init__(self) -> None:
        most = STANDARD.get(self.degree)
        if most is None or sum(self.bits) > most:
            raise UsageError(
                f"a modulus of {sum(self.bits)} bits in a ring of degree {self.degree} has less than 128 bits of "
                f"security: the standard allows {most or 'no such ring'}"
            )

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of all primes, in SEAL's order."""
        return (*self.base, *self.step * self.depth, self.special)

    @property
    def slots(self) -> int:
        return self.degree // 2

    @functools.cached_property
    def primes(self) -> tuple[int, ...]:
        """All primes, the special one last."""
        return moduli(self.degree, self.bits)

    def kept(self, level: int) -> int:
        """How many primes a ciphertext has at a level."""
        return len(self.base) + len(self.step) * level

    @functools.cache  # noqa: B019 -- sets are few, and named
    def modulus(self, level: int) -> int:
        """The product of a level's primes."""
        return math.prod(self.primes[: self.kept(level)])

    @functools.cache  # noqa: B019
    def scale(self, level: int) -> float:
        """S_l."""
        if level == 0 or not self.products:
            return 2.0**self.scale_bits
        return math.sqrt(self.scale(level - 1) * self.dropped(level))

    def plain_scale(self, level: int) -> float:
        """The scale of plain numbers that multiply at a level."""
        return self.scale(level - 1) * self.dropped(level) / self.scale(level)

    @functools.cache  # noqa: B019
    def dropped(self, level: int) -> float:
        """P_l."""
        return float(self.modulus(level) // self.modulus(level - 1))


SETS = {
    one.name: one
    for one in (
        # a plain product, or sums of them; all that leaves is flooded
        Parameters("linear", 8192, (42, 42, 42), (40,), 1, 52, 104, False, 40),
        # a square, or a product of two ciphertexts
        Parameters("square", 8192, (54,), (38,), 2, 60, 38, True, 0),
        # a network of three linear layers with two squares between them
        Parameters("network", 16384, (43, 43), (57,), 5, 60, 57, True, 0),
        # the same, of which the images' owner learns the scores alone
        Parameters("network, flooded", 32768, (50, 50, 50), (59, 59), 5, 60, 118, True, 40),
    )
}
"""The sets, by name."""


def parameters(name: str) -> Parameters:
    """The set of a name.

    Raises
    ------
    UsageError
        There is none.
    """
    if name not in SETS:
        raise UsageError(f"{name!r} is no set of CKKS parameters: there are {', '.join(SETS)}")
    return SETS[name]
