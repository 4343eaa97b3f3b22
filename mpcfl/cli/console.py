"""What the command line prints: tables on stdout, progress and errors on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from mpcfl.disclosure import DEALER_WARNING, NO_DEALER, Fact
from mpcfl.outcome import Outcome, Use
from mpcfl.progress import State

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def printable(text: str) -> str:
    """A word of a file or a peer for a terminal, which must not take it for an escape sequence."""
    return text if text.isprintable() else ascii(text)


def say(line: str, to: Console = out) -> None:
    """Print a line of plain text."""
    to.print(printable(line), markup=False, soft_wrap=True)


def show_disclosures(facts: Sequence[Fact], dealer: str | None, to: Console = out) -> None:
    """Print who will learn what; without a dealer, that there is none."""
    table = _table("Who learns what", "what", "who")
    for fact in facts:
        table.add_row(printable(fact.what), ", ".join(fact.readers), style="bold" if fact.output else "")
    to.print(table, markup=False)
    say("Bold lines are results; the others are public. Nothing else is disclosed.", to)
    say(NO_DEALER if dealer is None else DEALER_WARNING + f" Here that is {dealer}.", to)


def show_metrics(columns: Mapping[str, Mapping[str, float | None]]) -> None:
    """Print metrics, one column a model; what was not disclosed stands as a dash."""
    table = _table("On the held-out rows", "", *columns)
    for name in next(iter(columns.values())):
        values = [metrics[name] for metrics in columns.values()]
        table.add_row(name.replace("_", " "), *("-" if value is None else f"{value:.4f}" for value in values))
    out.print(table, markup=False)


def show_search(outcome: Outcome) -> None:
    """Print the candidates of a search, and which was chosen."""
    if outcome.search is None:
        return
    found = outcome.search
    lines = []
    for one in found["candidates"]:
        name = ", ".join(f"{key} = {value}" for key, value in one["parameters"].items())
        mark = ", chosen" if one["parameters"] == found["chosen"] else ""
        lines.append((name + mark, f"{one['score']:.4f}"))
    show_table(f"Mean {found['metric'].replace('_', ' ')} over the folds", lines)


def show_costs(outcome: Outcome | Use) -> None:
    """Print rounds, bytes, seconds."""
    lines = [("rounds", f"{outcome.rounds:,}")]
    lines += [(f"sent by {party}", megabytes(size)) for party, size in outcome.bytes_sent.items()]
    lines += [("sent for correlations", megabytes(outcome.offline_bytes)), ("seconds", f"{outcome.seconds:.1f}")]
    if outcome.offline_seconds is not None:
        lines.insert(-1, ("seconds to record the tapes", f"{outcome.offline_seconds:.1f}"))
    show_table("Cost", lines)


def show_table(title: str, lines: Sequence[tuple[str, str]]) -> None:
    """Print names and their figures."""
    table = _table(title, "", "")
    for line in lines:
        table.add_row(*map(printable, line))
    out.print(table, markup=False)


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.2f} MB"


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", box=None, pad_edge=False, header_style="dim", show_header=any(columns)
    )
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place and name != "who" else "left", overflow="fold")
    return table


@contextlib.contextmanager
def bar() -> Iterator[Callable[[State], None]]:
    """A progress bar on a terminal, nothing elsewhere; gives the function that moves it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("connecting", total=None, rate="")

        def move(state: State) -> None:
            rate = f"{state.rows_per_second:,.0f} rows/s" if state.rows_per_second else ""
            progress.update(task, description=state.stage, completed=state.rounds, total=state.of_rounds, rate=rate)

        yield move
