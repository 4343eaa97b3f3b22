"""What docs/autodiff.md says of each function: what has a gradient, and what it costs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import mpcfl
from mpcfl import grad, numerics
from mpcfl.grad import choices, order, places, table

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "autodiff.md").read_text("utf-8")
N = (64,)
MEASURED = {
    "add": (np.add, N, N),
    "sum": (np.sum, N),
    "cumsum": (np.cumsum, N),
    "reshape": (lambda x: x.reshape(8, 8), N),
    "getitem": (lambda x: x[[1, 1, 5]], N),
    "multiply": (np.multiply, N, N),
    "matmul": (np.matmul, (64, 64), (64, 64)),
    "square": (np.square, N),
    "relu": (numerics.relu, N),
    "absolute": (np.absolute, N),
    "maximum": (np.maximum, N, N),
    "clip": (lambda x: np.clip(x, -1, 1), N),
    "where": (lambda x, y: np.where(x < y, x, y), N, N),
    "max": (np.max, N),
    "sort": (np.sort, N),
    "exp": (np.exp, N),
    "expm1": (np.expm1, N),
    "sin": (np.sin, N),
    "softplus": (numerics.softplus, N),
    "tanh": (np.tanh, N),
    "sigmoid": (numerics.sigmoid, N),
    "logsumexp": (numerics.logsumexp, N),
    "softmax": (numerics.softmax, N),
    "reciprocal": (np.reciprocal, N),
    "log": (np.log, N),
    "sqrt": (np.sqrt, N),
    "divide": (np.divide, N, N),
    "prod": (np.prod, N),
}


def rows(mark: str) -> list[list[str]]:
    """The rows of the table after a mark."""
    _, _, after = PAGE.partition(f"<!-- {mark} -->")
    lines = after.strip().splitlines()
    found = [line for line in lines[: lines.index("")] if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def backward(function, *shapes):
    """Rounds and bytes an element that pulling a fresh secret cotangent back takes."""
    result = np.shape(function(*(np.ones(shape) for shape in shapes)))

    def cost(pulled):
        def program(session):
            operands = [session.share(np.ones(shape), 0, shape) for shape in shapes]
            cotangent = session.share(np.ones(result), 1, result)
            _, pull = grad.vjp(function, *operands)
            session.barrier()
            return pull(cotangent) if pulled else None

        return mpcfl.forecast(program)

    forward, both = cost(False), cost(True)
    return both.rounds - forward.rounds, (both.bytes_sent[0] - forward.bytes_sent[0]) / np.prod(shapes[0])


def test_the_table_of_costs_names_what_is_measured():
    assert {name for row in rows("backward") for name in re.findall(r"`(\w+)`", row[0])} == set(MEASURED)


def test_the_costs_of_quotients():
    quotient = mpcfl.cost(np.divide, N, N)
    few = [row for row in rows("backward") if "quotient's" in row[1]]
    assert len(few) == 3
    for row in few:
        (name,) = re.findall(r"`(\w+)`", row[0])
        rounds, size = (int((re.findall(r"\d+", cell) or [0])[0]) for cell in row[1:3])
        measured = backward(*MEASURED[name])
        assert measured[0] == quotient.rounds + rounds
        assert measured[1] <= quotient.bytes_sent[0] / 64 + size


@pytest.mark.parametrize("row", [r for r in rows("backward") if "quotient's" not in r[1]], ids=lambda row: row[0])
def test_the_costs(row):
    names = re.findall(r"`(\w+)`", row[0])
    sizes = [float(size) for size in row[2].split(", ")]
    for name, size in zip(names, sizes if len(sizes) > 1 else sizes * len(names), strict=True):
        assert backward(*MEASURED[name]) == (int(row[1]), size), name


def test_every_function_is_on_the_page():
    cells = [row[1] for row in rows("table") if row[0] != "Slope zero"]
    given = {name.split(".")[-1] for cell in cells for name in re.findall(r"`([\w.]+)`", cell)}
    own = {grad.custom, choices.limited, places.scattered, order.ordered}
    names = {function.__name__ for function in {*table.RULES, *table.COMPOSED} - own}
    assert given == {"true_divide" if name == "divide" else name for name in names}
