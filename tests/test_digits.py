"""The digits example: 97 % of held-out images, trained on shares, and a model that serves images it does not see."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

import mpcfl
from mpcfl.examples import digits
from mpcfl.learn.schedule import split_rows

DATA = load_digits()
IMAGES, DIGITS = DATA.images[:, None] / 16, DATA.target.astype(np.int64)
TRAIN, TEST = split_rows(len(DIGITS), 0.25, 0)


def given(session):
    """Images of one party, digits of the other."""
    images = session.private(IMAGES if session.rank == 0 else None, 0, IMAGES.shape)
    return images, session.share(DIGITS if session.rank == 1 else None, 1, DIGITS.shape, np.int64)


def test_in_plain_float64():
    model = digits.train(IMAGES[TRAIN], DIGITS[TRAIN])
    assert model.score(IMAGES[TEST], DIGITS[TEST]) > 0.98
    assert set(model.predict(IMAGES[TEST])) == set(range(10))


def test_the_first_steps_on_secrets():
    rows = TRAIN[: 64 * 3]

    def program(session):
        images, labels = given(session)
        model = digits.train(images[rows], labels[rows], epochs=1)
        return {name: w.reveal() for name, w in model.weights_.items()}

    secret = mpcfl.simulate(program, seed=1).results[0]
    for name, plain in digits.train(IMAGES[rows], DIGITS[rows], epochs=1).weights_.items():
        np.testing.assert_allclose(secret[name], plain, atol=5e-3)  # of relu and pools a kink may fall otherwise


def test_a_step_costs():
    def epochs(steps):
        def program(session):
            images, labels = given(session)
            digits.train(images[TRAIN[:64]], labels[TRAIN[:64]], epochs=steps)

        return mpcfl.forecast(program)

    two, three = epochs(2), epochs(3)
    assert three.rounds - two.rounds == 63
    assert three.bytes_sent[0] - two.bytes_sent[0] < 3.2e6


@pytest.mark.slow
def test_trained_on_shares():
    def program(session):
        images, labels = given(session)
        model = digits.train(images[TRAIN], labels[TRAIN], epochs=8)
        return model.score(images[TEST], labels[TEST]).reveal()

    assert mpcfl.simulate(program).results[0] >= 0.97


@pytest.mark.parametrize("rows", [1, 16])
def test_a_model_serves_images_that_it_does_not_see(rows):
    trained = digits.train(IMAGES[TRAIN], DIGITS[TRAIN], epochs=3)

    def program(session):
        weights = {
            name: session.private(w if session.rank == 0 else None, 0, w.shape) for name, w in trained.weights_.items()
        }
        asked = session.private(IMAGES[:rows] if session.rank == 1 else None, 1, (rows, 1, 8, 8))
        return digits.network().load(weights, (1, 8, 8)).predict(asked).reveal(to=[session.parties[1]])

    run = mpcfl.simulate(program, seed=2)
    assert run.results[0] is None
    np.testing.assert_array_equal(run.results[1], trained.predict(IMAGES[:rows]))
    foreseen = mpcfl.forecast(program)
    assert (foreseen.rounds, foreseen.bytes_sent) == (run.rounds, run.bytes_sent) == (39, run.bytes_sent)
