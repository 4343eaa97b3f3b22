"""Tapes between parties over real sockets: what a dealer at work gives, and each correlation used once."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sockets

import mpcfl
from mpcfl import audit, dealer, frames, pieces, requests
from mpcfl.connection import RecordingSession
from mpcfl.drivers import offline, taping
from mpcfl.errors import InputError, IntegrityError, Mismatch, MpcflError, PeerLost, ResourceError, UsageError
from mpcfl.keys import Identity
from mpcfl.link import Link
from mpcfl.register import Register
from mpcfl.roster import Roster
from mpcfl.session import Session
from mpcfl.tape import HEAD_BYTES, Tape, UsedTape

NAMES = ("party0", "party1", "party2")
WAIT = {"connect_timeout": 15.0, "round_timeout": 5.0}
A, B = np.array([1.5, -2.0, 4.25]), np.array([3.0, 0.5, -1.0])


def product(session: Session) -> Any:
    x = session.share(A if session.rank == 0 else None, owner=0, shape=(3,))
    y = session.private(B if session.rank == 1 else None, owner=1, shape=(3,))
    return np.where(x < y, x * y, x - y).reveal()


EXPECTED = np.where(A < B, A * B, A - B)


def square(session: Session) -> Any:
    x = session.share(A if session.rank == 0 else None, owner=0, shape=(3,))
    return (x * x).reveal()


class Site:
    """Parties and a dealer, with a folder for tapes, ledgers and the register; roles run as threads."""

    def __init__(self, folder: Path, parties: int = 2) -> None:
        self.folder = folder
        self.names = NAMES[:parties]
        self.roster, self.identities = sockets.made(folder, self.names)
        self.register = folder / "register"
        self.session = 0

    def tape(self, name: str) -> Path:
        return self.folder / f"{name}.tape"

    def ledger(self, name: str, session: int | None = None) -> Path:
        return self.folder / f"{name}.{self.session if session is None else session}.jsonl"

    def open(self, name: str) -> Tape:
        return Tape.open(self.tape(name), self.identities[name])

    def recording(self, name: str) -> contextlib.AbstractContextManager[RecordingSession]:
        where = {"tape": self.tape(name), "ledger": self.ledger(name)}
        return mpcfl.recording(self.roster, self.identities[name], name, **where, **WAIT)

    def _run(
        self, roles: dict[str, Callable[[], Any]], register: Path | None, dealing: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        self.session += 1
        deal = sockets.deal(self.roster, self.identities, register=register, **WAIT)
        roles[sockets.DEALER] = dealing or deal
        return sockets.together(roles)

    def record(self, *programs: Callable[[Session], Any], only: dict[str, Any] | None = None) -> dict[str, Any]:
        """Let all record; by name how many draws, or what was raised. `only` has other programs for some."""

        def role(name: str) -> int:
            with self.recording(name) as session:
                for program in (only or {}).get(name, programs):
                    session.record(program)
            return session.recorded

        return self._run({name: partial(role, name) for name in self.names}, self.register)

    def play(
        self,
        *programs: Callable[[Session], Any],
        tapes: Mapping[str, Path | None] | None = None,
        dealing: Callable[[], None] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Let all play their tapes; by name what the last program returned, or what was raised."""

        def role(name: str) -> Any:
            where = (tapes or {}).get(name, self.tape(name))
            own = {key: value[name] if key == "view" else value for key, value in options.items()}
            with mpcfl.connect(
                self.roster, self.identities[name], name, tape=where, ledger=self.ledger(name), **{**WAIT, **own}
            ) as session:
                return [session.run(program) for program in programs][-1]

        return self._run({name: partial(role, name) for name in self.names}, self.register, dealing)

    def impatient_dealer(self) -> None:
        """For a session that ends before the dealer is there."""
        sockets.deal(self.roster, self.identities, register=self.register, connect_timeout=2.0)()

    def refusal(self, name: str, tape: Path | None = None, **options: Any) -> MpcflError:
        """How a party is refused that is all alone: nobody listens, and it does not even wait for anybody."""
        options = {"connect_timeout": 0.1, "tape": tape or self.tape(name), **options}
        with pytest.raises(MpcflError) as caught, mpcfl.connect(self.roster, self.identities[name], name, **options):
            pass
        return caught.value


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def well(results: dict[str, Any]) -> dict[str, Any]:
    for result in results.values():
        if isinstance(result, BaseException):
            raise result
    return results


