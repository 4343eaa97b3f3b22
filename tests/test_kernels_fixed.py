"""Fixed point against Python integers and fractions: nothing is compared with a tolerance."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mpcfl.kernels import fixed

MODULUS = 1 << 64
LOW_63 = (1 << 63) - 1
EDGES = [0, 1, (1 << 62) - 1, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, MODULUS - 1]
WORDS = hnp.arrays(np.uint64, st.integers(0, 40), elements=st.sampled_from(EDGES) | st.integers(0, MODULUS - 1))
FRACTIONS = st.integers(0, 62)


def signed(word):
    return int(word) - MODULUS if int(word) >> 63 else int(word)


def frozen(array):
    array.flags.writeable = False
    return array


def empty(n):
    return np.full(n, 0xDEADBEEFDEADBEEF, np.uint64)


@settings(deadline=None)
@given(hnp.arrays(np.float64, st.integers(0, 40), elements=st.floats(allow_subnormal=True)), FRACTIONS)
def test_encode_rounds_to_the_nearest_integer_or_refuses(values, fraction):
    out = empty(values.size)
    at = fixed.encode(frozen(values), fraction, out)
    fits = [math.isfinite(v) and abs(Fraction(v)) < Fraction(2) ** (62 - fraction) for v in values]
    assert at == (-1 if all(fits) else fits.index(False))
    for value, fit, word in zip(values, fits, out, strict=True):
        assert signed(word) == (round(Fraction(value) * 2**fraction) if fit else 0)


@pytest.mark.parametrize("fraction", [0, 13, 18, 62])
def test_encode_at_the_bound(fraction):
    bound = 2.0 ** (62 - fraction)
    inside = np.array([np.nextafter(bound, 0), -np.nextafter(bound, 0), 0.5 / 2**fraction, 1.5 / 2**fraction, -0.0])
    out = empty(inside.size)
    assert fixed.encode(inside, fraction, out) == -1
    assert [signed(w) for w in out] == [2**62 - 512, -(2**62) + 512, 0, 2, 0]
    for bad in (bound, -bound, math.nan, math.inf, -math.inf, 1e300):
        assert fixed.encode(np.array([0.0, bad, 0.0]), fraction, out[:3]) == 1
        assert fixed.encode(np.array([0.0, 0.0, bad, math.nan]), fraction, out[:4]) == 2


@settings(deadline=None)
@given(WORDS, FRACTIONS)
def test_decode_rounds_once(words, fraction):
    out = np.full(words.size, np.nan)
    fixed.decode(frozen(words), fraction, out)
    assert out.tolist() == [float(Fraction(signed(w), 2**fraction)) for w in words]


@settings(deadline=None)
@given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1), max_size=40), st.integers(0, 62))
def test_decode_then_encode_is_the_identity(integers, fraction):
    words = np.array([i % MODULUS for i in integers], np.uint64)
    values, back = np.empty(words.size), empty(words.size)
    fixed.decode(words, fraction, values)
    assert fixed.encode(values, fraction, back) == -1
    np.testing.assert_array_equal(back, words)


@settings(deadline=None, max_examples=300)
@given(
    WORDS,
    st.sampled_from([0, 1, 2, 3, 2**31, 2**32 - 1, 2**32, 2**62, LOW_63]) | st.integers(0, LOW_63),
    st.integers(0, 63),
)
def test_scale_floor_is_exact(words, multiplier, shift):
    out = empty(words.size)
    fixed.scale_floor(frozen(words), multiplier, shift, out)
    assert out.tolist() == [((int(w) & LOW_63) * multiplier >> shift) % MODULUS for w in words]


def random_words(rng, n):
    return rng.integers(0, MODULUS, n, dtype=np.uint64)


def additive(rng, value, parties):
    shares = [random_words(rng, value.size) for _ in range(parties - 1)]
    return [value - sum(shares, np.zeros_like(value)), *shares]


def truncated(rng, x, r, multiplier, shift, parties):
    """All parties' shares of the truncation of x under the mask r, added up; inputs read-only."""
    rho = empty(r.size)
    fixed.scale_floor(r, multiplier, shift, rho)
    c = frozen(x + np.uint64(1 << 62) + r)
    total = np.zeros(r.size, np.uint64)
    pairs = zip(additive(rng, rho, parties), additive(rng, r >> np.uint64(63), parties), strict=True)
    for rank, (rho_share, mu_share) in enumerate(pairs):
        out = empty(r.size)
        fixed.truncate(c, frozen(rho_share), frozen(mu_share), multiplier, shift, int(rank == 0), out)
        total += out
    return total


