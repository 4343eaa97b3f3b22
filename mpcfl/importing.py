"""Bringing in a model that one party has in the clear: all parties keep shares of it, as if they had trained it.

    who         each party tells whether it brings the model, and how many columns it has; exactly one does
    model       its arrays are shared by their owner
    saving      each party keeps its shares, see `mpcfl.keeping`; nothing is revealed

How columns are prepared follows from the job, or stands in the model's file: its owner's own, or, where parties have
rows of their own, the secret means and deviations of all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mpcfl import training
from mpcfl.contribution import AnyPreparation, largest_feature
from mpcfl.data import Preparation
from mpcfl.data.binned import Binned, BinnedColumn
from mpcfl.data.prepare import NumberColumn, TextColumn
from mpcfl.errors import InputError, Mismatch, UsageError
from mpcfl.job import Job
from mpcfl.keeping import Keeping, Model
from mpcfl.sections import EVERY
from mpcfl.session import Session

MOST_BYTES = 1 << 30
"""Of a model's file."""

Arrays = dict[str, Any]
"""Arrays by name, or by part and name."""


def terms(job: Job) -> dict[str, str]:
    """What all parties must hold equal before any of them sends data."""
    return training.terms(job, 0) | {"use of the model": "import"}


def declared(job: Job, party: str) -> AnyPreparation:
    """How a party's columns are prepared, as it follows from the job alone; a party not in [columns] has none.

    Raises
    ------
    InputError
        The job leaves it to rows, which an import has none of.
    """
    if job.partition == "rows" and not job.binned:
        return job.pooled()
    owner = EVERY if job.partition == "rows" else party
    columns = job.columns_of(owner, ())
    kind = Binned if job.binned else Preparation
    try:
        return kind.declared(columns, job.prepare.options(owner, columns))
    except InputError as error:
        key = f'prepare.columns."{owner}.{error.ids["column"]}"'
        raise InputError(f"The job's {key}: {error.reason}.", key=key) from None


def read_model(job: Job, parties: Sequence[str], owner: str, path: Path) -> tuple[Arrays, AnyPreparation]:
    """A model's file and the preparation of its owner's columns.

    Parameters
    ----------
    job : Job
    parties : sequence of str
        By rank.
    owner : str
    path : Path
        JSON, as `mpcfl.outcome.model_document` has it.

    Returns
    -------
    arrays : dict
        Of float64, by the names of `Job.model_parts`; of a network by weight in "weights".
    preparation : Preparation, Pooled or Binned

    Raises
    ------
    UsageError
        There is no such file.
    InputError
        It holds no model; its arrays are none, not finite, too large for fixed point, or do not fit the learner.
    Mismatch
        It is of another learner, or of other columns.
    """
    document = _document(path)
    learner = job.make_learner()
    if document.get("learner") != job.job.learner:
        raise Mismatch(f"{path} is a model of another learner than the job's {job.job.learner}", file=str(path))
    mine, its = (_entries(parameters) for parameters in (learner.get_params(), document.get("parameters")))
    differing = sorted(name for name in mine.keys() | its.keys() if mine.get(name) != its.get(name))
    if differing:
        raise Mismatch(
            f"the model in {path} was trained with other parameters than the job's in [learner]: "
            f"{', '.join(differing)}",
            file=str(path),
        )
    preparation = _preparation(job, owner, document.get("preparation"), path)
    every: list[AnyPreparation]
    if job.partition == "rows":
        columns, every = preparation.features, [preparation]
    else:
        by_party = {party: preparation if party == owner else declared(job, party) for party in parties}
        columns = [f"{party}.{name}" for party, one in by_party.items() for name in one.features]
        every = list(by_party.values())
    if document.get("columns") != columns:
        raise Mismatch(
            f"the model in {path} is for other columns than those that the job names in [columns], "
            f"which make {len(columns)} features",
            file=str(path),
        )
    bins = [list(column) for one in every if isinstance(one, Binned) for column in one.public]
    if bins and document.get("bins") != bins:
        raise Mismatch(f"the model in {path} is for columns with other bins than the job's", file=str(path))
    shapes = {**learner.model_shapes(sum(one.width for one in every)), **_prepared_shapes(job)}
    limit = largest_feature(job.engine.fraction, job.engine.ring)
    try:
        return _whole(_arrays(document, shapes, limit), learner.whole_parts), preparation
    except InputError as error:
        raise InputError(f"{path}: {error.reason}.", file=str(path)) from None


def bring(
    session: Session,
    job: Job,
    keeping: Keeping,
    preparation: AnyPreparation,
    arrays: Arrays | None,
) -> str:
    """Share the model that one party brings and save it, together with all other parties.

    Parameters
    ----------
    session : Session
        Of the job's parties by rank, with the job's fraction and ring.
    job : Job
    keeping : Keeping
        Where this party's shares go.
    preparation : Preparation, Pooled or Binned
        Of this party's columns.
    arrays : dict or None
        As of `read_model`, at the party that brings the model.

    Returns
    -------
    str
        Who brought it.

    Raises
    ------
    Mismatch
        No party brings a model, or several do.
    InputError
        The learner does not take so many columns.
    """
    mine = [int(arrays is not None), preparation.width]
    told = [session.tell(mine if party == session.name else None, party, 2) for party in session.parties]
    owners = [party for party, (brings, _) in zip(session.parties, told, strict=True) if brings]
    if len(owners) != 1:
        who = " and ".join(owners) + " bring models" if owners else "no party brings a model"
        raise Mismatch(f"{who}, and exactly one must: give --model-json at the one whose model it is")
    (owner,) = owners
    widths = [width for _, width in told]
    features = widths[0] if job.partition == "rows" else sum(widths)
    learner = job.make_learner()
    shapes = learner.model_shapes(features)

    def program(on: Session) -> None:
        found = _shared(on, owner, {**shapes, **_prepared_shapes(job)}, arrays, learner.whole_parts)
        fitted = job.make_learner().set_model_arrays(found, features)
        keeping.model(on, Model(fitted, {part: found[part] for part in job.prepared_parts}), widths)

    session.run(program)
    return owner


