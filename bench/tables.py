"""Figures for people: tables on the terminal, and Markdown for a page (`python -m bench.tables FILE [PAGE]`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bench.figures import Figures, Key, load
from mpcfl.errors import UsageError

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
"""Where a page has its table."""

_LEFT = ("workload", "size")


def _row(one: Figures) -> dict[str, str]:
    return {
        "workload": one.workload,
        "size": one.size,
        "median": seconds(one.median_s),
        "least": seconds(one.min_s),
        "rounds": f"{one.rounds:,}",
        "online": volume(one.online_bytes),
        "B/element": f"{one.online_bytes / one.elements:.3g}",
        "offline": volume(one.offline_bytes),
        "offline B/element": f"{one.offline_bytes / one.elements:.3g}",
        "abs. error": f"{one.max_abs_err:.1e}",
        "rel. error": "" if one.max_rel_err is None else f"{one.max_rel_err:.1e}",
        "NumPy": seconds(one.calibration.numpy_s),
        "copy": seconds(one.calibration.memcpy_s),
    }


def seconds(value: float) -> str:
    """Three digits and a unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"


def volume(value: int) -> str:
    """Bytes with three digits and a decimal unit."""
    for unit, scale in (("MB", 1_000_000), ("kB", 1_000)):
        if value >= scale:
            return f"{value / scale:,.4g} {unit}"
    return f"{value} B"


def table(figures: Sequence[Figures]) -> Table:
    """All figures of a run."""
    online = any(one.online for one in figures)
    dealing = "from correlations recorded ahead" if online else "dealing included"
    return _table(f"measured between processes, {dealing}", [_row(one) for one in figures])


def comparison(figures: Sequence[Figures], earlier: Mapping[Key, Figures]) -> Table:
    """Each workload against an earlier run; below 1 is faster or less."""
    rows = []
    for one in figures:
        if one.key in earlier:
            old = earlier[one.key]
            rows.append(
                {
                    "workload": one.workload,
                    "size": one.size,
                    "before": seconds(old.median_s),
                    "now": seconds(one.median_s),
                    "machine": f"{one.machine_ratio(old):.2f}",
                    "time, normalised": f"{one.ratio_to(old):.2f}",
                    "rounds": f"{old.rounds:,} -> {one.rounds:,}",
                    "online": f"{volume(old.online_bytes)} -> {volume(one.online_bytes)}",
                    "offline": f"{volume(old.offline_bytes)} -> {volume(one.offline_bytes)}",
                }
            )
        else:
            rows.append({"workload": one.workload, "size": one.size, "before": "not measured"})
    return _table("against the earlier run (time below 1: faster)", rows)


def _table(title: str, rows: Sequence[Mapping[str, str]]) -> Table:
    result = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    columns = max(rows, key=len, default={})
    for name in columns:
        result.add_column(name, justify="left" if name in _LEFT else "right", no_wrap=name in _LEFT)
    for row in rows:
        result.add_row(*(row.get(name, "") for name in columns))
    return result


def markdown(figures: Sequence[Figures]) -> str:
    """The same table in Markdown, with the machine and the day above it and the command below."""
    rows = [_row(one) for one in figures]
    columns = list(rows[0])
    lines = [
        *sorted({f"{one.machine}; {one.parties} parties and a dealer; {one.date}." for one in figures}),
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "|".join(":--" if name in _LEFT else "--:" for name in columns) + "|",
        *("| " + " | ".join(row.values()) + " |" for row in rows),
    ]
    epochs = [one for one in figures if one.further_epoch_bytes is not None]
    for one in epochs:
        more = one.further_epoch_bytes or 0
        lines += [
            "",
            f"A further epoch of {one.workload} {one.size} sends {volume(more)} online, "
            f"{volume(one.online_bytes - more)} less than the first.",
        ]
    return "\n".join(lines)


def main(
    file: Annotated[Path, typer.Argument(help="JSON lines of python -m bench.")],
    page: Annotated[Path | None, typer.Argument(help="A page whose table is replaced; else it is printed.")] = None,
) -> None:
    """Turn figures into a Markdown table."""
    text = markdown(load(file))
    if page is None:
        typer.echo(text)
        return
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UsageError(f"{page} has no place for a table: it needs the lines {BEGIN} and {END}", file=str(page))
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    typer.run(main)
