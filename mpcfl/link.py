"""Authenticated links between processes: all links of a process are one `Endpoint`, each peer is one `Link`.

A link has two connections: one under CURVE for handshake and control, one without mechanism that carries only frames
sealed with AES-256-GCM. What is posted arrives exactly once and in order, also across broken connections, or an error
says why not.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence, Set
from types import TracebackType
from typing import Final, Self

import zmq

from mpcfl.errors import AuthenticationError, Interrupted, Mismatch, MpcflError, PeerLost
from mpcfl.keys import Identity
from mpcfl.peering import Peering
from mpcfl.roster import Roster
from mpcfl.sockets import Change, Gate, Hub, control_hub, data_hub
from mpcfl.stream import Frame, Sealed
from mpcfl.turns import Turns
from mpcfl.wire import Buffer

__all__ = ["Endpoint", "Frame", "Link", "Sealed"]

_PATIENCE: Final = 1.0
"""Seconds that an abort waits for its turn."""
_LINGER: Final = 10.0
"""Seconds that a clean end may wait until all that was posted is acknowledged."""
_TICK: Final = 0.5
"""Longest sleep in seconds: timers are looked at this often."""
_BLOCKED: Final = 0.001
"""The same while a full socket holds frames back: that a ROUTER has room again is not always signalled."""
_FLUSH: Final = 500
"""Milliseconds for the very last words (BYE, ABORT) to get from ZeroMQ to the kernel."""


class Link:
    """The link to one peer. One thread prepares and posts; receiving may happen in another."""

    def __init__(self, endpoint: Endpoint, peering: Peering, turns: Turns) -> None:
        self._endpoint = endpoint
        self._peering = peering
        self._turns = turns
        self.peer = peering.name

    def __repr__(self) -> str:
        return f"Link(peer={self.peer!r}, epoch={self.epoch})"

    @property
    def epoch(self) -> int:
        """Link epoch: 0, and one more for each renewal of the keys after a broken connection."""
        return self._peering.epoch

    @property
    def terms(self) -> Mapping[str, str]:
        """The terms that the peer signed; the same as one's own, except on a link with the dealer."""
        return self._peering.terms

    @property
    def patience(self) -> float:
        """Seconds that `receive` waits by default."""
        return self._endpoint.round_timeout

    @property
    def dropped(self) -> int:
        """Frames on the peer's data connection that did not authenticate."""
        return self._peering.dropped

    @property
    def repeated(self) -> int:
        """Authentic frames that came a second time and were dropped."""
        return self._peering.repeated

    @property
    def backlog(self) -> int:
        """Sealed bytes that the peer has not acknowledged yet."""
        return self._peering.outgoing.backlog

    def exporter(self, purpose: str) -> bytes:
        """A secret of 32 bytes that both ends of this link have in common and nobody else knows.

        Parameters
        ----------
        purpose : str
            One secret per purpose; it stays the same for the whole session, across reconnects.
        """
        return self._peering.export(purpose)

    def prepare(
        self,
        body: Sequence[Buffer],
        *,
        round: int,
        count: int,
        history: bytes,
        at: str,
        kind: str = "round",
    ) -> Sealed:
        """Seal and number a payload without sending it, so that it can be logged first.

        Parameters
        ----------
        body : sequence of buffers
            Laid end to end; free for other use as soon as this returns.
        round, count : int
            Round number, and messages merged into the payload.
        history : bytes
            Hash over the operations so far, at most 64 bytes.
        at : str
            Source line, at most 200 characters. Like all of these fields it is authenticated and not encrypted.
        kind : str
            At most 32 characters.

        Returns
        -------
        Sealed
            `seq`, `digest`, `epoch`, `payload_bytes`, `wire_bytes`, equal to those of the `Frame` that arrives.
        """
        with self._turns:
            return self._peering.outgoing.prepare(body, round=round, count=count, history=history, at=at, kind=kind)

    def post(self, sealed: Sealed) -> None:
        """Send what was prepared. Never waits: what the network does not take now leaves later.

        Raises
        ------
        ValueError
            Payloads go once each, in the order in which they were prepared.
        """
        with self._turns:
            self._peering.outgoing.post(sealed)
            self._peering.transmit()

    def receive(self, timeout: float | None = None) -> Frame:
        """The next payload of the peer.

        Parameters
        ----------
        timeout : float, optional
            Seconds; by default the endpoint's round timeout.

        Raises
        ------
        PeerLost
            Nothing came in time, or the peer has ended the session.
        MpcflError
            The session failed, here or at any peer: the error with that side's code.
        """
        seconds = self._endpoint.round_timeout if timeout is None else timeout
        peering, endpoint = self._peering, self._endpoint

        def ready() -> bool:
            return endpoint.failure is not None or peering.incoming.ready or peering.over

        came = self._turns.wait(ready, time.monotonic() + seconds)
        with self._turns:
            endpoint.check()
            if peering.incoming.ready:
                frame = peering.incoming.pop()
                peering.acknowledge()
                return frame
        if came:
            raise PeerLost(f"{self.peer} has ended the session", peer=self.peer)
        raise PeerLost(f"{self.peer} sent nothing for {seconds:g} s", peer=self.peer)

    @property
    def waiting(self) -> bool:
        """Whether `receive` would answer or raise at once."""
        with self._turns:
            return self._peering.incoming.ready or self._peering.over or self._endpoint.failure is not None

    def drained(self, limit: int, seconds: float) -> bool:
        """Wait until at most `limit` sealed bytes are unacknowledged, or until the time is over.

        For a sender that works ahead in bounded memory.

        Returns
        -------
        bool
            Whether it came to that.

        Raises
        ------
        MpcflError
            The session failed.
        """
        peering, endpoint = self._peering, self._endpoint

        def ready() -> bool:
            return endpoint.failure is not None or peering.ended or self.backlog <= limit

        self._turns.wait(ready, time.monotonic() + seconds)
        endpoint.check()
        return self.backlog <= limit


