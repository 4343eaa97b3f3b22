"""`mpcfl plan`: what a job will cost, before anybody pays for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from mpcfl import training
from mpcfl.assembly import Extent, names_length
from mpcfl.cli.console import megabytes, say, show_table
from mpcfl.cli.local import named_files
from mpcfl.cli.run import JobFile, JsonFile
from mpcfl.contribution import Contribution
from mpcfl.disclosure import outputs
from mpcfl.drivers.cost import Cost
from mpcfl.drivers.profile import Network
from mpcfl.errors import Mismatch, UsageError
from mpcfl.job import Job
from mpcfl.saving import check_target, write_json

NAME_LENGTH = 24
"""Bytes of a feature's name where only the number of features is known."""


def plan(
    job: JobFile,
    data: Annotated[list[str] | None, typer.Option(metavar="NAME=FILE", help="A party and its CSV file.")] = None,
    rows: Annotated[int | None, typer.Option(metavar="N", min=1, help="Number of rows, instead of files.")] = None,
    columns: Annotated[
        list[str] | None, typer.Option(metavar="NAME=N", help="A party and its number of columns after preparation.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(metavar="RTT_MS,MBIT", help="Predict seconds: round trip in ms, bandwidth in Mbit/s.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Forecast a job's rounds, bytes and correlations, exactly, from the files or from their sizes alone."""
    if json_file is not None:
        check_target(json_file)
    task = Job.load(job)
    sizes = _from_files(task, data) if data else _from_numbers(rows, columns)
    parties = task.rank_order(list(sizes))
    outputs(task, parties)
    extent = _extent(task, [sizes[party] for party in parties])
    on = None if network is None else _network(network)
    cost = replace(training.plan(task, parties, extent), network=on)
    _show(task, parties, cost)
    if json_file is not None:
        write_json(json_file, _document(parties, extent, cost))


def _extent(job: Job, sizes: Sequence[tuple[int, int, int]]) -> Extent:
    """The public sizes, from rows, features and the length of their names by rank."""
    if job.partition == "rows":
        return Extent.of_rows(job, [rows for rows, _, _ in sizes])
    if not sum(width for _, width, _ in sizes):
        raise UsageError("no party has a column to train on", option="--columns")
    names = tuple(length if job.disclose.model else 0 for _, _, length in sizes)
    return Extent(sizes[0][0], tuple(width for _, width, _ in sizes), names)


def _from_files(job: Job, data: Sequence[str]) -> dict[str, tuple[int, int, int]]:
    """Rows, features and the length of their names, by party."""
    files = named_files(data)
    job.check(list(files))
    read = {party: Contribution.read(job, party, file) for party, file in files.items()}
    if job.partition == "columns" and len({one.rows for one in read.values()}) > 1:
        raise Mismatch(
            "the files have different numbers of rows: " + ", ".join(f"{p} {c.rows}" for p, c in read.items())
        )
    return {party: (one.rows, one.width, names_length(one)) for party, one in read.items()}


def _from_numbers(rows: int | None, columns: Sequence[str] | None) -> dict[str, tuple[int, int, int]]:
    if rows is None or not columns:
        raise UsageError("give --data NAME=FILE once a party, or --rows N and --columns NAME=N once a party")
    return {name: (rows, width, NAME_LENGTH * width) for name, width in column_numbers(columns).items()}


def column_numbers(columns: Sequence[str]) -> dict[str, int]:
    """NAME=N options in their order.

    Raises
    ------
    UsageError
        One is not of that form, or stands twice.
    """
    widths: dict[str, int] = {}
    for option in columns:
        name, _, number = option.partition("=")
        if not name or name in widths or not (number.isascii() and number.isdigit()):
            raise UsageError(f"--columns takes NAME=N once a party, not {option!r}", option="--columns")
        widths[name] = int(number)
    return widths


def _network(option: str) -> Network:
    try:
        trip, bandwidth = (float(part) for part in option.split(","))
        return Network(trip, bandwidth)
    except (ValueError, UsageError):
        raise UsageError(f"--network takes RTT_MS,MBIT, as 20,100, not {option!r}", option="--network") from None


def _show(job: Job, parties: Sequence[str], cost: Cost) -> None:
    lines = [("rounds", f"{cost.rounds:,}")]
    lines += [(f"sent by {party}", megabytes(size)) for party, size in zip(parties, cost.bytes_sent, strict=True)]
    if job.engine.offline == "dealer":
        lines += [("sent by the dealer", megabytes(cost.offline_bytes))]
    lines += [("largest round", megabytes(cost.largest_round))]
    lines += [(f"correlations: {family}", f"{count:,}") for family, count in sorted(cost.draws.items())]
    show_table(f"Forecast of {job.job.name}", lines)
    for row in str(cost).splitlines():
        say(row)
    if cost.predicted_seconds is not None:
        say(f"On that network, without computing: about {cost.predicted_seconds:,.1f} s.")


def _document(parties: Sequence[str], extent: Extent, cost: Cost) -> dict[str, Any]:
    seconds = cost.predicted_seconds
    return {
        "rows": extent.rows,
        "columns": dict(zip(parties, extent.widths, strict=True)),
        "rounds": cost.rounds,
        "bytes_sent": dict(zip(parties, cost.bytes_sent, strict=True)),
        "offline_bytes": cost.offline_bytes,
        "largest_round_bytes": cost.largest_round,
        "correlations": cost.draws,
        "lines": [
            {
                "line": line.line,
                "rounds": line.rounds,
                "bytes_sent": dict(zip(parties, line.bytes_sent, strict=True)),
                "offline_bytes": line.offline_bytes,
                "correlations": line.draws,
            }
            for line in cost.lines
        ],
        "seconds": None if seconds is None else round(seconds, 3),
    }
