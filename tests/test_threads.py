"""Threads: every element once, and the same bits whatever their number."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mpcfl
from mpcfl import keystream, machine, ring, threads
from mpcfl.errors import UsageError

LEAST = 2 * threads.UNIT
SIZE = 7 * LEAST + 13


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(threads, "LEAST", LEAST)
    before = threads.count()
    yield
    threads.use(before)


@pytest.mark.parametrize("number", [1, 2, 3, 8])
@given(elements=st.integers(0, 20 * LEAST))
def test_every_element_is_worked_on_once(number, elements):
    threads.use(number)
    seen = np.zeros(elements, np.int64)

    def work(start, stop):
        assert start % threads.UNIT == 0
        seen[start:stop] += 1

    threads.across(elements, work)
    assert (seen == 1).all()


def test_an_error_in_a_thread_is_raised_when_all_have_ended():
    threads.use(4)
    ended = []

    def work(start, stop):
        ended.append(start)
        if start:
            raise ValueError("in a thread")

    with pytest.raises(ValueError, match="in a thread"):
        threads.across(4 * LEAST, work)
    assert len(ended) == 4


def words(seed):
    return np.random.default_rng(seed).integers(0, 1 << 64, SIZE, np.uint64)


def computed():
    """What the functions that use threads make of fixed words."""
    a, b, c, d, e = map(words, range(5))
    bits = a & np.uint64(1)
    made = [step(a, b) for step in (ring.add, ring.subtract, ring.multiply, ring.exclusive_or)]
    made += [ring.add(a, 5), ring.subtract(7, a), ring.without_top(a), ring.top_words(a)]
    made += [ring.add(a.reshape(-1, 1), b[:3]), ring.add(a[::2], b[::2])]
    made += [ring.beaver(a, b, c, d, e, 1), ring.square(a, b, c, 0), ring.select(bits, b, c, d, e, 1)]
    made += [ring.flipped(bits, b, 1), ring.scale_floor(a, 12345, 7), ring.truncate(a, b, c, 1, 18, 0)]
    for start in (0, 4, 5):
        out = a.copy()
        keystream.expand(
            [keystream.Key(bytes([i]) * 32) for i in range(2)], 3, out, keystream.XOR, keystream.XOR, start
        )
        made.append(out)
    return made


@pytest.mark.parametrize("number", [2, 3])
def test_functions_give_the_same_bits(number, monkeypatch):
    monkeypatch.setattr(ring, "LARGE", 1)
    threads.use(1)
    expected = computed()
    threads.use(number)
    for one, other in zip(expected, computed(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("width", ring.WIDTHS)
def test_programs_give_the_same_bits(width, monkeypatch):
    monkeypatch.setattr(ring, "LARGE", 1)
    values = np.random.default_rng(0).normal(size=(2, 3 * LEAST))

    def program(session):
        x, y = (session.share(values[owner] if session.rank == owner else None, owner) for owner in (0, 1))
        return (np.where(x < y, x * y, x - y) / 3).reveal()

    runs = []
    for number in (1, 2):
        threads.use(number)
        runs.append(mpcfl.simulate(program, seed=7, ring=width))
    one, other = runs
    for result, same in zip(one.results, other.results, strict=True):
        np.testing.assert_array_equal(result, same)
    digests = [[entry.digest for ledger in run.ledgers for entry in ledger.entries] for run in runs]
    assert digests[0] == digests[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_threads_of_its_own():
    script = (
        "import os, numpy as np\n"
        "from mpcfl import threads\n"
        "def ones():\n"
        "    a = np.zeros(1 << 18)\n"
        "    threads.across(a.size, lambda i, j: a[i:j].fill(1.0))\n"
        "    return a.all()\n"
        "assert ones()\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    os._exit(0 if ones() else 1)\n"
        "assert os.waitpid(pid, 0)[1] == 0\n"
    )
    subprocess.run([sys.executable, "-c", script], env=os.environ | {threads.VARIABLE: "3"}, check=True, timeout=60)


def test_the_environment_says_how_many(monkeypatch):
    monkeypatch.setenv(threads.VARIABLE, "3")
    threads.take_cores()
    assert threads.count() == 3
    monkeypatch.delenv(threads.VARIABLE)
    threads.take_cores()
    assert threads.count() == machine.cores() >= 1
    for wrong in ("0", "-1", "two", "", "²"):
        monkeypatch.setenv(threads.VARIABLE, wrong)
        with pytest.raises(UsageError, match=threads.VARIABLE):
            threads.take_cores()
    with pytest.raises(ValueError, match="one thread"):
        threads.use(0)
