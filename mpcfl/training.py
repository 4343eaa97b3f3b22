"""The joint program of a job: what all parties run together once each has prepared its own rows.

    ids agree       each party shares a fingerprint of its ordered ids; only whether all are equal is revealed
    sizes           each party tells how many features it has, and how long their names are if a model is disclosed
    training        features stay private operands of their owners, labels are shared; the learner runs on secret arrays
    metrics         on the held-out rows, rounded on shares
    disclosure      to those whom the job names, under the purposes that were agreed

Every party runs the same functions; what only it has is its `Contribution`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.array import SecretArray
from mpcfl.connection import RecordingSession
from mpcfl.contribution import FINGERPRINT_WORDS, Contribution
from mpcfl.data import split_rows
from mpcfl.disclosure import COEFFICIENTS, IDS_AGREE, INFERENCE, INTERCEPT, VALIDATION, columns_of, held_out
from mpcfl.drivers.cost import Cost
from mpcfl.errors import InputError, Mismatch, ProtocolViolation
from mpcfl.job import Job
from mpcfl.keeping import Foreseen, Keeping
from mpcfl.learn.evaluation import evaluate
from mpcfl.learn.marks import Marks
from mpcfl.learn.stopping import EarlyStopping
from mpcfl.session import Session
from mpcfl.simulation import forecast

DECIMALS = 4
"""Metrics are disclosed rounded to as many decimals."""

Stage = Callable[[Session, str], None]
"""Is told when a stage begins, with the session that runs it: the real one, or one that runs on shapes."""

TRAINING, EVALUATION, DISCLOSURE, DONE = "training", "metrics", "disclosure", "done"
"""Stages of the joint program."""


@dataclass(frozen=True)
class Extent:
    """The public sizes of a job.

    Attributes
    ----------
    rows : int
    widths : tuple of int
        Features by rank.
    name_bytes : tuple of int
        Length by rank of the features' names as they are disclosed with a model; zeros if none is.
    """

    rows: int
    widths: tuple[int, ...]
    name_bytes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Result:
    """What one party learnt from a job; None is what was not disclosed to it.

    Attributes
    ----------
    columns : list of str or None
        Names of the features, "bank.age" or "bureau.job=fixed", by rank and in each party's order.
    coef : ndarray of float64, shape (len(columns),), or None
        Of several classes, one row each.
    intercept : float, ndarray of float64, or None
        Of several classes, one number each.
    metrics : dict of str to float or None
        By the names in `Job.metrics`.
    extent : Extent
    inference : dict of str to ndarray of float64
        Standard errors, z-scores and p-values by their purposes, the intercept's last; empty unless asked for.
    """

    columns: list[str] | None
    coef: NDArray[np.float64] | None
    intercept: float | NDArray[np.float64] | None
    metrics: Mapping[str, float | None]
    extent: Extent
    inference: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def terms(job: Job, rows: int) -> dict[str, str]:
    """What all parties must hold equal before any of them sends data: each key of the job, and the number of rows.

    Values of the job stand as hashes, since they may be long; keys that differ are named to the user.
    """
    return {key: _digest(value) for key, value in job.entries().items()} | {"job": job.hash(), "rows": str(rows)}


def train(
    session: Session,
    job: Job,
    contribution: Contribution,
    stage: Stage | None = None,
    keeping: Keeping | None = None,
) -> Result:
    """Run a job to its end, together with all other parties.

    Parameters
    ----------
    session : Session
        Of the job's parties by rank, bound to `mpcfl.disclosure.agreed`, with the job's fraction and suite.
    job : Job
    contribution : Contribution
        This party's, whose number of rows all have agreed on.
    stage : callable, optional
        Is told of each stage as it begins.
    keeping : Keeping, optional
        What saves the model and its checkpoints, if the job says so; without it nothing is saved.

    Returns
    -------
    Result

    Raises
    ------
    Mismatch
        The parties' ids differ.
    InputError
        No party has a feature.
    """
    if not session.run(lambda on: ids_agree(on, contribution.fingerprint())):
        raise Mismatch(
            "the id columns differ: every party must hold the same ids, one row each; find those in common first",
            column=job.job.id,
        )
    extent = announce_sizes(session, job, contribution)
    if not sum(extent.widths):
        raise InputError("No party has a column to train on.", key="columns")
    if keeping is not None:
        keeping.agree(session)
    if job.stopping is None:
        answers = session.run(lambda on: joint(on, job, extent, contribution, stage, keeping))
    else:  # when it ends is not foreseen, and the dealer works on demand
        answers = joint(session, job, extent, contribution, stage, keeping)
    return _result(session, job, extent, answers)


def export(session: Session, job: Job, contribution: Contribution, load: Callable[[Session], Any]) -> Result:
    """Reveal a model that was trained before to those whom the job names, together with all other parties.

    Parameters
    ----------
    session : Session
        Of the job's parties by rank, bound to the list of `mpcfl.disclosure.export_facts`.
    job : Job
    contribution : Contribution
        With this party's preparation; rows are not needed.
    load : callable
        Gives the fitted learner in a session: the real one, or one on shapes.
    """
    extent = announce_sizes(session, job, contribution)
    answers = session.run(lambda on: disclose_model(on, job, extent, contribution, load(on)))
    return _result(session, job, extent, answers)


def record(session: RecordingSession, job: Job, rows: int, width: int) -> Extent:
    """Record what `train` will draw, together with all other parties.

    Parameters
    ----------
    session : RecordingSession
        Of the job's parties by rank, with the job's fraction and suite.
    job : Job
    rows : int
    width : int
        This party's features after preparation.

    Returns
    -------
    Extent
        Of the job that the tape serves; `Rehearsal.of` reads the rest from the tape.

    Raises
    ------
    InputError
        No party has a feature, or the job stops early.
    """
    if job.stopping is not None:
        raise InputError("A job with [stopping] ends when its data say, and is not recorded ahead.", key="stopping")
    told = [session.announce((width,) if owner == session.name else None, owner) for owner in session.parties]
    if any(len(sizes) != 1 for sizes in told):
        raise ProtocolViolation("a party announced something else than its number of columns")
    extent = Extent(rows, tuple(size for (size,) in told), (0,) * len(told))
    if not sum(extent.widths):
        raise InputError("No party has a column to train on.", key="columns")
    stages: dict[str, int] = {}

    def begins(on: Session, name: str) -> None:
        stages[name] = on.rounds

    session.record(lambda on: ids_agree(on, None))
    session.record(lambda on: joint(on, job, extent, None, begins, Foreseen(job)))
    session.facts |= Rehearsal(extent.widths, stages).facts
    return extent


@dataclass(frozen=True)
class Rehearsal:
    """What the tape of a job says of it, besides its terms.

    Attributes
    ----------
    widths : tuple of int
        Features by rank.
    stages : mapping of str to int
        Rounds of the joint program before each of its stages.
    """

    widths: tuple[int, ...]
    stages: Mapping[str, int]

    @property
    def facts(self) -> dict[str, str]:
        """Its form in a tape."""
        return {"columns": json.dumps(self.widths), "stages": json.dumps(self.stages)}

    @classmethod
    def of(cls, facts: Mapping[str, str]) -> Rehearsal:
        """What `facts` gave.

        Raises
        ------
        Mismatch
            The tape is not one of a job.
        """
        try:
            return cls(tuple(json.loads(facts["columns"])), json.loads(facts["stages"]))
        except KeyError:
            raise Mismatch("the tape was recorded for a program and not for a job: record one for it") from None

    def check(self, party: str, rank: int, width: int) -> None:
        """See that this party's file is one that the tape serves.

        Raises
        ------
        Mismatch
            It has another number of columns.
        """
        if self.widths[rank] != width:
            raise Mismatch(
                f"the tape was recorded for {self.widths[rank]} columns of {party}, whose file has {width} after "
                "preparation: record one for this file with `mpcfl offline`",
                party=party,
            )


def plan(job: Job, parties: Sequence[str], extent: Extent) -> Cost:
    """The exact cost of `train` for those sizes, found on shapes alone; the most, if the job may stop early.

    Parameters
    ----------
    job : Job
    parties : sequence of str
        By rank.
    extent : Extent

    Returns
    -------
    Cost
    """

    def program(session: Session) -> None:
        ids_agree(session, None)
        for party in parties:
            session.announce(None, party)
        keeping = Foreseen(job)
        keeping.agree(session)
        joint(session, job, extent, None, keeping=keeping)

    return forecast(program, parties, fraction=job.engine.fraction, suite=job.engine.suite, ring=job.engine.ring)


# ---------------------------------------------------------------------------------------------------------- the program


def ids_agree(session: Session, fingerprint: NDArray[np.int64] | None) -> Any:
    """Whether the fingerprints of all parties are equal: one bit to all, and nothing else to anybody."""
    first, *others = (
        session.share(fingerprint if owner == session.name else None, owner, (FINGERPRINT_WORDS,), np.int64)
        for owner in session.parties
    )
    equal: Any = np.concatenate([first == other for other in others])
    return (equal.sum() == equal.size).reveal("all", IDS_AGREE)


def announce_sizes(session: Session, job: Job, contribution: Contribution) -> Extent:
    """Tell and hear the sizes that are public."""
    mine = (contribution.width, names_length(contribution) if job.disclose.model else 0)
    told = [session.announce(mine if owner == session.name else None, owner) for owner in session.parties]
    if any(len(sizes) != 2 for sizes in told):
        raise ProtocolViolation("a party announced something else than its number of columns and their names' length")
    return Extent(contribution.rows, tuple(sizes[0] for sizes in told), tuple(sizes[1] for sizes in told))


def joint(
    session: Session,
    job: Job,
    extent: Extent,
    contribution: Contribution | None,
    stage: Stage | None = None,
    keeping: Keeping | Foreseen | None = None,
) -> dict[str, Any]:
    """Train, evaluate, disclose and save.

    Parameters
    ----------
    session : Session
    job : Job
    extent : Extent
    contribution : Contribution or None
        None where the program runs on shapes alone.
    stage : callable, optional
    keeping : Keeping, optional

    Returns
    -------
    dict
        What each disclosure answered, by purpose: None at parties that are not its readers.
    """

    def begins(name: str) -> None:
        if stage is not None:
            stage(session, name)

    features = None if contribution is None else contribution.features
    labels = None if contribution is None else contribution.labels
    train_rows, test_rows = split_rows(extent.rows, job.split.test, job.job.seed)
    X = np.concatenate(
        [
            session.private(features if owner == session.name else None, owner, (extent.rows, width))
            for owner, width in zip(session.parties, extent.widths, strict=True)
            if width
        ],
        axis=1,
    )
    y = session.share(labels, job.label_party, (extent.rows,), job.label_dtype)
    begins(TRAINING)
    marks = None if keeping is None else keeping.marks(session)
    model = _fitted(job, X, y, train_rows, contribution is None, marks)
    session.barrier()
    begins(EVALUATION)
    # Computed only where it is disclosed: an output that nobody reads is work for nothing.
    report = _rounded(evaluate(model, X[test_rows], y[test_rows])) if job.disclose.metrics else {}
    session.barrier()
    begins(DISCLOSURE)
    answers: dict[str, Any] = {}
    if job.disclose.model:
        answers |= disclose_model(session, job, extent, contribution, model)
    for metric, value in report.items():
        answers[held_out(metric)] = value.reveal(job.disclose.metrics, held_out(metric))
    if keeping is not None:
        keeping.model(session, model, extent.widths)
    begins(DONE)
    return answers


def disclose_model(
    session: Session, job: Job, extent: Extent, contribution: Contribution | None, model: Any
) -> dict[str, Any]:
    """Reveal a fitted learner and the names of its features to those whom the job names: answers as of `joint`."""
    answers: dict[str, Any] = {}
    names = None if contribution is None else _encoded_names(contribution)
    for owner, size in zip(session.parties, extent.name_bytes, strict=True):
        secret = session.share(names if owner == session.name else None, owner, (size,), np.int64)
        answers[columns_of(owner)] = secret.reveal(job.disclose.model, columns_of(owner))
    parts = [(COEFFICIENTS, model.coef_), (INTERCEPT, model.intercept_)]
    if job.inference:
        found = (model.standard_errors_, model.z_scores_, model.p_values_)
        parts += zip(INFERENCE, found, strict=True)
    for part, value in parts:
        answers[part] = value.reveal(job.disclose.model, part)
    return answers


def _fitted(job: Job, X: Any, y: Any, rows: NDArray[np.int64], foreseen: bool, marks: Marks | None = None) -> Any:
    """The job's learner, trained; its loss on the first of these rows ends that, if the job says so."""
    wanted = job.stopping
    if wanted is None:
        return job.make_learner().fit(X[rows], y[rows], **({} if marks is None else {"marks": marks}))
    held_back = math.ceil(wanted.validation * len(rows))
    falling = itertools.count(0, -1 - math.ceil(wanted.tolerance * 10**wanted.decimals))

    def disclose(value: Any) -> float:
        told = value.reveal("all", VALIDATION)
        # On shapes it gets better forever, so that all of the training is foreseen.
        return next(falling) if foreseen else float(told)

    stopping = EarlyStopping(
        X[rows[:held_back]],
        y[rows[:held_back]],
        disclose,
        every=wanted.every,
        patience=wanted.patience,
        tolerance=wanted.tolerance,
        decimals=wanted.decimals,
    )
    return job.make_learner().fit(X[rows[held_back:]], y[rows[held_back:]], early_stopping=stopping)


