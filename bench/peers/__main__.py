"""`python -m bench.peers install` puts peers into environments of their own, `run` measures them beside mpcfl."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from bench.__main__ import measured
from bench.operands import Array, Size
from bench.peers.jobs import Job
from bench.tables import seconds
from bench.workloads import Workload, parse, show
from mpcfl.errors import InputError, MpcflError, UsageError
from mpcfl.learn.schedule import minibatches

CHECKOUT = Path(__file__).parents[2]
PATIENCE = 900.0
"""Seconds after which a peer's run is given up."""

people = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 160)
app = typer.Typer(add_completion=False, help=__doc__, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Peer:
    """Another framework.

    Parameters
    ----------
    name : str
    packages : sequence of sequences of str
        What pip installs, one call after another.
    workloads : sequence of str
        Those that it has.
    what : str
        The setting that is measured.
    """

    name: str
    packages: Sequence[Sequence[str]]
    workloads: Sequence[str]
    what: str

    def environment(self, folder: Path) -> Path:
        return folder / self.name

    def python(self, folder: Path) -> Path:
        return self.environment(folder) / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


_BOTH = (
    *("mul", "square", "matmul", "matvec", "less", "relu", "sigmoid", "exp", "reciprocal", "sqrt"),
    *("softmax", "argmax", "lr", "mlp", "cnn"),
)
PEERS = {
    one.name: one
    for one in (
        Peer(
            "crypten",
            (
                ("torch==2.13.0", "numpy", "omegaconf", "pyyaml", "pandas", "scikit-learn", "onnx"),
                ("--no-deps", "crypten==0.4.1"),
            ),
            (*_BOTH, "digits"),
            "two parties, the first of which deals; links in the clear; 16 fractional bits",
        ),
        Peer(
            "spu",
            (("spu==0.10.0.dev20251211", "jax==0.8.0", "numpy"),),
            (*_BOTH, "sort"),
            "SEMI2K, FM64, two parties, the first of which deals; links in the clear; 18 fractional bits",
        ),
    )
}


def cache() -> Path:
    """Where environments are, unless said otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mpcfl-bench" / "peers"


Folder = Annotated[Path | None, typer.Option(help="Folder of the environments; by default in the user's cache.")]


@app.command()
def install(
    names: Annotated[list[str] | None, typer.Argument(help="Peers; by default all.")] = None, folder: Folder = None
) -> None:
    """Make the peers' environments, with packages from PyPI."""
    failed = 0
    for peer in _peers(names):
        target = peer.environment(folder or cache())
        venv.create(target, with_pip=True)
        for packages in peer.packages:
            ran = subprocess.run(
                [peer.python(folder or cache()), "-m", "pip", "install", "--quiet", *packages], check=False
            )
            if ran.returncode:
                people.print(f"{peer.name} could not be installed: see pip's words above", markup=False)
                failed += 1
                break
        else:
            people.print(f"{peer.name} is in {target}", markup=False)
    raise typer.Exit(1 if failed else 0)


@app.command()
def run(
    names: Annotated[list[str], typer.Argument(metavar="NAME[:SIZE]", help="Workloads of python -m bench.")],
    repetitions: Annotated[int | None, typer.Option(min=1, help="Timed repetitions of each side.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the JSON lines, also on stdout.")] = None,
    folder: Folder = None,
) -> None:
    """Measure workloads here and at every installed peer, in turn and on the same inputs, one JSON line each."""
    present = [peer for peer in PEERS.values() if peer.python(folder or cache()).exists()]
    lines: list[dict[str, Any]] = []
    try:
        if not present:
            raise UsageError(f"no peer is installed in {folder or cache()}: python -m bench.peers install")
        for workload, size in [parse(name) for name in names]:
            ours = measured(workload, size, 2, repetitions, None)
            for peer in present:
                line = {
                    "workload": workload.name,
                    "size": show(size),
                    "ours_s": ours.median_s,
                    "ours_abs_err": ours.max_abs_err,
                    "peer": peer.name,
                    **_of_peer(peer, workload, size, repetitions or workload.repetitions, folder or cache()),
                }
                lines.append(line)
                typer.echo(json.dumps(line))
                if json_file is not None:
                    json_file.write_text("".join(json.dumps(one) + "\n" for one in lines))
    except MpcflError as error:
        people.print(error.reason, markup=False, soft_wrap=True)
        raise typer.Exit(error.code) from None
    people.print(side_by_side(lines))
    for peer in present:
        people.print(f"{peer.name}: {peer.what}", markup=False)


def side_by_side(lines: Sequence[dict[str, Any]]) -> Table:
    """One row a workload and peer; the ratio is the peer's time over ours."""
    table = Table(title="side by side", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("workload", "size", "ours", "peer", "its time", "ratio", "our error", "its error"):
        table.add_column(name, justify="left" if name in ("workload", "size", "peer") else "right")
    for line in lines:
        cells = [line["workload"], line["size"], seconds(line["ours_s"]), line["peer"]]
        if "peer_s" in line:
            ratio = f"{line['peer_s'] / line['ours_s']:.3g}"
            cells += [seconds(line["peer_s"]), ratio, f"{line['ours_abs_err']:.1e}", f"{line['peer_abs_err']:.1e}"]
        else:
            cells += [line["failure"], "", f"{line['ours_abs_err']:.1e}"]
        table.add_row(*cells)
    return table


def inputs(workload: Workload, size: Size) -> list[Array]:
    """A workload's inputs as a peer takes them: columns joined, rows in the order of the schedule, labels a column."""
    arrays = [operand.values for operand in workload.make(size)]
    if workload.name != "lr":
        return arrays
    order = np.concatenate(list(minibatches(size[0], size[2], 1, 0)))
    return [np.concatenate(arrays[:2], axis=1)[order], arrays[2][order].reshape(-1, 1)]


def _of_peer(peer: Peer, workload: Workload, size: Size, repetitions: int, environments: Path) -> dict[str, Any]:
    """A peer's median and error, or why it has none."""
    if workload.name not in peer.workloads:
        return {"failure": "has none"}
    with tempfile.TemporaryDirectory(prefix="mpcfl-peer-") as folder:
        given = inputs(workload, size)
        fitted = (len(given[0]), *size[1:]) if workload.name == "lr" else size
        job = Job(workload.name, fitted, repetitions, folder)
        job.give(given)
        command = [str(peer.python(environments)), "-m", f"bench.peers.{peer.name}_side", str(job)]
        try:
            ran = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return {"failure": f"no answer in {PATIENCE:g} s"}
        if ran.returncode:
            return {"failure": "failed", "said": ran.stderr[-1000:]}
        took, result = job.outputs()
    exact = np.asarray(workload.compute(size, *(operand.values for operand in workload.make(size))), np.float64)
    error = float(np.abs(result.reshape(exact.shape) - exact).max())
    return {"peer_s": statistics.median(took), "peer_min_s": min(took), "peer_abs_err": error}


def _peers(names: Sequence[str] | None) -> list[Peer]:
    unknown = set(names or ()) - set(PEERS)
    if unknown:
        raise InputError(f"no peer is called {min(unknown)!r}; there are {', '.join(PEERS)}")
    return [PEERS[name] for name in names or PEERS]


if __name__ == "__main__":
    app()
