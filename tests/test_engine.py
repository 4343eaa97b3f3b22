"""Deferral: what waits, what runs it, what never does, and that every party's program is the same."""

from __future__ import annotations

import gc
import time

import numpy as np
import pytest
from simulation import perform

import mpcfl
from mpcfl import engine
from mpcfl.errors import Mismatch
from mpcfl.share import Base

X, Y = np.array([1.0, -2.0, 3.0]), np.array([0.5, 4.0, -1.0])


def shared(session):
    return session.share(X, owner=0, shape=(3,)), session.share(Y, owner=1, shape=(3,))


def rounds(program, parties=2):
    """The online rounds of a program that reveals nothing."""
    return perform(program, parties)[1].rounds


def test_independent_operations_share_their_rounds():
    def one(session):
        x, y = shared(session)
        x * y

    def many(session):
        x, y = shared(session)
        return [x * y, y * y, x < y, x @ y, mpcfl.numerics.sigmoid(x), x * 0.3]

    assert rounds(one) == 2
    assert rounds(many) == 4


def test_dependent_operations_do_not():
    def program(session):
        x, y = shared(session)
        return x * y * y

    assert rounds(program) == 4


def test_local_operations_wait_with_what_they_wait_for():
    def program(session):
        x, y = shared(session)
        z = x * y
        (z + 1)[::-1].sum() - z[0]
        return y < 0

    assert rounds(program) == 4


def waiting_after(touch):
    """Rounds that were run when a product waits and `touch(product)` was done."""

    def program(session):
        x, y = shared(session)
        z = x * y
        before = session.rounds
        touch(z)
        return before, session.rounds

    (before, after), _ = perform(program)[0]
    return after - before


@pytest.mark.parametrize(
    "touch",
    [
        repr,
        str,
        len,
        lambda z: f"{z}",
        lambda z: (z.shape, z.dtype, z.ndim, z.size, np.shape(z), np.ndim(z), np.size(z)),
        np.zeros_like,
        np.ones_like,
        lambda z: np.full_like(z, 3),
        lambda z: z[1:],
        lambda z: -z.T + 1,
        lambda z: z.reshape(1, 3).sum(axis=0),
        lambda z: gc.collect(),
        lambda z: time.sleep(0.01),
        lambda z: list(z),
        lambda z: z.copy(),
        lambda z: z * z,
        lambda z: (z < 0) & (z > -1),
        lambda z: np.where(z < 0, z, z * 2.5),
    ],
)
def test_neither_looking_nor_computing_runs_anything(touch):
    assert waiting_after(touch) == 0


def test_what_needs_the_value_runs_it():
    assert waiting_after(lambda z: z.reveal()) == 3


def test_a_barrier_runs_what_waits():
    def program(session):
        x, y = shared(session)
        x * y
        before = session.rounds
        session.barrier()
        return session.rounds - before

    assert perform(program)[0] == [2, 2]


def test_a_result_that_nobody_keeps_is_computed_all_the_same():
    """Else what runs would hang on when a garbage collector comes by."""

    def dropped(session):
        x, y = shared(session)
        for _ in range(5):
            x * y
        gc.collect()
        return (x + y).reveal()

    def kept(session):
        x, y = shared(session)
        keep = [x * y for _ in range(5)]
        return (x + y).reveal(), len(keep)

    one, other = perform(dropped)[1], perform(kept)[1]
    assert (one.rounds, one.bytes_sent, one.offline_bytes) == (other.rounds, other.bytes_sent, other.offline_bytes)


