"""Running rules and whole programs at all parties of a lockstep world, from words that the tests know in the clear."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpcfl import ring
from mpcfl.correlation import Correlation
from mpcfl.drivers.cost import Cost, CostDriver
from mpcfl.drivers.lockstep import Fault, LockstepDriver, Stage, World
from mpcfl.drivers.rounds import flatten
from mpcfl.effects import Draw, Open, Protocol
from mpcfl.ledger import Disclosures
from mpcfl.message import Message
from mpcfl.protocol import Context, Suite
from mpcfl.protocols import semi2k
from mpcfl.ring import Shape, Spec, Words
from mpcfl.session import Session
from mpcfl.share import Bit, Share

FRACTION = 18
FRACTIONS = {64: FRACTION, 128: 40}
"""By ring."""
RING = 64
"""That of the programs which `perform` runs; the option --ring of pytest sets it."""


def words(*values: int) -> Words:
    """A vector of ring words from Python integers, negative ones as two's complement."""
    return np.array([value % (1 << 64) for value in values], np.uint64)


def signed(x: Words) -> list[int]:
    """Ring words as signed Python integers."""
    return ring.integers(x)


def random_words(rng: np.random.Generator, shape: Shape, width: int = 64) -> Words:
    if width == 128:
        return rng.integers(0, 1 << 64, (*shape, 2), dtype=np.uint64).view(ring.dtype(128)).reshape(shape)
    return rng.integers(0, 1 << 64, shape, dtype=np.uint64)


def parts(clear: Words, parties: int, rng: np.random.Generator | None) -> list[Words]:
    """Additive shares of clear words, uniform; without `rng` the first party holds them and the others zeros."""
    if rng is None:
        return [clear, *(np.zeros_like(clear) for _ in range(parties - 1))]
    others = [random_words(rng, clear.shape, ring.width(clear)) for _ in range(parties - 1)]
    return [functools.reduce(ring.subtract, others, clear), *others]


def sum_of(results: Sequence[Any]) -> Words:
    """The clear words of all parties' results: words, shares or bits."""
    return functools.reduce(ring.add, [r.words if isinstance(r, Share | Bit) else r for r in results])


@dataclass(frozen=True)
class Opened:
    """What all parties saw opened."""

    message: Message
    words: Words


def watched(protocol: Protocol, opened: list[Opened], draws: list[Correlation]) -> Generator[Any, Any, Any]:
    """The same protocol; what it opens and draws is written down."""
    answer: Any = None
    while True:
        try:
            effect = protocol.send(answer)
        except StopIteration as stop:
            return stop.value
        answer = yield effect
        if isinstance(effect, Draw):
            draws.append(effect.correlation)
            continue
        for single, reply in zip(flatten(effect), _leaves(answer), strict=True):
            if isinstance(single, Open):
                opened.append(Opened(single.message, reply))


def _leaves(answer: Any) -> list[Any]:
    return [leaf for part in answer for leaf in _leaves(part)] if isinstance(answer, list) else [answer]


@dataclass(frozen=True)
class Played:
    """What a protocol did: the clear result, each party's own, the world, all that was opened and drawn."""

    words: Words
    results: list[Any]
    world: World
    opened: list[Opened] = field(repr=False)
    draws: list[Correlation] = field(repr=False)


def play(
    function: Callable[..., Protocol],
    *clear: Words,
    parties: int = 2,
    fraction: int | None = None,
    seed: int = 0,
    trivial: bool = False,
    owners: Sequence[int | None] | None = None,
    fault: Fault | None = None,
) -> Played:
    """Run `function(ctx, *shares)`, a generator of effects, at all parties.

    Parameters
    ----------
    *clear : Words
        The operands. They are shared uniformly; with `trivial` the first party holds them, so that a payload is uniform
        by its mask alone. Where `owners` names a rank, the operand is private to it. Their ring is that of the run.
    """
    width = ring.width(clear[0]) if clear else 64
    fraction = FRACTIONS[width] if fraction is None else fraction
    world = World([f"party{i}" for i in range(parties)], seed=seed, fault=fault, transcript=True)
    rng = None if trivial else np.random.default_rng(seed)
    operands: list[list[Share]] = []
    for x, owner in zip(clear, owners or [None] * len(clear), strict=True):
        if owner is None:
            operands.append([Share(part) for part in parts(x, parties, rng)])
        else:
            held = [x if rank == owner else np.zeros_like(x) for rank in range(parties)]
            operands.append([Share.private(part, owner) for part in held])
    opened: list[Opened] = []
    draws: list[Correlation] = []
    protocols = [
        function(Context(rank, parties, fraction, width), *(operand[rank] for operand in operands))
        for rank in range(parties)
    ]
    protocols[0] = watched(protocols[0], opened, draws)
    results = world.run(protocols)
    return Played(sum_of(results), results, world, opened, draws)


def cost(
    function: Callable[..., Protocol],
    *shapes: Shape,
    parties: int = 2,
    fraction: int | None = None,
    width: int = 64,
) -> Cost:
    """What `function(ctx, *shares)` costs on operands of these shapes, by the cost driver."""
    driver = CostDriver(0, parties)
    ctx = Context(0, parties, FRACTIONS[width] if fraction is None else fraction, width)
    driver.run(function(ctx, *(Share(Spec(shape, ring.dtype(width))) for shape in shapes)))  # type: ignore[arg-type]
    return driver.cost


def perform(
    program: Callable[[Session], Any],
    parties: int = 2,
    *,
    seed: int = 0,
    suite: Suite = semi2k.suite,
    fault: Fault | None = None,
    disclosures: Disclosures | None = None,
) -> tuple[list[Any], World]:
    """A whole program at all parties, with the world and its transcript: what `mpcfl.simulate` does."""
    suite = suite.over(RING) if RING != 64 else suite
    world = World(
        [f"party{i}" for i in range(parties)], seed=seed, fault=fault, disclosures=disclosures, transcript=True
    )
    stage = Stage(world)

    def one(rank: int) -> Callable[[], Any]:
        session = Session(world.names, rank, LockstepDriver(stage, rank), FRACTIONS[suite.width], suite)
        return lambda: (program(session), session.barrier())[0]

    return stage.run([one(rank) for rank in range(parties)]), world
