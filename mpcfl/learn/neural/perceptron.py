"""Perceptrons of several layers under scikit-learn's names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mpcfl.errors import InputError
from mpcfl.learn.neural.layer import Layer, Shape
from mpcfl.learn.neural.layers import GELU, Dense, ReLU, Sigmoid, Tanh
from mpcfl.learn.neural.losses import Loss, loss_of
from mpcfl.learn.neural.network import Network
from mpcfl.learn.neural.optimizers import SGD, Adam, Optimizer, Rate
from mpcfl.learn.validation import Array, check_counts

ACTIVATIONS: dict[str, tuple[Layer, ...]] = {
    "identity": (),
    "logistic": (Sigmoid(),),
    "tanh": (Tanh(),),
    "relu": (ReLU(),),
    "gelu": (GELU(),),
}
"""Layers behind each hidden one, by the name of `activation`."""


class _Perceptron(Network):
    """Dense layers with one activation between them."""

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        activation: str = "relu",
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate_init: Rate = 0.001,
        max_iter: int = 200,
        random_state: int = 0,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-4,
        amsgrad: bool = False,
        record_loss: bool = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.random_state = random_state
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        self.record_loss = record_loss

    @property
    def coefs_(self) -> list[Array]:
        """Weights by layer, shape (inputs, units)."""
        return [w for name, w in self.weights_.items() if name.endswith("weight")]

    @property
    def intercepts_(self) -> list[Array]:
        """Biases by layer, shape (units,)."""
        return [b for name, b in self.weights_.items() if name.endswith("bias")]

    def check_parameters(self) -> None:
        sizes = self.hidden_layer_sizes
        if not isinstance(sizes, list | tuple) or not all(type(size) is int and size > 0 for size in sizes):
            raise InputError("hidden_layer_sizes must be a list of whole numbers from 1.", key="hidden_layer_sizes")
        super().check_parameters()

    def _layers(self, outputs: int) -> tuple[Layer, ...]:
        if self.activation not in ACTIVATIONS:
            raise InputError(f"activation must be one of {', '.join(ACTIVATIONS)}.", key="activation")
        hidden = (layer for units in self.hidden_layer_sizes for layer in (Dense(units), *ACTIVATIONS[self.activation]))
        return (*hidden, Dense(outputs))

    def _outputs(self, weights: Mapping[str, Array], shape: Shape) -> int:
        last = f"{len(self._layers(1)) - 1}.weight"
        if last not in weights:
            raise InputError(f"Weights {last!r} of the last layer are missing.", key=last)
        return int(weights[last].shape[-1])

    def _training(self, rows: int) -> tuple[Optimizer, int, int, int]:
        check_counts(self, max_iter=1, random_state=0)
        if self.batch_size != "auto":
            check_counts(self, batch_size=1)
        size = min(200 if isinstance(self.batch_size, str) else self.batch_size, rows)
        decay = self.alpha / size
        optimizer: Optimizer
        if self.solver == "sgd":
            nesterov = self.nesterovs_momentum and self.momentum > 0
            optimizer = SGD(self.learning_rate_init, self.momentum, nesterov, decay)
        elif self.solver == "adam":
            optimizer = Adam(
                self.learning_rate_init, self.beta_1, self.beta_2, self.epsilon, self.amsgrad, decay, decoupled=False
            )
        else:
            raise InputError("solver must be sgd or adam.", key="solver")
        return optimizer, self.max_iter, size, self.random_state


class MLPClassifier(_Perceptron):
    """A classifier of dense layers, trained on its log loss.

    Names and defaults are scikit-learn's where both have them. There is no early stopping, which would tell when a
    secret loss came to rest: training ends after `max_iter` epochs.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
    activation : {"identity", "logistic", "tanh", "relu", "gelu"}
    solver : {"adam", "sgd"}
    alpha : float
        Strength of the penalty ``alpha / (2 rows of a step) * |w|**2``; biases have none.
    batch_size : int or "auto"
        Rows a step, at most all; "auto": 200. The last, smaller batch of an epoch is dropped.
    learning_rate_init : float or callable
        A rate, or one for each step from 0.
    max_iter : int
        Epochs.
    random_state : int
        Public seed of the initial weights and the row order.
    momentum : float
    nesterovs_momentum : bool
        Of "sgd".
    beta_1, beta_2, epsilon : float
    amsgrad : bool
        Of "adam": see `mpcfl.learn.neural.optimizers.Adam`, whose epsilon is larger than scikit-learn's.
    record_loss : bool
        Keep each step's loss, at the price of its logarithms.
    classes : int, optional
        Number of classes, which is public; secret labels of more than two are numbers from 0, and need it.

    Attributes
    ----------
    coefs_, intercepts_ : list of arrays
        By layer; secret if the data was.
    weights_ : dict of arrays
        The same by the names that PyTorch's Sequential gives: "0.weight", "0.bias".
    classes_ : ndarray, shape (k,)
    loss_curve_ : list of arrays, shape ()
        With `record_loss`.
    n_features_in_, n_iter_ : int
        Features, and steps done.
    """

    def __init__(
        self,
        hidden_layer_sizes: Sequence[int] = (100,),
        activation: str = "relu",
        solver: str = "adam",
        alpha: float = 1e-4,
        batch_size: int | str = "auto",
        learning_rate_init: Rate = 0.001,
        max_iter: int = 200,
        random_state: int = 0,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-4,
        amsgrad: bool = False,
        record_loss: bool = False,
        classes: int | None = None,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            solver,
            alpha,
            batch_size,
            learning_rate_init,
            max_iter,
            random_state,
            momentum,
            nesterovs_momentum,
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
            record_loss,
        )
        self.classes = classes

    def decision_function(self, X: Array) -> Array:
        """Log-odds of the second of two classes, shape (n,), or scores, shape (n, k)."""
        return self.outputs(X)

    def predict_proba(self, X: Array) -> Array:
        """Probabilities of the classes, shape (n, k)."""
        return self._probabilities(X)

    def _loss(self) -> Loss:
        return loss_of("log_loss")


class MLPRegressor(_Perceptron):
    """A regressor of dense layers, trained on its squared error.

    Parameters and attributes are those of `MLPClassifier`, without classes; `y` may have several columns. Best with
    targets near 1 in size.
    """

    def _loss(self) -> Loss:
        return loss_of("mse")
