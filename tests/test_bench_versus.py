"""Encryption beside shares: each method gives the same results between processes, and what is written of them."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shlex

import numpy as np
import pytest

from bench.versus import crossing, figures, keyring, page, pages, plots, table
from bench.versus.command import Choice, cases
from bench.versus.figures import Cost, Document, Side
from bench.versus.processes import NETWORKS, Case, run
from mpcfl.errors import InputError, UsageError

FAST = {("linear scoring", "paillier"), ("linear scoring", "shares")}
HEAVY = {"ckks, pixel by pixel", "ckks, flooded"}
"""Gigabytes, whatever the size: test_ckks_parties has their program."""
SMALL = {"linear scoring": (3, 4), "lr epoch": (40, 4)}


def tiny(cell):
    """A size that takes no time."""
    return SMALL.get(cell.task.name, min(cell.task.sizes, key=np.prod))


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    seconds = keyring.make(folder, 2048)
    assert len(seconds) == keyring.RANKS
    return folder


def side(name="party0", **other):
    given = {
        "offline_s": 0.5,
        "online_s": 0.25,
        "cpu_s": 0.2,
        "whole_cpu_s": 0.3,
        "offline_bytes": 100,
        "online_bytes": 1_000_000,
    }
    return Side(name=name, **(given | {"peak_bytes": 10, "idle_bytes": 5} | other))


def a_cost(**other):
    given = {
        "run": 1,
        "command": "python -m bench he-vs-ss",
        "repetitions": 1,
        "seed": 30,
        "task": "matrix-vector",
        "size": (10, 20),
        "method": "shares",
        "bits": 0,
        "network": None,
        "parties": (side(), side("party1", online_s=0.125)),
        "dealer_cpu_s": 0.1,
        "dealer_peak_bytes": 7,
        "rounds": 4,
        "busiest_bytes": 1_000_000,
        "error": 1e-6,
        "security": "perfect",
        "leaks": "nothing",
        "computed_s": figures.computed(0.25, 4, 1_000_000),
    }
    return Cost(**(given | other))


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(cell, marks=() if (cell.task.name, cell.method.name) in FAST else pytest.mark.slow)
        for cell in table.CELLS
        if cell.method.name not in HEAVY
    ],
    ids=lambda cell: f"{cell.task.name}, {cell.method.name}",
)
def test_every_method_computes_the_task_between_processes(cell, keys):
    case = Case(cell.task.name, cell.method.name, tiny(cell), 2048 if cell.method.keyed else 0)
    made = figures.cost(7, case, quick=True, answers=run(case, keys))
    assert made.error < 0.01
    assert (made.run, made.task, made.method, made.size) == (7, case.task, case.method, case.size)
    assert [one.name for one in made.parties] == case.parties
    assert made.rounds > 0
    assert made.busiest_bytes >= max(one.online_bytes for one in made.parties) > 0
    assert made.leaks
    assert made.computed_s.keys() == NETWORKS.keys()
    assert (made.dealer_cpu_s is not None) == cell.method.dealer


@pytest.mark.slow
def test_a_slow_link_takes_half_a_round_trip_for_each_round():
    case = Case("linear scoring", "shares", (3, 4), 0, "wan")
    made = figures.cost(0, case, quick=True, answers=run(case))
    assert made.parties[0].online_s >= (made.rounds - 1) * NETWORKS["wan"].one_way
    assert not made.computed_s


def test_every_cell_is_run_at_every_size_and_the_smallest_over_slow_links():
    for quick in (True, False):
        all_ = cases(quick)
        assert len(set(all_)) == len(all_)
        for cell in table.CELLS:
            own = [case for case in all_ if (case.task, case.method) == (cell.task.name, cell.method.name)]
            assert [case.size for case in own if case.network is None] == list(cell.at(quick))
            assert {case.size for case in own if case.network} == set(cell.at(quick)[: cell.far])
            assert {case.bits for case in own} <= ({2048 if quick else 3072} if cell.method.keyed else {0})
        tasks = [case.task for case in all_]
        assert sum(a != b for a, b in itertools.pairwise(tasks)) == len(set(tasks)) - 1


def test_the_command_of_a_run_is_of_that_run_alone():
    for case in (
        Case("lr epoch", "paillier, arbiter", (40, 4), 3072),
        Case("linear scoring", "paillier", (1_000, 20), 2048, "wan"),
    ):
        words = shlex.split(figures.command(case, case.bits == 2048))[4:]
        quick = "--quick" in words
        options = [word for word in words if word != "--quick"]
        said = dict(zip(options[::2], options[1::2], strict=True))
        choice = Choice.of(said["--only"], said["--method"], said["--size"], said.get("--network"))
        assert cases(quick, choice) == [case]


@pytest.mark.parametrize(
    ("choice", "quick"),
    [
        (("no such task", None, None, None), False),
        (("linear scoring", "no such method", None, None), False),
        (("linear scoring", None, "10", None), False),
        (("linear scoring", None, "0x5", None), False),
        (("linear scoring", None, "ax5", None), False),
        (("linear scoring", None, None, "moon"), False),
        (("lr epoch", "shares, no dealer", None, None), True),
    ],
)
def test_what_there_is_not_is_refused(choice, quick):
    with pytest.raises(UsageError):
        cases(quick, Choice.of(*choice))


def test_seconds_on_other_networks_are_those_of_rounds_and_bytes():
    assert a_cost().computed_s["wan"] == pytest.approx(0.25 + 4 * 0.02 + 0.08)


def test_an_error_is_the_largest_and_nothing_passes_for_none():
    assert figures.error([np.array([True, False])], [np.array([True, True])]) == 1.0
    assert figures.error([np.array([1.0, np.nan])], [np.array([1.0, 1.0])]) == np.inf
    assert figures.error([np.zeros(3)], [np.zeros(1)]) == np.inf


def test_methods_cross_where_their_lines_do():
    left, right = ("a", {10: 1.0, 1000: 100.0}), ("b", {10: 10.0, 1000: 10.0})
    (met,) = crossing.crossings(left, right)
    assert (met.elements, met.seconds) == pytest.approx((100.0, 10.0))
    assert crossing.winner(left, right) == crossing.winner(right, left) == "a below 100; b from 100"
    assert crossing.winner(("a", {10: 1.0}), right) == "a"
    assert crossing.winner(("a", {20: 1.0}), right) == ""


def test_a_narrow_link_turns_the_table_where_encryption_sends_less():
    def of(seconds, sent, rounds=2):
        return a_cost(parties=(side(online_s=seconds),), busiest_bytes=sent, rounds=rounds)

    shared = of(1.0, 2_000_000)
    assert crossing.even_bandwidth(of(9.0, 1_000_000), shared, 0.02) == "below 1 Mbit/s"
    assert crossing.even_bandwidth(of(9.0, 3_000_000), shared, 0.02) == "none"
    assert crossing.even_bandwidth(of(0.5, 1_000_000), shared, 0.02) == "any"
    assert crossing.even_bandwidth(of(0.5, 3_000_000), shared, 0.02) == "above 16 Mbit/s"
    assert crossing.even_bandwidth(of(1.01, 1_000_000, 1), shared, 0.02) == "any"


def test_a_measured_time_goes_before_a_computed_one():
    far = a_cost(run=2, network="wan", computed_s={}, parties=(side(online_s=9.0),))
    assert crossing.line([a_cost(), far], "shares", "wan") == {200: 9.0}
    assert crossing.line([a_cost()], "shares", "wan") == {200: pytest.approx(0.41)}
    assert crossing.line([a_cost(), far], "shares", None, whole=True) == {200: 0.75}


def test_the_page_shows_its_own_record():
    """No figure of the page is typed: it is what the record beside it gives, and its prose has no figures of a run."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.filled(text, page.load(page.RECORD)) == text
    prose = re.sub(r"<!-- (\w+): begin -->.*?<!-- \1: end -->", "", text, flags=re.DOTALL)
    assert not re.findall(r"\d[\d.]* (?:s|ms|us|kB|MB|GB|rounds)\b", prose)
    for name in re.findall(r"\]\((he-vs-ss[^)]*)\)", text):
        assert (page.PAGE.parent / name).exists()


