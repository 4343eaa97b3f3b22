"""`mpcfl demo`: the credit example, from two files to one model."""

from __future__ import annotations

from mpcfl.cli.console import say, show_metrics
from mpcfl.cli.local import OutFolder, perform, show_ending
from mpcfl.cli.run import JsonFile
from mpcfl.contribution import Contribution
from mpcfl.examples import credit
from mpcfl.job import Job
from mpcfl.outcome import alone
from mpcfl.saving import check_target, write_json


def demo(json_file: JsonFile = None, out: OutFolder = None) -> None:
    """A bank and a credit bureau train one model on both their files, and neither sees the other's.

    Every role is a process of this machine, as in `mpcfl local`.
    """
    if json_file is not None:
        check_target(json_file)
    job_file = credit.path("job.toml")
    files = {party: credit.path(f"{party}.csv") for party in ("bank", "bureau")}
    say("A bank knows which of its loans went bad, a credit bureau its customers' jobs and debts.")
    say("Neither may show its file to the other; they train one model on all columns together.")
    say("")
    job = Job.load(job_file)
    outcome = perform(job_file, files, out)
    before = alone(job, Contribution.read(job, job.label_party, files[job.label_party]))
    show_metrics({f"{job.label_party} alone": before, "joint": outcome.metrics})
    show_ending(outcome)
    if json_file is not None:
        write_json(json_file, outcome.to_json_beside(f"{job.label_party}_alone", before))
