"""Products and powers modulo large numbers: those of integers, by lanes and by GMP, in one thread or several."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from gmpy2 import mpz
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl import threads
from mpcfl.he import residues
from mpcfl.he.powers import inverses, scaled, small_powers

lanes = pytest.mark.skipif(not residues.LANES, reason="this processor has no such multipliers")
WAYS = [pytest.param("lanes", marks=lanes), "plain"]
BITS = [7, 51, 102, 206, 207, 1024, 2048, 4096]
"""About where one more digit is needed, and what keys have."""


def made(way, modulus):
    return residues.LaneResidues(mpz(modulus)) if way == "lanes" else residues.Residues(mpz(modulus))


def odd(bits):
    return st.integers(2 ** (bits - 1), 2**bits - 1).map(lambda n: n | 1)


def numbers(modulus, count):
    """The ends of the range among others."""
    inside = st.one_of(st.sampled_from([0, 1, modulus - 1]), st.integers(0, modulus - 1))
    return st.lists(inside.map(mpz), min_size=count, max_size=count)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bits", BITS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_it_computes_as_integers_do(way, bits, data):
    modulus, count = data.draw(odd(bits)), data.draw(st.integers(1, 19))
    given_ = data.draw(numbers(modulus, count))
    within = made(way, modulus)
    held = within.take(given_)
    assert within.give(held) == given_
    places = np.array(
        data.draw(st.lists(st.lists(st.integers(0, count - 1), min_size=3, max_size=3), min_size=0, max_size=20)), int
    ).reshape(-1, 3)
    expected = [given_[a] * given_[b] * given_[c] % modulus for a, b, c in places]
    assert within.give(within.products(held, places)) == expected
    assert within.give(within.products(held, np.ascontiguousarray(places[:, :1]))) == [given_[a] for a, _, _ in places]
    exponent = data.draw(st.one_of(st.integers(0, 40), st.integers(0, 2**70)))
    assert within.give(within.power(held, exponent)) == [pow(int(one), exponent, modulus) for one in given_]
    times = data.draw(st.integers(0, 30))
    assert within.give(within.doubled(held, times)) == [pow(int(one), 1 << times, modulus) for one in given_]


@pytest.mark.parametrize("way", WAYS)
def test_the_largest_digits_do_not_overflow(way):
    for bits in (206, 2048, 8192):
        modulus = 2**bits - 1
        within = made(way, modulus)
        held = within.take([mpz(modulus - 1), mpz(modulus - 2), mpz(2 ** (bits - 1))])
        for _ in range(50):
            held = within.products(held, np.array([[0, 1], [1, 1], [2, 0]]))
        a, b, c = modulus - 1, modulus - 2, 2 ** (bits - 1)
        for _ in range(50):
            a, b, c = a * b % modulus, b * b % modulus, c * a % modulus
        assert within.give(held) == [a, b, c]


@pytest.mark.parametrize("way", WAYS)
def test_small_powers_are_powers(way):
    within = made(way, 10**40 + 121)
    bases = [mpz(7), mpz(0), mpz(10**40), mpz(3**50)]
    for count in (2, 3, 16, 21):
        table = within.give(small_powers(within, within.take(bases), count))
        assert table == [pow(int(base), i, 10**40 + 121) for base in bases for i in range(count)]


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_powers_of_their_own_and_inverses(way, data):
    modulus = 2**127 - 1
    within = made(way, modulus)
    count = data.draw(st.integers(0, 9))
    bases = data.draw(st.lists(st.integers(1, modulus - 1).map(mpz), min_size=count, max_size=count))
    sizes = st.one_of(st.integers(-3, 3), st.integers(-(2**64), 2**64))
    exponents = np.array(data.draw(st.lists(sizes, min_size=count, max_size=count)), object)
    assert scaled(within, bases, exponents) == [
        pow(int(b), int(e), modulus) for b, e in zip(bases, exponents, strict=True)
    ]
    assert within.give(inverses(within, within.take(bases))) == [pow(int(b), -1, modulus) for b in bases]


@pytest.mark.parametrize("way", WAYS)
def test_what_has_no_inverse_is_refused(way):
    within = made(way, 15 * 17)
    with pytest.raises(ZeroDivisionError):
        inverses(within, within.take([mpz(2), mpz(5), mpz(7)]))


@pytest.mark.parametrize("way", WAYS)
def test_threads_give_what_one_does(way):
    within = made(way, 2**1023 + 9)
    held = within.take([mpz(3) ** i % within.modulus for i in range(301)])
    places = np.arange(602).reshape(301, 2) % 301
    alone = [within.products(held, places), within.power(held, 12345), within.doubled(held, 3)]
    threads.use(3)
    try:
        shared = [within.products(held, places), within.power(held, 12345), within.doubled(held, 3)]
    finally:
        threads.use(1)
    assert [within.give(one) for one in shared] == [within.give(one) for one in alone]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_an_array_of_nothing(way):
    within = made(way, 2**100 + 1)
    held = within.take([])
    nothing = [held, within.power(held, 5), within.doubled(held, 5), within.products(held, np.empty((0, 2), int))]
    assert [within.give(one) for one in nothing] == [[]] * 4


def test_a_processor_without_lanes_does_without():
    program = (
        "import sys, numpy as np; from mpcfl import he; from mpcfl.he import residues;"
        "key = he.generate(insecure_bits=512); x = np.arange(5.0);"
        "same = (key.decrypt(key.encrypt(x) * 3) == 3 * x).all();"
        "print(residues.LANES, 'mpcfl.kernels.montgomery' in sys.modules, same)"
    )
    environment = {**os.environ, "NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""}
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=240)
    assert run.stdout.split() == ["False", "False", "True"], run.stderr
