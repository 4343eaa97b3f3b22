"""What the others see of a party's data: nothing, in words, in sizes or in the order of things."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from checks import check_no_word_repeats, check_uniform
from simulation import perform
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mpcfl import numerics
from mpcfl.effects import Open, Protocol
from mpcfl.message import Exposure
from mpcfl.pairwise import Pairwise
from mpcfl.protocol import Context, rule
from mpcfl.protocols import semi2k
from mpcfl.protocols.beaver import OPERAND, Mask, Triple, mul, operand_bits
from mpcfl.share import Share

N = 16
END = 2.0**20 - 2.0**-18  # products of two stay in range


def everything(x_of, y_of):
    """A program that uses every rule on x, known to party 0, and y, known to party 1, and tells party 0 alone."""

    def program(session):
        first = session.rank == 0
        x = session.share(x_of if first else None, owner=0, shape=(N,))
        p = session.private(x_of if first else None, owner=0, shape=(N,))
        y = session.share(y_of if not first else None, owner=1, shape=(N,))
        chosen = np.where(x < y, x * y, np.abs(x) * 0.3)
        square = np.square(p) + p.reshape(4, 4).T.reshape(N) * y
        series = numerics.sigmoid(x) + numerics.softplus(y)
        bits = (x == y) | (x > 0.5)
        ratio = numerics.divide(1 * bits, 1 * bits + 1)
        rounded = np.rint(x)
        product = p.reshape(4, 4) @ y.reshape(4, 4)
        total = chosen + square + series + ratio + rounded + product.reshape(N)
        return total.reveal(to=session.parties[0])

    return program


INPUTS = {
    "zeros": np.zeros(N),
    "random": np.random.default_rng(0).normal(0, 100, N),
    "largest": np.full(N, END),
    "smallest": np.full(N, -END),
    "alternating": np.tile([END, -END, 0.0, 2.0**-18], N // 4),
}


def schedule(world):
    return [(d.round, d.sender, d.receiver, d.message.name, d.words.shape) for d in world.deliveries]


@pytest.mark.parametrize("parties", [2, 3])
def test_the_schedule_is_the_same_for_all_inputs(parties):
    worlds = [
        perform(everything(INPUTS[x], INPUTS[y]), parties, seed=seed)[1]
        for seed, (x, y) in enumerate((x, y) for x in INPUTS for y in INPUTS)
    ]
    assert len(schedule(worlds[0])) > 20
    for world in worlds[1:]:
        assert schedule(world) == schedule(worlds[0])
        assert world.rounds == worlds[0].rounds
        assert world.bytes_sent == worlds[0].bytes_sent
        assert world.offline_bytes == worlds[0].offline_bytes


# A classifier with the other party's view


RUNS = 600


def histogram(words):
    return np.bincount(words.view(np.uint8), minlength=256) / words.nbytes


def usual(x_of, y_of):
    """Products, a choice by comparison and a sigmoid: fewer rounds than `everything`, to be run often."""

    def program(session):
        x = session.share(x_of if session.rank == 0 else None, owner=0, shape=(N,))
        p = session.private(x_of if session.rank == 0 else None, owner=0, shape=(N,))
        y = session.share(y_of if session.rank == 1 else None, owner=1, shape=(N,))
        table = p.reshape(4, 4) @ y.reshape(4, 4)
        total = np.where(x < y, x, y) + table.reshape(N) + numerics.sigmoid(x) + (x == y)
        return total.reveal(to=session.parties[0])

    return program


@functools.cache
def views(name):
    """The byte histogram of all that party 1 received while party 0 had that input, for each of many runs."""
    rows = []
    for run in range(RUNS):
        seed = 2 * run + (name == "zeros")  # no run of one input has the randomness of one of the other
        world = perform(usual(INPUTS[name], INPUTS["random"]), seed=seed)[1]
        rows.append(histogram(np.concatenate([d.words.reshape(-1) for d in world.deliveries if d.receiver == 1])))
    return np.array(rows)


def separation(left, right):
    """AUC on held-out runs of a linear classifier and of the nearest centroid; by chance 0.5 with deviation 0.024."""
    half = RUNS // 2
    train, test = (np.concatenate([left[part], right[part]]) for part in (slice(half), slice(half, None)))
    labels = np.repeat([0, 1], half)
    scale = train.std(axis=0) + 1e-12
    linear = LogisticRegression(C=0.01, max_iter=1000).fit(train / scale, labels).decision_function(test / scale)
    distance = [np.linalg.norm((test - train[labels == label].mean(axis=0)) / scale, axis=1) for label in (0, 1)]
    return roc_auc_score(labels, linear), roc_auc_score(labels, distance[0] - distance[1])


@pytest.mark.parametrize("other", ["largest", "alternating"])
def test_nobody_can_tell_two_inputs_apart(other):
    for auc in separation(views("zeros"), views(other)):
        assert 0.4 <= auc <= 0.6


@rule("mul", rounds=1, bits=operand_bits, messages=[OPERAND], correlations=[Mask, Triple])
def bare(ctx: Context, x: Share, y: Share) -> Protocol:
    """A planted bug: x is opened as it is."""
    clear = yield Open(OPERAND, x.words)
    masked = yield from mul(ctx, x, y)
    return masked + np.uint64(0) * clear


def test_the_classifier_sees_an_opening_without_a_mask():
    def program(x_of, y_of):
        def run(session):
            x = session.share(x_of if session.rank == 0 else None, owner=0, shape=(N,))
            y = session.share(y_of if session.rank == 1 else None, owner=1, shape=(N,))
            (x * y).reveal(to=session.parties[0])

        return run

    leaky = semi2k.suite.derive("leaky", [bare])

    def seen(x):
        """What party 1 has when it adds its own share to the one that it received."""
        rows = []
        for run in range(RUNS):
            world = perform(program(x, INPUTS["random"]), seed=run, suite=leaky)[1]
            first = [d for d in world.deliveries if d.message is OPERAND and d.round == 0]
            rows.append(histogram(first[0].words + first[1].words))
        return np.array(rows)

    assert min(separation(seen(INPUTS["zeros"]), seen(INPUTS["largest"]))) > 0.95


# Outputs


def output_words(program, seeds=(0,), parties=2):
    """All shares of outputs that are sent, over several runs."""
    return [
        d.words.reshape(-1)
        for seed in seeds
        for d in perform(program, parties, seed=seed)[1].deliveries
        if d.message.exposure is Exposure.OUTPUT and d.receiver == (1 if d.sender == 0 else 0)
    ]


def constants(session):
    """Results whose shares would be 0 at all parties but the first."""
    x = session.share(np.zeros(4096) if session.rank == 0 else None, owner=0, shape=(4096,))
    zero = np.zeros_like(x)
    zero.reveal()
    zero.reveal()
    (zero + 1).reveal()


@pytest.mark.parametrize("parties", [2, 3])
def test_the_shares_of_an_output_are_uniform_and_fresh(parties):
    said = output_words(constants, seeds=(0, 1), parties=parties)
    assert len(said) == 2 * 3 * parties
    check_uniform(said)
    check_no_word_repeats(said)


def test_the_same_input_has_other_shares_in_another_run():
    def program(session):
        session.share(np.ones(100), owner=0, shape=(100,)).reveal()

    first, second = (np.concatenate(output_words(program, seeds=(seed,))) for seed in (0, 1))
    assert not np.isin(first, second).any()


def test_an_output_without_fresh_zeros_is_noticed(monkeypatch):
    monkeypatch.setattr(Pairwise, "zero", lambda self, shape, width: np.zeros(shape, np.uint64))
    said = output_words(constants)
    with pytest.raises(AssertionError, match="not uniform"):
        check_uniform(said)
    with pytest.raises(AssertionError, match="used again"):
        check_no_word_repeats(said)


def test_a_reader_learns_the_sum_and_no_more_of_three_shares():
    """Two shares that reach one reader are uniform each, and so is their pair's difference."""

    def program(session):
        x = session.share(np.zeros(4096) if session.rank == 0 else None, owner=0, shape=(4096,))
        np.zeros_like(x).reveal(to=session.parties[0])

    deliveries = [d for d in perform(program, 3)[1].deliveries if d.message.exposure is Exposure.OUTPUT]
    one, two = (d.words for d in deliveries)
    check_uniform([one, two, one - two])
    assert np.abs(np.mean(one == -two)) < 1e-3


def test_inputs_are_shared_without_a_word_of_data():
    def program(session):
        session.share(INPUTS["random"] if session.rank == 0 else None, owner=0, shape=(N,))
        session.private(INPUTS["random"] if session.rank == 0 else None, owner=0, shape=(N,))
        session.barrier()

    assert perform(program)[1].deliveries == []
