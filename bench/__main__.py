"""`python -m bench NAME[:SIZE] ...`: time workloads between processes over sealed links, and count their cost.

`python -m bench numerics [OPERATION ...]` measures errors instead, in this process, see `bench.numerics`; and
`python -m bench he-vs-ss [--quick] [--out DIR]` runs the same tasks under encryption and on shares, see `bench.versus`.
"""

from __future__ import annotations

import datetime
import os
import platform
import statistics
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, TextIO

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from bench import numerics, plots, tables
from bench import parties as processes
from bench.calibration import calibrate
from bench.figures import Figures, Key, load
from bench.operands import Size
from bench.versus import command, page
from bench.workloads import WORKLOADS, Workload, parse, show
from mpcfl.errors import MpcflError

NUMERICS, VERSUS = "numerics", "he-vs-ss"
people = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 160)


def measured(
    workload: Workload, size: Size, parties: int, repetitions: int | None, profile: Path | None, online: bool = False
) -> Figures:
    """The figures of one workload.

    Raises
    ------
    MpcflError
        A size that the workload cannot have, or what ended one of the processes.
    """
    calibration = calibrate(workload, size)
    measurement = processes.run(workload.name, size, parties, repetitions or workload.repetitions, profile, online)
    reports = measurement.reports
    slowest = [max(seconds) for seconds in zip(*(report.seconds for report in reports), strict=True)]
    return Figures(
        workload=workload.name,
        size=show(size),
        parties=parties,
        online=online,
        repetitions=len(slowest),
        median_s=statistics.median(slowest),
        min_s=min(slowest),
        rounds=reports[0].count.rounds,
        online_bytes=max(report.count.online_bytes for report in reports),
        online_bytes_by_party=tuple(report.count.online_bytes for report in reports),
        offline_bytes=reports[0].count.offline_bytes,
        request_bytes=max(report.asked_bytes for report in reports),
        party_cpu_s=max(statistics.median(report.cpu_seconds) for report in reports),
        dealer_cpu_s=measurement.dealer_cpu_s,
        peak_bytes=measurement.peak_bytes,
        elements=workload.elements(size),
        max_abs_err=reports[0].max_abs_err,
        max_rel_err=reports[0].max_rel_err,
        calibration=calibration,
        machine=machine(),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def machine() -> str:
    """Kind of processor, cores that this process may use, versions."""
    kind = platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        models = (
            line.partition(":")[2].strip() for line in information.read_text().splitlines() if "model name" in line
        )
        kind = next(models, kind)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{kind}, {cores} cores, Python {platform.python_version()}, NumPy {np.__version__}"


def list_workloads() -> None:
    """The table of workloads, on stdout."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("workload", "size", "default", "what"):
        table.add_column(name)
    for one in WORKLOADS.values():
        table.add_row(one.name, "x".join(one.axes), show(one.default), one.summary)
    table.add_row(VERSUS, "--quick, --out", "he-vs-ss", "the same tasks under Paillier and on shares")
    table.add_row(NUMERICS, "--samples", "1000000", "errors of every operation against its stated one, no times")
    Console(highlight=False, width=None if sys.stdout.isatty() else 160).print(table)


def run(
    asked: list[tuple[Workload, Size]],
    parties: int,
    repetitions: int | None,
    profile: Path | None,
    lines: TextIO | None,
    earlier: dict[Key, Figures],
    online: bool = False,
) -> list[Figures]:
    """Measure and print one workload after another."""
    done = []
    for workload, size in asked:
        with people.status(f"{workload.name}:{show(size)}"):
            figures = measured(workload, size, parties, repetitions, profile, online)
        if figures.key in earlier:
            figures = figures.model_copy(update={"ratio": figures.ratio_to(earlier[figures.key])})
        line = figures.model_dump_json()
        typer.echo(line)
        if lines is not None:
            print(line, file=lines, flush=True)
        done.append(figures)
    return done


def run_numerics(names: list[str], samples: int, write: bool, lines: TextIO | None) -> None:
    """Measure and print the errors of one operation after another; exit code 1 where one exceeds its bound."""
    done = []
    for found in numerics.measurements(samples, names):
        line = found.model_dump_json()
        typer.echo(line)
        if lines is not None:
            print(line, file=lines, flush=True)
        done.append(found)
    beyond = [found for found in done if found.of_bound > 1]
    for found in beyond:
        what = f"{found.name} at fraction {found.fraction}: {found.of_bound:.3g} times its bound at {found.worst}"
        people.print(what, markup=False, soft_wrap=True)
    if beyond:
        raise typer.Exit(1)
    if write:
        numerics.write(done)


def main(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME[:SIZE]", help="Workloads; without any, the list of them is printed."),
    ] = None,
    online: Annotated[bool, typer.Option("--online", help="Run from correlations recorded ahead.")] = False,
    parties: Annotated[int, typer.Option(min=2, max=32, help="How many parties, the dealer apart.")] = 2,
    json: Annotated[Path | None, typer.Option(help="File for the JSON lines, which also go to stdout.")] = None,
    compare: Annotated[Path | None, typer.Option(help="JSON lines of an earlier run to compare with.")] = None,
    repetitions: Annotated[int | None, typer.Option(min=1, help="Timed repetitions a workload.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="File for a figure of cost against size (.svg, .png, .pdf).")
    ] = None,
    profile: Annotated[Path | None, typer.Option(help="Folder for cProfile files, one a role; slows the run.")] = None,
    samples: Annotated[int, typer.Option(min=1000, help="numerics: inputs of an operation at a fraction.")] = 1_000_000,
    write: Annotated[bool, typer.Option("--write", help="Renew docs/numerics.md, or docs/he-vs-ss.md.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="he-vs-ss: small sizes and keys of 2048 bits.")] = False,
    out: Annotated[Path, typer.Option(metavar="DIR", help="he-vs-ss: folder for what it writes.")] = Path("he-vs-ss"),
    only: Annotated[str | None, typer.Option(metavar="TASK", help="he-vs-ss: this task alone.")] = None,
    method: Annotated[str | None, typer.Option(help="he-vs-ss: this method alone.")] = None,
    size: Annotated[str | None, typer.Option(help="he-vs-ss: this size, as 1000x20, be it in the list or not.")] = None,
    network: Annotated[str | None, typer.Option(help="he-vs-ss: over lan, gigabit or wan alone.")] = None,
) -> None:
    """Time workloads between processes of this machine: parties and dealer, fresh keys, sealed links over loopback."""
    if not names:
        list_workloads()
        return
    try:
        if names and names[0] == NUMERICS:
            with nullcontext() if json is None else json.open("w", encoding="utf-8") as lines:
                run_numerics(names[1:], samples, write, lines)
            return
        if names[0] == VERSUS:
            date = datetime.datetime.now(datetime.UTC).date().isoformat()
            choice = command.Choice.of(only, method, size, network)
            document, paths = command.compare(quick, choice, out, machine(), date, typer.echo)
            if write:
                paths += page.write(document)
            people.print(*map(str, paths), sep="\n")
            return
        asked = [parse(name) for name in names]
        earlier = {} if compare is None else {one.key: one for one in load(compare)}
        if plot is not None:
            plots.check(plot)
        if profile is not None:
            profile.mkdir(parents=True, exist_ok=True)
        if json is None:
            done = run(asked, parties, repetitions, profile, None, earlier, online)
        else:
            with json.open("w", encoding="utf-8") as lines:
                done = run(asked, parties, repetitions, profile, lines, earlier, online)
    except MpcflError as error:
        people.print(error.reason, markup=False, soft_wrap=True)
        raise typer.Exit(error.code) from None
    people.print(*tables.tables(done), sep="\n")
    if plot is not None:
        plots.draw(done, plot)
    if compare is not None:
        people.print(tables.comparison(done, earlier))


if __name__ == "__main__":
    typer.run(main)
