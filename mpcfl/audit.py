"""Reading ledgers: is one whole, what does it say, and do two of them mirror each other?

A ledger file comes from a party that one need not trust, so nothing in it is believed before it is checked, a line is
read up to a bound, and error messages quote its words escaped.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from types import NoneType
from typing import Any, NoReturn, TypeAlias

from mpcfl.errors import IntegrityError, UsageError
from mpcfl.ledger import ORIGIN, Entry, line_hash
from mpcfl.message import Exposure

FilePath: TypeAlias = str | os.PathLike[str]

LONGEST_LINE = 1 << 16
KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("index", "epoch", "round", "op", "seq", "payload_bytes", "wire_bytes"), (int,)),
    **dict.fromkeys(("session", "message", "direction", "peer", "exposure", "purpose"), (str,)),
    **dict.fromkeys(("dtype", "digest", "prev"), (str,)),
    "shape": (list,),
    "time": (float, NoneType),
}
"""The JSON types of an entry's keys."""
WORD = 1 << 63
"""Numbers of an entry are below it."""
EXPOSURES = frozenset(exposure.value for exposure in Exposure)
MIRRORED = (
    *("round", "op", "message", "seq", "exposure", "purpose"),
    *("dtype", "shape", "payload_bytes", "wire_bytes", "digest"),
)
"""What the sender's and the receiver's entry of one message agree on; clocks and places in the file differ."""


@dataclass(frozen=True)
class Total:
    """All entries of one declaration with one peer in one direction."""

    message: str
    direction: str
    peer: str
    exposure: str
    count: int
    payload_bytes: int
    wire_bytes: int


@dataclass(frozen=True)
class Summary:
    """What a verified ledger says: totals in the order of first use, and every output in full."""

    session: str | None
    entries: int
    head: str
    totals: tuple[Total, ...]
    outputs: tuple[Entry, ...]


@dataclass(frozen=True)
class Difference:
    """The first place at which two ledgers do not mirror each other on one direction of their link.

    `index_a`, `index_b` are the entries' numbers in the two files, None where one file has no such entry; `key` says
    what differs ("entry" if one is missing). `differing` of `count_a` and `count_b` entries of this direction differ.
    """

    direction: str
    key: str
    index_a: int | None
    index_b: int | None
    value_a: object
    value_b: object
    differing: int
    count_a: int
    count_b: int

    def __str__(self) -> str:
        a = f"entry {self.index_a} of the first ledger"
        b = f"entry {self.index_b} of the second"
        if self.index_a is None and self.index_b is None:
            where = f"{self.key} is {self.value_a!r} in the first ledger and {self.value_b!r} in the second"
        elif self.index_b is None:
            where = f"{a} ({self.value_a!r}) has no counterpart in the second"
        elif self.index_a is None:
            where = f"{b} ({self.value_b!r}) has no counterpart in the first ledger"
        else:
            where = f"{self.key} is {self.value_a!r} in {a} and {self.value_b!r} in {b}"
        counts = f"{self.differing} differ of {self.count_a} entries in the first and {self.count_b} in the second"
        return f"{self.direction}: {where} ({counts})"


