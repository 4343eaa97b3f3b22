"""What a case cost: a record a run, as it goes into the files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.versus import tasks
from bench.versus.processes import NETWORKS, Answer, Case

COMMAND = "python -m bench he-vs-ss"
LABELS = {"lan": "LAN 0.2 ms, 10 Gbit", "gigabit": "1 ms, 1 Gbit", "wan": "WAN 40 ms, 100 Mbit"}
"""The networks, as readers see them."""


class Side(BaseModel):
    """What one party's process measured.

    Attributes
    ----------
    name : str
    offline_s, online_s : float
        On the wall, waiting included.
    cpu_s, whole_cpu_s : float
        Of the processor, online; and from the process's beginning to its end.
    offline_bytes, online_bytes : int
        That it sent, payload; with a dealer, offline is the dealer's to all.
    peak_bytes, idle_bytes : int
        The most memory that it held, and what it held before it began.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    offline_s: float
    online_s: float
    cpu_s: float
    whole_cpu_s: float
    offline_bytes: int
    online_bytes: int
    peak_bytes: int
    idle_bytes: int


class Cost(BaseModel):
    """One run of a case.

    Attributes
    ----------
    run : int
        Its number: all files name it by that.
    command : str
        Runs it again.
    repetitions : int
        How often it was run; of the runs this is the one of median online seconds.
    seed : int
        Of its data.
    task, method, security, leaks : str
    size : tuple of int
    bits : int
        Of Paillier keys, 0 without.
    network : str or None
        Slow links that it was measured over; None for the loopback.
    parties : tuple of Side
        By rank.
    dealer_cpu_s : float or None
        Of a dealer's process from beginning to end.
    dealer_peak_bytes : int or None
    rounds : int
        Online.
    busiest_bytes : int
        Of each online round those of the party that sent most in it, headers and tags included, added up.
    error : float
        Largest difference from float64.
    computed_s : dict of str to float
        Online seconds of the slowest party on other networks; of runs over the loopback alone.
    """

    model_config = ConfigDict(frozen=True)

    run: int
    command: str
    repetitions: int
    seed: int
    task: str
    size: tuple[int, ...]
    method: str
    bits: int
    network: str | None
    parties: tuple[Side, ...]
    dealer_cpu_s: float | None
    dealer_peak_bytes: int | None
    rounds: int
    busiest_bytes: int
    error: float
    security: str
    leaks: str
    computed_s: dict[str, float]

    @property
    def shown(self) -> str:
        """The size."""
        return tasks.show(self.size)

    @property
    def elements(self) -> int:
        return tasks.elements(self.size)

    @property
    def offline_s(self) -> float:
        """Of the slowest party."""
        return max(side.offline_s for side in self.parties)

    @property
    def online_s(self) -> float:
        """Of the slowest party."""
        return max(side.online_s for side in self.parties)

    @property
    def whole_s(self) -> float:
        """Offline and online."""
        return self.offline_s + self.online_s

    @property
    def key(self) -> tuple[str, tuple[int, ...], str]:
        """What runs over different networks have in common."""
        return self.task, self.size, self.method


class Document(BaseModel):
    """All runs of a benchmark.

    Attributes
    ----------
    machine, date : str
    load : float
        Other work on the machine: how many processes ran or waited on average, in the minute before.
    quick : bool
    keys : dict of int to list of float
        By bits, the seconds that each key took, before all runs.
    seconds : float
        That the benchmark took so far.
    runs : list of Cost
    """

    machine: str
    date: str
    load: float
    quick: bool
    keys: dict[int, list[float]]
    seconds: float
    runs: list[Cost]


def computed(online_s: float, rounds: int, busiest_bytes: int) -> dict[str, float]:
    """Seconds on each network: on top of the loopback's half a round trip a round, and the bytes through an uplink."""
    return {
        name: online_s + rounds * network.one_way + busiest_bytes * network.byte for name, network in NETWORKS.items()
    }


def cost(number: int, case: Case, quick: bool, answers: dict[str, Answer], repetitions: int = 1) -> Cost:
    """The record of what all roles answered."""
    cell, played = case.cell, [answers[name].played for name in case.parties]
    done = [one.done for one in played if one is not None]
    sides = tuple(
        Side(
            name=name,
            offline_s=one.offline_s,
            online_s=one.online_s,
            cpu_s=one.cpu_s,
            whole_cpu_s=answers[name].cpu_s,
            offline_bytes=one.offline_bytes,
            online_bytes=one.online_bytes,
            peak_bytes=answers[name].peak_bytes,
            idle_bytes=answers[name].idle_bytes,
        )
        for name, one in zip(case.parties, done, strict=True)
    )
    dealer = next((answer for answer in answers.values() if answer.played is None), None)
    by_round = [one.by_round for one in played if one is not None]
    busiest = sum(max(sent) for sent in zip(*by_round, strict=True))
    rounds = max(one.rounds for one in done)
    online = max(one.online_s for one in done)
    return Cost(
        run=number,
        command=command(case, quick),
        repetitions=repetitions,
        seed=tasks.seed(case.size),
        task=case.task,
        size=case.size,
        method=case.method,
        bits=case.bits,
        network=case.network,
        parties=sides,
        dealer_cpu_s=None if dealer is None else dealer.cpu_s,
        dealer_peak_bytes=None if dealer is None else dealer.peak_bytes,
        rounds=rounds,
        busiest_bytes=busiest,
        error=error([one.result for one in done if one.result is not None], cell.answer(case.size)),
        security=(cell.security or cell.method.security)(case.bits),
        leaks=" ".join(cell.leaks or done[0].leaks),
        computed_s=computed(online, rounds, busiest) if case.network is None else {},
    )


def error(results: Sequence[Any], right: Sequence[Any]) -> float:
    """Largest difference of the results from the right ones; infinity where a number is none."""
    worst = 0.0
    for got, want in zip(results, right, strict=True):
        away = np.abs(np.asarray(got, np.float64) - np.asarray(want, np.float64))
        if away.shape != np.shape(want) or not np.isfinite(away).all():
            return math.inf
        worst = max(worst, float(away.max(initial=0.0)))
    return worst


def command(case: Case, quick: bool) -> str:
    """What runs a case again."""
    parts = [COMMAND, f'--only "{case.task}" --method "{case.method}" --size {"x".join(map(str, case.size))}']
    parts += ["--quick"] if quick else []
    parts += [f"--network {case.network}"] if case.network else []
    return " ".join(parts)
