"""How a large correlation is dealt and sent: in pieces that fit a cache, each on its way before the next is made.

A correlation that says of which elements it is (`Correlation.elementwise`) is cut into runs of elements. A field is a
matrix of 64-bit words, whose columns run along the axis of the elements; piece k has the k-th columns of every field,
field by field and row by row. Any other correlation is one piece. Dealer, parties and tapes cut alike.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from mpcfl import view
from mpcfl.buffers import empty
from mpcfl.correlation import Correlation, Field
from mpcfl.ring import Words
from mpcfl.view import View

PIECE_BYTES = 1 << 20
"""Corrections in a piece, at most, where a few elements do not have more."""
UNIT = 128
"""Pieces are multiples of this many elements: a bit of each fills whole blocks of the key stream."""


@dataclass(frozen=True)
class Stripes:
    """A field as a matrix of 64-bit words, of which each piece has the next `step` columns."""

    rows: int
    columns: int
    step: int

    @property
    def size(self) -> int:
        return self.rows * self.columns

    @property
    def pieces(self) -> int:
        return max(1, -(-self.columns // self.step)) if self.step else 1

    def part(self, piece: int) -> slice:
        """The columns of a piece."""
        return slice(piece * self.step, min((piece + 1) * self.step, self.columns))


class Cut:
    """A correlation cut into pieces.

    Parameters
    ----------
    correlation : Correlation
    piece_bytes : int, optional
        Corrections in a piece; by default `PIECE_BYTES`, as dealer, parties and tapes have it.

    Attributes
    ----------
    fields : tuple of Field
        Of the whole.
    stripes : tuple of Stripes
        One a field.
    pieces : int
    """

    def __init__(self, correlation: Correlation, piece_bytes: int | None = None) -> None:
        piece_bytes = PIECE_BYTES if piece_bytes is None else piece_bytes
        self._correlation = correlation
        self.fields = correlation.tensors
        self._elements = self._step = 0
        self._parts: dict[int, Correlation] = {}
        size = sum(field.correction_bytes for field in self.fields)
        named = correlation.elementwise() if size > piece_bytes else ()
        lengths = [_length(getattr(correlation, name)) for name in named]
        if lengths and None not in lengths and len(set(lengths)) == 1:
            self._elements = cast("int", lengths[0])
            self._step = max(1, self._elements * piece_bytes // (size * UNIT)) * UNIT
        self.pieces = -(-self._elements // self._step) if self._step else 1
        parts = self.fields if self.pieces == 1 else self.part(0).tensors
        self.stripes = tuple(_stripes(*both) for both in zip(self.fields, parts, strict=True))

    def run(self, piece: int) -> tuple[int, int]:
        """The elements of a piece: the first, and the one after the last."""
        return piece * self._step, min((piece + 1) * self._step, self._elements)

    def part(self, piece: int) -> Correlation:
        """A correlation of as many elements as the piece has. Which of the masks' elements they are does not matter."""
        if self.pieces == 1:
            return self._correlation
        start, stop = self.run(piece)
        if stop - start not in self._parts:
            names = self._correlation.elementwise()
            named = {name: _part(getattr(self._correlation, name), stop - start) for name in names}
            self._parts[stop - start] = cast(
                "Correlation", dataclasses.replace(cast("Any", self._correlation), **named)
            )
        return self._parts[stop - start]


def _length(parameter: Any) -> int | None:
    """How many elements a parameter stands for; None for what is no vector."""
    if isinstance(parameter, View):
        return parameter.shape[0] if len(parameter.shape) == 1 else None
    return int(parameter)


def _part(parameter: Any, elements: int) -> Any:
    return view.take(parameter, slice(elements)) if isinstance(parameter, View) else elements


def _stripes(field: Field, part: Field) -> Stripes:
    """How a field lies, from its shape in the whole and in the first piece: they differ in the axis of the elements."""
    words = field.dtype.itemsize // 8
    differing = [axis for axis, (n, m) in enumerate(zip(field.shape, part.shape, strict=True)) if n != m]
    axis = differing[0] if differing else 0
    rows = math.prod(field.shape[:axis])
    return Stripes(rows, words * math.prod(field.shape[axis:]), words * math.prod(part.shape[axis:]))


def collect(stripes: Sequence[Stripes], whole: Callable[[int], Words], some: Callable[[int], Words]) -> list[Words]:
    """The words of the fields, one vector each, from a source that gives them piece by piece.

    Parameters
    ----------
    stripes : sequence of Stripes
        Of the fields that come, in order.
    whole : callable
        `whole(n)` gives the next n words in an array that stays.
    some : callable
        `some(n)` gives the next words, one to n of them, in an array that is read before the next call.
    """
    pieces = max((one.pieces for one in stripes), default=1)
    if pieces == 1:
        return [whole(one.size) for one in stripes]
    fields: list[Words] = [empty((one.rows, one.columns)) for one in stripes]
    for piece in range(pieces):
        for one, field in zip(stripes, fields, strict=True):
            _fill(field[:, one.part(piece)], some)
    return [field.reshape(-1) for field in fields]


def _fill(target: Words, some: Callable[[int], Words]) -> None:
    """Copy the next words to a piece of a field."""
    words = some(target.size)
    if words.size < target.size:  # it goes on in the source's next frame
        parts = [words.copy()]
        while (missing := target.size - sum(part.size for part in parts)) > 0:
            parts.append(some(missing).copy())
        words = np.concatenate(parts)
    np.copyto(target, words.reshape(target.shape))
