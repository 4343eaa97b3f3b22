"""The joint program of a job: what all parties run together once each has prepared its own rows.

    ids agree       each party shares a fingerprint of its ordered ids; only whether all are equal is revealed. Where
                    parties have rows of their own, only whether no id stands twice
    sizes           each party tells how many features it has, and how long their names are if a model is disclosed
    training        the learner runs on the secret table of all, see `mpcfl.assembly`
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
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.array import SecretArray
from mpcfl.assembly import Extent, announce_sizes, assembled, feature_names, ids_agree, ids_differ, shared_names
from mpcfl.connection import RecordingSession
from mpcfl.contribution import Contribution
from mpcfl.correlation import Correlation
from mpcfl.disclosure import PARTS, VALIDATION, held_out, searched
from mpcfl.drivers.cost import Cost
from mpcfl.errors import InputError, Mismatch, ProtocolViolation
from mpcfl.job import Job
from mpcfl.keeping import Foreseen, Keeping, Model
from mpcfl.learn.evaluation import GREATER_IS_BETTER, evaluate
from mpcfl.learn.marks import Marks
from mpcfl.learn.selection import GridSearch
from mpcfl.learn.stopping import EarlyStopping
from mpcfl.protocols import paillier
from mpcfl.sections import Search, Stopping
from mpcfl.session import Session
from mpcfl.simulation import forecast

DECIMALS = 4
"""Metrics are disclosed rounded to as many decimals."""

Stage = Callable[[Session, str], None]
"""Is told when a stage begins, with the session that runs it: the real one, or one that runs on shapes."""

SEARCH = "search"
"""What a search found, among the answers of the joint program."""

TRAINING, EVALUATION, DISCLOSURE, DONE = "training", "metrics", "disclosure", "done"
"""Stages of the joint program."""


@dataclass(frozen=True, eq=False)
class Result:
    """What one party learnt from a job; None is what was not disclosed to it.

    Attributes
    ----------
    columns : list of str or None
        Names of the features, "bank.age" or "bureau.job=fixed", by rank and in each party's order.
    model : dict or None
        The model by part, as its learner's `model_arrays` has it.
    metrics : dict of str to float or None
        By the names in `Job.metrics`.
    extent : Extent
    search : dict or None
        Of a job with [search]: the metric's name, every candidate with its score, and the parameters that were chosen.
    """

    columns: list[str] | None
    model: Mapping[str, Any] | None
    metrics: Mapping[str, float | None]
    extent: Extent
    search: Mapping[str, Any] | None = None

    @property
    def chosen(self) -> dict[str, Any]:
        """Parameters that a search has chosen; none without one."""
        return {} if self.search is None else dict(self.search["chosen"])


def terms(job: Job, rows: int) -> dict[str, str]:
    """What all parties must hold equal before any of them sends data: each key of the job, and the number of rows.

    Where parties have rows of their own, they tell one another how many later.

    Values of the job stand as hashes, since they may be long; keys that differ are named to the user.
    """
    agreed = {"job": job.hash()} | ({"rows": str(rows)} if job.partition == "columns" else {})
    return {key: _digest(value) for key, value in job.entries().items()} | agreed


def train(
    session: Session,
    job: Job,
    contribution: Contribution,
    stage: Stage | None = None,
    sized: Callable[[Extent], None] | None = None,
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
    sized : callable, optional
        Is told the sizes of the whole table.
    keeping : Keeping, optional
        What saves the model and its checkpoints, if the job says so; without it nothing is saved.

    Returns
    -------
    Result

    Raises
    ------
    Mismatch
        The parties' ids differ; or, where they have rows of their own, do not.
    InputError
        No party has a feature.
    """
    if job.partition == "columns" and not session.run(lambda on: ids_agree(on, job, contribution.fingerprint())):
        raise Mismatch(
            "the id columns differ: every party must hold the same ids, one row each; find those in common first",
            column=job.job.id,
        )
    extent = announce_sizes(session, job, contribution)
    if sized is not None:
        sized(extent)
    if extent.counts and not session.run(lambda on: ids_differ(on, extent, contribution.digests())):
        raise Mismatch(
            "an id stands at two parties or more: where parties have rows of their own, each row is one party's",
            column=job.job.id,
        )
    if keeping is not None:
        keeping.agree(session)
    if job.foreseen:
        answers = session.run(lambda on: joint(on, job, extent, contribution, stage, keeping))
    else:  # how it goes on is not foreseen, and the dealer works on demand
        answers = joint(session, job, extent, contribution, stage, keeping)
    return _result(session, job, extent, answers)


