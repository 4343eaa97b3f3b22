"""Encryption beside shares: each method gives the same results between processes, and what is written of them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from bench.versus import figures
from bench.versus.command import cases, cost
from bench.versus.processes import ARBITER, NO_DEALER, PAILLIER, SHARED, SHARES, Case, run

LINEAR = ("linear scoring", (3, 4))


@pytest.mark.parametrize(
    "case",
    [
        Case(*LINEAR, PAILLIER, 2048),
        Case(*LINEAR, SHARES, 0),
        pytest.param(Case(*LINEAR, NO_DEALER, 2048), marks=pytest.mark.slow),
        pytest.param(Case("lr epoch", (40, 4), ARBITER, 2048), marks=pytest.mark.slow),
        pytest.param(Case("lr epoch", (40, 4), SHARED, 2048), marks=pytest.mark.slow),
        pytest.param(Case("lr epoch", (40, 4), SHARES, 0), marks=pytest.mark.slow),
    ],
    ids=lambda case: f"{case.task}, {case.method}",
)
def test_every_method_computes_the_task_between_processes(case):
    made = cost(7, case, run(case))
    assert made.error < 0.01
    assert (made.run, made.task, made.method, made.size) == (
        7,
        case.task,
        case.method,
        f"{case.size[0]} x {case.size[1]}",
    )
    assert made.rounds > 0
    assert made.online_bytes > 0
    assert made.leaks


def test_the_full_and_the_quick_run_have_every_task_and_method():
    for quick in (True, False):
        all_ = list(cases(quick))
        assert {case.method for case in all_} == {PAILLIER, ARBITER, SHARED, SHARES, NO_DEALER}
        assert len({case.task for case in all_}) == 5
        assert {case.bits for case in all_ if case.method != SHARES} == {2048 if quick else 3072}


def test_figures_are_written_for_readers_and_for_programs(tmp_path):
    one = figures.Cost(
        run=0,
        task="matrix-vector",
        rows=10,
        columns=20,
        method="shares",
        bits=0,
        offline_s=0.5,
        online_s=0.25,
        cpu_s=0.2,
        rounds=4,
        offline_bytes=100,
        online_bytes=1_000_000,
        peak_bytes=10,
        error=1e-6,
        security=figures.security("shares", 0),
        leaks="nothing",
        computed_s=figures.computed(0.25, 4, 1_000_000),
    )
    assert one.computed_s["WAN 40 ms, 100 Mbit"] == pytest.approx(0.25 + 4 * 0.02 + 0.08)
    other = replace(one, run=1, rows=100, method="paillier", bits=3072, security=figures.security("paillier", 3072))
    paths = figures.write([one, other], tmp_path / "out", "a machine", "2026-01-01")
    assert all(path.stat().st_size for path in paths)
    assert [path.suffix for path in paths] == [".md", ".csv", ".json", ".svg", ".svg"]
    text = paths[0].read_text()
    assert "## matrix-vector" in text
    assert "computed" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    with paths[1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["method"] for row in rows] == ["shares", "paillier"]
    assert float(rows[0]["WAN 40 ms, 100 Mbit"]) == one.computed_s["WAN 40 ms, 100 Mbit"]
    assert [found["run"] for found in json.loads(paths[2].read_text())["runs"]] == [0, 1]
    assert "128 bits" in other.security