def failed(results: dict[str, Any], kind: type[MpcflError], said: str = "", *, roles: Sequence[str] = ()) -> None:
    """All of these roles (by default every one) ended with that error."""
    for name in roles or results:
        assert type(results[name]) is kind, (name, results[name])
        assert said in str(results[name])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def messages(site: Site) -> set[str]:
    """What the parties said and heard in the last session, by their ledgers."""
    return {entry["message"] for name in site.names if site.ledger(name).exists() for entry in lines(site.ledger(name))}


# What a tape is good for


@pytest.mark.parametrize("parties", [2, 3])
def test_a_tape_gives_what_a_dealer_gives(tmp_path: Path, parties: int) -> None:
    site = Site(tmp_path, parties)
    draws: list[Any] = []
    cost = mpcfl.forecast(product, parties, on_draw=draws.append)
    recorded = well(site.record(product))
    assert {recorded[name] for name in site.names} == {len(draws)}
    ahead = [entry for entry in lines(site.ledger(site.names[-1])) if entry["message"] == "dealer.correction"]
    assert sum(entry["payload_bytes"] for entry in ahead) == cost.offline_bytes
    results = well(site.play(product))
    for name in site.names:
        np.testing.assert_allclose(results[name], EXPECTED, atol=1e-4)
        audit.verify(site.ledger(name))
    assert not audit.compare(site.ledger("party0"), site.ledger("party1"))
    assert not messages(site) & {"dealer.request", "dealer.correction"}


def test_the_ledgers_name_the_tape(site: Site) -> None:
    well(site.record(product))
    with contextlib.closing(site.open("party1")) as opened_tape:
        tape = opened_tape.id.hex()
    (name,) = {entry["session"] for entry in lines(site.ledger("party1"))}
    assert name == tape  # the session that records has the tape's name
    well(site.play(product))
    said = {e["message"]: e["purpose"] for e in lines(site.ledger("party1")) if e["message"].startswith("dealer.")}
    assert said == dict.fromkeys(("dealer.tape", "dealer.register"), f"tape {tape}, used by this session")


def test_rounds_and_bytes_are_the_forecast(site: Site) -> None:
    cost = mpcfl.forecast(product, 2)

    def counted(session: Session) -> Any:
        product(session)
        return session.rounds, session.bytes_sent, session.offline_bytes

    well(site.record(product))
    results = well(site.play(counted))
    for rank, name in enumerate(site.names):
        assert results[name] == (cost.rounds, cost.bytes_sent[rank], cost.offline_bytes)


def test_programs_are_played_in_the_order_of_their_recording(site: Site) -> None:
    well(site.record(product, square, square))
    results = well(site.play(product, square))  # less than was recorded: the rest is lost
    np.testing.assert_allclose(results["party0"], A * A, atol=1e-4)
    assert {type(site.refusal(name)) for name in site.names} == {UsedTape}


def test_a_tape_of_many_frames_in_bounded_memory(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taping, "AHEAD_BYTES", 1 << 20)
    monkeypatch.setattr(taping, "AHEAD_DRAWS", 4)
    x = np.random.default_rng(1).uniform(-9, 9, 70_000)

    def chain(session: Session) -> Any:
        y = session.share(x if session.rank == 0 else None, owner=0, shape=x.shape)
        for _ in range(3):
            y = y * 0.5 * y
            session.barrier()
        return y.reveal()

    well(site.record(chain))
    assert site.tape("party1").stat().st_size > 3 << 20
    assert site.tape("party0").stat().st_size < 100_000  # a seed, and what is expected
    clear = x
    for _ in range(3):
        clear = clear * 0.5 * clear
    np.testing.assert_allclose(well(site.play(chain))["party0"], clear, rtol=1e-3, atol=1e-3)


