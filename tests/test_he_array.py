"""Paillier arrays: laws against NumPy on small keys, refusals, and what leaves."""

from __future__ import annotations

import copy
import functools
import pickle

import gmpy2
import numpy as np
import pytest
from gmpy2 import mpz
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from mpcfl import he
from mpcfl.errors import InputError, IntegrityError, Mismatch
from mpcfl.he.encoding import decoded
from mpcfl.he.fused import masked_product
from mpcfl.he.powers import products_of_powers

SMALL = settings(max_examples=25, deadline=None)
BITS = 512
WHOLE = arrays.arrays(np.int64, arrays.array_shapes(max_dims=2, max_side=4), elements=st.integers(-(2**40), 2**40))
REAL = arrays.arrays(
    np.float64, arrays.array_shapes(max_dims=2, max_side=4), elements=st.floats(-1000, 1000, allow_subnormal=False)
)


@functools.cache
def key(bits: int = BITS, other: int = 0) -> he.SecretKey:
    return he.generate(insecure_bits=bits)


def whole(*shape: int) -> st.SearchStrategy[np.ndarray]:
    return arrays.arrays(np.int64, shape, elements=st.integers(-(2**30), 2**30))


@SMALL
@given(WHOLE)
def test_what_is_encrypted_comes_back(x):
    for encrypted in (key().encrypt(x), key().public.encrypt(x), key().public.encrypt(x, exponents="short")):
        back = key().decrypt(encrypted)
        assert back.dtype == np.int64
        np.testing.assert_array_equal(back, x)


@SMALL
@given(REAL)
def test_floats_come_back_to_half_a_unit(x):
    np.testing.assert_allclose(key().decrypt(key().encrypt(x)), x, atol=2.0**-19, rtol=0)
    np.testing.assert_allclose(key().decrypt(key().encrypt(x, fraction=40)), x, atol=2.0**-41, rtol=2.0**-52)


@SMALL
@given(whole(2, 3), whole(2, 3), st.integers(-1000, 1000))
def test_sums_differences_and_multiples_are_numpys(x, y, k):
    a, b = key().encrypt(x), key().public.encrypt(y)
    decrypt = key().decrypt
    for computed, expected in (
        (a + b, x + y),
        (a - b, x - y),
        (a + y, x + y),
        (y + a, x + y),
        (a - y, x - y),
        (y - a, y - x),
        (-a, -x),
        (+a, x),
        (a * k, x * k),
        (k * a, x * k),
        (y * a, x * y),
        (np.multiply(a, y[0]), x * y[0]),
        (a.sum(), x.sum()),
        (np.sum(a, axis=0), x.sum(axis=0)),
        (a.sum(axis=(0, 1), keepdims=True), x.sum(axis=(0, 1), keepdims=True)),
        (np.add.reduce(a), np.add.reduce(x)),
        (sum(a), sum(x)),
    ):
        np.testing.assert_array_equal(decrypt(computed), expected)


@SMALL
@given(whole(3, 4), whole(4, 2), whole(4), whole(3))
def test_products_with_plain_matrices_are_numpys(x, y, v, u):
    matrix, vector = key().encrypt(x), key().encrypt(v)
    for computed, expected in (
        (matrix @ y, x @ y),
        (matrix @ v, x @ v),
        (y.T @ matrix.T, (x @ y).T),
        (u @ matrix, u @ x),
        (x @ vector, x @ v),
        (vector @ y, v @ y),
        (v @ vector, v @ v),
        (np.matmul(x, vector), x @ v),
        (np.dot(matrix, y), x @ y),
        (matrix.dot(v), x @ v),
    ):
        np.testing.assert_array_equal(key().decrypt(computed), expected)


@SMALL
@given(REAL, st.floats(-8, 8).filter(lambda v: v == 0 or abs(v) > 0.01))
def test_floats_compute_within_their_fractions(x, factor):
    a = key().encrypt(x)
    np.testing.assert_allclose(key().decrypt(a * factor), x * factor, atol=0.01)
    np.testing.assert_allclose(key().decrypt(a + x), 2 * x, atol=2.0**-17)
    np.testing.assert_allclose(key().decrypt(a + a * 0.5), 1.5 * x, atol=2.0**-17)
    np.testing.assert_allclose(key().decrypt(a / 4), x / 4, atol=2.0**-18)
    np.testing.assert_allclose(key().decrypt(a.mean(axis=0)), x.mean(axis=0), atol=0.01)
    np.testing.assert_allclose(key().decrypt(a * 3 + 1), 3 * x + 1, atol=2.0**-17)


