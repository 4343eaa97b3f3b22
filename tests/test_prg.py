"""Mask streams: AES-CTR, every (stream, counter) used for one tensor, nothing left in a forked child."""

from __future__ import annotations

import os

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from mpcfl import prg, ring
from mpcfl.errors import IntegrityError
from mpcfl.prg import Stream

KEY = bytes(range(32))


@given(st.integers(0, 2**64 - 2), st.integers(0, 300))
def test_a_tensor_is_the_key_stream_from_its_counter(number, size):
    counter = number.to_bytes(8, "big") + bytes(8)
    expected = Cipher(algorithms.AES(KEY), modes.CTR(counter)).encryptor().update(bytes(8 * size))
    assert Stream(KEY).fresh(number, (size,)).tobytes() == expected


def test_tensors_longer_than_a_buffer_are_one_key_stream():
    size = (3 << 20) // 8 + 1
    expected = Cipher(algorithms.AES(KEY), modes.CTR(bytes(16))).encryptor().update(bytes(8 * size))
    assert Stream(KEY).fresh(0, (size,)).tobytes() == expected


@given(st.lists(st.integers(0, 20), min_size=1, max_size=20))
def test_no_number_is_fresh_twice(numbers):
    stream, highest = Stream(KEY), -1
    for number in numbers:
        if number > highest:
            stream.fresh(number, (2,))
            highest = number
        else:
            with pytest.raises(IntegrityError, match="asked for twice"):
                stream.fresh(number, (2,))


def again(stream, number, shape):
    """A tensor read once more."""
    return prg.combine(np.empty(shape, np.uint64), [stream], number, "words")


def test_a_second_reading_gives_the_same_tensor_and_only_what_was_drawn():
    stream = Stream(KEY)
    first = stream.fresh(3, (4, 5))
    stream.fresh(4, (1,))
    np.testing.assert_array_equal(again(stream, 3, (4, 5)), first)
    with pytest.raises(IntegrityError, match="never drawn"):
        again(stream, 5, (1,))


def test_what_was_claimed_is_not_fresh_any_more():
    stream = Stream(KEY)
    stream.claim(2, 10)
    for ask in (lambda: stream.fresh(9, (1,)), lambda: stream.claim(9, 12)):
        with pytest.raises(IntegrityError, match="twice"):
            ask()
    again(stream, 9, (1,))
    stream.fresh(10, (1,))


@pytest.mark.parametrize("group", ring.GROUPS)
@pytest.mark.parametrize("parties", [1, 3])
def test_a_tensor_is_read_in_parts(group, parties):
    streams = [Stream(bytes([i]) * 32) for i in range(parties)]
    with pytest.raises(IntegrityError, match="never drawn"):
        prg.combine(np.empty(1, ring.GROUPS[group]), streams, 0, group)
    for stream in streams:
        stream.claim(0, 1)
    whole = prg.combine(np.empty(500, ring.GROUPS[group]), streams, 0, group)
    for start, stop in ((0, 1), (1, 2), (3, 300), (128, 500), (499, 500), (7, 7)):
        limbs = whole.dtype.itemsize // 8
        part = prg.combine(np.empty(stop - start, whole.dtype), streams, 0, group, limbs * start)
        np.testing.assert_array_equal(part, whole[start:stop])
        prg.less(part, streams, 0, group, limbs * start)
        assert not part.view(np.uint64).any()


def test_a_wiped_stream_gives_nothing():
    stream = Stream(KEY)
    stream.fresh(0, (1,))
    stream.wipe()
    for ask in (lambda: stream.fresh(1, (1,)), lambda: again(stream, 0, (1,))):
        with pytest.raises(IntegrityError, match="no mask streams any more"):
            ask()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_holds_no_stream():
    stream = Stream(KEY)
    stream.fresh(0, (1,))
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        answer = b"wiped"
        try:
            stream.fresh(1, (1,))
            answer = b"alive"
        except IntegrityError:
            pass
        os.write(writer, answer)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    assert said == b"wiped"
    stream.fresh(1, (1,))


def test_keys_have_their_length_and_purposes_their_own_keys():
    assert len(prg.fresh_key()) == prg.KEY_BYTES
    assert prg.fresh_key() != prg.fresh_key()
    assert prg.derive(KEY, "one") == prg.derive(KEY, "one") != prg.derive(KEY, "two")
    assert len(prg.derive(KEY, "one")) == prg.KEY_BYTES
    with pytest.raises(ValueError, match="32 bytes"):
        Stream(bytes(16))


def test_streams_of_other_keys_differ():
    assert not np.isin(Stream(KEY).fresh(0, (1000,)), Stream(prg.derive(KEY, "x")).fresh(0, (1000,))).any()
