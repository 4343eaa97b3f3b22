"""Division, shifts, choices, tables, borders, calculus and polynomials on secrets, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_check import DTYPES, ULP, agree, arrays, check, on_secrets, spent

import mpcfl

FEW = settings(max_examples=6, deadline=None)
SHAPES = st.sampled_from([(), (1,), (4,), (2, 3)])


def example(kind="f", shape=(2, 4)):
    """Numbers with ties, of either sign, exact in fixed point."""
    size = int(np.prod(shape))
    return ((np.arange(size).reshape(shape) * 7 % 5 - 2) * (0.75 if kind == "f" else 1)).astype(DTYPES[kind])


# Whole quotients and remainders

QUOTIENTS = [np.floor_divide, np.remainder, np.fmod, np.divmod]


@pytest.mark.parametrize("kinds", ["ff", "fi", "if", "ii", "bi", "bb"])
@given(st.data())
@settings(max_examples=3, deadline=None)
def test_whole_quotients(kinds, data):
    """By public arrays and by secrets: exact, with NumPy's signs."""
    shape = data.draw(SHAPES)
    x = data.draw(arrays(kinds[0], st.just(shape)))
    y = data.draw(arrays(kinds[1], st.just(shape)))
    y = np.where(y == 0, y.dtype.type(1), y)
    for function in QUOTIENTS:
        expected = function(*(v.astype(np.int64) if v.dtype == bool else v for v in (x, y)))  # NumPy's int8
        got = on_secrets(lambda a, b, f=function: [f(a, y), f(a, b), f(x, b)], x, y)
        agree(got, [expected] * 3)


@given(st.lists(st.tuples(st.integers(-(2**37), 2**37), st.integers(1, 2**20)), min_size=1, max_size=8), st.data())
@FEW
def test_whole_quotients_of_large_numbers(pairs, data):
    """Exact where the quotient is below 2^38 and all is representable."""
    quotient, divisor = (np.array(column) for column in zip(*pairs, strict=True))
    divisor = divisor * data.draw(st.sampled_from([-1, 1]))
    rest = np.array([data.draw(st.integers(0, abs(int(d)) - 1)) for d in divisor]) * np.sign(divisor)
    x = quotient * divisor + rest
    got = on_secrets(np.divmod, x, divisor)
    agree(got, (quotient, rest))


