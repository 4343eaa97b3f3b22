"""Order and secret positions against NumPy; what a sort costs; that its schedule says nothing of the data."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulation import perform

import mpcfl
from mpcfl import ordering
from mpcfl.errors import InputError
from mpcfl.operations.ordering import network

LARGEST = float(np.nextafter(2.0**44, 0))
LARGEST_INTEGER = (1 << 62) - 1
ULP = 2.0**-18
LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 21]

integers = st.integers(-3, 3) | st.sampled_from([LARGEST_INTEGER, -LARGEST_INTEGER, -LARGEST_INTEGER - 1])
reals = st.integers(-(2**10), 2**10).map(lambda v: v * ULP) | st.sampled_from([LARGEST, -LARGEST, 0.5, -0.5, 0.0])
quick = settings(max_examples=15, deadline=None)


def stages(n):
    t = (n - 1).bit_length() if n > 1 else 0
    return t * (t + 1) // 2


def simulated(function, *arrays, parties=2):
    def program(session):
        results = function(*(session.share(x, i % parties, x.shape, x.dtype) for i, x in enumerate(arrays)))
        parts = list(results) if isinstance(results, list | tuple) else [results]
        return [part.reveal() if isinstance(part, mpcfl.SecretArray) else part for part in parts]

    return mpcfl.simulate(program, parties, seed=0)


def on_secrets(function, *arrays, parties=2):
    results = simulated(function, *(np.asarray(x) for x in arrays), parties=parties).results[0]
    return results[0] if len(results) == 1 else results


def check_same(function, *arrays):
    """The same value, dtype and shape on secrets as on ndarrays."""
    got, expected = on_secrets(function, *arrays), function(*arrays)
    np.testing.assert_array_equal(got, expected)
    assert np.asarray(got).dtype == np.asarray(expected).dtype


class TestNetwork:
    @pytest.mark.parametrize("n", range(2, 13))
    def test_sorts_all_zeros_and_ones(self, n):
        """A network that sorts these sorts everything (Knuth's principle of zeros and ones)."""
        rows = np.array(list(itertools.product([0, 1], repeat=n)))
        expected = np.sort(rows, axis=1)
        for left, right in network(n):
            x, y = rows[:, left], rows[:, right]
            rows[:, left], rows[:, right] = np.minimum(x, y), np.maximum(x, y)
        np.testing.assert_array_equal(rows, expected)

    @pytest.mark.parametrize("n", [2, 3, 31, 32, 33, 1000])
    def test_a_stage_has_disjoint_pairs(self, n):
        assert len(list(network(n))) == stages(n)
        for left, right in network(n):
            both = np.concatenate([left, right])
            assert np.unique(both).size == both.size
            assert (left < right).all()

    def test_comparators_of_a_power_of_two(self):
        t, n = 10, 1024
        assert sum(left.size for left, _ in network(n)) == (t * t - t + 4) * n // 4 - 1

    @pytest.mark.parametrize("wanted", [(0,), (6,), (3, 4), (0, 9)])
    def test_a_part_of_it_brings_what_is_wanted(self, wanted):
        n = 10
        rows = np.array(list(itertools.product([0, 1], repeat=n)))
        expected = np.sort(rows, axis=1)
        part = list(network(n, wanted))
        for left, right in part:
            x, y = rows[:, left], rows[:, right]
            rows[:, left], rows[:, right] = np.minimum(x, y), np.maximum(x, y)
        np.testing.assert_array_equal(rows[:, wanted], expected[:, wanted])
        assert sum(left.size for left, _ in part) < sum(left.size for left, _ in network(n))


class TestSort:
    @pytest.mark.parametrize("n", LENGTHS)
    @pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.float64])
    def test_any_length(self, n, dtype):
        x = np.random.default_rng(n).integers(-4, 5, n).astype(dtype)
        check_same(np.sort, x)
        check_same(lambda s: np.argsort(s, kind="stable"), x)

    @given(st.lists(integers, max_size=9))
    @example([LARGEST_INTEGER, -LARGEST_INTEGER - 1, LARGEST_INTEGER, -LARGEST_INTEGER - 1, 0])
    @quick
    def test_integers(self, values):
        check_same(np.sort, np.array(values, np.int64))
        check_same(lambda s: np.argsort(s, stable=True), np.array(values, np.int64))

    @given(st.lists(reals, max_size=9))
    @quick
    def test_reals(self, values):
        check_same(np.sort, np.array(values, np.float64))
        check_same(lambda s: np.argsort(s, stable=True), np.array(values, np.float64))

    @pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, None])
    def test_axes(self, axis):
        x = np.random.default_rng(0).integers(-3, 4, (3, 6, 4))
        check_same(lambda s: np.sort(s, axis=axis), x)
        check_same(lambda s: np.argsort(s, axis=axis, stable=True), x)

    def test_no_rows(self):
        check_same(np.sort, np.zeros((0, 3)))
        check_same(lambda s: np.sort(s, axis=0), np.zeros((0, 3)))

    def test_three_parties(self):
        x = np.array([3.5, -1.0, 3.5, 0.25, -7.0, 2.0, 2.0])
        np.testing.assert_array_equal(on_secrets(np.sort, x, parties=3), np.sort(x))
        np.testing.assert_array_equal(on_secrets(np.argsort, x, parties=3), np.argsort(x, kind="stable"))

    @given(st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1), st.booleans()), min_size=1, max_size=9))
    @quick
    def test_several_keys(self, rows):
        first, second, third = (np.array(column) for column in zip(*rows, strict=True))
        second = second * LARGEST_INTEGER
        check_same(lambda a, b, c: np.lexsort((c, b, a)), first, second, third)

    def test_secret_and_public_keys(self):
        a, b = np.array([1, 0, 1, 0, 1]), np.array([0.5, 0.5, -2.0, 0.25, 0.5])
        check_same(lambda s: np.lexsort((s, b)), a)
        check_same(lambda s: np.lexsort(s), np.stack([b, a]))
        check_same(lambda s: np.lexsort((s, s[::-1]), axis=0), np.arange(12).reshape(4, 3) % 5)

    def test_a_partition_is_sorted(self):
        x = np.array([5, 1, 4, 1, 3])
        np.testing.assert_array_equal(on_secrets(lambda s: np.partition(s, 2), x), np.sort(x))
        np.testing.assert_array_equal(on_secrets(lambda s: np.argpartition(s, [1, -1]), x), [1, 3, 4, 2, 0])
        with pytest.raises(ValueError, match="kth"):
            on_secrets(lambda s: np.partition(s, 5), x)

    def test_what_is_not_offered(self):
        x = np.array([1.0, 2.0])
        with pytest.raises(TypeError, match=r"np\.histogram"):
            on_secrets(np.unique, x)
        with pytest.raises(np.exceptions.AxisError):
            on_secrets(lambda s: np.sort(s, axis=1), x)
        with pytest.raises(TypeError, match="lexsort"):
            on_secrets(lambda s: np.sort(s, order="a"), x)


