"""The ledger: what a party said and heard, one line a declared message, each line bound to the one before.

A line is a JSON object with the keys of `Entry`, in that order, and ends in a newline. `prev` is the SHA-256 of the
line before, without its newline, in hex; the first line has 64 zeros. So whoever holds the newest hash, the *head*, can
tell whether any earlier line was changed, left out or moved. What the chain alone cannot show is that the newest lines
are missing, or that a party wrote its whole ledger anew: a comparison with the peer's ledger shows both, since the two
ledgers of one link mirror each other. Signatures (on the head, on Merkle heads, the peer's upon ours) need
`Ledger.head` and no other form of line. `mpcfl.audit` verifies and compares what is written here.

Write-ahead: with a file, a line is handed to the operating system before `record` returns, and a message is recorded
before it is sent. What cannot be recorded is not sent, and neither is an output that nobody agreed to.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import operator
import os
import threading
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import FileIO
from json.encoder import encode_basestring_ascii as quote
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, overload

from mpcfl.errors import IntegrityError, ResourceError, UsageError
from mpcfl.message import Exposure, Message
from mpcfl.saving import replacing

Direction: TypeAlias = Literal["out", "in"]
ORIGIN = bytes(32)
"""The head of a ledger without entries."""

MAX_FORMS = 1 << 14
"""Forms that a ledger holds on to which remembers no entries."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One declared message, as it stands in a line; `prev` is the hash of the line before.

    `round` and `op` are program-order numbers, `seq` is the frame's number on its link and direction (messages that
    travel in one frame share it), sizes are in bytes, `time` is in seconds or None, `purpose` is for an auditor.
    """

    index: int
    session: str
    epoch: int
    round: int
    op: int
    message: str
    direction: str
    peer: str
    seq: int
    exposure: str
    purpose: str
    dtype: str
    shape: tuple[int, ...]
    payload_bytes: int
    wire_bytes: int
    digest: str
    time: float | None
    prev: str


def line_hash(line: bytes) -> bytes:
    """The hash that binds the next line to this one (given without its newline)."""
    return hashlib.sha256(line).digest()


@dataclass(frozen=True)
class Disclosures:
    """The outputs that the parties agreed on before the work began: each a purpose and those who may read it."""

    entries: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unlisted: bool = False

    @classmethod
    def any(cls) -> Disclosures:
        """For interactive sessions, where no list was agreed: every output is allowed, and recorded."""
        return cls(unlisted=True)

    def check(self, purpose: str, to: Iterable[str]) -> None:
        """Refuse a reveal that is not on the list; to fewer readers than agreed is allowed.

        Raises
        ------
        IntegrityError
            Names the purpose and the readers to whom it was not agreed.
        """
        if self.unlisted:
            return
        readers = tuple(to)
        agreed = {name for listed, names in self.entries if listed == purpose for name in names}
        refused = [name for name in readers if name not in agreed]
        if refused or not any(listed == purpose for listed, _ in self.entries):
            raise IntegrityError(
                f"the output {purpose!r} to {', '.join(refused or readers) or 'nobody'} is not on the agreed list of "
                "disclosures: add it to the job at every party, or do not reveal it",
                purpose=purpose,
                readers=", ".join(refused or readers),
            )


class Said(NamedTuple):
    """What a frame says of one of its messages: see `Ledger.record`."""

    message: Message
    purpose: str | None
    dtype: str
    shape: tuple[int, ...]
    payload_bytes: int
    wire_bytes: int


class _Form(NamedTuple):
    """What is the same for all entries of one declaration, direction, peer, purpose, dtype and shape."""

    message: Message
    direction: Direction
    peer: str
    purpose: str
    dtype: str
    shape: tuple[int, ...]
    head: str
    """The part of the line from message to peer."""
    payload: str
    """The part of the line from exposure to shape."""


class Ledger:
    """One party's ledger of one session; threads may record into it side by side.

    Parameters
    ----------
    session : str
        The session's name, in every entry.
    party : str
        This party's own name: the reader of the outputs that come in.
    disclosures : Disclosures or None
        What may be revealed; None is the empty list: no output at all.
    sink : path, optional
        File to write ahead to, created with mode 0600. It must not exist: a ledger is never overwritten or continued.
    remember : bool
        Keep the entries in memory too. A session without an end has them in its file alone.

    Raises
    ------
    IntegrityError
        The file cannot be created.
    """

    def __init__(
        self,
        session: str,
        party: str,
        *,
        disclosures: Disclosures | None,
        sink: str | os.PathLike[str] | None = None,
        remember: bool = True,
    ) -> None:
        if sink is None and not remember:
            raise UsageError("a ledger that is not remembered needs a file")
        self.session = session
        self.party = party
        self.disclosures = disclosures if disclosures is not None else Disclosures()
        self._quoted_session = quote(session)
        self._lock = threading.Lock()
        # In memory an entry is seven integers, a time, a digest and its hash: a third of its line.
        self._forms: list[_Form] = []
        self._form_numbers: dict[tuple[int, str, str, str | None, str, tuple[int, ...]], int] = {}
        self._numbers = array("q")
        self._times = array("d")
        self._digests: list[str] = []
        self._heads = bytearray(ORIGIN)
        self._count = 0
        self._remember = remember
        self._path = None if sink is None else Path(sink)
        self._refusal: str | None = None
        self._sink = None if self._path is None else _create(self._path)

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record(
        self,
        message: Message,
        *,
        direction: Direction,
        peer: str,
        epoch: int,
        round: int,
        op: int,
        seq: int,
        dtype: str,
        shape: tuple[int, ...],
        payload_bytes: int,
        wire_bytes: int,
        digest: str,
        time: float | None,
        purpose: str | None = None,
    ) -> None:
        """Record one message, before it is sent or as soon as it was received.

        Parameters
        ----------
        message : Message
            Its declaration; its purpose stands unless `purpose` (of a reveal) takes its place.
        direction, peer : str
            "out" to that party, or "in" from it.
        epoch, round, op, seq : int
            Link epoch; round and operation of the program; the frame's number on the link in this direction.
        dtype, shape : str, tuple of int
            Of the payload.
        payload_bytes, wire_bytes : int
            Size of the payload, and of what crosses the wire for it.
        digest : str
            Binds the entry to the bytes of the frame.
        time : float or None
            Seconds; None where there is no clock.

        Raises
        ------
        IntegrityError
            An output that is not on the agreed list, or a file that cannot be written: do not send the message.
        """
        said = Said(message, purpose, dtype, shape, payload_bytes, wire_bytes)
        self.record_frame([said], direction, peer, epoch, round, op, seq, digest, time)

    def record_frame(
        self,
        messages: Sequence[Said],
        direction: Direction,
        peer: str,
        epoch: int,
        round: int,
        op: int,
        seq: int,
        digest: str,
        time: float | None,
    ) -> None:
        """Record the messages of one frame, in their order; see `record`. None is recorded if one may not be."""
        moment = math.nan if time is None else float(time)
        with self._lock:
            if self._refusal is not None:
                raise IntegrityError(self._refusal, party=self.party)
            forms = [self._form(message, direction, peer) for message in messages]
            numbers, lines, heads, prev = array("q"), [], [], self.head
            for index, (message, form) in enumerate(zip(messages, forms, strict=True), self._count):
                entry = (form, epoch, round, op, seq, message.payload_bytes, message.wire_bytes)
                line = self._line(index, entry, digest, moment, prev.hex())
                numbers.extend(entry)
                lines.append(line)
                prev = line_hash(line)
                heads.append(prev)
            if self._sink is not None:
                self._write(self._sink, b"\n".join([*lines, b""]))
            self._count += len(lines)
            if not self._remember:
                self._heads[:] = prev
                if len(self._forms) > MAX_FORMS:
                    self._forms.clear()
                    self._form_numbers.clear()
                return
            self._numbers += numbers
            self._times.extend([moment] * len(lines))
            self._digests += [digest] * len(lines)
            self._heads += b"".join(heads)

    @property
    def head(self) -> bytes:
        """The hash of the last line (32 bytes; zeros if there is none)."""
        return bytes(self._heads[-32:])

    @property
    def entries(self) -> Entries:
        """What was recorded so far, as a sequence of `Entry`, each built when it is asked for."""
        return Entries(self)

    def entry(self, index: int) -> Entry:
        """The entry of that index (0 to len - 1).

        Raises
        ------
        UsageError
            The ledger does not remember its entries.
        """
        if not self._remember:
            raise UsageError(f"the entries of this ledger are in {self._path} alone")
        form, epoch, round_, op, seq, payload_bytes, wire_bytes = self._numbers[7 * index : 7 * index + 7]
        message, direction, peer, purpose, dtype, shape, *_ = self._forms[form]
        moment = self._times[index]
        return Entry(
            index=index,
            session=self.session,
            epoch=epoch,
            round=round_,
            op=op,
            message=message.name,
            direction=direction,
            peer=peer,
            seq=seq,
            exposure=message.exposure.value,
            purpose=purpose,
            dtype=dtype,
            shape=shape,
            payload_bytes=payload_bytes,
            wire_bytes=wire_bytes,
            digest=self._digests[index],
            time=moment if math.isfinite(moment) else None,
            prev=self._heads[32 * index : 32 * index + 32].hex(),
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the whole ledger (mode 0600) in one step: a file of that name is replaced, or stays as it was.

        Raises
        ------
        IntegrityError
            The file cannot be written.
        """
        target = Path(path)
        with self._lock:
            if self._sink is not None and self._path is not None and target.exists() and target.samefile(self._path):
                return  # it is written already, line by line
            count = len(self)
        try:
            with replacing(target) as file:
                file.writelines(self._again(index) + b"\n" for index in range(count))
        except (UsageError, ResourceError) as error:
            raise IntegrityError(f"the ledger cannot be saved: {error.reason}", file=str(target)) from None

    def close(self) -> None:
        """Write the file through to the disk and close it; nothing can be recorded after."""
        with self._lock:
            self._refusal = (
                self._refusal or "the ledger is closed: nothing more can be recorded, so nothing can be sent"
            )
            sink, self._sink = self._sink, None
        if sink is None:
            return
        try:
            with sink:
                os.fsync(sink.fileno())
        except OSError as error:
            raise IntegrityError(
                f"the ledger {self._path} cannot be written through to the disk: {error.strerror or error}"
            ) from error

    def _form(self, said: Said, direction: Direction, peer: str) -> int:
        """The number of a message's form; refuses an output that was not agreed, so none is ever recorded."""
        message = said.message
        key = (id(message), direction, peer, said.purpose, said.dtype, said.shape)
        known = self._form_numbers.get(key)
        if known is not None:
            return known
        purpose = message.purpose if said.purpose is None else said.purpose
        shape = tuple(operator.index(length) for length in said.shape)
        if message.exposure is Exposure.OUTPUT:
            self.disclosures.check(purpose, (peer if direction == "out" else self.party,))
        head = f'"message":{quote(message.name)},"direction":{quote(direction)},"peer":{quote(peer)}'
        payload = (
            f'"exposure":{quote(message.exposure.value)},"purpose":{quote(purpose)},'
            f'"dtype":{quote(said.dtype)},"shape":[{",".join(map(str, shape))}]'
        )
        # The form holds the message, so that its id, by which forms are found, is not taken by another.
        self._forms.append(_Form(message, direction, peer, purpose, said.dtype, shape, head, payload))
        self._form_numbers[key] = len(self._forms) - 1
        return len(self._forms) - 1

    def _line(self, index: int, numbers: Sequence[int], digest: str, moment: float, prev: str) -> bytes:
        number, epoch, round_, op, seq, payload_bytes, wire_bytes = numbers
        form = self._forms[number]
        time = repr(moment) if math.isfinite(moment) else "null"
        return (
            f'{{"index":{index},"session":{self._quoted_session},"epoch":{epoch},"round":{round_},"op":{op},{form.head},'
            f'"seq":{seq},{form.payload},"payload_bytes":{payload_bytes},"wire_bytes":{wire_bytes},'
            f'"digest":{quote(digest)},"time":{time},"prev":"{prev}"}}'
        ).encode()

    def _again(self, index: int) -> bytes:
        """The line of an entry, byte for byte as it was recorded."""
        numbers = self._numbers[7 * index : 7 * index + 7]
        prev = self._heads[32 * index : 32 * index + 32].hex()
        return self._line(index, numbers, self._digests[index], self._times[index], prev)

    def _write(self, sink: FileIO, line: bytes) -> None:
        written = 0
        try:
            while written < len(line):
                written += sink.write(line[written:]) or 0
        except OSError as error:
            self._refusal = (
                f"the ledger {self._path} cannot be written ({error.strerror or error}): what cannot be recorded is "
                "not sent; make room and start again with a new ledger"
            )
            if written:  # a torn line would make the whole file unverifiable
                with contextlib.suppress(OSError):
                    sink.truncate(sink.tell() - written)
            raise IntegrityError(self._refusal, party=self.party) from error


class Entries(Sequence[Entry]):
    """The entries of a ledger as a read-only sequence."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __len__(self) -> int:
        return len(self._ledger)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> list[Entry]: ...
    def __getitem__(self, index: int | slice) -> Entry | list[Entry]:
        places = range(len(self))[index]
        return (
            [self._ledger.entry(place) for place in places] if isinstance(places, range) else self._ledger.entry(places)
        )


def _create(path: Path) -> FileIO:
    try:
        return FileIO(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600))
    except FileExistsError as error:
        raise IntegrityError(
            f"the ledger {path} exists already and is never overwritten: move it away, or name another"
        ) from error
    except OSError as error:
        raise IntegrityError(f"the ledger {path} cannot be created: {error.strerror or error}") from error
