"""`mpcfl run`: one party's part in a job."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from mpcfl import threads, training
from mpcfl.cli.console import bar, say, show_costs, show_disclosures, show_metrics, show_search
from mpcfl.cli.console import out as console
from mpcfl.connection import connect
from mpcfl.contribution import Contribution
from mpcfl.disclosure import DEALER_WARNING, agreed, facts
from mpcfl.errors import UsageError
from mpcfl.job import Job
from mpcfl.keeping import Keeping
from mpcfl.keys import Identity
from mpcfl.outcome import Outcome, model_document, onnx_document
from mpcfl.progress import Progress, State, watched
from mpcfl.roster import Roster
from mpcfl.saving import check_target, locked, make_folder, move_aside, write_bytes, write_json
from mpcfl.tape import Tape
from mpcfl.training import Rehearsal

MODEL, NETWORK, LEDGER = "model.json", "model.onnx", "ledger.jsonl"
"""Names of what a run leaves in its state folder."""

JobFile = Annotated[
    Path, typer.Argument(metavar="JOB.toml", help="The job, the same at every party.", show_default=False)
]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write a summary for programs.")]
LedgerFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where the ledger goes instead; an older one is moved aside.")
]
ConnectTimeout = Annotated[float, typer.Option(metavar="S", min=0.1, help="Seconds until all must have come.")]
RoundTimeout = Annotated[float, typer.Option(metavar="S", min=0.1, help="Seconds that a peer may be silent.")]
PartyName = Annotated[str, typer.Option(metavar="NAME", help="Who this is.", show_default=False)]
RosterFile = Annotated[
    Path, typer.Option(metavar="FILE", help="Who takes part, with keys and addresses.", show_default=False)
]
KeyFile = Annotated[Path, typer.Option(metavar="FILE", help="This party's secret keys.", show_default=False)]
StateFolder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where model, shares and ledger go.", show_default="mpcfl-NAME"),
]
ViewFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Save every received tensor, for tests (.npz).")]
Events = Annotated[bool, typer.Option("--events", help="Print progress as JSON lines on stdout instead of tables.")]


def run(
    job: JobFile,
    party: PartyName,
    roster: RosterFile,
    key: KeyFile,
    data: Annotated[
        Path, typer.Option(metavar="FILE", help="This party's CSV file; it stays here.", show_default=False)
    ],
    tape: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Correlations that `mpcfl offline` recorded; used up.")
    ] = None,
    state_dir: StateFolder = None,
    connect_timeout: ConnectTimeout = 60.0,
    round_timeout: RoundTimeout = 60.0,
    ledger: LedgerFile = None,
    dump_view: ViewFile = None,
    json_file: JsonFile = None,
    events: Events = False,
) -> None:
    if json_file is not None:
        check_target(json_file)
    threads.take_cores()
    task, known, names, dealer = roles(job, roster, party)
    identity = Identity.load(key)
    disclosures = agreed(task, names)
    contribution = Contribution.read(task, party, data)
    folder = Path(f"mpcfl-{party}") if state_dir is None else state_dir
    show_on = None if events else console
    with locked(folder), _opened(tape, identity) as played:
        keeping = Keeping(task, folder, identity, contribution, lambda sentence: note(sentence, show_on))
        stages = None
        if played is not None:
            rehearsal = Rehearsal.of(played.head.facts)
            rehearsal.check(party, names.index(party), contribution.width)
            stages = rehearsal.stages
            keeping.refuse_tape()
        model, ledger = folder / MODEL, folder / LEDGER if ledger is None else ledger
        make_folder(ledger.parent)
        aside = move_aside(ledger)
        if not events:
            show_disclosures(facts(task, names, contribution.rows, dealer), dealer)
        note_aside(aside, "ledger", show_on)
        with (
            _shown(events) as show,
            connect(
                known,
                identity,
                party,
                terms=training.terms(task, contribution.rows),
                names=names,
                fraction=task.engine.fraction,
                suite=task.engine.suite,
                ring=task.engine.ring,
                disclosures=disclosures,
                tape=played,
                offline=task.engine.offline,
                ledger=ledger,
                view=dump_view,
                connect_timeout=connect_timeout,
                round_timeout=round_timeout,
            ) as session,
        ):
            began = time.perf_counter()
            progress = Progress(task, contribution.rows, session, stages, keeping)
            with watched(progress, show):
                result = training.train(session, task, contribution, progress.begins, progress.sized, keeping)
            seconds = time.perf_counter() - began
        keeping.clear()
        document = model_document(task, result, contribution)
        if document is not None:
            note_aside(move_aside(model), "model", show_on)
            write_json(model, document)
            graph = onnx_document(task, result)
            if graph is not None:
                move_aside(folder / NETWORK)
                write_bytes(folder / NETWORK, graph)
        outcome = Outcome(
            metrics=result.metrics,
            rounds=session.rounds,
            bytes_sent={party: session.bytes_sent},
            offline_bytes=session.offline_bytes,
            seconds=seconds,
            model=None if document is None else str(model),
            ledger=str(ledger),
            search=result.search,
            shares=str(keeping.path) if task.save.model else None,
        )
        if json_file is not None:
            write_json(json_file, outcome.to_json())
        if not events:
            show_search(outcome)
            show_metrics({"joint": result.metrics})
            show_costs(outcome)
            say(f"model: {outcome.model or 'not disclosed to ' + party}")
            if outcome.shares is not None:
                say(f"shares of the model: {outcome.shares}")
            say(f"ledger: {outcome.ledger}")


def who(job: Path, roster: Path, party: str) -> tuple[Job, Roster, list[str], str]:
    """The job, the roster, the parties by rank, and the dealer.

    Raises
    ------
    UsageError
        The party is not in the roster, or no dealer is; or the job has none.
    """
    task, known, names, dealer = roles(job, roster, party)
    if dealer is None:
        raise UsageError(
            "this needs a dealer, and the job has none: its engine.offline is paillier", key="engine.offline"
        )
    return task, known, names, dealer


def roles(job: Path, roster: Path, party: str) -> tuple[Job, Roster, list[str], str | None]:
    """The same of a job that may have no dealer: then its parties make the correlations.

    Raises
    ------
    UsageError
        The party is not in the roster, or a dealer is where the job has none, or the other way.
    """
    task, known = Job.load(job), Roster.load(roster)
    names = [entry.name for entry in known.parties]
    if party not in names:
        raise UsageError(f"{party} is no party of the roster: there are {', '.join(names)}", party=party)
    dealer = None if known.dealer is None else known.dealer.name
    if dealer is None and task.engine.offline == "dealer":
        raise UsageError(f"{roster} has no dealer, and the job needs one: add its entry", file=str(roster))
    if dealer is not None and task.engine.offline != "dealer":
        raise UsageError(f"{roster} has a dealer, and the job has none: leave out its entry", file=str(roster))
    return task, known, task.rank_order(names), dealer


def _opened(tape: Path | None, identity: Identity) -> AbstractContextManager[Tape | None]:
    return nullcontext(None) if tape is None else closing(Tape.open(tape, identity))


run.__doc__ = f"Take part in a job with this party's own file, which stays here. {DEALER_WARNING}"


def _shown(events: bool) -> AbstractContextManager[Callable[[State], None]]:
    return nullcontext(_event) if events else bar()


def _event(state: State) -> None:
    _emit({"state": state.to_json()})


def note_aside(place: Path | None, what: str, show: Console | None) -> None:
    if place is not None:
        note(f"An older {what} was moved to {place}.", show)


def note(sentence: str, show: Console | None) -> None:
    """Say something to the user, or, without a console, to the process that started this one."""
    _emit({"note": sentence}) if show is None else say(sentence, show)


def _emit(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