def values_in_range(rng, n):
    """Words of x in [-2^62, 2^62), both ends and the neighbourhood of zero included."""
    x = rng.integers(-(1 << 62), 1 << 62, n, dtype=np.int64)
    ends = np.array([-(1 << 62), -(1 << 62) + 1, -1, 0, 1, (1 << 62) - 1], np.int64)
    x[: n // 2] = rng.choice(ends, n // 2)
    x[n // 2 : n // 2 + n // 8] >>= rng.integers(0, 62, n // 8)
    return x


def masks(rng, n):
    """Uniform masks, and those where carries begin and end."""
    r = random_words(rng, n)
    r[: n // 4] = rng.choice(np.array(EDGES, np.uint64), n // 4)
    return r[rng.permutation(n)]


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("shift", [0, 1, 13, 16, 18, 20, 36, 61, 62])
def test_truncation_is_floor_or_the_next(parties, shift):
    rng = np.random.default_rng(shift)
    n = 20_000
    x = values_in_range(rng, n)
    result = truncated(rng, x.view(np.uint64), masks(rng, n), 1, shift, parties).view(np.int64)
    above_floor = result - (x >> np.int64(shift))
    assert set(np.unique(above_floor)) <= {0, 1}
    exact = x & np.int64((1 << shift) - 1) == 0
    assert not above_floor[exact].any()


@pytest.mark.slow
@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("fraction", [13, 16, 20])
def test_truncation_never_fails_in_many_tries(parties, fraction):
    rng = np.random.default_rng(fraction)
    for _ in range(17):
        x = values_in_range(rng, 1_000_000)
        result = truncated(rng, x.view(np.uint64), masks(rng, x.size), 1, fraction, parties).view(np.int64)
        assert set(np.unique(result - (x >> np.int64(fraction)))) <= {0, 1}


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32), st.integers(1, LOW_63), st.integers(0, 62), st.sampled_from([2, 3]))
def test_scaling_is_off_by_less_than_one(seed, multiplier, shift, parties):
    rng = np.random.default_rng(seed)
    n = 64
    room = min(1 << 62, ((1 << 63) - 1 << shift) // multiplier)  # keeps the result in 64 bits
    x = np.array([-room, room - 1, 0, *rng.integers(-room, room, n - 3, dtype=np.int64)], np.int64)
    result = truncated(rng, x.view(np.uint64), masks(rng, n), multiplier, shift, parties)
    for value, word in zip(x, result, strict=True):
        assert abs((signed(word) << shift) - int(value) * multiplier) < 1 << shift


def test_truncation_works_in_place():
    rng = np.random.default_rng(0)
    for multiplier, first in ((1, 0), (1, 1), (12345, 1)):
        c, rho, mu = (random_words(rng, 1000) for _ in range(3))
        out = empty(1000)
        fixed.truncate(c, rho, mu, multiplier, 18, first, out)
        fixed.truncate(c, rho, mu, multiplier, 18, first, c)
        np.testing.assert_array_equal(c, out)


def test_lengths_that_differ_are_refused():
    two, three, reals = np.zeros(2, np.uint64), np.zeros(3, np.uint64), np.zeros(2)
    for call in (
        lambda: fixed.encode(reals, 18, three),
        lambda: fixed.decode(three, 18, reals),
        lambda: fixed.scale_floor(two, 1, 18, three),
        lambda: fixed.truncate(two, two, three, 1, 18, 1, two),
    ):
        with pytest.raises(ValueError, match="one length"):
            call()
