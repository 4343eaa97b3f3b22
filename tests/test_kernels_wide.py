"""Sines and powers of Z_2^128 against gmpy2, and what its kernels refuse; its arithmetic is tried in test_ring128."""

from __future__ import annotations

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.kernels import fixed128, fourier128, powers128, ring128
from mpcfl.protocols import precision

MODULUS = 1 << 128
ANGLE = st.integers(0, (1 << 64) - 1) | st.sampled_from([0, 1, 1 << 62, 1 << 63, (1 << 64) - 1, 1 << 40, (1 << 40) - 1])
ELEMENT = st.integers(0, MODULUS - 1) | st.sampled_from([0, 1, (1 << 112) - 1, 1 << 112, MODULUS - 1])


def limbs(values):
    return np.array([[v % (1 << 64), v >> 64 & (1 << 64) - 1] for v in values], np.uint64).reshape(len(values), 2)


def integers(x, signed=False):
    values = [int(low) | int(high) << 64 for low, high in x.reshape(-1, 2)]
    return [v - MODULUS if signed and v >> 127 else v for v in values]


def turned(angle):
    return 2 * gmpy2.const_pi() * angle / (1 << 64)


COEFFICIENT = st.integers(-(1 << 60), 1 << 60)
STEP = st.sampled_from([1, 2])


