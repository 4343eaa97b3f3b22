"""Paillier keys: what they are made of, what is refused, where they are kept, and the two sources of randomness."""

from __future__ import annotations

import copy
import functools
import math
import pickle

import gmpy2
import numpy as np
import pytest
from gmpy2 import mpz

from mpcfl import he
from mpcfl.errors import IntegrityError, ProtocolViolation, UsageError
from mpcfl.he.powers import FixedBase
from mpcfl.he.primes import rough_prime, small_primes
from mpcfl.he.randomisers import OwnerRandomisers, PublicRandomisers


@functools.cache
def key() -> he.SecretKey:
    return he.generate(insecure_bits=384)


def test_small_primes_are_the_odd_primes():
    assert small_primes(30).tolist() == [3, 5, 7, 11, 13, 17, 19, 23, 29]
    assert len(small_primes(1 << 16)) == 6541


@pytest.mark.parametrize("bits", [96, 160, 257])
def test_primes_have_their_length_and_no_small_factor_below(bits):
    primes = [rough_prime(bits) for _ in range(4)]
    assert len(set(primes)) == 4
    for p in primes:
        assert gmpy2.is_prime(p)
        assert p.bit_length() == bits
        assert p >> (bits - 2) == 3
        half = (p - 1) // 2
        assert half % 2 == 1
        assert not gmpy2.is_prime(half)
        assert all(half % prime for prime in small_primes(1 << 16).tolist())


def test_a_key_is_a_product_of_two_such_primes_and_squares_are_a_cyclic_group():
    p, q = key()._p, key()._q
    n = key().public.n
    assert (p * q, n.bit_length(), p.bit_length()) == (n, 384, q.bit_length())
    assert math.gcd(int(n), int((p - 1) * (q - 1))) == 1
    assert math.gcd(int(p - 1), int(q - 1)) == 2


def test_both_sources_give_nth_residues_of_squares():
    p, q = key()._p, key()._q
    order = (p - 1) * (q - 1) // 4
    modulus = key().public.n_squared
    for source in (PublicRandomisers(p * q), OwnerRandomisers(p, q)):
        for exponents in ("full", "half", "short"):
            made = source.fresh(20, exponents)
            assert len(set(made)) == 20
            assert all(0 < s < modulus and gmpy2.powmod(s, order, modulus) == 1 for s in made)


def test_exponents_are_as_long_as_their_names_say(monkeypatch):
    asked = []
    monkeypatch.setattr(FixedBase, "random_powers", lambda self, count, size: asked.append(size) or [mpz(1)] * count)
    source = PublicRandomisers(mpz(2) ** 3071 + 1)
    for exponents in ("full", "half", "short"):
        source.fresh(1, exponents)
    OwnerRandomisers(key()._p, key()._q).fresh(1, "half")
    assert [8 * size for size in asked] == [3072 + 128, 1536, 448, 192 + 128, 192 + 128]


def test_fixed_base_powers_are_powers():
    table = FixedBase(mpz(7), mpz(10**40 + 121))
    exponents = [0, 1, 255, 256, 2**200 - 1, 123456789]
    octets = np.array([list(exponent.to_bytes(26, "little")) for exponent in exponents], np.uint8)
    for _ in range(2):
        assert table.power(octets) == [pow(7, exponent, 10**40 + 121) for exponent in exponents]
    assert table.power(octets[:, :1]) == [pow(7, exponent % 256, 10**40 + 121) for exponent in exponents]


def test_sizes_that_are_not_secure_are_refused_by_default():
    for bits in (1024, 3000, 0):
        with pytest.raises(UsageError, match="2048, 3072, 4096"):
            he.generate(bits)  # type: ignore[arg-type]
    with pytest.raises(UsageError):
        he.generate(insecure_bits=100)
    with pytest.raises(ProtocolViolation, match="384 bits"):
        he.PublicKey.of_words(key().public.to_words())


def test_numbers_that_are_plainly_no_keys_are_refused():
    prime = gmpy2.next_prime(mpz(1) << 382)
    while prime % 4 != 1:
        prime = gmpy2.next_prime(prime)
    n = int(key().public.n)
    for number in (int(prime), n + 1, n + 2, int(gmpy2.next_prime(mpz(1) << 191)) ** 2, 3 * 7 * (n >> 4) + 1):
        with pytest.raises(ProtocolViolation):
            he.PublicKey(number, insecure=True)


def test_keys_are_told_apart_by_their_numbers():
    public = he.PublicKey.of_words(key().public.to_words(), insecure=True)
    other = he.generate(insecure_bits=384).public
    assert public == key().public
    assert hash(public) == hash(key().public)
    assert public != other
    assert public.fingerprint != other.fingerprint
    assert repr(public) == f"PublicKey(384 bits, {public.fingerprint:016x})"


def test_a_secret_key_is_neither_pickled_nor_copied():
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="save"):
            attempt(key())


def test_a_secret_key_is_kept_in_a_file_of_its_owner(tmp_path):
    made = he.generate(2048)
    made.save(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    loaded = he.SecretKey.load(tmp_path / "key")
    assert loaded.public == made.public
    assert loaded.decrypt(made.public.encrypt(np.array([1.5, -7.0]), exponents="short")).tolist() == [1.5, -7.0]
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        he.SecretKey.load(tmp_path / "key")
    with pytest.raises(UsageError, match="cannot be read"):
        he.SecretKey.load(tmp_path / "none")


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[10:], lambda d: d[:-1] + bytes([d[-1] ^ 2]), lambda d: b""]
)
def test_damaged_key_files_are_refused(tmp_path, damage):
    key().save(tmp_path / "key")
    data = (tmp_path / "key").read_bytes()
    (tmp_path / "key").write_bytes(damage(data))
    with pytest.raises(IntegrityError):
        he.SecretKey.load(tmp_path / "key")


def test_keys_for_tests_are_not_loaded(tmp_path):
    key().save(tmp_path / "key")
    with pytest.raises(IntegrityError, match="size"):
        he.SecretKey.load(tmp_path / "key")


def test_the_default_key_has_3072_bits_and_computes():
    secret = he.generate()
    assert secret.public.bits == 3072
    x = np.array([[1.25, -2.0], [0.5, 8.0]])
    computed = x @ secret.encrypt(x) - x
    np.testing.assert_allclose(secret.decrypt(computed), x @ x - x, atol=1e-4)
    assert secret.encrypt_packed(x, limit=100, terms=1000).slots == 3070 // 36
