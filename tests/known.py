"""What is known of a secret array in a test: its value on ndarrays, and how far the secret may be off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mpcfl.bounds import TABLE

FRACTION = 18
ULP = 2.0**-FRACTION
LARGEST = {"f": 2.0**16, "i": 2.0**40, "b": 1.0}
"""Magnitudes that a program keeps below: products of two stay in range."""
DTYPES = {"f": np.float64, "i": np.int64, "b": np.bool_}


@dataclass(frozen=True)
class Known:
    """An array, and the error that its secret may have."""

    value: np.ndarray
    error: np.ndarray

    @property
    def kind(self) -> str:
        return {"f": "f", "i": "i", "b": "b"}[self.value.dtype.kind]

    @property
    def low(self) -> np.ndarray:
        return self.value - self.error

    @property
    def high(self) -> np.ndarray:
        return self.value + self.error

    @property
    def size(self) -> np.ndarray:
        """The largest magnitude that the secret may have."""
        return np.abs(self.value.astype(np.float64)) + self.error

    @property
    def worst(self) -> np.ndarray:
        """The largest error along the last axis."""
        return self.error.max(-1, keepdims=True)

    def sensible(self) -> bool:
        """Whether it is in range, and its error still says something."""
        finite = bool(np.isfinite(self.value).all())
        return (
            finite
            and bool((self.size < LARGEST[self.kind]).all())
            and bool((self.error <= 0.01 + 2.0**-10 * np.abs(self.value)).all())
        )


def exactly(value: Any, error: Any = 0.0) -> Known:
    array = np.asarray(value)
    return Known(array, np.broadcast_to(np.asarray(error, np.float64), array.shape))


def shape_of(x: Known, y: Known) -> tuple[int, ...] | None:
    try:
        return np.broadcast_shapes(x.value.shape, y.value.shape)
    except ValueError:
        return None


def stated(name: str, exact: np.ndarray, spread: Any = 0.0, n: int = 0) -> np.ndarray:
    """The error that an operation states for a result that is exact up to `spread`."""
    return TABLE[name].error.at(np.abs(exact) + spread, [np.zeros((1, n))], FRACTION)
