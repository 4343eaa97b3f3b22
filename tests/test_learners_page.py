"""The costs that docs/learners.md states are those that a forecast gives; run as a program, this writes them anew."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpcfl
from mpcfl.learn import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LinearRegression,
    LinearSVM,
    LogisticRegression,
    MultinomialLogisticRegression,
    OneVsRestLogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)

PAGE = Path(__file__).parent.parent / "docs" / "learners.md"
ROWS, COLUMNS, BATCH = 2048, 20, 256
SGD = {"batch_size": BATCH, "epochs": 1}
MINIBATCH, ALL_ROWS, GRAM = f"{BATCH} rows", "all rows", "d numbers"
LEARNERS: list[tuple[str, Any, str]] = [
    ("`LogisticRegression`, sgd", LogisticRegression(**SGD), MINIBATCH),
    ("`LogisticRegression`, adam", LogisticRegression(solver="adam", **SGD), MINIBATCH),
    ("`LogisticRegression`, newton", LogisticRegression(solver="newton"), ALL_ROWS),
    ("`LinearSVM`, squared hinge, newton", LinearSVM(), ALL_ROWS),
    ("`LinearSVM`, hinge, sgd", LinearSVM("hinge", solver="sgd", **SGD), MINIBATCH),
    ("`MultinomialLogisticRegression`, sgd", MultinomialLogisticRegression(3, solver="sgd", **SGD), MINIBATCH),
    ("`MultinomialLogisticRegression`, newton", MultinomialLogisticRegression(3), ALL_ROWS),
    ("`OneVsRestLogisticRegression`, newton", OneVsRestLogisticRegression(3), ALL_ROWS),
    ("`LinearRegression`, `Ridge`", Ridge(), ALL_ROWS),
    ("`Lasso`, `ElasticNet`", ElasticNet(), GRAM),
    ("`PoissonRegressor`, newton", PoissonRegressor(), ALL_ROWS),
    ("`GammaRegressor`, newton", GammaRegressor(), ALL_ROWS),
    ("`TweedieRegressor`, newton", TweedieRegressor(), ALL_ROWS),
]


def cost(learner: Any, steps: int) -> tuple[int, int, int]:
    """Rounds, bytes of a party and bytes of the dealer for a training of so many steps, or epochs of SGD."""
    name = "epochs" if getattr(learner, "solver", "newton") != "newton" else "iterations"
    kind = np.float64 if learner.kind in ("regression", "log_link") else np.int64
    half = COLUMNS // 2

    def program(session: Any) -> None:
        X = np.concatenate([session.private(None, owner, (ROWS, half)) for owner in (0, 1)], axis=1)
        y = session.share(None, 0, (ROWS,), kind)
        type(learner)(**learner.get_params() | {name: steps}).fit(X, y)
        session.barrier()

    found = mpcfl.forecast(program)
    return found.rounds, max(found.bytes_sent), found.offline_bytes


def row(name: str, learner: Any, reads: str) -> str:
    """A step of those that are all alike, and a training of as many as the learner does by default."""
    by_epoch = reads == MINIBATCH
    two, three = cost(learner, 2), cost(learner, 3)
    more = [after - before for after, before in zip(three, two, strict=True)]
    repeats = inspect.signature(type(learner)).parameters["epochs" if by_epoch else "iterations"].default
    whole = [before + (repeats - 2) * each for before, each in zip(two, more, strict=True)]
    step = [each / (ROWS // BATCH if by_epoch else 1) for each in more]
    figures = [f"{value:,.0f}" for value in (*step, *whole)]
    return f"| {name} | {reads} | {' | '.join(figures)} |"


def written() -> str:
    """The page, with the table made anew."""
    head = "| Learner | A step reads | Rounds | Bytes | Offline bytes | Training: rounds | Bytes | Offline bytes |"
    lines = [head, "|---|---|---|---|---|---|---|---|", *(row(*entry) for entry in LEARNERS)]
    table = "<!-- costs -->\n" + "\n".join(lines) + "\n"
    return re.sub(r"<!-- costs -->\n(\|.*\n)+", lambda _: table, PAGE.read_text("utf-8"))


@pytest.mark.parametrize("entry", LEARNERS, ids=[name for name, _, _ in LEARNERS])
def test_the_page_states_the_cost(entry: tuple[str, Any, str]) -> None:
    assert row(*entry) in PAGE.read_text("utf-8").splitlines()


def test_ridge_costs_what_least_squares_do() -> None:
    assert [cost(Ridge(l2=0.0), 3), cost(Lasso(), 3)] == [cost(LinearRegression(), 3), cost(ElasticNet(l2=0.0), 3)]


if __name__ == "__main__":
    PAGE.write_text(written(), "utf-8")
