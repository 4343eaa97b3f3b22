"""Reading CSV files: what is accepted, in which order, and how everything else is refused."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpcfl.data import Table, read_table, table
from mpcfl.errors import InputError, UsageError

# What a cell may hold; a surrogate has no UTF-8.
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)


def read(tmp_path: Path, content: str | bytes, label: str | None = None) -> Table:
    path = tmp_path / "bank.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, "id", label)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_rows_are_in_bytewise_order_of_ids(tmp_path: Path, newline: str, mark: str) -> None:
    lines = ["id,bad,age", "b,1,30", "Ü,0,", "a,0,40", "A,1.0,50", "\U0001f600,0,1", "\uffff,1,2"]
    found = read(tmp_path, mark + newline.join(lines) + newline, "bad")
    assert found.ids == sorted(["b", "Ü", "a", "A", "\U0001f600", "\uffff"], key=str.encode)
    assert found.ids == ["A", "a", "b", "Ü", "\uffff", "\U0001f600"]
    assert list(found.columns) == ["age"]
    assert found.columns["age"].tolist() == ["50", "40", "30", "", "2", "1"]
    assert found.label is not None
    assert found.label.tolist() == [1, 0, 1, 0, 1, 0]
    assert found.lines.tolist() == [5, 4, 2, 3, 7, 6]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.dictionaries(TEXT.filter(bool), st.tuples(TEXT, TEXT), min_size=1, max_size=12), chunk=st.integers(1, 4))
def test_what_a_csv_writer_writes_is_read_back(tmp_path: Path, rows: dict[str, tuple[str, str]], chunk: int) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([["x", "id", "y"], *([x, name, y] for name, (x, y) in rows.items())])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "CHUNK", chunk)
        found = read(tmp_path, out.getvalue())
    assert found.ids == sorted(rows, key=str.encode)
    assert found.columns["x"].tolist() == [rows[name][0] for name in found.ids]
    assert found.columns["y"].tolist() == [rows[name][1] for name in found.ids]


@pytest.mark.parametrize(
    ("content", "message", "row", "column"),
    [
        ("", "is empty", 1, None),
        ("\n", "is empty", 1, None),
        ("id,age\n", "no rows", None, None),
        ("id,age,age\n1,2,3\n", "two columns are named 'age'", 1, "age"),
        ("id, \n1,2\n", "column 2 has no name", 1, 2),
        ("key,bad\nSECRET,1\n", "no column 'id': its columns are key, bad", None, "id"),
        ("id,age\nSECRET,1\n", "no column 'bad'", None, "bad"),
        ("id,bad\n1,1\nSECRET\n", "1 cells where the header has 2", 3, None),
        ("id,bad\n1,1\n\n2,1\n", "0 cells where the header has 2", 3, None),
        ("id,bad\n1,1\n2,1,SECRET\n", "3 cells where the header has 2", 3, None),
        ('id,bad\n"1\n",1\n\n2,1\n', "0 cells", 4, None),
        ('id,bad\n1,1\n2,"SECRET\n', "not well-formed CSV", 3, None),
        ('id,bad\n1,1\n2,"1"SECRET\n', "not well-formed CSV", 3, None),
        ("id,bad\n1," + "7" * 200_000 + "\n", "not well-formed CSV", 2, None),
        (b"id,bad\n1,1\n2,SECRET\xff\n", "not UTF-8", 3, None),
        ("id,bad\n1,1\n,1\n", "is empty, and every row needs an id", 3, "id"),
        ("id,bad\nSECRET,1\n1,0\nSECRET,0\n", "repeats the id of row 2", 4, "id"),
        ("id,bad\n1,1\n2,SECRET\n", "neither 0 nor 1", 3, "bad"),
        ("id,bad\n1,1\n2,2\n", "neither 0 nor 1", 3, "bad"),
        ("id,bad\n1,1\n2,\n", "neither 0 nor 1", 3, "bad"),
        ("id,bad\n1,1\n2,nan\n", "neither 0 nor 1", 3, "bad"),
    ],
)
def test_refused_by_file_row_and_column_without_a_value(
    tmp_path: Path, content: str | bytes, message: str, row: int | None, column: str | int | None
) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        read(tmp_path, content, "bad")
    error = refusal.value
    assert error.code == 3
    assert error.reason.startswith(str(tmp_path / "bank.csv"))
    assert "SECRET" not in str(error)
    assert error.ids.get("row") == row
    assert error.ids.get("column") == column
    # Nor does the traceback that a user is shown.
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_table(tmp_path / "none.csv", "id")
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_table(tmp_path, "id")


def test_repr_shows_no_cell(tmp_path: Path) -> None:
    assert repr(read(tmp_path, "id,age\nSECRET,77\n")).endswith("bank.csv: 1 rows, columns age>")
