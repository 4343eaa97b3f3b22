"""A small job of two or more parties, and files for it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mpcfl.job import Job

HEAD = """
[job]
name = "shops"
learner = "logistic_regression"
id = "id"
label = "shop.bought"
seed = 3
[learner]
epochs = 4
batch_size = 32
[split]
test = 0.2
"""
BOTH = '[disclose]\nmodel = ["shop", "bank"]\nmetrics = ["shop", "bank"]\n'


def job_of(text: str) -> Job:
    return Job.from_text(HEAD + text, "job.toml")


def write(path: Path, columns: Mapping[str, Sequence[Any]]) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def files(folder: Path, rows: int = 150, parties: Sequence[str] = ("shop", "bank")) -> dict[str, Path]:
    """A small job's files: two number columns a party, a text column at the last, each file in an order of its own."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(rows, 2 * len(parties)))
    bought = (X.sum(axis=1) + rng.normal(size=rows) > 0).astype(int)
    paths = {}
    for place, party in enumerate(parties):
        order = rng.permutation(rows)
        columns: dict[str, Sequence[Any]] = {"id": [f"c{row:04d}" for row in order]}
        columns |= {name: X[order, 2 * place + i] for i, name in enumerate(("a", "b"))}
        if place == 0:
            columns["bought"] = bought[order]
        if place == len(parties) - 1:
            columns["kind"] = [("red", "blue", 'Grün "é"')[row % 3] for row in order]
        paths[party] = write(folder / f"{party}.csv", columns)
    return paths
