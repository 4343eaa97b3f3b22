"""One party's piece of a secret array, with the memory of how it was masked.

A `Share` is a view (public linear map) of one or more bases plus a public offset. The first product of any view opens
its base under a fresh mask, and the base keeps that public difference; so every later product with the base, its
slices, gathers, transposes, concatenations or shifts opens nothing more. A mask belongs to one base for ever: it is
never used for two values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mpcfl import ring, runs, view
from mpcfl.correlation import Leaf, MaskView
from mpcfl.ring import Ones, Shape, Spec, Words
from mpcfl.rows import Rows
from mpcfl.runs import Made
from mpcfl.spec import WORD
from mpcfl.view import View


class Masked:
    """An operand x = d + a: public difference d, this party's share of the mask a, and the mask's name.

    `given` holds d and a as they came, where they may be made run by run.
    """

    __slots__ = ("given", "mask")

    def __init__(self, d: Words | Made[Base], a: Words | Made[Base], mask: MaskView) -> None:
        self.given = (d, a)
        self.mask = mask

    @property
    def d(self) -> Words:
        return runs.whole(self.given[0])

    @property
    def a(self) -> Words:
        return runs.whole(self.given[1])


class Remade:
    """The same of an operand x that its owner holds otherwise: d and a are made anew whenever they are asked for."""

    __slots__ = ("_a", "_x", "mask")

    def __init__(self, x: Rows, a: Rows, mask: MaskView) -> None:
        self._x = x
        self._a = a
        self.mask = mask

    @property
    def a(self) -> Words:
        return self._a.whole()

    @property
    def d(self) -> Words:
        return ring.subtract(self._x.whole(), self.a)


class Bit:
    """A bit b = t + (1 - 2t) beta, elementwise: t is public (b xor beta, opened), beta a dealt uniform bit.

    Parameters
    ----------
    words : Words or callable
        This party's additive share of b, or what makes it when it is asked for.
    t : Words or Made
        Public, zeros and ones.
    beta : Words or Made
        This party's additive share of beta.
    mask : View of Leaf
        The name of beta.

    Attributes
    ----------
    given : tuple
        t and beta as they came, where they may be made run by run.
    """

    __slots__ = ("_words", "given", "mask")

    def __init__(
        self,
        words: Words | Callable[[], Words],
        t: Words | Made[Base],
        beta: Words | Made[Base],
        mask: MaskView,
    ) -> None:
        self._words = words
        self.given = (t, beta)
        self.mask = mask

    @property
    def t(self) -> Words:
        return runs.whole(self.given[0])

    @property
    def beta(self) -> Words:
        return runs.whole(self.given[1])

    @property
    def words(self) -> Words:
        """This party's additive share of b."""
        if callable(self._words):
            self._words = self._words()
        return self._words

    def flipped(self, first: int) -> Bit:
        """The bit 1 - b under the same beta."""
        return Bit(lambda: ring.subtract(first, self.words), ring.subtract(1, self.t), self.beta, self.mask)


@dataclass(frozen=True, eq=False)
class Truncated:
    """What a truncation opened to make y = x / 2^m of x, in the ring Z_2^k: c = x + 2^(k-2) + r; or the same of -y.

    Parameters
    ----------
    c : Words
        Public.
    r : View of Leaf
        The name of r, its lowest m bits read as zeros.
    shift : int
        m, at least 1.
    sign : int
        1, or -1 for -y.
    """

    c: Words
    r: MaskView
    shift: int
    sign: int = 1

    @property
    def d(self) -> Words:
        """The public part of 2^m y = d + a, a the mask of r without its lowest bits."""
        return self._signed(ring.subtract(ring.cleared(self.c, self.shift), 1 << ring.width(self.c) - 2))

    @property
    def mask(self) -> MaskView:
        """The name of a."""
        return view.scale(self.r, -self.sign)

    @property
    def public(self) -> Words:
        """The public part P of y = P - floor((r mod 2^(k-1)) / 2^m) + (1 - 2 msb(c)) msb(r) 2^(k-1-m)."""
        return self._signed(ring.subtract(ring.right(self.c, self.shift), 1 << ring.width(self.c) - 2 - self.shift))

    def _signed(self, words: Words) -> Words:
        return words if self.sign == 1 else ring.negative(words)


