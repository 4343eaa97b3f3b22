"""`docs/he-vs-ss.md`: its tables and figures from the record of a benchmark.

python -m bench.versus.page [FILE.json]      the page anew, from the record in docs/ or from that file
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from bench.tables import seconds, volume
from bench.versus import pages, plots
from bench.versus.crossing import even_bandwidth, line, winner
from bench.versus.figures import LABELS, Cost, Document
from bench.versus.pages import Row, by_task, table
from bench.versus.processes import NETWORKS
from bench.versus.table import ENCRYPTED, ON_SHARES
from bench.versus.tasks import elements, show
from mpcfl.errors import InputError, UsageError

PAGE = Path(__file__).parents[2] / "docs" / "he-vs-ss.md"
RECORD = PAGE.with_suffix(".json")


def blocks(document: Document) -> dict[str, str]:
    """What the page shows of a record, by the name of its place."""
    lines = {
        "record": [pages.record(document)],
        "crossings": table(_crossings(document.runs)),
        "costs": [text for task, runs in by_task(document.runs) for text in _task(task, runs)],
        "terms": table(_terms(document.runs)),
        "against": pages.against(document),
    }
    return {name: "\n".join(text) for name, text in lines.items()}


def filled(page: str, document: Document) -> str:
    """A page with its blocks renewed.

    Raises
    ------
    UsageError
        It has no place for one of them.
    """
    for name, text in blocks(document).items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise UsageError(f"the page has no place for {name}: it needs the lines {begin} and {end}")
        page = f"{before}{begin}\n{text}\n{end}{after}"
    return page


def write(document: Document) -> list[Path]:
    """Renew the page, its record and its figures."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), document), encoding="utf-8")
    RECORD.write_text(document.model_dump_json() + "\n", encoding="utf-8")
    drawn = []
    with tempfile.TemporaryDirectory() as folder:
        for path in plots.write(document, Path(folder)):
            drawn.append(PAGE.with_name(f"he-vs-ss-{path.name}"))
            shutil.copyfile(path, drawn[-1])
    return [PAGE, RECORD, *drawn]


def load(path: Path) -> Document:
    """The record in a file.

    Raises
    ------
    UsageError
        It cannot be read.
    InputError
        It holds no record.
    """
    try:
        return Document.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError:
        raise UsageError(f"the record {path} cannot be read", file=str(path)) from None
    except ValidationError:
        raise InputError(f"{path} holds no record of python -m bench he-vs-ss", file=str(path)) from None


def _crossings(runs: Sequence[Cost]) -> Iterator[Row]:
    """Who is faster, of each encrypted and each shared method of a task."""
    for task, group in by_task(runs):
        methods = list(dict.fromkeys(one.method for one in group))
        for left in (method for method in methods if method in ENCRYPTED):
            for right in (method for method in methods if method in ON_SHARES):
                row = {"task": task, "encrypted": left, "on shares": right}
                pair = [(name, line(group, name, None, whole=True)) for name in (left, right)]
                row["offline and online, loopback"] = winner(*pair)
                for network in (None, *NETWORKS):
                    pair = [(name, line(group, name, network)) for name in (left, right)]
                    row[f"online, {LABELS.get(network or '', 'loopback')}"] = winner(*pair)
                row["encrypted is faster at 40 ms, largest size"] = _narrow(group, left, right)
                yield row


def _narrow(runs: Sequence[Cost], encrypted: str, shared: str) -> str:
    """The bandwidth at which two methods take as long, at the largest size of both."""
    near = {(one.method, one.size): one for one in runs if one.network is None}
    common = [one.size for one in runs if {(encrypted, one.size), (shared, one.size)} <= near.keys()]
    if not common:
        return ""
    size = max(common, key=elements)
    found = even_bandwidth(near[encrypted, size], near[shared, size], NETWORKS["wan"].one_way)
    return f"{found} ({show(size)})"


def _task(task: str, runs: Sequence[Cost]) -> list[str]:
    """The costs of a task: of the slowest party, and of the one that sends or holds most."""
    far = {one.key: one for one in runs if one.network == "wan"}
    rows = []
    for one in runs:
        if one.network is not None:
            continue
        measured = far.get(one.key)
        shown = f"{seconds(one.computed_s['wan'])} *" if measured is None else seconds(measured.online_s)
        rows.append(
            {
                "run": str(one.run),
                "size": one.shown,
                "method": one.method,
                "offline": seconds(one.offline_s),
                "online": seconds(one.online_s),
                "online, WAN": shown,
                "CPU": seconds(max(side.whole_cpu_s for side in one.parties)),
                "dealer's CPU": "" if one.dealer_cpu_s is None else seconds(one.dealer_cpu_s),
                "rounds": str(one.rounds),
                "offline bytes": volume(max(side.offline_bytes for side in one.parties)),
                "online bytes": volume(max(side.online_bytes for side in one.parties)),
                "memory": volume(max(side.peak_bytes for side in one.parties)),
                "error": f"{one.error:.1e}",
            }
        )
    return ["", f"### {task}", "", *table(rows)]


def _terms(runs: Sequence[Cost]) -> Iterator[Row]:
    """What a method rests on and shows; once where it is the same for several tasks."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for one in runs:
        tasks = found.setdefault((one.method, one.security, one.leaks), [])
        if one.task not in tasks:
            tasks.append(one.task)
    for (method, security, leaks), tasks in sorted(found.items()):
        yield {"method": method, "tasks": ", ".join(tasks), "security": security, "shows by design": leaks}


def main(
    file: Annotated[
        Path, typer.Argument(help="A record of python -m bench he-vs-ss; by default that in docs/.")
    ] = RECORD,
) -> None:
    """Renew docs/he-vs-ss.md from a record."""
    for path in write(load(file)):
        typer.echo(path)


if __name__ == "__main__":
    typer.run(main)
