"""The tables of the comparison: exclusive or of two parties' lookups is the comparison of every digit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.kernels import digits

MODULUS = 1 << 64
WORD = st.sampled_from([0, 1, (1 << 63) - 1, 1 << 63, MODULUS - 1]) | st.integers(0, MODULUS - 1)


def hexadecimal(word):
    """The 16 digits of word, lowest first."""
    return [int(word) >> 4 * i & 15 for i in range(16)]


def frozen(array):
    array.flags.writeable = False
    return array


def tables_of(r):
    tables = np.full((r.size, 4), 0xDEADBEEFDEADBEEF, np.uint64)
    digits.onehot(frozen(r), tables)
    return tables


def looked_up(c, tables, seed, parties=2):
    """The exclusive or of all parties' lookups in random shares of the tables."""
    rng = np.random.default_rng(seed)
    shares = [rng.integers(0, MODULUS, tables.shape, dtype=np.uint64) for _ in range(parties - 1)]
    shares.append(np.bitwise_xor.reduce([tables, *shares]))
    total = np.zeros(c.size, np.uint32)
    for share in shares:
        out = np.full(c.size, 0xDEADBEEF, np.uint32)
        digits.lookup(frozen(c), frozen(share), out)
        total ^= out
    return total


def expected(c, r):
    pairs = list(zip(hexadecimal(c), hexadecimal(r), strict=True))
    return sum((a < b) << i | (a == b) << 16 + i for i, (a, b) in enumerate(pairs))


@settings(deadline=None)
@given(st.lists(WORD, max_size=20))
def test_onehot(values):
    tables = tables_of(np.array(values, np.uint64))
    for value, row in zip(values, tables, strict=True):
        assert [int(row[i // 4]) >> 16 * (i % 4) & 0xFFFF for i in range(16)] == [1 << d for d in hexadecimal(value)]


@settings(deadline=None)
@given(st.lists(st.tuples(WORD, WORD), max_size=20), st.integers(0, 2**32), st.sampled_from([2, 3]))
def test_lookup_compares_every_digit(pairs, seed, parties):
    c, r = (np.array([pair[side] for pair in pairs], np.uint64) for side in (0, 1))
    assert looked_up(c, tables_of(r), seed, parties).tolist() == [expected(*pair) for pair in pairs]


def test_every_pair_of_digits_at_every_place():
    c, r = (np.repeat(side.ravel(), 16) for side in np.meshgrid(*[np.arange(16, dtype=np.uint64)] * 2))
    places = np.tile(np.arange(0, 64, 4, dtype=np.uint64), 256)
    background = np.random.default_rng(0).integers(0, MODULUS, (2, c.size), dtype=np.uint64)
    hole = ~(np.uint64(15) << places)
    c, r = (digit << places | back & hole for digit, back in zip((c, r), background, strict=True))
    assert looked_up(c, tables_of(r), 1).tolist() == [expected(*pair) for pair in zip(c, r, strict=True)]


def test_the_digits_combine_to_the_comparison_of_words():
    rng = np.random.default_rng(7)
    c, r = rng.integers(0, MODULUS, (2, 2000), dtype=np.uint64)
    c[::2] ^= (c[::2] ^ r[::2]) & (np.uint64(MODULUS - 1) << rng.integers(0, 64, 1000, dtype=np.uint64))
    answers = looked_up(c, tables_of(r), 2)
    less = np.zeros(c.size, bool)
    for i in range(16):
        less = (answers >> np.uint32(i) & 1 == 1) | ((answers >> np.uint32(16 + i) & 1 == 1) & less)
    np.testing.assert_array_equal(less, c < r)


def test_shapes_that_do_not_fit_are_refused():
    words, tables, halves = np.zeros(3, np.uint64), np.zeros((3, 4), np.uint64), np.zeros(3, np.uint32)
    for call in (
        lambda: digits.onehot(words, tables[:2]),
        lambda: digits.onehot(words, np.zeros((3, 5), np.uint64)),
        lambda: digits.lookup(words[:2], tables, halves),
        lambda: digits.lookup(words, tables, halves[:2]),
        lambda: digits.lookup(words, np.zeros((3, 5), np.uint64), halves),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
