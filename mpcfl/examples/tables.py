"""The examples' tables from the data that scikit-learn ships, as each party has them. Needs the extra `examples`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

Columns = dict[str, NDArray[np.object_] | NDArray[np.float64] | NDArray[np.int64] | list[str]]
Tables = dict[str, Columns]
"""Cells by column, by party."""


def breast_cancer() -> Tables:
    """569 tumours: ten means at the clinic, with the label; ten errors and ten worst values at the laboratory."""
    data = load_breast_cancer()
    names = [name.replace(" ", "_") for name in data.feature_names]
    ids = _ids("t", len(data.target))
    columns = dict(zip(names, data.data.T, strict=True))
    return {
        "clinic": {"tumour": ids, **_some(columns, names[:10]), "benign": data.target},
        "laboratory": {"tumour": ids, **_some(columns, names[10:])},
    }


def diabetes() -> Tables:
    """442 patients: age, sex, body mass, blood pressure and the target at the practice; six blood values elsewhere."""
    data = load_diabetes(scaled=False)
    ids = _ids("p", len(data.target))
    columns = dict(zip(data.feature_names, data.data.T, strict=True))
    return {
        "practice": {"patient": ids, **_some(columns, data.feature_names[:4]), "progression": data.target},
        "laboratory": {"patient": ids, **_some(columns, data.feature_names[4:])},
    }


def digits() -> Tables:
    """1,797 images of 8 x 8 pixels from 0 to 1 at the archive, a column for each; their digits at the readers."""
    data = load_digits()
    ids = _ids("i", len(data.target))
    pixels = data.images.reshape(-1, 64).T / 16
    names = [f"r{place // 8}c{place % 8}" for place in range(64)]
    return {
        "archive": {"image": ids, **dict(zip(names, pixels, strict=True))},
        "readers": {"image": ids, "digit": data.target},
    }


def _ids(letter: str, rows: int) -> list[str]:
    return [f"{letter}{row:04d}" for row in range(rows)]


def _some(columns: Columns, names: list[str]) -> Columns:
    return {name: columns[name] for name in names}


TABLES: dict[str, Callable[[], Tables]] = {"breast_cancer": breast_cancer, "diabetes": diabetes, "digits": digits}
"""By the name of the example."""
