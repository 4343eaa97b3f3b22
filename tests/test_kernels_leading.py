"""Tables of leading digits: what is looked up is what the digits say, whatever they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.kernels import digits, leading

LOW_63 = (1 << 63) - 1
WORD = st.integers(0, LOW_63)


def looked_up(d, r):
    tables = np.empty((1, 4), np.uint64)
    digits.onehot(np.array([r], np.uint64), tables)
    out = [np.empty(1, np.uint32) for _ in range(4)]
    leading.look_up(np.array([d], np.uint64), tables, *out)
    return [int(part[0]) for part in out]


def difference(d, r, j):
    """(d >> j) - (r >> j) modulo 2^(63 - j), the nearest to zero."""
    span = 1 << 63 - j
    value = ((d >> j) - (r >> j)) % span
    return value - span if value > span // 2 else value


@given(WORD, st.one_of(WORD, st.integers(-40, 40)))
@settings(max_examples=400, deadline=None)
def test_the_tests_follow_from_what_is_looked_up(d, other):
    r = (d + other) % (1 << 63)  # far from d, or close to it
    equal_next, near, across, wraps = looked_up(d, r)
    for t in range(31):
        j = 2 * t + 1
        digit = j // 4
        same = all(equal_next >> k & 1 for k in range(digit + 1, 16))
        beside, carried = True, True
        for k in range(digit + 1, 16):
            beside &= bool(equal_next >> (16 + k if carried else k) & 1)
            carried &= bool(wraps >> k & 1)
        found = (same and near >> t & 1) ^ (beside and across >> t & 1)
        assert found == (abs(difference(d, r, j)) <= 1)


@given(st.lists(st.tuples(st.integers(0, 31), WORD, WORD, st.integers(0, 31)), max_size=20))
@settings(max_examples=50, deadline=None)
def test_a_place_chooses_its_factor(entries):
    index, mask, d, position = (
        (np.array(column, np.uint64) for column in zip(*entries, strict=True))
        if entries
        else [np.zeros(0, np.uint64)] * 4
    )
    n = index.size
    row, product = np.empty((n, 32), np.uint64), np.empty((n, 32), np.uint64)
    leading.rows(index, mask, row, product)
    factor, level = np.arange(32, dtype=np.uint64) * np.uint64(977), np.arange(32, dtype=np.uint64) + np.uint64(5)
    value, exponent = np.empty(n, np.uint64), np.empty(n, np.uint64)
    leading.place(index ^ position, d, row, product, factor, level, value, exponent)
    np.testing.assert_array_equal(value, factor[position] * (d + mask))
    np.testing.assert_array_equal(exponent, level[position])


def test_shapes_that_do_not_fit_are_refused():
    one, two, half = np.zeros(1, np.uint64), np.zeros(2, np.uint64), np.zeros(1, np.uint32)
    rows = np.zeros((1, 32), np.uint64)
    for call in (
        lambda: leading.look_up(two, np.zeros((1, 4), np.uint64), half, half, half, half),
        lambda: leading.look_up(one, np.zeros((1, 4), np.uint64), half, half, half, np.zeros(2, np.uint32)),
        lambda: leading.rows(two, one, rows, rows),
        lambda: leading.rows(one + np.uint64(32), one, rows, rows),
        lambda: leading.place(two, one, rows, rows, np.zeros(32, np.uint64), np.zeros(32, np.uint64), one, one),
        lambda: leading.place(one, one, rows, rows, np.zeros(31, np.uint64), np.zeros(31, np.uint64), one, one),
    ):
        with pytest.raises(ValueError, match=r"must|not below"):
            call()
