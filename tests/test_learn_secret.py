"""Training on secrets: the same coefficients as on ndarrays, and data that is sent once."""

from __future__ import annotations

import numpy as np
import pytest

import mpcfl
from mpcfl.learn.linear import LogisticRegression

ROWS, COLUMNS, BATCH = 240, 8, 40
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, COLUMNS))
Y = (RNG.random(ROWS) < 1 / (1 + np.exp(-X @ RNG.normal(size=COLUMNS)))).astype(np.float64)


def training(parameters, private=True, parties=2):
    """Columns by party, labels at the first; the model is trained and revealed."""
    width = COLUMNS // parties
    places = [slice(i * width, (i + 1) * width if i + 1 < parties else COLUMNS) for i in range(parties)]

    def program(session):
        give = session.private if private else session.share
        blocks = [
            give(X[:, own] if session.rank == rank else None, owner=rank, shape=X[:, own].shape)
            for rank, own in enumerate(places)
        ]
        y = session.share(Y if session.rank == 0 else None, owner=0, shape=(ROWS,))
        model = LogisticRegression(**parameters).fit(np.concatenate(blocks, axis=1), y)
        return model.coef_.reveal(), model.intercept_.reveal(), model.predict_proba(X[:5]).reveal()

    return program


BASE = {"epochs": 4, "batch_size": BATCH, "seed": 5}


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"momentum": 0.0, "l2": 0.0},
        {"decay": 0.1, "learning_rate": 1.0, "l2": 0.01},
        {"class_weight": {0: 1.0, 1: 2.5}},
    ],
)
def test_the_same_coefficients_as_on_plain_arrays(extra, parties):
    parameters = {**BASE, **extra}
    plain = LogisticRegression(**parameters).fit(X, Y)
    results = mpcfl.simulate(training(parameters, parties=parties), parties=parties, seed=1).results
    for coef, intercept, probability in results:
        np.testing.assert_allclose(coef, plain.coef_, atol=2e-3)
        np.testing.assert_allclose(intercept, plain.intercept_, atol=2e-3)
        np.testing.assert_allclose(probability, plain.predict_proba(X[:5]), atol=2e-3)


@pytest.mark.parametrize("parties", [2, 3])
@pytest.mark.parametrize("private", [True, False])
def test_the_data_is_opened_in_the_first_step_and_never_again(private, parties):
    def entries(epochs):
        run = mpcfl.simulate(training({**BASE, "epochs": epochs}, private, parties), parties=parties, seed=1)
        return [entry for ledger in run.ledgers for entry in ledger.entries if entry.direction == "out"]

    one, two, three = entries(1), entries(2), entries(3)
    # the matrix is said once in all, by each party that holds words of it, to each other party
    width = COLUMNS // parties
    shapes = {(ROWS, width), (ROWS, COLUMNS - (parties - 1) * width)}
    for said in (one, two, three):
        matrices = [entry for entry in said if entry.shape in shapes]
        assert len(matrices) == parties * (parties - 1) * (1 if private else parties)
    # an epoch more costs the same each time, and that grows with n + d a step, not with n d
    volume = [sum(entry.payload_bytes for entry in said) for said in (one, two, three)]
    more = volume[2] - volume[1]
    assert more == volume[1] - volume[0]
    steps = ROWS // BATCH
    words = more / 8 / steps / parties / (parties - 1)
    assert words < 5 * BATCH + 10 * (COLUMNS + 1)


def test_bytes_a_step_grow_with_rows_plus_columns():
    """Twice the columns: no more than d words more for each of the few vectors of that length."""

    def per_epoch(columns):
        def program(epochs):
            def run(session):
                x = session.private(np.ones((ROWS, columns)) if session.rank == 0 else None, 0, (ROWS, columns))
                y = session.share(Y if session.rank == 1 else None, 1, (ROWS,))
                return LogisticRegression(epochs=epochs, batch_size=BATCH).fit(x, y).coef_.reveal()

            return run

        return [
            a - b
            for a, b in zip(mpcfl.forecast(program(3)).bytes_sent, mpcfl.forecast(program(2)).bytes_sent, strict=True)
        ]

    steps, narrow, wide = ROWS // BATCH, per_epoch(100), per_epoch(200)
    for few, many in zip(narrow, wide, strict=True):
        assert (many - few) / 8 / steps <= 5 * 100
        assert few / 8 / steps < 100 * BATCH
