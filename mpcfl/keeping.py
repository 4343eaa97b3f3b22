"""What a party keeps of a job in its state folder: the fitted model, and checkpoints on the way to it.

    model.shares        this party's shares of the model; its preparation beside them, sealed and told to nobody. Where
                        parties have rows of their own, what they found on shares to prepare them is a part of the model
    checkpoints/KEY     the newest steps of one training; KEY follows from the job and from this party's own rows

The shares belong together by the id of `mpcfl.saved`, and to a job by the keys of it that say what the model is. Which
outputs are disclosed, and to whom, may change from one use of a model to the next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from mpcfl.checkpoints import Checkpoints, compare, tell_all
from mpcfl.contribution import AnyPreparation, Contribution
from mpcfl.data import Preparation
from mpcfl.data.binned import Binned
from mpcfl.errors import IntegrityError, Mismatch, UsageError
from mpcfl.job import Job
from mpcfl.learn.marks import Marks
from mpcfl.saved import Keys, Saved, gathered, save
from mpcfl.saving import move_aside
from mpcfl.session import Session
from mpcfl.version import VERSION

MODEL, CHECKPOINTS = "model.shares", "checkpoints"
"""Names in a state folder."""

SECTIONS = ("job", "columns", "prepare", "learner", "engine")
"""Sections of a job that say what a model is; the others say how it is trained on the way, tested and disclosed."""

_FOLDER_BYTES = 8

Say = Callable[[str], None]
"""Is told, in a sentence, what a user should know."""


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted learner, and what else belongs to it.

    Attributes
    ----------
    learner : Learner
    preparation : mapping of str to array
        What was found on shares to prepare rows, by the names of `Job.prepared_parts`.
    """

    learner: Any
    preparation: Mapping[str, Any] = field(default_factory=dict)

    def parts(self) -> dict[str, Any]:
        """All of it as it is disclosed, by the names of `Job.model_parts`."""
        return {**self.learner.model_arrays(), **self.preparation}

    def state(self) -> dict[str, Any]:
        """All of it as it is saved."""
        return {"learner": fitted_state(self.learner), "preparation": dict(self.preparation)}


# ------------------------------------------------------------------------------------------------------- in a training


