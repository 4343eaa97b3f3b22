"""Every elementary function keeps the error, rounds and bytes that docs/numerics.md states, over its whole domain."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpcfl
from mpcfl import numerics, ring

Arrays = Sequence[np.ndarray]
PAGE = Path(__file__).resolve().parent.parent / "docs" / "numerics.md"
FRACTIONS = (16, 18, 20)


@dataclass(frozen=True)
class Stated:
    """A row of the table: absolute error, units in the last place, relative error, rounds, bytes an element."""

    absolute: float
    units: float
    relative: float
    rounds: int
    bytes: float


def number(cell: str) -> float:
    power = re.fullmatch(r"2\^(-?[\d.]+)", cell)
    return 2.0 ** float(power[1]) if power else float(cell)


def table() -> dict[str, Stated]:
    _, _, after = PAGE.read_text("utf-8").partition("<!-- elementary -->\n")
    rows = {}
    for line in after.splitlines()[2:]:
        if not line.startswith("|"):
            break
        name, _, absolute, units, relative, rounds, size = (cell.strip() for cell in line.split(" | "))
        rows[name.strip("| `")] = Stated(
            number(absolute), number(units), number(relative), int(rounds), float(size.strip("| "))
        )
    return rows


STATED = table()

# Samples: edges and dense grids first, then random values of all magnitudes


def magnitudes(rng: np.random.Generator, n: int, fraction: int) -> np.ndarray:
    """Positive, of every magnitude: 1 unit to the end of the range, all powers of two and their neighbours."""
    powers = np.array([(1 << j) + k for j in range(62) for k in (-1, 0, 1) if (1 << j) + k > 0] + [(1 << 62) - 512])
    words = np.concatenate([powers, np.floor(2.0 ** rng.uniform(0, 61.99, n))])
    return np.ldexp(words.astype(np.float64), -fraction)


def positive(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    dense = np.arange(1, 1 << 11) * 2.0**-fraction
    return [np.concatenate([dense, 1 + dense, magnitudes(rng, n, fraction)])]


def not_negative(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    return [np.append(0.0, *positive(rng, n, fraction))]


def not_zero(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    (x,) = positive(rng, n, fraction)
    return [x * rng.choice([-1, 1], x.size)]


def pairs(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    """Dividends and divisors of all magnitudes and signs with a representable quotient."""
    x, y = rng.permutation(magnitudes(rng, n, fraction)), magnitudes(rng, n, fraction)
    x, y = x * rng.choice([-1, 0, 1], x.size, p=[0.49, 0.02, 0.49]), y * rng.choice([-1, 1], y.size)
    small = np.abs(x / y) < 2.0 ** (62 - fraction) * (1 - 2.0**-19)
    return [x[small], y[small]]


def exponents(base: float) -> Callable[[np.random.Generator, int, int], Arrays]:
    def sample(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
        top, low = (62 - fraction) / np.log2(base), -(fraction + 1) / np.log2(base)
        step = 2.0**-fraction
        dense = np.arange(-500, 500) * step
        far = -(2.0 ** rng.uniform(0, 61 - fraction, n // 8))
        return [
            np.concatenate([dense, low + dense, top - 1e-5 + dense[:490], rng.uniform(low - 2, top - 1e-5, n), far])
        ]

    return sample


def both_sides(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    top = (62 - fraction) * np.log(2) - 1e-5
    return [np.concatenate([np.arange(-500, 500) * 2.0**-fraction, rng.uniform(-top, top, n)])]


def above_minus_one(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    (x,) = positive(rng, n, fraction)
    return [np.minimum(x - 1, 2.0 ** (62 - fraction) - 2)]


def anywhere(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    (x,) = not_zero(rng, n, fraction)
    return [
        np.concatenate([np.linspace(-12, 12, n), np.clip(x, 9 - 2.0 ** (62 - fraction), 2.0 ** (62 - fraction) - 9)])
    ]


def angles(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    ends = 2.0 ** (40 - fraction) - 1
    return [np.concatenate([np.linspace(-7, 7, n), rng.uniform(-ends, ends, n), [0, ends, -ends]])]


def two_numbers(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    return [rng.normal(0, 8, n), rng.normal(0, 8, n)]


def two_of_any_size(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    """Of all magnitudes and signs, close to one another and far apart, zeros among them."""
    x, y = rng.permutation(magnitudes(rng, n, fraction)), magnitudes(rng, n, fraction)
    x[::3] = y[::3] * 2.0 ** rng.uniform(-3, 3, x[::3].size)
    x, y = (np.minimum(v, 2.0 ** (61 - fraction)) * rng.choice([-1, 1], x.size) for v in (x, y))
    x[1:40], y[20:60] = 0, 0
    return [x, y]


def tangents(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    ends = 2.0 ** (36 - fraction) - 1
    x = np.concatenate([np.linspace(-7, 7, n), rng.uniform(-ends, ends, n), [0, ends, -ends]])
    return [x[np.abs(np.tan(encoded(x, fraction))) < 2.0**9]]


def within_one(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    dense = np.arange(min(n, 1000)) * 2.0**-fraction
    return [np.concatenate([dense, 1 - dense, dense - 1, rng.uniform(-1, 1, n)])]


def inside_one(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    (x,) = within_one(rng, n, fraction)
    return [np.clip(x, 2.0**-fraction - 1, 1 - 2.0**-fraction)]


def from_one(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    (x,) = positive(rng, n, fraction)
    return [np.append(1.0, np.minimum(1 + x, 2.0 ** (62 - fraction) - 2))]


def large_enough(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    """Of both signs, with a representable square of the reciprocal."""
    (x,) = not_zero(rng, n, fraction)
    return [x[np.abs(x) > 2.0 ** ((fraction - 62) / 2)]]


def powers(rng: np.random.Generator, n: int, fraction: int) -> Arrays:
    """Bases of all magnitudes and exponents up to 256, with a representable power or one far below a unit."""
    (x,) = positive(rng, n, fraction)
    logs = np.log2(x)
    y = rng.uniform(-1, 1, x.size) * np.minimum((61.9 - fraction) / np.maximum(np.abs(logs), 1e-9), 256)
    small = rng.random(x.size) < 0.2
    y[small] = -np.sign(logs[small]) * rng.uniform(0, 256, small.sum())
    return [x, y]


@dataclass(frozen=True)
class Function:
    """How a function is called, on secrets and on float64, and its inputs."""

    call: Callable[..., Any]
    sample: Callable[[np.random.Generator, int, int], Arrays]


FUNCTIONS = {
    "x / y": Function(np.true_divide, pairs),
    "np.reciprocal": Function(np.reciprocal, not_zero),
    "np.exp": Function(np.exp, exponents(np.e)),
    "np.exp2": Function(np.exp2, exponents(2.0)),
    "np.expm1": Function(np.expm1, exponents(np.e)),
    "np.log": Function(np.log, positive),
    "np.log2": Function(np.log2, positive),
    "np.log10": Function(np.log10, positive),
    "np.log1p": Function(np.log1p, above_minus_one),
    "np.sqrt": Function(np.sqrt, not_negative),
    "numerics.rsqrt": Function(numerics.rsqrt, positive),
    "np.sin": Function(np.sin, angles),
    "np.cos": Function(np.cos, angles),
    "np.sinh": Function(np.sinh, both_sides),
    "np.cosh": Function(np.cosh, both_sides),
    "np.tanh": Function(np.tanh, anywhere),
    "np.logaddexp": Function(np.logaddexp, two_numbers),
    "numerics.relu": Function(numerics.relu, anywhere),
    "numerics.sigmoid(x, precise=True)": Function(lambda x: numerics.sigmoid(x, precise=True), anywhere),
    "numerics.softplus(x, precise=True)": Function(lambda x: numerics.softplus(x, precise=True), anywhere),
    "numerics.tanh(x, precise=True)": Function(lambda x: numerics.tanh(x, precise=True), anywhere),
    "numerics.erf": Function(numerics.erf, anywhere),
    "numerics.erfc": Function(numerics.erfc, anywhere),
    "numerics.gelu": Function(numerics.gelu, anywhere),
    'numerics.gelu(x, "tanh")': Function(lambda x: numerics.gelu(x, "tanh"), anywhere),
    "numerics.silu": Function(numerics.silu, anywhere),
    "np.tan": Function(np.tan, tangents),
    "np.arctan": Function(np.arctan, anywhere),
    "np.arctan2": Function(np.arctan2, two_of_any_size),
    "np.arcsin": Function(np.arcsin, within_one),
    "np.arccos": Function(np.arccos, within_one),
    "np.arcsinh": Function(np.arcsinh, anywhere),
    "np.arccosh": Function(np.arccosh, from_one),
    "np.arctanh": Function(np.arctanh, inside_one),
    "np.cbrt": Function(np.cbrt, anywhere),
    "np.hypot": Function(np.hypot, two_of_any_size),
    "x ** y": Function(np.power, powers),
    "x ** 0.3": Function(lambda x: x**0.3, not_negative),
    "x ** -2": Function(lambda x: np.power(x, -2.0), large_enough),
    "2.5 ** x": Function(lambda x: 2.5**x, exponents(2.5)),
    "np.logaddexp2": Function(np.logaddexp2, two_numbers),
}
HEAVY = {"x / y", "np.tan", "np.arctan2", "np.hypot", "x ** y", "x ** -2"}
"""Functions of which fewer inputs are tried in the quick tests."""
FAST = {"np.tanh", "np.logaddexp"}
"""Functions with an absolute error, of 5e-4 at most."""


SLICE = 20_000
"""Elements at a time, to bound the memory of a test."""


def encoded(x: np.ndarray, fraction: int) -> np.ndarray:
    return ring.decode(ring.encode(x, fraction), fraction)


def check(name: str, n: int, fraction: int) -> None:
    function, stated, unit = FUNCTIONS[name], STATED[name], 2.0**-fraction
    inputs = [encoded(x, fraction) for x in function.sample(np.random.default_rng(fraction), n, fraction)]

    def program(session: mpcfl.Session) -> Any:
        parts = []
        for start in range(0, inputs[0].size, SLICE):
            slices = [x[start : start + SLICE] for x in inputs]
            parts.append(function.call(*(session.share(x, 0, x.shape) for x in slices)).reveal())
        return np.concatenate(parts)

    got = mpcfl.simulate(program, fraction=fraction).results[0]
    exact = function.call(*inputs)
    error, size = np.abs(got - exact), np.abs(exact)
    worst = int(np.argmax(error - stated.relative * size))
    where = f"{name}({', '.join(repr(float(x[worst])) for x in inputs)}) = {got[worst]!r}, exactly {exact[worst]!r}"
    assert (error <= stated.absolute + stated.units * unit + stated.relative * size).all(), where
    aim = np.full(error.shape, 5e-4) if name in FAST else np.maximum(4 * unit, 2.0**-13 * size)
    assert (error <= aim).all(), where


def test_the_table_has_every_function() -> None:
    assert STATED.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stated_error(name: str, fraction: int) -> None:
    check(name, 2_000, fraction)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stated_error_on_many_inputs(name: str) -> None:
    check(name, 20_000 if name in HEAVY else 100_000, 18)


@pytest.mark.slow
@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stated_error_on_a_million_inputs(name: str, fraction: int) -> None:
    check(name, 1_000_000, fraction)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stated_cost(name: str) -> None:
    n = 640
    inputs = [x[:n] for x in FUNCTIONS[name].sample(np.random.default_rng(1), 4 * n, 18)]

    def program(session: mpcfl.Session) -> Any:
        return FUNCTIONS[name].call(*(session.share(x, 0, x.shape) for x in inputs)).reveal()

    run = mpcfl.simulate(program)
    assert run.rounds - 1 == STATED[name].rounds
    assert round(run.bytes_sent[0] / n - 8, 1) == STATED[name].bytes
