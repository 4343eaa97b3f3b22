"""All cells: a new task or method is a file with `CELLS`, and its name in `FILES`."""

from __future__ import annotations

from bench.versus import boosting, ckks, comparing, images, linear, sums, training
from bench.versus.tasks import Cell
from mpcfl.errors import UsageError

FILES = (sums, comparing, linear, ckks, training, boosting, images)
CELLS: tuple[Cell, ...] = tuple(cell for file in FILES for cell in file.CELLS)
ON_SHARES = {cell.method.name for cell in CELLS if cell.method.name.startswith("shares")}
ENCRYPTED = {cell.method.name for cell in CELLS} - ON_SHARES
"""Names of methods."""


def find(task: str, method: str) -> Cell:
    """The cell of a task and a method.

    Raises
    ------
    UsageError
        There is none.
    """
    for cell in CELLS:
        if (cell.task.name, cell.method.name) == (task, method):
            return cell
    raise UsageError(
        f"no {task} by {method}: there are {'; '.join(f'{c.task.name} by {c.method.name}' for c in CELLS)}"
    )
