"""Ring 128: its arithmetic against Python's integers, and whole programs in it."""

from __future__ import annotations

import operator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import random_words, signed

import mpcfl
from mpcfl import ring, wide
from mpcfl.errors import InputError, UsageError
from mpcfl.ring import Spec
from mpcfl.share import Share, on_shapes

FRACTION = 40
MODULUS = 1 << 128
TOP = 1 << 127
EDGES = [0, 1, 2, (1 << 64) - 1, 1 << 64, (1 << 64) + 1, TOP - 1, TOP, TOP + 1, MODULUS - (1 << 64), MODULUS - 1]
ELEMENT = st.sampled_from(EDGES) | st.integers(0, MODULUS - 1)
VECTORS = st.lists(st.tuples(ELEMENT, ELEMENT, ELEMENT), max_size=9)


def wide_words(values):
    return ring.words(np.array(values, object), 128)


def residues(x):
    return [value % MODULUS for value in signed(x)]


def columns(rows):
    values = list(zip(*rows, strict=True)) or [(), (), ()]
    return values, [wide_words(list(column)).reshape(len(rows)) for column in values]


# Arithmetic against Python's integers


@settings(deadline=None)
@given(VECTORS)
def test_elementwise_operations(rows):
    (x, y, _), (a, b, _) = columns(rows)
    for function, exact in (
        (ring.add, operator.add),
        (ring.subtract, operator.sub),
        (ring.multiply, operator.mul),
    ):
        assert residues(function(a, b)) == [exact(v, w) % MODULUS for v, w in zip(x, y, strict=True)]
        assert residues(function(a, -3)) == [exact(v, -3) % MODULUS for v in x]
        assert residues(function(TOP + 5, b)) == [exact(TOP + 5, w) % MODULUS for w in y]
    assert residues(ring.multiply(a, np.int64(-3))) == residues(ring.multiply(a, -3))
    assert residues(ring.negative(a)) == [-v % MODULUS for v in x]
    assert residues(ring.total(a.reshape(-1, 1), 0)) == [sum(x) % MODULUS]
    assert residues(ring.running_total(a, 0)) == [sum(x[: i + 1]) % MODULUS for i in range(len(x))]
    assert residues(ring.without_top(a)) == [v % TOP for v in x]
    assert signed(ring.top_words(a)) == [v >> 127 for v in x]
    np.testing.assert_array_equal(ring.unpack(ring.top_bits(a), a.size), np.array([v >> 127 for v in x], np.uint64))


@settings(deadline=None)
@given(VECTORS, st.booleans(), st.data())
def test_recombinations(rows, first, data):
    (x, y, z), (a, b, c) = columns(rows)
    first = int(first)
    expected = [w + u * v + u * v + first * u * u for u, v, w in zip(x, y, z, strict=True)]
    assert residues(ring.square(c, b, a, first)) == [v % MODULUS for v in expected]
    expected = [w + u * v + v * w + first * u * w for u, v, w in zip(x, y, z, strict=True)]
    assert residues(ring.beaver(c, b, b, a, c, first)) == [v % MODULUS for v in expected]
    t = data.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows)))
    # beta = x, d = y, a = z, product = x
    expected = [s * (first * v + w) + (1 - 2 * s) * (v * u + u) for s, u, v, w in zip(t, x, y, z, strict=True)]
    assert residues(ring.select(np.array(t, np.uint64), a, b, c, a, first)) == [v % MODULUS for v in expected]


