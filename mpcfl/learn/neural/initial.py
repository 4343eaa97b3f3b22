"""Initial weights: uniform numbers from a public seed, of a width that keeps signals of one size through the layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mpcfl.errors import InputError
from mpcfl.learn.schedule import Draws

LIMITS: Mapping[str, Callable[[int, int], float]] = {
    "glorot": lambda fan_in, fan_out: math.sqrt(6 / (fan_in + fan_out)),
    "he": lambda fan_in, fan_out: math.sqrt(6 / fan_in),
    "lecun": lambda fan_in, fan_out: math.sqrt(3 / fan_in),
    "zeros": lambda fan_in, fan_out: 0.0,
}
"""The largest initial weight of a unit that reads `fan_in` numbers and is read by `fan_out`.

Source: Glorot and Bengio, AISTATS 2010; He and others, ICCV 2015; LeCun and others, "Efficient BackProp", 1998."""


def drawn(name: str, shape: tuple[int, ...], fan_in: int, fan_out: int, draws: Draws) -> NDArray[np.float64]:
    """Initial weights.

    Parameters
    ----------
    name : str
        One of `LIMITS`.
    shape : tuple of int
    fan_in, fan_out : int
    draws : Draws
        The same at every party.

    Raises
    ------
    InputError
        There is no such initialiser.
    """
    if name not in LIMITS:
        raise InputError(f"There is no initialiser {name!r}: there are {', '.join(LIMITS)}.", key="initial")
    return (2 * draws.random(shape) - 1) * LIMITS[name](fan_in, fan_out)
