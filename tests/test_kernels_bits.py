"""Packed bits against NumPy on unpacked ones: any length, any word."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.kernels import bitmatrix, bits

MODULUS = 1 << 64
ONES = np.uint64(MODULUS - 1)
LENGTHS = st.integers(0, 130) | st.sampled_from([0, 1, 63, 64, 65, 511, 512, 513, 1023, 1024, 1100])
SEEDS = st.integers(0, 2**32)


def frozen(array):
    array.flags.writeable = False
    return array


def filled(*shape):
    """An output whose old content must not matter."""
    return np.full(shape, 0xDEADBEEFDEADBEEF, np.uint64)


def random_words(rng, *shape):
    return rng.integers(0, MODULUS, shape, dtype=np.uint64)


def numpy_pack(values):
    """Bits of the last axis, 64 to a word."""
    width = -(-values.shape[-1] // 64)
    padded = np.zeros((*values.shape[:-1], 64 * width), np.uint8)
    padded[..., : values.shape[-1]] = values
    return np.packbits(padded, axis=-1, bitorder="little").view("<u8").astype(np.uint64)


@settings(deadline=None)
@given(SEEDS, LENGTHS)
def test_pack_and_unpack(seed, n):
    words = frozen(random_words(np.random.default_rng(seed), n))  # all but the lowest bit must be ignored
    packed, unpacked = filled(-(-n // 64)), filled(n)
    bits.pack(words, packed)
    np.testing.assert_array_equal(packed, numpy_pack(words & np.uint64(1)))
    bits.unpack(frozen(packed), unpacked)
    np.testing.assert_array_equal(unpacked, words & np.uint64(1))


@settings(deadline=None)
@given(SEEDS, st.integers(0, 70), st.integers(0, 140), st.integers(1, 140), st.data())
def test_products_of_matrices_of_bits(seed, n, m, k, data):
    rng = np.random.default_rng(seed)
    x, y = random_words(rng, n, m), random_words(rng, m, k)
    left, right = filled(n, -(-m // 64)), filled(m, -(-k // 64))
    bitmatrix.pack(frozen(x), left)
    bitmatrix.pack(frozen(y), right)
    np.testing.assert_array_equal(left, numpy_pack(x & np.uint64(1)))
    before = random_words(rng, -(-n * k // 64))
    out = before.copy()
    cut = data.draw(st.sampled_from([i for i in range(n + 1) if i * k % 64 == 0]))
    bitmatrix.multiply(left, right, k, 0, cut, out)
    bitmatrix.multiply(left, right, k, cut, n, out)
    np.testing.assert_array_equal(out, before ^ numpy_pack(((x @ y) & np.uint64(1)).reshape(-1)))


@pytest.mark.parametrize("rows", [(0, 5), (-1, 2), (1, 3)])
def test_runs_of_rows_that_share_a_word_are_refused(rows):
    x, y, out = (np.zeros(shape, np.uint64) for shape in ((4, 1), (3, 1), (1,)))
    with pytest.raises(ValueError, match="multiply"):
        bitmatrix.multiply(x, y, 5, *rows, out)


@settings(deadline=None)
@given(SEEDS, LENGTHS)
def test_planes(seed, n):
    rng = np.random.default_rng(seed)
    words = frozen(rng.integers(0, 1 << 32, n, dtype=np.uint32))
    planes, back = filled(32, -(-n // 64)), np.full(n, 0xDEADBEEF, np.uint32)
    bits.to_planes(words, planes)
    np.testing.assert_array_equal(planes, numpy_pack(words >> np.arange(32, dtype=np.uint32)[:, None] & np.uint32(1)))
    bits.from_planes(frozen(planes), back)
    np.testing.assert_array_equal(back, words)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 130))
def test_what_stands_in_the_padding_does_not_matter(seed, n):
    planes = random_words(np.random.default_rng(seed), 32, -(-n // 64))
    words, again, unpacked = np.empty(n, np.uint32), filled(*planes.shape), filled(n)
    bits.from_planes(planes, words)
    bits.to_planes(words, again)
    valid = numpy_pack(np.ones(n, np.uint8))
    np.testing.assert_array_equal(again, planes & valid)
    bits.unpack(planes[31], unpacked)
    np.testing.assert_array_equal(unpacked, words >> np.uint32(31))


def numpy_product(planes, subset):
    product = np.full(planes.shape[1], ONES)
    for j in range(planes.shape[0]):
        if subset >> j & 1:
            product &= planes[j]
    return product


SIZES = st.integers(0, 20) | st.sampled_from([511, 512, 513, 1030])


@settings(deadline=None)
@given(st.data(), SEEDS, st.integers(0, 10), SIZES)
def test_products(data, seed, v, m):
    masks = frozen(random_words(np.random.default_rng(seed), v, m))
    subsets = frozen(np.array(data.draw(st.lists(st.integers(0, (1 << v) - 1), max_size=8)), np.int64))
    out = filled(subsets.size, m)
    bits.products(masks, subsets, out)
    for row, subset in zip(out, subsets.tolist(), strict=True):
        np.testing.assert_array_equal(row, numpy_product(masks, subset))


@settings(deadline=None)
@given(st.data(), SEEDS, st.integers(0, 10), st.integers(0, 4), st.integers(1, 4), SIZES, st.sampled_from([0, 1]))
def test_multilinear(data, seed, v, s, o, m, first):
    rng = np.random.default_rng(seed)
    opened, shares = frozen(random_words(rng, v, m)), frozen(random_words(rng, s, m))
    term = st.tuples(st.integers(0, o - 1), st.integers(0, (1 << v) - 1), st.integers(-1, s - 1))
    terms = data.draw(st.lists(term, max_size=12))
    expected = np.zeros((o, m), np.uint64)
    for target, subset, index in terms:
        coefficient = shares[index] if index >= 0 else np.full(m, ONES if first else 0, np.uint64)
        expected[target] ^= numpy_product(opened, subset) & coefficient
    out = filled(o, m)
    bits.multilinear(opened, shares, frozen(np.array(terms, np.int64).reshape(-1, 3)), first, out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("v", [1, 4, 5, 9, 63])
def test_a_subset_of_every_size(v):
    opened = random_words(np.random.default_rng(v), v, 600) | random_words(np.random.default_rng(v + 1), v, 600)
    opened[:, ::7] = ONES  # else a long product is zero everywhere
    shares = random_words(np.random.default_rng(v + 2), 1, 600)
    for count in range(v + 1):
        out = filled(1, 600)
        subset = (1 << count) - 1 << (v - count)
        bits.multilinear(opened, shares, np.array([[0, subset, 0]], np.int64), 0, out)
        np.testing.assert_array_equal(out[0], numpy_product(opened, subset) & shares[0])


@pytest.mark.parametrize("parties", [2, 3])
def test_shares_give_the_product_of_masked_bits(parties):
    """Opened d = x xor a and shares of all products of masks a give shares of x0 x1 x2 and of x0 x1 xor 1."""
    rng = np.random.default_rng(parties)
    m = 700
    x, a = random_words(rng, 3, m), random_words(rng, 3, m)
    subsets = np.arange(1, 8, dtype=np.int64)
    corrections = filled(7, m)
    bits.products(a, subsets, corrections)
    shares = [random_words(rng, 7, m) for _ in range(parties - 1)]
    shares.append(np.bitwise_xor.reduce([corrections, *shares]))
    cubic = [(0, 7 ^ masked, masked - 1) for masked in range(8)]
    quadratic = [(1, 3 ^ masked, masked - 1) for masked in range(4)] + [(1, 0, -1)]
    terms = np.array(cubic + quadratic, np.int64)
    total = np.zeros((2, m), np.uint64)
    for rank, share in enumerate(shares):
        out = filled(2, m)
        bits.multilinear(x ^ a, share, terms, int(rank == 0), out)
        total ^= out
    np.testing.assert_array_equal(total, [x[0] & x[1] & x[2], x[0] & x[1] ^ ONES])


def test_what_does_not_fit_is_refused():
    two, three = np.zeros(2, np.uint64), np.zeros(3, np.uint64)
    planes, halves = np.zeros((32, 2), np.uint64), np.zeros(64, np.uint32)
    square, wide = np.zeros((2, 2), np.uint64), np.zeros((64, 2), np.uint64)
    subsets = np.zeros(2, np.int64)
    for call in (
        lambda: bits.pack(two, two),
        lambda: bits.unpack(two, three),
        lambda: bits.to_planes(halves, planes),
        lambda: bits.from_planes(planes, halves),
        lambda: bits.products(wide, subsets, square),
        lambda: bits.products(square, subsets, planes),
        lambda: bits.products(square, np.array([0, 4]), square.copy()),
        lambda: bits.products(square, np.array([0, -1]), square.copy()),
        lambda: bits.multilinear(square, planes, np.zeros((1, 2), np.int64), 1, square.copy()),
        *(
            lambda term=term: bits.multilinear(square, planes, np.array([term]), 1, square.copy())
            for term in ([2, 0, 0], [-1, 0, 0], [0, 4, 0], [0, -1, 0], [0, 0, 32], [0, 0, -2])
        ),
    ):
        with pytest.raises(ValueError, match=r"must|not there"):
            call()
