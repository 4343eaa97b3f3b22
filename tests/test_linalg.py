"""Linear algebra on secrets, against NumPy: shapes, dtypes, numbers, errors and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import simulation
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.linalg import LinAlgError
from numpy_check import ULP, agree, check, on_secrets, spent
from simulation import RING, perform

import mpcfl
from mpcfl import numerics

L = np.linalg
FRACTIONS = {64: (8, 13, 20, 24), 128: (8, 21, 32, 48, 56)}
HERE = {"ring": RING, "fraction": simulation.FRACTIONS[RING]}


def drawn(shape, seed=0):
    """Exact in fixed point, of like magnitudes; square ones have conditions of about 10."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, shape) / 64
    return x + 4 * np.eye(*shape[-2:]) if len(shape) > 1 and shape[-1] == shape[-2] else x


def definite(n, *batch):
    x = drawn((*batch, n, n))
    return x @ np.swapaxes(x, -1, -2)


def symmetric(n, *batch):
    x = drawn((*batch, n, n))
    return (x + np.swapaxes(x, -1, -2)) / 2


def everywhere(function, x, y, tolerance=4 * ULP):
    """`function` of two secrets, of a secret and a public array, of a public array and a secret."""

    def program(session):
        a, b = session.share(x, owner=0), session.share(y, owner=1)
        return [function(a, b).reveal(), function(a, y).reveal(), function(x, b).reveal()]

    for got in perform(program)[0][0]:
        agree(got, function(x, y), tolerance)


SYSTEMS = {
    "a vector": ((4, 4), (4,)),
    "columns": ((4, 4), (4, 3)),
    "one unknown": ((1, 1), (1,)),
    "a stack": ((2, 3, 3), (2, 3, 2)),
    "a stack and one right-hand side": ((2, 3, 3), (3, 1)),
    "a matrix and a stack": ((3, 3), (2, 3, 2)),
    "a stack and a vector": ((2, 1, 3, 3), (3,)),
    "nothing": ((0, 0), (0,)),
    "no columns": ((3, 3), (3, 0)),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_solve(name):
    a, b = SYSTEMS[name]
    everywhere(L.solve, drawn(a), drawn(b, 1))


@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_a_solution_solves(data):
    """Whatever the shape of the stack, with columns in any units."""
    n, k = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 2))
    batch = data.draw(st.sampled_from([(), (1,), (2,)]))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    units = 2.0 ** np.array(data.draw(st.lists(st.integers(-2, 8), min_size=n, max_size=n)))
    a = (rng.integers(-8, 8, (*batch, n, n)) / 8 + 3 * np.eye(n)) * units
    x = rng.integers(-64, 64, (*batch, n, k)) / 16
    np.testing.assert_allclose(on_secrets(L.solve, a, a @ x), x, atol=4 * ULP)


def test_integers_are_lifted():
    a, b = np.array([[3, 1], [1, 2]]), np.array([9, 8])
    everywhere(L.solve, a, b)
    check(L.inv, a, tolerance=2 * ULP)
    check(L.cholesky, a, tolerance=2 * ULP)
    check(L.det, a, tolerance=16 * ULP)
    check(L.eigvalsh, a > 1, tolerance=2 * ULP)


@pytest.mark.parametrize("shape", [(3, 3), (1, 1), (2, 3, 3), (0, 0), (2, 0, 0)])
def test_inverse_and_determinant(shape):
    x = drawn(shape)
    check(L.inv, x, tolerance=2 * ULP)
    check(L.det, x, tolerance=4 * ULP * np.abs(L.det(x)).max(initial=1.0))
    got, expected = on_secrets(lambda a: tuple(L.slogdet(a)), x), L.slogdet(x)
    agree(got[0], expected.sign)
    agree(got[1], expected.logabsdet, 8 * ULP)


def test_determinants_of_either_sign_and_of_singular_matrices():
    x = drawn((6, 4, 4), 3)
    x[1::2, 0] *= -1
    x[4] = x[4][[1, 0, 2, 3]]
    np.testing.assert_allclose(on_secrets(L.det, x), L.det(x), rtol=2 * ULP)
    assert set(np.sign(L.det(x))) == {-1.0, 1.0}
    singular = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    check(L.det, singular, tolerance=32 * ULP)


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (2, 4), (1, 1), (5, 1), (2, 4, 3), (0, 2), (3, 0)])
def test_qr(shape):
    x = drawn(shape)
    q, r = L.qr(x)
    signs = np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    got = on_secrets(L.qr, x)
    assert type(got) is type(L.qr(np.eye(1)))
    agree(got.Q, q * signs[..., None, :], 3 * ULP)
    agree(got.R, r * signs[..., :, None], 3 * ULP)
    agree(on_secrets(lambda a: L.qr(a, mode="r"), x), got.R, 3 * ULP)
    if shape[-2] <= shape[-1]:
        agree(tuple(on_secrets(lambda a: L.qr(a, "complete"), x)), tuple(got), 3 * ULP)


