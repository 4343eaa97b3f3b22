"""Matrix products in Z_2^64 by the kernels that are fastest on this processor, with NumPy's rules for dimensions.

Where the processor multiplies 52-bit lanes at full rate, packed panels and a register tile of such multiplications take
over, elsewhere a kernel that the compiler vectorises: word for word the same. A product with a vector reads its matrix
once, at the rate of the memory, and needs no kernel of its own kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.kernels import processor, ring64

Words: TypeAlias = NDArray[np.uint64]

PACKED = processor.has(*processor.FUSED_MULTIPLY) and not processor.named(processor.SLOWER_FUSED_MULTIPLY)
if PACKED:
    from mpcfl.kernels import ifma


def _plain(x: Words, y: Words, out: Words) -> None:
    ring64.matmul(np.ascontiguousarray(x), np.ascontiguousarray(y), out)


_matrices: Callable[[Words, Words, Words], None] = ifma.matmul if PACKED else _plain


def add(x: Words, y: Words, out: Words) -> None:
    """Add the product `x @ y`, of one, two or more dimensions, to contiguous words of its shape."""
    left, right = x if x.ndim > 1 else x[None, :], y if y.ndim > 1 else y[:, None]
    rows, columns = left.shape[-2], right.shape[-1]
    if right.ndim == 2 and left.ndim > 2:  # one right factor for all: a single product of their rows
        rows = math.prod(left.shape[:-1])
        left = left.reshape(rows, left.shape[-1])
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    target = out.reshape(*batch, rows, columns)
    if not batch:
        _add(left, right, target)
        return
    left, right = np.broadcast_to(left, (*batch, *left.shape[-2:])), np.broadcast_to(right, (*batch, *right.shape[-2:]))
    for index in np.ndindex(*batch):
        _add(left[index], right[index], target[index])


def _add(x: Words, y: Words, out: Words) -> None:
    """Of two matrices."""
    if out.shape[1] == 1:
        _matvec(x, y[:, 0], out[:, 0])
    elif out.shape[0] == 1:
        _matvec(y.T, x[0], out[0])
    else:
        _matrices(x, y, out)


def _matvec(a: Words, x: Words, out: Words) -> None:
    x = np.ascontiguousarray(x)
    if a.flags.f_contiguous and not a.flags.c_contiguous:
        ring64.vecmat(x, a.T, out)
    else:
        ring64.matvec(np.ascontiguousarray(a), x, out)
