"""What follows a truncation opens nothing of it again, and says of it what the oracle says, over the whole range."""

from __future__ import annotations

import numpy as np
import pytest
from checks import check_no_word_repeats, check_uniform
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import Played, cost, perform, play, random_words, signed, words

import mpcfl
from mpcfl import numerics, ring
from mpcfl.correlation import Leaf
from mpcfl.effects import Protocol
from mpcfl.message import Exposure
from mpcfl.protocol import Context, together
from mpcfl.protocols.beaver import OPERAND, mul, mux
from mpcfl.protocols.comparison import Digits, eqz, msb
from mpcfl.protocols.truncation import PRODUCT, trunc_pr
from mpcfl.protocols.upper import TruncMux
from mpcfl.protocols.windows import precise_sigmoid, sigmoid, silu
from mpcfl.share import Share
from mpcfl.view import View

RINGS = [(64, bits) for bits in (1, 13, 18, 19, 33, 50, 62)] + [(128, bits) for bits in (1, 41, 64, 100)]
"""Rings and the bits that are cut off: tables of four groups of digits, of three, of two."""


def in_ring(values: list[int], width: int):
    return ring.words(np.array([value % (1 << width) for value in values], object), width)


def numbers(width: int, shift: int, seed: int, more: int = 200) -> list[int]:
    """The ends of |x| < 2^(k-2), zeros, the steps around multiples of 2^shift, and all magnitudes."""
    limit, step = 1 << width - 2, 1 << shift
    rng = np.random.default_rng(seed)
    edges = [0, 1, -1, limit - 1, -limit, limit - step, step - limit, limit - step // 2 - 1, 1 - limit, step, -step]
    for exponent in rng.integers(0, width - 2, more).tolist():
        size = int.from_bytes(rng.bytes(16), "big") % (1 << exponent + 1)
        edges.append(int(rng.choice([-1, 1])) * size)
    return [value for value in edges if -limit <= value < limit]


def after(shift: int, follow):
    """`follow` on what a truncation by `shift` bits makes, and that itself."""

    def protocol(ctx: Context, x: Share) -> Protocol:
        y = yield from trunc_pr(ctx, x.words, 1, shift)
        answer = yield from follow(ctx, y)
        return ring.concatenate([getattr(answer, "words", answer), y.words], 0)

    return protocol


def followed(width: int, shift: int, follow, parties: int = 2, seed: int = 0) -> tuple[list[int], list[int], Played]:
    """What follows a truncation of `numbers` says, and of which numbers."""
    x = in_ring(numbers(width, shift, seed), width)
    played = play(after(shift, follow), x, parties=parties, seed=seed)
    answers = np.split(played.words, [len(played.words) - len(x)])
    return *map(signed, answers), played


def opened(played: Played) -> list:
    return [said.message for said in played.opened if said.message in (OPERAND, PRODUCT)]


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize(("width", "shift"), RINGS)
def test_signs_and_zeros(width, shift, parties):
    for seed in range(3):
        negative, y, played = followed(width, shift, msb, parties, seed)
        assert negative == [int(value < 0) for value in y]
        assert opened(played) == [PRODUCT]
        zero, y, played = followed(width, shift, eqz, parties, seed)
        assert zero == [int(value == 0) for value in y]
        assert opened(played) == [PRODUCT]


@pytest.mark.parametrize("width", [64, 128])
def test_both_ends_of_what_a_truncation_makes(width):
    """2^(k-2-m) itself comes out where the coin rounds up."""
    limit, shift = 1 << width - 2, 18
    x = in_ring([limit - 1, -limit] * 40, width)
    found = set()
    for seed in range(4):
        played = play(after(shift, msb), x, seed=seed)
        negative, y = np.split(played.words, 2)
        assert signed(negative) == [int(value < 0) for value in signed(y)]
        found |= set(signed(y))
    assert found >= {limit >> shift, -(limit >> shift)}


def plus(public: int, follow):
    """`follow` on the sum with a public number."""

    def protocol(ctx: Context, y: Share) -> Protocol:
        return (yield from follow(ctx, y.shift(ring.like(y.words, y.shape, public), ctx.first)))

    return protocol


@pytest.mark.parametrize(("width", "shift"), RINGS)
def test_with_a_public_number(width, shift):
    """Any that is representable, also those beyond all that was truncated."""
    end, limit = 1 << width - 2 - shift, 1 << width - 2
    for public in {0, 1, -1, end - 1, end, -end, end + 1, -end - 1, 2 * end, -2 * end, 3 * end, limit - 1, 1 - limit}:
        if abs(public) >= limit:
            continue

        for rule, expected in ((msb, lambda v: v < 0), (eqz, lambda v: v == 0)):
            answer, y, played = followed(width, shift, plus(public, rule), seed=3)
            assert answer == [int(expected(value + public)) for value in y]
            assert opened(played) == [PRODUCT]


@pytest.mark.parametrize(("width", "shift"), RINGS)
def test_zero_at_both_ends(width, shift):
    """y + k = 0 for k at the ends of the range of y, where twice the range is that of the ring."""
    end = 1 << width - 2 - shift
    x = in_ring([(1 << width - 2) - 1, -(1 << width - 2)] * 8, width)
    for public in (end, -end):
        answer, y = np.split(play(after(shift, plus(public, eqz)), x).words, 2)
        assert signed(answer) == [int(value + public == 0) for value in signed(y)]
        assert any(signed(answer))


def bit_of(ctx: Context, y: Share) -> Protocol:
    return (yield from mux(ctx, (yield from msb(ctx, y)), y))


@pytest.mark.parametrize("parties", [2, 3, 5])
@pytest.mark.parametrize(("width", "shift"), RINGS)
def test_a_choice_by_its_own_sign(width, shift, parties):
    part, y, played = followed(width, shift, bit_of, parties)
    assert part == [min(value, 0) for value in y]
    assert opened(played) == [PRODUCT]


@pytest.mark.parametrize("width", [64, 128])
def test_a_choice_with_a_public_number(width):
    public = 12345 - (1 << width - 3)
    part, y, played = followed(width, 18, plus(public, bit_of))
    assert part == [min(value + public, 0) for value in y]
    assert opened(played) == [PRODUCT]


VIEWS = {
    "slice": (lambda y: y.take(slice(3, None, 2)), 1),
    "gather": (lambda y: y.take(np.array([2, 2, 0, -1])), 1),
    "transposed": (lambda y: y.reshape((4, 5)).transpose((1, 0)).reshape((20,)), 1),
    "broadcast": (lambda y: y.broadcast((3, 20)).reshape((60,)), 1),
    "beside itself": (lambda y: Share.concatenate([y, y.take(slice(5))], 0), 1),
    "negative": (lambda y: y.scale(-1), 1),
    "negative beside it": (lambda y: Share.concatenate([y, y.scale(-1)], 0), 2),
    "scaled": (lambda y: y.scale(2), 2),
}


@pytest.mark.parametrize("name", VIEWS)
def test_what_views_open(name):
    """Factors need an opening, but for a change of sign."""
    move, openings = VIEWS[name]
    x = words(*(value << 18 for value in range(-10, 10)))

    def protocol(ctx: Context, x: Share) -> Protocol:
        y = move((yield from trunc_pr(ctx, x.words, 1, 18)))
        bit = yield from msb(ctx, y)
        return ring.concatenate([bit.words, (yield from mux(ctx, bit, y)), y.words], 0)

    played = play(protocol, x)
    bit, part, y = (signed(one) for one in np.split(played.words, 3))
    assert bit == [int(value < 0) for value in y]
    assert part == [min(value, 0) for value in y]
    assert len(opened(played)) == openings


def chain(ctx: Context, x: Share, y: Share) -> Protocol:
    """A product, what follows it beside each other, and a product of it."""
    made = yield from trunc_pr(ctx, (yield from mul(ctx, x, y)), 1, 18)
    moved = made.shift(ring.like(made.words, made.shape, 5), ctx.first)
    parts = yield from together(
        bit_of(ctx, made), msb(ctx, moved), eqz(ctx, moved), sigmoid(ctx, made), mul(ctx, made, y)
    )
    return ring.concatenate([getattr(part, "words", part) for part in parts], 0)


@pytest.mark.parametrize("parties", [2, 3])
def test_what_is_said_is_uniform_and_no_mask_is_used_again(parties):
    said = []
    for seed in range(2):
        zero = np.zeros(4096, np.uint64)
        played = play(chain, zero, zero, parties=parties, seed=seed, trivial=True)
        said += [one.words.reshape(-1) for one in played.opened if one.message.exposure is Exposure.MASKED]
        for delivery in played.world.deliveries:
            if delivery.message.exposure is Exposure.MASKED and delivery.receiver == (delivery.sender == 0):
                said.append(delivery.words.reshape(-1))
    check_uniform(said)
    check_no_word_repeats(said)


@pytest.mark.parametrize(
    ("kind", "field", "change"),
    [
        (Digits, "top", lambda v: v ^ np.uint64(1)),
        (Digits, "tables", lambda v: v ^ np.uint64(0xFFFFFFFFFFFFFFFF)),
        (TruncMux, "rho", lambda v: v + np.uint64(1)),
        (TruncMux, "mu", lambda v: v + np.uint64(1)),
    ],
)
def test_a_correlation_dealt_wrong(kind, field, change, monkeypatch):
    sample = kind.sample

    def spoiled(self, uniform, *masks):
        fields = dict(sample(self, uniform, *masks))
        return {**fields, field: change(fields[field])}

    monkeypatch.setattr(kind, "sample", spoiled)
    part, y, _ = followed(64, 18, bit_of)
    assert part != [min(value, 0) for value in y]


def test_truncations_by_other_numbers_of_bits_beside_each_other():
    def protocol(ctx: Context, x: Share) -> Protocol:
        y, z = yield from together(trunc_pr(ctx, x.words, 1, 18), trunc_pr(ctx, x.words, 1, 19))
        return (yield from msb(ctx, Share.concatenate([y, z], 0)))

    played = play(protocol, words(*(value << 19 for value in range(-5, 5))))
    assert signed(played.words) == [1] * 5 + [0] * 5 + [1] * 5 + [0] * 5
    assert opened(played) == [PRODUCT, PRODUCT, OPERAND, OPERAND]


def test_a_truncation_times_another_number_is_opened():
    def protocol(ctx: Context, x: Share) -> Protocol:
        return (yield from msb(ctx, (yield from trunc_pr(ctx, x.words, 3, 18))))

    played = play(protocol, words(-(1 << 20), 1 << 20))
    assert signed(played.words) == [1, 0]
    assert opened(played) == [PRODUCT, OPERAND]


def test_a_number_that_was_opened_for_a_product_is_compared_by_the_shorter_tables():
    def protocol(ctx: Context, x: Share) -> Protocol:
        y = yield from trunc_pr(ctx, x.words, 1, 18)
        square = yield from mul(ctx, y, y)
        bit = yield from msb(ctx, y)
        return ring.concatenate([square, bit.words, (yield from mux(ctx, bit, y))], 0)

    played = play(protocol, words(-(3 << 18), 3 << 18))
    assert signed(played.words) == [9, 9, 1, 0, -3, 0]
    assert opened(played) == [PRODUCT, OPERAND]
    assert [draw.family for draw in played.draws].count("trunc_mux") == 0  # one product instead of two


@pytest.mark.parametrize("rule", [sigmoid, precise_sigmoid, silu])
@pytest.mark.parametrize("parties", [2, 3])
def test_functions_of_a_window(rule, parties):
    """The same as on a number that has to be opened, within the coin of one truncation."""
    rng = np.random.default_rng(1)
    reals = np.concatenate([rng.uniform(-20, 20, 300), [0, 9, -9, 14.5, -14.5, 2.0**25, -(2.0**25)]])
    x = ring.encode(reals, 18) << np.uint64(18)
    answers, y = np.split(play(after(18, rule), x, parties=parties).words.view(np.int64), 2)
    plain = play(rule, y.view(np.uint64), parties=parties).words.view(np.int64)
    assert np.abs(answers - plain).max() <= 1
    assert opened(play(after(18, rule), x)) == [PRODUCT, PRODUCT]


def test_what_it_costs():
    """One round and 8 bytes less, and a group of digits."""
    n = 6400
    alone, behind = cost(msb, (n,)), cost(lambda ctx, x: after(18, msb)(ctx, x), (n,))
    assert (alone.rounds, behind.rounds) == (4, 1 + 3)
    assert alone.bytes_sent[0] == n * (64 + 35) // 8
    assert behind.bytes_sent[0] - 8 * n == n * (7 * 3 + 4 + 1) // 8
    relu = cost(lambda ctx, x: after(18, bit_of)(ctx, x), (n,))
    assert (relu.rounds, relu.bytes_sent) == (behind.rounds, behind.bytes_sent)


def test_tables_of_the_upper_digits():
    for low, groups in ((1, 4), (15, 3), (18, 3), (31, 2), (47, 2)):
        leaf = View.leaf(Leaf(0, 0, (5,), low=low), (5,))
        assert Digits(leaf, True).tensors[0].shape == (5, groups)
    wide = View.leaf(Leaf(0, 0, (5,), "wide", low=41), (5,))
    assert Digits(wide, True).tensors[0].shape == (2, 5, 3)
    both = Digits(View("concatenate", 0, (leaf, View.leaf(Leaf(1, 0, (5,), low=3), (5,))), (10,)), True)
    assert both.low == 3


# ------------------------------------------------------------------------------------------------------------ programs


def relu_of_product(x, y):
    return numerics.relu(x * y) * y


def slice_of_product(x, y):
    z = (x * y)[1::2]
    return np.where(z > 0.25, z, -z)


def sigmoid_of_product(x, y):
    return numerics.sigmoid(x * y) * y


def extremes_of_product(x, y):
    z = x * y
    return np.maximum(z, 0.5) + np.minimum(z, -0.5) + abs(z) + np.concatenate([z[:2], z[2:]]).clip(-1, 1)


PROGRAMS = {
    relu_of_product: (2 + 3 + 2, 1e-4),
    slice_of_product: (2 + 3 + 1, 1e-4),
    sigmoid_of_product: (2 + 3 + 2, 4e-4 * 8),
    extremes_of_product: (2 + 3, 1e-4),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_rounds_of_chains(program):
    assert mpcfl.cost(program, (8,), (8,)).rounds == PROGRAMS[program][0]


REAL = st.integers(-(8 << 10), 8 << 10).map(lambda v: v / 1024)


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("program", PROGRAMS)
@given(st.lists(st.tuples(REAL, REAL), min_size=2, max_size=9), st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_chains_are_what_numpy_says(program, parties, pairs, seed):
    x, y = np.array(pairs).T

    def on_secrets(session):
        return program(session.share(x, 0, x.shape), session.share(y, 1, y.shape)).reveal()

    results, world = perform(on_secrets, parties, seed=seed)
    expected = program(x, y)
    decided = np.ones(expected.shape) if program is not slice_of_product else np.abs(x * y - 0.25)[1::2] > 2.0**-17
    for result in results:
        assert np.abs((result - expected) * decided).max(initial=0) <= PROGRAMS[program][1]
    foreseen = mpcfl.cost(program, x.shape, y.shape, parties=parties)
    assert sum(world.bytes_sent) == sum(foreseen.bytes_sent) + 8 * parties * (parties - 1) * expected.size


def test_a_forecast_of_what_is_already_open():
    """What a flush before left open counts."""

    def program(session):
        x, y = session.share(np.arange(-4.0, 4), 0, (8,)), session.share(np.ones(8), 1, (8,))
        z = x * y
        session.barrier()
        before = session.rounds
        below = (z < 0).reveal()
        return below, session.rounds - before

    for below, rounds in perform(program)[0]:
        assert below.tolist() == [True] * 4 + [False] * 4
        assert rounds == 3 + 1


def test_random_words_are_not_assumed():
    """A comparison of words that no truncation made is over the whole ring, as before."""
    x = random_words(np.random.default_rng(0), (100,))
    assert play(msb, x).words.tolist() == (x >> np.uint64(63)).tolist()