@pytest.mark.parametrize("shape", [(3,), (1,), (2, 2), (2, 1, 3), (0,)])
def test_cholesky(shape):
    x = definite(shape[-1], *shape[:-1])
    check(L.cholesky, x, tolerance=2 * ULP)
    check(lambda a: L.cholesky(a, upper=True), x, tolerance=2 * ULP)
    check(L.cholesky, np.tril(x), tolerance=2 * ULP)  # nothing else is read


@pytest.mark.parametrize("shape", [(2,), (3,), (1,), (2, 4), (0,)])
def test_eigh(shape):
    x = symmetric(shape[-1], *shape[:-1])
    check(lambda a: L.eigvalsh(a, "U"), np.triu(x), tolerance=3 * ULP)
    got, expected = on_secrets(L.eigh, x), L.eigh(x)
    assert type(got) is type(expected)
    agree(got.eigenvalues, expected.eigenvalues, 3 * ULP)
    signs = np.sign((got.eigenvectors * expected.eigenvectors).sum(-2, keepdims=True))
    agree(got.eigenvectors * signs, expected.eigenvectors, 16 * ULP)


@pytest.mark.parametrize(
    "x",
    [
        np.eye(4),
        np.zeros((3, 3)) + 2,
        np.eye(4)[::-1],
        np.diag([1.0, 5.0, -5.0, 0.0, 1.0]),
        np.diag([1.0, -2.0, 1000.0]),
        np.diag([1.0, -2.0, 1000.0]) * 50,
        np.diag([1.0, 0.5]) / 64,
    ],
    ids=range(7),
)
def test_eigenvalues_that_meet_or_differ_widely(x):
    """The vectors of an eigenvalue that comes more than once are free, and orthonormal eigenvectors all the same."""
    w, v = on_secrets(L.eigh, x)
    size = max(1.0, np.abs(x).max())
    agree(w, L.eigvalsh(x), 4 * ULP * size)
    np.testing.assert_allclose(v.T @ v, np.eye(len(x)), atol=4 * ULP)
    np.testing.assert_allclose(x @ v, v * w, atol=8 * ULP * size)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (1, 1), (5, 1), (0, 2)])
def test_svd(shape):
    x = drawn(shape)
    check(L.svdvals, x, tolerance=3 * ULP)
    check(lambda a: L.svd(a, compute_uv=False), x, tolerance=3 * ULP)
    got, expected = on_secrets(lambda a: L.svd(a, full_matrices=False), x), L.svd(x, full_matrices=False)
    assert type(got) is type(expected)
    agree(got.S, expected.S, 3 * ULP)
    assert got.U.shape == expected.U.shape
    assert got.Vh.shape == expected.Vh.shape
    np.testing.assert_allclose((got.U * got.S[..., None, :]) @ got.Vh, x, atol=32 * ULP)
    for factor in (got.U, np.swapaxes(got.Vh, -1, -2)):
        unit = np.broadcast_to(np.eye(min(shape[-2:])), (*shape[:-2], min(shape[-2:]), min(shape[-2:])))
        np.testing.assert_allclose(np.swapaxes(factor, -1, -2) @ factor, unit, atol=8 * ULP)


@pytest.mark.parametrize("shape", [(4, 2), (3, 3), (2, 4), (2, 4, 3)])
def test_pinv(shape):
    check(L.pinv, drawn(shape), tolerance=3 * ULP)
    check(lambda a: L.pinv(a, rcond=0.01), drawn(shape), tolerance=16 * ULP)


def test_pinv_of_lower_rank_by_a_limit():
    x = drawn((4, 2)) @ drawn((2, 3), 1)
    check(lambda a: L.pinv(a, 0.01), x, tolerance=32 * ULP)
    check(lambda a: L.pinv(a, rtol=0.01), x.T, tolerance=32 * ULP)