def test_what_is_dealt_in_pieces_is_recorded_and_played(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(1).uniform(-9, 9, 2_000)

    def program(session: Session) -> Any:
        y = session.share(x if session.rank == 0 else None, owner=0, shape=x.shape)
        return np.where(y < 0, y * y, mpcfl.numerics.sigmoid(y)).reveal()

    monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 12)
    monkeypatch.setattr(dealer, "FRAME_BYTES", 3 << 12)
    monkeypatch.setattr(frames, "CHUNK", 10_000 // 8 * 8)
    exact = np.where(x < 0, x * x, 1 / (1 + np.exp(-x)))
    well(site.record(program))
    corrections = [line for line in lines(site.ledger("party1")) if line["message"] == requests.CORRECTION.name]
    assert sum(line["payload_bytes"] for line in corrections) == mpcfl.forecast(program, 2).offline_bytes
    assert len(corrections) > 20
    assert max(line["payload_bytes"] for line in corrections) < 32 << 10  # no piece is below 128 elements
    np.testing.assert_allclose(well(site.play(program))["party0"], exact, atol=1e-3)
    well(site.record(program))
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 11)  # how they lie stands on the tape
    np.testing.assert_allclose(well(site.play(program))["party0"], exact, atol=1e-3)


def test_while_the_dealer_is_behind_signs_of_life_are_enough(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    drained, behind = Link.drained, iter(range(20))

    def slowly(link: Link, limit: int, seconds: float) -> bool:
        if limit == taping.BACKLOG and next(behind, None) is not None:
            time.sleep(0.02)
            return False
        return drained(link, limit, seconds)

    monkeypatch.setattr(Link, "drained", slowly)
    for module in (dealer, offline):
        monkeypatch.setattr(module, "ALIVE_SECONDS", 0.005)
    well(site.record(product))
    assert next(behind, None) is None
    np.testing.assert_allclose(well(site.play(product))["party1"], EXPECTED, atol=1e-4)


def test_a_dealer_that_is_behind_and_silent_is_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Link, "drained", lambda link, limit, seconds: limit != taping.BACKLOG)
    monkeypatch.setitem(WAIT, "round_timeout", 0.3)
    failed(site.record(square), PeerLost)  # instead of a wait without an end
    assert not list(site.folder.glob("*.tape"))


def test_the_dealer_may_stand_first_and_serve_the_next_session_meanwhile(tmp_path: Path) -> None:
    for first in (True, False):
        folder = tmp_path / str(first)
        folder.mkdir()
        site = Site(folder)
        if first:
            entries = site.roster.entries
            site.roster = Roster(party=(*entries[-1:], *entries[:-1]))
        well(site.record(product, square))
        gone = threading.Event()

        def patient(session: Session, gone: threading.Event = gone) -> Any:
            first = product(session)
            assert gone.wait(30)
            return first, square(session)

        def deal(site: Site = site, gone: threading.Event = gone) -> None:
            try:
                sockets.deal(site.roster, site.identities, register=site.register, **WAIT)()
                sockets.deal(site.roster, site.identities, register=site.register, connect_timeout=1.5)()
            finally:
                gone.set()

        results = site.play(patient, dealing=deal)
        failed(results, PeerLost, roles=[sockets.DEALER])  # nobody came for another session
        for name in site.names:
            np.testing.assert_allclose(results[name], [EXPECTED, A * A], atol=1e-4)


# Each correlation once


def test_a_used_tape_is_refused_before_anybody_connects(site: Site) -> None:
    well(site.record(product))
    well(site.play(product))
    for name in site.names:
        assert site.tape(name).stat().st_size == 32 + HEAD_BYTES  # what it held is gone
        refusal = site.refusal(name)
        assert (type(refusal), refusal.code) == (UsedTape, 14)
        assert "record a new one with `mpcfl offline`" in str(refusal)


def test_one_restored_file_meets_a_peer_whose_file_is_used(site: Site) -> None:
    well(site.record(product))
    shutil.copy(site.tape("party0"), site.folder / "backup")
    well(site.play(product))
    shutil.copy(site.folder / "backup", site.tape("party0"))
    assert isinstance(site.refusal("party0"), PeerLost)
    assert isinstance(site.refusal("party1"), UsedTape)
    site.open("party0").close()  # nothing of it was used


def restored(site: Site) -> dict[str, Path]:
    """Record, copy, play; where the copies are."""
    well(site.record(product))
    copies = {name: site.folder / f"{name}.copy" for name in site.names}
    for name, copy in copies.items():
        shutil.copy(site.tape(name), copy)
    well(site.play(product, view={name: site.folder / f"{name}.first.npz" for name in site.names}))
    return copies


