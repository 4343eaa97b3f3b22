"""Every layer: against a plain loop or formula, its gradient against differences, and secret against plain."""

from __future__ import annotations

import numpy as np
import pytest

import mpcfl
from mpcfl import grad
from mpcfl.errors import InputError
from mpcfl.learn.neural import (
    GELU,
    AveragePool2D,
    BatchNorm,
    Chain,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    MaxPool2D,
    ReLU,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
)
from mpcfl.learn.neural.initial import LIMITS, drawn
from mpcfl.learn.schedule import public_draws

RNG = np.random.default_rng(3)
ROWS = RNG.normal(size=(6, 5))
IMAGES = RNG.normal(size=(3, 4, 6, 5))
CODES = RNG.integers(0, 7, (5, 3))

LAYERS = {
    "dense": (Dense(4), ROWS),
    "dense without bias": (Dense(4, bias=False, initial="he"), ROWS),
    "dense along the last axis": (Dense(3), RNG.normal(size=(2, 4, 5))),
    "relu": (ReLU(), ROWS),
    "gelu": (GELU(), ROWS),
    "gelu by tanh": (GELU("tanh"), ROWS),
    "sigmoid": (Sigmoid(), ROWS),
    "tanh": (Tanh(), ROWS),
    "softmax": (Softmax(), ROWS),
    "flatten": (Flatten(), IMAGES),
    "dropout": (Dropout(0.5), ROWS),
    "dropout of a third": (Dropout(1 / 3), ROWS),
    "embedding": (Embedding(7, 4), CODES),
    "convolution": (Conv2D(3, 3), IMAGES),
    "convolution with padding": (Conv2D(2, 3, padding=1), IMAGES),
    "convolution with stride": (Conv2D(2, (2, 3), stride=(2, 1), padding=(0, 1), bias=False), IMAGES),
    "convolution that leaves a border": (Conv2D(2, 2, stride=3), IMAGES),
    "convolution in groups": (Conv2D(6, 3, padding=1, groups=2), IMAGES),
    "convolution by channel": (Conv2D(4, 3, stride=2, groups=4), IMAGES),
    "max pool": (MaxPool2D((3, 5)), IMAGES),
    "max pool that overlaps": (MaxPool2D(3, stride=2, padding=1), IMAGES),
    "average pool": (AveragePool2D((2, 5)), IMAGES),
    "average pool that overlaps": (AveragePool2D(3, stride=2, padding=1), IMAGES),
    "batch norm of rows": (BatchNorm(), ROWS),
    "batch norm of images": (BatchNorm(momentum=0.3), IMAGES),
    "layer norm": (LayerNorm(), ROWS),
    "layer norm of the last axis": (LayerNorm(axes=1), IMAGES),
    "residual": (Residual([Dense(5), Tanh()]), ROWS),
    "residual with a shortcut": (Residual([Dense(3), BatchNorm()], [Dense(3, bias=False)]), ROWS),
}


def started(layer, x):
    """Weights away from their special values, and the state."""
    start = layer.start(x.shape[1:], public_draws(0))
    return {name: w + 0.1 * RNG.normal(size=w.shape) for name, w in start.weights.items()}, start.state, start.shape


def draws():
    return public_draws(5, 1)


@pytest.mark.parametrize("name", LAYERS)
def test_the_shape_is_foretold_and_the_weights_are_those_it_began_with(name):
    layer, x = LAYERS[name]
    weights, state, shape = started(layer, x)
    for source in (draws(), None):
        y, after = layer.apply(weights, state, x, source)
        assert y.shape == (x.shape[0], *shape)
        assert after.keys() <= state.keys()
        assert {key: value.shape for key, value in after.items()} == {key: state[key].shape for key in after}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_are_those_of_differences(name):
    layer, x = LAYERS[name]
    weights, state, _ = started(layer, x)
    by_input = x.dtype == np.float64
    probe = RNG.normal(size=layer.apply(weights, state, x, draws())[0].shape)

    def loss(arrays):
        return np.sum(layer.apply(arrays["weights"], state, arrays.get("x", x), draws())[0] * probe)

    at = {"weights": weights} | ({"x": x} if by_input else {})
    found = grad.grad(loss)(at)
    for kind, arrays in (("weights", weights), ("x", {"x": x} if by_input else {})):
        for key, array in arrays.items():
            analytic = found["weights"][key] if kind == "weights" else found["x"]
            for place in RNG.choice(array.size, min(array.size, 12), replace=False):
                index, ends = np.unravel_index(place, array.shape), []
                for side in (1e-6, -1e-6):
                    moved = array.copy()
                    moved[index] += side
                    changed = {**at, "weights": {**weights, key: moved}} if kind == "weights" else {**at, "x": moved}
                    ends.append(loss(changed))
                assert analytic[index] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-6), (key, index)


