"""The record of a benchmark as JSON, CSV and Markdown."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.tables import seconds, volume
from bench.versus.figures import LABELS, Cost, Document
from bench.versus.processes import NETWORKS

Row = dict[str, str]


def write(document: Document, folder: Path) -> list[Path]:
    """All three."""
    paths = [folder / f"he-vs-ss.{ending}" for ending in ("md", "csv", "json")]
    paths[0].write_text(markdown(document), encoding="utf-8")
    rows = [flat(one) for one in document.runs]
    with paths[1].open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list({name: None for row in rows for name in row}))
        writer.writeheader()
        writer.writerows(rows)
    paths[2].write_text(document.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return paths


def flat(one: Cost) -> dict[str, Any]:
    """A run as a row of a spreadsheet: a column for each party and figure."""
    row = one.model_dump(exclude={"parties", "computed_s", "size"})
    row["size"] = one.shown
    for side in one.parties:
        row |= {f"{side.name} {name}": value for name, value in side.model_dump(exclude={"name"}).items()}
    return row | {f"{name} computed_s": value for name, value in one.computed_s.items()}


def markdown(document: Document) -> str:
    """Everything."""
    lines = ["# Homomorphic encryption and secret sharing on the same tasks", "", record(document)]
    for task, runs in by_task(document.runs):
        lines += ["", f"## {task}", "", *table(map(_row, runs)), "", *table(_terms(runs))]
    lines += ["", "## Computed against measured", "", *against(document)]
    lines += [
        "",
        "## Each run again",
        "",
        *table({"run": str(one.run), "command": f"`{one.command}`"} for one in document.runs),
    ]
    return "\n".join(lines) + "\n"


def record(document: Document) -> str:
    """The machine, the day, the keys, and what a row means."""
    keys = "; ".join(
        f"a key of {bits} bits took {seconds(min(took))} to {seconds(max(took))}, once for all runs, and is in none"
        for bits, took in document.keys.items()
    )
    idle = [side.idle_bytes for one in document.runs for side in one.parties]
    facts = [document.machine, document.date, f"load average {document.load:.1f} before"]
    facts += [f"{document.seconds / 60:.1f} minutes in all", *([keys] if keys else [])]
    return f"{'; '.join(facts)}. A process holds {volume(max(idle, default=0))} before it begins."


def by_task(runs: Sequence[Cost]) -> Iterator[tuple[str, list[Cost]]]:
    """Runs are written task by task."""
    for task, group in groupby(runs, lambda one: one.task):
        yield task, list(group)


def _row(one: Cost) -> Row:
    each = _each(one)
    row = {
        "run": str(one.run),
        "size": one.shown,
        "method": one.method,
        "bits": str(one.bits or ""),
        "network": "loopback" if one.network is None else LABELS[one.network],
        "offline by party": each(lambda side: seconds(side.offline_s)),
        "online by party": each(lambda side: seconds(side.online_s)),
        "CPU online by party": each(lambda side: seconds(side.cpu_s)),
        "CPU in all by party": each(lambda side: seconds(side.whole_cpu_s)),
        "rounds": str(one.rounds),
        "offline bytes": each(lambda side: volume(side.offline_bytes)),
        "online bytes": each(lambda side: volume(side.online_bytes)),
        "peak memory": each(lambda side: volume(side.peak_bytes)),
        "error": f"{one.error:.1e}",
    }
    return row | {
        f"{LABELS[name]}, computed": seconds(one.computed_s[name]) if one.computed_s else "" for name in NETWORKS
    }


def _each(one: Cost) -> Callable[[Callable[[Any], str]], str]:
    """A figure of each party; once where all have the same."""

    def each(of: Callable[[Any], str]) -> str:
        shown = [of(side) for side in one.parties]
        return shown[0] if len(set(shown)) == 1 else " / ".join(shown)

    return each


def _terms(runs: Sequence[Cost]) -> Iterator[Row]:
    """What holds for all runs of a method."""
    for one in {run.method: run for run in runs}.values():
        yield {"method": one.method, "security": one.security, "shows by design": one.leaks}


def against(document: Document) -> list[str]:
    """How close the computed seconds are to measured ones, of all cases that have both."""
    base = {one.key: one for one in document.runs if one.network is None}
    rows = []
    for one in document.runs:
        if one.network is not None and one.key in base:
            foreseen = base[one.key].computed_s[one.network]
            rows.append(
                {
                    "task": one.task,
                    "size": one.shown,
                    "method": one.method,
                    "network": LABELS[one.network],
                    "runs": f"{base[one.key].run}, {one.run}",
                    "rounds": str(one.rounds),
                    "computed": seconds(foreseen),
                    "measured": seconds(one.online_s),
                    "measured / computed": f"{one.online_s / foreseen:.2f}",
                }
            )
    return table(rows)


def table(rows: Iterator[Row] | Sequence[Row]) -> list[str]:
    """Rows as Markdown; columns of which every cell is empty are left out."""
    given = list(rows)
    names = [name for name in (given[0] if given else ()) if any(row[name] for row in given)]
    lines = [f"| {' | '.join(names)} |", f"|{'|'.join([':--'] * len(names))}|"]
    lines += [f"| {' | '.join(row[name] for name in names)} |" for row in given]
    return lines if given else []
