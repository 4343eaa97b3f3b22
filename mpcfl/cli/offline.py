"""`mpcfl offline`: the correlations of a job, recorded on a tape before it runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from mpcfl import threads, training
from mpcfl.assembly import Extent
from mpcfl.cli.console import megabytes, out, say, show_table
from mpcfl.cli.plan import column_numbers
from mpcfl.cli.run import (
    ConnectTimeout,
    JobFile,
    JsonFile,
    KeyFile,
    LedgerFile,
    PartyName,
    RosterFile,
    RoundTimeout,
    note_aside,
    who,
)
from mpcfl.connection import recording
from mpcfl.contribution import Contribution
from mpcfl.disclosure import DEALER_WARNING
from mpcfl.errors import Mismatch, UsageError
from mpcfl.job import Job
from mpcfl.keys import Identity
from mpcfl.learn.trees import Column
from mpcfl.saving import check_target, locked, make_folder, move_aside, write_json

LEDGER = "offline.jsonl"
"""Name of the ledger of a recording in the state folder."""


def offline(
    job: JobFile,
    party: PartyName,
    roster: RosterFile,
    key: KeyFile,
    tape: Annotated[Path, typer.Option(metavar="FILE", help="The tape to write.", show_default=False)],
    data: Annotated[Path | None, typer.Option(metavar="FILE", help="This party's CSV file, for its sizes.")] = None,
    rows: Annotated[int | None, typer.Option(metavar="N", min=1, help="Number of rows, instead of a file.")] = None,
    columns: Annotated[
        list[str] | None, typer.Option(metavar="NAME=N", help="A party and its number of columns after preparation.")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the ledger goes.", show_default="mpcfl-NAME")
    ] = None,
    connect_timeout: ConnectTimeout = 60.0,
    round_timeout: RoundTimeout = 60.0,
    ledger: LedgerFile = None,
    json_file: JsonFile = None,
    events: Annotated[
        bool, typer.Option("--events", help="Print notes as JSON lines on stdout instead of tables.")
    ] = False,
) -> None:
    if json_file is not None:
        check_target(json_file)
    threads.take_cores()
    task, known, names, _ = who(job, roster, party)
    identity = Identity.load(key)
    task.check(names)
    count, widths, bins = _sizes(task, names, party, data, rows, columns)
    folder = Path(f"mpcfl-{party}") if state_dir is None else state_dir
    with locked(folder):
        ledger = folder / LEDGER if ledger is None else ledger
        make_folder(ledger.parent)
        note_aside(move_aside(ledger), "ledger", None if events else out)
        with recording(
            known,
            identity,
            party,
            tape,
            terms=training.terms(task, count),
            names=names,
            fraction=task.engine.fraction,
            suite=task.engine.suite,
            ledger=ledger,
            connect_timeout=connect_timeout,
            round_timeout=round_timeout,
        ) as session:
            began = time.perf_counter()
            extent = training.record(session, task, count, widths[party], bins)
            _check(extent, names, widths)
        seconds = time.perf_counter() - began
    size = tape.stat().st_size
    if json_file is not None:
        write_json(
            json_file,
            {
                "tape": str(tape),
                "rows": extent.rows,
                "columns": dict(zip(names, extent.widths, strict=True)),
                "correlations": session.recorded,
                "offline_bytes": session.offline_bytes,
                "tape_bytes": size,
                "seconds": round(seconds, 3),
                "ledger": str(ledger),
            },
        )
    if not events:
        lines = [("rows", f"{extent.rows:,}")]
        lines += [(f"columns of {name}", f"{width:,}") for name, width in zip(names, extent.widths, strict=True)]
        lines += [("correlations", f"{session.recorded:,}"), ("sent by the dealer", megabytes(session.offline_bytes))]
        lines += [("size of the tape", megabytes(size)), ("seconds", f"{seconds:.1f}")]
        show_table(f"Recorded for {task.job.name}", lines)
        say(f"tape: {tape}, for one run: mpcfl run --tape {tape}, with the other options as ever")
        say(f"ledger: {ledger}")


offline.__doc__ = (
    "Record the correlations of a job ahead of time, together with all others and the dealer; `mpcfl run --tape` "
    f"then runs from them, once. {DEALER_WARNING}"
)


def _sizes(
    task: Job, names: list[str], party: str, data: Path | None, rows: int | None, columns: list[str] | None
) -> tuple[int, dict[str, int], tuple[Column, ...]]:
    """The number of rows, the features of this party and of those that were given, and this party's bins."""
    if data is not None:
        if rows is not None or columns:
            raise UsageError("give either --data, or --rows and --columns", option="--data")
        contribution = Contribution.read(task, party, data)
        return contribution.rows, {party: contribution.width}, contribution.bins
    if task.binned:
        raise UsageError("a tape for trees depends on the bins of the columns: give --data FILE", option="--data")
    widths = column_numbers(columns or [])
    if rows is None or party not in widths:
        raise UsageError(f"give --data FILE, or --rows N and --columns {party}=N", option="--columns")
    strangers = [name for name in widths if name not in names]
    if strangers:
        raise UsageError(f"--columns names {strangers[0]}, who is no party of the roster", option="--columns")
    return rows, widths, ()


def _check(extent: Extent, names: list[str], widths: dict[str, int]) -> None:
    """See that the columns are those that were expected of the others."""
    for name, width in zip(names, extent.widths, strict=True):
        if widths.get(name, width) != width:
            raise Mismatch(f"{name} has {width} columns after preparation, expected were {widths[name]}", party=name)
