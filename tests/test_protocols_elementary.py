"""Exponentials, logarithms, roots and sines at every fraction of a session, on all powers of two and at both ends."""

from __future__ import annotations

import gmpy2
import pytest
from simulation import play, signed, words

from mpcfl.protocols.division import quotient_range, reciprocal_range
from mpcfl.protocols.exponential import SCALE, SPAN, exp, exp2, log2_of
from mpcfl.protocols.logarithm import log, log2, log10
from mpcfl.protocols.powers import LOWEST, ZONE
from mpcfl.protocols.roots import HALF_SCALE, rsqrt, rsqrt_range, sqrt, sqrt_range
from mpcfl.protocols.trigonometry import cos, sin

FRACTIONS = range(8, 25)
LARGEST = (1 << 62) - 1
POWERS = sorted({v for j in range(62) for v in ((1 << j) - 1, 1 << j, (1 << j) + 1) if 1 <= v <= LARGEST} | {LARGEST})


def check(rule, exact, x, fraction, units=1.3, relative=2.0**-20.3):
    """Within `units` (one more for each bit of fraction beyond 20) and a relative error of the function at 100 bits."""
    got = signed(play(rule, words(*x), fraction=fraction).words)
    units *= 2.0 ** max(0, fraction - 20)
    with gmpy2.context(precision=100):
        for value, result in zip(x, got, strict=True):
            want = exact(gmpy2.mpfr(value) / (1 << fraction)) * (1 << fraction)
            assert abs(result - want) <= units + relative * abs(want), f"{value} gives {result}, not {want}"


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize(
    ("rule", "exact"),
    [
        (log, gmpy2.log),
        (log2, gmpy2.log2),
        (log10, gmpy2.log10),
        (sqrt, gmpy2.sqrt),
        (rsqrt, gmpy2.rec_sqrt),
    ],
    ids=["log", "log2", "log10", "sqrt", "rsqrt"],
)
def test_positive_arguments(rule, exact, fraction):
    check(rule, exact, POWERS, fraction)


@pytest.mark.parametrize("fraction", [32, 38, 40])
def test_reciprocal_roots_where_other_operations_stand(fraction):
    """Linear algebra takes them at more fractional bits than a session has, of numbers down to one unit."""
    check(rsqrt, gmpy2.rec_sqrt, POWERS, fraction, units=1.3 / 2 ** (fraction - 20))


def test_the_root_of_zero_is_zero():
    assert signed(play(sqrt, words(0, 0, 0)).words) == [0, 0, 0]


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize(("rule", "exact", "base"), [(exp, gmpy2.exp, "e"), (exp2, gmpy2.exp2, "2")], ids=["e", "2"])
def test_exponentials_from_the_lowest_number_to_the_largest_result(rule, exact, base, fraction):
    slope = log2_of(base, SCALE - fraction)
    least, top = -((fraction + 1) << SCALE) // slope, ((62 - fraction << SCALE) // slope) - 1
    ends = [end + k for end in (least, 0, top - 30) for k in range(-30, 30) if end + k <= top]
    check(rule, exact, [*ends, *range(least, top, (top - least) // 97), -LARGEST, -(1 << 61), -(1 << 40)], fraction)


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize(("rule", "exact"), [(sin, gmpy2.sin), (cos, gmpy2.cos)], ids=["sin", "cos"])
def test_sines(rule, exact, fraction):
    x = [sign * v for v in POWERS if v < 1 << 40 for sign in (1, -1)]
    check(rule, exact, [0, *x], fraction, units=1.8)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_exponents_are_told_apart(fraction):
    """No more than the integer part of an exponent tells apart, and of all that occur the zones hold the highest."""
    for span, scale in (
        (SPAN, SCALE),
        (quotient_range(fraction), SCALE),
        (reciprocal_range(fraction), SCALE),
        (sqrt_range(fraction), HALF_SCALE),
        *((rsqrt_range(bits), HALF_SCALE) for bits in (fraction, 30, 31, 40)),
    ):
        assert span.highest - span.lowest < span.window <= 1 << 64 - scale
        assert span.highest - LOWEST < ZONE * span.zones <= span.window + min(span.lowest - LOWEST, 0)
