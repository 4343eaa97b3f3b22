"""Comparison: two parties have a vector of integers each, rank 0 learns where its own are less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.versus.linear import keys
from bench.versus.methods import PAILLIER, SHARES
from bench.versus.tasks import Array, Bits, Cell, Done, Meter, Size, Task, seed
from mpcfl.protocols import millionaires
from mpcfl.session import Session

NUMBER_BITS = 32


def numbers(size: Size) -> list[Array]:
    """A vector of each party, of 32 bits; some are equal or close."""
    rng = np.random.default_rng(seed(size))
    left = rng.integers(1, (1 << NUMBER_BITS) - 1, size)
    far = rng.integers(0, 1 << NUMBER_BITS, size)
    return [left, np.where(rng.random(size) < 0.25, left + rng.integers(-1, 2, size), far)]


def by_paillier(session: Session, size: Size, bits: Bits) -> Done:
    """`mpcfl.protocols.millionaires`."""
    own = numbers(size)[session.rank]
    secret, key, offline = keys(session, bits)
    meter = Meter(session, offline)
    result = session.perform(millionaires.less(key, secret, own, NUMBER_BITS), *size)
    return meter.done(result, millionaires.LEAKS)


def on_shares(size: Size) -> Callable[[Session], Any]:
    """The engine's comparison, of words of 64 bits."""
    both = numbers(size)

    def program(session: Session) -> Any:
        x, y = (session.private(one if session.rank == i else None, i, size, np.int64) for i, one in enumerate(both))
        return (x < y).reveal(session.parties[0])

    return program


def expected(size: Size) -> list[Array]:
    """Where the first party's are less."""
    x, y = numbers(size)
    return [x < y]


TASK = Task("compare", ("numbers",), ((1,), (10,)), ((1,), (10,), (100,)), expected)

CELLS = (Cell(TASK, PAILLIER, by_paillier), Cell(TASK, SHARES, on_shares))
