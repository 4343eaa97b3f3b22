"""Predicted against measured seconds: `python -m bench.virtual mul:100000 lr:2000x10x200 --network 20,100`.

The prediction is that of `mpcfl.simulate(..., network=...)`, all parties in one process. What is measured are parties
and dealer as processes whose links run through `bench.relay`, which delays them and limits their uplinks.
"""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bench.measure import whole
from bench.operands import Size
from bench.parties import run_whole
from bench.tables import seconds
from bench.workloads import Workload, parse, show
from mpcfl.drivers.profile import Network
from mpcfl.drivers.timeline import Prediction
from mpcfl.errors import MpcflError, UsageError
from mpcfl.simulation import simulate

NETWORKS = ("1,1000", "20,100")
"""Round trip in milliseconds and megabits a second, where none is given: near, and far."""
BAND = 0.8, 1.3
"""What is measured should lie within these multiples of the prediction, plus above it ROUND seconds a round."""
ROUND = 2e-3
"""What a round costs in processes that share the cores, beyond the model: sealing, ledger, wake-ups of three roles."""

people = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else 160)


def predicted(
    workload: Workload, size: Size, parties: int, repetitions: int, network: Network
) -> tuple[Prediction, int]:
    """The median prediction of several runs, after one that warms up, and their rounds."""
    program = whole(workload, size, workload.make(size))
    runs = [simulate(program, parties, network=network) for _ in range(1 + repetitions)]
    predictions = [run.prediction for run in runs[1:] if run.prediction is not None]
    return sorted(predictions, key=lambda one: one.seconds)[len(predictions) // 2], runs[0].rounds


def within(predicted_s: float, measured_s: float, rounds: int) -> bool:
    """Whether a measurement lies in the band around its prediction."""
    least, most = BAND
    return least * predicted_s <= measured_s <= most * predicted_s + rounds * ROUND


def _network(text: str) -> Network:
    try:
        return Network(*map(float, text.split(",")))
    except (TypeError, ValueError):
        raise UsageError(f"--network takes RTT_MS,MBIT, as 20,100, not {text!r}") from None


def main(
    names: Annotated[list[str], typer.Argument(metavar="NAME[:SIZE]", help="Workloads of python -m bench.")],
    network: Annotated[list[str] | None, typer.Option(help="RTT_MS,MBIT; several times for several.")] = None,
    parties: Annotated[int, typer.Option(min=2, max=8, help="How many parties, the dealer apart.")] = 2,
    repetitions: Annotated[int, typer.Option(min=1, help="Runs of each kind.")] = 3,
) -> None:
    """Compare what a virtual network predicts with what processes take over links as slow."""
    table = Table(title="predicted and measured", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in (
        "workload",
        "size",
        "rtt",
        "Mbit/s",
        "rounds",
        "predicted",
        "measured",
        "ratio",
        "in the band",
        "of the prediction",
    ):
        table.add_column(column)
    try:
        for workload, size in [parse(name) for name in names]:
            for on in map(_network, network or NETWORKS):
                foreseen, rounds = predicted(workload, size, parties, repetitions, on)
                took = statistics.median(run_whole(workload.name, size, parties, repetitions, on))
                inside = within(foreseen.seconds, took, rounds)
                line = {"workload": workload.name, "size": show(size), "rtt_ms": on.rtt_ms, "mbit": on.mbit}
                told = {"predicted_s": foreseen.seconds, "measured_s": took, "rounds": rounds, "within": inside}
                typer.echo(json.dumps(line | told | {"parts": asdict(foreseen)}))
                cells = (f"{on.rtt_ms:g} ms", f"{on.mbit:g}", str(rounds), seconds(foreseen.seconds), seconds(took))
                _, _, parts = str(foreseen).partition(": ")
                ratio = f"{took / foreseen.seconds:.2f}"
                table.add_row(workload.name, show(size), *cells, ratio, "yes" if inside else "no", parts)
    except MpcflError as error:
        people.print(error.reason, markup=False, soft_wrap=True)
        raise typer.Exit(error.code) from None
    people.print(table)


if __name__ == "__main__":
    typer.run(main)