class Base:
    """The words that a mask covers; `owner` is the rank that alone knows them, None for shared words.

    `bit` and `truncated` say what the protocol that made them opened. A matrix of zeros and few ones stands at its
    owner as the places of the ones (`mpcfl.kernels.onehot`) in a row: its words are made anew where they are asked for.
    """

    __slots__ = ("_words", "bit", "claimed", "dtype", "folded", "masked", "odd", "ones", "owner", "shape", "truncated")

    def __init__(
        self,
        words: Words | Ones | Bit,
        owner: int | None = None,
        truncated: Truncated | None = None,
    ) -> None:
        self.bit = words if isinstance(words, Bit) else None
        self.ones = words.places if isinstance(words, Ones) else None
        self._words: Words | None = None if isinstance(words, Ones | Bit) else words
        self.shape: Shape = words.t.shape if isinstance(words, Bit) else words.shape
        self.dtype = WORD if isinstance(words, Ones) else words.beta.dtype if isinstance(words, Bit) else words.dtype
        self.owner = owner
        self.truncated = truncated
        self.masked: Masked | Remade | None = None
        self.folded: Words | None = None
        """What this party's one product of the operand takes, once it was made (`mpcfl.protocols.folded`)."""
        self.claimed = False
        self.odd: Words | None = None
        """Of a matrix that one party knows: the lowest bits of what this one multiplies by (`protocols.oddness`)."""

    @property
    def words(self) -> Words:
        """What the mask covers."""
        if self.bit is not None:
            return self.bit.words
        return self.rows.whole() if self._words is None else self._words

    @property
    def rows(self) -> Rows:
        """The same, of which some rows can be had alone."""
        if self.ones is None:
            return Rows.held(self.words)
        ones, columns = self.ones, self.shape[1]
        return Rows(self.shape, lambda start, stop: ring.of_ones(ones[start:stop], columns))


class Share:
    """This party's share of a secret array.

    Its words are made when they are asked for: a view that is only multiplied needs none, since its base is open.

    Parameters
    ----------
    words : Words
        Additive share in the session's ring.
    origin : View of Base, optional
        Where the words come from; by default they are a base of their own.
    offset : Words, optional
        Public words of the same shape, part of the value (at the first party's share).
    """

    __slots__ = ("_make", "_sources", "_words", "offset", "origin")

    def __init__(self, words: Words, origin: View[Base] | None = None, offset: Words | None = None) -> None:
        self._words: Words | None = words
        self._sources: tuple[Share, ...] = ()
        self._make: Callable[..., Words] | None = None
        self.origin = View.leaf(Base(words), words.shape) if origin is None else origin
        self.offset = offset

    @staticmethod
    def _view(
        sources: tuple[Share, ...], make: Callable[..., Words], origin: View[Base], offset: Words | None
    ) -> Share:
        """A share whose words are `make` of those of its sources."""
        share = Share.__new__(Share)
        share._words, share._sources, share._make = None, sources, make
        share.origin, share.offset = origin, offset
        return share

    @property
    def words(self) -> Words:
        """Additive share in the session's ring."""
        asked = [self]
        while asked:  # no recursion: a program may take views of views as often as it likes
            share = asked[-1]
            missing = [source for source in share._sources if source._words is None]
            if missing:
                asked += missing
                continue
            asked.pop()
            if share._words is None:
                assert share._make is not None
                share._words = share._make(*(source._words for source in share._sources))
                share._sources, share._make = (), None
        assert self._words is not None
        return self._words

    @staticmethod
    def private(words: Words | Ones, owner: int) -> Share:
        """An operand that rank `owner` knows: its words there, zeros elsewhere."""
        return Share.of_view(View.leaf(Base(words, owner), words.shape))

    @staticmethod
    def of_view(origin: View[Base]) -> Share:
        """What a view of bases shows."""
        return Share._view((), lambda: origin.apply(lambda base: base.words), origin, None)

    @staticmethod
    def of_bit(bit: Bit) -> Share:
        return Share.of_view(View.leaf(Base(bit), bit.t.shape))

    @staticmethod
    def of_truncation(words: Words, truncated: Truncated) -> Share:
        """A truncated vector."""
        return Share(words, View.leaf(Base(words, truncated=truncated), words.shape))

    @property
    def shape(self) -> Shape:
        return self.origin.shape

    def bases(self) -> list[Base]:
        return list(self.origin.leaves())

    @property
    def bit(self) -> Bit | None:
        """The bit form of a secret boolean, where all its bases have one and none is added to another."""
        if self.offset is not None or any(base.bit is None for base in self.origin.leaves()):
            return None
        if "sum" in self.origin.operations():  # of two bits, which is none
            return None

        def part(name: str) -> Made[Base]:
            return Made(self.origin, lambda base: getattr(base.bit, name))

        def mask(base: Base) -> MaskView:
            assert base.bit is not None
            return base.bit.mask

        return Bit(lambda: self.words, part("t"), part("beta"), self.origin.map(mask))

    @property
    def truncated(self) -> Truncated | None:
        """What truncations by one and the same number of bits opened of it, less its offset; None where none did.

        Its view has no factor but -1. So it is at most 2^(k-2-m), less its offset.
        """
        made = [base.truncated for base in self.origin.leaves()]
        shifts = {None if one is None else one.shift for one in made}
        plain = view.unscaled(self.origin) if len(shifts) == 1 and None not in shifts else None
        if plain is None or plain[1] not in (1, -1):
            return None
        origin, sign = plain
        c = origin.apply(lambda base: _truncated(base).c)
        return Truncated(c, origin.map(lambda base: _truncated(base).r), _truncated(self.bases()[0]).shift, sign)

    @property
    def masked(self) -> Masked:
        """The masked form, once every base was opened."""
        a = Made(self.origin, lambda base: _opened(base).a, "a")
        d = Made(self.origin, lambda base: _opened(base).d, "d")
        return Masked(d if self.offset is None else self.difference, a, self.mask)

    @property
    def difference(self) -> Words:
        """The public part of `masked`."""
        d = self.origin.apply(lambda base: _opened(base).d, "d")
        return d if self.offset is None else ring.add(d, self.offset)

    @property
    def mask(self) -> MaskView:
        """The name of its mask, once every base was opened."""
        return self.origin.map(lambda base: _opened(base).mask, "named")

    # ------------------------------------------------------------------------ public linear maps, which keep the mask

    def _map(self, move: Callable[[Words], Words], origin: View[Base]) -> Share:
        return Share._view((self,), move, origin, None if self.offset is None else move(self.offset))

    def take(self, index: Any) -> Share:
        return self._map(lambda x: ring.take(x, index), view.take(self.origin, index))

    def transpose(self, axes: tuple[int, ...]) -> Share:
        return self._map(lambda x: ring.transpose(x, axes), view.transpose(self.origin, axes))

    def reshape(self, shape: Shape) -> Share:
        return self._map(lambda x: ring.reshape(x, shape), view.reshape(self.origin, shape))

    def broadcast(self, shape: Shape) -> Share:
        return self._map(lambda x: ring.broadcast(x, shape), view.broadcast(self.origin, shape))

    def scale(self, factor: int) -> Share:
        """Times a public integer."""
        return self._map(lambda x: ring.multiply(x, factor), view.scale(self.origin, factor))

    def shift(self, constant: Words, first: int) -> Share:
        """Plus public words of the same shape."""
        offset = constant if self.offset is None else ring.add(self.offset, constant)
        return Share._view((self,), lambda x: ring.add(x, constant) if first else x, self.origin, offset)

    def plus(self, part: Share) -> Share:
        """The sum with a share of the same shape, whose mask is that of both masks: opened with them."""
        offset = self.offset if part.offset is None else part.offset
        if self.offset is not None and part.offset is not None:
            offset = ring.add(self.offset, part.offset)
        return Share._view((self, part), ring.add, view.add(self.origin, part.origin), offset)

    def less(self, part: Share) -> Share:
        """What is left without a share of the same shape, opened like a sum."""
        return self.plus(part.scale(-1))

    def widens(self, other: Share, size: int) -> bool:
        """Whether a sum of so many elements has more than all that both views show, neither of them a sum."""
        if any("sum" in one.origin.operations() for one in (self, other)):
            return False
        return size > sum(math.prod(base.shape) for base in {*self.origin.leaves(), *other.origin.leaves()})

    @staticmethod
    def concatenate(parts: list[Share], axis: int) -> Share:
        origin = view.concatenate([part.origin for part in parts], axis)
        given = [part.offset for part in parts if part.offset is not None]
        offsets = [ring.like(given[0], p.shape) if p.offset is None else p.offset for p in parts] if given else []
        offset = ring.concatenate(offsets, axis) if given else None
        return Share._view(tuple(parts), lambda *words: ring.concatenate(words, axis), origin, offset)


