"""Sorting by a network of comparators, whose schedule depends on the length alone.

A stage compares disjoint pairs (x, y) and puts them in order, for all pairs in one vector. With v = x - y and b = [x <
y] the smaller is y + b v, the larger x - b v. The comparison opens v under a mask, and the product b v opens nothing
more, so a stage takes four rounds. Columns that move with the key open their own differences in the first of them.

Several keys count in their order, one that comes later only where all before it are equal. With b_k = [x_k < y_k] and
e_k = [x_k = y_k], found side by side,

    b v = b_1 v + e_1 (b_2 v + e_2 (b_3 v + ...)),

where a product with b_k opens nothing and one with e_k the bracket: one round more for each key after the first. An
index as the last key makes all keys distinct, hence the order stable.

The network is Batcher's merge exchange, which takes any length n without padding: t (t + 1) / 2 stages for t =
ceil(log2(n)), and about n t^2 / 4 comparators.

Reference   Batcher, AFIPS 1968; for any n: Knuth, The Art of Computer Programming 3, section 5.2.2, algorithm M.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mpcfl import ring
from mpcfl.effects import Protocol
from mpcfl.engine import BOOLEAN, INTEGER, Engine, Value
from mpcfl.operations.operands import as_boolean, as_kind, constant
from mpcfl.protocol import together
from mpcfl.ring import Words
from mpcfl.share import Bit, Share

Stage = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Left and right places of a stage's comparators; the smaller goes left."""


def _steps(n: int) -> list[tuple[int, int, int]]:
    """Block, remainder and distance of each stage for n elements."""
    top = 1 << (n - 1).bit_length() >> 1 if n > 1 else 0
    steps, block = [], top
    while block:
        reach, remainder, distance = top, 0, block
        steps.append((block, remainder, distance))
        while reach != block:
            distance, reach, remainder = reach - block, reach >> 1, block
            steps.append((block, remainder, distance))
        block >>= 1
    return steps


def _stage(n: int, block: int, remainder: int, distance: int) -> Stage:
    places = np.arange(n - distance)
    left = places[places & block == remainder]
    return left, left + distance


def network(n: int, wanted: Sequence[int] | None = None) -> Iterator[Stage]:
    """The stages that sort n elements, in order.

    Parameters
    ----------
    n : int
    wanted : sequence of int, optional
        Places whose elements are asked for: comparators that none of them depends on are left out.
    """
    steps, last = _steps(n), []
    needed = np.full(n, wanted is None)
    needed[list(wanted or ())] = True
    while steps and not needed.all():
        left, right = _stage(n, *steps.pop())
        used = needed[left] | needed[right]
        left, right = left[used], right[used]
        needed[left] = needed[right] = True
        if left.size:
            last.append((left, right))
    yield from (_stage(n, *step) for step in steps)
    yield from reversed(last)


def sort(keys: Sequence[Value], columns: Sequence[Value] = (), wanted: Sequence[int] | None = None) -> list[Value]:
    """Keys in ascending order along their last axis, and columns that move with them.

    Parameters
    ----------
    keys : sequence of Value, all of one shape (..., n)
        The first counts most. Differences of two keys must be below 2^63 in magnitude, as those of representable
        numbers are.
    columns : sequence of Value of that shape
    wanted : sequence of int, optional
        Places to return along the last axis, by default all.

    Returns
    -------
    list of Value
        Keys, then columns, of the kinds given. Rows whose keys are all equal come in any order.

    Notes
    -----
    Rounds: 3 + (number of keys) for each of the t (t + 1) / 2 stages, t = ceil(log2(n)). Everything is one operation,
    whose rounds merge with those of others.
    """
    return _sort(keys, columns, wanted, None)


def sort_by_stages(x: Value, wanted: Sequence[int] | None = None) -> tuple[Value, list[tuple[Stage, Value]]]:
    """As `sort` of one key, and for each stage its places and [left < right], booleans of shape (..., pairs)."""
    engine, n, bits = x.engine, x.shape[-1], list[Share]()
    (ordered,) = _sort([x], (), wanted, bits)
    stages = []
    for number, (left, right) in enumerate(() if 0 in x.shape else network(n, wanted)):
        shape = (*x.shape[:-1], left.size)
        bit = engine.local("stage", BOOLEAN, shape, [ordered], lambda number=number: bits[number], number)  # type: ignore[misc]
        stages.append(((left, right), bit))
    return ordered, stages


def _sort(
    keys: Sequence[Value], columns: Sequence[Value], wanted: Sequence[int] | None, bits: list[Share] | None
) -> list[Value]:
    """`sort`; of one key the comparisons of each stage are added to `bits`."""
    engine, shape, n = keys[0].engine, keys[0].shape, keys[0].shape[-1]
    given = (*keys, *columns)
    moved = [as_kind(value, INTEGER) if value.kind == BOOLEAN else value for value in given]
    places = None if wanted is None else np.array(wanted, np.int64)

    def protocol(*shares: Share) -> Protocol:
        table = ring.concatenate([ring.reshape(share.words, (1, *shape)) for share in shares], 0)
        table = yield from _sorted(engine, len(keys), table, () if 0 in shape else network(n, wanted), bits)
        return table if places is None else ring.take(table, (..., places))

    final = (len(moved), *shape[:-1], n if places is None else places.size)
    public = (len(keys), None if places is None else places.tolist())
    stacked = engine.submit("sort", moved[0].kind, final, moved, protocol, Share, *public)
    values = [_column(stacked, i, value.kind) for i, value in enumerate(moved)]
    return [as_boolean(v) if before.kind == BOOLEAN else v for v, before in zip(values, given, strict=True)]


