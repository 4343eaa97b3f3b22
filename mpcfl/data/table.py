"""Reading an organisation's CSV file, strictly: what is unclear is refused, by file, row and column, no value shown.

A row is named by the line of the file where it begins, the header being line 1.
"""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.errors import InputError, UsageError

CHUNK = 1 << 16
"""Rows held as Python strings at a time; what has been read is kept in compact arrays."""

BINARY = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0}

LABELS = {
    "binary": "is a label that is neither 0 nor 1",
    "multiclass": "is no class number, which are whole numbers from 0",
    "regression": "is no finite number, which every target must be",
}
"""Kinds of labels, and what is said of a cell that is none of its kind."""


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """A CSV file's rows in bytewise (UTF-8) order of their ids.

    Attributes
    ----------
    file : str
        Where it was read, for messages.
    ids : list of str
        One a row, unique.
    columns : dict of str to ndarray of strings, shape (n,)
        The cells of all columns but id and label, in the order of the file.
    label : ndarray of float64, shape (n,), or None
        If a label column was asked for: 0 and 1, class numbers, or targets.
    lines : ndarray of int64, shape (n,)
        The line of the file where each row begins.
    """

    file: str
    ids: list[str]
    columns: dict[str, NDArray[Any]]
    label: NDArray[np.float64] | None
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<Table {self.file}: {len(self)} rows, columns {', '.join(self.columns)}>"

    def bad_cell(self, row: int, column: str, wrong: str) -> InputError:
        """The error that a cell is `wrong`, as in "is not a number"; `row` counts in this table's order."""
        return _bad_cell(self.file, int(self.lines[row]), column, wrong)


LAST_CLASS = 1 << 20
"""The largest class number that is read."""


def read_table(path: str | Path, id: str, label: str | None = None, kind: str = "binary") -> Table:
    """Read a CSV file with a header line: UTF-8 (with or without a byte order mark), commas, double quotes.

    Parameters
    ----------
    path : str or Path
    id : str
        Name of the column that identifies rows, the same at all parties.
    label : str, optional
        Name of the label column.
    kind : {"binary", "multiclass", "regression"}
        What its cells are: 0 or 1, whole numbers from 0, or finite numbers.

    Returns
    -------
    Table

    Raises
    ------
    UsageError
        The file is missing or cannot be opened.
    InputError
        Not UTF-8, no rows, ragged rows, unnamed or repeated columns, no id or label column, an id that is empty or
        repeated, a label that is not of its kind.
    """
    file = str(path)
    text = _decoded(path, file)
    header, cells, lines = _parsed(text, file)
    for name in [id] if label is None else [id, label]:
        if name not in header:
            raise InputError(
                f"{file} has no column {name!r}: its columns are {', '.join(header)}.", file=file, column=name
            )
    columns = dict(zip(header, cells, strict=True))
    ids: list[str] = columns.pop(id).tolist()
    _check_ids(ids, lines, file, id)
    # Python orders strings by code point, which is the bytewise order of their UTF-8.
    order = np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)
    labels = None if label is None else _labels(columns.pop(label), lines, file, label, kind)[order]
    return Table(
        file=file,
        ids=[ids[row] for row in order],
        columns={name: column[order] for name, column in columns.items()},
        label=labels,
        lines=lines[order],
    )


def _decoded(path: str | Path, file: str) -> str:
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", file=file) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        # Not chained: the decoder's message shows a byte of the file.
        raise InputError(f"{file}, row {line}: not UTF-8; save the file as UTF-8.", file=file, row=line) from None


def _parsed(text: str, file: str) -> tuple[list[str], list[NDArray[Any]], NDArray[np.int64]]:
    """Header, cells by column, and the line of each row."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] = []
    lines: list[int] = []
    chunk: list[list[str]] = []
    parts: list[list[NDArray[Any]]] = []
    line = 1
    try:
        header = next(reader, header)
        _check_header(header, file)
        line = reader.line_num + 1
        for row in reader:
            if len(row) != len(header):
                raise InputError(
                    f"{file}, row {line}: {len(row)} cells where the header has {len(header)}.", file=file, row=line
                )
            chunk.append(row)
            lines.append(line)
            line = reader.line_num + 1
            if len(chunk) == CHUNK:
                parts.append(_by_column(chunk))
                chunk = []
    except csv.Error:
        # Not chained: the parser's message may show a character of the file.
        raise InputError(
            f"{file}, row {line}: not well-formed CSV (quotes that do not match, or a cell over 128 KiB).",
            file=file,
            row=line,
        ) from None
    if chunk:
        parts.append(_by_column(chunk))
    if not parts:
        raise InputError(f"{file} has a header but no rows.", file=file)
    cells = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return header, cells, np.array(lines, dtype=np.int64)


def _by_column(rows: list[list[str]]) -> list[NDArray[Any]]:
    return [np.array(column, dtype=np.dtypes.StringDType()) for column in zip(*rows, strict=True)]


def _check_header(header: list[str], file: str) -> None:
    if not header:
        raise InputError(f"{file} is empty: the first line must name the columns.", file=file, row=1)
    for place, name in enumerate(header, start=1):
        if not name.strip():
            raise InputError(f"{file}, row 1: column {place} has no name.", file=file, row=1, column=place)
        if name in header[: place - 1]:
            raise InputError(f"{file}, row 1: two columns are named {name!r}.", file=file, row=1, column=name)


def _check_ids(ids: list[str], lines: NDArray[np.int64], file: str, column: str) -> None:
    seen: dict[str, int] = {}
    for row, name in enumerate(ids):
        if not name:
            raise _bad_cell(file, int(lines[row]), column, "is empty, and every row needs an id")
        first = seen.setdefault(name, row)
        if first != row:
            raise _bad_cell(file, int(lines[row]), column, f"repeats the id of row {lines[first]}")


def _labels(cells: NDArray[Any], lines: NDArray[np.int64], file: str, column: str, kind: str) -> NDArray[np.float64]:
    read = BINARY.get if kind == "binary" else number
    labels = np.array([read(cell) for cell in cells.tolist()], dtype=np.float64)
    wrong = np.isnan(labels)
    if kind == "multiclass":
        wrong |= (labels < 0) | (labels > LAST_CLASS) | (labels != np.floor(labels))
    if wrong.any():
        raise _bad_cell(file, int(lines[wrong.argmax()]), column, LABELS[kind])
    return labels


def number(cell: str) -> float | None:
    """The finite number that a cell writes in ASCII decimal notation, or None."""
    # float() also takes 1_000 and the digits of other scripts, which a spreadsheet does not mean as numbers.
    if not cell.isascii() or "_" in cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _bad_cell(file: str, line: int, column: str, wrong: str) -> InputError:
    return InputError(f"{file}, row {line}, column {column}: the cell {wrong}.", file=file, row=line, column=column)
