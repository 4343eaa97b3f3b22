"""The first largest of many: NumPy's argmax, whatever the ties, and few rounds."""

from __future__ import annotations

import numpy as np
import pytest

import mpcfl
from mpcfl.learn.trees.choice import first_largest, levels


@pytest.mark.parametrize("m", [1, 2, 3, 8, 9, 63, 64, 65, 100, 621, 4096, 4097])
def test_a_one_at_the_first_largest(m: int) -> None:
    rng = np.random.default_rng(m)
    for values in (rng.integers(-1, 3, (m, 5)) * 0.5, rng.normal(size=(m, 5)).clip(-1.9), np.zeros((m, 5)) - 1):
        expected = np.arange(m)[:, None] == values.argmax(axis=0)
        assert (first_largest(values) == expected).all()


@pytest.mark.parametrize(("m", "rounds"), [(2, 6), (9, 6), (64, 6), (65, 12), (621, 12), (4097, 26)])
def test_the_same_on_secrets_in_as_many_rounds(m: int, rounds: int) -> None:
    values = np.random.default_rng(m).integers(-1, 5, (m, 3)) * 1.0
    run = mpcfl.simulate(lambda session: first_largest(session.share(values, 0, values.shape)).reveal(), seed=1)
    assert (run.results[0] == first_largest(values)).all()
    assert run.rounds == rounds + 1


def test_levels_are_few_where_there_are_few_comparisons() -> None:
    assert [levels(m, 1) for m in (1, 2, 64, 65, 1241, 4097)] == [1, 1, 1, 2, 2, 3]
    assert [levels(621, k) for k in (1, 8, 16, 64)] == [2, 2, 3, 4]
