"""Trees on secret bins: the trees of the plain run, and messages that tell nothing of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mpcfl
from mpcfl.errors import UsageError
from mpcfl.learn import EarlyStopping
from mpcfl.learn.trees import (
    Bins,
    Column,
    DecisionTreeClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestRegressor,
    growth,
)
from mpcfl.learn.trees.growth import grow
from mpcfl.learn.trees.splits import Splits
from mpcfl.learn.trees.worths import LIFT, Rules, worth
from mpcfl.protocols import disclosed

RNG = np.random.default_rng(0)
ROWS = 300
BANK, BUREAU = RNG.normal(size=(ROWS, 3)), np.c_[RNG.normal(size=ROWS), RNG.integers(0, 4, ROWS)]
BANK[::7, 1] = np.nan
SCORE = np.nan_to_num(BANK[:, 0]) * BUREAU[:, 0] + (BUREAU[:, 1] == 2) + 0.3 * RNG.normal(size=ROWS)
OWN = [Bins(8).fit(BANK), Bins(8, categorical=[1]).fit(BUREAU)]
HOT = [bins.onehot(x) for bins, x in zip(OWN, (BANK, BUREAU), strict=True)]
COLUMNS = OWN[0].columns_ + OWN[1].columns_
WEIGHT = RNG.uniform(0.5, 1.5, ROWS)
BASE = {"n_estimators": 2, "max_depth": 3, "learning_rate": 0.3}


def shared(session: Any, *hot: Any) -> Any:
    """Each party's bins as its private operand, side by side."""
    blocks = [
        session.private(one if session.rank == owner else None, owner, one.shape, np.bool_)
        for owner, one in enumerate(hot)
    ]
    return np.concatenate(blocks, axis=1)


def told(session: Any, model: Any, rows: Any) -> Any:
    parts = [model.left_, model.leaves_, model.feature_importances_, model.predict(rows)]
    return [part.reveal() for part in parts]


@pytest.mark.parametrize(
    ("model", "target"),
    [
        (GradientBoostingClassifier(**BASE), SCORE > 0.3),
        (GradientBoostingClassifier(**BASE, reg_alpha=2.0, gamma=1.0, scale_pos_weight=2.0), SCORE > 0.3),
        (GradientBoostingClassifier(**BASE, subsample=0.7, colsample_bytree=0.5, base_score=0.4), SCORE > 0.3),
        (GradientBoostingClassifier(**BASE, classes=3), np.digitize(SCORE, [-0.3, 0.6])),
        (GradientBoostingClassifier(**BASE, gamma=1.0, disclosure="own_splits"), SCORE > 0.3),
        (GradientBoostingClassifier(**BASE, monotone_constraints=[1, 0, -1, 1, 0]), SCORE > 0.3),
        (GradientBoostingRegressor(**BASE, monotone_constraints=[1, 0, -1, -1, 0], disclosure="own_splits"), SCORE),
        (GradientBoostingRegressor(**BASE), SCORE),
        (GradientBoostingRegressor("poisson", **BASE, min_child_weight=0.0), np.floor(np.exp(SCORE))),
        (GradientBoostingRegressor("quantile", 0.8, **BASE), SCORE),
        (DecisionTreeClassifier(max_depth=3, classes=3), np.digitize(SCORE, [-0.3, 0.6])),
        (RandomForestRegressor(n_estimators=3, max_depth=2), SCORE),
        (DecisionTreeClassifier(max_depth=3, classes=3, disclosure="own_splits"), np.digitize(SCORE, [-0.3, 0.6])),
    ],
    ids=lambda one: repr(one) if hasattr(one, "fit") else "",
)
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_the_trees_of_the_plain_run(model: Any, target: Any, weight: Any) -> None:
    y = target * 1 if target.dtype == bool else target

    def program(session: Any) -> Any:
        x, labels = shared(session, *HOT), session.share(y, 1, y.shape, y.dtype)
        share = None if weight is None else session.share(weight, 1, weight.shape)
        own = type(model)(**model.get_params())  # the parties of this world are threads
        return told(session, own.fit(x, labels, share, columns=COLUMNS), x[:40])

    secret = mpcfl.simulate(program, seed=1).results[0]
    plain_hot = np.concatenate(HOT, axis=1)
    plain = model.fit(plain_hot, y, weight, columns=COLUMNS)
    assert (secret[0] == plain.left_).all()
    expected = (plain.leaves_, plain.feature_importances_, plain.predict(plain_hot[:40]))
    for found, wanted in zip(secret[1:], expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-3)


