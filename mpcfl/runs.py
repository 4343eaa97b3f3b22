"""Rows of a view's value, made without the rest: what is worked through once never stands in memory as a whole.

A value of many elements is read a run of rows at a time; the steps that lead to it then stay in the cache. What mixes
rows, a transpose of the first axis or rows gathered by number, is made as a whole.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from types import EllipsisType, NoneType
from typing import Any, Generic, TypeAlias

import numpy as np

from mpcfl import ring, threads, view, wide
from mpcfl.buffers import empty
from mpcfl.kernels import ring64
from mpcfl.ring import Words
from mpcfl.view import L, View

Run = Callable[[int, int], Words]
"""Gives the rows from the first to before the second."""
STEP = 1 << 14
"""Elements that are worked on together: 128 KiB, of which a cache holds a dozen."""


def held(words: Words) -> Run:
    """The run of what stands in memory."""
    return lambda start, stop: words[start:stop]


class Made(Generic[L]):
    """The value of a view, of which runs of rows can be had alone.

    Parameters
    ----------
    source : View
        With at least one axis.
    leaf : callable
        Gives a leaf's value.
    name : str, optional
        Under which the value is kept, as in `View.apply`.
    run : callable, optional
        Gives a leaf's run, where that is less than its value; for leaves with an axis.
    """

    def __init__(
        self,
        source: View[L],
        leaf: Callable[[L], Words],
        name: str | None = None,
        run: Callable[[L], Run] | None = None,
    ) -> None:
        self._source = source
        self._leaf = leaf
        self._name = name
        self._leaf_run = run

    def whole(self) -> Words:
        return self._source.apply(self._leaf, self._name)

    def run(self) -> Run:
        """What gives its rows."""
        source = self._source
        if source.operation == "leaf" and self._leaf_run is not None:
            return self._leaf_run(source.argument)
        if source.operation == "leaf" or self._name in source.memo:
            return held(self.whole())
        found = _STEPS[source.operation](source, self._of)
        return held(self.whole()) if found is None else found

    def _of(self, source: View[L]) -> Made[L]:
        return Made(source, self._leaf, self._name, self._leaf_run)


Vector: TypeAlias = Words | Made[Any]


def whole(x: Vector) -> Words:
    """All of it."""
    return x.whole() if isinstance(x, Made) else x


def select(t: Vector, beta: Vector, d: Vector, a: Vector, product: Words, first: int) -> Words:
    """`ring.select`, for which the first four are made some elements at a time."""
    if ring.is_spec(product) or wide.is_wide(product) or product.size <= STEP:
        return ring.select(whole(t), whole(beta), whole(d), whole(a), product, first)
    t, beta, times = _once(t, beta)
    reads = [x.run() if isinstance(x, Made) else held(x) for x in (t, beta, d, a)]
    step = max(1, STEP // times)
    out: Words = empty(product.shape)

    def work(start: int, stop: int) -> None:
        for i in range(start, stop, step):
            j = min(i + step, stop)
            own = slice(i * times, j * times)
            bit, hidden = (np.ascontiguousarray(read(i, j)) for read in reads[:2])
            public, mask = (np.ascontiguousarray(read(own.start, own.stop)) for read in reads[2:])
            ring64.select(bit, hidden, public, mask, product[own], first, out[own])

    threads.across(product.size // times, work)
    return out


def _once(t: Vector, beta: Vector) -> tuple[Vector, Vector, int]:
    """Two vectors without the repetition of each element that both have, and how often that is."""
    if isinstance(t, Made) and isinstance(beta, Made):
        one, other = _repeated(t), _repeated(beta)
        if one is not None and other is not None and one[1] == other[1]:
            return one[0], other[0], one[1]
    return t, beta, 1


def _repeated(x: Made[L]) -> tuple[Made[L], int] | None:
    """What a vector repeats each element of as a last axis, as a vector, and how often."""
    source = x._source
    if source.operation != "reshape" or source.sources[0].operation != "broadcast":
        return None
    (spread,) = source.sources
    (inner,) = spread.sources
    if inner.shape != (*spread.shape[:-1], 1):
        return None
    return x._of(view.reshape(inner, (math.prod(inner.shape),))), spread.shape[-1]


def _take(source: View[L], of: Callable[[View[L]], Made[L]]) -> Run | None:
    (inner,) = source.sources
    index = source.argument if isinstance(source.argument, tuple) else (source.argument,)
    if any(type(one) not in (int, slice, NoneType, EllipsisType) for one in index):
        return None
    if Ellipsis in index:
        place, given = index.index(Ellipsis), sum(one not in (None, Ellipsis) for one in index)
        index = (*index[:place], *[slice(None)] * (len(inner.shape) - given), *index[place + 1 :])
    first, rest = (index[0], index[1:]) if index else (slice(None), ())
    if not isinstance(first, slice) or first.step not in (None, 1):
        return None
    offset = first.indices(inner.shape[0])[0]
    read = of(inner).run()
    return lambda start, stop: read(start + offset, stop + offset)[:, *rest]


def _transpose(source: View[L], of: Callable[[View[L]], Made[L]]) -> Run | None:
    axes = source.argument
    if axes[0] != 0:
        return None
    read = of(source.sources[0]).run()
    return lambda start, stop: ring.transpose(read(start, stop), axes)


def _reshape(source: View[L], of: Callable[[View[L]], Made[L]]) -> Run | None:
    (inner,) = source.sources
    across, within = math.prod(source.shape[1:]), math.prod(inner.shape[1:])
    if not inner.shape or not within or within > max(across, STEP):
        return None
    read = of(inner).run()

    def run(start: int, stop: int) -> Words:
        first, last = start * across, stop * across
        row = first // within
        words = ring.reshape(read(row, -(-last // within)), (-1,))
        return ring.reshape(words[first - row * within : last - row * within], (stop - start, *source.shape[1:]))

    return run


def _broadcast(source: View[L], of: Callable[[View[L]], Made[L]]) -> Run:
    (inner,) = source.sources
    if len(inner.shape) == len(source.shape) and inner.shape[0] == source.shape[0]:
        read = of(inner).run()
        return lambda start, stop: ring.broadcast(read(start, stop), (stop - start, *source.shape[1:]))
    value = of(inner).whole()
    return lambda start, stop: ring.broadcast(value, (stop - start, *source.shape[1:]))


def _concatenate(source: View[L], of: Callable[[View[L]], Made[L]]) -> Run:
    axis = source.argument
    if axis % len(source.shape) and (found := _parted(source.sources)) is not None:
        left, whole = (of(inner).run() for inner in found)
        return lambda start, stop: ring.parted(left(start, stop), whole(start, stop), axis)
    reads = [of(inner).run() for inner in source.sources]
    if axis % len(source.shape):
        return lambda start, stop: ring.concatenate([read(start, stop) for read in reads], axis)
    ends = list(itertools.accumulate(inner.shape[0] for inner in source.sources))
    places = list(zip(reads, [0, *ends], ends, strict=False))

    def run(start: int, stop: int) -> Words:
        parts = [
            read(max(start, first) - first, min(stop, end) - first)
            for read, first, end in places
            if max(start, first) < min(stop, end)
        ]
        return parts[0] if len(parts) == 1 else ring.concatenate(parts, 0)

    return run


def _parted(sources: Sequence[View[L]]) -> tuple[View[L], View[L]] | None:
    """x and w, if these are x and w - x."""
    if len(sources) != 2 or sources[1].operation != "sum":
        return None
    first, (whole, minus) = sources[0], sources[1].sources
    same = minus.operation == "scale" and minus.argument == -1 and minus.sources[0] is first
    return (first, whole) if same else None


def _scale(source: View[L], of: Callable[[View[L]], Made[L]]) -> Run:
    read = of(source.sources[0]).run()
    return lambda start, stop: ring.multiply(read(start, stop), source.argument)


def _sum(source: View[L], of: Callable[[View[L]], Made[L]]) -> Run:
    first, second = source.sources
    step = ring.add
    if second.operation == "scale" and second.argument == -1:
        (second,), step = second.sources, ring.subtract
    left, right = of(first).run(), of(second).run()
    return lambda start, stop: step(left(start, stop), right(start, stop))


_STEPS: dict[str, Callable[..., Run | None]] = {
    "take": _take,
    "transpose": _transpose,
    "reshape": _reshape,
    "broadcast": _broadcast,
    "concatenate": _concatenate,
    "scale": _scale,
    "sum": _sum,
}
