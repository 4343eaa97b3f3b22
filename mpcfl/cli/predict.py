"""`mpcfl predict`: one party's part in predicting with a model that is kept as shares."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from mpcfl import prediction, threads
from mpcfl.cli.console import say, show_costs, show_disclosures
from mpcfl.cli.run import (
    ConnectTimeout,
    Events,
    JobFile,
    JsonFile,
    KeyFile,
    LedgerFile,
    PartyName,
    RosterFile,
    RoundTimeout,
    StateFolder,
    ViewFile,
    note_aside,
    who,
)
from mpcfl.connection import connect
from mpcfl.disclosure import DEALER_WARNING, listed, prediction_facts
from mpcfl.keeping import MODEL, SavedModel
from mpcfl.keys import Identity
from mpcfl.outcome import Use
from mpcfl.saving import check_target, locked, make_folder, move_aside, write_json

LEDGER, PREDICTIONS = "predict.jsonl", "predictions.csv"
"""Names of what it leaves in the state folder."""

ModelFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="This party's shares of the model.", show_default="model.shares of --state-dir"),
]


def predict(
    job: JobFile,
    party: PartyName,
    roster: RosterFile,
    key: KeyFile,
    data: Annotated[
        Path, typer.Option(metavar="FILE", help="This party's CSV file of rows to predict.", show_default=False)
    ],
    model: ModelFile = None,
    state_dir: StateFolder = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where predictions go.", show_default="predictions.csv of --state-dir"),
    ] = None,
    connect_timeout: ConnectTimeout = 60.0,
    round_timeout: RoundTimeout = 60.0,
    ledger: LedgerFile = None,
    dump_view: ViewFile = None,
    json_file: JsonFile = None,
    events: Events = False,
) -> None:
    for target in (json_file, out):
        if target is not None:
            check_target(target)
    threads.take_cores()
    task, known, names, dealer = who(job, roster, party)
    identity = Identity.load(key)
    folder = Path(f"mpcfl-{party}") if state_dir is None else state_dir
    kept = SavedModel.open(task, names, folder / MODEL if model is None else model, identity)
    contribution = prediction.read_rows(task, party, data, kept)
    told = prediction_facts(task, names, contribution.rows, dealer)
    with locked(folder):
        ledger = folder / LEDGER if ledger is None else ledger
        out = folder / PREDICTIONS if out is None else out
        make_folder(ledger.parent)
        aside = move_aside(ledger)
        if not events:
            show_disclosures(told, dealer)
        note_aside(aside, "ledger", events)
        with connect(
            known,
            identity,
            party,
            terms=prediction.terms(task, contribution.rows, kept, "predict"),
            names=names,
            fraction=task.engine.fraction,
            suite=task.engine.suite,
            ring=task.engine.ring,
            disclosures=listed(told),
            ledger=ledger,
            view=dump_view,
            connect_timeout=connect_timeout,
            round_timeout=round_timeout,
        ) as session:
            began = time.perf_counter()
            values = prediction.predict(session, task, kept, contribution)
            seconds = time.perf_counter() - began
        if values is not None:
            note_aside(move_aside(out), "file of predictions", events)
            prediction.write_predictions(out, task, contribution.ids, values)
        use = Use(
            contribution.rows,
            session.rounds,
            {party: session.bytes_sent},
            session.offline_bytes,
            seconds,
            {"predictions": None if values is None else str(out), "ledger": str(ledger)},
        )
        if json_file is not None:
            write_json(json_file, use.to_json())
        if not events:
            show_costs(use)
            say(f"predictions: {'not disclosed to ' + party if values is None else out}")
            say(f"ledger: {ledger}")


predict.__doc__ = (
    "Predict for the rows of this party's file, together with all others, by a model that `mpcfl run` kept as shares. "
    + DEALER_WARNING
)
