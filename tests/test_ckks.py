"""CKKS arrays: NumPy's laws within stated errors, levels, packings, noise, and what is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl import ckks
from mpcfl.ckks import library, machine, noise
from mpcfl.ckks.packing import Columns, Whole
from mpcfl.errors import InputError, IntegrityError, Mismatch, UsageError

pytestmark = pytest.mark.skipif(not ckks.INSTALLED, reason="TenSEAL, of the extra he, is not installed")
few = settings(max_examples=6, deadline=None)
rng = np.random.default_rng(3)


@pytest.fixture(scope="module")
def key():
    """For two levels of any program."""
    return ckks.generate(ckks.parameters("square"), [1 << k for k in range(12)], products=True)


@pytest.fixture(scope="module")
def linear():
    """Flooded, for plain products."""
    return ckks.generate(ckks.parameters("linear"), [1 << k for k in range(12)])


def numbers(shape, limit=1.0):
    return rng.uniform(-limit, limit, size=shape)


def near(secret, array, wanted):
    """Decrypted within the error that the array states."""
    got = secret.decrypt(array)
    assert got.shape == np.shape(wanted)
    assert np.abs(got - wanted).max() <= array.error.total
    assert np.abs(wanted).max() <= array.bound


shapes = st.one_of(
    st.tuples(st.integers(1, 40)),
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
)


# ---------------------------------------------------------------------------------------------------------- parameters


@pytest.mark.parametrize("name", ckks.SETS)
def test_sets_are_of_the_standards_table(name):
    of = ckks.parameters(name)
    seal = library.library()
    assert sum(of.bits) <= ckks.STANDARD[of.degree]
    assert ckks.STANDARD[of.degree] == seal.CoeffModulus.MaxBitCount(of.degree, seal.SEC_LEVEL_TYPE.TC128)
    assert np.prod([1.0 * prime for prime in of.primes]) < 2.0 ** ckks.STANDARD[of.degree]
    for level in range(1, of.depth + 1):
        assert of.scale(level) * of.plain_scale(level) / of.dropped(level) == pytest.approx(of.scale(level - 1))


def test_less_than_128_bits_of_security_is_refused():
    with pytest.raises(UsageError, match="128 bits"):
        ckks.Parameters("weak", 8192, (60, 60), (40,), 1, 60, 40, True, 0)
    with pytest.raises(UsageError, match="128 bits"):
        ckks.Parameters("odd", 5000, (20,), (20,), 1, 20, 20, True, 0)
    with pytest.raises(UsageError, match="no set"):
        ckks.parameters("strong")


def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(library, "INSTALLED", False)
    with pytest.raises(UsageError, match=r'pip install "mpcfl\[he\]"'):
        ckks.generate(ckks.parameters("linear"))


# ---------------------------------------------------------------------------------------------------------------- laws


@given(shapes, st.sampled_from(["whole", "columns"]), st.booleans())
@few
def test_sums_and_products_are_numpys(key, shape, packing, by_secret):
    packing = packing if len(shape) == 2 else "whole"
    x, y, p = numbers(shape), numbers(shape, 4.0), numbers(shape[-1:], 2.0)
    encrypt = key.encrypt if by_secret else key.public.encrypt
    a, b = encrypt(x, 1.0, packing), encrypt(y, 4.0, packing)
    near(key, a + b, x + y)
    near(key, a - b, x - y)
    near(key, p - a, p - x)
    near(key, -a + p, p - x)
    near(key, a * p + b, x * p + y)
    near(key, np.multiply(a, b), x * y)
    near(key, np.square(a) - 0.5, x * x - 0.5)
    near(key, a / 3, x / 3)
    near(key, np.subtract(1.0, a), 1 - x)
    near(key, a * 0.0, 0 * x)


@given(st.integers(1, 6), st.integers(1, 20), st.integers(1, 20), st.sampled_from(["whole", "columns"]))
@few
def test_matrix_products_are_numpys(key, rows, columns, made, packing):
    x, w, bias = numbers((rows, columns)), numbers((columns, made)), numbers(made)
    a = key.encrypt(x, 1.0, packing)
    near(key, a @ w + bias, x @ w + bias)
    near(key, np.square(a @ (w / columns)), np.square(x @ (w / columns)))
    near(key, a @ w[:, 0], x @ w[:, 0])
    near(key, w.T @ key.encrypt(x[0], 1.0), w.T @ x[0])


@given(shapes)
@few
def test_sums_over_axes_are_numpys(key, shape):
    x = numbers(shape)
    a = key.encrypt(x, 1.0, "columns" if len(shape) == 2 else None)
    near(key, a.sum(-1), x.sum(-1))
    near(key, np.mean(a, -1), x.mean(-1))
    if len(shape) == 2:
        near(key, np.sum(a, 0), x.sum(0, keepdims=True))
        near(key, key.encrypt(x, 1.0, "whole").sum(1), x.sum(1))
        near(key, (a @ np.ones(shape[1])).sum(0), x.sum())


@given(st.lists(st.floats(-2, 2).filter(lambda c: c == 0 or abs(c) > 1e-3), min_size=3, max_size=3))
@few
def test_polynomials_are_numpys(key, coefficients):
    x = numbers(5)
    if not any(coefficients[1:]):
        coefficients[1] = 1.0
    near(key, key.encrypt(x, 1.0).polynomial(coefficients), np.polynomial.polynomial.polyval(x, coefficients))


def test_many_rows_and_columns_take_several_ciphertexts(key, linear):
    x, w = numbers((5_000, 3)), numbers((3, 2))
    a = key.encrypt(x, 1.0)
    assert (a.packing, len(a.cells)) == ("columns", 6)
    near(key, a @ w, x @ w)
    near(key, np.sum(a, 0), x.sum(0, keepdims=True))
    m, v = numbers((5_000, 9)), numbers(9)
    near(linear, m @ linear.encrypt(v, 1.0), m @ v)
    m, v = numbers((3, 9_000)), numbers(9_000)
    near(linear, m @ linear.encrypt(v, 1.0), m @ v)


@given(st.sampled_from([Columns, Whole]), st.integers(1, 20), st.integers(1, 40))
def test_packing_is_undone_by_unpacking(kind, rows, columns):
    place = kind(rows, columns, 64)
    x = numbers((rows, columns))
    cells = place.packed(x)
    assert (len(cells), {len(cell) for cell in cells}) == (place.cells, {64})
    np.testing.assert_array_equal(place.unpacked(cells), x)


# -------------------------------------------------------------------------------------------------------------- levels


def test_a_program_that_runs_out_of_levels_is_refused_before_it_computes(key, monkeypatch):
    x = key.encrypt(numbers(4), 1.0)
    computed = []
    monkeypatch.setattr(machine.Seal, "product", lambda self, a, b: computed.append(1))
    with pytest.raises(UsageError, match="none is left of the 2"):
        ckks.evaluate(lambda x: np.square(np.square(np.square(x))), x)
    with pytest.raises(InputError, match="too large"):
        ckks.evaluate(lambda x: (x + 1e6) * x, x)
    assert not computed


def test_a_sketch_knows_all_but_the_numbers(key):
    def program(x):
        return np.square(x @ w + 0.25).within(4.0) - 1.0

    x, w = numbers((3, 5)), numbers((5, 4)) / 5
    told = ckks.sketch(key.public.parameters, x.shape, 1.0)
    plan = ckks.plan(program, told)
    assert plan.products
    assert set(plan.steps) <= {4, 8, 16}
    made = program(key.encrypt(x, 1.0)).sanitised()
    for attribute in ("shape", "layout", "level", "bound", "error"):
        assert getattr(made, attribute) == getattr(plan.result, attribute)
    public = ckks.bounds(w.shape, 0.25, 1.0)
    assert public.T.shape == (4, 5)
    known = ckks.plan(lambda x: x @ ckks.plain(w, 0.25, 1.0), told).result
    assert known.error == ckks.plan(lambda x: x @ public, told).result.error
    exact = ckks.generate(plan.parameters, plan.steps, plan.products)
    near(exact, program(exact.encrypt(x, 1.0)), np.square(x @ w + 0.25) - 1.0)


def test_a_key_does_what_it_was_made_for_alone():
    bare = ckks.generate(ckks.parameters("square"))
    x = bare.encrypt(numbers(4), 1.0)
    with pytest.raises(UsageError, match="rotations"):
        x @ numbers((4, 4))
    with pytest.raises(UsageError, match="without products"):
        x * x
    with pytest.raises(UsageError, match="no ciphertext"):
        x - x
    with pytest.raises(UsageError, match="plain numbers alone"):
        np.square(ckks.sketch(ckks.parameters("linear"), (3,), 1.0))


# --------------------------------------------------------------------------------------------------------------- noise


def test_uniform_coefficients_are_encoded_exactly(linear):
    """Encoded at scale 1 and multiplied by X^0 .. they come back as whole numbers: every one of them is there."""
    of, seal = linear.public.parameters, library.library()
    drawn = machine.uniform(36, of.degree, True)
    assert drawn.min() < -(1 << 34)
    assert drawn.max() > 1 << 34
    engine, plaintext = linear.public.machine, seal.Plaintext()
    values = machine.slots_of(drawn)
    engine._encoder.encode(values.tolist(), engine._id(0), 1.0, plaintext)
    again = np.array(engine._encoder.decode_complex(plaintext))
    np.testing.assert_allclose(again, values, atol=np.abs(values).max() * 1e-11)
    # the values at all roots, conjugates included, back to coefficients
    power, order = 1, []
    for _ in range(of.degree // 2):
        order.append((power - 1) // 2)
        power = power * machine.GENERATOR % (2 * of.degree)
    full = np.zeros(of.degree, complex)
    full[order] = again
    full[[of.degree - 1 - one for one in order]] = again.conj()
    found = (np.fft.fft(full) / of.degree * np.exp(-1j * np.pi * np.arange(of.degree) / of.degree)).real
    np.testing.assert_array_equal(np.rint(found), drawn)


@given(st.integers(1, 120))
def test_a_width_is_cut_into_pieces_that_floats_hold(width):
    pieces = noise.cut(width)
    assert sum(pieces) == width
    assert max(pieces) <= 36


def test_what_leaves_is_flooded_as_stated(linear):
    of, m = linear.public.parameters, numbers((300, 3))
    total = (m @ linear.encrypt(np.ones(3), 1.0)).lowered(0)
    exact = linear.decrypt(total)
    left = total.sanitised()
    errors = linear.decrypt(left) - exact
    # the real part of a slot: N uniform numbers of width 2^w times cosines
    width = noise.flood_bits(of, left.error.noise, of.flood)
    spread = 2.0**width * np.sqrt(of.degree / 24) / of.scale(0)
    assert 0.8 < errors.std() / spread < 1.2
    assert np.abs(errors).max() < left.error.flood
    assert 2.0**width >= 2**40 * total.error.noise * of.scale(0)
    assert np.abs(linear.decrypt(total.sanitised()) - linear.decrypt(left)).max() > 0


def test_what_leaves_without_flooding_is_under_fresh_randomness(key):
    a = key.encrypt(numbers(4), 1.0) * 2.0
    left, again = (ckks.to_words(key.public, a) for _ in range(2))
    assert not np.array_equal(left, again)


def test_results_that_are_told_are_flooded_or_refused(key, linear):
    x = numbers(20)
    result = numbers((3, 20)) @ linear.encrypt(x, 1.0)
    told = linear.decrypt_to_tell(result)
    exact = linear.decrypt(result)
    assert 0 < np.abs(told - exact).max() <= result.flooded(40).error.total
    with pytest.raises(InputError, match="drown"):
        key.decrypt_to_tell(np.square(key.encrypt(x, 1.0)))


# ------------------------------------------------------------------------------------------------- keys and ciphertexts


def test_the_secret_key_neither_leaves_nor_shows():
    secret = ckks.generate(ckks.parameters("square"), [1], products=True)
    seal, of = library.library(), secret.public.parameters
    for copied in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copied(secret)
    assert not hasattr(secret, "save")
    assert "SecretKey" in repr(secret)
    words = secret.public.to_words()
    public = ckks.PublicKey.of_words(words, of, [1], True)
    assert public == secret.public
    for part in public._parts:
        with pytest.raises(IntegrityError):  # what travels loads as no secret key
            library.read(seal.SecretKey(), of.degree, of.bits, part)
    held = [value for one in (public, public.machine) for value in vars(one).values()]
    assert not any(isinstance(one, seal.SecretKey | seal.Decryptor | seal.KeyGenerator) for one in held)


def sent(secret, x=None):
    """A fresh array, its words and its sketch."""
    values = numbers(4) if x is None else x
    return (
        values,
        ckks.to_words(secret.public, secret.encrypt(values, 1.0)),
        ckks.sketch(secret.public.parameters, values.shape, 1.0),
    )


def test_arrays_cross_a_link_in_as_many_words_as_their_shape_says(key, linear):
    for secret in (key, linear):
        for shape in ((1,), (40,), (5, 3)):
            for x in (np.zeros(shape), numbers(shape)):
                x, words, told = sent(secret, x)
                assert words.size == ckks.array_length(told)
                near(secret, ckks.of_words(secret.public, words, told), x)
        by_public, told = secret.public.encrypt(x, 1.0), ckks.sketch(told.parameters, shape, 1.0, symmetric=False)
        words = ckks.to_words(secret.public, by_public)
        assert words.size == ckks.array_length(told)
        again = ckks.PublicKey.of_words(
            secret.public.to_words(), told.parameters, secret.public.steps, secret.public.products
        )
        near(secret, ckks.of_words(again, words, told) + by_public, 2 * x)
        result, told = secret.encrypt(x, 1.0) * 2.0, ckks.sketch(told.parameters, shape, 1.0)
        words = ckks.to_words(secret.public, result)
        told = ckks.plan(lambda a: a * 2.0, told).result
        assert words.size == ckks.array_length(told)
        near(secret, ckks.of_words(secret.public, words, told), 2 * x)


def test_foreign_and_altered_ciphertexts_are_refused_as_far_as_they_can_be_told(key):
    other = ckks.generate(ckks.parameters("square"))
    x, words, told = sent(key)
    _, foreign, _ = sent(other)
    with pytest.raises(Mismatch, match="another key"):
        ckks.of_words(key.public, foreign, told)
    with pytest.raises(Mismatch, match="another key"):
        key.decrypt(other.encrypt(x, 1.0))
    with pytest.raises(Mismatch):
        ckks.to_words(key.public, other.encrypt(x, 1.0))
    with pytest.raises(Mismatch):
        key.encrypt(x, 1.0) + other.encrypt(x, 1.0)
    with pytest.raises(Mismatch):
        ckks.of_words(key.public, words, ckks.sketch(told.parameters, (2, 2), 1.0))
    with pytest.raises(IntegrityError):
        ckks.of_words(key.public, words[:-1], told)
    smuggled = foreign.copy()
    smuggled[0] = words[0]  # it passes for one of this key until it is decrypted
    with pytest.raises(IntegrityError, match="more than its bound"):
        key.decrypt(ckks.of_words(key.public, smuggled, told))
    for place in (1, 2, 40, 500, 5_000):
        altered = words.copy()
        altered[place] ^= np.uint64(1 << 20)
        with pytest.raises(IntegrityError):
            key.decrypt(ckks.of_words(key.public, altered, told))
    keys = key.public.to_words()
    keys[2] ^= np.uint64(1)
    with pytest.raises(IntegrityError):
        ckks.PublicKey.of_words(keys, told.parameters, key.public.steps, True)


@pytest.mark.parametrize(
    "use",
    [
        float,
        bool,
        len,
        iter,
        np.asarray,
        np.exp,
        np.max,
        pickle.dumps,
        lambda x: x[0],
        lambda x: x < 1,
        lambda x: x == x,
        lambda x: x**0,
        lambda x: 1 / x,
        lambda x: x @ x,
        lambda x: np.add(x, 1, where=True),
    ],
)
def test_what_ckks_cannot_do_raises_type_error(use):
    with pytest.raises(TypeError):
        use(
            ckks.sketch(ckks.parameters("square"), (3, 3) if use is iter else (3,), 1.0).sum()
            if use is len
            else ckks.sketch(ckks.parameters("square"), (3,), 1.0)
        )


def test_numbers_that_do_not_fit_are_refused(key):
    for x, limit in (([2.0], 1.0), ([np.nan], 1.0), ([np.inf], 1.0), ([1e6], 1e30)):
        with pytest.raises(InputError):
            key.encrypt(x, limit)
    with pytest.raises(InputError, match="columns"):
        key.encrypt(np.zeros((5_000, 2)), 1.0, "whole")
    with pytest.raises(InputError):
        key.encrypt(np.zeros((2, 2, 2)), 1.0)
    with pytest.raises(InputError, match="limit or norm"):
        ckks.plain([2.0], 1.0)
    with pytest.raises(InputError, match="NaN"):
        ckks.plain([np.nan])
    with pytest.raises(ValueError, match="broadcast"):
        key.encrypt(np.zeros(3), 1.0) + np.zeros(4)
    with pytest.raises(ValueError, match="matrix product"):
        key.encrypt(np.zeros(3), 1.0) @ np.zeros((4, 2))
    assert ckks.LEAKS
