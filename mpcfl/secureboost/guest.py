"""The guest: it has the labels and the key, chooses the splits and keeps the leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl import he
from mpcfl.learn.trees.bins import Bins
from mpcfl.learn.trees.growth import best_splits
from mpcfl.learn.trees.objectives import LogLoss, Objective, SquaredError
from mpcfl.learn.trees.splits import Splits
from mpcfl.learn.trees.worths import LIFT, Rules, quotients, unit_of
from mpcfl.protocols.secureboost import GUESTS, HOSTS, Choice, told_choice, told_slopes, told_sums
from mpcfl.secureboost.fitted import Fitted
from mpcfl.secureboost.task import FRACTION, Flags, Numbers, Task, children, going_left, located


class Guest:
    """The guest's part."""

    def __init__(self, task: Task, bins: Bins, hot: Flags, labels: NDArray[np.float64], secret: he.SecretKey) -> None:
        self._task, self._bins, self._hot, self._secret = task, bins, hot, secret
        self._columns = (*bins.columns_, *task.table.hosts)
        self._splits = Splits.of(self._columns)
        learner = task.learner
        self._rules = Rules(
            learner.max_depth,
            learner.reg_lambda,
            learner.reg_alpha,
            learner.gamma,
            learner.min_child_weight,
            learner.learning_rate,
        )
        self._target = labels[:, None]
        self._unit = unit_of(len(labels))
        self._curvature_bits = FRACTION if task.logistic else 0

    def fit(self) -> Fitted:
        learner = self._task.learner
        objective: Objective = LogLoss() if self._task.logistic else SquaredError()
        base = learner.base_score
        start = objective.start(self._target, None) if base is None else np.full(1, objective.score(base))
        scores = np.broadcast_to(start, self._target.shape)
        trees = []
        for step in range(learner.n_estimators):
            slopes, curvatures = (
                self._whole(one, bits)
                for one, bits in zip(
                    objective.slopes(scores, self._target), (FRACTION, self._curvature_bits), strict=True
                )
            )
            *tree, leaves, place = self._tree(step, slopes, curvatures)
            trees.append((*tree, leaves))
            scores = scores + leaves[place]
        left, owners, leaves = (np.stack(part) for part in zip(*trees, strict=True))
        return Fitted(self._bins, self._columns, left, owners, leaves, float(start[0]))

    def _whole(self, values: NDArray[np.float64], bits: int) -> Numbers:
        return np.rint(np.ldexp(values[:, 0], bits)).astype(np.int64)

    def _tree(self, step: int, slopes: Numbers, curvatures: Numbers) -> tuple[Flags, Numbers, Any, Numbers]:
        """What this party keeps of a tree: its splits, whose each is, leaves; and the leaf that each row is in."""
        task, depth, rows = self._task, self._rules.depth, len(slopes)
        cells, perform = task.cells, task.session.perform
        read, some = task.drawn(step)
        splits = self._splits if len(some) == len(self._columns) else Splits.of(self._columns, some)
        encrypted = self._secret.encrypt(cells.joined(slopes[read], curvatures[read]))
        perform(told_slopes(task.key, cells, len(read), encrypted))
        both = np.stack([slopes, curvatures], axis=1)[read]
        summed = task.table.summed(some)
        size = sum(len(bins) for bins in summed)
        mine, owners = np.zeros((self._hot.shape[1], task.inner), np.bool_), np.zeros(task.inner, np.int64)
        place, went, sides = np.zeros(rows, np.int64), np.zeros(rows, np.bool_), 0
        live = split = small = np.zeros(1, np.int64)
        hosts = np.empty(0)
        for level in range(depth + 1):
            last = level == depth or not len(split)
            if not last or sides:
                shape = (0, 0) if last else (len(split), size)
                packed, told = perform(told_sums(task.key, cells, shape, sides, None, went))
            if level:
                place = np.where(went | told if sides else went, place, place + (1 << level - 1))
            if last:
                break
            if level:
                small, other = children(place, split, read, level - 1)
                live = np.sort(np.concatenate([small, other]))
            totals = _sums(place[read], both, 1 << level)
            above, hosts = hosts, np.zeros((1 << level, sum(one.size for one in task.table.hosts), 2), np.int64)
            if size:
                plain = self._secret.decrypt(packed, dtype=object)
                hosts[small] = self._completed(np.stack(cells.parted(plain), axis=2), summed, some, totals[small])
                if level:
                    hosts[other] = above[split] - hosts[small]
            everything = np.concatenate([self._own(place, both, read, 1 << level), hosts], axis=1)
            choice = self._choice(everything[live], splits, place, live, mine[:, (1 << level) - 1 :])
            perform(told_choice(len(live), rows, choice))
            owners[(1 << level) - 1 + live] = choice.whose
            went, sides = choice.left, rows if (choice.whose == HOSTS).any() else 0
            split = live[choice.whose > 0]
        place = place + (1 << depth) - (1 << level)  # nodes that are not split send all rows right
        of_leaves = self._scaled(_sums(place[read], both, 1 << depth))
        leaves = quotients(of_leaves * self._unit, self._rules, self._unit) * (-self._rules.rate / LIFT)
        return mine, owners, leaves, place

    def _own(self, place: Numbers, both: Numbers, read: Numbers, nodes: int) -> Numbers:
        """Sums by node and bin of the guest's columns."""
        bins = self._hot.shape[1]
        total = np.zeros((nodes * bins, 2), np.int64)
        start = 0
        for column in self._bins.columns_:
            code = start + np.argmax(self._hot[read, start : start + column.size], axis=1)
            total += _sums(place[read] * bins + code, both, nodes * bins)
            start += column.size
        return total.reshape(nodes, bins, 2)

    def _completed(
        self, sums: Numbers, summed: list[NDArray[np.int64]], some: Numbers, totals: Numbers
    ) -> NDArray[np.int64]:
        """The host's sums of some nodes with the bins that it left out, (nodes, bins, 2)."""
        table = self._task.table
        full = np.zeros((len(sums), sum(one.size for one in table.hosts), 2), np.int64)
        starts = np.cumsum([0, *(one.size for one in table.hosts)])
        begin = 0
        for column, bins in zip((some[some >= table.guests] - table.guests).tolist(), summed, strict=True):
            part = sums[:, begin : begin + len(bins)]
            full[:, bins] = part
            full[:, starts[column] + table.rests[column]] = totals - part.sum(axis=1)
            begin += len(bins)
        return full

    def _choice(self, sums: Numbers, splits: Splits, place: Numbers, live: Numbers, mine: Flags) -> Choice:
        """The best splits of nodes; those of the guest are noted in `mine`."""
        chosen = best_splits(self._scaled(np.swapaxes(sums, 0, 1)), splits, self._rules, self._unit).chosen
        guests, left = self._task.table.guests, np.zeros(len(place), np.bool_)
        whose, columns, places = np.zeros((3, len(live)), np.int64)
        choice = Choice(whose, columns, places, left)
        for i in np.flatnonzero(chosen.any(axis=0)):
            column, number = located(splits, int(np.argmax(chosen[:, i])))
            choice.whose[i] = GUESTS if column < guests else HOSTS
            if column < guests:
                bins = going_left(splits, column, number)[: len(mine)]
                mine[:, live[i]] = bins
                inside = place == live[i]
                left[inside] = self._hot[np.ix_(inside, bins)].any(axis=1)
            else:
                choice.columns[i], choice.places[i] = column - guests, number
        return choice

    def _scaled(self, sums: Numbers) -> NDArray[np.float64]:
        """Sums of slopes and curvatures as numbers."""
        return np.ldexp(sums.astype(np.float64), [-FRACTION, -self._curvature_bits])


def _sums(places: Numbers, both: Numbers, size: int) -> Numbers:
    """Sums of slopes and of curvatures by place, (size, 2): exact, since all are below 2^53."""
    return np.stack([np.bincount(places, both[:, i], size) for i in (0, 1)], axis=1).astype(np.int64)