class TestSortBy:
    KEY = np.array([2, -1, 2, 0, -1, 2, 5])

    def test_rows_move_together(self):
        columns = [np.arange(7), np.arange(7) / 4, np.arange(7) % 2 == 0]
        found = on_secrets(ordering.sort_by, self.KEY, *columns)
        place = found[1]
        np.testing.assert_array_equal(found[0], np.sort(self.KEY))
        for got, column in zip(found, [self.KEY, *columns], strict=True):
            np.testing.assert_array_equal(got, column[place])
            assert got.dtype == column.dtype

    @given(st.lists(st.integers(-1, 1), min_size=1, max_size=9))
    @quick
    def test_stable(self, values):
        key, row = np.array(values), np.arange(len(values))
        check_same(lambda k, r: ordering.sort_by(k, r, stable=True)[1], key, row)

    def test_several_keys_and_public_columns(self):
        second = np.array([1.5, 0.0, -1.0, 0.0, -0.5, -1.0, 0.0])
        got = on_secrets(lambda a, b: ordering.sort_by([a, b], np.arange(7), stable=True), self.KEY, second)
        for one, expected in zip(got, ordering.sort_by([self.KEY, second], np.arange(7)), strict=True):
            np.testing.assert_array_equal(one, expected)

    def test_shapes(self):
        with pytest.raises(ValueError, match="one length"):
            ordering.sort_by(self.KEY, np.zeros(3))


