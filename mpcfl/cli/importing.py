"""`mpcfl import`: one party's part in keeping a model as shares that one of them has in the clear."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from mpcfl import importing, threads
from mpcfl.cli.console import out as console
from mpcfl.cli.console import say, show_costs
from mpcfl.cli.part import Part
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
    note,
)
from mpcfl.contribution import Contribution
from mpcfl.disclosure import DEALER_WARNING, import_facts
from mpcfl.keeping import Keeping
from mpcfl.outcome import Use
from mpcfl.saving import check_target, write_json


def import_model(
    job: JobFile,
    party: PartyName,
    roster: RosterFile,
    key: KeyFile,
    model_json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The model, as `mpcfl run` or `export` wrote it; at its owner alone."),
    ] = None,
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
    told = import_facts(part.job, part.parties, part.dealer)
    arrays = None
    if model_json is None:
        preparation = importing.declared(part.job, party)
    else:
        arrays, preparation = importing.read_model(part.job, part.parties, party, model_json)
    show = None if events else console
    agreed, timeouts = importing.terms(part.job), (connect_timeout, round_timeout)
    blank = Contribution.blank(party, preparation)
    keeping = Keeping(part.job, part.folder, part.identity, blank, lambda sentence: note(sentence, show))
    with part.session("import", agreed, told, ledger, timeouts, show=show) as (session, ledger):
        began = time.perf_counter()
        owner = importing.bring(session, part.job, keeping, preparation, arrays)
        seconds = time.perf_counter() - began
    use = Use.of(0, party, session, seconds, {"shares": str(keeping.path), "ledger": str(ledger)})
    if json_file is not None:
        write_json(json_file, use.to_json())
    if not events:
        show_costs(use)
        say(f"shares of the model of {owner}: {keeping.path}")
        say(f"ledger: {ledger}")


import_model.__doc__ = (
    "Bring in a model that one party has in the clear, together with all others, and keep it as shares: `predict` and "
    "`serve` go on from them. " + DEALER_WARNING
)
