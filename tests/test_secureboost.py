"""Boosted trees by homomorphic encryption: the trees of plaintext, the credit data, messages, leaks, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from wiring import at_once, people

import mpcfl
from mpcfl import he, secureboost
from mpcfl.connection import connect
from mpcfl.contribution import Contribution
from mpcfl.errors import InputError, Mismatch, ProtocolViolation, UsageError
from mpcfl.examples import credit
from mpcfl.he.histograms import Histograms
from mpcfl.job import Job
from mpcfl.learn.schedule import split_rows
from mpcfl.learn.trees import GradientBoostingClassifier, GradientBoostingRegressor
from mpcfl.learn.trees.bins import Column
from mpcfl.learn.trees.splits import Splits
from mpcfl.ledger import Disclosures
from mpcfl.protocols.secureboost import ANSWERS, CHOICES, HISTOGRAMS, LEAKS, SIDES, Cells, flags, packed_flags
from mpcfl.secureboost.task import going_left, located

NAMES = ["guest", "host"]
ROWS = 120
rng = np.random.default_rng(5)
X = rng.normal(size=(ROWS, 6))
X[:, 4] = X[:, 4] > 0
X[::7, 5] = X[::5, 1] = np.nan
Y = (X[:, 0] + X[:, 3] * X[:, 2] + X[:, 4] + rng.normal(size=ROWS) / 2 > 0).astype(int)
NUMBERS = X[:, 3] ** 2 + np.nan_to_num(X[:, 5])
SMALL = {"n_estimators": 2, "max_depth": 3, "max_bins": 8}
PURPOSES = [(HISTOGRAMS, ["guest"]), (SIDES, ["guest"]), (CHOICES, ["host"]), (ANSWERS, ["guest"])]


def program(learner, x=X, y=Y, split=3, insecure_bits=512, unseen=None, **options):
    def train(session):
        own = slice(0, split) if session.rank == 0 else slice(split, None)
        labels = y if session.rank == 0 else None
        fitted = secureboost.fit(
            session, learner, x[:, own], labels, rows=len(X), insecure_bits=insecure_bits, **options
        )
        asked = x if unseen is None else unseen
        return fitted, secureboost.scores(session, fitted, asked[:, own], rows=len(asked))

    return train


def joined(results):
    """The guest's and the host's splits, as one learner has them."""
    (guest, _), (host, _) = results
    return np.concatenate([guest.left, host.left], axis=1)


LEARNERS = {
    "two classes": (GradientBoostingClassifier(**SMALL), Y),
    "parts of rows and columns": (
        GradientBoostingClassifier(**SMALL, subsample=0.6, colsample_bytree=0.5, base_score=0.3, random_state=3),
        Y,
    ),
    "penalties": (GradientBoostingClassifier(**SMALL, reg_alpha=0.5, reg_lambda=0.2, gamma=0.3), Y),
    "few splits": (GradientBoostingClassifier(**SMALL, min_child_weight=8.0), Y),
    "numbers": (GradientBoostingRegressor(**SMALL, min_child_weight=5.0), NUMBERS),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_the_trees_are_those_of_plaintext(name):
    learner, y = LEARNERS[name]
    run = mpcfl.simulate(program(learner, y=y, unseen=X[::2]), NAMES)
    (guest, told), (host, nothing) = run.results
    plain = type(learner)(**learner.get_params()).fit(X, y)
    assert not hasattr(learner, "leaves_")
    np.testing.assert_array_equal(joined(run.results), plain.left_)
    np.testing.assert_allclose(guest.leaves, plain.leaves_, atol=1e-5)
    assert guest.base == pytest.approx(float(plain.base_[0]))
    expected = plain.predict(X[::2]) if name == "numbers" else plain.decision_function(X[::2])
    np.testing.assert_allclose(told, expected, atol=1e-5)
    assert (host.leaves, host.base, nothing) == (None, None, None)
    assert guest.columns[3:] == host.columns
    np.testing.assert_array_equal(guest.owners, host.owners)
    assert 2 in guest.owners or name == "few splits"


@pytest.mark.parametrize("split", [1, 5])
def test_either_party_may_have_a_single_column(split):
    learner, _ = LEARNERS["two classes"]
    run = mpcfl.simulate(program(learner, split=split), NAMES)
    np.testing.assert_array_equal(joined(run.results), GradientBoostingClassifier(**SMALL).fit(X, Y).left_)


def test_nothing_to_split_is_a_tree_without_splits():
    learner = GradientBoostingClassifier(**SMALL, min_child_weight=1000.0)
    (guest, told), (host, _) = mpcfl.simulate(program(learner), NAMES).results
    assert not guest.owners.any()
    assert not guest.left.any()
    assert not host.left.any()
    np.testing.assert_allclose(told, learner.fit(X, Y).decision_function(X), atol=1e-5)


def test_the_credit_data_give_the_trees_and_the_auc_of_plaintext():
    job = Job.load(credit.path("job.toml"))
    bank, bureau = (Contribution.read(job, name, credit.path(f"{name}.csv")) for name in ("bank", "bureau"))
    train, test = split_rows(bank.rows, job.split.test, job.job.seed)
    x, y = np.column_stack([bank.features, bureau.features]), bank.labels
    learner = GradientBoostingClassifier(n_estimators=8, max_depth=3, learning_rate=0.5)
    held = {}

    def play(session):
        own = bank.features if session.rank == 0 else bureau.features
        labels = y[train] if session.rank == 0 else None
        fitted = secureboost.fit(session, learner, own[train], labels, rows=len(train), insecure_bits=256)
        held[session.rank] = fitted
        return secureboost.scores(session, fitted, own[test], rows=len(test))

    told = mpcfl.simulate(play, NAMES).results[0]
    plain = learner.fit(x[train], y[train])
    np.testing.assert_array_equal(np.concatenate([held[0].left, held[1].left], axis=1), plain.left_)
    best = roc_auc_score(y[test], plain.decision_function(x[test]))
    assert best > 0.8
    assert abs(roc_auc_score(y[test], told) - best) < 0.005


# ----------------------------------------------------------------------------------------------- messages and their use


def test_training_over_real_links_ends_with_agreeing_ledgers(tmp_path):
    identities, roster = people(2)
    names = [identity.name for identity in identities]
    purposes = {purpose: [names[NAMES.index(reader)] for reader in readers] for purpose, readers in PURPOSES}
    learner, _ = LEARNERS["two classes"]

    def play(identity):
        allowed = Disclosures(tuple(purposes.items()))
        with connect(roster, identity, identity.name, connect_timeout=30, disclosures=allowed) as session:
            result = program(learner)(session)
            return result, [(e.message, e.exposure) for e in session.ledger.entries]

    outcomes = at_once(*(lambda identity=identity: play(identity) for identity in identities))
    for outcome in outcomes:
        assert not isinstance(outcome, Exception), outcome
    plain = GradientBoostingClassifier(**SMALL).fit(X, Y)
    np.testing.assert_array_equal(joined([result for result, _ in outcomes]), plain.left_)
    seen = {pair for _, entries in outcomes for pair in entries if pair[0].startswith("secureboost")}
    assert seen == {
        ("secureboost.key", "public"),
        ("secureboost.slopes", "ciphertext"),
        ("secureboost.histogram", "output"),
        ("secureboost.choice", "output"),
        ("secureboost.side", "output"),
        ("secureboost.answer", "output"),
    }


@pytest.mark.parametrize("missing", [purpose for purpose, _ in PURPOSES])
def test_what_is_shown_must_be_agreed_on(missing):
    allowed = Disclosures(tuple((purpose, readers) for purpose, readers in PURPOSES if purpose != missing))
    learner, _ = LEARNERS["two classes"]
    with pytest.raises(mpcfl.errors.MpcflError, match=missing):
        mpcfl.simulate(program(learner), NAMES, disclosures=allowed)


def test_a_tree_takes_two_rounds_a_level_and_two_more():
    learner, _ = LEARNERS["two classes"]
    one, two = (
        mpcfl.simulate(program(GradientBoostingClassifier(**{**SMALL, "n_estimators": trees})), NAMES).rounds
        for trees in (1, 2)
    )
    assert two - one == 2 + 2 * learner.max_depth


def test_sums_leave_under_fresh_randomness(monkeypatch):
    """Else the guest, who knows the randomness of all that it sent, reads from a sum which rows are in it."""
    made, left = [], []
    packed, randomised = he.PaillierArray.packed, he.PublicKey.randomised
    monkeypatch.setattr(he.PaillierArray, "packed", lambda self: made.append(packed(self)) or made[-1])
    monkeypatch.setattr(
        he.PublicKey, "randomised", lambda self, *args: left.append((args, randomised(self, *args))) or left[-1][1]
    )
    mpcfl.simulate(program(LEARNERS["two classes"][0]), NAMES)
    assert len(left) == len(made) == 6
    for array, (args, fresh) in zip(made, left, strict=True):
        assert args == (array.ciphertexts,)  # with full exponents
        n = int(array.key.n)
        quotients = [int(b) * pow(int(a), -1, n) % n for a, b in zip(array.ciphertexts, fresh, strict=True)]
        assert len({1, *quotients}) == 1 + len(fresh)


def test_the_schedule_does_not_depend_on_labels_where_the_shape_of_the_trees_does_not():
    learner = GradientBoostingClassifier(n_estimators=1, max_depth=1, max_bins=8, min_child_weight=0.0)
    schedules = []
    for y in (Y, 1 - Y, np.arange(ROWS) % 2):
        run = mpcfl.simulate(program(learner, y=y), NAMES)
        entries = [(e.message, e.direction, e.shape, e.round) for e in run.ledgers[0].entries]
        schedules.append([one for one in entries if one[0] not in ("secureboost.side", "secureboost.answer")])
    assert schedules[0] == schedules[1] == schedules[2]


def test_results_say_what_is_shown():
    (guest, _), (host, _) = mpcfl.simulate(program(LEARNERS["two classes"][0]), NAMES).results
    assert guest.report() == host.report() == "\n".join(f"* {leak}" for leak in LEAKS)


# ------------------------------------------------------------------------------------------------- plaintexts and sums

SECRET = he.generate(insecure_bits=512)


@given(st.integers(1, 1 << 40), st.integers(1, 1 << 30), st.integers(1, 1 << 20), st.data())
def test_no_slot_overflows(slope, curvature, rows, data):
    cells = Cells(slope, curvature, rows)
    few = min(rows, 4)
    slopes = np.array(data.draw(st.lists(st.integers(-slope, slope), min_size=few, max_size=few)))
    curvatures = np.array(data.draw(st.lists(st.integers(0, curvature), min_size=few, max_size=few)))
    sums = cells.joined(slopes, curvatures).integers.sum(keepdims=True)
    assert cells.parted(sums) == (slopes.sum(), curvatures.sum())
    for extreme in (-slope, slope):
        one = cells.joined(np.array([extreme]), np.array([curvature])).integers
        assert abs(one[0]) <= cells.bound
        assert cells.parted(one * rows) == (extreme * rows, curvature * rows)


def test_sums_at_their_bounds_come_back_packed():
    cells = Cells(1 << 24, 1 << 22, 64)
    for sign in (-1, 1):
        rows = cells.joined(np.full(64, sign << 24), np.full(64, 1 << 22))
        sums = Histograms(SECRET.encrypt(rows), np.ones((64, 9), int), [1] * 9).sums(np.zeros(64, int), 1)
        slopes, curvatures = cells.parted(SECRET.decrypt(sums.packed(), dtype=object))
        assert (slopes == sign << 30).all()
        assert (curvatures == 1 << 28).all()


def test_numbers_beyond_their_bounds_are_refused():
    cells = Cells(4, 4, 10)
    for slope, curvature in ((5, 0), (-5, 0), (0, 5), (0, -1)):
        with pytest.raises(InputError):
            cells.joined(np.array([slope]), np.array([curvature]))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_histograms_are_sums_by_node_column_and_bin(data):
    rows, count = data.draw(st.integers(0, 25)), data.draw(st.integers(1, 3))
    sizes = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=7))
    numbers = np.array(data.draw(st.lists(st.integers(-9, 9), min_size=rows, max_size=rows)), int)
    nodes = np.array(data.draw(st.lists(st.integers(-1, count - 1), min_size=rows, max_size=rows)), int)
    codes = np.array(
        [data.draw(st.lists(st.integers(0, n), min_size=rows, max_size=rows)) for n in sizes], int
    ).T.reshape(rows, len(sizes))
    got = SECRET.decrypt(Histograms(SECRET.encrypt(numbers, limit=9), codes, sizes).sums(nodes, count))
    cells = [(c, code) for c, n in enumerate(sizes) for code in range(1, n + 1)]
    want = [[numbers[(nodes == node) & (codes[:, c] == code)].sum() for c, code in cells] for node in range(count)]
    np.testing.assert_array_equal(got, np.array(want).reshape(count, -1))


def test_histograms_of_columns_whose_bins_together_exceed_a_word():
    codes = np.arange(40)[:, None] * np.ones(20, int) % 9
    got = SECRET.decrypt(Histograms(SECRET.encrypt(np.ones(40, int)), codes, [8] * 20).sums(np.zeros(40, int), 1))
    np.testing.assert_array_equal(got, np.tile(np.bincount(codes[:, 0])[1:], 20)[None])


@given(st.lists(st.booleans(), max_size=200))
def test_flags_cross_in_words(values):
    words = packed_flags(np.array(values, bool))
    assert len(words) == -(-len(values) // 64)
    assert flags(words, len(values)).tolist() == values


# ------------------------------------------------------------------------------------------------------------- refusals


def test_a_split_is_found_by_its_column_and_number():
    splits = Splits.of([Column(3), Column(4, missing=True), Column(3), Column(1)])
    for number in range(len(splits)):
        one = np.zeros((len(splits), 1))
        one[number] = 1
        np.testing.assert_array_equal(going_left(splits, *located(splits, number)), splits.going_left(one)[:, 0] > 0)
    for column, number in ((0, 2), (3, 0), (4, 0), (0, -1)):
        with pytest.raises(ProtocolViolation):
            going_left(splits, column, number)
    with pytest.raises(IndexError):
        located(splits, len(splits))


@pytest.mark.parametrize(
    ("learner", "changes"),
    [
        (GradientBoostingClassifier(classes=3), {}),
        (GradientBoostingClassifier(scale_pos_weight=2.0), {}),
        (GradientBoostingClassifier(categorical_features=(1,)), {}),
        (GradientBoostingRegressor(loss="poisson"), {}),
        (GradientBoostingClassifier(), {"y": Y * 2}),
        (GradientBoostingClassifier(), {"y": Y[:5]}),
        (GradientBoostingClassifier(), {"y": None}),
        (GradientBoostingRegressor(), {"y": np.where(Y, np.nan, 1.0)}),
        (GradientBoostingRegressor(), {"limit": 2.0**30}),
        (GradientBoostingRegressor(), {"limit": 0.0}),
        (GradientBoostingRegressor(), {"limit": np.nan}),
        (GradientBoostingClassifier(), {"x": X[:5]}),
        (GradientBoostingClassifier(), {"secret": he.generate(insecure_bits=256)}),
    ],
)
def test_what_does_not_fit_is_refused(learner, changes):
    with pytest.raises(UsageError):
        mpcfl.simulate(program(learner, **changes), NAMES)


def test_targets_beyond_their_limit_are_refused():
    with pytest.raises(InputError, match=r"public bound"):
        mpcfl.simulate(program(GradientBoostingRegressor(**SMALL), y=NUMBERS, limit=1.0), NAMES)


def test_learners_that_differ_end_in_a_mismatch():
    def play(session):
        learner = GradientBoostingClassifier(**{**SMALL, "max_depth": 2 + session.rank})
        return program(learner)(session)

    with pytest.raises(Mismatch):
        mpcfl.simulate(play, NAMES)


def test_three_parties_are_refused():
    with pytest.raises(UsageError, match=r"two parties"):
        mpcfl.simulate(program(GradientBoostingClassifier()), 3)


def test_it_is_not_foreseen():
    with pytest.raises(UsageError, match=r"cannot be foreseen"):
        mpcfl.forecast(program(GradientBoostingClassifier()), 2)
