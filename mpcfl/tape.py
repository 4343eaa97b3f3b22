"""A tape: correlations recorded ahead, in a sealed file that one session of one party may read, once.

    magic 16 | id 16 | head 32 KiB | frames of 1 MiB, the last one shorter, each with a tag of 16 bytes more

The head is sealed under HKDF-SHA256(signing secret of the party, salt = id). It says what the tape serves, and holds
the seed of the party's masks and the key of the frames, both fresh for this tape. The frames hold, draw by draw, a
digest of the request, how each field lies, and the corrections of the last party, in pieces as the dealer made them.

A session reserves the whole tape with one write before its first draw: the head is replaced by one that says "used",
and that is on disk before anything goes on. Seed and key are then nowhere but in the memory of that session, so after a
crash what is left can be read by nobody, and a second session finds a used tape.

Reference   AES-GCM: NIST SP 800-38D; HKDF: RFC 5869.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol, Self

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from numpy.typing import NDArray

from mpcfl.errors import IntegrityError, ResourceError, UsageError
from mpcfl.frames import FrameReader, FrameWriter, sealed_size
from mpcfl.pieces import Stripes, collect
from mpcfl.saving import check_target

MAGIC: Final = b"mpcfl tape 2\n\0\0\0"
ID_BYTES: Final = 16
HEAD_BYTES: Final = 32 << 10
PURPOSE: Final = "tape"
"""Purpose of a party's key for the heads of its tapes."""

_NONCE: Final = 12
_TAG: Final = 16
_START: Final = len(MAGIC) + ID_BYTES
_BODY: Final = _START + HEAD_BYTES
_AGAIN: Final = "record a new one with `mpcfl offline`"


class Keys(Protocol):
    """What a tape needs of its party's identity."""

    def derive(self, purpose: str, salt: bytes) -> bytes:
        """A key of 32 bytes for one purpose."""
        ...


class UsedTape(IntegrityError):
    """A tape that a session had before."""


class Part(IntEnum):
    """Where a party has its share of a field from."""

    SEED = 0
    NOTHING = 1
    CORRECTION = 2


@dataclass(frozen=True)
class Draw:
    """One draw as a tape has it.

    Attributes
    ----------
    family : str
    digest : bytes
        Of the request, 16 bytes.
    parts : tuple of (Part, Stripes)
        By field: where its words come from, and how they lie.
    """

    family: str
    digest: bytes
    parts: tuple[tuple[Part, Stripes], ...]

    @property
    def corrections(self) -> list[Stripes]:
        """Of the fields that are corrections."""
        return [stripes for part, stripes in self.parts if part is Part.CORRECTION]


@dataclass(frozen=True)
class Label:
    """What is compared of a tape: its id, the next draw that is not reserved, how many there are, and their digest."""

    id: bytes
    index: int
    draws: int
    digest: bytes

    SIZE = ID_BYTES + 8 + 8 + 32

    def pack(self) -> bytes:
        """Its form on the network, `SIZE` bytes."""
        return self.id + self.index.to_bytes(8, "big") + self.draws.to_bytes(8, "big") + self.digest

    @classmethod
    def unpack(cls, raw: bytes) -> Self:
        """What `pack` wrote.

        Raises
        ------
        ValueError
            It has another size.
        """
        if len(raw) != cls.SIZE:
            raise ValueError(f"a tape's label has {cls.SIZE} bytes, not {len(raw)}")
        index, draws = (int.from_bytes(raw[at : at + 8], "big") for at in (16, 24))
        return cls(raw[:ID_BYTES], index, draws, raw[32:])

    @property
    def term(self) -> str:
        """Id and index as a term of the handshake."""
        return f"{self.id.hex()}:{self.index}"


