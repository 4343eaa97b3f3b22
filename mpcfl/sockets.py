"""ZeroMQ sockets as a link needs them: one bound ROUTER, one DEALER a peer to connect to, and what their monitors say.

Two such hubs serve a process: the control hub under CURVE, where a ZAP gate looks every client's key up in the roster,
and the data hub without mechanism, which carries sealed frames alone. Nothing here blocks.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

import zmq
import zmq.backend
from zmq.utils import z85
from zmq.utils.monitor import recv_monitor_message

from mpcfl.errors import UsageError
from mpcfl.keys import Identity
from mpcfl.roster import Roster
from mpcfl.wire import MAX_FRAME, Sealing

ZAP_DOMAIN = "mpcfl"
_ZAP_ENDPOINT = "inproc://zeromq.zap.01"
# The class under pyzmq's own and plain integers: its wrappers and enumerations cost microseconds a call.
_BASE: Final[Any] = zmq.backend.Socket
_POLLIN: Final = int(zmq.POLLIN)
_NOBLOCK: Final = int(zmq.NOBLOCK)
_MORE_TO_SEND: Final = int(zmq.NOBLOCK | zmq.SNDMORE)
_COPIED: Final = 1 << 16
"""Bytes of a frame below which a copy costs less than doing without."""
_MAX_CONTROL = 64 << 10

Socket = zmq.Socket[bytes]
Context = zmq.Context[Socket]
Frames = list[zmq.Frame]
Configure = Callable[[Socket, str | None], None]
"""Prepares a socket before it binds (peer None) or connects."""


class Change(enum.Enum):
    """What a monitor tells of a connection."""

    UP = "up"
    DOWN = "down"
    REFUSED = "refused"
    """The server does not know this client's key."""
    UNREADABLE = "unreadable"
    """A client's greeting does not open under this server's key."""


@dataclass(frozen=True)
class Received:
    """One message: a DEALER's comes with its peer, the ROUTER's with a routing id and, under CURVE, the User-Id."""

    peer: str | None
    user: str | None
    route: bytes
    frames: Frames


def _set_limits(socket: Socket, max_message: int) -> None:
    socket.setsockopt(zmq.MAXMSGSIZE, max_message)
    socket.setsockopt(zmq.SNDHWM, 16)
    socket.setsockopt(zmq.RCVHWM, 16)
    socket.setsockopt(zmq.HANDSHAKE_IVL, 5_000)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 2_000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 10_000)
    socket.setsockopt(zmq.HEARTBEAT_TTL, 10_000)
    socket.setsockopt(zmq.RECONNECT_IVL, 50)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1_000)
    socket.setsockopt(zmq.LINGER, 0)