@pytest.mark.parametrize("name", LAYERS)
def test_on_secrets_as_on_plain_arrays(name):
    layer, x = LAYERS[name]
    weights, state, _ = started(layer, x)
    probe = RNG.normal(size=layer.apply(weights, state, x, draws())[0].shape)

    def program(x, weights, state):
        y, pull, after = grad.vjp(lambda w: layer.apply(w, state, x, draws()), weights, has_aux=True)
        used, _ = layer.apply(weights, state, x, None)
        return y, pull(probe)[0], after, used

    def on_secrets(session):
        def share(arrays):
            return {key: session.share(value, 1) for key, value in arrays.items()}

        y, gradients, after, used = program(session.share(x, 0), share(weights), share(state))
        return [value.reveal() for value in (y, *gradients.values(), *after.values(), used)]

    y, gradients, after, used = program(x, weights, state)
    results = mpcfl.simulate(on_secrets, seed=1).results[0]
    for secret, plain in zip(results, (y, *gradients.values(), *after.values(), used), strict=True):
        np.testing.assert_allclose(secret, plain, atol=4e-3)


def looped(x, kernels, bias, stride, padding, groups):
    """A convolution by its definition; kernels (channels, inputs / groups, height, width)."""
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    channels, inner, high, wide = kernels.shape
    rows, columns = (x.shape[2] - high) // stride[0] + 1, (x.shape[3] - wide) // stride[1] + 1
    y = np.zeros((len(x), channels, rows, columns))
    for o in range(channels):
        first = o // (channels // groups) * inner
        for i in range(rows):
            for j in range(columns):
                seen = x[:, first : first + inner, i * stride[0] :, j * stride[1] :][:, :, :high, :wide]
                y[:, o, i, j] = (seen * kernels[o]).sum(axis=(1, 2, 3)) + bias[o]
    return y


@pytest.mark.parametrize("stride", [(1, 1), (2, 3)])
@pytest.mark.parametrize("padding", [(0, 0), (2, 1)])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_convolution_is_its_definition(stride, padding, groups):
    layer = Conv2D(4, (3, 2), stride, padding, groups)
    weights, state, _ = started(layer, IMAGES)
    y, _ = layer.apply(weights, state, IMAGES, None)
    kernels = weights["weight"].swapaxes(1, 2).reshape(4, 4 // groups, 3, 2)
    np.testing.assert_allclose(y, looped(IMAGES, kernels, weights["bias"], stride, padding, groups), atol=1e-12)


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 1, 1), (2, 1, 0), ((2, 3), (1, 2), (1, 1))])
def test_pools_are_their_definitions(size, stride, padding):
    high, wide = (size, size) if isinstance(size, int) else size
    steps = (stride, stride) if isinstance(stride, int) else stride
    border = (padding, padding) if isinstance(padding, int) else padding
    for layer, edge, function in ((MaxPool2D, -np.inf, np.max), (AveragePool2D, 0.0, np.mean)):
        y, _ = layer(size, stride, padding).apply({}, {}, IMAGES, None)
        x = np.pad(IMAGES, ((0, 0), (0, 0), (border[0],) * 2, (border[1],) * 2), constant_values=edge)
        for i, j in np.ndindex(*y.shape[2:]):
            seen = x[:, :, i * steps[0] : i * steps[0] + high, j * steps[1] : j * steps[1] + wide]
            np.testing.assert_allclose(y[:, :, i, j], function(seen, axis=(2, 3)))


