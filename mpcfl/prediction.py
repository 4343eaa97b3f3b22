"""Predicting with a saved model: what all parties run together once each has opened its shares and read its rows.

    ids agree       each party shares a fingerprint of its ordered ids; only whether all are equal is revealed
    model           each party's shares are renewed; nothing is sent
    predictions     rounded on shares, revealed to those whom the job names

Features are prepared as they were for training, by the statistics that each party kept with its shares.

Where parties have rows of their own, each tells how many it brings, all are prepared on shares by the means and
deviations that are a part of the model, and the predictions of a party's rows are revealed to it alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl import training
from mpcfl.array import SecretArray
from mpcfl.assembly import announce_sizes, ids_agree, scaler_of, side_by_side, stacked
from mpcfl.contribution import Contribution, largest_feature
from mpcfl.data import Table, read_table
from mpcfl.data.pooled import Pooled
from mpcfl.disclosure import PREDICTIONS, predictions_of
from mpcfl.errors import InputError, Mismatch
from mpcfl.job import Job
from mpcfl.keeping import SavedModel
from mpcfl.learn.predicting import prediction_names, predictions
from mpcfl.saving import replacing
from mpcfl.session import Session


def terms(job: Job, rows: int, model: SavedModel, use: str) -> dict[str, str]:
    """What all parties must hold equal before any of them sends data: job, number of rows, model and its use."""
    return training.terms(job, rows) | {"model": model.id, "use of the model": use}


def read_rows(job: Job, party: str, path: str | Path, model: SavedModel) -> Contribution:
    """A party's rows, prepared as for the training of a model. A label column is not needed, and not looked at.

    Raises
    ------
    UsageError
        There is no such file.
    InputError
        A file, a column or a cell that is not as the model's preparation needs it, named by file, row and column; or
        these are rows of which this party may not learn predictions.
    """
    if job.partition == "rows" and party not in job.disclose.predictions:
        raise InputError(
            f"Predictions of a party's own rows go to that party, and the job does not name {party}: name it in "
            "[disclose] predictions, or let it bring no rows.",
            key="disclose.predictions",
            party=party,
        )
    return prepared(job, party, read_table(path, job.job.id), model)


def prepared(job: Job, party: str, table: Table, model: SavedModel) -> Contribution:
    """The same of a table that was read."""
    limit, preparation = largest_feature(job.engine.fraction, job.engine.ring), model.preparation
    if isinstance(preparation, Pooled):
        features, missing = preparation.transform(table, limit=limit)
        return Contribution(party, table.ids, features, None, preparation, missing)
    return Contribution(party, table.ids, preparation.transform(table, limit=limit), None, preparation)


def no_rows(party: str, model: SavedModel) -> Contribution:
    """A contribution that has this party's preparation alone."""
    return Contribution.blank(party, model.preparation)


def predict(session: Session, job: Job, model: SavedModel, contribution: Contribution) -> NDArray[np.float64] | None:
    """Predict for the rows of all parties' files, together with all other parties.

    Parameters
    ----------
    session : Session
        Of the job's parties by rank, bound to the list of `mpcfl.disclosure.prediction_outputs`, with the job's
        fraction and ring.
    job : Job
    model : SavedModel
    contribution : Contribution
        As of `read_rows`; all have agreed on its number of rows. Or, where parties have rows of their own, as of
        `no_rows`.

    Returns
    -------
    ndarray of float64, shape (rows, columns of `column_names`), or None
        None at a party that does not get predictions.

    Raises
    ------
    Mismatch
        The parties' ids differ, or their files of shares do not belong together.
    InputError
        No party brings rows, or one that may not learn their predictions.
    """
    if job.partition == "rows":
        return _predict_own(session, job, model, contribution)
    check_ids(session, job, contribution)

    def program(on: Session) -> Any:
        X = side_by_side(on, model.widths, contribution.features, contribution.rows)
        return rounded(job, model.load(on, job).learner, X).reveal(job.disclose.predictions, PREDICTIONS)

    return decoded(job, session.run(program))


def _predict_own(
    session: Session, job: Job, model: SavedModel, contribution: Contribution
) -> NDArray[np.float64] | None:
    """Predictions of the rows that each party brings, at their owner."""
    extent = announce_sizes(session, job, contribution)
    brought = {party: count for party, count in zip(session.parties, extent.counts, strict=True) if count}
    unnamed = [party for party in brought if party not in job.disclose.predictions]
    if unnamed or not brought:
        who = f"{unnamed[0]} brings rows and is not" if unnamed else "No party brings rows: give a file to one"
        raise InputError(f"{who} named in [disclose] predictions.", key="disclose.predictions")

    def program(on: Session) -> dict[str, Any]:
        loaded = model.load(on, job)
        X, empty = stacked(on, job, extent, contribution)
        found = rounded(job, loaded.learner, scaler_of(job, loaded.preparation).transform(X, empty))
        ends = np.cumsum(list(brought.values()))
        parts = zip(brought, np.split(np.arange(extent.rows), ends[:-1]), strict=True)
        return {party: found[rows].reveal(party, predictions_of(party)) for party, rows in parts}

    return decoded(job, session.run(program).get(session.name))


def check_ids(session: Session, job: Job, contribution: Contribution) -> None:
    """See that all parties hold the same ids.

    Raises
    ------
    Mismatch
        They do not.
    """
    if not session.run(lambda on: ids_agree(on, job, contribution.fingerprint())):
        raise Mismatch(
            "the id columns differ: every party must hold the same ids, one row each, of the rows to predict",
            column=job.job.id,
        )


def rounded(job: Job, learner: Any, X: Any) -> SecretArray:
    """Predictions times a power of ten as whole numbers: more decimals are not disclosed."""
    found: SecretArray = np.rint(predictions(learner, X, job.label_kind) * 10**job.predict.decimals)
    return found


def decoded(job: Job, whole: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    """Predictions from what was revealed of `rounded`."""
    if whole is None:
        return None
    values: NDArray[np.float64] = np.round(whole / 10**job.predict.decimals, job.predict.decimals) + 0.0  # no -0
    return values


def column_names(job: Job) -> list[str]:
    """Names of the columns of predictions: "probability", "probability_0" and so on, "score", or "prediction"."""
    return prediction_names(job.make_learner(), job.label_kind, job.classes)


def write_predictions(path: Path, job: Job, ids: Sequence[str], values: NDArray[np.float64]) -> None:
    """Write predictions as CSV in one step: the id, then a number for each of `column_names`.

    An id that a spreadsheet would take for a formula begins with an apostrophe.

    Raises
    ------
    UsageError, ResourceError
        As of `mpcfl.saving.replacing`.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([escaped(job.job.id), *column_names(job)])
    form = f"%.{job.predict.decimals}f"
    for name, row in zip(ids, values.tolist(), strict=True):
        writer.writerow([escaped(name), *(form % value for value in row)])
    with replacing(path) as file:
        file.write(text.getvalue().encode())


def escaped(cell: str) -> str:
    """A text cell of a CSV that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
