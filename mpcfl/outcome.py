"""What a job leaves behind: the model of those who may have it, and a summary for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from mpcfl.contribution import Contribution
from mpcfl.data import split_rows
from mpcfl.errors import InputError
from mpcfl.job import Job
from mpcfl.learn.evaluation import evaluate
from mpcfl.learn.neural.network import Network
from mpcfl.session import Session
from mpcfl.training import DECIMALS, Result

try:
    from mpcfl.learn.neural import onnx_graph
except ModuleNotFoundError:  # without the extra
    onnx_graph = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Outcome:
    """The summary of one party's run, or of a whole local one.

    Attributes
    ----------
    metrics : mapping of str to float or None
        None if not disclosed to the reader.
    rounds : int
    bytes_sent : mapping of str to int
        Online payload bytes, by party.
    offline_bytes : int
        From the dealer to all.
    seconds : float
        From the end of the handshake to the last output.
    model, ledger, shares : str, None, or a mapping of parties to these
        Paths; the last is of the party's shares of the model, where the job saves it.
    offline_seconds : float or None
        What recording took, where the run was from tapes of the same command.
    search : mapping or None
        What a search found, see `Result`.
    """

    metrics: Mapping[str, float | None]
    rounds: int
    bytes_sent: Mapping[str, int]
    offline_bytes: int
    seconds: float
    model: Any
    ledger: Any
    shares: Any = None
    offline_seconds: float | None = None
    search: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As INTERFACE states it: the metrics beside the rest."""
        return {**self.metrics, **self._costs()}

    def to_json_beside(self, alone: str, metrics: Mapping[str, float | None]) -> dict[str, Any]:
        """The same with the metrics under "joint", and those of one party's own model under another name."""
        return {alone: dict(metrics), "joint": dict(self.metrics), **self._costs()}

    def _costs(self) -> dict[str, Any]:
        optional: dict[str, Any] = {} if self.search is None else {"search": dict(self.search)}
        if self.offline_seconds is not None:
            optional["offline_seconds"] = round(self.offline_seconds, 3)
        return optional | {
            "rounds": self.rounds,
            "bytes_sent": dict(self.bytes_sent),
            "offline_bytes": self.offline_bytes,
            "seconds": round(self.seconds, 3),
            "model": self.model,
            "ledger": self.ledger,
            "shares": self.shares,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Outcome:
        """What `to_json` wrote."""
        costs = {field.name for field in fields(cls)}
        return cls(
            {name: value for name, value in document.items() if name not in costs},
            **{name: value for name, value in document.items() if name in costs},
        )

    @classmethod
    def of_all(cls, outcomes: Mapping[str, Outcome]) -> Outcome:
        """The outcomes of all parties as one: metrics as any of them learnt them, costs of all, paths by party."""
        parts = list(outcomes.values())
        told = next((part.metrics for part in parts if None not in part.metrics.values()), parts[0].metrics)
        return cls(
            metrics=told,
            rounds=parts[0].rounds,
            bytes_sent={name: size for part in parts for name, size in part.bytes_sent.items()},
            offline_bytes=parts[0].offline_bytes,
            seconds=max(part.seconds for part in parts),
            model={name: part.model for name, part in outcomes.items()},
            ledger={name: part.ledger for name, part in outcomes.items()},
            search=parts[0].search,
            shares={name: part.shares for name, part in outcomes.items()},
        )


@dataclass(frozen=True)
class Use:
    """The summary of one use of a saved model, by one party or by all of a local run.

    Attributes
    ----------
    rows : int
    rounds, bytes_sent, offline_bytes, seconds
        As of `Outcome`.
    places : mapping
        Paths of what it left behind, by what that is; or mappings of parties to these.
    """

    rows: int
    rounds: int
    bytes_sent: Mapping[str, int]
    offline_bytes: int
    seconds: float
    places: Mapping[str, Any]
    offline_seconds: float | None = field(default=None, init=False)

    def to_json(self) -> dict[str, Any]:
        """As INTERFACE states it."""
        return {
            "rows": self.rows,
            "rounds": self.rounds,
            "bytes_sent": dict(self.bytes_sent),
            "offline_bytes": self.offline_bytes,
            "seconds": round(self.seconds, 3),
            **self.places,
        }

    @classmethod
    def of(cls, rows: int, party: str, session: Session, seconds: float, places: Mapping[str, Any]) -> Use:
        """One party's, after its session."""
        return cls(rows, session.rounds, {party: session.bytes_sent}, session.offline_bytes, seconds, places)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Use:
        """What `to_json` wrote."""
        costs = ("rows", "rounds", "bytes_sent", "offline_bytes", "seconds")
        places = {name: place for name, place in document.items() if name not in costs}
        return cls(**{name: document[name] for name in costs}, places=places)

    @classmethod
    def of_all(cls, uses: Mapping[str, Use]) -> Use:
        """The uses of all parties as one."""
        parts = list(uses.values())
        return cls(
            parts[0].rows,
            parts[0].rounds,
            {name: size for part in parts for name, size in part.bytes_sent.items()},
            parts[0].offline_bytes,
            max(part.seconds for part in parts),
            {what: {party: one.places[what] for party, one in uses.items()} for what in parts[0].places},
        )


def model_document(job: Job, result: Result, contribution: Contribution) -> dict[str, Any] | None:
    """A disclosed model as JSON, or None; its coefficients are for prepared columns.

    With the preparation of the reader's own columns: what another party's rows need to be prepared, that party has.
    """
    if result.model is None:
        return None
    preparation = contribution.preparation if result.preparation is None else result.preparation
    bins = {"bins": [list(one) for one in result.extent.fitting["columns"]]} if result.extent.bins else {}
    return (
        listed(result.model)
        | bins
        | {
            "learner": job.job.learner,
            "parameters": job.make_learner(result.chosen).get_params(),
            "columns": result.columns,
            "fraction": job.engine.fraction,
            "preparation": preparation.to_json(),
        }
    )


def listed(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays by name as lists."""
    return {
        name: listed(value) if isinstance(value, Mapping) else np.asarray(value).tolist()
        for name, value in arrays.items()
    }


def onnx_document(job: Job, result: Result) -> bytes | None:
    """A disclosed network as an ONNX file, from prepared columns to its outputs.

    None for another learner, and where the extra `onnx` is not installed.
    """
    network: Any = job.make_learner(result.chosen)
    if not isinstance(network, Network) or result.model is None or onnx_graph is None:
        return None
    assert result.columns is not None
    graph = onnx_graph.to_onnx(network.load(result.model["weights"], len(result.columns)))
    written: bytes = graph.SerializeToString()
    return written


def alone(job: Job, contribution: Contribution) -> dict[str, float | None]:
    """The metrics of the same learner in plaintext, on the columns of the label's owner alone.

    Raises
    ------
    InputError
        This is not the label's owner, or it has no columns.
    """
    if contribution.labels is None or not contribution.width:
        raise InputError(
            f"{contribution.party} cannot train alone: it lacks the label, or columns", party=contribution.party
        )
    train, test = split_rows(contribution.rows, job.split.test, job.job.seed)
    X, y = contribution.features, contribution.labels
    model = job.make_learner().fit(X[train], y[train], **({"columns": contribution.bins} if job.binned else {}))
    report = evaluate(model, X[test], y[test])
    return {name: round(float(value), DECIMALS) for name, value in report.items()}
