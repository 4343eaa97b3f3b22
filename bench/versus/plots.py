"""Seconds against size, and seconds against network, as figures: a panel a task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.plots import INSTALLED, MARKS
from bench.versus.crossing import crossings, line
from bench.versus.crossing import show as show_crossing
from bench.versus.figures import LABELS, Cost, Document
from bench.versus.pages import by_task
from bench.versus.processes import NETWORKS
from bench.versus.table import ENCRYPTED, ON_SHARES
from bench.versus.tasks import elements, show

if INSTALLED:  # the extra `plot`
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import LogLocator, StrMethodFormatter

COLUMNS = 3
Draw = Callable[[Any, Sequence[Cost], dict[str, dict[str, Any]]], None]


def write(document: Document, folder: Path, ending: str = "svg") -> list[Path]:
    """All figures, where Matplotlib is installed."""
    if not INSTALLED or not document.runs:
        return []
    figures: dict[str, tuple[str, Draw]] = {
        "size": ("Seconds offline and online, over the loopback, against size; x: methods cross", _whole),
        "size-wan": (f"Online seconds on {LABELS['wan']}, against size; x: methods cross", _far),
        "network": (
            "Online seconds by network, of the largest size that most methods have; computed but for the loopback",
            _networks,
        ),
    }
    paths = []
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mpcfl", "font.size": 8}):
        for name, (title, draw) in figures.items():
            paths.append(folder / f"time-against-{name}.{ending}")
            _panels(document, title, draw).savefig(paths[-1], metadata={"Date": None} if ending == "svg" else None)
    return paths


def _panels(document: Document, title: str, draw: Draw) -> Any:
    """A panel a task, and one legend for all below them."""
    tasks = list(by_task(document.runs))
    methods = list(dict.fromkeys(one.method for one in document.runs))
    styles: dict[str, dict[str, Any]] = {
        method: {"marker": MARKS[i % len(MARKS)], "color": f"C{i}", "label": method, "ms": 4, "lw": 1}
        for i, method in enumerate(methods)
    }
    rows = -(-len(tasks) // COLUMNS)
    figure = Figure(figsize=(3.4 * COLUMNS, 2.6 * rows + 0.8), layout="constrained")
    figure.suptitle(title)
    panels = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for axes, (task, runs) in zip(panels, tasks, strict=False):
        draw(axes, runs, styles)
        axes.set_title(task)
        axes.grid(visible=True, lw=0.3)
    for axes in panels[len(tasks) :]:
        axes.set_visible(False)
    handles = [Line2D([], [], **style) for style in styles.values()]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False)
    return figure


def _whole(axes: Any, runs: Sequence[Cost], styles: dict[str, dict[str, Any]]) -> None:
    _against_size(axes, runs, styles, None, whole=True)


def _far(axes: Any, runs: Sequence[Cost], styles: dict[str, dict[str, Any]]) -> None:
    _against_size(axes, runs, styles, "wan", whole=False)


def _against_size(
    axes: Any, runs: Sequence[Cost], styles: dict[str, dict[str, Any]], network: str | None, whole: bool
) -> None:
    lines = {method: line(runs, method, network, whole) for method in styles}
    for method, points in lines.items():
        if points:
            axes.loglog(list(points), list(points.values()), **styles[method])
    for method in ENCRYPTED & lines.keys():
        for other in ON_SHARES & lines.keys():
            for met in crossings((method, lines[method]), (other, lines[other])):
                axes.plot(met.elements, met.seconds, "kx", ms=7)
                axes.annotate(show_crossing(met), (met.elements, met.seconds), (4, -9), textcoords="offset points")
    sizes = sorted({size for points in lines.values() for size in points})
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.set(xlabel="elements", ylabel="seconds")
    _decades(axes)


def _networks(axes: Any, runs: Sequence[Cost], styles: dict[str, dict[str, Any]]) -> None:
    """Of the largest of those sizes that the most methods were run at."""
    names = ["loopback", *NETWORKS]
    near = {(one.method, one.size): one for one in runs if one.network is None}
    sizes = Counter(size for _, size in near)
    size = max(sizes, key=lambda one: (sizes[one], elements(one)), default=())
    for method, style in styles.items():
        one = near.get((method, size))
        if one is not None:
            axes.semilogy(range(len(names)), [one.online_s, *one.computed_s.values()], **style)
    axes.set_xticks(range(len(names)), names)
    axes.set(xlabel=show(size), ylabel="seconds")
    _decades(axes)


def _decades(axes: Any) -> None:
    """Seconds at 1, 2 and 5 of every decade, as plain numbers."""
    if not axes.lines:
        return
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.minorticks_off()
