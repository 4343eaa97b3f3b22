"""Operands of the functions of ring 128, as integers: every magnitude, edges, and results that are representable."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mpcfl.protocols.series128 import FUNCTIONS

PRECISE = {
    "precise_sigmoid": "sigmoid",
    "precise_softplus": "softplus",
    "precise_tanh": "tanh",
    **{name: name for name in ("erf", "gelu", "gelu_tanh", "silu")},
}
"""Functions that are a series in a window, and the names of their series."""
OF_TWO = ("divide", "arctan2", "power", "hypot")
PUBLIC_EXPONENT = 0.3
EXPONENT_BITS = 57
"""The exponent that `public_power` is tried on, and its fractional bits."""


def magnitudes(rng: np.random.Generator, n: int) -> list[int]:
    """Positive integers of every magnitude: all powers of two and their neighbours first."""
    powers = [(1 << j) + k for j in range(126) for k in (-1, 0, 1) if (1 << j) + k > 0]
    drawn = zip(rng.integers(1 << 52, 1 << 53, n).tolist(), rng.integers(0, 125, n).tolist(), strict=True)
    return [*powers, (1 << 126) - 1, *((mantissa << 73) >> (125 - exponent) or 1 for mantissa, exponent in drawn)]


def signed(values: Iterable[int]) -> list[int]:
    """Each with both signs, and 0."""
    return [0, *(sign * v for v in values for sign in (1, -1))]


def units(values: Iterable[float], f: int) -> list[int]:
    return [int(v * 2.0**f) for v in values]


def operands(name: str, n: int, f: int) -> list[list[int]]:
    """About n operands of a function at a fraction, and edges: a list for each that it takes."""
    rng = np.random.default_rng(f)
    if name in PRECISE:
        limit = FUNCTIONS[PRECISE[name]].window
        edge = int(limit * 2**f)
        near = [*range(edge - 2, edge + 3), *units(rng.uniform(0, 1.05 * limit, n), f), *units(rng.normal(0, 1, n), f)]
        return [signed([*near, *magnitudes(rng, n // 4)])]
    if name in ("exp", "exp2", "sin", "cos"):
        per = np.log2(np.e) if name == "exp" else 1.0
        low, top = (-(f + 3) / per, (126 - f) / per * (1 - 2**-40)) if name.startswith("exp") else (-1e4, 1e4)
        return [units(np.concatenate([np.linspace(-1e-9, 1e-9, 99), rng.uniform(low, top, n)]), f)]
    if name == "tan":
        angles = [*np.linspace(-1e-9, 1e-9, 99), *rng.uniform(-1e4, 1e4, n)]
        return [[0, 1, -1, *units([v for v in angles if abs(np.tan(v)) < 500], f)]]
    x = magnitudes(rng, n)
    if name in ("log", "log2", "log10", "rsqrt"):
        return [x]
    if name in ("sqrt", "public_power"):
        return [[0, *x]]
    if name in ("arctan", "arcsinh", "cbrt"):
        return [signed([*x, *units(2 ** rng.uniform(-20, 27, n), f)])]
    one = 1 << f
    if name in ("arcsin", "arccos", "arctanh"):
        small = [*(v for v in x if v < one), *units(rng.uniform(0, 1, n), f)]
        return [signed([*([] if name == "arctanh" else [one]), *small, *(one - v for v in small if v)])]
    if name == "arccosh":
        return [[one, *(one + v for v in [*x, *units(2 ** rng.uniform(-f, 26, n), f)] if one + v < (1 << 126) - one)]]
    if name == "power":
        y = np.concatenate([rng.uniform(-256, 256, n), rng.uniform(-2, 2, n)])
        logs = rng.uniform(-1, 1, 2 * n) * np.minimum((125 - f) / np.maximum(np.abs(y), 1), f)
        bases = [max(v, 1) for v in units(2.0**logs, f)]
        return [[0, 0, 0, one, one, *bases], [1, one, 200 << f, 0, 5 << f, *units(y, f)]]
    y = [-v if i % 3 else v for i, v in enumerate(x)]
    if name == "reciprocal":
        return [[v for v in y if (1 << 2 * f) // abs(v) < 1 << 126]]
    others = [x[i] * (-1) ** i for i in rng.permutation(len(x)).tolist()]
    if name == "divide":
        pairs = [(a, b) for a, b in zip(others, y, strict=True) if abs(a) << f < abs(b) << 126]
        return [[0, *(a for a, _ in pairs)], [5, *(b for _, b in pairs)]]
    # arctan2 and hypot: any two, two that are near, and zeros
    near = [int(v * factor) for v, factor in zip(y, 2 ** rng.uniform(-60, 0, len(y)), strict=True)]
    pairs = [*zip(others, y, strict=True), *zip(y, near, strict=True), *zip(near, y, strict=True)]
    pairs += [(a, b) for a in (0, 1, -1, one, 1 << 125, -(1 << 125)) for b in (0, 1, -1, -one, 1 << 125)]
    if name == "hypot":
        pairs = [(a, b) for a, b in pairs if a * a + b * b < 1 << 251]
    return [[pair[side] for pair in pairs] for side in (0, 1)]
