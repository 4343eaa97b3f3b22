"""Random programs give on secrets what they give on ndarrays, within the stated errors of their calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from known import DTYPES, FRACTION, ULP, exactly
from programs import Program, Step, programs

import mpcfl


def on_secrets(batch: Sequence[Program], seed: int) -> list[list[np.ndarray]]:
    """All arrays of some programs, revealed together."""

    def run(session: mpcfl.Session) -> list[list[Any]]:
        arrays = []
        for program in batch:
            inputs = program.known[: program.inputs]
            give = [session.share, session.private, session.share, session.private]
            arrays.append(program.run([give[i](x.value, i % 2) for i, x in enumerate(inputs)]))
        flat = [array for own in arrays for array in own]
        revealed: dict[int, Any] = {}
        for dtype in DTYPES.values():
            own = [array for array in flat if array.dtype == dtype]
            words = np.concatenate([array.reshape(-1) for array in own]).reveal() if own else np.zeros(0)
            ends = np.cumsum([array.size for array in own])
            for array, end in zip(own, ends, strict=True):
                revealed[id(array)] = words[end - array.size : end].reshape(array.shape)
        return [[revealed[id(array)] for array in own] for own in arrays]

    return mpcfl.simulate(run, fraction=FRACTION, seed=seed).results[0]


def check(batch: Sequence[Program], seed: int) -> None:
    for program, arrays in zip(batch, on_secrets(batch, seed), strict=True):
        for i, (got, known) in enumerate(zip(arrays, program.known, strict=True)):
            assert (got.dtype, got.shape) == (known.value.dtype, known.value.shape), f"v{i} of {program!r}"
            off = np.abs(got.astype(np.float64) - known.value)
            slack = 1e-12 * np.abs(known.value) * (known.error > 0)  # of float64 itself
            assert (off <= known.error + slack).all(), (
                f"v{i}: {got!r} is off by more than {known.error!r} in {program!r}"
            )


@pytest.mark.timeout(900)  # what fails is made smaller for up to five minutes
@given(st.lists(programs(), min_size=5, max_size=5), st.integers(0, 1 << 16))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_two_hundred_programs(batch: list[Program], seed: int) -> None:
    check(batch, seed)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@given(st.lists(programs(), min_size=10, max_size=10), st.integers(0, 1 << 16))
@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
def test_ten_thousand_programs(batch: list[Program], seed: int) -> None:
    check(batch, seed)


@pytest.mark.parametrize(
    ("off", "kind"), [(2 * ULP, np.float64), (1, np.int64)], ids=["by two ulps", "by one, of integers"]
)
def test_a_call_that_is_off_is_found(off: float, kind: type) -> None:
    x = np.array([1, -2, 3], kind)
    stated = exactly(x * x, ULP if kind is np.float64 else 0)
    right, wrong = (Step("x * x", (0,), call) for call in (np.square, lambda x: x * x + kind(off)))
    check([Program([exactly(x), stated], 1, [right])], 0)
    with pytest.raises(AssertionError, match=r"v1: .* is off by more"):
        check([Program([exactly(x), stated], 1, [wrong])], 0)
    with pytest.raises(AssertionError, match="v1 of"):
        check([Program([exactly(x), exactly(x[:2])], 1, [right])], 0)