def test_a_bound_on_waiting_operations_runs_them():
    def program(session):
        x, y = shared(session)
        for _ in range(engine.MAX_WAITING // 2 + 1):  # a product and its truncation are two
            x * y
        return session.rounds

    assert perform(program)[0] == [2, 2]


def test_a_bound_on_waiting_elements_runs_them(monkeypatch):
    monkeypatch.setattr(engine, "MAX_WAITING_ELEMENTS", 40)

    def program(session):
        x, y = shared(session)
        seen = []
        for _ in range(20):
            x * y
            seen.append(session.rounds)
        return seen

    # the first run opens the operands and truncates, later ones truncate alone
    assert sorted(set(perform(program)[0][0]))[:4] == [0, 2, 3, 4]


@pytest.mark.parametrize("keeper", [0, 1])
def test_what_a_party_keeps_alive_is_its_own_affair(keeper):
    """The bound on waiting local operations counts what the program did, not what is still referred to."""

    def program(session):
        x, y = shared(session)
        z = x * y
        kept = []
        for number in range(2 * engine.MAX_WAITING_LOCAL):
            w = z + number
            if session.rank == keeper:
                kept.append(w)
            if number % 500 == 0:
                x * y
        return (z + y).reveal()

    (result, _), _ = perform(program)
    np.testing.assert_allclose(result, X * Y + Y, atol=1e-5)


def test_a_local_operation_may_wait_for_several():
    def program(session):
        x, y = shared(session)
        a, b = x * y, x < y
        later = np.concatenate([a, y * y, np.where(b, 1.0, 2.0)])
        return later.reveal()

    np.testing.assert_allclose(
        perform(program)[0][0], np.concatenate([X * Y, Y * Y, np.where(X < Y, 1.0, 2.0)]), atol=1e-5
    )


# One program at all parties


def differing(step):
    """A program in which rank 1 alone does a step, before both reveal."""

    def program(session):
        x, y = shared(session)
        z = x * y
        if session.rank == 1:
            z = step(x, y, z)
        (z + y).reveal()

    return program


@pytest.mark.parametrize(
    "step",
    [
        lambda x, y, z: x * y,
        lambda x, y, z: x,
        lambda x, y, z: z + 1,
        lambda x, y, z: z + x,
        lambda x, y, z: x - z,
        lambda x, y, z: -z,
        lambda x, y, z: z[::-1],
        lambda x, y, z: z[[0, 2, 1]],
        lambda x, y, z: z * 2,
        lambda x, y, z: z * 2.5,
        lambda x, y, z: z @ y,
        lambda x, y, z: np.maximum(z, 0),
        lambda x, y, z: np.zeros_like(z),
        lambda x, y, z: np.concatenate([z[:2], z[2:]]),
        lambda x, y, z: z.reshape(3, 1).reshape(3),
    ],
)
def test_a_branch_that_one_party_takes_is_a_mismatch(step):
    with pytest.raises(Mismatch) as caught:
        mpcfl.simulate(differing(step))
    assert caught.value.code == 11


def test_a_mismatch_names_both_lines():
    def program(session):
        x, y = shared(session)
        if session.rank == 0:
            (x * y).reveal()
        else:
            (x + y).reveal()

    first = program.__code__.co_firstlineno
    with pytest.raises(Mismatch, match=f"test_engine.py:{first + 3} and test_engine.py:{first + 5}"):
        mpcfl.simulate(program)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda x: x + 1, lambda x: x + 2),
        (lambda x: x * 0.3, lambda x: x * 0.30000001),
        (lambda x: x * np.array([1.0, 2.0, 3.5]), lambda x: x * np.array([1.0, 2.0, 3.25])),
        (lambda x: x[0], lambda x: x[1]),
        (lambda x: x[[0, 1]], lambda x: x[[1, 0]]),
        (lambda x: x[np.array([True, True, False])], lambda x: x[np.array([True, False, True])]),
        (lambda x: x < 1, lambda x: x < 2),
        (lambda x: x > 1, lambda x: x < 1),
        (lambda x: np.full_like(x, 1), lambda x: np.full_like(x, 2)),
        (lambda x: x.reshape(3, 1), lambda x: x.reshape(1, 3)),
        (lambda x: x + 1, lambda x: x - 1),
    ],
)
def test_public_numbers_that_differ_are_a_mismatch(one, other):
    def program(session):
        x, _ = shared(session)
        ((one if session.rank == 0 else other)(x)).reveal()

    with pytest.raises(Mismatch):
        mpcfl.simulate(program)


def test_which_of_two_operands_matters():
    def program(session):
        x, y = shared(session)
        (x - y if session.rank == 0 else y - x).reveal()

    with pytest.raises(Mismatch):
        mpcfl.simulate(program)


def test_a_purpose_or_readers_that_differ_are_a_mismatch():
    def purposes(session):
        shared(session)[0].reveal(purpose=f"for {session.name}")

    def readers(session):
        shared(session)[0].reveal(to=session.name)

    for program in (purposes, readers):
        with pytest.raises(Mismatch):
            mpcfl.simulate(program)


def test_what_a_program_lets_go_is_gone_at_once():
    """Also an operand of a product that was never made, and what stands beside its mask; no collector is needed."""
    marks = (17, 5)
    hot = np.eye(5, dtype=np.bool_)[np.arange(17) % 5]

    def program(session):
        x = session.private(hot if session.rank == 0 else None, 0, marks, np.bool_)
        y = session.share(np.arange(10).reshape(5, 2) if session.rank == 1 else None, 1, (5, 2), np.int64)
        return mpcfl.ordering.odd(x @ y).reveal()

    gc.collect()
    gc.disable()
    try:
        odd = mpcfl.simulate(program).results[0]
        kept = [one for one in gc.get_objects() if isinstance(one, Base) and one.shape == marks]
    finally:
        gc.enable()
    assert (odd == (hot @ np.arange(10).reshape(5, 2) % 2 == 1)).all()
    assert kept == []