class TestCost:
    """t (t + 1) / 2 stages of 4 rounds for one key, one more for each further one; one round to reveal."""

    @pytest.mark.parametrize("n", LENGTHS)
    def test_rounds(self, n):
        x = np.arange(n)
        reveal = int(n > 0)
        assert simulated(np.sort, x).rounds == 4 * stages(n) + reveal
        assert simulated(np.argsort, x).rounds == 5 * stages(n) + reveal
        assert simulated(lambda s: np.lexsort((s, x)), x).rounds == 6 * stages(n) + reveal
        assert simulated(lambda s: ordering.sort_by(s, s + 1, s * s)[0], x).rounds == (
            4 * stages(n) + int(n > 0) + reveal
        )

    def test_a_comparison_a_pair(self):
        """8 bytes for the difference of each pair and of each column, and the comparison's bits."""

        def sent(function):
            return mpcfl.forecast(lambda session: function(session.share(None, 0, (1024,)))).bytes_sent[0]

        pairs = sum(left.size for left, _ in network(1024))
        bits = sum(35 * 8 * math.ceil(left.size / 64) for left, _ in network(1024))
        assert sent(np.sort) == 8 * pairs + bits
        # stable: two comparisons, equality, the index's difference, and once more for what equality chooses
        assert sent(lambda s: ordering.sort_by(s, 1 * s)[0]) == 16 * pairs + bits

    def test_two_sorts_cost_the_rounds_of_one(self):
        def two(a, b):
            return [np.sort(a), np.sort(b)]

        one = simulated(np.sort, np.arange(9)).rounds
        assert simulated(two, np.arange(9), np.arange(9)).rounds == one + 1  # two reveals

    @pytest.mark.parametrize("parties", [2, 3])
    def test_the_schedule_depends_on_the_shape_alone(self, parties):
        def schedule(values):
            def program(session):
                x = session.share(values if session.rank == 0 else None, 0, (9,), np.int64)
                p = session.share(np.abs(values) % 11 if session.rank == 0 else None, 0, (9,), np.int64)
                found = [np.sort(x), np.argsort(x), ordering.top_k(x, 2)[0], ordering.gather(x, p)]
                found += [ordering.scatter(x, p, 4), np.bincount(p, minlength=3), np.searchsorted(x, p)]
                return (found[0] + found[1]).sum() + sum(part.sum() for part in found[2:])

            world = perform(lambda session: program(session).reveal(to=session.parties[0]), parties)[1]
            return [(d.round, d.sender, d.receiver, d.message.name, d.words.shape) for d in world.deliveries]

        expected = schedule(np.zeros(9, np.int64))
        assert len(expected) > 50
        for values in (np.arange(9), -np.arange(9), np.array([LARGEST_INTEGER, -LARGEST_INTEGER] * 4 + [0])):
            assert schedule(values) == expected


class TestTopK:
    @given(st.lists(integers.map(lambda v: max(v, -LARGEST_INTEGER)), min_size=1, max_size=9), st.data())
    @quick
    def test_vectors(self, values, data):
        k, x = data.draw(st.integers(0, len(values))), np.array(values)
        for got, expected in zip(on_secrets(lambda s: ordering.top_k(s, k), x), ordering.top_k(x, k), strict=True):
            np.testing.assert_array_equal(got, expected)

    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_axes(self, axis):
        x = np.random.default_rng(0).integers(-2, 3, (4, 5)) / 4
        for got, expected in zip(
            on_secrets(lambda s: ordering.top_k(s, 2, axis), x), ordering.top_k(x, 2, axis), strict=True
        ):
            np.testing.assert_array_equal(got, expected)

    def test_plain_arrays(self):
        values, indices = ordering.top_k(np.array([3, 9, 1, 9]), 3)
        assert values.tolist() == [9, 9, 3]
        assert indices.tolist() == [1, 3, 0]

    def test_booleans(self):
        x = np.array([False, True, False, True])
        values, indices = on_secrets(lambda s: ordering.top_k(s, 3), x)
        assert values.dtype == np.bool_
        assert values.tolist() == [True, True, False]
        assert indices.tolist() == [1, 3, 0]

    def test_out_of_range(self):
        with pytest.raises(ValueError, match="k is 3"):
            ordering.top_k(np.zeros(2), 3)


