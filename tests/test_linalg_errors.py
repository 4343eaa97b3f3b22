"""Linear algebra keeps the errors, rounds and bytes that docs/numerics.md states, by ring, size, condition and scale.

Results are held against linear algebra at 300 bits (`exact`), as a secret's difference to the nearest float64.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import exact
import gmpy2
import numpy as np
import pytest
from exact import Exact, real
from numpy_check import spent

import mpcfl
from mpcfl import numerics
from mpcfl.operations.precision import PRECISIONS
from mpcfl.operations.spectrum import schedule, sweeps

L = np.linalg
PAGE = Path(__file__).resolve().parent.parent / "docs" / "numerics.md"


def table(ring: int) -> dict[str, tuple[str, str, int]]:
    """Error, rounds and bytes, by function."""
    _, _, after = PAGE.read_text("utf-8").partition(f"<!-- linalg {ring} -->\n")
    rows = {}
    for line in after.splitlines()[2:]:
        if not line.startswith("|"):
            break
        name, error, rounds, size = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name.replace("`", "")] = error.strip("`"), rounds.strip("`"), int(size.replace(",", ""))
    return rows


STATED = {ring: table(ring) for ring in PRECISIONS}


def value(formula: str, **names: float) -> float:
    """A formula of the page; it is made of numbers, names and signs alone."""
    assert re.fullmatch(r"[\d.a-z+*/^ ()-]+", formula)
    return float(eval(formula.replace("^", "**"), {"__builtins__": {}}, names))


@pytest.fixture(autouse=True)
def precise() -> Iterator[None]:
    with gmpy2.context(precision=exact.BITS):
        yield


# Samples: a matrix, what goes with it, and what the formulas need to know of them


def general(rng: np.random.Generator, m: int, n: int, condition: float, size: float) -> np.ndarray:
    u, _ = L.qr(rng.normal(size=(m, n)))
    v, _ = L.qr(rng.normal(size=(n, n)))
    return size * (u * np.geomspace(1, 1 / condition, n)) @ v.T


def symmetric(rng: np.random.Generator, n: int, condition: float, size: float, *, definite: bool) -> np.ndarray:
    q, _ = L.qr(rng.normal(size=(n, n)))
    values = np.geomspace(1, 1 / condition, n) * (1 if definite else rng.choice([-1, 1], n))
    whole = size * (q * values) @ q.T
    return np.tril(whole) + np.tril(whole, -1).T


@dataclass(frozen=True)
class Place:
    """Where a sample is computed."""

    ring: int
    fraction: int

    @property
    def unit(self) -> float:
        return 2.0**-self.fraction

    def errors(self, function: Callable[..., Any], expected: Any, *inputs: np.ndarray, free: bool = False) -> list[Any]:
        """The results' largest distances from what is expected, and the results; `free` if columns may be negated."""
        near = [exact.rounded(part, self.fraction) for part in expected]

        def program(session: mpcfl.Session) -> list[Any]:
            results = function(*(session.share(x, 0, x.shape) for x in inputs))
            results = results if isinstance(results, tuple) else (results,)
            found = [x.reveal() for x in results]
            if free:
                signs = [np.sign((x * y).sum(-2)) if x.ndim == 2 else 1.0 for x, y in zip(found, near, strict=True)]
                return [found, signs, [(x - y * s).reveal() for x, y, s in zip(results, near, signs, strict=True)]]
            return [found, [1.0] * len(found), [(x - y).reveal() for x, y in zip(results, near, strict=True)]]

        found, signs, rest = mpcfl.simulate(program, fraction=self.fraction, ring=self.ring, seed=1).results[0]
        parts = zip(rest, expected, near, signs, strict=True)
        return [far(r, (np.asarray(x) - real(y)) * s) for r, x, y, s in parts] + found

    def check(self, name: str, matrix: np.ndarray, error: float, **names: float) -> None:
        """The error of a function of a matrix against the page."""
        s = exact.singular_values(real(matrix)).astype(np.float64)
        scaled = real(matrix) / exact.lengths(real(matrix))
        k = exact.singular_values(scaled).astype(np.float64)
        names |= {"u": self.unit, "n": matrix.shape[1], "s": s[0], "i": 1 / s[-1], "c": s[0] / s[-1], "k": k[0] / k[-1]}
        bound = value(STATED[self.ring][name][0], **names)
        assert error <= bound, f"{name} at {names}: {error} > {bound}, {error / names['u']} units"

    def sample(self, x: np.ndarray) -> np.ndarray:
        return exact.rounded(x, self.fraction)


def far(x: Any, y: Any) -> float:
    """The largest distance of two arrays."""
    return float(max(abs(v) for v in np.asarray(real(x) - real(y)).reshape(-1)))


def apart(x: np.ndarray) -> float:
    """How far columns are from orthonormal ones."""
    return far(real(x).T @ real(x), np.eye(x.shape[-1]))


def column(x: np.ndarray) -> Exact:
    return real(x)[:, None]


