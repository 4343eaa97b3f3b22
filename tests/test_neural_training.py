"""Training of networks: slopes, optimisers, steps on secrets against the same steps on plain arrays, and their cost."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor

import mpcfl
from bench.workloads import parse
from mpcfl import grad
from mpcfl.errors import InputError
from mpcfl.learn.neural import (
    AveragePool2D,
    BatchNorm,
    BinaryCrossEntropy,
    Chain,
    Conv2D,
    CrossEntropy,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Huber,
    LogLoss,
    MaxPool2D,
    MeanSquaredError,
    MLPClassifier,
    MLPRegressor,
    ReLU,
    Sequential,
    one_hot,
)
from mpcfl.learn.neural.losses import LOSSES, loss_of
from mpcfl.learn.neural.optimizers import SGD, Adam
from mpcfl.learn.neural.training import begin, step

RNG = np.random.default_rng(8)
CLASSES = 3
CODES = RNG.integers(0, CLASSES, 48)
X = RNG.normal(size=(48, 5)) + np.eye(CLASSES, 5)[CODES] * 2
IMAGES = RNG.normal(size=(48, 1, 6, 6)) + CODES[:, None, None, None]
NUMBERS = X @ RNG.normal(size=(5, 2))

Z = RNG.normal(size=(7, 4)) * 3
TARGETS = {
    "mse": RNG.normal(size=(7, 4)),
    "huber": RNG.normal(size=(7, 4)) * 2,
    "binary_cross_entropy": RNG.integers(0, 2, (7, 4)).astype(np.float64),
    "cross_entropy": np.eye(4)[RNG.integers(0, 4, 7)],
    "log_loss": np.eye(4)[RNG.integers(0, 4, 7)],
}


# ---- losses


@pytest.mark.parametrize("name", LOSSES)
def test_the_slope_of_a_loss_is_its_gradient(name):
    loss, y = loss_of(name), TARGETS[name]
    array, factor = loss.slope(Z, y)
    np.testing.assert_allclose(array * factor, grad.grad(loss)(Z, y), atol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_slopes_on_secrets(name):
    loss, y = loss_of(name), TARGETS[name]

    def program(session):
        z, target = session.share(Z, 0), session.share(y, 1)
        return loss(z, target).reveal(), loss.slope(z, target)[0].reveal()

    value, slope = mpcfl.simulate(program, seed=1).results[0]
    assert value == pytest.approx(float(loss(Z, y)), abs=1e-3)
    np.testing.assert_allclose(slope, loss.slope(Z, y)[0], atol=1e-3)


def test_losses_by_their_formulas():
    y = TARGETS["mse"]
    assert MeanSquaredError()(Z, y) == pytest.approx(((Z - y) ** 2).mean())
    error = np.abs(Z - y)
    expected = np.where(error <= 0.7, error**2 / 2, 0.7 * (error - 0.35)).mean()
    assert Huber(0.7)(Z, y) == pytest.approx(expected)
    hot = TARGETS["cross_entropy"]
    assert CrossEntropy()(Z, hot) == pytest.approx(-np.log((np.exp(Z) * hot).sum(1) / np.exp(Z).sum(1)).mean())
    y, p = TARGETS["binary_cross_entropy"], 1 / (1 + np.exp(-Z))
    assert BinaryCrossEntropy()(Z, y) == pytest.approx(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())
    assert LogLoss()(Z[:, :1], y[:, :1]) == BinaryCrossEntropy()(Z[:, :1], y[:, :1])
    far = np.array([[800.0, -800.0]])
    assert CrossEntropy()(far, np.array([[0.0, 1.0]])) == pytest.approx(1600)


def test_a_slope_costs_a_softmax_and_no_logarithm():
    hand = mpcfl.cost(lambda z, y: mpcfl.numerics.softmax(z) - y, (64, 10), (64, 10))
    slope = mpcfl.cost(lambda z, y: CrossEntropy().slope(z, y)[0], (64, 10), (64, 10))
    assert (slope.rounds, slope.bytes_sent, slope.offline_bytes) == (hand.rounds, hand.bytes_sent, hand.offline_bytes)


# ---- optimisers

W = {"a": RNG.normal(size=(3, 2)), "b": RNG.normal(size=2)}
SLOPES = [{name: RNG.normal(size=w.shape) * 0.3 for name, w in W.items()} for _ in range(4)]


def textbook_sgd(rate, momentum=0.0, nesterov=False, decay=0.0):
    """PyTorch's form for a constant rate: the velocity is of gradients."""
    w, v = {k: x.copy() for k, x in W.items()}, {k: np.zeros_like(x) for k, x in W.items()}
    for slopes in SLOPES:
        for k in w:
            g = slopes[k] + (decay * w[k] if w[k].ndim > 1 else 0)
            v[k] = momentum * v[k] + g
            w[k] = w[k] - rate * (g + momentum * v[k] if nesterov else v[k])
    return w


