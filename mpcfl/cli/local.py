"""`mpcfl local`: a whole job on this machine, every role a process with fresh keys and real sockets."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mpcfl.cli.console import bar, say, show_costs, show_disclosures, show_metrics, show_search
from mpcfl.cli.processes import Roles
from mpcfl.cli.run import JobFile, JsonFile
from mpcfl.contribution import Contribution
from mpcfl.disclosure import facts, prediction_facts
from mpcfl.errors import UsageError
from mpcfl.job import Job
from mpcfl.keeping import MODEL, SavedModel
from mpcfl.keys import Identity, Role, generate
from mpcfl.machine import free_ports
from mpcfl.outcome import Outcome, Use
from mpcfl.prediction import read_rows
from mpcfl.progress import State
from mpcfl.roster import to_toml
from mpcfl.saving import check_target, make_folder, write_json

HOST = "127.0.0.1"

Data = Annotated[
    list[str], typer.Option(metavar="NAME=FILE", help="A party and its CSV file; once a party.", show_default=False)
]
OutFolder = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "--state-dir",
        metavar="DIR",
        help="Where models and ledgers go; and keys, if shares are kept.",
        show_default="a new folder mpcfl-JOB-TIME",
    ),
]
KEYS = "keys"
"""Name of the folder with the keys of all roles, which are kept where shares are that they open."""

Every = Callable[[str], dict[str, Any]]
"""Runs a command as every party, and the dealer, to their end; what it says of itself, by party."""


def local(
    job: JobFile,
    data: Data,
    json_file: JsonFile = None,
    out: OutFolder = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Record all correlations first, then run from them; time both.")
    ] = False,
    foretell: Annotated[
        bool, typer.Option("--predict", help="Predict for these rows, with the model saved in --state-dir.")
    ] = False,
) -> None:
    """Run a whole job on this machine: every party and the dealer a process of its own, with fresh keys."""
    if json_file is not None:
        check_target(json_file)
    if foretell:
        use = predict(job, named_files(data), out, offline)
        show_costs(use)
        for party, path in use.places["predictions"].items():
            say(f"predictions of {party}: {path or 'not disclosed to it'}")
        if json_file is not None:
            write_json(json_file, use.to_json())
        return
    outcome = perform(job, named_files(data), out, offline)
    show_search(outcome)
    show_metrics({"joint": outcome.metrics})
    show_ending(outcome)
    if json_file is not None:
        write_json(json_file, outcome.to_json())


def named_files(data: Sequence[str]) -> dict[str, Path]:
    """NAME=FILE options in their order.

    Raises
    ------
    UsageError
        One is not of that form, stands twice, or names no file.
    """
    files: dict[str, Path] = {}
    for option in data:
        name, equals, file = option.partition("=")
        if not (name and equals and file):
            raise UsageError(f"--data takes NAME=FILE, not {option!r}", option="--data")
        if name in files:
            raise UsageError(f"--data names {name} twice", option="--data", party=name)
        if not Path(file).is_file():
            raise UsageError(f"there is no file {file}", file=file, party=name)
        files[name] = Path(file)
    return files


def perform(job_file: Path, files: Mapping[str, Path], out: Path | None, offline: bool = False) -> Outcome:
    """Run every role of a job to its end.

    Parameters
    ----------
    job_file : Path
    files : mapping of str to Path
        By party, in the order of ranks unless the job says another.
    out : Path or None
        Models and ledgers go into one folder a party below it; by default a new one in the current folder.
    offline : bool
        Record all correlations first, in processes of their own.

    Returns
    -------
    Outcome

    Raises
    ------
    MpcflError
        Of the role that failed first.
    """
    job = Job.load(job_file)
    if len(files) < 2:
        raise UsageError("a job needs the files of two or more parties: --data NAME=FILE once a party", option="--data")
    parties = job.rank_order(list(files))
    dealer = _free_name("dealer", parties) if job.engine.offline == "dealer" else None
    if dealer is None and offline:
        raise UsageError(
            "tapes are recorded with a dealer, and the job has none: leave --offline out", option="--offline"
        )
    job.check(list(files))
    # Read here first: what is wrong with a file is said at once, by one process.
    rows = {party: Contribution.read(job, party, file).rows for party, file in files.items()}
    show_disclosures(facts(job, parties, rows[parties[0]], dealer), dealer)
    out = _new_folder(job.job.name) if out is None else out
    kept = out / KEYS if job.save.model or job.save.checkpoint else None
    with _stage(job_file, files, parties, dealer, out, kept, offline) as every:
        recorded = every("offline") if offline else {}
        outcome = Outcome.of_all({party: Outcome.from_json(summary) for party, summary in every("run").items()})
    return replace(outcome, offline_seconds=max((one["seconds"] for one in recorded.values()), default=None))


def predict(job_file: Path, files: Mapping[str, Path], out: Path | None, offline: bool = False) -> Use:
    """Predict with the model that a run of the same job has left in a folder; arguments and errors as of `perform`."""
    job = Job.load(job_file)
    if offline:
        raise UsageError("--predict records no tapes: leave --offline out", option="--offline")
    if job.engine.offline != "dealer":
        raise UsageError("predictions need a dealer, and the job has none", key="engine.offline")
    if out is None or not (out / KEYS).is_dir():
        raise UsageError(
            "--predict needs --state-dir, the folder of a run of this job that has [save] model = true",
            option="--state-dir",
        )
    parties = job.rank_order(list(files))
    dealer = _free_name("dealer", parties)
    models = {party: SavedModel.open(job, parties, out / party / MODEL, _identity(out, party)) for party in parties}
    rows = {party: read_rows(job, party, file, models[party]).rows for party, file in files.items()}
    show_disclosures(prediction_facts(job, parties, rows[parties[0]], dealer), dealer)
    with _stage(job_file, files, parties, dealer, out, out / KEYS) as every:
        use = Use.of_all({party: Use.from_json(summary) for party, summary in every("predict").items()})
    return replace(use, rows=sum(rows.values())) if job.partition == "rows" else use


def _identity(out: Path, party: str) -> Identity:
    return Identity.load(out / KEYS / f"{party}.key")


@contextmanager
def _stage(
    job_file: Path,
    files: Mapping[str, Path],
    parties: Sequence[str],
    dealer: str | None,
    out: Path,
    kept: Path | None,
    taped: bool = False,
) -> Iterator[Every]:
    """Keys and a roster for all roles, and what runs commands as them; `kept` is a folder where keys stay."""
    with ExitStack() as stack:
        private = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mpcfl-", ignore_cleanup_errors=True)))
        keys = private if kept is None else kept
        make_folder(keys)
        _write_roster(private, keys, list(files), dealer)
        show = stack.enter_context(bar())

        def on_event(role: str, event: Mapping[str, Any]) -> None:
            if "note" in event:
                say(str(event["note"]))
            elif role == parties[0]:
                show(State(**event["state"]))

        def every(command: str) -> dict[str, Any]:
            told = {party: private / f"{party}.{command}.json" for party in parties}
            count = len(files) + (dealer is not None)
            with Roles(on_event) as roles:
                for party, file in files.items():
                    given = {"--party": party, "--data": file, "--state-dir": out / party, "--json": told[party]}
                    if taped:
                        given["--tape"] = private / f"{party}.tape"
                    options = [str(part) for option in given.items() for part in option]
                    roles.start(
                        party,
                        [command, str(job_file), *_keys(private, keys, party), *options, "--events"],
                        count,
                    )
                if dealer is not None:
                    serving = ["dealer", *_keys(private, keys, dealer), "--state-dir", str(private / dealer)]
                    roles.start(dealer, serving, count)
                roles.wait()
            return {party: json.loads(path.read_text("utf-8")) for party, path in told.items()}

        yield every


def show_ending(outcome: Outcome) -> None:
    """Print what it cost, and where everything is."""
    show_costs(outcome)
    for party, path in outcome.model.items():
        say(f"model of {party}: {path or 'not disclosed to it'}")
    for party, path in outcome.shares.items():
        if path is not None:
            say(f"shares of the model of {party}: {path}")
    for party, path in outcome.ledger.items():
        say(f"ledger of {party}: {path}")
    first, second, *_ = outcome.ledger.values()
    say(f"compare two of them: mpcfl ledger compare {first} {second}")


def _keys(folder: Path, keys: Path, name: str) -> list[str]:
    return ["--roster", str(folder / "roster.toml"), "--key", str(keys / f"{name}.key")]


def _write_roster(folder: Path, keys: Path, parties: Sequence[str], dealer: str | None) -> None:
    """Keys of all roles, fresh but for those that were kept, and a roster of loopback addresses that are free now."""
    roles: dict[str, Role] = dict.fromkeys(parties, "party")
    if dealer is not None:
        roles[dealer] = "dealer"
    ports = iter(free_ports(2 * len(roles)))
    entries = []
    for name, role in roles.items():
        path = keys / f"{name}.key"
        if path.exists():
            identity = Identity.load(path)
        else:
            identity = generate(name, role)
            identity.save(path)
        control, data = f"{HOST}:{next(ports)}", f"{HOST}:{next(ports)}"
        addresses = {"bind": control, "address": control, "data_bind": data, "data_address": data}
        entries.append(to_toml(identity.entry().model_copy(update=addresses)))
    (folder / "roster.toml").write_text("\n".join(entries), encoding="utf-8")


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "-"
    return name


def _new_folder(job: str) -> Path:
    """A folder that is not there yet, named by the job and the time."""
    word = "".join(letter if letter.isalnum() else "-" for letter in job)[:40]
    stem = f"mpcfl-{word}-{datetime.now():%Y%m%d-%H%M%S}"
    folder, number = Path(stem), 1
    while folder.exists():
        folder, number = Path(f"{stem}-{number}"), number + 1
    make_folder(folder)
    return folder
