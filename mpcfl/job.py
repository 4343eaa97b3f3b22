"""The job file: what is to be computed on whose columns, how, and who learns what. Every party holds the same one."""

import difflib
import hashlib
import json
import math
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args, get_origin

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mpcfl.data.prepare import ColumnOptions, Kind, Missing, Scale
from mpcfl.errors import InputError, UsageError
from mpcfl.learn.evaluation import NAMES
from mpcfl.learn.glm import GammaRegressor, PoissonRegressor, TweedieRegressor
from mpcfl.learn.linear import LinearSVM, LogisticRegression
from mpcfl.learn.multiclass import MultinomialLogisticRegression, OneVsRestLogisticRegression
from mpcfl.learn.regression import ElasticNet, Lasso, LinearRegression, Ridge

LEARNERS: dict[str, type[Any]] = {
    "logistic_regression": LogisticRegression,
    "linear_svm": LinearSVM,
    "multinomial_logistic_regression": MultinomialLogisticRegression,
    "one_vs_rest_logistic_regression": OneVsRestLogisticRegression,
    "linear_regression": LinearRegression,
    "ridge": Ridge,
    "lasso": Lasso,
    "elastic_net": ElasticNet,
    "poisson_regression": PoissonRegressor,
    "gamma_regression": GammaRegressor,
    "tweedie_regression": TweedieRegressor,
}
"""Learners by the name that a job gives them."""

WHOLE = ("epochs", "batch_size", "seed", "iterations", "classes")
"""Parameters of learners that are whole numbers; other numbers are real, however a job writes them."""

Name: TypeAlias = Annotated[str, Field(min_length=1)]
# TOML's arrays are lists; what is in them stays strict.
Names: TypeAlias = Annotated[tuple[Name, ...], Field(strict=False)]
PartyColumn: TypeAlias = Annotated[str, Field(pattern=r"^[^.]+\..+$")]


