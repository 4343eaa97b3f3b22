"""Memory for large arrays that is used again: making fresh pages costs more than the arithmetic on them.

`empty` is `numpy.empty`; when the array and all views of it are gone, its memory serves the next one of about that
size. What is kept so is bounded.
"""

from __future__ import annotations

import math
import mmap
import weakref
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

SMALLEST = 1 << 18
"""Bytes from which on an array has memory of its own."""
KEPT = 1 << 32
"""Bytes that are kept for later arrays, at most (4 GiB): a tree of a million rows takes and leaves three of them."""

_kept = KEPT


class _Block(np.ndarray[Any, Any]):
    """The memory under an array. NumPy lets a view refer to it and not past it, since it is of another type."""


class _Lent(weakref.ref[_Block]):
    """Memory in use; it comes back when the block is gone."""

    __slots__ = ("memory",)
    memory: mmap.mmap
    __hash__ = object.__hash__  # its own: an array has none
    __eq__ = object.__eq__


_free: dict[int, list[mmap.mmap]] = {}
_lent: set[_Lent] = set()


def empty(shape: tuple[int, ...], dtype: DTypeLike = np.uint64) -> NDArray[Any]:
    """An array whose elements are not set."""
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if size < SMALLEST:
        return np.empty(shape, kind)
    room = _room(size)
    try:
        memory = _free[room].pop()
    except (KeyError, IndexError):
        memory = _mapped(room)
    block = _Block((size,), np.uint8, memory)
    lent = _Lent(block, _back)
    lent.memory = memory
    _lent.add(lent)
    return np.ndarray(shape, kind, block)


def keep(size: int) -> None:
    """Keep at most so many bytes from here on, and never more than `KEPT`."""
    global _kept
    _kept = min(KEPT, size)


def _mapped(room: int) -> mmap.mmap:
    return mmap.mmap(-1, room, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # a forked child writes to its own


def _room(size: int) -> int:
    """The next of eight sizes an octave."""
    step = 1 << max(12, size.bit_length() - 4)
    return -(-size // step) * step


def _back(lent: weakref.ref[_Block]) -> None:
    # Runs wherever the last reference goes, in any thread: without a lock, by single steps that cannot be cut in two.
    assert isinstance(lent, _Lent)
    _lent.discard(lent)
    room = len(lent.memory)
    if room + sum(size * len(those) for size, those in list(_free.items())) <= _kept:
        _free.setdefault(room, []).append(lent.memory)
