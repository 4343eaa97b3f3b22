"""Trigonometric series at 32 bits of angle: close to the real functions, and the same integers everywhere."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.kernels import waves
from mpcfl.protocols.series import tables

TURN = 1 << 32
SCALE = 1 << 30
ANGLE = st.sampled_from([0, 1, 255, 256, TURN // 4, TURN // 2, TURN - 1]) | st.integers(0, TURN - 1)


def whole(angle):
    """Words with these upper halves."""
    return angle.astype(np.uint64) << np.uint64(32)


def harmonics(angle, count, step):
    """Sines and cosines one by one: a series whose only coefficient is one."""
    sines, cosines = (np.full((count, angle.size), 0x55555555, np.uint64) for _ in range(2))
    one, zero = np.ones((1, angle.size), np.uint64), np.zeros((1, angle.size), np.uint64)
    turn, base = whole(angle), zero[0]
    for k in range(count):
        u, v = np.concatenate([*[zero] * k, one]), np.concatenate([zero] * (k + 1))
        waves.evaluate(turn, step, *tables(), u, v, base, 0, 0, sines[k])
        waves.evaluate(turn, step, *tables(), v, u, base, 0, 0, cosines[k])
    return sines.view(np.int64), cosines.view(np.int64)


def integer_turned(angle):
    """The definition, in Python integers."""
    coarse_sin, coarse_cos, fine_sin, fine_cos = (row.tolist() for row in tables())
    high, low, rest = angle >> 20, angle >> 8 & 4095, ((angle & 255) * 411775 + (1 << 17)) >> 18
    half = SCALE // 2
    sine = (coarse_sin[high] * fine_cos[low] + coarse_cos[high] * fine_sin[low] + half) // SCALE
    cosine = (coarse_cos[high] * fine_cos[low] - coarse_sin[high] * fine_sin[low] + half) // SCALE
    return sine + (cosine * rest + half) // SCALE, cosine - (sine * rest + half) // SCALE


@settings(deadline=None, max_examples=40)
@given(st.lists(ANGLE, max_size=10), st.integers(0, 5), st.sampled_from([1, 2]))
def test_harmonics_have_the_words_of_python_integers(angles, count, step):
    sines, cosines = harmonics(np.array(angles, np.uint32), count, step)
    half = SCALE // 2
    for i, angle in enumerate(angles):
        x, y = integer_turned(angle)
        s, c = integer_turned(angle * step % TURN)
        for k in range(count):
            assert (int(sines[k, i]), int(cosines[k, i])) == (x, y)
            x, y = (x * c + y * s + half) // SCALE, (y * c - x * s + half) // SCALE


@pytest.mark.parametrize("step", [1, 2])
def test_harmonics_are_close_to_the_real_functions(step):
    angle = np.random.default_rng(0).integers(0, TURN, 3000, dtype=np.uint32)
    sines, cosines = harmonics(angle, 40, step)
    for k in range(40):
        m = 1 + k * step
        turned = 2 * math.pi * (m * angle.astype(np.int64) % TURN) / TURN
        assert np.abs(sines[k] / SCALE - np.sin(turned)).max() < 3 * (1 + k) / SCALE
        assert np.abs(cosines[k] / SCALE - np.cos(turned)).max() < 3 * (1 + k) / SCALE


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([0, 1, 511, 512, 513, 1100]), st.integers(0, 9), st.sampled_from([1, 2]))
def test_a_series_is_the_sum_of_its_harmonics(seed, n, count, step):
    rng = np.random.default_rng(seed)
    angle = rng.integers(0, TURN, n, dtype=np.uint32)
    u, v = (rng.integers(0, 1 << 64, (count, n), dtype=np.uint64) for _ in range(2))
    sines, cosines = harmonics(angle, count, step)
    out, base = np.full(n, 0xDEADBEEFDEADBEEF, np.uint64), rng.integers(0, 1 << 64, n, dtype=np.uint64)
    waves.evaluate(whole(angle) + np.uint64(977), step, *tables(), u, v, base, 5, 7, out)
    expected = (sines.view(np.uint64) * u + cosines.view(np.uint64) * v).sum(axis=0)
    np.testing.assert_array_equal(out, expected + base * np.uint64(5) + np.uint64(7))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32), st.sampled_from([0, 1, 511, 512, 513]), st.integers(0, 5), st.sampled_from([1, 2]))
def test_dealt_coefficients_are_those_of_the_shifted_series(seed, n, count, step):
    rng = np.random.default_rng(seed)
    angle = rng.integers(0, TURN, n, dtype=np.uint32)
    a, b = (rng.integers(-(1 << 31), 1 << 31, count) for _ in range(2))
    u, v = (np.empty((count, n), np.uint64) for _ in range(2))
    waves.rotated(-whole(angle), step, *tables(), a, b, u, v)
    sines, cosines = harmonics(angle, count, step)
    a, b, half, places = a[:, None], b[:, None], np.int64(1 << 31), np.int64(32)
    np.testing.assert_array_equal(u.view(np.int64), (a * cosines + b * sines + half) >> places)
    np.testing.assert_array_equal(v.view(np.int64), (b * cosines - a * sines + half) >> places)


def test_shapes_that_do_not_fit_are_refused():
    angle, row = np.zeros(2, np.uint32), np.zeros(2, np.int32)
    one, turn = np.zeros(1, np.int64), np.zeros(2, np.uint64)
    words = np.zeros((1, 2), np.uint64)
    short = (tables()[0][:-1], *tables()[1:])
    for call in (
        lambda: waves.rotated(turn, 1, *tables(), one, np.zeros(2, np.int64), words, words.copy()),
        lambda: waves.rotated(turn, 1, *short, one, one, words, words.copy()),
        lambda: waves.turned(angle, 1, *tables(), row, np.zeros(3, np.int32)),
        lambda: waves.evaluate(turn, 1, *tables(), words, words[:, :1].copy(), turn, 0, 0, turn.copy()),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
