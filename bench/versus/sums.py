"""The sum of the vectors of several parties, which rank 0 learns."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from bench.versus.linear import RESULT, VECTOR, keys, sent
from bench.versus.methods import NOTHING, PAILLIER, SHARES, modulus
from bench.versus.tasks import BOUND, FRACTION, LIMIT, Array, Bits, Cell, Done, Meter, Size, Task, seed
from mpcfl import he
from mpcfl.effects import Protocol, Round, Send
from mpcfl.session import Session

LEAKS = ("the sum to its reader; in league with the party that adds up, all vectors",)
ALONE = "perfect against all but one semi-honest party; a sum draws nothing, so the dealer learns its shape alone"


def vectors(size: Size) -> list[Array]:
    """One of each party."""
    rng = np.random.default_rng(seed(size))
    return list(np.clip(rng.normal(size=size), -8, 8))


def by_paillier(session: Session, size: Size, bits: Bits) -> Done:
    """All but the reader encrypt to it; rank 1 adds up and sends on. The reader adds its own."""
    parties, count = size
    own = vectors(size)[session.rank]
    secret, key, offline = keys(session, bits)
    meter = Meter(session, offline)
    total = session.perform(_collected(session.rank, parties, key, own if secret is None else None, count), *size)
    bound = BOUND * (parties - 1)
    back = np.zeros(he.Packed.words(key, count, bound), np.uint64) if total is None else total.to_words()
    told = session.perform(sent(Send(RESULT, 1, 0, back)))
    if secret is None:
        return meter.done(None, LEAKS)
    others = secret.decrypt(he.Packed.of_words(key, told, (count,), FRACTION, bound, float))
    return meter.done(own + others, LEAKS)


def _collected(rank: int, parties: int, key: he.PublicKey, own: Array | None, count: int) -> Protocol:
    """The encrypted sum at rank 1, None at the others."""
    terms = parties - 1
    words = np.zeros(he.Packed.words(key, count, BOUND, terms), np.uint64)
    encrypted = None if own is None else key.encrypt_packed(own, FRACTION, LIMIT, terms=terms)
    if encrypted is not None and rank > 1:
        words = encrypted.to_words()
    told: Any = yield Round(tuple(Send(VECTOR, other, 1, words) for other in range(2, parties)))
    if rank != 1 or encrypted is None:
        return None
    received = [he.Packed.of_words(key, one, (count,), FRACTION, BOUND, float, terms) for one in told]
    return reduce(lambda a, b: a + b, received, encrypted)


def on_shares(size: Size) -> Callable[[Session], Any]:
    """Every party shares its vector, and the sum is revealed."""
    given = vectors(size)

    def program(session: Session) -> Any:
        shared = [
            session.share(one if session.rank == i else None, i, one.shape, np.float64) for i, one in enumerate(given)
        ]
        return sum(shared).reveal(session.parties[0])  # type: ignore[union-attr]

    return program


def expected(size: Size) -> list[Array]:
    """The sum."""
    return [sum(vectors(size))]  # type: ignore[list-item]


TASK = Task(
    "sum",
    ("parties", "numbers"),
    ((3, 10), (3, 1_000)),
    ((4, 10), (4, 1_000), (4, 100_000)),
    expected,
    parties=lambda size: size[0],
)

CELLS = (
    Cell(TASK, PAILLIER, by_paillier, security=lambda bits: f"{modulus(bits)}; reader and who adds up not in league"),
    Cell(TASK, SHARES, on_shares, security=lambda _: ALONE, leaks=NOTHING),
)
