"""Who learns what from a job: one list, which binds the ledger and is shown to the user before work begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mpcfl.errors import InputError
from mpcfl.job import Job
from mpcfl.ledger import Disclosures

IDS_AGREE = "ids agree"
IDS_DIFFER = "no id stands at two parties"

VALIDATION = "loss of the rows held back, as often as training looks whether to end"
PARTS = {
    "coef": "coefficients of the model",
    "intercept": "intercept of the model",
    "standard_errors": "standard errors of the model",
    "z_scores": "z-scores of the model",
    "p_values": "p-values of the model",
    "weights": "weights of the model",
    "fill": "means that stand for missing cells",
    "center": "means of the columns",
    "spread": "one over the deviations of the columns",
}
"""The purposes under which the parts of a model are disclosed, by the names that learners give them."""
PREDICTIONS = "predictions, one a row"
THEIR_OWN = "predictions of the rows of "

DEALER_WARNING = (
    "The dealer together with any one party sees everything: let somebody run it whom every party trusts not to."
)

NO_DEALER = "No dealer takes part: the parties make the correlations themselves, by Paillier."


@dataclass(frozen=True)
class Fact:
    """Something that a job tells, and whom.

    Attributes
    ----------
    what : str
    readers : tuple of str
    output : bool
        A result computed on all data, as against what the parties tell openly.
    """

    what: str
    readers: tuple[str, ...]
    output: bool


def columns_of(party: str) -> str:
    """The purpose under which a party's column names are disclosed to the readers of a model."""
    return f"column names of {party}"


def predictions_of(party: str) -> str:
    """The purpose under which predictions of a party's own rows are disclosed to it."""
    return f"{THEIR_OWN}{party}, one a row"


def held_out(metric: str) -> str:
    """The purpose under which a metric is disclosed."""
    return f"{metric} of the held-out rows"


def searched(metric: str) -> str:
    """The purpose under which the metric of each candidate of a search is disclosed."""
    return f"{metric} of each candidate, the mean over folds"


def outputs(job: Job, parties: Sequence[str]) -> list[Fact]:
    """The outputs of a job, in the order in which they are revealed.

    Raises
    ------
    InputError
        The job names a party that takes no part, or discloses nothing to anybody and keeps nothing.
    """
    job.check(parties)
    if not job.disclose.model and not job.disclose.metrics and not job.save.model:
        raise InputError(
            "The job discloses nothing: name in [disclose] who learns the model or the metrics, or keep the model as "
            "shares by [save] model = true.",
            key="disclose",
        )
    model, metrics = _ordered(job.disclose.model, parties), _ordered(job.disclose.metrics, parties)
    by_columns = job.partition == "columns"
    facts = [Fact(IDS_AGREE if by_columns else IDS_DIFFER, tuple(parties), True)]
    if job.stopping is not None:
        facts.append(Fact(VALIDATION, tuple(parties), True))
    if job.search is not None:
        facts.append(Fact(searched(job.search_metric), tuple(parties), True))
    if model:
        facts += model_outputs(job, parties)
    if metrics:
        facts += [Fact(held_out(metric), metrics, True) for metric in job.metrics]
    return facts


def model_outputs(job: Job, parties: Sequence[str]) -> list[Fact]:
    """The parts of a model, in the order in which they are revealed."""
    readers = _ordered(job.disclose.model, parties)
    names = [Fact(columns_of(party), readers, True) for party in parties if job.partition == "columns"]
    return [*names, *(Fact(PARTS[part], readers, True) for part in job.model_parts)]


def agreed(job: Job, parties: Sequence[str]) -> Disclosures:
    """The list that a session keeps to; arguments and errors as of `outputs`."""
    return listed(outputs(job, parties))


def facts(job: Job, parties: Sequence[str], rows: int, dealer: str | None) -> list[Fact]:
    """All that a job tells, outputs and what is public: the table that a user reads before work begins."""
    everyone = tuple(parties) if dealer is None else (*parties, dealer)
    count = f"number of rows: {rows}" if job.partition == "columns" else "number of rows of each party"
    sizes = "number of columns after preparation, by party"
    if job.disclose.model and job.partition == "columns":
        sizes += ", and how long their names are together"
    public = [
        Fact(f"{count}, which of them are held out, and the order of training", everyone, False),
        Fact("learner and its parameters, shapes of all operations", everyone, False),
        Fact(sizes, everyone, False),
    ]
    if job.save.checkpoint:
        public.append(Fact("which steps of this training each party has checkpoints of", tuple(parties), False))
    return [*public, *outputs(job, parties)]


