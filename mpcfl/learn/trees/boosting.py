"""Boosting: trees, each grown on the slopes of a loss at the sum of those before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpcfl.errors import InputError
from mpcfl.learn.marks import Marks, begun
from mpcfl.learn.model import check_numbers, check_whole, is_weight
from mpcfl.learn.schedule import public_draws
from mpcfl.learn.stopping import EarlyStopping, Watch
from mpcfl.learn.trees.ensemble import TreeModel, part_of, weighted
from mpcfl.learn.trees.growth import Tree, evaluate, grow
from mpcfl.learn.trees.hot import zeros_and_ones
from mpcfl.learn.trees.objectives import Objective
from mpcfl.learn.trees.splits import Splits
from mpcfl.learn.trees.worths import Rules
from mpcfl.learn.validation import Array
from mpcfl.together import waiting


class Boosted(TreeModel):
    """Trees, each grown on the slopes of a loss at the sum of those before it."""

    n_estimators: int
    learning_rate: float
    reg_lambda: float
    reg_alpha: float
    gamma: float
    min_child_weight: float
    subsample: float
    colsample_bytree: float
    base_score: float | None
    monotone_constraints: Sequence[int]
    model_parts = ("left", "leaves", "importances", "base")

    def check_parameters(self) -> None:
        super().check_parameters()
        check_whole(self, n_estimators=1)
        check_numbers(self, "learning_rate", "reg_lambda", "reg_alpha", "gamma")
        for name in ("subsample", "colsample_bytree"):
            if not is_weight(getattr(self, name)) or not 0 < getattr(self, name) <= 1:
                raise InputError(f"{name} must be a number above 0 and at most 1.", key=name)
        if not all(type(sign) is int and -1 <= sign <= 1 for sign in self.monotone_constraints):
            raise InputError("monotone_constraints must list -1, 0 or 1 for each column.", key="monotone_constraints")

    def _objective(self, outputs: int) -> Objective:
        """What these parameters minimise."""
        raise NotImplementedError

    def _boost(
        self,
        hot: Array,
        y: Array,
        weight: Array | None,
        splits: Splits,
        stopping: EarlyStopping | None,
        target: Callable[[Array], Array],
        marks: Marks | None,
    ) -> None:
        """Grow the trees for targets (n, outputs), and keep them; `target` makes such of other labels."""
        if stopping is not None and marks is not None:
            raise InputError("marks are for a training without early_stopping.", key="marks")
        n, outputs = y.shape
        objective = self._objective(outputs)
        start = self._start(objective, y, weight)
        rules = self._rules(outputs)
        begin: Any = (start, np.broadcast_to(start, y.shape), [], 0.0)
        done, (start, scores, found, gains) = begun(marks, begin)
        trees = [Tree(*one) for one in found]
        held = None if stopping is None else _HeldBack(self, objective, stopping, start, target)
        with waiting(hot, y):
            for step in range(done, self.n_estimators):
                draws = public_draws(self.random_state, step)
                slopes, curvature = (weighted(one, weight) for one in objective.slopes(scores, y))
                if self.subsample < 1:
                    read = np.zeros(n)
                    read[draws.permutation(n)[: max(1, math.floor(self.subsample * n))]] = 1
                    slopes, curvature = weighted(slopes, read), weighted(curvature, read)
                some = part_of(splits, self.colsample_bytree, draws)
                grown = [
                    grow(hot, slopes[:, place : place + 1], curvature[:, place], some, rules)
                    for place in range(outputs)
                ]
                for one in grown:
                    gains = gains + some.by_column(one.gains)
                trees += [one.tree for one in grown]
                scores = scores + np.concatenate([one.values for one in grown], axis=1)
                if marks is not None:
                    marks.keep(step + 1, (start, scores, [tuple(tree) for tree in trees], gains))
                if held is not None and held.over(step + 1, [one.tree for one in grown]):
                    break
        if held is not None:
            self.validation_metrics_ = held.watch.told
            trees = trees[: held.best * outputs]
        self.n_iter_ = len(trees) // outputs
        self.base_ = start
        self._keep(trees, gains)

    def _rules(self, outputs: int) -> Rules:
        """What each tree may be."""
        signs = tuple(self.monotone_constraints)
        if any(signs) and outputs > 1:
            raise InputError("monotone_constraints are for two classes or for numbers.", key="monotone_constraints")
        if signs and len(signs) != len(self.columns_):
            raise InputError(
                f"monotone_constraints has {len(signs)} entries, and there are {len(self.columns_)} columns.",
                key="monotone_constraints",
            )
        if any(sign and column.categorical for sign, column in zip(signs, self.columns_, strict=False)):
            raise InputError(
                "monotone_constraints must be 0 where a column is categorical.", key="monotone_constraints"
            )
        return Rules(
            self.max_depth,
            self.reg_lambda,
            self.reg_alpha,
            self.gamma,
            self.min_child_weight,
            self.learning_rate,
            signs if any(signs) else (),
            self.own_splits,
        )

    def _start(self, objective: Objective, y: Array, weight: Array | None) -> Array:
        if self.base_score is None:
            return objective.start(y, weight)
        return np.full(y.shape[1], objective.score(self.base_score))

    def _scores(self, X: Array) -> Array:
        """The sum of all trees for each row, shape (n, outputs)."""
        values = self._values(X)
        outputs = self.base_.shape[0]
        return values.reshape(values.shape[0], -1, outputs).sum(axis=1) + self.base_


class _HeldBack:
    """Rows held back, the scores of the trees so far on them, and when these get no better."""

    def __init__(
        self,
        model: Boosted,
        objective: Objective,
        stopping: EarlyStopping,
        start: Array,
        target: Callable[[Array], Array],
    ) -> None:
        self._hot = zeros_and_ones(stopping.X) if model.bins_ is None else model.bins_.onehot(stopping.X)
        self._y = target(stopping.y)
        self._scores = np.broadcast_to(start, self._y.shape)
        self._objective, self._metric = objective, stopping.metric
        self._own_splits = model.own_splits
        self.watch = Watch(stopping, self._measure)

    def over(self, steps: int, trees: Sequence[Tree]) -> bool:
        """Whether training ends after so many steps, the last of which grew these trees."""
        left, leaves = (np.stack(parts) for parts in zip(*trees, strict=True))
        values = evaluate(self._hot, left, leaves, self._own_splits)
        self._scores = self._scores + values[:, :, 0]
        self._steps = steps
        return self.watch.over(steps, np.array(steps))

    @property
    def best(self) -> int:
        """Steps of the best look; of all, if there was none."""
        return int(self.watch.best[0]) if self.watch.best else self._steps

    def _measure(self, steps: Array) -> Array:
        if self._metric is not None:
            return self._metric(self._y[:, 0] if self._y.shape[1] == 1 else self._y, self._scores)
        return self._objective.loss(self._scores, self._y).mean()
