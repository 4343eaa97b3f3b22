"""The forecast of a whole program is what its run then costs: rounds, bytes, corrections."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import cost

import mpcfl
from mpcfl.learn.linear import LogisticRegression
from mpcfl.protocols.beaver import mul


def shared(session, n, owner, name="share"):
    value = np.linspace(-3, 3, n) if session.rank == owner else None
    return getattr(session, name)(value, owner=owner, shape=(n,))


def arithmetic(session):
    x, y = shared(session, 65, 0), shared(session, 65, 1)
    return ((x * y + 1) * (x - y) / 7).sum().reveal()


def comparisons(session):
    x, y = shared(session, 65, 0), shared(session, 65, 1)
    chosen = np.where(x < y, x * y, np.abs(x)) * (x == y)
    return np.maximum(chosen, 0.5).reveal(to=session.parties[0])


def private(session):
    x, y = shared(session, 64, 0, "private"), shared(session, 64, 1, "private")
    table = np.stack([x, y], axis=1)
    return (table.T @ table).reveal(), (table[3:9] @ table.T).mean(axis=1).reveal()


def functions(session):
    x, y = shared(session, 10, 0), shared(session, 10, 1)
    return (
        mpcfl.numerics.sigmoid(x).reveal(),
        mpcfl.numerics.softplus(x + y).reveal(),
        mpcfl.numerics.divide(1 * (x < y), 1 * (x < y) + 1).reveal(),
        np.rint(x * 2).reveal(),
    )


def regression(session):
    x = session.private(np.ones((40, 3)) if session.rank == 0 else None, owner=0, shape=(40, 3))
    z = session.private(np.ones((40, 2)) if session.rank == 1 else None, owner=1, shape=(40, 2))
    y = session.share(np.arange(40) % 2 if session.rank == 1 else None, owner=1, shape=(40,), dtype=np.int64)
    model = LogisticRegression(epochs=2, batch_size=8, seed=3).fit(np.concatenate([x, z], axis=1), y)
    return model.coef_.reveal(to=[session.parties[0]]), model.intercept_.reveal()


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("program", [arithmetic, comparisons, private, functions, regression])
def test_forecast_is_measured_cost(program, parties):
    run = mpcfl.simulate(program, parties=parties, seed=0)
    for rank in range(parties):
        foreseen = mpcfl.forecast(program, parties=parties, rank=rank)
        assert foreseen.rounds == run.rounds
        assert foreseen.bytes_sent == run.bytes_sent
        assert foreseen.offline_bytes == run.offline_bytes


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("program", [arithmetic, comparisons, private, functions, regression])
def test_all_ranks_foresee_the_same_draws(program, parties):
    def draws(rank):
        drawn = []
        mpcfl.forecast(program, parties=parties, rank=rank, on_draw=drawn.append)
        return [(c.family, c.fields(), [list(mask.leaves()) for mask in c.masks()]) for c in drawn]

    assert draws(0)
    assert all(draws(rank) == draws(0) for rank in range(1, parties))


@pytest.mark.parametrize("program", [arithmetic, comparisons, private, functions, regression])
def test_run_tells_the_forecast_and_then_runs(program):
    """`session.run` adds nothing to the result or the cost."""
    plain = mpcfl.simulate(program, seed=4)
    run = mpcfl.simulate(lambda session: session.run(program), seed=4)
    assert (run.rounds, run.bytes_sent, run.offline_bytes) == (plain.rounds, plain.bytes_sent, plain.offline_bytes)
    assert repr(run.results) == repr(plain.results)


def test_the_busiest_round_is_counted():
    foreseen = cost(mul, (100,), (100,), parties=3)
    assert foreseen.largest_round == 2 * 2 * 800
    assert foreseen.draws == {"mask": 2, "triple": 1}


def test_an_input_without_a_shape_cannot_be_foreseen():
    def program(session):
        x = session.share(np.ones(3) if session.rank == 1 else None, owner=1)
        return (x * x).reveal()

    with pytest.raises(mpcfl.MpcflError, match="shape"):
        mpcfl.forecast(program, rank=0)