@settings(deadline=None)
@given(VECTORS, st.integers(0, TOP - 1) | st.sampled_from([1, TOP - 1]), st.integers(0, 126))
def test_scaling_and_the_two_shares_of_a_truncation(rows, multiplier, shift):
    (x, r, s), (_, b, c) = columns(rows)
    scaled = ring.scale_floor(b, multiplier, shift)
    assert residues(scaled) == [((v % TOP) * multiplier >> shift) % MODULUS for v in r]
    numbers = [(v - MODULUS if v >= TOP else v) >> 1 for v in x]  # in [-2^126, 2^126)
    opened = wide_words([v + (1 << 126) + w for v, w in zip(numbers, r, strict=True)]).reshape(len(rows))
    other = wide_words(list(s)).reshape(len(rows))
    rho, mu = ring.subtract(scaled, c), ring.subtract(ring.top_words(b), other)
    halves = ring.truncate(opened, rho, mu, multiplier, shift, 1), ring.truncate(opened, c, other, multiplier, shift, 0)
    got = residues(ring.add(*halves))
    for value, answer in zip(numbers, got, strict=True):
        floor = value * multiplier >> shift
        assert (answer - floor) % MODULUS in (0, 1) or (multiplier > 1 and (answer - floor) % MODULUS == MODULUS - 1)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((7, 5), (5, 3)),
        ((6, 4), (4,)),
        ((4,), (4, 6)),
        ((5,), (5,)),
        ((2, 1, 4, 5), (3, 5, 2)),
        ((0, 4), (4, 3)),
        ((2, 600), (600, 64)),
    ],
)
def test_matrix_products(left, right):
    rng = np.random.default_rng(0)
    x, y = random_words(rng, left, 128), random_words(rng, right, 128)
    for part in (x, y):  # and edges, for the carries
        part.reshape(-1)[::3] = wide_words([EDGES[i % len(EDGES)] for i in range(len(part.reshape(-1)[::3]))])
    expected = np.array(signed(x), object).reshape(left) @ np.array(signed(y), object).reshape(right)
    got = ring.matmul(x, y)
    assert got.shape == np.shape(expected)
    assert residues(got) == [v % MODULUS for v in np.asarray(expected, object).reshape(-1)]
    assert ring.matmul(Spec(left, wide.DTYPE), Spec(right, wide.DTYPE)).shape == got.shape


REALS = st.floats(-(2.0**80), 2.0**80, exclude_min=True, exclude_max=True)


@settings(deadline=None)
@given(st.lists(REALS, max_size=9), st.integers(8, 46))
def test_reals_are_encoded_to_the_nearest_element(values, fraction):
    encoded = ring.encode(np.array(values), fraction, 128)
    assert signed(encoded) == [round(Fraction(v) * 2**fraction) for v in values]


@settings(deadline=None)
@given(st.lists(ELEMENT, max_size=9), st.integers(0, 126))
def test_elements_are_decoded_with_one_rounding(values, fraction):
    x = wide_words(values)
    assert ring.decode(x, fraction).tolist() == [float(Fraction(v, 1 << fraction)) for v in signed(x)]


def test_what_is_not_representable_is_refused_by_its_place():
    edge = 2.0 ** (126 - FRACTION)
    ring.encode(np.array([np.nextafter(edge, 0), -np.nextafter(edge, 0)]), FRACTION, 128)
    for bad in (edge, -edge, np.inf, np.nan):
        with pytest.raises(InputError, match=r"at \(1,\) .* below 2\^86"):
            ring.encode(np.array([0.0, bad]), FRACTION, 128)


def test_words_of_the_two_rings_do_not_mix():
    narrow, broad = np.array([2, 3], np.uint64), wide_words([2, 3])
    for function in (ring.add, ring.subtract, ring.multiply):
        with pytest.raises(TypeError, match="Z_2"):
            function(broad, narrow)
    with pytest.raises(TypeError):
        np.add(broad, broad)
    bits = np.array([0, 1], np.uint64)
    assert signed(ring.multiply(bits, broad)) == [0, 3]


def test_specs_know_their_ring():
    x, t = Spec((3,), wide.DTYPE), Spec((3,))
    assert ring.add(x, 1).nbytes == 48
    assert ring.multiply(t, x).nbytes == 48
    assert ring.top_bits(x).nbytes == 8
    assert ring.like(x, (2,)).nbytes == 32
    assert x[1:].nbytes == 32
    assert on_shapes([Share(wide_words([1, 2]))])[0].words.nbytes == 32


# Programs


def run(program, **options):
    return mpcfl.simulate(program, ring=128, fraction=FRACTION, seed=1, **options)


RNG = np.random.default_rng(2)
X = RNG.normal(size=(6, 4)) * 1e4
Y = RNG.normal(size=(6, 4))
V = RNG.normal(size=33) * 1e6
ULP = 2.0**-FRACTION

