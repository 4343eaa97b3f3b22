"""`SecretArray` against NumPy: one program on ndarrays and on secrets gives the same shapes, dtypes and numbers."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from simulation import RING, perform

import mpcfl
from mpcfl import numerics

ULP = 2.0**-18
STEPS = 1 << 18

FLOATS = st.integers(-100 * STEPS, 100 * STEPS).map(lambda n: n / STEPS)
ELEMENTS = {"f": FLOATS, "i": st.integers(-1000, 1000), "b": st.booleans()}
DTYPES = {"f": np.float64, "i": np.int64, "b": np.bool_}
FEW = settings(max_examples=15, deadline=None)


def on_secrets(function, *arrays, parties=2):
    """The revealed result of `function` on shared arrays, owned in turn."""

    def program(session):
        secrets = [session.share(array, owner=place % parties) for place, array in enumerate(arrays)]
        return function(*secrets).reveal()

    results = perform(program, parties)[0]
    assert all(np.array_equal(result, results[0]) for result in results)
    return results[0]


def agree(got, expected, tolerance=0.0):
    expected = np.asarray(expected)
    assert np.shape(got) == expected.shape
    assert np.asarray(got).dtype == expected.dtype
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=tolerance)
    else:
        np.testing.assert_array_equal(got, expected)


def check(function, *arrays, tolerance=0.0, parties=2):
    agree(on_secrets(function, *arrays, parties=parties), function(*arrays), tolerance)


@st.composite
def operands(draw, kinds, **shapes):
    broadcast = draw(hnp.mutually_broadcastable_shapes(num_shapes=len(kinds), max_dims=3, max_side=3, **shapes))
    return [
        draw(hnp.arrays(DTYPES[kind], shape, elements=ELEMENTS[kind]))
        for kind, shape in zip(kinds, broadcast.input_shapes, strict=True)
    ]


# Elementwise, with broadcasting and promotion

KINDS = [(x, y) for x in "fib" for y in "fib"]
ORDER = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("kinds", KINDS, ids="".join)
@given(st.data())
@FEW
def test_two_operands(kinds, data):
    """Secret and secret, secret and public, public and secret."""
    x, y = data.draw(operands(kinds))
    functions = [*ORDER, np.maximum, np.minimum, operator.mul]
    functions += [operator.add] if kinds == ("b", "b") else [operator.add, operator.sub]

    def program(session):
        a, b = session.share(x, owner=0), session.share(y, owner=1)
        return [function(*pair).reveal() for function in functions for pair in ((a, b), (a, y), (x, b))]

    found = iter(perform(program)[0][0])
    for function in functions:
        for _ in range(3):
            agree(next(found), function(x, y), ULP)


@pytest.mark.parametrize("parties", [3, 4])
def test_more_parties(parties):
    x, y = np.linspace(-4, 4, 9), np.linspace(3, -3, 9)
    check(lambda a, b: np.where(a < b, a * b, a - b) + np.abs(a), x, y, tolerance=2 * ULP, parties=parties)


@pytest.mark.parametrize("kind", "fi")
@pytest.mark.parametrize("function", [operator.neg, operator.pos, np.abs, np.square, lambda x: x * x])
@given(st.data())
@FEW
def test_one_operand(function, kind, data):
    (x,) = data.draw(operands([kind]))
    check(function, x, tolerance=ULP)


@given(operands("f"))
@FEW
def test_rint(arrays):
    """Halves go up, where NumPy's go to the even neighbour."""
    (x,) = arrays
    agree(on_secrets(np.rint, x), np.floor(x + 0.5))


def test_rint_of_integers_is_as_numpys():
    check(np.round, np.array([1, -2]))


LOGIC = [operator.and_, operator.or_, operator.xor, np.logical_and, np.logical_or, np.logical_xor]