@pytest.mark.parametrize(
    ("a", "b"), [((5, 2), (5,)), ((5, 2), (5, 3)), ((3, 3), (3,)), ((2, 4), (2,)), ((2, 4), (2, 2))]
)
def test_lstsq(a, b):
    x, y = drawn(a), drawn(b, 1)
    expected = L.lstsq(x, y)

    def program(session):
        s, t = session.share(x, owner=0), session.share(y, owner=1)
        return [[part.reveal() for part in L.lstsq(*pair)[:2]] for pair in ((s, t), (s, y), (x, t))]

    units = 4 if x.shape[0] >= x.shape[1] else 8  # the pseudo-inverse of a wide matrix is rounded before y is known
    for got in perform(program)[0][0]:
        agree(got[0], expected[0], units * ULP)
        agree(got[1], expected[1], 64 * ULP)


def test_lstsq_says_nothing_of_the_rank():
    assert on_secrets(lambda a, b: L.lstsq(a, b)[2:], drawn((3, 2)), drawn((3,))) == (None, None)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize(
    "name", ["a vector", "columns", "one unknown", "a stack", "a matrix and a stack", "a stack and a vector"]
)
def test_solve_triangular(name, lower):
    a, b = SYSTEMS[name]
    everywhere(lambda x, y: numerics.solve_triangular(x, y, lower), drawn(a), drawn(b, 1), tolerance=16 * ULP)


def test_solve_triangular_refuses_as_solve_does():
    for a, b in (((3,), (3,)), ((3, 2), (3,)), ((3, 3), (2,))):
        with pytest.raises((LinAlgError, ValueError)):
            on_secrets(numerics.solve_triangular, drawn(a), drawn(b))


def test_tensors():
    x, y = drawn((6, 6)).reshape(2, 3, 6), drawn((2, 3), 1)
    everywhere(L.tensorsolve, x, y)
    everywhere(lambda a, b: L.tensorsolve(a, b, axes=(1,)), drawn((6, 6)).reshape(2, 6, 3), y)
    check(L.tensorinv, x, tolerance=2 * ULP)
    check(lambda a: L.tensorinv(a, ind=1), x.reshape(6, 2, 3), tolerance=2 * ULP)


@pytest.mark.parametrize("exponent", [-3, -1])
def test_negative_powers(exponent):
    check(lambda a: L.matrix_power(a, exponent), drawn((2, 3, 3)), tolerance=8 * ULP)


def test_multi_dot():
    a, b, c, d = drawn((2, 5)), drawn((5, 1), 1), drawn((1, 4), 2), drawn((4, 3), 3)
    check(lambda *x: L.multi_dot(x), a, b, c, d, tolerance=2000 * ULP)
    check(lambda x, y: L.multi_dot([x, b, c, y]), a, d, tolerance=2000 * ULP)
    check(lambda x, y, z: L.multi_dot([x, y, z]), a[0], b, c[0, :1], tolerance=200 * ULP)
    products = 8 * (2 * 5 + 5 + 4 + 4 * 3 + 2 + 3 + 2 + 3 + 6)  # (a b) (c d), each opened and truncated once
    assert spent(lambda *x: L.multi_dot(x), a.shape, b.shape, c.shape, d.shape) == (4, products)


@pytest.mark.parametrize("order", [None, "fro", 1, -1, np.inf, -np.inf, 2, -2, "nuc"])
def test_norms_of_matrices(order):
    x = drawn((2, 3, 4))
    check(lambda a: L.norm(a, order, axis=(1, 2)), x, tolerance=16 * ULP)
    check(lambda a: L.norm(a, order, axis=(2, 0), keepdims=True), x, tolerance=16 * ULP)
    check(lambda a: L.norm(a[0], order), x, tolerance=16 * ULP)
    if order is not None:
        check(lambda a: L.matrix_norm(a, ord=order, keepdims=True), x, tolerance=16 * ULP)


@pytest.mark.parametrize("order", [None, 2, -2, 1, np.inf, "fro"])
def test_cond(order):
    check(lambda a: L.cond(a, order), drawn((2, 3, 3)), tolerance=64 * ULP)


def test_what_numpy_refuses():
    square, tall = drawn((3, 3)), drawn((4, 3))
    for function in (L.inv, L.det, L.slogdet, L.cholesky, L.eigh, L.eigvalsh, lambda a: L.matrix_power(a, 2)):
        with pytest.raises(LinAlgError, match="square"):
            on_secrets(function, tall)
    for function in (L.inv, L.qr, L.svd, L.pinv, lambda a: L.solve(a, a)):
        with pytest.raises(LinAlgError, match="two-dimensional"):
            on_secrets(function, square[0])
    for a, b in ((square, tall), (square, tall[0, :2]), (square[0], square)):
        for function in (L.solve, lambda s, t, y=b: L.solve(s, y), lambda s, t, x=a: L.solve(x, t)):
            with pytest.raises((LinAlgError, ValueError)):
                on_secrets(function, a, b)
    with pytest.raises(LinAlgError, match="Singular"):
        on_secrets(lambda b: L.solve(np.zeros((3, 3)), b), square)
    with pytest.raises(ValueError, match="rows"):
        on_secrets(L.lstsq, tall, square)
    with pytest.raises(LinAlgError):
        on_secrets(L.lstsq, drawn((2, 3, 3)), square)
    with pytest.raises(ValueError, match="UPLO"):
        on_secrets(lambda a: L.eigh(a, "X"), square)


