"""Inputs that cover a domain: edges and dense grids first, then random values of all magnitudes.

A sampler takes a generator, about how many elements, and the fraction. What it gives is rounded to the fraction by who
measures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mpcfl.bounds.stated import Array, Domain, Draws, Sampler

ROW = 9
"""Elements of a row where an operation reduces rows: no power of two."""
SIDE = 8
"""Of a matrix."""
DENSE = 500


def words(rng: Draws, n: int, bits: int) -> Array:
    """Positive integers below 2^bits of every magnitude, all powers of two with their neighbours among them."""
    powers = [(1 << j) + k for j in range(bits) for k in (-1, 0, 1) if (1 << j) + k > 0]
    largest = (1 << bits) - max(1, 1 << max(0, bits - 53))  # as float64 has it
    edges = np.array([*powers[: max(1, n - 1)], largest], np.float64)
    return np.concatenate([edges, np.floor(2.0 ** rng.uniform(0, bits - 0.01, max(0, n - edges.size)))])


def positive(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    dense = np.arange(1, DENSE) * 2.0**-fraction
    return [np.concatenate([dense, 1 + dense, np.ldexp(words(rng, n - 2 * len(dense), 62), -fraction)])]


def not_negative(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    (x,) = positive(rng, n, fraction)
    return [np.append(0.0, x)]


def not_zero(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    (x,) = positive(rng, n, fraction)
    return [x * rng.choice([-1, 1], x.size)]


def below(spare: int, operands: int = 1) -> Sampler:
    """Operands of either sign and every magnitude below 2^(62 - spare - f), ties and zeros among them."""

    def sample(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
        first = np.ldexp(words(rng, n, 62 - spare), -fraction)
        first = first * rng.choice([-1, 0, 1], first.size, p=[0.49, 0.02, 0.49])
        others = [np.where(rng.uniform(size=first.size) < 0.1, first, rng.permutation(first)) for _ in range(operands)]
        return [first, *others[1:]]

    return sample


def rows(sampler: Sampler) -> Sampler:
    """Rows of `ROW` elements of what another sampler gives."""

    def sample(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
        parts = [rng.permutation(x) for x in sampler(rng, n + ROW, fraction)]
        return [x[: x.size // ROW * ROW].reshape(-1, ROW) for x in parts]

    return sample


def integers(bits: int, operands: int) -> Sampler:
    """int64 below 2^bits in magnitude."""

    def sample(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
        return [(words(rng, n, bits) * rng.choice([-1, 1], max(n, 1))[:n]).astype(np.int64) for _ in range(operands)]

    return sample


def factors(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Two numbers whose product stays below 2^(62 - 2f)."""
    x = words(rng, n, 62)
    room = np.floor(2.0 ** (61.99 - np.log2(x)))
    y = np.minimum(np.maximum(np.floor(room * rng.uniform(0, 1, n)), 1), room)
    x, y = (v * rng.choice([-1, 1], n) * 2.0**-fraction for v in (x, y))
    return [x, y]