@settings(deadline=None)
@given(st.lists(ANGLE, min_size=1, max_size=8), COEFFICIENT, COEFFICIENT, STEP, st.sampled_from([0, 6]))
def test_dealt_coefficients_are_those_of_the_shifted_series(angles, a, b, step, dropped):
    terms = 11  # some are rotations of those before
    u, v = (np.empty((terms, len(angles), 2), np.uint64) for _ in range(2))
    coefficients = np.array([a, b // 7] * 6, np.int64)[:terms], np.array([b, a // 3] * 6, np.int64)[:terms]
    fourier128.rotated(np.array(angles, np.uint64), *precision.sines(), step, *coefficients, dropped, u, v)
    error = 2.0 ** (61 - 55 - dropped) + 1  # two factors of 2^60, sines to 2^-55, and rounding
    with gmpy2.context(precision=200):
        for k in range(terms):
            x, y = (int(row[k]) for row in coefficients)
            first, second = (integers(part[k], signed=True) for part in (u, v))
            for i, angle in enumerate(angles):
                sin, cos = gmpy2.sin(turned(angle) * (1 + k * step)), gmpy2.cos(turned(angle) * (1 + k * step))
                assert abs(first[i] - (x * cos + y * sin) / (1 << dropped)) < error
                assert abs(second[i] - (y * cos - x * sin) / (1 << dropped)) < error


@settings(deadline=None)
@given(st.lists(ANGLE, min_size=1, max_size=8), STEP, st.integers(0, 2**32))
def test_a_series_at_public_angles(angles, step, seed):
    rng = np.random.default_rng(seed)
    terms = 11
    u, v = (rng.integers(0, 1 << 64, (terms, len(angles), 2), dtype=np.uint64) for _ in range(2))
    out = np.empty((len(angles), 2), np.uint64)
    fourier128.evaluate(np.array(angles, np.uint64), *precision.sines(), step, u, v, out)
    # shares: the words wrap, so the sines must be the very same integers for all of them
    other = rng.integers(0, 1 << 64, u.shape, dtype=np.uint64)
    rest, second = np.empty_like(u), np.empty_like(out)
    ring128.subtract(u.reshape(-1, 2), other.reshape(-1, 2), rest.reshape(-1, 2))
    fourier128.evaluate(np.array(angles, np.uint64), *precision.sines(), step, rest, v, second)
    third = np.empty_like(out)
    fourier128.evaluate(np.array(angles, np.uint64), *precision.sines(), step, other, np.zeros_like(v), third)
    ring128.add(second, third, second)
    np.testing.assert_array_equal(second, out)
    small = np.zeros_like(u)
    small[..., 0] = u[..., 0] >> np.uint64(12)
    fourier128.evaluate(np.array(angles, np.uint64), *precision.sines(), step, small, small, out)
    with gmpy2.context(precision=200):
        for i, value in enumerate(integers(out, signed=True)):
            multiples = [turned(angles[i]) * (1 + k * step) for k in range(terms)]
            exact = sum(int(small[k, i, 0]) * (gmpy2.sin(m) + gmpy2.cos(m)) for k, m in enumerate(multiples))
            assert abs(gmpy2.mpfr(value) / (1 << 60) - exact) < 2 * terms * 2.0 ** (52 - 55)


@settings(deadline=None)
@given(st.lists(st.tuples(ELEMENT, ELEMENT), min_size=1, max_size=8), st.sampled_from([112, 113]))
def test_powers_of_a_masked_exponent(pairs, scale):
    window = 64
    d, r = limbs([p[0] for p in pairs]), limbs([p[1] for p in pairs])
    rows = np.empty((len(pairs), window, 2), np.uint64)
    powers128.rows(r, scale, *precision.powers(-1), rows)
    left = np.arange(window, dtype=np.int64) % 34
    out = np.empty((1, len(pairs), 2), np.uint64)
    powers128.combine(d, scale, *precision.powers(1), rows, np.zeros(window, np.int64), left, out)
    with gmpy2.context(precision=200):
        for (x, y), got, row in zip(pairs, integers(out), rows, strict=True):
            ((place, _),) = np.argwhere(row)
            assert place == (y >> scale) % window
            below = gmpy2.mpfr(x % (1 << scale) - y % (1 << scale)) / (1 << scale)
            exact = gmpy2.exp2(below + 92 + int(left[((x >> scale) - (y >> scale)) % window]))
            assert abs(got - exact) < exact * 2.0**-45.5


def test_tables_are_correctly_rounded():
    with gmpy2.context(precision=400):
        for table, function, turns in zip(
            precision.sines(), (gmpy2.sin, gmpy2.cos) * 2, (1 << 12, 1 << 12, 1 << 24, 1 << 24), strict=True
        ):
            for i in (0, 1, 777, 2048, 4095):
                assert table[i] == int(gmpy2.rint(function(2 * gmpy2.const_pi() * i / turns) * (1 << 60)))


N = np.zeros((3, 2), np.uint64)
M = np.zeros((4, 2), np.uint64)
A = np.zeros(3, np.uint64)
S = precision.sines()
P = precision.powers(1)
K = np.zeros((2, 3, 2), np.uint64)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ring128.add(N, M, N.copy()),
        lambda: ring128.subtract(N, N, M.copy()),
        lambda: ring128.multiply(M, N, M.copy()),
        lambda: ring128.total(K, M.copy()),
        lambda: ring128.matmul(K, K, K.copy()),
        lambda: ring128.matvec(K, M, N.copy()),
        lambda: ring128.beaver(N, N, M, N, N, 0, N.copy()),
        lambda: ring128.select(A, N, N, N, M, 0, N.copy()),
        lambda: fixed128.encode(np.zeros(3), 8, M.copy()),
        lambda: fixed128.decode(N, 8, np.zeros(4)),
        lambda: fixed128.scale_floor(N, A, 8, N.copy()),
        lambda: fixed128.truncate(N, N, M, A[:2], 8, 0, N.copy()),
        lambda: fourier128.evaluate(A, *S, 1, K, K[:, :2].copy(), N.copy()),
        lambda: fourier128.evaluate(A, *S[:3], S[0][:9], 1, K, K, N.copy()),
        lambda: fourier128.rotated(A, *S, 1, S[0][:2], S[0][:1], 0, *np.zeros((2, 2, 3, 2), np.uint64)),
        lambda: powers128.rows(N, 112, *P, np.zeros((3, 3, 2), np.uint64)),
        lambda: powers128.rows(N, 64, *P, np.zeros((3, 4, 2), np.uint64)),
        lambda: powers128.combine(N, 112, *P, np.zeros((3, 4, 2), np.uint64), S[0][:4], S[0][:3], K.copy()),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call):
    with pytest.raises(ValueError, match=r"must|limbs|entries"):
        call()
