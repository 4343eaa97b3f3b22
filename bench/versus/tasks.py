"""The tasks, and how each method does them: a linear map of one party's matrix and the other's vector, and training.

linear tasks    rank 0 has x, rank 1 a matrix m, rank 0 learns m x
training        an epoch of logistic regression on the columns of two parties
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mpcfl import he, hetero
from mpcfl.effects import Protocol, Send
from mpcfl.learn import LogisticRegression
from mpcfl.learn.schedule import minibatches
from mpcfl.message import Exposure, Message
from mpcfl.session import Session

KEY = Message("bench.key", "party", "party", "words", Exposure.PUBLIC, "the key of the party that has the vector")
VECTOR = Message("bench.vector", "party", "party", "words", Exposure.CIPHERTEXT, "a vector under its holder's key")
RESULT = Message("bench.result", "party", "party", "words", Exposure.CIPHERTEXT, "the result, under its reader's key")

Size = tuple[int, int]
Bits = Literal[2048, 3072, 4096]
FRACTION, LIMIT = 18, 16.0
BOUND = int(LIMIT) << FRACTION
LEARNING = {"epochs": 1, "learning_rate": 0.3, "momentum": 0.0, "seed": 0}


class Clock:
    """Seconds on the wall and of this process, from now on."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Both, so far."""
        return time.perf_counter() - self._began[0], time.process_time() - self._began[1]


@dataclass(frozen=True)
class Done:
    """What one party measured.

    Attributes
    ----------
    offline_s, online_s : float
    cpu_s : float
        Of the processor, online.
    rounds : int
        Online.
    offline_bytes, online_bytes : int
        That this party sent; with a dealer, of the dealer's to all.
    result : ndarray or None
        At those who learn it.
    leaks : tuple of str
    """

    offline_s: float
    online_s: float
    cpu_s: float
    rounds: int
    offline_bytes: int
    online_bytes: int
    result: NDArray[Any] | None
    leaks: tuple[str, ...]