REFUSED = {
    "eig": (L.eig, "eigh"),
    "eigvals": (L.eigvals, "eigvalsh"),
    "matrix_rank": (L.matrix_rank, "svdvals"),
    "full svd": (L.svd, "full_matrices=False"),
    "complete qr": (lambda a: L.qr(a, "complete"), "reduced"),
    "raw qr": (lambda a: L.qr(a, "raw"), "reduced"),
    "lstsq with a limit": (lambda a: L.lstsq(a, a, rcond=0.1), "pinv"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_secret_refuses(name):
    function, alternative = REFUSED[name]
    with pytest.raises(TypeError, match=alternative):
        on_secrets(function, drawn((4, 3)))


def test_the_rank_as_a_secret_count():
    x = drawn((4, 2)) @ drawn((2, 4), 1)
    check(lambda a: np.sum(L.svdvals(a) > 0.01), x)


def test_more_parties_and_other_fractions():
    a, b = drawn((3, 3)), drawn((3,), 1)
    check(L.solve, a, b, parties=3, tolerance=2 * ULP)
    for fraction in FRACTIONS[RING]:

        def program(session):
            s, t = session.share(a, owner=0), session.share(b, owner=1)
            return [x.reveal() for x in (L.solve(s, t), L.cholesky(s @ s.T), L.eigvalsh(s[:2, :2]), L.slogdet(s)[1])]

        got = mpcfl.simulate(program, fraction=fraction, ring=RING).results[0]
        expected = L.solve(a, b), L.cholesky(a @ a.T), L.eigvalsh(a[:2, :2]), L.slogdet(a)[1]
        for mine, theirs in zip(got, expected, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=64 * 2.0**-fraction + (2.0**-18 if RING == 64 else 2.0**-42))


def test_two_that_do_not_depend_on_one_another_share_their_rounds():
    one = spent(lambda a, b: L.inv(a), (4, 4), (4, 4))
    two = spent(lambda a, b: (L.inv(a), L.inv(b)), (4, 4), (4, 4))
    stack = spent(lambda a: L.inv(a), (2, 4, 4))
    assert one[0] == two[0] == stack[0]


def test_the_schedule_does_not_depend_on_the_data():
    """The same rounds and bytes for zeros, which have no inverse, and for anything else."""

    def cost(x):
        run = mpcfl.simulate(lambda s: L.solve(s.share(x, 0, x.shape), x).reveal(), ring=RING)
        return run.rounds, run.bytes_sent

    assert cost(np.zeros((3, 3))) == cost(drawn((3, 3))) == cost(drawn((3, 3), 1) * 1000)


def test_the_shadow_knows_what_should_come_out():
    """It has a twin of all but the vectors whose sign is free, and says so of those."""
    a, b = drawn((3, 3)), drawn((3,), 1)

    def good(session):
        s, t = session.share(a, owner=0), session.share(b, owner=1)
        q, r = L.qr(s)
        return [x.reveal() for x in (L.solve(s, t), q, r, L.det(s), L.eigvalsh(s), L.svdvals(s), L.cholesky(s @ s.T))]

    def free(session):
        return L.eigh(session.share(a, owner=0)).eigenvectors.reveal()

    def singular(session):
        wide = session.share(a, owner=0) * np.array([1.0, 1.0, 2 * ULP])
        return L.inv(wide).reveal()

    def triangle(session):
        return numerics.solve_triangular(session.share(a, owner=0), session.share(b, owner=1)).reveal()

    for program in (good, triangle):
        run = mpcfl.simulate(program, shadow=True, **HERE)
        assert str(run.shadow) == "no findings"
    noted = mpcfl.simulate(free, shadow=True, **HERE).shadow
    assert not noted
    assert "eigh has no float64 twin" in str(noted)
    (finding, *_) = mpcfl.simulate(singular, shadow=True, **HERE).shadow
    assert finding.operation in ("multiply", "inv")
