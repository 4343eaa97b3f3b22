"""What learners of trees share: from given rows to the matrix of bins, and the values of all trees for a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from mpcfl.errors import InputError
from mpcfl.learn.estimator import Classifier, Estimator, NotFittedError, scikit_twin
from mpcfl.learn.model import check_choice, check_numbers, check_whole
from mpcfl.learn.schedule import Draws
from mpcfl.learn.trees.bins import Bins, Column, columns_of, number_rows
from mpcfl.learn.trees.growth import Tree, evaluate
from mpcfl.learn.trees.hot import zeros_and_ones
from mpcfl.learn.trees.splits import Splits
from mpcfl.learn.validation import Array, is_secret, row_values

DISCLOSURES = ("nothing", "own_splits")
"""What a training on secrets tells of its trees: see `TreeModel.own_splits`."""

NODES_AT_ONCE = 1 << 22
"""Nodes that a block of rows is asked for in a prediction: bounds its memory."""


class TreeModel(Estimator):
    """A sum or a mean of trees on binned columns.

    Plain rows are numbers, which the learner cuts into bins itself, unless `fit` is told that they are bins already.
    Secret rows are always bins: who owns a column cuts it (`Bins`) and gives the zeros and ones.
    """

    max_depth: int
    max_bins: int
    random_state: int
    categorical_features: Sequence[int]
    disclosure: str

    def check_parameters(self) -> None:
        """Check every parameter.

        Raises
        ------
        InputError
            Naming the parameter and what is allowed.
        """
        check_whole(self, max_depth=1, max_bins=2, random_state=0)
        check_numbers(self, "min_child_weight")
        check_choice(self, disclosure=DISCLOSURES)

    @property
    def own_splits(self) -> bool:
        """Whether whoever owns a column is told where trees split it, and of the other splits that they are not its."""
        return self.disclosure == "own_splits"

    # ------------------------------------------------------------------------------------------------------------- rows

    def _binned(self, X: Array, columns: Sequence[Any] | None, weight: Array) -> tuple[Array, Splits, Array | None]:
        """The matrix of bins that `fit` was given or makes, the splits of its columns, and the weights of its rows."""
        self.bins_: Bins | None = None
        if columns is None:
            if is_secret(X):
                raise InputError(
                    "columns must be given where rows are secret: their owners cut them into bins, whose numbers are "
                    "public.",
                    key="columns",
                )
            rows = number_rows(X)
            weight = weights(weight, rows.shape[0])
            counted = rows if weight is None or is_secret(weight) else rows[weight > 0]
            self.bins_ = Bins(self.max_bins, self.categorical_features).fit(counted)
            self.columns_: tuple[Column, ...] = self.bins_.columns_
            hot: Array = self.bins_.onehot(rows)
            self.n_features_in_ = rows.shape[1]
        else:
            self.columns_ = columns_of(columns)
            hot = zeros_and_ones(X)
            weight = weights(weight, hot.shape[0])
            total = sum(column.size for column in self.columns_)
            if hot.shape[1] != total:
                raise InputError(f"X has {hot.shape[1]} columns of bins, and columns tells of {total}.", key="columns")
            self.n_features_in_ = total
        return hot, Splits.of(self.columns_), weight

    def _rows(self, X: Array) -> Array:
        """The matrix of bins of rows to predict."""
        if not hasattr(self, "leaves_"):
            raise scikit_twin(NotFittedError)(f"This {type(self).__name__} is not fitted yet: call fit first.")
        binned = self.bins_ is None or is_secret(X)
        rows = zeros_and_ones(X) if binned else number_rows(X)
        wanted = self.left_.shape[1] if binned else self.n_features_in_
        if rows.shape[1] != wanted:
            raise InputError(
                f"X has {rows.shape[1]} features, but {type(self).__name__} is expecting {wanted} features as input."
            )
        return rows if self.bins_ is None or binned else self.bins_.onehot(rows)

    def _keep(self, trees: Sequence[Tree], gains: Array) -> None:
        """Keep trees, and what they say of each column."""
        self.left_ = np.stack([tree.left for tree in trees])
        self.leaves_ = np.stack([tree.leaves for tree in trees])
        self.feature_importances_ = gains / (gains.sum() + 2.0**-16)

    def _values(self, X: Array) -> Array:
        """Each tree's value for each row, shape (n, trees, outputs)."""
        hot = self._rows(X)
        height = max(1, NODES_AT_ONCE // (self.left_.shape[0] * self.left_.shape[2]))
        blocks = [
            evaluate(hot[start : start + height], self.left_, self.leaves_, self.own_splits)
            for start in range(0, hot.shape[0], height)
        ]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.allow_nan = True
        return tags

    # ------------------------------------------------------------------------------------------------------- as a whole

    model_parts: tuple[str, ...] = ("left", "leaves", "importances")
    whole_parts = ("left",)

    def model_arrays(self) -> dict[str, Array]:
        """The fitted model: which bins go left at each node, leaves, importances, and of boosted trees their start."""
        names = {"importances": "feature_importances_"}
        return {part: getattr(self, names.get(part, f"{part}_")) for part in self.model_parts}

    def model_shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        """Shapes of what `predict` needs of `model_arrays`, for so many bins of all columns together."""
        steps, _ = self.steps(0)
        trees, outputs = (steps * self._outputs, 1) if "base" in self.model_parts else (steps, self._outputs)
        shapes = {
            "left": (trees, features, (1 << self.max_depth) - 1),
            "leaves": (trees, 1 << self.max_depth, outputs),
            "base": (self._outputs,),
        }
        return {part: shapes[part] for part in self.model_parts if part in shapes}

    def set_model_arrays(self, arrays: Mapping[str, Array], features: int) -> Self:
        """Take trees that were grown before, plain or secret, to predict for rows of bins."""
        if self.kind != "regression":  # type: ignore[attr-defined]
            self.classes_ = np.arange(max(self._outputs, 2))
        for part in self.model_shapes(features):
            setattr(self, f"{part}_", arrays[part])
        self.bins_, self.n_features_in_ = None, features
        return self

    def steps(self, n: int) -> tuple[int, int]:
        """Steps of a training on n rows, early stopping aside, and rows a step: each grows a tree, or one a class."""
        return int(getattr(self, "n_estimators", 1)), n

    @property
    def _outputs(self) -> int:
        """Numbers that a row gets: one, or one for each of several classes."""
        return several_classes(self) or 1


class TreeClassifier(Classifier):
    """Of trees that tell classes apart: two, unless its parameter or the labels say otherwise."""

    @property
    def kind(self) -> str:  # type: ignore[override]
        """What its labels are: "binary" or "multiclass"."""
        return "multiclass" if several_classes(self) else "binary"


def several_classes(model: Any) -> int:
    """How many classes a classifier tells apart, if more than two; else 0."""
    classes: int = getattr(model, "classes", None) or len(getattr(model, "classes_", ()))
    return classes if classes > 2 else 0


def weights(given: Array, n: int) -> Array | None:
    """Weights of n rows as they are, None where there are none.

    Raises
    ------
    InputError
        Another shape; plain weights that are not finite, negative, or all zero.
    """
    weight = row_values(given, n, "sample_weight")
    if weight is not None and not is_secret(weight):
        if weight.min() < 0:
            raise InputError("sample_weight must be at least 0.")
        if not weight.any():
            raise InputError("sample_weight is zero in all rows.")
    return weight


def weighted(values: Array, weight: Array | None) -> Array:
    """Rows of values, (n,) or (n, k), times their weights."""
    if weight is None:
        return values
    return values * (weight if values.ndim == 1 else weight[:, None])


def part_of(splits: Splits, share: float, draws: Draws) -> Splits:
    """The splits of a share of the columns, which all parties draw alike; at least one column."""
    if share == 1:
        return splits
    d = len(splits.columns)
    return Splits.of(splits.columns, draws.permutation(d)[: max(1, round(share * d))])
