"""Inverse functions, tangents, roots and lengths at every fraction of a session, on all powers of two."""

from __future__ import annotations

import gmpy2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import cost, play, signed, words

from mpcfl.protocols.inverse import arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh
from mpcfl.protocols.powering import HYPOT_RANGE, cbrt, cbrt_range, hypot, power
from mpcfl.protocols.powers import LOWEST, ZONE
from mpcfl.protocols.series import SCALE
from mpcfl.protocols.tangent import tan

FRACTIONS = range(8, 25)
LARGEST = (1 << 62) - 1
POWERS = sorted({v for j in range(62) for v in ((1 << j) - 1, 1 << j, (1 << j) + 1) if 1 <= v <= LARGEST} | {LARGEST})
BOTH = [0, *POWERS, *(-v for v in POWERS)]


def check(rule, exact, operands, fraction, units=2.0, relative=2.0**-20.2, seed=0):
    """Within `units`, twice as many for each bit of fraction beyond 20, and a relative error, of the function at 100
    bits."""
    got = signed(play(rule, *(words(*x) for x in operands), fraction=fraction, seed=seed).words)
    units *= 2.0 ** max(0, fraction - 20)
    with gmpy2.context(precision=100):
        for values, result in zip(zip(*operands, strict=True), got, strict=True):
            want = exact(*(gmpy2.mpfr(v) / (1 << fraction) for v in values)) * (1 << fraction)
            assert abs(result - want) <= units + relative * abs(want), f"{values} gives {result}, not {want}"


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_of_every_number(fraction):
    for rule, exact in ((arctan, gmpy2.atan), (arcsinh, gmpy2.asinh)):
        check(rule, exact, [BOTH], fraction, relative=0)
    check(cbrt, gmpy2.cbrt, [BOTH], fraction)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_of_numbers_up_to_one(fraction):
    one = 1 << fraction
    inner = sorted({v for p in POWERS for v in (p, -p, one - p, p - one) if abs(v) < one})
    check(arcsin, gmpy2.asin, [[*inner, one, -one]], fraction, relative=0)
    check(arccos, gmpy2.acos, [[*inner, one, -one]], fraction, relative=0)
    check(arctanh, gmpy2.atanh, [inner], fraction, relative=0)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_of_numbers_from_one(fraction):
    one = 1 << fraction
    check(arccosh, gmpy2.acosh, [[one, *(p + one for p in POWERS if p + 2 * one <= LARGEST)]], fraction, relative=0)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_of_two_numbers(fraction):
    some = [0, *(sign * v for v in POWERS[::9] for sign in (1, -1)), 1, -1, LARGEST]
    pairs = [(a, b) for a in some for b in some]
    x, y = ([pair[side] for pair in pairs] for side in (0, 1))
    check(arctan2, lambda a, b: gmpy2.atan2(a, b), [x, y], fraction, units=2.5, relative=0)
    short = [(a, b) for a, b in pairs if a * a + b * b < (1 << 62) ** 2]
    check(hypot, gmpy2.hypot, [[pair[side] for pair in short] for side in (0, 1)], fraction)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_tangents(fraction):
    end = 1 << 36 if fraction < 20 else 1 << 30
    x = [v for v in BOTH if abs(v) < end]
    with gmpy2.context(precision=100):
        x = [v for v in x if abs(gmpy2.tan(gmpy2.mpfr(v) / (1 << fraction))) < 512]
    check(tan, gmpy2.tan, [x], fraction, relative=2.0**-16)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_powers(fraction):
    one = 1 << fraction
    cases = [(x, y) for x in POWERS for y in (one // 3, -one // 5, one, 2 * one, -one, 0)]
    with gmpy2.context(precision=100):
        cases = [(x, y) for x, y in cases if y * (gmpy2.log2(x) - fraction) < (61.9 - fraction) * one]
    check(power, lambda x, y: x**y, [[pair[side] for pair in cases] for side in (0, 1)], fraction, relative=2.0**-19)


NUMBER = st.integers(0, 61).flatmap(lambda j: st.integers(1 << j, (2 << j) - 1))
ANY = st.just(0) | NUMBER | NUMBER.map(lambda v: -v)


@given(st.lists(st.tuples(ANY, ANY), min_size=1, max_size=20), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_angles_anywhere(pairs, seed):
    x, y = ([pair[side] for pair in pairs] for side in (0, 1))
    check(arctan2, lambda a, b: gmpy2.atan2(a, b), [x, y], 18, relative=0, seed=seed)
    check(arctan, gmpy2.atan, [x], 18, relative=0, seed=seed)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_exponents_are_told_apart(fraction):
    """No more than the integer part of an exponent tells apart, and of all that occur the zones hold the highest."""
    for span in (cbrt_range(fraction), HYPOT_RANGE):
        assert span.highest - span.lowest < span.window <= 1 << 64 - SCALE
        assert span.highest - LOWEST < ZONE * span.zones <= span.window + min(span.lowest - LOWEST, 0)


def test_rounds():
    rounds = {rule.primitive: rule.rounds for rule in (arctan, arcsinh, arccosh, arctanh, arcsin, cbrt, tan)}
    assert rounds == {
        "arctan": 10, "arcsinh": 10, "arccosh": 9, "arctanh": 8, "arcsin": 9, "cbrt": 12, "tan": 13,
    }  # fmt: skip
    for rule in (arctan2, hypot, power):
        assert cost(rule, (7,), (7,)).rounds == rule.rounds
