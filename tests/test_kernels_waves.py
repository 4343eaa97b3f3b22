"""Trigonometric series at 32 bits of angle: close to the real functions, and the same integers everywhere."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.kernels import waves
from mpcfl.protocols.fourier import tables

TURN = 1 << 32
SCALE = 1 << 30
ANGLE = st.sampled_from([0, 1, 255, 256, TURN // 4, TURN // 2, TURN - 1]) | st.integers(0, TURN - 1)


def harmonics(angle, count, step):
    sines, cosines = (np.full((count, angle.size), 0x55555555, np.int64) for _ in range(2))
    waves.harmonics(angle, step, *tables(), sines, cosines)
    return sines, cosines


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
    out = np.full(n, 0xDEADBEEFDEADBEEF, np.uint64)
    waves.evaluate(angle, step, *tables(), u, v, out)
    np.testing.assert_array_equal(out, (sines.view(np.uint64) * u + cosines.view(np.uint64) * v).sum(axis=0))


def test_shapes_that_do_not_fit_are_refused():
    angle, row, square = np.zeros(2, np.uint32), np.zeros((1, 2), np.int64), np.zeros((2, 2), np.int64)
    words = np.zeros((1, 2), np.uint64)
    short = (tables()[0][:-1], *tables()[1:])
    for call in (
        lambda: waves.harmonics(angle, 1, *tables(), row, square),
        lambda: waves.harmonics(angle, 1, *short, row, row.copy()),
        lambda: waves.turned(angle, 1, *tables(), row[0], np.zeros(3, np.int64)),
        lambda: waves.evaluate(angle, 1, *tables(), words, words[:, :1].copy(), np.zeros(2, np.uint64)),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