@pytest.mark.parametrize("function", LOGIC)
@given(operands("bb"))
@FEW
def test_logic(function, arrays):
    x, y = arrays
    check(lambda a, b: np.stack([function(a, b), function(a, y), function(x, b)]), x, y)


@given(operands("bbf"))
@FEW
def test_logic_of_comparisons(arrays):
    check(lambda a, b, c: ~(a & (c > 0)) | (b ^ (c < 1)), *arrays)
    check(lambda a, b, c: (a & b) * c, *arrays)
    check(lambda a, b, c: (~a).sum() + (c > 0).sum(), *arrays)


# Public numbers


FACTORS = [1e-6, 1 / 3, -1 / 7, 0.1, 2.0, -3, 1e3, 0, 1, True, 1e-30, 2.0**-40, 123456.789, -1e6, np.float32(0.1), 1e18]


@pytest.mark.parametrize("factor", FACTORS)
def test_a_public_factor_has_its_own_scale(factor):
    largest = min(1e12, 2.0**43 / max(abs(float(factor)), 1.0))
    x = np.rint(np.array([0, 1, -1, 1e-12, largest, -largest, largest / 7]) * min(largest, 1) * STEPS) / STEPS
    for function in (lambda a: a * factor, lambda a: factor * a):
        agree(on_secrets(function, x), np.asarray(x * factor, np.float64), tolerance=1.01 * ULP)


def test_a_small_factor_keeps_its_digits():
    """1/1e6 is below one unit at fraction 18, and yet 12345678 / 1e6 is exact to the unit."""
    x = np.array([12345678.0, -5e9])
    agree(on_secrets(lambda a: a * (1 / 1e6), x), x / 1e6, tolerance=ULP)
    agree(on_secrets(lambda a: a / 1e6, x), x / 1e6, tolerance=ULP)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 100.0])
def test_public_factors_in_an_array_keep_24_bits(scale):
    x, factors = np.array([[1000.0], [-3.5]]), np.array([0.123456789, -0.987654321, 0.5]) * scale
    agree(on_secrets(lambda a: a * factors, x), x * factors, tolerance=ULP + 1000 * scale * 2.0**-24)


def test_an_integer_times_a_real():
    n = np.array([3, -4, 1000])
    check(lambda a: a * 0.1, n, tolerance=ULP)
    check(lambda a: a * np.array([0.1, 0.25, -1.5]), n, tolerance=1000 * ULP)
    check(lambda a: (a > 0) * 0.25, n)


@pytest.mark.parametrize("divisor", [3, 0.1, -7.0, 1e6, 2, np.array([1.0, 3.0, -0.5])])
@pytest.mark.parametrize("kind", "fib")
def test_division_by_public_numbers(divisor, kind):
    x = np.array([1, 0, 1], DTYPES[kind])
    check(lambda a: a / divisor, x, tolerance=2 * ULP)


def test_division_by_zero_is_refused():
    with pytest.raises(ZeroDivisionError, match="public zero"):
        on_secrets(lambda a: a / np.array([1, 0]), np.ones(2))


@pytest.mark.parametrize("factor", [np.nan, np.inf, 1e40])
def test_factors_that_cannot_be_are_refused(factor):
    with pytest.raises(mpcfl.MpcflError, match="a public factor"):
        on_secrets(lambda a: a * factor, np.ones(2))


# Matrices