def textbook_adam(rate, b1=0.9, b2=0.999, e=1e-4, amsgrad=False, decay=0.0, decoupled=True):
    w = {k: x.copy() for k, x in W.items()}
    m, v, top = ({k: np.zeros_like(x) for k, x in W.items()} for _ in range(3))
    for t, slopes in enumerate(SLOPES, start=1):
        for k in w:
            shrink = decay * w[k] if w[k].ndim > 1 else 0.0
            g = slopes[k] if decoupled else slopes[k] + shrink
            w[k] = w[k] - rate * shrink if decoupled else w[k]
            m[k], v[k] = b1 * m[k] + (1 - b1) * g, b2 * v[k] + (1 - b2) * g * g
            top[k] = np.maximum(top[k], v[k])
            used = top[k] if amsgrad else v[k]
            w[k] = w[k] - rate * m[k] / (1 - b1**t) / np.sqrt(used / (1 - b2**t) + e * e)
    return w


OPTIMIZERS = {
    "sgd": (SGD(0.3), textbook_sgd(0.3)),
    "momentum": (SGD(0.3, momentum=0.8), textbook_sgd(0.3, 0.8)),
    "nesterov": (SGD(0.3, 0.8, nesterov=True, weight_decay=0.1), textbook_sgd(0.3, 0.8, True, 0.1)),
    "adam": (Adam(0.05), textbook_adam(0.05)),
    "adam of a short memory": (Adam(0.05, 0.5, 0.7), textbook_adam(0.05, 0.5, 0.7)),
    "amsgrad": (Adam(0.05, 0.5, 0.7, amsgrad=True), textbook_adam(0.05, 0.5, 0.7, amsgrad=True)),
    "adam with decay": (Adam(0.05, weight_decay=0.1), textbook_adam(0.05, decay=0.1)),
    "adam with a penalty": (
        Adam(0.05, weight_decay=0.1, decoupled=False),
        textbook_adam(0.05, decay=0.1, decoupled=False),
    ),
}


def stepped(optimizer, weights, slopes):
    state = optimizer.start(weights)
    for one in slopes:
        weights, state = optimizer.step(weights, one, state)
    assert state["step"] == len(slopes)
    return weights


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimisers_are_their_textbook_forms_and_run_on_secrets(name):
    optimizer, expected = OPTIMIZERS[name]
    before = {key: w.copy() for key, w in W.items()}
    plain = stepped(optimizer, W, SLOPES)
    for key in W:
        np.testing.assert_allclose(plain[key], expected[key], rtol=1e-9)
        np.testing.assert_array_equal(W[key], before[key])

    def program(session):
        shared = [{key: session.share(g, 0) for key, g in one.items()} for one in SLOPES]
        return [w.reveal() for w in stepped(optimizer, W, shared).values()]

    for secret, key in zip(mpcfl.simulate(program, seed=1).results[0], W, strict=True):
        np.testing.assert_allclose(secret, expected[key], atol=3e-4)


