"""A matrix product with encrypted numbers that is masked and packed at once.

Packing takes some squarings for each bit of every number's slot. Where there are many more rows than columns, raising
the columns' ciphertexts to the slots' places beforehand takes less: a packed ciphertext of the product is then itself a
product of powers, of all columns at all places.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcfl.he.array import SIGMA, PaillierArray
from mpcfl.he.encoding import Plain
from mpcfl.he.packing import Packed, slots
from mpcfl.he.powers import products_of_powers


def masked_product(factor: Plain, array: PaillierArray, sigma: int = SIGMA) -> tuple[Packed, NDArray[Any]]:
    """`(factor @ array).masked(sigma)`, packed.

    Parameters
    ----------
    factor : Plain, shape (rows, columns)
        Below 2^63.
    array : PaillierArray, shape (columns,)
    sigma : int

    Returns
    -------
    Packed
        The masked numbers.
    ndarray of int
        The masks (dtype object), shape (rows,), as encoded integers.
    """
    key, (rows, columns) = array.key, factor.integers.shape
    bound = array.bound * factor.bound * max(1, columns)
    bits = bound.bit_length() + sigma
    width = (bound + (1 << bits)).bit_length() + 1
    many = slots(key, width)
    if columns * many >= rows:
        masked, masks = (factor @ array).masked(sigma)
        return masked.packed(), masks
    groups, within = -(-rows // many), key.residues
    shifted = [within.take(array.ciphertexts)]
    for _ in range(many - 1):
        shifted.append(within.doubled(shifted[-1], width))
    exponents = np.zeros((groups * many, columns), np.int64)
    exponents[:rows] = factor.integers.astype(np.int64)
    bases = within.give(np.concatenate(shifted))
    products = products_of_powers(bases, exponents.reshape(groups, many * columns), within)
    masks = np.array([secrets.randbits(bits) for _ in range(rows)], object)
    cells = []
    for start, product in zip(range(0, rows, many), products, strict=True):
        mask = sum(one << width * i for i, one in enumerate(masks[start : start + many].tolist()))
        cells.append(product * (1 + key.n * mask) % key.n_squared)
    fraction, dtype = array.fraction + factor.fraction, np.dtype(np.float64) if factor.fraction else array.dtype
    return Packed(key, cells, (rows,), fraction, bound + (1 << bits), dtype, width), masks
