"""The host: it sums ciphertexts over its bins, and parts rows by its splits."""

from __future__ import annotations

import numpy as np

from mpcfl import he
from mpcfl.he.histograms import Histograms
from mpcfl.learn.trees.bins import Bins
from mpcfl.learn.trees.splits import Splits
from mpcfl.protocols.secureboost import HOSTS, Choice, told_choice, told_slopes, told_sums
from mpcfl.secureboost.fitted import Fitted
from mpcfl.secureboost.task import Flags, Numbers, Task, children, going_left


class Host:
    """The host's part."""

    def __init__(self, task: Task, bins: Bins, hot: Flags) -> None:
        self._task, self._bins, self._hot = task, bins, hot

    def fit(self) -> Fitted:
        task = self._task
        trees = [self._tree(step) for step in range(task.learner.n_estimators)]
        left, owners = (np.stack(part) for part in zip(*trees, strict=True))
        return Fitted(self._bins, task.table.hosts, left, owners, None, None)

    def _tree(self, step: int) -> tuple[Flags, Numbers]:
        task, hot = self._task, self._hot
        rows = len(hot)
        read, some = task.drawn(step)
        perform = task.session.perform
        slopes: he.PaillierArray = perform(told_slopes(task.key, task.cells, len(read), None))
        summed = task.table.summed(some)
        codes = np.zeros((len(read), len(summed)), np.int64)
        for i, bins in enumerate(summed):
            codes[:, i] = hot[np.ix_(read, bins)] @ np.arange(1, len(bins) + 1)
        sizes = [len(bins) for bins in summed]
        histograms = Histograms(slopes, codes, sizes)
        splits = Splits.of(task.table.hosts)
        chosen, owners = np.zeros((hot.shape[1], task.inner), np.bool_), np.zeros(task.inner, np.int64)
        place = np.zeros(rows, np.int64)
        live = small = np.zeros(1, np.int64)
        went: Flags = np.zeros(rows, np.bool_)
        sides = 0
        for level in range(task.learner.max_depth):
            sums = None
            if sum(sizes):
                number = np.full(2 << level, -1)
                number[small] = np.arange(len(small))
                sums = histograms.sums(number[place[read]], len(small))
            perform(told_sums(task.key, task.cells, (len(small), sum(sizes)), sides, sums, went))
            choice: Choice = perform(told_choice(len(live), rows, None))
            here = (1 << level) - 1 + live
            owners[here] = choice.whose
            went = np.zeros(rows, np.bool_)
            for i in np.flatnonzero(choice.whose == HOSTS).tolist():
                going = going_left(splits, int(choice.columns[i]), int(choice.places[i]))
                chosen[:, here[i]] = going
                inside = place == live[i]
                went[inside] = hot[np.ix_(inside, going)].any(axis=1)
            sides = rows if (choice.whose == HOSTS).any() else 0
            place = np.where(went | choice.left, place, place + (1 << level))
            split = live[choice.whose > 0]
            if not len(split):
                break
            small, other = children(place, split, read, level)
            live = np.sort(np.concatenate([small, other]))
        if sides:
            perform(told_sums(task.key, task.cells, (0, 0), sides, None, went))
        return chosen, owners
