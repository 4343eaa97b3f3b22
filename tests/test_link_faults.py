"""Links over a hostile network: broken and stalled connections, forged, repeated, reordered and lost frames."""

import socket
import threading
import time

import numpy as np
import pytest
import zmq
from wiring import TERMS, Proxy, at_once, linked, people, post, proxied

from mpcfl.errors import PeerLost, ProtocolViolation
from mpcfl.link import Endpoint

BIG = 40_000_000


def exchange(links, seed, size=BIG):
    """Both sides send a payload and receive the other's; what was sent and what came."""
    bodies = [np.random.default_rng(seed + side).integers(0, 256, size, dtype=np.uint8) for side in (0, 1)]
    sealed = [post(link, body) for link, body in zip(links, bodies, strict=True)]
    frames = at_once(*(link.receive for link in links))
    for frame, body, sent in zip(frames, reversed(bodies), reversed(sealed), strict=True):
        np.testing.assert_array_equal(frame.body, body)
        mirrored = (sent.seq, sent.digest, sent.epoch, sent.wire_bytes)
        assert (frame.seq, frame.digest, frame.epoch, frame.wire_bytes) == mirrored


def test_a_connection_cut_in_the_middle_of_a_payload_is_restored():
    with proxied() as (proxy, _, links):
        secret = links[0].exporter("zero")
        proxy.cut_at = proxy.forwarded[Proxy.DATA] + BIG // 2
        exchange(links, 1)
        assert proxy.cut_at is None
        assert links[0].epoch == links[1].epoch >= 1
        exchange(links, 3, size=10)
        assert links[0].exporter("zero") == links[1].exporter("zero") == secret


@pytest.mark.parametrize("which", [(Proxy.CONTROL,), (Proxy.DATA,), (Proxy.CONTROL, Proxy.DATA)])
def test_a_connection_cut_between_rounds_is_restored(which):
    with proxied() as (proxy, _, links):
        for number in range(3):
            exchange(links, number, size=1000)
            proxy.cut(*which)
        exchange(links, 9, size=1000)


def test_frames_posted_while_the_network_is_down_arrive_when_it_is_back():
    with proxied() as (proxy, _, links):
        exchange(links, 0, size=10)
        proxy.refusing = True
        proxy.cut(Proxy.CONTROL, Proxy.DATA)
        for link in links:
            for number in range(3):
                post(link, bytes([number]))
        time.sleep(0.3)
        proxy.refusing = False
        for link in links:
            assert [link.receive().body[0] for _ in range(3)] == [0, 1, 2]


def test_a_connection_that_breaks_again_and_again_delivers_all_the_same():
    with proxied() as (proxy, _, links):
        stop = threading.Event()

        def cut():
            while not stop.wait(0.15):
                proxy.cut(Proxy.DATA)

        cutting = threading.Thread(target=cut)
        cutting.start()
        try:
            number = 0
            while number < 40 or links[0].epoch < 2:  # on a fast machine 40 are over before the first cut
                exchange(links, number % 256, size=50_000)
                number += 1
        finally:
            stop.set()
            cutting.join()


def test_a_stalled_connection_ends_at_the_deadline():
    with proxied(round_timeout=1.0) as (proxy, endpoints, links):
        exchange(links, 0, size=10)
        proxy.stall()
        for link in links:
            post(link, b"x")
        for error in at_once(*(link.receive for link in links)):
            assert isinstance(error, PeerLost)
            assert "sent nothing for 1 s" in error.reason
        for endpoint in endpoints:
            endpoint.abort(PeerLost("the peer sent nothing"))


class Mischief:
    """Stands before a data hub's `send` and lets a fault happen to the frames that pass."""

    def __init__(self, endpoint, fault):
        self._send, self._fault = endpoint._data.send, fault
        endpoint._data.send = self

    def __call__(self, peer, route, frames):
        return all(self._send(peer, route, frame) for frame in self._fault(frames))


def numbered(fault):
    """A fault that happens to the frame of one number, once."""
    seen = []

    def apply(frames):
        number = int.from_bytes(frames[0][:8], "big")
        if number == 3 and not seen:
            seen.append(number)
            return fault(frames)
        return [frames]

    return apply


