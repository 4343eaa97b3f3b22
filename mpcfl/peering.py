"""The state of one link: handshake, renewal after a broken connection, sequence numbers, acknowledgements, end.

Of two entries of a roster the earlier one is the binder, the later one the connector. The connector starts every
handshake: the first, and one more whenever a connection of either hub came back, for then frames may be lost. All
methods run under the endpoint's lock and none blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

import zmq

from mpcfl.errors import MpcflError, PeerLost, ProtocolViolation, from_code
from mpcfl.handshake import NEW_SESSION, Agreement, Handshake, Hello, export
from mpcfl.keys import Identity
from mpcfl.roster import Entry, Roster
from mpcfl.sockets import Change, Hub
from mpcfl.stream import Arrival, Incoming, Outgoing
from mpcfl.wire import Sealing, Value, exact, pack, unpack

_RETRY: Final = 5.0
"""Seconds after which an unfinished handshake is begun again."""

_MESSAGES: Mapping[str, Mapping[str, type]] = {
    "sign": {"type": str, "session": bytes, "attempt": bytes, "signature": bytes},
    "ack": {"type": str, "session": bytes, "seq": int},
    "resend": {"type": str, "session": bytes, "seq": int},
    "bye": {"type": str, "session": bytes, "last": int, "received": int},
    "abort": {"type": str, "session": bytes, "code": int, "reason": str},
}


class Peering:
    """One peer as seen from here.

    Parameters
    ----------
    identity : Identity
    roster : Roster
    peer : Entry
    terms : mapping of str to str
    control, data : Hub
    """

    def __init__(
        self, identity: Identity, roster: Roster, peer: Entry, terms: Mapping[str, str], control: Hub, data: Hub
    ) -> None:
        self._identity = identity
        self._roster = roster
        self._entry = peer
        self._terms = terms
        self._control = control
        self._data = data
        self._binder = roster.index(identity.name) < roster.index(peer.name)

        self._control_up = self._data_up = False
        self._control_route = self._data_route = b""
        self._queue: deque[tuple[bytes, ...]] = deque()
        self._handshake: Handshake | None = None
        self._fresh = False
        self._begun = 0.0

        self._session = NEW_SESSION
        self._exporter = b""
        self._confirmed = False
        self._greeting: tuple[bytes, Sealing] | None = None
        self._leaving = False
        self._ended: int | None = None

        self.name = peer.name
        self.epoch = 0
        self.terms: Mapping[str, str] = {}
        self.outgoing = Outgoing(NEW_SESSION)
        self.incoming = Incoming(NEW_SESSION)
        self.up = False
        self.established = False
        self.dropped = 0
        self.repeated = 0

    # The handshake

    def changed(self, hub: Hub, change: Change) -> None:
        """A connection to this peer (a connector's) went up or down."""
        if change not in (Change.UP, Change.DOWN):
            return
        if hub is self._control:
            self._control_up = change is Change.UP
        else:
            self._data_up = change is Change.UP
            self.up = False
        self._fresh = False

    def advance(self, now: float) -> bool:
        """Do what time and free sockets allow; whether something is left that a socket does not take now."""
        if not self._binder and self._control_up and self._data_up and self._ended is None:
            overdue = not self.up and now - self._begun > _RETRY
            if not self._fresh or overdue:
                self._begin(now)
        return self._flush() | self.transmit()

    def _begin(self, now: float) -> None:
        epoch = self.epoch + 1 if self._session else 0
        self._handshake = Handshake(
            self._identity,
            self._roster,
            self._entry,
            self._terms,
            session=self._session,
            epoch=epoch,
            received=self.incoming.last,
        )
        self._fresh, self._begun = True, now
        self._queue.clear()
        self._send(self._handshake.hello)

    def heard(self, route: bytes, frames: list[zmq.Frame]) -> None:
        """Take one message of the control hub; that this peer sent it is certain.

        Raises
        ------
        MpcflError
            The link is over: the peer's ABORT, a mismatch, a signature that does not verify, a violation of the
            protocol.
        """
        parts = [frame.bytes for frame in frames]
        if len(parts) == 2:
            self._greeted(route, Hello.parse(parts))
            return
        if len(parts) != 1:
            raise ProtocolViolation(f"{self.name} sent a control message of {len(parts)} frames", peer=self.name)
        message = unpack(parts[0])
        kind = str(message.get("type"))
        if kind not in _MESSAGES:
            raise ProtocolViolation(f"{self.name} sent an unknown control message", peer=self.name)
        exact(message, _MESSAGES[kind])
        self._obey(route, kind, message)

    def _greeted(self, route: bytes, hello: Hello) -> None:
        if not self._binder:
            if self._handshake is not None and hello.attempt == self._handshake.attempt:
                self._handshake.meet(hello)
                self._tell("sign", attempt=self._handshake.attempt, signature=self._handshake.signature())
            return
        if hello.session == NEW_SESSION:
            if self._ended is not None:
                return  # it has left this session well, and is early for the next one
            if self._confirmed:
                raise PeerLost(f"{self.name} has restarted: its session is over", peer=self.name)
        elif hello.session != self._session:
            # It goes on with a session of before our own start; this session is none of its concern.
            reason = f"{self._identity.name} has restarted: its session is over"
            self._control.send(self.name, route, (_message("abort", hello.session, code=PeerLost.code, reason=reason),))
            return
        else:
            self._confirmed = True
        if hello.epoch < self.epoch:
            return
        self._control_route = route
        self._queue.clear()
        self._handshake = Handshake(
            self._identity,
            self._roster,
            self._entry,
            self._terms,
            session=hello.session,
            epoch=hello.epoch,
            received=self.incoming.last if hello.session else 0,
            attempt=hello.attempt,
        )
        # Sent before the comparison, so that the peer can name the difference too.
        self._send(self._handshake.hello)
        self._handshake.meet(hello)

    def _signed(self, attempt: bytes, signature: bytes) -> None:
        handshake = self._handshake
        if handshake is None or attempt != handshake.attempt:
            return
        agreement = handshake.finish(signature)
        self._handshake = None
        if self._binder:
            self._install(agreement)
            self._tell("sign", attempt=attempt, signature=handshake.signature())
        else:
            self._install(agreement)
            self._greeting = self.outgoing.greeting
        if self._leaving:
            self._bye()

    def _install(self, agreement: Agreement) -> None:
        """Go on under the new keys; the data connection is bound anew."""
        if agreement.session != self._session:
            self._session, self._exporter = agreement.session, agreement.exporter
            self.outgoing, self.incoming = Outgoing(self._session), Incoming(self._session)
        self.epoch, self.terms = agreement.epoch, agreement.terms
        self.outgoing.rekey(agreement.epoch, agreement.send, agreement.received)
        self.incoming.rekey(agreement.epoch, agreement.receive)
        self._data_route, self._greeting, self.up = b"", None, False

    def export(self, purpose: str) -> bytes:
        """See `Link.exporter`."""
        return export(self._exporter, purpose)

    # The data connection

    def owns(self, route: bytes) -> bool:
        """Whether a routing id of the data ROUTER was bound to this peer."""
        return bool(self._data_route) and route == self._data_route

    def bind(self, route: bytes, frames: list[zmq.Frame]) -> bool:
        """Bind the data connection if this is the first frame sealed under the new keys, once a link epoch."""
        if self.up or self._data_route or len(frames) != 2:
            return False
        if not self.incoming.binds(frames[0].buffer, frames[1].buffer):
            return False
        self.up = self.established = self._confirmed = True
        if self._binder:
            self._data_route, self._greeting = route, self.outgoing.greeting
        return True

    def arrived(self, frames: list[zmq.Frame]) -> None:
        """Take one message of the bound data connection.

        Raises
        ------
        ProtocolViolation
            It is authentic and yet not what an honest peer sends.
        """
        if len(frames) != 2:
            self.dropped += 1
            return
        arrival = self.incoming.accept(frames[0].buffer, frames[1].buffer)
        if arrival is Arrival.FORGED:
            self.dropped += 1
        elif arrival is Arrival.REPEATED:
            self.repeated += 1
        elif arrival is Arrival.GAP:
            if (missing := self.incoming.missing()) is not None:
                self._tell("resend", seq=missing)
        else:
            self.acknowledge()

    def acknowledge(self) -> None:
        """Tell the peer what has arrived, if it is time."""
        final = self._ended is not None and self.incoming.last == self._ended
        if (seq := self.incoming.acknowledgement(final=final)) is not None:
            self._tell("ack", seq=seq)

    def transmit(self) -> bool:
        """Hand the data socket what it takes now; whether something is left that it does not take."""
        if self._greeting is not None and (self.up or not self._binder):
            if not self._data.send(self.name, self._data_route, self._greeting):
                return True
            self._greeting = None
        while self.up and (frame := self.outgoing.peek()) is not None:
            if not self._data.send(self.name, self._data_route, frame):
                return True
            self.outgoing.sent()
        return False

    # Everything else that is said on the control connection

    def _obey(self, route: bytes, kind: str, message: Mapping[str, Value]) -> None:
        session, numbers = message["session"], {key: value for key, value in message.items() if type(value) is int}
        if any(number < 0 for number in numbers.values()):
            raise ProtocolViolation(f"{self.name} sent a negative number", peer=self.name)
        if kind == "sign":
            self._signed(bytes(message["attempt"]), bytes(message["signature"]))  # type: ignore[arg-type]
            return
        if kind == "abort" and not self._confirmed and (not self._binder or session == NEW_SESSION):
            session = self._session
        if session != self._session:
            return  # of a session that is over
        if self._handshake is None:
            # The connection may be a new one, over which the peer speaks before it greets anew: the answer goes there.
            self._control_route = route
        if kind == "ack":
            self.outgoing.acknowledge(numbers["seq"])
        elif kind == "resend":
            self.outgoing.resend(numbers["seq"])
        elif kind == "bye":
            self._ended = numbers["last"]
            self.outgoing.acknowledge(numbers["received"])
            self.acknowledge()
        else:
            raise from_code(numbers["code"], _printable(str(message["reason"])), peer=self.name)

    @property
    def over(self) -> bool:
        """Whether the peer has ended the session and all that it sent has arrived."""
        return self._ended is not None and self.incoming.last >= self._ended

    @property
    def ended(self) -> bool:
        """Whether the peer has ended the session."""
        return self._ended is not None

    def leave(self) -> None:
        """Say that nothing more will be sent."""
        self._leaving = True
        self._bye()

    def _bye(self) -> None:
        self._tell("bye", last=self.outgoing.last, received=self.incoming.last)

    def abort(self, error: MpcflError) -> None:
        """Say that the session has failed."""
        self._tell("abort", code=error.code, reason=error.reason[:200])

    def _tell(self, kind: str, **fields: Value) -> None:
        self._send((_message(kind, self._session, **fields),))

    def _send(self, frames: tuple[bytes, ...]) -> None:
        self._queue.append(frames)
        self._flush()

    def _flush(self) -> bool:
        if not (self._binder or self._control_up):
            return False
        while self._queue and self._control.send(self.name, self._control_route, self._queue[0]):
            self._queue.popleft()
        return bool(self._queue)


def _message(kind: str, session: bytes, **fields: Value) -> bytes:
    return pack({"type": kind, "session": session, **fields})


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:200]
