"""The lockstep world: what it checks between the parties, its fault hooks, and programs that fail."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import perform, play, random_words, words

import mpcfl
from mpcfl.correlation import Dealt
from mpcfl.drivers.lockstep import Delivery, World
from mpcfl.effects import Draw, Open, Protocol, Reveal, Round, Send
from mpcfl.errors import Mismatch, PeerLost
from mpcfl.message import Exposure, Message
from mpcfl.protocol import Context
from mpcfl.protocols.additive import OUTPUT
from mpcfl.protocols.beaver import Mask, mul
from mpcfl.protocols.comparison import msb
from mpcfl.protocols.conversion import DaBit

SAID = Message("test/said", "party", "party", "words", Exposure.MASKED, "a test's words")
OTHER = Message("test/other", "party", "party", "words", Exposure.MASKED, "a test's other words")
BITS = Message("test/bits", "party", "party", "bits", Exposure.MASKED, "a test's bits")


def all_say(*effects):
    """A world of as many parties, each with one effect; their answers."""

    def one(effect) -> Protocol:
        return (yield effect)

    world = World([f"party{i}" for i in range(len(effects))], seed=0)
    return world.run([one(effect) for effect in effects]), world


# What an effect does


def test_words_are_opened_to_their_sum_and_bits_to_their_exclusive_or():
    answers, world = all_say(*(Open(SAID, words(n, -n)) for n in (3, 5, 9)))
    assert all(np.array_equal(answer, words(17, -17)) for answer in answers)
    assert world.bytes_sent == [32, 32, 32]
    answers, _ = all_say(*(Open(BITS, words(n)) for n in (3, 5, 9)))
    assert all(np.array_equal(answer, words(3 ^ 5 ^ 9)) for answer in answers)


def test_an_owner_opens_alone():
    answers, world = all_say(*(Open(SAID, words(n), owner=1) for n in (3, 5, 9)))
    assert [answer.tolist() for answer in answers] == [[5]] * 3
    assert world.bytes_sent == [0, 16, 0]


def test_a_send_reaches_one_or_all():
    answers, world = all_say(*(Send(SAID, 1, 2, words(n)) for n in (3, 5, 9)))
    assert answers[2].tolist() == answers[1].tolist() == [5]
    assert world.bytes_sent == [0, 8, 0]
    answers, world = all_say(*(Send(SAID, 1, None, words(n)) for n in (3, 5, 9)))
    assert [answer.tolist() for answer in answers] == [[5]] * 3
    assert world.bytes_sent == [0, 16, 0]


def test_an_output_reaches_its_readers_under_fresh_zeros():
    answers, world = all_say(*(Reveal(OUTPUT, words(n), (0, 2), "sum") for n in (3, 5, 9)))
    assert answers[1] is None
    assert answers[0].tolist() == answers[2].tolist() == [17]
    assert world.bytes_sent == [8, 16, 8]
    assert {entry.purpose for entry in world.ledgers[0].entries} == {"sum"}


def test_nothing_sent_is_no_round():
    _, world = all_say(*(Open(SAID, np.zeros((0, 3), np.uint64)) for _ in range(2)))
    assert (world.rounds, world.bytes_sent) == (0, [0, 0])


# What all parties must agree on


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Open(SAID, words(1)), Open(OTHER, words(1))),
        (Open(SAID, words(1)), Open(SAID, words(1, 2))),
        (Open(SAID, words(1)), Send(SAID, 0, 1, words(1))),
        (Reveal(OUTPUT, words(1), (0,), "sum"), Reveal(OUTPUT, words(1), (0,), "mean")),
        (Reveal(OUTPUT, words(1), (0,), "sum"), Reveal(OUTPUT, words(1), (0, 1), "sum")),
        (Send(SAID, 0, 1, words(1)), Send(SAID, 1, 0, words(1))),
        (Open(SAID, words(1), owner=0), Open(SAID, words(1))),
        (Open(SAID, words(1)), Draw(Mask((1,)))),
        (Draw(Mask((1,))), Draw(Mask((2,)))),
        (Draw(Mask((1,))), Draw(DaBit(1))),
    ],
)
def test_parties_that_say_different_things_are_stopped(one, two):
    with pytest.raises(Mismatch, match="the parties' protocols differ"):
        all_say(one, two)


def test_a_party_that_ends_early_is_noticed():
    def short() -> Protocol:
        return words(0)
        yield

    def long() -> Protocol:
        return (yield Open(SAID, words(1)))

    with pytest.raises(Mismatch, match="one asks for a round where another does not"):
        World(["a", "b"], seed=0).run([short(), long()])


def test_parties_with_another_number_of_messages_are_stopped():
    def one(count) -> Protocol:
        return (yield Round(tuple(Open(SAID, words(1)) for _ in range(count))))

    with pytest.raises(Mismatch, match="the parties' protocols differ"):
        World(["a", "b"], seed=0).run([one(1), one(2)])


# Determinism


def test_a_seed_fixes_every_word_and_no_seed_none():
    x, y = random_words(np.random.default_rng(0), (10,)), random_words(np.random.default_rng(1), (10,))

    def said(seed):
        return np.concatenate([d.words.reshape(-1) for d in play(mul, x, y, trivial=True, seed=seed).world.deliveries])

    np.testing.assert_array_equal(said(1), said(1))
    assert not np.isin(said(1), said(2)).any()
    assert not np.isin(said(None), said(None)).any()


# Faults


def flip(when):
    """A fault hook that flips one bit of the first matching delivery."""
    hit: list[Delivery] = []

    def hook(delivery: Delivery):
        if hit or not when(delivery):
            return delivery.words
        hit.append(delivery)
        changed = delivery.words.copy()
        changed.reshape(-1)[0] ^= np.uint64(1)
        return changed

    return hook, hit


def test_a_corrupted_word_spoils_its_element_and_no_other():
    hook, hit = flip(lambda delivery: delivery.receiver == 1)
    x, y = words(*range(3, 8)), words(*range(13, 18))
    result = play(mul, x, y, fault=hook).words
    assert len(hit) == 1
    assert (result != x * y).tolist() == [True, False, False, False, False]


def test_a_corrupted_bit_of_a_comparison_stays_with_its_element():
    hook, hit = flip(lambda d: d.message.name.startswith("conversion"))
    x = words(*range(-5, 5))
    result = play(msb, x, fault=hook).words
    assert len(hit) == 1
    assert (result != x >> np.uint64(63)).tolist() == [True] + [False] * 9


def test_a_dropped_delivery_surfaces_where_it_was_lost():
    def hook(delivery: Delivery):
        if delivery.round == 2:
            raise PeerLost("party1 did not answer", party="party1")
        return delivery.words

    seen = []

    def watching(delivery: Delivery):
        seen.append(delivery.round)
        return hook(delivery)

    with pytest.raises(PeerLost, match="party1 did not answer"):
        play(msb, words(1, 2, 3), fault=watching)
    assert max(seen) == 2


def test_a_fault_in_a_whole_program_is_raised_to_its_caller():
    def hook(delivery: Delivery):
        if delivery.message is OUTPUT:
            raise PeerLost("party0 did not answer", party="party0")
        return delivery.words

    def program(session):
        x = session.share(np.array([1.0, 2.0]), owner=0)
        return (x * x).reveal()

    with pytest.raises(PeerLost, match="party0 did not answer"):
        perform(program, fault=hook)


def test_the_hook_sees_every_delivery_once_in_order():
    seen = []

    def hook(delivery: Delivery):
        seen.append(delivery)
        return delivery.words

    played = play(msb, words(1, 2, 3), parties=3, fault=hook)
    assert seen == played.world.deliveries
    assert [d.round for d in seen] == sorted(d.round for d in seen)
    assert [sum(d.words.nbytes for d in seen if d.sender == rank) for rank in range(3)] == played.world.bytes_sent


# Programs


@pytest.mark.parametrize("rank", [0, 1, 2])
@pytest.mark.parametrize("when", ["at once", "after a round", "at the end"])
def test_an_exception_in_one_program_is_raised_to_the_caller(rank, when):
    def program(session):
        if session.rank == rank and when == "at once":
            raise RuntimeError("one party's own mistake")
        x = session.share(np.array([1.0]), owner=0, shape=(1,))
        (x * x).reveal()
        if session.rank == rank and when == "after a round":
            raise RuntimeError("one party's own mistake")
        (x + x).reveal()
        if session.rank == rank:
            raise RuntimeError("one party's own mistake")

    with pytest.raises(RuntimeError, match="one party's own mistake"):
        mpcfl.simulate(program, parties=3)


def test_a_program_that_ends_while_others_wait_is_named():
    def program(session):
        x = session.share(np.array([1.0]), owner=0, shape=(1,))
        if session.rank == 0:
            x.reveal()

    with pytest.raises(mpcfl.MpcflError, match=r"ended while others wait for it at test_lockstep.py:\d+") as caught:
        mpcfl.simulate(program)
    assert caught.value.code == 11


def test_only_the_holder_of_the_baton_runs():
    running, seen = set(), []

    def program(session):
        x = session.share(np.arange(3.0), owner=0, shape=(3,))
        for _ in range(20):
            running.add(session.rank)
            seen.append(len(running))
            running.discard(session.rank)
            x = x * x * 0.5
            x.reveal()

    mpcfl.simulate(program, parties=4)
    assert set(seen) == {1}


def test_what_a_draw_answers():
    def one(ctx: Context) -> Protocol:
        dealt = yield Draw(Mask((3,)))
        assert isinstance(dealt, Dealt)
        return dealt["a"]

    assert play(one).words.shape == (3,)
