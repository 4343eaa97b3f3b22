"""`mpcfl predict`: one party's part in predicting with a model that is kept as shares."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from mpcfl import prediction, threads
from mpcfl.cli.console import out as console
from mpcfl.cli.console import say, show_costs
from mpcfl.cli.part import ModelFile, Part
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
)
from mpcfl.disclosure import DEALER_WARNING, prediction_facts
from mpcfl.errors import UsageError
from mpcfl.outcome import Use
from mpcfl.saving import check_target, move_aside, write_json

PREDICTIONS = "predictions.csv"
"""Name of what it leaves in the state folder."""


def predict(
    job: JobFile,
    party: PartyName,
    roster: RosterFile,
    key: KeyFile,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="This party's CSV file of rows to predict; not needed where it may bring none."
        ),
    ] = None,
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
    part = Part.of(job, roster, party, key, state_dir)
    saved = part.saved(model)
    if data is None and part.job.partition == "columns":
        raise UsageError("predictions are of rows of the parties' files: give --data FILE", option="--data")
    rows = prediction.no_rows(party, saved) if data is None else prediction.read_rows(part.job, party, data, saved)
    told = prediction_facts(part.job, part.parties, rows.rows, part.dealer)
    show = None if events else console
    timeouts = (connect_timeout, round_timeout)
    agreed = prediction.terms(part.job, rows.rows, saved, "predict")
    with part.session("predict", agreed, told, ledger, timeouts, show=show, view=dump_view) as (session, ledger):
        began = time.perf_counter()
        values = prediction.predict(session, part.job, saved, rows)
        seconds = time.perf_counter() - began
    out = part.folder / PREDICTIONS if out is None else out
    if values is not None:
        note_aside(move_aside(out), "file of predictions", show)
        prediction.write_predictions(out, part.job, rows.ids, values)
    places = {"predictions": None if values is None else str(out), "ledger": str(ledger)}
    use = Use.of(rows.rows, party, session, seconds, places)
    if json_file is not None:
        write_json(json_file, use.to_json())
    if not events:
        show_costs(use)
        say(f"predictions: {places['predictions'] or 'not disclosed to ' + party}")
        say(f"ledger: {ledger}")


predict.__doc__ = (
    "Predict for the rows of this party's file, together with all others, by a model that `mpcfl run` kept as shares. "
    + DEALER_WARNING
)
