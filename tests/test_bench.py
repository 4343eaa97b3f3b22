"""`python -m bench` at small sizes: it counts what the forecast says, and refuses bad requests. No times."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import mpcfl
from bench import kernels, plots
from bench.__main__ import main as command
from bench.figures import Calibration, Figures, load
from bench.measure import Count, given, measure
from bench.tables import BEGIN, END, main
from bench.workloads import WORKLOADS, parse, show
from mpcfl.errors import InputError, UsageError

ROOT = Path(__file__).parent.parent
APP, RUNNER = typer.Typer(), CliRunner()
APP.command()(command)

SMALL = {
    "matmul": "5x7x3",
    "matvec": "20x6",
    "matvec-open": "20x6",
    "conv": "2",
    "divide": "5",
    "softmax": "6x5",
    "argmax": "6x5",
    "sort": "13",
    "gather": "7x5",
    "roundtrip": "10",
    "lr": "60x5x20",
    "lr-later": "60x5x20",
    "mlp": "2",
    "cnn": "2",
    "digits": "2",
    "gbdt-level": "50x3x4",
    "gbdt": "60x4x3",
    "gbdt-later": "60x4x3",
    "gbdt-own": "60x4x3",
}
BOUNDS = {
    **dict.fromkeys(("equal", "less", "relu", "maximum", "argmax", "sort", "shuffle", "gather", "roundtrip"), 0.0),
    **dict.fromkeys(("lr", "lr-later", "gbdt", "gbdt-later", "gbdt-own"), 2e-3),
    **dict.fromkeys(("sigmoid", "softplus"), 5e-4),
    "exp": 2e-3,
    "gbdt-level": 0.0,
}
"""Absolute errors; products of numbers on the grid are rounded once."""


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=250, check=False
    )


def small(name: str) -> str:
    return SMALL.get(name, "70")


def cost(name: str, size: str, parties: int) -> Count:
    """The forecast of a workload, of the party that sends most, without what comes before the clock."""
    workload, shape = parse(f"{name}:{size}")
    costs: list[Count] = []

    def program(session: mpcfl.Session) -> None:
        arrays = given(session, workload, workload.make(shape))
        before = Count.of(session)
        workload.compute(shape, *arrays)
        session.barrier()
        costs.append(Count.of(session).since(before))

    for rank in range(parties):
        mpcfl.forecast(program, parties, rank=rank)
    return max(costs, key=lambda one: one.online_bytes)


def figures(**changes: Any) -> Figures:
    one = Figures(
        workload="mul",
        size="100",
        parties=2,
        repetitions=3,
        median_s=0.02,
        min_s=0.01,
        party_cpu_s=0.008,
        dealer_cpu_s=0.006,
        rounds=2,
        online_bytes=2400,
        offline_bytes=2400,
        elements=100,
        max_abs_err=1e-6,
        calibration=Calibration(numpy_s=1e-6, memcpy_s=4e-6),
        machine="a machine",
        date="2026-01-01",
    )
    return one.model_copy(update=changes)


def check(line: dict[str, Any], parties: int) -> None:
    name = line["workload"]
    expected = cost(name, line["size"], parties)
    counted = (line["rounds"], line["online_bytes"], line["offline_bytes"])
    assert counted == (expected.rounds, expected.online_bytes, expected.offline_bytes)
    assert max(line["online_bytes_by_party"]) == line["online_bytes"]
    assert (line["request_bytes"] > 0) != line["online"]  # recorded ahead, nothing is asked any more
    assert line["party_cpu_s"] > 0
    assert line["dealer_cpu_s"] > 0
    assert len(line["peak_bytes"]) == parties + 1
    assert min(line["peak_bytes"].values()) > 10_000_000
    assert line["parties"] == parties
    assert line["repetitions"] == 1
    assert 0 < line["min_s"] <= line["median_s"]
    assert line["max_abs_err"] <= BOUNDS.get(name, 1e-4)
    assert (line["max_rel_err"] is not None) == WORKLOADS[name].relative
    assert set(line["calibration"]) == {"numpy_s", "memcpy_s"}


@pytest.mark.parametrize("name", WORKLOADS)
def test_counts_are_those_of_the_forecast_and_errors_small(name: str) -> None:
    workload, size = parse(f"{name}:{small(name)}")
    first, second = mpcfl.simulate(lambda session: measure(session, workload, size, 2)).results
    expected = cost(name, small(name), 2)
    assert expected in (first.count, second.count)
    assert first.count.rounds == second.count.rounds
    assert first.count.offline_bytes == second.count.offline_bytes
    assert len(first.seconds) == 2
    assert first.max_abs_err <= BOUNDS.get(name, 1e-4)
    assert (first.max_rel_err is not None) == workload.relative


@pytest.mark.slow
def test_several_workloads_between_processes() -> None:
    ran = bench("less:100", "sigmoid:70", "divide:5", "--repetitions", "1")
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["workload"] for line in lines] == ["less", "sigmoid", "divide"]
    for line in lines:
        check(line, 2)


def test_three_parties_a_file_and_a_comparison(tmp_path: Path) -> None:
    earlier, now = tmp_path / "earlier.jsonl", tmp_path / "now.jsonl"
    earlier.write_text(figures(parties=3).model_dump_json() + "\n")
    ran = bench("mul:100", "--parties", "3", "--repetitions", "1", "--json", str(now), "--compare", str(earlier))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == now.read_text()
    line = json.loads(ran.stdout)
    check(line, 3)
    assert line["ratio"] == pytest.approx(load(now)[0].ratio_to(figures(parties=3)))
    assert "against the earlier run" in ran.stderr


def test_an_epoch_over_opened_columns_sends_no_word_of_the_data(tmp_path: Path) -> None:
    size = SMALL["lr"]
    ran = bench(f"lr-later:{size}", "--repetitions", "1", "--profile", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    check(json.loads(ran.stdout), 2)
    rows, columns, _ = (int(n) for n in size.split("x"))
    first, later = cost("lr", size, 2), cost("lr-later", size, 2)
    # each owner opened its own block once, 8 bytes a cell
    assert first.online_bytes - later.online_bytes == 8 * rows * (columns - columns // 2)
    assert (first.rounds, first.offline_bytes) == (later.rounds, later.offline_bytes)
    names = ["lr-later.dealer.prof", "lr-later.party0.prof", "lr-later.party1.prof"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize(("name", "bytes_an_element"), [("mul", 24), ("mul-one-open", 16), ("mul-both-open", 8)])
def test_what_was_opened_is_not_opened_again(name: str, bytes_an_element: int) -> None:
    assert cost(name, "100", 2).online_bytes == 100 * bytes_an_element


def test_a_figure_has_a_line_a_workload(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [figures(elements=n, median_s=n * 1e-6, workload=w) for n in (1000, 10_000) for w in ("mul", "less")]
    path = tmp_path / "cost.svg"
    plots.draw(points, path)
    drawn = path.read_text()
    assert all(f">{word}<" in drawn for word in ("mul", "less", "seconds", "elements"))
    plots.draw(points, path)
    assert path.read_text() == drawn
    with pytest.raises(UsageError, match="is a file that ends in"):
        plots.check(tmp_path / "cost.txt")


def test_from_correlations_recorded_ahead() -> None:
    ran = bench("mul:100", "lr:60x5x20", "--online", "--repetitions", "1")
    assert ran.returncode == 0, ran.stderr
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [line["workload"] for line in lines] == ["mul", "lr"]
    for line in lines:
        check(line, 2)
        assert line["online"] is True
    assert "recorded ahead" in ran.stderr


def test_online_and_total_are_not_compared(tmp_path: Path) -> None:
    assert figures(online=True).key != figures().key
    old = tmp_path / "old.jsonl"
    old.write_text(figures().model_dump_json(exclude={"online"}) + "\n")
    assert load(old)[0].key == figures().key  # what an earlier version wrote


def test_without_a_name_it_lists_the_workloads() -> None:
    ran = RUNNER.invoke(APP)
    assert ran.exit_code == 0
    assert [line.split()[0] for line in ran.stdout.splitlines()[1:]] == [*WORKLOADS, "he-vs-ss", "numerics"]


def test_an_unknown_name_ends_with_2() -> None:
    ran = bench("nothing")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "no workload is called 'nothing'" in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mul", "nothing"], "no workload is called 'nothing'"),
        (["mul:100x3"], "the size of mul is ELEMENTS"),
        (["mul:0"], "the size of mul is ELEMENTS"),
        (["matmul:1x2"], "the size of matmul is ROWSxINNERxCOLUMNS"),
        (["lr:100x1x10"], "lr needs at least two columns"),
        (["mul:100", "--compare", "no such file"], "cannot be read"),
        (["mul:100", "--parties", "1"], "parties"),
        (["mul:100", "--fast"], "No such option"),
    ],
)
def test_bad_requests_end_with_2(arguments: list[str], said: str) -> None:
    ran = RUNNER.invoke(APP, arguments)
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert said in ran.stderr


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_size_reads_as_it_is_shown(name: str) -> None:
    workload, size = parse(name)
    assert parse(f"{name}:{show(size)}") == (workload, size)
    assert len(size) == len(workload.axes)


def test_a_ratio_is_normalised_by_the_calibration() -> None:
    slow = figures(median_s=0.04, calibration=Calibration(numpy_s=2e-6, memcpy_s=8e-6))
    assert slow.ratio_to(figures()) == pytest.approx(1.0)
    assert figures(median_s=0.04).ratio_to(figures()) == pytest.approx(2.0)
    assert math.isclose(slow.machine_ratio(figures()), 2.0)


def test_a_page_gets_the_table(tmp_path: Path) -> None:
    file, page = tmp_path / "figures.jsonl", tmp_path / "page.md"
    file.write_text(figures().model_dump_json() + "\n")
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    main(file, page)
    text = page.read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "| mul | 100 | 20 ms | 10 ms | 8 ms | 6 ms | 2 | 1.0e-06 |  | 1 us | 2e+04 | 4 us | 5e+03 |" in text
    assert "| mul | 100 | 2.4 kB | 24 |" in text
    assert "old" not in text
    main(file, page)
    assert page.read_text() == text
    page.write_text("no place")
    with pytest.raises(UsageError, match="no place for a table"):
        main(file, page)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "figures.jsonl"
    file.write_text('{"workload": "mul"}\n')
    with pytest.raises(InputError, match=r"line 1 of .* holds no figures"):
        load(file)


@pytest.mark.slow
def test_the_kernels_agree_with_numpy():
    for cases in kernels.CASES:
        for case in cases():
            kernels.check(case)