def test_three_parties() -> None:
    hot = [HOT[0], HOT[1][:, :8], HOT[1][:, 8:]]
    y = (SCORE > 0.3) * 1

    def program(session: Any) -> Any:
        x, labels = shared(session, *hot), session.share(y, 1, y.shape, y.dtype)
        return told(session, GradientBoostingClassifier(**BASE).fit(x, labels, columns=COLUMNS), x[:40])

    plain = GradientBoostingClassifier(**BASE).fit(np.concatenate(HOT, axis=1), y, columns=COLUMNS)
    assert (mpcfl.simulate(program, 3, seed=1).results[2][0] == plain.left_).all()


@pytest.mark.parametrize("parties", [2, 3])
def test_owners_are_told_the_splits_of_their_own_columns_and_nothing_else(
    parties: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hot = [HOT[0], HOT[1]] if parties == 2 else [HOT[0], HOT[1][:, :8], HOT[1][:, 8:]]
    y = (SCORE > 0.3) * 1
    told: dict[int, list[Any]] = {width: [] for width in (block.shape[1] for block in hot)}
    known = disclosed.known
    monkeypatch.setattr(disclosed, "known", lambda part, w, c: told[len(w)].append(w) or known(part, w, c))

    def program(session: Any) -> Any:
        x, labels = shared(session, *hot), session.share(y, 1, y.shape, y.dtype)
        model = GradientBoostingRegressor(**BASE, disclosure="own_splits").fit(x, labels, columns=COLUMNS)
        session.barrier()
        return None if session.rank else model

    run = mpcfl.simulate(program, parties, seed=1)
    plain = GradientBoostingRegressor(**BASE, disclosure="own_splits").fit(
        np.concatenate(HOT, axis=1), y, columns=COLUMNS
    )
    ends = np.cumsum([0, *told])
    for rank, (first, ledger) in enumerate(zip(ends, run.ledgers, strict=False)):
        outputs = [entry for entry in ledger.entries if entry.exposure == "output"]
        assert {entry.purpose for entry in outputs} == {growth.PURPOSE}
        shapes = [entry.shape for entry in outputs if entry.direction == "in"]
        assert sorted(set(shapes)) == [(list(told)[rank], nodes) for nodes in (1, 2, 4)]
        assert len(shapes) == 2 * 3 * (parties - 1)
        mine = np.concatenate([table for table in told[list(told)[rank]] if table.shape[1] <= 4], axis=1)
        rows = plain.left_[:, first : first + len(mine)]
        assert (mine.view(np.int64) == np.concatenate(list(rows), axis=1)).all()


def test_rows_of_several_parties() -> None:
    """Rows split: each party gives its own rows of all columns, and shares them."""
    hot, y = np.concatenate(HOT, axis=1), (SCORE > 0.3) * 1

    def program(session: Any) -> Any:
        parts = [slice(0, 200), slice(200, ROWS)]
        x = np.concatenate([session.private(hot[p], i, hot[p].shape, np.bool_) for i, p in enumerate(parts)])
        labels = np.concatenate([session.share(y[p], i, y[p].shape, np.int64) for i, p in enumerate(parts)])
        return GradientBoostingClassifier(**BASE).fit(x, labels, columns=COLUMNS).left_.reveal()

    plain = GradientBoostingClassifier(**BASE).fit(hot, y, columns=COLUMNS)
    assert (mpcfl.simulate(program, seed=1).results[0] == plain.left_).all()


def test_rows_of_several_parties_have_no_owners_of_columns() -> None:
    hot, y = np.concatenate(HOT, axis=1), (SCORE > 0.3) * 1

    def program(session: Any) -> Any:
        x = np.concatenate([session.private(hot[p], i) for i, p in enumerate([slice(0, 200), slice(200, ROWS)])])
        GradientBoostingClassifier(**BASE, disclosure="own_splits").fit(x, session.share(y, 0), columns=COLUMNS)

    with pytest.raises(UsageError, match="columns that each belong to one party"):
        mpcfl.simulate(program)


def test_a_model_of_plain_rows_serves_secret_ones_and_the_other_way() -> None:
    y = (SCORE > 0.3) * 1
    plain = GradientBoostingClassifier(**BASE, max_bins=8).fit(BANK, y)

    def program(session: Any) -> Any:
        x = session.private(HOT[0][:20], 0, HOT[0][:20].shape, np.bool_)
        return plain.decision_function(x).reveal()

    assert mpcfl.simulate(program).results[0] == pytest.approx(plain.decision_function(BANK[:20]), abs=1e-4)


def test_early_stopping_tells_what_it_discloses() -> None:
    y = (SCORE > 0.3) * 1

    def program(session: Any) -> Any:
        x, labels = shared(session, *HOT), session.share(y, 1, y.shape, y.dtype)
        stopping = EarlyStopping(x[:80], labels[:80], lambda loss: loss.reveal(purpose="loss"), patience=1)
        model = GradientBoostingClassifier(6, 1.0, 3)
        model.fit(x[80:], labels[80:], columns=COLUMNS, early_stopping=stopping)
        return model.validation_metrics_, model.n_iter_

    hot = np.concatenate(HOT, axis=1)
    plain = GradientBoostingClassifier(6, 1.0, 3)
    plain.fit(hot[80:], y[80:], columns=COLUMNS, early_stopping=EarlyStopping(hot[:80], y[:80], patience=1))
    metrics, steps = mpcfl.simulate(program, seed=1).results[0]
    assert metrics == pytest.approx(plain.validation_metrics_, abs=2e-3)
    assert steps == plain.n_iter_


@pytest.mark.parametrize("disclosure", ["nothing", "own_splits"])
@pytest.mark.parametrize("parties", [2, 3])
def test_messages_tell_nothing(parties: int, disclosure: str) -> None:
    """Direction, name, shape and round of every message are those of any other data of the same shapes."""
    n, columns = 60, [4, 3, Column(2, True), Column(3, False, True)]
    sizes = [4, 3, 3, 3]

    def schedule(hot: Any, y: Any) -> Any:
        blocks = np.array_split(hot, parties, axis=1)

        def program(session: Any) -> None:
            x, labels = shared(session, *blocks), session.share(y, 0, y.shape, np.int64)
            model = GradientBoostingClassifier(2, max_depth=3, disclosure=disclosure)
            model.fit(x, labels, columns=columns).predict(x).reveal()

        run = mpcfl.simulate(program, parties, seed=3)
        return [
            (entry.round, entry.message, entry.direction, entry.peer, entry.shape, entry.payload_bytes)
            for ledger in run.ledgers
            for entry in ledger.entries
        ]

    random = np.concatenate([np.eye(size, dtype=bool)[RNG.integers(0, size, n)] for size in sizes], axis=1)
    alike = np.concatenate([np.eye(size, dtype=bool)[np.zeros(n, int)] for size in sizes], axis=1)
    first = schedule(random, RNG.integers(0, 2, n))
    assert first == schedule(alike, np.zeros(n, int)) == schedule(random, np.ones(n, int))


@pytest.mark.parametrize("unit", [1.0, 2.0**-6])
def test_worths_are_within_the_error_that_the_page_states(unit: float) -> None:
    rng = np.random.default_rng(8)
    h = 2.0 ** rng.uniform(0, 13, 2000) / unit
    g = rng.uniform(-4, 4, 2000) * h * rng.choice([1, 0.1, 0.01], 2000)
    g, h = (np.rint(x * 2**18) / 2**18 for x in (g, h))
    rules = Rules(1)

    def program(session: Any) -> Any:
        sums = np.stack([session.share(g, 0), session.share(h, 1)], axis=1)
        return worth(sums * unit, rules, unit)[0].reveal() / (LIFT * unit)

    exact = g * g / (h + 1)
    w = np.abs(g) / (h + 1)
    scaled = 0 if unit == 1 else (w + w * w) * 2.0**-17
    bound = np.abs(g) * 2.0**-23 + exact * 2.0**-20 + (scaled + 2.0**-23) / unit
    assert (np.abs(mpcfl.simulate(program, seed=2).results[0] - exact) <= bound).all()


def test_headroom_at_a_million_rows() -> None:
    """Sums that a million rows would have, all at their limits: the same split as in plain, no overflow."""
    rows = 1 << 20
    columns = [Column(4), Column(4)]
    hot = np.eye(4)[np.arange(16) % 4], np.eye(4)[np.arange(16) // 4]
    hot = np.concatenate(hot, axis=1)
    rng = np.random.default_rng(5)
    g = np.where(hot[:, 1] + hot[:, 6] > 0, 1.0, -1.0) * rng.uniform(0.9, 1.0, 16) * rows / 16
    h = rng.uniform(0.2, 0.25, 16) * rows / 16

    def program(session: Any) -> Any:
        x, slopes = session.private(hot > 0, 0), session.share(g, 0)
        grown = grow(x, slopes[:, None], session.share(h, 1), Splits.of(columns), Rules(2, 1.0, 0.0, 0.0, 1.0))
        return grown.tree.left.reveal(), grown.values.reveal(), grown.gains.reveal()

    def scaled(n: int) -> float:
        return 2.0**-6

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growth, "unit_of", scaled)
        left, values, gains = mpcfl.simulate(program, shadow=True).results[0]
        plain = grow(hot, g[:, None], h, Splits.of(columns), Rules(2, 1.0, 0.0, 0.0, 1.0))
    assert (left == plain.tree.left).all()
    np.testing.assert_allclose(values, plain.values, rtol=1e-4)
    np.testing.assert_allclose(gains, plain.gains, rtol=1e-4, atol=20)