def test_arrangement_is_numpys():
    x = np.arange(6).reshape(2, 3)
    a, b = key().encrypt(x), key().encrypt(-x)
    for function in (
        lambda z, _: z[1],
        lambda z, _: z[:, [2, 0]],
        lambda z, _: z[1, 2],
        lambda z, _: z[None, ..., 0],
        lambda z, _: z.T,
        lambda z, _: z.reshape(3, 2),
        lambda z, _: np.reshape(z, (6,)),
        lambda z, _: z.ravel(),
        lambda z, _: np.transpose(z, (1, 0)),
        lambda z, _: np.expand_dims(z, 1),
        lambda z, _: np.broadcast_to(z, (2, 2, 3)),
        lambda z, _: np.flip(z, 1),
        lambda z, _: np.take(z, [0, 0], axis=0),
        lambda z, w: np.concatenate([z, w]),
        lambda z, w: np.stack([z, w], axis=1),
        lambda z, w: np.vstack([z, w]),
        lambda z, w: np.where(x > 2, z, w),
    ):
        np.testing.assert_array_equal(key().decrypt(function(a, b)), function(x, -x))
    assert (np.shape(a), np.ndim(a), np.size(a), len(a), a.dtype) == ((2, 3), 2, 6, 2, np.dtype(np.int64))
    assert len(list(a)) == 2


@SMALL
@given(
    arrays.arrays(
        np.int64, st.tuples(st.integers(1, 5), st.integers(1, 40)), elements=st.integers(1 - 2**63, 2**63 - 1)
    ),
    st.integers(0, 2**32),
)
def test_products_of_powers_are_those_of_single_powers(exponents, seed):
    modulus = key().public.n_squared
    bases = [gmpy2.powmod(3 + seed, i + 1, modulus) for i in range(exponents.shape[1])]
    for row, made in zip(exponents, products_of_powers(bases, exponents, key().public.residues), strict=True):
        expected = mpz(1)
        for base, exponent in zip(bases, row.tolist(), strict=True):
            expected = expected * gmpy2.powmod(base, exponent, modulus) % modulus
        assert made == expected


@SMALL
@given(whole(7), whole(7), st.integers(-5, 5))
def test_packed_numbers_are_added_and_multiplied_by_slots(x, y, k):
    limit, terms = 2**31, 16
    a, b = key().encrypt_packed(x, limit=limit, terms=terms), key().public.encrypt_packed(y, limit=limit, terms=terms)
    assert a.slots > 7
    np.testing.assert_array_equal(key().decrypt(a + b), x + y)
    np.testing.assert_array_equal(key().decrypt(a * k + b), x * k + y)


