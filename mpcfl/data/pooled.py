"""Columns of which every party has rows of its own: brought to numbers as the job declares, by no party's data.

Means and deviations of such columns belong to all rows together: they are found on shares, later. Here a cell becomes a
number by what is public alone: its column's range, the categories that the job lists, the value that stands for a
missing cell.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.data.prepare import check_column, numbers, refuse_empty
from mpcfl.data.table import Table


@dataclass(frozen=True)
class PooledColumn:
    """A column of all parties.

    Attributes
    ----------
    name : str
    categories : tuple of str or None
        Of text; None for numbers. Each is one 0/1 feature, in this order; other text is an all-zero row.
    fill : float, "mean" or None
        What a missing number becomes: a public one, or the mean of the others, found in secret; None refuses it, in
        text too.
    scaled : bool
        Whether numbers are brought to mean 0 and deviation 1.
    low, high : float
        Numbers from low to high become -1 to 1 first; others are refused. Without bounds they stay as they are.
    """

    name: str
    categories: tuple[str, ...] | None
    fill: float | str | None
    scaled: bool
    low: float = -math.inf
    high: float = math.inf

    @property
    def features(self) -> list[str]:
        """The column's name, or ``column=category`` of each category."""
        return [self.name] if self.categories is None else [f"{self.name}={one}" for one in self.categories]

    @property
    def _unit(self) -> tuple[float, float]:
        """Middle and half width of the range; 0 and 1 without one."""
        bounded = math.isfinite(self.high - self.low)
        return ((self.low + self.high) / 2, (self.high - self.low) / 2) if bounded else (0.0, 1.0)

    def transform(self, table: Table) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Features of all rows, (n, features), 0 where a mean will stand, and where that is, (n,)."""
        rows = np.arange(len(table))
        if self.categories is not None:
            cells = table.columns[self.name]
            if self.fill is None:
                refuse_empty(table, self.name, cells == "", rows)
            places = {category: place for place, category in enumerate(self.categories)}
            found = np.array([places.get(cell, -1) for cell in cells.tolist()])
            return (found[:, None] == np.arange(len(places))).astype(np.float64), np.zeros(len(rows), np.bool_)
        x, empty = numbers(table, self.name, rows)
        if self.fill is None:
            refuse_empty(table, self.name, empty, rows)
        elif isinstance(self.fill, float):
            x = np.where(empty, self.fill, x)
        middle, half = self._unit
        outside = ~empty & ((x < self.low) | (x > self.high))
        if outside.any():
            raise table.bad_cell(int(outside.argmax()), self.name, "is outside the range that the job declares")
        later = empty & (self.fill == "mean")
        return np.where(later, 0.0, (x - middle) / half)[:, None], later


@dataclass(frozen=True)
class Pooled:
    """The columns of all parties, in order: what stands in a contribution in place of a `Preparation`."""

    columns: tuple[PooledColumn, ...]

    @property
    def features(self) -> list[str]:
        """Names of the features in order, as ``age`` and ``job=fixed``."""
        return [feature for column in self.columns for feature in column.features]

    @property
    def width(self) -> int:
        """How many features there are."""
        return len(self.features)

    @property
    def filled(self) -> list[int]:
        """Numbers of the features whose missing cells become a mean."""
        return [place for place, column in self._features() if column.categories is None and column.fill == "mean"]

    @property
    def scaled(self) -> list[int]:
        """Numbers of the features that are scaled."""
        return [place for place, column in self._features() if column.categories is None and column.scaled]

    def _features(self) -> list[tuple[int, PooledColumn]]:
        owners = [column for column in self.columns for _ in column.features]
        return list(enumerate(owners))

    def transform(self, table: Table, *, limit: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Features of all rows, (n, features), and 1 where a mean will stand, (n, len(filled)).

        Raises
        ------
        InputError
            A column that the table lacks; a cell that is no finite number, outside its range, or `limit` or more in
            magnitude; an empty one where those are refused.
        """
        blocks, missing = [np.empty((len(table), 0))], [np.empty((len(table), 0))]
        for column in self.columns:
            check_column(table, column.name)
            block, empty = column.transform(table)
            large = (np.abs(block) >= limit).any(axis=1)
            if large.any():
                raise table.bad_cell(
                    int(large.argmax()), column.name, "is too large for fixed point; declare the column's range"
                )
            blocks.append(block)
            if column.categories is None and column.fill == "mean":
                missing.append(empty[:, None].astype(np.float64))
        return np.concatenate(blocks, axis=1), np.concatenate(missing, axis=1)

    def to_json(self) -> dict[str, Any]:
        """What the reader of a model needs besides its means and deviations to prepare rows, as JSON's types."""
        return {"columns": [_finite(asdict(column)) for column in self.columns]}


def _finite(column: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in column.items() if value not in (math.inf, -math.inf)}
