"""Where the numbers of an array lie: two packings of a matrix of rows (samples) by columns (features).

    columns    a ciphertext a column and block of rows, rows in slots. Products with plain matrices are sums of
               ciphertexts times numbers, without rotations: most rows a second.
    whole      all columns of a few rows in one ciphertext: column f of row r in slot f B + r, B the next power of two
               of the rows, columns padded to a power of two and repeated to fill the ciphertext. Products with plain
               matrices are by diagonals, with rotations by multiples of B, which act on all rows at once: the answer
               comes soonest, and a key's rotations are few. A vector is one row.

Slots without a number hold zeros or a repetition, never something else: what leaves shows no more than the array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpcfl.errors import InputError

Name: TypeAlias = Literal["columns", "whole"]
Matrix: TypeAlias = NDArray[np.float64]


class Layout(Protocol):
    """Of a matrix of some rows and columns."""

    rows: int
    columns: int
    slots: int

    @property
    def cells(self) -> int:
        """How many ciphertexts there are."""
        ...

    def packed(self, matrix: Matrix) -> list[Matrix]:
        """The slots of every ciphertext."""
        ...

    def unpacked(self, cells: list[Matrix]) -> Matrix:
        """The matrix of what is in slots."""
        ...


def power_of_two(count: int) -> int:
    """The next one, count itself included."""
    return 1 << max(0, count - 1).bit_length()


@dataclass(frozen=True)
class Columns:
    """A ciphertext a column; cells go by block of rows, then column. A row alone is in all slots."""

    rows: int
    columns: int
    slots: int

    @property
    def blocks(self) -> int:
        """Ciphertexts that a column takes."""
        return -(-self.rows // self.slots)

    @property
    def cells(self) -> int:
        return self.blocks * self.columns

    def packed(self, matrix: Matrix) -> list[Matrix]:
        filled = np.zeros((self.blocks * self.slots, self.columns))
        filled[: self.rows if self.rows > 1 else self.slots] = matrix
        return [*filled.reshape(self.blocks, self.slots, self.columns).swapaxes(1, 2).reshape(-1, self.slots)]

    def unpacked(self, cells: list[Matrix]) -> Matrix:
        stacked = np.stack(cells).reshape(self.blocks, self.columns, self.slots)
        return stacked.swapaxes(1, 2).reshape(-1, self.columns)[: self.rows]


@dataclass(frozen=True)
class Whole:
    """All columns of a few rows in one ciphertext, or in several if there are many columns."""

    rows: int
    columns: int
    slots: int

    def __post_init__(self) -> None:
        if self.rows > self.slots:
            raise InputError(f'{self.rows} rows do not fit {self.slots} slots at once: pack them by "columns"')

    @property
    def stride(self) -> int:
        """Slots from one column to the next."""
        return power_of_two(self.rows)

    @property
    def places(self) -> int:
        """Columns that a ciphertext has room for."""
        return self.slots // self.stride

    @property
    def period(self) -> int:
        """Columns after which they repeat."""
        return min(power_of_two(self.columns), self.places)

    @property
    def cells(self) -> int:
        return -(-self.columns // self.period)

    def packed(self, matrix: Matrix) -> list[Matrix]:
        filled = np.zeros((self.cells * self.period, self.stride))
        filled[: self.columns, : self.rows] = matrix.T
        blocks = filled.reshape(self.cells, self.period * self.stride)
        return [np.tile(block, self.places // self.period) for block in blocks]

    def unpacked(self, cells: list[Matrix]) -> Matrix:
        stacked = np.stack([cell[: self.period * self.stride] for cell in cells]).reshape(-1, self.stride)
        return stacked[: self.columns, : self.rows].T.copy()


def layout(name: Name, rows: int, columns: int, slots: int) -> Columns | Whole:
    """The layout of a packing."""
    return (Columns if name == "columns" else Whole)(rows, columns, slots)
