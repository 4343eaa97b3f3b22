"""How guest and host begin: key, columns, and what they must agree on."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from mpcfl import he
from mpcfl.errors import UsageError
from mpcfl.learn.trees import GradientBoostingClassifier
from mpcfl.learn.trees.bins import Bins, number_rows
from mpcfl.protocols.secureboost import Cells, told_key
from mpcfl.secureboost.fitted import Fitted
from mpcfl.secureboost.guest import Guest
from mpcfl.secureboost.host import Host
from mpcfl.secureboost.task import FRACTION, Learner, Table, Task
from mpcfl.session import Session

EXACT_BITS = 52
"""Sums of slopes must be exact as float64."""


def fit(
    session: Session,
    learner: Learner,
    x: ArrayLike,
    y: ArrayLike | None = None,
    *,
    rows: int,
    limit: float = 64.0,
    bits: Literal[2048, 3072, 4096] = 3072,
    insecure_bits: int | None = None,
    secret: he.SecretKey | None = None,
) -> Fitted:
    """Train on columns of rank 0, the guest, who has the labels and the key, and of rank 1, the host.

    Parameters
    ----------
    session : Session
        Of two parties.
    learner : GradientBoostingClassifier or GradientBoostingRegressor
        Its parameters, the same at both: two classes or squared error, without categorical columns and without a
        weight for a class. It is not changed.
    x : array_like, shape (rows, own columns)
        A party's columns, NaN where a value is missing.
    y : array_like, shape (rows,)
        The guest's: labels 0 and 1, or numbers.
    rows : int
    limit : float
        Public bound on the differences of numbers y and their predictions.
    bits, insecure_bits
        Of the key, as of `mpcfl.he.generate`.
    secret : SecretKey, optional
        A key of that size for the guest to use again; by default a fresh one.

    Returns
    -------
    Fitted

    Raises
    ------
    UsageError
        The session has not two parties, the learner asks for what is not offered, or x or y are not of the sizes told.
    InputError
        Bad data or parameters; a difference beyond `limit`.
    """
    _check(session, learner)
    own, logistic = number_rows(x), isinstance(learner, GradientBoostingClassifier)
    if own.shape[0] != rows:
        raise UsageError(f"{session.name} gives {own.shape[0]} rows, not {rows}")
    labels = np.empty(0) if y is None or session.rank else np.asarray(y, np.float64)
    if session.rank == 0 and (
        labels.shape != (rows,) or not np.isfinite(labels).all() or (logistic and not np.isin(labels, (0, 1)).all())
    ):
        raise UsageError(f"{session.name} gives {rows} {'labels of 0 and 1' if logistic else 'finite numbers'}")
    cells = _cells(rows, None if logistic else limit)
    size = bits if insecure_bits is None else insecure_bits
    if session.rank == 0 and secret is None:
        secret = he.generate(bits, insecure_bits=insecure_bits)
    public = None if secret is None or session.rank else secret.public
    if public is not None and public.bits != size:
        raise UsageError(f"the key has {public.bits} bits, not {size}")
    said = (rows, limit, bits, insecure_bits, type(learner).__name__, sorted(learner.get_params().items()))
    key: he.PublicKey = session.perform(told_key(session.rank, public, size, insecure_bits is not None), repr(said))
    bins = Bins(learner.max_bins).fit(own)
    hot = bins.onehot(own)
    table = Table.told(session, bins.columns_, hot)
    task = Task(session, learner, key, cells, table, logistic)
    if session.rank == 1:
        return Host(task, bins, hot).fit()
    assert secret is not None
    return Guest(task, bins, hot, labels, secret).fit()


def _cells(rows: int, limit: float | None) -> Cells:
    """How slopes and curvatures of so many rows are bounded: by the log loss, or with a limit by the squared error."""
    if limit is not None and not 0 < limit < math.inf:
        raise UsageError("limit is a number above 0")
    cells = Cells(1 << FRACTION, 1 << FRACTION - 2, rows)
    if limit is not None:
        cells = Cells(math.ceil(limit * (1 << FRACTION)), 1, rows)
    if (cells.slope * rows).bit_length() > EXACT_BITS:
        raise UsageError("sums of slopes over all rows are not exact in float64: use a lower limit or fewer rows")
    return cells


def _check(session: Session, learner: Learner) -> None:
    if len(session.parties) != 2:
        raise UsageError("a guest and a host train such trees: a session of two parties")
    learner.check_parameters()
    if isinstance(learner, GradientBoostingClassifier):
        offered = learner.classes in (None, 2) and learner.scale_pos_weight == 1
    else:
        offered = learner.loss == "squared_error"
    if not offered or len(learner.categorical_features):
        raise UsageError("such trees are for two classes or squared error, without weights and categorical columns")
