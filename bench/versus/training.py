"""An epoch of logistic regression on the columns of two parties, of which rank 0 has the labels."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench.versus import keyring
from bench.versus.methods import ARBITER, SHARED, SHARES
from bench.versus.tasks import Array, Bits, Cell, Done, Meter, Size, Task, batch, training_data
from mpcfl import hetero
from mpcfl.learn import LogisticRegression
from mpcfl.learn.schedule import minibatches
from mpcfl.session import Session

LEARNING: dict[str, Any] = {"epochs": 1, "learning_rate": 0.3, "momentum": 0.0, "seed": 0}


def by_paillier(form: hetero.Form, session: Session, size: Size, bits: Bits) -> Done:
    """An epoch, the columns halved between guest and host."""
    rows, columns = size
    x, y = training_data(rows, columns)
    half = columns // 2
    own = [x[:, :half], x[:, half:], None][session.rank]
    holds_key = form == "shared" or session.rank == 2
    secret = keyring.own(session.rank, bits) if holds_key else None
    began = time.perf_counter()
    if form == "shared" and secret is not None:
        secret.encrypt(0.0)  # its tables; those for another's key are made on the way
    meter = Meter(session, time.perf_counter() - began if form == "shared" else 0.0)
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
        **LEARNING,
    )
    return meter.done(fitted.coef, fitted.leaks)


def on_shares(size: Size) -> Callable[[Session], Any]:
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
        model = LogisticRegression(batch_size=batch(rows), **LEARNING)
        model.fit(np.concatenate(parts, axis=1), labels)
        own = [model.coef_[:half].reveal(session.parties[0]), model.coef_[half:].reveal(session.parties[1])]
        return own[session.rank]

    return program


def expected(size: Size) -> list[Array]:
    """The weights of each party, by the sigmoid."""
    rows, columns = size
    model = LogisticRegression(batch_size=batch(rows), **LEARNING).fit(*training_data(rows, columns))
    return [model.coef_[: columns // 2], model.coef_[columns // 2 :]]


def by_the_tangent(size: Size) -> list[Array]:
    """The same steps with the sigmoid's tangent at 0, and an intercept."""
    rows, columns = size
    x, y = training_data(rows, columns)
    x = np.column_stack([x, np.ones(rows)])
    w = np.zeros(columns + 1)
    for some in minibatches(rows, batch(rows), 1, 0):
        w = w - LEARNING["learning_rate"] * (x[some].T @ (x[some] @ w / 4 + 0.5 - y[some]) / len(some))
    return [w[: columns // 2], w[columns // 2 : -1]]


TASK = Task("lr epoch", ("rows", "columns"), ((100, 4), (300, 4)), ((100, 10), (1_000, 10), (10_000, 20)), expected)

CELLS = (
    Cell(TASK, ARBITER, partial(by_paillier, "arbiter"), by_the_tangent),
    Cell(TASK, SHARED, partial(by_paillier, "shared"), by_the_tangent),
    Cell(TASK, SHARES, on_shares),
)
