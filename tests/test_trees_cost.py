"""What docs/trees.md says that a tree costs is what a forecast gives."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import mpcfl
from mpcfl.learn.trees import GradientBoostingClassifier, GradientBoostingRegressor
from mpcfl.learn.trees.choice import levels

BINS = 32


@functools.cache
def cost(
    rows: int, columns: int, depth: int, trees: int, kind: Any = GradientBoostingClassifier, disclosure: str = "nothing"
) -> Any:
    """Rounds, bytes of a party, bytes of the dealer."""
    width = columns // 2 * BINS

    def program(session: Any) -> None:
        blocks = [session.private(None, owner, (rows, width), np.bool_) for owner in (0, 1)]
        labels = session.share(None, 0, (rows,), np.int64 if kind is GradientBoostingClassifier else np.float64)
        model = kind(n_estimators=trees, max_depth=depth, disclosure=disclosure)
        model.fit(np.concatenate(blocks, axis=1), labels, columns=[BINS] * columns)
        session.barrier()

    found = mpcfl.forecast(program)
    return np.array([found.rounds, max(found.bytes_sent), found.offline_bytes])


def later(rows: int, columns: int, depth: int, *more: Any) -> Any:
    """A tree after the first; the least of two, since the importances at the end find more or less to run beside."""
    costs = [cost(rows, columns, depth, trees, *more) for trees in (1, 2, 3)]
    return np.minimum(costs[1] - costs[0], costs[2] - costs[1])


KINDS = {disclosure: (GradientBoostingClassifier, disclosure) for disclosure in ("nothing", "own_splits")}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_bytes_grow_with_rows_as_stated(depth: int, kind: Any) -> None:
    few, many = later(1024, 10, depth, *kind), later(2048, 10, depth, *kind)
    assert few[0] == many[0]  # rounds do not
    words = 2**depth + 2 ** (depth - 1) - 1  # slopes, curvatures of left children and of the root; the way to the leaf
    bits = 2**depth - 1
    assert (many[1] - few[1]) / 1024 == pytest.approx(8 * words + bits / 8 + 41, abs=0.5)
    assert (many[2] - few[2]) / 1024 == pytest.approx(24 * 2**depth + 482, abs=10)


def test_bytes_by_rows_do_not_depend_on_columns() -> None:
    narrow, wide = (later(2048, d, 4) - later(1024, d, 4) for d in (10, 20))
    assert narrow.tolist() == wide.tolist()


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("depth", [2, 4])
def test_bytes_grow_with_splits_as_stated(depth: int, kind: Any) -> None:
    """Twice the columns: linear up to the filling of groups."""
    narrow, wide = later(1024, 10, depth, *kind), later(1024, 20, depth, *kind)
    splits = 10 * (BINS - 1)
    nodes = 2**depth - 1
    assert (wide[1] - narrow[1]) / (splits * nodes) == pytest.approx(STATED_ONLINE, rel=0.1)
    assert (wide[2] - narrow[2]) / (splits * nodes) == pytest.approx(STATED_OFFLINE, rel=0.1)


STATED_ONLINE, STATED_OFFLINE = 530, 3380


@pytest.mark.parametrize(("depth", "more"), [(2, 21), (3, 21), (4, 20), (5, 19)])
def test_rounds_as_stated(depth: int, more: int) -> None:
    counts = [levels(20 * (BINS - 1) + 1, 1 << level) for level in range(depth)]
    rounds = 19 * depth + sum(6 * count + max(0, count - 2) for count in counts)
    assert later(1024, 20, depth)[0] == rounds + 18
    assert later(1024, 20, depth, *KINDS["own_splits"])[0] == rounds + more


def test_the_bins_are_opened_once() -> None:
    first, second = cost(1024, 10, 3, 1), later(1024, 10, 3)
    assert first[1] - second[1] == pytest.approx(1024 * 5 * BINS * 8, rel=0.02)


def test_squared_errors_cost_no_sigmoid() -> None:
    assert (later(1024, 10, 3, GradientBoostingRegressor) < later(1024, 10, 3)).all()
