"""Kernels of Z_2^64 against NumPy and Python integers: every shape, the top bit set, read-only and unaligned inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mpcfl.kernels import ring64

TOP = 1 << 63
MODULUS = 1 << 64
WORD = st.sampled_from([0, 1, 2, TOP - 1, TOP, TOP + 1, MODULUS - 1]) | st.integers(0, MODULUS - 1)
SIZE = st.integers(0, 11)


def words(*shape):
    return hnp.arrays(np.uint64, shape, elements=WORD)


def frozen(array):
    array.flags.writeable = False
    return array


def filled(*shape):
    """An output whose old content must not matter."""
    return np.full(shape, 0xDEADBEEFDEADBEEF, np.uint64)


def random_words(seed, *shape):
    return np.random.default_rng(seed).integers(0, MODULUS, shape, dtype=np.uint64)


def integer_matmul(a, b):
    product = a.astype(object) @ b.astype(object) if a.shape[1] else np.zeros((a.shape[0], b.shape[1]), object)
    return (product % MODULUS).astype(np.uint64)


@settings(deadline=None, max_examples=60)
@given(st.data(), SIZE, SIZE, SIZE)
def test_matmul_has_the_words_of_python_integers(data, m, k, n):
    a, b = frozen(data.draw(words(m, k))), frozen(data.draw(words(k, n)))
    out = np.zeros((m, n), np.uint64)
    ring64.matmul(a, b, out)
    np.testing.assert_array_equal(out, integer_matmul(a, b))


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (3, 5, 2), (4, 4, 4), (7, 9, 1), (64, 64, 64), (33, 130, 67), (5, 70, 5000), (5, 9, 33_000)]
)
def test_matmul_equals_numpy_beyond_one_panel(shape):
    m, k, n = shape
    a, b, out = random_words(1, m, k), random_words(2, k, n), np.zeros((m, n), np.uint64)
    ring64.matmul(a, b, out)
    np.testing.assert_array_equal(out, a @ b)


@settings(deadline=None, max_examples=60)
@given(st.data(), SIZE, SIZE)
def test_matrix_with_vector_equals_matrix_with_column(data, m, k):
    a, x, y = frozen(data.draw(words(m, k))), frozen(data.draw(words(k))), frozen(data.draw(words(m)))
    right, left = np.zeros(m, np.uint64), np.zeros(k, np.uint64)
    ring64.matvec(a, x, right)
    ring64.vecmat(y, a, left)
    np.testing.assert_array_equal(right, integer_matmul(a, x[:, None])[:, 0])
    np.testing.assert_array_equal(left, integer_matmul(y[None, :], a)[0])


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(0, 40), st.sampled_from([0, 1]))
def test_elementwise_formulas(data, n, first):
    a, b, c, d, e = (frozen(data.draw(words(n))) for _ in range(5))
    share = np.uint64(first)
    out = filled(n)
    ring64.beaver(c, a, b, d, e, first, out)
    np.testing.assert_array_equal(out, c + d * b + a * e + share * d * e)
    ring64.square(c, a, d, first, out)
    np.testing.assert_array_equal(out, c + d * a + a * d + share * d * d)
    t = frozen(a & np.uint64(1))
    ring64.select(t, b, c, d, e, first, out)
    np.testing.assert_array_equal(out, np.where(t == 0, c * b + e, share * c + d - c * b - e))
    ring64.flip(t, b, first, out)
    np.testing.assert_array_equal(out, np.where(t == 0, b, share - b))


@given(st.integers(2, 9), st.integers(2, 5), st.sampled_from([0, 1]))
def test_select_takes_a_bit_for_several_elements(bits, times, first):
    a, b = (random_words(seed, bits) for seed in (1, 2))
    c, d, e = (random_words(seed, bits * times) for seed in (3, 4, 5))
    out, each = filled(bits * times), filled(bits * times)
    t = a & np.uint64(1)
    ring64.select(t, b, c, d, e, first, out)
    ring64.select(np.repeat(t, times), np.repeat(b, times), c, d, e, first, each)
    np.testing.assert_array_equal(out, each)
    with pytest.raises(ValueError, match="select"):
        ring64.select(t, b, c[1:], d[1:], e[1:], first, out[1:])


def additive(seed, value, parties):
    """Additive shares of a vector."""
    shares = [random_words(seed + rank, value.size) for rank in range(1, parties)]
    return [value - sum(shares, np.zeros_like(value)), *shares]


@pytest.mark.parametrize("parties", [2, 3])
def test_shares_add_up_to_the_product(parties):
    n = 257
    x, y, a, b = (random_words(seed, n) for seed in range(4))
    shares = {
        name: additive(10 * i + 10, v, parties)
        for i, (name, v) in enumerate({"a": a, "b": b, "c": a * b, "q": a * a}.items())
    }
    product, squared = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    for rank in range(parties):
        out = filled(n)
        ring64.beaver(shares["c"][rank], shares["a"][rank], shares["b"][rank], x - a, y - b, int(rank == 0), out)
        product += out
        ring64.square(shares["q"][rank], shares["a"][rank], x - a, int(rank == 0), out)
        squared += out
    np.testing.assert_array_equal(product, x * y)
    np.testing.assert_array_equal(squared, x * x)


@pytest.mark.parametrize("parties", [2, 3])
def test_shares_add_up_to_the_selected_value(parties):
    n = 257
    value, rho = random_words(1, n), random_words(2, n)
    bit, beta = random_words(3, n) & np.uint64(1), random_words(4, n) & np.uint64(1)
    betas, rhos, products = additive(10, beta, parties), additive(20, rho, parties), additive(30, beta * rho, parties)
    total = np.zeros(n, np.uint64)
    for rank in range(parties):
        out = filled(n)
        ring64.select(bit ^ beta, betas[rank], value - rho, rhos[rank], products[rank], int(rank == 0), out)
        total += out
    np.testing.assert_array_equal(total, np.where(bit == 1, value, 0))


def test_elementwise_kernels_work_in_place():
    a, b, c, d, e = (random_words(seed, 1000) for seed in range(5))
    expected = c + d * b + a * e + d * e
    out = e.copy()
    ring64.beaver(c, a, b, d, out, 1, out)
    np.testing.assert_array_equal(out, expected)
    out = c.copy()
    ring64.square(out, a, d, 1, out)
    np.testing.assert_array_equal(out, c + d * a + a * d + d * d)
    t, out = a & np.uint64(1), b.copy()
    ring64.select(t, out, c, d, e, 0, out)
    np.testing.assert_array_equal(out, np.where(t == 0, c * b + e, d - c * b - e))
    out = b.copy()
    ring64.flip(t, out, 1, out)
    np.testing.assert_array_equal(out, np.where(t == 0, b, 1 - b))


def test_a_frame_needs_no_copy():
    """Received words are read-only and may begin at any byte."""
    frame = b"\x01" + random_words(5, 5, 100).tobytes()
    c, a, b, d, e = np.frombuffer(frame, np.uint64, offset=1).reshape(5, 100)
    assert not c.flags.aligned
    out = filled(100)
    ring64.beaver(c, a, b, d, e, 1, out)
    np.testing.assert_array_equal(out, c + d * b + a * e + d * e)
    matrix = np.frombuffer(frame, np.uint64, offset=1)[:100].reshape(10, 10)
    product = np.zeros((10, 10), np.uint64)
    ring64.matmul(matrix, matrix, product)
    np.testing.assert_array_equal(product, matrix @ matrix)


def test_shapes_that_do_not_fit_are_refused():
    two, three = np.zeros(2, np.uint64), np.zeros(3, np.uint64)
    square = np.zeros((2, 2), np.uint64)
    wide = np.zeros((2, 3), np.uint64)
    for call in (
        lambda: ring64.matmul(wide, square, wide),
        lambda: ring64.matmul(square, wide, square),
        lambda: ring64.matvec(wide, two, two),
        lambda: ring64.vecmat(three, wide, three),
        lambda: ring64.beaver(two, two, three, two, two, 1, two),
        lambda: ring64.square(two, two, two, 1, three),
        lambda: ring64.select(two, two, two, two, three, 0, two),
        lambda: ring64.flip(two, three, 1, two),
    ):
        with pytest.raises(ValueError, match="must"):
            call()


def test_an_output_must_be_writable():
    square = np.zeros((2, 2), np.uint64)
    with pytest.raises(TypeError):
        ring64.matmul(square, square, frozen(np.zeros((2, 2), np.uint64)))
