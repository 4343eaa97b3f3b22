"""What a case cost, and the tables and plots of many."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

from bench.plots import INSTALLED, MARKS
from mpcfl.drivers.profile import Network

if INSTALLED:  # the extra `plot`
    import matplotlib
    from matplotlib.figure import Figure

NETWORKS = {
    "LAN 0.2 ms, 10 Gbit": Network(0.2, 10_000),
    "1 ms, 1 Gbit": Network(1.0, 1_000),
    "WAN 40 ms, 100 Mbit": Network(40.0, 100),
}


@dataclass(frozen=True)
class Cost:
    """One run of a case.

    Attributes
    ----------
    run : int
        Its number: other files name it by that.
    offline_s, online_s : float
        Of the slowest party, loopback, measured.
    cpu_s : float
        Of the processor, of the busiest party online; without a dealer its offline work as well.
    rounds : int
        Online.
    offline_bytes, online_bytes : int
        Of the party that sent most; offline, of the dealer where there is one.
    peak_bytes : int
        Of the party that held most.
    error : float
        Largest difference from float64.
    security : str
    leaks : str
    computed_s : dict of str to float
        Online seconds on other networks, computed from measured seconds, exact rounds and exact bytes.
    """

    run: int
    task: str
    rows: int
    columns: int
    method: str
    bits: int
    offline_s: float
    online_s: float
    cpu_s: float
    rounds: int
    offline_bytes: int
    online_bytes: int
    peak_bytes: int
    error: float
    security: str
    leaks: str
    computed_s: dict[str, float]

    @property
    def size(self) -> str:
        return f"{self.rows} x {self.columns}"


def computed(online_s: float, rounds: int, sent: int) -> dict[str, float]:
    """Seconds on each network: a round lasts half a round trip, bytes pass one uplink."""
    return {name: online_s + rounds * on.rtt_ms / 2000 + 8 * sent / (on.mbit * 1e6) for name, on in NETWORKS.items()}


def security(method: str, bits: int) -> str:
    """What breaks it."""
    if method == "shares":
        return "perfect against one party; dealer and a party in league see all"
    return f"{ {2048: 112, 3072: 128, 4096: 140}[bits] } bits, semi-honest"


def markdown(costs: Sequence[Cost], machine: str, date: str) -> str:
    """A table a task."""
    lines = [
        "# Homomorphic encryption and secret sharing on the same tasks",
        "",
        f"{machine}; {date}. Seconds are those of the slowest party, between processes over loopback, measured; those",
        "on other networks are **computed** from measured seconds, exact rounds and exact bytes. Offline: keys and",
        "tables, or correlations (recorded with a dealer, or made by the parties). `run` numbers all files.",
    ]
    head = ["run", "size", "method", "bits", "offline s", "online s", "CPU s", "rounds"]
    head += ["offline MB", "online MB", "peak MB", "error", *(f"{name}, computed s" for name in NETWORKS)]
    head += ["security", "shows by design"]
    for task, group in groupby(costs, lambda one: one.task):
        lines += ["", f"## {task}", "", f"| {' | '.join(head)} |", f"|{'|'.join([':--'] * len(head))}|"]
        for one in group:
            sizes = (one.offline_bytes, one.online_bytes, one.peak_bytes)
            seconds = (one.offline_s, one.online_s, one.cpu_s)
            cells = [str(one.run), one.size, one.method, str(one.bits or "")]
            cells += [*(f"{value:.3g}" for value in seconds), str(one.rounds)]
            cells += [*(f"{size / 1e6:.3g}" for size in sizes), f"{one.error:.1e}"]
            cells += [f"{value:.3g}" for value in one.computed_s.values()]
            lines.append(f"| {' | '.join([*cells, one.security, one.leaks])} |")
    return "\n".join(lines) + "\n"


def write(costs: Sequence[Cost], folder: Path, machine: str, date: str) -> list[Path]:
    """Markdown, CSV, JSON, and plots where Matplotlib is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"he-vs-ss.{ending}" for ending in ("md", "csv", "json")]
    paths[0].write_text(markdown(costs, machine, date), encoding="utf-8")
    with paths[1].open("w", newline="", encoding="utf-8") as file:
        rows = [{**asdict(one), "computed_s": None, **one.computed_s} for one in costs]
        writer = csv.DictWriter(file, [name for name in rows[0] if name != "computed_s"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    document = {"machine": machine, "date": date, "runs": [asdict(one) for one in costs]}
    paths[2].write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return paths + _plots(costs, folder) if INSTALLED else paths


def _plots(costs: Sequence[Cost], folder: Path) -> list[Path]:
    """Seconds against size, a panel a task; and seconds against networks of the largest sizes."""
    by_task = [(task, list(group)) for task, group in groupby(costs, lambda one: one.task)]
    methods = sorted({one.method for one in costs})
    styles = {method: {"marker": MARKS[i], "color": f"C{i}", "label": method} for i, method in enumerate(methods)}
    paths = [folder / "time-against-size.svg", folder / "time-against-network.svg"]
    names = ["loopback", *NETWORKS]
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mpcfl", "font.size": 8}):
        for path in paths:
            figure = Figure(figsize=(3.2 * len(by_task), 3.4), layout="constrained")
            for axes, (task, group) in zip(figure.subplots(1, len(by_task), squeeze=False).flat, by_task, strict=True):
                for method in methods:
                    own = sorted((one for one in group if one.method == method), key=lambda one: one.rows * one.columns)
                    if not own:
                        continue
                    if path is paths[0]:
                        x = [one.rows * one.columns for one in own]
                        axes.loglog(x, [one.offline_s + one.online_s for one in own], **styles[method])
                        axes.set(title=task, xlabel="elements", ylabel="seconds, offline and online")
                    else:
                        seconds = [own[-1].online_s, *own[-1].computed_s.values()]
                        axes.semilogy(range(len(names)), seconds, **styles[method])
                        axes.set(title=f"{task}, {own[-1].size}", ylabel="online seconds, computed but for loopback")
                        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
                axes.grid(visible=True, lw=0.3)
                axes.legend(frameon=False)
            figure.savefig(path, metadata={"Date": None})
    return paths
