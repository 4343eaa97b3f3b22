"""Matrix products in Z_2^64 by the kernels that are fastest on this processor, with NumPy's rules for dimensions.

Where the processor multiplies 52-bit lanes at full rate, packed panels and a register tile of such multiplications take
over, elsewhere a kernel that the compiler vectorises: word for word the same. A product with a vector, or of a large
matrix with few columns, reads its matrix once, where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.kernels import processor, ring64, skinny

Words: TypeAlias = NDArray[np.uint64]

PACKED = processor.has(*processor.FUSED_MULTIPLY) and not processor.named(processor.SLOWER_FUSED_MULTIPLY)
if PACKED:
    from mpcfl.kernels import ifma
LANES = processor.has(*processor.LONG_LANES)
if LANES:
    from mpcfl.kernels import tall

LARGE = 1 << 16
"""Elements from which on packing a matrix costs more than to multiply it by few columns."""
NARROW, NARROW_TRANSPOSED = 4, 32 if LANES else 16
"""How many columns are few, and for a transposed matrix, which is packed across its rows."""


def _plain(x: Words, y: Words, out: Words) -> None:
    ring64.matmul(np.ascontiguousarray(x), np.ascontiguousarray(y), out)


_matrices: Callable[[Words, Words, Words], None] = ifma.matmul if PACKED else _plain
_transposed: Callable[[Words, Words, Words], None] = tall.transposed if LANES else skinny.transposed


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
    elif not _narrow(x, y, out):
        _matrices(x, y, out)


def _narrow(x: Words, y: Words, out: Words) -> bool:
    """Add the product of a large matrix and few columns, and whether it was one."""
    columns = out.shape[1]
    if x.size < LARGE or columns > NARROW_TRANSPOSED:
        return False
    if columns <= NARROW and x.flags.c_contiguous:
        skinny.upright(x, np.ascontiguousarray(y.T), out)
        return True
    if x.T.flags.c_contiguous:
        found = np.zeros(out.shape[::-1], np.uint64)
        _transposed(x.T, np.ascontiguousarray(y), found)
        np.add(out, found.T, out=out)
        return True
    return False


def _matvec(a: Words, x: Words, out: Words) -> None:
    x = np.ascontiguousarray(x)
    if a.flags.f_contiguous and not a.flags.c_contiguous:
        ring64.vecmat(x, a.T, out)
    else:
        ring64.matvec(np.ascontiguousarray(a), x, out)