class TestQuantiles:
    X = np.array([[3.0, -1.5, 8.0, 0.25], [2.0, 2.0, -7.0, 100.0], [0.0, 1.0, 5.5, -3.25]])

    @pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
    @pytest.mark.parametrize("keepdims", [False, True])
    def test_axes(self, axis, keepdims):
        for function in (
            lambda s: np.median(s, axis=axis, keepdims=keepdims),
            lambda s: np.quantile(s, 0.3, axis=axis, keepdims=keepdims),
            lambda s: np.percentile(s, [[0, 12.5], [75, 100]], axis=axis, keepdims=keepdims),
        ):
            got, expected = on_secrets(function, self.X), function(self.X)
            assert np.shape(got) == np.shape(expected)
            np.testing.assert_allclose(got, expected, atol=2.5 * ULP, rtol=0)

    @given(st.lists(reals, min_size=1, max_size=8), st.floats(0, 1))
    @example([-LARGEST, LARGEST], 0.5)
    @quick
    def test_anywhere(self, values, q):
        x = np.array(values)
        np.testing.assert_allclose(
            on_secrets(lambda s: np.quantile(s, q), x), np.quantile(x, q), atol=2.5 * ULP, rtol=1e-15
        )

    def test_integers_and_exact_ranks(self):
        x = np.array([5, -3, 9])
        assert on_secrets(np.median, x) == 5
        assert on_secrets(lambda s: np.quantile(s, [0, 0.25, 1]), x).tolist() == [-3, 1, 9]

    def test_what_is_refused(self):
        with pytest.raises(ValueError, match="range"):
            on_secrets(lambda s: np.percentile(s, 101), self.X)
        with pytest.raises(TypeError, match="linear"):
            on_secrets(lambda s: np.quantile(s, 0.5, method="nearest"), self.X)
        with pytest.raises(ValueError, match="no elements"):
            on_secrets(np.median, np.zeros(0))


EDGES = st.lists(reals | st.sampled_from([np.inf, -np.inf, 1e300, -1e300, ULP / 3, -ULP / 3]), min_size=1, max_size=6)


class TestSearchAndCounts:
    @given(st.lists(reals, max_size=6), EDGES, st.sampled_from(["left", "right"]))
    @example([LARGEST, -LARGEST], [LARGEST, -LARGEST], "left")
    @quick
    def test_search_with_one_side_public(self, values, edges, side):
        x, table = np.array(values), np.sort(edges)
        check_same(lambda s: np.searchsorted(table, s, side), x)
        check_same(lambda s: np.searchsorted(s, edges, side), np.sort(x))

    @given(st.lists(integers, max_size=6), st.lists(integers, max_size=6), st.sampled_from(["left", "right"]))
    @quick
    def test_search_with_both_sides_secret(self, values, queries, side):
        table, x = np.sort(np.array(values, np.int64)), np.array(queries, np.int64)
        check_same(lambda a, b: np.searchsorted(a, b, side), table, x)

    def test_integers_among_any_public_numbers(self):
        x = np.array([-LARGEST_INTEGER - 1, -2, 0, 3, LARGEST_INTEGER])
        for table in (
            np.array([-np.inf, -2.5, -2, 0.1, 3, np.inf]),
            np.array([-(1 << 63), -2, 3, (1 << 63) - 1]),
            np.array([3, (1 << 64) - 1], np.uint64),
        ):
            for side in ("left", "right"):
                expected = [sum(int(v) > t if side == "left" else int(v) >= t for t in table.tolist()) for v in x]
                assert on_secrets(lambda s, t=table, e=side: np.searchsorted(t, s, e), x).tolist() == expected
        assert on_secrets(lambda s: np.searchsorted([1, 2], s), np.array([[1.5], [2.0]])).tolist() == [[1], [1]]

    @given(st.lists(reals, max_size=8), EDGES.map(sorted).filter(lambda edges: len(edges) > 1))
    @quick
    def test_histogram(self, values, edges):
        x = np.array(values, np.float64)
        got, given_edges = on_secrets(lambda s: np.histogram(s, edges), x)
        np.testing.assert_array_equal(got, np.histogram(x, edges)[0])
        np.testing.assert_array_equal(given_edges, edges)

    def test_histogram_by_number_and_range(self):
        x = np.array([[-1, 0, 2], [4, 4, 9]])
        got, edges = on_secrets(lambda s: np.histogram(s, 4, range=(0, 4)), x)
        expected, same = np.histogram(x, 4, range=(0, 4))
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(edges, same)

    @pytest.mark.parametrize("arguments", [{}, {"bins": "auto"}, {"bins": 5}, {"bins": [0, 1], "density": True}])
    def test_histogram_needs_public_edges(self, arguments):
        with pytest.raises(TypeError, match=r"np\.histogram"):
            on_secrets(lambda s: np.histogram(s, **arguments), np.zeros(3))

    def test_bounds_that_are_no_number(self):
        with pytest.raises(InputError, match="NaN"):
            on_secrets(lambda s: np.searchsorted(np.array([0.0, np.nan]), s), np.zeros(3))

    @given(st.lists(st.integers(0, 4), min_size=1, max_size=8))
    @quick
    def test_bincount(self, values):
        x, weights = np.array(values, np.int64), np.arange(len(values)) / 4 - 0.5
        check_same(lambda s: np.bincount(s, minlength=5), x)
        check_same(lambda s, w: np.bincount(s, w, 5), x, weights)
        check_same(lambda s: np.bincount(s, weights, minlength=5), x)
        check_same(lambda w: np.bincount(x, w, minlength=5), weights)

    def test_bincount_leaves_out_what_has_no_bin(self):
        assert on_secrets(lambda s: np.bincount(s, minlength=2), np.array([1, 5, -1, 0, 1])).tolist() == [1, 2]
        with pytest.raises(TypeError, match="minlength"):
            on_secrets(np.bincount, np.array([1, 2]))
        with pytest.raises(TypeError, match="integer"):
            on_secrets(lambda s: np.bincount(s, minlength=2), np.array([1.0]))