def test_a_rate_may_follow_the_step():
    rates = stepped(SGD(lambda number: 0.5 / (1 + number)), W, SLOPES)
    expected = W["a"] - sum(0.5 / (1 + i) * one["a"] for i, one in enumerate(SLOPES))
    np.testing.assert_allclose(rates["a"], expected)


def test_adam_keeps_small_gradients_apart_from_none():
    slopes = [{"w": np.array([1e-3, -1e-3, 0.0])}] * 3

    def program(session):
        shared = [{"w": session.share(one["w"], 0)} for one in slopes]
        return stepped(Adam(0.01), {"w": np.zeros(3)}, shared)["w"].reveal()

    found = mpcfl.simulate(program, seed=1).results[0]
    np.testing.assert_allclose(found, stepped(Adam(0.01), {"w": np.zeros(3)}, slopes)["w"], atol=1e-3)
    assert found[0] < -0.02 < 0.02 < found[1]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: SGD(0.0), "learning_rate"),
        (lambda: SGD(momentum=1.0), "momentum"),
        (lambda: SGD(weight_decay=-1.0), "weight_decay"),
        (lambda: Adam(beta_1=1.0), "beta_1"),
        (lambda: Adam(epsilon=1e-8), "epsilon times scale"),
        (lambda: Adam(scale=np.inf), "scale"),
    ],
)
def test_parameters_of_optimisers_are_checked(make, said):
    with pytest.raises(InputError, match=said):
        make()


# ---- on secrets as in plain

IMAGE_LAYERS = [Conv2D(4, 3, padding=1), MaxPool2D(2), ReLU(), Flatten(), Dense(CLASSES)]
NORMAL_LAYERS = [
    Conv2D(4, 3, stride=2),
    BatchNorm(),
    ReLU(),
    Conv2D(4, 2, groups=2),
    Flatten(),
    Dropout(0.5),
    Dense(CLASSES),
]
FITS = {
    "images": (Sequential(IMAGE_LAYERS, optimizer=SGD(0.1, 0.9), epochs=2, batch_size=16), IMAGES, CODES),
    "batch norm": (Sequential(NORMAL_LAYERS, optimizer=SGD(0.1), epochs=2, batch_size=16), IMAGES, CODES),
    "classifier": (MLPClassifier((6,), "tanh", max_iter=2, batch_size=16, learning_rate_init=0.02), X, CODES),
    "two classes": (MLPClassifier((4, 4), solver="sgd", max_iter=2, batch_size=16), X, CODES % 2),
    "regressor": (MLPRegressor((6,), "gelu", max_iter=2, batch_size=16, record_loss=True), X, NUMBERS),
    "huber": (Sequential([Dense(3), ReLU(), Dense(1)], "huber", SGD(0.1), 2, 16), X, NUMBERS[:, 0]),
}


def shared(session, X, y):
    """Rows at the first party, what is to be learnt at the second."""
    rows = session.share(X if session.rank == 0 else None, 0, X.shape)
    target = session.share(y if session.rank == 1 else None, 1, y.shape, y.dtype)
    return rows, one_hot(target, CLASSES) if y.dtype == np.int64 and y.max() > 1 else target


def fitted(name, X, y):
    base, _, _ = FITS[name]
    model = type(base)(**base.get_params())
    return model.fit(X, y)


@pytest.mark.parametrize("name", FITS)
def test_steps_on_secrets_are_the_steps_on_plain_arrays(name):
    _, X, y = FITS[name]
    plain = fitted(name, X, y)

    def program(session):
        rows, target = shared(session, X, y)
        model = fitted(name, rows, target)
        losses = [one.reveal() for one in getattr(model, "loss_curve_", [])]
        weights = {key: w.reveal() for key, w in (model.weights_ | model.state_).items()}
        return weights, model.predict(rows).reveal(), model.score(rows, target).reveal(), losses

    weights, predicted, score, losses = mpcfl.simulate(program, seed=2).results[0]
    for key, w in (plain.weights_ | plain.state_).items():
        np.testing.assert_allclose(weights[key], w, atol=6e-3)
    if y.dtype == np.int64:
        assert np.mean(predicted == plain.predict(X)) > 0.95
        assert score == pytest.approx(plain.score(X, y), abs=0.05)
    else:
        np.testing.assert_allclose(predicted, plain.predict(X), atol=1e-2)
        np.testing.assert_allclose(losses, getattr(plain, "loss_curve_", []), atol=1e-2)


