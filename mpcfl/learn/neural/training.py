"""One training loop for every network: minibatches, a slope, its pull back through the layers, a step."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

from mpcfl import grad
from mpcfl.errors import InputError
from mpcfl.learn.marks import Marks, begun
from mpcfl.learn.neural.layer import Arrays, Layer, Shape
from mpcfl.learn.neural.losses import Loss
from mpcfl.learn.neural.optimizers import Optimizer
from mpcfl.learn.schedule import minibatches, public_draws
from mpcfl.learn.validation import Array

START, STEP = 0, 1
"""What public numbers are drawn for."""


class Trained(NamedTuple):
    """What training gives.

    Attributes
    ----------
    weights, state : dict of arrays
    steps : int
    losses : list of arrays, shape ()
        Of each step's rows before it; empty if they were not asked for.
    """

    weights: Arrays
    state: Arrays
    steps: int
    losses: list[Array]


def begin(
    network: Layer, shape: Shape, outputs: int, seed: int, given: Mapping[str, Array] | None
) -> tuple[Arrays, Arrays]:
    """Weights and state before the first step.

    Parameters
    ----------
    network : Layer
    shape : tuple of int
        Of a row.
    outputs : int
        Numbers that must come out for each.
    seed : int
        Public.
    given : dict of arrays or None
        Plain or secret weights and state to begin with, in place of drawn ones.

    Raises
    ------
    InputError
        The layers do not fit the rows, the outputs, or the weights given.
    """
    start = network.start(shape, public_draws(seed, START))
    if start.shape != (outputs,):
        raise InputError(
            f"The last layer gives rows of shape {start.shape}, and the targets need ({outputs},).", key="layers"
        )
    if given is None:
        return start.weights, start.state
    expected = {name: array.shape for name, array in (start.weights | start.state).items()}
    for name in sorted(expected.keys() | given.keys()):
        found = tuple(given[name].shape) if name in given else None
        if found != expected.get(name):
            raise InputError(
                f"Weights {name!r}: the network has shape {expected.get(name)}, given is {found}.", key=name
            )
    return {name: given[name] for name in start.weights}, {name: given[name] for name in start.state}


def train(
    network: Layer,
    loss: Loss,
    optimizer: Optimizer,
    start: tuple[Arrays, Arrays],
    X: Array,
    y: Array,
    epochs: int,
    batch_size: int,
    seed: int,
    record_loss: bool = False,
    marks: Marks | None = None,
) -> Trained:
    """Train a network.

    Parameters
    ----------
    network : Layer
    loss : Loss
    optimizer : Optimizer
    start : pair of dicts of arrays
        Weights and state, as of `begin`.
    X : array, shape (n, ...)
    y : array, shape (n, outputs)
    epochs, batch_size, seed : int
        The public schedule.
    record_loss : bool
        Compute the loss of each step, which costs its logarithms.
    marks : Marks, optional
        From where to go on, and who is told of each step.
    """
    done, (weights, state, kept, losses) = begun(marks, (*start, optimizer.start(start[0]), []))
    batches = enumerate(minibatches(X.shape[0], batch_size, epochs, seed), start=1)
    steps = done
    for steps, rows in itertools.islice(batches, done, None):
        weights, state, kept, z = step(network, loss, optimizer, (weights, state, kept), X[rows], y[rows], seed, steps)
        if record_loss:
            losses.append(loss(z, y[rows]))
        if marks is not None:
            marks.keep(steps, (weights, state, kept, losses))
    return Trained(weights, state, steps, losses)


def step(
    network: Layer,
    loss: Loss,
    optimizer: Optimizer,
    before: tuple[Arrays, Arrays, dict[str, Any]],
    x: Array,
    y: Array,
    seed: int,
    number: int,
) -> tuple[Arrays, Arrays, dict[str, Any], Array]:
    """One gradient step: weights, state, the optimiser's state, and the outputs before it.

    The loss's slope goes back through the layers as it is; its public factor is multiplied into the gradients.
    """
    weights, state, kept = before
    draws = public_draws(seed, STEP, number)
    z, pull, after = grad.vjp(lambda w: network.apply(w, state, x, draws), weights, has_aux=True)
    back, factor = loss.slope(z, y)
    (gradients,) = pull(back)
    weights, kept = optimizer.step(weights, {name: g * factor for name, g in gradients.items()}, kept)
    return weights, state | after, kept, z
