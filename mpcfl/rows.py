"""Matrices that are not held: some of their rows at a time are made, used and forgotten.

A mask of a private operand is the key stream of a seed, which is made anew in less time than it is read from memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mpcfl import ring
from mpcfl.buffers import empty
from mpcfl.ring import Shape, Words

BLOCK = 1 << 17
"""Words of a block, which stay in the second-level cache (1 MiB)."""


class Rows:
    """An array along whose first axis parts can be made.

    Parameters
    ----------
    shape : tuple of int
    make : callable
        `make(start, stop)` gives these rows, contiguous, the same whenever it is called.
    flipped : bool
        Of a matrix: what is meant is its transpose.
    """

    __slots__ = ("_make", "_shape", "flipped")

    def __init__(self, shape: Shape, make: Callable[[int, int], Words], flipped: bool = False) -> None:
        self._shape = shape
        self._make = make
        self.flipped = flipped

    @staticmethod
    def held(words: Words) -> Rows:
        """The rows of an array that is held."""
        return Rows(words.shape, lambda start, stop: words[start:stop])

    @property
    def shape(self) -> Shape:
        return self._shape[::-1] if self.flipped else self._shape

    def transposed(self) -> Rows:
        """A matrix with rows and columns exchanged."""
        return Rows(self._shape, self._make, not self.flipped)

    def some(self, start: int, stop: int) -> Words:
        """Rows of what is made: columns, where it is flipped."""
        return self._make(start, stop)

    def whole(self) -> Words:
        """All of it."""
        if not self._shape:
            return self._make(0, 1).reshape(())
        made = self._make(0, self._shape[0])
        return made.T if self.flipped else made

    def blocks(self) -> Iterator[tuple[int, int, Words]]:
        """All rows of what is made, block by block: the first, the one after the last, and the words."""
        step = step_of(self._shape, BLOCK)
        for start in range(0, self._shape[0], step):
            stop = min(start + step, self._shape[0])
            yield start, stop, self._make(start, stop)


def odd(x: Rows) -> Words:
    """The lowest bits of a matrix, those of each row packed 64 to a word."""
    shape = (x.shape[0], ring.packed(x.shape[1]))
    out: Words = empty(shape)
    for start, stop, block in x.blocks():
        made = ring.odd_rows(block)
        if ring.is_spec(made):
            return ring.like(made, shape)
        out[start:stop] = made
    return out


def step_of(shape: Shape, words: int) -> int:
    """How many rows have so many words, at least one."""
    row = 1
    for n in shape[1:]:
        row *= n
    return max(1, words // max(1, row))


def matmul(x: Rows | Words, y: Words) -> Words:
    """`x @ y` for a matrix x and a matrix or vector y."""
    (product,) = products(x, [y])
    return product


def products(x: Rows | Words, factors: Sequence[Words]) -> list[Words]:
    """`x @ y` for each of some matrices and vectors y: all in one pass over the rows of x."""
    if not isinstance(x, Rows):
        return [ring.matmul(x, y) for y in factors]
    shapes = [ring.matmul_shape(x.shape, y.shape) for y in factors]
    if x.flipped:
        totals: list[Words] = [np.zeros(shape, y.dtype) for shape, y in zip(shapes, factors, strict=True)]
        for start, stop, block in x.blocks():
            totals = [ring.plus_matmul(total, block.T, y[start:stop]) for total, y in zip(totals, factors, strict=True)]
        return totals
    out: list[Words] = [empty(shape, y.dtype) for shape, y in zip(shapes, factors, strict=True)]
    for start, stop, block in x.blocks():
        for part, y in zip(out, factors, strict=True):
            part[start:stop] = ring.matmul(block, y)
    return out