def _column(stacked: Value, place: int, kind: str) -> Value:
    """One column of a table, as an operand of its own: opening it opens no other."""
    return stacked.engine.local(
        "column", kind, stacked.shape[1:], [stacked], lambda: Share(ring.take(stacked.share.words, place)), place
    )


def _sorted(
    engine: Engine, keys: int, table: Words, stages: Iterable[Stage], bits: list[Share] | None = None
) -> Protocol:
    """A table of columns, of which the first `keys` are keys, sorted along its last axis."""
    n = table.shape[-1]
    for left, right in stages:
        low, high = ring.take(table, (..., left)), ring.take(table, (..., right))
        move = yield from _exchange(engine, keys, ring.subtract(low, high), bits)
        idle = np.ones(n, np.bool_)
        idle[left] = idle[right] = False
        order = np.concatenate([left, right, np.flatnonzero(idle)])
        back = np.empty(n, np.int64)
        back[order] = np.arange(n)
        parts = [ring.add(high, move), ring.subtract(low, move), ring.take(table, (..., np.flatnonzero(idle)))]
        table = ring.take(ring.concatenate(parts, len(table.shape) - 1), (..., back))
    return table


def _exchange(engine: Engine, keys: int, difference: Words, bits: list[Share] | None) -> Protocol:
    """b v for the differences v of a stage: 3 + keys rounds."""
    shape = difference.shape
    columns, size = shape[0], math.prod(shape[1:])
    # one base for keys and columns, so that the comparison opens all of them in its first round
    whole = Share(ring.reshape(difference, (columns * size,)))

    def part(first: int, last: int) -> Share:
        return whole.take(slice(first * size, last * size))

    def choose(bits: Bit, place: int, values: Share) -> Protocol:
        """Key `place`'s bits times as many columns as there are values."""
        own = Share.of_bit(bits).take(slice(place * size, (place + 1) * size))
        count = values.shape[0]
        bit = own.broadcast((count // size, size)).reshape((count,)).bit
        return engine.suite["mux"](engine.ctx, bit, values)

    comparisons = [engine.suite["msb"](engine.ctx, part(0, keys))]
    if keys > 1:
        comparisons.append(engine.suite["eqz"](engine.ctx, part(0, keys - 1)))
    less, *equal = yield from together(*comparisons)
    if bits is not None:
        bits.append(Share.of_bit(less).reshape(shape[1:]))
    move = yield from choose(less, keys - 1, part(keys - 1, columns))
    for place in reversed(range(keys - 1)):
        own = yield from choose(less, place, part(place, columns))
        # where this key is equal it does not move itself: only what comes after it asks the later keys
        later = yield from choose(equal[0], place, Share(move))
        rest = ring.add(ring.take(own, slice(size, None)), later)
        move = ring.concatenate([ring.take(own, slice(0, size)), rest], 0)
    return ring.reshape(move, shape)


def places(x: Value) -> Value:
    """The public places 0 to n - 1 along the last axis, as secret integers of the shape of x."""
    return constant(x.engine, np.broadcast_to(np.arange(x.shape[-1]), x.shape))


def argsort(keys: Sequence[Value], wanted: Sequence[int] | None = None) -> Value:
    """Places in the stable ascending order of the keys along the last axis; equal ones keep their order."""
    return sort([*keys, places(keys[0])], wanted=wanted)[-1]


def shuffle(columns: Sequence[Value]) -> list[Value]:
    """Columns, arrays of as many rows, in one uniform order that nobody knows: each party draws one in turn.

    A round for each party; everything is one operation.
    """
    engine, rows = columns[0].engine, columns[0].shape[0]
    widths = [math.prod(column.shape[1:]) for column in columns]
    ends = np.cumsum([0, *widths]).tolist()

    def protocol(*shares: Share) -> Protocol:
        flat = [share.reshape((rows, width)) for share, width in zip(shares, widths, strict=True)]
        table = Share.concatenate(flat, 1)
        for owner in range(engine.ctx.parties):
            table = Share((yield from engine.suite["permute"](engine.ctx, table, owner)))
        return table

    stacked = engine.submit("shuffle", columns[0].kind, (rows, ends[-1]), columns, protocol, lambda table: table)

    def part(column: Value, first: int, last: int) -> Value:
        def own() -> Share:
            return Share(ring.reshape(ring.take(stacked.share.words, (slice(None), slice(first, last))), column.shape))

        return engine.local("column", column.kind, column.shape, [stacked], own, first, last)

    return [part(column, *span) for column, span in zip(columns, itertools.pairwise(ends), strict=True)]
