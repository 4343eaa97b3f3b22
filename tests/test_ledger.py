"""The ledger: what is recorded is what the file says, no change stays unseen, and two ledgers of a link mirror."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import resource
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl.audit import MIRRORED, compare, verify
from mpcfl.errors import IntegrityError, UsageError
from mpcfl.ledger import ORIGIN, Direction, Disclosures, Entry, Ledger
from mpcfl.message import Exposure, Message

KEYS = [
    *("index", "session", "epoch", "round", "op", "message", "direction", "peer", "seq", "exposure", "purpose"),
    *("dtype", "shape", "payload_bytes", "wire_bytes", "digest", "time", "prev"),
]

OPERAND = Message("beaver/operand", "party", "party", "words", Exposure.MASKED, "a difference to a fresh mask: uniform")
OUTPUT = Message("reveal/output", "party", "reader", "words", Exposure.OUTPUT, "a share of an agreed output")
REQUEST = Message("dealer/request", "party", "dealer", "bytes", Exposure.PUBLIC, "which correlations come next")


def record(ledger: Ledger, message: Message = OPERAND, **changes: Any) -> None:
    """Record a message of two words to the bureau, less what the test says otherwise."""
    fields: dict[str, Any] = {
        "direction": "out",
        "peer": "bureau",
        "epoch": 0,
        "round": 1,
        "op": 1,
        "seq": len(ledger),
        "dtype": "uint64",
        "shape": (2,),
        "payload_bytes": 16,
        "wire_bytes": 80,
        "digest": f"{len(ledger):032x}",
        "time": None,
    }
    ledger.record(message, **(fields | changes))


def bank(**options: Any) -> Ledger:
    return Ledger("session-1", "bank", **({"disclosures": None} | options))


def saved(ledger: Ledger, path: Path) -> Path:
    ledger.save(path)
    return path


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
words = st.integers(0, 2**63 - 1)
calls = st.fixed_dictionaries(
    {
        "direction": st.sampled_from(["out", "in"]),
        "peer": st.sampled_from(["bureau", "dealer", 'quote " and \\', "büro\n"]),
        "round": words,
        "op": words,
        "dtype": st.sampled_from(["uint64", "bool"]),
        "shape": st.lists(words, max_size=3).map(tuple),
        "payload_bytes": words,
        "wire_bytes": words,
        "digest": texts,
        "time": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "purpose": st.none() | texts,
    }
)


# What is recorded is what the file says


@settings(max_examples=50, deadline=None)
@given(calls=st.lists(calls, max_size=8), session=texts)
def test_file_entries_and_calls_agree(tmp_path_factory: pytest.TempPathFactory, calls: list[Any], session: str) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    with Ledger(session, "bank", disclosures=None, sink=folder / "sink") as ledger:
        for number, call in enumerate(calls):
            record(ledger, **call)
            assert (folder / "sink").read_bytes().count(b"\n") == number + 1  # ahead of whatever happens next
        entries = list(ledger.entries)
    lines = (folder / "sink").read_bytes().splitlines()
    copy = Ledger(session, "bank", disclosures=None)
    for call in calls:
        record(copy, **call)
    copy.save(folder / "saved")

    assert (folder / "saved").read_bytes() == (folder / "sink").read_bytes()
    prev = "0" * 64
    for number, (line, entry, call) in enumerate(zip(lines, entries, calls, strict=True)):
        spoken = json.loads(line)
        assert list(spoken) == KEYS == [field.name for field in dataclasses.fields(Entry)]
        assert {**dataclasses.asdict(entry), "shape": list(entry.shape)} == spoken
        expected = {**call, "index": number, "seq": number, "session": session, "prev": prev, "exposure": "masked"}
        expected |= {"message": OPERAND.name, "shape": list(call["shape"])}
        expected["purpose"] = OPERAND.purpose if call["purpose"] is None else call["purpose"]
        assert {key: spoken[key] for key in expected} == expected
        prev = hashlib.sha256(line).hexdigest()
    assert ledger.head.hex() == copy.head.hex() == verify(folder / "sink").head == prev
    assert verify(folder / "sink").entries == len(ledger) == len(calls)


def test_entries_are_a_sequence() -> None:
    ledger = bank()
    for _ in range(5):
        record(ledger)
    entries = ledger.entries
    assert [entry.index for entry in entries] == [0, 1, 2, 3, 4]
    assert entries[-1] == entries[4]
    assert entries[1:3] == [entries[1], entries[2]]
    with pytest.raises(IndexError):
        entries[5]
    record(ledger)
    assert len(entries) == 6


def test_numpy_integers_are_written_as_numbers(tmp_path: Path) -> None:
    ledger = bank()
    record(ledger, shape=(np.int64(3), np.uint64(2)), op=np.int64(7), seq=np.uint32(9), time=np.float64(0.5))
    path = saved(ledger, tmp_path / "ledger")
    spoken = json.loads(path.read_text())
    assert (spoken["shape"], spoken["op"], spoken["seq"], spoken["time"]) == ([3, 2], 7, 9, 0.5)


def test_a_call_of_the_wrong_type_leaves_no_trace(tmp_path: Path) -> None:
    with bank(sink=tmp_path / "ledger") as ledger:
        record(ledger)
        for wrong in ({"op": 1.5}, {"seq": "3"}, {"shape": (2.5,)}, {"digest": b""}, {"time": "now"}):
            with pytest.raises((TypeError, ValueError)):
                record(ledger, **wrong)
        record(ledger)
    assert verify(tmp_path / "ledger").entries == len(ledger) == 2


def test_threads_chain_one_after_another(tmp_path: Path) -> None:
    ledger = bank(sink=tmp_path / "ledger")

    def speak(peer: str) -> None:
        for seq in range(200):
            record(ledger, peer=peer, seq=seq)

    threads = [threading.Thread(target=speak, args=(f"party{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.close()
    assert verify(tmp_path / "ledger").entries == 800


# Write-ahead and files


def test_files_are_private(tmp_path: Path) -> None:
    with bank(sink=tmp_path / "sink") as ledger:
        record(ledger)
        ledger.save(tmp_path / "saved")
    assert stat.S_IMODE((tmp_path / "sink").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "saved").stat().st_mode) == 0o600


@pytest.mark.parametrize("taken", ["file", "dangling link", "folder"])
def test_a_sink_never_overwrites(tmp_path: Path, taken: str) -> None:
    path = tmp_path / "ledger"
    if taken == "file":
        path.write_text("kept")
    elif taken == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IntegrityError, match="exists already and is never overwritten"):
        bank(sink=path)
    assert not (tmp_path / "elsewhere").exists()
    assert taken != "file" or path.read_text() == "kept"


def test_a_sink_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="cannot be created: No such file"):
        bank(sink=tmp_path / "none" / "ledger")


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes: the kernel cuts the write that would, and refuses the next."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_cannot_be_recorded_is_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    with bank(sink=path) as ledger:
        record(ledger)
        head, size = ledger.head, path.stat().st_size
        with full_disk(size + size // 2), pytest.raises(IntegrityError, match="cannot be written") as refused:
            record(ledger)
        assert refused.value.code == 14
        with pytest.raises(IntegrityError, match="cannot be written"):
            record(ledger)  # room again, but the session is over: no gap can be hidden
        assert (len(ledger), ledger.head) == (1, head)
    assert path.stat().st_size == size  # the torn line is gone
    assert verify(path).head == head.hex()


def test_nothing_is_recorded_after_close(tmp_path: Path) -> None:
    ledger = bank(sink=tmp_path / "ledger")
    ledger.close()
    ledger.close()
    with pytest.raises(IntegrityError, match="closed"):
        record(ledger)


def test_save_replaces_in_one_step_or_not_at_all(tmp_path: Path) -> None:
    ledger = bank()
    record(ledger)
    path = tmp_path / "ledger"
    path.write_text("old")
    assert verify(saved(ledger, path)).entries == 1
    before = path.read_bytes()
    record(ledger)
    with full_disk(len(before)), pytest.raises(IntegrityError, match="cannot be saved"):
        ledger.save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["ledger"]
    with pytest.raises(IntegrityError, match="cannot be saved"):
        ledger.save(tmp_path / "none" / "ledger")


def test_save_to_the_sink_itself_keeps_it_growing(tmp_path: Path) -> None:
    with bank(sink=tmp_path / "ledger") as ledger:
        record(ledger)
        ledger.save(tmp_path / "ledger")
        record(ledger)
    assert verify(tmp_path / "ledger").entries == 2


# Disclosures

AGREED = Disclosures((("auc on the held-out rows", ("bank", "bureau")), ("model", ("bank",))))


def test_disclosures_allow_what_was_agreed() -> None:
    AGREED.check("auc on the held-out rows", ("bank", "bureau"))
    AGREED.check("auc on the held-out rows", ["bureau"])
    AGREED.check("model", ("bank",))
    Disclosures.any().check("whatever", ("anyone",))


@pytest.mark.parametrize(
    ("purpose", "to", "named"),
    [("model", ("bank", "bureau"), "bureau"), ("labels", ("bank",), "bank"), ("labels", (), "nobody")],
)
def test_disclosures_refuse_the_rest_by_name(purpose: str, to: tuple[str, ...], named: str) -> None:
    with pytest.raises(IntegrityError) as refused:
        AGREED.check(purpose, to)
    assert refused.value.code == 14
    assert f"'{purpose}' to {named} is not" in refused.value.reason
    with pytest.raises(IntegrityError):
        Disclosures().check(purpose, to)


@pytest.mark.parametrize(
    ("direction", "peer", "allowed"), [("in", "bureau", True), ("out", "bureau", False), ("out", "bank", True)]
)
def test_no_output_is_recorded_that_was_not_agreed(direction: Direction, peer: str, allowed: bool) -> None:
    """The model is agreed for the bank, whose ledger this is: it may come in, but may not go out to the bureau."""
    ledger = bank(disclosures=AGREED)
    for _ in range(2):  # a refusal is not forgotten
        if allowed:
            record(ledger, OUTPUT, direction=direction, peer=peer, purpose="model")
        else:
            with pytest.raises(IntegrityError, match="not on the agreed list"):
                record(ledger, OUTPUT, direction=direction, peer=peer, purpose="model")
    assert len(ledger) == 2 * allowed


def test_without_a_list_no_output_leaves() -> None:
    with pytest.raises(IntegrityError, match="not on the agreed list"):
        record(bank(disclosures=None), OUTPUT, purpose="model")
    ledger = bank(disclosures=Disclosures.any())
    record(ledger, OUTPUT, purpose="model")
    assert ledger.entries[0].purpose == "model"


# Verify


def relinked(lines: list[dict[str, Any]]) -> bytes:
    """A forger's file: the lines with every `prev` made right again."""
    prev, out = "0" * 64, b""
    for line in lines:
        encoded = json.dumps({**line, "prev": prev}, separators=(",", ":")).encode()
        prev, out = hashlib.sha256(encoded).hexdigest(), out + encoded + b"\n"
    return out


