"""The sections of a job file, each checked by itself; `mpcfl.job` checks them against one another."""

import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mpcfl.data.pooled import Pooled, PooledColumn
from mpcfl.data.prepare import ColumnOptions, Kind, Missing, Scale
from mpcfl.errors import InputError
from mpcfl.learn.selection import candidates

Name: TypeAlias = Annotated[str, Field(min_length=1)]
# TOML's arrays are lists; what is in them stays strict.
Names: TypeAlias = Annotated[tuple[Name, ...], Field(strict=False)]
PartyColumn: TypeAlias = Annotated[str, Field(pattern=r"^[^.]+\..+$")]


DEFAULT_MISSING: dict[str, Missing] = {"columns": "median", "rows": "mean"}
"""What missing numbers become unless a job says so, by its partition."""

NO_BINS = "has no meaning for a learner of trees, which reads the order of numbers alone"
MISSING_BINS = "must be refuse, or left out: a learner of trees keeps missing cells apart"

EVERY = "*"
"""Stands for every party, where each has rows of its own."""


class Section(BaseModel):
    """A part of the job file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Head(Section):
    """[job]"""

    name: Name
    learner: Name
    id: Name
    label: PartyColumn
    partition: Literal["columns", "rows"] = "columns"
    seed: int = Field(default=0, ge=0)


class PrepareColumn(Section):
    """An entry of [prepare.columns]; what it leaves out is as [prepare] says.

    The last four are public: categories of text, the number that stands for a missing one and the bounds of numbers are
    for parties with rows of their own; the cuts between bins, and categories too, for learners of trees.
    """

    type: Kind | None = None
    missing: Missing | None = None
    scale: Scale | None = None
    categories: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)] | None = None
    fill: float | None = None
    range: Annotated[tuple[float, float], Field(strict=False)] | None = None
    cuts: Annotated[tuple[float, ...], Field(strict=False, min_length=1)] | None = None

    def check_bins(self, key: str) -> None:
        """See that it is for a learner of trees; `key` and errors as of `check`."""
        for name in ("scale", "fill", "range"):
            if getattr(self, name) is not None:
                raise InputError(NO_BINS, key=f"{key}.{name}")
        if self.missing not in (None, "refuse"):
            raise InputError(MISSING_BINS, key=f"{key}.missing")
        if self.categories is not None:
            if self.type == "number" or self.cuts is not None:
                raise InputError("is for text, which has no cuts", key=f"{key}.categories")
            check_distinct(f"{key}.categories", self.categories)
        if self.cuts is not None:
            if self.type == "text":
                raise InputError("is for numbers", key=f"{key}.cuts")
            if list(self.cuts) != sorted(set(self.cuts)):
                raise InputError("must be numbers in ascending order", key=f"{key}.cuts")

    def check(self, key: str, rows: bool) -> None:
        """See that it is for a job whose parties have `rows` of their own, or columns; its `key` is for messages.

        Raises
        ------
        InputError
            Naming what is not.
        """
        if self.cuts is not None:
            raise InputError("is for learners of trees, which cut columns into bins", key=f"{key}.cuts")
        if not rows:
            for name in ("categories", "fill", "range"):
                if getattr(self, name) is not None:
                    raise InputError('is for job.partition = "rows", where nobody knows all rows', key=f"{key}.{name}")
            return
        if self.type == "text" and self.categories is None:
            raise InputError("is missing: categories are public, and nobody knows all rows", key=f"{key}.categories")
        if self.categories is not None:
            if self.type == "number" or self.range is not None or self.fill is not None:
                raise InputError("is for text, which has neither fill nor range", key=f"{key}.categories")
            check_distinct(f"{key}.categories", self.categories)
        if self.range is not None and not self.range[0] < self.range[1]:
            raise InputError("must be two numbers, the smaller first", key=f"{key}.range")
        if self.missing == "median":
            raise InputError("must be mean, zero or refuse where parties have rows of their own", key=f"{key}.missing")


class Prepare(Section):
    """[prepare]; by default missing numbers become the median, or the mean where parties have rows of their own."""

    text: Literal["one_hot"] = "one_hot"
    missing: Missing | None = None
    scale: Scale = "standard"
    columns: dict[PartyColumn, PrepareColumn] = {}

    def options(self, party: str, columns: Iterable[str]) -> dict[str, ColumnOptions]:
        """How `party` prepares each of its `columns`."""
        entries = {name: self.columns.get(f"{party}.{name}", PrepareColumn()) for name in columns}
        missing = self.missing or DEFAULT_MISSING["columns"]
        return {
            name: ColumnOptions(
                entry.type, entry.missing or missing, entry.scale or self.scale, entry.cuts, entry.categories
            )
            for name, entry in entries.items()
        }

    def check_bins(self) -> None:
        """See that it is for a learner of trees, as `PrepareColumn.check_bins` for all columns."""
        if "scale" in self.model_fields_set:
            raise InputError(NO_BINS, key="prepare.scale")
        if self.missing not in (None, "refuse"):
            raise InputError(MISSING_BINS, key="prepare.missing")
        for name, entry in self.columns.items():
            entry.check_bins(f'prepare.columns."{name}"')

    def pooled(self, columns: Iterable[str]) -> Pooled:
        """How all parties prepare `columns`, of which each has rows of its own."""
        return Pooled(tuple(self._pooled(name) for name in columns))

    def _pooled(self, name: str) -> PooledColumn:
        entry = self.columns.get(f"{EVERY}.{name}", PrepareColumn())
        fill: float | str | None = entry.fill
        if fill is None:
            missing = entry.missing or self.missing or DEFAULT_MISSING["rows"]
            fill = None if missing == "refuse" else 0.0 if missing == "zero" else "mean"
        scaled = (entry.scale or self.scale) == "standard"
        low, high = entry.range or (-math.inf, math.inf)
        return PooledColumn(name, entry.categories, fill, scaled, low, high)


class Split(Section):
    """[split]"""

    test: float = Field(default=0.25, ge=0, lt=1)


class Engine(Section):
    """[engine]"""

    fraction: int = Field(default=18, ge=8, le=56)
    suite: Literal["semi2k"] = "semi2k"
    ring: Literal[64, 128] = 64
    offline: Literal["dealer", "paillier"] = "dealer"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.ring == 64 and self.fraction > 24:
            raise InputError("must be at most 24 in ring 64; ring = 128 takes up to 56", key="engine.fraction")
        return self


class Stopping(Section):
    """[stopping]: training ends when the loss of some of the training rows, held back, gets no better."""

    validation: float = Field(default=0.2, gt=0, lt=1)
    every: int = Field(default=1, ge=1)
    patience: int = Field(default=3, ge=1)
    tolerance: float = Field(default=0.0, ge=0)
    decimals: int = Field(default=3, ge=0, le=6)


class Search(Section):
    """[search]: parameters to choose among by cross-validation on the training rows; the best train on all of them."""

    folds: int = Field(default=5, ge=2)
    metric: Name | None = None
    grid: dict[Name, Annotated[tuple[Any, ...], Field(strict=False, min_length=1)]] = Field(min_length=1)

    @property
    def candidates(self) -> list[dict[str, Any]]:
        """Every choice of one value a parameter."""
        return candidates(self.grid)


class Disclose(Section):
    """[disclose]: who learns the model and the metrics; and all parties, where training ends or chooses by a metric.

    And what is told of trees while they grow: nothing, or to each party the splits on its own columns.
    """

    model: Names = ()
    metrics: Names = ()
    validation: Names = ()
    search: Names = ()
    predictions: Names = ()
    trees: Literal["nothing", "own_splits"] = "nothing"


class Save(Section):
    """[save]: what each party keeps on its disk, as shares: the model, and every so many steps a checkpoint."""

    model: bool = False
    checkpoint: int = Field(default=0, ge=0)


class Predict(Section):
    """[predict]: digits after the point of a prediction."""

    decimals: int = Field(default=4, ge=0, le=6)


class Serve(Section):
    """[serve]: the party that asks a service for predictions."""

    requester: Name


def check_distinct(key: str, names: Sequence[str]) -> None:
    """See that no name stands twice under a key; InputError if one does."""
    if len(set(names)) < len(names):
        raise InputError("names something twice", key=key)
