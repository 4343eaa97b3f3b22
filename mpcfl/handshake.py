"""The agreement with one peer on who is there, on what job, and under which keys. No I/O.

Inside a CURVE connection whose server key is the roster's and whose client key ZAP has looked up in the roster:

    connector -> binder     hello, terms    nonce, ephemeral X25519 key, versions, roster hash, what was received so far
    binder -> connector     hello, terms    both compare; a difference ends it here, before any key exists
    connector -> binder     signature       Ed25519 over "connector" and the transcript: both hellos and terms
    binder -> connector     signature       Ed25519 over "binder" and the transcript

    key(sender, receiver) = HKDF-SHA256(X25519 secret, salt = both nonces,
                                        info = transcript, job, sender, receiver, link epoch, purpose)

The first run founds the session; its id is the transcript's hash. Later runs, after a broken connection, only renew the
keys: session and exporter stay.

Reference   SIGMA (Krawczyk, CRYPTO 2003), with the identities inside the signed transcript; HKDF: RFC 5869.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from mpcfl.errors import AuthenticationError, Mismatch, ProtocolViolation
from mpcfl.keys import Identity
from mpcfl.roster import Entry, Roster
from mpcfl.version import VERSION
from mpcfl.wire import PROTOCOL, Value, exact, pack, unpack

NEW_SESSION: Final = b""

_HELLO: Mapping[str, type] = {
    "type": str,
    "version": str,
    "protocol": int,
    "roster": bytes,
    "name": str,
    "peer": str,
    "nonce": bytes,
    "ephemeral": bytes,
    "session": bytes,
    "epoch": int,
    "received": int,
    "attempt": bytes,
}


@dataclass(frozen=True)
class Hello:
    """The first message of either side; `raw` are its two frames as they crossed the network."""

    version: str
    protocol: int
    roster: bytes
    name: str
    peer: str
    nonce: bytes
    ephemeral: bytes
    session: bytes
    epoch: int
    received: int
    attempt: bytes
    terms: Mapping[str, str]
    raw: tuple[bytes, bytes] = field(repr=False)

    @classmethod
    def parse(cls, frames: Sequence[bytes]) -> Hello:
        """Decode and check the form of a hello.

        Raises
        ------
        ProtocolViolation
            Malformed, or a field out of its range.
        """
        if len(frames) != 2:
            raise ProtocolViolation("a hello has the wrong number of frames")
        header, terms = unpack(frames[0]), unpack(frames[1])
        exact(header, _HELLO)
        texts = {key: value for key, value in terms.items() if isinstance(value, str)}
        fields = {key: value for key, value in header.items() if key != "type"}
        hello = cls(**fields, terms=texts, raw=(bytes(frames[0]), bytes(frames[1])))  # type: ignore[arg-type]  # exact() checked
        if (
            header["type"] != "hello"
            or len(texts) != len(terms)
            or len(hello.nonce) != 32
            or len(hello.ephemeral) != 32
            or len(hello.session) not in (0, 16)
            or len(hello.attempt) != 32
            or not 0 <= hello.epoch < 1 << 31
            or not 0 <= hello.received < 1 << 62
        ):
            raise ProtocolViolation("a hello is out of range")
        return hello


@dataclass(frozen=True)
class Agreement:
    """What a finished handshake yields.

    `session` is the session's id; `exporter` is its secret if this run founded it, and of no use otherwise. `send` and
    `receive` are the AEAD keys of the two directions, 32 bytes each. `received` is the last number that the peer has.
    """

    session: bytes
    epoch: int
    received: int
    terms: Mapping[str, str]
    send: bytes = field(repr=False)
    receive: bytes = field(repr=False)
    exporter: bytes = field(repr=False)


class Handshake:
    """One run with one peer.

    Parameters
    ----------
    identity : Identity
    roster : Roster
    peer : Entry
    terms : mapping of str to str
        What both must hold equal: hashes of program and configuration, row count, ... With the dealer, who knows no
        job, only the keys that both sides name are compared.
    session : bytes
        Id of the session to renew, or NEW_SESSION.
    epoch : int
        Link epoch that the new keys serve.
    received : int
        Last sequence number received so far.
    attempt : bytes, optional
        The connector's nonce, as its hello told the binder; the connector itself gives none. It tells the messages of
        one run from those of a run that a broken connection cut short.
    """

    def __init__(
        self,
        identity: Identity,
        roster: Roster,
        peer: Entry,
        terms: Mapping[str, str],
        *,
        session: bytes = NEW_SESSION,
        epoch: int = 0,
        received: int = 0,
        attempt: bytes | None = None,
    ) -> None:
        self._identity = identity
        self._roster = roster
        self._peer = peer
        self._binder = roster.index(identity.name) < roster.index(peer.name)
        self._secret = X25519PrivateKey.generate()
        self._theirs: Hello | None = None
        nonce = secrets.token_bytes(32)
        self.attempt = nonce if attempt is None else attempt
        header: dict[str, Value] = {
            "type": "hello",
            "version": VERSION,
            "protocol": PROTOCOL,
            "roster": roster.hash(),
            "name": identity.name,
            "peer": peer.name,
            "nonce": nonce,
            "ephemeral": self._secret.public_key().public_bytes_raw(),
            "session": session,
            "epoch": epoch,
            "received": received,
            "attempt": self.attempt,
        }
        self._mine = Hello.parse((pack(header), pack(dict(sorted(terms.items())))))

    @property
    def hello(self) -> tuple[bytes, bytes]:
        """The two frames of this side's hello."""
        return self._mine.raw

    def meet(self, theirs: Hello) -> None:
        """Compare the peer's hello with one's own.

        Raises
        ------
        AuthenticationError
            It speaks for somebody else.
        Mismatch
            The sentence names the terms that differ, never their values.
        ProtocolViolation
            It renews another session or link epoch.
        """
        mine, peer = self._mine, self._peer
        if (theirs.name, theirs.peer) != (mine.peer, mine.name):
            raise AuthenticationError(f"{peer.name} introduces itself under another name", peer=peer.name)
        differing = [key for key in ("version", "protocol", "roster") if getattr(mine, key) != getattr(theirs, key)]
        keys = mine.terms.keys() | theirs.terms.keys()
        if "dealer" in (self._roster[mine.name].role, peer.role):
            keys = mine.terms.keys() & theirs.terms.keys()
        differing += sorted(key for key in keys if mine.terms.get(key) != theirs.terms.get(key))
        if differing:
            raise Mismatch(
                f"{mine.name} and {peer.name} disagree on {', '.join(differing)}: nothing was sent", peer=peer.name
            )
        if (theirs.session, theirs.epoch) != (mine.session, mine.epoch):
            raise ProtocolViolation(f"{peer.name} renews another session", peer=peer.name)
        self._theirs = theirs

    def signature(self) -> bytes:
        """This side's signature over the transcript, 64 bytes."""
        return self._identity.sign(self._statement(self._binder))

    def finish(self, signature: bytes) -> Agreement:
        """Check the peer's signature and derive the keys.

        Raises
        ------
        AuthenticationError
            The signature does not verify, or the peer's ephemeral key is degenerate.
        """
        peer = self._peer.name
        try:
            Ed25519PublicKey.from_public_bytes(self._peer.sign_key).verify(signature, self._statement(not self._binder))
        except (InvalidSignature, ValueError):
            raise AuthenticationError(
                f"the signature of {peer} does not verify under the roster's key", peer=peer
            ) from None
        mine, theirs = self._mine, self._met()
        try:
            secret = self._secret.exchange(X25519PublicKey.from_public_bytes(theirs.ephemeral))
        except ValueError:
            raise AuthenticationError(f"{peer} sent a degenerate ephemeral key", peer=peer) from None
        transcript = self._transcript()
        connector, binder = self._ordered()
        job = _hash(b"mpcfl job 1", connector.raw[1], binder.raw[1])

        def key(sender: str, receiver: str, purpose: bytes) -> bytes:
            epoch = mine.epoch.to_bytes(4, "big")
            info = _hash(b"mpcfl key 1", transcript, job, sender.encode(), receiver.encode(), epoch, purpose)
            return HKDF(SHA256(), 32, salt=connector.nonce + binder.nonce, info=info).derive(secret)

        return Agreement(
            session=mine.session or _hash(b"mpcfl session 1", transcript)[:16],
            epoch=mine.epoch,
            received=theirs.received,
            terms=theirs.terms,
            send=key(mine.name, peer, b"data"),
            receive=key(peer, mine.name, b"data"),
            exporter=key(connector.name, binder.name, b"exporter"),
        )

    def _met(self) -> Hello:
        if self._theirs is None:
            raise ProtocolViolation(f"{self._peer.name} signs before it has introduced itself", peer=self._peer.name)
        return self._theirs

    def _ordered(self) -> tuple[Hello, Hello]:
        """The connector's hello and the binder's."""
        theirs = self._met()
        return (theirs, self._mine) if self._binder else (self._mine, theirs)

    def _transcript(self) -> bytes:
        connector, binder = self._ordered()
        return _hash(b"mpcfl transcript 1", *connector.raw, *binder.raw)

    def _statement(self, binder: bool) -> bytes:
        return b"mpcfl signature 1 " + (b"binder " if binder else b"connector ") + self._transcript()


def export(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose from the session's exporter secret."""
    info = b"mpcfl export 1 " + purpose.encode()
    return HKDFExpand(SHA256(), 32, info).derive(secret)


def _hash(*parts: bytes) -> bytes:
    """SHA-256 over length-prefixed parts."""
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()