class TestPositions:
    TABLES = (
        np.array([1.5, -2.0, 0.25]),
        np.array([7, -LARGEST_INTEGER, LARGEST_INTEGER]),
        np.array([True, False, True]),
        np.arange(6).reshape(3, 2) / 8,
        np.arange(12).reshape(3, 2, 2) - 5,
    )

    @pytest.mark.parametrize("table", TABLES, ids=["reals", "integers", "booleans", "rows", "blocks"])
    @pytest.mark.parametrize("index", [np.array([2, 0, 2, 1]), np.array([[1], [0]]), np.array(1), np.zeros(0, int)])
    def test_gather(self, table, index):
        check_same(ordering.gather, table, index)
        check_same(lambda i: ordering.gather(table, i), index)
        check_same(lambda t: ordering.gather(t, index), table)

    def test_outside_there_is_nothing(self):
        index = np.array([-1, 3, LARGEST_INTEGER, 1])
        assert on_secrets(ordering.gather, self.TABLES[0], index).tolist() == [0, 0, 0, -2]
        assert on_secrets(lambda i: ordering.scatter(np.ones(4), i, 3), index).tolist() == [0, 1, 0]

    @pytest.mark.parametrize("values", TABLES, ids=["reals", "integers", "booleans", "rows", "blocks"])
    def test_scatter(self, values):
        index = np.array([3, 0, 1])
        check_same(lambda v, i: ordering.scatter(v, i, 4), values, index)
        check_same(lambda i: ordering.scatter(values, i, 4), index)
        check_same(lambda v: ordering.scatter(v, index, 4), values)

    def test_scattered_values_add_up(self):
        check_same(lambda v, i: ordering.scatter(v, i, 3), np.array([0.5, 2.0, 0.25]), np.array([1, 1, 0]))

    def test_three_parties(self):
        table, index = self.TABLES[0], np.array([2, 2, 0])
        assert on_secrets(ordering.gather, table, index, parties=3).tolist() == [0.25, 0.25, 1.5]

    def test_an_index_is_an_integer(self):
        with pytest.raises(TypeError, match="integer"):
            on_secrets(lambda s: ordering.gather(np.arange(3), s), np.array([1.0]))
        with pytest.raises(ValueError, match="one index a row"):
            ordering.scatter(np.zeros(3), np.zeros(2, int), 4)

    def test_the_index_is_opened_once(self):
        """One word an index and a position of the table, and the bits of a comparison a pair."""

        def program(session):
            return ordering.gather(session.share(None, 0, (64,)), session.share(None, 1, (64,), np.int64))

        pairs = 64 * 64
        assert mpcfl.forecast(program).bytes_sent[0] == 8 * 128 + (5 * 4 + 1) * pairs // 8
        assert mpcfl.forecast(program).rounds == 5