def test_the_page_says_what_every_task_and_method_is():
    text = page.PAGE.read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.partition("## How to read")[0].splitlines() if line.startswith("| ")]
    tasks = {name.strip() for row in rows for name in row.split(",")}
    methods = {name.strip() for row in rows for name in row.split(";")}
    assert {cell.task.name for cell in table.CELLS} <= tasks
    assert {cell.method.name for cell in table.CELLS} <= methods


def test_a_page_without_a_place_and_a_record_that_is_none_are_refused(tmp_path):
    document = page.load(page.RECORD)
    with pytest.raises(UsageError, match="no place for record"):
        page.filled("nothing", document)
    with pytest.raises(UsageError, match="cannot be read"):
        page.load(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputError, match="holds no record"):
        page.load(tmp_path / "other.json")


def test_figures_are_written_for_readers_and_for_programs(tmp_path):
    runs = [
        a_cost(),
        a_cost(run=2, network="wan", computed_s={}),
        a_cost(run=3, size=(100, 20)),
        a_cost(run=4, method="paillier", bits=3072, parties=(side(online_s=0.01),), dealer_cpu_s=None),
        a_cost(run=5, method="paillier", bits=3072, size=(100, 20), parties=(side(online_s=50.0),)),
    ]
    about = {"machine": "a machine", "date": "2026-01-01", "load": 0.5, "quick": False, "keys": {3072: [1.5]}}
    document = Document(**about, seconds=9, runs=runs)
    paths = pages.write(document, tmp_path)
    assert [path.suffix for path in paths] == [".md", ".csv", ".json"]
    text = paths[0].read_text()
    assert "## matrix-vector" in text
    assert "250 ms / 125 ms" in text
    with paths[1].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert float(rows[0]["wan computed_s"]) == runs[0].computed_s["wan"]
    assert Document.model_validate(json.loads(paths[2].read_text())) == document
    for path in plots.write(document, tmp_path):
        assert path.stat().st_size
