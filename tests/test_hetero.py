"""Logistic regression by homomorphic encryption: the plaintext step, the credit data, messages, leaks, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from wiring import at_once, people

import mpcfl
from mpcfl import hetero
from mpcfl.connection import connect
from mpcfl.contribution import Contribution
from mpcfl.errors import UsageError
from mpcfl.examples import credit
from mpcfl.job import Job
from mpcfl.learn.schedule import minibatches, split_rows
from mpcfl.protocols.hetero import ARBITER_LEAKS, SHARED_LEAKS, _times, _truncated

NAMES = {"arbiter": ["guest", "host", "arbiter"], "shared": ["guest", "host"]}
FORMS = ["arbiter", "shared"]
ROWS = 60
rng = np.random.default_rng(5)
X = rng.normal(size=(ROWS, 5))
Y = (X @ np.array([1.0, -1.0, 0.5, 0.0, 2.0]) + rng.normal(size=ROWS) > 0).astype(int)


def program(form, x=X, y=Y, split=3, **parameters):
    columns = (split, x.shape[1] - split)
    options = {"batch_size": 20, "epochs": 2, "learning_rate": 0.5, "momentum": 0.5, "l2": 0.01, "insecure_bits": 512}

    def train(session):
        own = [x[:, :split], x[:, split:], None][session.rank]
        labels = y if session.rank == 0 else None
        chosen = {**options, **parameters}
        return hetero.logistic_regression(session, own, labels, rows=len(x), columns=columns, form=form, **chosen)

    return train


def in_plain(x, y, epochs=2, batch_size=20, rate=0.5, momentum=0.5, l2=0.01):
    """The same steps on plaintext."""
    x = np.column_stack([x, np.ones(len(x))])
    w = v = np.zeros(x.shape[1])
    for rows in minibatches(len(x), batch_size, epochs, 0):
        d = x[rows] @ w / 4 + 0.5 - y[rows]
        v = momentum * v + x[rows].T @ d / len(rows) + l2 * np.append(w[:-1], 0)  # the intercept comes last
        w = w - rate * v
    return w


def joined(results):
    guest, host = results[:2]
    return np.concatenate([guest.coef, host.coef, [guest.intercept]])


@pytest.mark.parametrize("form", FORMS)
def test_training_takes_the_steps_of_plaintext(form):
    run = mpcfl.simulate(program(form), NAMES[form])
    np.testing.assert_allclose(joined(run.results), in_plain(X, Y), atol=2e-3)
    assert run.rounds == {"arbiter": 2 + 4 * 6, "shared": 1 + 4 * 6 + 1}[form]
    for result in run.results[2:]:
        assert result.coef is None
        assert result.intercept is None


@pytest.mark.parametrize("form", ["arbiter", pytest.param("shared", marks=pytest.mark.slow)])
def test_the_credit_data_give_the_auc_of_plaintext(form):
    job = Job.load(credit.path("job.toml"))
    bank, bureau = (Contribution.read(job, name, credit.path(f"{name}.csv")) for name in ("bank", "bureau"))
    train, test = split_rows(bank.rows, job.split.test, job.job.seed)
    x, y = np.column_stack([bank.features, bureau.features]), bank.labels
    plain = LogisticRegression(max_iter=1000).fit(x[train], y[train])
    best = roc_auc_score(y[test], plain.predict_proba(x[test])[:, 1])
    options = {"batch_size": 512, "epochs": 6, "learning_rate": 0.5, "momentum": 0.0, "l2": 1e-3}
    weights = joined(mpcfl.simulate(program(form, x[train], y[train], bank.width, **options), NAMES[form]).results)
    assert abs(roc_auc_score(y[test], x[test] @ weights[:-1]) - best) < 0.005


@pytest.mark.parametrize("form", FORMS)
def test_training_over_real_links_ends_with_agreeing_ledgers(form, tmp_path):
    identities, roster = people(len(NAMES[form]))

    def play(identity):
        with connect(roster, identity, identity.name, connect_timeout=30) as session:
            fitted = program(form, epochs=1)(session)
            return fitted, [(e.message, e.exposure) for e in session.ledger.entries]

    outcomes = at_once(*(lambda identity=identity: play(identity) for identity in identities))
    for outcome in outcomes:
        assert not isinstance(outcome, Exception), outcome
    np.testing.assert_allclose(joined([fitted for fitted, _ in outcomes]), in_plain(X, Y, epochs=1), atol=2e-3)
    seen = {pair for _, entries in outcomes for pair in entries}
    expected = {
        "arbiter": {
            ("hetero.key", "public"),
            ("hetero.score", "ciphertext"),
            ("hetero.residual", "ciphertext"),
            ("hetero.gradient", "masked"),
            ("hetero.step", "masked"),
        },
        "shared": {
            ("paillier.key", "public"),
            ("hetero.share", "ciphertext"),
            ("hetero.product", "share"),
            ("hetero.model", "output"),
        },
    }
    assert seen == expected[form]


def test_results_say_what_their_form_leaks():
    for form, leaks in (("arbiter", ARBITER_LEAKS), ("shared", SHARED_LEAKS)):
        fitted = hetero.Fitted(None, None, hetero.LEAKS[form])
        assert fitted.report() == "\n".join(f"* {leak}" for leak in leaks)


def test_the_residuals_that_a_guest_returns_have_fresh_randomness(monkeypatch):
    """Else the host takes its own ciphertexts off and reads scores and labels."""
    sent = []
    words = mpcfl.he.PaillierArray.to_words
    monkeypatch.setattr(mpcfl.he.PaillierArray, "to_words", lambda self: sent.append(self) or words(self))
    mpcfl.simulate(program("arbiter", epochs=1, batch_size=60), NAMES["arbiter"])
    score, residual = sent
    n, modulus = score.key.n, score.key.n_squared
    for one, other in zip(score.ciphertexts, residual.ciphertexts, strict=True):
        assert other * pow(int(one), -1, int(modulus)) % modulus % n != 1


def test_local_truncation_of_uniform_shares_is_off_by_one_at_most():
    draws = np.random.default_rng(3)
    half = 1 << 111
    for x in (0, 1, -1, 12345678901234, -(2**60), 2**62):
        for _ in range(20):
            share = int.from_bytes(draws.bytes(14), "little") - half
            shares = [np.array([share], object), np.array([x - share], object)]
            made = sum(int(_truncated(rank, part, 12)[0]) for rank, part in enumerate(shares))
            made = (made + half) % (2 * half) - half
            assert abs(made - (x >> 12)) <= 1
    assert _times(0, np.array([0], object), 5)[0] == _times(1, np.array([0], object), 5)[0] == 0


def test_it_is_not_foreseen():
    with pytest.raises(UsageError, match=r"cannot be foreseen"):
        mpcfl.forecast(program("shared"), 2)


@pytest.mark.parametrize(
    ("form", "parties", "changes"),
    [
        ("arbiter", 2, {}),
        ("shared", 3, {}),
        ("other", 2, {}),
        ("shared", 2, {"y": Y * 2}),
        ("shared", 2, {"y": Y[:5]}),
        ("shared", 2, {"x": X[:, :1]}),
    ],
)
def test_what_does_not_fit_is_refused(form, parties, changes):
    with pytest.raises(UsageError):
        mpcfl.simulate(program(form, **{"split": 3, **changes}), parties)
