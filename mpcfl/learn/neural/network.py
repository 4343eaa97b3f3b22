"""What networks have in common as estimators: fit, predict, and the weights that both go by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from mpcfl import numerics
from mpcfl.errors import InputError
from mpcfl.learn.estimator import Estimator, NotFittedError, scikit_tags, scikit_twin
from mpcfl.learn.marks import Marks
from mpcfl.learn.neural.data import check_rows, class_targets, number_targets, samples
from mpcfl.learn.neural.layer import Arrays, Chain, Layer, Shape
from mpcfl.learn.neural.losses import BinaryCrossEntropy, Loss
from mpcfl.learn.neural.optimizers import Optimizer
from mpcfl.learn.neural.training import begin, train
from mpcfl.learn.schedule import passes
from mpcfl.learn.validation import Array, check_counts, is_secret


class Network(Estimator):
    """An estimator that is a network. A subclass says which, and how it is trained."""

    record_loss: bool
    classes: int | None = None
    model_parts = ("weights",)

    @property
    def kind(self) -> str:
        """What its targets are: "binary", "multiclass" or "regression"."""
        if not self._classifies():
            return "regression"
        count = self.classes if self.classes is not None else len(getattr(self, "classes_", ()))
        return "binary" if count == 2 and self._loss().two == 1 else "multiclass"

    def check_parameters(self) -> None:
        """Check every parameter.

        Raises
        ------
        InputError
            Naming the parameter and what is allowed.
        """
        if self.classes is not None:
            check_counts(self, classes=2)
        self._loss()
        self._training(1)
        Chain(self._layers(1))

    def steps(self, n: int) -> tuple[int, int]:
        """Steps of a training on n rows, and rows a step."""
        _, epochs, size, _ = self._training(n)
        return passes(n, size, epochs)

    def model_arrays(self) -> dict[str, Arrays]:
        """The fitted model: its weights and running averages by name."""
        return {"weights": self.weights_ | self.state_}

    def model_shapes(self, features: int) -> dict[str, dict[str, Shape]]:
        """Shapes of the weights and running averages for rows of so many numbers, and `classes` or one number each.

        Raises
        ------
        InputError
            The layers do not take such rows.
        """
        outputs = self.classes if self.kind == "multiclass" and self.classes is not None else 1
        weights, state = begin(Chain(self._layers(outputs)), (features,), outputs, 0, None)
        return {"weights": {name: tuple(array.shape) for name, array in (weights | state).items()}}

    def set_model_arrays(self, arrays: Mapping[str, Arrays], features: int) -> Self:
        """As `load`, of what `model_arrays` gave."""
        return self.load(arrays["weights"], features)

    def __sklearn_tags__(self) -> Any:
        return scikit_tags("classifier" if self._classifies() else "regressor", several=True)

    def _layers(self, outputs: int) -> Sequence[Layer]:
        raise NotImplementedError

    def _outputs(self, weights: Mapping[str, Array], shape: Shape) -> int:
        """How many numbers a network of those weights gives for a row."""
        raise NotImplementedError

    def _loss(self) -> Loss:
        raise NotImplementedError

    def _training(self, rows: int) -> tuple[Optimizer, int, int, int]:
        """The optimiser, epochs, rows a step, and the public seed."""
        raise NotImplementedError

    # ---------------------------------------------------------------------------------------------------------- fitting

    def fit(self, X: Array, y: Array, weights: Mapping[str, Array] | None = None, marks: Marks | None = None) -> Self:
        """Train.

        Parameters
        ----------
        X : array, shape (n, ...)
            Rows of numbers near 1 in size, images (n, channels, height, width), or codes.
        y : array, shape (n,) or (n, outputs)
            Labels or numbers. Secret labels are 0 and 1, or have a column for each class: see `one_hot`.
        weights : dict of arrays, optional
            Plain or secret ones to begin with, under the names of `weights_` and `state_`; else drawn by the seed.
        marks : Marks, optional
            From where a training that was broken off goes on, and who is told of each step.

        Returns
        -------
        Network
            Itself.

        Raises
        ------
        InputError
            Bad data, parameters or weights.
        """
        X, loss = samples(X), self._loss()
        y = self._targets(y, loss)
        check_rows(X, y)
        optimizer, epochs, batch_size, seed = self._training(X.shape[0])
        network = self._build(X.shape[1:], y.shape[1])
        start = begin(network, X.shape[1:], y.shape[1], seed, weights)
        trained = train(network, loss, optimizer, start, X, y, epochs, batch_size, seed, self.record_loss, marks)
        self.weights_, self.state_, self.n_iter_ = trained.weights, trained.state, trained.steps
        if self.record_loss:
            self.loss_curve_ = trained.losses
        return self

    def load(self, weights: Mapping[str, Array], shape: Shape | int) -> Self:
        """Take weights that were trained before, to predict with.

        Parameters
        ----------
        weights : dict of arrays
            Plain or secret, under the names of `weights_` and `state_`.
        shape : tuple of int, or int
            Of a row.

        Raises
        ------
        InputError
            They do not fit the layers.
        """
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        outputs = self._outputs(weights, shape)
        if self._classifies():
            self.classes_ = np.arange(max(outputs, 2))
        else:
            self._one_number = outputs == 1
        network = self._build(shape, outputs)
        self.weights_, self.state_ = begin(network, shape, outputs, 0, weights)
        self.n_iter_ = 0
        return self

    def _build(self, shape: Shape, outputs: int) -> Chain:
        self.shape_in_, self.n_features_in_, self.n_outputs_ = tuple(shape), int(shape[0]), outputs
        return Chain(self._layers(outputs))

    def _classifies(self) -> bool:
        return self._loss().two is not None

    def _targets(self, y: Array, loss: Loss) -> Array:
        if loss.two is None:
            y, self._one_number = number_targets(y)
            return y
        y, self.classes_ = class_targets(y, loss.two, self.classes)
        if isinstance(loss, BinaryCrossEntropy) and y.shape[1] > 1:
            raise InputError("The loss binary_cross_entropy is for two classes: take log_loss.", key="loss")
        return y

    # ------------------------------------------------------------------------------------------------------- predicting

    @property
    def network_layers(self) -> tuple[Layer, ...]:
        """The layers of the fitted network."""
        return tuple(self._layers(self.n_outputs_))

    def outputs(self, X: Array) -> Array:
        """What the last layer gives: log-odds of the second of two classes (n,), scores (n, k), or numbers."""
        if not hasattr(self, "weights_"):
            raise scikit_twin(NotFittedError)(f"This {type(self).__name__} is not fitted yet: call fit first.")
        X = samples(X)
        if X.shape[1:] != self.shape_in_:
            if len(self.shape_in_) == X.ndim - 1 == 1:
                raise InputError(
                    f"X has {X.shape[1]} features, but {type(self).__name__} is expecting {self.n_features_in_} "
                    "features as input."
                )
            raise InputError(f"X has rows of shape {X.shape[1:]}, and was fitted with {self.shape_in_}.")
        z, _ = Chain(self.network_layers).apply(self.weights_, self.state_, X, None)
        return z[:, 0] if self.n_outputs_ == 1 and self._classifies() else z

    def predict(self, X: Array) -> Array:
        """What the network says of each row.

        Of a classifier its class, shape (n,): the label; from secrets its number, or true for the second of two. Else
        its numbers, shape (n,) or (n, outputs) as y had it.
        """
        z = self.outputs(X)
        if not self._classifies():
            return z[:, 0] if self._one_number else z
        codes = np.argmax(z, axis=1) if z.ndim > 1 else z > 0
        return codes if is_secret(codes) else self.classes_[codes.astype(np.intp)]

    def score(self, X: Array, y: Array) -> Array:
        """The share of rows whose class is predicted; of a regressor R^2, the mean over outputs.

        From secrets, numbers `y` must have sums of squares that are representable.
        """
        found = self.predict(X)
        if self._classifies():
            if is_secret(y) and y.ndim == 2:
                y = np.argmax(y, axis=1)
            elif is_secret(found) and not is_secret(y):
                y = np.searchsorted(self.classes_, y)
            return np.mean(1.0 * (found == y))
        y, _ = number_targets(y)
        left = np.sum(np.square(y - found.reshape(y.shape)), axis=0)
        whole = np.sum(np.square(y - np.mean(y, axis=0)), axis=0)
        return np.mean(1 - left / whole)

    def _probabilities(self, X: Array) -> Array:
        if not self._classifies():
            raise InputError("Only a classifier has probabilities: this network's loss is of numbers.", key="loss")
        z = self.outputs(X)
        if z.ndim > 1:
            return numerics.softmax(z)
        p = numerics.sigmoid(z)
        return np.stack([1 - p, p], axis=1)
