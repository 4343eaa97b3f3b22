"""Turning a party's columns into numbers: locally, fitted on the training rows alone, statistics kept by their owner.

A *number* column fills missing cells and is standardised (the coefficients of a model are for standardised columns).
A *text* column becomes one 0/1 feature a category of the training rows, sorted; these are never scaled, so that
missing or unseen text is an all-zero row. A column is a number column if more than half of its training cells that
are not empty are finite decimal numbers, or if the job says so.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from mpcfl.data.table import Table, number
from mpcfl.errors import InputError
from mpcfl.learn.schedule import split_rows

__all__ = ["ColumnOptions", "NumberColumn", "Preparation", "TextColumn", "split_rows"]

Kind = Literal["number", "text"]
Missing = Literal["median", "mean", "zero", "refuse"]
Scale = Literal["standard", "none"]

LARGEST = 1e150
"""Larger numbers are refused: their squares would overflow in the statistics."""

MAX_CATEGORIES = 1000
"""Text of more categories is a name or a remark, not a feature."""


@dataclass(frozen=True)
class ColumnOptions:
    """How to prepare a column.

    Attributes
    ----------
    type : "number", "text" or None
        None: by the training cells.
    missing : "median", "mean", "zero" or "refuse"
        What an empty cell of a number column becomes, before scaling; an empty text cell is an all-zero row. "refuse"
        refuses it in either.
    scale : "standard" or "none"
        A number column less its mean, divided by its (population) standard deviation; the latter is 1 for a constant
        one.
    cuts : tuple of float, optional
        Between the bins of a number column, ascending, for learners of trees.
    categories : tuple of str, optional
        Of a text column, for learners of trees.
    """

    type: Kind | None = None
    missing: Missing = "median"
    scale: Scale = "standard"
    cuts: tuple[float, ...] | None = None
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True, repr=False)
class NumberColumn:
    """A fitted number column: ``(x - center) / spread``, with `fill` for x where the cell is empty; None refuses it."""

    name: str
    fill: float | None
    center: float
    spread: float

    @classmethod
    def fit(cls, table: Table, name: str, options: ColumnOptions, train: NDArray[np.int64]) -> Self:
        """Statistics of the training rows."""
        x, empty = numbers(table, name, train)
        if options.missing == "refuse":
            refuse_empty(table, name, empty, train)
            fill = None
        elif options.missing == "zero":
            fill = 0.0
        elif empty.all():
            raise InputError(
                f"{table.file}, column {name}: no number in the training rows to take the {options.missing} of.",
                file=table.file,
                column=name,
            )
        else:
            fill = float(np.median(x[~empty]) if options.missing == "median" else np.mean(x[~empty]))
        if options.scale == "none":
            return cls(name, fill, 0.0, 1.0)
        x = np.where(empty, 0.0 if fill is None else fill, x)
        # A constant column's computed deviation need not be exactly 0, and a tiny one's squares may vanish.
        spread = float(x.std()) if np.ptp(x) > 0 else 0.0
        return cls(name, fill, float(x.mean()), spread or 1.0)

    @property
    def features(self) -> list[str]:
        """The one feature's name."""
        return [self.name]

    def transform(self, table: Table) -> NDArray[np.float64]:
        """Feature matrix of all rows, shape (n, 1)."""
        rows = np.arange(len(table))
        x, empty = numbers(table, self.name, rows)
        if self.fill is None:
            refuse_empty(table, self.name, empty, rows)
        else:
            x = np.where(empty, self.fill, x)
        return ((x - self.center) / self.spread)[:, None]


@dataclass(frozen=True, repr=False)
class TextColumn:
    """A fitted text column: one feature a category; `refuse` refuses empty cells."""

    name: str
    categories: tuple[str, ...]
    refuse: bool

    @classmethod
    def fit(cls, table: Table, name: str, options: ColumnOptions, train: NDArray[np.int64]) -> Self:
        """Categories of the training rows."""
        categories = sorted(set(table.columns[name][train].tolist()) - {""})
        if len(categories) > MAX_CATEGORIES:
            raise InputError(
                f"{table.file}, column {name}: more than {MAX_CATEGORIES} categories of text, each of which would be a "
                "feature; leave the column out, or declare it as one of numbers if it is.",
                file=table.file,
                column=name,
            )
        column = cls(name, tuple(categories), options.missing == "refuse")
        column._check(table, train)
        return column

    @property
    def features(self) -> list[str]:
        """``column=category`` of each category."""
        return [f"{self.name}={category}" for category in self.categories]

    def transform(self, table: Table) -> NDArray[np.float64]:
        """Feature matrix of all rows, shape (n, categories)."""
        self._check(table, np.arange(len(table)))
        place = {category: index for index, category in enumerate(self.categories)}
        places = np.array([place.get(cell, -1) for cell in table.columns[self.name].tolist()])
        one_hot: NDArray[np.bool_] = places[:, None] == np.arange(len(place))
        return one_hot.astype(np.float64)

    def _check(self, table: Table, rows: NDArray[np.int64]) -> None:
        if self.refuse:
            refuse_empty(table, self.name, table.columns[self.name][rows] == "", rows)


