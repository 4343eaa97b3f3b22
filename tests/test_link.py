"""Links over real sockets: agreement, transport, refusal of strangers, and the end of a session."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import zmq
from wiring import NAMES, TERMS, at_once, linked, people, post

import mpcfl.sockets
from mpcfl.errors import (
    AuthenticationError,
    InputError,
    Interrupted,
    Mismatch,
    PeerLost,
    ProtocolViolation,
    UsageError,
)
from mpcfl.keys import generate
from mpcfl.link import Endpoint
from mpcfl.roster import Roster, to_toml
from mpcfl.sockets import Context, Gate, Hub
from mpcfl.wire import CHUNK


@pytest.fixture(autouse=True, scope="module")
def what_a_process_has_once():
    """The thread in which pyzmq lets go of frames that were sent without a copy: it comes with the first and stays."""
    with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
        one.bind("inproc://one")
        other.connect("inproc://one")
        other.send(bytes(1 << 17), copy=False)
        one.recv()


@pytest.fixture(autouse=True)
def nothing_is_left_behind(what_a_process_has_once):
    before = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    yield
    after = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
    assert after == before


def test_three_processes_worth_of_payloads_of_any_size():
    with linked(3) as (_, links):

        def talk(number):
            mine = links[number]
            for size in (0, 1, CHUNK, CHUNK + 1, 40_000_000):
                body = np.full(size, number, np.uint8)
                sealed = {peer: post(link, body, round=size, count=7, kind="deal") for peer, link in mine.items()}
                for peer, link in mine.items():
                    frame = link.receive()
                    assert frame.body.size == size
                    assert (frame.body == NAMES.index(peer)).all()
                    header = frame.header
                    assert (header.round, header.count, header.kind) == (size, 7, "deal")
                    assert (header.history, header.at) == (b"h", "job.py:1")
                    assert len(frame.digest) == 16
                    assert (frame.wire_bytes, frame.seq) == (sealed[peer].wire_bytes, sealed[peer].seq)
                    frame.body[:1] = 9

        assert at_once(*(lambda n=n: talk(n) for n in range(3))) == [None] * 3


def test_both_ends_mirror_each_other():
    with linked() as (_, (bank, bureau)):
        sealed = [post(bank["bureau"], b"x" * size) for size in (0, 100, 3 * CHUNK)]
        frames = [bureau["bank"].receive() for _ in sealed]
        for sent, frame in zip(sealed, frames, strict=True):
            assert (sent.seq, sent.last, sent.digest, sent.epoch) == (frame.seq, frame.last, frame.digest, frame.epoch)
        assert bank["bureau"].exporter("zero") == bureau["bank"].exporter("zero")
        assert bank["bureau"].exporter("zero") != bank["bureau"].exporter("one")
        assert bank["bureau"].terms == TERMS


def test_a_sender_far_ahead_of_its_reader_blocks_nothing():
    with linked() as (_, (bank, bureau)):
        body = np.zeros(30 << 20, np.uint8)
        for link in (bank["bureau"], bureau["bank"]):
            for _ in range(5):
                post(link, body)
        assert not bank["bureau"].drained(1 << 20, 0.5)

        def read(link):
            for _ in range(5):
                assert link.receive().body.size == body.size
            assert link.drained(8 << 20, 20)

        assert at_once(lambda: read(bank["bureau"]), lambda: read(bureau["bank"])) == [None, None]


def test_a_queue_goes_on_leaving_while_its_sender_computes():
    with linked() as (_, (bank, bureau)):
        post(bank["bureau"], np.zeros(50 << 20, np.uint8))  # more than the sockets hold; nobody calls bank again
        assert bureau["bank"].receive().body.size == 50 << 20


def test_several_threads_may_wait_at_one_endpoint():
    with linked(3) as (_, (bank, bureau, dealer)), ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(bank[peer].receive) for peer in ("bureau", "dealer")]
        post(dealer["bank"], b"from dealer")
        assert waiting[1].result(10).body.tobytes() == b"from dealer"
        post(bureau["bank"], b"from bureau")
        assert waiting[0].result(10).body.tobytes() == b"from bureau"


# Agreement


def test_terms_that_differ_are_named_at_both_sides():
    identities, roster = people(2)
    bank, bureau = (Endpoint(identity, roster, connect_timeout=20) for identity in identities)
    errors = at_once(lambda: bank.connect(TERMS), lambda: bureau.connect({**TERMS, "rows": "4453"}))
    for error in errors:
        assert isinstance(error, Mismatch)
        assert "disagree on rows" in error.reason
        assert "4453" not in error.reason


def test_the_dealer_sees_that_the_parties_agree():
    identities, roster = people(3, dealer=True)
    endpoints = [Endpoint(identity, roster, connect_timeout=20) for identity in identities]
    links = at_once(
        lambda: endpoints[0].connect(TERMS), lambda: endpoints[1].connect(TERMS), lambda: endpoints[2].connect({})
    )
    assert links[2]["bank"].terms == TERMS
    at_once(*(endpoint.close for endpoint in endpoints))


def test_who_does_not_come_is_named():
    identities, roster = people(3)
    bank, bureau = (Endpoint(identity, roster, connect_timeout=1) for identity in identities[:2])
    for error in at_once(lambda: bank.connect(TERMS), lambda: bureau.connect(TERMS)):
        assert isinstance(error, PeerLost)
        assert "dealer did not come" in error.reason


def test_a_name_outside_the_roster_and_a_taken_port_are_usage_errors():
    identities, roster = people(2)
    with pytest.raises(UsageError, match="stranger is not in the roster"):
        Endpoint(generate("stranger", "party"), roster)
    port = int(roster["bank"].bind.split(":")[1])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(UsageError, match="cannot listen on"):
        Endpoint(identities[0], roster).connect(TERMS)
    told = pytest.raises(UsageError, match="cannot listen on")  # though there is nobody whom to tell of it
    with socket.create_server(("127.0.0.1", port)), told, Endpoint(identities[0], roster) as endpoint:
        endpoint.connect(TERMS)
    nowhere = Roster(party=tuple(identity.entry() for identity in identities))
    with pytest.raises(InputError, match="no bind and no address"):
        Endpoint(identities[1], nowhere).connect(TERMS)


# Keys


def test_a_key_file_that_is_not_the_rosters_is_refused_at_once():
    _, roster = people(2)
    with pytest.raises(AuthenticationError, match="not the one in the roster"):
        Endpoint(generate("bank", "party"), roster)


@pytest.mark.parametrize("wrong", ["bank", "bureau"])
def test_a_refused_key_ends_with_its_code_and_the_others_wait_in_vain(wrong):
    """Whose roster names another key for itself is refused: as binder (bank) and as connector (bureau)."""
    identities, roster = people(2)
    fresh = generate(wrong, "party")
    own = roster[wrong].model_copy(
        update={"curve_public": fresh.curve_public.decode(), "sign_public": fresh.entry().sign_public}
    )
    theirs = Roster(party=tuple(own if entry.name == wrong else entry for entry in roster.entries))
    calls = [
        Endpoint(fresh, theirs, connect_timeout=2) if identity.name == wrong else
        Endpoint(identity, roster, connect_timeout=2)
        for identity in identities
    ]  # fmt: skip
    errors = dict(zip(NAMES, at_once(*(lambda e=e: e.connect(TERMS) for e in calls)), strict=False))
    assert isinstance(errors.pop(wrong), AuthenticationError)
    (other,) = errors.values()
    assert isinstance(other, PeerLost)


def stranger(context, roster, identity):
    """A client that knows the server's public key and has keys of its own."""
    client = context.socket(zmq.DEALER)
    client.curve_secretkey, client.curve_publickey = identity.curve_secret, identity.curve_public
    client.curve_serverkey = roster["bank"].curve_public.encode()
    client.connect(f"tcp://{roster['bank'].bind}")
    return client


