"""Every function of ring 128 keeps the error, rounds and bytes that docs/numerics.md states."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulation import cost, play, signed

from mpcfl import ring
from mpcfl.protocol import Context
from mpcfl.protocols import plain, semi2k
from mpcfl.share import Share

PAGE = Path(__file__).resolve().parent.parent / "docs" / "numerics.md"
SUITE = semi2k.suite.over(128)


@dataclass(frozen=True)
class Stated:
    """A row of the table: units in the last place, relative error, rounds, bytes an element, bytes of the dealer."""

    units: float
    relative: float
    rounds: int
    bytes: float
    dealer: float


def number(cell: str) -> float:
    power = re.fullmatch(r"2\^(-?[\d.]+)", cell)
    return 2.0 ** float(power[1]) if power else float(cell)


def table() -> dict[str, Stated]:
    _, _, after = PAGE.read_text("utf-8").partition("<!-- ring 128 -->\n")
    rows = {}
    for line in after.splitlines()[2:]:
        if not line.startswith("|"):
            break
        name, units, relative, rounds, size, dealer = (cell.strip() for cell in line.strip("|").split(" | "))
        rows[name.strip("`")] = Stated(float(units), number(relative), int(rounds), float(size), float(dealer))
    return rows


STATED = table()
FUNCTIONS = [name for name in STATED if name not in ("mul", "trunc_pr", "msb", "eqz")]
"""The others are exact, and tried as such by the conformance test."""


def magnitudes(rng: np.random.Generator, n: int) -> list[int]:
    """Positive integers of every magnitude: all powers of two and their neighbours first."""
    powers = [(1 << j) + k for j in range(126) for k in (-1, 0, 1) if (1 << j) + k > 0]
    drawn = zip(rng.integers(1 << 52, 1 << 53, n).tolist(), rng.integers(0, 125, n).tolist(), strict=True)
    return [*powers, (1 << 126) - 1, *((mantissa << 73) >> (125 - exponent) or 1 for mantissa, exponent in drawn)]


def operands(name: str, n: int, f: int) -> list[list[int]]:
    """Integers that stand for the operands; results representable."""
    rng = np.random.default_rng(f)
    if name in ("exp", "exp2", "sin", "cos"):
        per = np.log2(np.e) if name == "exp" else 1.0
        low, top = (-(f + 3) / per, (126 - f) / per * (1 - 2**-40)) if name.startswith("exp") else (-1e4, 1e4)
        return [[int(v * 2.0**f) for v in np.concatenate([np.linspace(-1e-9, 1e-9, 99), rng.uniform(low, top, n)])]]
    x = magnitudes(rng, n)
    if name in ("log", "log2", "log10", "rsqrt"):
        return [x]
    if name == "sqrt":
        return [[0, *x]]
    y = [-v if i % 3 else v for i, v in enumerate(x)]
    if name == "reciprocal":
        return [[v for v in y if (1 << 2 * f) // abs(v) < 1 << 126]]
    dividends = [x[i] * (-1) ** i for i in rng.permutation(len(x)).tolist()]
    pairs = [(a, b) for a, b in zip(dividends, y, strict=True) if abs(a) << f < abs(b) << 126]
    return [[0, *(a for a, _ in pairs)], [5, *(b for _, b in pairs)]]


def check(name: str, n: int, f: int) -> None:
    clear = [ring.words(np.array(values, object), 128) for values in operands(name, n, f)]
    got = signed(play(lambda ctx, *shares: SUITE[name](ctx, *shares), *clear, fraction=f).words)
    oracle = plain.suite[name](Context(0, 1, f, 128), *(Share(x) for x in clear))
    with pytest.raises(StopIteration) as stop:
        next(oracle)
    stated = STATED[name]
    for value, floor in zip(got, signed(stop.value.value), strict=True):
        # the exact result lies between the oracle's and one unit more
        allowed = stated.units + stated.relative * (abs(floor) + 1)
        assert -allowed <= value - floor <= 1 + allowed, (name, f, floor, value - floor)


@pytest.mark.parametrize("fraction", [8, 32, 40, 48])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stated_error(name: str, fraction: int) -> None:
    check(name, 300, fraction)


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [32, 40, 48])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stated_error_on_many_inputs(name: str, fraction: int) -> None:
    check(name, 20_000, fraction)


@pytest.mark.parametrize(
    ("name", "unit"), [("log", 2.0**-49.4), ("log2", 2.0**-49.4), ("log10", 2.0**-49.4), ("sin", 2.0**-52)]
)
def test_absolute_errors_at_the_finest_fraction(name: str, unit: float) -> None:
    clear = [ring.words(np.array(values, object), 128) for values in operands(name, 2000, 56)]
    got = signed(play(lambda ctx, x: SUITE[name](ctx, x), *clear, fraction=56).words)
    oracle = plain.suite[name](Context(0, 1, 56, 128), *(Share(x) for x in clear))
    with pytest.raises(StopIteration) as stop:
        next(oracle)
    allowed = unit * 2.0**56 + 1
    assert all(-allowed <= a - b <= allowed + 1 for a, b in zip(got, signed(stop.value.value), strict=True))


@pytest.mark.parametrize("name", STATED)
def test_the_stated_cost(name: str) -> None:
    n, stated = 6400, STATED[name]

    def started(ctx: Context, *shares: Share) -> Any:
        rule: Callable[..., Any] = SUITE[name]
        return rule(ctx, shares[0].words, 1, 40) if name == "trunc_pr" else rule(ctx, *shares)

    foreseen = cost(started, *[(n,)] * (2 if name in ("mul", "divide") else 1), width=128)
    assert foreseen.rounds == stated.rounds
    assert round(foreseen.bytes_sent[0] / n, 1) == stated.bytes
    assert round(foreseen.offline_bytes / n, 1) == stated.dealer
