"""Each series of ring 128 is as close to its function as is stated, and what lies outside its window is straight."""

from __future__ import annotations

import gmpy2
import numpy as np
import pytest
from simulation import play, signed

from mpcfl import ring
from mpcfl.protocols.inverse128 import ARCSINH_END, LOW_END
from mpcfl.protocols.powering128 import FLAT
from mpcfl.protocols.series import SERIES, series_in, series_of
from mpcfl.protocols.series128 import FACTOR_BITS, FUNCTIONS, SCALE, TURN_BITS, coefficients
from mpcfl.protocols.windows import WINDOWS

LN2 = float(np.log(2))
FAST = ("fast_sigmoid", "fast_softplus")
"""The fast forms have a series of their own there (`fourier128`)."""
PRECISE = [name for name in WINDOWS if name not in FAST]
USED = {
    **{name: (-FUNCTIONS[name].window, FUNCTIONS[name].window) for name in PRECISE},
    "arctan_exp2": (-52.0, 52.0),
    "hypot": (-float(FLAT), float(FLAT)),
    "arcsinh_exp": (-28 * LN2, (ARCSINH_END + 0.01) * LN2),
}
"""Where each series is asked for; arcsinh_exp as far down as arccosh x for x - 1 = 2^-56."""
ERROR = 2.0**-51.4


def test_every_series_is_here():
    periodic = {name for name, series in SERIES.items() if series.turns}
    assert FUNCTIONS.keys() == USED.keys() == periodic.difference(FAST)


@pytest.mark.parametrize("name", USED)
def test_the_error_of_a_series(name):
    series, function = series_in(name, 128), FUNCTIONS[name].function
    with gmpy2.context(precision=150):
        turn = 2 * gmpy2.const_pi() * series.turns / (1 << TURN_BITS)
        for x in np.concatenate([np.linspace(*USED[name], 150), np.linspace(-0.1, 0.1, 20)]):
            t = gmpy2.mpfr(float(x))
            total = gmpy2.mpfr(series.constant) / (1 << SCALE) + (t / 2 if series.half else 0)
            for row, wave in ((series.sin, gmpy2.sin), (series.cos, gmpy2.cos)):
                parts = (a * wave((1 + k * series.step) * turn * t) for k, a in enumerate(row))
                total += sum(parts, gmpy2.mpfr(0)) / (1 << FACTOR_BITS)
            assert abs(total - function(t)) < ERROR, float(x)


@pytest.mark.parametrize("name", USED)
@pytest.mark.parametrize("scale", [40, 56, 112])
def test_on_shares_little_is_added(name, scale):
    function, (low, high) = FUNCTIONS[name].function, USED[name]
    x = [int(v * 2.0**40) << scale - 40 for v in np.linspace(low, high, 1000)]
    words = ring.words(np.array(x, object), 128)
    got = signed(play(lambda ctx, t: series_of(ctx, t, name, scale), words).words)
    with gmpy2.context(precision=150):
        for t, result in zip(x, got, strict=True):
            exact = function(gmpy2.mpfr(t) / (1 << scale))
            assert abs(gmpy2.mpfr(result) / (1 << SCALE) - exact) < ERROR + 2.0**-53


@pytest.mark.parametrize("name", USED)
def test_coefficients_fit_and_fall_off(name):
    found = coefficients(name)
    for row in (found.sin, found.cos):
        assert len(row) in (0, FUNCTIONS[name].terms)
        assert all(abs(a) < 1 << FACTOR_BITS + 5 for a in row)  # with two of them below 2^62
        assert all(abs(a) < 1 << 4 for a in row[-1:])


@pytest.mark.parametrize("name", PRECISE)
def test_what_a_window_leaves_out(name):
    limit, function = gmpy2.mpfr(FUNCTIONS[name].window), FUNCTIONS[name].function
    with gmpy2.context(precision=150):
        assert abs(function(-limit)) < 2.0**-51.9
        above = limit if WINDOWS[name].identity else 1 - WINDOWS[name].low
        assert abs(function(limit) - above) < 2.0**-51.9
        assert SERIES[name].half == bool(FUNCTIONS[name].slope) == WINDOWS[name].identity


def test_what_is_taken_for_the_argument_or_its_logarithm():
    with gmpy2.context(precision=150):
        small, large = gmpy2.mpfr(2) ** LOW_END, gmpy2.mpfr(2) ** ARCSINH_END
        assert abs(gmpy2.atan(small) - small) < 2.0**-52.5
        assert abs(gmpy2.asinh(small) - small) < 2.0**-53.5
        assert abs(gmpy2.asinh(large) - gmpy2.log(2 * large)) < 2.0**-51.9
        assert abs(gmpy2.acosh(large) - gmpy2.log(2 * large)) < 2.0**-51.9
