"""Shares on disk: what was saved comes back, sealed, shared anew, and only where all files belong together."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import mpcfl
from mpcfl.checkpoints import GENERATIONS, Checkpoints
from mpcfl.errors import IntegrityError, Mismatch, ResourceError, UsageError
from mpcfl.keys import Identity, generate
from mpcfl.saved import MAGIC, Saved, save

REALS = np.array([[1.5, -2.25], [0.0, 100.0]])


@pytest.fixture(scope="module")
def keys() -> list[Identity]:
    return [generate(name, "party") for name in ("party0", "party1", "party2")]


def value(session, scale=1.0):
    x = session.share(REALS * scale, 0, REALS.shape)
    n = session.share(np.arange(3), 1, (3,), np.int64)
    return {
        "x": x * x,
        "parts": [n - 5, (x > 1, n[0])],
        "classes": np.array(["no", "yes"]),
        "steps": 7,
        "rate": 0.1,
        "nothing": None,
        "plain": np.float64(0.3),
        "mask": session.private(REALS[0], 1, (2,)),
    }


def revealed(session, kept):
    secrets = [kept["x"], kept["parts"][0], *kept["parts"][1], kept["mask"]]
    return [one.reveal() for one in secrets]


def write(folder, keys, parties=2, ring=64, program=value, **options):
    def run(session):
        kept = program(session)
        path = folder / f"{session.name}.shares"
        return save(session, path, keys[session.rank], kept, name="model", facts={"columns": ["a", "b"]})

    return mpcfl.simulate(run, parties, ring=ring, **options).results


def read(folder, keys, parties=2, ring=64, **options):
    def run(session):
        kept = Saved.open(folder / f"{session.name}.shares", keys[session.rank]).load(session)
        return kept, revealed(session, kept)

    return mpcfl.simulate(run, parties, ring=ring, **options).results


@pytest.mark.parametrize("ring", [64, 128])
@pytest.mark.parametrize("parties", [2, 3])
def test_what_was_saved_comes_back(tmp_path: Path, keys, parties, ring):
    ids = write(tmp_path, keys, parties, ring)
    assert len(set(ids)) == 1
    assert len(ids[0]) == 16
    for kept, (squares, less, above, first, own) in read(tmp_path, keys, parties, ring):
        np.testing.assert_allclose(squares, REALS**2, atol=2e-5)
        np.testing.assert_array_equal(less, [-5, -4, -3])
        np.testing.assert_array_equal(above, REALS > 1)
        assert above.dtype == bool
        assert first == 0
        np.testing.assert_array_equal(own, REALS[0])
        assert kept["classes"].tolist() == ["no", "yes"]
        assert (kept["steps"], kept["rate"], kept["nothing"], float(kept["plain"])) == (7, 0.1, None, 0.3)
        assert isinstance(kept["parts"], list)
        assert isinstance(kept["parts"][1], tuple)


def test_the_words_are_those_that_were_held_bit_for_bit(tmp_path: Path, keys):
    def program(session):
        x = session.share(np.linspace(-1, 1, 5), 0, (5,)).reveal()
        y = session.share(np.linspace(-1, 1, 5), 0, (5,)) * session.share(np.pi, 1, ())
        save(session, tmp_path / session.name, keys[session.rank], y, name="y", facts={})
        return x, y.reveal()

    def again(session):
        return Saved.open(tmp_path / session.name, keys[session.rank]).load(session).reveal()

    before = mpcfl.simulate(program).results[0][1]
    np.testing.assert_array_equal(mpcfl.simulate(again).results[0], before)


def test_a_file_tells_nothing_and_opens_for_its_party_alone(tmp_path: Path, keys):
    def program(session):
        zeros = session.private(np.zeros(1000), 0, (1000,))  # words of the owner in the clear, of the others zeros
        return save(session, tmp_path / session.name, keys[session.rank], zeros, name="zeros", facts={"secret": "x"})

    own = mpcfl.simulate(program).results[0]
    for name in ("party0", "party1"):
        raw = (tmp_path / name).read_bytes()
        assert raw.startswith(MAGIC + own)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert b"zeros" not in raw
        assert b"secret" not in raw
        assert len(re.findall(rb"\0{8}", raw[64:])) == 0
    with pytest.raises(IntegrityError, match="another key"):
        Saved.open(tmp_path / "party0", keys[1])


def test_shares_are_renewed(tmp_path: Path, keys):
    write(tmp_path, keys)

    def program(session):
        kept = [Saved.open(tmp_path / f"{session.name}.shares", keys[session.rank]).load(session) for _ in range(2)]
        return [session.held(one["x"])[1] for one in kept]

    for one, other in mpcfl.simulate(program).results:
        assert not np.any(one == other)


@pytest.mark.parametrize("place", [0, 20, 30, 34, 60, -1, -40])
def test_an_altered_file_is_refused(tmp_path: Path, keys, place):
    write(tmp_path, keys)
    path = tmp_path / "party0.shares"
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)

    def program(session):
        Saved.open(tmp_path / f"{session.name}.shares", keys[session.rank]).load(session)

    with pytest.raises(IntegrityError):
        mpcfl.simulate(program)


@pytest.mark.parametrize("stop", [-1, 20, 0])
def test_a_cut_file_is_refused(tmp_path: Path, keys, stop):
    write(tmp_path, keys)
    path = tmp_path / "party0.shares"
    path.write_bytes(path.read_bytes()[:stop])
    with pytest.raises(IntegrityError):
        Saved.open(path, keys[0])


def test_files_that_do_not_belong_together_end_with_a_mismatch(tmp_path: Path, keys):
    for place, scale in (("old", 1.0), ("new", 2.0)):
        (tmp_path / place).mkdir()
        write(tmp_path / place, keys, program=lambda session, scale=scale: value(session, scale))

    def program(session):
        place = tmp_path / ("old" if session.rank else "new") / f"{session.name}.shares"
        return Saved.open(place, keys[session.rank]).load(session)["x"].reveal()

    with pytest.raises(Mismatch):
        mpcfl.simulate(program)


@pytest.mark.parametrize(
    ("options", "what"), [({"fraction": 16}, "fraction"), ({"ring": 128}, "ring"), ({"parties": 3}, "parties")]
)
def test_another_session_is_refused_by_name(tmp_path: Path, keys, options, what):
    write(tmp_path, keys)
    (tmp_path / "party2.shares").write_bytes((tmp_path / "party1.shares").read_bytes())
    with pytest.raises((Mismatch, IntegrityError), match=what if what != "parties" else "parties|another key"):
        read(tmp_path, keys, **options)


def test_missing_file_and_unknown_values(tmp_path: Path, keys):
    with pytest.raises(UsageError, match="cannot be read"):
        Saved.open(tmp_path / "none", keys[0])
    for bad in (object(), {1: 2}, np.array([object()])):
        with pytest.raises(UsageError, match="cannot be saved"):
            write(tmp_path, keys, program=lambda session, bad=bad: {"bad": bad})
    with pytest.raises((ResourceError, UsageError)):
        write(tmp_path / "no" / "folder", keys)


def test_on_shapes_nothing_is_written_and_the_cost_is_none(tmp_path: Path, keys):
    def program(session):
        x = session.share(np.ones(3), 0, (3,))
        before = session.rounds, session.bytes_sent
        save(session, tmp_path / session.name, keys[session.rank], [x], name="x", facts={})
        return session.rounds - before[0], session.bytes_sent - before[1]

    cost = mpcfl.forecast(lambda session: program(session))
    assert (cost.rounds, list(tmp_path.iterdir())) == (0, [])
    assert mpcfl.simulate(program).results == [(0, 0)] * 2


# Checkpoints


def steps(folder, keys, last, kill=None):
    """Double a number `last` times from the newest common checkpoint on; a party is killed after some step."""

    def program(session):
        marks = Checkpoints(folder / session.name, keys[session.rank], "doubling")
        found = marks.resume(session)
        step, x = (0, session.share(1.0, 0, ())) if found is None else found
        begun = step
        while step < last:
            step, x = step + 1, x + x
            if kill == step and session.rank == 1:
                raise KeyError("killed")
            marks.save(session, step, x)
        return begun, float(x.reveal())

    return program


def test_resume_goes_on_from_the_newest_step_that_all_have(tmp_path: Path, keys):
    with pytest.raises(KeyError):
        mpcfl.simulate(steps(tmp_path, keys, 9, kill=4))
    assert mpcfl.simulate(steps(tmp_path, keys, 9)).results == [(3, 512.0)] * 2
    assert Checkpoints(tmp_path / "party0", keys[0], "doubling").steps() == [8, 9]
    assert GENERATIONS == 2


def test_without_a_common_step_it_begins_anew(tmp_path: Path, keys):
    mpcfl.simulate(steps(tmp_path, keys, 3))
    Checkpoints(tmp_path / "party1", keys[1], "doubling").clear()
    assert not (tmp_path / "party1").exists()
    assert mpcfl.simulate(steps(tmp_path, keys, 3)).results == [(0, 8.0)] * 2


def test_an_altered_or_foreign_checkpoint_counts_as_none(tmp_path: Path, keys):
    mpcfl.simulate(steps(tmp_path, keys, 3))
    newest = tmp_path / "party0" / "step-000000000003.shares"
    newest.write_bytes(newest.read_bytes()[:-1])
    assert mpcfl.simulate(steps(tmp_path, keys, 3)).results == [(2, 8.0)] * 2

    def other(session):
        return Checkpoints(tmp_path / session.name, keys[session.rank], "another program").resume(session)

    assert mpcfl.simulate(other).results == [None, None]


def test_the_same_step_of_two_runs_is_not_common(tmp_path: Path, keys):
    for place in ("one", "two"):
        mpcfl.simulate(steps(tmp_path / place, keys, 2))

    def program(session):
        folder = tmp_path / ("one" if session.rank else "two") / session.name
        return Checkpoints(folder, keys[session.rank], "doubling").resume(session)

    assert mpcfl.simulate(program).results == [None, None]
