"""The file of a tape: what was written comes back, and nothing else is ever read from it."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl import frames
from mpcfl.errors import IntegrityError, ResourceError, UsageError
from mpcfl.frames import CHUNK, TAG, FrameReader, FrameWriter, sealed_size
from mpcfl.keys import generate
from mpcfl.pieces import Stripes
from mpcfl.register import Register
from mpcfl.saving import replacing
from mpcfl.tape import HEAD_BYTES, MAGIC, PURPOSE, Draw, Label, Part, Tape, TapeWriter, UsedTape

BANK, OTHER = generate("bank", "party"), generate("bank", "party")
ID = bytes(range(16))
START = len(MAGIC) + len(ID)


def words(*sizes: int) -> list[np.ndarray[Any, np.dtype[np.uint64]]]:
    rng = np.random.default_rng(sum(sizes))
    return [rng.integers(0, 1 << 64, size, np.uint64) for size in sizes]


def draw_of(family: str, *corrections: int) -> Draw:
    parts = [(Part.SEED, Stripes(1, 3, 3)), (Part.NOTHING, Stripes(1, 70, 70))]
    parts += [(Part.CORRECTION, Stripes(1, size, size)) for size in corrections]
    return Draw(family, os.urandom(16), tuple(parts))


def written(path: Path, draws: list[tuple[Draw, list[Any]]], tape: bytes = ID) -> Path:
    with replacing(path) as file:
        writer = TapeWriter(file, tape)
        for draw, corrections in draws:
            writer.draw(draw, corrections)
        head = {"party": "bank", "terms": {"suite": "semi2k"}, "facts": {"columns": "2,3"}, "draws": len(draws)}
        writer.close({**head, "digest": bytes(32), "seed": os.urandom(32)}, BANK.derive(PURPOSE, tape))
    return path


SMALL = [(draw_of("mask"), []), (draw_of("triple", 5, 0, 2), words(5, 0, 2)), (draw_of("mask", 1), words(1))]


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    path = written(tmp_path / "tape", SMALL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    tape = Tape.open(path, BANK)
    assert (tape.id, tape.head.party, tape.head.families) == (ID, "bank", ("mask", "triple"))
    assert (dict(tape.head.terms), dict(tape.head.facts)) == ({"suite": "semi2k"}, {"columns": "2,3"})
    assert tape.label == Label(ID, 0, 3, bytes(32))
    for (draw, corrections), (wanted, given_) in zip(tape.draws(), SMALL, strict=True):
        assert draw == wanted
        for one, other in zip(corrections, given_, strict=True):
            np.testing.assert_array_equal(one, other)
            assert one.flags.writeable
    tape.close()


def test_secrets_are_sealed_and_not_shown(tmp_path: Path) -> None:
    path = written(tmp_path / "tape", SMALL)
    tape = Tape.open(path, BANK)
    content = path.read_bytes()
    for secret in (tape.head.seed, tape.head.key, tape.head.seed.hex().encode(), SMALL[1][1][0].tobytes(), b"triple"):
        assert secret not in content
    assert tape.head.seed.hex() not in repr(tape.head)
    assert str(tape.head.seed) not in repr(tape.head)
    tape.close()


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=6), st.data())
def test_a_stream_comes_back_however_it_is_cut(sizes: list[int], data: st.DataObject) -> None:
    parts, file = words(*sizes), io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "CHUNK", 64)
        writer = FrameWriter(file, b"here")
        for part in parts:
            writer.write(part)
        writer.close()
        assert writer.size == 8 * sum(sizes)
        assert file.tell() == sealed_size(writer.size)
        file.seek(0)
        reader = FrameReader(file, b"here", writer.key, writer.size)
        whole, start = np.concatenate([*parts, words(0)[0]]), 0
        while start < whole.size:
            count = data.draw(st.integers(1, whole.size - start))
            np.testing.assert_array_equal(reader.words(count), whole[start : start + count])
            start += count
        with pytest.raises(IntegrityError):
            reader.words(1)


def streamed(count: int) -> tuple[bytearray, FrameWriter]:
    file = io.BytesIO()
    writer = FrameWriter(file, b"here")
    writer.write(words(count * CHUNK // 8)[0])
    writer.close()
    return bytearray(file.getvalue()), writer


def refused(content: bytes, writer: FrameWriter, *, context: bytes = b"here", key: bytes | None = None) -> bool:
    reader = FrameReader(io.BytesIO(content), context, key or writer.key, writer.size)
    with pytest.raises(IntegrityError):
        reader.words(writer.size // 8)
    return True


def test_frames_that_were_moved_changed_or_brought_do_not_open() -> None:
    content, writer = streamed(3)
    other, _ = streamed(3)
    size = CHUNK + TAG
    first, second, third = (bytes(content[i * size : (i + 1) * size]) for i in range(3))
    assert refused(second + first + third, writer)
    assert refused(first + first + third, writer)
    assert refused(first + third, writer)
    assert refused(first + second + third[:-1], writer)
    assert refused(first + bytes(other[size : 2 * size]) + third, writer)
    assert refused(bytes(content), writer, context=b"there")
    assert refused(bytes(content), writer, key=bytes(32))


def test_no_frame_is_sealed_twice_under_one_nonce(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bytes, bytes]] = []
    cipher = frames.AESGCM

    class Watched:
        def __init__(self, key: bytes) -> None:
            self.key, self.cipher = key, cipher(key)

        def encrypt_into(self, nonce: bytes, *rest: Any) -> None:
            seen.append((self.key, nonce))
            self.cipher.encrypt_into(nonce, *rest)

    monkeypatch.setattr(frames, "AESGCM", Watched)
    for _ in range(2):
        streamed(3)
    assert len(set(seen)) == len(seen) == 6


def read(path: Path) -> None:
    with contextlib.closing(Tape.open(path, BANK)) as tape:
        list(tape.draws())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_change_of_the_file_is_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = written(tmp_path_factory.mktemp("tape") / "tape", SMALL)
    content = bytearray(path.read_bytes())
    kind = data.draw(st.sampled_from(["flip", "cut", "grow", "zero"]))
    place = data.draw(st.one_of(st.integers(0, START + 40), st.integers(0, len(content) - 1)))
    if kind == "flip":
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "cut":
        del content[place:]
    elif kind == "grow":
        content += bytes(1 + place)
    else:
        content[place : place + 64] = b"\xff" * len(content[place : place + 64])
    path.write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        read(path)
    assert "record a new one" in str(caught.value)


def test_the_tape_of_another_key_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "tape", SMALL)
    with pytest.raises(IntegrityError, match="another key"):
        Tape.open(path, OTHER)
    assert BANK.derive(PURPOSE, ID) != BANK.derive("another purpose", ID) != BANK.derive(PURPOSE, bytes(16))


def test_what_is_no_tape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tape"
    with pytest.raises(UsageError, match="cannot be opened"):
        Tape.open(path, BANK)
    for content in (b"", b"something else entirely", bytes(1 << 16)):
        path.write_bytes(content)
        with pytest.raises(IntegrityError, match="is no tape"):
            Tape.open(path, BANK)


def test_a_reserved_tape_holds_no_secret_any_more(tmp_path: Path) -> None:
    path = written(tmp_path / "tape", SMALL)
    tape = Tape.open(path, BANK)
    draws = tape.draws()
    next(draws)
    tape.reserve()
    # what is on disk from here on, however the process ends
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    with pytest.raises(UsedTape, match=r"used on 20.*one session"):
        Tape.open(copy, BANK)
    np.testing.assert_array_equal(next(draws)[1][0], SMALL[1][1][0])  # its own session goes on
    tape.close()
    assert path.stat().st_size == START + HEAD_BYTES
    with pytest.raises(UsedTape):
        Tape.open(path, BANK)


def test_the_mark_is_on_disk_before_anything_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "tape", SMALL)
    tape, order = Tape.open(path, BANK), []
    write, sync = os.pwrite, os.fsync
    monkeypatch.setattr(os, "pwrite", lambda *a: order.append("write") or write(*a))
    monkeypatch.setattr(os, "fsync", lambda *a: order.append("sync") or sync(*a))
    tape.reserve()
    assert order == ["write", "sync"]
    tape.close()


def test_a_head_half_written_is_refused(tmp_path: Path) -> None:
    fresh = written(tmp_path / "tape", SMALL).read_bytes()
    tape = Tape.open(tmp_path / "tape", BANK)
    tape.reserve()
    used = (tmp_path / "tape").read_bytes()
    tape.close()
    differ = [at - START for at in range(START, START + HEAD_BYTES) if fresh[at] != used[at]]
    for cut in (differ[0] + 1, 512, 4096, differ[-1]):  # a byte of the new head; all but a byte of it
        (tmp_path / "tape").write_bytes(used[: START + cut] + fresh[START + cut :])
        with pytest.raises(IntegrityError):
            Tape.open(tmp_path / "tape", BANK)


def test_one_process_has_a_tape(tmp_path: Path) -> None:
    path = written(tmp_path / "tape", SMALL)
    tape = Tape.open(path, BANK)
    with pytest.raises(UsageError, match="another process has"):
        Tape.open(path, BANK)
    tape.close()
    Tape.open(path, BANK).close()


def test_terms_that_do_not_fit_are_refused() -> None:
    writer = TapeWriter(io.BytesIO(), ID)
    head = {"party": "bank", "terms": {"job": "x" * HEAD_BYTES}, "facts": {}, "draws": 0, "digest": bytes(32)}
    with pytest.raises(ResourceError, match="too long for a tape"):
        writer.close({**head, "seed": bytes(32)}, bytes(32))


def test_a_full_disk_is_code_15(tmp_path: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as file, pytest.raises(OSError, match="space"):
        TapeWriter(file, ID)

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            if self.tell() > CHUNK:
                raise OSError(28, "No space left on device")
            return super().write(data)

    writer = TapeWriter(Full(), ID)
    with pytest.raises(ResourceError, match="cannot be written: No space"):
        writer.draw(draw_of("mask", CHUNK), words(CHUNK))


@given(st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 64) - 1), st.binary(min_size=32, max_size=32))
def test_a_label_reads_as_it_was_written(index: int, draws: int, digest: bytes) -> None:
    label = Label(ID, index, draws, digest)
    assert Label.unpack(label.pack()) == label
    with pytest.raises(ValueError, match="64 bytes"):
        Label.unpack(label.pack()[:-1])


# The register


LABEL = Label(ID, 0, 7, bytes(32))


def test_a_register_gives_a_tape_once(tmp_path: Path) -> None:
    register = Register(tmp_path / "new" / "register")
    with pytest.raises(IntegrityError, match="has no tape"):
        register.use(LABEL)
    register.record(LABEL)
    with pytest.raises(IntegrityError, match="already"):
        register.record(LABEL)
    register.use(LABEL)
    for again in (register, Register(tmp_path / "new" / "register")):
        with pytest.raises(IntegrityError, match="a tape serves one session"):
            again.use(LABEL)


@pytest.mark.parametrize("other", [Label(ID, 1, 7, bytes(32)), Label(ID, 0, 8, bytes(32)), Label(ID, 0, 7, b"1" * 32)])
def test_a_register_compares_the_whole_label(tmp_path: Path, other: Label) -> None:
    register = Register(tmp_path)
    register.record(LABEL)
    with pytest.raises(IntegrityError, match="is not as the dealer's register has it"):
        register.use(other)
    register.use(LABEL)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"tape": 1, "draws": 2}'])
def test_a_register_that_cannot_be_read_gives_nothing(tmp_path: Path, text: str) -> None:
    register = Register(tmp_path)
    register.record(LABEL)
    next(tmp_path.glob("*.json")).write_text(text)
    with pytest.raises(IntegrityError, match="cannot be read"):
        register.use(LABEL)
