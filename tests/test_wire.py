"""Headers and sealed frames: strict bounds, and nothing accepted that was not sealed just so."""

import contextlib

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcfl.errors import ProtocolViolation
from mpcfl.wire import (
    CHUNK,
    MAX_HEADER,
    MAX_PAYLOAD,
    TAG,
    FrameHeader,
    OpeningKey,
    SealingKey,
    chunks_of,
    cut,
    exact,
    pack,
    sequence,
    unpack,
    well_sized,
)

KEY = bytes(range(32))
HEADER = FrameHeader(bytes(16), 3, 7, "round", 5, 2, 2 * CHUNK + 1, 1, 3, b"h" * 32, "job.py:12")

values = st.one_of(
    st.integers(-(2**63), 2**64 - 1),
    st.text(max_size=60),
    st.binary(max_size=256),
)


@given(st.dictionaries(st.text(max_size=20), values, max_size=12))
def test_a_flat_map_comes_back(header):
    assert unpack(pack(header)) == header


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        float("nan"),
        True,
        None,
        [1],
        {"a": 1},
        msgpack.ExtType(1, b""),
        msgpack.ExtType(1, b"x"),
        msgpack.Timestamp(1),
    ],
)
def test_values_of_other_types_are_refused(value):
    with pytest.raises(ProtocolViolation):
        unpack(msgpack.packb({"a": value}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        msgpack.packb([1]),
        msgpack.packb("a"),
        msgpack.packb({1: 2}),
        msgpack.packb({b"a": 2}),
        msgpack.packb({"a": "x" * 257}),
        msgpack.packb({"a": b"x" * 257}),
        msgpack.packb({str(i): 1 for i in range(65)}),
        msgpack.packb({"a": 1}) + b"\x00",
        b"\x82\xa1a\x01\xa1a\x02",  # the same key twice
        b"\x81\xa1a\xa2\xff\xff",  # not UTF-8
        b"\xdf\xff\xff\xff\xff",  # a map of 2^32 - 1 entries
        b"\x81\xa1a" + b"\x91" * 4000,
        bytes([0x80]) * (MAX_HEADER + 1),
    ],
)
def test_malformed_headers_are_refused(data):
    with pytest.raises(ProtocolViolation):
        unpack(data)


@given(st.binary(max_size=200))
def test_garbage_never_raises_anything_else(data):
    for read in (unpack, FrameHeader.parse):
        with contextlib.suppress(ProtocolViolation):
            read(data)
    with contextlib.suppress(ProtocolViolation):
        FrameHeader.parse(bytes(8) + data)


def test_what_cannot_be_decoded_is_not_encoded():
    with pytest.raises(ValueError, match="larger than 4 KiB"):
        pack({str(i): "x" * 200 for i in range(30)})


def test_exact_wants_all_keys_and_types():
    exact({"a": 1, "b": "x"}, {"a": int, "b": str})
    for wrong in ({"a": 1}, {"a": 1, "b": "x", "c": 1}, {"a": "1", "b": "x"}):
        with pytest.raises(ProtocolViolation):
            exact(wrong, {"a": int, "b": str})


def test_a_frame_header_comes_back():
    head = HEADER.head()
    assert FrameHeader.parse(head) == HEADER
    assert sequence(head) == 7


def test_a_head_keeps_its_length_under_any_epoch():
    later = HEADER._replace(epoch=70_000, origin=b"\x01" * 20)
    assert len(later.head()) == len(HEADER.head())


@pytest.mark.parametrize(
    "change",
    [
        {"session": bytes(15)},
        {"seq": -1},
        {"kind": ""},
        {"kind": "k" * 33},
        {"round": -1},
        {"count": -1},
        {"count": 1 << 32},
        {"total": -1},
        {"total": MAX_PAYLOAD + 1},
        {"total": 1},
        {"chunk": 3},
        {"chunk": -1},
        {"chunks": 2},
        {"history": bytes(65)},
        {"at": "x" * 201},
        {"origin": b""},
    ],
)
def test_fields_out_of_range_are_refused(change):
    wrong = HEADER._replace(**change)
    with pytest.raises(ProtocolViolation):
        wrong.check()
    if wrong.seq >= 0:
        with pytest.raises(ProtocolViolation):
            FrameHeader.parse(wrong.head())


def test_the_two_sequence_numbers_of_a_head_agree():
    head = HEADER.head()
    with pytest.raises(ProtocolViolation):
        FrameHeader.parse((8).to_bytes(8, "big") + head[8:])


def opens(seq, head, sealed):
    out = np.empty(len(sealed) - TAG, np.uint8)
    return OpeningKey(KEY).unseal(seq, head, sealed, out) and out.tobytes()


@given(st.binary(max_size=300), st.data())
def test_a_sealed_chunk_opens_only_unchanged(chunk, data):
    head = HEADER.head()
    sealed = SealingKey(KEY).seal(7, head, chunk)
    assert opens(7, head, sealed) == chunk
    assert opens(8, head, sealed) is False
    place = data.draw(st.integers(0, len(sealed) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    assert opens(7, head, sealed[:place] + bytes([sealed[place] ^ bit]) + sealed[place + 1 :]) is False
    place = data.draw(st.integers(0, len(head) - 1))
    assert opens(7, head[:place] + bytes([head[place] ^ bit]) + head[place + 1 :], sealed) is False


def test_a_number_is_sealed_once_per_key():
    key = SealingKey(KEY)
    key.seal(5, b"", b"a")
    for seq in (5, 4):
        with pytest.raises(ProtocolViolation, match="twice"):
            key.seal(seq, b"", b"b")


@given(st.lists(st.integers(0, 3 * CHUNK // 2), max_size=4))
def test_chunks_are_the_buffers_end_to_end(sizes):
    buffers = [np.full(size, index + 1, np.uint8) for index, size in enumerate(sizes)]
    total, chunks = cut(buffers)
    chunks = [bytes(chunk) for chunk in chunks]
    assert total == sum(sizes)
    assert len(chunks) == chunks_of(total)
    assert all(len(chunk) == CHUNK for chunk in chunks[:-1])
    assert b"".join(chunks) == b"".join(buffer.tobytes() for buffer in buffers)


def test_buffers_of_any_dtype_and_layout_are_cut():
    array = np.arange(24, dtype=np.uint64).reshape(4, 6)
    _, chunks = cut([array.T, memoryview(b"tail"), np.empty((3, 0))])
    assert b"".join(chunks) == np.ascontiguousarray(array.T).tobytes() + b"tail"


def test_only_frames_of_possible_size_are_tried():
    head = HEADER.head()
    assert well_sized(head, bytes(TAG))
    assert not well_sized(head[:8], bytes(TAG))
    assert not well_sized(head, bytes(TAG - 1))
    assert not well_sized(head, bytes(CHUNK + TAG + 1))
    assert not well_sized(bytes(8 + MAX_HEADER + 1), bytes(TAG))
