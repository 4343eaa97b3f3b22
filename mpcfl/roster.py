"""The roster: who takes part, with which public keys, reachable where.

Who agrees on a job agrees on the hash of the roster. It covers order, names, roles and keys; addresses may differ from
one party's copy to another's, since each sees the network from its own side.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import os
import re
import struct
import tomllib
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from zmq.utils import z85

from mpcfl.errors import InputError, UsageError

_NAME = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")
_MAX_FILE = 1 << 20


def split_address(address: str) -> tuple[str, int]:
    """`host:port` in its two parts; ValueError with a short reason if it is anything else."""
    host, colon, port = address.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError("must be HOST:PORT with a port from 1 to 65535")
    if not _HOST.fullmatch(host):
        raise ValueError("must be HOST:PORT with a host name, an IPv4 address or an IPv6 address in brackets")
    return host, int(port)


def _address(address: str) -> str:
    if address.startswith("*:"):
        raise ValueError("must name one interface, not all of them")
    host, _ = split_address(address)
    try:
        wildcard = ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        wildcard = False
    if wildcard:
        raise ValueError("must name one interface, not all of them")
    return address


def _next_port(address: str) -> str:
    host, port = split_address(address)
    return f"{host}:{port + 1}"


def check_z85(key: str) -> str:
    """A key of 32 bytes in Z85, in its one valid spelling; ValueError with a short reason if it is anything else."""
    try:
        valid = len(key) == 40 and z85.encode(z85.decode(key)) == key.encode()
    except (KeyError, ValueError, struct.error):
        valid = False
    if not valid:
        raise ValueError("must be 40 characters of Z85")
    return key


def _sign(key: str) -> str:
    try:
        raw = base64.b64decode(key, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != 32 or base64.b64encode(raw).decode() != key:
        raise ValueError("must be 32 bytes in base64")
    return key


Address = Annotated[str, AfterValidator(_address)]


class Entry(BaseModel):
    """One party or dealer: its public keys and where it is reached.

    Parameters
    ----------
    name : str
    role : {"party", "dealer"}
    curve_public : str
        X25519 public key in Z85.
    sign_public : str
        Ed25519 public key in base64.
    bind, data_bind : str, optional
        Where its control and its data socket listen, HOST:PORT; by default 127.0.0.1 with the port of `address`, and
        the next port.
    address, data_address : str, optional
        How others reach it; by default `bind` and `data_bind`; the data port is the next one if nothing says otherwise.
    addresses : dict of str to str
        Its control address as one named peer sees it, the next port being the data address.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    NAME: ClassVar[str] = _NAME

    name: str = Field(pattern=f"^{_NAME}$")
    role: Literal["party", "dealer"] = "party"
    curve_public: Annotated[str, AfterValidator(check_z85)]
    sign_public: Annotated[str, AfterValidator(_sign)]
    bind: Address | None = None
    address: Address | None = None
    data_bind: Address | None = None
    data_address: Address | None = None
    addresses: dict[str, Address] = {}

    @model_validator(mode="after")
    def _has_room_for_data(self) -> Entry:
        given = [self.bind if self.data_bind is None else None, self.address if self.data_address is None else None]
        for address in [*given, *self.addresses.values()]:
            if address is not None and split_address(address)[1] == 65535:
                raise ValueError("port 65535 leaves no next port for the data socket")
        return self

    @property
    def sign_key(self) -> bytes:
        """The Ed25519 public key, 32 bytes."""
        return base64.b64decode(self.sign_public)

    def listens(self) -> tuple[str, str]:
        """Where its control and its data socket bind, each HOST:PORT.

        Raises
        ------
        InputError
            The entry has neither `bind` nor `address`.
        """
        bind = self.bind or f"127.0.0.1:{split_address(self._reached())[1]}"
        return bind, self.data_bind or _next_port(bind)

    def reached_by(self, peer: str) -> tuple[str, str]:
        """Where `peer` reaches its control and its data socket, each HOST:PORT.

        Raises
        ------
        InputError
            The entry has neither `bind` nor `address`.
        """
        if peer in self.addresses:
            return self.addresses[peer], _next_port(self.addresses[peer])
        address = self._reached()
        same_as_bind = self.data_bind if self.address is None else None
        return address, self.data_address or same_as_bind or _next_port(address)

    def _reached(self) -> str:
        address = self.address or self.bind
        if address is None:
            raise InputError(
                f"the roster gives no bind and no address for {self.name}: add one of them", party=self.name
            )
        return address


