"""What one party brings to a job: its rows in the order of their ids, split and prepared as the job says.

It has all rows and some columns; or, with `partition = "rows"`, some rows and all columns. All of it is local. Of its
data, nothing but shares and masked differences leaves this party afterwards; its statistics leave it never, its column
names as part of a disclosed model.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.data import Preparation, Table, read_table, split_rows
from mpcfl.data.binned import Binned
from mpcfl.data.pooled import Pooled
from mpcfl.errors import InputError
from mpcfl.job import Job
from mpcfl.learn.trees import Column
from mpcfl.learn.trees.worths import unit_of

FINGERPRINT_WORDS = 3
FINGERPRINT_BITS = 42
"""A fingerprint is as many numbers of as many bits: together 126 bits of a SHA-256."""


AnyPreparation: TypeAlias = Preparation | Pooled | Binned
"""How rows become features: by the party, or by all."""


@dataclass(frozen=True, eq=False, repr=False)
class Contribution:
    """One party's prepared rows.

    Attributes
    ----------
    party : str
    ids : list of str
        One a row, in bytewise order.
    features : ndarray of float64, shape (rows, width)
        For a learner of trees of bool, see `mpcfl.data.binned`; numbers as they are where their bins are not found yet.
    labels : ndarray, shape (rows,), or None
        At the party that holds them: int64 class numbers, 0 and 1 of two classes, or float64 targets.
    preparation : Preparation, Pooled or Binned
        Fitted on the training rows; or, where parties have rows of their own, what the job declares.
    missing : ndarray of float64, shape (rows, columns), or None
        Then 1 where a mean will stand in place of a missing cell.
    """

    party: str
    ids: list[str]
    features: NDArray[Any]
    labels: NDArray[Any] | None
    preparation: AnyPreparation
    missing: NDArray[np.float64] | None = None

    @classmethod
    def read(cls, job: Job, party: str, path: str | Path) -> Self:
        """Read a party's file and prepare its rows.

        Raises
        ------
        UsageError
            There is no such file.
        InputError
            A file, a column or a cell that is not as the job says, named by file, row and column; labels of one class.
        """
        label = job.label_column if job.has_label(party) else None
        table = read_table(path, job.job.id, label, job.label_kind)
        limit = largest_feature(job.engine.fraction, job.engine.ring)
        train, _ = split_rows(len(table), job.split.test, job.job.seed)
        preparation: AnyPreparation
        if job.partition == "rows":
            preparation = job.common()
        else:
            columns = job.columns_of(party, table.columns)
            options = job.prepare.options(party, columns)
            if job.binned:
                preparation = Binned.fit(table, columns, options, train, job.max_bins)
            else:
                preparation = Preparation.fit(table, columns, options, train)
        features, missing = prepared_rows(preparation, table, limit)
        labels = None if table.label is None else table.label.astype(job.label_dtype)
        if labels is not None:
            _check_labels(job, labels, train, str(path), str(label))
        return cls(party, table.ids, features, labels, preparation, missing)

    @classmethod
    def blank(cls, party: str, preparation: AnyPreparation) -> Self:
        """No rows, and how they would be prepared."""
        missing = np.empty((0, len(preparation.filled))) if isinstance(preparation, Pooled) else None
        kind = np.bool_ if isinstance(preparation, Binned) else np.float64
        return cls(party, [], np.empty((0, preparation.width), kind), None, preparation, missing)

    def cut(self, cuts: NDArray[np.float64]) -> Self:
        """The same with its rows in bins, by the cuts that were missing, see `Binned.cut`."""
        assert isinstance(self.preparation, Binned)
        preparation = self.preparation.cut(cuts)
        return replace(self, preparation=preparation, features=preparation.onehot(self.features))

    @property
    def rows(self) -> int:
        return len(self.features)

    @property
    def width(self) -> int:
        """Features, which are public in number."""
        return self.preparation.width

    @property
    def bins(self) -> tuple[Column, ...]:
        """What is public of each column in bins; nothing of columns that are none."""
        return self.preparation.public if isinstance(self.preparation, Binned) else ()

    @property
    def columns(self) -> list[str]:
        """Names of the features as a model has them: "bank.age", "bureau.job=fixed"."""
        names = self.preparation.features
        return names if isinstance(self.preparation, Pooled) else [f"{self.party}.{name}" for name in names]

    @property
    def cells(self) -> NDArray[np.float64]:
        """Features, and beside them where a mean will stand: shape (rows, width + columns)."""
        return self.features if self.missing is None else np.concatenate([self.features, self.missing], axis=1)

    def fingerprint(self) -> NDArray[np.int64]:
        """126 bits of SHA-256 over the ordered ids, as numbers to be shared and compared in secret.

        It must never leave its holder as it is: who has it can search for the ids that lead to it.
        """
        state = hashlib.sha256(b"mpcfl ids 1\n" + len(self.ids).to_bytes(8, "big"))
        for name in self.ids:
            raw = name.encode()
            state.update(len(raw).to_bytes(8, "big") + raw)
        bits = int.from_bytes(state.digest(), "big") >> (256 - FINGERPRINT_WORDS * FINGERPRINT_BITS)
        mask = (1 << FINGERPRINT_BITS) - 1
        return np.array([bits >> i * FINGERPRINT_BITS & mask for i in range(FINGERPRINT_WORDS)], np.int64)

    def digests(self) -> NDArray[np.int64]:
        """61 bits of SHA-256 over each id, shape (rows,), to be shared and compared in secret; as `fingerprint`."""
        found = (hashlib.sha256(b"mpcfl id 1\n" + name.encode()).digest()[:8] for name in self.ids)
        return np.array([int.from_bytes(digest, "big") >> 3 for digest in found], np.int64)

    def __repr__(self) -> str:
        return f"<Contribution of {self.party}: {self.rows} rows, {self.width} features>"


def prepared_rows(
    preparation: AnyPreparation, table: Table, limit: float
) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
    """Features of all rows of a table, below `limit` in magnitude, and where a mean will stand, as of `Contribution`.

    Raises
    ------
    InputError
        A column or a cell that is not as the preparation needs it.
    """
    if isinstance(preparation, Pooled):
        return preparation.transform(table, limit=limit)
    if isinstance(preparation, Binned):
        return preparation.transform(table), None
    return preparation.transform(table, limit=limit), None


def _check_labels(job: Job, labels: NDArray[Any], train: NDArray[np.int64], file: str, column: str) -> None:
    """See that the learner can be trained on the labels: only their owner can."""
    wrong = ""
    if job.label_kind == "regression":
        limit = largest_feature(job.engine.fraction, job.engine.ring)
        if np.abs(labels).max() >= limit:
            wrong = f"a target is {limit:g} or more in magnitude, which has no room; give it in larger units"
        elif job.binned and squares(job, labels[train]) >= (room := most_squares(job, len(train))):
            wrong = (
                f"the sum of squares of {len(train)} targets is {room:g} or more, for which sums over nodes of trees "
                "have no room; give them in units near their spread, or about 0, or take a smaller engine.fraction"
            )
    elif job.label_kind == "multiclass" and labels.max() >= job.classes:
        wrong = f"a class number is above {job.classes - 1}, and learner.classes is {job.classes}"
    elif job.partition == "columns" and np.ptp(labels[train]) == 0:
        wrong = "the training rows are all of one class; training needs rows of both"
    if wrong:
        raise InputError(f"{file}, column {column}: {wrong}.", file=file, column=column)


def largest_feature(fraction: int, ring: int = 64) -> float:
    """The magnitude below which the square of a feature has room before it is truncated, outside a matrix product."""
    return 2.0 ** (ring // 2 - 1 - fraction)


def squares(job: Job, targets: NDArray[Any]) -> float:
    """What the worths of nodes may come to in a tree on such targets: the sum of squares of its first slopes."""
    parameters = job.make_learner().get_params()
    if parameters.get("loss", "squared_error") != "squared_error":  # slopes are not the targets' distances
        return 0.0
    start = parameters.get("base_score")
    if start is None:
        start = targets.mean() if "loss" in parameters else 0.0
    return float(np.square(targets - start).sum())


def most_squares(job: Job, rows: int) -> float:
    """The bound on that: see `mpcfl.learn.trees.growth.grow`."""
    bits: int = job.engine.ring - 2 - 2 * job.engine.fraction - 6
    return float(2.0**bits / unit_of(rows))