@pytest.mark.parametrize("parties", [2, 3])
def test_the_forecast_is_the_run(parties):
    def program(session):
        model = fitted("batch norm", *shared(session, IMAGES, CODES))
        return [w.reveal() for w in model.weights_.values()]

    foreseen, run = mpcfl.forecast(program, parties), mpcfl.simulate(program, parties, seed=3)
    assert (foreseen.rounds, foreseen.bytes_sent) == (run.rounds, run.bytes_sent)


def test_the_schedule_of_messages_does_not_depend_on_the_data():
    def said(X, y):
        def program(session):
            model = fitted("batch norm", *shared(session, X, y))
            return model.predict_proba(session.share(X, 0, X.shape)).reveal()

        ledgers = mpcfl.simulate(program, seed=4).ledgers
        return [[(e.round, e.message, e.direction, e.shape, e.payload_bytes) for e in one.entries] for one in ledgers]

    usual = said(IMAGES, CODES)
    assert said(np.zeros_like(IMAGES), np.zeros_like(CODES) + 2) == usual
    assert said(np.full_like(IMAGES, 3.0), np.roll(CODES, 7)) == usual


def test_scikit_learn_knows_its_kind():
    assert is_classifier(Sequential([Dense(2)]))
    assert is_regressor(Sequential([Dense(2)], "mse"))
    assert repr(clone(Sequential([Dense(2)], epochs=3))) == f"Sequential(layers={[Dense(2)]}, epochs=3)"


def test_secret_weights_to_begin_with():
    base, _, _ = FITS["images"]
    start = fitted("images", IMAGES, CODES).weights_

    def program(session):
        rows, target = shared(session, IMAGES, CODES)
        weights = {key: session.share(w, 0) for key, w in start.items()}
        model = type(base)(**base.get_params()).fit(rows, target, weights=weights)
        return [w.reveal() for w in model.weights_.values()]

    plain = type(base)(**base.get_params()).fit(IMAGES, CODES, weights=start)
    for secret, w in zip(mpcfl.simulate(program, seed=5).results[0], plain.weights_.values(), strict=True):
        np.testing.assert_allclose(secret, w, atol=3e-3)


def test_codes_are_learnt_without_telling_which():
    """The label is whether the codes have the same last bit."""
    codes = RNG.integers(0, 4, (64, 2))
    labels = (codes.sum(axis=1) % 2).astype(np.int64)
    model = Sequential([Embedding(4, 3), Flatten(), Dense(1)], optimizer=SGD(0.5), epochs=1, batch_size=16)

    def program(session):
        fit = clone(model).fit(session.share(codes, 0), session.share(labels, 1))
        return [w.reveal() for w in fit.weights_.values()]

    plain = clone(model).fit(codes, labels)
    for secret, w in zip(mpcfl.simulate(program, seed=6).results[0], plain.weights_.values(), strict=True):
        np.testing.assert_allclose(secret, w, atol=2e-3)


def test_a_loaded_network_predicts_as_the_one_that_was_trained():
    for name, (base, X, y) in FITS.items():
        model = fitted(name, X, y)
        again = type(base)(**base.get_params()).load(model.weights_ | model.state_, X.shape[1:])
        np.testing.assert_array_equal(again.outputs(X), model.outputs(X))
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


# ---- cost

