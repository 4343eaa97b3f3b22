"""What was computed, and how cotangents go back through it.

Each operation on traced arrays leaves a `Node`: its operands' nodes, each with the linear map that pulls a cotangent of
the result back to that operand. The backward pass goes through the nodes by their distance from the result, counted in
steps that are not local, so that operations that do not depend on one another are issued one after the other and share
their rounds.

Two things are done for fixed point:

    public factors     wait. A cotangent is a public number times an array (`Scaled`): 1 / n of a mean travels beside
                       the array to the parameters, and one truncation a parameter takes the place of one an example.
    what needs no      cotangent (1 - t^2 of a tanh) is computed before cotangents travel, for all operations side by
                       side (`Later`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

_numbers = itertools.count()


@dataclass(frozen=True)
class Scaled:
    """A public factor times an array."""

    factor: float
    array: Any


Pull: TypeAlias = Callable[[Any], Any]
"""From the cotangent of a result, an array, to that of an operand: an array or a `Scaled`."""


class Later:
    """A value that is computed when it is first asked for, and once."""

    __slots__ = ("_compute", "_value")

    def __init__(self, compute: Callable[[], Any]) -> None:
        self._compute: Callable[[], Any] | None = compute
        self._value: Any = None

    def __call__(self) -> Any:
        if self._compute is not None:
            self._value, self._compute = self._compute(), None
        return self._value


class Step(NamedTuple):
    """What a rule gives.

    Attributes
    ----------
    value : array
    pulls : tuple
        For each argument in order a `Pull`, None (its gradient is zero), or a list of them for a list of arrays.
        An argument beyond the last has no gradient.
    ahead : tuple of Later
        What the pulls need and no cotangent enters.
    local : bool
        Whether the pulls are known to take no round.
    """

    value: Any
    pulls: tuple[Any, ...]
    ahead: tuple[Later, ...] = ()
    local: bool = False


class Node:
    """One traced array: where its cotangent goes.

    Attributes
    ----------
    number : int
        Larger than those of its parents.
    shape : tuple of int
    parents : sequence of (Node, Pull)
    ahead : sequence of Later
    local : bool
        Whether the pulls are known to take no round.
    """

    __slots__ = ("ahead", "local", "number", "parents", "shape")

    def __init__(
        self,
        shape: tuple[int, ...],
        parents: Sequence[tuple[Node, Pull]] = (),
        ahead: Sequence[Later] = (),
        local: bool = False,
    ) -> None:
        self.number = next(_numbers)
        self.shape = shape
        self.parents = parents
        self.ahead = ahead
        self.local = local


def remembered(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of a cotangent that several pulls share: computed once for each cotangent."""
    last: list[Any] = [None, None]

    def call(g: Any) -> Any:
        if last[0] is not g:
            last[:] = [g, function(g)]
        return last[1]

    return call


def backward(seeds: Iterable[tuple[Node, Any]], wanted: Sequence[Node]) -> list[Any]:
    """The cotangents of the wanted nodes, None where no result depends on one.

    Parameters
    ----------
    seeds : iterable of (Node, array)
        Results with their cotangents.
    wanted : sequence of Node
    """
    arrived: dict[Node, list[Scaled]] = {}
    for node, g in seeds:
        arrived.setdefault(node, []).append(Scaled(1.0, g))
    order = _by_distance(list(arrived))
    for later in (later for node in sorted(order, key=lambda node: node.number) for later in node.ahead):
        later()
    ends = set(wanted)
    for node in order:
        if node in ends:
            continue
        whole = _combined(arrived.pop(node))
        for parent, pull in node.parents:
            arrived.setdefault(parent, []).append(_through(pull, whole, parent.shape))
    return [_settled(arrived[node]) if node in arrived else None for node in wanted]


def _by_distance(results: Sequence[Node]) -> list[Node]:
    """All nodes that the results depend on, each after those that depend on it: by the longest way from a result."""
    reached, waiting = set(results), list(results)
    while waiting:
        for parent, _ in waiting.pop().parents:
            if parent not in reached:
                reached.add(parent)
                waiting.append(parent)
    distance = dict.fromkeys(reached, 0)
    for node in sorted(reached, key=lambda node: -node.number):
        for parent, _ in node.parents:
            distance[parent] = max(distance[parent], distance[node] + (not node.local))
    return sorted(reached, key=lambda node: (distance[node], -node.number))


def _through(pull: Pull, whole: Scaled, shape: tuple[int, ...]) -> Scaled:
    part = pull(whole.array)
    if not isinstance(part, Scaled):
        part = Scaled(1.0, part)
    assert part.array.shape == shape
    return Scaled(whole.factor * part.factor, part.array)


def _grouped(parts: Sequence[Scaled]) -> dict[float, Any]:
    """Sums of the arrays of one factor."""
    sums: dict[float, Any] = {}
    for part in parts:
        sums[part.factor] = np.add(sums[part.factor], part.array) if part.factor in sums else part.array
    return sums


def _total(terms: Iterable[Any]) -> Any:
    total, *rest = terms
    for term in rest:
        total = np.add(total, term)
    return total


def _times(array: Any, factor: float) -> Any:
    return array if factor == 1.0 else np.multiply(array, factor)


def _combined(parts: Sequence[Scaled]) -> Scaled:
    """A sum of cotangents, under the largest of their factors where they differ."""
    sums = _grouped(parts)
    largest = max(sums, key=abs)
    return Scaled(largest, _total(_times(array, 1.0 if f == largest else f / largest) for f, array in sums.items()))


def _settled(parts: Sequence[Scaled]) -> Any:
    """A sum of cotangents as an array."""
    return _total([_times(array, factor) for factor, array in _grouped(parts).items()])
