"""The arithmetic of dealing: what the dealer computes and what each party expands, without any transport.

Party i shares a seed with the dealer. Field f of draw k is tensor 32 k + f of the party's stream. The dealer expands
all streams, so it knows the clear values; the last party's share of a determined field is the correction: clear value
less the others' shares.

Reference   Beaver, STOC 1997 (commodity-based cryptography: a dealer that never sees inputs).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mpcfl import prg, ring, rows
from mpcfl.buffers import empty
from mpcfl.correlation import ODD, Correlation, Dealt, Field, Leaf, MaskView, Signs
from mpcfl.errors import ProtocolViolation
from mpcfl.pieces import Cut, Stripes
from mpcfl.prg import Stream
from mpcfl.ring import GROUPS, Shape, Words
from mpcfl.rows import Rows
from mpcfl.runs import Made, Run

FIELDS_PER_DRAW = 32
CACHE_BYTES = 1 << 29
JOINT_WORDS = 1 << 26
"""Of the factors and the results of products that are made together: 512 MiB."""
FORESEEN = 2048
"""Draws ahead that are looked through for products of one matrix."""
RECENT = 256
"""Masks of which the dealer remembers that they were asked for: what is asked for twice is kept."""


def tensor(draw: int, place: int) -> int:
    """The stream's number of a draw's field."""
    return draw * FIELDS_PER_DRAW + place


def combine(group: str, parts: Sequence[Words]) -> Words:
    """The clear value of shares: their sum, or their exclusive or."""
    return functools.reduce(ring.exclusive_or if group == "bits" else ring.add, parts)


def expanding(streams: Sequence[Stream], number: int, shape: Shape, group: str) -> Rows:
    """What tensor `number` of some streams shares, expanded as far as it is asked for."""
    row = math.prod(shape[1:])

    def make(start: int, stop: int) -> Words:
        out: Words = empty((stop - start, *shape[1:]), GROUPS[group])
        return prg.combine(out, streams, number, group, start * row * out.itemsize // 8)

    return Rows(shape, make)


def _alone(value: Words, known: Sequence[Words]) -> bool:
    """Whether these words may be overwritten: of all that is known nothing but they lie in their memory."""
    overlapping = sum(np.may_share_memory(value, x) for x in known)
    return value.flags.c_contiguous and value.flags.writeable and overlapping == 1


class Holder:
    """A party's side: expands its shares, takes corrections if it is the last."""

    def __init__(self, stream: Stream, rank: int, parties: int) -> None:
        self._stream = stream
        self._rank = rank
        self._last = rank == parties - 1
        self._draws = 0

    @property
    def draws(self) -> int:
        """How many correlations were taken: the number of the next."""
        return self._draws

    def take(self, correlation: Correlation, corrections: Sequence[Words] | None) -> Dealt:
        """This party's shares of the next draw; the last party gives `corrections`, one a determined field."""
        number, self._draws = self._draws, self._draws + 1
        fields = correlation.tensors
        given = iter(corrections or ())
        shares: dict[str, Words | Rows] = {}
        for place, field in enumerate(fields):
            if field.determined and self._last:
                shares[field.name] = next(given)
            elif field.owner is not None and field.owner != self._rank:
                shares[field.name] = np.zeros(field.shape, field.dtype)
            elif field.owner is not None:
                self._stream.claim(tensor(number, place), tensor(number, place) + 1)
                shares[field.name] = expanding([self._stream], tensor(number, place), field.shape, field.group)
            else:
                shares[field.name] = self._stream.fresh(tensor(number, place), field.shape, field.dtype)
        return Dealt(number, fields, shares)


