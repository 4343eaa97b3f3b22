"""Metrics against scikit-learn, ties and single classes included."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    mean_absolute_error,
    mean_tweedie_deviance,
    r2_score,
    roc_auc_score,
    roc_curve,
    root_mean_squared_error,
)

import mpcfl
from mpcfl import numerics
from mpcfl.errors import InputError
from mpcfl.learn import metrics


@st.composite
def scored_rows(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Labels of both classes, and scores from so few values that ties are frequent."""
    labels = draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=40).filter(lambda y: len(set(y)) == 2))
    values = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 3.0]) | st.floats(-8, 8)
    scores = draw(st.lists(values, min_size=len(labels), max_size=len(labels)))
    return np.array(labels), np.array(scores)


@given(scored_rows())
@settings(deadline=None)
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


def by_both_forms(y: NDArray[Any], z: NDArray[Any]) -> list[tuple[Any, Any]]:
    found = []
    for limit in (len(y), len(y) - 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(metrics, "PAIRED_ROWS", limit)
            found.append(metrics.ranking(y, z))
    return found


@given(scored_rows())
def test_a_sort_and_all_pairs_agree_to_the_last_bit(rows: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
    pairs, by_sort = by_both_forms(*rows)
    assert by_sort == pairs


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("scores", [np.zeros, np.arange, lambda n: np.arange(n) // 2])
def test_both_forms_agree_on_few_rows(n: int, scores: Callable[[int], NDArray[Any]]) -> None:
    for labels in np.ndindex(*[2] * n):
        pairs, by_sort = by_both_forms(np.array(labels), scores(n))
        assert by_sort == pairs


def test_many_rows_are_ranked() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200_000)
    z = np.round(rng.normal(size=y.size) + y, 3)
    false_positive, true_positive, _ = roc_curve(y, z)
    auc, distance = metrics.ranking(y, z)
    assert auc == pytest.approx(roc_auc_score(y, z), abs=1e-12)
    assert distance == pytest.approx(np.abs(true_positive - false_positive).max(), abs=1e-12)


class TestOnSecrets:
    """The error of both quotients is that of one division."""

    ERROR = 2.0**-24 + 2.0**-18

    @staticmethod
    def program(n: int, y: NDArray[Any] | None = None, z: NDArray[Any] | None = None) -> Callable[[Any], Any]:
        def run(session: Any) -> list[Any]:
            secret_y = session.share(y, 0, (n,), np.int64)
            secret_z = session.share(z, 1, (n,), np.float64)
            return [value.reveal() for value in metrics.ranking(secret_y, secret_z)]

        return run

    @pytest.mark.parametrize("form", ["pairs", "sort"])
    @pytest.mark.parametrize(("n", "parties"), [(1, 2), (2, 2), (45, 2), (45, 3)])
    def test_as_on_plain_arrays(self, monkeypatch: pytest.MonkeyPatch, form: str, n: int, parties: int) -> None:
        monkeypatch.setattr(metrics, "PAIRED_ROWS", n if form == "pairs" else 0)
        rng = np.random.default_rng(n)
        y = rng.integers(0, 2, n)
        z = rng.integers(-3, 4, n) / 4 + y / 4
        run = mpcfl.simulate(self.program(n, y, z), parties, seed=0)
        np.testing.assert_allclose(run.results[0], metrics.ranking(y, z), atol=self.ERROR)

    @pytest.mark.parametrize("label", [0, 1])
    def test_a_single_class_ranks_nothing(self, monkeypatch: pytest.MonkeyPatch, label: int) -> None:
        monkeypatch.setattr(metrics, "PAIRED_ROWS", 0)
        run = mpcfl.simulate(self.program(7, np.full(7, label), np.arange(7) / 2), seed=0)
        np.testing.assert_allclose(run.results[0], (0.5, 0), atol=self.ERROR)

    def test_the_stated_costs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def quotients(session: Any) -> Any:
            return numerics.divide(
                session.share(None, 0, (2,), np.int64), session.share(None, 0, (), np.int64)
            ).reveal()

        apart = mpcfl.forecast(quotients).rounds + 1  # two reveals

        def cost(n: int) -> tuple[int, str, str]:
            found = mpcfl.forecast(self.program(n))
            return found.rounds - apart, f"{found.bytes_sent[0]:.1e}", f"{found.offline_bytes:.1e}"

        assert cost(256) == (41, "8.3e+05", "3.5e+06")
        assert cost(1000) == (49, "1.2e+07", "5.3e+07")
        assert cost(5000) == (429, "4.5e+06", "1.4e+07")
        monkeypatch.setattr(metrics, "PAIRED_ROWS", 0)
        assert cost(256) == (189, "1.2e+05", "3.5e+05")
        assert cost(1000) == (273, "6.4e+05", "1.9e+06")


@pytest.mark.parametrize(("y", "z"), [(np.zeros(3), np.zeros(2)), (np.zeros(0), np.zeros(0)), (np.zeros((2, 1)),) * 2])
@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.log_loss, metrics.roc_auc, metrics.ks])
def test_shapes_that_do_not_fit_are_refused(
    metric: Callable[[Any, Any], Any], y: NDArray[np.float64], z: NDArray[np.float64]
) -> None:
    with pytest.raises(InputError, match="one a row"):
        metric(y, z)


@st.composite
def predictions(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Targets from 0 up, some of them 0, and means above 0."""
    targets = draw(st.lists(st.sampled_from([0.0, 1.0, 2.5]) | st.floats(0.01, 50), min_size=2, max_size=30))
    means = st.lists(st.floats(0.1, 50), min_size=len(targets), max_size=len(targets))
    return np.array(targets), np.array(draw(means))


class TestOfNumbers:
    @given(predictions())
    def test_agrees_with_scikit_learn(self, rows: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
        y, p = rows
        assert metrics.rmse(y, p) == pytest.approx(root_mean_squared_error(y, p), abs=1e-9)
        assert metrics.mae(y, p) == pytest.approx(mean_absolute_error(y, p), abs=1e-9)
        if np.ptp(y) > 1e-3:
            assert metrics.r2(y, p) == pytest.approx(r2_score(y, p), rel=1e-6)
        for power in (0, 1, 1.3, 1.9):
            assert metrics.deviance(y, p, power) == pytest.approx(mean_tweedie_deviance(y, p, power=power), abs=1e-6)
        for power in (2, 3):
            assert metrics.deviance(y + 1, p, power) == pytest.approx(mean_tweedie_deviance(y + 1, p, power=power))

    def test_a_constant_target_has_no_variance_to_explain(self) -> None:
        assert metrics.r2(np.full(4, 3.0), np.array([1.0, 2.0, 3.0, 4.0])) == 0

    def test_on_secrets_as_on_plain_arrays(self) -> None:
        rng = np.random.default_rng(0)
        y, p = rng.poisson(3, 60) * 1.0, rng.gamma(5, 0.6, 60)

        def all_of(y: Any, p: Any) -> list[Any]:
            found = [metrics.r2(y, p), metrics.rmse(y, p), metrics.mae(y, p)]
            found += [metrics.deviance(y, p, power) for power in (0, 1, 1.5)]
            return found + [metrics.deviance(y + 1, p, power) for power in (2, 3)]

        def run(session: Any) -> list[Any]:
            return [value.reveal() for value in all_of(session.share(y, 0), session.share(p, 1))]

        np.testing.assert_allclose(mpcfl.simulate(run, seed=0).results[0], all_of(y, p), atol=1e-4)


class TestOfSeveralClasses:
    RNG = np.random.default_rng(0)
    Y = RNG.integers(0, 3, 50)
    P = RNG.dirichlet([1, 1, 1], 50)

    def test_agrees_with_scikit_learn(self) -> None:
        assert metrics.class_accuracy(self.Y, self.P) == accuracy_score(self.Y, self.P.argmax(axis=1))
        assert metrics.class_log_loss(self.Y, self.P) == pytest.approx(log_loss(self.Y, self.P))

    def test_a_probability_of_0_has_a_finite_loss(self) -> None:
        assert metrics.class_log_loss(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(16 * np.log(2))

    def test_on_secrets_as_on_plain_arrays(self) -> None:
        def run(session: Any) -> list[Any]:
            y, p = session.share(self.Y, 0), session.share(self.P, 1)
            return [metrics.class_accuracy(y, p).reveal(), metrics.class_log_loss(y, p).reveal()]

        expected = metrics.class_accuracy(self.Y, self.P), metrics.class_log_loss(self.Y, self.P)
        np.testing.assert_allclose(mpcfl.simulate(run, seed=0).results[0], expected, atol=1e-4)

    def test_shapes_that_do_not_fit_are_refused(self) -> None:
        with pytest.raises(InputError, match="one a row and class"):
            metrics.class_accuracy(self.Y, self.P[:-1])