MATRIX_SHAPES = [
    ((3, 4), (4, 2)),
    ((3, 4), (4,)),
    ((4,), (4, 2)),
    ((4,), (4,)),
    ((2, 3, 4), (4, 2)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((4,), (3, 4, 2)),
    ((3, 0), (0, 2)),
]


@pytest.mark.parametrize("kinds", KINDS, ids="".join)
@pytest.mark.parametrize("shapes", MATRIX_SHAPES)
def test_matmul(shapes, kinds):
    rng = np.random.default_rng(0)
    x, y = (
        (np.rint(rng.normal(0, 3, shape) * STEPS) / STEPS if kind == "f" else rng.integers(0, 2, shape)).astype(
            DTYPES[kind]
        )
        for shape, kind in zip(shapes, kinds, strict=True)
    )
    if kinds == ("b", "b"):
        x = x.astype(np.int64)  # NumPy's product of booleans is logical
    tolerance = ULP + 40 * 2.0**-20
    check(operator.matmul, x, y, tolerance=tolerance)
    agree(on_secrets(lambda a: a @ y, x), x @ y, tolerance)
    agree(on_secrets(lambda b: x @ b, y.astype(np.int64) if kinds == ("b", "b") else y), x @ y, tolerance)


def test_dot():
    x, y = np.arange(6.0).reshape(2, 3), np.arange(3.0)
    check(np.dot, x, y, tolerance=ULP)
    check(lambda a, b: a.dot(b), x, y, tolerance=ULP)
    check(lambda a, b: a.dot(2), x, y, tolerance=ULP)


# Structure

INDICES = [
    0,
    -1,
    (0, 1),
    (slice(None), 1),
    slice(1, None),
    slice(None, None, -2),
    ...,
    (..., 0),
    None,
    (None, ..., None),
    [0, 0, 1],
    ([0, 1], [1, 2]),
    (slice(None), [2, 0]),
    np.array([[0], [1]]),
    np.array([True, False]),
    (0, np.array([True, False, True, True])),
    np.int64(1),
    np.zeros((0,), np.int64),
]


@pytest.mark.parametrize("index", INDICES, ids=repr)
@pytest.mark.parametrize("kind", "fib")
def test_indexing(index, kind):
    x = (np.arange(24).reshape(2, 4, 3) % 5).astype(DTYPES[kind])
    if isinstance(index, tuple) and len(index) == 2 and isinstance(index[1], np.ndarray):
        index = (index[0], np.array([True, False, True, True]))
    check(lambda a: a[index], x)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), ()])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("kind", "fib")
def test_sums_and_means(axis, keepdims, kind):
    x = (np.arange(24).reshape(2, 4, 3) % 5).astype(DTYPES[kind])
    for name in ("sum", "mean"):
        check(lambda a, name=name: getattr(np, name)(a, axis=axis, keepdims=keepdims), x, tolerance=2 * ULP)
        check(lambda a, name=name: getattr(a, name)(axis=axis, keepdims=keepdims), x, tolerance=2 * ULP)


SHAPING = [
    lambda a, b: a.T,
    lambda a, b: np.transpose(a, (1, 0)),
    lambda a, b: a.transpose(1, 0),
    lambda a, b: a.reshape(3, 2),
    lambda a, b: a.reshape((-1,)),
    lambda a, b: np.reshape(a, (1, 6)),
    lambda a, b: a.ravel(),
    lambda a, b: a.flatten(),
    lambda a, b: np.concatenate([a, b]),
    lambda a, b: np.concatenate([a, b, np.ones((1, 3))], axis=0),
    lambda a, b: np.concatenate((a, b), axis=-1),
    lambda a, b: np.concatenate([a, b], axis=None),
    lambda a, b: np.stack([a, b], axis=1),
    lambda a, b: np.stack([a, b], axis=-1),
    lambda a, b: np.vstack([a, b]),
    lambda a, b: np.hstack([a, b]),
    lambda a, b: np.column_stack([a[:, 0], b]),
    lambda a, b: np.expand_dims(a, 1),
    lambda a, b: np.squeeze(a[:, :1]),
    lambda a, b: np.squeeze(a[None], 0),
    lambda a, b: np.broadcast_to(a, (4, 2, 3)),
    lambda a, b: np.take(a, [1, 0], axis=0),
    lambda a, b: np.take(a, [1, 5]),
    lambda a, b: a.copy(),
    lambda a, b: np.copy(a),
    lambda a, b: sum(row for row in a),
    lambda a, b: np.zeros_like(a),
    lambda a, b: np.ones_like(a, dtype=float),
    lambda a, b: np.zeros_like(a, shape=(4,)),
    lambda a, b: np.full_like(a, 3),
    lambda a, b: np.add.reduce(a),
    lambda a, b: a + b[0],
]