class Dealer:
    """The trusted side: knows every stream, computes corrections in the order of the draws.

    Parameters
    ----------
    streams : sequence of Stream
        One a party, by rank.
    cache_bytes : int
        Bound on clear masks that are kept; beyond it they are expanded again from their counters.
    """

    def __init__(self, streams: Sequence[Stream], cache_bytes: int = CACHE_BYTES) -> None:
        self._streams = streams
        self._draws = 0
        self._claimed = 0
        self._coming: deque[Correlation] = deque()
        self._sampled: dict[int, Mapping[str, Words]] = {}
        self._masks: OrderedDict[tuple[Leaf, Signs], Words] = OrderedDict()
        self._used: OrderedDict[Leaf, None] = OrderedDict()
        self._cached = 0
        self._cache_bytes = cache_bytes

    @property
    def draws(self) -> int:
        return self._draws

    def foresee(self, coming: Sequence[Correlation]) -> None:
        """Know what is dealt after all that was foreseen before: products of one matrix are then made together."""
        self._coming += coming
        self._claim(self._draws + len(self._coming))

    def _claim(self, draws: int) -> None:
        """Count the tensors of so many draws as drawn."""
        if draws > self._claimed:
            for stream in self._streams:
                stream.claim(tensor(self._claimed, 0), tensor(draws, 0))
            self._claimed = draws

    def deal(self, correlation: Correlation) -> list[Words]:
        """The corrections of the next draw for the last party, one a determined field."""
        whole = correlation.correction_bytes
        return next(self.pieces(correlation, whole), [])

    def pieces(self, correlation: Correlation, piece_bytes: int | None = None) -> Iterator[list[Words]]:
        """The corrections of the next draw, made piece by piece as they are asked for.

        Parameters
        ----------
        correlation : Correlation
        piece_bytes : int, optional
            As of `mpcfl.pieces.Cut`.

        Yields
        ------
        list of Words
            The piece's part of each determined field.
        """
        number, self._draws = self._draws, self._draws + 1
        self._claim(self._draws)
        if self._coming and self._coming.popleft() is not correlation:
            raise ValueError("what is dealt is not what was foreseen")
        cut = Cut(correlation, piece_bytes)
        if len(cut.fields) > FIELDS_PER_DRAW:
            raise ValueError(f"{correlation.family}: a correlation has at most {FIELDS_PER_DRAW} fields")
        if not any(field.determined for field in cut.fields):
            return iter(())
        self._require(correlation, number)
        clear = self._jointly(correlation, number)
        if clear is not None:
            return iter([self._corrections(number, cut, 0, clear, list(clear.values()))])
        streamed = correlation.by_rows()
        masks = [
            self._rows(mask, cut)
            if signs is None and any(mask is one for one in streamed)
            else self._reader(mask, signs, cut)
            for mask, signs in correlation.forms()
        ]
        return (self._piece(number, cut, piece, masks) for piece in range(cut.pieces))

    def _piece(self, number: int, cut: Cut, piece: int, readers: Sequence[Callable[[int], Any]]) -> list[Words]:
        part = cut.part(piece)
        uniform = {
            field.name: self._uniform(tensor(number, place), field, stripes, piece)
            for place, (field, stripes) in enumerate(zip(part.tensors, cut.stripes, strict=True))
            if not field.determined
        }
        masks = [read(piece) for read in readers]
        clear = part.sample(uniform, *masks)
        known = [x for x in (*uniform.values(), *masks, *clear.values()) if not isinstance(x, Rows)]
        return self._corrections(number, cut, piece, clear, known)

    def _corrections(
        self, number: int, cut: Cut, piece: int, clear: Mapping[str, Words], known: Sequence[Words]
    ) -> list[Words]:
        """The clear values less the others' shares: in their place, where nothing else that is known lies there."""
        part = cut.part(piece)
        corrections = []
        for place, (field, stripes) in enumerate(zip(part.tensors, cut.stripes, strict=True)):
            if field.determined:
                value = clear[field.name]
                if (value.shape, value.dtype) != (field.shape, field.dtype):
                    raise ValueError(f"{part.family}.{field.name}: shape {value.shape}, declared {field.shape}")
                correction = value if _alone(value, known) else np.array(value, order="C")
                for row, start in _rows(correction, stripes, piece):
                    prg.less(row, self._streams[:-1], tensor(number, place), field.group, start)
                corrections.append(correction)
        return corrections

    def _uniform(self, index: int, field: Field, stripes: Stripes, piece: int) -> Words:
        out: Words = empty(field.shape, field.dtype)
        streams = self._streams if field.owner is None else [self._streams[field.owner]]
        for row, start in _rows(out, stripes, piece):
            prg.combine(row, streams, index, field.group, start)
        return out

    def _jointly(self, correlation: Correlation, number: int) -> Mapping[str, Words] | None:
        """What the correlation samples, where it was or can be made with later ones of the same matrix."""
        made = self._sampled.pop(number, None)
        a = correlation.joint()
        if made is not None or a is None or not _same(a, a):
            return made
        together = {number: correlation}
        words = 0
        for later, other in enumerate(itertools.islice(self._coming, FORESEEN), number + 1):
            if type(other) is type(correlation) and _same(other.joint(), a) and later not in self._sampled:
                words += sum(math.prod(mask.shape) for mask in other.masks()[1:])
                words += sum(math.prod(field.shape) for field in other.tensors)
                if words > JOINT_WORDS:
                    break
                self._require(other, later)
                together[later] = other
        if len(together) == 1:
            return None
        cuts = {place: Cut(one) for place, one in together.items()}
        factors = []
        for place, one in together.items():
            mask, signs = one.forms()[1]
            factors.append(self._reader(mask, signs, cuts[place])(0))
        matrix = self._rows(a, cuts[number])(0)
        self._sampled.update(zip(together, correlation.sample_jointly(matrix, factors), strict=True))
        return self._sampled.pop(number)

    def _reader(self, mask: MaskView, signs: Signs, cut: Cut) -> Callable[[int], Words]:
        """What gives each piece of a mask, or of a sum of its shares: all at once only where need be."""
        name = f"mask {signs}"
        if cut.pieces == 1 or signs is not None:
            whole = mask.apply(lambda leaf: self._mask(leaf, signs), name)
            return lambda piece: whole[slice(*cut.run(piece))] if cut.pieces > 1 else whole
        read = Made(mask, lambda leaf: self._mask(leaf, None), name, self._run).run()
        return lambda piece: read(*cut.run(piece))

    def _run(self, leaf: Leaf) -> Run:
        """Gives rows of a mask drawn earlier."""
        shape = leaf.shape if leaf.bits is None else (leaf.bits,)
        size = math.prod(shape[1:])
        return lambda start, stop: self._elements(leaf, start * size, stop * size).reshape(stop - start, *shape[1:])

    def _rows(self, mask: MaskView, cut: Cut) -> Callable[[int], Rows | Words]:
        """What gives a matrix's mask, by rows if it is one that was drawn so, or its transpose."""
        source, flipped = (mask.sources[0], True) if mask.operation == "transpose" else (mask, False)
        leaf = source.argument
        if source.operation != "leaf" or len(leaf.shape) != 2 or leaf.bits is not None or leaf.low:
            return self._reader(mask, None, cut)
        found = self._by_rows(leaf)
        return lambda piece: found.transposed() if flipped else found

    def _by_rows(self, leaf: Leaf) -> Rows:
        """A mask drawn earlier, block by block."""
        streams = self._streams if leaf.owner is None else [self._streams[leaf.owner]]
        return expanding(streams, tensor(leaf.draw, leaf.place), leaf.shape, leaf.group)

    def _elements(self, leaf: Leaf, start: int, stop: int) -> Words:
        """Some elements of a mask drawn earlier."""
        kept = self._masks.get((leaf, None))
        if kept is not None:
            return kept.reshape(-1)[start:stop]
        if leaf.bits is not None:
            first = start // 64
            plane = self._words(leaf, first, -(-stop // 64) - first)
            return ring.unpack(plane, stop - 64 * first)[start - 64 * first :]
        return self._words(leaf, start, stop - start)

    def _words(self, leaf: Leaf, start: int, size: int) -> Words:
        dtype = GROUPS[leaf.group]
        streams = self._streams if leaf.owner is None else [self._streams[leaf.owner]]
        out: Words = empty((size,), dtype)
        prg.combine(out, streams, tensor(leaf.draw, leaf.place), leaf.group, start * dtype.itemsize // 8)
        return ring.cleared(out, leaf.low) if leaf.low else out

    def _require(self, correlation: Correlation, number: int) -> None:
        """Check that what the draw `number` takes was drawn before."""
        if any(leaf.draw >= number for mask in correlation.masks() for leaf in mask.leaves()):
            raise ProtocolViolation("a request refers to a mask that was not drawn yet")

    def _mask(self, leaf: Leaf, signs: Signs) -> Words:
        """The clear value of a mask drawn earlier, or a sum of its shares."""
        value = self._masks.pop((leaf, signs), None)
        if value is None:
            value = self._expand_again(leaf, signs)
            if signs is None and leaf not in self._used:  # most masks are asked for once, but for those of matrices
                self._used[leaf] = None
                if len(self._used) > RECENT:
                    self._used.popitem(last=False)
                return value
            self._cached += value.nbytes
        self._masks[leaf, signs] = value
        while self._cached > self._cache_bytes and len(self._masks) > 1:
            self._cached -= self._masks.popitem(last=False)[1].nbytes
        return value

    def _expand_again(self, leaf: Leaf, signs: Signs) -> Words:
        if signs == ODD:
            return rows.odd(self._by_rows(leaf))
        if signs is not None:
            return self._signed(leaf, signs)
        value = self._words(leaf, 0, math.prod(leaf.shape)).reshape(leaf.shape)
        return value if leaf.bits is None else ring.unpack(value, leaf.bits)

    def _signed(self, leaf: Leaf, signs: tuple[int, ...]) -> Words:
        """A sum of shares; whoever does not know a private mask has a share of zero."""
        if len(signs) != len(self._streams) or leaf.bits is not None or leaf.low:
            raise ProtocolViolation("a request adds shares of a mask that is not shared so")
        known = [
            (sign, stream)
            for rank, (sign, stream) in enumerate(zip(signs, self._streams, strict=True))
            if sign and leaf.owner in (None, rank)
        ]
        plus, minus = ([stream for sign, stream in known if sign == which] for which in (1, -1))
        out: Words = empty(leaf.shape, GROUPS[leaf.group])
        return prg.combine(out, plus, tensor(leaf.draw, leaf.place), leaf.group, minus=minus)


def _same(one: MaskView | None, other: MaskView) -> bool:
    """Whether both are one mask as it was drawn, or both its transpose."""
    if one is None or one.operation != other.operation or one.operation not in ("leaf", "transpose"):
        return False
    if one.operation == "leaf":
        return bool(one.argument == other.argument)
    return bool(one.argument == other.argument) and _same(one.sources[0], other.sources[0])


def _rows(words: Words, stripes: Stripes, piece: int) -> Iterator[tuple[Words, int]]:
    """The rows of a piece of a field, each with the number of 64-bit words of the field before it."""
    first = stripes.part(piece).start
    for row, part in enumerate(words.reshape(stripes.rows, -1) if stripes.size else ()):
        yield part, row * stripes.columns + first
