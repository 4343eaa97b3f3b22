"""Early stopping: training ends when a metric of rows held back gets no better, which tells that metric."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpcfl.errors import InputError
from mpcfl.learn.validation import Array, is_secret


@dataclass(frozen=True)
class EarlyStopping:
    """When to end, and by what means that is found out; given to `fit`.

    A learner reveals nothing by itself. On secrets it can only stop by what `disclose` makes public, and that is
    written by the caller, under a purpose that the parties have agreed on::

        EarlyStopping(X, y, disclose=lambda value: value.reveal(purpose="validation loss"))

    All parties learn each of the rounded metrics, and from them when training ended. A forecast on shapes cannot know
    them: it sees a training that ends as soon as it may.

    Parameters
    ----------
    X, y : array
        Rows that training does not read, as `fit` takes them.
    disclose : callable, optional
        Takes the metric times 10^decimals, rounded to a whole number, and returns it as a public number. Not needed
        where all is plain.
    metric : callable, optional
        `metric(y, z)` of targets and the linear predictor, less is better; the learner's own mean loss if None.
    every : int
        Epochs between two looks.
    patience : int
        Looks in a row without a new best before training ends.
    tolerance : float
        What a new best must gain.
    decimals : int
        Digits after the point that are disclosed.
    """

    X: Array
    y: Array
    disclose: Callable[[Array], float] | None = None
    metric: Callable[[Array, Array], Array] | None = None
    every: int = 1
    patience: int = 3
    tolerance: float = 0.0
    decimals: int = 3


class Watch:
    """Looks at a training as `EarlyStopping` says.

    Parameters
    ----------
    wanted : EarlyStopping
    measure : callable
        The metric of some parameters, a scalar.

    Attributes
    ----------
    told : list of float
        The metric at each look, as disclosed.
    best : tuple of arrays
        The parameters with the best of them.
    """

    def __init__(self, wanted: EarlyStopping, measure: Callable[..., Array]) -> None:
        self._wanted, self._measure = wanted, measure
        self._since = 0
        self._lowest = np.inf
        self.told: list[float] = []
        self.best: tuple[Array, ...] = ()

    def over(self, epoch: int, *parameters: Array) -> bool:
        """Whether training ends after this epoch, counted from 1."""
        if epoch % self._wanted.every:
            return False
        whole = np.rint(self._measure(*parameters) * 10.0**self._wanted.decimals)
        whole = made_public(whole, self._wanted.disclose, "Early stopping", "early_stopping")
        self.told.append(float(whole) / 10.0**self._wanted.decimals)
        if not self.best or self.told[-1] < self._lowest - self._wanted.tolerance:
            self._lowest, self._since, self.best = self.told[-1], 0, parameters
        else:
            self._since += 1
        return self._since >= self._wanted.patience


def made_public(whole: Array, disclose: Callable[[Array], Any] | None, what: str, key: str) -> Any:
    """A rounded metric as the caller's function discloses it; plain ones need none.

    Raises
    ------
    InputError
        It is secret, and there is no such function.
    """
    if disclose is not None:
        return disclose(whole)
    if is_secret(whole):
        raise InputError(
            f"{what} on secrets needs disclose=, a function that makes the rounded metric public: "
            "learners reveal nothing by themselves.",
            key=key,
        )
    return whole