def squares(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    return [np.ldexp(words(rng, n, 31) * rng.choice([-1, 1], n), -fraction)]


def matrices(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Stacks of square matrices whose sums of products stay below 2^(61 - 2f)."""
    shape = (-(-n // SIDE**2), SIDE, SIDE)
    top = 2.0 ** (28.9 - fraction)  # SIDE products of 2^57.8
    scale = 2.0 ** rng.uniform(-fraction, 28.9 - fraction, (shape[0], 1, 1))
    x, y = rng.uniform(-1, 1, shape) * scale, rng.uniform(-1, 1, shape) * scale
    x[0], y[0] = top, -top
    return [x, y]


def units(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Within [-1, 1], the ends often."""
    dense = np.clip(np.arange(-DENSE, DENSE) * 2.0**-fraction, -1, 1)
    x = np.concatenate([dense, rng.uniform(-1, 1, max(0, n - 2 * DENSE))])
    return [np.where(rng.uniform(size=x.size) < 0.2, np.sign(x), x)]


def halves(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Numbers around whole and half ones, which rounding must tell apart."""
    (x,) = below(0)(rng, n, fraction)
    near = np.rint(2 * x) / 2 + rng.choice([-1, 0, 1], x.size) * 2.0**-fraction
    end = 2.0 ** (62 - fraction) - 1
    return [np.clip(np.where(rng.uniform(size=x.size) < 0.5, x, near), -end, end)]


def choices(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    x, y = below(1, 2)(rng, n, fraction)
    return [rng.uniform(size=x.size) < 0.5, x, y]


def pairs(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Dividends and divisors of all magnitudes and signs with a representable quotient."""
    x, y = rng.permutation(words(rng, 2 * n, 62)), words(rng, 2 * n, 62)
    x, y = x * rng.choice([-1, 0, 1], x.size, p=[0.49, 0.02, 0.49]), y * rng.choice([-1, 1], y.size)
    fits = np.flatnonzero(np.abs(x / y) < 2.0 ** (62 - fraction) * (1 - 2.0**-19))[:n]
    return [np.ldexp(x[fits], -fraction), np.ldexp(y[fits], -fraction)]


def exponents(base: float) -> Sampler:
    """x with a representable power, all magnitudes of the result, and far below."""

    def sample(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
        top, low = (62 - fraction) / np.log2(base), -(fraction + 1) / np.log2(base)
        dense = np.arange(-DENSE, DENSE) * 2.0**-fraction
        far = -(2.0 ** rng.uniform(0, 61 - fraction, n // 8))
        edges = np.concatenate([dense, low + dense, top - 1e-5 + dense[: DENSE - 10]])
        some = rng.uniform(low - 2, top - 1e-5, max(0, n - edges.size - far.size))
        return [np.concatenate([edges, some, far])]

    return sample


def both_sides(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    top = (62 - fraction) * np.log(2) - 1e-5
    return [np.concatenate([np.arange(-DENSE, DENSE) * 2.0**-fraction, rng.uniform(-top, top, n - 2 * DENSE)])]


def above_minus_one(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    (x,) = positive(rng, n, fraction)
    return [np.minimum(x - 1, 2.0 ** (62 - fraction) - 2)]


def anywhere(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Dense where functions bend, around the joints of the series at ±9, and all magnitudes."""
    (x,) = not_zero(rng, n // 2, fraction)
    joint = np.arange(-DENSE, DENSE) * 2.0**-fraction
    end = 2.0 ** (62 - fraction) - 9
    return [np.concatenate([np.linspace(-12, 12, n // 2), 9 + joint, joint - 9, np.clip(x, -end, end)])]


def angles(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    end = max(2.0 ** (40 - fraction) - 1, 7.0)
    return [np.concatenate([np.linspace(-7, 7, n // 2), rng.uniform(-end, end, n // 2), [0, end, -end]])]


def two_numbers(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    return [rng.normal(0, 8, n), rng.normal(0, 8, n)]


def scattered(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Rows that lie anywhere, their elements near or far from one another."""
    count = -(-n // ROW)
    centre = rng.uniform(-1, 1, (count, 1)) * 2.0 ** rng.uniform(0, 59 - fraction, (count, 1))
    return [centre + rng.normal(0, 1, (count, ROW)) * 2.0 ** rng.uniform(-4, 6, (count, 1))]


def spread(least: float) -> Sampler:
    """Rows whose deviation is at least this and at most 2^(26 - f)."""

    def sample(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
        count = -(-n // ROW)
        size = 2.0 ** rng.uniform(np.log2(least), 26 - fraction, (count, 1))
        standard = rng.normal(0, 1, (count, ROW))
        standard = (standard - standard.mean(1, keepdims=True)) / standard.std(1, keepdims=True)
        centre = rng.uniform(-1, 1, (count, 1)) * 2.0 ** rng.uniform(0, 50 - fraction, (count, 1))
        return [centre + 1.001 * size * standard]

    return sample


def vectors(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Rows whose norm is at least 1."""
    return [x - x.mean(1, keepdims=True) for x in spread(1.0)(rng, n, fraction)]


def two_of_any_size(spare: int) -> Sampler:
    """Pairs of all signs and magnitudes up to 2^(62 - spare - f), near one another and far apart, zeros among them."""

    def sample(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
        x, y = rng.permutation(words(rng, n, 62)), words(rng, n, 62)
        x[::3] = y[::3] * 2.0 ** rng.uniform(-3, 3, x[::3].size)
        end = 2.0 ** (62 - spare)
        x, y = (np.ldexp(np.minimum(v, end), -fraction) * rng.choice([-1, 1], n) for v in (x, y))
        x[1:40], y[20:60] = 0, 0
        return [x, y]

    return sample


def tangents(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    end = max(2.0 ** (36 - fraction) - 1, 7.0)
    x = np.concatenate([np.linspace(-7, 7, n // 2), rng.uniform(-end, end, n // 2 + n // 64 + 9), [0, end, -end]])
    x = np.ldexp(np.rint(np.ldexp(x, fraction)), -fraction)
    return [x[np.abs(np.tan(x)) < 2.0**9]]


def within_one(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    dense = np.arange(DENSE) * 2.0**-fraction
    return [np.concatenate([dense, 1 - dense, dense - 1, rng.uniform(-1, 1, max(0, n - 3 * DENSE))])]


def inside_one(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    (x,) = within_one(rng, n, fraction)
    return [np.clip(x, 2.0**-fraction - 1, 1 - 2.0**-fraction)]


def from_one(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    (x,) = positive(rng, n, fraction)
    return [np.append(1.0, np.minimum(1 + x, 2.0 ** (62 - fraction) - 2))]


def large_enough(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Of both signs, with a representable square of the reciprocal."""
    (x,) = not_zero(rng, 2 * n, fraction)
    return [x[np.abs(x) > 2.0 ** ((fraction - 62) / 2)][:n]]


def powers(rng: Draws, n: int, fraction: int) -> Sequence[Array]:
    """Bases of all magnitudes and exponents up to 256, with a representable power or one far below a unit."""
    (x,) = positive(rng, n, fraction)
    logs = np.log2(x)
    y = rng.uniform(-1, 1, x.size) * np.minimum((61.9 - fraction) / np.maximum(np.abs(logs), 1e-9), 256)
    small = rng.random(x.size) < 0.2
    y[small] = -np.sign(logs[small]) * rng.uniform(0, 256, small.sum())
    return [x, y]


ALL = Domain("all representable x", below(0))
SUMS = Domain("result representable", below(1, 2))
TRIPLED = Domain("result representable", below(2))
ROW_SUMS = Domain("sums representable", rows(below(4)), ROW)
COMPARED = Domain("all representable x and y", below(0, 2))
EXTREMES = Domain("all representable x", rows(below(0)), ROW)
PRODUCTS = Domain("|x y| < 2^(62-2f)", factors)
SQUARES = Domain("|x| < 2^(31-f)", squares)
MATRICES = Domain("sums of products < 2^(61-2f)", matrices)
AFFINE = Domain("sums of products and the bias < 2^(61-2f)", matrices)
WHOLE = Domain("integers, modulo 2^64", integers(62, 2))
SCALED = Domain("all representable x, result representable", below(1))
ARRAY_SCALED = Domain("|x| < 2^(38-f), |a| < 1", rows(below(24)), ROW)
MATRIX_SCALED = Domain("sums of |x| < 2^(38-f), |a| < 1", rows(below(28)), ROW)
UNITS = Domain("|x| <= 1", units)
UNIT_ROWS = Domain("|x| <= 1", rows(units), ROW)
ROUNDED = Domain("|x| <= 2^(62-f) - 1", halves)
DIVIDED = Domain("|x| < 2^(61-f)", below(1))
CHOICES = Domain("all representable x and y", choices)
POSITIVE = Domain("x > 0", positive)
NOT_NEGATIVE = Domain("x >= 0", not_negative)
NOT_ZERO = Domain("x not 0, 1 / x representable", not_zero)
QUOTIENTS = Domain("y not 0, x / y representable", pairs)
EXPONENTS = Domain("x < (62-f) ln 2; 0 far below", exponents(np.e))
EXPONENTS_OF_TWO = Domain("x < 62-f; 0 far below", exponents(2.0))
HYPERBOLIC = Domain("|x| < (62-f) ln 2", both_sides)
ABOVE_MINUS_ONE = Domain("x > -1", above_minus_one)
ANY = Domain("all representable x", anywhere)
HALF_RANGE = Domain("|x| < 2^(61-f)", lambda rng, n, fraction: [x / 2 for x in anywhere(rng, n, fraction)])
ANGLES = Domain("|x| < 2^(40-f)", angles)
DIFFERENCES = Domain("x - y representable", two_numbers)
SCATTERED = Domain("differences and sums representable", scattered, ROW)
SPREAD = Domain("squares of x - mean(x) and their sum < 2^(62-2f)", spread(2.0**-6), ROW)
DEVIATING = Domain("as np.var, and result at least 1/2", spread(0.5), ROW)
NORMED = Domain("squares and their sum < 2^(62-2f), result at least 1", vectors, ROW)
TANGENTS = Domain("|x| < 2^(36-f), |tan x| < 2^9", tangents)
PLANE = Domain("all representable x and y", two_of_any_size(1))
HYPOTENUSES = Domain("result representable", two_of_any_size(1))
SINES = Domain("|x| <= 1", within_one)
INSIDE_ONE = Domain("|x| < 1", inside_one)
FROM_ONE = Domain("x >= 1", from_one)
INVERSE_SQUARES = Domain("x not 0, result representable", large_enough)
POWERS = Domain("x > 0, |y| <= 2^8, result representable; 0 far below", powers)
EXPONENTS_OF_BASE = Domain("x < (62-f) / log2 2.5; 0 far below", exponents(2.5))