def _document(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is too large a file to be a model", file=str(path))
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", file=str(path)) from None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InputError(f"{path} is no model: it must be the JSON that `mpcfl run` or `export` writes", file=str(path))
    return document


def _entries(parameters: Any) -> dict[str, str]:
    """Parameters as text, which JSON's types compare by."""
    if not isinstance(parameters, dict):
        return {}
    return {name: json.dumps(value, sort_keys=True) for name, value in parameters.items()}


def _preparation(job: Job, owner: str, document: Any, path: Path) -> AnyPreparation:
    """That of the owner's columns: as its file has it, if it has any, and else as the job does."""
    if job.partition == "rows":
        common = declared(job, owner)
        if json.dumps(document) != json.dumps(common.to_json()):
            raise Mismatch(f"the model in {path} is for columns that were prepared in another way", file=str(path))
        return common
    if not (isinstance(document, dict) and document.get("columns")):
        return declared(job, owner)
    try:
        preparation = (Binned if job.binned else Preparation).from_json(document)
        readable = all(map(_readable, preparation.columns))
    except (KeyError, TypeError, ValueError, AttributeError):
        readable = False
    if not readable:
        raise InputError(f"{path} has a preparation that cannot be read", file=str(path))
    if [column.name for column in preparation.columns] != job.columns_of(owner, ()):
        raise Mismatch(f"the model in {path} prepares other columns than columns.{owner} of the job", file=str(path))
    return preparation


def _readable(column: NumberColumn | TextColumn | BinnedColumn) -> bool:
    """Whether a column of a file has what such a column has."""
    if isinstance(column, BinnedColumn):
        return _readable_bins(column)
    if isinstance(column, TextColumn):
        return all(isinstance(text, str) for text in (column.name, *column.categories))
    numbers = [column.center, column.spread, *([] if column.fill is None else [column.fill])]
    finite = all(isinstance(one, int | float) and math.isfinite(one) for one in numbers)
    return isinstance(column.name, str) and finite and column.spread > 0


def _readable_bins(column: BinnedColumn) -> bool:
    flags = (column.missing, column.refuse)
    if not isinstance(column.name, str) or not all(isinstance(one, bool) for one in flags) or column.bins != 0:
        return False
    if column.categories is not None:
        texts = column.categories
        return column.cuts is None and len(set(texts)) == len(texts) and all(isinstance(one, str) for one in texts)
    cuts = column.cuts
    if not isinstance(cuts, tuple) or not all(isinstance(one, int | float) and math.isfinite(one) for one in cuts):
        return False
    return list(cuts) == sorted(cuts)


def _prepared_shapes(job: Job) -> dict[str, tuple[int, ...]]:
    """Of what is found on shares to prepare columns, where parties have rows of their own."""
    if not job.prepared_parts:
        return {}
    pooled = job.pooled()
    filled, scaled = (len(pooled.filled),), (len(pooled.scaled),)
    return {part: filled if part == "fill" else scaled for part in job.prepared_parts}


def _arrays(document: Mapping[str, Any], shapes: Mapping[str, Any], limit: float, within: str = "") -> Arrays:
    """The arrays of those shapes that a document has."""
    found: Arrays = {}
    for name, shape in shapes.items():
        told, value = f"{within}{name}", document.get(name)
        if isinstance(shape, Mapping):
            if not isinstance(value, dict) or value.keys() != shape.keys():
                raise InputError(f"{told} must have {', '.join(shape)}")
            found[name] = _arrays(value, shape, limit, f"{told} ")
            continue
        try:
            array = np.array(value)
        except ValueError:  # lists of several lengths
            array = np.array(None)
        if array.dtype.kind not in "iuf" or array.shape != shape:
            raise InputError(f"{told} must be numbers in the shape {shape}")
        if not (np.abs(array) < limit).all():
            raise InputError(f"{told} must be finite numbers below {limit:g}, which have room in fixed point")
        found[name] = array.astype(np.float64)
    return found


def _whole(arrays: Arrays, parts: Sequence[str]) -> Arrays:
    """The same with those parts, which tell what goes left, as whole numbers."""
    for part in parts:
        if not np.isin(arrays[part], (0, 1)).all():
            raise InputError(f"{part} must be zeros and ones")
    return arrays | {part: arrays[part].astype(np.int64) for part in parts}


def _shared(
    session: Session, owner: str, shapes: Mapping[str, Any], arrays: Mapping[str, Any] | None, whole: Sequence[str] = ()
) -> Arrays:
    """Arrays of those shapes, shared by their owner, the `whole` ones as whole numbers."""
    return {
        name: _shared(session, owner, shape, None if arrays is None else arrays[name])
        if isinstance(shape, Mapping)
        else session.share(
            None if arrays is None else arrays[name], owner, shape, np.int64 if name in whole else np.float64
        )
        for name, shape in shapes.items()
    }
