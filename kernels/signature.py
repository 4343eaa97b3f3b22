"""Array types for the explicit signatures of kernels.

Numba compiles one machine code for each exact array type. `reads` accepts read-only arrays (a frame seen through
`numpy.frombuffer`) and writable ones alike; `writes` accepts writable arrays alone. Both ask for C order.
"""

from numba import types


def reads(dtype: types.Type, dimensions: int) -> types.Array:
    """Type of an input array: C-contiguous, read-only or writable."""
    return types.Array(dtype, dimensions, "C", readonly=True)


def writes(dtype: types.Type, dimensions: int) -> types.Array:
    """Type of an output array: C-contiguous and writable."""
    return types.Array(dtype, dimensions, "C")


def strided(dtype: types.Type, dimensions: int) -> types.Array:
    """Type of an input array with any strides, read-only or writable."""
    return types.Array(dtype, dimensions, "A", readonly=True)
