"""Real data that several tests read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mpcfl.data import read_table
from mpcfl.examples import credit


def credit_data() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All columns of the bank and the bureau, text as the places of sorted categories, NaN where a cell is empty."""
    bank, bureau = (
        read_table(credit.path(f"{name}.csv"), "customer", "bad" if name == "bank" else None)
        for name in ("bank", "bureau")
    )
    assert bank.ids == bureau.ids
    columns = []
    for cells in (*bank.columns.values(), *bureau.columns.values()):
        try:
            columns.append(np.array([float(cell) if cell else np.nan for cell in cells]))
        except ValueError:
            columns.append(np.where(cells == "", np.nan, np.unique(cells, return_inverse=True)[1] * 1.0))
    assert bank.label is not None
    return np.stack(columns, axis=1), bank.label
