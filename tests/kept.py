"""Jobs that keep their model, in the lockstep world: each party with a key, a state folder and its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mpcfl
from mpcfl import training
from mpcfl.contribution import Contribution
from mpcfl.disclosure import agreed, listed, prediction_facts
from mpcfl.job import Job
from mpcfl.keeping import MODEL, Keeping, SavedModel
from mpcfl.keys import Identity, generate
from mpcfl.prediction import predict, read_rows


@dataclass
class Place:
    """Where the parties of some jobs keep what they keep."""

    folder: Path
    parties: Sequence[str] = ("shop", "bank")
    keys: dict[str, Identity] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = {name: generate(name, "party") for name in self.parties}

    def state(self, party: str) -> Path:
        return self.folder / "state" / party

    def shares(self, party: str) -> Path:
        return self.state(party) / MODEL

    def train(self, job: Job, paths: Mapping[str, Path], stop: Any = None, **options: Any) -> mpcfl.Run:
        """Train; `stop(session, keeping)` is called as each stage begins and may raise."""
        contributions = {party: Contribution.read(job, party, paths[party]) for party in self.parties}
        self.said = {party: [] for party in self.parties}

        def program(session: mpcfl.Session) -> Any:
            name = session.name
            self.state(name).mkdir(parents=True, exist_ok=True)
            keeping = Keeping(job, self.state(name), self.keys[name], contributions[name], self.said[name].append)
            marks = keeping.marks
            if stop is not None:
                keeping.marks = lambda on: marks(on) if on.shapeless else stop(on, marks(on))  # type: ignore[method-assign]
            result = training.train(session, job, contributions[name], keeping=keeping)
            session.barrier()
            return result, keeping

        return mpcfl.simulate(
            program,
            self.parties,
            fraction=job.engine.fraction,
            ring=job.engine.ring,
            disclosures=agreed(job, self.parties),
            **options,
        )

    def predict(self, job: Job, paths: Mapping[str, Path], **options: Any) -> mpcfl.Run:
        """Predict with what `train` kept."""
        models = {name: SavedModel.open(job, self.parties, self.shares(name), self.keys[name]) for name in self.parties}
        rows = {name: read_rows(job, name, paths[name], models[name]) for name in self.parties}
        return mpcfl.simulate(
            lambda session: predict(session, job, models[session.name], rows[session.name]),
            self.parties,
            fraction=job.engine.fraction,
            ring=job.engine.ring,
            disclosures=listed(prediction_facts(job, self.parties, len(next(iter(rows.values())).ids), "dealer")),
            **options,
        )


class Broken(Exception):
    """A party that was broken off."""


class Breaking:
    """Marks that break a training off after some step."""

    def __init__(self, marks: Any, at: int) -> None:
        self._marks, self._at = marks, at
        self.found = marks.found

    def keep(self, step: int, state: Any) -> None:
        self._marks.keep(step, state)
        if step == self._at:
            raise Broken