class Keeping:
    """One party's side of saving a job's model and its checkpoints, given to `mpcfl.training.train`.

    Parameters
    ----------
    job : Job
    folder : Path
        The party's state folder.
    key : Identity
        The party's.
    contribution : Contribution
        Its rows, which a checkpoint belongs to.
    say : callable, optional

    Attributes
    ----------
    path : Path
        Of the shares of the model.
    step : int
        Steps that were done before this run, once the parties have agreed on them.
    """

    def __init__(
        self, job: Job, folder: Path, key: Keys, contribution: Contribution, say: Say = lambda sentence: None
    ) -> None:
        self.path = folder / MODEL
        self.step = 0
        self._job = job
        self._key = key
        self._own: dict[str, Any] = {"preparation": contribution.preparation.to_json()}
        self._say = say
        self._found: Saved | None = None
        self._all = folder / CHECKPOINTS
        self._checkpoints = Checkpoints(self._all / _folder(job, key, contribution), key, _name(job))

    def refuse_tape(self) -> None:
        """A tape serves a whole run: see that there is nothing to go on from.

        Raises
        ------
        UsageError
            There is, or may be.
        """
        if self._job.save.checkpoint and self._checkpoints.steps():
            raise UsageError(
                "a tape serves a whole run, and this job was broken off in its middle: run it without --tape to go "
                f"on, or remove {self._checkpoints.folder} to begin anew",
                file=str(self._checkpoints.folder),
            )

    def agree(self, session: Session) -> None:
        """Find the step from which all parties can go on: numbers of steps and ids are told, as many rounds as parties.

        Raises
        ------
        IntegrityError
            This party's file of that step was altered.
        """
        if not self._job.save.checkpoint:
            return
        agreed = self._checkpoints.agreed(session)
        if agreed is not None:
            self.step, self._found = agreed
            self._say(f"All parties go on after step {self.step}, of which each has a checkpoint.")
        elif self._checkpoints.steps():
            self._say("The parties have no checkpoint in common: training begins at the beginning.")
        elif self._all.is_dir() and any(self._all.iterdir()):
            self._say(f"Training begins at the beginning: what is in {self._all} is of another job or of other rows.")

    def marks(self, session: Session) -> Marks | None:
        """What a learner's `fit` is given; None where the job has no checkpoints."""
        every = self._job.save.checkpoint
        return SessionMarks(session, every, self._checkpoints, self.step, self._found) if every else None

    def model(
        self, session: Session, model: Model, widths: Sequence[int], preparation: AnyPreparation | None = None
    ) -> None:
        """Save a model, together with all other parties. An older file is moved aside.

        With it goes this party's `preparation`, if that was not known before; else that of its contribution. Errors are
        as of `mpcfl.saved.save`.
        """
        if not self._job.save.model:
            return
        if not session.shapeless and (older := move_aside(self.path)) is not None:
            self._say(f"An older model's shares were moved to {older}.")
        facts = {
            "version": VERSION,
            "job": _identity(self._job),
            "widths": list(widths),
            "label_party": self._job.label_party,
            "classes": self._job.classes,
            "chosen": {} if self._job.search is None else _parameters(model.learner, self._job.search.grid),
        }
        own = self._own if preparation is None else {"preparation": preparation.to_json()}
        save(session, self.path, self._key, model.state(), name=self._job.job.name, facts=facts, own=own)

    def clear(self) -> None:
        """Remove this training's checkpoints: it has ended well everywhere."""
        if self._job.save.checkpoint:
            self._checkpoints.clear()
            if self._all.is_dir() and not any(self._all.iterdir()):
                self._all.rmdir()


class SessionMarks:
    """Marks of a training on shares, see `mpcfl.learn.marks`.

    Parameters
    ----------
    session : Session
        The real one, or one that runs on shapes.
    every : int
    checkpoints : Checkpoints
    step : int
    saved : Saved or None
        What `step` steps left behind.
    """

    def __init__(
        self, session: Session, every: int, checkpoints: Checkpoints, step: int = 0, saved: Saved | None = None
    ) -> None:
        self._session = session
        self._every = every
        self._checkpoints = checkpoints
        self._step = step
        self._saved = saved

    def found(self) -> tuple[int, Any] | None:
        """As `mpcfl.learn.marks.Marks.found`; the shares are renewed."""
        return None if self._saved is None else (self._step, self._saved.load(self._session))

    def keep(self, step: int, state: Any) -> None:
        """As `mpcfl.learn.marks.Marks.keep`: every so many steps, one round a party."""
        if step % self._every == 0:
            self._checkpoints.save(self._session, step, state)


class Foreseen:
    """The same for a forecast on shapes alone: nothing is kept, and it costs what a whole training's keeping costs.

    Parameters
    ----------
    job : Job
    """

    def __init__(self, job: Job) -> None:
        self._every = job.save.checkpoint
        self._model = job.save.model

    def agree(self, session: Session) -> None:
        """As `Keeping.agree`."""
        if self._every:
            compare(session)

    def marks(self, session: Session) -> Marks | None:
        """As `Keeping.marks`."""
        return _ForeseenMarks(session, self._every) if self._every else None

    def model(
        self, session: Session, model: Model, widths: Sequence[int], preparation: AnyPreparation | None = None
    ) -> None:
        """As `Keeping.model`."""
        if self._model:
            gathered(session, model.state())


class _ForeseenMarks:
    def __init__(self, session: Session, every: int) -> None:
        self._session = session
        self._every = every

    def found(self) -> None:
        return None

    def keep(self, step: int, state: Any) -> None:
        if step % self._every == 0:
            gathered(self._session, state)
            tell_all(self._session, step)


def _name(job: Job) -> str:
    return f"training of {job.job.name}"