def verify(path: FilePath) -> Summary:
    """Check a ledger line by line: form, hash chain, numbering.

    Raises
    ------
    IntegrityError
        Names the line and what is wrong with it.
    UsageError
        There is no such file, or it cannot be read.
    """
    prev = ORIGIN
    session: str | None = None
    count = 0
    newest: dict[tuple[str, str], Entry] = {}
    totals: dict[tuple[str, str, str, str], list[int]] = {}
    outputs: list[Entry] = []
    for number, line in _lines(path):
        entry = _checked(path, number, line)
        if entry.prev != prev.hex():
            before = f"the SHA-256 of line {number - 1}" if number > 1 else "64 zeros"
            _refuse(path, number, f"prev is not {before}: this line or the one before was changed, added or left out")
        if entry.index != count:
            _refuse(path, number, f"index is {entry.index} where {count} follows")
        if session is not None and entry.session != session:
            _refuse(path, number, f"session is {entry.session!r}, and was {session!r} before")
        session = entry.session
        _check_order(path, number, newest.get((entry.peer, entry.direction)), entry)
        newest[entry.peer, entry.direction] = entry
        total = totals.setdefault((entry.message, entry.direction, entry.peer, entry.exposure), [0, 0, 0])
        for place, amount in enumerate((1, entry.payload_bytes, entry.wire_bytes)):
            total[place] += amount
        if entry.exposure == Exposure.OUTPUT.value:
            outputs.append(entry)
        prev = line_hash(line)
        count += 1
    return Summary(
        session=session,
        entries=count,
        head=prev.hex(),
        totals=tuple(Total(*key, *amounts) for key, amounts in totals.items()),
        outputs=tuple(outputs),
    )


def compare(path_a: FilePath, path_b: FilePath) -> list[Difference]:
    """Where two parties' ledgers of one session do not mirror each other: at most one difference a direction.

    What one party says it sent to the other must be, in order, what the other says it received, equal in all of
    `MIRRORED`. A ledger does not name its owner: each owner is a peer of the other file and not of its own. Where
    several fit (a third party that only one of the two spoke with), the pair with the most equal entries is meant.

    Returns
    -------
    list of Difference
        Empty if the ledgers mirror each other.

    Raises
    ------
    IntegrityError
        One of the ledgers does not verify by itself.
    UsageError
        One of the files cannot be read.
    """
    a, b = verify(path_a), verify(path_b)
    if a.entries == b.entries == 0:
        return []
    if a.session != b.session:
        return [_whole("the ledgers", "session", a.session, b.session, a, b)]
    peers_a, peers_b = {total.peer for total in a.totals}, {total.peer for total in b.totals}
    candidates = [(owner, peer) for owner in sorted(peers_b - peers_a) for peer in sorted(peers_a - peers_b)]
    if not candidates:
        return [_whole("the ledgers share no link", "peers", sorted(peers_a), sorted(peers_b), a, b)]
    _, differences = max(
        (_compare_link(path_a, path_b, owner, peer) for owner, peer in candidates), key=lambda found: found[0]
    )
    return differences


def _whole(direction: str, key: str, value_a: object, value_b: object, a: Summary, b: Summary) -> Difference:
    return Difference(direction, key, None, None, value_a, value_b, max(a.entries, b.entries), a.entries, b.entries)


def _compare_link(path_a: FilePath, path_b: FilePath, owner: str, peer: str) -> tuple[int, list[Difference]]:
    """The equal entries and the differences between the first ledger's owner and its peer, the second's owner."""
    found = (
        _compare_direction(f"{owner} to {peer}", _spoken(path_a, peer, "out"), _spoken(path_b, owner, "in")),
        _compare_direction(f"{peer} to {owner}", _spoken(path_a, peer, "in"), _spoken(path_b, owner, "out")),
    )
    return sum(equal for equal, _ in found), [difference for _, difference in found if difference is not None]


def _compare_direction(direction: str, in_a: Iterator[Entry], in_b: Iterator[Entry]) -> tuple[int, Difference | None]:
    """How many entries are equal, place by place, and the first that differ."""
    first: tuple[str, Entry | None, Entry | None] | None = None
    count_a = count_b = equal = 0
    for a, b in zip_longest(in_a, in_b):
        count_a += a is not None
        count_b += b is not None
        key = "entry" if a is None or b is None else _first_difference(a, b)
        if key is None:
            equal += 1
        elif first is None:
            first = (key, a, b)
    if first is None:
        return equal, None
    key, a, b = first
    return equal, Difference(
        direction=direction,
        key=key,
        index_a=None if a is None else a.index,
        index_b=None if b is None else b.index,
        value_a=_value(a, key),
        value_b=_value(b, key),
        differing=max(count_a, count_b) - equal,
        count_a=count_a,
        count_b=count_b,
    )