def inputs(rows: int, columns: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """A matrix and a vector of standard normal numbers, cut at 8."""
    rng = np.random.default_rng(rows + columns)
    return np.clip(rng.normal(size=(rows, columns)), -8, 8), np.clip(rng.normal(size=columns), -8, 8)


def training_data(rows: int, columns: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Standard normal columns, and labels of a logistic model."""
    rng = np.random.default_rng(rows + columns)
    x = np.clip(rng.normal(size=(rows, columns)), -8, 8)
    chance = 1 / (1 + np.exp(-x @ rng.normal(size=columns)))
    return x, (rng.random(rows) < chance).astype(np.int64)


# ----------------------------------------------------------------------------------------------------------- encryption


def linear_by_paillier(session: Session, size: Size, bits: Bits) -> Done:
    """The vector's holder encrypts, the matrix's holder multiplies, packs and returns."""
    matrix, x = inputs(*size)
    began = time.perf_counter()
    secret = he.generate(bits) if session.rank == 0 else None
    words = np.zeros(bits // 64, np.uint64) if secret is None else secret.public.to_words()
    key = he.PublicKey.of_words(session.perform(_sent(Send(KEY, 0, 1, words)), bits))
    if secret is not None:
        secret.encrypt(0.0)  # its tables
    else:
        key.randomised([key.n])
    session.perform(_sent(Send(KEY, 1, 0, np.zeros(1, np.uint64))))  # both are ready
    offline, before = time.perf_counter() - began, (session.rounds, session.bytes_sent)
    clock = Clock()
    rows, columns = size
    own = np.zeros(he.PaillierArray.words(key, (columns,)), np.uint64)
    if secret is not None:
        own = secret.encrypt(x, FRACTION, LIMIT).to_words()
    told = session.perform(_sent(Send(VECTOR, 0, 1, own)), size)
    bound = BOUND * BOUND * columns
    back = np.zeros(he.Packed.words(key, rows, bound), np.uint64)
    if secret is None:
        vector = he.PaillierArray.of_words(key, told, (columns,), FRACTION, BOUND, float)
        back = (he.plain(matrix, FRACTION, LIMIT) @ vector).packed().to_words()
    told = session.perform(_sent(Send(RESULT, 1, 0, back)))
    result = None
    if secret is not None:
        result = secret.decrypt(he.Packed.of_words(key, told, (rows,), 2 * FRACTION, bound, float))
    return _done(session, offline, clock, before, result, ("the result, all its fractional bits, to its reader",))


def training_by_paillier(session: Session, size: Size, bits: Bits, form: hetero.Form) -> Done:
    """An epoch, the columns halved between guest and host."""
    rows, columns = size
    x, y = training_data(rows, columns)
    half = columns // 2
    own = [x[:, :half], x[:, half:], None][session.rank]
    began = time.perf_counter()
    secret = he.generate(bits)
    if form == "shared":
        secret.encrypt(0.0)  # its tables; those for another's key are made on the way
    session.perform(_sent(Send(KEY, 0, None, np.zeros(1, np.uint64))))  # all are ready
    offline = time.perf_counter() - began
    clock, before = Clock(), (session.rounds, session.bytes_sent)
    fitted = hetero.logistic_regression(
        session,
        own,
        y if session.rank == 0 else None,
        rows=rows,
        columns=(half, columns - half),
        form=form,
        batch_size=batch(rows),
        bits=bits,
        secret=secret,
        **LEARNING,  # type: ignore[arg-type]
    )
    return _done(session, offline, clock, before, fitted.coef, fitted.leaks)


def _sent(effect: Send) -> Protocol:
    return (yield effect)


def _done(
    session: Session,
    offline: float,
    clock: Clock,
    before: tuple[int, int],
    result: NDArray[Any] | None,
    leaks: tuple[str, ...],
) -> Done:
    online, cpu = clock.read()
    return Done(
        offline, online, cpu, session.rounds - before[0], before[1], session.bytes_sent - before[1], result, leaks
    )


# --------------------------------------------------------------------------------------------------------------- shares


def linear_program(size: Size) -> Callable[[Session], Any]:
    """The linear map on shares."""
    matrix, x = inputs(*size)

    def program(session: Session) -> Any:
        m = session.private(matrix if session.rank == 1 else None, 1, matrix.shape)
        v = session.private(x if session.rank == 0 else None, 0, x.shape)
        return (m @ v).reveal(session.parties[0])

    return program


def training_program(size: Size) -> Callable[[Session], Any]:
    """An epoch of `mpcfl.learn.LogisticRegression`; each learns the weights of its own columns."""
    rows, columns = size
    x, y = training_data(rows, columns)
    half = columns // 2

    def program(session: Session) -> Any:
        parts = [
            session.private(part if session.rank == i else None, i, part.shape)
            for i, part in enumerate((x[:, :half], x[:, half:]))
        ]
        labels = session.private(y if session.rank == 0 else None, 0, y.shape, np.int64)
        model = LogisticRegression(batch_size=batch(rows), **LEARNING)  # type: ignore[arg-type]
        model.fit(np.concatenate(parts, axis=1), labels)
        own = [model.coef_[:half].reveal(session.parties[0]), model.coef_[half:].reveal(session.parties[1])]
        return own[session.rank]

    return program


# -------------------------------------------------------------------------------------------------------- right answers


def batch(rows: int) -> int:
    """Rows of a step: ten steps an epoch."""
    return max(1, rows // 10)


def expected(task: str, size: Size, method: str) -> list[NDArray[Any]]:
    """By float64, joined over the parties that learn something: one array a party."""
    if task != "lr epoch":
        matrix, x = inputs(*size)
        return [matrix @ x]
    x, y = training_data(*size)
    half = size[1] // 2
    if method.startswith("shares"):
        model = LogisticRegression(batch_size=batch(size[0]), **LEARNING)  # type: ignore[arg-type]
        weights = model.fit(x, y).coef_
    else:
        weights = _tangent(x, y)[:-1]
    return [weights[:half], weights[half:]]


def _tangent(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """The same steps with the sigmoid's tangent, the intercept last."""
    x = np.column_stack([x, np.ones(len(x))])
    w = np.zeros(x.shape[1])
    for rows in minibatches(len(x), batch(len(x)), 1, 0):
        w = w - 0.3 * (x[rows].T @ (x[rows] @ w / 4 + 0.5 - y[rows]) / len(rows))
    return w
