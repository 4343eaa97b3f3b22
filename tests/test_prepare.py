"""Preparing columns: as scikit-learn does, fitted on the training rows alone, refusing by file, row and column."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mpcfl.data import ColumnOptions, Preparation, Table
from mpcfl.errors import InputError

CELLS = st.sampled_from(["", "1", "2.5", "-3e2", "fixed", "x=1"])


def table(**columns: list[str]) -> Table:
    n = len(next(iter(columns.values())))
    cells: dict[str, NDArray[Any]] = {
        name: np.array(column, dtype=np.dtypes.StringDType()) for name, column in columns.items()
    }
    return Table("bank.csv", [f"{row:04}" for row in range(n)], cells, None, np.arange(n, dtype=np.int64) + 2)


def fit(data: Table, train: list[int] | None = None, **options: ColumnOptions) -> Preparation:
    rows = np.arange(len(data)) if train is None else np.array(train)
    return Preparation.fit(data, list(data.columns), options, rows)


def test_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    ages = [str(age) if age % 7 else "" for age in rng.integers(20, 80, 50).tolist()]
    jobs = [["", "fixed", "partime", "Ärztin", "other"][kind] for kind in rng.integers(0, 5, 50)]
    data = table(age=ages, job=jobs)
    train = rng.permutation(50)[:35]
    prepared = Preparation.fit(data, ["job", "age"], {}, train)
    assert prepared.features == ["job=fixed", "job=other", "job=partime", "job=Ärztin", "age"]

    numbers = np.array([[float(age) if age else np.nan] for age in ages])
    filled = SimpleImputer(strategy="median").fit(numbers[train]).transform(numbers)
    scaled = StandardScaler().fit(filled[train]).transform(filled)
    texts = np.array(jobs, dtype=object)[:, None]
    one_hot = OneHotEncoder(categories=[["fixed", "other", "partime", "Ärztin"]], handle_unknown="ignore")
    expected = np.hstack([one_hot.fit(texts[train][texts[train] != ""][:, None]).transform(texts).toarray(), scaled])
    assert prepared.transform(data) == pytest.approx(expected, abs=1e-12)


@given(
    st.lists(CELLS, min_size=3, max_size=12),
    st.lists(CELLS, min_size=12, max_size=12),
    st.sampled_from(["mean", "zero"]),
)
def test_fitting_never_looks_at_test_rows(cells: list[str], others: list[str], missing: Any) -> None:
    train = list(range(0, len(cells), 2))
    changed = [cell if row in train else others[row] for row, cell in enumerate(cells)]

    def outcome(column: list[str]) -> str:
        try:
            return json.dumps(fit(table(c=column), train, c=ColumnOptions(missing=missing)).to_json())
        except InputError as refusal:
            return refusal.reason

    assert outcome(cells) == outcome(changed)


def test_more_than_half_of_the_training_cells_make_a_number_column() -> None:
    half = ["1", "2", "a", "b", "", ""]
    assert fit(table(c=half)).features == ["c=1", "c=2", "c=a", "c=b"]
    assert fit(table(c=half), train=[0, 1, 4, 5]).features == ["c"]
    with pytest.raises(InputError, match="is not a finite number"):
        fit(table(c=["3", *half]))
    assert fit(table(c=["1", "2"]), c=ColumnOptions(type="text")).features == ["c=1", "c=2"]


@pytest.mark.parametrize("cell", ["nan", "inf", "-Infinity", "1e999", "1_000", "1,5", "٣", "0x1F", " ", "=1+1"])
def test_what_is_no_number_is_refused_wherever_it_stands(cell: str) -> None:
    data = table(age=["1", "2", "3", cell])
    for train in ([0, 1, 2], [0, 1, 3]):
        with pytest.raises(InputError) as refusal:
            fit(data, train).transform(data)
        assert refusal.value.ids == {"file": "bank.csv", "row": 5, "column": "age"}
        assert refusal.value.reason == (
            "bank.csv, row 5, column age: the cell is not a finite number, and the column is one of numbers."
        )


def test_a_number_too_large_for_statistics_or_fixed_point_is_refused() -> None:
    huge = table(age=["1", "1e151"])
    with pytest.raises(InputError, match="row 3, column age: the cell is too large a number"):
        fit(huge)
    large = table(age=["1", "1e20"])
    prepared = fit(large, age=ColumnOptions(scale="none"))
    assert prepared.transform(large).tolist() == [[1.0], [1e20]]
    with pytest.raises(InputError, match="row 3, column age: the cell is too large for fixed point"):
        prepared.transform(large, limit=2.0**44)
    assert np.abs(fit(large).transform(large, limit=2.0**44)).max() == 1


@pytest.mark.parametrize(("missing", "filled"), [("median", 2.0), ("mean", 3.0), ("zero", 0.0)])
def test_missing_numbers(missing: Any, filled: float) -> None:
    data = table(age=["1", "", "2", "6", ""])
    prepared = fit(data, age=ColumnOptions(missing=missing, scale="none"))
    assert prepared.transform(data)[:, 0].tolist() == [1, filled, 2, 6, filled]


@pytest.mark.parametrize("column", ["age", "job"])
def test_missing_cells_can_be_refused_in_training_and_later(column: str) -> None:
    options = {"age": ColumnOptions(missing="refuse"), "job": ColumnOptions(missing="refuse")}
    whole = {"age": ["1", "2", "3"], "job": ["a", "b", "a"]}
    data = table(**whole | {column: [*whole[column][:2], ""]})
    with pytest.raises(InputError, match=f"row 4, column {column}: the cell is empty, and the job refuses that"):
        Preparation.fit(data, list(data.columns), options, np.arange(3))
    with pytest.raises(InputError, match=f"row 4, column {column}: the cell is empty, and the job refuses that"):
        Preparation.fit(data, list(data.columns), options, np.arange(2)).transform(data)


def test_no_training_cell_at_all() -> None:
    data = table(c=["", "", "7"])
    assert fit(data, [0, 1]).transform(data).shape == (3, 0)
    with pytest.raises(InputError, match="no number in the training rows to take the median of"):
        fit(data, [0, 1], c=ColumnOptions(type="number"))
    prepared = fit(data, [0, 1], c=ColumnOptions(type="number", missing="zero"))
    assert prepared.transform(data)[:, 0].tolist() == [0, 0, 7]


@pytest.mark.parametrize("cell", ["0.1", "1e15", "-7"])
def test_a_constant_column_is_centred_and_not_divided(cell: str) -> None:
    data = table(c=[cell] * 10 + ["8"])
    prepared = fit(data, list(range(10)))
    column = prepared.transform(data)[:, 0]
    assert column[:10] == pytest.approx(np.zeros(10), abs=1e-15)
    assert column[10] == pytest.approx(8 - float(cell))


def test_a_spread_too_small_to_square_is_not_divided_by() -> None:
    data = table(c=["0", "1e-200"])
    assert fit(data).transform(data)[:, 0] == pytest.approx([0, 0], abs=1e-199)


def test_text_that_is_mostly_its_own_category_is_refused() -> None:
    names = [f"name {row}" for row in range(1001)]
    assert fit(table(c=names[:1000])).transform(table(c=names[:2])).sum() == 2
    with pytest.raises(InputError, match=r"bank\.csv, column c: more than 1000 categories"):
        fit(table(c=names))


def test_missing_and_unseen_text_are_all_zero_rows() -> None:
    data = table(job=["b", "a", "", "c"])
    prepared = fit(data, [0, 1, 2])
    assert prepared.features == ["job=a", "job=b"]
    assert prepared.transform(data).tolist() == [[0, 1], [1, 0], [0, 0], [0, 0]]


def test_a_column_that_is_not_there_is_refused() -> None:
    data = table(age=["1", "2"])
    with pytest.raises(InputError, match=r"bank.csv has no column 'aged': its columns are age\."):
        Preparation.fit(data, ["aged"], {}, np.array([0]))
    with pytest.raises(InputError, match="has no column 'age'"):
        fit(data).transform(table(job=["1"]))


def test_no_columns_make_an_empty_matrix() -> None:
    data = table(age=["1", "2"])
    prepared = Preparation.fit(data, [], {}, np.array([0, 1]))
    assert prepared.transform(data).shape == (2, 0)
    assert prepared.features == []


def test_json_has_what_preparing_needs_and_repr_has_no_statistic() -> None:
    prepared = fit(table(age=["1", "", "3"], job=["b", "a", "SECRET"]))
    assert json.loads(json.dumps(prepared.to_json())) == {
        "columns": [
            {"type": "number", "name": "age", "fill": 2.0, "center": 2.0, "spread": math.sqrt(2 / 3)},
            {"type": "text", "name": "job", "categories": ["SECRET", "a", "b"], "refuse": False},
        ]
    }
    assert repr(prepared) == "<Preparation: 2 columns, 4 features>"
    assert "SECRET" not in repr(prepared.columns)
