"""Correlated randomness as values that can sample themselves in the clear.

A correlation lists its fields. A uniform field is expanded by every party from the seed that it shares with the dealer,
so its clear value is the sum (words) or exclusive or (bits) of what the parties expand. A determined field is computed
from the uniform ones by `sample`; the parties but the last expand their shares of it as well, and the last is sent what
is missing: the correction.

Whoever can evaluate `sample` can serve every protocol: a dealer process, the lockstep world, a tape, the clear-text
oracle.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, TypeAlias

import numpy as np

from mpcfl.ring import GROUPS, Shape, Words
from mpcfl.rows import Rows
from mpcfl.view import View


@dataclass(frozen=True)
class Field:
    """One tensor of a correlation.

    Parameters
    ----------
    name : str
    shape : tuple of int
        In words.
    group : str
        "words": shared by sums in Z_2^64; "wide": in Z_2^128; "bits": by exclusive or, 64 bits to a word.
    determined : bool
        Computed from the uniform fields, hence corrected for the last party.
    owner : int or None
        A uniform field that this rank alone knows in full: its share is the value, the others' are zero.
    """

    name: str
    shape: Shape
    group: str = "words"
    determined: bool = False
    owner: int | None = None

    @property
    def correction_bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape) if self.determined else 0

    @property
    def dtype(self) -> np.dtype[Any]:
        return GROUPS[self.group]


@dataclass(frozen=True)
class Leaf:
    """The name of a dealt uniform field: the number of its draw, and its place among the draw's fields."""

    draw: int
    place: int
    shape: Shape
    group: str = "words"
    owner: int | None = None
    bits: int | None = None
    """For a packed field of bits that is to be read as a vector of zeros and ones: how many."""
    low: int = 0
    """How many of the lowest bits of each element are read as zeros."""


MaskView = View[Leaf]
Signs: TypeAlias = tuple[int, ...] | Literal["odd"] | None
"""A form of a mask: None is the mask, signs (one a party, -1, 0 or 1) a sum of its shares, `ODD` its lowest bits."""
ODD: Final = "odd"
"""Of a matrix, or of some of its rows: the lowest bits, packed by rows (`mpcfl.kernels.bitmatrix`)."""


def group_of(*masks: MaskView) -> str:
    """The ring of products of masks: "words" or "wide"; bits multiply words of either."""
    groups = {leaf.group for mask in masks for leaf in mask.leaves()} - {"bits"}
    if len(groups) > 1:
        raise ValueError("masks of two rings do not meet in one product")
    return groups.pop() if groups else "words"


_MADE = "tensors made"


class Correlation:
    """Base of all correlations: frozen dataclasses of integers, strings, tuples of them, and views of masks.

    Class attribute `family` is the name under which a dealer knows it.
    """

    family: ClassVar[str]

    def fields(self) -> tuple[Field, ...]:
        """The tensors, in the order in which they are expanded."""
        raise NotImplementedError

    def masks(self) -> tuple[MaskView, ...]:
        """Views of uniform fields drawn earlier that `sample` takes in the clear, in this order and all its forms."""
        return ()

    def combinations(self) -> tuple[Signs, ...]:
        """In which forms `sample` takes each mask.

        A mask that is taken as sums of its shares is that of a matrix, and the dealer keeps it from the first time on.
        """
        return (None,)

    def forms(self) -> tuple[tuple[MaskView, Signs], ...]:
        """What `sample` takes, in order: by default every mask in all forms of `combinations`."""
        return tuple((mask, signs) for mask in self.masks() for signs in self.combinations())

    def by_rows(self) -> tuple[MaskView, ...]:
        """Those masks of matrices that `sample` takes as `Rows` as well: the dealer never holds all of them."""
        return ()

    def sample(self, uniform: Mapping[str, Words], *masks: Any) -> Mapping[str, Words]:
        """The clear values of the determined fields, in arrays made here: the dealer overwrites them."""
        return {}

    def joint(self) -> MaskView | None:
        """The mask a, where all there is to sample is a product a o b of two masks: several b then share a pass over a.

        They are the two of `forms`, a as it is and in `by_rows`.
        """
        return None

    @staticmethod
    def sample_jointly(a: Any, factors: Sequence[Words]) -> list[Mapping[str, Words]]:
        """`sample` of each of several with one a of `joint`."""
        raise NotImplementedError

    def elementwise(self) -> tuple[str, ...]:
        """The parameters that say of which elements this is, if each element is dealt by itself: it may go in pieces.

        They are vectors of masks or numbers of elements, all as long. Element i of every determined field is then a
        function of element i of these masks and of the uniform fields. By default none: what is dealt is one whole.
        """
        return ()

    @property
    def tensors(self) -> tuple[Field, ...]:
        """`fields()`, made once."""
        made: tuple[Field, ...] | None = self.__dict__.get(_MADE)
        if made is None:
            made = self.__dict__[_MADE] = self.fields()
        return made

    @property
    def correction_bytes(self) -> int:
        """Bytes that the dealer sends to the last party."""
        return sum([field.correction_bytes for field in self.tensors if field.determined])


class Dealt:
    """One party's shares of a correlation, in the order of its fields; `dealt["name"]` gives one of them.

    A mask that its owner knows in full is not held: it is made anew whenever it is asked for.
    """

    __slots__ = ("_fields", "_shares", "number")

    def __init__(self, number: int, fields: tuple[Field, ...], shares: Mapping[str, Words | Rows]) -> None:
        self.number = number
        self._fields = fields
        self._shares = shares

    def __getitem__(self, name: str) -> Words:
        share = self._shares[name]
        return share.whole() if isinstance(share, Rows) else share

    def rows(self, name: str) -> Rows:
        """A share of which some rows at a time are wanted."""
        share = self._shares[name]
        return share if isinstance(share, Rows) else Rows.held(share)

    def leaf(self, name: str, bits: int | None = None, low: int = 0) -> MaskView:
        """The dealt field `name` as a mask for later correlations; `bits` and `low` as of `Leaf`."""
        for place, field in enumerate(self._fields):
            if field.name == name:
                shape = field.shape if bits is None else (bits,)
                return View.leaf(Leaf(self.number, place, field.shape, field.group, field.owner, bits, low), shape)
        raise KeyError(name)