class TestParted:
    X = np.linspace(-3, 3, 12).reshape(3, 4)
    BITS = np.array([[1, 0, 1, 1], [0, 0, 1, 0], [1, 1, 1, 0]], bool)

    def program(self, session):
        """Parted twice, then both halves of a half times a matrix."""
        x, first = session.share(self.X, 0, self.X.shape), ordering.odd(session.share(1 * self.BITS, 1))
        second = ordering.odd(session.share(1 * self.BITS[::-1], 1))
        inside, outside = ordering.parted(first, x)
        deeper = ordering.parted(second, outside)
        weights = session.share(self.X.T, 1, (4, 3))
        parts = np.concatenate([inside, *deeper])
        return [one.reveal() for one in (inside, outside, *deeper, parts @ weights, deeper[1][1:] * 2.0 - inside[1:])]

    @pytest.mark.parametrize("parties", [2, 3])
    @pytest.mark.parametrize("ring", [64, 128])
    def test_two_that_add_up(self, parties, ring):
        found = mpcfl.simulate(self.program, parties, seed=1, ring=ring).results[1]
        inside, outside = ordering.parted(self.BITS, self.X)
        deeper = ordering.parted(self.BITS[::-1], outside)
        parts = np.concatenate([inside, *deeper])
        wanted = (inside, outside, *deeper, parts @ self.X.T, deeper[1][1:] * 2.0 - inside[1:])
        assert (inside == np.where(self.BITS, self.X, 0)).all()
        for got, right in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, right, atol=1e-4)

    def test_the_shadow_knows_it(self):
        assert len(mpcfl.simulate(self.program, shadow=True).shadow) == 0

    def test_the_second_opens_nothing_of_its_own(self):
        x = (1000,)

        def program(times):
            def run(session):
                values = session.share(None, 0, x)
                parts = [values]
                for _ in range(times):
                    bit = ordering.odd(session.share(None, 1, x, np.int64))
                    parts = [part for one in parts for part in ordering.parted(bit, one)]
                for part in parts:
                    part * session.share(None, 1, x)
                session.barrier()

            return mpcfl.forecast(run).bytes_sent[0]

        for times in (1, 2, 3):
            opened = 1 + sum(2**level for level in range(times))  # the whole, and one of each two parts
            products = 2**times * (8 + 8)  # with a fresh operand, and truncated
            assert program(times) == (8 * opened + products) * 1000 + times * 128

    def test_what_is_no_boolean_is_refused(self):
        for bit, x in ((self.X, self.X), (self.BITS, self.BITS)):
            with pytest.raises(TypeError, match="parted takes a boolean"):
                ordering.parted(bit, x)


class TestOdd:
    VALUES = np.array([[-3, -2, -1, 0], [1, 2, 2**40, 2**40 + 1]])

    def test_the_lowest_bit_of_whole_numbers(self):
        def program(session):
            x = session.share(self.VALUES, 0)
            return ordering.odd(x).reveal(), ordering.odd(x == 0).reveal()

        found = mpcfl.simulate(program, seed=1).results[1]
        assert (found[0] == ordering.odd(self.VALUES)).all()
        assert ordering.odd(self.VALUES).tolist() == [[True, False, True, False], [True, False, False, True]]
        assert (found[1] == (self.VALUES == 0)).all()

    def test_products_of_two_take_no_round(self):
        x, y = np.arange(6) % 2, np.arange(6) // 3
        times = np.linspace(-2, 2, 6)

        def program(together):
            def run(session):
                a, b = (ordering.odd(session.share(one, 0, one.shape, np.int64)) for one in (x, y))
                z = session.share(times, 1, times.shape)
                return (a & b).reveal() if together else a.reveal(), (~a * z).reveal()

            return mpcfl.simulate(run, seed=1)

        with_product, without = program(True), program(False)
        assert (with_product.results[0][0] == (x & y).astype(bool)).all()
        assert with_product.results[0][1] == pytest.approx((1 - x) * times, abs=1e-5)
        assert with_product.rounds == without.rounds

    def test_numbers_with_a_fraction_are_refused(self):
        with pytest.raises(TypeError, match="whole numbers"):
            mpcfl.simulate(lambda session: ordering.odd(session.share(np.ones(2), 0)))