def _folder(job: Job, key: Keys, contribution: Contribution) -> str:
    """A name that follows from all that a step depends on, and that nobody can guess rows from."""
    digest = hashlib.sha256(f"{VERSION} {job.hash()} {contribution.party}\n".encode())
    digest.update(json.dumps([contribution.ids, contribution.preparation.to_json()]).encode())
    for array in (contribution.cells, contribution.labels):
        digest.update(b"\0" if array is None else f"{array.dtype} {array.shape}\n".encode() + array.tobytes())
    return key.derive(CHECKPOINTS, digest.digest())[:_FOLDER_BYTES].hex()


# ------------------------------------------------------------------------------------------------------ after training


def _parameters(learner: Any, names: Iterable[str]) -> dict[str, Any]:
    """Those that a search has chosen."""
    own = learner.get_params()
    return {name: own[name] for name in names}


def fitted_state(learner: Any) -> dict[str, Any]:
    """All that fitting has added to a learner: what is no parameter of its constructor."""
    parameters = learner.get_params()
    return {name: value for name, value in vars(learner).items() if name not in parameters}


@dataclass(frozen=True)
class SavedModel:
    """A model that `Keeping.model` saved, opened by its party; `open` gives one.

    Attributes
    ----------
    saved : Saved
    widths : tuple of int
        Features by the ranks of the job.
    preparation : Preparation, Pooled or Binned
        This party's, as it was fitted; or, where parties have rows of their own, what the job declares.
    """

    saved: Saved
    widths: tuple[int, ...]
    preparation: AnyPreparation

    @classmethod
    def open(cls, job: Job, parties: Sequence[str], path: Path, key: Keys) -> Self:
        """Read this party's file, and see that it is of this job and these parties.

        Raises
        ------
        UsageError
            There is no such file.
        IntegrityError
            It is not one of this party's, was altered or cut, or holds something else than a model of a job.
        Mismatch
            It is of another job, or was trained among other parties.
        """
        saved = Saved.open(path, key)
        facts, own = saved.head.facts, saved.head.own
        if not ("job" in facts and "widths" in facts and "preparation" in own):
            raise IntegrityError(f"{path} holds shares, and not those of a job's model", file=str(path))
        mine, its = _identity(job), facts["job"]
        differing = sorted(key for key in mine.keys() | its.keys() if mine.get(key) != its.get(key))
        if differing:
            raise Mismatch(
                f"the model in {path} was trained by another job, which differs in {', '.join(differing)}",
                file=str(path),
            )
        if list(saved.head.parties) != list(parties):
            raise Mismatch(
                f"the model in {path} was trained by {', '.join(saved.head.parties)}, and here are "
                f"{', '.join(parties)}",
                file=str(path),
            )
        return cls(saved, tuple(facts["widths"]), _preparation(job, own["preparation"]))

    @property
    def id(self) -> str:
        """In hexadecimal; the files of all parties bear the same."""
        return self.saved.id.hex()

    def load(self, session: Session, job: Job) -> Model:
        """The model, its secret arrays shared anew. All parties load theirs together; nothing is sent.

        Raises
        ------
        MpcflError
            As of `mpcfl.saved.Saved.load`.
        """
        return self.of_state(job, self.saved.load(session))

    def of_state(self, job: Job, state: Mapping[str, Any]) -> Model:
        """The model of what `Model.state` gave. Whatever its training told of it, its use tells nothing."""
        learner = job.make_learner(self.saved.head.facts["chosen"], level="nothing")
        vars(learner).update(state["learner"])
        return Model(learner, state["preparation"])


def _preparation(job: Job, document: Mapping[str, Any]) -> AnyPreparation:
    """That of a party's columns, from what is kept of it."""
    if job.binned:
        return Binned.from_json(document)
    return job.pooled() if job.partition == "rows" else Preparation.from_json(document)


def _identity(job: Job) -> Mapping[str, str]:
    """The keys of a job that a model belongs to, and their values as JSON."""
    return {key: value for key, value in job.entries().items() if key.partition(".")[0] in SECTIONS}
