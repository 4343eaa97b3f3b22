"""Functions of the array API standard whose names or arguments NumPy does not have, or that do not dispatch.

A secret array is known by its `reveal`; everything else goes by NumPy's own dispatch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mpcfl.dispatch.choice import is_secret

VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")


def check_version(version: str | None) -> None:
    """Refuse a version of the standard that is not known.

    Raises
    ------
    ValueError
    """
    if version is not None and version not in VERSIONS:
        raise ValueError(f"the array API standard has no version {version!r} here; there are {', '.join(VERSIONS)}")


def asarray(obj: Any, /, *, dtype: Any = None, device: Literal["cpu"] | None = None, copy: bool | None = None) -> Any:
    """A secret array as it is, all else as a plain, public array.

    Parameters
    ----------
    obj : array, number, or lists of them
    dtype : dtype, optional
    device : "cpu", optional
    copy : bool, optional

    Returns
    -------
    SecretArray or ndarray

    Raises
    ------
    TypeError
        A list in which secrets stand: use `stack` or `concat`.
    """
    if not is_secret(obj):
        return np.asarray(obj, dtype=dtype, device=device, copy=copy)
    result = obj if dtype is None or np.dtype(dtype) == obj.dtype else obj.astype(dtype)
    return result.copy() if copy and result is obj else result


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The elements in order along an axis; equal ones are the same, so `stable` changes nothing."""
    ordered = np.sort(x, axis=axis, stable=stable)
    return np.flip(ordered, axis=axis) if descending else ordered


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """Where the elements stand that follow one another in order; secret for secrets, and always stable."""
    if not descending:
        return np.argsort(x, axis=axis, stable=True)
    if x.dtype.kind == "f" or is_secret(x):
        return np.argsort(-(x * 1), axis=axis, stable=True)
    last = x.shape[axis] - 1  # integers may have no negative
    return np.flip(last - np.argsort(np.flip(x, axis=axis), axis=axis, stable=True), axis=axis)


@dataclass(frozen=True)
class FixedInfo:
    """What `finfo` says of a secret array: fixed point, not floating point.

    Attributes
    ----------
    bits : int
        Of a ring element.
    eps, smallest_normal : float
        The step 2^-fraction.
    max, min : float
        The largest and the smallest float64 that are representable.
    dtype : numpy.dtype
    """

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: np.dtype[Any]


def finfo(type: Any, /) -> Any:
    """The limits of a real dtype; of a secret array those of fixed point with its session's fraction."""
    if not is_secret(type):
        return np.finfo(type)
    if type.dtype.kind != "f":
        raise ValueError(f"finfo takes a real type, not {type.dtype}: use iinfo")
    step, largest = 2.0**-type.fraction, math.nextafter(2.0 ** (62 - type.fraction), 0)
    return FixedInfo(64, step, largest, -largest, step, type.dtype)


def iinfo(type: Any, /) -> Any:
    """The limits of an integer dtype. What is shared must stay below 2^62; arithmetic is modulo 2^64."""
    return np.iinfo(type.dtype if is_secret(type) else type)


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind, as NumPy says it."""
    return bool(np.isdtype(dtype, kind))


class Info:
    """What `__array_namespace_info__()` answers: what every array of the namespace, secret ones included, can be."""

    def capabilities(self) -> dict[str, Any]:
        """No indexing by a (secret) mask, and no shapes that depend on data; NumPy's limit of dimensions."""
        return {"boolean indexing": False, "data-dependent shapes": False, "max dimensions": 64}

    def default_device(self) -> str:
        return "cpu"

    def devices(self) -> list[str]:
        return ["cpu"]

    def default_dtypes(self, *, device: str | None = None) -> dict[str, np.dtype[Any]]:
        """Fixed point stands for float64; complex secrets there are none."""
        _check_device(device)
        real, whole = np.dtype(np.float64), np.dtype(np.int64)
        return {
            "real floating": real,
            "complex floating": np.dtype(np.complex128),
            "integral": whole,
            "indexing": whole,
        }

    def dtypes(self, *, device: str | None = None, kind: Any = None) -> dict[str, np.dtype[Any]]:
        """Of secret arrays. Public arrays have NumPy's, and meet secrets as these."""
        _check_device(device)
        known = {"bool": np.dtype(np.bool_), "int64": np.dtype(np.int64), "float64": np.dtype(np.float64)}
        return {name: dtype for name, dtype in known.items() if kind is None or np.isdtype(dtype, kind)}


def _check_device(device: str | None) -> None:
    if device not in (None, "cpu"):
        raise ValueError(f"there is the device 'cpu', not {device!r}")
