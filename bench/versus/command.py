"""Which cases are run, and where what they cost is written."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gmpy2

from bench.versus import figures, keyring, pages, plots, table
from bench.versus.figures import Cost, Document
from bench.versus.processes import NETWORKS, Case, run
from bench.versus.tasks import Bits, Cell, Size
from mpcfl.errors import UsageError

BITS: Bits = 3072
QUICK_BITS: Bits = 2048
SHORT, REPEATED = 1.0, 3
"""Runs of fewer seconds than that are made so often."""
QUICKLY_OVER = ("wan",)
"""Networks that the smallest size of a cell is measured over in a quick run; else all."""


@dataclass(frozen=True)
class Choice:
    """What of all cases is run; None for all of them.

    Parameters
    ----------
    task, method : str, optional
    size : Size, optional
        Any size: the table need not have it.
    network : str, optional
        Of `NETWORKS`: over that one alone.
    """

    task: str | None = None
    method: str | None = None
    size: Size | None = None
    network: str | None = None

    @staticmethod
    def of(task: str | None, method: str | None, size: str | None, network: str | None) -> Choice:
        """From what the command line says.

        Raises
        ------
        UsageError
            A size that is none, or an unknown network.
        """
        if network is not None and network not in NETWORKS:
            raise UsageError(f"--network is one of {', '.join(NETWORKS)}, not {network}")
        try:
            numbers = None if size is None else tuple(int(one) for one in size.split("x"))
        except ValueError:
            numbers = (0,)
        if numbers is not None and min(numbers) < 1:
            raise UsageError(f"--size is positive numbers, as 1000x20, not {size}")
        return Choice(task, method, numbers, network)

    def takes(self, cell: Cell) -> bool:
        """Whether a cell is among those asked for."""
        return self.task in (None, cell.task.name) and self.method in (None, cell.method.name)


ALL = Choice()


def cases(quick: bool, choice: Choice = ALL) -> list[Case]:
    """All cases asked for, task by task.

    Raises
    ------
    UsageError
        There is none, or a size has another number of axes than its task.
    """
    order = {cell.task.name: place for place, cell in reversed(list(enumerate(table.CELLS)))}
    cells = sorted(filter(choice.takes, table.CELLS), key=lambda cell: order[cell.task.name])
    found = [case for cell in cells for case in _cases(cell, quick, choice)]
    if not found:
        table.find(choice.task or "", choice.method or "")
        raise UsageError("nothing of that is in a quick run: leave out --quick, or give a --size")
    return found


def _cases(cell: Cell, quick: bool, choice: Choice) -> Iterator[Case]:
    names = cell.task.name, cell.method.name
    bits = (QUICK_BITS if quick else BITS) if cell.method.keyed else 0
    if choice.size is not None:
        if len(choice.size) != len(cell.task.axes):
            raise UsageError(f"a size of {names[0]} is {' x '.join(cell.task.axes)}")
        yield Case(*names, choice.size, bits, choice.network)
        return
    for place, size in enumerate(cell.at(quick)):
        over = (QUICKLY_OVER if quick else tuple(NETWORKS)) if place == 0 and cell.far else ()
        if choice.network is None:
            yield Case(*names, size, bits)
        for network in over:
            if choice.network in (None, network):
                yield Case(*names, size, bits, network)


def _repeated(number: int, case: Case, quick: bool, keys: Path) -> Cost:
    """One run; not in a quick run, the median of several where the first was short, since those vary."""
    runs = [figures.cost(number, case, quick, run(case, keys), REPEATED)]
    if quick or runs[0].whole_s > SHORT:
        return runs[0].model_copy(update={"repetitions": 1})
    runs += [figures.cost(number, case, quick, run(case, keys), REPEATED) for _ in range(REPEATED - 1)]
    return sorted(runs, key=lambda one: one.online_s)[REPEATED // 2]


def compare(
    quick: bool, choice: Choice, folder: Path, machine: str, date: str, say: Callable[[str], None]
) -> tuple[Document, list[Path]]:
    """Run the cases asked for and write what they cost, after each what is known then; the record and the files.

    Raises
    ------
    MpcflError
        Of the case that failed, or `choice` asks for what there is not.
    """
    asked, began, load = cases(quick, choice), time.perf_counter(), os.getloadavg()[0]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mpcfl-bench-") as keys:
        sizes: tuple[Bits, ...] = (QUICK_BITS,) if quick else (BITS,)
        made: dict[int, list[float]] = {
            bits: keyring.make(Path(keys), bits) for bits in sizes if any(case.bits for case in asked)
        }
        about = f"{machine}, gmpy2 {gmpy2.version()} with {gmpy2.mp_version()}"
        document = Document(machine=about, date=date, load=load, quick=quick, keys=made, seconds=0.0, runs=[])
        for number, case in enumerate(asked, 1):
            done = _repeated(number, case, quick, Path(keys))
            where = "" if case.network is None else f" over {case.network}"
            seconds = f"{done.offline_s:.3g} s offline, {done.online_s:.3g} s online"
            say(f"{number}/{len(asked)} {case.task} {done.shown}, {case.method}{where}: {seconds}")
            document.runs.append(done)
            document.seconds = time.perf_counter() - began
            paths = pages.write(document, folder)
    return document, paths + plots.write(document, folder)
