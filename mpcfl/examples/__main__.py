"""`python -m mpcfl.examples NAME --out DIR` writes an example's files, one a party, and its job; then run it."""

from __future__ import annotations

import argparse
import csv
import shlex
import shutil
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from mpcfl.errors import MpcflError, UsageError
from mpcfl.examples import credit

try:
    from mpcfl.examples.tables import TABLES
except ModuleNotFoundError:  # without the extra
    TABLES = {}

NAMES = ("breast_cancer", "credit", "credit_trees", "diabetes", "digits")
JOB = "job.toml"


def write(name: str, out: Path) -> dict[str, Path]:
    """Write an example's files.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    out : Path
        A folder, which is made if it is not there.

    Returns
    -------
    dict of str to Path
        Each party's file; the job is JOB beside them.

    Raises
    ------
    UsageError
        scikit-learn, from whose data most examples are, is not installed; the folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder {out} cannot be made: {error.strerror}", file=str(out)) from None
    if name.startswith("credit"):
        job = credit.path(JOB) if name == "credit" else resources.files("mpcfl.examples") / f"{name}.toml"
        (out / JOB).write_text(job.read_text("utf-8"), "utf-8")
        return {
            party: Path(shutil.copyfile(credit.path(f"{party}.csv"), out / f"{party}.csv"))
            for party in ("bank", "bureau")
        }
    if name not in TABLES:
        raise UsageError("this example's data come with scikit-learn: pip install 'mpcfl[examples]'")
    tables = TABLES[name]()
    (out / JOB).write_text((resources.files("mpcfl.examples") / f"{name}.toml").read_text("utf-8"), "utf-8")
    files = {}
    for party, columns in tables.items():
        files[party] = out / f"{party}.csv"
        with open(files[party], "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    return files


def main(arguments: Sequence[str] | None = None) -> int:
    """Write, and print the command that runs the job; the exit code."""
    parser = argparse.ArgumentParser("python -m mpcfl.examples", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the files go")
    asked = parser.parse_args(arguments)
    try:
        files = write(asked.name, asked.out)
    except MpcflError as error:
        print(error.reason, file=sys.stderr)
        return error.code
    data = [part for party, file in files.items() for part in ("--data", f"{party}={file}")]
    print(shlex.join(["mpcfl", "local", str(asked.out / JOB), *data]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