@dataclass(frozen=True)
class Head:
    """What a tape says of itself.

    Attributes
    ----------
    party : str
    terms : mapping of str to str
        What the session that plays it must hold equal: roster, version, order of the parties, suite, fraction, job.
    facts : mapping of str to str
        What the recording program noted.
    families : tuple of str
        Families of correlations, as draws number them.
    draws : int
    digest : bytes
        SHA-256 over the digests of all requests.
    body : int
        Bytes in the frames before sealing.
    seed : bytes
        Of the party's masks.
    key : bytes
        Of the frames.
    """

    party: str
    terms: Mapping[str, str]
    facts: Mapping[str, str]
    families: tuple[str, ...]
    draws: int
    digest: bytes
    body: int
    seed: bytes = field(repr=False)
    key: bytes = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        return {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        secret = {name: bytes.fromhex(document[name]) for name in ("digest", "seed", "key")}
        return cls(**{**document, **secret, "families": tuple(document["families"])})


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


# -------------------------------------------------------------------------------------------------------------- writing


class TapeWriter:
    """Writes the draws of a tape, then its head.

    Parameters
    ----------
    file : binary file
        Empty, and seekable.
    tape : bytes
        The tape's id, 16 bytes.
    """

    def __init__(self, file: BinaryIO, tape: bytes) -> None:
        self._file = file
        self._id = tape
        self._families: dict[str, int] = {}
        file.write(MAGIC + tape + bytes(HEAD_BYTES))
        self._frames = FrameWriter(file, MAGIC + tape)

    def draw(self, draw: Draw, corrections: Iterable[NDArray[np.uint64]]) -> None:
        """Write a draw, with the words of its corrections end to end as the dealer sends them.

        Raises
        ------
        ResourceError
            The disk does not take it.
        """
        family = self._families.setdefault(draw.family, len(self._families))
        entry = [family, len(draw.parts), *np.frombuffer(draw.digest, "<u8").tolist()]
        entry += [word for part, s in draw.parts for word in (part << 60 | s.rows, s.columns, s.step)]
        with _disk():
            self._frames.write(np.array(entry, np.uint64))
            for one in corrections:
                self._frames.write(one)

    def close(self, head: Mapping[str, Any], key: bytes) -> None:
        """Write the head, and wait until the disk has everything.

        Parameters
        ----------
        head : mapping
            What the writer does not know of `Head`: party, terms, facts, draws, digest, seed.
        key : bytes
            The party's for this tape.
        """
        with _disk():
            self._frames.close()
        made = Head(**head, families=tuple(self._families), body=self._frames.size, key=self._frames.key)
        sealed = _sealed_head({"state": "fresh", **made.to_json()}, self._id, key)
        with _disk():
            self._file.seek(_START)
            self._file.write(sealed)
            self._file.flush()
            os.fsync(self._file.fileno())


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResourceError(f"the tape cannot be written: {error.strerror}") from None


def _sealed_head(document: Mapping[str, Any], tape: bytes, key: bytes) -> bytes:
    text = json.dumps(document).encode()
    room = HEAD_BYTES - _NONCE - _TAG
    if len(text) > room:
        raise ResourceError(f"the terms of this session are too long for a tape, whose head has {room} bytes")
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, text.ljust(room), MAGIC + tape)


# -------------------------------------------------------------------------------------------------------------- reading


