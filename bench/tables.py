"""Figures for people: tables on the terminal, and Markdown for a page (`python -m bench.tables FILE [PAGE]`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from bench.figures import DEALER, Figures, Key, load
from mpcfl.errors import UsageError

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
"""Where a page has its table."""

_LEFT = ("workload", "size")


def _time(one: Figures) -> dict[str, str]:
    return {
        **_name(one),
        "median": seconds(one.median_s),
        "least": seconds(one.min_s),
        "party CPU": seconds(one.party_cpu_s),
        "dealer CPU": seconds(one.dealer_cpu_s),
        "rounds": f"{one.rounds:,}",
        "abs. error": f"{one.max_abs_err:.1e}",
        "rel. error": "" if one.max_rel_err is None else f"{one.max_rel_err:.1e}",
        "NumPy": seconds(one.calibration.numpy_s),
        "x NumPy": f"{one.times_numpy:,.3g}",
        "copy": seconds(one.calibration.memcpy_s),
        "x copy": f"{one.times_memcpy:,.3g}",
    }


def _volume(one: Figures) -> dict[str, str]:
    return {
        **_name(one),
        "online": volume(one.online_bytes),
        "B/element": f"{one.online_bytes / one.elements:.3g}",
        "offline": volume(one.offline_bytes),
        "offline B/element": f"{one.offline_bytes / one.elements:.3g}",
        "asked": volume(one.request_bytes),
        "party memory": volume(one.party_peak_bytes),
        "dealer memory": volume(one.peak_bytes.get(DEALER, 0)),
    }


def _name(one: Figures) -> dict[str, str]:
    return {"workload": one.workload, "size": one.size}


def seconds(value: float) -> str:
    """Three digits and a unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"


def volume(value: int) -> str:
    """Bytes with three digits and a decimal unit."""
    for unit, scale in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if value >= scale:
            return f"{value / scale:,.4g} {unit}"
    return f"{value} B"


def tables(figures: Sequence[Figures]) -> list[Table]:
    """All figures of a run: times, and volumes."""
    dealing = "from correlations recorded ahead" if any(one.online for one in figures) else "dealing included"
    return [
        _table(f"measured between processes, {dealing}", [_time(one) for one in figures]),
        _table("bytes, and the most memory of a role", [_volume(one) for one in figures]),
    ]


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
    """The same tables in Markdown, with the machine and the day above."""
    where = sorted({f"{one.machine}; {one.parties} parties and a dealer; {one.date}." for one in figures})
    return "\n".join([*where, "", *_lines([_time(o) for o in figures]), "", *_lines([_volume(o) for o in figures])])


def _lines(rows: Sequence[Mapping[str, str]]) -> list[str]:
    columns = list(rows[0])
    return [
        "| " + " | ".join(columns) + " |",
        "|" + "|".join(":--" if name in _LEFT else "--:" for name in columns) + "|",
        *("| " + " | ".join(row.values()) + " |" for row in rows),
    ]


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
