"""Linear maps by CKKS: the vector encrypted under the matrix, and for scoring also the rows under plain weights."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.versus import linear
from bench.versus.methods import directly
from bench.versus.tasks import Array, Cell, Done, Meter, Method, Size, inputs
from mpcfl import ckks
from mpcfl.protocols.ckks import evaluated, exchange
from mpcfl.session import Session

LARGEST = 8.0
"""Inputs are cut there."""
FLOODED = ("the result to its reader, under noise that hides all else up to 2^-40 a ciphertext; bounds of inputs",)
Program = Callable[[Any], Any]


def security(_: int) -> str:
    """What breaks it."""
    return "128 bits by the table of the HE standard, semi-honest"


CKKS = Method("ckks", directly, security, keyed=False)
ROWS = Method("ckks, rows encrypted", directly, security, keyed=False)


class Outsourced:
    """A program of one party's encrypted numbers, on the other's machine.

    Parameters
    ----------
    session : Session
    holder : int
        Whose the numbers and the key are.
    told : CkksArray
        The sketch of the numbers.
    program : callable
        With the other party's operands, or at the holder with their bounds.
    """

    def __init__(self, session: Session, holder: int, told: ckks.CkksArray, program: Program) -> None:
        began = time.perf_counter()
        self._session, self._holder, self._told, self._program = session, holder, told, program
        self._plan = ckks.plan(program, told)
        holds = session.rank == holder
        of = told.parameters
        self._secret = ckks.generate(of, self._plan.steps, self._plan.products) if holds else None
        made = exchange(session.rank, holder, self._plan, self._secret)
        self._key = session.perform(made, of.name, told.shape, told.packing, self._plan.steps)
        self.meter = Meter(session, time.perf_counter() - began)

    def run(self, values: Array | None) -> Array | None:
        """The result of some numbers, at their holder."""
        run = evaluated(
            self._session.rank,
            self._holder,
            self._key,
            self._program,
            self._told,
            self._plan,
            self._secret,
            values if self._secret is not None else None,
        )
        result: Array | None = self._session.perform(run, self._told.shape)
        return result


def vector_encrypted(session: Session, size: Size, _: int) -> Done:
    """Rank 0 encrypts the vector, rank 1 multiplies by its matrix."""
    rows, columns = size
    matrix, x = inputs(rows, columns)
    turned = ckks.plain(matrix.T, LARGEST) if session.rank == 1 else ckks.bounds((columns, rows), LARGEST)
    told = ckks.sketch(ckks.parameters("linear"), (columns,), LARGEST)
    task = Outsourced(session, 0, told, lambda v: v @ turned)
    return task.meter.done(task.run(x), FLOODED)


def rows_encrypted(session: Session, size: Size, _: int) -> Done:
    """Rank 1 encrypts its rows, rank 0 multiplies by its weights; rank 1 learns the scores."""
    rows, columns = size
    matrix, x = inputs(rows, columns)
    weights = ckks.plain(x, LARGEST) if session.rank == 0 else ckks.bounds((columns,), LARGEST)
    told = ckks.sketch(ckks.parameters("linear"), (rows, columns), LARGEST, "columns")
    task = Outsourced(session, 1, told, lambda m: m @ weights)
    return task.meter.done(task.run(matrix), FLOODED)


QUICK = {linear.SCORING: linear.SCORING.quick[1:]}
"""Of linear maps a quick run has one."""
ALL = (
    *(Cell(task, CKKS, vector_encrypted, quick=QUICK.get(task, ())) for task in linear.TASKS),
    Cell(linear.SCORING, ROWS, rows_encrypted, quick=(), sizes=linear.SCORING.sizes[-1:]),
)
CELLS = ALL if ckks.INSTALLED else ()
