"""Metrics against scikit-learn, ties and single classes included."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score, roc_curve

from mpcfl.errors import InputError, ResourceError
from mpcfl.learn import metrics


@st.composite
def scored_rows(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels of both classes, and scores from so few values that ties are frequent."""
    labels = draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=40).filter(lambda y: len(set(y)) == 2))
    values = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 3.0]) | st.floats(-8, 8)
    scores = draw(st.lists(values, min_size=len(labels), max_size=len(labels)))
    return np.array(labels), np.array(scores)


@given(scored_rows())
def test_agrees_with_scikit_learn(rows: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    y, z = rows
    found = metrics.report(y, z)
    false_positive, true_positive, _ = roc_curve(y, z)
    assert found["auc"] == pytest.approx(roc_auc_score(y, z), abs=1e-12)
    assert found["ks"] == pytest.approx(np.abs(true_positive - false_positive).max(), abs=1e-12)
    assert found["accuracy"] == pytest.approx(accuracy_score(y, z > 0), abs=1e-12)
    assert found["log_loss"] == pytest.approx(log_loss(y, 1 / (1 + np.exp(-z))), abs=1e-9)


@given(scored_rows(), st.integers(1, 200))
def test_blocks_do_not_change_the_result(
    rows: tuple[NDArray[np.float64], NDArray[np.float64]], pairs_at_once: int
) -> None:
    whole = metrics.ranking(*rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "PAIRS_AT_ONCE", pairs_at_once)
        assert metrics.ranking(*rows) == whole


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_single_class_ranks_nothing(label: float, n: int) -> None:
    assert metrics.ranking(np.full(n, label), np.arange(n) / 7) == (0.5, 0.0)


@pytest.mark.parametrize("dtype", [np.bool_, np.int64, np.float64])
def test_labels_of_any_kind_are_numbers(dtype: type) -> None:
    y: NDArray[Any] = np.array([0, 1, 1, 0, 1], dtype=dtype)
    z = np.array([-1.0, 2.0, -0.5, 0.5, 3.0])
    found = metrics.report(y, z)
    assert found["auc"] == metrics.roc_auc(y, z) == pytest.approx(5 / 6)
    assert found["ks"] == metrics.ks(y, z) == pytest.approx(2 / 3)
    assert found["accuracy"] == pytest.approx(3 / 5)


def test_scores_far_out_have_a_finite_log_loss() -> None:
    assert metrics.log_loss(np.array([0.0, 1.0]), np.array([1e6, 1e6])) == pytest.approx(5e5)


def test_five_thousand_rows_are_ranked_and_more_are_refused() -> None:
    y, z = np.arange(5000) % 2, np.arange(5000) // 2
    assert metrics.ranking(y, z) == (0.5, 0.0)
    with pytest.raises(ResourceError, match="at most 5000 rows"):
        metrics.roc_auc(np.zeros(5001), np.zeros(5001))


@pytest.mark.parametrize(("y", "z"), [(np.zeros(3), np.zeros(2)), (np.zeros(0), np.zeros(0)), (np.zeros((2, 1)),) * 2])
@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.log_loss, metrics.roc_auc, metrics.ks])
def test_shapes_that_do_not_fit_are_refused(
    metric: Callable[[Any, Any], Any], y: NDArray[np.float64], z: NDArray[np.float64]
) -> None:
    with pytest.raises(InputError, match="one a row"):
        metric(y, z)
