"""A party's part in a use of a model: what the commands `predict`, `serve`, `export` and `import` begin with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mpcfl.cli.console import show_disclosures
from mpcfl.cli.run import note_aside, who
from mpcfl.connection import connect
from mpcfl.disclosure import Fact, listed
from mpcfl.job import Job
from mpcfl.keeping import MODEL, SavedModel
from mpcfl.keys import Identity
from mpcfl.roster import Roster
from mpcfl.saving import locked, make_folder, move_aside
from mpcfl.session import Session

ModelFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="This party's shares of the model.", show_default="model.shares of --state-dir"),
]


@dataclass(frozen=True)
class Part:
    """One party's part; `of` gives one from a command's options.

    Attributes
    ----------
    job : Job
    roster : Roster
    parties : list of str
        By rank.
    dealer, party : str
    identity : Identity
    folder : Path
        The party's state folder.
    """

    job: Job
    roster: Roster
    parties: list[str]
    dealer: str
    party: str
    identity: Identity
    folder: Path

    @classmethod
    def of(cls, job: Path, roster: Path, party: str, key: Path, state_dir: Path | None) -> Part:
        """Read the job, the roster and the key.

        Raises
        ------
        MpcflError
            One of them is missing or wrong, or they do not belong together.
        """
        task, known, names, dealer = who(job, roster, party)
        identity = Identity.load(key)
        folder = Path(f"mpcfl-{party}") if state_dir is None else state_dir
        return cls(task, known, names, dealer, party, identity, folder)

    def saved(self, path: Path | None) -> SavedModel:
        """This party's shares of the model: those in its folder unless another file is given.

        Raises
        ------
        MpcflError
            As of `SavedModel.open`.
        """
        return SavedModel.open(self.job, self.parties, self.folder / MODEL if path is None else path, self.identity)

    @contextmanager
    def session(
        self,
        use: str,
        terms: Mapping[str, str],
        told: Sequence[Fact],
        ledger: Path | None,
        timeouts: tuple[float, float],
        *,
        show: Console | None,
        view: Path | None = None,
        lasting: bool = False,
    ) -> Iterator[tuple[Session, Path]]:
        """Show who learns what, and connect; the folder is this process's meanwhile.

        Parameters
        ----------
        use : str
            The same at all parties; the ledger's name by default.
        terms : mapping of str to str
            What all parties must hold equal.
        told : sequence of Fact
        ledger : Path or None
        timeouts : tuple of float
            To connect, and a round's.
        show : Console or None
            Where the table goes; None: nowhere, and notes are events.
        view, lasting
            As of `mpcfl.connect`.

        Yields
        ------
        session : Session
        ledger : Path
        """
        with locked(self.folder):
            place = self.folder / f"{use}.jsonl" if ledger is None else ledger
            make_folder(place.parent)
            aside = move_aside(place)
            if show is not None:
                show_disclosures(told, self.dealer, show)
            note_aside(aside, "ledger", show)
            with connect(
                self.roster,
                self.identity,
                self.party,
                terms=dict(terms),
                names=self.parties,
                fraction=self.job.engine.fraction,
                suite=self.job.engine.suite,
                ring=self.job.engine.ring,
                disclosures=listed(told),
                ledger=place,
                lasting=lasting,
                view=view,
                connect_timeout=timeouts[0],
                round_timeout=timeouts[1],
            ) as session:
                yield session, place
