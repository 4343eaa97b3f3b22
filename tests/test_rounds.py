"""Rounds merge by themselves: what a page of small programs costs, and `mpcfl.together`."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import perform

import mpcfl
from mpcfl import numerics, operations
from mpcfl.array import SecretArray
from mpcfl.errors import UsageError
from mpcfl.protocol import Suite
from mpcfl.protocols import semi2k

N = 8
X = np.array([0.5, -1.25, 3.0, 2.0, -0.75, 1.5, 0.25, -2.0])
Y = X[::-1].copy()


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def descent(x, y, w):
    """A step of logistic regression."""
    return w - 0.1 * (x.T @ (numerics.sigmoid(x @ w) - y)) / len(y)


def chain(x, n):
    for _ in range(n):
        x = x * x
    return x


def log_sum(x):
    """A sum of products in a tree that the author wrote."""
    while len(x) > 1:
        x = x[::2] * x[1::2]
    return x


PAGE = [
    ("sum", lambda x: x.sum(), 0),
    ("mean", lambda x: x.mean(), 1),
    ("product", lambda x: x * x, 2),
    ("affine", lambda x: (2 * x + 1)[::-1] - x, 0),
    ("polynomial", lambda x: x * x + 0.5 * x, 2),
    ("prod", lambda x: x.prod(), 6),
    ("tree", log_sum, 6),
    ("chain", lambda x: chain(x, 3), 6),
    ("less", lambda x: x < 1, 4),
    ("relu", numerics.relu, 4),
    ("relu of a product", lambda x: numerics.relu(x * x), 5),
    ("relu of a sum of products", lambda x: numerics.relu(x * x - x), 6),
    ("choice of a product", lambda x: np.where(x * x < 1, x * x, 0), 5),
    ("abs of a mean", lambda x: abs(x.mean()), 4),
    ("sigmoid of a product", lambda x: numerics.sigmoid(x * x), 5),
    ("max", lambda x: x.max(), 12),
    ("min and max", lambda x: (x.min(), x.max()), 12),
    ("ptp", lambda x: np.ptp(x), 12),
    ("argmax", lambda x: x.argmax(), 13),
    ("sort", lambda x: np.sort(x), 24),
    ("median", lambda x: np.median(x), 25),
    ("exp", lambda x: np.exp(x), 4),
    ("sigmoid", numerics.sigmoid, 4),
    ("var", lambda x: x.var(), 4),
    ("softmax", softmax, 28),
    ("softmax of numerics", numerics.softmax, 30),
    ("standardised", lambda x: (x - x.mean()) / x.std(), 27),
]


@pytest.mark.parametrize(("program", "rounds"), [row[1:] for row in PAGE], ids=[row[0] for row in PAGE])
def test_what_small_programs_cost(program, rounds):
    assert mpcfl.cost(program, (N,)).rounds == rounds


@pytest.mark.parametrize("program", [row[1] for row in PAGE], ids=[row[0] for row in PAGE])
def test_two_cost_the_rounds_of_one(program):
    one, two = mpcfl.cost(program, (N,)), mpcfl.cost(lambda x, y: (program(x), program(y)), (N,), (N,))
    assert two.rounds == one.rounds
    assert two.bytes_sent == [2 * size for size in one.bytes_sent]


@pytest.mark.parametrize("program", [row[1] for row in PAGE], ids=[row[0] for row in PAGE])
def test_a_chain_beside_a_longer_one_costs_nothing(program):
    longer = 20
    assert mpcfl.cost(lambda x, y: (program(x), chain(y, longer)), (N,), (N,)).rounds == 2 * longer


def test_steps_of_two_models_share_their_rounds():
    def steps(x, y, *models):
        for _ in range(3):
            models = tuple(descent(x, y, w) for w in models)
        return models

    data = [(16, 4), (16,)]
    one, two = mpcfl.cost(steps, *data, (4,)), mpcfl.cost(steps, *data, (4,), (4,))
    assert one.rounds == two.rounds == 21


def test_what_one_chain_opened_is_open_for_those_that_join_later():
    def program(session):
        x, y = session.share(X, 0, X.shape), session.share(Y, 1, Y.shape)
        deep = chain(y, 2)
        late = deep * x  # x was opened by the first product, while y was squared
        early = x * y
        return late.reveal(), early.reveal()

    run = mpcfl.simulate(program)
    late, early = run.results[0]
    np.testing.assert_allclose(late, Y**4 * X, atol=1e-3)
    np.testing.assert_allclose(early, X * Y, atol=1e-5)
    assert run.rounds == 6 + 2
    openings = [
        entry for entry in run.ledgers[0].entries if entry.message == "beaver.operand" and entry.direction == "out"
    ]
    assert len(openings) == 4  # y, x, y^2, y^4


FOLDED = [
    ("product", lambda x, y: x * y * 0.3, 2),
    ("square", lambda x, y: 0.3 * (x * x), 2),
    ("matrix product", lambda x, y: x @ y / 7, 2),
    ("chain of scalars", lambda x, y: x * y * 0.3 / 7 * -1.7, 2),
    ("scalars alone", lambda x, y: x * 0.3 / 7 * -1.7, 1),
    ("small and large", lambda x, y: x * y * 1e-9 * 123456789.5, 2),
    ("also the product", lambda x, y: (lambda z: z * 0.3 + z)(x * y), 2),
    ("the product first", lambda x, y: (lambda z: (z + 1, z * 0.3)[::-1])(x * y)[0], 2),
    ("twice", lambda x, y: (lambda z: z * 0.3 - z * 0.7)(x * y), 2),
    ("not through a sum", lambda x, y: (x * y + x) * 0.3, 3),
]


@pytest.mark.parametrize(("program", "rounds"), [row[1:] for row in FOLDED], ids=[row[0] for row in FOLDED])
def test_a_public_factor_is_a_part_of_the_truncation(program, rounds):
    assert mpcfl.cost(program, (N,), (N,)).rounds == rounds

    def on_secrets(session):
        return program(session.share(X, 0, X.shape), session.share(Y, 1, Y.shape)).reveal()

    expected = program(X, Y)
    for result in mpcfl.simulate(on_secrets, parties=3).results:
        assert np.abs(result - expected).max() <= 4 * 2.0**-18


def test_a_product_that_was_spared_is_made_when_it_is_asked_for():
    def program(session):
        x, y = session.share(X, 0, X.shape), session.share(Y, 1, Y.shape)
        z = x * y
        scaled = (z * 0.5).reveal()
        before = session.rounds
        session.barrier()  # nobody asks for z
        waited = session.rounds - before
        late = (z * 0.25).reveal(), z.reveal(), (z * 0.125).reveal()
        return scaled, waited, *late

    scaled, waited, quarter, whole, eighth = mpcfl.simulate(program).results[1]
    assert waited == 0
    for factor, result in ((0.5, scaled), (0.25, quarter), (1, whole), (0.125, eighth)):
        np.testing.assert_allclose(result, factor * X * Y, atol=3 * 2.0**-18)


def test_a_factor_keeps_its_digits_at_the_end_of_the_products_range():
    """|x y| just below 2^(62 - 2f): the rounding of the factor is at most half a unit."""
    big = np.array([2.0**25, -(2.0**25.9)])
    factor = 0.1234567890123 * 2.0**-20

    def program(session):
        x, y = session.share(big, 0, (2,)), session.share(np.ones(2), 1, (2,))
        return (x * y * factor).reveal()

    error = np.abs(mpcfl.simulate(program).results[0] - big * factor)
    assert error.max() <= 1.5 * 2.0**-18 + 2.0**26 * 2.0**-62


def test_together_is_a_barrier_with_the_rounds_of_the_longest():
    def program(session):
        x, y = session.share(X, 0, X.shape), session.share(Y, 1, Y.shape)
        z = x * y
        before = session.rounds
        a, (b, c), d = mpcfl.together(lambda: softmax(x), lambda: (y < 1, x * x), {"z": z})
        taken = session.rounds - before
        return taken, a.reveal(), b.reveal(), c.reveal(), d["z"].reveal()

    taken, a, b, c, z = perform(program)[0][0]
    assert taken == 28
    np.testing.assert_allclose(a, softmax(X), atol=1e-4)
    np.testing.assert_array_equal(b, Y < 1)
    np.testing.assert_allclose(c, X * X, atol=1e-5)
    np.testing.assert_allclose(z, X * Y, atol=1e-5)


def test_together_of_nothing_secret_is_refused():
    with pytest.raises(UsageError, match="secret arrays"):
        mpcfl.together(X, lambda: 3)


def test_an_error_inside_names_the_operation():
    def program(x):
        y = x * x
        return np.exp(y)

    few = Suite("few", [one for one in semi2k.suite.rules if one.primitive != "exp"])
    with pytest.raises(NotImplementedError, match="exp") as caught:
        mpcfl.cost(program, (N,), suite=few)
    line = program.__code__.co_firstlineno + 2
    assert caught.value.__notes__ == [f"in the operation of test_rounds.py:{line}"]


def test_an_operation_reads_no_value_but_its_operands():
    def program(session):
        x = session.share(X, 0, X.shape)._value
        y = x.engine.local("copy", x.kind, x.shape, [chained(x)], lambda: hidden.share)
        hidden = chained(y)
        return SecretArray(hidden, session).reveal()

    with pytest.raises(RuntimeError, match="does not name"):
        mpcfl.simulate(program)


def chained(x):
    return operations.multiply(x, x)
