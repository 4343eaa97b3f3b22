"""Sequence numbers and resending: all arrives once and in order over any network."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.errors import ProtocolViolation
from mpcfl.stream import ACK_FRAMES, INBOX, WINDOW, Arrival, Incoming, Outgoing
from mpcfl.wire import CHUNK

SESSION = bytes(range(16))
KEYS = [bytes([number]) * 32 for number in range(100)]


def pair():
    outgoing, incoming = Outgoing(SESSION), Incoming(SESSION)
    outgoing.rekey(0, KEYS[0], 0)
    incoming.rekey(0, KEYS[0])
    return outgoing, incoming


def put(outgoing, body, number=0):
    sealed = outgoing.prepare([body], round=number, count=1, history=b"h", at="a.py:1", kind="round")
    outgoing.post(sealed)
    return sealed


def take(outgoing):
    frame = outgoing.peek()
    if frame is not None:
        outgoing.sent()
    return frame


def drain(outgoing, incoming):
    while (frame := take(outgoing)) is not None:
        assert incoming.accept(*frame) is Arrival.TAKEN


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from([0, 1, 100, CHUNK, 2 * CHUNK + 5]), min_size=1, max_size=8))
def test_everything_arrives_once_and_in_order(seed, sizes):
    network, bodies = random.Random(seed), np.random.default_rng(seed)
    outgoing, incoming = pair()
    payloads = [bodies.integers(0, 256, size, dtype=np.uint8) for size in sizes]
    sealed, frames, wire, epoch = [], [], [], 0
    waiting = list(enumerate(payloads))
    for _ in range(10_000):
        if len(frames) == len(payloads):
            break
        if waiting and network.random() < 0.3:
            number, body = waiting.pop(0)
            sealed.append(put(outgoing, body, number))
        while len(wire) < 4 and (frame := take(outgoing)) is not None:
            wire.append(frame)
        fate = network.random()
        if fate < 0.03 and epoch + 1 < len(KEYS):
            # The connection breaks: what is on the wire is lost or comes too late, under a key of the past.
            epoch += 1
            outgoing.rekey(epoch, KEYS[epoch], incoming.last)
            incoming.rekey(epoch, KEYS[epoch])
            if network.random() < 0.5:
                wire.clear()
        elif wire:
            place = network.randrange(len(wire)) if fate < 0.3 else 0
            head, body = wire[place]
            if fate > 0.9:
                body = bytes([body[0] ^ 1]) + body[1:]
            arrival = incoming.accept(head, body)
            if fate > 0.2:
                wire.pop(place)
            if arrival is Arrival.GAP and (missing := incoming.missing()) is not None:
                outgoing.resend(missing)
        elif incoming.last < outgoing.last:
            # The last of all was lost or forged; a real link learns of it at the latest when a connection comes back.
            outgoing.resend(incoming.last + 1)
        if network.random() < 0.2:
            outgoing.acknowledge(incoming.last)
        while incoming.ready:
            frames.append(incoming.pop())
    assert len(frames) == len(payloads)
    for number, (frame, body, sent) in enumerate(zip(frames, payloads, sealed, strict=True)):
        np.testing.assert_array_equal(frame.body, body)
        assert frame.header.round == number
        mirrored = (sent.seq, sent.last, sent.digest, sent.epoch, sent.wire_bytes)
        assert (frame.seq, frame.last, frame.digest, frame.epoch, frame.wire_bytes) == mirrored


def test_a_repeated_frame_is_noticed():
    outgoing, incoming = pair()
    put(outgoing, b"once")
    frame = take(outgoing)
    assert incoming.accept(*frame) is Arrival.TAKEN
    assert incoming.accept(*frame) is Arrival.REPEATED
    assert incoming.pop().body.tobytes() == b"once"
    assert not incoming.ready


def test_a_skipped_frame_is_noticed_and_asked_for_once():
    outgoing, incoming = pair()
    for body in (b"lost", b"next", b"last"):
        put(outgoing, body)
    take(outgoing)
    assert incoming.accept(*take(outgoing)) is Arrival.GAP
    assert incoming.missing() == 1
    assert incoming.accept(*take(outgoing)) is Arrival.GAP
    assert incoming.missing() is None
    assert not incoming.ready
    outgoing.resend(1)
    drain(outgoing, incoming)
    assert [incoming.pop().body.tobytes() for _ in range(3)] == [b"lost", b"next", b"last"]


def test_a_frame_of_the_other_direction_or_of_another_key_is_forged():
    outgoing, incoming = pair()
    foreign = Outgoing(SESSION)
    foreign.rekey(0, KEYS[1], 0)
    put(foreign, b"x")
    assert incoming.accept(*take(foreign)) is Arrival.FORGED
    put(outgoing, b"y")
    assert incoming.accept(*take(outgoing)) is Arrival.TAKEN


@pytest.mark.parametrize("frame", [(b"", b""), (b"12345678", b"x" * 16), (b"123456789", b"x" * 15)])
def test_what_cannot_be_a_frame_is_forged(frame):
    _, incoming = pair()
    assert incoming.accept(*frame) is Arrival.FORGED
    assert not incoming.binds(*frame)


def test_the_first_frame_binds_under_its_own_key_alone():
    outgoing, incoming = pair()
    assert incoming.binds(*outgoing.greeting)
    stale = outgoing.greeting
    outgoing.rekey(1, KEYS[1], 0)
    incoming.rekey(1, KEYS[1])
    assert not incoming.binds(*stale)
    assert incoming.binds(*outgoing.greeting)
    put(outgoing, b"x")
    assert not incoming.binds(*take(outgoing))


def test_an_authentic_frame_of_another_session_is_a_violation():
    other = Outgoing(bytes(16))
    other.rekey(0, KEYS[0], 0)
    put(other, b"x")
    _, incoming = pair()
    with pytest.raises(ProtocolViolation, match="another session"):
        incoming.accept(*take(other))


def test_payloads_are_posted_in_order_and_once():
    outgoing, _ = pair()
    first = outgoing.prepare([b"a"], round=0, count=1, history=b"", at="", kind="round")
    second = outgoing.prepare([b"b"], round=0, count=1, history=b"", at="", kind="round")
    assert outgoing.peek() is None
    with pytest.raises(ValueError, match="order"):
        outgoing.post(second)
    outgoing.post(first)
    with pytest.raises(ValueError, match="once"):
        outgoing.post(first)
    outgoing.post(second)


def test_a_prepared_payload_survives_a_new_key():
    outgoing, incoming = pair()
    sealed = outgoing.prepare([b"a"], round=0, count=1, history=b"", at="", kind="round")
    outgoing.rekey(1, KEYS[1], 0)
    incoming.rekey(1, KEYS[1])
    outgoing.post(sealed)
    drain(outgoing, incoming)
    frame = incoming.pop()
    assert (frame.digest, frame.epoch) == (sealed.digest, 0)


def test_the_body_may_be_reused_after_prepare():
    outgoing, incoming = pair()
    body = np.ones(10, np.uint8)
    sealed = outgoing.prepare([body], round=0, count=1, history=b"", at="", kind="round")
    body[:] = 2
    outgoing.post(sealed)
    drain(outgoing, incoming)
    received = incoming.pop().body
    assert received.tolist() == [1] * 10
    received[0] = 5  # and the receiver's is writable


def test_acknowledged_frames_are_released():
    outgoing, incoming = pair()
    for _ in range(3):
        put(outgoing, b"x" * 100)
    drain(outgoing, incoming)
    assert outgoing.backlog > 300
    outgoing.acknowledge(2)
    with pytest.raises(ProtocolViolation, match="acknowledged"):
        outgoing.resend(2)
    outgoing.acknowledge(3)
    assert outgoing.backlog == 0
    assert outgoing.delivered
    with pytest.raises(ProtocolViolation, match="never sent"):
        outgoing.acknowledge(4)
    with pytest.raises(ProtocolViolation, match="never sent"):
        outgoing.resend(4)


def test_the_window_bounds_what_is_under_way_and_acknowledgements_wait_for_the_reader():
    outgoing, incoming = pair()
    big = bytes(INBOX // 2 + 1)
    for _ in range(5):
        put(outgoing, big)
    told = 0
    while (frame := take(outgoing)) is not None:
        assert incoming.accept(*frame) is Arrival.TAKEN
        if (seq := incoming.acknowledgement()) is not None:
            outgoing.acknowledge(told := seq)
    # Two payloads wait unread, more than the inbox holds; what came after is not acknowledged, so the sender stopped.
    assert told < incoming.last
    assert incoming.last - told <= WINDOW // CHUNK + 2
    assert incoming.last < outgoing.last
    while incoming.ready:
        incoming.pop()
    outgoing.acknowledge(incoming.acknowledgement())
    assert take(outgoing) is not None


def test_small_frames_are_acknowledged_now_and_then():
    outgoing, incoming = pair()
    told = []
    for _ in range(2 * ACK_FRAMES):
        put(outgoing, b"x")
        drain(outgoing, incoming)
        incoming.pop()
        told.append(incoming.acknowledgement())
    assert [seq for seq in told if seq is not None] == [ACK_FRAMES, 2 * ACK_FRAMES]


def test_chunks_of_two_payloads_do_not_mix():
    outgoing, incoming = pair()
    put(outgoing, bytes(2 * CHUNK))
    other = Outgoing(SESSION)
    other.rekey(0, KEYS[0], 0)
    put(other, bytes(1))
    put(other, bytes(2 * CHUNK), number=9)
    assert incoming.accept(*take(outgoing)) is Arrival.TAKEN
    take(other)
    with pytest.raises(ProtocolViolation, match="interrupted"):
        incoming.accept(*take(other))
