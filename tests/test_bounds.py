"""Every operation keeps what its entry in `mpcfl.bounds` states; docstrings and docs/numerics.md state the same."""

from __future__ import annotations

import inspect
from pathlib import Path

import gmpy2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from bench import numerics as measuring
from bench.__main__ import main as command
from bench.numerics import FRACTIONS, Found, cost, load, measure, page
from mpcfl import numerics
from mpcfl.bounds import SECTIONS, TABLE, Entry, Error
from mpcfl.bounds.wide import WIDE
from mpcfl.errors import InputError, UsageError

SOURCE = Path(numerics.__file__).read_text("utf-8")


def check(name: str, samples: int, fraction: int, seed: int = 0) -> None:
    found = measure(TABLE[name], samples, fraction, seed)
    assert found.inputs >= samples
    assert found.of_bound <= 1, f"{name} at fraction {fraction}: {found.of_bound:.3f} of its bound at {found.worst}"


@pytest.mark.parametrize("fraction", [12, 16, 20])
@pytest.mark.parametrize("name", TABLE)
def test_the_stated_error(name: str, fraction: int) -> None:
    check(name, 3_000, fraction)


@pytest.mark.parametrize("name", TABLE)
def test_the_stated_error_on_many_inputs(name: str) -> None:
    check(name, 20_000, 18)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_the_stated_error_on_a_million_inputs(name: str) -> None:
    for fraction in FRACTIONS:
        check(name, 333_334, fraction, seed=1)


@pytest.mark.parametrize("name", TABLE)
def test_the_stated_cost(name: str) -> None:
    assert cost(TABLE[name]) == (TABLE[name].rounds, TABLE[name].bytes)


@pytest.mark.parametrize("fraction", [24, 40, 48])
@pytest.mark.parametrize("entry", SECTIONS["elementary"], ids=lambda entry: entry.name)
def test_the_stated_error_in_ring_128(entry: Entry, fraction: int) -> None:
    found = measure(entry, 2_000, fraction, width=128)
    assert found.of_bound <= 1, f"{entry.name}: {found.of_bound:.3f} of its bound at {found.worst}"


@pytest.mark.slow
@pytest.mark.parametrize("entry", SECTIONS["elementary"], ids=lambda entry: entry.name)
def test_the_stated_error_in_ring_128_on_many_inputs(entry: Entry) -> None:
    for fraction in (32, 48):
        found = measure(entry, 40_000, fraction, seed=1, width=128)
        assert found.of_bound <= 1, f"{entry.name}: {found.of_bound:.3f} of its bound at {found.worst}"


@pytest.mark.parametrize("entry", SECTIONS["elementary"], ids=lambda entry: entry.name)
def test_the_stated_cost_in_ring_128(entry: Entry) -> None:
    own = entry.over(128)
    assert cost(entry, 128) == (own.rounds, own.bytes)


def test_ring_128_has_a_statement_of_its_own() -> None:
    assert WIDE.keys() == {entry.name for entry in SECTIONS["elementary"]}
    assert TABLE["np.exp2"].over(128).domain.text == "x < 126-f; 0 far below"
    assert TABLE["numerics.tanh"].over(128).domain.text == "|x| < 2^(125-f)"
    assert TABLE["np.sin"].over(128).domain.text == "|x| < 2^(72-f)"
    assert TABLE["np.exp"].over(64) is TABLE["np.exp"]
    assert str(TABLE["np.exp"]).endswith("Ring 128: 1.1 ulps + 2^-45 |r|, 5 rounds and 88.9 bytes an element.")
    with pytest.raises(UsageError, match=r"x \+ y states nothing of its own for ring 128"):
        TABLE["x + y"].over(128)


@pytest.mark.parametrize("entry", SECTIONS["elementary"], ids=lambda entry: entry.name)
def test_elementary_functions_aim_at_four_ulps_or_some_digits(entry: Entry) -> None:
    """At most max(4 ulps, 2^-13 of the result), or 5e-4 for fast forms; sums of n elements n ulps more."""
    for fraction in FRACTIONS:
        size = 2.0 ** np.arange(-fraction, 62 - fraction)
        bound = entry.error.at(size, [np.zeros((1, 0))], fraction)
        aim = 5e-4 if entry.error.absolute else np.maximum(4 * 2.0**-fraction, 2.0**-13 * size)
        assert (bound <= aim).all()


# The measuring itself


def test_the_reference_is_exact() -> None:
    """Within 2^-52 of 200 bits, in a sample of every elementary function; on x86 it is 2^-60."""
    known = {
        "x / y": lambda x, y: x / y,
        "np.exp": gmpy2.exp,
        "np.exp2": gmpy2.exp2,
        "np.expm1": gmpy2.expm1,
        "np.log": gmpy2.log,
        "np.log2": gmpy2.log2,
        "np.log10": gmpy2.log10,
        "np.log1p": gmpy2.log1p,
        "np.sqrt": gmpy2.sqrt,
        "numerics.rsqrt": gmpy2.rec_sqrt,
        "np.sin": gmpy2.sin,
        "np.cos": gmpy2.cos,
        "np.sinh": gmpy2.sinh,
        "np.cosh": gmpy2.cosh,
        "np.tanh": gmpy2.tanh,
        "numerics.sigmoid": lambda x: 1 / (1 + gmpy2.exp(-x)),
        "numerics.softplus": lambda x: gmpy2.log1p(gmpy2.exp(x)),
    }
    with gmpy2.context(gmpy2.get_context(), precision=200):
        for name, function in known.items():
            inputs = [x[::37] for x in measuring.inputs_of(TABLE[name], 6000, 18)]
            got = TABLE[name].reference(inputs)
            for i, result in enumerate(got):
                exact = function(*(gmpy2.mpfr(float(x[i])) for x in inputs))
                high = float(result)
                error = abs(gmpy2.mpfr(high) + gmpy2.mpfr(float(result - high)) - exact)
                assert error <= 2.0**-52 * max(abs(exact), 2.0**-10), (name, [x[i] for x in inputs])


