"""Correlations without a dealer: laws of what is made, programs in lockstep and over real links, refusals, leaks."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from commands import mpcfl as mpcfl_command
from simulation import sum_of
from wiring import at_once, people

import mpcfl
from mpcfl import disclosure, he, ring, training, view
from mpcfl.assembly import Extent
from mpcfl.cli import local
from mpcfl.cli.run import roles, who
from mpcfl.connection import connect
from mpcfl.contribution import Contribution
from mpcfl.dealerless import DealerlessDriver, Paillier
from mpcfl.drivers.lockstep import World
from mpcfl.effects import Draw
from mpcfl.errors import Mismatch, UsageError
from mpcfl.job import Job
from mpcfl.keys import generate
from mpcfl.learn.schedule import split_rows
from mpcfl.message import Exposure
from mpcfl.protocols import paillier
from mpcfl.protocols.beaver import Mask, Triple
from mpcfl.protocols.comparison import CORRELATIONS
from mpcfl.protocols.folded import Folded
from mpcfl.protocols.truncation import TruncPair
from mpcfl.roster import to_toml

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


@pytest.mark.parametrize(("multiplier", "shift"), [(3, 1), (12345678901, 40), (2**63 - 1, 62)])
def test_truncation_pairs_times_a_multiplier_are_one_more_at_most(multiplier, shift):
    results, _ = dealt(lambda _: TruncPair(20, multiplier, shift), lambda _: TruncPair(20, multiplier, shift))
    for place in (0, 1):
        r, rho, mu = (clear(results, place, name).tolist() for name in ("r", "rho", "mu"))
        exact = [(word % (1 << 63)) * multiplier >> shift for word in r]
        assert {(got - want) % (1 << 64) for got, want in zip(rho, exact, strict=True)} <= {0, 1}
        assert mu == [word >> 63 for word in r]


def test_a_product_with_a_public_fraction_errs_by_less_than_two_units():
    x = np.linspace(-100, 100, 41)
    run = mpcfl.simulate(lambda session: (session.share(x, 0, x.shape) * 0.3).reveal(), offline=SMALL)
    assert np.abs(run.results[0] - x * 0.3).max() * 2**18 < 2 + 100 * 2**18 * 2**-24


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


def test_a_key_that_is_given_is_used_again(monkeypatch):
    secret = he.generate(insecure_bits=SMALL.insecure_bits)
    monkeypatch.setattr(he, "generate", None)
    run = mpcfl.simulate(program, offline=replace(SMALL, secret=secret))
    np.testing.assert_allclose(run.results[0][0], expected()[0], atol=1e-4)
    assert "secret" not in repr(replace(SMALL, secret=secret))


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
    with pytest.raises(UsageError, match="of ring 128"):
        mpcfl.simulate(program, offline=SMALL, ring=128, fraction=40)


JOB = """[job]
name = "shops"
learner = "{learner}"
id = "id"
label = "a.y"
[split]
test = 0.2
[engine]
offline = "paillier"
[disclose]
model = ["a", "b"]
"""
NETWORK = JOB.format(learner="network") + "[learner]\nepochs = 2\nbatch_size = 8\nlearning_rate = 0.5\nmomentum = 0.0\n"


def shops(folder, text, rows=20, others=None):
    """A job whose label is 1 + 2 z - x, and what its parties give; b has other ids if they are given."""
    job = Job.from_text(text, "job.toml")
    x, z = np.cos(np.arange(rows)), np.sin(2 * np.arange(rows))
    for name, columns in (("a", {"y": 1 + 2 * z - x, "x": x}), ("b", {"z": z})):
        ids = [f"c{i:03}" for i in range(rows)] if name == "a" or others is None else others
        lines = (",".join(map(str, row)) for row in zip(ids, *columns.values(), strict=True))
        (folder / f"{name}.csv").write_text("\n".join([",".join(["id", *columns]), *lines]) + "\n")
    return job, {name: Contribution.read(job, name, folder / f"{name}.csv") for name in ("a", "b")}


def trained(job, given):
    agreed = disclosure.agreed(job, ["a", "b"])
    return mpcfl.simulate(
        lambda session: training.train(session, job, given[session.name]), ["a", "b"], offline=SMALL, disclosures=agreed
    )


def test_a_job_without_comparisons_runs_without_a_dealer(tmp_path):
    job, given = shops(tmp_path, NETWORK)
    run = trained(job, given)
    train, _ = split_rows(20, 0.2, job.job.seed)
    features = np.column_stack([given["a"].features, given["b"].features])
    plain = job.make_learner().fit(features[train], given["a"].labels[train])
    for result in run.results:
        for name, value in plain.model_arrays()["weights"].items():
            np.testing.assert_allclose(result.model["weights"][name], value, atol=1e-3)
    outputs = [(e.purpose, e.shape) for e in run.ledgers[0].entries if e.exposure == "output"]
    assert ("ids agree", (1,)) in outputs


@pytest.mark.slow
def test_a_job_runs_between_processes_without_a_dealer(tmp_path):
    job, given = shops(tmp_path, NETWORK.replace("epochs = 2", "epochs = 1"), rows=10)
    (tmp_path / "job.toml").write_text(NETWORK.replace("epochs = 2", "epochs = 1"))
    data = ("--data", "a=a.csv", "--data", "b=b.csv")
    assert mpcfl_command("local", "job.toml", *data, "--out", "out", "--json", "out.json", folder=tmp_path).code == 0
    document = json.loads((tmp_path / "out.json").read_text())
    assert document["offline_bytes"] > 0
    train, _ = split_rows(10, 0.2, job.job.seed)
    features = np.column_stack([given["a"].features, given["b"].features])
    plain = job.make_learner().fit(features[train], given["a"].labels[train])
    for name in ("a", "b"):
        weights = json.loads((tmp_path / document["model"][name]).read_text())["weights"]
        for key, value in plain.model_arrays()["weights"].items():
            np.testing.assert_allclose(weights[key], value, atol=1e-3)


def test_a_dealer_and_a_job_without_one_do_not_go_together(tmp_path):
    shops(tmp_path, NETWORK)
    (tmp_path / "job.toml").write_text(NETWORK)
    files = {name: tmp_path / f"{name}.csv" for name in ("a", "b")}
    with pytest.raises(UsageError, match="tapes are recorded with a dealer"):
        local.perform(tmp_path / "job.toml", files, tmp_path, offline=True)
    with pytest.raises(UsageError, match="predictions need a dealer"):
        local.predict(tmp_path / "job.toml", files, tmp_path)
    identities = [generate(name, role) for name, role in (("a", "party"), ("b", "party"), ("d", "dealer"))]
    entries = [
        to_toml(one.entry().model_copy(update={"bind": f"127.0.0.1:{7001 + 2 * i}"}))
        for i, one in enumerate(identities)
    ]
    (tmp_path / "roster.toml").write_text("\n".join(entries))
    with pytest.raises(UsageError, match="leave out its entry"):
        roles(tmp_path / "job.toml", tmp_path / "roster.toml", "a")
    (tmp_path / "roster.toml").write_text("\n".join(entries[:2]))
    assert roles(tmp_path / "job.toml", tmp_path / "roster.toml", "a")[3] is None
    with pytest.raises(UsageError, match="the job has none"):
        who(tmp_path / "job.toml", tmp_path / "roster.toml", "a")
    (tmp_path / "dealt.toml").write_text(NETWORK.replace("paillier", "dealer"))
    with pytest.raises(UsageError, match="add its entry"):
        roles(tmp_path / "dealt.toml", tmp_path / "roster.toml", "a")


def test_ids_that_differ_are_found_without_a_comparison(tmp_path):
    others = [f"c{i:03}" for i in range(19)] + ["c999"]
    job, given = shops(tmp_path, NETWORK, others=others)
    with pytest.raises(Mismatch, match="the id columns differ"):
        trained(job, given)


def test_a_job_that_draws_more_is_told_what_is_missing(tmp_path):
    job, given = shops(tmp_path, JOB.format(learner="linear_regression"))
    with pytest.raises(UsageError, match=r"also draws .*digits.*: use a dealer"):
        trained(job, given)
    extent = Extent(20, (1, 1), (3, 3))
    with pytest.raises(UsageError, match=r"also draws .*digits.*: use a dealer"):
        training.plan(job, ["a", "b"], extent)
    assert training.plan(Job.from_text(NETWORK, "job.toml"), ["a", "b"], extent).rounds > 0


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