class Hub:
    """One bound ROUTER, one DEALER for each address to connect to.

    Parameters
    ----------
    context : zmq.Context
    bind : str or None
        HOST:PORT to listen on.
    connect : mapping of str to str
        HOST:PORT of each peer to connect to.
    max_message : int
        Largest frame in bytes; a connection that sends more is closed.
    configure : callable
        Sets the mechanism of each socket before it binds or connects.
    named : bool
        Whether the mechanism gives clients of the bound socket a User-Id.

    Raises
    ------
    UsageError
        The address to listen on is taken or not of this machine.
    """

    def __init__(
        self,
        context: Context,
        bind: str | None,
        connect: Mapping[str, str],
        max_message: int,
        configure: Configure,
        *,
        named: bool,
    ) -> None:
        self._named = named
        self._places: dict[str | None, int] = {}
        self._sockets: dict[int, tuple[str | None, Socket]] = {}
        self._monitors: dict[int, tuple[str | None, Socket]] = {}
        try:
            if bind is not None:
                self._open(context, zmq.ROUTER, None, bind, max_message, configure)
            for peer, address in connect.items():
                self._open(context, zmq.DEALER, peer, address, max_message, configure)
        except BaseException:
            self.close(0)
            raise
        # A descriptor begins to tell when its socket was found empty for the first time.
        self._touched, self._unseen = set(self._sockets), set(self._monitors)

    def _open(
        self, context: Context, kind: int, peer: str | None, address: str, max_message: int, configure: Configure
    ) -> None:
        socket: Socket = context.socket(kind)
        self._places[peer] = _descriptor(socket)
        self._sockets[_descriptor(socket)] = peer, socket
        _set_limits(socket, max_message)
        if address.startswith("["):
            socket.setsockopt(zmq.IPV6, 1)
        configure(socket, peer)
        monitor = socket.get_monitor_socket()
        self._monitors[_descriptor(monitor)] = peer, monitor
        if kind == zmq.ROUTER:
            # A frame for a peer that is gone, or whose queue is full, is refused and not silently lost.
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
            try:
                socket.bind(f"tcp://{address}")
            except zmq.ZMQError as error:
                raise UsageError(f"cannot listen on {address}: {error.strerror}") from None
        else:
            socket.connect(f"tcp://{address}")

    @property
    def descriptors(self) -> list[int]:
        """File descriptors that become readable when there is something to do."""
        return [*self._sockets, *self._monitors]

    @property
    def pending(self) -> bool:
        """Whether something may have arrived that no descriptor will tell of again."""
        return bool(self._touched)

    def received(self, signalled: Set[int]) -> Iterator[Received]:
        """What has arrived: at most one message a socket, so that whoever waits for it has it at once.

        A descriptor tells of a change once, and any use of its socket takes the signal in. So those that were used are
        looked at too, until they are found empty.
        """
        self._touched.update(signalled & self._sockets.keys())
        for descriptor in tuple(self._touched):
            peer, socket = self._sockets[descriptor]
            frames = _taken(socket)
            if frames is None:
                self._touched.discard(descriptor)
            elif peer is None:
                user = _user_id(frames[0]) if self._named else None
                yield Received(None, user, frames[0].bytes, frames[1:])
            else:
                yield Received(peer, None, b"", frames)

    def changes(self, signalled: Set[int]) -> Iterator[tuple[str | None, Change]]:
        """What became of the connections, by peer; None is the bound socket."""
        looked_at, self._unseen = self._unseen | (signalled & self._monitors.keys()), set()
        for descriptor in looked_at:
            peer, monitor = self._monitors[descriptor]
            while _readable(monitor):
                message = recv_monitor_message(monitor, zmq.NOBLOCK)
                event, value = message["event"], message["value"]
                if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                    yield peer, Change.UP
                elif event == zmq.EVENT_DISCONNECTED:
                    yield peer, Change.DOWN
                elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                    yield peer, Change.REFUSED
                elif event == zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL and value == zmq.PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC:
                    yield peer, Change.UNREADABLE

    def send(self, peer: str, route: bytes, frames: tuple[Sealing, ...]) -> bool:
        """Hand a message to the peer's DEALER, or else to the ROUTER's `route`. False if it takes nothing now."""
        if peer not in self._places:
            if not route:
                return False
            frames = (route, *frames)
        descriptor = self._places.get(peer) or self._places[None]
        _, socket = self._sockets[descriptor]
        self._touched.add(descriptor)
        try:
            for frame in frames[:-1]:
                _BASE.send(socket, frame, _MORE_TO_SEND)
            # What is sealed does not change: a large frame goes without a copy.
            _BASE.send(socket, frames[-1], _NOBLOCK, len(frames[-1]) < _COPIED)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return False
        return True

    def close(self, linger: int) -> None:
        """Close all sockets; what was handed over may still leave for `linger` milliseconds."""
        for _, socket in self._sockets.values():
            socket.disable_monitor()
            socket.close(linger)
        for _, monitor in self._monitors.values():
            monitor.close(0)
        self._places, self._sockets, self._monitors = {}, {}, {}


def _descriptor(socket: Socket) -> int:
    return int(socket.getsockopt(zmq.FD))