@SMALL
@given(arrays.arrays(np.int64, st.tuples(st.integers(1, 3), st.integers(1, 6)), elements=st.integers(-(2**20), 2**20)))
def test_packing_ciphertexts_keeps_their_numbers(x):
    array = key().encrypt(x, limit=2**100)
    packed = array.packed()
    assert len(packed.ciphertexts) == -(-x.size // packed.slots)
    assert packed.slots == 510 // 102
    np.testing.assert_array_equal(key().decrypt(packed), x)


def test_a_packed_array_refuses_what_would_reach_the_next_slot():
    a = key().encrypt_packed(np.array([2**20, -(2**20)]), limit=2**20, terms=2)
    assert key().decrypt(a + a).tolist() == [2**21, -(2**21)]
    with pytest.raises(InputError, match="do not fit slots"):
        a * 3 + a
    with pytest.raises(InputError, match="do not fit slots"):
        a * 4
    with pytest.raises(InputError, match="no room"):
        key().encrypt_packed(np.ones(1), terms=2**460)


@SMALL
@given(whole(3))
def test_masked_numbers_come_back_with_the_masks(x):
    masked, masks = key().public.encrypt(x).masked()
    seen = key().decrypt(masked, dtype=object)
    assert (seen - masks).tolist() == x.tolist()
    assert all(0 <= mask < 1 << (64 + 64) for mask in masks)


def test_masks_are_uniform_over_more_than_the_bound_needs():
    """The high bits of masks that hide 63-bit numbers are those of a coin."""
    _, masks = key().public.encrypt(np.zeros(2000, np.int64)).masked()
    bits = masks[0].bit_length()
    assert bits > 100
    for place in (127, 100, 64, 0):
        assert 850 < sum(mask >> place & 1 for mask in masks) < 1150
    assert len(set(masks.tolist())) == 2000


# ---------------------------------------------------------------------------------------------------------- what leaves


def test_arrays_cross_as_words():
    x = np.array([[1.5, -2.0], [0.25, 1e6]])
    a = key().public.encrypt(x)
    words = a.to_words()
    assert words.dtype == np.uint64
    assert words.shape == (he.PaillierArray.words(key().public, x.shape),)
    public = he.PublicKey.of_words(key().public.to_words(), insecure=True)
    back = he.PaillierArray.of_words(public, words, x.shape, a.fraction, a.bound, float)
    np.testing.assert_array_equal(key().decrypt(back), x)
    packed = a.packed()
    back = he.Packed.of_words(public, packed.to_words(), x.shape, a.fraction, a.bound, float)
    np.testing.assert_array_equal(key().decrypt(back), x)


def test_what_was_computed_is_randomised_before_it_leaves_and_what_is_fresh_is_not():
    a = key().public.encrypt(np.arange(3))
    fresh = he.PaillierArray.of_words(key().public, a.to_words(), (3,), 0, a.bound, int)
    assert fresh.ciphertexts == a.ciphertexts
    for derived in (a + 1, a * 1, a[:], fresh, a + 0, np.concatenate([a]), a.sum(axis=0, keepdims=True)):
        sent = he.PaillierArray.of_words(key().public, derived.to_words(), derived.shape, 0, derived.bound, int)
        assert not set(sent.ciphertexts) & set(derived.ciphertexts)
        assert key().decrypt(sent).tolist() == key().decrypt(derived).tolist()
    packed = a.packed()
    sent = he.Packed.of_words(key().public, packed.to_words(), (3,), 0, a.bound, int)
    assert not set(sent.ciphertexts) & set(packed.ciphertexts)


def test_equal_numbers_have_different_ciphertexts():
    for encrypted in (key().encrypt(np.zeros(50)), key().public.encrypt(np.zeros(50))):
        assert len(set(encrypted.ciphertexts)) == 50


def test_foreign_keys_are_refused():
    other = key(BITS, 1)
    a, foreign = key().encrypt(np.ones(2)), other.encrypt(np.ones(2))
    for attempt in (
        lambda: a + foreign,
        lambda: a - foreign,
        lambda: np.concatenate([a, foreign]),
        lambda: a.packed() + foreign.packed(),
        lambda: key().decrypt(foreign),
        lambda: he.PaillierArray.of_words(key().public, foreign.to_words(), (2,), 18, a.bound, float),
        lambda: he.Packed.of_words(key().public, foreign.packed().to_words(), (2,), 18, a.bound, float),
        lambda: he.PaillierArray.of_words(key().public, a.to_words(), (2,), 17, a.bound, float),
    ):
        with pytest.raises(Mismatch):
            attempt()


def test_altered_and_degenerate_ciphertexts_are_refused():
    public = key().public
    a = public.encrypt(np.ones(2))
    words = a.to_words()

    def received(words):
        return he.PaillierArray.of_words(public, words, (2,), 18, a.bound, float)

    altered = words.copy()
    altered[3] ^= np.uint64(1)
    with pytest.raises(IntegrityError, match="bound"):
        key().decrypt(received(altered))
    for number, match in (
        (0, "range"),
        (int(public.n_squared), "range"),
        (int(public.n_squared) + 5, "range"),
        (1, "randomised"),
        (1 + 5 * int(public.n), "randomised"),
        (int(key()._p), "factor"),
    ):
        bad = words.copy()
        bad[1 : 1 + public.limbs] = np.frombuffer(number.to_bytes(8 * public.limbs, "little"), np.uint64)
        with pytest.raises(IntegrityError, match=match):
            received(bad)
    with pytest.raises(IntegrityError, match="another size"):
        received(words[:-1])


# ------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("values", "options", "match"),
    [
        (np.array([1.0, np.nan]), {}, r"\(1,\) is not finite"),
        (np.array([[1.0, 2.0], [np.inf, 0.0]]), {}, r"\(1, 0\) is not finite"),
        (2.0**45, {}, "beyond the limit"),
        (np.array([3, 9]), {"limit": 8}, r"\(1,\) is beyond the limit 8"),
        (1e-9, {}, "becomes 0"),
        (np.array(["a"]), {}, "cannot be encoded"),
    ],
)
def test_numbers_that_cannot_be_encoded_are_refused_by_place(values, options, match):
    with pytest.raises(InputError, match=match):
        key().public.encrypt(values, **options)