def test_a_quotient_by_a_public_array_costs_the_rounds_of_one():
    rounds, _ = spent(lambda a: a // np.array([1.0, 2.0, 3.0]), (3,))
    assert rounds == spent(lambda a: a // 3, (3,))[0]


@given(arrays("f"))
@FEW
def test_parts_of_numbers(x):
    check(np.modf, x)
    check(np.fix, x)
    check(lambda a: a.astype(np.int64), x)
    check(lambda a: a.astype(bool), x)
    check(np.signbit, x + 0.0)  # without negative zeros
    check(lambda a: np.copysign(a, -x), x)
    check(lambda a: np.copysign(x, a), x + 0.0)
    check(lambda a: np.copysign(a, a[::-1]), x + 0.0)
    check(lambda a: np.ldexp(a, 3) + np.ldexp(a, np.int64(-2)), x, tolerance=2 * ULP)


@given(arrays("i"), st.integers(0, 8))
@FEW
def test_shifts_of_integers(x, by):
    check(lambda a: a << by, x)
    check(lambda a: a >> by, x)
    check(lambda a: a >> np.arange(x.shape[-1]), x)
    check(lambda a: ~a, x)


def test_shifts_that_cannot_be():
    for act, error in (
        (lambda a: a << a, TypeError),
        (lambda a: 1 << a, TypeError),
        (lambda a: a >> 60, ValueError),
        (lambda a: (a * 1.0) << 1, TypeError),
        (lambda a: np.ldexp(a, a), TypeError),
        (lambda a: a & 3, TypeError),
    ):
        with pytest.raises(error):
            on_secrets(act, np.array([1, 2]))


@pytest.mark.parametrize("kind", "fib")
def test_small_ufuncs(kind):
    x = example(kind)
    agree(on_secrets(np.conj, x), x)
    check(lambda a: np.fmax(a, x[::-1]), x)
    check(lambda a: np.fmin(a, x[0]), x)
    check(np.abs, x)
    check(np.square, x, tolerance=ULP) if kind != "b" else agree(on_secrets(np.square, x), x.astype(np.int64))
    agree(on_secrets(np.rad2deg, x), np.degrees(x.astype(float)), 2 * ULP)
    agree(on_secrets(np.radians, x), np.deg2rad(x.astype(float)), 2 * ULP)
    for function in (np.logical_and, np.logical_or, np.logical_xor):
        check(lambda a, f=function: f(a, x[::-1]), x)
        check(function, x, x[::-1])
    check(np.logical_not, x)
    check(lambda a: np.add(a, a, dtype=np.float64), x)


# Methods of ufuncs

METHODS = [np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or, np.logical_xor]


@pytest.mark.parametrize("ufunc", METHODS, ids=lambda u: u.__name__)
@pytest.mark.parametrize("kind", "fib")
def test_methods_of_ufuncs(ufunc, kind):
    x = example(kind, (5, 2))
    check(lambda a: ufunc.reduce(a, axis=1), x, tolerance=4 * ULP)
    check(lambda a: ufunc.outer(a[:, 0], x[0]), x, tolerance=4 * ULP)
    check(lambda a: ufunc.outer(x[0], a[:2]), x, tolerance=4 * ULP)
    check(lambda a: ufunc.accumulate(a), x, tolerance=8 * ULP)
    check(lambda a: ufunc.reduceat(a, [0, 3, 2, 4]), x, tolerance=8 * ULP)
    check(lambda a: ufunc.reduceat(a, [1], axis=1), x, tolerance=8 * ULP)


def test_accumulation_has_the_rounds_of_a_logarithm():
    assert spent(np.maximum.accumulate, (16,))[0] == 4 * 4
    assert spent(np.maximum.accumulate, (17,))[0] == 4 * 5


def test_out_is_assigned_to():
    def program(a, b):
        target = np.zeros_like(a)
        view = target[0]
        assert np.multiply(a, b, out=target) is target
        whole = np.zeros_like(a)
        np.divmod(a, 2, out=(whole, target))
        return view, whole, target

    x, y = example(), example()[:, ::-1]
    agree(on_secrets(program, x, y), ((x % 2)[0], x // 2, x % 2))


# Reductions with masks

MASKED = {
    "sum": lambda a, m: np.sum(a, axis=1, where=m, initial=2),
    "prod": lambda a, m: np.prod(a, axis=1, where=m, initial=2),
    "max": lambda a, m: np.max(a, axis=1, where=m, initial=-1),
    "min": lambda a, m: a.min(axis=0, where=m, initial=0, keepdims=True),
    "any": lambda a, m: np.any(a, axis=0, where=m),
    "all": lambda a, m: np.all(a, axis=0, where=m),
    "mean": lambda a, m: np.mean(a, axis=1, where=m),
    "var": lambda a, m: np.var(a, axis=1, where=m, ddof=0.5),
    "std": lambda a, m: np.std(a, axis=1, where=m, keepdims=True),
    "add.reduce": lambda a, m: np.add.reduce(a, where=m, initial=1),
    "maximum.reduce": lambda a, m: np.maximum.reduce(a, axis=1, where=m, initial=-9),
}


@pytest.mark.parametrize("name", MASKED)
@pytest.mark.parametrize("kind", "fi")
def test_reductions_by_a_mask(name, kind):
    x, mask = example(kind), np.array([[True, False, True, True], [False, True, True, False]])
    check(lambda a: MASKED[name](a, mask), x, tolerance=16 * ULP)
    check(MASKED[name], x, mask, tolerance=16 * ULP)


def test_further_arguments_of_reductions():
    x = example("i")
    check(lambda a: np.sum(a, dtype=np.float64), x)
    check(lambda a: np.cumsum(a, axis=1, dtype=np.float64), x)
    check(lambda a: np.mean(a, None, None, None, True), x, tolerance=ULP)
    check(lambda a: np.var(a, axis=0, mean=np.mean(x, axis=0, keepdims=True)), x, tolerance=8 * ULP)
    check(lambda a: np.max(np.zeros((0, 2)) * a[0, :2], axis=0, initial=3.0), x)
    with pytest.raises(ValueError, match="needs an initial value"):
        on_secrets(lambda a: np.max(a, where=a > 0), x)


# Borders

BORDERS = [
    {"mode": "reflect"},
    {"mode": "symmetric"},
    {"mode": "wrap"},
    {"mode": "linear_ramp"},
    {"mode": "linear_ramp", "end_values": ((1, -3), (2, 0))},
    {"mode": "maximum"},
    {"mode": "minimum", "stat_length": 2},
    {"mode": "mean", "stat_length": ((1, 2), (2, 3))},
    {"mode": "median"},
]


@pytest.mark.parametrize("kind", "fi")
@pytest.mark.parametrize("arguments", BORDERS, ids=lambda a: "-".join(a))
def test_borders(kind, arguments):
    x = example(kind, (3, 4)) * 8
    expected = np.pad(x.astype(float), ((1, 2), (3, 0)), **arguments)
    got = on_secrets(lambda a: np.pad(a, ((1, 2), (3, 0)), **arguments), x)
    if kind == "i":  # halves go up, ramps go down, axis by axis
        assert got.dtype == np.int64
        np.testing.assert_allclose(got, expected, atol=1.01)
        np.testing.assert_array_equal(got[1:4, 3:], x)
    else:
        agree(got, expected, 8 * ULP)


# Arrangement

ARRANGED = {
    "insert": lambda a: np.insert(a, 1, 5, axis=1),
    "insert of several": lambda a: np.insert(a, [0, 2], a[:, :2], axis=1),
    "insert in all": lambda a: np.insert(a, 3, [1, 2]),
    "resize": lambda a: np.resize(a, (3, 5)),
    "dstack": lambda a: np.dstack([a, a]),
    "block": lambda a: np.block([[a, a[:, :1]], [np.zeros_like(a[:1]), a[:1, :1]]]),
    "astype": lambda a: np.astype(a, np.float64),
    "fftshift": lambda a: np.fft.fftshift(a),
    "ifftshift": lambda a: np.fft.ifftshift(a, axes=1),
    "ediff1d": lambda a: np.ediff1d(a * 1, to_begin=[1], to_end=a[0, :2] * 1),
    "real": lambda a: np.real(a),
    "imag": lambda a: np.imag(a),
    "iscomplex": lambda a: np.iscomplex(a),
    "isreal": lambda a: np.isreal(a),
    "apply_along_axis": lambda a: np.apply_along_axis(np.cumsum, 0, a),
    "apply_along_axis to one": lambda a: np.apply_along_axis(lambda line, k: line.sum() + k, 1, a, 2),
    "apply_over_axes": lambda a: np.apply_over_axes(np.sum, a, [0, 1]),
    "can_cast": lambda a: np.can_cast(a.dtype, np.float64) and np.result_type(a, np.float32) == np.float64,
    "indices": lambda a: np.triu_indices_from(a, 1),
}


@pytest.mark.parametrize("name", ARRANGED)
@pytest.mark.parametrize("kind", "fib")
def test_arrangement(name, kind):
    check(ARRANGED[name], example(kind))


def test_what_is_inserted_is_not_narrowed():
    with pytest.raises(TypeError, match="widen"):
        on_secrets(lambda a: np.insert(a, 0, a[0] * 0.5), np.array([1, 2]))
    with pytest.raises(TypeError, match="public places"):
        on_secrets(lambda a: np.insert(a, a[0], 1), np.array([1, 2]))


# Choices and tables


@pytest.mark.parametrize("kind", "fib")
@pytest.mark.parametrize("mode", ["raise", "clip", "wrap"])
def test_choose(kind, mode):
    options = [example(kind, (2, 1)), example(kind, (4,)), example(kind)[:, ::-1]]
    place = np.array([[0, 2, 1, 1], [2, 0, 0, 1]])
    place = place if mode == "raise" else place * 2 - 1
    check(lambda p, c: np.choose(p, [c, *options[1:]], mode=mode), place, options[0])
    check(lambda p: np.choose(p, options, mode=mode), place)
    check(lambda c: np.choose(place, [options[0], options[1], c], mode=mode), options[2])


def test_a_place_outside_of_the_choices():
    agree(on_secrets(lambda p: np.choose(p, [np.array(5), np.array(6)]), np.array([2, 1, -1])), np.array([0, 6, 0]))
    with pytest.raises(ValueError, match="invalid entry"):
        on_secrets(lambda c: np.choose([2], [c, c]), np.array([5]))
    with pytest.raises(TypeError, match="int64"):
        on_secrets(lambda p: np.choose(p, [1, 2]), np.array([1.0]))


@pytest.mark.parametrize("kind", "fi")
def test_memberships(kind):
    x = example(kind)
    check(lambda a: np.isin(a, x[0, :2]), x)
    check(lambda a, b: np.isin(a, b[0, :2], invert=True), x, x)
    check(lambda b: np.isin(x, b[0]), x)
    edges = np.array([-1.5, 0.0, 0.75])
    check(lambda a: np.digitize(a, edges), x)
    check(lambda a: np.digitize(a, edges[::-1], right=True), x)
    check(lambda b: np.digitize(x, b), edges)
    check(lambda a: np.searchsorted(edges[::-1], a, sorter=[2, 1, 0]), x)
    got = on_secrets(lambda a: (np.array_equiv(a, a[:1] * 1), np.array_equiv(a, x)), x)
    assert tuple(got) == (False, True)
    assert on_secrets(lambda a: np.array_equiv(a, np.zeros(3)), x) is False


TABLE = np.array([-2.0, -1.0, 0.5, 4.0]), np.array([3.0, -1.0, 0.25, 2.0])


@given(arrays("f", st.integers(1, 6)))
@FEW
def test_interp(x):
    places, values = TABLE
    for ends in ({}, {"left": -7.0, "right": 9.0}):
        check(lambda a, e=ends: np.interp(a, places, values, **e), x, tolerance=4 * ULP)
        check(lambda a, v, e=ends: np.interp(a, places, v, **e), x, values, tolerance=8 * ULP)
        check(lambda v, e=ends: np.interp(x, places, v, **e), values, tolerance=4 * ULP)
        check(lambda p, e=ends: np.interp(x, p, values, **e), places, tolerance=8 * ULP)
    check(lambda a: np.interp(a, places[:1], values[:1]), x)


def test_interp_far_outside_of_its_table():
    x = np.array([-1e9, 1e9])
    check(lambda a: np.interp(a, *TABLE), x)


def test_histogram2d():
    x, y = example("f", (20,)), example("f", (20,))[::-1]
    for bins, bounds in ((np.array([-1.5, 0, 1.5]), None), ([3, 2], [[-2, 2], [-2, 2]])):
        got = on_secrets(lambda a, b, c=bins, r=bounds: np.histogram2d(a, b, c, r), x, y)
        for one, other in zip(got, np.histogram2d(x, y, bins, bounds), strict=True):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(TypeError, match="public bin edges"):
        on_secrets(lambda a: np.histogram2d(a, a, 5), x)


# Calculus and samples

CALCULUS = {
    "trapezoid": lambda a: np.trapezoid(a, dx=0.5),
    "trapezoid at places": lambda a: np.trapezoid(a, x=[0.0, 1.0, 1.5, 4.0]),
    "trapezoid of an axis": lambda a: np.trapezoid(a, a + np.arange(2.0)[:, None], axis=0),
    "gradient": lambda a: np.gradient(a, axis=1),
    "gradient by spacings": lambda a: np.gradient(a, 2.0, np.array([0.0, 1.0, 1.5, 4.0])),
    "gradient of second order": lambda a: np.gradient(a, [0.0, 1.0, 1.5, 4.0], axis=1, edge_order=2),
    "cov": lambda a: np.cov(a),
    "cov of columns": lambda a: np.cov(a, rowvar=False, bias=True),
    "cov with another": lambda a: np.cov(a, a[::-1] + a * a, ddof=0),
    "cov by weights": lambda a: np.cov(a, fweights=[1, 2, 1, 3], aweights=[0.5, 1.0, 1.0, 0.25]),
    "cov of one": lambda a: np.cov(a[0]),
    "average": lambda a: np.average(a, axis=1, weights=a * a + 1),
    "average of places": lambda a: np.average(a, axis=1, weights=a[0] * a[0] + 1, returned=True),
    "average of public numbers": lambda a: np.average(np.arange(8.0).reshape(2, 4), axis=0, weights=a * a + 1),
    "linspace": lambda a: np.linspace(a, 3.0, 5),
    "linspace without end": lambda a: np.linspace(0.0, a[0], 4, endpoint=False, axis=-1),
    "sinc": np.sinc,
    "multi_dot": lambda a: np.linalg.multi_dot([a, a.T, a]),
    "polyval": lambda a: np.polyval([0.5, -1.0, 2.0], a),
    "polyval of coefficients": lambda a: np.polyval(a[0], np.array([[0.5, -1.0]])),
    "polyadd": lambda a: np.polyadd(a[0], [1.0, 2.0]),
    "polysub": lambda a: np.polysub([1.0], a[0]),
    "polymul": lambda a: np.polymul(a[0], a[1, :2]),
    "polyder": lambda a: np.polyder(a[0], 2),
    "polyint": lambda a: np.polyint(a[0], 2, k=3),
    "vander": lambda a: np.vander(a[0]),
    "vander, rising": lambda a: np.vander(a[0], 3, increasing=True),
}


@pytest.mark.parametrize("name", CALCULUS)
def test_calculus(name):
    check(CALCULUS[name], example(), tolerance=32 * ULP)


def test_the_shadow_agrees():
    """Each function's float64 twin is NumPy's: no finding where nothing goes wrong."""

    def program(session):
        x, y = session.share(example() + 0.25, owner=0), session.share(example()[::-1] * 2 + 0.25, owner=1)
        whole = (x * 4).astype(np.int64)
        results = [x // y, np.fmod(x, y), np.divmod(x, 3)[1], np.modf(x)[0], whole >> 1, np.rint(whole)]
        results += [np.interp(x, *TABLE), np.choose((x > 0) * 1, [x, y]), np.pad(x, 1, mode="mean"), np.signbit(x)]
        results += [np.maximum.accumulate(x, axis=1), np.sum(x, where=x > 0), np.std(x, axis=0, where=x > -9)]
        results += [np.cov(x), np.gradient(x, axis=1), np.trapezoid(x), np.isin(x, [0.25]), np.digitize(x, [0.0, 1.0])]
        results += [np.polyval([1.0, 2.0], x), np.linspace(x, y, 4), np.add.outer(x[0], y[0]), np.block([[x], [y]])]
        results += [np.multiply(x, y, out=np.zeros_like(x)), np.average(x, weights=y * y), np.copysign(x, y)]
        return [one.reveal() for one in results]

    assert str(mpcfl.simulate(program, shadow=True).shadow) == "no findings"


def test_correlation():
    x = np.array([[1.0, 2.5, -1.0, 0.5], [0.5, 2.0, -1.5, 1.0], [-1.0, -2.0, 2.0, 0.0]])
    check(np.corrcoef, x, tolerance=1e-4)
    check(lambda a: np.corrcoef(a[0], a[1]), x, tolerance=1e-4)
