"""Correlations without a dealer: laws of what is made, programs in lockstep and over real links, refusals, leaks."""

from __future__ import annotations

import numpy as np
import pytest
from simulation import sum_of
from wiring import at_once, people

import mpcfl
from mpcfl import ring, training, view
from mpcfl.connection import connect
from mpcfl.contribution import Contribution
from mpcfl.dealerless import DealerlessDriver, Paillier
from mpcfl.drivers.lockstep import World
from mpcfl.effects import Draw
from mpcfl.errors import Mismatch, UsageError
from mpcfl.job import Job
from mpcfl.message import Exposure
from mpcfl.protocols import paillier
from mpcfl.protocols.beaver import Mask, Triple
from mpcfl.protocols.comparison import CORRELATIONS
from mpcfl.protocols.folded import Folded
from mpcfl.protocols.truncation import TruncPair

SMALL = Paillier(insecure_bits=768)


def dealt(*correlations, transcript=False):
    """What both parties have of correlations that name one another's draws; clear values by field and share."""
    world = World(["a", "b"], transcript=transcript)

    class Below:
        """A party's hold on the world, which runs both at once."""

        common = ledger = None
        rounds = bytes_sent = 0

    parties = [DealerlessDriver(Below(), rank, 2, SMALL) for rank in (0, 1)]

    def draws():
        got = []
        for make in correlations:
            got.append((yield Draw(make(got))))
        return got

    return world.run([party._served(draws()) for party in parties]), world


def clear(results, place, name):
    return sum_of([party[place][name] for party in results])


@pytest.mark.parametrize("owners", [(None, None), (0, None), (None, 1), (0, 1), (1, 1)])
@pytest.mark.parametrize("shapes", [((3, 2), (2,)), ((2,), (2, 3)), ((2, 3), (3, 2)), ((4,), (4,))])
def test_matrix_triples_hold(owners, shapes):
    results, _ = dealt(
        lambda _: Mask(shapes[0], owners[0]),
        lambda _: Mask(shapes[1], owners[1]),
        lambda got: Triple("matmul", got[0].leaf("a"), got[1].leaf("a")),
        lambda got: Folded(got[0].leaf("a"), got[1].leaf("a"), 2),
    )
    a, b = clear(results, 0, "a"), clear(results, 1, "a")
    np.testing.assert_array_equal(clear(results, 2, "c"), ring.matmul(a, b))
    own = [ring.matmul(party[0]["a"], party[1]["a"]) for party in results]
    expected = ring.subtract(ring.multiply(ring.matmul(a, b), 2), ring.multiply(sum_of(own), 4))
    np.testing.assert_array_equal(clear(results, 3, "c"), expected)


def test_elementwise_triples_hold_for_views_of_masks():
    results, _ = dealt(
        lambda _: Mask((3, 4)),
        lambda got: Triple(
            "mul", view.reshape(got[0].leaf("a"), (12,)), view.scale(view.reshape(got[0].leaf("a"), (12,)), -3)
        ),
    )
    a = clear(results, 0, "a").reshape(-1)
    np.testing.assert_array_equal(clear(results, 1, "c"), a * a * np.uint64(2**64 - 3))


@pytest.mark.parametrize("shift", [1, 18, 62])
def test_truncation_pairs_hold(shift):
    results, _ = dealt(lambda _: TruncPair(5, 1, shift), lambda _: TruncPair(5, 1, shift))
    for place in (0, 1):  # the roles change
        r, rho, mu = (clear(results, place, name).tolist() for name in ("r", "rho", "mu"))
        assert rho == [(word % (1 << 63)) >> shift for word in r]
        assert mu == [word >> 63 for word in r]
        assert len(set(r)) == 5


def test_truncation_pairs_are_uniform_and_shared_by_uniform_shares():
    results, _ = dealt(lambda _: TruncPair(100, 1, 18))
    for words in (clear(results, 0, "r"), *(party[0][name] for party in results for name in ("r", "rho", "mu"))):
        for bit in (0, 31, 63):
            assert 20 < int((words >> np.uint64(bit) & np.uint64(1)).sum()) < 80