def test_a_wrong_statement_is_found() -> None:
    def entry(error: Error, exact: object = None) -> Entry:
        return Entry("x * y", np.multiply, TABLE["x * y"].domain, error, 2, 24, "", exact)  # type: ignore[arg-type]

    assert measure(entry(Error(ulps=1)), 2000, 18).of_bound <= 1
    assert measure(entry(Error(ulps=0.9)), 2000, 18).of_bound > 1
    assert measure(entry(Error()), 2000, 18).of_bound == np.inf
    assert measure(entry(Error(ulps=1), lambda x, y: x * y * (1 + 2.0**-40)), 2000, 18).of_bound > 1


def test_an_error_below_the_digits_of_a_float_is_seen() -> None:
    """One unit in a number of 62 bits."""
    shifted = Entry("x", lambda x: x + 2.0**-18, TABLE["-x"].domain, Error(ulps=1), 0, 0, "", lambda x: x)
    assert measure(shifted, 2000, 18).of_bound == 1


def test_how_errors_are_written() -> None:
    assert str(Error()) == "none"
    assert str(Error(ulps=1)) == "1 ulp"
    assert str(Error(1e-4, 1.3, 0, 2**-20.5)) == "1.0e-4 + 1.3 ulps + 2^-20.5 |r|"
    assert str(Error(ulps=-1, each=1, operand=2**-25)) == "(n - 1) ulps + 2^-25 |x|"
    assert str(Error(ulps=1.1, each=0.5)) == "(0.5 n + 1.1) ulps"
    rows = np.full((2, 9), 3.0)
    assert (Error(0.5, 1, 2, 0.25, operand=1).at(np.ones((2, 9)), [rows], 1) == 0.5 + (1 + 2 * 9) / 2 + 0.25 + 3).all()


# The documents


def words(text: str) -> str:
    return " ".join(text.split())


STATED = [
    name
    for name, function in inspect.getmembers(numerics, inspect.isfunction)
    if function.__module__ == numerics.__name__ and name[0] != "_" and name != "solve_triangular"  # linear algebra
]


@pytest.mark.parametrize("name", STATED)
def test_docstrings_state_domain_error_cost_and_what_happens_outside(name: str) -> None:
    entry = TABLE["x / y" if name == "divide" else f"numerics.{name}"]
    text = words(getattr(numerics, name).__doc__)
    for sentence in entry.statement:
        assert sentence in text, f"the docstring of mpcfl.numerics.{name} must have the sentence: {sentence}"


def test_the_page_is_the_table_and_the_last_measurement() -> None:
    text = measuring.PAGE.read_text("utf-8")
    assert page(text, load()) == text, "docs/numerics.md is not what bench.numerics renders: run it with --write"


def test_the_last_measurement_is_within_the_bounds() -> None:
    found = load()
    assert [(one.name, one.fraction) for one in found] == [(name, f) for name in TABLE for f in FRACTIONS]
    assert all(one.of_bound <= 1 and one.inputs >= 1_000_000 for one in found)


def test_a_page_without_a_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no place for a table"):
        page("<!-- arithmetic: begin -->\n", load())
    with pytest.raises(UsageError, match=r"x \+ y was not measured"):
        page("", [])
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / "none")
    (tmp_path / "other").write_text("{}\n", "utf-8")
    with pytest.raises(InputError, match="no measurement"):
        load(tmp_path / "other")


def test_the_command_prints_a_line_each_and_renews_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    text = measuring.PAGE.read_text("utf-8")
    (tmp_path / "page.md").write_text(text, "utf-8")
    monkeypatch.setattr(measuring, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(measuring, "FOUND", tmp_path / "found.jsonl")
    ran = CliRunner().invoke(app, ["numerics", "--samples", "1000", "--write", "--json", str(tmp_path / "lines")])
    assert ran.exit_code == 0, ran.stderr
    found = [Found.model_validate_json(line) for line in ran.stdout.splitlines()]
    assert found == load(tmp_path / "found.jsonl") == load(tmp_path / "lines")
    assert (tmp_path / "page.md").read_text("utf-8") == page(text, found)
    ran = CliRunner().invoke(app, ["numerics", "np.exp", "--samples", "2000", "--write"])
    assert ran.exit_code == 0, ran.stderr
    anew = [Found.model_validate_json(line) for line in ran.stdout.splitlines()]
    assert [one for one in load(tmp_path / "found.jsonl") if one not in found] == anew


def test_the_command_fails_where_a_bound_is_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.command()(command)
    worse = Found(name="x", fraction=18, inputs=1, max_abs_err=1, max_rel_err=None, of_bound=2, worst="3")
    monkeypatch.setattr(measuring, "measurements", lambda samples, names: iter([worse]))
    ran = CliRunner().invoke(app, ["numerics"])
    assert ran.exit_code == 1
    assert "2 times its bound at 3" in ran.stderr
    monkeypatch.undo()
    ran = CliRunner().invoke(app, ["numerics", "np.nothing"])
    assert ran.exit_code == 2
    assert "no operation is called 'np.nothing'" in ran.stderr