@pytest.fixture
def conversation(tmp_path: Path) -> Path:
    ledger = bank(disclosures=Disclosures.any())
    for number in range(3):
        record(ledger, round=number)
        record(ledger, round=number, direction="in")
    record(ledger, OUTPUT, purpose="model", round=3)
    return saved(ledger, tmp_path / "conversation")


def test_summary(conversation: Path) -> None:
    summary = verify(conversation)
    assert [(total.message, total.direction, total.count, total.payload_bytes) for total in summary.totals] == [
        ("beaver/operand", "out", 3, 48),
        ("beaver/operand", "in", 3, 48),
        ("reveal/output", "out", 1, 16),
    ]
    assert [(entry.index, entry.purpose, entry.peer) for entry in summary.outputs] == [(6, "model", "bureau")]
    assert summary.session == "session-1"


def test_an_empty_ledger_verifies(tmp_path: Path) -> None:
    summary = verify(saved(bank(), tmp_path / "empty"))
    assert (summary.session, summary.entries, summary.head) == (None, 0, ORIGIN.hex())


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_change_of_a_byte_stays_unseen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Either the file no longer verifies, or (the last line, to which nothing is bound yet) its head is another."""
    ledger = bank()
    for _ in range(3):
        record(ledger)
    path = saved(ledger, tmp_path_factory.mktemp("ledger") / "ledger")
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    path.write_bytes(content)
    with suppress(IntegrityError):
        assert verify(path).head != ledger.head.hex()
        assert content[:place].count(b"\n") == 2


@pytest.mark.parametrize("dropped", range(7))
def test_a_line_left_out_is_seen(conversation: Path, dropped: int) -> None:
    lines = conversation.read_bytes().splitlines(keepends=True)
    head = verify(conversation).head
    del lines[dropped]
    conversation.write_bytes(b"".join(lines))
    if dropped == 6:
        assert verify(conversation).head != head
    else:
        with pytest.raises(IntegrityError, match=f"line {dropped + 1}: prev is not"):
            verify(conversation)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[2].update(index=3), "line 3: index is 3 where 2 follows"),
        (lambda lines: lines[4].update(session="other"), "line 5: session is 'other', and was 'session-1' before"),
        (lambda lines: lines[2].update(seq=0), "line 3: seq 0 to 'bureau' follows seq 0"),
        (lambda lines: lines[3].update(seq=0), "line 4: seq 0 from 'bureau' follows seq 1"),
        (lambda lines: lines[0].update(epoch=1), "line 3: epoch 0 to 'bureau' follows epoch 1"),
        (lambda lines: lines[5].update(exposure="secret"), "line 6: the exposure 'secret' is unknown"),
        (lambda lines: lines[5].update(direction="up"), "line 6: the direction 'up' is unknown"),
        (lambda lines: lines[1].update(note="x"), "line 2: the key 'note' is unknown"),
        (lambda lines: lines[1].pop("digest"), "line 2: the key 'digest' is missing"),
        (lambda lines: lines[0].update(seq=True), "line 1: seq is of the wrong type"),
        (lambda lines: lines[0].update(shape=[1, "2"]), "line 1: shape is of the wrong type"),
        (lambda lines: lines[0].update(shape=[[1]]), "line 1: shape is of the wrong type"),
        (lambda lines: lines[0].update(peer=None), "line 1: peer is of the wrong type"),
        (lambda lines: lines[0].update(payload_bytes=-1), "line 1: a number is out of range"),
        (lambda lines: lines[0].update(op=10**4000), "line 1: a number is out of range"),
        (lambda lines: lines[0].update(purpose="x" * 70000), "line 1: it is longer than 65536 bytes"),
        (lambda lines: lines[0].update(time=float("nan")), "line 1: it is not JSON"),
    ],
)
def test_what_a_forger_relinks_is_still_refused(
    conversation: Path, change: Callable[[list[dict[str, Any]]], None], message: str
) -> None:
    lines = [json.loads(line) for line in conversation.read_text().splitlines()]
    change(lines)
    conversation.write_bytes(relinked(lines))
    with pytest.raises(IntegrityError) as refused:
        verify(conversation)
    assert refused.value.code == 14
    assert refused.value.reason.endswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\n", "line 1: it is not JSON"),
        (b"\n", "line 1: it is not JSON"),
        (b"[" * 60000 + b"\n", "line 1: it is not JSON"),
        (b"[]\n", "line 1: it is not a JSON object"),
        (b"{}\n", "line 1: the key 'digest' is missing"),
        (b"9" * 5000 + b"\n", "line 1: it is not JSON"),
    ],
)
def test_what_is_no_ledger_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(IntegrityError) as refused:
        verify(tmp_path / "file")
    assert refused.value.reason.endswith(message)


def test_a_torn_line_a_doubled_key_and_an_infinite_time_are_refused(conversation: Path) -> None:
    content = conversation.read_bytes()
    for wrong, message in (
        (content[:-1], "line 7: it is cut off before its end"),
        (content.replace(b'"epoch":0', b'"epoch":0,"epoch":0', 1), "line 1: a key stands twice"),
        (content.replace(b'"time":null', b'"time":1e999', 1), "line 1: time is out of range"),
    ):
        conversation.write_bytes(wrong)
        with pytest.raises(IntegrityError) as refused:
            verify(conversation)
        assert refused.value.reason.endswith(message)


def test_messages_of_one_frame_share_its_number_and_a_new_epoch_counts_anew(tmp_path: Path) -> None:
    ledger = bank()
    record(ledger, seq=4, digest="tag")
    record(ledger, seq=4, digest="tag", op=2)
    record(ledger, seq=0, epoch=1)
    assert verify(saved(ledger, tmp_path / "ledger")).entries == 3
    record(ledger, seq=0, epoch=1, digest="another frame")
    with pytest.raises(IntegrityError, match="line 4: seq 0 to 'bureau' follows seq 0"):
        verify(saved(ledger, tmp_path / "ledger"))


def test_a_missing_file_is_a_mistake_of_use(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(UsageError, match="cannot be read") as refused:
            verify(path)
        assert refused.value.code == 2


# Compare


class Talk:
    """Parties that speak with one another, each with its own ledger; a change falsifies what the receiver notes."""

    def __init__(self, *names: str) -> None:
        self.ledgers = {name: Ledger("session-1", name, disclosures=Disclosures.any()) for name in names}
        self.clock = 0

    def say(self, sender: str, receiver: str, message: Message = OPERAND, **changes: Any) -> None:
        self.clock += 1
        common = {"seq": self.clock, "round": self.clock, "op": self.clock, "digest": f"tag {self.clock}"}
        record(self.ledgers[sender], message, peer=receiver, direction="out", time=self.clock + 0.25, **common)
        heard = common | changes
        record(self.ledgers[receiver], message, peer=sender, direction="in", time=self.clock + 0.5, **heard)

    def files(self, folder: Path, *names: str) -> list[Path]:
        return [saved(self.ledgers[name], folder / name) for name in names]


def test_two_ledgers_mirror(tmp_path: Path) -> None:
    talk = Talk("bank", "bureau", "dealer")
    for _ in range(4):
        talk.say("bank", "bureau")
        talk.say("bank", "dealer", REQUEST)
        talk.say("bureau", "bank", OUTPUT, purpose=None)
    talk.say("bureau", "dealer", REQUEST)
    first, second, dealer = talk.files(tmp_path, "bank", "bureau", "dealer")
    for pair in ((first, second), (second, first), (first, dealer), (dealer, second)):
        assert compare(*pair) == []


def test_owners_are_found_where_each_spoke_with_a_third(tmp_path: Path) -> None:
    """The bank alone spoke with the dealer, the bureau alone with the auditor: the link that fits is the one meant."""
    talk = Talk("bank", "bureau", "dealer", "auditor")
    for number in range(5):
        talk.say("bank", "bureau", **({"shape": (3,)} if number == 2 else {}))
    talk.say("bank", "dealer", REQUEST)
    talk.say("auditor", "bureau", REQUEST)
    (difference,) = compare(*talk.files(tmp_path, "bank", "bureau"))
    assert (difference.direction, difference.key, difference.differing) == ("bank to bureau", "shape", 1)


@pytest.mark.parametrize("key", [key for key in MIRRORED if key not in ("message", "exposure")])
def test_each_key_must_agree(tmp_path: Path, key: str) -> None:
    changes: dict[str, Any] = {"purpose": "else", "dtype": "bool", "shape": (4,), "digest": "else"}
    talk = Talk("bank", "bureau")
    talk.say("bureau", "bank")
    talk.say("bank", "bureau")
    talk.say("bank", "bureau", **{key: changes.get(key, 99)})
    if key != "seq":
        talk.say("bank", "bureau")
    (difference,) = compare(*talk.files(tmp_path, "bank", "bureau"))
    assert (difference.direction, difference.key) == ("bank to bureau", key)
    assert (difference.index_a, difference.index_b, difference.differing) == (2, 2, 1)
    assert difference.value_a != difference.value_b == changes.get(key, 99)
    assert f"{key} is {difference.value_a!r} in entry 2 of the first ledger and" in str(difference)


def test_another_declaration_under_the_same_number_is_seen(tmp_path: Path) -> None:
    for key, other in (
        ("message", dataclasses.replace(OPERAND, name="beaver/else")),
        ("exposure", dataclasses.replace(OPERAND, exposure=Exposure.SHARE)),
    ):
        sent, heard = bank(), Ledger("session-1", "bureau", disclosures=None)
        record(sent)
        record(heard, other, direction="in", peer="bank")
        (difference,) = compare(saved(sent, tmp_path / "bank"), saved(heard, tmp_path / "bureau"))
        assert difference.key == key


def test_a_message_that_one_side_left_out(tmp_path: Path) -> None:
    talk = Talk("bank", "bureau")
    for _ in range(3):
        talk.say("bank", "bureau")
    talk.say("bureau", "bank")
    record(talk.ledgers["bank"], seq=50, digest="alone")
    first, second = talk.files(tmp_path, "bank", "bureau")
    (difference,) = compare(first, second)
    assert (difference.key, difference.index_a, difference.index_b) == ("entry", 4, None)
    assert str(difference) == (
        "bank to bureau: entry 4 of the first ledger ('beaver/operand') has no counterpart in the second "
        "(1 differ of 4 entries in the first and 3 in the second)"
    )
    (other,) = compare(second, first)
    assert (other.direction, other.index_a, other.index_b, other.value_b) == ("bank to bureau", None, 4, OPERAND.name)


def test_both_directions_are_reported(tmp_path: Path) -> None:
    talk = Talk("bank", "bureau")
    talk.say("bank", "bureau", digest="x")
    talk.say("bureau", "bank", digest="y")
    assert [str(difference).split(":")[0] for difference in compare(*talk.files(tmp_path, "bank", "bureau"))] == [
        "bank to bureau",
        "bureau to bank",
    ]


def test_a_rewritten_ledger_verifies_but_does_not_mirror(tmp_path: Path) -> None:
    """The chain binds a party to what it showed; what it never showed is caught by its peer."""
    talk = Talk("bank", "bureau")
    for _ in range(3):
        talk.say("bank", "bureau")
    first, second = talk.files(tmp_path, "bank", "bureau")
    lines = [json.loads(line) for line in second.read_text().splitlines()]
    lines[1]["payload_bytes"] = 0
    second.write_bytes(relinked(lines))
    assert verify(second).entries == 3
    assert [difference.key for difference in compare(first, second)] == ["payload_bytes"]


def test_ledgers_without_a_common_link(tmp_path: Path) -> None:
    talk = Talk("bank", "bureau", "dealer")
    talk.say("bank", "bureau")
    first, _ = talk.files(tmp_path, "bank", "bureau")
    empty = saved(bank(), tmp_path / "empty")
    assert compare(empty, empty) == []
    assert compare(first, empty)[0].key == "session"
    (difference,) = compare(first, first)
    assert (difference.direction, difference.key) == ("the ledgers share no link", "peers")
    other = Ledger("session-2", "bureau", disclosures=None)
    record(other, peer="bank", direction="in")
    (difference,) = compare(first, saved(other, tmp_path / "other"))
    assert (difference.key, difference.value_a, difference.value_b) == ("session", "session-1", "session-2")


def test_a_ledger_that_does_not_verify_is_not_compared(tmp_path: Path) -> None:
    talk = Talk("bank", "bureau")
    talk.say("bank", "bureau")
    first, second = talk.files(tmp_path, "bank", "bureau")
    second.write_bytes(second.read_bytes()[:-1])
    for pair in ((first, second), (second, first)):
        with pytest.raises(IntegrityError, match="does not verify"):
            compare(*pair)
