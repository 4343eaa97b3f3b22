"""Least squares and its penalised forms: linear regression, ridge, lasso, elastic net."""

from typing import Self

from mpcfl.learn.estimator import Regressor
from mpcfl.learn.losses import Squared
from mpcfl.learn.marks import Marks
from mpcfl.learn.model import LinearModel, WithInference, by_newton, check_choice, check_numbers, check_whole
from mpcfl.learn.proximal import elastic_net
from mpcfl.learn.validation import Array, regression_data, row_weights


class _LeastSquares(Regressor, LinearModel):
    """What the four share: targets that are numbers, predictions that are the predictor."""

    def predict(self, X: Array) -> Array:
        """The expected target of each row, shape (n,); `X` has shape (n, d)."""
        return self._linear(X)


class LinearRegression(WithInference, _LeastSquares):
    """Ordinary least squares by the normal equations.

    Minimises the mean of ``weight * (x @ w + b - y)^2 / 2``. Sums over rows are divided by their number as they are
    made; the matrix is factored once, by Cholesky, and further steps from new residuals correct the rounding.

    Parameters
    ----------
    iterations : int
        Steps, the first of which solves.
    standard_errors : bool
        Whether `fit` also finds the attributes of inference; the variance is that of the residuals over n - d - 1.

    Attributes
    ----------
    coef_ : array, shape (d,)
    intercept_ : array, shape ()
        Both secret if the training data was.
    standard_errors_, z_scores_, p_values_ : array, shape (d + 1,)
        If asked for; the intercept's last. p-values are two-sided and by the normal distribution.
    n_features_in_ : int
    """

    def __init__(self, iterations: int = 4, standard_errors: bool = False) -> None:
        self.iterations = iterations
        self.standard_errors = standard_errors

    def check_parameters(self) -> None:
        check_whole(self, iterations=1)
        check_choice(self, standard_errors=(False, True))

    def steps(self, n: int) -> tuple[int, int]:
        """Steps of a training on n rows, and rows a step."""
        return self.iterations, n

    def fit(self, X: Array, y: Array, sample_weight: Array = None, marks: Marks | None = None) -> Self:
        """Solve for the coefficients.

        Parameters
        ----------
        X : array, shape (n, d)
            Best with columns of like scale, near 1.
        y : array, shape (n,)
            Best of a scale near 1 to 100: products of features and targets must stay in range.
        sample_weight : array, shape (n,), optional
            Public or secret, at least 0; only their proportions count.
        marks : Marks, optional
            From where a training that was broken off goes on, and who is told of each step.

        Returns
        -------
        The learner itself.

        Raises
        ------
        InputError
            Bad data or parameters.
        """
        self.check_parameters()
        X, y = regression_data(X, y)
        weight = row_weights(sample_weight, X.shape[0])
        l2 = self._l2()
        w, b = by_newton(Squared(), X, y, self._start(X, y, False), l2, self.iterations, weight, None, marks)
        self._keep(w, b, X.shape[1])
        if self.standard_errors:
            self._infer(Squared(), X, y, l2, weight, None, True)
        return self

    def _l2(self) -> float:
        return 0.0


class Ridge(LinearRegression):
    """Least squares with an L2 penalty, ``l2 / 2 * |w|^2`` beside the mean; the intercept has none.

    scikit-learn's ``alpha`` corresponds to ``l2 = alpha / n``. Parameters and attributes are those of
    `LinearRegression`, and

    Parameters
    ----------
    l2 : float
        Strength of the penalty.
    iterations, standard_errors
    """

    def __init__(self, l2: float = 0.01, iterations: int = 4, standard_errors: bool = False) -> None:
        super().__init__(iterations, standard_errors)
        self.l2 = l2

    def check_parameters(self) -> None:
        super().check_parameters()
        check_numbers(self, "l2")

    def _l2(self) -> float:
        return self.l2


class Lasso(_LeastSquares):
    """Least squares with an L1 penalty: minimises the mean of ``weight * (x @ w + b - y)^2 / 2`` plus ``l1 * |w|``.

    By accelerated proximal steps on the Gram matrix, each as dear as d numbers are. scikit-learn's ``alpha`` is `l1`.

    Parameters
    ----------
    l1 : float
        Strength of the penalty.
    iterations : int
        Proximal steps.
    warm_start : bool
        Whether `fit` goes on from the coefficients of the last one.

    Attributes
    ----------
    coef_ : array, shape (d,)
        Exactly 0 where the penalty says so.
    intercept_ : array, shape ()
    n_features_in_, n_iter_ : int
    """

    def __init__(self, l1: float = 0.1, iterations: int = 240, warm_start: bool = False) -> None:
        self.l1 = l1
        self.iterations = iterations
        self.warm_start = warm_start

    def check_parameters(self) -> None:
        check_whole(self, iterations=1)
        check_numbers(self, "l1")
        check_choice(self, warm_start=(False, True))

    def steps(self, n: int) -> tuple[int, int]:
        """Passes over n rows, and rows a pass: they are read once."""
        return 1, n

    def fit(self, X: Array, y: Array, sample_weight: Array = None, marks: Marks | None = None) -> Self:
        """Find the coefficients; arguments, result and errors as of `LinearRegression.fit`."""
        self.check_parameters()
        X, y = regression_data(X, y)
        start, _ = self._start(X, y, self.warm_start)
        weight = row_weights(sample_weight, X.shape[0])
        w, b = elastic_net(X, y, start, self.l1, self._l2(), self.iterations, weight, marks)
        self.n_iter_ = self.iterations
        self._keep(w, b, X.shape[1])
        return self

    def _l2(self) -> float:
        return 0.0


class ElasticNet(Lasso):
    """Least squares with both penalties, ``l1 * |w| + l2 / 2 * |w|^2``; all else is as in `Lasso`.

    scikit-learn's ``alpha`` and ``l1_ratio`` correspond to ``l1 = alpha * l1_ratio`` and
    ``l2 = alpha * (1 - l1_ratio)``.

    Parameters
    ----------
    l1, l2 : float
    iterations, warm_start
    """

    def __init__(self, l1: float = 0.05, l2: float = 0.05, iterations: int = 240, warm_start: bool = False) -> None:
        super().__init__(l1, iterations, warm_start)
        self.l2 = l2

    def check_parameters(self) -> None:
        super().check_parameters()
        check_numbers(self, "l2")

    def _l2(self) -> float:
        return self.l2