def test_all_files_restored_meet_the_dealers_register(site: Site) -> None:
    copies = restored(site)
    failed(site.play(product, tapes=copies), IntegrityError, "a tape serves one session")
    assert messages(site) == {"dealer.tape"}  # not a word of data was sent
    for name, copy in copies.items():
        Tape.open(copy, site.identities[name]).close()


def test_a_register_that_does_not_know_the_tape_refuses_it(site: Site) -> None:
    copies = restored(site)
    shutil.rmtree(site.register)
    failed(site.play(product, tapes=copies), IntegrityError, "has no tape")
    assert messages(site) == {"dealer.tape"}


def opened(path: Path) -> set[int]:
    """The masked words that a party received."""
    with np.load(path, allow_pickle=False) as view:
        return {int(word) for key in view if "beaver" in key or "truncation" in key for word in view[key].reshape(-1)}


def test_what_the_refusals_are_for(site: Site) -> None:
    """Whoever restores every file and the register opens an operand under its old mask; a new tape has new masks."""
    copies = restored(site)
    first = opened(site.folder / "party0.first.npz")
    for entry in site.register.glob("*.json"):
        entry.write_text(json.dumps({**json.loads(entry.read_text()), "used": None}))
    again = {name: site.folder / f"{name}.again.npz" for name in site.names}
    well(site.play(product, tapes=copies, view=again))
    assert opened(again["party0"]) & first
    well(site.record(product))
    other = {name: site.folder / f"{name}.other.npz" for name in site.names}
    well(site.play(product, view=other))
    assert not opened(other["party0"]) & first


def test_tapes_of_two_recordings_do_not_meet(site: Site) -> None:
    well(site.record(product))
    older = site.tape("party0").rename(site.folder / "older.tape")
    site.tape("party1").unlink()
    well(site.record(product))
    results = site.play(product, tapes={"party0": older}, dealing=site.impatient_dealer)
    failed(results, Mismatch, "disagree on tape", roles=site.names)
    assert not messages(site)


def test_one_with_a_tape_and_one_without(site: Site) -> None:
    well(site.record(product))
    results = site.play(product, tapes={"party1": None}, dealing=site.impatient_dealer)
    failed(results, Mismatch, "disagree on tape", roles=site.names)


def test_a_party_that_fails_in_the_middle_burns_the_tape_of_all(site: Site) -> None:
    well(site.record(product, square))

    def failing(session: Session) -> Any:
        product(session)
        if session.rank == 0:
            raise InputError("no more")
        return square(session)

    failed(site.play(failing), InputError, roles=site.names)
    assert {type(site.refusal(name)) for name in site.names} == {UsedTape}
    (entry,) = site.register.glob("*.json")
    assert json.loads(entry.read_text())["used"]


def test_seeds_are_fresh_and_of_no_other_use(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    exported: list[tuple[str, bytes]] = []
    export = Link.exporter

    def watched(self: Link, purpose: str) -> bytes:
        exported.append((purpose, export(self, purpose)))
        return exported[-1][1]

    monkeypatch.setattr(Link, "exporter", watched)
    every: list[bytes] = []
    for _ in range(2):
        exported.clear()
        well(site.record(product))
        seeds = []
        for name in site.names:
            with contextlib.closing(site.open(name)) as tape:
                seeds.append(tape.head.seed)
            site.tape(name).unlink()
        assert set(seeds) == {secret for purpose, secret in exported if purpose == requests.TAPE_SEED}
        assert not set(seeds) & {secret for purpose, secret in exported if purpose != requests.TAPE_SEED}
        every += seeds
    assert len(set(every)) == 4


# What a tape is not for


def other(session: Session) -> Any:
    x = session.share(A if session.rank == 0 else None, owner=0, shape=(3,))
    return (x < 1).reveal()


def larger(session: Session) -> Any:
    x = session.share(np.ones(4) if session.rank == 0 else None, owner=0, shape=(4,))
    return (x * x).reveal()


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ([larger], "draw 0 of the program ('mask') has other sizes or operands"),
        ([square, square], "more than the"),
        ([other], "on the tape of"),
    ],
)
def test_another_program_ends_with_11(site: Site, programs: list[Any], said: str) -> None:
    well(site.record(square))
    results = site.play(*programs)
    failed(results, Mismatch, said, roles=site.names)
    assert {results[name].code for name in site.names} == {11}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"fraction": 16}, "fraction"),
        ({"names": ["party1", "party0"]}, "parties"),
        ({"terms": {"job": "another"}}, "job"),
    ],
)
def test_another_session_is_refused_before_anybody_connects(site: Site, change: dict[str, Any], said: str) -> None:
    well(site.record(product))
    for name in site.names:
        refusal = site.refusal(name, **change)
        assert isinstance(refusal, Mismatch)
        assert f"differs in {said}" in str(refusal)
        site.open(name).close()  # it is as it was