def _first_difference(a: Entry, b: Entry) -> str | None:
    return next((key for key in MIRRORED if getattr(a, key) != getattr(b, key)), None)


def _value(entry: Entry | None, key: str) -> object:
    """What an entry says under that key; for a whole entry, the name of its message."""
    return None if entry is None else getattr(entry, "message" if key == "entry" else key)


def _spoken(path: FilePath, peer: str, direction: str) -> Iterator[Entry]:
    """The entries of one direction with one peer, read from the file as they are asked for."""
    for number, line in _lines(path):
        entry = _checked(path, number, line)
        if entry.peer == peer and entry.direction == direction:
            yield entry


def _lines(path: FilePath) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their numbers from 1, without the newline, each of bounded length."""
    try:
        with open(path, "rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    _refuse(path, number, f"it is longer than {LONGEST_LINE} bytes")
                if not line.endswith(b"\n"):
                    _refuse(path, number, "it is cut off before its end")
                yield number, line[:-1]
    except OSError as error:
        raise UsageError(f"the ledger {path} cannot be read: {error.strerror or error}", file=str(path)) from error


def _checked(path: FilePath, number: int, line: bytes) -> Entry:
    """The entry of a line whose keys and types are as they must be."""
    try:
        pairs = _JSON.decode(line.decode("utf-8"))
    except (ValueError, RecursionError):
        _refuse(path, number, "it is not JSON")
    if not isinstance(pairs, _Pairs):
        _refuse(path, number, "it is not a JSON object")
    record: dict[str, Any] = dict(pairs)
    if record.keys() != KINDS.keys():
        unknown, missing = sorted(record.keys() - KINDS.keys()), sorted(KINDS.keys() - record.keys())
        _refuse(path, number, f"the key {unknown[0]!r} is unknown" if unknown else f"the key {missing[0]!r} is missing")
    if len(pairs) > len(record):
        _refuse(path, number, "a key stands twice")
    for key, kinds in KINDS.items():
        if type(record[key]) not in kinds:
            _refuse(path, number, f"{key} is of the wrong type")
    shape = tuple(record["shape"])
    if not all(type(length) is int for length in shape):
        _refuse(path, number, "shape is of the wrong type")
    sizes = (*shape, record["seq"], record["payload_bytes"], record["wire_bytes"])
    places = (record["epoch"], record["round"], record["op"])
    if min(sizes) < 0 or max(map(abs, sizes + places)) >= WORD:
        _refuse(path, number, "a number is out of range")
    if record["time"] is not None and not math.isfinite(record["time"]):
        _refuse(path, number, "time is out of range")
    if record["exposure"] not in EXPOSURES:
        _refuse(path, number, f"the exposure {record['exposure']!r} is unknown")
    if record["direction"] not in ("out", "in"):
        _refuse(path, number, f"the direction {record['direction']!r} is unknown")
    record["shape"] = shape
    return Entry(**record)


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it stands, so that a key that stands twice is seen."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(object_pairs_hook=_Pairs, parse_constant=_no_constant)


def _check_order(path: FilePath, number: int, last: Entry | None, entry: Entry) -> None:
    """Frames of one peer and direction are numbered upwards, anew in a new epoch; one may carry several entries."""
    if last is None or entry.epoch > last.epoch:
        return
    link = f"{'to' if entry.direction == 'out' else 'from'} {entry.peer!r}"
    if entry.epoch < last.epoch:
        _refuse(path, number, f"epoch {entry.epoch} {link} follows epoch {last.epoch}")
    same_frame = entry.seq == last.seq and entry.round == last.round and entry.digest == last.digest
    if entry.seq <= last.seq and not same_frame:
        _refuse(path, number, f"seq {entry.seq} {link} follows seq {last.seq}")


def _refuse(path: FilePath, number: int, what: str) -> NoReturn:
    raise IntegrityError(f"the ledger {path} does not verify: line {number}: {what}", file=str(path), line=number)