def _taken(socket: Socket) -> Frames | None:
    """The next message of a socket; None if there is none."""
    try:
        frames: Frames = [_BASE.recv(socket, _NOBLOCK, False)]
    except zmq.Again:
        return None
    while frames[-1].more:
        frames.append(_BASE.recv(socket, _NOBLOCK, False))
    return frames


def _readable(socket: Socket) -> bool:
    # Asking for the events also takes in what libzmq's own thread has signalled; without it nothing is seen to arrive.
    return bool(int(socket.getsockopt(zmq.EVENTS)) & _POLLIN)


def _user_id(frame: zmq.Frame) -> str | None:
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return None  # nobody, so the message is nobody's


class Gate:
    """The ZAP handler of one context: a client whose CURVE key the roster does not hold is refused.

    Its answer carries the roster's name for the key as User-Id. That name, and no routing id, is who a peer is.
    """

    def __init__(self, context: Context, roster: Roster) -> None:
        self._names = {z85.decode(entry.curve_public): entry.name for entry in roster.entries}
        self._socket: Socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(_ZAP_ENDPOINT)
        self.refused = 0
        self.descriptor = _descriptor(self._socket)
        """Becomes readable when a client asks."""

    def answer(self) -> None:
        """Answer all clients that ask."""
        while _readable(self._socket):
            route, empty, version, request, domain, _, _, mechanism, *credentials = self._socket.recv_multipart(
                zmq.NOBLOCK
            )
            name = None
            if (version, domain, mechanism, len(credentials)) == (b"1.0", ZAP_DOMAIN.encode(), b"CURVE", 1):
                name = self._names.get(credentials[0])
            if name is None:
                self.refused += 1
            verdict = (b"400", b"unknown key", b"") if name is None else (b"200", b"", name.encode())
            with contextlib.suppress(zmq.ZMQError):  # the client has gone in the meantime
                self._socket.send_multipart([route, empty, b"1.0", request, *verdict, b""], zmq.NOBLOCK)

    def close(self) -> None:
        self._socket.close(0)


def _places(identity: Identity, roster: Roster) -> tuple[tuple[str, str] | None, dict[str, tuple[str, str]]]:
    """Control and data address to listen on (None for the last entry), and those of the peers to connect to."""
    place = roster.index(identity.name)
    listen = roster[identity.name].listens() if place < len(roster.entries) - 1 else None
    return listen, {entry.name: entry.reached_by(identity.name) for entry in roster.entries[:place]}


def control_hub(context: Context, identity: Identity, roster: Roster) -> Hub:
    """The hub under CURVE. A Gate must be open on the context: without an answer from it nobody comes in."""

    def configure(socket: Socket, peer: str | None) -> None:
        socket.curve_secretkey = identity.curve_secret
        socket.curve_publickey = identity.curve_public
        if peer is None:
            socket.setsockopt(zmq.CURVE_SERVER, 1)
            socket.setsockopt_string(zmq.ZAP_DOMAIN, ZAP_DOMAIN)
            # Without this a client is let in when nobody answers for the gate.
            socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        else:
            socket.curve_serverkey = roster[peer].curve_public.encode()
            # Not IMMEDIATE: with it a DEALER forgets, when the connection ends, what has arrived and was not yet asked
            # for, and an ABORT whose sender ends at once would be lost. A late message of a session that is over is
            # told by the session id in it.

    listen, peers = _places(identity, roster)
    addresses = {peer: address for peer, (address, _) in peers.items()}
    return Hub(context, listen[0] if listen else None, addresses, _MAX_CONTROL, configure, named=True)


def data_hub(context: Context, identity: Identity, roster: Roster) -> Hub:
    """The hub without mechanism, for sealed frames alone."""
    listen, peers = _places(identity, roster)
    addresses = {peer: address for peer, (_, address) in peers.items()}

    def configure(socket: Socket, peer: str | None) -> None:
        socket.setsockopt(zmq.IMMEDIATE, 1)

    return Hub(context, listen[1] if listen else None, addresses, MAX_FRAME, configure, named=False)
