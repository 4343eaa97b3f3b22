"""Private comparison by Paillier: right for every pair, one round trip, and what the reader decrypts says one bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from wiring import at_once, people

import mpcfl
from mpcfl import he
from mpcfl.connection import connect
from mpcfl.errors import InputError
from mpcfl.message import Exposure
from mpcfl.protocols import millionaires

SECRET = he.generate(insecure_bits=256)


def program(x, y, bits):
    own = [np.asarray(x, np.int64), np.asarray(y, np.int64)]

    def compare(session):
        secret = SECRET if session.rank == 0 else None
        return session.perform(millionaires.less(SECRET.public, secret, own[session.rank], bits), bits)

    return compare


def pairs(bits):
    numbers = st.integers(0, (1 << bits) - 1)
    near = st.tuples(numbers, st.integers(-1, 1)).map(lambda p: (p[0], min(max(p[0] + p[1], 0), (1 << bits) - 1)))
    return st.lists(st.tuples(numbers, numbers) | near, min_size=1, max_size=3)


@settings(deadline=None, max_examples=25)
@given(st.integers(1, millionaires.LARGEST).flatmap(lambda bits: st.tuples(st.just(bits), pairs(bits))))
def test_the_reader_learns_where_its_numbers_are_less(case):
    bits, both = case
    x, y = np.array(both, np.int64).T
    run = mpcfl.simulate(program(x, y, bits))
    np.testing.assert_array_equal(run.results[0], x < y)
    assert run.results[0].dtype == bool
    assert run.results[1] is None
    assert run.rounds == 2


def test_every_pair_of_small_numbers():
    x, y = (one.reshape(-1) for one in np.meshgrid(np.arange(8), np.arange(8)))
    np.testing.assert_array_equal(mpcfl.simulate(program(x, y, 3)).results[0], x < y)


@pytest.mark.parametrize("bits", range(1, 63))
def test_no_test_reaches_the_field_and_no_number_its_bound(bits):
    u = millionaires._field(bits)
    assert u > 2 + 3 * (bits - 1)
    largest = (2 + 3 * (bits - 1)) * (u - 1) + u * ((1 << millionaires._quotient_bits(bits)) - 1)
    assert largest <= millionaires._bound(bits)
    assert 3 * bits * bits << millionaires.SIGMA <= 1 << millionaires._quotient_bits(bits)


def test_what_is_decrypted_is_a_zero_at_a_random_place_and_uniform_numbers():
    bits, count = 5, 600
    x, y = np.full(count, 12), np.full(count, 19)
    digits = [millionaires._digits(one, bits) for one in (x, y)]
    tests = SECRET.decrypt(millionaires._tests(SECRET.encrypt(he.Plain(digits[0], 0, 1)), digits[1]), dtype=object)
    u, wide = millionaires._field(bits), millionaires._quotient_bits(bits)
    residues = (tests % u).astype(int)
    assert np.all((residues == 0).sum(axis=1) == 1)
    assert chisquare(np.bincount(np.argmin(residues, axis=1), minlength=bits)).pvalue > 1e-6
    assert chisquare(np.bincount(residues[residues > 0], minlength=u)[1:]).pvalue > 1e-6
    top = (tests // u >> (wide - 3)).astype(int).reshape(-1)
    assert chisquare(np.bincount(top, minlength=8)).pvalue > 1e-6
    assert len(set((tests // u).reshape(-1).tolist())) == tests.size


def test_where_nothing_is_less_no_number_is_zero():
    digits = [millionaires._digits(np.array(one), 6) for one in ([7, 9, 63], [7, 8, 0])]
    tests = SECRET.decrypt(millionaires._tests(SECRET.encrypt(he.Plain(digits[0], 0, 1)), digits[1]), dtype=object)
    assert np.all(tests % millionaires._field(6) != 0)


def test_two_answers_to_the_same_question_have_nothing_in_common():
    digits = millionaires._digits(np.array([5]), 3)
    asked = SECRET.encrypt(he.Plain(digits, 0, 1))
    first, second = (millionaires._tests(asked, digits).packed() for _ in range(2))
    assert not set(first.ciphertexts) & set(second.ciphertexts)
    assert not np.array_equal(first.to_words(), first.to_words())  # randomised each time it leaves


@pytest.mark.parametrize(("own", "bits"), [([8], 3), ([-1], 3), ([0], 0), ([0], 63)])
def test_numbers_out_of_range_are_refused(own, bits):
    with pytest.raises(InputError):
        mpcfl.simulate(program(own, [0], bits))


def test_it_runs_over_real_links_and_its_ledgers_say_what_was_sent():
    identities, roster = people(2)

    def play(identity):
        with connect(roster, identity, identity.name, connect_timeout=30) as session:
            result = program([3, 200], [4, 100], 8)(session)
            return result, {(entry.message, entry.exposure) for entry in session.ledger.entries}

    outcomes = at_once(*(lambda identity=identity: play(identity) for identity in identities))
    for outcome in outcomes:
        assert not isinstance(outcome, Exception), outcome
    assert outcomes[0][0].tolist() == [True, False]
    assert outcomes[0][1] == {("compare.bits", "ciphertext"), ("compare.tests", "masked")}
    assert [one.exposure for one in millionaires.MESSAGES] == [Exposure.CIPHERTEXT, Exposure.MASKED]
