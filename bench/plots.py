"""Cost against size as a figure: `python -m bench mul:1000 mul:10000 ... --plot FILE`, or of saved figures.

python -m bench.plots FIGURES.jsonl FILE.svg
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from bench.figures import Figures, load
from mpcfl.errors import UsageError

if INSTALLED := find_spec("matplotlib") is not None:  # the extra `plot`
    import matplotlib
    from matplotlib.figure import Figure

ENDINGS = (".svg", ".png", ".pdf")
MARKS = "osD^vP*X"

_PANELS: tuple[tuple[str, Callable[[Figures], float]], ...] = (
    ("seconds", lambda one: one.median_s),
    ("CPU seconds of a party", lambda one: one.party_cpu_s),
    ("bytes of a party and the dealer", lambda one: one.online_bytes + one.offline_bytes),
    ("peak bytes of a party's memory", lambda one: one.party_peak_bytes),
)


def check(path: Path) -> None:
    """Whether a figure can be drawn.

    Raises
    ------
    UsageError
        Matplotlib is not installed, or the file's name has another ending.
    """
    if not INSTALLED:
        raise UsageError("a figure needs Matplotlib: pip install 'mpcfl[plot]'")
    if path.suffix not in ENDINGS:
        raise UsageError(f"a figure is a file that ends in {', '.join(ENDINGS)}, not {path.name}", file=str(path))


def draw(figures: Sequence[Figures], path: Path) -> None:
    """What a workload costs against its size, on logarithmic axes: a panel a cost that all were measured for.

    Raises
    ------
    UsageError
        As of `check`.
    """
    check(path)
    panels = [(title, value) for title, value in _PANELS if all(value(one) > 0 for one in figures)]
    by_name = sorted(figures, key=lambda one: (one.workload, one.elements))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mpcfl", "font.size": 8}):
        figure = Figure(figsize=(13, 3.6), layout="constrained")
        for axes, (title, value) in zip(figure.subplots(1, len(panels), squeeze=False).flat, panels, strict=True):
            for mark, (name, group) in zip(
                MARKS * len(by_name), groupby(by_name, lambda one: one.workload), strict=False
            ):
                line = list(group)
                axes.loglog(
                    [one.elements for one in line], [value(one) for one in line], mark + "-", ms=3, lw=1, label=name
                )
            axes.minorticks_off()
            axes.set(title=title, xlabel="elements")
            axes.grid(visible=True, lw=0.3)
        axes.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main(
    file: Annotated[Path, typer.Argument(help="JSON lines of python -m bench.")],
    path: Annotated[Path, typer.Argument(help="The figure to write.")],
) -> None:
    """Draw saved figures."""
    draw(load(file), path)


if __name__ == "__main__":
    typer.run(main)