def check_all(at: Place, n: int, condition: float, size: float, *, spectra: bool) -> None:
    rng = np.random.default_rng([at.fraction, n, int(condition), int(size)])
    a = at.sample(general(rng, n, n, condition, size))
    for b in (at.sample(a @ rng.normal(size=n)), at.sample(rng.normal(size=n))):  # of a solution of size one, any other
        at.check("solve", a, at.errors(L.solve, [exact.solved(real(a), column(b))[:, 0]], a, b)[0])
    at.check("inv", a, at.errors(L.inv, [exact.solved(real(a), real(np.eye(n)))], a)[0])
    _, error, sign, _ = at.errors(L.slogdet, [real(1.0), exact.log_determinant(real(a))], a)
    assert sign == L.slogdet(a).sign
    at.check("slogdet: the logarithm", a, error)

    tall, y = at.sample(general(rng, 3 * n, n, condition, size)), at.sample(rng.normal(size=3 * n))
    expected = exact.least_squares(real(tall), column(y))
    rest = float(exact.lengths(column(y) - real(tall) @ expected)[0])
    at.check("lstsq", tall, at.errors(lambda x, z: L.lstsq(x, z)[0], [expected[:, 0]], tall, y)[0], r=rest)
    *errors, q, _ = at.errors(L.qr, exact.qr(real(tall)), tall)
    at.check("qr: Q", tall, errors[0])
    at.check("qr: R", tall, errors[1])
    assert apart(q) <= 4 * at.unit

    definite = at.sample(symmetric(rng, n, condition, size, definite=True))
    lower = exact.cholesky(real(definite))
    at.check("cholesky", definite, at.errors(L.cholesky, [lower], definite)[0])
    triangle, b = at.sample(lower), at.sample(rng.normal(size=n))
    expected = exact.solved(real(triangle), column(b))[:, 0]
    at.check("numerics.solve_triangular", triangle, at.errors(numerics.solve_triangular, [expected], triangle, b)[0])
    if spectra:
        check_spectra(at, at.sample(symmetric(rng, n, condition, size, definite=False)), a)


def check_spectra(at: Place, a: np.ndarray, b: np.ndarray) -> None:
    w, v = exact.eigen(real(a))
    *errors, _, vectors = at.errors(L.eigh, [w, v], a, free=True)
    at.check("eigh: eigenvalues", a, errors[0])
    at.check("eigh: eigenvectors", a, errors[1], g=float(min(np.diff(w))))
    assert apart(vectors) <= 4 * at.unit
    at.check("svd: S", b, at.errors(L.svdvals, [exact.singular_values(real(b))], b)[0])

    def program(session: mpcfl.Session) -> list[Any]:
        return [x.reveal() for x in L.svd(session.share(b, 0, b.shape))]

    u, s, vt = mpcfl.simulate(program, fraction=at.fraction, ring=at.ring, seed=1).results[0]
    at.check("svd: U S V^T", b, far(real(u) * real(s) @ real(vt), b))
    assert apart(vt.T) <= 4 * at.unit
    assert apart(u) <= 4 * at.unit


@pytest.mark.parametrize("size", [1, 30])
@pytest.mark.parametrize("condition", [10, 1000])
@pytest.mark.parametrize("n", [2, 5])
@pytest.mark.parametrize("at", [Place(64, 18), Place(128, 40)], ids=["64", "128"])
def test_the_stated_errors(at: Place, n: int, condition: float, size: float) -> None:
    check_all(at, n, condition, size, spectra=n == 2)


@pytest.mark.parametrize("fraction", [16, 18, 20])
def test_the_ends_of_the_domain(fraction: int) -> None:
    """The largest and smallest norms, and both in one matrix; the largest right-hand sides and solutions."""
    check_ends(Place(64, fraction), 2.0 ** (34 - fraction), 2.0**16, 20, 2.0**24)


@pytest.mark.parametrize("fraction", [32, 40, 48])
def test_the_ends_of_the_domain_in_ring_128(fraction: int) -> None:
    check_ends(Place(128, fraction), 2.0 ** (66 - fraction), 2.0**24, 36, 2.0**34)