def test_a_stranger_is_refused_while_the_session_goes_on():
    with linked() as (endpoints, (bank, bureau)), zmq.Context() as context:
        with stranger(context, endpoints[0]._roster, generate("bureau", "party")) as client:
            monitor = client.get_monitor_socket()
            client.send(b"\x81\xa4type\xa5abort")
            events = set()
            while zmq.EVENT_HANDSHAKE_FAILED_AUTH not in events:
                events.add(zmq.utils.monitor.recv_monitor_message(monitor)["event"])
            assert zmq.EVENT_HANDSHAKE_SUCCEEDED not in events
            client.disable_monitor()
            monitor.close(0)
            client.close(0)
        assert endpoints[0].refused >= 1
        post(bureau["bank"], b"still here")
        assert bank["bureau"].receive().body.tobytes() == b"still here"


class NoGate:
    """A gate that answers nobody, as if its thread had died."""

    def __init__(self, context, roster):
        self.descriptor = os.eventfd(0)

    def close(self):
        os.close(self.descriptor)


def test_without_its_gate_nobody_comes_in(monkeypatch):
    monkeypatch.setattr("mpcfl.link.Gate", NoGate)
    identities, roster = people(2)
    endpoints = [Endpoint(identity, roster, connect_timeout=1) for identity in identities]
    errors = at_once(*(lambda e=e: e.connect(TERMS) for e in endpoints))
    assert [type(error) for error in errors] == [PeerLost, PeerLost]