# ------------------------------------------------------------------------------------------------ uses of a saved model


def prediction_outputs(job: Job, parties: Sequence[str]) -> list[Fact]:
    """The outputs of predicting with a saved model, in the order in which they are revealed.

    Where parties have rows of their own, each of those whom the job names gets the predictions of its own.

    Raises
    ------
    InputError
        The job names a party that takes no part, or nobody who gets predictions.
    """
    job.check(parties)
    if not job.disclose.predictions:
        raise InputError(
            "The job discloses no predictions: name in [disclose] predictions who gets them.",
            key="disclose.predictions",
        )
    named = _ordered(job.disclose.predictions, parties)
    if job.partition == "rows":
        return [Fact(predictions_of(party), (party,), True) for party in named]
    return [Fact(IDS_AGREE, tuple(parties), True), Fact(PREDICTIONS, named, True)]


def prediction_facts(job: Job, parties: Sequence[str], rows: int, dealer: str) -> list[Fact]:
    """All that predicting for the rows of a file tells; arguments and errors as of `prediction_outputs`."""
    everyone = tuple(parties) if dealer is None else (*parties, dealer)
    count = f"number of rows: {rows}" if job.partition == "columns" else "number of rows of each party"
    public = [
        Fact(count, everyone, False),
        Fact("learner and its parameters, shapes of all operations", everyone, False),
        Fact("that the parties' shares belong to one model, and its id", (*parties, dealer), False),
    ]
    return [*public, *prediction_outputs(job, parties)]


def export_facts(job: Job, parties: Sequence[str], dealer: str) -> list[Fact]:
    """All that the export of a saved model tells.

    Raises
    ------
    InputError
        The job names a party that takes no part, or nobody who learns the model.
    """
    job.check(parties)
    if not job.disclose.model:
        raise InputError("The job discloses no model: name in [disclose] model who learns it.", key="disclose.model")
    public = [Fact("that the parties' shares belong to one model, and its id", (*parties, dealer), False)]
    if job.partition == "columns":
        sizes = "number of columns after preparation, by party, and how long their names are"
        public.insert(0, Fact(sizes, (*parties, dealer), False))
    return [*public, *model_outputs(job, parties)]


def import_facts(job: Job, parties: Sequence[str], dealer: str) -> list[Fact]:
    """All that it tells to bring in a model: nothing is revealed.

    Raises
    ------
    InputError
        The job names a party that takes no part, keeps no model, or has one with standard errors.
    """
    job.check(parties)
    if job.inference:
        raise InputError(
            "The job's learner.standard_errors must be false: a model is brought in to predict with.",
            key="learner.standard_errors",
        )
    if not job.save.model:
        raise InputError("The job keeps no model: a model is brought in where [save] model = true.", key="save.model")
    everyone = (*parties, dealer)
    return [
        Fact("who brings the model, and the number of columns after preparation, by party", everyone, False),
        Fact("learner and its parameters, shapes of all operations", everyone, False),
    ]


def service_facts(job: Job, parties: Sequence[str], rows: int, by_file: bool, dealer: str) -> list[Fact]:
    """All that a service tells, of a job with [serve]; see `mpcfl.serving` for its two kinds of requests.

    Raises
    ------
    InputError
        The job names a party that takes no part.
    """
    job.check(parties)
    assert job.serve is not None
    everyone = (*parties, dealer)
    asked = "when a request comes, and of how many rows"
    public = [
        Fact(asked + ", and their places in the order of ids" if by_file else asked, everyone, False),
        Fact("learner and its parameters, shapes of all operations", everyone, False),
        Fact("that the parties' shares belong to one model, and its id", (*parties, dealer), False),
    ]
    told = [Fact(PREDICTIONS, (job.serve.requester,), True)]
    if by_file:
        public.insert(0, Fact(f"number of rows of the files: {rows}", everyone, False))
        public.insert(2, Fact("ids of the rows that are asked for", tuple(parties), False))
        told.insert(0, Fact(IDS_AGREE, tuple(parties), True))
    return [*public, *told]


def listed(facts: Sequence[Fact]) -> Disclosures:
    """The list that a session keeps to, of these facts."""
    return Disclosures(tuple((fact.what, fact.readers) for fact in facts if fact.output))


def _ordered(names: Sequence[str], parties: Sequence[str]) -> tuple[str, ...]:
    return tuple(party for party in parties if party in names)
