"""Each series is as close to its function on its window as is stated, in exact arithmetic, and straight outside."""

from __future__ import annotations

import gmpy2
import numpy as np
import pytest
from simulation import cost, play, signed, words

from mpcfl import ring
from mpcfl.protocol import Context
from mpcfl.protocols import normalisation, plain, semi2k
from mpcfl.protocols.beaver import OPERAND, mul
from mpcfl.protocols.series import SCALE, SERIES, series_of
from mpcfl.protocols.windows import WINDOWS
from mpcfl.share import Share

LN2 = np.log(2)


def logistic(x):
    return 1 / (1 + gmpy2.exp(-x))


FUNCTIONS = {
    "fast_sigmoid": (logistic, -8.53125, 8.53125, 1.37e-4),
    "fast_softplus": (lambda x: gmpy2.log1p(gmpy2.exp(x)), -9, 9, 8.5e-5),
    "sigmoid": (logistic, -14.5, 14.5, 2.0**-22.6),
    "softplus": (lambda x: gmpy2.log1p(gmpy2.exp(x)), -14.5, 14.5, 2.0**-23),
    "tanh": (lambda x: gmpy2.tanh(x) + 1, -7.25, 7.25, 2.0**-21.6),
    "erf": (lambda x: gmpy2.erf(x) + 1, -3.6875, 3.6875, 2.0**-23.9),
    "gelu": (lambda x: x * gmpy2.erfc(-x / gmpy2.sqrt(2)) / 2, -5.375, 5.375, 2.0**-24),
    "gelu_tanh": (
        lambda x: x * (1 + gmpy2.tanh(gmpy2.sqrt(2 / gmpy2.const_pi()) * (x + gmpy2.mpfr(44715) / 10**6 * x**3))) / 2,
        -5.375,
        5.375,
        2.0**-24,
    ),
    "silu": (lambda x: x * logistic(x), -17.5, 17.5, 2.0**-22.1),
    "arctan_exp2": (lambda x: gmpy2.atan(gmpy2.exp2(x)), -21, 21, 2.0**-22.1),
    "hypot": (lambda x: gmpy2.log2(1 + gmpy2.exp2(2 * x)) / 2, -12, 12, 2.0**-23),
    "arcsinh_exp": (lambda x: gmpy2.asinh(gmpy2.exp(x)), -12 * LN2, 12 * LN2, 2.0**-23),
    "sin": (gmpy2.sin, -4, 4, 0),
    "cos": (gmpy2.cos, -4, 4, 0),
}


def value(name, x):
    """A series by its definition."""
    series = SERIES[name]
    turn = 2 * gmpy2.const_pi() * series.turns / 512 if series.turns else gmpy2.mpfr(1)
    unit = gmpy2.mpfr(2) ** -(28 if series.turns else 31)
    total = gmpy2.mpfr(series.constant) / (1 << SCALE) + (x / 2 if series.half else 0)
    for k in range(series.terms):
        angle = (1 + k * series.step) * turn * x
        total += (series.sin[k] * unit * gmpy2.sin(angle)) if series.sin else 0
        total += (series.cos[k] * unit * gmpy2.cos(angle)) if series.cos else 0
    return total


def test_every_series_is_here():
    assert FUNCTIONS.keys() == SERIES.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_error_of_a_series(name):
    function, low, high, error = FUNCTIONS[name]
    with gmpy2.context(precision=100):
        for x in np.concatenate([np.linspace(low, high, 1500), np.linspace(-0.1, 0.1, 50)]):
            x = gmpy2.mpfr(float(x))
            assert abs(value(name, x) - function(x)) <= error + 2.0**-90, float(x)


@pytest.mark.parametrize(("name", "error"), [("short", 2.0**-22.15), ("long", 2.0**-25.7)])
def test_the_error_of_the_logarithm(name, error):
    series = normalisation.SERIES[name]
    with gmpy2.context(precision=100):
        turn = 2 * gmpy2.const_pi() * 3 / 4
        for u in np.linspace(0.125, 1, 2000):
            u = gmpy2.mpfr(float(u))
            total = gmpy2.mpfr(series.constant) / (1 << 56)
            for k, (a, b) in enumerate(zip(series.sin, series.cos, strict=True), 1):
                total += (a * gmpy2.sin(k * turn * u) + b * gmpy2.cos(k * turn * u)) / (1 << 28)
            assert abs(total - gmpy2.log2(u)) < error


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if SERIES[name].turns])
@pytest.mark.parametrize("scale", [16, 20, 55])
def test_on_shares_little_is_added(name, scale):
    function, low, high, error = FUNCTIONS[name]
    x = [int(v) for v in np.linspace(low, high, 3000) * 2.0**scale]
    got = signed(play(lambda ctx, t: series_of(ctx, t, name, scale), words(*x)).words)
    with gmpy2.context(precision=100):
        for t, result in zip(x, got, strict=True):
            exact = function(gmpy2.mpfr(t) / (1 << scale))
            assert abs(gmpy2.mpfr(result) / (1 << SCALE) - exact) < error + 2.0**-23


@pytest.mark.parametrize("name", WINDOWS)
def test_what_a_window_leaves_out(name):
    window, function = WINDOWS[name], FUNCTIONS[name][0]
    with gmpy2.context(precision=100):
        limit = gmpy2.mpfr(window.limit)
        least = {"fast_sigmoid": 2e-4, "fast_softplus": 1.3e-4}.get(name, 2.0**-19.9)
        assert abs(function(-limit)) < least  # tanh and erf have a 1 added
        above = limit if window.identity else 1 - window.low
        assert abs(function(limit) - above) < least
        assert FUNCTIONS[name][1:3] == (-window.limit, window.limit)


RULES = ("precise_sigmoid", "precise_softplus", "precise_tanh", "erf", "gelu", "gelu_tanh", "silu")


@pytest.mark.parametrize("primitive", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_the_ends_of_the_range_are_exact(primitive, seed):
    last = (1 << 62) - 1
    ends = words(last, -last, 1 << 61, -(1 << 61), 20 << 18, -(20 << 18))
    rule = semi2k.suite[primitive]
    protocol = plain.suite[primitive](Context(0, 1, 18), Share(ends))
    with pytest.raises(StopIteration) as stop:
        next(protocol)
    expected = np.array(signed(stop.value.value)) + np.array([0, 0, 0, 0, 0, 0])
    got = np.array(signed(play(rule, ends, seed=seed).words))
    assert set((got - expected).tolist()) <= {0, 1}  # the oracle rounds down what is just below a whole number


@pytest.mark.parametrize("primitive", RULES)
def test_the_rounds_and_bytes_of_the_fast_form(primitive):
    precise, fast = (cost(semi2k.suite[name], (640,)) for name in (primitive, "sigmoid"))
    assert (precise.rounds, precise.bytes_sent) == (fast.rounds, fast.bytes_sent)


def test_what_was_opened_before_is_not_opened_again():
    """A product and three functions of one operand open it once."""

    def together(ctx, x):
        yield from mul(ctx, x, x)
        for name in ("erf", "silu", "arctan"):
            last = yield from semi2k.suite[name](ctx, x)
        return last

    x = ring.encode(np.linspace(-20, 20, 640), 18)
    played = play(together, x)
    opened = [said.words.size for said in played.opened if said.message is OPERAND]
    assert sum(opened) == x.size + 5 * x.size  # and of arctan two factors, the normalised x, its logarithm and its size
