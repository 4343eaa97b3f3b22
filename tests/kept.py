"""Jobs that keep their model, in the lockstep world: each party with a key, a state folder and its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mpcfl import training
from mpcfl.contribution import Contribution
from mpcfl.disclosure import agreed, listed, prediction_facts, service_facts
from mpcfl.job import Job
from mpcfl.keeping import MODEL, Keeping, SavedModel
from mpcfl.keys import Identity, generate
from mpcfl.learn.marks import Marks
from mpcfl.prediction import no_rows, predict, read_rows
from mpcfl.serving import Asked, Service, asks_by_file
from mpcfl.session import Session
from mpcfl.simulation import Run, simulate


class Broken(Exception):
    """A party was broken off."""


class Breaking(Keeping):
    """What a party keeps; its real training is broken off after step `at`, if there is one."""

    at: int | None = None

    def marks(self, session: Session) -> Marks | None:
        marks = super().marks(session)
        return marks if marks is None or self.at is None or session.shapeless else Stopping(marks, self.at)


class Stopping:
    """Marks that raise before step `at` is kept."""

    def __init__(self, marks: Marks, at: int) -> None:
        self.found = marks.found
        self._keep = marks.keep
        self._at = at

    def keep(self, step: int, state: Any) -> None:
        if step == self._at:
            raise Broken
        self._keep(step, state)


@dataclass
class Place:
    """Where the parties of some jobs keep what they keep."""

    folder: Path
    parties: Sequence[str] = ("shop", "bank")
    keys: dict[str, Identity] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    keeping: dict[str, Keeping] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = {name: generate(name, "party") for name in self.parties}

    def state(self, party: str) -> Path:
        return self.folder / "state" / party

    def shares(self, party: str) -> Path:
        return self.state(party) / MODEL

    def train(self, job: Job, paths: Mapping[str, Path], broken: tuple[str, int] | None = None, **options: Any) -> Run:
        """Train; a party that is broken off fails after so many steps, and `Broken` is raised."""
        contributions = {party: Contribution.read(job, party, paths[party]) for party in self.parties}
        self.said = {party: [] for party in self.parties}
        self.keeping = {}

        def program(session: Session) -> training.Result:
            name = session.name
            self.state(name).mkdir(parents=True, exist_ok=True)
            at = broken[1] if broken is not None and broken[0] == name else None
            keeping = Breaking(job, self.state(name), self.keys[name], contributions[name], self.said[name].append)
            keeping.at = at
            self.keeping[name] = keeping
            return training.train(session, job, contributions[name], keeping=keeping)

        return simulate(
            program,
            self.parties,
            fraction=job.engine.fraction,
            ring=job.engine.ring,
            disclosures=agreed(job, self.parties),
            **options,
        )

    def serve(
        self,
        job: Job,
        paths: Mapping[str, Path],
        lines: Sequence[str],
        leaving: Mapping[str, Callable[[Service], bool]] | None = None,
        patience: float = 1e6,
        **options: Any,
    ) -> tuple[list[Any], Run]:
        """Serve some lines; the answers, parsed, and the run: by party its service and who ended it."""
        models = {name: SavedModel.open(job, self.parties, self.shares(name), self.keys[name]) for name in self.parties}
        rows = {name: read_rows(job, name, path, models[name]) for name, path in paths.items()}
        told: list[str] = []
        asked = iter([Asked(line, told.append) for line in lines])
        assert job.serve is not None
        requester = job.serve.requester

        def take() -> Asked:
            for one in asked:
                return one
            raise EOFError

        def program(session: Session) -> Any:
            name = session.name
            service = Service(session, job, models[name], rows.get(name))
            leaves = (leaving or {}).get(name, lambda _: False)
            gone = service.run(take if name == requester else None, lambda: leaves(service), patience)
            return service, gone

        shared = asks_by_file(job, self.parties, models[requester].widths)
        count = next(iter(rows.values())).rows if rows else 0
        run = simulate(
            program,
            self.parties,
            fraction=job.engine.fraction,
            ring=job.engine.ring,
            disclosures=listed(service_facts(job, self.parties, count, shared, "dealer")),
            **options,
        )
        return [json.loads(line) for line in told], run

    def end(self) -> None:
        """What a run does once the session has ended well."""
        for keeping in self.keeping.values():
            keeping.clear()

    def predict(self, job: Job, paths: Mapping[str, Path], **options: Any) -> Run:
        """Predict with what `train` kept."""
        models = {name: SavedModel.open(job, self.parties, self.shares(name), self.keys[name]) for name in self.parties}
        rows = {
            name: read_rows(job, name, paths[name], model) if name in paths else no_rows(name, model)
            for name, model in models.items()
        }
        return simulate(
            lambda session: predict(session, job, models[session.name], rows[session.name]),
            self.parties,
            fraction=job.engine.fraction,
            ring=job.engine.ring,
            disclosures=listed(prediction_facts(job, self.parties, len(next(iter(rows.values())).ids), "dealer")),
            **options,
        )
