"""Networks of layers that their author puts one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mpcfl.learn.neural.layer import Chain, Layer, Shape
from mpcfl.learn.neural.losses import Loss, LossLike, loss_of
from mpcfl.learn.neural.network import Network
from mpcfl.learn.neural.optimizers import SGD, Optimizer
from mpcfl.learn.neural.training import START
from mpcfl.learn.schedule import public_draws
from mpcfl.learn.validation import Array, check_counts


class Sequential(Network):
    """Layers one after another, trained by gradient steps on minibatches.

    On ndarrays and on secret arrays alike; the first weights are public and become secret with the first step.

    Parameters
    ----------
    layers : sequence of Layer
        The last one gives a number for each class or target, as `Dense` does.
    loss : Loss or {"log_loss", "cross_entropy", "binary_cross_entropy", "mse", "huber"}
        The first three make it a classifier; "log_loss" is of one output for two classes, else of one a class.
    optimizer : Optimizer
    epochs : int
        Passes over the rows.
    batch_size : int
        Rows a step; the last, smaller batch of an epoch is dropped.
    record_loss : bool
        Keep each step's loss, at the price of its logarithms.
    seed : int
        Public seed of the initial weights, the row order and what Dropout leaves out.

    Attributes
    ----------
    weights_, state_ : dict of arrays
        What was trained, and running averages, by the names that PyTorch's Sequential gives: "0.weight", "0.bias".
        Secret if the data was.
    classes_ : ndarray
        Of a classifier.
    loss_curve_ : list of arrays, shape ()
        With `record_loss`.
    n_features_in_, n_iter_ : int
        The first size of a row, and steps done.
    """

    def __init__(
        self,
        layers: Sequence[Layer] = (),
        loss: LossLike = "log_loss",
        optimizer: Optimizer = SGD(0.1, momentum=0.9),  # noqa: B008, frozen
        epochs: int = 10,
        batch_size: int = 32,
        record_loss: bool = False,
        seed: int = 0,
    ) -> None:
        self.layers = layers
        self.loss = loss
        self.optimizer = optimizer
        self.epochs = epochs
        self.batch_size = batch_size
        self.record_loss = record_loss
        self.seed = seed

    def decision_function(self, X: Array) -> Array:
        """Log-odds of the second of two classes, shape (n,), or scores, shape (n, k)."""
        return self.outputs(X)

    def predict_proba(self, X: Array) -> Array:
        """Probabilities of the classes, shape (n, k), of a classifier."""
        return self._probabilities(X)

    def _layers(self, outputs: int) -> Sequence[Layer]:
        return self.layers

    def _outputs(self, weights: Mapping[str, Array], shape: Shape) -> int:
        return Chain(self.layers).start(shape, public_draws(self.seed, START)).shape[0]

    def _loss(self) -> Loss:
        return loss_of(self.loss)

    def _training(self, rows: int) -> tuple[Optimizer, int, int, int]:
        check_counts(self, epochs=1, batch_size=1, seed=0)
        return self.optimizer, self.epochs, self.batch_size, self.seed
