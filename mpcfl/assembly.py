"""From what each party has to one secret table: the sizes that are told, the rows of all, and their labels.

Where every party has columns of its own (the rows are the same, and their ids agree) its features stay private operands
of it, prepared by itself. Where every party has rows of its own (`partition = "rows"`) all have the same columns: the
means and deviations by which those are prepared belong to all rows, and are found on shares.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.contribution import FINGERPRINT_BITS, FINGERPRINT_WORDS, Contribution
from mpcfl.data import split_rows
from mpcfl.disclosure import IDS_AGREE, IDS_DIFFER, columns_of
from mpcfl.errors import InputError, ProtocolViolation
from mpcfl.job import Job
from mpcfl.learn.scaling import Scaler
from mpcfl.session import Session

INPUT_BITS = 61
"""Bits of a number that fits an input, whatever it is."""


@dataclass(frozen=True)
class Extent:
    """The public sizes of a job.

    Attributes
    ----------
    rows : int
        Of the whole table.
    widths : tuple of int
        Features by rank; where parties have rows of their own, all have the same features.
    name_bytes : tuple of int
        Length by rank of the features' names as they are disclosed with a model; zeros if none is.
    counts : tuple of int
        Rows by rank, where parties have rows of their own; else nothing.
    """

    rows: int
    widths: tuple[int, ...]
    name_bytes: tuple[int, ...]
    counts: tuple[int, ...] = ()

    @classmethod
    def of_rows(cls, job: Job, counts: Sequence[int]) -> Extent:
        """That of parties with so many rows each."""
        width = len(job.pooled().features)
        return cls(sum(counts), (width,) * len(counts), (0,) * len(counts), tuple(counts))

    @property
    def features(self) -> int:
        """Columns of the whole table."""
        return self.widths[0] if self.counts else sum(self.widths)

    def split(self, job: Job) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row numbers for training and for the held-out test: of each party its own part, where it has own rows.

        Raises
        ------
        InputError
            As of `split_rows`.
        """
        if not self.counts:
            return split_rows(self.rows, job.split.test, job.job.seed)
        starts = np.cumsum([0, *self.counts[:-1]])
        parts = [split_rows(count, job.split.test, job.job.seed) for count in self.counts]
        train, test = (
            np.concatenate([start + part[place] for start, part in zip(starts, parts, strict=True)]) for place in (0, 1)
        )
        return train, test


@dataclass(frozen=True, eq=False)
class Assembled:
    """All rows, secret.

    Attributes
    ----------
    X : SecretArray, shape (rows, features)
        Prepared.
    y : SecretArray, shape (rows,)
    train, test : ndarray of int64
        Numbers of the training rows and of those held out.
    preparation : dict of str to SecretArray
        What was found on shares to prepare the columns: a part of the model, under names of `disclosure.PARTS`.
    """

    X: Any
    y: Any
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    preparation: Mapping[str, Any] = field(default_factory=dict)


def ids_agree(session: Session, job: Job, fingerprint: NDArray[np.int64] | None) -> Any:
    """Whether the fingerprints of all parties are equal: one bit to all, and nothing else to anybody."""
    if job.engine.offline == "paillier":
        return _agree_by_products(session, fingerprint)
    first, *others = (
        session.share(fingerprint if owner == session.name else None, owner, (FINGERPRINT_WORDS,), np.int64)
        for owner in session.parties
    )
    equal: Any = np.concatenate([first == other for other in others])
    return (equal.sum() == equal.size).reveal("all", IDS_AGREE)


def _agree_by_products(session: Session, fingerprint: NDArray[np.int64] | None) -> bool:
    """The same without a comparison: for each party after the first a word is revealed, 0 if it agrees with the first.

    It is the sum over all bits of their differences (0, 1, -1) times words that all parties have drawn together:
    uniform as soon as one bit differs, so 0 by chance with a probability of 2^-64.
    """
    width, others = FINGERPRINT_WORDS * FINGERPRINT_BITS, len(session.parties) - 1
    own = None
    if fingerprint is not None:
        own = (fingerprint[:, None] >> np.arange(FINGERPRINT_BITS) & 1).reshape(-1)
    first, *rest = (
        session.private(own if owner == session.name else None, owner, (width,), np.int64) for owner in session.parties
    )
    drawn = np.frombuffer(secrets.token_bytes(8 * others * width), np.uint64).reshape(others, width)
    parts = np.stack([drawn % (1 << INPUT_BITS), drawn >> INPUT_BITS]).astype(np.int64)
    shared: Any = sum(session.share(parts, owner, parts.shape, np.int64) for owner in session.parties)
    factors = shared[0] + shared[1] * (1 << INPUT_BITS)
    differences: Any = np.stack(rest) - first
    told = (factors * differences).sum(axis=1).reveal("all", IDS_AGREE)
    return bool(np.all(told == 0))


def ids_differ(session: Session, extent: Extent, digests: NDArray[np.int64] | None) -> Any:
    """Whether no id stands at two parties: one bit to all, and nothing else to anybody.

    The digests of all ids are sorted in secret, so that equal ones are neighbours. Of n ids two that differ are taken
    for the same with a probability of n^2 / 2^62.
    """
    all_ids: Any = np.concatenate(
        [
            session.share(digests if owner == session.name else None, owner, (count,), np.int64)
            for owner, count in zip(session.parties, extent.counts, strict=True)
        ]
    )
    ordered = np.sort(all_ids)
    return ((ordered[1:] == ordered[:-1]).sum() == 0).reveal("all", IDS_DIFFER)