def export(session: Session, job: Job, contribution: Contribution, load: Callable[[Session], Model]) -> Result:
    """Reveal a model that was trained before to those whom the job names, together with all other parties.

    Parameters
    ----------
    session : Session
        Of the job's parties by rank, bound to the list of `mpcfl.disclosure.export_facts`.
    job : Job
    contribution : Contribution
        With this party's preparation; rows are not needed.
    load : callable
        Gives the model in a session: the real one, or one on shapes.
    """
    if job.partition == "rows":  # whose columns the job names
        extent = Extent.of_rows(job, [0] * len(session.parties))
    else:
        extent = announce_sizes(session, job, contribution)
    answers = session.run(lambda on: disclose_model(on, job, extent, contribution, load(on).parts()))
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
    if not job.foreseen:
        raise InputError(
            "A job with [stopping] or [search] goes on as its data say, and is not recorded ahead.", key="job"
        )
    if job.partition == "rows":
        raise InputError("A job whose parties have rows of their own is not recorded ahead.", key="job.partition")
    told = [session.announce((width,) if owner == session.name else None, owner) for owner in session.parties]
    if any(len(sizes) != 1 for sizes in told):
        raise ProtocolViolation("a party announced something else than its number of columns")
    extent = Extent(rows, tuple(size for (size,) in told), (0,) * len(told))
    if not sum(extent.widths):
        raise InputError("No party has a column to train on.", key="columns")
    stages: dict[str, int] = {}

    def begins(on: Session, name: str) -> None:
        stages[name] = on.rounds

    session.record(lambda on: ids_agree(on, job, None))
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
    """The exact cost of `train` for those sizes, found on shapes alone.

    It is the most, if the job may stop early; and if it has a search, what it costs where the longest training wins.

    Parameters
    ----------
    job : Job
    parties : sequence of str
        By rank.
    extent : Extent

    Returns
    -------
    Cost
        Without what two parties send to make correlations themselves.

    Raises
    ------
    UsageError
        They cannot make all that the job draws.
    """
    drawn: list[Correlation] = []

    def program(session: Session) -> None:
        if not extent.counts:
            ids_agree(session, job, None)
        for party in parties:
            session.announce(None, party)
        if extent.counts:
            ids_differ(session, extent, None)
        keeping = Foreseen(job)
        keeping.agree(session)
        joint(session, job, extent, None, keeping=keeping)

    engine = job.engine
    seen = drawn.append if engine.offline == "paillier" else None
    cost = forecast(program, parties, fraction=engine.fraction, suite=engine.suite, ring=engine.ring, on_draw=seen)
    paillier.refuse(drawn)
    return cost


# ---------------------------------------------------------------------------------------------------------- the program


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
        What each disclosure answered, by purpose, and under `SEARCH` what a search found; None at parties that are not
        its readers.
    """

    def begins(name: str) -> None:
        if stage is not None:
            stage(session, name)

    table = assembled(session, job, extent, contribution)
    begins(TRAINING)
    marks = None if keeping is None else keeping.marks(session)
    learner, search = _fitted(job, table.X, table.y, table.train, contribution is None, marks)
    model = Model(learner, table.preparation)
    session.barrier()
    begins(EVALUATION)
    # Computed only where it is disclosed: an output that nobody reads is work for nothing.
    held = table.test
    report = _rounded(evaluate(learner, table.X[held], table.y[held])) if job.disclose.metrics else {}
    session.barrier()
    begins(DISCLOSURE)
    answers: dict[str, Any] = {SEARCH: search}
    if job.disclose.model:
        answers |= disclose_model(session, job, extent, contribution, model.parts())
    for metric, value in report.items():
        answers[held_out(metric)] = value.reveal(job.disclose.metrics, held_out(metric))
    if keeping is not None:
        keeping.model(session, model, extent.widths)
    begins(DONE)
    return answers


def disclose_model(
    session: Session, job: Job, extent: Extent, contribution: Contribution | None, parts: Mapping[str, Any]
) -> dict[str, Any]:
    """Reveal the parts of a model and the names of its features to those whom the job names: answers as of `joint`."""
    answers = shared_names(session, job, extent, contribution)
    for part, value in parts.items():
        answers[part] = _revealed(value, job.disclose.model, PARTS[part])
    return answers


def _revealed(value: Any, readers: Sequence[str], purpose: str) -> Any:
    """A part of a model in the clear, at its readers: an array, or several by name."""
    if isinstance(value, dict):
        return {name: array.reveal(readers, purpose) for name, array in value.items()}
    return value.reveal(readers, purpose)


def _fitted(
    job: Job, X: Any, y: Any, rows: NDArray[np.int64], foreseen: bool, marks: Marks | None
) -> tuple[Any, Mapping[str, Any] | None]:
    """The job's learner, trained, and what a search found; what they disclose on the way is as the job says."""
    if job.search is not None:
        return _searched(job, job.search, X[rows], y[rows], foreseen)
    if job.stopping is not None:
        return _stopped(job, job.stopping, X, y, rows, foreseen), None
    return job.make_learner().fit(X[rows], y[rows], **({} if marks is None else {"marks": marks})), None


def _searched(job: Job, search: Search, X: Any, y: Any, foreseen: bool) -> tuple[Any, Mapping[str, Any]]:
    """The best of the candidates; on shapes it is the one that reads the most rows."""
    metric = job.search_metric

    def disclose(values: Any) -> Any:
        told = values.reveal("all", searched(metric))
        if not foreseen:
            return told
        read = [math.prod(job.make_learner(one).steps(X.shape[0])) for one in search.candidates]
        return np.array(read) * (1 if metric in GREATER_IS_BETTER else -1)

    found = GridSearch(job.make_learner(), search.grid, search.folds, metric, job.job.seed, disclose, DECIMALS)
    found.fit(X, y)
    scores = [float(score) for score in found.cv_results_["mean_test_score"]]
    tried = [{"parameters": one, "score": score} for one, score in zip(search.candidates, scores, strict=True)]
    return found.best_estimator_, {"metric": metric, "candidates": tried, "chosen": found.best_params_}


def _stopped(job: Job, wanted: Stopping, X: Any, y: Any, rows: NDArray[np.int64], foreseen: bool) -> Any:
    """The learner, whose loss on the first of these rows ends its training."""
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
        return Result(None, None, rounded, extent, answers.get(SEARCH))
    columns = feature_names(session, job, extent, answers)
    model = {part: answers[part] for part in job.model_parts}
    return Result(columns, model, rounded, extent, answers.get(SEARCH))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
