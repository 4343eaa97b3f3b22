"""Trigonometric series: close to the real functions, and the same integers however they are computed."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.kernels import fourier

MODULUS = 1 << 64
TURN = 1 << 24
SCALE = 1 << 30
ANGLE = st.sampled_from([0, 1, 4095, 4096, TURN // 4, TURN // 2, TURN - 1, TURN, (1 << 32) - 1]) | st.integers(
    0, (1 << 32) - 1
)


def table(function, step):
    """Rounded entries; far enough from ties for float64 to round them right."""
    return np.array([round(SCALE * function(2 * math.pi * i / step)) for i in range(4096)], np.int64)


def frozen(array):
    array.flags.writeable = False
    return array


TABLES = tuple(frozen(table(function, step)) for step in (4096, TURN) for function in (math.sin, math.cos))


def harmonics(angle, count):
    sines, cosines = (np.full((count, angle.size), 0x55555555, np.int64) for _ in range(2))
    fourier.harmonics(frozen(angle), *TABLES, sines, cosines)
    return sines, cosines


def integer_harmonic(angle, k):
    """The definition, in Python integers."""
    h, low = divmod(k * angle % TURN, 4096)
    coarse_sin, coarse_cos, fine_sin, fine_cos = (
        int(entries[at]) for entries, at in zip(TABLES, (h, h, low, low), strict=True)
    )
    half = SCALE // 2
    return (
        (coarse_sin * fine_cos + coarse_cos * fine_sin + half) // SCALE,
        (coarse_cos * fine_cos - coarse_sin * fine_sin + half) // SCALE,
    )


@settings(deadline=None)
@given(st.lists(ANGLE, max_size=20), st.integers(0, 12))
def test_harmonics_have_the_words_of_python_integers(angles, count):
    sines, cosines = harmonics(np.array(angles, np.uint32), count)
    for k in range(1, count + 1):
        got = list(zip(sines[k - 1].tolist(), cosines[k - 1].tolist(), strict=True))
        assert got == [integer_harmonic(angle, k) for angle in angles]


def test_harmonics_are_close_to_the_real_functions():
    angle = np.random.default_rng(0).integers(0, TURN, 3000, dtype=np.uint32)
    sines, cosines = harmonics(angle, 16)
    for k in range(1, 17):
        for i, a in enumerate(angle.tolist()):
            turned = 2 * math.pi * (k * a % TURN) / TURN
            assert abs(int(sines[k - 1, i]) / SCALE - math.sin(turned)) < 2**-28
            assert abs(int(cosines[k - 1, i]) / SCALE - math.cos(turned)) < 2**-28


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0, 1, 100, 511, 512, 513, 1100]), st.integers(0, 9))
def test_a_series_is_the_sum_of_its_harmonics(seed, n, count):
    rng = np.random.default_rng(seed)
    angle = rng.integers(0, 1 << 32, n, dtype=np.uint32)
    u, v = (frozen(rng.integers(0, MODULUS, (count, n), dtype=np.uint64)) for _ in range(2))
    sines, cosines = harmonics(angle, count)
    out = np.full(n, 0xDEADBEEFDEADBEEF, np.uint64)
    fourier.evaluate(angle, *TABLES, u, v, out)
    np.testing.assert_array_equal(out, (sines.view(np.uint64) * u + cosines.view(np.uint64) * v).sum(axis=0))


def test_shares_of_a_shifted_series_add_up_to_the_series():
    """sin k x = sin k c cos k r - cos k c sin k r for c = x + r: public at c, shared at r."""
    rng = np.random.default_rng(1)
    x, r = rng.integers(0, TURN, (2, 500), dtype=np.uint32)
    coefficients = np.array([0.6, -0.2, 0.05])
    u = np.array([np.rint(b * 2**20 * np.cos(2 * np.pi * k * r / TURN)) for k, b in enumerate(coefficients, 1)])
    v = np.array([np.rint(-b * 2**20 * np.sin(2 * np.pi * k * r / TURN)) for k, b in enumerate(coefficients, 1)])
    total = np.zeros(x.size, np.uint64)
    shares = rng.integers(0, MODULUS, (2, 3, x.size), dtype=np.uint64)
    dealt = np.array([u, v]).astype(np.int64).view(np.uint64)
    for u_share, v_share in (shares, dealt - shares):
        out = np.empty(x.size, np.uint64)
        fourier.evaluate(x + r, *TABLES, u_share, v_share, out)
        total += out
    series = sum(b * np.sin(2 * np.pi * k * x / TURN) for k, b in enumerate(coefficients, 1))
    np.testing.assert_allclose(total.view(np.int64) / 2.0**50, series, rtol=0, atol=5e-6)


@given(st.integers(1, 12), st.integers(0, 40), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_rotate_is_the_exact_sum_of_products_rounded_once(count, n, seed):
    rng = np.random.default_rng(seed)
    a, b = (frozen(rng.integers(-(1 << 31) + 1, 1 << 31, count)) for _ in range(2))
    sin, cos = (rng.integers(-(1 << 30), (1 << 30) + 1, (count, n)) for _ in range(2))
    u, v = cos.copy(), sin.copy()
    fourier.rotate(a, b, v, u)
    for k in range(count):
        for i in range(n):
            x, y = int(sin[k, i]), int(cos[k, i])
            assert int(u[k, i]) == (int(a[k]) * y + int(b[k]) * x + (1 << 31)) >> 32
            assert int(v[k, i]) == (int(b[k]) * y - int(a[k]) * x + (1 << 31)) >> 32


def test_shapes_that_do_not_fit_are_refused():
    angle, row, square = np.zeros(2, np.uint32), np.zeros((1, 2), np.int64), np.zeros((2, 2), np.int64)
    words = np.zeros((1, 2), np.uint64)
    short = (TABLES[0][:-1], *TABLES[1:])
    for call in (
        lambda: fourier.harmonics(angle, *TABLES, row, square),
        lambda: fourier.harmonics(angle[:1], *TABLES, row, row),
        lambda: fourier.harmonics(angle, *short, row, row),
        lambda: fourier.evaluate(angle, *TABLES, words, words[:, :1].copy(), words[0]),
        lambda: fourier.evaluate(angle, *TABLES, words, words, words[0, :1]),
        lambda: fourier.evaluate(angle, *short, words, words, words[0]),
        lambda: fourier.rotate(row[0], row[0], row, row),
        lambda: fourier.rotate(row[0], row[0], square, square[:1]),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