def test_what_would_wrap_is_refused_before_it_does():
    a = key(192).encrypt(np.array([1.0, 2.0]))  # 62 bits
    b = a * np.array([1.0, 2.0])  # 124
    with pytest.raises(InputError, match="too large for a key of 192 bits"):
        b * 2.0 * 2.0
    with pytest.raises(InputError, match="too large"):
        a.masked(128)
    assert key(192).decrypt(b).tolist() == [1.0, 4.0]


def test_integers_beyond_int64_are_not_cut():
    big = key().encrypt(np.array([2**62])) * 4
    with pytest.raises(InputError, match="beyond int64"):
        key().decrypt(big)
    assert key().decrypt(big, dtype=object).tolist() == [2**64]
    assert decoded(np.array([2**70], object), 18, np.dtype(float)).tolist() == [2.0**52]


def test_what_paillier_cannot_compute_raises_type_error():
    a = key().encrypt(np.arange(3.0))
    for attempt in (
        lambda: a * a,
        lambda: a @ a,
        lambda: a < 1,
        lambda: a == a,
        lambda: bool(a[0]),
        lambda: float(a[0]),
        lambda: np.asarray(a),
        lambda: np.exp(a),
        lambda: np.sort(a),
        lambda: np.maximum(a, 0),
        lambda: 1.0 / a,
        lambda: a / np.ones(3),
        lambda: np.concatenate([a, np.ones(3)]),
        lambda: np.where(a, a, a),
        lambda: np.add(a, 1, dtype=float),
        lambda: a.__setitem__(0, 1),
        lambda: pickle.dumps(a),
        lambda: copy.deepcopy(a),
        lambda: key().encrypt_packed(np.ones(2)) * 0.5,
    ):
        with pytest.raises(TypeError):
            attempt()


def test_nothing_secret_is_shown():
    assert repr(key()) == "SecretKey(512 bits)"
    shown = repr(key().encrypt(np.array([1234567.0])))
    assert "1234567" not in shown
    assert shown.startswith("PaillierArray(shape=(1,), dtype=float64, fraction=18")


def test_bounds_follow_from_the_program_and_not_from_values():
    low, high = (key().encrypt(np.full(4, value)) for value in (0.0, 1e9))
    x, y = np.zeros((2, 4)), np.full((2, 4), 1e9)
    for f in (lambda a, m: a * m[0], lambda a, m: m @ a, lambda a, m: a.sum(), lambda a, m: a + m[1]):
        one, other = f(low, x), f(high, y)
        assert (one.bound, one.fraction) == (other.bound, other.fraction)


@SMALL
@given(st.integers(1, 30), st.integers(1, 3), st.integers(0, 2**32))
def test_a_masked_product_packed_at_once_is_that_of_the_parts(rows, columns, seed):
    draws = np.random.default_rng(seed)
    matrix, x = draws.integers(-9, 10, (rows, columns)), draws.integers(-9, 10, columns)
    factor = he.plain(matrix, limit=9)
    packed, masks = masked_product(factor, key().encrypt(x, limit=9), sigma=20)
    other, _ = (factor @ key().encrypt(x, limit=9)).masked(20)
    assert (packed.bound, packed.fraction, packed.dtype) == (other.bound, other.fraction, other.dtype)
    assert (packed.width, packed.shape) == (other.packed().width, other.shape)
    np.testing.assert_array_equal(key().decrypt(packed, dtype=object) - masks, matrix @ x)
    assert min(masks) >= 0
    assert max(masks) < 2 ** (other.bound.bit_length() - 1)
    assert len(set(masks.tolist())) == rows
