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
from wide_inputs import EXPONENT_BITS, OF_TWO, PRECISE, PUBLIC_EXPONENT, operands

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


def call(name: str) -> Callable[..., Any]:
    """How a function is called on shares."""

    def start(ctx: Context, *shares: Share) -> Any:
        if name == "trunc_pr":
            return SUITE[name](ctx, shares[0].words, 1, 40)
        return SUITE[name](ctx, *shares, *exponent(name, shares[0]))

    return start


def exponent(name: str, x: Share) -> tuple[Any, ...]:
    """The public one, of `public_power`."""
    if name != "public_power":
        return ()
    return ring.like(x.words, x.shape, round(PUBLIC_EXPONENT * 2**EXPONENT_BITS)), EXPONENT_BITS


def expected(name: str, clear: list[ring.Words], f: int) -> list[int]:
    """Exact results, rounded down."""
    shares = [Share(x) for x in clear]
    oracle = plain.suite[name](Context(0, 1, f, 128), *shares, *exponent(name, shares[0]))
    with pytest.raises(StopIteration) as stop:
        next(oracle)
    return signed(stop.value.value)


def check(name: str, n: int, f: int) -> None:
    clear = [ring.words(np.array(values, object), 128) for values in operands(name, n, f)]
    got = signed(play(call(name), *clear, fraction=f).words)
    stated = STATED[name]
    for value, floor in zip(got, expected(name, clear, f), strict=True):
        # the exact result lies between the oracle's and one unit more
        allowed = stated.units + stated.relative * (abs(floor) + 1)
        assert -allowed <= value - floor <= 1 + allowed, (name, f, floor, value - floor)


@pytest.mark.parametrize("fraction", [8, 32, 40, 48])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stated_error(name: str, fraction: int) -> None:
    check(name, 300, fraction)


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [32, 48])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_stated_error_on_many_inputs(name: str, fraction: int) -> None:
    check(name, 5_000, fraction)


AT_FRACTION_56 = {
    "sin": 2.0**-52,
    **dict.fromkeys(PRECISE, 2.0**-51),
    **dict.fromkeys(("log", "log2", "log10"), 2.0**-49.4),
    **dict.fromkeys(("arctan", "arctan2"), 2.0**-50),
    **dict.fromkeys(("arcsin", "arccos", "arcsinh", "arccosh"), 2.0**-49),
    "arctanh": 2.0**-48.7,
}


@pytest.mark.parametrize(("name", "unit"), AT_FRACTION_56.items())
def test_absolute_errors_at_the_finest_fraction(name: str, unit: float) -> None:
    clear = [ring.words(np.array(values, object), 128) for values in operands(name, 2000, 56)]
    got = signed(play(call(name), *clear, fraction=56).words)
    allowed = unit * 2.0**56 + 1
    assert all(-allowed <= a - b <= allowed + 1 for a, b in zip(got, expected(name, clear, 56), strict=True))


@pytest.mark.parametrize("name", STATED)
def test_the_stated_cost(name: str) -> None:
    n, stated = 6400, STATED[name]

    foreseen = cost(call(name), *[(n,)] * (2 if name in ("mul", *OF_TWO) else 1), width=128)
    assert foreseen.rounds == stated.rounds
    assert round(foreseen.bytes_sent[0] / n, 1) == stated.bytes
    assert round(foreseen.offline_bytes / n, 1) == stated.dealer