def program(session, shapes=((4, 3), (3,))):
    x = session.private(np.arange(12.0).reshape(4, 3) / 4, 0, shapes[0])
    v = session.share(np.array([1.0, -2.0, 0.5]), 1, shapes[1])
    k = session.share(np.array([2**40, -7, 3]), 0, (3,), np.int64)
    z = x @ v
    return z.reveal(), (z * z).reveal(), (x * v).sum(axis=0).reveal(), (k * k).reveal(), (x.T @ z).reveal()


def expected():
    x, v, k = np.arange(12.0).reshape(4, 3) / 4, np.array([1.0, -2.0, 0.5]), np.array([2**40, -7, 3])
    z = x @ v
    return z, z * z, (x * v).sum(axis=0), k * k, x.T @ z


def test_programs_compute_in_lockstep_with_the_online_cost_of_a_dealers():
    made = mpcfl.simulate(lambda session: session.run(program), offline=SMALL)
    with_dealer = mpcfl.simulate(lambda session: session.run(program))
    for result in made.results:
        for got, want in zip(result, expected(), strict=True):
            np.testing.assert_allclose(got, want, atol=2.0**-14)
    assert (made.rounds, made.bytes_sent) == (with_dealer.rounds, with_dealer.bytes_sent)
    assert made.offline_bytes > 10 * with_dealer.offline_bytes


def test_what_is_not_foreseen_is_made_at_the_draw():
    result = mpcfl.simulate(program, offline=SMALL).results[1]
    for got, want in zip(result, expected(), strict=True):
        np.testing.assert_allclose(got, want, atol=2.0**-14)


def test_all_that_is_foreseen_takes_three_rounds():
    def timed(session):
        session.run(program)
        return session._driver.offline_rounds, session._driver.offline_bytes, session._driver.offline_seconds

    for rounds, sent, seconds in mpcfl.simulate(timed, offline=SMALL).results:
        assert rounds == 3  # keys, operands, products
        assert sent > 0
        assert seconds > 0


def test_programs_compute_over_real_links_whose_ledgers_agree(tmp_path):
    identities, roster = people(2)

    def play(identity):
        book = tmp_path / f"{identity.name}.jsonl"
        with connect(roster, identity, identity.name, offline=SMALL, ledger=book, connect_timeout=30) as session:
            return session.run(program), [(e.message, e.direction, e.shape) for e in session.ledger.entries]

    outcomes = at_once(*(lambda identity=identity: play(identity) for identity in identities))
    entries = []
    for outcome in outcomes:
        assert not isinstance(outcome, Exception), outcome
        result, seen = outcome
        entries.append(seen)
        for got, want in zip(result, expected(), strict=True):
            np.testing.assert_allclose(got, want, atol=2.0**-14)
    mirrored = [(message, {"in": "out", "out": "in"}[direction], shape) for message, direction, shape in entries[1]]
    assert sorted(map(str, mirrored)) == sorted(map(str, entries[0]))
    assert {message for message, _, _ in entries[0]} >= {message.name for message in paillier.MESSAGES}


def test_what_is_not_made_is_named_before_anything_is_sent():
    def compares(session):
        x = session.share(np.ones(3), 0, (3,))
        return (x * x > 0).reveal()

    with pytest.raises(UsageError, match="bit_products, dabit, digits: use a dealer"):
        mpcfl.simulate(lambda session: session.run(compares), offline=SMALL)
    with pytest.raises(UsageError, match="trunc_pair with a multiplier"):
        mpcfl.simulate(lambda session: (session.share(1.0, 0, ()) * 0.3).reveal(), offline=SMALL)
    with pytest.raises(UsageError, match="of ring 128"):
        mpcfl.simulate(program, offline=SMALL, ring=128, fraction=40)


