"""The key stream of AES-256-CTR: the kernel's, OpenSSL's and the standard's are one."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from mpcfl import keystream
from mpcfl.kernels import aes, processor
from mpcfl.keystream import ADD, STORE, SUBTRACT, XOR, Key

WAYS = [pytest.param(True, marks=pytest.mark.skipif(not keystream.VECTOR, reason="no vector AES here")), False]
STEPS = {STORE: lambda x, y: y, ADD: np.add, SUBTRACT: np.subtract, XOR: np.bitwise_xor}


@pytest.fixture(params=WAYS, ids=["kernel", "openssl"])
def way(request, monkeypatch):
    monkeypatch.setattr(keystream, "VECTOR", request.param)


def stream(key, number, start, size):
    counter = number.to_bytes(8, "big") + bytes(8)
    whole = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor().update(bytes(8 * (start + size)))
    return np.frombuffer(whole, np.uint64)[start:]


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", [0, 1, 2, 3, 63, 64, 65, 4095, 4096, 4097, 70_001])
@pytest.mark.parametrize(("first", "rest"), [(STORE, ADD), (STORE, XOR), (SUBTRACT, SUBTRACT), (XOR, XOR), (ADD, ADD)])
def test_streams_are_combined_as_numpy_would(size, first, rest):
    rng = np.random.default_rng(size)
    keys = [rng.bytes(32) for _ in range(3)]
    number, start = int(rng.integers(1 << 63)) * 2 + 1, int(rng.integers(200))
    expected = held = rng.integers(0, 1 << 64, size, np.uint64)
    for place, key in enumerate(keys):
        expected = STEPS[rest if place else first](expected, stream(key, number, start, size))
    out = held.copy()
    keystream.expand([Key(key) for key in keys], number, out, first, rest, start)
    np.testing.assert_array_equal(out, expected)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 2**64 - 1), st.integers(0, 200))
def test_the_ways_agree(key, number, size):
    out = np.empty(size, np.uint64)
    keystream.expand([Key(key)], number, out)
    np.testing.assert_array_equal(out, stream(key, number, 0, size))


def test_the_key_schedule_is_that_of_the_standard():
    """FIPS 197, appendix A.3."""
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    words = aes.round_keys(key).tobytes()
    assert words[:32] == key
    assert words[32:36].hex() == "9ba35411"
    assert words[-4:].hex() == "706c631e"
    assert aes.SUBSTITUTION[:4].hex() == "637c777b"
    assert sorted(aes.SUBSTITUTION) == list(range(256))
    with pytest.raises(ValueError, match="32 bytes"):
        aes.round_keys(b"short")


def test_a_kernel_of_another_processor_is_not_asked_for():
    code = "from mpcfl import keystream, prg; print(keystream.VECTOR, prg.Stream(bytes(32)).fresh(0, (2,)).tolist())"
    environment = os.environ | {"NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == ["False", f"{stream(bytes(32), 0, 0, 2).tolist()}\n"]


def test_a_feature_that_no_processor_has_is_not_there():
    assert not processor.has("a feature of no processor")