def check_ends(at: Place, top: float, largest: float, scaled: int, diagonal: float) -> None:
    """Columns below `top`, solutions below `largest`, those times columns below 2^scaled, definite ones' diagonals."""
    rng, top = np.random.default_rng(at.fraction), 0.97 * top
    base, _ = L.qr(rng.normal(size=(4, 4)))
    columns = {"large": np.full(4, top), "small": np.full(4, 2.0**-8), "both": np.array([2.0**-8, 1.0, 30.0, top])}
    for sizes in columns.values():
        a = at.sample(base * sizes)
        direction = rng.uniform(-1, 1, 4)
        # as large as the right-hand side and the solution may be
        longest = min(top / L.norm(direction), 0.97 * largest / np.abs(L.solve(a, direction)).max())
        for b in (at.sample(direction * longest), at.sample(direction)):
            at.check("solve", a, at.errors(L.solve, [exact.solved(real(a), column(b))[:, 0]], a, b)[0])
        tall, y = a[:, 1:], at.sample(direction)
        expected = exact.least_squares(real(tall), column(y))
        error = at.errors(lambda x, z: L.lstsq(x, z)[0], [expected[:, 0]], tall, y)[0]
        rest = float(exact.lengths(column(y) - real(tall) @ expected)[0])
        at.check("lstsq", tall, error, r=rest)
        errors = at.errors(L.qr, exact.qr(real(a)), a)
        at.check("qr: Q", a, errors[0])
        at.check("qr: R", a, errors[1])
        expected = [real(1.0), exact.log_determinant(real(a))]
        at.check("slogdet: the logarithm", a, at.errors(L.slogdet, expected, a)[1])
    # columns that are almost parallel: a large solution of a right-hand side that is not
    turn = np.array([[0.96, -0.28], [0.28, 0.96]])
    a = at.sample(turn @ [[1.0, -1.0], [0.0, 2.0**-9]] * min(2.0**scaled, 2.0**8 * top) / largest)
    b = at.sample(a @ np.full(2, 0.97 * largest))
    at.check("solve", a, at.errors(L.solve, [exact.solved(real(a), column(b))[:, 0]], a, b)[0])
    a = at.sample(base[:2, :2] * top / 2)
    at.check("svd: S", a, at.errors(L.svdvals, [exact.singular_values(real(a))], a)[0])
    a = np.diag([diagonal * 0.97, 1000.0, 1.0, 2.0**-10])
    a[0, 1] = a[1, 0] = at.sample(np.sqrt(diagonal) * 12)
    at.check("cholesky", a, at.errors(L.cholesky, [exact.cholesky(real(a))], a)[0])
    a = at.sample(np.diag([top, -top]))
    at.check("eigh: eigenvalues", a, at.errors(L.eigvalsh, [exact.eigen(real(a))[0]], a)[0])


@pytest.mark.parametrize(
    ("at", "condition"), [(Place(64, 18), 1e3), (Place(64, 20), 1e3), (Place(128, 40), 1e6)], ids=repr
)
def test_singular_values_that_are_small_and_near_one_another(at: Place, condition: float) -> None:
    rng = np.random.default_rng(at.fraction)
    for near in (1, 1e-2):
        small = (1 + near * rng.random(2)) / condition
        u, v = (L.qr(rng.normal(size=(4, 4)))[0] for _ in range(2))
        a = at.sample(30 * (u * [1.2, 1.0, *small]) @ v.T)
        at.check("svd: S", a, at.errors(L.svdvals, [exact.singular_values(real(a))], a)[0])


@pytest.mark.slow
@pytest.mark.parametrize(("fraction", "condition"), [(16, 1000), (18, 100), (20, 1000)])
@pytest.mark.parametrize("n", [3, 10, 16])
def test_the_stated_errors_of_larger_matrices(n: int, fraction: int, condition: float) -> None:
    for size in (1, 30):
        check_all(Place(64, fraction), n, condition, size, spectra=n < 16)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "fraction", "condition", "size"), [(3, 32, 1e5, 30), (3, 48, 1e5, 1), (4, 40, 1e6, 1), (7, 40, 1e3, 30)]
)
def test_the_stated_errors_of_other_matrices_in_ring_128(n: int, fraction: int, condition: float, size: float) -> None:
    check_all(Place(128, fraction), n, condition, size, spectra=n != 4)


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


@pytest.mark.parametrize("ring", STATED)
def test_the_tables_have_every_function(ring: int) -> None:
    assert {name.partition(":")[0] for name in STATED[ring]} == set(COSTS)


@pytest.mark.parametrize("ring", STATED)
@pytest.mark.parametrize("name", STATED[64])
def test_the_stated_cost(name: str, ring: int) -> None:
    function, shapes = COSTS[name.partition(":")[0]]
    for n in (2, 5, 10):
        p, w = len(schedule(n)), sweeps(PRECISIONS[ring], n) + 1
        rounds, sent = spent(function, *shapes(n), ring=ring)
        assert rounds == value(STATED[ring][name][1], n=n, p=p, w=w)
    assert sent == STATED[ring][name][2]


@pytest.mark.parametrize("ring", STATED)
def test_the_stated_sweeps(ring: int) -> None:
    counts = [sweeps(PRECISIONS[ring], n) + 1 for n in range(2, 36)]
    ends = [n for n in range(2, 35) if counts[n - 2] < counts[n - 1]]
    stated = ", ".join(f"{counts[n - 2]} up to {n}" for n in ends)
    assert f"In ring {ring} w is {stated}." in " ".join(PAGE.read_text("utf-8").split())


@pytest.mark.parametrize("n", range(9))
def test_a_sweep_turns_every_two_columns_once(n: int) -> None:
    pairs = [pair for left, right in schedule(n) for pair in zip(left, right, strict=True)]
    assert sorted(pairs) == [(i, j) for i in range(n) for j in range(i + 1, n)]
    for left, right in schedule(n):
        assert len({*left, *right}) == len(left) + len(right)
