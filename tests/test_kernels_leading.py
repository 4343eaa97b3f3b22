"""Tables of leading digits, and a product with a secret power of four: what is dealt makes what it should, anywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.kernels import bits, digits, leading

LOW_63 = (1 << 63) - 1
MODULUS = 1 << 64
WORD = st.integers(0, LOW_63)


def looked_up(d, r):
    """Sets of digits: equal, neighbour, near, across at bit 1, across at bit 3, wraps."""
    tables = np.empty((1, 4), np.uint64)
    digits.onehot(np.array([r], np.uint64), tables)
    out = [np.empty(1, np.uint32) for _ in range(3)]
    leading.look_up(np.array([d], np.uint64), tables, *out)
    return [int(part[0]) >> first & 0xFFFF for part in out for first in (0, 16)]


def difference(d, r, j):
    """(d >> j) - (r >> j) modulo 2^(63 - j), the nearest to zero."""
    span = 1 << 63 - j
    value = ((d >> j) - (r >> j)) % span
    return value - span if value > span // 2 else value


@given(WORD, st.one_of(WORD, st.integers(-40, 40)))
@settings(max_examples=400, deadline=None)
def test_the_tests_follow_from_what_is_looked_up(d, other):
    r = (d + other) % (1 << 63)  # far from d, or close to it
    equal, neighbour, near, across, half, wraps = looked_up(d, r)
    for t in range(31):
        j = 2 * t + 1
        digit = j // 4
        same = all(equal >> k & 1 for k in range(digit + 1, 16))
        beside, carried = True, True
        for k in range(digit + 1, 16):
            beside &= bool((neighbour if carried else equal) >> k & 1)
            carried &= bool(wraps >> k & 1)
        close, crossing = (True, half >> digit & 1) if t % 2 else (near >> digit & 1, across >> digit & 1)
        found = (same and close) ^ (beside and crossing and digit < 15)
        assert found == (abs(difference(d, r, j)) <= 1)


def shares(clear, parties, rng, group):
    others = [rng.integers(0, MODULUS, clear.shape, dtype=np.uint64) for _ in range(parties - 1)]
    last = np.bitwise_xor.reduce([clear, *others]) if group == "bits" else clear - np.sum(others, 0, dtype=np.uint64)
    return [*others, last]


@given(
    st.lists(st.tuples(st.integers(0, 31), st.booleans(), WORD), max_size=70),
    st.booleans(),
    st.integers(2, 3),
    st.integers(0, 2**32),
)
@settings(max_examples=50, deadline=None)
def test_a_product_with_a_power_of_four(entries, signed, parties, seed):
    rng = np.random.default_rng(seed)
    n, planes = len(entries), 5 + signed
    q, sign, x = (np.array([entry[i] for entry in entries], np.uint64) for i in range(3))
    mask, words = rng.integers(0, MODULUS, n, dtype=np.uint64), rng.integers(0, MODULUS, (2, n), dtype=np.uint64)
    number = q | sign << np.uint64(5) if signed else q
    secret, beta = np.empty((planes, -(-n // 64)), np.uint64), np.empty((planes, -(-n // 64)), np.uint64)
    for b in range(planes):
        bits.pack(number >> np.uint64(b) & np.uint64(1), secret[b])
        bits.pack(rng.integers(0, 2, n, dtype=np.uint64), beta[b])
    low, high, products = (np.empty((rows, n), np.uint64) for rows in (7, 7 if signed else 3, 4))
    leading.deal(mask, beta, words, low, high, products)
    dealt = [shares(clear, parties, rng, "words") for clear in (mask, words, low, high, products)]
    payloads, levels = [], []
    for i, (_, f, own_low, own_high, _) in enumerate(zip(*dealt, strict=True)):
        out, level = np.empty((2, n), np.uint64), np.empty(n, np.uint64)
        leading.factors(secret ^ beta, own_low, own_high, f, int(i == 0), out, level)
        payloads.append(out)
        levels.append(level)
    opened, total = np.sum(payloads, 0, dtype=np.uint64), np.zeros(n, np.uint64)
    for i, (a, f, _, _, own) in enumerate(zip(*dealt, strict=True)):
        part = np.empty(n, np.uint64)
        leading.product(x - mask, a, opened, f, own, int(i == 0), part)
        total += part
    factor = [3 * 4 ** int(k) * (-1 if s and signed else 1) for k, s in zip(q, sign, strict=True)]
    assert total.tolist() == [int(v) * c % MODULUS for v, c in zip(x, factor, strict=True)]
    assert np.sum(levels, 0, dtype=np.uint64).view(np.int64).tolist() == [62 - 2 * int(k) for k in q]


def test_shapes_that_do_not_fit_are_refused():
    one, two, half = np.zeros(1, np.uint64), np.zeros(2, np.uint64), np.zeros(1, np.uint32)

    def rows(count):
        return np.zeros((count, 1), np.uint64)

    for call in (
        lambda: leading.look_up(two, np.zeros((1, 4), np.uint64), half, half, half),
        lambda: leading.look_up(one, np.zeros((1, 4), np.uint64), half, half, np.zeros(2, np.uint32)),
        lambda: leading.deal(one, rows(4), rows(2), rows(7), rows(3), rows(4)),
        lambda: leading.deal(one, rows(5), rows(2), rows(7), rows(7), rows(4)),
        lambda: leading.factors(rows(7), rows(7), rows(7), rows(2), 1, rows(2), one),
        lambda: leading.factors(rows(6), rows(7), rows(3), rows(2), 1, rows(2), one),
        lambda: leading.product(two, one, rows(2), rows(2), rows(4), 1, one.copy()),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
