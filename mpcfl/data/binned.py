"""Turning a party's columns into bins, for learners of trees: locally, thresholds kept by their owner.

A *number* column is cut into bins of about equal numbers of training rows, or where the job says; a *text* column has a
bin for each category. An empty cell stays missing: it has a bin of its own where a training row lacks the value. What
is public of a column is how many bins it has, and of which kind.

Where every party has rows of its own the bins are those of all: declared by the job, or cut where all parties find the
quantiles of all rows. Until then a column has no cuts, and rows are numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mpcfl.data.prepare import ColumnOptions, check_column, is_number_column, numbers, refuse_empty
from mpcfl.data.table import Table
from mpcfl.errors import InputError
from mpcfl.learn.trees.bins import Bins, Column


@dataclass(frozen=True, repr=False)
class BinnedColumn:
    """A column in bins.

    Attributes
    ----------
    name : str
    cuts : tuple of float or None
        Between the bins of numbers, ascending; a number on a cut belongs below it. None for text, and for numbers whose
        cuts are still to be found.
    categories : tuple of str or None
        Of text, a bin each; other text is in none. None for numbers.
    missing : bool
        Whether one more bin holds empty cells; else these are in none.
    refuse : bool
        Whether empty cells are refused.
    bins : int
        Of numbers whose cuts are still to be found.
    """

    name: str
    cuts: tuple[float, ...] | None
    categories: tuple[str, ...] | None
    missing: bool
    refuse: bool
    bins: int = 0

    @property
    def public(self) -> Column:
        """What all parties are told."""
        if self.categories is not None:
            return Column(len(self.categories), self.missing, True)
        return Column(self.bins if self.cuts is None else len(self.cuts) + 1, self.missing)

    @property
    def uncut(self) -> bool:
        """Whether its cuts are still to be found."""
        return self.cuts is None and self.categories is None

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """As of `Bins.thresholds_`, for the numbers of `codes`."""
        return np.array(self.cuts if self.categories is None else range(len(self.categories)), np.float64)

    def codes(self, table: Table) -> NDArray[np.float64]:
        """The numbers of all rows, or those of their categories, shape (n,); NaN where a cell is empty."""
        places = None if self.categories is None else {one: place for place, one in enumerate(self.categories)}
        return coded(table, self.name, places, self.refuse, np.arange(len(table)))


@dataclass(frozen=True, repr=False)
class Binned:
    """A party's columns in bins, in order."""

    columns: tuple[BinnedColumn, ...]

    @classmethod
    def fit(
        cls,
        table: Table,
        columns: Sequence[str],
        options: Mapping[str, ColumnOptions],
        train: NDArray[np.int64],
        max_bins: int,
    ) -> Self:
        """Find the bins of the training rows; no other row is looked at.

        Parameters
        ----------
        table, columns, options, train
            As of `Preparation.fit`; what the options declare, bins or categories, is taken as it is.
        max_bins : int
            Most bins of a column, that of empty cells not counted.

        Raises
        ------
        InputError
            A column that the table lacks, or with more categories than bins; a training cell that is no finite number
            in a column of numbers; an empty one where those are refused.
        """
        return cls(tuple(_fitted(table, name, options.get(name, ColumnOptions()), train, max_bins) for name in columns))

    @classmethod
    def declared(cls, columns: Sequence[str], options: Mapping[str, ColumnOptions]) -> Self:
        """What needs no rows: columns whose bins or categories the options declare. Unless they refuse empty cells,
        numbers have a bin for these.

        Raises
        ------
        InputError
            A column whose options declare neither, with its name as `column`.
        """
        for name in columns:
            if options[name].cuts is None and options[name].categories is None:
                raise InputError(
                    f"column {name} would be cut into bins by rows that are not here: declare its cuts or categories",
                    column=name,
                )
        return cls(tuple(_declared(name, options[name]) for name in columns))

    @classmethod
    def common(cls, columns: Sequence[str], options: Mapping[str, ColumnOptions], max_bins: int) -> Self:
        """Columns that every party has rows of: as `declared`; numbers without cuts are to have `max_bins` bins."""
        return cls(tuple(_declared(name, options[name], max_bins) for name in columns))

    @property
    def uncut(self) -> list[int]:
        """Numbers of the columns whose cuts are still to be found."""
        return [place for place, column in enumerate(self.columns) if column.uncut]

    def cut(self, cuts: NDArray[np.float64]) -> Self:
        """The same with the cuts that were missing, of shape (len(uncut), bins - 1)."""
        found = iter(cuts.tolist())
        return type(self)(
            tuple(replace(one, cuts=tuple(next(found)), bins=0) if one.uncut else one for one in self.columns)
        )

    @property
    def public(self) -> tuple[Column, ...]:
        """What all parties are told of each column."""
        return tuple(column.public for column in self.columns)

    @property
    def features(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def width(self) -> int:
        """Bins of all columns."""
        return sum(column.size for column in self.public)

    def codes(self, table: Table) -> NDArray[np.float64]:
        """The numbers of all rows, and those of their categories, shape (n, columns); NaN where a cell is empty.

        Raises
        ------
        InputError
            A column that the table lacks; in a number column, a cell that is no finite number; an empty cell where
            those are refused.
        """
        for column in self.columns:
            check_column(table, column.name)
        return np.concatenate([np.empty((len(table), 0)), *(one.codes(table)[:, None] for one in self.columns)], axis=1)

    def onehot(self, codes: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The bins of rows of `codes`, shape (n, width): zeros and ones."""
        if not self.columns or not len(codes):
            return np.empty((len(codes), self.width), np.bool_)
        bins = Bins()
        bins.columns_, bins.thresholds_ = self.public, [column.thresholds for column in self.columns]
        return bins.onehot(codes)

    def transform(self, table: Table) -> NDArray[np.bool_] | NDArray[np.float64]:
        """The bins of all rows; their numbers, where some column is not cut yet. Errors as of `codes`."""
        codes = self.codes(table)
        return codes if self.uncut else self.onehot(codes)

    def to_json(self) -> dict[str, Any]:
        """What the reader of a model needs to prepare rows of its own, as JSON's types."""
        return {"columns": [{"type": "bins", **asdict(column)} for column in self.columns]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(tuple(BinnedColumn(**_fields(one)) for one in document["columns"]))

    def __repr__(self) -> str:
        return f"<Binned: {len(self.columns)} columns, {self.width} bins>"


def coded(
    table: Table, name: str, places: Mapping[str, int] | None, refuse: bool, rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Numbers of a column at `rows`, or the places of its categories, -1 for others; NaN where a cell is empty.

    Raises
    ------
    InputError
        A cell that is no finite number where there are no categories; an empty one where those are refused.
    """
    if places is None:
        x, empty = numbers(table, name, rows)
    else:
        cells = table.columns[name][rows].tolist()
        x, empty = (
            np.array([places.get(cell, -1) for cell in cells], np.float64),
            np.array([not cell for cell in cells]),
        )
    if refuse:
        refuse_empty(table, name, empty, rows)
    return np.where(empty, np.nan, x)


def _declared(name: str, options: ColumnOptions, max_bins: int = 0) -> BinnedColumn:
    refuse, text = options.missing == "refuse", options.categories is not None
    uncut = not text and options.cuts is None
    return BinnedColumn(
        name, options.cuts, options.categories, not text and not refuse, refuse, max_bins if uncut else 0
    )


def _fitted(table: Table, name: str, options: ColumnOptions, train: NDArray[np.int64], max_bins: int) -> BinnedColumn:
    check_column(table, name)
    if options.cuts is not None or options.categories is not None:
        return _declared(name, options)
    refuse = options.missing == "refuse"
    if is_number_column(table, name, options, train):
        bins = Bins(max_bins).fit(coded(table, name, None, refuse, train)[:, None])
        return BinnedColumn(name, tuple(bins.thresholds_[0].tolist()), None, bins.columns_[0].missing, refuse)
    cells = set(table.columns[name][train].tolist())
    categories = sorted(cells - {""})
    if len(categories) > max_bins:
        raise InputError(
            f"{table.file}, column {name}: {len(categories)} categories of text, each of which would be a bin, and "
            f"learner.max_bins is {max_bins}; raise it, or leave the column out.",
            file=table.file,
            column=name,
        )
    column = BinnedColumn(name, None, tuple(categories), "" in cells, refuse)
    coded(table, name, {}, refuse, train)
    return column


def _fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a column of `to_json` has, by the names of `BinnedColumn`."""
    fields = {name: value for name, value in document.items() if name != "type"}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