@pytest.mark.parametrize("enforced", [True, False])
def test_enforcement_is_what_keeps_a_stranger_out(enforced):
    """The planted bug: the same socket without enforcement lets an unknown key in when no gate answers."""
    identities, roster = people(2)
    context = Context()

    def unguarded(socket, peer):
        socket.curve_secretkey, socket.curve_publickey = identities[0].curve_secret, identities[0].curve_public
        socket.setsockopt(zmq.CURVE_SERVER, 1)

    hub = (
        mpcfl.sockets.control_hub(context, identities[0], roster)
        if enforced
        else Hub(context, roster["bank"].bind, {}, 1 << 16, unguarded, named=True)
    )
    with stranger(context, roster, generate("bureau", "party")) as client:
        client.setsockopt(zmq.LINGER, 0)
        client.send(b"let me in")
        came = []
        deadline = time.monotonic() + 1.5
        while not came and time.monotonic() < deadline:
            came += list(hub.received(set(hub.descriptors)))
            time.sleep(0.01)
    hub.close(0)
    context.term()
    assert bool(came) is not enforced
    assert all(message.user is None for message in came)  # and even then it would be nobody


def test_the_control_socket_is_guarded():
    identities, roster = people(2)
    with Context() as context:
        gate = Gate(context, roster)
        hub = mpcfl.sockets.control_hub(context, identities[0], roster)
        ((_, router),) = hub._sockets.values()
        assert router.getsockopt(zmq.MECHANISM) == zmq.CURVE
        assert router.getsockopt(zmq.CURVE_SERVER) == 1
        assert router.getsockopt(zmq.ZAP_ENFORCE_DOMAIN) == 1
        assert router.getsockopt_string(zmq.ZAP_DOMAIN) == "mpcfl"
        hub.close(0)
        gate.close()


# The end


def test_an_abort_reaches_everybody_with_its_code():
    with linked(3) as (endpoints, (bank, bureau, _)):
        post(bureau["bank"], b"too late")
        with ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(bank["dealer"].receive), pool.submit(bureau["bank"].receive)]
            endpoints[2].abort(ProtocolViolation("the frame is too short"))
            endpoints[2].abort(ProtocolViolation("said once"))
            for result in waiting:
                with pytest.raises(ProtocolViolation, match="the frame is too short") as caught:
                    result.result(10)
                assert caught.value.ids == {"peer": "dealer"}


def test_an_exception_inside_the_with_block_aborts_the_others():
    with linked() as (endpoints, (_, bureau)):

        def interrupted():
            with endpoints[0]:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        with pytest.raises(Interrupted, match="bank was interrupted"):
            bureau["bank"].receive()


def test_a_clean_end_delivers_everything_first():
    with linked() as (endpoints, (bank, bureau)):
        with ThreadPoolExecutor(1) as pool:
            post(bank["bureau"], np.ones(20 << 20, np.uint8))
            closing = pool.submit(endpoints[0].close)
            assert bureau["bank"].receive().body.size == 20 << 20
            closing.result(20)
        with pytest.raises(PeerLost, match="bank has ended the session"):
            bureau["bank"].receive()


def test_silence_ends_at_the_deadline():
    with linked(round_timeout=0.3) as (_, (bank, _)):
        with pytest.raises(PeerLost, match=r"bureau sent nothing for 0\.3 s"):
            bank["bureau"].receive()
        with pytest.raises(PeerLost, match=r"for 0\.1 s"):
            bank["bureau"].receive(timeout=0.1)


ECHO = """
import sys
from mpcfl.keys import Identity
from mpcfl.link import Endpoint
from mpcfl.roster import Roster
with Endpoint(Identity.load(sys.argv[1]), Roster.load(sys.argv[2])) as endpoint:
    (link,) = endpoint.connect({"program": "aa", "rows": "4454"}).values()
    while (frame := link.receive()).body.size != 3:
        link.post(link.prepare([frame.body], round=frame.header.round, count=1, history=b"", at=""))
"""


@pytest.fixture
def process(tmp_path):
    """A second process that echoes until a payload of three bytes comes, and the endpoint that it is linked to."""
    identities, roster = people(2)
    identities[1].save(tmp_path / "bureau.key")
    (tmp_path / "roster.toml").write_text("".join(to_toml(entry) for entry in roster.entries))
    root = str(Path(mpcfl.sockets.__file__).parents[1])
    command = [sys.executable, "-c", ECHO, str(tmp_path / "bureau.key"), str(tmp_path / "roster.toml")]
    child = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": root})
    endpoint = Endpoint(identities[0], roster, round_timeout=2)
    try:
        (link,) = endpoint.connect(TERMS).values()
        yield child, link
    finally:
        endpoint.close()
        child.kill()
        child.wait()


def test_a_process_of_its_own_answers(process):
    child, link = process
    for number, size in enumerate((0, 1, 40_000_000)):
        body = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
        post(link, body, round=number)
        frame = link.receive(timeout=30)
        np.testing.assert_array_equal(frame.body, body)
        assert frame.header.round == number
    post(link, b"end")
    assert child.wait(20) == 0


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_stops_is_lost_at_the_deadline(process, blow):
    child, link = process
    child.send_signal(blow)
    post(link, b"anybody there")
    with pytest.raises(PeerLost, match="bureau sent nothing for 2 s"):
        link.receive()
    link._endpoint.abort(PeerLost("bureau sent nothing"))
