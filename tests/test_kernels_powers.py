"""Powers of two at public shifts: the dealer's rows and what is made of them, against exact arithmetic."""

from __future__ import annotations

import gmpy2
import numpy as np
import pytest

from mpcfl.kernels import powers
from mpcfl.protocols.exponential import Range, tables
from mpcfl.protocols.precision import PRECISIONS

FACTOR_BITS, ZONE = PRECISIONS[64].factors, PRECISIONS[64].zone


@pytest.mark.parametrize("scale", [24, 40, 56, 57])
def test_rows_are_zero_but_for_one_place(scale):
    r = np.random.default_rng(scale).integers(0, 1 << 64, 500, dtype=np.uint64)
    out = np.empty((500, 64), np.uint64)
    powers.rows(r, scale, *tables(-1), out)
    place = (r >> np.uint64(scale)).astype(np.int64) % 64
    assert ((out != 0).sum(axis=1) == 1).all()
    part = np.array([int(v) % (1 << scale) / (1 << scale) for v in r])
    np.testing.assert_allclose(out[np.arange(500), place], 2.0 ** (22 - part), atol=0.501, rtol=2.0**-24)


@pytest.mark.parametrize("scale", [56, 57])
def test_combined_they_are_the_power(scale):
    span = Range(-10, 60)
    rng = np.random.default_rng(scale)
    exponent = [int(v) for v in rng.uniform(0, 60, 500) * (1 << 40)]
    r = rng.integers(0, 1 << 64, 500, dtype=np.uint64)
    d = r + np.array([v << scale - 40 for v in exponent], np.uint64)
    rows, out = np.empty((500, span.window), np.uint64), np.empty((4, 500), np.uint64)
    powers.rows(r, scale, *tables(-1), rows)
    powers.combine(d, scale, *tables(1), rows, *span.places(), out)
    assert ((out != 0).sum(axis=0) == 1).all(), "each exponent is in one zone"
    assert (out[1:] < 1 << 62).all(), "no zone leaves the range of truncation"
    for i, v in enumerate(exponent):
        (zone,) = np.flatnonzero(out[:, i])
        got = gmpy2.mpfr(int(out[zone, i])) / (1 << zone * ZONE)
        assert abs(got / gmpy2.exp2(gmpy2.mpfr(v) / (1 << 40)) - 1) < 2.0**-21


def test_the_tables_are_correctly_rounded():
    for sign in (-1, 1):
        for table, parts in zip(tables(sign), (12, 24), strict=True):
            with gmpy2.context(precision=200):
                for i in (0, 1, 77, 4095):
                    exact = gmpy2.exp2(gmpy2.mpfr(sign * i) / (1 << parts)) * (1 << 31)
                    assert abs(int(table[i]) - exact) <= 0.5


def test_places_of_a_range():
    zone, left = Range(-1, 62).places()
    assert len(zone) == 64
    assert zone[62] == zone[44] == 0
    assert zone[43] == zone[27] == 1
    assert zone[-1] == 3
    assert left.min() >= 0
    whole = np.arange(-1, 63)
    np.testing.assert_array_equal(left[whole % 64], whole - FACTOR_BITS + ZONE * zone[whole % 64])
    assert (Range(-30, 10).places()[0][np.arange(-30, -1) % 64] == -1).all(), "what rounds to zero has no place"


def test_shapes_that_do_not_fit():
    word, table, row = np.zeros(3, np.uint64), np.zeros(4096, np.uint64), np.zeros((3, 8), np.uint64)
    place = np.zeros(8, np.int64)
    with pytest.raises(ValueError, match="rows"):
        powers.rows(word, 56, table, table[:9], row)
    with pytest.raises(ValueError, match="rows"):
        powers.rows(word, 56, table, table, np.zeros((3, 6), np.uint64))
    with pytest.raises(ValueError, match="combine"):
        powers.combine(word, 56, table, table, row, place[:4], place, np.zeros((4, 3), np.uint64))
    with pytest.raises(ValueError, match="combine"):
        powers.combine(word, 56, table[:9], table, row, place, place, np.zeros((4, 3), np.uint64))
