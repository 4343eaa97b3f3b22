"""The job file: what is to be computed on whose columns, how, and who learns what. Every party holds the same one."""

import difflib
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Self, get_args, get_origin

import numpy as np
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from mpcfl.data.binned import Binned
from mpcfl.data.pooled import Pooled
from mpcfl.errors import InputError, UsageError
from mpcfl.learn.evaluation import NAMES
from mpcfl.learners import LEARNERS, Learner, as_meant, make, reads_bins, real, stops_early
from mpcfl.sections import (
    DEFAULT_MISSING,
    EVERY,
    Disclose,
    Engine,
    Head,
    Name,
    Names,
    Predict,
    Prepare,
    Save,
    Search,
    Section,
    Serve,
    Split,
    Stopping,
    check_distinct,
)

LEVEL = "disclosure"
"""What learners of trees call that which is told of trees while they grow: a job has it in [disclose]."""

BINNING = ("max_bins", "categorical_features", LEVEL)
"""Parameters of theirs that columns are prepared by, or that stand elsewhere: no search chooses them."""


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
    search : Search or None
        None takes the parameters as they are.
    save, predict : Save, Predict
    serve : Serve or None
        None for a job that is not served.
    """

    job: Head
    columns: dict[Name, Names] = Field(default={})
    prepare: Prepare = Prepare()
    split: Split = Split()
    learner: dict[str, Any] = Field(default={})
    engine: Engine = Engine()
    disclose: Disclose = Disclose()
    stopping: Stopping | None = None
    search: Search | None = None
    save: Save = Save()
    predict: Predict = Predict()
    serve: Serve | None = None

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
        named = [party for party in self.columns if party != EVERY]
        return [*named, *(party for party in parties if party not in named)]

    @property
    def partition(self) -> Literal["columns", "rows"]:
        """What of the table each party has of its own."""
        return self.job.partition

    @property
    def foreseen(self) -> bool:
        """Whether the program is known before it runs: it does not end, or choose, by what it discloses."""
        return self.stopping is None and self.search is None

    @property
    def binned(self) -> bool:
        """Whether columns are prepared as bins, for a learner of trees."""
        return reads_bins(self.job.learner)

    def has_label(self, party: str) -> bool:
        """Whether a party's file has the label."""
        return self.label_party in (party, EVERY)

    def pooled(self) -> Pooled:
        """How the columns are prepared of which every party has rows of its own; none of them where they are bins."""
        return self.prepare.pooled(() if self.binned else self.columns[EVERY])

    def common(self) -> Pooled | Binned:
        """What stands in place of a party's own preparation where every party has rows of its own."""
        if not self.binned:
            return self.pooled()
        return Binned.common(self.columns[EVERY], self.prepare.options(EVERY, self.columns[EVERY]), self.max_bins)

    @property
    def max_bins(self) -> int:
        """Most bins of a column, for a learner of trees."""
        bins: int = self.make_learner().get_params()["max_bins"]
        return bins

    def columns_of(self, party: str, available: Iterable[str]) -> list[str]:
        """The columns that `party` uses: those of [columns], else all `available` ones but id and label."""
        if party in self.columns:
            return list(self.columns[party])
        label = self.label_column if party == self.label_party else None
        return [name for name in available if name not in (self.job.id, label)]

    @property
    def label_kind(self) -> Literal["binary", "multiclass", "regression"]:
        """What the cells of the label column are: 0 or 1, class numbers from 0, or finite numbers."""
        kind = self.make_learner().kind
        return "binary" if kind == "binary" else "multiclass" if kind == "multiclass" else "regression"

    @property
    def label_dtype(self) -> type[np.int64] | type[np.float64]:
        """How labels are shared."""
        return np.float64 if self.label_kind == "regression" else np.int64

    @property
    def feature_dtype(self) -> type[np.bool_] | type[np.float64]:
        """How features are shared."""
        return np.bool_ if self.binned else np.float64

    @property
    def classes(self) -> int:
        """Number of classes, 0 for a learner that has none."""
        return 2 if self.label_kind == "binary" else int(self.learner.get("classes", 0))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of what a held-out report says of this learner, in the order in which it is disclosed."""
        return NAMES[self.make_learner().kind]

    @property
    def inference(self) -> bool:
        """Whether standard errors, z-scores and p-values are part of the model."""
        return "p_values" in self.make_learner().model_parts

    @property
    def prepared_parts(self) -> tuple[str, ...]:
        """What is found on shares to prepare columns, where parties have rows of their own."""
        if self.partition == "columns":
            return ()
        pooled = self.pooled()
        return (*(("fill",) if pooled.filled else ()), *(("center", "spread") if pooled.scaled else ()))

    @property
    def model_parts(self) -> tuple[str, ...]:
        """The parts of the model as it is disclosed, in that order."""
        return (*self.make_learner().model_parts, *self.prepared_parts)

    @property
    def search_metric(self) -> str:
        """The metric by which parameters are chosen."""
        assert self.search is not None
        return self.search.metric or self.metrics[0]

    def make_learner(self, chosen: Mapping[str, Any] | None = None, level: str | None = None) -> Learner:
        """The learner, with this job's parameters, and with those `chosen` by a search.

        One of trees tells of them what the job says, or what another `level` says.
        """
        told = {LEVEL: level or self.disclose.trees} if self.binned else {}
        return make(self.job.learner, self.learner | dict(chosen or {}) | told, self.job.seed)

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
        if self.search is not None and set(self.disclose.search) != set(parties):
            raise InputError(
                "The job's disclose.search must name all parties: each learns the metric that chooses the parameters.",
                key="disclose.search",
            )
        named = [("job.label", self.label_party)]
        named += [(f"columns.{party}", party) for party in self.columns]
        named += [(f'prepare.columns."{key}"', key.partition(".")[0]) for key in self.prepare.columns]
        named += [("disclose.model", party) for party in self.disclose.model]
        named += [("disclose.metrics", party) for party in self.disclose.metrics]
        named += [("disclose.predictions", party) for party in self.disclose.predictions]
        for key, party in named:
            if party not in parties and (party != EVERY or key.startswith("disclose.")):
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
        level = document["disclose"].pop("trees")
        document["disclose"] = {key: sorted(names) for key, names in document["disclose"].items()}
        document["disclose"] |= {"trees": level} if self.binned else {}
        document["learner"] = self.make_learner().get_params()
        document["prepare"]["missing"] = self.prepare.missing or DEFAULT_MISSING[self.partition]
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
    def _as_constructor_takes(cls, learner: dict[str, Any], known: ValidationInfo) -> dict[str, Any]:
        """Numbers as they are meant: classes are 0 and 1 where TOML has strings; as a weight or a rate, 1 is 1.0."""
        head = known.data.get("job")
        return _as_meant("" if head is None else head.learner, learner, "learner.class_weight")

    @field_validator("search")
    @classmethod
    def _as_candidates_take(cls, search: Search | None, known: ValidationInfo) -> Search | None:
        if search is None or "job" not in known.data:
            return search
        learner = known.data["job"].learner
        grid = {
            name: tuple(_as_meant(learner, {name: value}, "search.grid.class_weight")[name] for value in values)
            for name, values in search.grid.items()
        }
        return search.model_copy(update={"grid": grid})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self._check_learner()
        for party, columns in self.columns.items():
            check_distinct(f"columns.{party}", columns)
            refused = {self.job.id} | ({self.label_column} if party == self.label_party else set())
            if refused & set(columns):
                raise InputError("must name neither the id nor the label", key=f"columns.{party}")
        for name in self.prepare.columns:
            party, _, column = name.partition(".")
            if party in self.columns and column not in self.columns[party]:
                raise InputError(
                    f"prepares a column that columns.{party} does not name", key=f'prepare.columns."{name}"'
                )
        self._check_partition()
        check_distinct("disclose.model", self.disclose.model)
        check_distinct("disclose.metrics", self.disclose.metrics)
        check_distinct("disclose.predictions", self.disclose.predictions)
        check_distinct("disclose.predictions", self.disclose.predictions)
        self._check_stopping()
        self._check_search()
        self._check_saving()
        if self.serve is not None and self.serve.requester not in self.disclose.predictions:
            raise InputError("must be one of disclose.predictions, who get the answers", key="serve.requester")
        if self.disclose.metrics and self.split.test == 0:
            raise InputError("must be more than 0 where metrics are disclosed", key="split.test")
        return self

    def _check_learner(self) -> None:
        if self.job.learner not in LEARNERS:
            raise InputError(_no_such(self.job.learner, "learner", LEARNERS), key="job.learner")
        known = LEARNERS[self.job.learner].parameter_names()
        if self.disclose.trees != "nothing" and not self.binned:
            raise InputError(f"is for learners of trees, and {self.job.learner} is none", key="disclose.trees")
        if self.disclose.trees == "own_splits" and self.partition == "rows":
            raise InputError(
                "must be nothing where parties have rows, and no columns of their own", key="disclose.trees"
            )
        for name in self.learner:
            if self.binned and name == "categorical_features":
                raise InputError(
                    "is for programs: in a job columns of text have categories, see prepare.columns",
                    key=f"learner.{name}",
                )
            if self.binned and name == LEVEL:
                raise InputError("stands in disclose.trees, where all parties see it", key=f"learner.{name}")
            if name not in known:
                raise InputError(_no_such(name, f"parameter of {self.job.learner}", known), key=f"learner.{name}")
        try:
            self.make_learner().check_parameters()
        except InputError as error:
            key = f"learner.{error.ids['key']}" if "key" in error.ids else "learner"
            raise InputError(f"is refused: {error.reason.rstrip('.')}", key=key) from None
        self._check_classes()
        if self.inference and not self.disclose.model:
            raise InputError(
                "is for those who learn the model: name them in disclose.model", key="learner.standard_errors"
            )

    def _check_saving(self) -> None:
        if self.save.checkpoint and not self.foreseen:
            raise InputError(
                "must be 0 in a job with [stopping] or [search], which has no checkpoints", key="save.checkpoint"
            )

    def _check_partition(self) -> None:
        rows = self.partition == "rows"
        named = {"job.label": self.label_party}
        named |= {f'columns."{party}"': party for party in self.columns}
        named |= {f'prepare.columns."{name}"': name.partition(".")[0] for name in self.prepare.columns}
        for key, party in named.items():
            if rows and party != EVERY:
                raise InputError(f'must be of "{EVERY}", all parties, where each has rows of its own', key=key)
            if not rows and party == EVERY:
                raise InputError(f'must name a party: "{EVERY}" is for job.partition = "rows"', key=key)
        if rows and not self.columns.get(EVERY):
            raise InputError("is missing: the columns that all parties have, in one order", key=f'columns."{EVERY}"')
        if self.binned:
            self.prepare.check_bins()
            for name, entry in self.prepare.columns.items():
                if rows and entry.type == "text" and entry.categories is None:
                    key = f'prepare.columns."{name}".categories'
                    raise InputError("is missing: categories are public, and nobody knows all rows", key=key)
            return
        for name, entry in self.prepare.columns.items():
            entry.check(f'prepare.columns."{name}"', rows)
        if rows and self.prepare.missing == "median":
            raise InputError("must be mean, zero or refuse where parties have rows of their own", key="prepare.missing")

    def _check_stopping(self) -> None:
        if self.stopping is None:
            if self.disclose.validation:
                raise InputError("is for a job with [stopping], and there is none", key="disclose.validation")
        elif not stops_early(self.make_learner()):
            raise InputError(
                "is for linear models that are trained by sgd or adam, and for boosted trees", key="stopping"
            )

    def _check_search(self) -> None:
        if self.search is None:
            if self.disclose.search:
                raise InputError("is for a job with [search], and there is none", key="disclose.search")
            return
        if self.stopping is not None:
            raise InputError("is not for a job with [stopping]: folds would end at different times", key="search")
        if self.search_metric not in self.metrics:
            raise InputError(f"must be one of {', '.join(self.metrics)}", key="search.metric")
        known = LEARNERS[self.job.learner].parameter_names()
        for name in self.search.grid:
            fixed = ("classes", *(BINNING if self.binned else ()))
            if name not in known or name in fixed:
                choices = [one for one in known if one not in fixed]
                raise InputError(_no_such(name, f"parameter of {self.job.learner}", choices), key=f"search.grid.{name}")
        for chosen in self.search.candidates:
            try:
                self.make_learner(chosen).check_parameters()
            except InputError as error:
                key = str(error.ids.get("key", "")).partition("[")[0]
                raise InputError(
                    f"has a value that is refused: {error.reason.rstrip('.')}",
                    key=f"search.grid.{key}" if key in self.search.grid else "search.grid",
                ) from None

    def _check_classes(self) -> None:
        if self.label_kind == "regression":
            return
        if not self.classes:
            raise InputError("is missing: the number of classes is public", key="learner.classes")
        if any(label >= self.classes for label in self.learner.get("class_weight") or {}):
            raise InputError(f"has no classes but 0 to {self.classes - 1}", key="learner.class_weight")


def _as_meant(learner: str, parameters: dict[str, Any], key: str) -> dict[str, Any]:
    """Parameters as the learner takes them; of class weights, `key` in messages, TOML has the classes as strings."""
    weights = parameters.get("class_weight")
    if isinstance(weights, dict):
        if not all(label.isdecimal() and str(int(label)) == label for label in weights):
            raise InputError("has no classes but numbers from 0", key=key)
        parameters = parameters | {"class_weight": {int(label): real(weight) for label, weight in weights.items()}}
    return as_meant(learner, parameters)


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
    if get_origin(kind) is UnionType:  # of a section that a job may leave out
        kind = get_args(kind)[0]
    return _keys_at(kind.model_fields[path[0]].annotation, path[1:]) if path else list(kind.model_fields)