def test_another_roster_or_key_is_refused(site: Site) -> None:
    well(site.record(product))
    assert "another key" in str(site.refusal("party0", site.tape("party1")))
    (site.folder / "elsewhere").mkdir()
    mine = site.identities["party0"]
    site.roster, site.identities = sockets.made(site.folder / "elsewhere", site.names)
    refusal = site.refusal("party0")
    assert isinstance(refusal, IntegrityError)
    assert "another key" in str(refusal)
    site.identities["party0"] = Identity(**{**vars(site.identities["party0"]), "sign_secret": mine.sign_secret})
    assert "differs in roster" in str(site.refusal("party0"))


def test_a_dealer_without_a_register_serves_no_tape(site: Site) -> None:
    kept, site.register = site.register, None  # type: ignore[assignment]
    failed(site.record(product), UsageError, "--state-dir")
    assert not any(site.tape(name).exists() for name in site.names)
    site.register = kept
    well(site.record(product))
    site.register = None  # type: ignore[assignment]
    failed(site.play(product), UsageError, "--state-dir")
    for name in site.names:
        site.open(name).close()


def test_parties_that_record_different_programs_have_no_tape(site: Site) -> None:
    failed(site.record(product, only={"party1": [square]}), Mismatch)
    assert sorted(path.name for path in site.folder.glob("*.tape")) == []
    assert not list(site.register.glob("*.json"))


def test_a_session_that_records_does_not_compute(site: Site) -> None:
    def roles(name: str) -> None:
        with site.recording(name) as session:
            square(session)

    dealing = sockets.deal(site.roster, site.identities, register=site.register, **WAIT)
    results = sockets.together({**{name: partial(roles, name) for name in site.names}, sockets.DEALER: dealing})
    failed(results, UsageError, "session.record", roles=["party0"])


def test_a_tape_that_was_not_used_is_not_replaced(site: Site) -> None:
    well(site.record(square))
    with pytest.raises(UsageError, match="not used yet"), site.recording("party0"):
        pass
    np.testing.assert_allclose(well(site.play(square))["party0"], A * A, atol=1e-4)
    well(site.record(square))
    site.tape("party0").write_text("something of mine")
    with pytest.raises(UsageError, match="no used tape"), site.recording("party0"):
        pass
    assert site.tape("party0").read_text() == "something of mine"


def test_a_tape_that_was_altered_ends_with_14(site: Site) -> None:
    well(site.record(square))
    content = bytearray(site.tape("party1").read_bytes())
    content[-30] ^= 1
    site.tape("party1").write_bytes(content)
    failed(site.play(square), IntegrityError, "was altered", roles=site.names)


def test_a_file_that_cannot_be_marked_is_not_played(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    well(site.record(square))

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    results = site.play(square)
    failed(results, ResourceError, "marked as used", roles=site.names)
    assert messages(site) == {"dealer.tape", "dealer.register"}
    monkeypatch.undo()
    failed(site.play(square), IntegrityError, "a tape serves one session")  # the dealer had entered it


# Planted bugs: of two safeguards, each is enough


def test_a_file_that_forgets_that_it_was_used_meets_the_register(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    well(site.record(square))
    monkeypatch.setattr(Tape, "reserve", lambda tape: None)
    well(site.play(square))
    failed(site.play(square), IntegrityError, "a tape serves one session")
    assert messages(site) == {"dealer.tape"}


def test_a_register_that_forgets_meets_the_file_of_any_one_party(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Register, "use", lambda register, label: None)
    copies = restored(site)
    assert {type(site.refusal(name)) for name in site.names} == {UsedTape}
    tapes = {"party0": copies["party0"], "party1": site.tape("party1")}
    results = site.play(product, tapes=tapes, dealing=site.impatient_dealer, connect_timeout=2.0)
    failed(results, UsedTape, roles=["party1"])
    assert isinstance(results["party0"], PeerLost)
    assert not messages(site)
