"""Which of two methods is faster, from which size on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.versus.figures import Cost
from bench.versus.tasks import elements

Line = dict[int, float]
"""Seconds by number of elements."""


@dataclass(frozen=True)
class Crossing:
    """Where two lines cross, on logarithmic axes straight between sizes."""

    elements: float
    seconds: float
    faster_below: str


def line(runs: Sequence[Cost], method: str, network: str | None, whole: bool = False) -> Line:
    """Online seconds of a method by size, on a network: measured where they were, else computed.

    With `whole`, offline seconds are in it; over the loopback alone.
    """
    found: Line = {}
    for one in runs:
        if one.method == method and one.network is None:
            seconds = one.whole_s if whole else one.online_s
            found[one.elements] = seconds if network is None else one.computed_s[network]
    for one in runs:
        if network is not None and (one.method, one.network) == (method, network):
            found[elements(one.size)] = one.online_s
    return dict(sorted(found.items()))


def crossings(left: tuple[str, Line], right: tuple[str, Line]) -> list[Crossing]:
    """Where one of two methods, each with its name, overtakes the other; by size."""
    (name, first), (other, second) = left, right
    common = sorted(first.keys() & second.keys())
    found = []
    for low, high in pairwise(common):
        before, after = (math.log(first[x] / second[x]) for x in (low, high))
        if before * after < 0:
            part = before / (before - after)
            at = math.exp(math.log(low) + part * math.log(high / low))
            seconds = math.exp(math.log(first[low]) + part * math.log(first[high] / first[low]))
            found.append(Crossing(at, seconds, name if before < 0 else other))
    return found


def show(one: Crossing) -> str:
    """The number of elements, to two digits."""
    return f"{float(f'{one.elements:.2g}'):,.15g}"


def winner(left: tuple[str, Line], right: tuple[str, Line]) -> str:
    """In words: who is faster, and from where on; "" where there is no size that both were run at."""
    common = sorted(left[1].keys() & right[1].keys())
    if not common:
        return ""
    met = crossings(left, right)
    smallest = common[0]
    first = left[0] if left[1][smallest] < right[1][smallest] else right[0]
    if not met:
        return first
    names = [first]
    for _ in met:
        names.append(right[0] if names[-1] == left[0] else left[0])
    spans = [f"{names[0]} below {show(met[0])}"]
    spans += [f"{name} from {show(one)}" for name, one in zip(names[1:], met, strict=True)]
    return "; ".join(spans)


def even_bandwidth(encrypted: Cost, shared: Cost, one_way: float) -> str:
    """In words: on links of which bandwidth, and of that latency in seconds, the encrypted run is the faster one."""
    behind = encrypted.online_s - shared.online_s + (encrypted.rounds - shared.rounds) * one_way
    less = shared.busiest_bytes - encrypted.busiest_bytes
    if behind <= 0 <= less:
        return "any"
    if less <= 0 <= behind:
        return "none"
    return f"{'below' if less > 0 else 'above'} {8 * less / behind / 1e6:.2g} Mbit/s"