def test_batch_norm_moves_its_averages_and_uses_them():
    layer = BatchNorm(momentum=0.25, epsilon=1e-3)
    weights, state, _ = layer.start((4, 6, 5), draws())
    y, after = layer.apply(weights, state, IMAGES, draws())
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=(0, 2, 3)), 1, atol=2e-3)
    np.testing.assert_allclose(after["running_mean"], 0.25 * IMAGES.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(after["running_var"], 0.75 + 0.25 * IMAGES.var(axis=(0, 2, 3), ddof=1))
    used, unchanged = layer.apply(weights, after, IMAGES, None)
    mean, variance = (after[key].reshape(-1, 1, 1) for key in ("running_mean", "running_var"))
    np.testing.assert_allclose(used, (IMAGES - mean) / np.sqrt(variance + 1e-3))
    assert not unchanged


def test_dropout_leaves_out_public_places_and_keeps_the_mean():
    x = np.ones((400, 50))
    y, _ = Dropout(0.3).apply({}, {}, x, public_draws(2))
    again, _ = Dropout(0.3).apply({}, {}, x, public_draws(2))
    np.testing.assert_array_equal(y, again)
    assert set(np.unique(y)) == {0.0, 1 / 0.7}
    assert y.mean() == pytest.approx(1, abs=0.02)
    assert Dropout(0.3).apply({}, {}, x, None)[0] is x


def test_a_secret_code_is_looked_up_and_its_gradient_put_at_its_row():
    layer = Embedding(7, 4)
    weights, _, _ = started(layer, CODES)

    def program(session):
        table, codes = session.share(weights["weight"], 0), session.share(CODES, 1)
        y, pull = grad.vjp(lambda w: layer.apply(w, {}, codes, None)[0], {"weight": table})
        return y.reveal(), pull(np.ones(y.shape))[0]["weight"].reveal()

    y, gradient = mpcfl.simulate(program, seed=1).results[0]
    np.testing.assert_allclose(y, weights["weight"][CODES], atol=1e-5)
    np.testing.assert_allclose(gradient, np.bincount(CODES.ravel(), minlength=7)[:, None] * np.ones(4), atol=1e-4)


@pytest.mark.parametrize("name", LIMITS)
def test_initial_weights_fill_their_range(name):
    limit = LIMITS[name](30, 10)
    w = drawn(name, (300, 100), 30, 10, public_draws(1))
    assert np.abs(w).max() <= limit
    assert w.std() == pytest.approx(limit / np.sqrt(3), rel=0.02, abs=1e-9)
    np.testing.assert_array_equal(w, drawn(name, (300, 100), 30, 10, public_draws(1)))


@pytest.mark.parametrize(
    ("make", "shape", "said"),
    [
        (lambda: Dense(0), (3,), "units of Dense"),
        (lambda: Dense(2, initial="normal"), (3,), "no initialiser"),
        (lambda: Dense(2), (), "rows of numbers"),
        (lambda: Conv2D(3, 2, groups=2), (3, 4, 4), "groups of Conv2D"),
        (lambda: Conv2D(2, 2, groups=2), (3, 4, 4), "3 channels"),
        (lambda: Conv2D(2, (2, 2, 2)), (3, 4, 4), "a pair"),
        (lambda: Conv2D(2, 2, stride=0), (3, 4, 4), "stride of Conv2D"),
        (lambda: Conv2D(2, 5), (3, 4, 4), "does not fit"),
        (lambda: Conv2D(2, 2), (3,), "takes images"),
        (lambda: MaxPool2D(2, padding=2), (3, 4, 4), "at most half"),
        (lambda: Dropout(1.0), (3,), "rate of Dropout"),
        (lambda: BatchNorm(epsilon=0.0), (3,), "epsilon of BatchNorm"),
        (lambda: BatchNorm(momentum=2.0), (3,), "momentum of BatchNorm"),
        (lambda: BatchNorm(), (), "rows of numbers"),
        (lambda: LayerNorm(axes=2), (3,), "axes of LayerNorm"),
        (lambda: Residual([Dense(2)]), (3,), "shortcut"),
        (lambda: Chain([Dense]), (3,), "is no layer"),
        (lambda: Embedding(0, 2), (), "codes of Embedding"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(make, shape, said):
    with pytest.raises(InputError, match=said):
        make().start(shape, public_draws(0))


def test_gradient_of_a_convolution_is_truncated_by_pixel_and_not_by_patch():
    layer = Conv2D(8, 3, padding=1)
    weights = layer.start((8, 6, 6), public_draws(0)).weights

    def pulled(x, kernels, bias, g):
        return grad.vjp(lambda x, w: layer.apply(w, {}, x, None)[0], x, {"weight": kernels, "bias": bias})[1](g)

    x = (5, 8, 6, 6)
    found = mpcfl.cost(pulled, x, *(w.shape for w in weights.values()), x)
    words = 5 * 8 * 36
    # forward: x opened and a truncation; backward: g opened, and a truncation for x
    assert found.bytes_sent[0] <= 8 * (4 * words + 3 * weights["weight"].size)
