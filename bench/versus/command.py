"""Which cases are run, and what is written of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bench.figures import DEALER
from bench.versus import figures, tasks
from bench.versus.figures import Cost
from bench.versus.processes import ARBITER, NO_DEALER, PAILLIER, SHARED, SHARES, Answer, Case, run

LINEAR = {
    "inner product": [(1, 1_000), (1, 10_000)],
    "matrix-vector": [(100, 100), (1_000, 100)],
    "logistic gradient": [(20, 500), (100, 1_000)],
    "linear scoring": [(1_000, 20), (10_000, 20)],
}
TRAINING = [(1_000, 10), (10_000, 20)]
BITS, QUICK_BITS = 3072, 2048
MOST_MADE, QUICKLY_MADE = 1_000, 20
"""Truncations that are made without a dealer in reasonable time, at most; and in a quick run."""


def cases(quick: bool) -> Iterator[Case]:
    """The quick ones are the smaller sizes, at 2048 bits."""
    bits = QUICK_BITS if quick else BITS
    for task, sizes in LINEAR.items():
        for size in sizes[:1] if quick else sizes:
            yield Case(task, size, PAILLIER, bits)
            yield Case(task, size, SHARES, 0)
            if size[0] <= (QUICKLY_MADE if quick else MOST_MADE):
                yield Case(task, size, NO_DEALER, bits)
    for size in TRAINING[:1] if quick else TRAINING:
        for method in (ARBITER, SHARED):
            yield Case("lr epoch", size, method, bits)
        yield Case("lr epoch", size, SHARES, 0)


def cost(number: int, case: Case, answers: dict[str, Answer]) -> Cost:
    """What a run of a case cost."""
    done = [answer.done for _, answer in sorted(answers.items()) if answer.done is not None]  # parties by rank
    results = [one.result for one in done if one.result is not None]
    right = tasks.expected(case.task, case.size, case.method)
    error = max(float(np.abs(got - want).max()) for got, want in zip(results, right, strict=True))
    online = max(one.online_s for one in done)
    rounds, sent = max(one.rounds for one in done), max(one.online_bytes for one in done)
    return Cost(
        run=number,
        task=case.task,
        rows=case.size[0],
        columns=case.size[1],
        method=case.method,
        bits=case.bits,
        offline_s=max(one.offline_s for one in done),
        online_s=online,
        cpu_s=max(one.cpu_s for one in done),
        rounds=rounds,
        offline_bytes=max(one.offline_bytes for one in done),
        online_bytes=sent,
        peak_bytes=max(answer.peak_bytes for name, answer in answers.items() if name != DEALER),
        error=error,
        security=figures.security(case.method, case.bits),
        leaks=" ".join(done[0].leaks),
        computed_s=figures.computed(online, rounds, sent),
    )


def compare(quick: bool, folder: Path, machine: str, date: str, say: Callable[[str], None]) -> list[Path]:
    """Run all cases, and write what they cost; the files.

    Raises
    ------
    MpcflError
        Of the case that failed.
    """
    costs = []
    for number, case in enumerate(cases(quick)):
        done = cost(number, case, run(case))
        say(f"{case.task} {done.size}, {case.method}: {done.offline_s:.3g} s offline, {done.online_s:.3g} s online")
        costs.append(done)
        paths = figures.write(costs, folder, machine, date)
    return paths
