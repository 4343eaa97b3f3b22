"""`python -m bench.inference`: the digits network as a service, its model of one owner, its images of another.

The readers train the network in plaintext and bring it in by `mpcfl import`; the archive, which has the images, asks by
`mpcfl serve`. All roles are processes of this machine with keys of their own. Of a request's costs the figures are what
ten more of them cost; beside them stands what `mpcfl.forecast` says. Needs the extra `examples`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from bench.__main__ import machine
from bench.figures import DEALER
from bench.parties import Plan, settle
from mpcfl import threads
from mpcfl.contribution import Contribution
from mpcfl.data import split_rows
from mpcfl.disclosure import PREDICTIONS
from mpcfl.errors import MpcflError, ResourceError
from mpcfl.examples.__main__ import JOB, write
from mpcfl.job import Job
from mpcfl.learn.predicting import predictions
from mpcfl.machine import cores
from mpcfl.outcome import listed
from mpcfl.prediction import rounded
from mpcfl.session import Session
from mpcfl.simulation import forecast

ASKS, OWNS = "archive", "readers"
PARTIES = (ASKS, OWNS)
FEW, MANY = 2, 12
"""Requests of two services, of which the difference is taken."""
SIZES = (1, 128)
EPOCHS = 4

ENDING = f"""
[save]
model = true

[disclose]
predictions = ["{ASKS}"]

[serve]
requester = "{ASKS}"
"""


def job_text(example: str) -> str:
    """The example's job for a model that is brought in: columns that need no rows to be prepared, and a service."""
    columns = json.dumps([f"r{place // 8}c{place % 8}" for place in range(64)])
    head = example.partition("[disclose]")[0]
    for old, new in (
        ("[prepare]", f'[columns]\n{ASKS} = {columns}\n\n[prepare]\nmissing = "refuse"'),
        ("epochs = 10", f"epochs = {EPOCHS}"),
    ):
        assert old in head
        head = head.replace(old, new)
    return head + ENDING