PROGRAMS = {
    "sums": (lambda x, y, v: x + y - 0.5 * x.mean(axis=0), 1e-15),
    "products": (lambda x, y, v: x * y * y, 1e-15),
    "matmul": (lambda x, y, v: x.T @ y, 1e-15),
    "stack of matmul": (lambda x, y, v: np.stack([x, y]) @ y.T, 1e-15),
    "inner": (lambda x, y, v: np.sum(v * v), 1e-15),
    "scalars": (lambda x, y, v: v / 3 + v * 1e-7, 1e-13),
    "arrays": (lambda x, y, v: x * Y + Y @ x[:4], 1e-10),
    "less": (lambda x, y, v: x < y, 0),
    "equal": (lambda x, y, v: x == np.where(y > 0, x, y), 0),
    "where": (lambda x, y, v: np.where(x > y, x, -y), 0),
    "minimum": (lambda x, y, v: np.minimum(x, y) + np.maximum(x, 0), 0),
    "abs": (lambda x, y, v: np.abs(v), 0),
    "floor": (lambda x, y, v: np.floor(v), 0),
    "floor divide": (lambda x, y, v: v // 3.25, 0),
    "sort": (lambda x, y, v: np.sort(v), 0),
    "argsort": (lambda x, y, v: np.argsort(v), 0),
    "argmax": (lambda x, y, v: np.argmax(x, axis=0), 0),
    "max": (lambda x, y, v: np.max(v), 0),
    "histogram": (lambda x, y, v: np.histogram(v, bins=[-np.inf, -1e5, 0.3, 1e6])[0], 0),
    "cumsum": (lambda x, y, v: np.cumsum(v), 1e-13),
    "prod": (lambda x, y, v: np.prod(1 + y[0]), 1e-11),
    "power": (lambda x, y, v: y**5, 1e-9),
    "count": (lambda x, y, v: (v < 0).sum(), 0),
    "median": (lambda x, y, v: np.median(x, axis=0), 1e-15),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_agree_with_numpy(name):
    function, relative = PROGRAMS[name]
    clear = [ring.decode(ring.encode(a, FRACTION, 128), FRACTION) for a in (X, Y, V)]

    def program(session):
        return function(*(session.share(a, i % 2, a.shape) for i, a in enumerate(clear))).reveal()

    expected = np.asarray(function(*clear))
    for got in run(program).results:
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=relative, atol=8 * ULP if relative else 0)


def test_integers_and_booleans_are_numpys():
    i = np.array([-(1 << 61), -5, 0, 7, (1 << 61) + 3])

    def program(session):
        x = session.share(i, 0)
        y = session.private(i[::-1].copy(), 1)
        return [(x + y).reveal(), (x * y).reveal(), (x // 7).reveal(), (x < y).reveal(), (x * 0.5).reveal()]

    with np.errstate(over="ignore"):
        expected = [i + i[::-1], i * i[::-1], i // 7, i < i[::-1], i * 0.5]
    for got, want in zip(run(program).results[0], expected, strict=True):
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("parties", [2, 3])
def test_a_forecast_counts_sixteen_bytes_a_word(parties):
    def program(session):
        x, y = (session.share(np.ones(64), i, (64,)) for i in (0, 1))
        return np.where(x < y, x * y, np.sort(x)).reveal()

    foreseen = mpcfl.forecast(program, parties, ring=128, fraction=FRACTION)
    run_ = run(program, parties=parties)
    assert (foreseen.rounds, foreseen.bytes_sent, foreseen.offline_bytes) == (
        run_.rounds,
        run_.bytes_sent,
        run_.offline_bytes,
    )
    product = mpcfl.cost(lambda x, y: x * y, 10, 10, ring=128, fraction=FRACTION)
    assert product.bytes_sent == [480, 480]  # two operands and a truncation


def test_the_ledger_names_the_type_of_words():
    result = run(lambda session: (session.share(V, 0) < 0).reveal())
    kinds = {entry.message: entry.dtype for entry in result.ledgers[0].entries}
    assert kinds["beaver.operand"] == kinds["additive.output"] == "uint128"
    assert kinds["comparison.merge"] == kinds["additive.shape"] == "uint64"


def test_a_ring_has_its_fractions_and_functions():
    for width, fraction in ((64, 25), (128, 57), (128, 7)):
        with pytest.raises(UsageError, match=f"fractions of ring {width}"):
            mpcfl.simulate(lambda session: None, ring=width, fraction=fraction)
    with pytest.raises(UsageError, match="suite semi2k has no rules for ring 96"):
        mpcfl.simulate(lambda session: None, ring=96)
