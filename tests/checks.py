"""What is asked of every rule of every suite; each check raises AssertionError."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from cases import Case, cases
from simulation import FRACTIONS, Played, cost, play

from mpcfl import audit, ring
from mpcfl.drivers.lockstep import World
from mpcfl.message import Exposure
from mpcfl.protocol import Context, Suite
from mpcfl.protocols import plain
from mpcfl.ring import Shape, Words
from mpcfl.share import Share


def trial(suite: Suite, case: Case, clear: Sequence[Words], parties: int, **how: object) -> Played:
    return play(partial(case.start, suite), *clear, parties=parties, **how)  # type: ignore[arg-type]


def oracle(case: Case, clear: Sequence[Words]) -> Words:
    """What the plain suite answers, alone and without a word sent."""
    width = ring.width(clear[0])
    protocol = case.start(plain.suite, Context(0, 1, FRACTIONS[width], width), *(Share(x) for x in clear))
    try:
        next(protocol)
    except StopIteration as stop:
        return getattr(stop.value, "words", stop.value)
    raise AssertionError("the oracle asks for a message")


def check_result(suite: Suite, case: Case, shapes: Sequence[Shape], parties: int) -> Played:
    clear = case.inputs(np.random.default_rng(parties), shapes)
    before = [x.copy() for x in clear]
    played = trial(suite, case, clear, parties)
    expected = oracle(case, clear)
    assert played.words.shape == expected.shape
    assert case.agrees(played.words, expected, clear), f"{suite.name}: {case.name} differs from the plain suite"
    assert all(np.array_equal(x, y) for x, y in zip(clear, before, strict=True)), "an operand was written to"
    return played


def check_cost(suite: Suite, case: Case, shapes: Sequence[Shape], played: Played) -> None:
    """Declared, foreseen and measured cost are one."""
    parties = played.world.parties
    foreseen = cost(partial(case.start, suite), *shapes, parties=parties, width=suite.width)
    measured = played.world
    assert foreseen.bytes_sent == measured.bytes_sent
    assert foreseen.rounds == measured.rounds
    assert foreseen.offline_bytes == measured.offline_bytes
    assert foreseen.draws == Counter(correlation.family for correlation in played.draws)
    declared = sum(suite[p].bits([shapes[i] for i in places], parties) for p, places in case.uses)
    assert [8 * sent for sent in measured.bytes_sent] == [declared] * parties
    if declared:  # where nothing is sent there is no round
        assert measured.rounds == sum(suite[primitive].rounds for primitive, _ in case.uses)


def check_declarations(suite: Suite, case: Case, played: Played) -> None:
    """A rule sends and draws what it declares, and every payload has its declared form."""
    rules = [suite[primitive] for primitive, _ in case.uses]
    messages = {message for rule in rules for message in rule.messages}
    for delivery in played.world.deliveries:
        assert delivery.message in messages, f"{case.name} sends {delivery.message.name}, which it does not declare"
    correlations = {kind for rule in rules for kind in rule.correlations}
    for correlation in played.draws:
        assert type(correlation) in correlations, f"{case.name} draws {correlation.family}, which it does not declare"


def check_every_message_is_sent(suite: Suite, sent: Iterable[str]) -> None:
    unsent = suite.messages.keys() - set(sent)
    assert not unsent, f"{suite.name} declares {', '.join(sorted(unsent))}, which no rule sends"


def check_ledgers(world: World, folder: Path) -> None:
    """Every party's ledger verifies, adds up to what it sent, and mirrors that of every other."""
    for name, ledger, sent in zip(world.names, world.ledgers, world.bytes_sent, strict=True):
        ledger.save(folder / name)
        totals = audit.verify(folder / name).totals
        assert sum(total.payload_bytes for total in totals if total.direction == "out") == sent
    for a, b in itertools.combinations(world.names, 2):
        differences = audit.compare(folder / a, folder / b)
        assert not differences, "; ".join(map(str, differences))


def masked_words(suite: Suite, primitive: str, shapes: Sequence[Shape], parties: int) -> list[Words]:
    """What is said under a mask where all inputs and their shares are zero: each sender's payloads, and the sums."""
    said: list[Words] = []
    for seed, case in enumerate(cases(suite, primitive)):
        clear = [ring.zeros(shape, suite.width) for shape in shapes]
        played = trial(suite, case, clear, parties, trivial=True, seed=seed)
        for delivery in played.world.deliveries:
            first = 1 if delivery.sender == 0 else 0
            if delivery.message.exposure is Exposure.MASKED and delivery.receiver == first:
                said.append(np.concatenate(ring.limbs(delivery.words.reshape(-1))))
        opened = [o.words.reshape(-1) for o in played.opened if o.message.exposure is Exposure.MASKED]
        said += [np.concatenate(ring.limbs(part)) for part in opened]
    return said


CHI_SQUARE_LIMIT = 255 + 5 * np.sqrt(2 * 255)
"""Five standard deviations above the mean of 255 degrees of freedom: about one in 10^6."""


def check_uniform(said: Sequence[Words]) -> None:
    """The bytes of each of eight places in a word are uniform (chi-square)."""
    places = np.concatenate(said).view(np.uint8).reshape(-1, 8)
    for place in range(8):
        counts = np.bincount(places[:, place], minlength=256)
        expected = len(places) / 256
        statistic = float(((counts - expected) ** 2 / expected).sum())
        assert statistic < CHI_SQUARE_LIMIT, f"byte {place} of masked words is not uniform: chi-square {statistic:.0f}"


def check_no_word_repeats(said: Sequence[Words]) -> None:
    """No 64-bit word is said twice: below 2^20 uniform words one pair in 2^25 runs would be."""
    every = np.concatenate(said)
    repeated = every.size - np.unique(every).size
    assert repeated == 0, f"{repeated} of {every.size} masked words repeat others: a mask was used again"