class Endpoint:
    """All links of one process.

    Parameters
    ----------
    identity : Identity
        This process's keys.
    roster : Roster
    connect_timeout : float
        Seconds until every other entry must have come.
    round_timeout : float
        Default of `Link.receive` in seconds.

    Raises
    ------
    UsageError
        The identity's name is not in the roster.
    AuthenticationError
        The roster has other keys or another role for this name.
    """

    def __init__(
        self, identity: Identity, roster: Roster, *, connect_timeout: float = 60.0, round_timeout: float = 60.0
    ) -> None:
        entry, own = roster[identity.name], identity.entry()
        if (entry.role, entry.curve_public, entry.sign_public) != (own.role, own.curve_public, own.sign_public):
            raise AuthenticationError(
                f"the key file of {identity.name} is not the one in the roster: public keys or role differ",
                party=identity.name,
            )
        self._identity = identity
        self._roster = roster
        self._connect_timeout = connect_timeout
        self.round_timeout = round_timeout
        self.failure: MpcflError | None = None
        self._foreign = 0
        self._dropped = 0
        self._peerings: dict[str, Peering] = {}
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._aborted = False

    @property
    def dropped(self) -> int:
        """Frames on the data socket that belong to no link."""
        return self._dropped

    @property
    def refused(self) -> int:
        """How often a client with an unknown key was refused."""
        return self._gate.refused

    def connect(self, terms: Mapping[str, str]) -> dict[str, Link]:
        """Open the sockets and agree with every other entry of the roster.

        Parameters
        ----------
        terms : mapping of str to str
            What all must hold equal; see `mpcfl.handshake.Handshake`.

        Returns
        -------
        dict of str to Link
            By name, in roster order.

        Raises
        ------
        PeerLost
            Names those who did not come in time.
        Mismatch
            Names the terms that differ.
        AuthenticationError
            A peer refuses this side's key, or a signature does not verify.
        """
        if self._context is not None:
            raise RuntimeError("an endpoint connects once")
        self._open(terms)
        try:
            everyone = self._peerings.values()

            def ready() -> bool:
                return self.failure is not None or all(peering.established for peering in everyone)

            came = self._turns.wait(ready, time.monotonic() + self._connect_timeout)
            self.check()
            if not came:
                raise self._absence()
            if self._identity.role == "dealer":
                self._compare()
        except MpcflError as error:
            self.abort(error)
            self.close()
            raise
        except BaseException:
            self.abort(Interrupted(f"{self._identity.name} was interrupted while it connected"))
            self.close()
            raise
        return {name: Link(self, peering, self._turns) for name, peering in self._peerings.items()}

    def _open(self, terms: Mapping[str, str]) -> None:
        self._context = context = zmq.Context()
        try:
            self._gate = Gate(context, self._roster)
            self._control = control_hub(context, self._identity, self._roster)
            self._data = data_hub(context, self._identity, self._roster)
            for entry in self._roster.entries:
                if entry.name != self._identity.name:
                    self._peerings[entry.name] = Peering(
                        self._identity, self._roster, entry, dict(terms), self._control, self._data
                    )
            descriptors = [self._gate.descriptor, *self._control.descriptors, *self._data.descriptors]
            self._turns = Turns(self._turn, descriptors, f"links of {self._identity.name}")
        except BaseException:
            context.destroy(0)
            raise

    def _absence(self) -> MpcflError:
        missing = [peering for peering in self._peerings.values() if not peering.established]
        names = ", ".join(peering.name for peering in missing)
        seconds = f"{self._connect_timeout:g} s"
        if self._foreign:
            return AuthenticationError(
                f"{names} did not come within {seconds}, and somebody came who has another key for "
                f"{self._identity.name}: compare its curve_public in all copies of the roster",
                peer=names,
            )
        return PeerLost(f"{names} did not come within {seconds}", peer=names)

    def _compare(self) -> None:
        """The dealer does not know the job; it sees that all others have the same."""
        first, *others = self._peerings.values()
        for other in others:
            keys = first.terms.keys() | other.terms.keys()
            differing = sorted(key for key in keys if first.terms.get(key) != other.terms.get(key))
            if differing:
                raise Mismatch(f"{first.name} and {other.name} disagree on {', '.join(differing)}", peer=other.name)

    def check(self) -> None:
        """Raise the error that has ended the session, if one has."""
        if self.failure is not None:
            raise self.failure

    # One turn of the sockets

    def _turn(self, signalled: Set[int]) -> float:
        try:
            return self._work(signalled)
        except MpcflError as error:
            self.failure = self.failure or error
            return _TICK

    def _work(self, signalled: Set[int]) -> float:
        if self._gate.descriptor in signalled:
            self._gate.answer()
        for hub in (self._control, self._data):
            for peer, change in hub.changes(signalled):
                self._changed(hub, peer, change)
        for message in self._control.received(signalled):
            name = message.peer or message.user
            if name in self._peerings:
                self._peerings[name].heard(message.route, message.frames)
        for message in self._data.received(signalled):
            self._data_arrived(message.peer, message.route, message.frames)
        now = time.monotonic()
        blocked = [peering.advance(now) for peering in self._peerings.values()]
        if self._control.pending or self._data.pending:
            return 0.0
        return _BLOCKED if any(blocked) else _TICK

    def _changed(self, hub: Hub, peer: str | None, change: Change) -> None:
        if peer is None:
            self._foreign += change is Change.UNREADABLE and hub is self._control
        elif change is Change.REFUSED and hub is self._control and not self._peerings[peer].established:
            raise AuthenticationError(
                f"{peer} refuses the key of {self._identity.name}: its roster has another", peer=peer
            )
        else:
            self._peerings[peer].changed(hub, change)

    def _data_arrived(self, peer: str | None, route: bytes, frames: list[zmq.Frame]) -> None:
        if peer is not None:
            peering = self._peerings[peer]
            if not peering.bind(route, frames):
                peering.arrived(frames)
            return
        for peering in self._peerings.values():
            if peering.owns(route):
                peering.arrived(frames)
                return
        # An unknown connection: only the first frame under a link's new keys gives it a name.
        if not any(peering.bind(route, frames) for peering in self._peerings.values()):
            self._dropped += 1

    # The end

    def abort(self, error: MpcflError) -> None:
        """Tell all peers, as far as they can be reached, that the session has failed and with which code."""
        if self._context is None or self._context.closed or self._aborted:
            return
        self._aborted = True
        with self._turns.briefly(_PATIENCE):
            for peering in self._peerings.values():
                peering.abort(error)

    def close(self) -> None:
        """End the session and release sockets, context and thread.

        Unless it has failed, waits up to 10 s until the peers have all that was posted.
        """
        if self._context is None or self._context.closed:
            return
        if self.failure is not None:
            self.abort(self.failure)
        try:
            if not self._aborted:
                with self._turns:
                    for peering in self._peerings.values():
                        peering.leave()
                peerings = self._peerings.values()
                self._turns.wait(
                    lambda: self.failure is not None or all(p.outgoing.delivered or p.ended for p in peerings),
                    time.monotonic() + _LINGER,
                )
        finally:
            self._turns.close()
            self._data.close(0 if self._aborted else _FLUSH)
            self._control.close(_FLUSH)
            self._gate.close()
            self._context.term()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        name = self._identity.name
        if isinstance(error, MpcflError):
            self.abort(error)
        elif isinstance(error, KeyboardInterrupt):
            self.abort(Interrupted(f"{name} was interrupted"))
        elif error is not None:
            self.abort(MpcflError(f"{name} ended with an unexpected error"))
        self.close()
