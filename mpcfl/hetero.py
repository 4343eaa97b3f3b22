"""Logistic regression by homomorphic encryption on two parties' columns, in the two forms of industry, over a session.

They are here to be measured beside learning on shares (`mpcfl.learn`), which shows less and needs no key. What each
form shows by design comes with its result, see `mpcfl.protocols.hetero`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpcfl import he
from mpcfl.errors import UsageError
from mpcfl.learn.schedule import minibatches
from mpcfl.protocols import paillier
from mpcfl.protocols.hetero import ARBITER_LEAKS, SHARED_LEAKS, Task, on_shares, with_arbiter
from mpcfl.session import Session

Form = Literal["arbiter", "shared"]
PARTIES = {"arbiter": 3, "shared": 2}
LEAKS = {"arbiter": ARBITER_LEAKS, "shared": SHARED_LEAKS}


@dataclass(frozen=True)
class Fitted:
    """What a party has of a trained model.

    Attributes
    ----------
    coef : ndarray of float or None
        Weights of this party's own columns; None at the arbiter.
    intercept : float or None
        The guest's.
    leaks : tuple of str
        What this form shows by design, a sentence each.
    """

    coef: NDArray[np.float64] | None
    intercept: float | None
    leaks: tuple[str, ...]

    def report(self) -> str:
        """The leaks, a line each."""
        return "\n".join(f"* {leak}" for leak in self.leaks)


def logistic_regression(
    session: Session,
    x: ArrayLike | None,
    y: ArrayLike | None,
    *,
    rows: int,
    columns: tuple[int, int],
    form: Form,
    epochs: int = 5,
    batch_size: int = 256,
    learning_rate: float = 0.15,
    momentum: float = 0.0,
    l2: float = 0.0,
    seed: int = 0,
    bits: Literal[2048, 3072, 4096] = 3072,
    insecure_bits: int | None = None,
    secret: he.SecretKey | None = None,
) -> Fitted:
    """Train on columns of rank 0, the guest, who has the labels, and rank 1, the host.

    Parameters
    ----------
    session : Session
        Of two parties for form "shared", of three for "arbiter": rank 2 holds the key.
    x : array_like, shape (rows, own columns), or None
        A party's standardised columns, below 64; None at the arbiter.
    y : array_like, shape (rows,), or None
        The guest's labels, 0 and 1; None at the others.
    rows : int
    columns : tuple of int
        How many guest and host have.
    form : str
        "arbiter" or "shared", see `mpcfl.protocols.hetero`.
    epochs, batch_size, learning_rate, momentum, l2, seed
        As of `mpcfl.learn.LogisticRegression`; the sigmoid is its tangent at 0.
    bits, insecure_bits
        Of the keys, as of `mpcfl.he.generate`.
    secret : SecretKey, optional
        A key of that size to use again, at those who have one: the arbiter, or both parties. By default a fresh one.

    Returns
    -------
    Fitted

    Raises
    ------
    UsageError
        The session has another number of parties, or x or y are not of the sizes told.
    """
    rank = session.rank
    if form not in PARTIES or len(session.parties) != PARTIES[form]:
        raise UsageError('form "arbiter" is one of three parties, form "shared" of two')
    own = None if x is None or rank == 2 else np.asarray(x, np.float64)
    labels = np.asarray(y, np.float64) if rank == 0 and y is not None else None
    if rank < 2 and (own is None or own.shape != (rows, columns[rank])):
        raise UsageError(f"{session.name} gives columns of another shape than {(rows, columns[rank])}")
    if rank == 0:
        if labels is None or labels.shape != (rows,) or not np.isin(labels, (0, 1)).all():
            raise UsageError(f"{session.name} gives {rows} labels of 0 and 1")
        assert own is not None
        own = np.column_stack([own, np.ones(rows)])
    batches = list(minibatches(rows, batch_size, epochs, seed))
    task = Task((columns[0] + 1, columns[1]), batches, learning_rate, momentum, l2)
    public = (form, rows, columns, epochs, batch_size, learning_rate, momentum, l2, seed, bits, insecure_bits)
    holds_key = form == "shared" or rank == 2
    if secret is None or not holds_key:
        secret = he.generate(bits, insecure_bits=insecure_bits) if holds_key else None
    if form == "arbiter":
        told = session.perform(with_arbiter(rank, task, own, labels, secret, insecure_bits is not None), *public)
    else:
        assert secret is not None
        assert own is not None
        keys = session.perform(paillier.exchange(rank, secret), *public)
        told = session.perform(on_shares(keys, task, own, labels))
    if told is None:
        return Fitted(None, None, LEAKS[form])
    weights: NDArray[np.float64] = told
    if rank == 0:
        return Fitted(weights[:-1], float(weights[-1]), LEAKS[form])
    return Fitted(weights, None, LEAKS[form])
