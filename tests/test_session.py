"""A session: inputs, outputs to those that are named, seeds, limits, and errors that name no value."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from simulation import perform

import mpcfl
from mpcfl.errors import InputError, IntegrityError, MpcflError, UsageError
from mpcfl.ledger import Disclosures
from mpcfl.protocols import plain, semi2k

X = np.array([[1.5, -2.0, 0.25], [0.0, 3.0, -1.0]])


def readme(session):
    x = session.share(np.array([1.5, -2.0]), owner=0)
    y = session.share(np.array([3.0, 0.5]), owner=1)
    return np.where(x < y, x * y, x - y).reveal()


def test_the_first_program():
    run = mpcfl.simulate(readme, parties=2)
    assert [result.tolist() for result in run.results] == [[4.5, -1.0]] * 2
    assert run.rounds > 0
    assert len(run.bytes_sent) == len(run.ledgers) == 2


# Input


@pytest.mark.parametrize("give", ["share", "private"])
@pytest.mark.parametrize("owner", [0, 2, "party1"])
@pytest.mark.parametrize("value", [X, X > 0, (X * 4).astype(np.int64), X[0, 0], np.zeros((0, 3)), np.int64(-7), True])
def test_what_is_shared_is_revealed(give, owner, value):
    def program(session):
        return getattr(session, give)(value, owner=owner).reveal()

    for result in mpcfl.simulate(program, parties=3).results:
        np.testing.assert_array_equal(result, value)
        assert np.asarray(result).dtype == np.asarray(value).dtype
        assert np.shape(result) == np.shape(value)


def test_the_others_pass_none_or_anything():
    def program(session):
        x = session.share(X if session.rank == 1 else None, owner=1)
        y = session.share(X if session.rank == 1 else "not looked at", owner=1)
        return (x - y).reveal()

    assert not np.any(mpcfl.simulate(program).results)


def test_a_shape_agreed_beforehand_costs_no_round():
    def program(session):
        mine = session.rank == 0
        return [
            session.share(X if mine else None, owner=0, shape=(2, 3)),
            session.private(X if mine else None, owner=0, shape=(2, 3)),
            session.share((X * 4).astype(int) if mine else None, owner=0, shape=(2, 3), dtype=int),
            session.share(X > 0 if mine else None, owner=0, shape=(2, 3), dtype=bool),
        ]

    results, world = perform(program)
    assert (world.rounds, world.bytes_sent) == (0, [0, 0])
    assert [str(secret.dtype) for secret in results[1]] == ["float64", "float64", "int64", "bool"]


def test_an_announced_shape_costs_one_round_and_no_data():
    def program(session):
        session.share(X if session.rank == 0 else None, owner=0)

    world = perform(program, 3)[1]
    assert world.rounds == 1
    assert {d.message.exposure.value for d in world.deliveries} == {"public"}
    assert world.deliveries[0].words.tolist()[:4] == [0, 2, 2, 3]


def test_integers_may_be_announced_as_reals():
    def program(session):
        return session.share(np.array([1, 2]) if session.rank == 0 else None, owner=0, shape=(2,)).reveal()

    assert mpcfl.simulate(program).results[1].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("fraction", [8, 18, 24])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 2.0**54, -(2.0**54), 1e300])
@pytest.mark.parametrize("give", ["share", "private"])
def test_what_cannot_be_encoded_is_refused_by_its_place(give, bad, fraction):
    value = X.copy()
    value[1, 2] = bad

    def program(session):
        getattr(session, give)(value if session.rank == 0 else None, owner=0, shape=(2, 3))

    with pytest.raises(InputError, match=r"\(1, 2\)") as caught:
        mpcfl.simulate(program, fraction=fraction)
    assert not any(said in str(caught.value) for said in (str(bad), "nan", "inf "))


@pytest.mark.parametrize("value", [2**62, -(2**62) - 1, np.iinfo(np.int64).min, np.uint64(2**63)])
def test_integers_out_of_range_are_refused(value):
    def program(session):
        session.share(np.full(2, value) if session.rank == 0 else None, owner=0, shape=(2,), dtype=int)

    with pytest.raises(InputError, match=r"2\^62") as caught:
        mpcfl.simulate(program)
    assert str(value) not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "shape", "dtype", "message"),
    [
        (X, (3, 2), None, r"shape \(2, 3\), announced was \(3, 2\)"),
        (X, (2, 3), int, "float64, announced was int64"),
        (X, (2, 3), bool, "float64, announced was bool"),
        (None, (2, 3), None, "party0 owns this input and must give its value"),
        (None, None, None, "party0 owns this input and must give its value"),
        (X, (2, 3), "S3", "cannot be secret"),
        (np.zeros((1,) * 9), None, None, "9 dimensions"),
    ],
)
def test_input_that_does_not_fit_is_refused(value, shape, dtype, message):
    def program(session):
        session.share(value if session.rank == 0 else None, owner=0, shape=shape, dtype=dtype)

    with pytest.raises(MpcflError, match=message):
        mpcfl.simulate(program)


@pytest.mark.parametrize("value", [np.array(["a"]), np.array([1j]), np.array([None])])
def test_text_and_objects_are_refused(value):
    with pytest.raises(TypeError, match="use bool, int or float"):
        mpcfl.simulate(lambda session: session.share(value, owner=0))


# Names


@pytest.mark.parametrize("owner", ["nobody", 2, -1])
def test_an_owner_that_is_no_party_is_refused(owner):
    with pytest.raises(UsageError, match=r"no party is .*; there are bank, bureau"):
        mpcfl.simulate(lambda session: session.share(X, owner=owner), parties=["bank", "bureau"])


def test_names_ranks_and_parties():
    run = mpcfl.simulate(lambda session: (session.rank, session.name, session.parties), parties=["bank", "bureau"])
    assert run.results == [(0, "bank", ("bank", "bureau")), (1, "bureau", ("bank", "bureau"))]
    assert mpcfl.simulate(lambda session: session.name, parties=3).results == ["party0", "party1", "party2"]


@pytest.mark.parametrize(
    ("to", "readers"),
    [
        ("all", [0, 1, 2]),
        ("bureau", [1]),
        (["bureau"], [1]),
        (["bank", "clinic"], [0, 2]),
        (("clinic", "bank", "clinic"), [0, 2]),
        ([], []),
    ],
)
def test_only_those_named_read_an_output(to, readers):
    names = ["bank", "bureau", "clinic"]

    def program(session):
        return session.share(X, owner="bank").reveal(to=to, purpose="the matrix")

    run = mpcfl.simulate(program, parties=names)
    for rank, result in enumerate(run.results):
        if rank in readers:
            np.testing.assert_array_equal(result, X)
        else:
            assert result is None
    for ledger in run.ledgers:
        outputs = [entry for entry in ledger.entries if entry.exposure == "output"]
        assert {entry.purpose for entry in outputs} == ({"the matrix"} if readers else set())
        assert {entry.peer for entry in outputs if entry.direction == "out"} <= {names[rank] for rank in readers}


def test_a_reader_that_is_no_party_is_refused():
    with pytest.raises(UsageError, match="no party is 'nobody'"):
        mpcfl.simulate(lambda session: session.share(X, owner=0).reveal(to=["nobody"]))


# Disclosures


AGREED = Disclosures((("mean", ("party0",)), ("sum", ("party0", "party1"))))


@pytest.mark.parametrize(
    ("purpose", "to", "allowed"),
    [
        ("mean", "party0", True),
        ("mean", "party1", False),
        ("mean", "all", False),
        ("sum", "all", True),
        ("sum", "party1", True),
        ("median", "party0", False),
        ("result", "all", False),
    ],
)
def test_only_what_was_agreed_is_disclosed(purpose, to, allowed):
    def program(session):
        return session.share(X, owner=0).reveal(to=to, purpose=purpose)

    if allowed:
        mpcfl.simulate(program, disclosures=AGREED)
        return
    with pytest.raises(IntegrityError, match="not on the agreed list of disclosures"):
        mpcfl.simulate(program, disclosures=AGREED)
    deliveries = []
    with pytest.raises(IntegrityError):
        perform(program, disclosures=AGREED, fault=lambda d: deliveries.append(d) or d.words)
    assert "output" not in {delivery.message.exposure.value for delivery in deliveries}


# Seeds


def transcript(run):
    return [[dataclasses.astuple(entry) for entry in ledger.entries] for ledger in run.ledgers]


def test_a_seed_fixes_a_run_bit_for_bit():
    one, two, other = (mpcfl.simulate(rounding, seed=seed) for seed in (7, 7, 8))
    assert [r.tobytes() for r in one.results] == [r.tobytes() for r in two.results]
    assert transcript(one) == transcript(two)
    digests = [{entry.digest for ledger in run.ledgers for entry in ledger.entries} for run in (one, other)]
    assert not digests[0] & digests[1]
    assert one.results[0].tobytes() != other.results[0].tobytes()


def rounding(session):
    x = session.share(np.linspace(-1, 1, 101) if session.rank == 0 else None, owner=0, shape=(101,))
    return (x * x * x).reveal()


def test_without_a_seed_no_two_runs_are_alike():
    digests = [
        {entry.digest for ledger in mpcfl.simulate(rounding).ledgers for entry in ledger.entries} for _ in range(2)
    ]
    assert not digests[0] & digests[1]


# Composition


@pytest.mark.parametrize("fraction", [8, 12, 18, 24])
def test_the_fraction_is_a_choice(fraction):
    result = mpcfl.simulate(lambda session: (session.share(X, owner=0) * 0.3).reveal(), fraction=fraction).results[0]
    np.testing.assert_allclose(result, X * 0.3, atol=2 * 2.0**-fraction)


@pytest.mark.parametrize("fraction", [7, 25, 0, -1])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(UsageError, match="fraction"):
        mpcfl.simulate(readme, fraction=fraction)


@pytest.mark.parametrize("parties", [1, 0, [], ["alone"], ["twin", "twin"]])
def test_too_few_parties_are_refused(parties):
    with pytest.raises(UsageError, match="two or more parties"):
        mpcfl.simulate(readme, parties=parties)


def test_a_suite_is_a_value_or_a_name():
    assert mpcfl.simulate(readme, suite="semi2k", seed=1).results[0].tolist() == [4.5, -1.0]
    assert mpcfl.simulate(readme, suite=semi2k.suite.derive("mine", []), seed=1).results[0].tolist() == [4.5, -1.0]
    with pytest.raises(UsageError, match="no suite is named"):
        mpcfl.simulate(readme, suite="nothing")
    with pytest.raises(UsageError, match="plain takes 1 to 1 parties, not 2"):
        mpcfl.simulate(readme, suite=plain.suite)


def test_two_suites_live_side_by_side():
    """A primitive that a suite lacks is named when it is needed, and other suites are not touched."""
    poor = dataclasses.replace(semi2k.suite, name="poor", rules=[semi2k.mul, semi2k.trunc_pr])
    with pytest.raises(NotImplementedError, match="suite poor has no rule for msb"):
        mpcfl.simulate(readme, suite=poor)
    mpcfl.simulate(readme)


def test_a_whole_program_over_private_and_shared_inputs():
    def program(session):
        mine = session.private(X if session.name == "bank" else None, owner="bank", shape=(2, 3))
        theirs = session.private(X + 1 if session.name == "bureau" else None, owner="bureau", shape=(2, 3))
        w = session.share(np.ones(6) if session.name == "clinic" else None, owner="clinic", shape=(6,))
        return (np.concatenate([mine, theirs], axis=1) @ w).reveal(to="clinic")

    names = ["bank", "bureau", "clinic"]
    run = mpcfl.simulate(lambda session: session.run(program), parties=names)
    assert run.results[:2] == [None, None]
    np.testing.assert_allclose(run.results[2], np.concatenate([X, X + 1], axis=1).sum(axis=1), atol=2.0**-17)
    foreseen = mpcfl.forecast(program, parties=names)
    assert (foreseen.rounds, foreseen.bytes_sent) == (run.rounds, run.bytes_sent)
    assert foreseen.offline_bytes == run.offline_bytes


def test_totals_are_the_sessions_too():
    def program(session):
        readme(session)
        return session.rounds, session.bytes_sent, session.offline_bytes

    run = mpcfl.simulate(program)
    assert run.results == [(run.rounds, sent, run.offline_bytes) for sent in run.bytes_sent]