def _rounded(report: Mapping[str, SecretArray]) -> dict[str, SecretArray]:
    """The metrics times 10^DECIMALS as whole numbers, rounded on shares: more decimals are not disclosed."""
    whole: Any = np.rint(np.stack(list(report.values())) * 10**DECIMALS)
    return {name: whole[place] for place, name in enumerate(report)}


# ----------------------------------------------------------------------------------------------------------- the answer


def _result(session: Session, job: Job, extent: Extent, answers: Mapping[str, Any]) -> Result:
    report = {name: answers.get(held_out(name)) for name in job.metrics}
    rounded = {
        name: None if value is None else round(float(value) / 10**DECIMALS, DECIMALS) for name, value in report.items()
    }
    if session.name not in job.disclose.model:
        return Result(None, None, None, rounded, extent)
    columns = [
        name
        for owner, width in zip(session.parties, extent.widths, strict=True)
        for name in _decoded_names(answers[columns_of(owner)], owner, width)
    ]
    intercept = answers[INTERCEPT] if np.ndim(answers[INTERCEPT]) else float(answers[INTERCEPT])
    inference = {part: answers[part] for part in INFERENCE if part in answers}
    return Result(columns, answers[COEFFICIENTS], intercept, rounded, extent, inference)


def names_length(contribution: Contribution) -> int:
    """Bytes of a party's feature names as they are disclosed with a model."""
    return _encoded_names(contribution).size


def _encoded_names(contribution: Contribution) -> NDArray[np.int64]:
    """A party's feature names as numbers that can be shared: the bytes of a JSON list."""
    text = json.dumps(contribution.preparation.features, ensure_ascii=False)
    return np.frombuffer(text.encode(), np.uint8).astype(np.int64)


def _decoded_names(words: NDArray[np.int64], owner: str, width: int) -> list[str]:
    """Feature names with their owner's before them.

    Raises
    ------
    ProtocolViolation
        The owner shared something else than so many names.
    """
    try:
        names = json.loads(bytes(words.tolist()))
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or len(names) != width or not all(isinstance(name, str) for name in names):
        raise ProtocolViolation(f"{owner} shared column names that cannot be read", party=owner)
    return [f"{owner}.{name}" for name in names]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
