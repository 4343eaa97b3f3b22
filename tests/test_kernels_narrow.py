"""Kernels for few columns and for matrices of few ones, against NumPy's product."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpcfl import product, ring
from mpcfl.kernels import onehot, skinny

if product.LANES:
    from mpcfl.kernels import tall


def words(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(0, 1 << 64, shape, dtype=np.uint64)


@pytest.mark.skipif(not product.LANES, reason="this processor has no long lanes")
@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 140), st.integers(0, 20), st.integers(0, 100))
def test_a_tall_matrix_by_a_tile_of_lanes(m: int, k: int, v: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, u, before = words(rng, m, k), words(rng, m, v), words(rng, v, k)
    out = before.copy()
    tall.transposed(a, u, out)
    assert (out == before + u.T @ a).all()
    with pytest.raises(ValueError, match="transposed"):
        tall.transposed(a, u, np.zeros((v + 1, k), np.uint64))


@given(st.integers(0, 19), st.integers(0, 9), st.integers(0, 5), st.integers(0, 100))
def test_few_columns(m: int, k: int, v: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, w, u = words(rng, m, k), words(rng, k, v), words(rng, m, v)
    before = words(rng, m, v)
    out = before.copy()
    skinny.upright(a, np.ascontiguousarray(w.T), out)
    assert (out == before + a @ w).all()
    before = words(rng, v, k)
    out = before.copy()
    skinny.transposed(a, u, out)
    assert (out == before + u.T @ a).all()


@pytest.mark.parametrize("columns", [2, 4, 5, 16, 17])
@pytest.mark.parametrize("form", [np.ascontiguousarray, np.asfortranarray])
def test_large_matrices_take_the_kernel_that_fits(columns: int, form: object) -> None:
    rng = np.random.default_rng(columns)
    a, w = form(words(rng, 1030, 67)), words(rng, 67, columns)  # type: ignore[operator]
    assert a.size >= product.LARGE
    before = words(rng, 1030, columns)
    out = before.copy()
    product.add(a, w, out)
    assert (out == before + np.ascontiguousarray(a) @ w).all()


@given(st.integers(0, 20), st.integers(1, 12), st.integers(1, 4), st.floats(0, 0.3), st.integers(0, 100))
def test_few_ones(n: int, m: int, v: int, density: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = (rng.random((n, m)) < density).astype(np.uint64)
    places = onehot.places_of(x)
    assert places.shape == (n, x.sum(axis=1).max(initial=0))
    w, u = words(rng, m, v), words(rng, n, v)
    c, d = words(rng, n, v), words(rng, m, v)
    assert (ring.plus_sums(c, places, w, False) == c + x @ w).all()
    assert (ring.plus_sums(d, places, u, True) == d + x.T @ u).all()
    assert (ring.of_ones(places, m) == x).all()


def test_only_matrices_of_few_ones_have_places() -> None:
    x = np.eye(16, dtype=np.bool_)
    assert ring.few_ones(x) is not None
    assert ring.few_ones(np.ones((4, 16), np.bool_)) is None
    assert ring.few_ones(x[0]) is None


def test_places_are_found_some_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).random((100, 7)) < 0.3
    whole = onehot.places_of(x)
    monkeypatch.setattr(onehot, "ROWS", 9)
    assert (onehot.places_of(x) == whole).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda z: skinny.upright(z(3, 4), z(2, 5), z(3, 2)),
        lambda z: skinny.transposed(z(3, 4), z(2, 2), z(2, 4)),
        lambda z: onehot.gathered(np.full((2, 1), 3, np.int32), z(3, 1), z(2, 1)),
        lambda z: onehot.scattered(np.full((2, 1), 3, np.int32), z(2, 1), z(3, 1)),
        lambda z: onehot.gathered(np.zeros((2, 1), np.int32), z(3, 1), z(3, 1)),
        lambda z: onehot.scattered(np.zeros((2, 1), np.int32), z(3, 1), z(3, 1)),
        lambda z: onehot.spread(np.zeros((2, 1), np.int32), z(3, 1)),
        lambda z: onehot.spread(np.full((2, 1), 3, np.int32), z(2, 3)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call: object) -> None:
    with pytest.raises(ValueError, match=r"upright|transposed|gathered|scattered|spread"):
        call(lambda *shape: np.zeros(shape, np.uint64))  # type: ignore[operator]
