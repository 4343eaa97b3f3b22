"""Products of encrypted matrices with plain ones, in both packings.

Whole: for d < D the slots of x are rotated by d columns and multiplied by a diagonal of the matrix, D the smaller of
the two sizes. Diagonals go in runs of about sqrt(D): rotations of x, one column at a time, serve all runs, and sums of
runs are rotated by Horner's rule. So there are 2 sqrt(D) rotations by only two steps. Where the matrix has fewer
columns than rows, what lies a multiple of its columns apart is then added up by doubling.

Reference   Halevi and Shoup, CRYPTO 2014 (diagonals); with runs, CRYPTO 2018; Juvekar, Vaikuntanathan and Chandrakasan
            (Gazelle), USENIX Security 2018, section 4 (matrices that are not square).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mpcfl.ckks.machine import Cell, Machine
from mpcfl.ckks.noise import Error, switched
from mpcfl.ckks.packing import Columns, Whole, power_of_two

Matrix = NDArray[np.float64]


def by_columns(
    machine: Machine, cells: Sequence[Cell], layout: Columns, made: Columns, matrix: Matrix | None, level: int
) -> Iterator[Cell]:
    """Cells of the product, not rescaled."""
    count = layout.columns
    for block in range(layout.blocks):
        own = cells[block * count : (block + 1) * count]
        for k in range(made.columns):
            weights = np.zeros(0) if matrix is None else matrix[:, k]
            yield machine.combined([(own[j], float(weights[j])) for j in np.flatnonzero(weights).tolist()], level)


def of_whole(
    machine: Machine, cells: Sequence[Cell], layout: Whole, made: Whole, matrix: Matrix | None, level: int
) -> Iterator[Cell]:
    """Cells of the product, not rescaled."""
    shape = Diagonals(layout, made)
    turned = [_turned(machine, cell, layout.stride, shape.run) for cell in cells]
    for column in range(made.cells):
        total: Cell = None
        for giant in reversed(range(shape.giants)):
            terms = () if matrix is None else shape.terms(turned, matrix, column, giant)
            run = machine.combined(terms, level)
            last = giant == shape.giants - 1
            total = run if last else machine.add(machine.rotated(total, shape.run * layout.stride), run)
        yield from summed(machine, [total], [step * layout.stride for step in shape.sums])


class Diagonals:
    """How a product in whole packing goes about.

    Parameters
    ----------
    layout, made : Whole
        Of the encrypted matrix and of the result.
    """

    def __init__(self, layout: Whole, made: Whole) -> None:
        self._layout, self._made = layout, made
        self.count = min(made.period, layout.period)
        self.run = power_of_two(math.isqrt(self.count))
        self.giants = self.count // self.run
        self.sums = [made.period << k for k in range((layout.period // made.period).bit_length() - 1)]

    def terms(
        self, turned: Sequence[Sequence[Cell]], matrix: Matrix, column: int, giant: int
    ) -> Iterator[tuple[Cell, Matrix]]:
        """Turned cells of x and the slots of their diagonals, turned back by their run; zero ones are left out."""
        layout, made = self._layout, self._made
        places = np.arange(layout.places)
        columns = column * made.period + (places - giant * self.run) % made.period
        for row, variants in enumerate(turned):
            for baby in range(self.run):
                rows = row * layout.period + (places + baby) % layout.period
                inside = (rows < matrix.shape[0]) & (columns < matrix.shape[1])
                values = np.where(inside, matrix[np.where(inside, rows, 0), np.where(inside, columns, 0)], 0.0)
                if values.any():
                    yield variants[baby], np.repeat(values, layout.stride)

    def error(self, machine: Machine, level: int, norm: float) -> Error:
        """What the rotations add, before rescaling."""
        of = machine.parameters
        before = switched(of, level, of.scale(level)).times((self.run - 1) * norm)
        after = switched(of, level, of.scale(level) * of.plain_scale(level))
        folded = 1 << len(self.sums)
        return before + after.times(self.giants * folded - 1)


def summed(machine: Machine, cells: Sequence[Cell], steps: Sequence[int]) -> list[Cell]:
    """Cells of which every slot has the sum over slots that lie such steps apart."""
    results = []
    for total in cells:
        for step in steps:
            total = machine.add(total, machine.rotated(total, step))
        results.append(total)
    return results


def _turned(machine: Machine, cell: Cell, stride: int, count: int) -> list[Cell]:
    """A cell turned by 0, 1, ... columns."""
    turned = [cell]
    while len(turned) < count:
        turned.append(machine.rotated(turned[-1], stride))
    return turned