def announce_sizes(session: Session, job: Job, contribution: Contribution) -> Extent:
    """Tell and hear the sizes that are public.

    Raises
    ------
    InputError
        No party has a feature.
    ProtocolViolation
        A party tells something else.
    """
    if job.partition == "rows":
        mine: tuple[int, ...] = (contribution.rows,)
    else:
        mine = (contribution.width, names_length(contribution) if job.disclose.model else 0)
    told = [session.announce(mine if owner == session.name else None, owner) for owner in session.parties]
    if any(len(sizes) != len(mine) for sizes in told):
        raise ProtocolViolation("a party announced something else than its number of columns and their names' length")
    if job.partition == "rows":
        extent = Extent.of_rows(job, [count for (count,) in told])
    else:
        extent = Extent(contribution.rows, tuple(sizes[0] for sizes in told), tuple(sizes[1] for sizes in told))
    if not extent.features:
        raise InputError("No party has a column to train on.", key="columns")
    return extent


def assembled(session: Session, job: Job, extent: Extent, contribution: Contribution | None) -> Assembled:
    """The whole table.

    Parameters
    ----------
    session : Session
    job : Job
    extent : Extent
    contribution : Contribution or None
        None where the program runs on shapes alone.
    """
    train, test = extent.split(job)
    features = None if contribution is None else contribution.features
    labels = None if contribution is None else contribution.labels

    if not extent.counts:
        X = side_by_side(session, extent.widths, features, extent.rows)
        return Assembled(X, session.share(labels, job.label_party, (extent.rows,), job.label_dtype), train, test)
    X, empty = stacked(session, job, extent, contribution)
    y = np.concatenate(
        [
            session.share(labels if party == session.name else None, party, (n,), job.label_dtype)
            for party, n in zip(session.parties, extent.counts, strict=True)
        ]
    )
    scaler = scaler_of(job).fit(X[train], None if empty is None else empty[train])
    found = {part: getattr(scaler, f"{part}_") for part in job.prepared_parts}
    return Assembled(scaler.transform(X, empty), y, train, test, found)


def side_by_side(session: Session, widths: Sequence[int], features: NDArray[np.float64] | None, rows: int) -> Any:
    """The columns of all parties, private to their owners, shape (rows, sum of widths); on shapes features are None."""
    blocks = [
        session.private(features if owner == session.name else None, owner, (rows, width))
        for owner, width in zip(session.parties, widths, strict=True)
        if width
    ]
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)


def stacked(session: Session, job: Job, extent: Extent, contribution: Contribution | None) -> tuple[Any, Any]:
    """The rows of all parties that have some, private to their owners, and 1 where a mean will stand; None if nowhere.

    Parameters are as of `assembled`, of a job whose parties have rows of their own.
    """
    features = None if contribution is None else contribution.features
    missing = None if contribution is None else contribution.missing

    def blocks(mine: NDArray[Any] | None, width: int) -> Any:
        found = [
            session.private(mine if party == session.name else None, party, (n, width))
            for party, n in zip(session.parties, extent.counts, strict=True)
            if n
        ]
        return found[0] if len(found) == 1 else np.concatenate(found)

    filled = job.pooled().filled
    return blocks(features, extent.features), blocks(missing, len(filled)) if filled else None


def scaler_of(job: Job, found: Mapping[str, Any] | None = None) -> Scaler:
    """What fills and scales the columns of all parties; with what was `found` before, it is fitted."""
    pooled = job.pooled()
    scaler = Scaler(pooled.filled, pooled.scaled)
    for part, value in (found or {}).items():
        setattr(scaler, f"{part}_", value)
    return scaler


# ---------------------------------------------------------------------------------------------------------------- names


def shared_names(
    session: Session, job: Job, extent: Extent, contribution: Contribution | None
) -> dict[str, NDArray[np.int64] | None]:
    """Disclose each party's feature names to the readers of the model: by purpose, None at the others."""
    if extent.counts:
        return {}
    names = None if contribution is None else _encoded_names(contribution)
    answers = {}
    for owner, size in zip(session.parties, extent.name_bytes, strict=True):
        secret = session.share(names if owner == session.name else None, owner, (size,), np.int64)
        answers[columns_of(owner)] = secret.reveal(job.disclose.model, columns_of(owner))
    return answers


def feature_names(session: Session, job: Job, extent: Extent, answers: Mapping[str, Any]) -> list[str]:
    """Names of all features in order, from what `shared_names` answered to a reader of the model.

    Raises
    ------
    ProtocolViolation
        A party shared something else than so many names.
    """
    if extent.counts:
        return job.pooled().features
    return [
        name
        for owner, width in zip(session.parties, extent.widths, strict=True)
        for name in _decoded_names(answers[columns_of(owner)], owner, width)
    ]


def names_length(contribution: Contribution) -> int:
    """Bytes of a party's feature names as they are disclosed with a model."""
    return _encoded_names(contribution).size


def _encoded_names(contribution: Contribution) -> NDArray[np.int64]:
    """A party's feature names as numbers that can be shared: the bytes of a JSON list."""
    text = json.dumps(contribution.preparation.features, ensure_ascii=False)
    return np.frombuffer(text.encode(), np.uint8).astype(np.int64)


def _decoded_names(words: NDArray[np.int64], owner: str, width: int) -> list[str]:
    """Feature names with their owner's before them."""
    try:
        names = json.loads(bytes(words.tolist()))
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or len(names) != width or not all(isinstance(name, str) for name in names):
        raise ProtocolViolation(f"{owner} shared column names that cannot be read", party=owner)
    return [f"{owner}.{name}" for name in names]