@dataclass(frozen=True, repr=False)
class Preparation:
    """A party's fitted preparation: its columns in order."""

    columns: tuple[NumberColumn | TextColumn, ...]

    @classmethod
    def fit(
        cls,
        table: Table,
        columns: Sequence[str],
        options: Mapping[str, ColumnOptions],
        train: NDArray[np.int64],
    ) -> Self:
        """Fit on the training rows; no other row is looked at.

        Parameters
        ----------
        table : Table
        columns : sequence of str
            Names of the columns to use, in the order of the features.
        options : mapping of str to ColumnOptions
            By column; the defaults for one that is not there.
        train : ndarray of int
            Numbers of the training rows in the table's order.

        Returns
        -------
        Preparation

        Raises
        ------
        InputError
            A column that the table lacks; in a number column, a training cell that is no finite number; an empty cell
            where those are refused.
        """
        return cls(tuple(_fit_column(table, name, options.get(name, ColumnOptions()), train) for name in columns))

    @classmethod
    def declared(cls, columns: Sequence[str], options: Mapping[str, ColumnOptions]) -> Self:
        """What needs no rows to be fitted: numbers as they are, and 0 in place of missing ones.

        Raises
        ------
        InputError
            A column whose options ask for more, with its name as `column`.
        """
        for name in columns:
            asked = options[name]
            if asked.type == "text" or asked.scale != "none" or asked.missing not in ("zero", "refuse"):
                raise InputError(
                    f"column {name} would be prepared by rows that are not here: of numbers alone, and with "
                    'scale = "none" and missing = "zero" or "refuse", it needs none',
                    column=name,
                )
        fills = {"zero": 0.0, "refuse": None}
        return cls(tuple(NumberColumn(name, fills[options[name].missing], 0.0, 1.0) for name in columns))

    @property
    def features(self) -> list[str]:
        """Names of the features in order, as ``age`` and ``job=fixed``."""
        return [feature for column in self.columns for feature in column.features]

    @property
    def width(self) -> int:
        """How many features there are."""
        return len(self.features)

    def transform(self, table: Table, *, limit: float = math.inf) -> NDArray[np.float64]:
        """Prepare all rows.

        Parameters
        ----------
        table : Table
            With the columns that this was fitted on.
        limit : float
            Magnitude that a prepared number must stay below, as fixed point asks.

        Returns
        -------
        ndarray of float64, shape (n, len(features))

        Raises
        ------
        InputError
            A column that the table lacks; in a number column, a cell that is no finite number, or beyond `limit`; an
            empty cell where those are refused.
        """
        blocks = [np.empty((len(table), 0))]
        for column in self.columns:
            check_column(table, column.name)
            block = column.transform(table)
            large = (np.abs(block) >= limit).any(axis=1)
            if large.any():
                raise table.bad_cell(int(large.argmax()), column.name, "is too large for fixed point; scale the column")
            blocks.append(block)
        return np.concatenate(blocks, axis=1)

    def to_json(self) -> dict[str, Any]:
        """What the reader of a model needs to prepare rows of its own, as JSON's types."""
        kinds = {NumberColumn: "number", TextColumn: "text"}
        return {"columns": [{"type": kinds[type(column)], **asdict(column)} for column in self.columns]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        kinds: dict[str, Any] = {"number": NumberColumn, "text": TextColumn}
        columns = []
        for one in document["columns"]:
            fields = {name: value for name, value in one.items() if name != "type"}
            if one["type"] == "text":
                fields["categories"] = tuple(fields["categories"])
            columns.append(kinds[one["type"]](**fields))
        return cls(tuple(columns))

    def __repr__(self) -> str:
        return f"<Preparation: {len(self.columns)} columns, {len(self.features)} features>"


def _fit_column(table: Table, name: str, options: ColumnOptions, train: NDArray[np.int64]) -> NumberColumn | TextColumn:
    check_column(table, name)
    kind = NumberColumn if is_number_column(table, name, options, train) else TextColumn
    return kind.fit(table, name, options, train)


def is_number_column(table: Table, name: str, options: ColumnOptions, train: NDArray[np.int64]) -> bool:
    """Whether a column is one of numbers: as its options say, or else its training cells."""
    return options.type == "number" if options.type else _mostly_numbers(table.columns[name][train].tolist())


def check_column(table: Table, name: str) -> None:
    """See that a table has a column; InputError names those that it has."""
    if name not in table.columns:
        raise InputError(
            f"{table.file} has no column {name!r}: its columns are {', '.join(table.columns)}.",
            file=table.file,
            column=name,
        )


def _mostly_numbers(cells: list[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return sum(number(cell) is not None for cell in filled) * 2 > len(filled)


def numbers(table: Table, name: str, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values of a number column at `rows`, 0 where the cell is empty, and where that is.

    Raises
    ------
    InputError
        A cell that is no finite number, or one above `LARGEST`, by row and column.
    """
    cells: list[str] = table.columns[name][rows].tolist()
    values: list[float] = []
    for row, cell in zip(rows, cells, strict=True):
        value = number(cell) if cell else 0.0
        if value is None:
            raise table.bad_cell(row, name, "is not a finite number, and the column is one of numbers")
        if abs(value) > LARGEST:
            raise table.bad_cell(row, name, "is too large a number")
        values.append(value)
    return np.array(values), np.array([not cell for cell in cells], dtype=np.bool_)


def refuse_empty(table: Table, name: str, empty: NDArray[np.bool_], rows: NDArray[np.int64]) -> None:
    """See that no cell of a column at `rows` is `empty`; InputError names the first that is."""
    if empty.any():
        raise table.bad_cell(int(rows[empty.argmax()]), name, "is empty, and the job refuses that")
