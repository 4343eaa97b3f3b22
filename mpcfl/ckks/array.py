"""`CkksArray`: NumPy's array type for numbers encrypted under a CKKS key, computed with approximately.

Sums, differences and products with plain numbers and with each other, products with plain matrices, sums over axes,
squares, powers and polynomials work as on an ndarray. Each array knows its level (how many products may follow), a
public bound on its numbers, and a bound on its error; what would run out of levels or of room raises before it is
computed. On a sketch (`mpcfl.ckks.sketch`) the same operations compute nothing but these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from mpcfl.ckks import noise, products
from mpcfl.ckks.functions import Encrypted
from mpcfl.ckks.machine import Cell, Machine, Sketch
from mpcfl.ckks.noise import Error
from mpcfl.ckks.packing import Columns, Name, Whole, layout
from mpcfl.ckks.parameters import Parameters
from mpcfl.ckks.plain import Plain, PlainLike, plain
from mpcfl.errors import InputError, Mismatch, UsageError


class CkksArray(Encrypted):
    """A vector or matrix of encrypted numbers. Made by `PublicKey.encrypt` and `SecretKey.encrypt`, and by computing.

    Attributes
    ----------
    shape : tuple of int
        () to (rows, columns); a vector is packed as one row.
    packing : str
        "columns" or "whole", see `mpcfl.ckks.packing`.
    level : int
        Products that may follow.
    bound : float
        No number is larger in absolute value.
    error : Error
        What a number is off, at most.
    cells : list
        Ciphertexts; None in a sketch.
    fresh : bool
        Encrypted here and not computed with, or sanitised: it may leave as it is.
    seeded : bool
        Its ciphertexts carry a seed in place of their uniform half.
    """

    __slots__ = ("bound", "cells", "error", "fresh", "layout", "level", "machine", "seeded", "shape")
    __array_priority__ = 1000

    def __init__(
        self,
        machine: Machine,
        cells: list[Cell],
        shape: tuple[int, ...],
        place: Columns | Whole,
        level: int,
        bound: float,
        error: Error,
        *,
        fresh: bool = False,
        seeded: bool = False,
    ) -> None:
        of = machine.parameters
        if 2 * (bound + error.total) * of.scale(level) >= of.modulus(level):
            raise InputError(
                f'numbers up to {bound:.3g} are too large at level {level} of the parameters "{of.name}": give smaller '
                "limits, or scale the numbers down"
            )
        self.machine, self.cells, self.shape, self.layout = machine, cells, shape, place
        self.level, self.bound, self.error = level, float(bound), error
        self.fresh, self.seeded = fresh, seeded

    # ------------------------------------------------------------------------------------------------------ description

    @property
    def packing(self) -> Name:
        return "columns" if isinstance(self.layout, Columns) else "whole"

    @property
    def parameters(self) -> Parameters:
        return self.machine.parameters

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a CKKS array without dimensions")
        return self.shape[0]

    def __repr__(self) -> str:
        kind = "CkksArray" if self.machine.computes else "CkksArray sketch"
        return f'{kind}(shape={self.shape}, "{self.parameters.name}", {self.packing}, level {self.level})'

    # ------------------------------------------------------------------------------------------------------- arithmetic

    def __add__(self, other: CkksArray | PlainLike) -> CkksArray:
        if isinstance(other, CkksArray):
            return self._joined(other, self.machine.add)
        operand = self._operand(other)
        of = self.parameters
        error = self.error + Error(rounding=noise.encoded(of, of.scale(self.level), operand.limit))
        spread = self._spread(operand, constants=False)
        cells = [self.machine.plus(c, v, self.level) for c, v in zip(self.cells, spread, strict=True)]
        return self._made(cells, self.level, self.bound + operand.limit, error)

    __radd__ = __add__

    def __sub__(self, other: CkksArray | PlainLike) -> CkksArray:
        if isinstance(other, CkksArray):
            return self._joined(other, self.machine.subtract)
        operand = self._operand(other)
        values = None if operand.values is None else -operand.values
        return self + Plain(operand.shape, operand.limit, operand.norm, values)

    def __rsub__(self, other: PlainLike) -> CkksArray:
        return -self + other

    def __neg__(self) -> CkksArray:
        return self._made([self.machine.negated(c) for c in self.cells], self.level, self.bound, self.error)

    def __pos__(self) -> CkksArray:
        return self

    def __mul__(self, other: CkksArray | PlainLike) -> CkksArray:
        if isinstance(other, CkksArray):
            return self._multiplied(other)
        operand = self._operand(other)
        self._needs_level("a product")
        rounding = noise.encoded(self.parameters, self.parameters.plain_scale(self.level), operand.limit)
        error = self.error.times(operand.limit + rounding) + Error(rounding=self.bound * rounding)
        bound = self.bound * operand.limit
        self._fits(bound, error)
        spread = self._spread(operand, constants=True)
        cells = (self.machine.times(c, v, self.level) for c, v in zip(self.cells, spread, strict=True))
        return self._rescaled(cells, self.shape, self.layout, bound, error)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> CkksArray:
        if np.ndim(divisor):
            raise TypeError("a CKKS array is divided by one number; multiply it by the reciprocals of an array")
        return self * (1.0 / divisor)

    def __matmul__(self, other: PlainLike) -> CkksArray:
        matrix = _matrix(other)
        if self.ndim == 0 or matrix.shape[0] != self.shape[-1] or matrix.shape[0] != self.layout.columns:
            raise ValueError(f"a matrix product of shapes {self.shape} and {matrix.shape}")
        vector = len(matrix.shape) == 1
        columns = 1 if vector else matrix.shape[1]
        shape = self.shape[:-1] if vector else (*self.shape[:-1], columns)
        return self._product(matrix, shape, layout(self.packing, self.layout.rows, columns, self.layout.slots))

    def __rmatmul__(self, other: PlainLike) -> CkksArray:
        if self.ndim != 1:
            raise TypeError("a plain matrix multiplies an encrypted vector from the left, not an encrypted matrix")
        return self @ _matrix(other).T

    def dot(self, other: PlainLike) -> CkksArray:
        """Matrix product with plain numbers."""
        return self @ other

    def sum(self, axis: int | None = None) -> CkksArray:
        """Sum over columns (axis -1), or of a vector: a product with ones, but for columns that are ciphertexts apart.

        What is packed by columns can also be summed over its rows, for one level; the result of a matrix has one row.
        """
        along = self.ndim - 1 if axis is None and self.ndim == 1 else axis
        if along is None or not -self.ndim <= along < self.ndim:
            raise TypeError("a CKKS array is summed over one axis that it has")
        place = self.layout
        if along % self.ndim == self.ndim - 1 and (self.ndim == 2 or place.rows == 1):
            return self._added_columns() if isinstance(place, Columns) else self @ plain(np.ones(self.shape[-1]), 1.0)
        if not isinstance(place, Columns):
            raise TypeError('what is packed "whole" is not summed over its rows: pack it by "columns"')
        return self._added_rows()

    def mean(self, axis: int | None = None) -> CkksArray:
        """Mean over an axis: a sum, and a product with a constant."""
        total = self.sum(axis)
        return total * (total.size / self.size)

    def within(self, bound: float) -> CkksArray:
        """The same numbers, of which whoever writes the program promises a smaller bound, public as well.

        Bounds that follow from limits alone grow with every layer of a network, and errors with them. If the promise is
        broken, so is the bound on errors; numbers that do not fit the modulus come out as others.
        """
        return self._made(self.cells, self.level, min(self.bound, bound), self.error)

    # ---------------------------------------------------------------------------------------------------------- powers

    def square(self) -> CkksArray:
        """Squares, for one level."""
        return self._multiplied(self)

    def __pow__(self, exponent: int) -> CkksArray:
        if not isinstance(exponent, int) or exponent < 1:
            raise TypeError("a CKKS array is raised to whole powers from 1 on")
        return self._power(exponent, {1: self})

    def polynomial(self, coefficients: Sequence[float]) -> CkksArray:
        """c_0 + c_1 x + c_2 x^2 + ..., for log2 of the degree levels, rounded up, and one; all can be public."""
        known: dict[int, CkksArray] = {1: self}
        terms = [self._power(i, known) * float(c) for i, c in enumerate(coefficients) if i and c]
        if not terms:
            raise ValueError("a polynomial of encrypted numbers has a coefficient besides its constant one")
        return _total(terms) + float(coefficients[0]) if coefficients[0] else _total(terms)

    def _power(self, exponent: int, known: dict[int, CkksArray]) -> CkksArray:
        if exponent not in known:
            half = exponent // 2
            known[exponent] = self._power(exponent - half, known) * self._power(half, known)
        return known[exponent]

    # --------------------------------------------------------------------------------------------------- what may leave

    def sanitised(self) -> CkksArray:
        """The same numbers at level 0, under fresh randomness, with the noise that the parameters tell of.

        Raises
        ------
        InputError
            As of `flooded`.
        """
        return self.flooded(self.parameters.flood) if self.parameters.flood else self._refreshed()

    def _refreshed(self) -> CkksArray:
        """The same numbers at level 0 with an encryption of zero: who has the key sees nothing in its uniform half."""
        low = self.lowered(0)
        error = low.error + Error(noise.encrypted(self.parameters, 0, 0.0, symmetric=False).noise)
        cells = [self.machine.add(c, self.machine.zero(0)) for c in low.cells]
        return CkksArray(self.machine, cells, self.shape, self.layout, 0, low.bound, error, fresh=True)

    def flooded(self, bits: int) -> CkksArray:
        """The same numbers at level 0, under fresh randomness and uniform noise.

        Whatever made the noise that was there (keys, randomness, plain operands), each ciphertext has the same
        distribution but for 2^-bits; what the exact numbers are shows, as it does in all that is decrypted.

        Raises
        ------
        InputError
            The new noise would leave nothing of the numbers: the parameters' scale is too small for that.
        """
        low, of = self._refreshed(), self.parameters
        width = noise.flood_bits(of, low.error.noise, bits)
        error = low.error + Error(flood=noise.flooded(of, width))
        if error.flood > self.bound:
            raise InputError(
                f'noise that hides 2^-{bits} would drown the numbers: the scale of the parameters "{of.name}" is too '
                "small for that, or limits are too large"
            )
        cells = [self.machine.flooded(c, width) for c in low.cells]
        return CkksArray(self.machine, cells, self.shape, self.layout, 0, low.bound, error, fresh=True)

    def lowered(self, level: int) -> CkksArray:
        """The same numbers at a lower level."""
        if level >= self.level:
            return self
        of = self.parameters
        error = self.error
        if of.scale(level) != of.scale(self.level):
            rounding = noise.encoded(of, of.plain_scale(level + 1), 1.0)
            error = error.times(1 + rounding) + Error(rounding=self.bound * rounding) + noise.rescaled(of, level)
        cells = [self.machine.lowered(c, self.level, level) for c in self.cells]
        return self._made(cells, level, self.bound, error)

    # ---------------------------------------------------------------------------------------------------------- inwards

    def _made(self, cells: list[Cell], level: int, bound: float, error: Error) -> CkksArray:
        return CkksArray(self.machine, cells, self.shape, self.layout, level, bound, error)

    def _shaped(self, shape: tuple[int, ...]) -> CkksArray:
        return CkksArray(self.machine, self.cells, shape, self.layout, self.level, self.bound, self.error)

    def _rescaled(
        self, cells: Iterable[Cell], shape: tuple[int, ...], place: Columns | Whole, bound: float, error: Error
    ) -> CkksArray:
        """Of products, each of which is let go once it is rescaled."""
        done = [self.machine.rescaled(c, self.level) for c in cells]
        return CkksArray(self.machine, done, shape, place, self.level - 1, bound, self._after(error))

    def _after(self, error: Error) -> Error:
        return error + noise.rescaled(self.parameters, self.level - 1)

    def _fits(self, bound: float, error: Error) -> None:
        """Refuse a result that is too large, before it is computed."""
        CkksArray(Sketch(self.parameters), [], self.shape, self.layout, self.level - 1, bound, self._after(error))

    def _needs_level(self, what: str) -> None:
        if not self.level:
            raise UsageError(
                f"{what} needs a level, and none is left of the {self.parameters.depth} of the parameters "
                f'"{self.parameters.name}"'
            )

    def _operand(self, other: PlainLike) -> Plain:
        operand = other if isinstance(other, Plain) else plain(other)
        if np.broadcast_shapes(operand.shape, self.shape) != self.shape:
            raise ValueError(f"an encrypted array of shape {self.shape} does not broadcast to {operand.shape}")
        return operand

    def _spread(self, operand: Plain, *, constants: bool) -> Sequence[Any]:
        """An operand's slots for every cell; one number where all are the same, and empty slots may have it."""
        if operand.values is None or not self.machine.computes:
            return [None] * len(self.cells)
        place = self.layout
        by_column = isinstance(place, Columns) and self.ndim == 2 and (1, 1, *operand.shape)[-2] == 1
        if not operand.shape or by_column:
            full = isinstance(place, Columns) and (place.rows == 1 or place.rows % place.slots == 0)
            if constants or full:
                values = (
                    np.broadcast_to(operand.values, (1, place.columns)).reshape(-1) if by_column else operand.values
                )
                spread: list[float] = np.resize(values, len(self.cells)).tolist()
                return spread
        wide = np.broadcast_to(operand.values, self.shape).reshape(place.rows, place.columns)
        return place.packed(wide)

    def _joined(self, other: CkksArray, join: Callable[[Cell, Cell], Cell]) -> CkksArray:
        left, right = _aligned(self, other)
        cells = [join(a, b) for a, b in zip(left.cells, right.cells, strict=True)]
        return left._made(cells, left.level, left.bound + right.bound, left.error + right.error)

    def _multiplied(self, other: CkksArray) -> CkksArray:
        left, right = _aligned(self, other)
        of = self.parameters
        if not of.products:
            raise UsageError(f'the parameters "{of.name}" are for products with plain numbers alone')
        left._needs_level("a product")
        a, b = left.error, right.error
        error = b.times(left.bound + a.total) + a.times(right.bound)
        error = error + noise.switched(of, left.level, of.scale(left.level) ** 2)
        bound = left.bound * right.bound
        left._fits(bound, error)
        cells = (self.machine.product(x, y) for x, y in zip(left.cells, right.cells, strict=True))
        return left._rescaled(cells, self.shape, self.layout, bound, error)

    def _product(self, matrix: Plain, shape: tuple[int, ...], made: Columns | Whole) -> CkksArray:
        """A product with a plain matrix, or with a vector as its one column."""
        self._needs_level("a matrix product")
        of, level = self.parameters, self.level
        scale = of.plain_scale(level)
        rounding = noise.encoded(of, scale, matrix.limit) * matrix.shape[0]
        error = self.error.times(matrix.norm + rounding) + Error(rounding=self.bound * rounding)
        if isinstance(self.layout, Whole) and isinstance(made, Whole):
            error = error + products.Diagonals(self.layout, made).error(self.machine, level, matrix.norm)
        bound = self.bound * matrix.norm
        self._fits(bound, error)
        values = None
        if matrix.values is not None and self.machine.computes:
            values = matrix.values.reshape(self.layout.columns, made.columns)
        cells: Iterable[Cell]
        if isinstance(self.layout, Columns) and isinstance(made, Columns):
            cells = products.by_columns(self.machine, self.cells, self.layout, made, values, level)
        else:
            assert isinstance(self.layout, Whole)
            assert isinstance(made, Whole)
            cells = products.of_whole(self.machine, self.cells, self.layout, made, values, level)
        return self._rescaled(cells, shape, made, bound, error)

    def _added_columns(self) -> CkksArray:
        place = self.layout
        made = Columns(place.rows, 1, place.slots)
        cells = []
        for start in range(0, len(self.cells), place.columns):
            total = self.cells[start]
            for cell in self.cells[start + 1 : start + place.columns]:
                total = self.machine.add(total, cell)
            cells.append(total)
        count = place.columns
        return CkksArray(
            self.machine, cells, self.shape[:-1], made, self.level, self.bound * count, self.error.times(count)
        )

    def _added_rows(self) -> CkksArray:
        place = self.layout
        if place.rows == 1:
            return self._shaped((1, place.columns) if self.ndim == 2 else ())
        ones = np.ones((place.rows, 1)[: self.ndim])
        masked = self * Plain(ones.shape, 1.0, place.rows, ones)
        cells = masked.cells[: place.columns]
        for start in range(place.columns, len(masked.cells), place.columns):
            more = masked.cells[start : start + place.columns]
            cells = [self.machine.add(a, b) for a, b in zip(cells, more, strict=True)]
        steps = [1 << k for k in range(place.slots.bit_length() - 1)]
        of, level = self.parameters, masked.level
        error = masked.error.times(place.rows) + noise.switched(of, level, of.scale(level)).times(place.slots)
        made = Columns(1, place.columns, place.slots)
        bound = self.bound * place.rows
        done = products.summed(self.machine, cells, steps)
        return CkksArray(self.machine, done, (1, place.columns) if self.ndim == 2 else (), made, level, bound, error)


def _matrix(other: PlainLike) -> Plain:
    if isinstance(other, CkksArray):
        raise TypeError("a matrix product of two encrypted arrays cannot be had from CKKS")
    matrix = other if isinstance(other, Plain) else plain(other)
    if len(matrix.shape) not in (1, 2):
        raise ValueError(f"a matrix product with an array of shape {matrix.shape}")
    return matrix


def _aligned(left: CkksArray, right: CkksArray) -> tuple[CkksArray, CkksArray]:
    """Two arrays at one level.

    Raises
    ------
    Mismatch
        They are encrypted under different keys.
    """
    if left.machine.fingerprint != right.machine.fingerprint:
        raise Mismatch("arrays that are encrypted under different keys do not meet")
    if left.shape != right.shape or left.layout != right.layout:
        raise ValueError(f"encrypted arrays of shapes {left.shape} and {right.shape}, or of two packings, do not meet")
    level = min(left.level, right.level)
    return left.lowered(level), right.lowered(level)


def _total(terms: Sequence[CkksArray]) -> CkksArray:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
