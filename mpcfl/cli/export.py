"""`mpcfl export`: a model that was kept as shares, revealed to those whom the job names."""

from __future__ import annotations

import time

from mpcfl import threads, training
from mpcfl.cli.console import out as console
from mpcfl.cli.console import say, show_costs
from mpcfl.cli.part import ModelFile, Part
from mpcfl.cli.run import (
    MODEL,
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
    note_aside,
)
from mpcfl.disclosure import DEALER_WARNING, export_facts
from mpcfl.outcome import Use, model_document
from mpcfl.prediction import no_rows, terms
from mpcfl.saving import check_target, move_aside, write_json


def export(
    job: JobFile,
    party: PartyName,
    roster: RosterFile,
    key: KeyFile,
    model: ModelFile = None,
    state_dir: StateFolder = None,
    connect_timeout: ConnectTimeout = 60.0,
    round_timeout: RoundTimeout = 60.0,
    ledger: LedgerFile = None,
    json_file: JsonFile = None,
    events: Events = False,
) -> None:
    if json_file is not None:
        check_target(json_file)
    threads.take_cores()
    part = Part.of(job, roster, party, key, state_dir)
    saved = part.saved(model)
    told = export_facts(part.job, part.parties, part.dealer)
    show = None if events else console
    agreed = terms(part.job, 0, saved, "export")
    with part.session("export", agreed, told, ledger, (connect_timeout, round_timeout), show=show) as (session, ledger):
        began = time.perf_counter()
        blank = no_rows(party, saved)
        result = training.export(session, part.job, blank, lambda on: saved.load(on, part.job))
        seconds = time.perf_counter() - began
    document = model_document(part.job, result, blank)
    place = part.folder / MODEL
    if document is not None:
        note_aside(move_aside(place), "model", show)
        write_json(place, document)
    places = {"model": None if document is None else str(place), "ledger": str(ledger)}
    use = Use.of(0, party, session, seconds, places)
    if json_file is not None:
        write_json(json_file, use.to_json())
    if not events:
        show_costs(use)
        say(f"model: {places['model'] or 'not disclosed to ' + party}")
        say(f"ledger: {ledger}")


export.__doc__ = (
    "Reveal a model that `mpcfl run` kept as shares, together with all others, to those whom [disclose] model names. "
    + DEALER_WARNING
)