FAULTS = {
    "lost": lambda frames: [],
    "repeated": lambda frames: [frames, frames],
    "forged": lambda frames: [(frames[0], bytes([frames[1][0] ^ 1]) + frames[1][1:])],
    "forged head": lambda frames: [(frames[0][:-1] + bytes([frames[0][-1] ^ 1]), frames[1])],
    "three parts": lambda frames: [(*frames, b"")],
    "one part": lambda frames: [frames[:1]],
    "shortened": lambda frames: [(frames[0], frames[1][:3])],
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("sender", [0, 1])
def test_a_fault_on_the_way_is_noticed_and_repaired(fault, sender):
    with linked() as (endpoints, links):
        (mine,), (theirs,) = links[sender].values(), links[1 - sender].values()
        Mischief(endpoints[sender], numbered(FAULTS[fault]))
        for number in range(6):
            post(mine, bytes([number]) * 100)
        assert [int(theirs.receive(10).body[0]) for _ in range(6)] == [0, 1, 2, 3, 4, 5]
        assert theirs.repeated == (fault == "repeated")
        assert theirs.dropped == (fault not in ("repeated", "lost"))
        assert theirs.epoch == 0


def test_reordered_frames_come_in_order():
    held = []

    def swap(frames):
        if int.from_bytes(frames[0][:8], "big") == 2 and not held:
            held.append(frames)
            return []
        return [frames, held[0]] if len(held) == 1 and not held.append(None) else [frames]

    with linked() as (endpoints, (bank, bureau)):
        Mischief(endpoints[0], swap)
        for number in range(5):
            post(bank["bureau"], bytes([number]))
        assert [int(bureau["bank"].receive(10).body[0]) for _ in range(5)] == [0, 1, 2, 3, 4]


def test_strangers_at_the_data_socket_are_dropped_and_counted():
    with linked() as (endpoints, (bank, bureau)):
        place = endpoints[0]._roster["bank"].listens()[1]
        exchange([bank["bureau"], bureau["bank"]], 0, size=10)
        with zmq.Context() as context, context.socket(zmq.DEALER) as client:
            client.setsockopt(zmq.LINGER, 0)
            client.connect(f"tcp://{place}")
            for junk in (
                [b""],
                [b"x" * 50, b"y" * 50],
                [bytes(8) + b"\x80", bytes(16)],
                [b"a"] * 5,
                [bytes(1 << 20)] * 2,
            ):
                client.send_multipart(junk)
            while endpoints[0].dropped < 5:
                time.sleep(0.01)
            assert client.poll(50) == 0  # and nobody answers
        exchange([bank["bureau"], bureau["bank"]], 2, size=10)
        assert bank["bureau"].dropped == 0


def test_a_recorded_session_played_again_takes_nothing_over():
    with proxied() as (proxy, _, links):
        exchange(links, 0, size=100)
        with socket.create_connection(("127.0.0.1", proxy.target + 1)) as client:
            client.sendall(bytes(proxy.recorded))
            time.sleep(0.2)
            exchange(links, 2, size=100)
        exchange(links, 4, size=100)
        assert links[0].epoch == 0


def test_a_captured_first_frame_does_not_take_the_stream_over():
    captured = []
    with linked() as (endpoints, (bank, bureau)):
        peering = endpoints[1]._peerings["bank"]
        captured.append(peering.outgoing.greeting)
        with zmq.Context() as context, context.socket(zmq.DEALER) as thief:
            thief.setsockopt(zmq.LINGER, 0)
            thief.connect(f"tcp://{endpoints[0]._roster['bank'].listens()[1]}")
            thief.send_multipart(captured[0])
            while endpoints[0].dropped < 1:
                time.sleep(0.01)
            exchange([bank["bureau"], bureau["bank"]], 0, size=1000)
            assert thief.poll(50) == 0


def test_an_authentic_frame_that_breaks_the_rules_is_a_violation():
    with linked() as (endpoints, (bank, bureau)):
        outgoing = endpoints[0]._peerings["bureau"].outgoing
        outgoing._session = bytes(16)  # a peer that seals frames of another session
        post(bank["bureau"], b"x")
        with pytest.raises(ProtocolViolation, match="another session"):
            bureau["bank"].receive(10)


def test_a_peer_that_restarts_in_mid_session_is_lost():
    identities, roster = people(2)
    bank, bureau = (Endpoint(identity, roster, connect_timeout=20) for identity in identities)
    links = at_once(lambda: bank.connect(TERMS), lambda: bureau.connect(TERMS))
    # Ends as a killed process does: without a word.
    bureau._turns.close()
    bureau._data.close(0)
    bureau._control.close(0)
    bureau._gate.close()
    bureau._context.term()
    again = Endpoint(identities[1], roster, connect_timeout=3)
    errors = at_once(lambda: links[0]["bureau"].receive(10), lambda: again.connect(TERMS))
    assert isinstance(errors[0], PeerLost)
    assert "bureau has restarted" in errors[0].reason
    bank.abort(errors[0])
    bank.close()
    assert isinstance(errors[1], PeerLost)
