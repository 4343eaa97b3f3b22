"""Public schedules: which rows are held out, and in which order training reads the others.

The one place where numpy.random has a use: every party draws the same rows from the job's public seed, and no mask,
share or key ever comes from here.
"""

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.errors import InputError

Rows = NDArray[np.int64]
Draws: TypeAlias = np.random.Generator
"""Public random numbers, see `public_draws`."""


def split_rows(n: int, test: float, seed: int) -> tuple[Rows, Rows]:
    """Row numbers for training and for the held-out test.

    Parameters
    ----------
    n : int
        Number of rows, at least 1.
    test : float
        Share of the rows to hold out, 0 <= test < 1; 0 holds out none.
    seed : int
        Public seed.

    Returns
    -------
    train, test : ndarray of int64
        The test rows are the first floor(test * n) of ``numpy.random.default_rng(seed).permutation(n)``, the training
        rows the others, both in that order.

    Raises
    ------
    InputError
        If `test` is out of range, or too small to hold out a single row.
    """
    if n < 1:
        raise InputError("A split needs at least one row.")
    if not 0 <= test < 1:
        raise InputError("The share of test rows must be at least 0 and less than 1.", key="split.test")
    held_out = math.floor(test * n)
    if test > 0 and held_out == 0:
        raise InputError(
            f"The share of test rows holds out none of {n} rows: raise it to at least {1 / n:.3g}.", key="split.test"
        )
    order = np.random.default_rng(seed).permutation(n)
    return order[held_out:], order[:held_out]


def minibatches(n: int, batch_size: int, epochs: int, seed: int) -> Iterator[Rows]:
    """Row numbers of every gradient step.

    Parameters
    ----------
    n : int
        Number of training rows.
    batch_size : int
        Rows a step; with fewer than this in all, each step reads all rows.
    epochs : int
        Passes over the data.
    seed : int
        Public seed.

    Yields
    ------
    ndarray of int64, shape (min(batch_size, n),)
        The row order is drawn anew each epoch, and a last batch smaller than `batch_size` is dropped.
    """
    rng = np.random.default_rng(seed)
    size = min(batch_size, n)
    for _ in range(epochs):
        order = rng.permutation(n)
        for start in range(0, n - size + 1, size):
            yield order[start : start + size]


SCHEDULES = ("inverse", "exponential", "cosine")
"""Names of the schedules of `step_rate`."""


def step_rate(schedule: str, rate: float, decay: float, step: int, steps: int) -> float:
    """The learning rate of a step.

    Parameters
    ----------
    schedule : {"inverse", "exponential", "cosine"}
        ``rate / (1 + decay * step)``, ``rate * exp(-decay * step)``, or half a cosine from `rate` down to almost 0.
    rate : float
        That of the first step.
    decay : float
        0 makes the first two constant.
    step, steps : int
        This one, from 0, and how many there are.

    Returns
    -------
    float
    """
    if schedule == "cosine":
        return rate * (1 + math.cos(math.pi * step / steps)) / 2
    return rate * math.exp(-decay * step) if schedule == "exponential" else rate / (1 + decay * step)


def passes(n: int, batch_size: int, epochs: int) -> tuple[int, int]:
    """Gradient steps of `minibatches`, and rows a step."""
    size = min(batch_size, n)
    return epochs * (n // size), size


def public_draws(*seed: int) -> Draws:
    """Random numbers that every party draws alike: initial weights, and which units a step leaves out.

    Parameters
    ----------
    *seed : int
        Public, at least 0; such as a job's seed, what is drawn, and the step.

    Notes
    -----
    Ask it for uniform numbers and permutations alone: they come from integer arithmetic, the same on every CPU, where
    a normal one goes through a library's logarithm.
    """
    return np.random.default_rng(list(seed))


def fold_rows(n: int, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Row numbers for cross-validation: for each fold those for training, and those held out.

    Parameters
    ----------
    n : int
    folds : int
        At least 2.
    seed : int
        Public. The folds are consecutive parts of ``numpy.random.default_rng(seed).permutation(n)``, of sizes that
        differ by at most one.

    Raises
    ------
    InputError
        There are more folds than rows.
    """
    if folds > n:
        raise InputError(f"{folds} folds need as many rows, and there are {n}.", key="folds")
    parts = np.array_split(np.random.default_rng(seed).permutation(n), folds)
    return [(np.concatenate([*parts[:at], *parts[at + 1 :]]), held) for at, held in enumerate(parts)]
