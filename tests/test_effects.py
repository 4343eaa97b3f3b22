"""`together`: rounds merge, draws keep their order, results keep theirs, whatever each protocol does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import cost, play, random_words, words

from mpcfl.drivers.cost import CostDriver
from mpcfl.effects import Draw, Open, Protocol, Round, Send
from mpcfl.message import Exposure, Message
from mpcfl.protocol import Context, together
from mpcfl.protocols import semi2k
from mpcfl.protocols.beaver import Mask, mul
from mpcfl.protocols.truncation import trunc_pr

SAID = Message("test/said", "party", "party", "words", Exposure.MASKED, "a test's words")


def talk(rounds: int, size: int = 1) -> Protocol:
    """So many rounds of an open, a draw before each; the answer is what was opened."""
    heard = []
    for number in range(rounds):
        yield Draw(Mask((size,)))
        heard.append((yield Open(SAID, np.full(size, number + 1, np.uint64))))
    return heard


def listed(heard) -> list:
    """Arrays within lists as lists."""
    return [listed(part) for part in heard] if isinstance(heard, list) else heard.tolist()


def frames(world) -> list[tuple[int, int]]:
    """(round, words) of what rank 0 sends rank 1."""
    return [(d.round, d.words.size) for d in world.deliveries if (d.sender, d.receiver) == (0, 1)]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_as_many_rounds_as_the_longest(lengths):
    def protocol(ctx: Context) -> Protocol:
        heard = yield from together(*(talk(rounds, size + 1) for size, rounds in enumerate(lengths)))
        expected = [[[2 * (n + 1)] * (size + 1) for n in range(rounds)] for size, rounds in enumerate(lengths)]
        assert listed(heard) == expected
        return words(0)

    world = play(protocol).world
    assert world.rounds == max(lengths)
    # the n-th round carries, in order, the payload of every protocol that has one
    assert frames(world) == [
        (n, size + 1) for n in range(max(lengths)) for size, rounds in enumerate(lengths) if rounds > n
    ]


def test_together_nests():
    def protocol(ctx: Context) -> Protocol:
        def inner() -> Protocol:
            yield from talk(1, 5)
            return (yield from together(talk(2, 6), talk(1, 7)))

        assert listed((yield from together(talk(2, 4), inner()))) == [
            [[2] * 4, [4] * 4],
            [[[2] * 6, [4] * 6], [[2] * 7]],
        ]
        return words(0)

    assert frames(play(protocol).world) == [(0, 4), (0, 5), (1, 4), (1, 6), (1, 7), (2, 6)]


def test_draws_come_in_the_order_of_the_arguments_round_by_round():
    drawn = []
    driver = CostDriver(0, 2, lambda correlation: drawn.append(correlation.shape))
    driver.run(together(talk(2, 1), talk(1, 2), talk(2, 3)))
    assert drawn == [(1,), (2,), (3,), (1,), (3,)]


def test_nothing_and_one_alone():
    def protocol(ctx: Context) -> Protocol:
        assert (yield from together()) == []
        assert (yield from together(talk(0))) == [[]]
        return words(0)

    assert play(protocol).world.rounds == 0


def test_a_round_answers_in_its_own_shape():
    def protocol(ctx: Context) -> Protocol:
        said = Open(SAID, words(1))
        a, (b, c), nothing = yield Round((said, Round((said, Send(SAID, 1, 0, words(5 + ctx.rank)))), Round(())))
        assert (a, b, nothing) == (words(2), words(2), [])
        assert c == words(6)
        return words(0)

    assert play(protocol).world.rounds == 1


@pytest.mark.parametrize("parties", [2, 3])
def test_protocols_side_by_side_give_what_they_give_alone(parties):
    rng = np.random.default_rng(0)
    x, y = random_words(rng, (20,)), random_words(rng, (20,))
    results = []

    def protocol(ctx: Context, left, right) -> Protocol:
        product, bit, small = yield from together(
            mul(ctx, left, right), semi2k.suite["msb"](ctx, right), trunc_pr(ctx, ctx.constant(words(1 << 30)), 1, 10)
        )
        results.append((product, bit.words, small.words))
        return product

    played = play(protocol, x, y, parties=parties)
    assert played.world.rounds == 4
    product, bit, small = (np.add.reduce([part[i] for part in results]) for i in range(3))
    np.testing.assert_array_equal(product, x * y)
    np.testing.assert_array_equal(bit, y >> np.uint64(63))
    np.testing.assert_array_equal(small, words(1 << 20))


def test_an_operand_that_two_protocols_share_is_opened_by_one():
    def alone(ctx, x, y):
        return (yield from mul(ctx, x, y))

    def both(ctx, x, y):
        first, second = yield from together(mul(ctx, x, y), mul(ctx, y, x))
        return first + second

    x, y = words(3, 4), words(5, -6)
    np.testing.assert_array_equal(play(both, x, y).words, words(30, -48))
    assert cost(both, (2,), (2,)).bytes_sent == cost(alone, (2,), (2,)).bytes_sent
