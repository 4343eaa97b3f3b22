"""A driver whose correlations its two parties make themselves, by Paillier (`mpcfl.protocols.paillier`): no dealer.

It stands before any other driver. A protocol's draws are answered by protocols of their own, whose rounds go over the
same links and ledger; to the driver below it is all one protocol. What a program will draw is made beforehand where it
is foreseen (`Session.run`), all together, in the rounds of the longest; else at the draw.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from typing import Protocol as Interface

import numpy as np

from mpcfl import he, prg, requests
from mpcfl.correlation import Correlation, Dealt, Field, Leaf, MaskView
from mpcfl.dealing import tensor
from mpcfl.effects import Draw, Protocol
from mpcfl.errors import Mismatch, UsageError
from mpcfl.ledger import Ledger
from mpcfl.pairwise import Common
from mpcfl.prg import Stream
from mpcfl.protocol import START, Position, together
from mpcfl.protocols import paillier
from mpcfl.protocols.beaver import Mask, Triple
from mpcfl.protocols.folded import Folded
from mpcfl.protocols.truncation import TruncPair
from mpcfl.ring import GROUPS, Words


@dataclass(frozen=True)
class Paillier:
    """How two parties make their correlations.

    Parameters
    ----------
    bits : int
        Of the keys: 3072, 4096, or 2048 for 112-bit security.
    insecure_bits : int, optional
        Keys of this size instead, for tests.
    secret : SecretKey, optional
        A key of that size to use again; by default a fresh one.
    """

    bits: Literal[2048, 3072, 4096] = 3072
    insecure_bits: int | None = None
    secret: he.SecretKey | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"paillier of {self.insecure_bits or self.bits} bits"

    @staticmethod
    def of(offline: str | Paillier) -> Paillier | None:
        """What an argument `offline` asks for; None for a dealer.

        Raises
        ------
        UsageError
            It is neither "dealer", "paillier" nor a `Paillier`.
        """
        if isinstance(offline, Paillier):
            return offline
        if offline not in ("dealer", "paillier"):
            raise UsageError(f'correlations come from a "dealer" or are made by "paillier", not from {offline!r}')
        return Paillier() if offline == "paillier" else None


class Below(Interface):
    """What is needed of the driver that this one stands before."""

    @property
    def common(self) -> Common: ...

    @property
    def rounds(self) -> int: ...

    @property
    def bytes_sent(self) -> int: ...

    @property
    def ledger(self) -> Ledger: ...

    def run(self, protocol: Protocol, at: Position = ...) -> Any: ...


class DealerlessDriver:
    """Runs one party's protocols without a dealer.

    Parameters
    ----------
    below : Below
        Runs them with what they draw.
    rank, parties : int
        Two parties.
    how : Paillier

    Attributes
    ----------
    offline_rounds : int
        Of making correlations; those of the session's own are in `rounds`.
    offline_bytes : int
        What this party sent for them.
    offline_seconds : float
        What they took, waiting included.

    Raises
    ------
    UsageError
        There are more parties than two.
    """

    def __init__(self, below: Below, rank: int, parties: int, how: Paillier) -> None:
        if parties != 2:
            raise UsageError(f"correlations by Paillier are made by two parties, not {parties}: use a dealer")
        self._below = below
        self._holdings = Holdings(rank)
        self._how = how
        self._keys: paillier.Keys | None = None
        self._ahead: deque[tuple[bytes, Dealt]] = deque()
        self.common = below.common
        self.offline_rounds = 0
        self.offline_bytes = 0
        self.offline_seconds = 0.0

    @property
    def rounds(self) -> int:
        return self._below.rounds - self.offline_rounds

    @property
    def bytes_sent(self) -> int:
        return self._below.bytes_sent - self.offline_bytes

    @property
    def ledger(self) -> Ledger:
        return self._below.ledger

    def run(self, protocol: Protocol, at: Position = START) -> Any:
        """Run a protocol to its end."""
        return self._below.run(self._served(protocol), at)

    def foresee(self, forecast: Callable[[Callable[[Correlation], None], int], None]) -> None:
        """Make all that a program will draw.

        Raises
        ------
        UsageError
            It draws what is not made without a dealer; nothing was sent.
        """
        coming: list[Correlation] = []
        forecast(coming.append, self._holdings.draws)
        paillier.refuse(coming)
        made = self._below.run(self._made(coming), START)
        self._ahead.extend((requests.encode(one), dealt) for one, dealt in zip(coming, made, strict=True))

    def wipe(self) -> None:
        """Forget all secrets."""
        self._holdings.wipe()
        self._keys = None
        self._ahead.clear()

    def _served(self, protocol: Protocol) -> Protocol:
        """The protocol, its draws answered by rounds of its own."""
        answer: Any = None
        while True:
            try:
                effect = protocol.send(answer)
            except StopIteration as stop:
                return stop.value
            if isinstance(effect, Draw):
                answer = yield from self._draw(effect.correlation)
            else:
                answer = yield effect

    def _draw(self, correlation: Correlation) -> Protocol:
        if not self._ahead:
            (dealt,) = yield from self._made([correlation])
            return dealt
        request, dealt = self._ahead.popleft()
        if request != requests.encode(correlation):
            raise Mismatch("the program draws other correlations than it did on shapes alone: it branches on data")
        return dealt

    def _made(self, correlations: list[Correlation]) -> Protocol:
        """Make these correlations, side by side."""
        paillier.refuse(correlations)
        with self._counted():
            if self._keys is None and any(not isinstance(one, Mask) for one in correlations):
                secret = self._how.secret or he.generate(self._how.bits, insecure_bits=self._how.insecure_bits)
                self._keys = yield from paillier.exchange(self._holdings.rank, secret)
            return (yield from together(*(self._holdings.deal(self._keys, one) for one in correlations)))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        began, rounds, sent = time.perf_counter(), self._below.rounds, self._below.bytes_sent
        yield
        self.offline_seconds += time.perf_counter() - began
        self.offline_rounds += self._below.rounds - rounds
        self.offline_bytes += self._below.bytes_sent - sent


class Holdings:
    """One party's shares of what was dealt: those of uniform fields come from a stream of its own.

    Parameters
    ----------
    rank : int
    """

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.draws = 0
        self._stream = Stream(prg.fresh_key())
        self._made: dict[tuple[int, int], Words] = {}

    def deal(self, keys: paillier.Keys | None, correlation: Correlation) -> Protocol:
        """This party's shares of the next correlation, as `Dealt`."""
        number, self.draws = self.draws, self.draws + 1
        fields = correlation.tensors
        if isinstance(correlation, TruncPair):
            word = self._stream.fresh(tensor(number, 0), (correlation.size,))
            assert keys is not None
            shares = yield from paillier.truncation(keys, number % 2, word, correlation.multiplier, correlation.shift)
            self._made[number, 0] = shares["r"]
        else:
            shares = {f.name: self._uniform(number, i, f) for i, f in enumerate(fields) if not f.determined}
            if isinstance(correlation, Triple | Folded):
                assert keys is not None
                a, b = (self._share(mask) for mask in correlation.masks())
                shares["c"] = yield from paillier.product(keys, correlation, a, b)
        return Dealt(number, fields, shares)

    def wipe(self) -> None:
        """Forget the stream and all shares."""
        self._stream.wipe()
        self._made.clear()

    def _uniform(self, number: int, place: int, field: Field) -> Words:
        if field.owner not in (None, self.rank):
            return np.zeros(field.shape, field.dtype)
        return self._stream.fresh(tensor(number, place), field.shape, field.dtype)

    def _share(self, mask: MaskView) -> Words:
        """This party's share of a mask drawn earlier."""
        return mask.apply(self._leaf)

    def _leaf(self, leaf: Leaf) -> Words:
        made = self._made.get((leaf.draw, leaf.place))
        if made is not None:
            return made
        dtype = GROUPS[leaf.group]
        if leaf.owner not in (None, self.rank):
            return np.zeros(leaf.shape, dtype)
        return prg.combine(np.empty(leaf.shape, dtype), [self._stream], tensor(leaf.draw, leaf.place), leaf.group)
