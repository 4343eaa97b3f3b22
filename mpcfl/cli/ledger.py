"""`mpcfl ledger`: show what a party said and heard, verify its hash chain, compare two parties' ledgers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from mpcfl import audit
from mpcfl.errors import IntegrityError
from mpcfl.ledger import Entry

app = typer.Typer(
    help="Show, verify and compare the ledgers that parties keep of every message.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LedgerFile = Annotated[Path, typer.Argument(metavar="FILE", show_default=False)]


@app.command()
def show(
    file: LedgerFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
) -> None:
    """Verify a ledger, then print what was said: totals a message, and every disclosed output."""
    summary = audit.verify(file)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(summary)))
        return
    console = Console(highlight=False)
    totals = _table(f"{summary.entries} entries of session {_printable(str(summary.session))}")
    for name in ("message", "direction", "peer"):
        totals.add_column(name, overflow="fold")
    for name in ("count", "payload bytes", "wire bytes"):
        totals.add_column(name, justify="right", no_wrap=True)
    totals.add_column("exposure", no_wrap=True)
    for total in summary.totals:
        sizes = (f"{size:,}" for size in (total.count, total.payload_bytes, total.wire_bytes))
        totals.add_row(*map(_printable, (total.message, total.direction, total.peer)), *sizes, total.exposure)
    console.print(totals, markup=False)
    outputs = _table(f"{len(summary.outputs)} outputs")
    for name in ("entry", "purpose", "reader", "shares of", "dtype", "shape"):
        outputs.add_column(name, overflow="fold")
    for entry in summary.outputs:
        outputs.add_row(*map(_printable, _output(entry)))
    console.print(outputs, markup=False)
    console.print(f"head {summary.head}", markup=False, soft_wrap=True)


@app.command()
def verify(file: LedgerFile) -> None:
    """Check every line and the hash chain of a ledger; exit code 14 if it does not hold."""
    summary = audit.verify(file)
    typer.echo(f"{file}: {summary.entries} entries verify; head {summary.head}")


@app.command()
def compare(file_a: LedgerFile, file_b: LedgerFile) -> None:
    """Check that two parties' ledgers of one session mirror each other; exit code 14 and where, if they do not."""
    differences = audit.compare(file_a, file_b)
    if differences:
        raise IntegrityError(
            f"the ledgers {file_a} and {file_b} do not mirror each other: {'; '.join(map(str, differences))}",
            files=f"{file_a}, {file_b}",
        )
    typer.echo(f"{file_a} and {file_b} mirror each other")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")


def _output(entry: Entry) -> tuple[str, ...]:
    """One row of the outputs: a ledger's owner is not named in it, and stands here as "its owner"."""
    owner = "its owner"
    reader, sender = (entry.peer, owner) if entry.direction == "out" else (owner, entry.peer)
    return str(entry.index), entry.purpose, reader, sender, entry.dtype, "x".join(map(str, entry.shape)) or "scalar"


def _printable(text: str) -> str:
    """A word of a ledger for a terminal, which must not take it for an escape sequence or markup."""
    return text if text.isprintable() else ascii(text)
