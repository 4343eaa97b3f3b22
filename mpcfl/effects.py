"""What a protocol may ask of the world: a protocol is a generator of these values.

Each `yield` of an `Open`, `Send` or `Reveal` is one round of communication; a `Draw` costs none. The driver that runs
the generator hands the answer back. `together` runs protocols side by side and merges their n-th rounds into one.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from mpcfl.correlation import Correlation
from mpcfl.message import Message
from mpcfl.ring import Words


@dataclass(frozen=True, eq=False)
class Draw:
    """Ask for correlated randomness; the answer maps field names to this party's shares."""

    correlation: Correlation


@dataclass(frozen=True, eq=False)
class Open:
    """Open masked values to all; the answer is the sum (words) or the exclusive or (bits) of all parties' payloads.

    With `owner` only that party's payload counts and only it sends: an operand that its owner knows is opened one way.
    An empty payload (size 0) sends nothing and only waits for the round to end.
    """

    message: Message
    payload: Words
    owner: int | None = None


@dataclass(frozen=True, eq=False)
class Send:
    """Send words from one party to another (`to` a rank) or to all others (`to` None); the answer is the payload.

    Every party yields the effect; those that do not send pass an array of the same shape, whose values are ignored.
    """

    message: Message
    sender: int
    to: int | None
    payload: Words


@dataclass(frozen=True, eq=False)
class Reveal:
    """Reveal an output to the ranks in `to`: they are answered the sum, the others None.

    The driver adds a fresh sharing of zero first, and refuses what is not on the agreed list of disclosures.
    """

    message: Message
    payload: Words
    to: tuple[int, ...]
    purpose: str


@dataclass(frozen=True, eq=False)
class Round:
    """Several effects in one round; the answer is the list of their answers."""

    effects: tuple[Communication, ...]


Communication: TypeAlias = Open | Send | Reveal | Round
Effect: TypeAlias = Draw | Communication
Protocol: TypeAlias = Generator[Effect, Any, Any]
