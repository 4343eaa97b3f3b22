"""What two parties make together without a message: shares of an input and of zero, from common seeds.

The seeds never come from a dealer, so a dealer cannot see what they hide.

Reference   Cramer, Damgard and Ishai, TCC 2005 (pseudorandom secret sharing), for the case of pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mpcfl import prg, ring
from mpcfl.prg import Stream
from mpcfl.ring import Shape, Spec, Words


class Common(Protocol):
    """What a driver offers of common randomness, and whether it runs on shapes alone."""

    @property
    def shapeless(self) -> bool: ...

    def nothing(self, shape: Shape, width: int = 64) -> Words:
        """Zeros of a ring: the share of a party that holds nothing."""
        ...

    def zero(self, shape: Shape, width: int = 64) -> Words:
        """This party's part of a fresh uniform sharing of zero."""
        ...

    def share(self, owner: int, shape: Shape, words: Words | None, width: int = 64) -> Words:
        """This party's share of the owner's words, which the others pass as None."""
        ...


class Pairwise:
    """One party's streams with each other party.

    Parameters
    ----------
    rank : int
    secrets : mapping of int to bytes
        By the other's rank: 32 bytes that these two parties alone know, of no other use.
    """

    shapeless = False

    def __init__(self, rank: int, secrets: Mapping[int, bytes]) -> None:
        self._rank = rank
        self._zero = {peer: Stream(prg.derive(secret, "zero sharing")) for peer, secret in secrets.items()}
        # one stream a direction: each numbers the inputs of one owner
        self._input = {
            (owner, peer): Stream(prg.derive(secret, f"input of rank {owner}"))
            for peer, secret in secrets.items()
            for owner in (rank, peer)
        }
        self._zeros = 0
        self._inputs = 0

    def zero(self, shape: Shape, width: int = 64) -> Words:
        """This party's part of a fresh uniform sharing of zero."""
        number, self._zeros = self._zeros, self._zeros + 1
        out = ring.zeros(shape, width)
        for peer, stream in self._zero.items():
            part = stream.fresh(number, shape, out.dtype)
            out = ring.add(out, part) if peer > self._rank else ring.subtract(out, part)
        return out

    def share(self, owner: int, shape: Shape, words: Words | None, width: int = 64) -> Words:
        """This party's share of the owner's words, which the others pass as None."""
        number, self._inputs = self._inputs, self._inputs + 1
        dtype = ring.dtype(width)
        if words is None:
            return self._input[owner, owner].fresh(number, shape, dtype)
        out = words
        for peer in self._zero:
            out = ring.subtract(out, self._input[owner, peer].fresh(number, shape, dtype))
        return out

    def nothing(self, shape: Shape, width: int = 64) -> Words:
        """Zeros of a ring: the share of a party that holds nothing."""
        return ring.zeros(shape, width)

    def wipe(self) -> None:
        """Forget all seeds."""
        for stream in (*self._zero.values(), *self._input.values()):
            stream.wipe()


class Shapeless:
    """The same for programs that run on shapes alone."""

    shapeless = True

    def zero(self, shape: Shape, width: int = 64) -> Words:
        return Spec(shape, ring.dtype(width))  # type: ignore[return-value]

    nothing = zero

    def share(self, owner: int, shape: Shape, words: Words | None, width: int = 64) -> Words:
        return Spec(shape, ring.dtype(width))  # type: ignore[return-value]