def _opened(base: Base) -> Masked | Remade:
    assert base.masked is not None
    return base.masked


def _truncated(base: Base) -> Truncated:
    assert base.truncated is not None
    return base.truncated


def on_shapes(shares: Sequence[Share]) -> list[Share]:
    """The same operands without their words: what was opened is opened there too, and views share their bases."""
    bases: dict[Base, Base] = {}

    def spec(words: Words | Base) -> Words:
        return Spec(words.shape, words.dtype)  # type: ignore[return-value]

    def words(share: Share) -> Words:
        return Spec(share.shape, share.bases()[0].dtype)  # type: ignore[return-value]

    def twin(base: Base) -> View[Base]:
        if base not in bases:
            bit, masked, truncated = base.bit, base.masked, base.truncated
            blank = spec(base) if bit is None else Bit(spec(base), spec(bit.t), spec(bit.beta), bit.mask)
            truncated = None if truncated is None else replace(truncated, c=spec(truncated.c))
            bases[base] = Base(blank, base.owner, truncated)
            bases[base].masked = None if masked is None else Masked(spec(base), spec(base), masked.mask)
        return View.leaf(bases[base], base.shape)

    return [
        Share(words(share), share.origin.map(twin), None if share.offset is None else spec(share.offset))
        for share in shares
    ]


__all__ = ["Base", "Bit", "Leaf", "Masked", "Ones", "Remade", "Share", "Truncated", "on_shapes"]