@pytest.mark.parametrize("function", SHAPING)
@pytest.mark.parametrize("kinds", ["ff", "if", "ii", "bi", "bb"])
def test_shaping(function, kinds):
    x, y = (
        values.reshape(2, 3).astype(DTYPES[kind])
        for values, kind in zip((np.arange(6) - 2, np.arange(6) % 2), kinds, strict=True)
    )
    check(function, x, y)


@pytest.mark.parametrize("pair", [("b", "i"), ("b", "f"), ("i", "f"), ("f", "f"), ("i", "i"), ("b", "b")])
def test_astype_widens(pair):
    check(lambda a: a.astype(DTYPES[pair[1]]), np.array([0, 1, 1], DTYPES[pair[0]]))


# Choice


@pytest.mark.parametrize("kinds", ["ff", "fi", "ii", "bb", "bi"])
@given(st.data())
@FEW
def test_where(kinds, data):
    c, x, y = data.draw(operands("b" + kinds))
    expected = np.where(c, x, y)

    def program(session):
        s, a, b = (session.share(array, owner=0) for array in (c, x, y))
        chosen = [np.where(*three) for three in ((s, a, b), (c, a, b), (s, x, b), (s, a, y), (s, x, y))]
        return [one.reveal() for one in chosen]

    for got in perform(program)[0][0]:
        agree(got, expected)


@given(operands("ff"))
@FEW
def test_choice_by_a_comparison(arrays):
    x, y = arrays
    for compare in ORDER:
        check(
            lambda a, b, compare=compare: np.stack(
                [
                    np.where(compare(a, b), a, b),
                    np.where(compare(a, b), b, a),
                    np.where(compare(a, b), a * b, 0.5),
                    np.where(compare(a, 1), a, 0) + 0 * b,
                ]
            ),
            x,
            y,
            tolerance=ULP,
        )


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: np.where((x > 0)[::-1], x, y),
        lambda x, y: np.where(np.concatenate([x > 0, y < 1]), np.concatenate([y, x]), 0.5),
        lambda x, y: np.where((x > y)[:, None], x, y),
        lambda x, y: (x > 0).reshape(2, 3) * y.reshape(2, 3),
        lambda x, y: np.where(~(x > 0)[[5, 0, 0, 1, 2, 3]], x, y),
        lambda x, y: np.where(np.stack([x > 0, ~(y > 0)]).T, x[:, None], y[:, None]),
        lambda x, y: (x > 0) * (y > 0) * (x > y) * x,
        lambda x, y: np.where((x > 0) * True, x, y) + np.where((x > 0) * False, x, y),
        lambda x, y: np.where(((x > 0) * np.array([True, False] * 3)), x, y),
        lambda x, y: np.where(np.where(x > 0, y > 0, y > 1), x, y),
        lambda x, y: (x > 0) @ y + (x > 0).sum() * 2.5 - (1 - 2 * (y > 0)).mean(),
    ],
)
def test_a_bit_follows_public_maps(function):
    x = np.array([1.5, -2.0, 0.0, 3.25, -0.5, 2.0])
    y = np.array([-1.0, 2.5, 0.5, -3.0, 4.0, 1.5])
    check(function, x, y, tolerance=4 * ULP)


# What it costs


