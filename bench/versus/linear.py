"""Linear maps: rank 0 has a vector x, rank 1 a matrix m, rank 0 learns m x."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.versus import keyring
from bench.versus.methods import NO_DEALER, PAILLIER, SHARES
from bench.versus.tasks import BOUND, FRACTION, LIMIT, Array, Bits, Cell, Done, Meter, Size, Task, inputs
from mpcfl import he
from mpcfl.effects import Protocol, Send
from mpcfl.message import Exposure, Message
from mpcfl.session import Session

KEY = Message("bench.key", "party", "party", "words", Exposure.PUBLIC, "the key of the party that has the vector")
VECTOR = Message("bench.vector", "party", "party", "words", Exposure.CIPHERTEXT, "a vector under its holder's key")
RESULT = Message("bench.result", "party", "party", "words", Exposure.CIPHERTEXT, "the result, under its reader's key")
LEAKS = ("the result, all its fractional bits, to its reader",)


def by_paillier(session: Session, size: Size, bits: Bits) -> Done:
    """The vector's holder encrypts, the matrix's holder multiplies, packs and returns."""
    rows, columns = size
    matrix, x = inputs(rows, columns)
    secret, key, offline = keys(session, bits)
    meter = Meter(session, offline)
    own = np.zeros(he.PaillierArray.words(key, (columns,)), np.uint64)
    if secret is not None:
        own = secret.encrypt(x, FRACTION, LIMIT).to_words()
    told = session.perform(sent(Send(VECTOR, 0, 1, own)), *size)
    bound = BOUND * BOUND * columns
    back = np.zeros(he.Packed.words(key, rows, bound), np.uint64)
    if secret is None:
        vector = he.PaillierArray.of_words(key, told, (columns,), FRACTION, BOUND, float)
        back = (he.plain(matrix, FRACTION, LIMIT) @ vector).packed().to_words()
    told = session.perform(sent(Send(RESULT, 1, 0, back)))
    result = None
    if secret is not None:
        result = secret.decrypt(he.Packed.of_words(key, told, (rows,), 2 * FRACTION, bound, float))
    return meter.done(result, LEAKS)


def keys(session: Session, bits: Bits) -> tuple[he.SecretKey | None, he.PublicKey, float]:
    """Rank 0's key, which all others are told, and everybody's tables; the seconds of telling and tables.

    Rank 1 has tables to randomise what it has computed, further ranks only those to encrypt.
    """
    secret = keyring.own(0, bits) if session.rank == 0 else None
    began = time.perf_counter()
    words = np.zeros(bits // 64, np.uint64) if secret is None else secret.public.to_words()
    key = he.PublicKey.of_words(session.perform(sent(Send(KEY, 0, None, words)), bits))
    if secret is not None:
        secret.encrypt(0.0)
    elif session.rank == 1:
        key.randomised([key.n])
    else:
        key.encrypt(0.0)
    return secret, key, time.perf_counter() - began


def sent(effect: Send) -> Protocol:
    """A protocol of one effect."""
    return (yield effect)


def on_shares(size: Size) -> Callable[[Session], Any]:
    """The linear map on shares."""
    rows, columns = size
    matrix, x = inputs(rows, columns)

    def program(session: Session) -> Any:
        m = session.private(matrix if session.rank == 1 else None, 1, matrix.shape)
        v = session.private(x if session.rank == 0 else None, 0, x.shape)
        return (m @ v).reveal(session.parties[0])

    return program


def expected(size: Size) -> list[Array]:
    """m x."""
    rows, columns = size
    matrix, x = inputs(rows, columns)
    return [matrix @ x]


AXES = ("rows", "columns")
INNER = Task("inner product", AXES, ((1, 1), (1, 500)), ((1, 1), (1, 100), (1, 10_000)), expected)
MATRIX = Task("matrix-vector", AXES, ((10, 10), (50, 50)), ((10, 10), (100, 100), (1_000, 100)), expected)
GRADIENT = Task("logistic gradient", AXES, ((5, 50), (20, 200)), ((10, 100), (20, 500), (100, 1_000)), expected)
SCORING = Task("linear scoring", AXES, ((10, 20), (500, 20)), ((10, 20), (100, 20), (10_000, 20)), expected)

TASKS = (INNER, MATRIX, GRADIENT, SCORING)
MADE = 100
"""Rows at most without a dealer: each has a truncation, which takes long to make."""


def made(task: Task) -> Cell:
    """The cell without a dealer."""
    sizes = tuple(size for size in task.sizes if size[0] <= MADE)
    return Cell(task, NO_DEALER, on_shares, quick=None if task is INNER else (), sizes=sizes)


CELLS = (
    *(Cell(task, PAILLIER, by_paillier) for task in TASKS),
    *(Cell(task, SHARES, on_shares) for task in TASKS),
    *(made(task) for task in TASKS),
)