def test_a_job_may_ask_for_it_and_is_told_what_is_missing(tmp_path):
    job = Job.from_text(
        '[job]\nname = "shops"\nlearner = "linear_regression"\nid = "id"\nlabel = "a.y"\n'
        '[engine]\noffline = "paillier"\n[disclose]\nmodel = ["a"]\n',
        "job.toml",
    )
    for name, column in (("a", "y"), ("b", "x")):
        rows = "".join(f"c{i},{i * 0.5}\n" for i in range(20))
        (tmp_path / f"{name}.csv").write_text(f"id,{column}\n{rows}")
    given = {name: Contribution.read(job, name, tmp_path / f"{name}.csv") for name in ("a", "b")}
    assert job.engine.offline == "paillier"
    with pytest.raises(UsageError, match=r"also draws .*: use a dealer"):
        mpcfl.simulate(lambda session: training.train(session, job, given[session.name]), ["a", "b"], offline=SMALL)


def test_every_family_is_served_or_named():
    assert paillier._unserved(Mask((2,))) is None
    assert all(paillier._unserved(object.__new__(kind)) == kind.family for kind in CORRELATIONS if kind is not Mask)


def test_other_settings_are_refused():
    with pytest.raises(UsageError, match="two parties, not 3"):
        mpcfl.simulate(program, parties=3, offline=SMALL)
    with pytest.raises(UsageError, match="fixed by a seed"):
        mpcfl.simulate(program, offline=SMALL, seed=1)
    with pytest.raises(UsageError, match="not from 'trust'"):
        mpcfl.simulate(program, offline="trust")
    assert str(Paillier.of("paillier")) == "paillier of 3072 bits"
    assert Paillier.of("dealer") is None


def test_a_program_that_branches_on_data_is_told_of():
    def branches(session):
        x = session.share(np.ones(2), 0, (2,))
        if x.reveal()[0]:  # zeros on shapes alone
            return (x * x).reveal()
        return (x[:1] * x[1:]).reveal()

    with pytest.raises(Mismatch, match="branches on data"):
        mpcfl.simulate(lambda session: session.run(branches), offline=SMALL)


def test_masks_are_as_long_as_told_and_what_is_decrypted_has_their_length(monkeypatch):
    """For products of 64-bit words and k terms: 2 64 + 1 + log2(k) + 64 bits; n is larger than every sum."""
    lengths = []
    masked = mpcfl.he.PaillierArray.masked

    def watched(self, sigma=64):
        made, masks = masked(self, sigma)
        lengths.append((made.bound.bit_length(), max(int(mask).bit_length() for mask in masks.reshape(-1))))
        assert 2 * made.bound < made.key.n
        return made, masks

    monkeypatch.setattr(mpcfl.he.PaillierArray, "masked", watched)
    for k in (1, 8):
        lengths.clear()
        dealt(
            lambda _, k=k: Mask((20, k)),
            lambda _, k=k: Mask((k,)),
            lambda got: Triple("matmul", got[0].leaf("a"), got[1].leaf("a")),
        )
        for bound, longest in lengths:
            assert bound >= 2 * 64 + 1 + np.log2(k) + 64
            assert longest >= bound - 8  # of 20 uniform ones


def test_messages_have_the_same_sizes_whatever_the_shares_and_nothing_repeats():
    product = (
        lambda _: Mask((3,)),
        lambda _: Mask((3,)),
        lambda got: Triple("mul", got[0].leaf("a"), got[1].leaf("a")),
    )
    first, second = (dealt(*product, transcript=True)[1].deliveries for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert (one.round, one.message, one.sender, one.words.shape) == (
            other.round,
            other.message,
            other.sender,
            other.words.shape,
        )
    words = [word for one in (*first, *second) for word in one.words.tolist()]
    assert len(set(words)) >= len(words) - 2 * 4 - 8  # but for stamps of shapes, and the halves of words at the end


def test_the_messages_say_what_a_reader_learns():
    assert [message.exposure for message in paillier.MESSAGES] == [Exposure.PUBLIC, Exposure.CIPHERTEXT, Exposure.SHARE]