def spent(function, n=6400):
    """Rounds and bytes an element of `function`, beyond those of sharing."""

    def program(session):
        x = session.share(np.linspace(-3, 3, n) if session.rank == 0 else None, owner=0, shape=(n,))
        return function(x)

    cost = mpcfl.forecast(program)
    return cost.rounds, cost.bytes_sent[0] / n


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.abs(x),
        lambda x: np.maximum(x, 0),
        lambda x: np.minimum(x, 0.5),
        lambda x: np.maximum(0, x),
        lambda x: np.minimum(1 - x, 0),
    ],
)
def test_extrema_cost_what_the_comparison_costs(function):
    assert spent(lambda x: x > 0) == (4, 8 + 35 / 8)
    assert spent(function) == (4, 8 + 35 / 8)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.where(x > 0, x, 0),
        lambda x: np.where(x >= 1.5, x, 0.0) * 2,
        lambda x: (x > 0) * x,
        lambda x: np.where(x > 0, x[::-1], 0),
    ],
)
def test_a_choice_by_a_comparison_sends_nothing_more(function):
    assert spent(function)[1] == 8 + 35 / 8


def test_comparisons_of_one_operand_share_its_opening():
    rounds, bytes_ = spent(lambda x: (x < -1, x > 1, x >= 2, x == 0))
    assert rounds == 4
    assert bytes_ == 8 + 3 * 35 / 8 + 21 / 8


# What a secret is not