class Section(BaseModel):
    """A part of the job file: unknown keys and values of another type are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Head(Section):
    """[job]"""

    name: Name
    learner: Name
    id: Name
    label: PartyColumn
    seed: int = Field(default=0, ge=0)


class PrepareColumn(Section):
    """An entry of [prepare.columns]; what it leaves out is as [prepare] says."""

    type: Kind | None = None
    missing: Missing | None = None
    scale: Scale | None = None


class Prepare(Section):
    """[prepare]"""

    text: Literal["one_hot"] = "one_hot"
    missing: Missing = "median"
    scale: Scale = "standard"
    columns: dict[PartyColumn, PrepareColumn] = {}

    def options(self, party: str, columns: Iterable[str]) -> dict[str, ColumnOptions]:
        """How `party` prepares each of its `columns`."""
        entries = {name: self.columns.get(f"{party}.{name}", PrepareColumn()) for name in columns}
        return {
            name: ColumnOptions(entry.type, entry.missing or self.missing, entry.scale or self.scale)
            for name, entry in entries.items()
        }


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


class Disclose(Section):
    """[disclose]: the parties that learn the model, the metrics, and, all of them, when training ends."""

    model: Names = ()
    metrics: Names = ()
    validation: Names = ()


class Job(Section):
    """A job.

    Attributes
    ----------
    job : Head
        Name, learner, id column, label as PARTY.COLUMN, public seed.
    columns : dict of str to tuple of str
        Columns by party; a party that is not there uses all but id and label.
    prepare, split, engine, disclose : Prepare, Split, Engine, Disclose
    learner : dict
        Parameters of the learner's constructor; its seed is the job's unless it is given.
    stopping : Stopping or None
        None trains to the end and tells nothing of the way.
    """

    job: Head
    columns: dict[Name, Names] = {}
    prepare: Prepare = Prepare()
    split: Split = Split()
    learner: dict[str, Any] = {}
    engine: Engine = Engine()
    disclose: Disclose = Disclose()
    stopping: Stopping | None = None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a job file.

        Raises
        ------
        UsageError
            The file is missing or cannot be opened.
        InputError
            It is no TOML, or not a job: the sentence names file and key and says what is allowed.
        """
        try:
            raw = Path(path).read_bytes()
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}.", file=str(path)) from None
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InputError(f"{path} is not UTF-8; save the job as UTF-8.", file=str(path)) from None
        return cls.from_text(text, str(path))

    @classmethod
    def from_text(cls, text: str, name: str) -> Self:
        """Parse a job file's text; `name` stands for the file in messages.

        Raises
        ------
        InputError
            As `load`.
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{name} is not TOML: {error}.", file=name) from None
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            key, wrong = _first_fault(error)
            raise InputError(f"{name}: {key} {wrong}.", file=name, key=key) from None

    @property
    def label_party(self) -> str:
        """The party that holds the label."""
        return self.job.label.partition(".")[0]

    @property
    def label_column(self) -> str:
        """The label's column in that party's file."""
        return self.job.label.partition(".")[2]

    def rank_order(self, parties: Sequence[str]) -> list[str]:
        """The parties by rank: those of [columns] in its order, then the others as they come."""
        return [*self.columns, *(party for party in parties if party not in self.columns)]

    def columns_of(self, party: str, available: Iterable[str]) -> list[str]:
        """The columns that `party` uses: those of [columns], else all `available` ones but id and label."""
        if party in self.columns:
            return list(self.columns[party])
        label = self.label_column if party == self.label_party else None
        return [name for name in available if name not in (self.job.id, label)]

    @property
    def label_kind(self) -> Literal["binary", "multiclass", "regression"]:
        """What the cells of the label column are: 0 or 1, class numbers from 0, or finite numbers."""
        kind = LEARNERS[self.job.learner].kind
        return kind if kind in ("binary", "multiclass") else "regression"

    @property
    def label_dtype(self) -> type[np.int64] | type[np.float64]:
        """How labels are shared."""
        return np.float64 if self.label_kind == "regression" else np.int64

    @property
    def classes(self) -> int:
        """Number of classes, 0 for a learner that has none."""
        return 2 if self.label_kind == "binary" else int(self.learner.get("classes", 0))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of what a held-out report says of this learner, in the order in which it is disclosed."""
        return NAMES[LEARNERS[self.job.learner].kind]

    @property
    def inference(self) -> bool:
        """Whether standard errors, z-scores and p-values are part of the model."""
        return bool(self.learner.get("standard_errors", False))

    def make_learner(self) -> Any:
        """The learner, with this job's parameters."""
        kind = LEARNERS[self.job.learner]
        seed = {"seed": self.job.seed} if "seed" in kind.parameter_names() else {}
        return kind(**seed | self.learner)

    def check(self, parties: Sequence[str]) -> None:
        """Check that the job names only parties that take part.

        Raises
        ------
        InputError
            Naming key and party, and those that take part.
        """
        if self.stopping is not None and set(self.disclose.validation) != set(parties):
            raise InputError(
                "The job's disclose.validation must name all parties: each learns the losses by which training ends.",
                key="disclose.validation",
            )
        named = [("job.label", self.label_party)]
        named += [(f"columns.{party}", party) for party in self.columns]
        named += [(f'prepare.columns."{key}"', key.partition(".")[0]) for key in self.prepare.columns]
        named += [("disclose.model", party) for party in self.disclose.model]
        named += [("disclose.metrics", party) for party in self.disclose.metrics]
        for key, party in named:
            if party not in parties:
                raise InputError(
                    f"The job's {key}: no party {party!r} takes part, only {', '.join(parties)}.", key=key, party=party
                )

    def entries(self) -> dict[str, str]:
        """The canonical form: each value as JSON, by its full key, defaults included.

        What does not matter (comments, layout, defaults written out, the order of keys and of disclosures) is not in
        it; the order of [columns] is, as it is the order of ranks. Two jobs differ in the keys whose values differ.
        """
        document = self.model_dump(mode="json")
        document["columns"] = list(document["columns"].items())
        document["disclose"] = {key: sorted(names) for key, names in document["disclose"].items()}
        document["learner"] = self.make_learner().get_params()
        return {
            key if part is None else f"{key}.{part}": json.dumps(value, sort_keys=True, allow_nan=False)
            for key, section in document.items()
            for part, value in (section.items() if isinstance(section, dict) else [(None, section)])
        }

    def hash(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal."""
        return hashlib.sha256(json.dumps(self.entries(), sort_keys=True).encode()).hexdigest()

    @field_validator("learner")
    @classmethod
    def _as_constructor_takes(cls, learner: dict[str, Any]) -> dict[str, Any]:
        """Numbers as they are meant: classes are 0 and 1 where TOML has strings; as a weight or a rate, 1 is 1.0."""
        weights = learner.get("class_weight")
        if isinstance(weights, dict):
            if not all(label.isdecimal() and str(int(label)) == label for label in weights):
                raise InputError("has no classes but numbers from 0", key="learner.class_weight")
            learner = learner | {"class_weight": {int(label): _as_float(weight) for label, weight in weights.items()}}
        return {name: value if name in WHOLE else _as_float(value) for name, value in learner.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_learner()
        for party, columns in self.columns.items():
            _check_distinct(f"columns.{party}", columns)
            refused = {self.job.id} | ({self.label_column} if party == self.label_party else set())
            if refused & set(columns):
                raise InputError("must name neither the id nor the label", key=f"columns.{party}")
        for name in self.prepare.columns:
            party, _, column = name.partition(".")
            if party in self.columns and column not in self.columns[party]:
                raise InputError(
                    f"prepares a column that columns.{party} does not name", key=f'prepare.columns."{name}"'
                )
        _check_distinct("disclose.model", self.disclose.model)
        _check_distinct("disclose.metrics", self.disclose.metrics)
        self._check_stopping()
        if self.disclose.metrics and self.split.test == 0:
            raise InputError("must be more than 0 where metrics are disclosed", key="split.test")
        return self

    def _check_learner(self) -> None:
        if self.job.learner not in LEARNERS:
            raise InputError(_no_such(self.job.learner, "learner", LEARNERS), key="job.learner")
        known = LEARNERS[self.job.learner].parameter_names()
        for name in self.learner:
            if name not in known:
                raise InputError(_no_such(name, f"parameter of {self.job.learner}", known), key=f"learner.{name}")
        try:
            self.make_learner().check_parameters()
        except InputError as error:
            raise InputError(f"is refused: {error.reason.rstrip('.')}", key=f"learner.{error.ids['key']}") from None
        self._check_classes()
        if self.inference and not self.disclose.model:
            raise InputError(
                "is for those who learn the model: name them in disclose.model", key="learner.standard_errors"
            )

    def _check_stopping(self) -> None:
        if self.stopping is None:
            if self.disclose.validation:
                raise InputError("is for a job with [stopping], and there is none", key="disclose.validation")
        elif getattr(self.make_learner(), "solver", "newton") == "newton":
            raise InputError("is for learners that are trained by sgd or adam", key="stopping")

    def _check_classes(self) -> None:
        if self.label_kind == "regression":
            return
        if not self.classes:
            raise InputError("is missing: the number of classes is public", key="learner.classes")
        if any(label >= self.classes for label in self.learner.get("class_weight") or {}):
            raise InputError(f"has no classes but 0 to {self.classes - 1}", key="learner.class_weight")


def _check_distinct(key: str, names: Sequence[str]) -> None:
    if len(set(names)) < len(names):
        raise InputError("names something twice", key=key)


def _as_float(value: Any) -> Any:
    if type(value) is not int:
        return value
    # Beyond TOML's own range of integers; the parser lets them pass.
    return float(value) if abs(value) < 1 << 63 else math.inf


def _no_such(name: str, what: str, known: Iterable[str]) -> str:
    """The end of a sentence whose subject is a key."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"is no {what}{hint}: there is {', '.join(known)}"


def _first_fault(error: ValidationError) -> tuple[str, str]:
    """The key that the first fault is about, and the rest of a sentence that begins with it."""
    fault = error.errors(include_url=False)[0]
    path = [str(part) for part in fault["loc"] if part != "[key]"]
    key = ".".join(f'"{part}"' if "." in part else part for part in path)
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, InputError):
        return str(cause.ids["key"]), cause.reason
    match fault["type"]:
        case "missing":
            return key, "is missing"
        case "extra_forbidden":
            return key, _no_such(path[-1], "key of a job here", _keys_at(Job, path[:-1]))
        case "string_pattern_mismatch":
            return key, "must be written PARTY.COLUMN"
        case "tuple_type":
            return key, "must be a list"
        case "model_type" | "dict_type":
            return key, "must be a table"
    message = fault["msg"]
    return key, "must" + message[message.index(" should") + len(" should") :] if " should" in message else message


def _keys_at(kind: Any, path: Sequence[str]) -> list[str]:
    """The keys that the schema has below `path`."""
    if get_origin(kind) is dict:
        return _keys_at(get_args(kind)[1], path[1:])
    return _keys_at(kind.model_fields[path[0]].annotation, path[1:]) if path else list(kind.model_fields)
