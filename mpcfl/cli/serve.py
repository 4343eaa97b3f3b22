"""`mpcfl serve`: one party's part in a service that predicts with a model kept as shares."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from mpcfl import prediction, threads
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
from mpcfl.serving import Asked, Service, Take, asks_by_file

PATIENCE = 5.0
"""Seconds between two signs of life, at most a third of the round timeout."""
LOOK = 0.1
"""Seconds between two looks whether to leave, while no request comes."""
WAITING = 64
"""Lines that are read ahead."""
MAX_LINE = 16 << 20
"""Bytes of a line; a longer one is cut, and so refused."""


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
    connect_timeout: ConnectTimeout = 60.0,
    round_timeout: RoundTimeout = 60.0,
    ledger: LedgerFile = None,
    json_file: JsonFile = None,
) -> None:
    if json_file is not None:
        check_target(json_file)
    threads.take_cores()
    part = Part.of(job, roster, party, key, state_dir, model)
    task = part.job
    rows = None if data is None else prediction.read_rows(task, party, data, part.model)
    shared = asks_by_file(task, part.parties, part.model.widths)
    if shared and rows is None:
        raise UsageError("requests name rows of the parties' files: give --data FILE", option="--data")
    count = rows.rows if shared and rows is not None else 0
    told = service_facts(task, part.parties, count, shared, part.dealer)
    began = time.perf_counter()
    timeouts = (connect_timeout, round_timeout)
    # Answers alone go to stdout.
    with part.session("serve", count, told, ledger, timeouts, show=err, lasting=True) as (session, ledger):
        service = Service(session, task, part.model, rows)
        take = None
        with _leaving() as leaving:
            if service.asks:
                take = _lines(sys.stdin.fileno())
            say("ready: requests are read from stdin" if service.asks else "ready", err)
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
    f"answers on its stdout. SIGTERM at any party ends it well. {DEALER_WARNING}"
)


def _lines(source: int) -> Take:
    """Requests from a file descriptor, read ahead in a thread; blank lines are none."""
    lines: queue.Queue[str | None] = queue.Queue(WAITING)

    def read() -> None:
        # Not by sys.stdin: a thread that waits there holds a lock that the interpreter needs for its end.
        rest = b""
        while part := os.read(source, 1 << 16):
            *whole, rest = (rest + part).split(b"\n")
            if len(rest) > MAX_LINE:
                whole, rest = [*whole, rest], b""
            for line in whole:
                if line.strip():
                    lines.put(line.decode(errors="replace"))
        if rest.strip():
            lines.put(rest.decode(errors="replace"))
        lines.put(None)

    threading.Thread(target=read, name="requests", daemon=True).start()

    def take() -> Asked | None:
        try:
            line = lines.get(timeout=LOOK)
        except queue.Empty:
            return None
        if line is None:
            raise EOFError
        return Asked(line, _print)

    return take


def _print(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # nobody reads answers any more; nor may the interpreter try to write what is left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise EOFError from None


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
