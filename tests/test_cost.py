"""The forecast of a whole program is what its run then costs: rounds, bytes, corrections."""

from __future__ import annotations

import inspect
from functools import partial

import numpy as np
import pytest
import sockets
from simulation import cost

import mpcfl
from mpcfl.drivers.profile import Line, Network
from mpcfl.errors import UsageError
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


# By line


def lines_of(costs):
    return {line.line: line for line in costs.lines}


def chained(session):
    x, y = shared(session, 9, 0), shared(session, 9, 1)
    long = mpcfl.numerics.sigmoid(x)
    short = x * y
    (y * 3).sum()
    return (long + short).reveal()


PROGRAMS = [arithmetic, comparisons, private, functions, regression, chained]


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("program", PROGRAMS)
def test_lines_add_up_to_the_totals(program, parties):
    foreseen = mpcfl.cost(program, parties=parties)
    total = foreseen.total
    assert total.rounds == foreseen.rounds
    assert total.bytes_sent == foreseen.bytes_sent
    assert total.offline_bytes == foreseen.offline_bytes
    assert total.draws == foreseen.draws
    assert max(foreseen.bytes_sent) <= total.busiest_bytes <= sum(foreseen.bytes_sent)


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("program", PROGRAMS)
def test_each_line_costs_what_was_foreseen(program, parties):
    foreseen = mpcfl.cost(program, parties=parties)
    run = mpcfl.simulate(program, parties=parties, seed=0)
    counted = [line for line in run.profile.lines if line != Line(line.line, [0] * parties)]
    assert counted == [line for line in foreseen.lines if line != Line(line.line, [0] * parties)]
    assert run.profile.total.rounds == run.rounds
    assert run.profile.total.bytes_sent == run.bytes_sent
    assert run.profile.total.offline_bytes == run.offline_bytes
    assert all(line.seconds > 0 for line in counted)


def test_a_shared_round_goes_to_the_longest_that_sends_in_it():
    start = inspect.getsourcelines(chained)[1]
    lines = lines_of(mpcfl.cost(chained))
    long, short, reveal = (lines[f"test_cost.py:{start + at}"] for at in (2, 3, 5))
    assert (long.rounds, short.rounds, reveal.rounds) == (mpcfl.cost(chained).rounds - 1, 0, 1)
    assert min(short.bytes_sent) > 0
    assert short.draws["triple"] == 1
    assert f"test_cost.py:{start + 4}" not in {name for name, line in lines.items() if any(line.bytes_sent)}


def test_of_equals_the_first_pays():
    def program(x, y):
        a = x * x
        b = y * y
        return a + b

    first, second, _ = mpcfl.cost(program, (4,), (4,)).lines
    assert (first.rounds, second.rounds) == (2, 0)
    assert first.bytes_sent == second.bytes_sent


def test_an_array_program_costs_what_it_costs_in_a_session():
    def program(x, w):
        return mpcfl.numerics.sigmoid(x @ w) * 0.5

    def on_session(session):
        program(session.share(None, 1, (30, 4)), session.share(None, 1, (4,)))

    of_shapes = mpcfl.cost(program, (30, 4), 4)
    assert of_shapes.lines == mpcfl.forecast(on_session).lines
    assert mpcfl.cost(program, np.empty((30, 4)), np.empty(4)).lines == of_shapes.lines
    whole = mpcfl.cost(lambda x: x * x, np.empty(30, np.int64))
    assert whole.rounds == 1  # integers are not truncated


@pytest.mark.parametrize("shape", ["12", (3, -1), 2.5, (2.0,), None])
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(UsageError, match="shape"):
        mpcfl.cost(lambda x: x + 1, shape)


def test_predicted_seconds_are_ways_and_transfers():
    network = Network(20, 8)
    foreseen = mpcfl.cost(lambda x, y: x * y, (1000,), (1000,), network=network)
    # Two rounds; each party opens two operands, then one product; one byte takes a microsecond.
    assert foreseen.total.busiest_bytes == 3 * 8000
    assert foreseen.predicted_seconds == pytest.approx(2 * 0.01 + (24000 + foreseen.offline_bytes) * 1e-6)
    assert sum(map(network.seconds, foreseen.lines)) == pytest.approx(foreseen.predicted_seconds)
    assert mpcfl.cost(arithmetic).predicted_seconds is None


def test_one_way_openings_are_waited_for_one_after_the_other():
    """Each round lasts as long as its own busiest party sends, whoever that is."""

    def program(session):
        x, y = shared(session, 100, 0, "private"), shared(session, 100, 1, "private")
        z = shared(session, 100, 0)
        x * z
        session.barrier()
        y * z

    foreseen = mpcfl.cost(program)
    assert foreseen.total.busiest_bytes > max(foreseen.bytes_sent)


@pytest.mark.parametrize("network", [(-1, 10), (1, 0), (float("inf"), 1), (1, float("nan"))])
def test_no_such_network(network):
    with pytest.raises(UsageError, match="network"):
        mpcfl.cost(arithmetic, network=network)


def test_the_tables_say_the_same():
    foreseen = mpcfl.cost(arithmetic, network=(20, 100))
    run = mpcfl.simulate(arithmetic)
    heading, *rows, total = str(foreseen).splitlines()
    assert heading.split()[-2:] == ["predicted", "s"]
    assert [row.split()[0] for row in rows] == [line.line for line in foreseen.lines]
    assert total.split()[:2] == ["total", str(foreseen.rounds)]
    assert str(run.profile).splitlines()[-1].split()[:5] == total.split()[:5]
    *_, last = mpcfl.compare(foreseen, run.profile).splitlines()
    name, foreseen_rounds, rounds, foreseen_bytes, size, *_ = last.split()
    assert (name, foreseen_rounds, foreseen_bytes) == ("total", rounds, size)


def test_a_forecast_beside_another_program():
    table = mpcfl.compare(mpcfl.cost(arithmetic), mpcfl.simulate(private).profile)
    assert all(row.count("-") >= 4 for row in table.splitlines()[1:-1])


def profiled(session):
    profile = session.profile()
    assert session.profile() is profile
    session.run(regression)
    return profile.lines


def test_all_parties_profile_alike():
    results = mpcfl.simulate(profiled, parties=3, seed=0).results
    assert results[0] == results[1] == results[2]


def test_a_profile_over_links_is_that_of_the_simulation(tmp_path):
    roster, identities = sockets.made(tmp_path, ["party0", "party1"])

    def role(name):
        with mpcfl.connect(roster, identities[name], name, connect_timeout=20, round_timeout=20) as session:
            return profiled(session)

    roles = {name: partial(role, name) for name in ("party0", "party1")}
    roles[sockets.DEALER] = sockets.deal(roster, identities, connect_timeout=20, round_timeout=20)
    results = sockets.together(roles)
    here = mpcfl.simulate(profiled, seed=0).results[0]
    assert results["party0"] == results["party1"] == here
