"""Every entry of the table of gradients: against finite differences, secret against plain, and its own gradient."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from gradients import CASES

import mpcfl
from mpcfl import grad, numerics, requests
from mpcfl.grad import table
from mpcfl.grad.traced import Traced, name_of
from mpcfl.protocols import semi2k

L = np.linalg
ENTRIES = [
    pytest.param(one, id=f"{name_of(function)}-{i}") for function, cases in CASES.items() for i, one in enumerate(cases)
]


def joined(result):
    """All results in one line."""
    parts = result if isinstance(result, list | tuple) else [result]
    return np.concatenate([np.ravel(part) for part in parts])


def weighed(one):
    """The case as a loss: its results under weights of both signs."""

    def loss(*operands):
        line = joined(one.program(*operands))
        return np.sum(line * np.cos(1 + np.arange(line.shape[0]))) + 0.125 * np.sum(line)

    return loss


def differences(function, operands, place, step=1e-5):
    """Central differences of a function by one of its operands."""
    found = np.zeros(operands[place].shape)
    for index in np.ndindex(*found.shape):
        ends = []
        for side in (step, -step):
            moved = [np.array(x) for x in operands]
            moved[place][index] += side
            ends.append(function(*moved))
        found[index] = (ends[0] - ends[1]) / (2 * step)
    return found


def test_every_entry_has_a_case():
    assert set(CASES) == set(table.RULES) | set(table.COMPOSED)
    assert not set(table.RULES) & set(table.COMPOSED)
    assert not (set(table.RULES) | set(table.COMPOSED)) & table.CONSTANT


def test_every_function_that_numpy_lacks_has_a_gradient():
    """Or is made of NumPy's, as `divide` is."""
    own = [f for f in vars(numerics).values() if inspect.isfunction(f) and f.__module__ == numerics.__name__]
    public = {f for f in own if not f.__name__.startswith("_")}
    assert public - {numerics.divide, numerics.solve_triangular} <= set(table.RULES) | set(table.COMPOSED)


@pytest.mark.parametrize("function", CASES, ids=name_of)
def test_every_case_uses_its_entry(function, monkeypatch):
    called = []
    for entries in (table.RULES, table.COMPOSED):
        if function in entries:
            original = entries[function]

            def recorded(*args, original=original, **kwargs):
                called.append(function)
                return original(*args, **kwargs)

            recorded.__wrapped__ = original
            monkeypatch.setitem(entries, function, recorded)
    for one in CASES[function]:
        called.clear()
        grad.vjp(one.program, *one.operands)
        if called:
            break
    assert called


@pytest.mark.parametrize("one", ENTRIES)
def test_against_finite_differences(one):
    loss, everything = weighed(one), tuple(range(len(one.operands)))
    value, gradients = grad.value_and_grad(loss, everything)(*one.operands)
    np.testing.assert_allclose(value, loss(*one.operands), rtol=1e-12, atol=1e-12)
    for place, gradient in enumerate(gradients):
        assert gradient.shape == one.operands[place].shape
        assert gradient.dtype == np.float64
        np.testing.assert_allclose(gradient, differences(loss, one.operands, place), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("one", ENTRIES)
def test_the_gradient_of_the_gradient(one):
    loss, everything = weighed(one), tuple(range(len(one.operands)))

    def slope(*operands):
        gradients = grad.grad(loss, everything)(*operands)
        return sum(np.sum(g * np.sin(1 + np.arange(g.size)).reshape(g.shape)) for g in gradients)

    gradients = grad.grad(slope, everything)(*one.operands)
    for place, gradient in enumerate(gradients):
        np.testing.assert_allclose(gradient, differences(slope, one.operands, place), rtol=1e-5, atol=1e-6)


def offered(one):
    """Whether secrets have the functions of a case."""
    try:
        mpcfl.cost(lambda *operands: joined(one.program(*operands)) * 1, *(x.shape for x in one.operands))
    except TypeError as error:
        if "not offered on secret arrays" in str(error) or "a power of a secret" in str(error):
            return False
        raise
    return True


@pytest.mark.parametrize("one", ENTRIES)
def test_secret_against_plain(one):
    """With all operands secret and with each of several alone; at the cost foreseen, with masks that a dealer reads."""
    if not offered(one):
        pytest.skip("not offered on secret arrays")
    loss, everything = weighed(one), tuple(range(len(one.operands)))
    expected = grad.grad(loss, everything)(*one.operands)
    secrets = [everything] if len(everything) == 1 else [everything, *((i,) for i in everything)]

    def program(session):
        results = []
        for chosen in secrets:
            operands = [session.share(x, 0, x.shape) if i in chosen else x for i, x in enumerate(one.operands)]
            results.append(grad.grad(loss, everything)(*operands))
            assert all(isinstance(results[-1][i], mpcfl.SecretArray) for i in chosen)
        return [[g.reveal() if isinstance(g, mpcfl.SecretArray) else g for g in result] for result in results]

    run = mpcfl.simulate(program, seed=1)
    for result in run.results[0]:
        for got, plain in zip(result, expected, strict=True):
            np.testing.assert_allclose(got, plain, atol=one.tolerance)

    def understood(correlation):
        read = requests.decode(requests.encode(correlation), semi2k.suite.correlations)
        assert [view.shape for view in read.masks()] == [view.shape for view in correlation.masks()]

    foreseen = mpcfl.forecast(program, on_draw=understood)
    assert (foreseen.rounds, foreseen.bytes_sent) == (run.rounds, run.bytes_sent)


@pytest.mark.parametrize(
    "one",
    [one for f in (L.solve, L.inv, L.cholesky, L.norm, L.matrix_power) for one in CASES[f]],
    ids=lambda one: one.program.__name__,
)
def test_linear_algebra_in_ring_128(one):
    """To 20 more bits, against the plain gradient."""
    loss, everything = weighed(one), tuple(range(len(one.operands)))

    def program(session):
        operands = [session.share(x, 0, x.shape) for x in one.operands]
        return [g.reveal() for g in grad.grad(loss, everything)(*operands)]

    run = mpcfl.simulate(program, ring=128, fraction=40, seed=1)
    for got, plain in zip(run.results[0], grad.grad(loss, everything)(*one.operands), strict=True):
        np.testing.assert_allclose(got, plain, atol=2.0**-20 * one.tolerance)
    foreseen = mpcfl.forecast(program, ring=128, fraction=40)
    assert (foreseen.rounds, foreseen.bytes_sent) == (run.rounds, run.bytes_sent)


SECOND = {np.floor_divide, np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal}
SECOND |= {np.logical_and, np.logical_or, np.logical_xor, np.heaviside, np.isclose, np.allclose, np.array_equal}


@pytest.mark.parametrize("function", sorted(table.CONSTANT, key=name_of), ids=name_of)
def test_what_has_no_slope_is_not_traced(function):
    def program(x):
        arguments = {
            np.argpartition: (x, 1),
            np.lexsort: ((x, x),),
            np.searchsorted: (x, 0.3),
            np.full_like: (x, 0.3),
            np.histogram: (x, [-1.0, 0.0, 1.0]),
        }
        result = function(*arguments.get(function, (x, 0.3) if function in SECOND else (x,)))
        parts = result if isinstance(result, tuple) else (result,)
        assert not any(isinstance(part, Traced) for part in parts)
        return np.sum(x) + np.sum(np.asarray(parts[0]))

    np.testing.assert_array_equal(grad.grad(program)(np.array([0.1, 0.6, 0.9])), np.ones(3))
