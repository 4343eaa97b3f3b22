"""Boosted trees on the columns of two parties, of which rank 0 has the labels: a level of a tree, and a whole tree.

level   the sums of slopes and curvatures of eight nodes over the bins of all columns, and the best split of each; rank
        0 learns the sums of the left sides. Paillier shows rank 1 which rows are in each node, and rank 0 all sums over
        its bins; on shares nodes, sums and splits stay secret, and rank 0 is told the same result.
tree    the first tree of a classifier, three levels of splits; rank 0 learns the leaves. What Paillier shows of the
        tree itself is in the leaks; on shares nobody learns it.

On shares the bins are opened under their mask in both, once for a training of many trees.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from bench.versus import keyring
from bench.versus.linear import keys
from bench.versus.methods import PAILLIER, SHARES
from bench.versus.tasks import Array, Bits, Cell, Done, Meter, Size, Task, seed, training_data
from mpcfl import secureboost
from mpcfl.he.histograms import Histograms
from mpcfl.learn.trees import GradientBoostingClassifier
from mpcfl.learn.trees.bins import Bins, Column
from mpcfl.learn.trees.growth import best_splits
from mpcfl.learn.trees.splits import Splits
from mpcfl.learn.trees.worths import Rules, unit_of
from mpcfl.protocols.secureboost import GUESTS, HOSTS, Cells, Choice, told_choice, told_slopes, told_sums
from mpcfl.secureboost.task import FRACTION
from mpcfl.session import Session

BINS, NODES = 32, 8
RULES = Rules(depth=3)
LEARNER = GradientBoostingClassifier(n_estimators=1, max_depth=3, max_bins=BINS)
LEAKS = (
    "to rank 0 sums of slopes and curvatures over every bin of rank 1, node by node, and which rows its splits send "
    "left; to rank 1 which rows are in each node, and which of its splits are best",
)


@cache
def rows_in_bins(size: Size) -> tuple[Array, Array, Array, Array]:
    """The bin of every row in each column, the node that it is in, and its slope and curvature as whole numbers."""
    rows, columns = size
    rng = np.random.default_rng(seed(size))
    places, nodes = rng.integers(0, BINS, (rows, columns)), rng.integers(0, NODES, rows)
    odds = np.where(places[:, 0] > 12, 1.0, -1.0) * (places[:, 1] - 15) / 8 + (places[:, -1] > 20)
    chance = 1 / (1 + np.exp(-rng.normal(size=rows) / 4))
    slopes = chance - (rng.random(rows) < 1 / (1 + np.exp(-odds)))
    g, h = (np.rint(np.ldexp(one, FRACTION)).astype(np.int64) for one in (slopes, chance * (1 - chance)))
    return places, nodes, g, h


def onehot(places: Array, count: int = BINS) -> Array:
    """Zeros, and a one in each place."""
    hot: Array = places[..., None] == np.arange(count)
    return hot.reshape(len(places), -1)


def best(size: Size, sums: Any) -> Any:
    """Which splits are best, and the sums of their left sides, from sums by bin and node."""
    found = best_splits(sums, Splits.of([Column(BINS)] * size[1]), RULES, unit_of(size[0]))
    return found.chosen, found.first


def level_by_paillier(session: Session, size: Size, bits: Bits) -> Done:
    """The guest encrypts, the host adds up, the guest decides and tells the host."""
    places, nodes, slopes, curvatures = rows_in_bins(size)
    rows, columns = size
    half = columns // 2
    secret, key, offline = keys(session, bits)
    meter = Meter(session, offline)
    cells, theirs = Cells(1 << FRACTION, 1 << FRACTION - 2, rows), places[:, half:]
    encrypted = None if secret is None else secret.encrypt(cells.joined(slopes, curvatures))
    received = session.perform(told_slopes(key, cells, rows, encrypted), *size)
    shape, sums = (NODES, (columns - half) * (BINS - 1)), None
    if secret is None:
        sums = Histograms(received, theirs, [BINS - 1] * (columns - half)).sums(nodes, NODES)
    packed, _ = session.perform(told_sums(key, cells, shape, 0, sums, np.zeros(0, np.bool_)))
    choice, first = None, None
    if secret is not None:
        both, inside = np.stack([slopes, curvatures], axis=1), onehot(nodes, NODES)
        parts = (inside[:, :, None] * both[:, None]).reshape(rows, -1)
        own = (onehot(places[:, :half]).T @ parts.astype(np.float64)).reshape(half, BINS, NODES, 2)
        told = np.stack(cells.parted(secret.decrypt(packed, dtype=object)), axis=2)
        hosts = np.moveaxis(told.reshape(NODES, columns - half, BINS - 1, 2), 0, 2)
        rest = parts.sum(axis=0).reshape(NODES, 2) - hosts.sum(axis=1)
        everything = np.concatenate([own, np.concatenate([rest[:, None], hosts], axis=1)])
        chosen, first = best(size, np.ldexp(everything.reshape(-1, NODES, 2), -FRACTION))
        numbers = np.argmax(chosen, axis=0)
        whose = np.where(numbers // (BINS - 1) < half, GUESTS, HOSTS)
        columns_of = np.maximum(numbers // (BINS - 1) - half, 0)
        choice = Choice(whose, columns_of, numbers % (BINS - 1), np.zeros(rows, np.bool_))
    session.perform(told_choice(NODES, rows, choice))
    return meter.done(first, LEAKS)


def level_on_shares(size: Size) -> Callable[[Session], Any]:
    """The same with rows, sums and splits secret."""
    places, nodes, slopes, curvatures = rows_in_bins(size)
    rows, columns = size
    half = columns // 2
    numbers = np.ldexp(np.stack([slopes, curvatures], axis=1).astype(np.float64), -FRACTION)

    def program(session: Session) -> Any:
        hot = _columns(session, onehot(places[:, :half]), onehot(places[:, half:]))
        first = session.rank == 0
        both = session.share(numbers if first else None, 0, numbers.shape)
        inside = session.share(onehot(nodes, NODES) if first else None, 0, (rows, NODES), np.bool_)
        parts = (inside[:, :, None] * both[:, None]).reshape(rows, -1)
        return best(size, (hot.T @ parts).reshape(columns * BINS, NODES, 2))[1].reveal(session.parties[0])

    return program


def level(size: Size) -> list[Array]:
    """Sums of the left sides of the best splits, (nodes, 2)."""
    places, nodes, slopes, curvatures = rows_in_bins(size)
    both = np.ldexp(np.stack([slopes, curvatures], axis=1).astype(np.float64), -FRACTION)
    parts = (onehot(nodes, NODES)[:, :, None] * both[:, None]).reshape(len(both), -1)
    first: Array = best(size, (onehot(places).T @ parts).reshape(-1, NODES, 2))[1]
    return [first]


def tree_by_paillier(session: Session, size: Size, bits: Bits) -> Done:
    """`mpcfl.secureboost`."""
    x, y = training_data(*size)
    half = size[1] // 2
    secret = keyring.own(0, bits) if session.rank == 0 else None
    began = time.perf_counter()
    if secret is not None:
        secret.encrypt(0.0)  # its tables; those of the host are made on the way
    meter = Meter(session, time.perf_counter() - began)
    own = x[:, half:] if session.rank else x[:, :half]
    labels = None if session.rank else y
    fitted = secureboost.fit(session, LEARNER, own, labels, rows=size[0], bits=bits, secret=secret)
    return meter.done(None if fitted.leaves is None else fitted.leaves[0, :, 0], LEAKS)


def tree_on_shares(size: Size) -> Callable[[Session], Any]:
    """`mpcfl.learn.GradientBoostingClassifier`."""
    x, y = training_data(*size)
    half = size[1] // 2
    bins = Bins(BINS).fit(x)
    hot = bins.onehot(x)
    start = sum(column.size for column in bins.columns_[:half])

    def program(session: Session) -> Any:
        labels = session.share(y if session.rank == 0 else None, 0, y.shape, np.int64)
        model: Any = GradientBoostingClassifier(**LEARNER.get_params())
        model.fit(_columns(session, hot[:, :start], hot[:, start:]), labels, columns=bins.columns_)
        return model.leaves_[0, :, 0].reveal(session.parties[0])

    return program


def _columns(session: Session, *blocks: Array) -> Any:
    """Bins of all columns, a block of each party."""
    return np.concatenate(
        [session.private(b if session.rank == i else None, i, b.shape, np.bool_) for i, b in enumerate(blocks)], axis=1
    )


def tree(size: Size) -> list[Array]:
    """The leaves."""
    model = GradientBoostingClassifier(**LEARNER.get_params()).fit(*training_data(*size))
    return [model.leaves_[0, :, 0]]


AXES, QUICK, SIZES = ("rows", "columns"), ((300, 4),), ((300, 4), (1_000, 10), (10_000, 20))
LEVEL = Task("gbdt level", AXES, QUICK, SIZES, level)
TREE = Task("gbdt tree", AXES, QUICK, SIZES, tree)

CELLS = (
    Cell(LEVEL, PAILLIER, level_by_paillier),
    Cell(LEVEL, SHARES, level_on_shares),
    Cell(TREE, PAILLIER, tree_by_paillier),
    Cell(TREE, SHARES, tree_on_shares),
)