BY_HAND = {
    "mlp": ([Dense(128), ReLU(), Dense(128), ReLU(), Dense(10)], (784,)),
    "cnn": ([Conv2D(16, 5, stride=2, bias=False), ReLU(), AveragePool2D(2), Flatten(), Dense(10)], (1, 28, 28)),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_step_costs_no_more_than_one_written_by_hand(name):
    layers, shape = BY_HAND[name]
    workload, size = parse(name)
    hand = mpcfl.cost(lambda *arrays: workload.compute(size, *arrays), *(o.values.shape for o in workload.make(size)))
    network, optimizer = Chain(layers), SGD(0.1)
    weights, state = begin(network, shape, 10, 0, None)

    def one(x, y, *arrays):
        before = dict(zip(weights, arrays, strict=True))
        step(network, CrossEntropy(), optimizer, (before, state, optimizer.start(before)), x, y, 0, 1)

    ours = mpcfl.cost(one, (size[0], *shape), (size[0], 10), *(w.shape for w in weights.values()))
    assert ours.rounds <= hand.rounds
    assert ours.bytes_sent[0] <= hand.bytes_sent[0]
    assert ours.offline_bytes <= hand.offline_bytes


def test_images_are_opened_once_in_all_epochs():
    start = begin(Chain(IMAGE_LAYERS), IMAGES.shape[1:], CLASSES, 0, None)[0]

    def opened(epochs):
        def program(session):
            rows, target = shared(session, IMAGES, CODES)
            weights = {key: session.share(w, 0) for key, w in start.items()}
            return Sequential(IMAGE_LAYERS, epochs=epochs, batch_size=16).fit(rows, target, weights).weights_

        return mpcfl.forecast(program).bytes_sent[0]

    second, third = opened(2) - opened(1), opened(3) - opened(2)
    assert second == third <= opened(1) - 8 * IMAGES.size


# ------------------------------------------------------------------------------------------------------ what is refused


def test_what_does_not_fit_is_refused():
    model = Sequential([Dense(2)], epochs=1)
    with pytest.raises(InputError, match=r"last layer gives rows of shape \(2,\)"):
        model.fit(X, CODES)
    with pytest.raises(InputError, match="same number of rows"):
        Sequential([Dense(3)], epochs=1).fit(X, CODES[1:])
    with pytest.raises(InputError, match="loss must be"):
        Sequential([Dense(3)], "hinge").fit(X, CODES)
    with pytest.raises(InputError, match="take log_loss"):
        Sequential([Dense(3)], "binary_cross_entropy").fit(X, CODES)
    with pytest.raises(InputError, match="epochs must be"):
        Sequential([Dense(3)], epochs=0).fit(X, CODES)
    with pytest.raises(InputError, match="solver must be"):
        MLPClassifier(solver="lbfgs").fit(X, CODES)
    with pytest.raises(InputError, match="activation must be"):
        MLPClassifier(activation="step").fit(X, CODES)
    with pytest.raises(InputError, match="batch_size must be"):
        MLPClassifier(batch_size=0).fit(X, CODES)
    with pytest.raises(InputError, match="Only a classifier has probabilities"):
        Sequential([Dense(2)], "mse", epochs=1).fit(X, NUMBERS).predict_proba(X)
    fit = fitted("images", IMAGES, CODES)
    with pytest.raises(InputError, match="rows of shape"):
        fit.predict(IMAGES[:, :, 1:])
    with pytest.raises(InputError, match=r"'0.weight': the network has shape"):
        Sequential(IMAGE_LAYERS).load({**fit.weights_, "0.weight": np.ones(3)}, (1, 6, 6))
    with pytest.raises(InputError, match="given is None"):
        Sequential(IMAGE_LAYERS).load({"0.weight": fit.weights_["0.weight"]}, (1, 6, 6))
    with pytest.raises(InputError, match="of the last layer are missing"):
        MLPClassifier((4,)).load({}, 5)
    with pytest.raises(InputError, match="0 sample"):
        fit.predict(IMAGES[:0])