class Tape:
    """A tape that was not used yet, held by this process alone; `open` gives one.

    Attributes
    ----------
    path : Path
    id : bytes
    head : Head
    """

    def __init__(self, path: Path, file: BinaryIO, tape: bytes, key: bytes, head: Head) -> None:
        self.path = path
        self.id = tape
        self.head = head
        self._file = file
        self._key = key
        self._used = False

    @classmethod
    def open(cls, path: str | os.PathLike[str], key: Keys) -> Self:
        """Open a tape and read its head.

        Parameters
        ----------
        path : path
        key : Identity
            The party's; its `derive` opens the head.

        Raises
        ------
        UsageError
            There is no such file, or another process has it.
        IntegrityError
            It is no tape of this party, was altered or cut, or was used before.
        """
        place = Path(path)
        try:
            if not place.is_file():
                raise OSError(0, "there is no such file")
            file = open(place, "r+b", buffering=0)  # noqa: SIM115 - it lives as long as the tape
        except OSError as error:
            raise UsageError(f"the tape {place} cannot be opened: {error.strerror}", file=str(place)) from None
        try:
            return cls._opened(place, file, key)
        except BaseException:
            file.close()
            raise

    @classmethod
    def _opened(cls, place: Path, file: Any, key: Keys) -> Self:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another process has the tape {place}", file=str(place)) from None
        start = file.read(_START)
        if len(start) != _START or not start.startswith(MAGIC):
            raise IntegrityError(f"{place} is no tape of this version: {_AGAIN}", file=str(place))
        tape = start[len(MAGIC) :]
        own = key.derive(PURPOSE, tape)
        sealed = file.read(HEAD_BYTES)
        try:
            document = json.loads(AESGCM(own).decrypt(sealed[:_NONCE], sealed[_NONCE:], start))
        except (InvalidTag, ValueError):
            raise IntegrityError(
                f"{place} is a tape of another key than this party's, or was altered: {_AGAIN}", file=str(place)
            ) from None
        if document.pop("state") != "fresh":
            raise UsedTape(
                f"the tape {place} was used on {document['used']}, and a tape serves one session: {_AGAIN}",
                file=str(place),
            )
        head = Head.from_json(document)
        if os.fstat(file.fileno()).st_size != _BODY + sealed_size(head.body):
            raise IntegrityError(f"the tape {place} was cut or has more than it should: {_AGAIN}", file=str(place))
        return cls(place, file, tape, own, head)

    @classmethod
    def make_way(cls, path: Path, key: Keys) -> None:
        """See that a new tape may take the place of what is there: nothing, or a tape that was used.

        Raises
        ------
        UsageError
            Anything else stands there.
        """
        check_target(path)
        try:
            if path.exists():
                cls.open(path, key).close()
                raise UsageError(
                    f"{path} is a tape that was not used yet: use it, remove it, or name another", file=str(path)
                )
        except UsedTape:
            pass
        except IntegrityError:
            raise UsageError(f"{path} is no used tape, and is not replaced: name another", file=str(path)) from None

    @property
    def label(self) -> Label:
        """What it is known by to parties and dealer before it is used."""
        return Label(self.id, 0, self.head.draws, self.head.digest)

    def reserve(self) -> None:
        """Reserve all draws for this session: from here on the file says that it was used and holds no secret.

        Raises
        ------
        ResourceError
            The disk does not take it: nothing may be drawn.
        """
        now = datetime.datetime.now(datetime.UTC).isoformat(" ", "minutes")
        used = _sealed_head({"state": "used", "used": now, "index": self.head.draws}, self.id, self._key)
        try:
            if os.pwrite(self._file.fileno(), used, _START) != HEAD_BYTES:
                raise OSError(0, "no room")
            os.fsync(self._file.fileno())
        except OSError as error:
            raise ResourceError(
                f"the tape {self.path} cannot be marked as used: {error.strerror}", file=str(self.path)
            ) from None
        self._used = True

    def draws(self) -> Iterator[tuple[Draw, list[NDArray[np.uint64]]]]:
        """The draws in order, each with its corrections; to be read from the first to the last.

        Raises
        ------
        IntegrityError
            A frame was altered or moved: it does not open.
        """
        self._file.seek(_BODY)
        frames = FrameReader(self._file, MAGIC + self.id, self.head.key, self.head.body)
        try:
            for _ in range(self.head.draws):
                family, count, *digest = frames.words(4).tolist()
                entry = frames.words(3 * count).reshape(count, 3).tolist()
                parts = tuple((Part(word >> 60), Stripes(word & (1 << 60) - 1, *rest)) for word, *rest in entry)
                draw = Draw(self.head.families[family], np.array(digest, "<u8").tobytes(), parts)
                yield draw, collect(draw.corrections, frames.words, frames.some)
        except IntegrityError as error:
            raise IntegrityError(
                f"the tape {self.path} was altered ({error.reason}): {_AGAIN}", file=str(self.path)
            ) from None

    def close(self) -> None:
        """Release the file; of a used tape the frames go, which nobody can open any more."""
        if self._file.closed:
            return
        if self._used:
            os.ftruncate(self._file.fileno(), _BODY)
        self._file.close()
