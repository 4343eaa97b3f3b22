"""Products of vectors, matrices and tensors on secrets, against NumPy: secret and secret, secret and public."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy_check import ULP, agree, arrays, check, on_secrets, spent
from simulation import perform

FEW = settings(max_examples=10, deadline=None)


def drawn(shape, seed=0, kind="f"):
    rng = np.random.default_rng(seed)
    whole = rng.integers(-64, 64, shape)
    return whole / 16 if kind == "f" else whole // 16


def everywhere(function, x, y, tolerance=ULP):
    """`function` of two secrets, of a secret and a public array, of a public array and a secret."""
    expected = function(x, y)

    def program(session):
        a, b = session.share(x, owner=0), session.share(y, owner=1)
        return [function(a, b).reveal(), function(a, y).reveal(), function(x, b).reveal()]

    for got in perform(program)[0][0]:
        agree(got, expected, tolerance)


PAIRS = {
    "dot of vectors": (np.dot, (4,), (4,)),
    "dot of matrices": (np.dot, (2, 3), (3, 4)),
    "dot of tensors": (np.dot, (2, 3, 4), (5, 4, 2)),
    "dot of a tensor and a vector": (np.dot, (2, 3, 4), (4,)),
    "dot by a scalar": (np.dot, (2, 3), ()),
    "vdot": (np.vdot, (2, 3), (2, 3)),
    "inner of vectors": (np.inner, (3,), (3,)),
    "inner": (np.inner, (2, 3), (4, 5, 3)),
    "inner by a scalar": (np.inner, (), (4,)),
    "outer": (np.outer, (2, 2), (3,)),
    "linalg.outer": (np.linalg.outer, (2,), (3,)),
    "tensordot": (np.tensordot, (2, 3, 4), (3, 4, 5)),
    "tensordot of one axis": (lambda x, y: np.tensordot(x, y, 1), (2, 3), (3, 4)),
    "tensordot of named axes": (lambda x, y: np.tensordot(x, y, axes=([0, -1], [1, 0])), (2, 3, 4), (4, 2, 5)),
    "tensordot of none": (lambda x, y: np.tensordot(x, y, axes=0), (2,), (3,)),
    "linalg.tensordot": (lambda x, y: np.linalg.tensordot(x, y, axes=1), (2, 3), (3, 4)),
    "kron": (np.kron, (2, 3), (3, 2)),
    "kron of vectors": (np.kron, (2,), (3,)),
    "kron of a matrix and a vector": (np.kron, (2, 2), (3,)),
    "cross": (np.cross, (4, 3), (3,)),
    "cross along an axis": (lambda x, y: np.cross(x, y, axis=0), (3, 4), (3, 4)),
    "cross of different axes": (lambda x, y: np.cross(x, y, axisa=0, axisb=1, axisc=0), (3, 4), (4, 3)),
    "linalg.cross": (np.linalg.cross, (2, 3), (2, 3)),
    "matmul of stacks": (np.matmul, (2, 1, 3, 4), (5, 4, 2)),
    "linalg.matmul": (np.linalg.matmul, (2, 3), (3, 2)),
    "vecdot": (np.vecdot, (4, 3), (4, 3)),
    "vecdot of stacks": (np.vecdot, (2, 4, 3), (3,)),
    "linalg.vecdot": (lambda x, y: np.linalg.vecdot(x, y, axis=0), (4, 3), (4, 3)),
    "matvec": (np.matvec, (2, 4, 3), (2, 3)),
    "vecmat": (np.vecmat, (2, 4), (4, 3)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_products(name):
    function, left, right = PAIRS[name]
    everywhere(function, drawn(left), drawn(right, 1), tolerance=2 * ULP)
    check(function, drawn(left, kind="i"), drawn(right, 1, kind="i"))
    check(function, drawn(left, kind="i"), drawn(right, 1), tolerance=ULP)


SUBSCRIPTS = {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,jk": ((2, 3), (3, 4)),
    "i,i": ((4,), (4,)),
    "i,i->i": ((4,), (4,)),
    "ij,ij->i": ((3, 4), (3, 4)),
    "ij,ij->": ((3, 4), (3, 4)),
    "i,j->ji": ((2,), (3,)),
    "bij,bjk->bik": ((2, 3, 4), (2, 4, 2)),
    "bij,bkj->kbi": ((2, 3, 4), (2, 5, 4)),
    "ii,ij->j": ((3, 3), (3, 2)),
    "iij,j->i": ((3, 3, 2), (2,)),
    "ij,kl->jl": ((2, 3), (4, 2)),
    "...ij,...jk->...ik": ((2, 1, 3, 4), (5, 4, 2)),
    "...i,i": ((2, 3, 4), (4,)),
    "ij...,j...->i...": ((2, 3, 2), (3, 2)),
    "bqhd,bkhd->bhqk": ((2, 3, 2, 4), (2, 3, 2, 4)),
    "ij,j->ij": ((2, 3), (1,)),
}


@pytest.mark.parametrize("subscripts", SUBSCRIPTS)
def test_einsum_of_two(subscripts):
    left, right = SUBSCRIPTS[subscripts]
    everywhere(lambda x, y: np.einsum(subscripts, x, y), drawn(left), drawn(right, 1), tolerance=2 * ULP)
    check(lambda x, y: np.einsum(subscripts, x, y), drawn(left, kind="i"), drawn(right, 1, kind="i"))


@pytest.mark.parametrize("subscripts", ["ii", "ii->i", "ij->ji", "ij->", "ij->j", "...i->...", "iij->j"])
def test_einsum_of_one(subscripts):
    shape = (3, 3, 2) if subscripts == "iij->j" else (3, 3)
    check(lambda x: np.einsum(subscripts, x), drawn(shape))


def test_einsum_of_many():
    x, y, z = drawn((2, 3)), drawn((3, 4), 1), drawn((4, 2), 2)
    check(lambda a, b, c: np.einsum("ij,jk,kl->il", a, b, c), x, y, z, tolerance=200 * ULP)
    check(lambda a, b, c: np.einsum("ij,jk,ki", a, b, c), x, y, z, tolerance=400 * ULP)
    check(lambda a, c: np.einsum("ij,jk,kl,l->i", a, y, c, np.ones(2), optimize="optimal"), x, z, tolerance=200 * ULP)
    check(lambda a: np.einsum("ij,jk,kl->il", x, y, a), z, tolerance=200 * ULP)


@given(st.data())
@FEW
def test_einsum_of_random_labels(data):
    labels = st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True).map("".join)
    left, right = data.draw(labels), data.draw(labels)
    out = "".join(data.draw(st.permutations(sorted(set(left + right)))))[: data.draw(st.integers(0, 4))]
    sizes = {"a": 2, "b": 3, "c": 1, "d": 2}
    x, y = (drawn([sizes[label] for label in name], place) for place, name in enumerate((left, right)))
    everywhere(lambda a, b: np.einsum(f"{left},{right}->{out}", a, b), x, y, tolerance=12 * ULP)


def test_einsum_refuses_what_does_not_fit():
    for subscripts in ("ij,jk->ik", "ij,j->i", "iij,j->i", "ij->i"):
        with pytest.raises(ValueError):  # noqa: PT011  NumPy's own words
            on_secrets(lambda a, b, text=subscripts: np.einsum(text, a, b), np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(TypeError, match="string"):
        on_secrets(lambda a: np.einsum(a, [0, 1]), np.ones((2, 3)))


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@given(data=st.data())
@FEW
def test_convolution(mode, data):
    x, y = (data.draw(arrays("f", st.integers(1, 6))) for _ in range(2))
    everywhere(lambda a, b: np.convolve(a, b, mode), x, y, tolerance=2 * ULP)
    everywhere(lambda a, b: np.correlate(a, b, mode), x, y, tolerance=2 * ULP)


@pytest.mark.parametrize("kind", "fi")
def test_trace(kind):
    x = drawn((3, 4, 3), kind=kind)
    for function in (
        np.trace,
        lambda a: a.trace(1, 1, 2),
        lambda a: np.linalg.trace(a, offset=-1),
    ):
        check(function, x)


@pytest.mark.parametrize("exponent", range(6))
def test_matrix_power(exponent):
    x = drawn((2, 3, 3)) / 4
    check(lambda a: np.linalg.matrix_power(a, exponent), x, tolerance=100 * ULP)
    check(lambda a: np.linalg.matrix_power(a, exponent), drawn((2, 2), kind="i"))


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 5, 7, 8, 11])
def test_power(exponent):
    x = np.array([[-1.5, 0.0, 0.25], [1.0, 2.0, -0.5]])
    check(lambda a: a**exponent, x, tolerance=2.0**exponent * exponent * ULP)
    check(lambda a: np.power(a, float(exponent)), x, tolerance=2.0**exponent * exponent * ULP)
    check(lambda a: a**exponent, np.array([-3, 0, 2, 1]))


def test_norms():
    x = drawn((3, 4))
    for function in (
        np.linalg.norm,
        lambda a: np.linalg.norm(a, axis=1),
        lambda a: np.linalg.norm(a, 2, axis=0, keepdims=True),
        lambda a: np.linalg.norm(a, "fro"),
        lambda a: np.linalg.vector_norm(a, keepdims=True),
        np.linalg.matrix_norm,
    ):
        check(function, x, tolerance=8 * ULP + 2.0**-13)
    for function in (
        lambda a: np.linalg.norm(a, 1, axis=0),
        lambda a: np.linalg.norm(a, np.inf, axis=1, keepdims=True),
        lambda a: np.linalg.norm(a[0], -np.inf),
        lambda a: np.linalg.vector_norm(a, ord=1),
    ):
        check(function, x)
    with pytest.raises(TypeError, match="norm"):
        on_secrets(lambda a: np.linalg.norm(a[0], 3), x)


def test_more_parties():
    x, y = drawn((3, 4)), drawn((4, 3), 1)
    check(lambda a, b: np.einsum("ij,ji->i", a, b) + np.trace(np.inner(a, b.T)), x, y, parties=3, tolerance=8 * ULP)


def test_rounds_and_bytes():
    """A contraction is one matrix product: its operands and one truncation, in two rounds."""
    assert spent(lambda x, y: np.einsum("ij,jk->ik", x, y), (5, 6), (6, 7)) == (2, 8 * (30 + 42 + 35))
    assert spent(lambda x, y: np.tensordot(x, y), (3, 4, 5), (4, 5, 2)) == (2, 8 * (60 + 40 + 6))
    assert spent(lambda x, y: np.einsum("ij,ij->i", x, y), (5, 6), (5, 6)) == (2, 8 * (30 + 30 + 5))
    assert spent(lambda x, y: np.einsum("bi,bi->b", x, y), (5, 1), (5, 1)) == (2, 8 * 15)
    assert spent(lambda x, y: np.convolve(x, y), (10,), (3,)) == (2, 8 * (10 + 3 + 12))
    assert spent(lambda x, y: np.outer(x, y), (4,), (3,)) == (2, 8 * (4 + 3 + 12))
    assert spent(lambda x, y: np.kron(x, y), (2, 2), (3, 1)) == (2, 8 * (4 + 3 + 12))
    assert spent(lambda x, y: np.cross(x, y), (3,), (3,)) == (2, 8 * (3 + 3 + 6))
    assert spent(lambda x, y: (np.vdot(x, y), np.inner(x, x)), (9,), (9,)) == (2, 8 * 20)
    assert spent(lambda x: x**4, (10,)) == (4, 8 * 40)
