"""Powers of two from what the dealer gives for a masked exponent, step by step, against exact arithmetic."""

from __future__ import annotations

import gmpy2
import numpy as np
import pytest

from mpcfl.kernels import bits, powers
from mpcfl.protocols.powers import LOWEST, MANTISSA, ZONE, Range, shifts, tables

MODULUS = 1 << 64
N = 700
WORD = np.uint64


def uniform(rng, *shape):
    return rng.integers(0, MODULUS, shape, dtype=WORD)


def packed(rng, planes):
    out = np.empty((planes, -(-N // 64)), WORD)
    for row in out:
        bits.pack(rng.integers(0, 2, N, dtype=WORD), row)
    return out


def unpacked(plane):
    out = np.empty(N, WORD)
    bits.unpack(plane, out)
    return out


def shares(clear, parties, rng, exclusive=False):
    others = [uniform(rng, *clear.shape) for _ in range(parties - 1)]
    last = np.bitwise_xor.reduce([clear, *others]) if exclusive else clear - np.sum(others, 0, dtype=WORD)
    return [*others, last]


def dealt(rng, r, scale, span):
    own = shifts(span.zones)
    betas, words = packed(rng, 1 + span.zones), uniform(rng, 2, N)
    made = [np.empty((rows, N), WORD) for rows in (span.window // 64, 2, 2, powers.rows(own))]
    powers.deal(np.uint64(0) - r, scale, *tables(-1), betas, words, own, *made)
    return betas, words, made


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize(
    ("scale", "span"), [(56, Range(-1, 62)), (57, Range(-40, 46, 3)), (56, Range(-60, 62)), (24, Range(-120, 62))]
)
def test_what_is_dealt_makes_the_power(parties, scale, span):
    rng = np.random.default_rng(scale)
    bottom, top = span.lowest, span.highest
    grain = min(scale, 40)
    exponent = [int(v * (1 << grain)) for v in rng.uniform(bottom, top, N)]
    exponent[: top - bottom] = [v << grain for v in range(bottom, top)]
    r = uniform(rng, N)
    d = r + np.array([(v << scale - grain) % MODULUS for v in exponent], WORD)
    betas, words, (steps, base, exact, zones) = dealt(rng, r, scale, span)
    own = shifts(span.zones)
    step_shares = shares(steps, parties, rng, exclusive=True)
    word_shares = [shares(clear, parties, rng) for clear in (words, base, exact, zones)]
    first = [int(i == 0) for i in range(parties)]

    planes = np.zeros_like(betas)
    for i, part in enumerate(step_shares):
        out = np.empty_like(betas)
        powers.look_up(d, scale, part, first[i], out)
        planes ^= out
    floors = [v >> grain for v in exponent]
    whole = [
        v + ((int(x) >> scale) - (int(y) >> scale) - v) % (1 << 64 - scale)
        for v, x, y in zip(floors, d, r, strict=True)
    ]
    zone = [((v + 1) % span.window) // ZONE for v in whole]
    for k in range(span.zones):
        np.testing.assert_array_equal(unpacked(planes[1 + k]), [z == k for z in zone])
    opened = planes ^ betas

    def summed(step):
        total = np.zeros(N, WORD)
        for i in range(parties):
            out = np.empty(N, WORD)
            step(i, *(rows[i] for rows in word_shares), out)
            total += out
        return total

    moved = summed(lambda i, w, b, e, z, out: powers.move(d, scale, opened[0], b, w[0], first[i], out))
    mantissa = summed(lambda i, w, b, e, z, out: powers.scale_up(moved, e, d, scale, *tables(1), w[1], first[i], out))
    clear = mantissa - words[1] - WORD(1 << 62)
    assert (clear < 1 << 62).all(), "the mantissa leaves the range of truncation"
    result = summed(lambda i, w, b, e, z, out: powers.choose(mantissa, opened[1:], z, w[1], own, first[i], out))
    for i, v in enumerate(exponent):
        power = gmpy2.exp2(gmpy2.mpfr(v) / (1 << grain))
        place = (whole[i] + 1) % ZONE
        if zone[i] < span.zones:
            assert abs(gmpy2.mpfr(int(clear[i])) / power / gmpy2.exp2(MANTISSA + place - whole[i]) - 1) < 2.0**-21.9
            assert abs(int(result[i]) - power) <= 1 + power * 2.0**-21.9
        else:
            assert result[i] == 0
            assert power < 2 ** (1 + LOWEST)


def test_a_zone_that_is_not_held_adds_nothing():
    rng = np.random.default_rng(0)
    span = Range(-1, 62)
    betas, words, made = dealt(rng, uniform(rng, N), 56, span)
    out = np.empty(N, WORD)
    powers.choose(uniform(rng, N), betas[1:], made[3], words[1], shifts(span.zones), 1, out)
    assert not out.any()


def test_the_tables_are_correctly_rounded():
    for sign in (-1, 1):
        for table, parts in zip(tables(sign), (12, 24), strict=True):
            with gmpy2.context(precision=200):
                for i in (0, 1, 77, 4095):
                    exact = gmpy2.exp2(gmpy2.mpfr(sign * i) / (1 << parts)) * (1 << 31)
                    assert abs(int(table[i]) - exact) <= 0.5


def test_windows_and_shifts():
    assert [Range(-1, 62).window, Range(-2, 20).window, Range(-60, 62).window] == [64, 128, 128]
    assert shifts(4).tolist() == [47, 31, 15, -1]
    assert powers.rows(shifts(4)) == 15
    assert powers.rows(shifts(3)) == 13


def test_shapes_that_do_not_fit():
    word, table = np.zeros(3, WORD), np.zeros(4096, WORD)
    plane, shift = np.zeros(1, WORD), shifts(1)

    def rows(count, width=3):
        return np.zeros((count, width), WORD)

    for call in (
        lambda: powers.deal(word, 56, table, table[:9], rows(2, 1), rows(2), shift, rows(1), rows(2), rows(2), rows(5)),
        lambda: powers.deal(word, 56, table, table, rows(1, 1), rows(2), shift, rows(1), rows(2), rows(2), rows(5)),
        lambda: powers.deal(word, 56, table, table, rows(2, 1), rows(2), shift, rows(1), rows(2), rows(2), rows(4)),
        lambda: powers.look_up(word, 56, rows(3), 1, rows(2, 1)),
        lambda: powers.move(word, 56, plane, rows(1), word, 1, word.copy()),
        lambda: powers.scale_up(word, rows(2), word, 56, table, table[:9], word, 1, word.copy()),
        lambda: powers.scale_up(word, rows(1), word, 56, table, table, word, 1, word.copy()),
        lambda: powers.choose(word, rows(1, 1), rows(4), word, shift, 1, word.copy()),
        lambda: powers.choose(word, rows(1, 1), rows(5), plane, shift, 1, word.copy()),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
