"""Credit scoring, split between a bank and a credit bureau: two CSV files about the same customers, and a job."""

from importlib import resources
from pathlib import Path

from mpcfl.errors import UsageError


def path(name: str) -> Path:
    """Where a file of this example is, as ``path("bank.csv")`` or ``path("job.toml")``.

    Raises
    ------
    UsageError
        There is no such file.
    """
    file = Path(str(resources.files(__name__) / name))
    if not file.is_file():
        raise UsageError(f"The credit example has no file {name!r}.", file=name)
    return file
