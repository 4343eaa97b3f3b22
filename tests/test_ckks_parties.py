"""CKKS between two parties: the messages, the bounds that each computes for itself, the network of the comparison."""

from __future__ import annotations

import numpy as np
import pytest
from wiring import at_once, people

import mpcfl
from bench.versus import images, table
from mpcfl import ckks
from mpcfl.connection import connect
from mpcfl.errors import UsageError
from mpcfl.protocols.ckks import evaluated, exchange

pytestmark = pytest.mark.skipif(not ckks.INSTALLED, reason="TenSEAL, of the extra he, is not installed")
rng = np.random.default_rng(4)
ROWS = rng.uniform(-1, 1, (6, 10))
WEIGHTS = rng.uniform(-1, 1, (10, 3))


def scores(session):
    """The rows of rank 0, encrypted, under the weights of rank 1."""
    known = session.rank == 1
    weights = ckks.plain(WEIGHTS, 1.0) if known else ckks.bounds(WEIGHTS.shape, 1.0)
    told = ckks.sketch(ckks.parameters("linear"), ROWS.shape, 1.0)
    plan = ckks.plan(lambda x: x @ weights, told)
    secret = None if known else ckks.generate(told.parameters, plan.steps)
    key = session.perform(exchange(session.rank, 0, plan, secret))
    given = None if known else ROWS
    return session.perform(
        evaluated(session.rank, 0, key, lambda x: x @ weights, told, plan, secret, given)
    ), plan.result.error.total


def test_over_real_links_with_declared_messages(tmp_path):
    identities, roster = people(2)

    def play(identity):
        with connect(roster, identity, identity.name, connect_timeout=30) as session:
            return scores(session), [(e.message, e.exposure, e.direction) for e in session.ledger.entries]

    outcomes = at_once(*(lambda identity=identity: play(identity) for identity in identities))
    for outcome in outcomes:
        assert not isinstance(outcome, Exception), outcome
    ((result, error), own), ((nothing, same), others) = outcomes
    assert np.abs(result - ROWS @ WEIGHTS).max() <= error == same
    assert error < 1e-6
    assert nothing is None
    assert own == [
        ("ckks.key", "public", "out"),
        ("ckks.input", "ciphertext", "out"),
        ("ckks.result", "ciphertext", "in"),
    ]
    assert [message for message, _, _ in others] == [message for message, _, _ in own]


def test_a_key_for_another_program_is_refused():
    def program(session):
        plan = ckks.plan(lambda x: x @ np.ones((4, 4)), ckks.sketch(ckks.parameters("linear"), (4,), 1.0))
        session.perform(exchange(session.rank, 0, plan, ckks.generate(plan.parameters) if session.rank == 0 else None))

    with pytest.raises(UsageError, match="plan"):
        mpcfl.simulate(program)


def test_the_network_of_squares_learns_digits_within_its_public_bounds():
    train, _, test, digits = images.data()
    assert np.mean(images.network(test, images.layers()).argmax(1) == digits) > 0.97
    for x in (train, test):
        for (weight, bias), within in zip(images.layers(), images.WITHIN, strict=True):
            x = x @ weight + bias
            assert np.abs(x).max() < within / 2
            x = x * x
    for all_ in (images.operands(True), images.operands(False)):
        assert [one.shape for one, _ in all_] == list(images.SHAPES)


@pytest.mark.slow
@pytest.mark.parametrize("packing", ["whole", "columns"])
def test_a_network_in_both_packings(packing):
    """Smaller layers, the same program."""
    shapes, x = ((6, 8), (8, 4), (4, 2)), rng.uniform(0, 1, (5, 6))
    layers = [(rng.uniform(-1, 1, shape) / shape[0], rng.uniform(-1, 1, shape[1])) for shape in shapes]
    told = ckks.sketch(ckks.parameters("network"), x.shape, 1.0, packing)
    plan = ckks.plan(lambda a: images.network(a, layers), told)
    secret = ckks.generate(plan.parameters, plan.steps, plan.products)
    result = ckks.evaluate(lambda a: images.network(a, layers), secret.encrypt(x, 1.0, packing))
    assert np.abs(secret.decrypt(result.sanitised()) - images.network(x, layers)).max() <= plan.result.error.total
    assert plan.result.error.total < 1e-4


def test_cells_of_the_comparison_are_here():
    methods = {cell.method.name for cell in table.CELLS}
    assert {"ckks", "ckks, rows encrypted", "ckks, pixel by pixel", "ckks, flooded"} <= methods
