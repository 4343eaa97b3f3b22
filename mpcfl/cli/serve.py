"""`mpcfl serve`: one party's part in a service that predicts with a model kept as shares."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from mpcfl import prediction, threads
from mpcfl.cli.asking import from_socket, from_stdin
from mpcfl.cli.console import err, say
from mpcfl.cli.part import ModelFile, Part
from mpcfl.cli.run import (
    ConnectTimeout,
    JobFile,
    JsonFile,
    KeyFile,
    LedgerFile,
    PartyName,
    RosterFile,
    RoundTimeout,
    StateFolder,
)
from mpcfl.disclosure import DEALER_WARNING, service_facts
from mpcfl.errors import UsageError
from mpcfl.outcome import Use
from mpcfl.saving import check_target, write_json
from mpcfl.serving import Service, Take, asks_by_file

PATIENCE = 5.0
"""Seconds between two signs of life, at most a third of the round timeout."""


def serve(
    job: JobFile,
    party: PartyName,
    roster: RosterFile,
    key: KeyFile,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="This party's CSV file of rows to be asked for; not needed by one without features."
        ),
    ] = None,
    model: ModelFile = None,
    state_dir: StateFolder = None,
    socket: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read requests from a Unix socket made here, not from stdin."),
    ] = None,
    connect_timeout: ConnectTimeout = 60.0,
    round_timeout: RoundTimeout = 60.0,
    ledger: LedgerFile = None,
    json_file: JsonFile = None,
) -> None:
    if json_file is not None:
        check_target(json_file)
    threads.take_cores()
    part = Part.of(job, roster, party, key, state_dir)
    saved = part.saved(model)
    task = part.job
    rows = None if data is None else prediction.read_rows(task, party, data, saved)
    shared = asks_by_file(task, part.parties, saved.widths)
    if shared and rows is None:
        raise UsageError("requests name rows of the parties' files: give --data FILE", option="--data")
    count = rows.rows if shared and rows is not None else 0
    told = service_facts(task, part.parties, count, shared, part.dealer)
    began = time.perf_counter()
    timeouts = (connect_timeout, round_timeout)
    # Answers alone go to stdout.
    agreed = prediction.terms(task, count, saved, "serve")
    with part.session("serve", agreed, told, ledger, timeouts, show=err, lasting=True) as (session, ledger):
        service = Service(session, task, saved, rows)
        with _source(service.asks, socket) as take, _leaving() as leaving:
            say(f"ready: requests come from {socket or 'stdin'}" if take else "ready", err)
            gone = service.run(take, leaving.is_set, min(PATIENCE, round_timeout / 3))
    if gone is not None:
        say(f"{gone} has ended the service.", err)
    if json_file is not None:
        places = {"ledger": str(ledger)}
        use = Use.of(service.served.rows, party, session, time.perf_counter() - began, places)
        write_json(json_file, service.served.to_json() | use.to_json())
    say(f"served {service.served.requests:,} requests of {service.served.rows:,} rows; ledger: {ledger}", err)


serve.__doc__ = (
    "Keep a model ready, together with all others, and predict whenever the requester asks: JSON lines on its stdin, "
    f"answers on its stdout, or both on a socket. SIGTERM at any party ends it well. {DEALER_WARNING}"
)


def _source(asks: bool, path: Path | None) -> AbstractContextManager[Take | None]:
    if not asks:
        return nullcontext(None)
    return from_stdin() if path is None else from_socket(path)


@contextmanager
def _leaving() -> Iterator[threading.Event]:
    """An event that SIGTERM sets, in place of what it does otherwise."""
    asked = threading.Event()

    def ask(signum: int, frame: FrameType | None) -> None:
        asked.set()

    before = signal.signal(signal.SIGTERM, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