class Place:
    """A folder with keys, a roster, the job, the images and the model's file.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        settle(Plan("", (), 0, folder, None, None), [*PARTIES, DEALER])
        self._files = write("digits", folder)
        path = folder / JOB
        path.write_text(job_text(path.read_text()))
        self.job = Job.load(path)
        images, digits = (Contribution.read(self.job, party, self._files[party]) for party in PARTIES)
        assert digits.labels is not None
        train, test = split_rows(images.rows, self.job.split.test, self.job.job.seed)
        self.model = self.job.make_learner().fit(images.features[train], digits.labels[train])
        self._asked = [images.ids[place] for place in test]
        self.images = images.features[test]
        document = {"learner": self.job.job.learner, "parameters": self.model.get_params(), "columns": images.columns}
        (folder / "model.json").write_text(json.dumps(document | listed(self.model.model_arrays())))

    def bring(self) -> None:
        """`mpcfl import` at all parties."""
        self._together({ASKS: ["import"], OWNS: ["import", "--model-json", "model.json"]}, None)

    def serve(self, size: int, requests: int) -> tuple[dict[str, Any], list[list[Any]]]:
        """`mpcfl serve` at all parties: the summary of the one that asks, and the answers."""
        lines = [json.dumps({"ids": (self._asked * 5)[at : at + size]}) for at in range(requests)]
        asked = self._folder / "requests.jsonl"
        asked.write_text("\n".join([*lines, ""]))
        data = ["--data", str(self._files[ASKS].resolve())]
        self._together({ASKS: ["serve", *data], OWNS: ["serve"]}, asked)
        answers = [json.loads(line)["predictions"] for line in (self._folder / f"{ASKS}.out").read_text().splitlines()]
        return json.loads((self._folder / f"{ASKS}.json").read_text()), answers

    def expected(self, size: int) -> Any:
        """What the model in the clear says of the rows of the first request."""
        return predictions(self.model, self.images[:size], self.job.label_kind)

    def _together(self, commands: dict[str, list[str]], asked: Path | None) -> None:
        share = str(max(1, cores() // 3))
        environment = (
            {threads.VARIABLE: share} | dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        )
        with ExitStack() as stack:
            running = {}
            for role, (name, *more) in {**commands, DEALER: ["dealer"]}.items():
                where = ["--roster", "roster.toml", "--key", f"{role}.key", "--state-dir", role, *more]
                if role != DEALER:
                    where = [JOB, "--party", role, "--json", f"{role}.json", *where]
                given = stack.enter_context(open(asked if asked is not None and role == ASKS else os.devnull, "rb"))
                out, err = (stack.enter_context(open(self._folder / f"{role}.{one}", "wb")) for one in ("out", "err"))
                running[role] = subprocess.Popen(
                    [sys.executable, "-m", "mpcfl", name, *where],
                    cwd=self._folder,
                    env=environment,
                    stdin=given,
                    stdout=out,
                    stderr=err,
                )
                stack.callback(running[role].wait)
                stack.callback(running[role].terminate)
            codes = {role: process.wait() for role, process in running.items()}
        for role, code in codes.items():
            if code:
                raise ResourceError((self._folder / f"{role}.err").read_text().strip() or f"{role} ended with {code}")


def foreseen(place: Place, size: int) -> tuple[int, int, int]:
    """Rounds, bytes of the party that asks and bytes of the dealer of one request, after the first."""
    shapes = place.job.make_learner().model_shapes(place.images.shape[1])["weights"]

    def program(requests: int) -> Any:
        def run(session: Session) -> None:
            weights = {name: session.share(None, OWNS, shape) for name, shape in shapes.items()}
            model = place.job.make_learner().set_model_arrays({"weights": weights}, place.images.shape[1])
            for _ in range(requests):
                session.tell(None, ASKS, 2)
                X = session.private(None, ASKS, (size, place.images.shape[1]))
                rounded(place.job, model, X).reveal(ASKS, PREDICTIONS)

        return run

    one, two = (forecast(program(requests), PARTIES, fraction=place.job.engine.fraction) for requests in (1, 2))
    sent = two.bytes_sent[0] - one.bytes_sent[0]
    return two.rounds - one.rounds, sent, two.offline_bytes - one.offline_bytes


def figures(place: Place, size: int) -> dict[str, Any]:
    """What a request of so many images costs, measured and foreseen."""
    few, _ = place.serve(size, FEW)
    many, answers = place.serve(size, MANY)
    measured = [
        (many[key] - few[key]) / (MANY - FEW)
        if key != "bytes_sent"
        else (many[key][ASKS] - few[key][ASKS]) / (MANY - FEW)
        for key in ("rounds", "bytes_sent", "offline_bytes")
    ]
    error = float(np.abs(np.array(answers[0]) - place.expected(size)).max())
    return {
        "images": size,
        "median_ms": many["median_ms"],
        **dict(zip(("rounds", "bytes", "dealer_bytes"), measured, strict=True)),
        **dict(zip(("foreseen_rounds", "foreseen_bytes", "foreseen_dealer_bytes"), foreseen(place, size), strict=True)),
        "max_abs_err": round(error, 6),
    }


def show(found: Sequence[dict[str, Any]]) -> Table:
    """The figures as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in found[0]:
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(*(f"{value:,.10g}" for value in one.values()))
    return table


def main(json_file: Annotated[Path | None, typer.Option("--json", help="File for the JSON lines.")] = None) -> None:
    """Time private inference of the digits network between processes of this machine."""
    try:
        with tempfile.TemporaryDirectory(prefix="mpcfl-inference-") as folder:
            place = Place(Path(folder))
            place.bring()
            found = [figures(place, size) for size in SIZES]
    except MpcflError as error:
        Console(stderr=True).print(error.reason, markup=False, soft_wrap=True)
        raise typer.Exit(error.code) from None
    if json_file is not None:
        json_file.write_text("".join(json.dumps(one | {"machine": machine()}) + "\n" for one in found))
    Console(highlight=False, width=160).print(show(found))


if __name__ == "__main__":
    typer.run(main)
