"""The keys of one party: CURVE (X25519) for its control connections, Ed25519 for what it signs.

Both pairs are made locally and stay in one file that nobody else may read. Only the public halves leave, as an entry of
the roster.
"""

from __future__ import annotations

import base64
import os
import re
import stat
import tomllib
from dataclasses import dataclass, field
from typing import Literal

import zmq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mpcfl.errors import AuthenticationError, InputError, UsageError
from mpcfl.roster import Entry, check_z85

Role = Literal["party", "dealer"]

_FIELDS = {"name", "role", "curve_secret", "sign_secret"}
_MAX_FILE = 4096


@dataclass(frozen=True)
class Identity:
    """Who this process is, with its secret keys; `repr` shows the name and the role alone.

    Parameters
    ----------
    name : str
        The name that the roster knows it by.
    role : {"party", "dealer"}
    curve_secret : bytes
        X25519 secret in Z85 (40 characters), as ZeroMQ takes it.
    sign_secret : bytes
        Ed25519 seed, 32 bytes.
    """

    name: str
    role: Role
    curve_secret: bytes = field(repr=False)
    sign_secret: bytes = field(repr=False)

    @property
    def curve_public(self) -> bytes:
        """X25519 public key in Z85 (40 characters)."""
        return bytes(zmq.curve_public(self.curve_secret))

    @property
    def sign_public(self) -> bytes:
        """Ed25519 public key, 32 bytes."""
        return self._signer().public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature, 64 bytes."""
        return self._signer().sign(message)

    def derive(self, purpose: str, salt: bytes) -> bytes:
        """A key of 32 bytes that this identity alone can compute: HKDF-SHA256 (RFC 5869) of its signing secret.

        Parameters
        ----------
        purpose : str
            One key per purpose and salt.
        salt : bytes
        """
        info = f"mpcfl own {purpose} {self.name}".encode()
        return HKDF(SHA256(), 32, salt=salt, info=info).derive(self.sign_secret)

    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.sign_secret)

    def entry(self) -> Entry:
        """The roster's entry for this identity, without addresses."""
        return Entry(
            name=self.name,
            role=self.role,
            curve_public=self.curve_public.decode(),
            sign_public=base64.b64encode(self.sign_public).decode(),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the secret keys to a new file of mode 0600.

        Raises
        ------
        UsageError
            The file exists (a key is never overwritten) or cannot be created.
        """
        text = (
            f'name = "{self.name}"\n'
            f'role = "{self.role}"\n'
            f'curve_secret = "{self.curve_secret.decode()}"\n'
            f'sign_secret = "{base64.b64encode(self.sign_secret).decode()}"\n'
        )
        try:
            # The mode is there from the first instant; O_EXCL follows no link that somebody laid in the way.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise UsageError(
                f"{path} exists and a key is never overwritten: choose another folder or move it away", file=str(path)
            ) from None
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}", file=str(path)) from None
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Identity:
        """Read the file that `save` wrote.

        Raises
        ------
        UsageError
            There is no such file, or it cannot be opened.
        AuthenticationError
            Others than its owner can read or write it.
        InputError
            Its contents are not a key file's.
        """
        name = str(path)
        try:
            with open(path, "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise InputError(f"{name} is not a regular file, so it cannot be a key file", file=name)
                if stat.S_IMODE(status.st_mode) & 0o077:
                    raise AuthenticationError(
                        f"the key file {name} is open to others than its owner: run chmod 600 {name}", file=name
                    )
                data = file.read(_MAX_FILE + 1)
        except OSError as error:
            raise UsageError(f"the key file {name} cannot be read: {error.strerror}", file=name) from None
        return cls._parse(data, name)

    @classmethod
    def _parse(cls, data: bytes, file: str) -> Identity:
        try:
            if len(data) > _MAX_FILE:
                raise ValueError
            table = tomllib.loads(data.decode("utf-8"))
            if set(table) != _FIELDS or not all(isinstance(value, str) for value in table.values()):
                raise ValueError
            sign_secret = base64.b64decode(table["sign_secret"], validate=True)
            identity = cls(table["name"], table["role"], check_z85(table["curve_secret"]).encode(), sign_secret)
            identity.entry()
        except (ValueError, KeyError):
            # The cause is withheld: a parser's message may quote the secret that it stumbled over.
            raise InputError(
                f"{file} is not a key file of this library: make one with `mpcfl keygen`", file=file
            ) from None
        return identity


def generate(name: str, role: Role) -> Identity:
    """Make fresh keys from the operating system's generator.

    Parameters
    ----------
    name : str
        A letter, then at most 63 letters, digits, `-` or `_`.
    role : {"party", "dealer"}

    Raises
    ------
    UsageError
        The name or the role cannot stand in a roster.
    """
    if role not in ("party", "dealer"):
        raise UsageError("a role is either party or dealer")
    try:
        _name(name)
    except ValueError:
        raise UsageError(
            "a party's name is a letter followed by at most 63 letters, digits, hyphens or underscores"
        ) from None
    _, curve_secret = zmq.curve_keypair()
    return Identity(name, role, bytes(curve_secret), Ed25519PrivateKey.generate().private_bytes_raw())


def _name(name: str) -> str:
    if not re.fullmatch(Entry.NAME, name):
        raise ValueError
    return name