REFUSED = {
    "np.array": (lambda s: np.array(s), "reveal"),
    "np.array of a list": (lambda s: np.array([s, s]), "np.stack"),
    "np.asarray": (lambda s: np.asarray(s), "reveal"),
    "np.float64": (lambda s: np.float64(s[0]), "reveal"),
    "float": (lambda s: float(s[0]), "reveal"),
    "int": (lambda s: int(s[0]), "reveal"),
    "complex": (lambda s: complex(s[0]), "reveal"),
    "bool": (lambda s: bool(s[0]), "np.where"),
    "if": (lambda s: 1 if s[0] > 0 else 2, "np.where"),
    "index": (lambda s: [1, 2][s[0]], "np.where"),
    "a secret index": (lambda s: s[s > 0], "np.where"),
    "a secret index of a plain array": (lambda s: np.ones(3)[s], "reveal"),
    "range": (lambda s: range(s[0]), "np.where"),
    "in": (lambda s: 1.0 in s, "compare with =="),
    "iteration without dimensions": (lambda s: iter(s[0]), "0-d|without dimensions"),
    "len without dimensions": (lambda s: len(s[0]), "without dimensions"),
    "pickle": (lambda s: pickle.dumps(s), "not pickled"),
    "assignment of all": (lambda s: operator.setitem(np.zeros(3), slice(None), s), "reveal"),
    "in place": (lambda s: operator.iadd(np.zeros(3), s), "assign the result to a new name"),
    "out": (lambda s: np.add(s, s, out=np.zeros(3)), "assign the result to a new name"),
    "the method of a plain array": (lambda s: np.ones(3).dot(s), "reveal"),
    "isnan": (lambda s: np.isnan(s), "never NaN"),
    "a function without a rule": (lambda s: np.gcd(s, s), "not offered on secret arrays: .*Euclid"),
    "an argument without a meaning": (
        lambda s: np.argmax(s, out=s),
        "numpy.argmax on secret arrays does not take",
    ),
    "out of a reduction": (lambda s: np.sum(s, out=s), "takes no out"),
    "where in a ufunc": (lambda s: np.add(s, s, where=np.ones(3, bool)), r"choose by np\.where"),
    "accumulate": (lambda s: np.subtract.accumulate(s), "not offered"),
    "at": (lambda s: np.add.at(s, [0], 1), "scatter"),
    "booleans are not subtracted": (lambda s: (s > 0) - (s < 1), r"use \^"),
    "booleans have no negative": (lambda s: -(s > 0), "use ~"),
    "booleans have no sign": (lambda s: +(s > 0), "use ~"),
    "DLPack": (lambda s: s.__dlpack__(), "reveal"),
    "DLPack by NumPy": (lambda s: np.from_dlpack(s), "reveal"),
    "logic of numbers": (lambda s: s & s, "takes booleans"),
    "not of numbers": (lambda s: ~s, "secret boolean"),
    "where by numbers": (lambda s: np.where(s, s, 0), "compare first"),
    "complex by astype": (lambda s: s.astype(complex), "float64, int64 or bool"),
    "text": (lambda s: s + "a", "does not combine with secrets"),
    "complex numbers": (lambda s: s + 1j, "does not combine with secrets"),
    "objects": (lambda s: s + np.array([None] * 3), "does not combine with secrets"),
    "format": (lambda s: f"{s:.2f}", "format"),
    "decimals": (lambda s: np.round(s, 2), "np.rint"),
    "buffers": (lambda s: memoryview(s), "bytes-like"),
    "order": (lambda s: np.reshape(s, (3, 1), order="F"), "order 'C'"),
    "hash": (lambda s: hash(s), "unhashable"),
    "min": (lambda s: min(s), "np.where"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_secret_does_not_become_plain(what):
    act, alternative = REFUSED[what]

    def program(session):
        secret = session.share(np.array([5.125, -6.25, 7.375]), owner=0)
        with pytest.raises(TypeError, match=alternative) as caught:
            act(secret)
        assert not any(digits in str(caught.value) for digits in ("5.125", "6.25", "7.375"))

    perform(program)


def test_an_element_of_a_plain_array_is_no_secret():
    """NumPy wraps the refusal in its own ValueError; the alternative is named by the cause."""

    def program(session):
        secret = session.share(np.array([5.125]), owner=0)
        with pytest.raises(ValueError, match="sequence") as caught:
            np.zeros(3)[0] = secret[0]
        assert "reveal" in str(caught.value.__cause__)

    perform(program)


def test_refusals_leave_no_trace():
    """What was refused changes nothing of what comes after."""

    def program(session):
        secret = session.share(np.array([1.0, 2.0]), owner=0)
        with pytest.raises(TypeError):
            float(secret[0])
        return (secret * secret).reveal()

    agree(perform(program)[0][0], [1.0, 4.0], ULP)


def test_repr_shows_shape_and_dtype_alone():
    def program(session):
        x = session.share(np.array([5.125, -6.25, 7.375]), owner=0)
        return repr(x), str(x > 0), repr(x[0])

    assert perform(program)[0][0] == (
        "SecretArray(shape=(3,), dtype=float64)",
        "SecretArray(shape=(3,), dtype=bool)",
        "SecretArray(shape=(), dtype=float64)",
    )


def test_copies_share_the_mask():
    x = np.linspace(-1, 1, 5)

    def copies(session):
        s = session.share(x, owner=0, shape=(5,))
        t, u = copy.copy(s), copy.deepcopy([s])[0]
        s * s
        session.barrier()
        before = session.bytes_sent
        (t * u).reveal()
        return session.bytes_sent - before

    assert perform(copies)[0] == [RING // 8 * 5 * 2] * 2  # the truncation and the output, no operand


def test_in_place_operators_make_a_new_secret():
    def program(session):
        x = session.share(np.array([1.0, 2.0]), owner=0)
        y = x
        y += 1
        y *= 2
        return x.reveal(), y.reveal()

    x, y = perform(program)[0][0]
    assert x.tolist() == [1, 2]
    assert y.tolist() == [4, 6]


def test_an_array_without_dimensions_reveals_a_scalar():
    assert isinstance(on_secrets(lambda a: a.sum(), np.ones(3)), np.float64)
    assert isinstance(on_secrets(lambda a: (a > 0)[0], np.ones(3)), np.bool_)
    assert isinstance(on_secrets(lambda a: (a > 0).sum(), np.ones(3)), np.int64)


def test_numerics_take_secrets_of_any_shape():
    x = np.linspace(-3, 3, 6).reshape(2, 3)
    check(numerics.sigmoid, x, tolerance=3e-4)
    check(lambda a: numerics.softplus(a[0, 1]), x, tolerance=3e-4)
