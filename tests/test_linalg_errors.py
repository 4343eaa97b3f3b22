"""Linear algebra keeps the errors, rounds and bytes that docs/numerics.md states, by size, condition and scale."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy_check import spent

import mpcfl
from mpcfl import numerics
from mpcfl.operations.spectrum import schedule, sweeps

L = np.linalg
PAGE = Path(__file__).resolve().parent.parent / "docs" / "numerics.md"


def table() -> dict[str, tuple[str, str, int]]:
    """Error, rounds and bytes, by function."""
    _, _, after = PAGE.read_text("utf-8").partition("<!-- linalg -->\n")
    rows = {}
    for line in after.splitlines()[2:]:
        if not line.startswith("|"):
            break
        name, error, rounds, size = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name.replace("`", "")] = error.strip("`"), rounds.strip("`"), int(size.replace(",", ""))
    return rows


STATED = table()


def value(formula: str, **names: float) -> float:
    """A formula of the page; it is made of numbers, names and signs alone."""
    assert re.fullmatch(r"[\d.a-z+*/^ ()-]+", formula)
    return float(eval(formula.replace("^", "**"), {"__builtins__": {}}, names))


# Samples: a matrix, what goes with it, and what the formulas need to know of them


def general(rng: np.random.Generator, m: int, n: int, condition: float, size: float) -> np.ndarray:
    u, _ = L.qr(rng.normal(size=(m, n)))
    v, _ = L.qr(rng.normal(size=(n, n)))
    return size * (u * np.geomspace(1, 1 / condition, n)) @ v.T


def symmetric(rng: np.random.Generator, n: int, condition: float, size: float, *, definite: bool) -> np.ndarray:
    q, _ = L.qr(rng.normal(size=(n, n)))
    values = np.geomspace(1, 1 / condition, n) * (1 if definite else rng.choice([-1, 1], n))
    return size * (q * values) @ q.T


def encoded(x: np.ndarray, fraction: int) -> np.ndarray:
    return np.ldexp(np.rint(np.ldexp(x, fraction)), -fraction)


def on_secrets(function: Callable[..., Any], fraction: int, *inputs: np.ndarray) -> list[Any]:
    def program(session: mpcfl.Session) -> list[Any]:
        results = function(*(session.share(x, 0, x.shape) for x in inputs))
        return [x.reveal() for x in (results if isinstance(results, tuple) else (results,))]

    return mpcfl.simulate(program, fraction=fraction, seed=1).results[0]


def off(got: Any, expected: Any) -> float:
    return float(np.abs(np.asarray(got) - expected).max())


def check(name: str, fraction: int, matrix: np.ndarray, error: float, **names: float) -> None:
    s = L.svdvals(matrix)
    names |= {"u": 2.0**-fraction, "n": matrix.shape[1], "s": s[0], "i": 1 / s[-1], "c": s[0] / s[-1]}
    names["k"] = L.cond(matrix / L.norm(matrix, axis=0))
    bound = value(STATED[name][0], **names)
    assert error <= bound, f"{name} at {names}: {error} > {bound}, {error / names['u']} units"


def check_all(fraction: int, n: int, condition: float, size: float, *, spectra: bool) -> None:
    rng = np.random.default_rng([fraction, n, int(condition), int(size)])

    def sample(x: np.ndarray) -> np.ndarray:
        return encoded(x, fraction)

    a = sample(general(rng, n, n, condition, size))
    for b in (sample(a @ rng.normal(size=n)), sample(rng.normal(size=n))):  # of a solution of size one, and of any
        check("solve", fraction, a, off(on_secrets(L.solve, fraction, a, b)[0], L.solve(a, b)))
    check("inv", fraction, a, off(on_secrets(L.inv, fraction, a)[0], L.inv(a)))
    sign, log = on_secrets(L.slogdet, fraction, a)
    assert sign == L.slogdet(a).sign
    check("slogdet: the logarithm", fraction, a, off(log, L.slogdet(a).logabsdet))

    tall, y = sample(general(rng, 3 * n, n, condition, size)), sample(rng.normal(size=3 * n))
    expected = L.lstsq(tall, y)[0]
    found = on_secrets(lambda x, z: L.lstsq(x, z)[0], fraction, tall, y)[0]
    check("lstsq", fraction, tall, off(found, expected), r=float(L.norm(y - tall @ expected)))
    q, r = L.qr(tall)
    signs = np.sign(np.diagonal(r))
    factors = on_secrets(L.qr, fraction, tall)
    check("qr: Q", fraction, tall, off(factors[0], q * signs))
    check("qr: R", fraction, tall, off(factors[1], r * signs[:, None]))
    assert off(factors[0].T @ factors[0], np.eye(n)) <= 4 * 2.0**-fraction

    definite = sample(symmetric(rng, n, condition, size, definite=True))
    definite = np.tril(definite) + np.tril(definite, -1).T
    lower = L.cholesky(definite)
    check("cholesky", fraction, definite, off(on_secrets(L.cholesky, fraction, definite)[0], lower))
    triangle, b = sample(lower), sample(rng.normal(size=n))
    answer = on_secrets(numerics.solve_triangular, fraction, triangle, b)[0]
    check("numerics.solve_triangular", fraction, triangle, off(answer, L.solve(triangle, b)))
    if spectra:
        check_spectra(fraction, sample(symmetric(rng, n, condition, size, definite=False)), a)


def check_spectra(fraction: int, a: np.ndarray, b: np.ndarray) -> None:
    unit = 2.0**-fraction
    a = np.tril(a) + np.tril(a, -1).T
    w, v = L.eigh(a)
    values, vectors = on_secrets(L.eigh, fraction, a)
    vectors = vectors * np.sign((vectors * v).sum(0))
    check("eigh: eigenvalues", fraction, a, off(values, w))
    check("eigh: eigenvectors", fraction, a, off(vectors, v), g=float(np.diff(w).min()))
    assert off(vectors.T @ vectors, np.eye(len(a))) <= 4 * unit
    u, s, vt = on_secrets(L.svd, fraction, b)
    check("svd: S", fraction, b, off(s, L.svdvals(b)))
    check("svd: U S V^T", fraction, b, off(u * s @ vt, b))
    assert off(vt @ vt.T, np.eye(len(b))) <= 4 * unit
    assert off(u.T @ u, np.eye(len(b))) <= 4 * unit


@pytest.mark.parametrize("size", [1, 30])
@pytest.mark.parametrize("condition", [10, 1000])
@pytest.mark.parametrize("n", [2, 5])
def test_the_stated_errors(n: int, condition: float, size: float) -> None:
    check_all(18, n, condition, size, spectra=n == 2)


@pytest.mark.parametrize("fraction", [16, 18, 20])
def test_the_ends_of_the_domain(fraction: int) -> None:
    """The largest and smallest norms, and both in one matrix; the largest right-hand sides and solutions."""
    rng, top = np.random.default_rng(fraction), 0.97 * 2.0 ** (34 - fraction)
    base, _ = L.qr(rng.normal(size=(4, 4)))
    columns = {"large": np.full(4, top), "small": np.full(4, 2.0**-8), "both": np.array([2.0**-8, 1.0, 30.0, top])}
    for sizes in columns.values():
        a = encoded(base * sizes, fraction)
        direction = rng.uniform(-1, 1, 4)
        # as large as the right-hand side and the solution may be
        longest = min(top / L.norm(direction), 0.97 * 2.0**16 / np.abs(L.solve(a, direction)).max())
        for b in (encoded(direction * longest, fraction), encoded(direction, fraction)):
            check("solve", fraction, a, off(on_secrets(L.solve, fraction, a, b)[0], L.solve(a, b)))
        expected = L.lstsq(a[:, 1:], direction)[0]
        found = on_secrets(lambda x, y: L.lstsq(x, y)[0], fraction, a[:, 1:], encoded(direction, fraction))[0]
        rest = float(L.norm(direction - a[:, 1:] @ expected))
        check("lstsq", fraction, a[:, 1:], off(found, expected) - 2.0**-fraction / L.svdvals(a[:, 1:])[-1], r=rest)
        q, r = L.qr(a)
        signs = np.sign(np.diagonal(r))
        factors = on_secrets(L.qr, fraction, a)
        check("qr: Q", fraction, a, off(factors[0], q * signs))
        check("qr: R", fraction, a, off(factors[1], r * signs[:, None]))
        check("slogdet: the logarithm", fraction, a, off(on_secrets(L.slogdet, fraction, a)[1], L.slogdet(a)[1]))
    a = encoded(base[:2, :2] * top / 2, fraction)
    check("svd: S", fraction, a, off(on_secrets(L.svdvals, fraction, a)[0], L.svdvals(a)))
    a = np.diag([2.0**24 * 0.97, 1000.0, 1.0, 2.0**-10])
    a[0, 1] = a[1, 0] = 5e4
    check("cholesky", fraction, a, off(on_secrets(L.cholesky, fraction, a)[0], L.cholesky(a)))
    a = np.diag([top, -top])
    check("eigh: eigenvalues", fraction, a, off(on_secrets(L.eigvalsh, fraction, a)[0], L.eigvalsh(a)))


@pytest.mark.slow
@pytest.mark.parametrize(("fraction", "condition"), [(16, 1000), (18, 100), (20, 1000)])
@pytest.mark.parametrize("n", [3, 10, 16])
def test_the_stated_errors_of_larger_matrices(n: int, fraction: int, condition: float) -> None:
    for size in (1, 30):
        check_all(fraction, n, condition, size, spectra=n < 16)


COSTS: dict[str, tuple[Callable[..., Any], Callable[[int], tuple[Any, ...]]]] = {
    "solve": (L.solve, lambda n: ((n, n), (n,))),
    "inv": (L.inv, lambda n: ((n, n),)),
    "lstsq": (L.lstsq, lambda n: ((3 * n, n), (3 * n,))),
    "qr": (L.qr, lambda n: ((n, n),)),
    "cholesky": (L.cholesky, lambda n: ((n, n),)),
    "numerics.solve_triangular": (numerics.solve_triangular, lambda n: ((n, n), (n,))),
    "slogdet": (L.slogdet, lambda n: ((n, n),)),
    "eigh": (L.eigh, lambda n: ((n, n),)),
    "svd": (L.svd, lambda n: ((n, n),)),
}


def test_the_table_has_every_function() -> None:
    assert {name.partition(":")[0] for name in STATED} == set(COSTS)


@pytest.mark.parametrize("name", STATED)
def test_the_stated_cost(name: str) -> None:
    function, shapes = COSTS[name.partition(":")[0]]
    for n in (2, 5, 10):
        p, w = len(schedule(n)), sweeps(n) + 1
        rounds, sent = spent(function, *shapes(n))
        assert rounds == value(STATED[name][1], n=n, p=p, w=w)
    assert sent == STATED[name][2]


def test_the_stated_sweeps() -> None:
    found = [sweeps(n) + 1 for n in (2, 3, 4, 5, 6, 7, 8, 12, 13, 20, 21, 34)]
    assert found == [2, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    stated = "w is 2 sweeps for n = 2, 4 for 3, 5 up to 5, 6 up to 7, 7 up to 12, 8 up to 20 and 9 up to 34."
    assert stated in " ".join(PAGE.read_text("utf-8").split())


@pytest.mark.parametrize("n", range(9))
def test_a_sweep_turns_every_two_columns_once(n: int) -> None:
    pairs = [pair for left, right in schedule(n) for pair in zip(left, right, strict=True)]
    assert sorted(pairs) == [(i, j) for i in range(n) for j in range(i + 1, n)]
    for left, right in schedule(n):
        assert len({*left, *right}) == len(left) + len(right)