class Roster(BaseModel):
    """The entries in file order; the order is part of the agreement, for ranks follow it."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    party: tuple[Entry, ...] = Field(min_length=2, max_length=64)

    @model_validator(mode="after")
    def _is_consistent(self) -> Roster:
        for field in ("name", "curve_public", "sign_public"):
            values = [getattr(entry, field) for entry in self.party]
            if len(set(values)) != len(values):
                raise ValueError(f"two entries have the same {field}")
        if sum(entry.role == "dealer" for entry in self.party) > 1:
            raise ValueError("more than one entry has the role dealer")
        names = {entry.name for entry in self.party}
        for entry in self.party:
            if unknown := set(entry.addresses) - (names - {entry.name}):
                raise ValueError(f"addresses of {entry.name} names {min(unknown)[:64]}, which is no other entry")
        return self

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Roster:
        """Read a roster file.

        Raises
        ------
        UsageError
            There is no such file.
        InputError
            Its contents are not a roster; the sentence names the entry and the field.
        """
        name = str(path)
        try:
            with open(path, "rb") as file:
                data = file.read(_MAX_FILE + 1)
        except OSError as error:
            raise UsageError(f"the roster {name} cannot be read: {error.strerror}", file=name) from None
        if len(data) > _MAX_FILE:
            raise InputError(f"the roster {name} is larger than 1 MiB", file=name)
        try:
            table = tomllib.loads(data.decode("utf-8"))
        except UnicodeDecodeError:
            raise InputError(f"the roster {name} is not UTF-8", file=name) from None
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"the roster {name} is not TOML: {error}"[:300], file=name) from None
        return cls.parse(table, name)

    @classmethod
    def parse(cls, table: dict[str, Any], file: str = "the roster") -> Roster:
        """Check a parsed roster; `file` stands in the sentence of an InputError."""
        if isinstance(entries := table.get("party"), list):
            table = {**table, "party": tuple(entries)}
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            raise InputError(_sentence(error, table, file), file=file) from None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, the dealer included."""
        return self.party

    @property
    def parties(self) -> tuple[Entry, ...]:
        """The entries of role party, in file order: the ranks."""
        return tuple(entry for entry in self.party if entry.role == "party")

    @property
    def dealer(self) -> Entry | None:
        """The dealer's entry, if there is one."""
        return next((entry for entry in self.party if entry.role == "dealer"), None)

    def __getitem__(self, name: str) -> Entry:
        for entry in self.party:
            if entry.name == name:
                return entry
        raise UsageError(f"{name[:64]} is not in the roster: its entries are {', '.join(e.name for e in self.party)}")

    def __contains__(self, name: object) -> bool:
        return any(entry.name == name for entry in self.party)

    def index(self, name: str) -> int:
        """The place of an entry in the file; of two entries, the earlier one binds and the later one connects."""
        return self.party.index(self[name])

    def hash(self) -> bytes:
        """SHA-256 over order, names, roles and keys (32 bytes).

        No field can hold a newline or a space, so lines of fields are an injective encoding.
        """
        lines = [f"{e.name} {e.role} {e.curve_public} {e.sign_public}\n" for e in self.party]
        return hashlib.sha256(("mpcfl roster 1\n" + "".join(lines)).encode()).digest()


def to_toml(entry: Entry) -> str:
    """The text of one `[[party]]` table of a roster file."""
    fields = {name: value for name, value in entry.model_dump(exclude_none=True).items() if name != "addresses"}
    lines = ["[[party]]", *(f'{name} = "{value}"' for name, value in fields.items())]
    if entry.addresses:
        lines += ["[party.addresses]", *(f'{peer} = "{address}"' for peer, address in entry.addresses.items())]
    return "\n".join(lines) + "\n"


def _sentence(error: ValidationError, table: dict[str, Any], file: str) -> str:
    """The first of pydantic's findings as one sentence: which file, entry and field; never the value."""
    first = error.errors(include_url=False, include_context=True, include_input=False)[0]
    path = list(first["loc"])
    place = ""
    if len(path) >= 2 and path[0] == "party" and isinstance(path[1], int):
        entry = table["party"][path[1]]
        name = entry.get("name") if isinstance(entry, dict) else None
        known = isinstance(name, str) and re.fullmatch(_NAME, name)
        place = f", entry {path[1] + 1}" + (f" ({name})" if known else "")
        path = path[2:]
    field = ".".join(str(part)[:64] for part in path)
    reasons = {
        "extra_forbidden": "is not a field of a roster",
        "missing": "is missing",
        "string_type": "must be text",
        "literal_error": 'must be "party" or "dealer"',
        "string_pattern_mismatch": "must be a letter followed by at most 63 letters, digits, hyphens or underscores",
        "too_short": "must hold at least two entries",
        "too_long": "must hold at most 64 entries",
    }
    # ValueErrors are raised in this file; their text holds no value.
    own = str(first["ctx"]["error"]) if first["type"] == "value_error" else None
    reason = own or reasons.get(first["type"], "has the wrong type")
    return f"{file}{place}: {field} {reason}" if field else f"{file}{place}: {reason}"
